"""What can be made to go wrong in a rehearsal, as data: the parts of a scenario, and no effect of their own."""

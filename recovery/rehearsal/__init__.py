"""A local GitHub on which a failing workflow and its recovery are rehearsed, by `act` or by a script."""

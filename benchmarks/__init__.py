"""How fast it is, against a reference measured in the same rounds: ratios mean something, absolute times do not."""

"""Pure decisions: no clock, environment, network, disk or randomness."""

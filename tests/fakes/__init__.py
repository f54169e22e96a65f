"""Hand-written stand-ins for the ports, kept honest by the contract suites."""

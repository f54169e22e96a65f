"""The wiring: the only place where adapters meet ports, and one function per use case."""

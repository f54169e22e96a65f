"""Frozen records and closed sets: the facts everything else speaks in."""

"""When the water is high, told from one known high tide."""

from datetime import datetime, timedelta

PERIOD = timedelta(hours=12, minutes=25)


def next_high_tide(known: datetime, now: datetime) -> datetime:
    """The first high tide after `now`, given any other one."""
    passed = (now - known) // PERIOD
    return known + (passed + 1) * PERIOD

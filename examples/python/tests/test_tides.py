from datetime import UTC, datetime, timedelta

import pytest

from tides import PERIOD, next_high_tide

KNOWN = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("hours", [0, 5, 12, 100, -30])
def test_the_next_high_tide_is_less_than_a_period_away(hours: int) -> None:
    now = KNOWN + timedelta(hours=hours)

    assert timedelta(0) < next_high_tide(KNOWN, now) - now <= PERIOD


def test_tides_repeat() -> None:
    assert next_high_tide(KNOWN, KNOWN) == KNOWN + PERIOD

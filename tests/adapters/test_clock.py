"""The machine's clock: aware times, ids that sort in the order given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from ulid import ULID

from recovery.adapters.clock import SystemClock
from tests.builders import NOW
from tests.fakes.clock import FakeClock


def test_time_is_aware_and_in_utc() -> None:
    """It is the machine's time."""
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_ids_sort_in_the_order_given() -> None:
    """Thousands within one millisecond too."""
    clock = SystemClock()
    ids = [clock.new_id() for _ in range(5000)]

    assert ids == sorted(set(ids))


def test_ids_are_ulids_in_lower_case() -> None:
    """Their time is the time they were given."""
    fresh = SystemClock().new_id()

    assert fresh == fresh.lower()
    assert abs(datetime.now(UTC) - ULID.from_str(fresh.upper()).datetime) < timedelta(minutes=1)


def test_ids_given_to_threads_at_once_differ() -> None:
    """One clock serves all threads of a process."""
    clock = SystemClock()
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: clock.new_id(), range(2000)))

    expected = 2000
    assert expected == len(set(ids))


def test_chance_is_at_least_zero_and_less_than_one() -> None:
    """As the port says."""
    assert all(0 <= SystemClock().chance() < 1 for _ in range(100))


def test_negative_sleep_does_not_wait() -> None:
    """A moment that has passed already is no error."""
    SystemClock().sleep(-1)


def test_fake_clock_moves_only_when_told() -> None:
    """Sleeping passes time at once and is written down; ids count."""
    clock = FakeClock(chance=0.25)
    clock.sleep(1.5)
    clock.advance(2)

    expected = (NOW + timedelta(seconds=3.5), [1.5], 0.25, "id-00000001", "id-00000002")
    assert expected == (clock.now(), clock.sleeps, clock.chance(), clock.new_id(), clock.new_id())

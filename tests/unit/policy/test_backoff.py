"""How long to wait: exponential, jittered, and never less than what a server asked for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from recovery.models.records import PipelineFailure
from recovery.models.verdict import Evidence, FailureClass
from recovery.policy.backoff import LONGEST, RATE_LIMIT_BASE, delay_before_retry
from tests import builders as make

ALMOST_ONE = 1 - 2**-53


def limited(text: str = "429 Too Many Requests") -> PipelineFailure:
    """A failure by a rate limit, with this evidence."""
    evidence = (Evidence(line=1, text=text, rule="rate-limited"),)
    return make.make_failure(failure_class=FailureClass.RATE_LIMIT, evidence=evidence)


@pytest.mark.parametrize(
    ("attempt", "chance", "seconds"), [(1, 0.0, 0), (1, 0.5, 5), (2, 0.5, 10), (3, 0.5, 20), (3, 0.25, 10)]
)
def test_wait_doubles_and_is_drawn_from_zero(attempt: int, chance: float, seconds: float) -> None:
    """The ceiling is the base, doubled for each further attempt; chance picks a point below it."""
    assert seconds == delay_before_retry([make.make_failure()], attempt, 10, chance)


def test_ceiling_never_shrinks_and_ends() -> None:
    """Fifty attempts: the wait grows, and never beyond an hour."""
    waits = [delay_before_retry([make.make_failure()], attempt, 10, ALMOST_ONE) for attempt in range(1, 51)]
    assert all(one <= other for one, other in pairwise(waits))
    assert max(waits) <= LONGEST


def test_no_base_is_no_wait() -> None:
    """`retry-delay: 0` means at once."""
    assert 0 == delay_before_retry([make.make_failure()], 1, 0, ALMOST_ONE)


def test_rate_limit_waits_from_a_minute() -> None:
    """A rate limit has a higher base, which a larger setting outweighs."""
    assert [RATE_LIMIT_BASE / 2, 100] == [
        delay_before_retry([make.make_failure(), limited()], 1, base, 0.5) for base in (10, 200)
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("retry-after: 120", 120),
        ('"retry_after": 120', 120),
        ("Retry after 120 seconds", 120),
        ("retry-after=120", 120),
        ("{'Retry-After': '0'}", 0),
        ("Retry-After: 99999", LONGEST),
        ("Retry-After: 9999999", 0),
        ("Retry-After: -5", 0),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("retrying after a pause of 120", 0),
        ("please retry", 0),
    ],
)
def test_server_that_asks_to_wait_is_obeyed(text: str, seconds: float) -> None:
    """The number of seconds after `Retry-After` counts, in the spellings that logs show, up to an hour."""
    assert seconds == delay_before_retry([limited(text)], 1, 0, 0.0)


def test_longest_wait_asked_for_counts() -> None:
    """Of several demands the longest is kept, and chance cannot go below it."""
    failures = [limited("Retry-After: 30"), limited("Retry-After: 90")]
    assert [90, 120] == [delay_before_retry(failures, 1, 240, chance) for chance in (0.0, 0.5)]

"""What a re-run achieved, measured on the jobs that had failed."""

from __future__ import annotations

import pytest

from recovery.models.records import Outcome
from recovery.policy.outcome import measure
from tests import builders as make


@pytest.mark.parametrize(
    ("failed", "then", "outcome"),
    [
        (["a"], {"a": "success"}, Outcome.CLEARED),
        (["a", "b"], {"a": "success", "b": "success"}, Outcome.CLEARED),
        (["a"], {"a": "success", "b": "failure"}, Outcome.CLEARED),
        (["a"], {"a": "failure"}, Outcome.STILL_FAILING),
        (["a"], {"a": "timed_out"}, Outcome.STILL_FAILING),
        (["a", "b"], {"a": "success", "b": "failure"}, Outcome.STILL_FAILING),
        (["a", "b"], {"a": "cancelled", "b": "failure"}, Outcome.STILL_FAILING),
        (["a"], {"a": "cancelled"}, Outcome.UNKNOWN),
        (["a"], {"a": "skipped"}, Outcome.UNKNOWN),
        (["a"], {"a": None}, Outcome.UNKNOWN),
        (["a"], {}, Outcome.UNKNOWN),
        (["a"], {"b": "success"}, Outcome.UNKNOWN),
        (["a", "b"], {"a": "success"}, Outcome.UNKNOWN),
        ([], {"a": "success"}, Outcome.UNKNOWN),
    ],
)
def test_outcome(failed: list[str], then: dict[str, str | None], outcome: Outcome) -> None:
    """Cleared needs all to succeed, still failing one to fail; what is missing or cut short proves neither."""
    jobs = [make.make_job(name=name, conclusion=conclusion) for name, conclusion in then.items()]
    assert outcome == measure(failed, jobs)


def test_jobs_of_one_name_count_as_failed_when_one_of_them_did() -> None:
    """Two jobs with the same display name cannot be told apart: the one that failed counts, whatever its place."""
    passed, failed = make.make_job(name="a", conclusion="success"), make.make_job(id=2, name="a")
    assert [Outcome.STILL_FAILING] * 2 == [measure(["a"], [failed, passed]), measure(["a"], [passed, failed])]

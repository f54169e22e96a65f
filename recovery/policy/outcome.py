"""What a re-run achieved, measured on the next attempt's jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recovery.models.github import Job
from recovery.models.records import Outcome


def measure(failed_jobs: Sequence[str], next_attempt: Iterable[Job]) -> Outcome:
    """Compare the jobs that had failed with the same jobs of the next attempt.

    `cleared` needs every one of them to have succeeded; one that failed again is enough for `still-failing`; a job
    that is missing, was cancelled or was skipped proves neither.
    """
    found: dict[str, list[str | None]] = {}
    for job in next_attempt:
        found.setdefault(job.name, []).append(job.conclusion)
    # Two jobs may have one name: nothing tells which of them had failed, so that all of them count.
    conclusions = [conclusion for name in failed_jobs for conclusion in found.get(name, [None])]
    if any(conclusion in {"failure", "timed_out"} for conclusion in conclusions):
        return Outcome.STILL_FAILING
    if conclusions and all(conclusion == "success" for conclusion in conclusions):
        return Outcome.CLEARED
    return Outcome.UNKNOWN

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
    conclusion_of = {job.name: job.conclusion for job in next_attempt}
    conclusions = [conclusion_of.get(name) for name in failed_jobs]
    if any(conclusion in {"failure", "timed_out"} for conclusion in conclusions):
        return Outcome.STILL_FAILING
    if conclusions and all(conclusion == "success" for conclusion in conclusions):
        return Outcome.CLEARED
    return Outcome.UNKNOWN

"""What follows from jobs: which ones a re-run takes up, what a run comes to, what a script makes of a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from recovery.rehearsal.records import Job, ScriptedJob, Step

_WORST_FIRST = ("failure", "timed_out", "cancelled")


def with_dependents(chosen: Iterable[str], needs: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The chosen job keys and every job that needs one of them, directly or not."""
    keys = set(chosen)
    while more := {key for key, needed in needs.items() if key not in keys and keys.intersection(needed)}:
        keys |= more
    return frozenset(keys)


def overall_conclusion(jobs: Iterable[Job]) -> str:
    """A run's conclusion by its jobs': the worst one counts, and a run of only skipped jobs is skipped."""
    conclusions = {job.conclusion for job in jobs}
    for conclusion in _WORST_FIRST:
        if conclusion in conclusions:
            return conclusion
    return "skipped" if conclusions == {"skipped"} else "success"


def scripted(job: Job, script: ScriptedJob, at: datetime) -> Job:
    """The job as its script says, begun and ended at `at`."""
    pairs = script.steps
    if pairs is None:
        middle = script.conclusion or "success"
        pairs = (("Set up job", "success"), (f"Run {script.name}", middle), ("Complete job", "success"))
    if script.conclusion == "skipped":
        pairs = ()
    steps = tuple(
        Step(name=name, number=number, conclusion=conclusion, started_at=at, completed_at=at)
        for number, (name, conclusion) in enumerate(pairs, start=1)
    )
    done = script.status == "completed"
    return replace(
        job,
        status=script.status,
        conclusion=script.conclusion if done else None,
        steps=steps,
        log=script.log,
        started_at=at,
        completed_at=at if done else None,
    )

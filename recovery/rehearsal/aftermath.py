"""What an attempt came to, once `act` has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recovery.rehearsal.legs import Leg
from recovery.rehearsal.outcomes import overall_conclusion
from recovery.rehearsal.records import Job
from recovery.rehearsal.workflow import Document, jobs_of, tolerated_jobs


def observed(jobs: Sequence[Job], keys: frozenset[str], observations: Path) -> tuple[Job, ...]:
    """The jobs with the outputs that the hidden last job wrote down."""
    try:
        needs = json.loads(observations.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return tuple(jobs)
    found = []
    for job in jobs:
        seen = needs.get(job.key) if job.key in keys else None
        if isinstance(seen, dict):
            outputs = {name: str(value) for name, value in (seen.get("outputs") or {}).items()}
            found.append(replace(job, outputs=outputs))
        else:
            found.append(job)
    return tuple(found)


def folded(jobs: Sequence[Job], document: Document, legs: Mapping[str, Sequence[Leg]]) -> tuple[Job, ...]:
    """The jobs, where a matrix of which nothing ran is one job without values in its name, as on GitHub."""
    idle = {key for key in legs if legs[key] and all(job.conclusion is None for job in jobs if job.key == key)}
    found: dict[object, Job] = {}
    for job in jobs:
        if job.key in idle:
            name = str(jobs_of(document)[job.key].get("name") or job.key)
            found.setdefault(job.key, replace(job, name=name))
        else:
            found[job.id] = job
    return tuple(found.values())


def cancelled_after(jobs: Sequence[Job], since: datetime) -> tuple[Job, ...]:
    """The jobs of a cancelled run: what ended afterwards was cancelled, which `act` calls a failure."""
    return tuple(
        replace(job, conclusion="cancelled")
        if job.conclusion == "failure" and job.completed_at is not None and job.completed_at >= since
        else job
        for job in jobs
    )


def with_skips(jobs: Sequence[Job], at: datetime) -> tuple[Job, ...]:
    """The jobs, where those that did not run were skipped, also when others were cancelled by their time limit."""
    return tuple(
        job
        if job.conclusion
        else replace(job, status="completed", conclusion="skipped", started_at=at, completed_at=at)
        for job in jobs
    )


def conclusion_of(jobs: Sequence[Job], document: Document) -> str:
    """What the run came to; jobs that may fail do not count."""
    tolerated = tolerated_jobs(document)
    return overall_conclusion([replace(job, conclusion="success") if job.key in tolerated else job for job in jobs])

"""What a rehearsal tells people and programs when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from recovery.app.retelling import Retelling
from recovery.render.comment import visible_part
from recovery.render.dashboard import dashboard_lines
from recovery.render.lines import Line, table
from recovery.render.timeline import AttemptFact, timeline, timeline_of

if TYPE_CHECKING:
    from recovery.rehearsal.rehearsal import Rehearsal

_COMMIT = re.compile(r"@([0-9a-f]{7})[0-9a-f]{33}$")
_MARKS = {"success": "✓", "failure": "✗", "cancelled": "⊘", "skipped": "·"}


def document_of(rehearsal: Rehearsal, retelling: Retelling, found: Sequence[str], seconds: float) -> dict[str, Any]:
    """The whole rehearsal as one JSON document."""
    return {
        "scenario": rehearsal.scenario.name,
        "event": rehearsal.scenario.event,
        "seconds": round(seconds, 1),
        "runs": [_run(run) for run in sorted(rehearsal.world.runs.all(), key=lambda run: int(run.id))],
        "decisions": [document.model_dump(mode="json", by_alias=True) for document in retelling.documents],
        "comments": [comment.body for comment in rehearsal.world.pulls.comments()],
        "requests": len(rehearsal.world.requests),
        "stubbed": [asdict(note) for note in rehearsal.notes],
        "problems": list(found),
    }


def _run(run: Any) -> dict[str, Any]:
    return {
        "id": run.id,
        "workflow": run.workflow.name,
        "path": run.workflow.path,
        "event": run.event,
        "conclusion": run.latest.conclusion,
        "attempts": [
            {
                "attempt": attempt.number,
                "conclusion": attempt.conclusion,
                "jobs": [
                    {
                        "id": job.id,
                        "name": job.name,
                        "conclusion": job.conclusion,
                        "carried_over": job.carried_over,
                        "failed_step": next((step.name for step in job.steps if step.conclusion == "failure"), None),
                    }
                    for job in attempt.jobs
                ],
            }
            for attempt in run.attempts
        ],
    }


def report(rehearsal: Rehearsal, retelling: Retelling) -> Iterator[Line]:
    """What ran, what was not as on GitHub, what was decided, and what the pull request shows of it."""
    for run in _looked_after(rehearsal):
        yield from _heading(f"What ran: {run.workflow.name}")
        yield from (Line("info", text) for text in table(_jobs(run)))
    yield from _differences(rehearsal)
    yield from _heading("What happened")
    yield from timeline(timeline_of(retelling.documents, _attempts(rehearsal)))
    for comment in rehearsal.world.pulls.comments():
        yield from _heading("The pull request's comment")
        yield from (Line("info", f"  {line}") for line in visible_part(comment.body).splitlines())
    yield from _heading("The dashboard")
    yield from dashboard_lines(retelling.dashboard)


def _looked_after(rehearsal: Rehearsal) -> Iterator[Any]:
    """The runs in which recovery does not work, oldest first."""
    from recovery.rehearsal.workflow import is_recovery

    runs = sorted(rehearsal.world.runs.all(), key=lambda run: int(run.id))
    return (run for run in runs if not is_recovery(run))


def _jobs(run: Any) -> list[list[str]]:
    """A row for each job, a column for each attempt."""
    names = list(dict.fromkeys(job.name for attempt in run.attempts for job in attempt.jobs))
    rows = [["job", *(f"attempt {attempt.number}" for attempt in run.attempts)]]
    for name in names:
        cells = []
        for attempt in run.attempts:
            job = next((job for job in attempt.jobs if job.name == name), None)
            cells.append(_cell(job) if job else "")
        rows.append([name, *cells])
    return rows


def _cell(job: Any) -> str:
    if job.carried_over and job.conclusion != "skipped":
        return "(carried over)"
    step = next((step.name for step in job.steps if step.conclusion in {"failure", "cancelled"}), None)
    return f"{_MARKS.get(job.conclusion, '?')} {job.conclusion}" + (f" in “{step}”" if step else "")


def _differences(rehearsal: Rehearsal) -> Iterator[Line]:
    """What was replaced, left out or missing in the user's own workflows, each once."""
    paths = {run.workflow.path for run in _looked_after(rehearsal)}
    notes = [note for note in rehearsal.notes if note.workflow in paths]
    if notes:
        yield from _heading("What was not as on GitHub")
        rows = dict.fromkeys((_COMMIT.sub(r"@\1", note.what), note.why) for note in notes)
        yield from (Line("info", f"  {what}: {why}") for what, why in rows)


def _attempts(rehearsal: Rehearsal) -> Iterator[AttemptFact]:
    for run in rehearsal.world.runs.all():
        for attempt in run.attempts:
            if run.event not in {"workflow_run", "schedule"}:
                yield AttemptFact(
                    run_id=run.id,
                    attempt=attempt.number,
                    workflow=run.workflow.name,
                    conclusion=attempt.conclusion,
                    started=attempt.started_at,
                    completed=attempt.updated_at,
                )


def _heading(text: str) -> tuple[Line, ...]:
    return (Line("info", ""), Line("good", text), Line("good", "-" * len(text)))

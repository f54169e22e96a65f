"""What is noted down about a job while it runs, and the log like GitHub's that its lines become."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from recovery.rehearsal.records import Job, Step
from recovery.rehearsal.workflow import Document

POST_HEAD = "Post job cleanup."
CANCELED = "##[error]The operation was canceled."
_SHELLS = {"bash": "/usr/bin/bash --noprofile --norc -e -o pipefail {0}", "sh": "/usr/bin/sh -e {0}"}
StepId = tuple[str, ...]
TimedLine = tuple[datetime, str]


@dataclass(frozen=True)
class Fate:
    """What ended a job from outside: its time was up, or its runner was lost."""

    kind: Literal["overdue", "lost"]
    at: datetime
    message: str = ""


@dataclass
class StepNotes:
    """One step as it goes on."""

    name: str
    started_at: datetime
    completed_at: datetime | None = None
    conclusion: str | None = None
    head: list[str] = field(default_factory=list)
    # `act` sends what a step printed after the mark of its failure, at times: lines are kept by (nested) step.
    parts: dict[StepId, list[TimedLine]] = field(default_factory=dict)
    errors: list[TimedLine] = field(default_factory=list)


@dataclass
class JobNotes:
    """One job as it goes on; `written` is what the workflow file says about it."""

    record: Job
    written: Document
    started_at: datetime
    steps: dict[tuple[str, str], StepNotes] = field(default_factory=dict)
    conclusion: str | None = None
    completed_at: datetime | None = None
    fate: Fate | None = None

    def ended_in(self, step: StepNotes) -> bool:
        """Whether the job's fate struck in this step."""
        fate = self.fate
        if fate is None or step.conclusion == "success":
            return False
        return fate.kind == "lost" or step.completed_at is None or step.completed_at >= fate.at


def step_name(written: Document, shown: str) -> str:
    """A step's name as GitHub shows it: its own, else `Run` and the first line of what it runs.

    `shown` is what `act` prints, where expressions are evaluated and secrets masked.
    """
    first = (shown.splitlines() or [""])[0]
    return first if written.get("name") else f"Run {first}"


def planned_name(step: Document) -> str:
    """The name of a step that has not begun."""
    return step_name(step, str(step.get("name") or step.get("uses") or step.get("run") or ""))


def head_of(written: Document, shown: str) -> list[str]:
    """The folded block GitHub prints first: what is run, and with which shell."""
    if "uses" in written:
        return [f"##[group]Run {written['uses']}", "##[endgroup]"]
    script = str(written["run"]) if written.get("name") and "run" in written else shown
    lines = script.rstrip("\n").splitlines() or [""]
    asked = str(written.get("shell", "/usr/bin/bash -e {0}"))
    shell = _SHELLS.get(asked, asked if "{0}" in asked else f"{asked} {{0}}")
    coloured = [f"\x1b[36;1m{text}\x1b[0m" for text in lines]
    return [f"##[group]Run {lines[0]}", *coloured, f"shell: {shell}", "##[endgroup]"]


def steps_of(notes: JobNotes, now: datetime) -> tuple[Step, ...]:
    """The steps GitHub would list: those of `act`, with the written ones it skipped in between."""
    done = notes.conclusion is not None
    at = notes.completed_at or now
    lost = done and notes.fate is not None and notes.fate.kind == "lost"
    rows: list[tuple[str, str, datetime, datetime]] = [("Set up job", "success", notes.started_at, notes.started_at)]
    waiting: list[str] = []
    for position, plan in enumerate(notes.written.get("steps") or []):
        step = notes.steps.get(("Main", str(plan.get("id") or position)))
        if step is not None:
            rows.append((step.name, _conclusion(notes, step), step.started_at, step.completed_at or at))
        elif lost:
            waiting.append(planned_name(plan))
        elif done:
            rows.append((planned_name(plan), "skipped", at, at))
    for (stage, _), step in notes.steps.items():
        # `act` reports a post step for every composite action, GitHub only for those that do something.
        if stage == "Post" and not lost and any(step.parts.values()):
            rows.append((f"Post {step.name}", step.conclusion or "", step.started_at, step.completed_at or at))
    if done and not lost:
        rows.append(("Complete job", "success", at, at))
    begun = tuple(
        Step(
            name=name,
            number=number,
            status="completed" if conclusion else "in_progress",
            conclusion=conclusion or None,
            started_at=started,
            completed_at=ended if conclusion else None,
        )
        for number, (name, conclusion, started, ended) in enumerate(rows, start=1)
    )
    first = len(begun) + 1
    return begun + tuple(
        Step(name=name, number=number, status="queued", conclusion=None)
        for number, name in enumerate(waiting, start=first)
    )


def _conclusion(notes: JobNotes, step: StepNotes) -> str:
    if notes.fate is not None and notes.ended_in(step):
        return "" if notes.fate.kind == "lost" or step.conclusion is None else "cancelled"
    return step.conclusion or ""


def log_of(notes: JobNotes) -> str:
    """The job's log with GitHub's marks: an imitation, stamped when the lines arrived, never backwards."""
    lines = [
        (notes.started_at, text)
        for text in (
            "Current runner version: '2.336.0'",
            "##[group]Operating System",
            "Rehearsal on this machine",
            "##[endgroup]",
            "Prepare workflow directory",
            f"Complete job name: {notes.record.name}",
        )
    ]
    fate = notes.fate
    for step in notes.steps.values():
        if step.head[0] == POST_HEAD and not any(step.parts.values()):
            continue
        lines += [(step.started_at, text) for text in step.head]
        lines += [entry for part in step.parts.values() for entry in part]
        if fate is None or not notes.ended_in(step):
            lines += step.errors
        elif fate.kind == "overdue":
            lines.append((fate.at, CANCELED))
    if notes.completed_at and (fate is None or fate.kind != "lost"):
        lines += [(notes.completed_at, f"##[error]{fate.message}")] if fate is not None else []
        lines.append((notes.completed_at, "Cleaning up orphan processes"))
    latest = itertools.accumulate((at for at, _ in lines), max)
    return "".join(f"{stamp(at)} {text}\n" for at, (_, text) in zip(latest, lines, strict=True))


def stamp(at: datetime) -> str:
    """The seven-digit UTC stamp in front of every line of a GitHub log."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def written_step(job: Mapping[str, object], step_id: str) -> Document:
    """The step of a job that `act` calls by its id, or by its position where it has none."""
    steps = job.get("steps")
    for position, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and str(step.get("id") or position) == step_id:
            return step
    return {}

"""What `act` says about a run, line by line, turned into job records and logs like GitHub's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from recovery.rehearsal.records import Job, Step
from recovery.rehearsal.workflow import OBSERVER, Document, jobs_of

_EXIT_STATUS = re.compile(r"exit(?: status|code) '?(\d+)'?")
_STAGE_WORDS = re.compile(r"^⭐ Run (?:Main|Pre|Post) ")
_POST_HEAD = "Post job cleanup."
_MATRIX_EXPRESSION = re.compile(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}")
_COMMANDS = {
    "error": "##[error]",
    "warning": "##[warning]",
    "notice": "##[notice]",
    "group": "##[group]",
    "endgroup": "##[endgroup]",
    "debug": "##[debug]",
}

_Line = tuple[datetime, str]


@dataclass
class _StepNotes:
    name: str
    started_at: datetime
    completed_at: datetime | None = None
    conclusion: str | None = None
    head: list[str] = field(default_factory=list)
    # `act` sends what a step printed after the mark of its failure, at times: lines are kept by (nested) step.
    parts: dict[tuple[str, ...], list[_Line]] = field(default_factory=dict)
    errors: list[_Line] = field(default_factory=list)


@dataclass
class _JobNotes:
    record: Job
    started_at: datetime
    steps: dict[tuple[str, str], _StepNotes] = field(default_factory=dict)
    conclusion: str | None = None
    completed_at: datetime | None = None


class Transcript:
    """Collects one attempt's lines; `next_id` gives ids to matrix legs, which are known only when they start."""

    def __init__(
        self,
        document: Document,
        jobs: Sequence[Job],
        keys: frozenset[str],
        now: Callable[[], datetime],
        next_id: Callable[[], int],
    ) -> None:
        self._document = document
        self._waiting = [job for job in jobs if job.key in keys]
        self._order = [job.id for job in jobs]
        self._others = {job.id: job for job in jobs}
        self._keys = keys
        self._now = now
        self._next_id = next_id
        self._notes: dict[str, _JobNotes] = {}

    def read(self, line: Mapping[str, Any]) -> bool:
        """Take one line in; true when a job started or ended."""
        key = line.get("jobID")
        if key is None or key == OBSERVER or key not in self._keys:
            return False
        leg = f"{line.get('job')}{line.get('matrix') or ''}"
        started = leg not in self._notes
        if started:
            self._notes[leg] = self._start(str(key), line.get("matrix") or {})
        notes = self._notes[leg]
        if "jobResult" in line:
            notes.conclusion, notes.completed_at = _verdict(notes, str(line["jobResult"]), line), self._now()
            return True
        if line.get("stepID"):
            self._read_step(notes, line)
        return started

    def _start(self, key: str, matrix: Mapping[str, Any]) -> _JobNotes:
        name = leg_name(jobs_of(self._document).get(key, {}), key, matrix)
        mine = [job for job in self._waiting if job.key == key]
        record = next((job for job in mine if job.name == name), mine[0] if mine else None)
        if record is None:
            sibling = next(job for job in self._others.values() if job.key == key)
            record = replace(sibling, id=self._next_id(), status="queued", steps=(), log="")
            last = max(index for index, job_id in enumerate(self._order) if self._others[job_id].key == key)
            self._order.insert(last + 1, record.id)
        else:
            self._waiting.remove(record)
        self._others[record.id] = record
        return _JobNotes(record=replace(record, name=name), started_at=self._now())

    def _read_step(self, notes: _JobNotes, line: Mapping[str, Any]) -> None:
        ids = tuple(str(part) for part in line["stepID"])
        stage = str(line.get("stage", "Main"))
        message = str(line.get("msg", ""))
        if stage == "Pre":
            return
        step = notes.steps.get((stage, ids[0]))
        if step is None:
            written = _written_step(self._document, notes.record.key, ids[0])
            shown = _STAGE_WORDS.sub("", message) if message.startswith("⭐") else str(line.get("step", ""))
            step = notes.steps[stage, ids[0]] = _StepNotes(step_name(written, shown), self._now())
            step.head = [_POST_HEAD] if stage == "Post" else _head(written, shown)
        self._read_output(step, ids, message, line)
        if "stepResult" in line and len(ids) == 1:
            written = _written_step(self._document, notes.record.key, ids[0])
            tolerated = written.get("continue-on-error") is True
            step.conclusion = "success" if tolerated else str(line["stepResult"])
            step.completed_at = self._now()

    def _read_output(self, step: _StepNotes, ids: tuple[str, ...], message: str, line: Mapping[str, Any]) -> None:
        part = step.parts.setdefault(ids, [])
        if line.get("raw_output"):
            part.append((self._now(), message.rstrip("\r\n")))
        elif line.get("command") in _COMMANDS:
            part.append((self._now(), _COMMANDS[str(line["command"])] + str(line.get("arg") or "")))
        elif len(ids) > 1 and message.startswith("⭐") and line.get("stage") != "Post":
            first = _STAGE_WORDS.sub("", message).split("\n", 1)[0]
            part += [(self._now(), f"##[group]Run {first}"), (self._now(), "##[endgroup]")]
        elif line.get("level") == "error" and (found := _EXIT_STATUS.search(message)):
            error = f"##[error]Process completed with exit code {found[1]}."
            if error not in (text for _, text in step.errors):
                step.errors.append((self._now(), error))

    def records(self) -> tuple[Job, ...]:
        """All jobs of the attempt as they stand."""
        found = dict(self._others)
        for notes in self._notes.values():
            found[notes.record.id] = self._record(notes)
        return tuple(found[job_id] for job_id in self._order)

    def _record(self, notes: _JobNotes) -> Job:
        done = notes.conclusion is not None
        return replace(
            notes.record,
            status="completed" if done else "in_progress",
            conclusion=notes.conclusion,
            steps=self._steps(notes, done=done),
            log=_rendered(notes),
            started_at=notes.started_at,
            completed_at=notes.completed_at,
        )

    def _steps(self, notes: _JobNotes, *, done: bool) -> tuple[Step, ...]:
        """The steps GitHub would list: those of `act`, with the written ones it skipped in between."""
        at = notes.completed_at or self._now()
        rows = [("Set up job", "success", notes.started_at, notes.started_at)]
        written = jobs_of(self._document).get(notes.record.key, {}).get("steps") or []
        for position, plan in enumerate(written):
            step_id = str(plan.get("id") or position)
            step = notes.steps.get(("Main", step_id))
            if step is not None:
                rows.append((step.name, step.conclusion or "", step.started_at, step.completed_at or at))
            elif done:
                rows.append((_planned_name(plan), "skipped", at, at))
        for (stage, _), step in notes.steps.items():
            # `act` reports a post step for every composite action, GitHub only for those that do something.
            if stage == "Post" and any(step.parts.values()):
                rows.append((f"Post {step.name}", step.conclusion or "", step.started_at, step.completed_at or at))
        if done:
            rows.append(("Complete job", "success", at, at))
        return tuple(
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


def _verdict(notes: _JobNotes, told: str, line: Mapping[str, Any]) -> str:
    """A job's conclusion; of a matrix `act` tells every leg the whole matrix's, so that a leg's steps decide."""
    if not line.get("matrix") or told not in ("success", "failure"):
        return told
    failed = any(step.conclusion == "failure" for (stage, _), step in notes.steps.items() if stage == "Main")
    return "failure" if failed else "success"


def step_name(written: Document, shown: str) -> str:
    """A step's name as GitHub shows it: its own, else `Run` and the first line of what it runs.

    `shown` is what `act` prints, where expressions are evaluated and secrets masked.
    """
    first = (shown.splitlines() or [""])[0]
    return first if written.get("name") else f"Run {first}"


def _head(written: Document, shown: str) -> list[str]:
    """The folded block GitHub prints first: what is run, and with which shell."""
    if "uses" in written:
        return [f"##[group]Run {written['uses']}", "##[endgroup]"]
    script = str(written["run"]) if written.get("name") and "run" in written else shown
    lines = script.rstrip("\n").splitlines() or [""]
    shell = str(written.get("shell", "/usr/bin/bash -e {0}"))
    coloured = [f"\x1b[36;1m{text}\x1b[0m" for text in lines]
    return [f"##[group]Run {lines[0]}", *coloured, f"shell: {shell}", "##[endgroup]"]


def leg_name(job: Document, key: str, matrix: Mapping[str, Any]) -> str:
    """A job's name; a matrix leg's has its values, either where the name asks for them or in brackets."""
    name = str(job.get("name") or key)
    if not matrix:
        return name
    if _MATRIX_EXPRESSION.search(name):
        return _MATRIX_EXPRESSION.sub(lambda found: str(matrix.get(found[1], "")), name)
    return f"{name} ({', '.join(str(value) for value in matrix.values())})"


def _written_step(document: Document, key: str, step_id: str) -> Document:
    steps = jobs_of(document).get(key, {}).get("steps") or []
    for position, step in enumerate(steps):
        if isinstance(step, dict) and str(step.get("id") or position) == step_id:
            return step
    return {}


def _planned_name(step: Document) -> str:
    return step_name(step, str(step.get("name") or step.get("uses") or step.get("run") or ""))


def _rendered(notes: _JobNotes) -> str:
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
    for step in notes.steps.values():
        if step.head[0] == _POST_HEAD and not any(step.parts.values()):
            continue
        lines += [(step.started_at, text) for text in step.head]
        lines += [entry for part in (*step.parts.values(), step.errors) for entry in part]
    if notes.completed_at:
        lines.append((notes.completed_at, "Cleaning up orphan processes"))
    latest = itertools.accumulate((at for at, _ in lines), max)
    return "".join(f"{stamp(at)} {text}\n" for at, (_, text) in zip(latest, lines, strict=True))


def stamp(at: datetime) -> str:
    """The seven-digit UTC stamp in front of every line of a GitHub log."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"

"""What `act` says about a run, line by line, turned into job records and logs like GitHub's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from recovery.rehearsal.joblog import (
    POST_HEAD,
    Fate,
    JobNotes,
    StepId,
    StepNotes,
    head_of,
    log_of,
    step_name,
    steps_of,
    written_step,
)
from recovery.rehearsal.legs import Leg, leg_name
from recovery.rehearsal.records import Job
from recovery.rehearsal.workflow import CALLER_PREFIX, OBSERVER, Document, jobs_of

_EXIT_STATUS = re.compile(r"exit(?: status|code) '?(\d+)'?")
_STAGE_WORDS = re.compile(r"^⭐ Run (?:Main|Pre|Post) ")
_COMMANDS = {
    "error": "##[error]",
    "warning": "##[warning]",
    "notice": "##[notice]",
    "group": "##[group]",
    "endgroup": "##[endgroup]",
    "debug": "##[debug]",
}


class Transcript:
    """Collects one attempt's lines.

    `next_id` gives ids to jobs that are known only when they start: matrix legs computed at run time, and jobs of
    called workflows, whose documents are `callees` by the calling job's key. Jobs of `doomed` keys lose their runner.
    """

    def __init__(
        self,
        document: Document,
        jobs: Sequence[Job],
        keys: frozenset[str],
        now: Callable[[], datetime],
        next_id: Callable[[], int],
        *,
        callees: Mapping[str, Document] | None = None,
        legs: Mapping[str, Sequence[Leg]] | None = None,
        doomed: frozenset[str] = frozenset(),
    ) -> None:
        self._document = document
        self._callees = callees or {}
        self._legs = legs or {}
        self._doomed = doomed
        self._waiting = [job for job in jobs if job.key in keys and job.status != "completed"]
        self._order = [job.id for job in jobs]
        self._others = {job.id: job for job in jobs}
        self._keys = keys
        self._now = now
        self._next_id = next_id
        self._notes: dict[str, JobNotes] = {}

    def read(self, line: Mapping[str, Any]) -> bool:
        """Take one line in; true when a job started or ended."""
        if line.get("jobID") is None or line["jobID"] == OBSERVER:
            return False
        key, written, prefix = self._whereabouts(line)
        if key not in self._keys:
            return False
        leg = f"{line.get('job')}{line.get('matrix') or ''}"
        started = leg not in self._notes
        if started:
            self._notes[leg] = self._start(key, written, prefix, line)
        notes = self._notes[leg]
        if "jobResult" in line:
            notes.conclusion, notes.completed_at = _verdict(notes, str(line["jobResult"]), line), self._now()
            if key in self._doomed and notes.conclusion == "failure":
                notes.fate = Fate("lost", notes.completed_at)
            return True
        if line.get("stepID"):
            self._read_step(notes, line)
        return started

    def _whereabouts(self, line: Mapping[str, Any]) -> tuple[str, Document, str]:
        """The key of the workflow's own job a line belongs to, what is written about the job, and its name's start."""
        job_id, place = str(line["jobID"]), str(line.get("job", ""))
        for caller, callee in self._callees.items():
            if place.startswith(f"{CALLER_PREFIX}{caller}/"):
                name = str(jobs_of(self._document).get(caller, {}).get("name") or caller)
                return caller, jobs_of(callee).get(job_id, {}), f"{name} / "
        return job_id, jobs_of(self._document).get(job_id, {}), ""

    def _start(self, key: str, written: Document, prefix: str, line: Mapping[str, Any]) -> JobNotes:
        matrix = line.get("matrix") or {}
        known = next((leg.name for leg in self._legs.get(key, ()) if leg.values == matrix), None)
        name = prefix + (known or leg_name(written, str(line["jobID"]), matrix))
        mine = [job for job in self._waiting if job.key == key]
        record = next((job for job in mine if job.name == name), mine[0] if mine else None)
        if record is None:
            sibling = next(job for job in self._others.values() if job.key == key)
            record = replace(sibling, id=self._next_id(), status="queued", steps=(), log="", carried_over=False)
            last = max(index for index, job_id in enumerate(self._order) if self._others[job_id].key == key)
            self._order.insert(last + 1, record.id)
        else:
            self._waiting.remove(record)
        self._others[record.id] = record
        return JobNotes(record=replace(record, name=name), written=written, started_at=self._now())

    def _read_step(self, notes: JobNotes, line: Mapping[str, Any]) -> None:
        ids = tuple(str(part) for part in line["stepID"])
        stage = str(line.get("stage", "Main"))
        message = str(line.get("msg", ""))
        if stage == "Pre":
            return
        written = written_step(notes.written, ids[0])
        step = notes.steps.get((stage, ids[0]))
        if step is None:
            shown = _STAGE_WORDS.sub("", message) if message.startswith("⭐") else str(line.get("step", ""))
            step = notes.steps[stage, ids[0]] = StepNotes(step_name(written, shown), self._now())
            step.head = [POST_HEAD] if stage == "Post" else head_of(written, shown)
        self._read_output(step, ids, message, line)
        if "stepResult" in line and len(ids) == 1:
            tolerated = written.get("continue-on-error") is True
            step.conclusion = "success" if tolerated else str(line["stepResult"])
            step.completed_at = self._now()

    def _read_output(self, step: StepNotes, ids: StepId, message: str, line: Mapping[str, Any]) -> None:
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

    def expire(self, job_id: int, message: str) -> None:
        """A job's time is up: it ends as cancelled, whatever `act` makes of the processes that are ended."""
        for notes in list(self._notes.values()):
            if notes.record.id == job_id and notes.fate is None:
                notes.fate = Fate("overdue", self._now(), message)

    def lose(self) -> None:
        """The runner is gone: whatever was going on has failed, though none of its steps did."""
        for notes in self._notes.values():
            if notes.conclusion is None:
                notes.fate = Fate("lost", self._now())
                notes.conclusion, notes.completed_at = "failure", notes.fate.at

    def has_failed_step(self, job_id: int) -> bool:
        """Whether a step of a job has failed, so that only its cleaning up goes on."""
        return any(
            step.conclusion == "failure"
            for notes in list(self._notes.values())
            if notes.record.id == job_id
            for step in list(notes.steps.values())
        )

    def records(self) -> tuple[Job, ...]:
        """All jobs of the attempt as they stand."""
        found = dict(self._others)
        for notes in self._notes.values():
            found[notes.record.id] = self._record(notes)
        return tuple(found[job_id] for job_id in self._order)

    def _record(self, notes: JobNotes) -> Job:
        overdue = notes.fate is not None and notes.fate.kind == "overdue"
        return replace(
            notes.record,
            status="in_progress" if notes.conclusion is None else "completed",
            conclusion="cancelled" if overdue and notes.conclusion is not None else notes.conclusion,
            steps=steps_of(notes, self._now()),
            log=log_of(notes),
            started_at=notes.started_at,
            completed_at=notes.completed_at,
        )


def _verdict(notes: JobNotes, told: str, line: Mapping[str, Any]) -> str:
    """A job's conclusion; of a matrix `act` tells every leg the whole matrix's, so that a leg's steps decide."""
    if not line.get("matrix") or told not in ("success", "failure"):
        return told
    failed = any(step.conclusion == "failure" for (stage, _), step in notes.steps.items() if stage == "Main")
    return "failure" if failed else "success"

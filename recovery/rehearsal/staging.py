"""The workflow file of one attempt: as written, but for what the attempt, the failures and this machine ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recovery.rehearsal.adaptation import Note, adapt, callees_of, is_foreign
from recovery.rehearsal.injection import Injection, inject, struck
from recovery.rehearsal.legs import Leg, choice_of, legs_of, only_legs
from recovery.rehearsal.records import ACTIONS_BOT, Job, Run
from recovery.rehearsal.workflow import Document, jobs_of, rewrite


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one attempt needs to be run and to be understood."""

    document: Document
    text: str
    records: tuple[Job, ...]
    legs: Mapping[str, tuple[Leg, ...]]
    callees: Mapping[str, Document]
    notes: tuple[Note, ...]
    injections: tuple[Injection, ...]

    def doomed(self, kind: str) -> frozenset[str]:
        """The keys of the jobs that a failure of this kind strikes."""
        return frozenset(entry.key for entry in self.injections if entry.kind == kind)


@dataclass(frozen=True, kw_only=True)
class Stager:
    """Prepares the attempts of a rehearsal; `next_id` gives matrix legs their REST ids."""

    injections: Sequence[Injection]
    next_id: Callable[[], int]

    def stage(
        self, run: Run, attempt: int, keys: frozenset[str], *, document: Document, tree: Path, folder: Path
    ) -> Stage:
        """The stage of one attempt, whose file is to be written to `folder`."""
        legs = {key: legs_of(job, key) for key, job in jobs_of(document).items()}
        records = self._with_legs(run, attempt, keys, document, legs)
        adapted, notes = adapt(document, run.workflow.path, tree)
        callees = callees_of(document, tree)
        injections = tuple(struck(self.injections, run.workflow.path, attempt))
        leg_ids = {(job.key, job.name): job.id for job in records}
        prepared = inject(adapted, injections, leg_ids, folder)
        prepared = {**prepared, "jobs": _reduced(prepared, legs, records, keys)}
        return Stage(
            document=document,
            text=rewrite(prepared, records, keys, folder / "observations.json"),
            records=records,
            legs=legs,
            callees=callees,
            notes=tuple(notes),
            injections=injections,
        )

    def _with_legs(
        self, run: Run, attempt: int, keys: frozenset[str], document: Document, legs: Mapping[str, Sequence[Leg]]
    ) -> tuple[Job, ...]:
        """The attempt's records, one for each leg; legs that passed stay as they were where a part is re-run."""
        found = run.attempt(attempt)
        records = found.jobs if found else ()
        passed = _passed(run, attempt, keys)
        jobs = jobs_of(document)
        result: list[Job] = []
        known: set[str] = set()
        for record in records:
            names = [leg.name for leg in legs.get(record.key, ())]
            if record.key not in keys or not names:
                result.append(record)
            elif record.name in names:
                before = passed.get((record.key, record.name))
                result.append(_carried(record, before) if before and not record.carried_over else record)
            elif record.key not in known:
                ids = [record.id, *(self.next_id() for _ in names[1:])]
                result += [replace(record, name=name, id=own) for name, own in zip(names, ids, strict=True)]
            known.add(record.key)
        foreign = {(key, leg.name) for key in legs for leg in legs[key] if is_foreign(jobs[key], leg)}
        return tuple(_skipped(record) if (record.key, record.name) in foreign else record for record in result)


def _passed(run: Run, attempt: int, keys: frozenset[str]) -> dict[tuple[str, str], Job]:
    """Legs that passed in the attempt before and need nothing that runs again; none when everything is re-run.

    What runs again is known by the keys of jobs only. Where these are all, a person is taken to have asked for
    everything, and a workflow for the failed jobs.
    """
    before, now = run.attempt(attempt - 1), run.attempt(attempt)
    if before is None or now is None:
        return {}
    if keys >= {job.key for job in before.jobs} and now.triggering_actor != ACTIONS_BOT:
        return {}
    return {
        (job.key, job.name): job
        for job in before.jobs
        if job.conclusion in {"success", "skipped"} and job.steps and not keys.intersection(job.needs)
    }


def _carried(record: Job, before: Job) -> Job:
    return replace(before, id=record.id, attempt=record.attempt, carried_over=True)


def _skipped(record: Job) -> Job:
    return replace(record, status="completed", conclusion="skipped")


def _reduced(
    document: Document, legs: Mapping[str, Sequence[Leg]], records: Sequence[Job], keys: frozenset[str]
) -> Document:
    """The jobs, each matrix with only the legs that run in this attempt, which know their REST ids."""
    jobs = jobs_of(document)
    for key in keys & jobs.keys():
        by_name = {leg.name: leg for leg in legs.get(key, ())}
        running = {job.id: by_name[job.name] for job in records if _runs_as(job, key, by_name)}
        if not running:
            continue
        job = jobs[key] if len(running) == len(by_name) else only_legs(jobs[key], tuple(running.values()))
        choice = choice_of(running)
        env = job.get("env") or {}
        if choice and isinstance(env, dict):
            job = {**job, "env": {"RECOVERY_CHECK_RUN_ID": choice, **env}}
        jobs[key] = job
    return jobs


def _runs_as(job: Job, key: str, legs: Mapping[str, Leg]) -> bool:
    return job.key == key and job.name in legs and job.status != "completed"

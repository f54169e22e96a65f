"""Which checkpoint a job continues from: what the recovery plan names, or else what its earlier attempts left."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from recovery.models.checkpoint import ArtifactName, Particulars, parse_artifact_name
from recovery.models.decision import DecisionKind, JobCheckpoint, ReasonId, RecoveryPlan
from recovery.models.events import Event, RecoveryDecided
from recovery.models.github import Artifact, Job
from recovery.models.record import Record
from recovery.models.records import RecoveryType
from recovery.policy.namesakes import names_of_key, rivals

FIRST_ATTEMPT = "first attempt: nothing to continue from"
FULL_RERUN = (
    "if all jobs were re-run: GitHub shows such an attempt nothing of the earlier ones; use `Re-run failed jobs`"
)
BY_HAND = "download the artifact from the page of the run that made it, and pass its zip to `recovery restore`"

MOST_LOOKED_INTO = 10
"""Manifests that are read where the runner does not tell which job this is."""

_CHECKPOINT_ID = re.compile(r"ckpt-([0-7][0-9a-hjkmnp-tv-z]{25})")
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 10


class OwnJob(Record):
    """The job that wants to continue."""

    run_id: int
    attempt: int = Field(ge=1)
    job_id: int = 0
    """GitHub's id of the job in this attempt; 0 where the runner does not tell it."""
    job: str = ""
    """Its key in the workflow."""
    matrix: dict[str, Any] = Field(default_factory=dict)


class Candidate(Record):
    """An artifact that may hold the checkpoint to continue from."""

    artifact: Artifact
    name: ArtifactName
    why: str
    """What speaks for it, for people."""
    is_certain: bool
    """Whether it is known to be the one before its manifest is read."""
    checkpoint_id: str = ""
    """The checkpoint that it must hold; empty for whichever it holds."""
    recorded_digest: str = ""
    """What its digest was when recovery looked at it; empty when it did not."""


class Continuation(Record):
    """What a job may continue from, the best first, or why there is nothing."""

    candidates: tuple[Candidate, ...] = ()
    miss: str = ""
    hint: str = ""


def made_at(checkpoint_id: str) -> datetime | None:
    """When an id was given, which is written in it; None when it is no id of a checkpoint."""
    match = _CHECKPOINT_ID.fullmatch(checkpoint_id)
    if match is None:
        return None
    milliseconds = 0
    for digit in match.group(1)[:_TIME_DIGITS]:
        milliseconds = milliseconds * len(_DIGITS) + _DIGITS.index(digit)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # thousands of years ahead
        return None


def plan_among(events: Iterable[Event], repository: str, run_id: int, attempt: int) -> RecoveryPlan | None:
    """The plan to act on an attempt that these events tell of; None when they tell of none."""
    plans = [
        event.plan
        for event in events
        if isinstance(event, RecoveryDecided)
        and event.plan.header.repository.casefold() == repository.casefold()
        and (event.plan.header.run_id, event.plan.header.attempt) == (run_id, attempt)
        and event.plan.decision.kind is DecisionKind.ACT
    ]
    return plans[-1] if plans else None


def why_not_resumed(plan: RecoveryPlan) -> str | None:
    """Why a plan has its jobs start from the start; None when it has them continue, or has no word on checkpoints.

    It has none where recovery found no checkpoint, did not look for any, or could not.
    """
    strategy = plan.decision.strategy
    reasons = {reason.id: reason for reason in plan.decision.reasons}
    rejected = reasons.get(ReasonId.CHECKPOINT_REJECTED)
    # Who asked for `resume` where recovery found nothing to continue from got a retry, and did not ask for that.
    wants_the_start = ReasonId.REQUESTED in reasons and rejected is None
    has_no_word = strategy is RecoveryType.RETRY and not plan.checkpoints and not wants_the_start
    if strategy is RecoveryType.RESUME or has_no_word:
        return None
    return f"recovery {plan.header.id} chose a plain {strategy}: {(rejected or plan.decision.reasons[0]).text}"


def asked_for(checkpoint_id: str, artifacts: Iterable[Artifact], *, newest: int | None = None) -> Continuation:
    """The artifacts whose names fit a checkpoint that a person or workflow asked for.

    `newest` says how many were listed, where there may be older ones that were not.
    """
    fitting = [
        (artifact, name)
        for artifact, name in _checkpoints(artifacts)
        if name.names(checkpoint_id) and name.run_id == artifact.run_id
    ]
    if not fitting and newest is not None:
        reason = (
            f"{checkpoint_id} is not among the newest {newest} artifacts of this repository; older ones were not read"
        )
        return Continuation(miss=reason, hint=BY_HAND)
    if not fitting:
        return Continuation(miss=f"no artifact of this repository that GitHub still shows holds {checkpoint_id}")
    return Continuation(
        candidates=tuple(
            Candidate(
                artifact=artifact,
                name=name,
                why="asked for by `checkpoint-id`",
                is_certain=len(fitting) == 1,
                checkpoint_id=checkpoint_id,
            )
            for artifact, name in fitting[:MOST_LOOKED_INTO]
        )
    )


def named_by(plan: RecoveryPlan, own: OwnJob, artifacts: Sequence[Artifact], jobs: Sequence[Job]) -> Continuation:
    """What a plan to resume names for this job, and nothing else."""
    display_name = _display_name(own, jobs)
    if display_name is None and (unclear := _unclear(own, jobs)):
        return Continuation(miss=f"the runner does not tell which job this is: {unclear}")
    recovery = plan.header.id
    named = [one for one in plan.checkpoints if display_name in {None, one.job_name}]
    if not named:
        return Continuation(miss=f"recovery {recovery} names no checkpoint of job `{display_name or own.job}`")
    refused = next((one for one in named if not one.is_valid), None)
    if refused is not None and len(named) == 1:
        reason = f"recovery {recovery} refused {refused.checkpoint_id or refused.name}: {refused.errors[0]}"
        return Continuation(miss=reason)
    is_certain = len(named) == 1 and _is_only_one(display_name, own, jobs)
    found = [
        _as_planned(one, artifact, name, recovery, is_certain=is_certain)
        for one in named
        if one.is_valid
        for artifact, name in _checkpoints(artifacts)
        if artifact.id == one.artifact_id and name.run_id == artifact.run_id == own.run_id
    ]
    if not found:
        names = ", ".join(one.checkpoint_id for one in named)
        reason = f"recovery {recovery} names {names}, and GitHub shows this run no artifact that holds it"
        return Continuation(miss=reason, hint=FULL_RERUN)
    return Continuation(candidates=tuple(found[:MOST_LOOKED_INTO]))


def left_by_earlier_attempts(own: OwnJob, artifacts: Sequence[Artifact], jobs: Sequence[Job]) -> Continuation:
    """What the earlier attempts of this job left, the newest attempt first, and in it the newest checkpoint."""
    earlier = [
        (artifact, name)
        for artifact, name in _checkpoints(artifacts)
        if name.run_id == artifact.run_id == own.run_id and name.attempt < own.attempt
    ]
    if not earlier:
        return Continuation(miss="GitHub shows no checkpoint of an earlier attempt of this run", hint=FULL_RERUN)
    display_name = _display_name(own, jobs)
    unclear = _unclear(own, jobs)
    if display_name is None and unclear:
        return Continuation(miss=f"the runner does not tell which job this is: {unclear}")
    ids = {job.id for job in jobs if job.name == display_name and job.run_attempt < own.attempt}
    is_certain = _is_only_one(display_name, own, jobs)
    mine = [
        Candidate(
            artifact=artifact,
            name=name,
            why=f"the newest of attempt {name.attempt}",
            is_certain=is_certain and name.job_id in ids,
        )
        for artifact, name in earlier
        if display_name is None or name.job_id in ids or name.job_id == 0
    ]
    if not mine:
        return Continuation(miss=f"no earlier attempt of job `{display_name}` left a checkpoint")
    told = [one for one in mine if one.name.job_id or not unclear]
    if not told:
        return Continuation(miss=f"{mine[0].artifact.name} does not tell which job made it: {unclear}")
    succeeded = {one.artifact.id: _last_success(_names(one, own, jobs), own, jobs) for one in told}
    unfinished = [one for one in told if one.name.attempt > succeeded[one.artifact.id]]
    if not unfinished:
        return Continuation(miss=f"it succeeded in attempt {max(succeeded.values())}, and is run anew")
    return Continuation(candidates=tuple(sorted(unfinished, key=_age, reverse=True)[:MOST_LOOKED_INTO]))


def why_another_s(particulars: Particulars, own: OwnJob) -> str | None:
    """What tells that a checkpoint is another job's or another leg's; None when it is this job's own."""
    if particulars.job != own.job:
        return f"it is of another job: expected {own.job[:100]!r}, found {particulars.job[:100]!r}"
    if _canonical(particulars.matrix) != _canonical(own.matrix):  # in Python, 1 equals True
        return f"it is of another leg of the matrix: expected {_leg(own.matrix)}, found {_leg(particulars.matrix)}"
    return None


def _as_planned(
    planned: JobCheckpoint, artifact: Artifact, name: ArtifactName, recovery: str, *, is_certain: bool
) -> Candidate:
    return Candidate(
        artifact=artifact,
        name=name,
        why=f"named by recovery {recovery}",
        is_certain=is_certain,
        checkpoint_id=planned.checkpoint_id,
        recorded_digest=planned.artifact_digest or "",
    )


def _checkpoints(artifacts: Iterable[Artifact]) -> list[tuple[Artifact, ArtifactName]]:
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in artifacts)
    return [(artifact, name) for artifact, name in named if name is not None]


def _display_name(own: OwnJob, jobs: Iterable[Job]) -> str | None:
    """The name that stays the same in all attempts, while the id does not; None when it cannot be told."""
    return next((job.name for job in jobs if own.job_id and job.id == own.job_id), None)


def _is_only_one(display_name: str | None, own: OwnJob, jobs: Iterable[Job]) -> bool:
    """Whether the display name tells this job from all others of the attempt: legs may share one."""
    alike = {job.id for job in jobs if job.name == display_name and job.run_attempt == own.attempt}
    return display_name is not None and len(alike) == 1


def _unclear(own: OwnJob, jobs: Iterable[Job]) -> str:
    """Which jobs of the run only their ids tell apart, where this one is among them; empty where it is not."""
    names = rivals(own.job, (job.name for job in jobs))
    return f"{' and '.join(f'`{name}`' for name in names[:2])} cannot be told apart without its id" if names else ""


def _names(candidate: Candidate, own: OwnJob, jobs: Sequence[Job]) -> set[str]:
    """Under which display names the job whose checkpoint this may be has run."""
    display_name = _display_name(own, jobs)
    if display_name is not None:
        return {display_name}
    made_by = {job.name for job in jobs if job.id == candidate.name.job_id}
    return made_by or set(names_of_key(own.job, (job.name for job in jobs)))


def _last_success(names: Collection[str], own: OwnJob, jobs: Iterable[Job]) -> int:
    """The newest earlier attempt in which all jobs of these names that ran succeeded; 0 where there is none.

    What was done before a success was finished: whoever runs the job once more wants it done again.
    """
    ran = [job for job in jobs if job.name in names and job.run_attempt < own.attempt and job.conclusion != "skipped"]
    not_well = {job.run_attempt for job in ran if job.conclusion != "success"}
    return max((job.run_attempt for job in ran if job.run_attempt not in not_well), default=0)


def _age(candidate: Candidate) -> tuple[int, datetime, int]:
    return candidate.name.attempt, candidate.artifact.created_at, candidate.artifact.id


def _leg(matrix: dict[str, Any]) -> str:
    return _canonical(matrix)[:200] if matrix else "no matrix"


def _canonical(matrix: dict[str, Any]) -> str:
    return json.dumps(matrix, sort_keys=True)

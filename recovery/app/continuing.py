"""Find what a job may continue from: ask GitHub as little as possible, and say why where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recovery.app.job import RunningJob
from recovery.errors import ForgeRefused, InputError
from recovery.models.checkpoint import ArtifactName, parse_artifact_name
from recovery.models.decision import RecoveryPlan
from recovery.models.event_lines import read_events
from recovery.models.github import Artifact, Run
from recovery.models.records import RecoveryType
from recovery.models.rollback import RestoreOrder
from recovery.policy.continuation import (
    FIRST_ATTEMPT,
    Candidate,
    Continuation,
    OwnJob,
    asked_for,
    left_by_earlier_attempts,
    made_at,
    named_by,
    plan_among,
    why_not_resumed,
)
from recovery.policy.restore_order import (
    Expected,
    expected_by,
    left_by_job,
    left_by_others,
    namesakes_of,
    why_not_of_target,
    why_not_ordered,
)
from recovery.policy.trust import is_own_artifact, is_recovery_run
from recovery.ports import Delivery, Forge
from recovery.sync import PLAN_FILE, SAME_NAMED, RecoveryWorkflow, plan_artifact_name

PLAN_ATTEMPTS = range(1, 3)
"""Attempts of a recovery run under which its plan is looked for: a job that waits spends two requests on it."""

CLOCKS_DIFFER = timedelta(days=1)
MOST_LISTED = 400
"""Artifacts of the repository among which a checkpoint of another run is looked for."""

PERMISSION = "add to the job, if it is missing: `permissions: {contents: read, actions: read}`"
_TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Found:
    """What a job may continue from, and the artifacts in which its base may be."""

    continuation: Continuation
    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[str, ...] = ()
    """What was found and not believed, for people."""
    maker: Run | None = None
    """The run that made it, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a rollback told this run to restore, and what GitHub is asked through for its tag and its artifact."""

    order: RestoreOrder
    connect: Callable[[], Delivery]
    workflow_path: str
    """The file of the workflow that runs; empty where the runner does not tell."""


def needs_no_request(own: OwnJob, checkpoint_id: str) -> bool:
    """Whether it is clear without asking GitHub that there is nothing to continue from."""
    return own.attempt == 1 and not checkpoint_id


def check_id(checkpoint_id: str) -> None:
    """Check that a text that somebody gave is the id of a checkpoint.

    Raises:
        InputError: it is not.
    """
    if made_at(checkpoint_id) is None:
        raise InputError(
            f"`checkpoint-id`: {checkpoint_id[:80]!r} is not a checkpoint's id",
            hint="pass the output `checkpoint-id` of `mode: checkpoint`: `ckpt-` and 26 letters and digits",
        )


def find_asked_for(forge: Forge, own_run: int | None, checkpoint_id: str) -> Found:
    """A checkpoint by its id: in the own run, or else in any run of the repository's own commits.

    Raises:
        InputError: the id is none.
        ForgeError: GitHub cannot be asked.
    """
    check_id(checkpoint_id)
    in_run = forge.artifacts_of_run(own_run) if own_run is not None else ()
    found = asked_for(checkpoint_id, in_run)
    if found.candidates:
        return Found(found, in_run)
    made = made_at(checkpoint_id)
    listed = forge.artifacts_since(made - CLOCKS_DIFFER, MOST_LISTED) if made else ()
    own_repository_s = tuple(artifact for artifact in listed if artifact.repository_id == artifact.head_repository_id)
    cut_off_at = MOST_LISTED if len(listed) >= MOST_LISTED else None
    return Found(asked_for(checkpoint_id, own_repository_s, newest=cut_off_at), own_repository_s)


def find_ordered(forge: Forge, ordered: Ordered, own: OwnJob, job: RunningJob) -> Found:
    """What a rollback ordered for this commit: what this very job left in the run that is gone back to, if it did.

    A job that left nothing there, or of which that cannot be told, gets exactly the checkpoint that was ordered.

    Requests, without the download: two for the tag; the artifact, its run, that run's artifacts; and where several of
    its jobs left checkpoints, the jobs of both runs.

    Raises:
        InputError: the id is none, or the tag at which this run is does not bear the order out.
        ForgeError: GitHub cannot be asked.
    """
    order = ordered.order
    check_id(order.checkpoint_id)
    if order.artifact_id is None:
        return Found(Continuation(miss=f"{order.checkpoint_id}, which {order.recovery_id} names, has no files"))
    delivery = ordered.connect()
    tag = delivery.tag(job.ref.removeprefix(_TAGS))
    if tag is None:  # deleted when the hold was released, or not to be seen: neither proves anything, nor is a lie
        return _not_followed(
            order, f"the tag at which this run is, `{job.ref}`, is gone or may not be seen", PERMISSION
        )
    expected = expected_by(order, tag, job.workflow_name, ordered.workflow_path, job.commit_sha)
    artifact = delivery.artifact(order.artifact_id)
    maker = forge.run(artifact.run_id) if artifact is not None and artifact.run_id == order.run_id else None
    miss = why_not_ordered(expected, artifact, maker)
    name = parse_artifact_name(artifact.name) if artifact is not None else None
    if miss is not None or artifact is None or maker is None or name is None:
        return _not_followed(order, str(miss))
    return _of_target(forge, own, expected, maker, (artifact, name))


def _of_target(
    forge: Forge, own: OwnJob, expected: Expected, maker: Run, ordered: tuple[Artifact, ArtifactName]
) -> Found:
    """What this job left in the run that is gone back to, or else what was ordered."""
    artifact, name = ordered
    order = expected.order
    of_run = forge.artifacts_of_run(order.run_id)
    artifacts = of_run if any(each.id == artifact.id for each in of_run) else (artifact, *of_run)
    own_s = _left_there_by(forge, own, name, artifacts)
    if own_s:
        reasons = {each.id: why_not_of_target(expected, each, maker) for each in own_s}
        return Found(_of_own_job(order, own_s, reasons), artifacts, maker=maker)
    candidate = Candidate(
        artifact=artifact,
        name=name,
        why=f"named by recovery {order.recovery_id}",
        is_certain=True,
        checkpoint_id=order.checkpoint_id,
    )
    return Found(Continuation(candidates=(candidate,)), artifacts, maker=maker)


def _not_followed(order: RestoreOrder, why: str, hint: str = "") -> Found:
    return Found(Continuation(miss=f"{order.recovery_id} cannot be followed: {why}", hint=hint))


def _left_there_by(
    forge: Forge, own: OwnJob, ordered: ArtifactName, artifacts: Sequence[Artifact]
) -> tuple[Artifact, ...]:
    """What this job left in the run that is gone back to; none where the ordered checkpoint is its own."""
    others = left_by_others(ordered, artifacts)
    if not others:
        return ()
    now = forge.jobs(own.run_id, own.attempt) if own.job_id else ()
    job_ids = namesakes_of(own, now, forge.jobs_of_all_attempts(ordered.run_id))
    return () if ordered.job_id in job_ids else left_by_job(job_ids, others)


def _of_own_job(order: RestoreOrder, own_s: Sequence[Artifact], reasons: Mapping[int, str | None]) -> Continuation:
    named = [(artifact, parse_artifact_name(artifact.name)) for artifact in own_s if reasons[artifact.id] is None]
    if not named:
        return Continuation(miss=f"{order.recovery_id} cannot be followed: {reasons[own_s[0].id]}")
    return Continuation(
        candidates=tuple(
            Candidate(
                artifact=artifact,
                name=name,
                why=f"left by this job in run {order.run_id}, to which recovery {order.recovery_id} goes back",
                is_certain=True,
            )
            for artifact, name in named
            if name is not None
        )
    )


def find_own(forge: Forge, own: OwnJob, workflow: RecoveryWorkflow) -> Found:
    """What this job continues from: what the recovery plan of the attempt before names, or else its newest.

    Requests: two names of a plan; the artifacts and the jobs of the own run, one for each 100; and where there is a
    plan, the run that made it and its file.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    if needs_no_request(own, ""):
        return Found(Continuation(miss=FIRST_ATTEMPT))
    looked_up = _look_up_plan(forge, own, workflow)
    if looked_up.unreadable:
        return Found(Continuation(miss=looked_up.unreadable), notes=looked_up.notes)
    plan = looked_up.plan
    refusal = why_not_resumed(plan) if plan is not None else None
    if refusal is not None:
        return Found(Continuation(miss=refusal), notes=looked_up.notes)
    artifacts = forge.artifacts_of_run(own.run_id)
    jobs = forge.jobs_of_all_attempts(own.run_id) if _any_checkpoint(artifacts) else ()
    if plan is not None and plan.decision.strategy is RecoveryType.RESUME:
        return Found(named_by(plan, own, artifacts, jobs), artifacts, looked_up.notes)
    return Found(left_by_earlier_attempts(own, artifacts, jobs), artifacts, looked_up.notes)


@dataclass(frozen=True, slots=True)
class _LookedUp:
    plan: RecoveryPlan | None = None
    unreadable: str = ""
    """Why the plan that recovery made is not understood: then it is not known what it says, and nothing is risked."""
    notes: tuple[str, ...] = ()


def _look_up_plan(forge: Forge, own: OwnJob, workflow: RecoveryWorkflow) -> _LookedUp:
    """The plan that led to this attempt, the newest of those that recovery made."""
    before = own.attempt - 1
    named = [
        artifact
        for own_attempt in PLAN_ATTEMPTS
        for artifact in forge.artifacts_named(plan_artifact_name(own.run_id, before, own_attempt))
    ]
    notes = [
        f"{artifact.name} of run {artifact.run_id} was passed over: it has expired, or comes from a fork"
        for artifact in named
        if not is_own_artifact(artifact)
    ]
    for artifact in _newest_first([one for one in named if is_own_artifact(one)]):
        if not _was_made_by_recovery(forge, artifact, workflow):
            notes.append(
                f"{artifact.name} of run {artifact.run_id} was passed over: it was not made by {workflow.path} on"
                f" {workflow.default_branch}; if that is your recovery workflow, name it in .github/recovery.yml:"
                " `recovery-workflow: …`"
            )
            continue
        events, problems = read_events(forge.artifact_file(artifact, PLAN_FILE) or b"", artifact.name)
        plan = plan_among(events, forge.repository, own.run_id, before)
        if plan is not None:
            return _LookedUp(plan, notes=tuple(notes))
        problem = problems[0] if problems else f"{artifact.name}: it holds no plan for attempt {before} of this run"
        return _LookedUp(unreadable=f"the recovery plan cannot be read: {problem}", notes=tuple(notes))
    return _LookedUp(notes=tuple(notes))


def _newest_first(artifacts: Sequence[Artifact]) -> Iterator[Artifact]:
    ordered = sorted(artifacts, key=lambda artifact: (artifact.created_at, artifact.id), reverse=True)
    yield from ordered[:SAME_NAMED]


def _was_made_by_recovery(forge: Forge, artifact: Artifact, workflow: RecoveryWorkflow) -> bool:
    try:
        return is_recovery_run(forge.run(artifact.run_id), workflow.path, workflow.default_branch)
    except ForgeRefused as error:
        if error.status == 404:  # a run that was deleted
            return False
        raise


def _any_checkpoint(artifacts: Sequence[Artifact]) -> bool:
    return any(parse_artifact_name(artifact.name) is not None for artifact in artifacts)

"""From a decision to the plan that is written down: pure, so that the same facts give the same plan."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from recovery.models.decision import Decision, DecisionKind, JobCheckpoint, Observation, RecoveryHeader, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import PipelineFailure, RecoveryState, RecoveryType
from recovery.models.verdict import FailureClass, Retryable


def draw_up(
    failure: PipelineFailure,
    seen: Observation,
    decision: Decision,
    *,
    number: int | str,
    steps: tuple[str, ...],
    now: datetime,
    due_at: datetime | None,
) -> RecoveryPlan:
    """The plan for the attempt that `failure` leads; `number`, or a name that nobody else uses, ends its id."""
    others = tuple(other.id for other in seen.failures if other.id != failure.id)
    acting = decision.kind is DecisionKind.ACT
    header = RecoveryHeader(
        id=f"rec-{failure.run_id}-{failure.attempt}-{number}",
        repository=failure.repository,
        workflow_name=failure.workflow_name,
        run_id=failure.run_id,
        attempt=failure.attempt,
        failure_id=failure.id,
        failure_ids=(failure.id, *others),
        recovery_type=decision.strategy if acting else RecoveryType.NONE,
        started_at=now,
    )
    return RecoveryPlan(
        header=header,
        decision=decision,
        steps=steps,
        failed_jobs=tuple(sorted({other.job_name for other in seen.failures})),
        due_at=due_at,
        head_sha=seen.run.head_sha,
        head_branch=seen.run.head_branch,
        pull_request=seen.pull_request.number if seen.pull_request else None,
        run_url=seen.run.html_url,
        checkpoints=_lead_first(_worth_telling(seen, acting=acting), failure.job_name),
    )


def _worth_telling(seen: Observation, *, acting: bool) -> tuple[JobCheckpoint, ...]:
    """All checkpoints where work may continue from them; else only the damaged ones, which is worth knowing always."""
    return tuple(found for found in seen.checkpoints or () if acting or found.corrupt)


def _lead_first(checkpoints: tuple[JobCheckpoint, ...], lead: str) -> tuple[JobCheckpoint, ...]:
    return tuple(sorted(checkpoints, key=lambda checkpoint: (checkpoint.job_name != lead, checkpoint.job_name)))


def continues_otherwise(plan: RecoveryPlan, seen: Observation, decision: Decision) -> bool:
    """Whether a plan to act says other of the checkpoints than what was found out since; jobs obey the plan."""
    named = [(found.checkpoint_id, found.is_valid) for found in plan.checkpoints]
    found_now = [(found.checkpoint_id, found.is_valid) for found in _lead_first(seen.checkpoints or (), "")]
    return decision.strategy is not plan.decision.strategy or sorted(named) != sorted(found_now)


def next_number(known: Iterable[RecoveryState]) -> int:
    """The first number that no recovery of the attempt has; not all of them need be known here."""
    numbers = (state.id.rpartition("-")[2] for state in known)
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)


def saying_the_same(known: Iterable[RecoveryState], decision: Decision) -> RecoveryState | None:
    """The recovery on record that left the attempt alone for the very same reasons."""
    if decision.kind is DecisionKind.ACT:
        return None
    reasons = [reason.id for reason in decision.reasons]
    return next(
        (
            state
            for state in known
            if state.recovery_context.get("decision") == decision.kind
            and [reason["id"] for reason in state.recovery_context["reasons"]] == reasons
        ),
        None,
    )


def unfinished_run(run: Run, now: datetime) -> PipelineFailure:
    """What stands for a run that has not completed, when a person asks to recover it; there is no failed job yet."""
    return PipelineFailure(
        id=f"fail-{run.id}-{run.run_attempt}-0",
        kind="manual",
        repository=run.repository,
        workflow_name=run.workflow_name,
        run_id=run.id,
        attempt=run.run_attempt,
        job_id=0,
        job_name=run.workflow_name,
        conclusion=run.status,
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        observed_at=now,
        failure_class=FailureClass.UNKNOWN,
        retryable=Retryable.NO,
        confidence=0.0,
        reason="the run has not completed",
        html_url=run.html_url,
    )


def manual_failure(run: Run, reason: str, failure_id: str, now: datetime) -> PipelineFailure:
    """The synthetic failure behind a rollback that a person asked for, so that schema and audit hold."""
    return PipelineFailure(
        id=failure_id,
        kind="manual",
        repository=run.repository,
        workflow_name=run.workflow_name,
        run_id=run.id,
        attempt=run.run_attempt,
        job_id=0,
        job_name=run.workflow_name,
        conclusion=run.conclusion or run.status,
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        observed_at=now,
        failure_class=FailureClass.UNKNOWN,
        retryable=Retryable.NO,
        confidence=0.0,
        reason=reason,
        html_url=run.html_url,
    )

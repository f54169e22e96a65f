"""What the recorded recoveries and checkpoints add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from recovery.models.catalogue import health_of
from recovery.models.dashboard import (
    CheckpointsByHealth,
    CheckpointsByType,
    CheckpointStatus,
    Dashboard,
    LatestCheckpoint,
    Operation,
    RecoveryByType,
    RecoverySummary,
    TypeCount,
)
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus, RecoveryType, WorkflowCheckpoint

RECENT = 10
"""Operations listed on the dashboard unless asked otherwise."""

_FAILED = frozenset({RecoveryStatus.FAILED, RecoveryStatus.TIMED_OUT})
_OPEN = frozenset({RecoveryStatus.PENDING, RecoveryStatus.IN_PROGRESS})


def summarise(
    recoveries: Iterable[RecoveryState], checkpoints: Iterable[WorkflowCheckpoint], recent: int = RECENT
) -> Dashboard:
    """Count recoveries and checkpoints. A declined one is no recovery: it is counted apart, but listed among the rest.

    `success_rate` is the share of all recoveries, as the seed defines it; those in progress lower it until they end.
    """
    known = sorted(recoveries, key=lambda state: (state.started_at, state.id), reverse=True)
    tried = [state for state in known if _was_tried(state)]
    summary = _summary(tried)
    finished = summary.successful_recoveries + summary.failed_recoveries
    return Dashboard(
        recovery_summary=summary,
        recovery_by_type=RecoveryByType(
            retry=_count(tried, RecoveryType.RETRY),
            resume=_count(tried, RecoveryType.RESUME),
            rollback=_count(tried, RecoveryType.ROLLBACK),
        ),
        success_rate_of_finished=_percent(summary.successful_recoveries, finished),
        declined=len(known) - len(tried),
        recent_operations=tuple(_operation(state) for state in known[:recent]),
        checkpoint_status=_checkpoint_status(tuple(checkpoints)),
    )


def _was_tried(state: RecoveryState) -> bool:
    return state.status is not RecoveryStatus.DECLINED and state.recovery_type is not RecoveryType.NONE


def _summary(tried: Sequence[RecoveryState]) -> RecoverySummary:
    successful = sum(state.status is RecoveryStatus.COMPLETED for state in tried)
    return RecoverySummary(
        total_recoveries=len(tried),
        successful_recoveries=successful,
        failed_recoveries=sum(state.status in _FAILED for state in tried),
        in_progress_recoveries=sum(state.status in _OPEN for state in tried),
        success_rate=_percent(successful, len(tried)),
    )


def _percent(part: int, whole: int) -> float:
    return round(part / whole * 100, 2) if whole else 0.0


def _count(tried: Sequence[RecoveryState], recovery_type: RecoveryType) -> TypeCount:
    statuses = [state.status for state in tried if state.recovery_type is recovery_type]
    return TypeCount(total=len(statuses), successful=statuses.count(RecoveryStatus.COMPLETED))


def _operation(state: RecoveryState) -> Operation:
    context = state.recovery_context
    outcome = state.metadata.get("outcome")
    return Operation(
        id=state.id,
        type=state.recovery_type,
        status=state.status,
        outcome=Outcome(outcome) if outcome in set(Outcome) else None,
        workflow=str(context.get("workflow_name", "")),
        run_id=_whole(context.get("run_id")),
        attempt=_whole(context.get("attempt")),
        reason=_first_reason(context.get("reasons")),
        started_at=state.started_at,
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _first_reason(reasons: Any) -> str:
    """The text of the first reason on record; people may have built the record by hand, without any."""
    match reasons:
        case [{"text": str(text)}, *_]:
            return text
        case _:
            return ""


def _checkpoint_status(checkpoints: Sequence[WorkflowCheckpoint]) -> CheckpointStatus:
    healths = [health_of(checkpoint) for checkpoint in checkpoints]
    available = [each for each, health in zip(checkpoints, healths, strict=True) if health.is_usable]
    types = Counter(checkpoint.checkpoint_type for checkpoint in available)
    latest = max(available, key=lambda checkpoint: (checkpoint.created_at, checkpoint.id), default=None)
    return CheckpointStatus(
        available=len(available),
        by_type=CheckpointsByType(step=types["step"], job=types["job"], workflow=types["workflow"]),
        by_health=CheckpointsByHealth(**Counter(health.value for health in healths)),
        latest=latest
        and LatestCheckpoint(
            id=latest.id,
            name=latest.checkpoint_name,
            workflow=latest.workflow_name,
            created_at=latest.created_at,
        ),
    )

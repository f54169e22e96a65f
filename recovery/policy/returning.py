"""Going back from a rollback that failed half-way, to what stood before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from recovery.models.decision import Reason, ReasonId
from recovery.models.github import Deployment, Run
from recovery.models.record import Moment, Record
from recovery.models.records import RecoveryState
from recovery.models.rollback import RollbackKind, RollbackOrder
from recovery.policy.bad_run import DEPLOYED, began_at, is_at_own_reference
from recovery.policy.limits import is_half_way
from recovery.settings import RollbackRule


class FailedRollback(Record):
    """A rollback that failed half-way, and what it had ordered."""

    id: str
    began_at: Moment
    order: RollbackOrder
    reference: int | None = None
    """Id of the run or deployment that GitHub made of it; None where it was never found."""


def failed_before(checkpoint_id: str, rollbacks: Sequence[RecoveryState]) -> RecoveryState | None:
    """The rollback that found this checkpoint standing and failed half-way; the newest of them counts."""
    found = [state for state in rollbacks if state.rollback_checkpoint_id == checkpoint_id]
    done = [state for state in found if state.metadata.get("accepted")]
    newest = max(done, key=lambda state: (state.started_at, state.id), default=None)
    return newest if newest is not None and is_half_way(newest) else None


def is_about(run: Run, failed: FailedRollback) -> bool:
    """Whether a run is the one that was rolled back, or the one that was to bring the good commit back."""
    return run.id == failed.order.bad_run_id or (
        failed.order.kind is RollbackKind.REDISPATCH and run.id == failed.reference
    )


def deployed_since(since: datetime, runs: Iterable[Run]) -> Run | None:
    """A run that deployed later: then what stood before the rollback is history."""
    return next((run for run in runs if run.conclusion in DEPLOYED and began_at(run) > since), None)


def brought_back_since(failed: FailedRollback, dispatched: Iterable[Run]) -> Run | None:
    """A run of another rollback that began later, however it ended: it may have deployed."""
    found = (run for run in dispatched if is_at_own_reference(run))
    return next((run for run in found if failed.reference is None or run.id > failed.reference), None)


def deployments_since(failed: FailedRollback, deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Deployments to the same environment that were made later."""
    if failed.reference is None:
        return tuple(one for one in deployments if one.created_at > failed.began_at)
    return tuple(one for one in deployments if one.id > failed.reference)


def as_it_was_done(rule: RollbackRule, failed: FailedRollback) -> RollbackRule:
    """How to return: in the same way and to the same environment, whatever the configuration has become."""
    order = failed.order
    return rule.model_copy(update={"kind": order.kind, "environment": order.environment, "input": order.input_name})


def why_never_returned_from(failed: FailedRollback) -> Reason | None:
    """Why a rollback cannot be returned from at all; None when it can."""
    if failed.order.kind is not RollbackKind.REVERT_PR:
        return None
    return Reason(
        id=ReasonId.ROLLED_BACK,
        text=f"{failed.id} proposed a pull request, and deployed nothing that could be returned from:"
        " close that pull request or, where it was merged, revert it",
    )


def no_return(reason_id: ReasonId, failed: FailedRollback, because: str) -> Reason:
    """Why a rollback is not returned from as things stand now."""
    return Reason(id=reason_id, text=f"{failed.id} is not returned from: {because}")

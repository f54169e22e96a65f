"""Whether a rollback that failed half-way still is to be returned from, as GitHub tells it now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from recovery.errors import ForgeRefused
from recovery.models.decision import Reason, ReasonId
from recovery.models.github import Run
from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import RollbackKind
from recovery.policy.bad_run import Aftermath
from recovery.policy.candidates import run_number
from recovery.policy.returning import (
    FailedRollback,
    brought_back_since,
    deployed_since,
    deployments_since,
    failed_before,
    no_return,
    why_never_returned_from,
)
from recovery.ports import Store
from recovery.strategies import claiming, rollback
from recovery.strategies.recipe import Reach

_BROUGHT_NOTHING = frozenset({"failure", "error"})
"""States of a deployment that did not come up."""


class WayBack(NamedTuple):
    """A rollback that failed half-way, and the run that it rolled back."""

    failed: FailedRollback
    bad_run: Run


class Returns:
    """The rollbacks on record that failed half-way, and what became of them since."""

    def __init__(self, store: Store, reach: Reach) -> None:
        self._store = store
        self._reach = reach

    def failed_before(self, checkpoint_id: str, rollbacks: Sequence[RecoveryState]) -> FailedRollback | None:
        """The rollback on record that failed half-way and found this checkpoint standing; None where there is none."""
        state = failed_before(checkpoint_id, rollbacks)
        return self.failed_rollback(state.id) if state else None

    def failed_rollback(self, recovery_id: str) -> FailedRollback | None:
        """A rollback on record with what it ordered; None where it is not known, or ordered nothing."""
        plan, state = self._store.plan(recovery_id), self._store.recovery(recovery_id)
        if plan is None or plan.rollback is None or state is None:
            return None
        return FailedRollback(
            id=plan.header.id,
            began_at=plan.header.started_at,
            order=plan.rollback,
            reference=run_number(str(state.metadata.get("reference") or "")),
        )

    def deployed_since(self, failed: FailedRollback, bad_run: Run, aftermath: Aftermath) -> Run | None:
        """A run that deployed after it, the bad one itself if it was run again; a request where there may be one."""
        again = (bad_run,) if bad_run.run_attempt > 1 else ()
        later = (*aftermath.deployed, *again)
        return deployed_since(self._began_at(failed), later) if later else None

    def why_not(self, failed: FailedRollback, bad_run: Run, aftermath: Aftermath) -> Reason | None:
        """Why it is not returned from: it never can be, was released, is history, goes on, or came to a good end."""
        return (
            why_never_returned_from(failed)
            or self._released(failed)
            or self._overtaken(failed, bad_run, aftermath)
            or self._not_failed_after_all(failed)
        )

    def _released(self, failed: FailedRollback) -> Reason | None:
        order = failed.order
        if claiming.is_own(order.tag, order, self._reach):
            return None
        because = f"its tag {order.tag} is gone, or another rollback's: the commit was released, and anything may stand"
        return no_return(ReasonId.ROLLED_BACK, failed, f"{because}; name the checkpoint of a good run")

    def _overtaken(self, failed: FailedRollback, bad_run: Run, aftermath: Aftermath) -> Reason | None:
        run = self.deployed_since(failed, bad_run, aftermath) or self._brought_back_since(failed)
        later = f"run {run.id} came after it" if run else self._deployment_since(failed)
        return no_return(ReasonId.SUPERSEDED, failed, f"{later}, and may have deployed") if later else None

    def _brought_back_since(self, failed: FailedRollback) -> Run | None:
        """A run of another rollback, which is on no branch."""
        if failed.order.kind is not RollbackKind.REDISPATCH:
            return None
        since = failed.began_at if failed.reference is None else failed.began_at - rollback.CLOCKS_DIFFER
        workflow_file = failed.order.workflow_file.rpartition("/")[2]
        return brought_back_since(failed, self._reach.delivery.dispatched_runs(workflow_file, since))

    def _deployment_since(self, failed: FailedRollback) -> str:
        """The deployment that came after it, in words; one of its own target that failed is what it led to itself."""
        if failed.order.kind is not RollbackKind.DEPLOYMENT:
            return ""
        delivery = self._reach.delivery
        for one in deployments_since(failed, delivery.deployments(failed.order.environment)):
            is_its_own = one.sha == failed.order.target_sha
            if not (is_its_own and delivery.deployment_state(one.id) in _BROUGHT_NOTHING):
                return f"deployment {one.id} of {one.sha[:7]} came after it"
        return ""

    def _not_failed_after_all(self, failed: FailedRollback) -> Reason | None:
        """What it made may have been run again, or have come to its end after nobody waited for it any more."""
        kind, reference = rollback.KINDS[failed.order.kind], failed.reference
        if reference is None:
            found = kind.trace(failed.order, failed.began_at - rollback.CLOCKS_DIFFER, self._reach)
            reference = int(found.reference) if found else None
        if reference is None:
            return None
        progress = kind.watch(failed.order, str(reference), self._reach)
        if progress.outcome is Outcome.CLEARED:
            told = f"it has come to a good end: {progress.detail}"
            return no_return(ReasonId.ROLLED_BACK, failed, told)
        is_given_up = self._reach.clock.now() - failed.began_at > kind.PATIENCE
        if progress.outcome is None and not is_given_up:
            what = "deployment" if failed.order.kind is RollbackKind.DEPLOYMENT else "run"
            told = f"{what} {reference} of it goes on again: wait for it, or end it, and ask again"
            return no_return(ReasonId.RUN_ACTIVE, failed, told)
        return None

    def _began_at(self, failed: FailedRollback) -> datetime:
        """When it began, by GitHub's clock, too: ours may be ahead of that."""
        made_at = self._made_at(failed)
        return min(failed.began_at, made_at) if made_at else failed.began_at

    def _made_at(self, failed: FailedRollback) -> datetime | None:
        """When GitHub made what it made of it; None where that is gone."""
        if failed.reference is None:
            return None
        if failed.order.kind is RollbackKind.DEPLOYMENT:
            known = self._reach.delivery.deployments(failed.order.environment)
            return next((one.created_at for one in known if one.id == failed.reference), None)
        try:
            return self._reach.forge.run(failed.reference).created_at
        except ForgeRefused as error:
            if error.status == 404:
                return None
            raise

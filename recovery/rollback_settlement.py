"""Learning what became of a rollback, from what GitHub made of its order, to its end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.errors import ForgeRefused
from recovery.models.decision import RecoveryPlan
from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import RollbackOrder
from recovery.recorder import Recorder
from recovery.strategies import claiming, rollback
from recovery.strategies.kind import APPROVED_WITHIN, Kind, Progress
from recovery.strategies.recipe import Reach

log = logging.getLogger(__name__)

CLEAR_UP = "clear up"
"""The step that is noted when tags could not be deleted."""

TAKEN_FOR_DEAD_AFTER = timedelta(minutes=15)
"""Nothing is begun five minutes after it was planned (`rollback.BEGUN_WITHIN`); what is begun takes some ten requests,
each of which waits a minute for a rate limit at most."""

GIVE_UP_AFTER = timedelta(hours=1)
"""What GitHub has accepted shows up within seconds; what has not by then never will."""


@dataclass(frozen=True)
class RollbackSettlement:
    """One rollback that is open, about to be settled if its outcome can be told."""

    plan: RecoveryPlan
    order: RollbackOrder
    recovery: RecoveryState
    reach: Reach
    recorder: Recorder

    def settle(self) -> None:
        """Record what is to be seen of it, and the outcome; nothing is recorded while it goes on as before."""
        reference = self._reference()
        if reference is None:
            self._without_trace()
            return
        progress = self._watch(reference)
        if progress.outcome is not None:
            self._end(progress, progress.outcome, reference)
        elif self._waited > (patience := APPROVED_WITHIN if progress.waiting_for else self._kind.PATIENCE):
            self._end(Progress(detail=f"it has not come to an end in {patience}"), Outcome.UNKNOWN, reference)
        else:
            self._wait_for(progress.waiting_for)

    def clear_up_again(self) -> None:
        """Delete the tags that stayed because deleting them was refused; those of others are left alone.

        Raises:
            ForgeError: they cannot be deleted now either.
        """
        outcome = self.recovery.metadata.get("outcome")
        if outcome is None and self.recovery.metadata.get("requested_at"):  # refused, and so was taking it back
            rollback.take_back(self.order, self.reach)
        elif outcome is not None and any(step["step"] == CLEAR_UP for step in self.recovery.progress_steps):
            self._delete_tags(Outcome(outcome))

    def _watch(self, reference: str) -> Progress:
        """How far it has come; what may not be looked at goes on until patience ends."""
        try:
            return self._kind.watch(self.order, reference, self.reach)
        except ForgeRefused as error:
            if self._waited <= self._kind.PATIENCE:
                raise
            return Progress(Outcome.UNKNOWN, error.message)

    @property
    def _kind(self) -> Kind:
        return rollback.KINDS[self.order.kind]

    @property
    def _was_accepted(self) -> bool:
        return bool(self.recovery.metadata.get("accepted"))

    def _reference(self) -> str | None:
        """What GitHub made of it: as it is on record, or found by nonce or tag, which is then put on record."""
        known = str(self.recovery.metadata.get("reference") or "")
        if known.isascii() and known.isdecimal():
            return known
        found = self._kind.trace(self.order, self.plan.header.started_at - rollback.CLOCKS_DIFFER, self.reach)
        if found is None:
            return None
        self.recorder.answered(
            self.plan, rollback.EFFECT, accepted=True, detail=f"{found.detail}, found later", reference=found.reference
        )
        return found.reference

    def _without_trace(self) -> None:
        """Nothing is to be seen: after a while that proves that nothing was asked for, and it may be tried again."""
        if self._was_accepted:
            if self._waited > GIVE_UP_AFTER:
                self._end(Progress(), Outcome.UNKNOWN, "")
        elif self._waited > TAKEN_FOR_DEAD_AFTER:
            told = "nothing of it is to be seen on GitHub; the commit may be rolled back again"
            self._end(Progress(detail=told), Outcome.NOT_RERUN, "")

    @property
    def _waited(self) -> timedelta:
        asked_at = self.recovery.metadata.get("requested_at")
        since = datetime.fromisoformat(asked_at) if asked_at else self.plan.header.started_at
        return self.reach.clock.now() - since

    def _wait_for(self, environments: Sequence[str]) -> None:
        """Say what it waits for when that changes; nothing, once it goes on."""
        detail = f"the rules of {', '.join(f'`{name}`' for name in environments)}" if environments else ""
        if detail != self.recovery.metadata.get("waits_for", ""):
            self.recorder.waiting(self.plan, detail)

    def _end(self, progress: Progress, outcome: Outcome, reference: str) -> None:
        """Clear up first: whoever is killed on the way does it again."""
        try:
            if outcome is Outcome.CLEARED:
                self._kind.clear_up(self.order, reference, self.reach)
            self._delete_tags(outcome)
        except ForgeRefused as error:
            log.warning("rollback not cleared up recovery_id=%s reason=%s", self.plan.header.id, error.message)
            self.recorder.noted(self.plan, CLEAR_UP, "; ".join(filter(None, (error.message, error.hint))))
        detail = progress.detail
        if outcome is Outcome.STILL_FAILING and self.order.rollback_checkpoint_id:
            detail = f"{detail}; `{self.order.rollback_checkpoint_id}` goes back to what stood before"
        self.recorder.settled(self.plan, outcome, None, detail)

    def _delete_tags(self, outcome: Outcome) -> None:
        if outcome is Outcome.NOT_RERUN:
            rollback.take_back(self.order, self.reach)
        else:
            claiming.make_way(self.order, self.reach)

"""Turn what happened into stamped events, and put them into the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import DecisionKind, Reason, RecoveryPlan
from recovery.models.events import (
    CheckpointCreated,
    CheckpointJudged,
    EffectAnswered,
    EffectRequested,
    Event,
    FailureObserved,
    HoldReleased,
    NoteTaken,
    RecoveryDecided,
    RecoverySettled,
)
from recovery.models.records import Outcome, PipelineFailure, WorkflowCheckpoint
from recovery.models.rollback import PRE_ROLLBACK
from recovery.policy.lifecycle import WAIT
from recovery.policy.limits import admit_execution, admit_plan, is_rollback
from recovery.ports import Clock, Store


class Recorder:
    """Writes events of one author; every method is one transaction of the store."""

    def __init__(self, store: Store, clock: Clock, author: str) -> None:
        self._store = store
        self._clock = clock
        self._author = author

    def decided(self, plan: RecoveryPlan, failures: Sequence[PipelineFailure]) -> Reason | None:
        """Record a decision with its failures; a decision to act only if nothing stands in its way."""
        events: list[Event] = [
            FailureObserved(**self._stamp(), failure=failure) for failure in failures if not self._knows(failure)
        ]
        events.append(self.decision_event(plan))
        if plan.decision.kind is not DecisionKind.ACT:
            return self._store.claim(plan.header, events, _admit_always)
        return self._store.claim(plan.header, events, lambda known: admit_plan(known, rolling_back=is_rollback(plan)))

    def written_ahead(self, plan: RecoveryPlan, failures: Sequence[PipelineFailure]) -> tuple[Event, ...]:
        """A plan with its failures as events for a file that is uploaded before the first effect."""
        observed = (FailureObserved(**self._stamp(), failure=failure) for failure in failures)
        return (*observed, *self._kept(plan), self.decision_event(plan))

    def decision_event(self, plan: RecoveryPlan) -> RecoveryDecided:
        """A decision as an event that is not recorded yet."""
        return RecoveryDecided(**self._stamp(), plan=plan)

    def requested(self, plan: RecoveryPlan, effect: str) -> Reason | None:
        """Claim the right to request a plan's effect; the reason against it otherwise."""
        now = self._clock.now()
        request = EffectRequested(**self._stamp(), recovery=plan.header, effect=effect)
        return self._store.claim(plan.header, [request], lambda known: admit_execution(known, plan, now))

    def answered(
        self, plan: RecoveryPlan, effect: str, *, accepted: bool, detail: str = "", reference: str = ""
    ) -> None:
        """Record what GitHub answered to an effect, or why it was not requested."""
        self._record(
            EffectAnswered(
                **self._stamp(),
                recovery=plan.header,
                effect=effect,
                accepted=accepted,
                detail=detail,
                reference=reference,
            )
        )

    def settled(self, plan: RecoveryPlan, outcome: Outcome, attempt: int | None, detail: str = "") -> None:
        """Record what a recovery achieved, and on which attempt that was measured."""
        self._record(
            RecoverySettled(
                **self._stamp(), recovery=plan.header, outcome=outcome, settled_attempt=attempt, detail=detail
            )
        )

    def noted(self, plan: RecoveryPlan, step: str, detail: str) -> None:
        """Record that a step on the way went wrong without stopping the recovery."""
        self._record(NoteTaken(**self._stamp(), recovery=plan.header, step=step, status="failed", detail=detail))

    def waiting(self, plan: RecoveryPlan, detail: str) -> None:
        """Record what a recovery waits for."""
        self._record(NoteTaken(**self._stamp(), recovery=plan.header, step=WAIT, status="skipped", detail=detail))

    def released(self, plan: RecoveryPlan, reason: str) -> None:
        """Record that the commit which a rollback put on hold may be deployed again."""
        self._record(HoldReleased(**self._stamp(), recovery=plan.header, reason=reason))

    def checkpointed(self, checkpoint: WorkflowCheckpoint) -> None:
        """Record a checkpoint."""
        self._record(CheckpointCreated(**self._stamp(), checkpoint=checkpoint))

    def judged(self, checkpoint_id: str, repository: str, health: CheckpointHealth, detail: str = "") -> None:
        """Record what became known of a checkpoint's use."""
        self._record(
            CheckpointJudged(
                **self._stamp(), repository=repository, checkpoint_id=checkpoint_id, health=health, detail=detail
            )
        )

    def _kept(self, plan: RecoveryPlan) -> tuple[CheckpointCreated, ...]:
        """What stood before a rollback, where only this store knows of it: no artifact tells it to others."""
        before = plan.rollback.rollback_checkpoint_id if plan.rollback else None
        checkpoint = self._store.checkpoint(before) if before else None
        if checkpoint is None or not checkpoint.metadata.get(PRE_ROLLBACK):
            return ()
        return (CheckpointCreated(**self._stamp(), checkpoint=checkpoint),)

    def _knows(self, failure: PipelineFailure) -> bool:
        known = self._store.failure(failure.id)
        return known is not None and known == failure.model_copy(update={"observed_at": known.observed_at})

    def _record(self, event: Event) -> None:
        self._store.record([event])

    def _stamp(self) -> dict[str, Any]:
        return {"id": self._clock.new_id(), "at": self._clock.now(), "by": self._author}


def _admit_always(_: object) -> None:
    """A decision to leave a run alone never needs room."""

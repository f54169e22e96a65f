"""Learning what became of a recovery, from the run as it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.errors import ForgeRefused
from recovery.models.decision import Observation, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import Outcome, RecoveryState
from recovery.policy.limits import REQUEST_IN_FLIGHT
from recovery.policy.outcome import measure
from recovery.ports import Forge
from recovery.recorder import Recorder

GIVE_UP_AFTER = timedelta(hours=1)
"""An accepted re-run shows up within seconds; one that has not by then never will."""


@dataclass(frozen=True)
class Settlement:
    """One recovery that is open, about to be settled if its outcome can be told."""

    plan: RecoveryPlan
    recovery: RecoveryState
    forge: Forge
    recorder: Recorder
    now: datetime

    def settle(self, seen: Observation | None = None) -> None:
        """Record the outcome; nothing is recorded while it cannot be told yet."""
        run = seen.run if seen else self._run_or_none()
        if run is None:
            self._settled(Outcome.UNKNOWN, detail="the run is gone")
        elif run.run_attempt == self.plan.header.attempt:
            self._without_next_attempt(run)
        elif self._was_somebody_else(run):
            self._settled(Outcome.NOT_RERUN, detail=f"attempt {run.run_attempt} was started by {run.triggering_actor}")
        elif run.run_attempt > self._next_attempt and not self._was_requested:
            self._settled(Outcome.UNKNOWN, detail="nothing tells who started the next attempt")
        elif run.run_attempt > self._next_attempt or run.completed:
            self._settled(self._outcome(run, seen), self._next_attempt)

    @property
    def _next_attempt(self) -> int:
        return self.plan.header.attempt + 1

    @property
    def _was_requested(self) -> bool:
        return bool(self.recovery.metadata.get("requested_at") or self.recovery.metadata.get("accepted"))

    def _run_or_none(self) -> Run | None:
        try:
            return self.forge.run(self.plan.header.run_id)
        except ForgeRefused as error:
            if error.status == 404:
                return None
            raise

    def _without_next_attempt(self, run: Run) -> None:
        requested_at = self.recovery.metadata.get("requested_at")
        if requested_at is None or not run.completed:
            return
        patience = GIVE_UP_AFTER if self.recovery.metadata.get("accepted") else REQUEST_IN_FLIGHT
        if self.now - datetime.fromisoformat(requested_at) > patience:
            self._settled(Outcome.NOT_RERUN)

    def _was_somebody_else(self, run: Run) -> bool:
        """Whether the next attempt is certainly not ours: never requested, and started by another account."""
        if self._was_requested or run.run_attempt != self._next_attempt:
            return False
        return bool(run.triggering_actor) and not self.forge.may_act_as(run.triggering_actor)

    def _outcome(self, run: Run, seen: Observation | None) -> Outcome:
        if run.run_attempt == self._next_attempt and run.conclusion == "success":
            return Outcome.CLEARED
        known = seen.jobs if seen is not None and seen.attempt == self._next_attempt else ()
        return measure(self.plan.failed_jobs, known or self.forge.jobs(run.id, self._next_attempt))

    def _settled(self, outcome: Outcome, attempt: int | None = None, detail: str = "") -> None:
        self.recorder.settled(self.plan, outcome, attempt, detail)

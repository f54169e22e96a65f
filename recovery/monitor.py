"""The watch: takes in failed runs, and hands their failures to the manager or, without one, to a basic retry."""

from __future__ import annotations

import asyncio
import logging

from recovery.errors import RecoveryError, RunActive, StateError, StrategyUnavailable
from recovery.inquiry import Inquiry, inquiry_for
from recovery.manager import RecoveryManager
from recovery.models.decision import DecisionKind, Observation
from recovery.models.records import PipelineFailure, RecoveryState, RecoveryStatus, RecoveryType, WorkflowCheckpoint
from recovery.models.verdict import Retryable
from recovery.observer import observe
from recovery.policy.choose import choose
from recovery.policy.vetoes import ENOUGH_CONFIDENCE, Case
from recovery.ports import CheckpointVault, Clock, Forge
from recovery.settings import Settings, Strategy

log = logging.getLogger(__name__)


class PipelineMonitor:
    """Observes failed runs and starts their recovery."""

    def __init__(
        self,
        manager: RecoveryManager | None,
        forge: Forge,
        vault: CheckpointVault,
        clock: Clock,
        *,
        settings: Settings | None = None,
        own_workflow: str | None = None,
        inquiry: Inquiry | None = None,
    ) -> None:
        self._manager = manager
        self._forge = forge
        self._vault = vault
        self._clock = clock
        self._settings = settings or Settings()
        self._own_workflow = own_workflow
        self._inquiry = inquiry or inquiry_for(self._settings)

    def observe(self, run_id: int, attempt: int | None = None) -> Observation:
        """Observe an attempt (the latest by default) and name the cause of each failed job."""
        return observe(self._forge, self._clock, run_id, attempt, self._inquiry)

    async def initiate_enhanced_recovery(self, failure: PipelineFailure, strategy: str = "auto") -> RecoveryState:
        """Recover through the manager; with no usable manager, fall back to a basic retry and say so."""
        await self._create_pre_recovery_checkpoint(failure)
        if self._manager is None and strategy == Strategy.ROLLBACK:
            raise StrategyUnavailable("the strategy `rollback` needs a recovery manager", hint="pass one here")
        if self._manager is None:
            return await asyncio.to_thread(self._basic_retry, failure, strategy, "no recovery manager is available")
        try:
            return await self._manager.initiate_recovery(failure, strategy)
        except StateError as error:
            if strategy == Strategy.ROLLBACK:  # a re-run is not what was asked for
                raise
            return await asyncio.to_thread(self._basic_retry, failure, strategy, error.message)

    async def _create_pre_recovery_checkpoint(self, failure: PipelineFailure) -> WorkflowCheckpoint | None:
        """Record where the run stood before anything is done. A failure to do so is a warning."""
        checkpoint = WorkflowCheckpoint(
            id=f"ckpt-{self._clock.new_id()}",
            repository=failure.repository,
            workflow_name=failure.workflow_name,
            run_id=str(failure.run_id),
            commit_sha=failure.head_sha,
            checkpoint_type="workflow",
            checkpoint_name="pre-recovery",
            created_at=self._clock.now(),
            workflow_state={"failure_id": failure.id, "attempt": failure.attempt, "job": failure.job_name},
        )
        try:
            await asyncio.to_thread(self._vault.put, checkpoint)
        except (RecoveryError, OSError) as error:
            log.warning("pre-recovery checkpoint failed failure_id=%s reason=%s", failure.id, error)
            return None
        return checkpoint

    def _determine_recovery_strategy(self, failure: PipelineFailure) -> str:
        """What the failure by itself calls for: `retry` for a proven passing cause, else `none`."""
        proven = failure.retryable is Retryable.YES and failure.confidence >= ENOUGH_CONFIDENCE
        return RecoveryType.RETRY if proven and failure.consequence_of is None else RecoveryType.NONE

    def _basic_retry(self, failure: PipelineFailure, strategy: str, reason: str) -> RecoveryState:
        """One re-run without state: under the same vetoes as any other, never blindly, and not where none is asked."""
        log.warning("falling back to a basic retry failure_id=%s reason=%s", failure.id, reason)
        seen = self.observe(failure.run_id, failure.attempt)
        asked = Strategy.NONE if strategy == Strategy.NONE else Strategy.AUTO
        decision = choose(self._case(seen), asked)
        acting = decision.kind is DecisionKind.ACT and not self._settings.dry_run
        if acting:
            acting = self._rerun_if_unchanged(seen)
        return RecoveryState(
            id=f"rec-{failure.run_id}-{failure.attempt}-basic",
            failure_id=failure.id,
            repository=failure.repository,
            recovery_type=RecoveryType.RETRY if acting else RecoveryType.NONE,
            status=RecoveryStatus.IN_PROGRESS if acting else RecoveryStatus.DECLINED,
            recovery_plan=["rerun_failed_jobs"] if acting else [],
            started_at=self._clock.now(),
            recovery_context={"degraded": reason, "reasons": [each.model_dump() for each in decision.reasons]},
        )

    def _case(self, seen: Observation) -> Case:
        now = self._clock.now()
        return Case(observation=seen, settings=self._settings, now=now, own_workflow=self._own_workflow)

    def _rerun_if_unchanged(self, seen: Observation) -> bool:
        run = self._forge.run(seen.run.id)
        if not run.completed or run.run_attempt != seen.attempt:
            return False
        try:
            self._forge.rerun_failed_jobs(run.id)
        except RunActive:  # another re-run came first
            return False
        return True

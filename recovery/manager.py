"""The conductor: plan, claim, act, record, settle. Effects go through recipes, facts through ports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from recovery.errors import AmbiguousEffect, DeadlineExceeded, ForgeError, InputError, RunActive
from recovery.models.decision import Decision, DecisionKind, Observation, Reason, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import (
    Outcome,
    PipelineFailure,
    RecoveryState,
    RecoveryStatus,
    RecoveryType,
    WorkflowCheckpoint,
)
from recovery.observer import look_at_head, observe
from recovery.policy.backoff import delay_before_retry
from recovery.policy.choose import choose
from recovery.policy.lifecycle import OPEN, project
from recovery.policy.limits import REQUEST_IN_FLIGHT, moved_on, standing_in_the_way
from recovery.policy.outcome import measure
from recovery.policy.planning import draw_up, manual_failure, saying_the_same
from recovery.policy.validation import CheckpointFacts, ValidationReport, validate
from recovery.policy.vetoes import Case, pull_request_closed, superseded
from recovery.ports import CheckpointVault, Clock, Forge, Store
from recovery.recorder import Recorder
from recovery.settings import Settings, Strategy
from recovery.strategies import Recipe, recipe_for

LOOK_AGAIN_AFTER = timedelta(minutes=2)
"""A plan older than this is executed only after another look at the head of its branch."""

GIVE_UP_AFTER = timedelta(hours=1)
"""An accepted re-run shows up within seconds; one that has not by then never will."""


class RecoveryManager:
    """Recovers one attempt of one run at a time, at most once, and writes everything down before and after."""

    def __init__(
        self,
        store: Store,
        forge: Forge,
        vault: CheckpointVault,
        clock: Clock,
        *,
        settings: Settings | None = None,
        own_workflow: str | None = None,
        recorded_by: str = "local",
    ) -> None:
        self._store = store
        self._forge = forge
        self._vault = vault
        self._clock = clock
        self._settings = settings or Settings()
        self._own_workflow = own_workflow
        self._recorder = Recorder(store, clock, recorded_by)
        self._deadline = clock.now() + timedelta(seconds=self._settings.timeout)

    @classmethod
    def from_environment(cls) -> Self:
        """A manager wired from the environment of a runner, or of a shell with GITHUB_TOKEN and GITHUB_REPOSITORY."""
        from recovery.app.wiring import manager_from_environment

        return manager_from_environment(cls)

    async def initiate_recovery(self, failure: PipelineFailure, strategy: str = "auto") -> RecoveryState:
        """Plan and execute. The effect goes on to its end even when the coroutine is cancelled."""
        return await asyncio.to_thread(lambda: self.execute(self.plan(failure, strategy)))

    async def rollback_to_checkpoint(self, checkpoint: WorkflowCheckpoint, reason: str) -> bool:
        """Return to the state a checkpoint describes; false when it is refused.

        Raises:
            StrategyUnavailable: this version has no recipe for it.
        """
        failure = manual_failure(checkpoint, reason, f"manual-{self._clock.new_id()}", self._clock.now())
        state = await self.initiate_recovery(failure, Strategy.ROLLBACK)
        return state.status in {RecoveryStatus.IN_PROGRESS, RecoveryStatus.COMPLETED}

    async def validate_state(self, checkpoint: WorkflowCheckpoint) -> ValidationReport:
        """Validate a checkpoint in four parts: integrity, environment, artifacts, dependencies."""
        return await asyncio.to_thread(self._validate, checkpoint)

    def plan(
        self, failure: PipelineFailure, strategy: str = "auto", *, observation: Observation | None = None
    ) -> RecoveryPlan:
        """Decide about the attempt a failure belongs to, and write the decision down before anything is done.

        Idempotent: an attempt that is being recovered, or about which the same was decided before, gives the plan
        on record. With `dry_run` nothing is written.

        Raises:
            StrategyUnavailable: the strategy asked for has no recipe.
            ForgeError: the run could not be observed.
        """
        asked = _strategy(strategy)
        if asked not in {Strategy.AUTO, Strategy.NONE}:
            recipe_for(RecoveryType(asked.value))
        seen = observation or observe(self._forge, self._clock, failure.run_id, failure.attempt)
        if not seen.failures:
            seen = seen.model_copy(update={"failures": (failure,)})
        decision = choose(self._case(seen), asked)
        known = self._store.recoveries_of(failure.run_id, failure.attempt)
        standing = standing_in_the_way(known) or saying_the_same(known, decision)
        if standing is not None and (on_record := self._store.plan(standing.id)) is not None:
            return on_record
        plan = draw_up(
            failure,
            seen,
            decision,
            number=len(known) + 1,
            steps=recipe_for(decision.strategy).steps(),
            now=self._clock.now(),
            due_at=self._due_at(seen, decision) if asked is Strategy.AUTO else None,
        )
        return plan if self._settings.dry_run else self._write_down(plan, seen.failures)

    def execute(self, plan: RecoveryPlan) -> RecoveryState:
        """Do what a plan says, once, if it still holds. A plan that is not due yet is left for later.

        Raises:
            DeadlineExceeded: the time given is over; nothing was done.
            ForgeError: the effect failed, or its fate is unknown (`AmbiguousEffect`).
        """
        recorded = self.state_of(plan)
        if plan.decision.kind is not DecisionKind.ACT or self._settings.dry_run or not self._wait_until_due(plan):
            return recorded
        if self._clock.now() >= self._deadline:
            raise DeadlineExceeded(f"no time is left to execute {plan.header.id}")
        recipe = recipe_for(plan.decision.strategy)
        if self._recorder.requested(plan, recipe.EFFECT) is None:
            self._act(plan, recipe, was_requested=bool(recorded.metadata.get("requested_at")))
        return self.state_of(plan)

    def settle(self, recovery: RecoveryState, *, observation: Observation | None = None) -> RecoveryState:
        """Learn what became of a recovery and record its outcome; unchanged while that cannot be told yet."""
        plan = self._store.plan(recovery.id)
        if plan is None or recovery.status not in OPEN or self._settings.dry_run:
            return recovery
        header = plan.header
        run = observation.run if observation else self._forge.run(header.run_id)
        if run.run_attempt == header.attempt:
            return self._settle_without_next_attempt(plan, recovery, run)
        next_attempt = header.attempt + 1
        if run.run_attempt == next_attempt and not run.completed:
            return recovery
        seen = observation is not None and observation.attempt == next_attempt and observation.jobs
        jobs = seen or self._forge.jobs(header.run_id, next_attempt)
        self._recorder.settled(plan, measure(plan.failed_jobs, jobs), next_attempt)
        return self.state_of(plan)

    def state_of(self, plan: RecoveryPlan) -> RecoveryState:
        """A plan's recovery as it is on record; made from the plan alone when nothing was recorded (a dry run)."""
        return self._store.recovery(plan.header.id) or project([self._recorder.decision_event(plan)])

    def _case(self, seen: Observation) -> Case:
        return Case(observation=seen, settings=self._settings, now=self._clock.now(), own_workflow=self._own_workflow)

    def _due_at(self, seen: Observation, decision: Decision) -> datetime | None:
        if decision.kind is not DecisionKind.ACT:
            return None
        delay = delay_before_retry(seen.failures, seen.attempt, self._settings.retry_delay, self._clock.chance())
        return self._clock.now() + timedelta(seconds=delay) if delay >= 1 else None

    def _write_down(self, plan: RecoveryPlan, failures: Sequence[PipelineFailure]) -> RecoveryPlan:
        if self._recorder.decided(plan, failures) is None:
            return plan
        standing = standing_in_the_way(self._store.recoveries_of(plan.header.run_id, plan.header.attempt))
        return (standing and self._store.plan(standing.id)) or plan

    def _wait_until_due(self, plan: RecoveryPlan) -> bool:
        """Wait for a plan that is due shortly; false when it is due too late to wait for."""
        if plan.due_at is None:
            return True
        seconds = (plan.due_at - self._clock.now()).total_seconds()
        if seconds > self._settings.max_inline_delay or plan.due_at >= self._deadline:
            return False
        if seconds > 0:
            self._clock.sleep(seconds)
        return True

    def _act(self, plan: RecoveryPlan, recipe: Recipe, *, was_requested: bool) -> None:
        """The one effect. The request directly before it is always GET run."""
        try:
            unwanted = self._refusal_at_head(plan)
            run = self._forge.run(plan.header.run_id)
        except ForgeError as error:
            if not was_requested:
                self._recorder.answered(plan, recipe.EFFECT, accepted=False, detail=f"not requested: {error.message}")
            raise
        if was_requested and run.run_attempt > plan.header.attempt:
            found = "the next attempt was found on looking again"
            self._recorder.answered(plan, recipe.EFFECT, accepted=True, detail=found)
            return
        refusal = moved_on(plan, run) or unwanted
        if refusal is not None:
            self._recorder.answered(plan, recipe.EFFECT, accepted=False, detail=refusal.text)
            return
        self._request(plan, recipe)

    def _request(self, plan: RecoveryPlan, recipe: Recipe) -> None:
        try:
            recipe.perform(plan, self._forge)
        except RunActive as error:
            self._recorder.answered(
                plan, recipe.EFFECT, accepted=False, detail=f"another re-run came first: {error.message}"
            )
        except AmbiguousEffect as error:
            self._look_after(plan, recipe, error)
        except ForgeError as error:
            self._recorder.answered(plan, recipe.EFFECT, accepted=False, detail=error.message)
            raise
        else:
            self._recorder.answered(plan, recipe.EFFECT, accepted=True)

    def _look_after(self, plan: RecoveryPlan, recipe: Recipe, error: AmbiguousEffect) -> None:
        """After an unclear answer look first. Where nothing is to be seen the request stays open, to be settled."""
        if self._forge.run(plan.header.run_id).run_attempt == plan.header.attempt:
            self._recorder.noted(plan, recipe.EFFECT, f"{error.message}; no new attempt is to be seen yet")
            raise error
        self._recorder.answered(plan, recipe.EFFECT, accepted=True, detail=f"{error.message}; the next attempt exists")

    def _refusal_at_head(self, plan: RecoveryPlan) -> Reason | None:
        """For a plan that had to wait: whether its commit is still wanted."""
        if self._clock.now() - plan.header.started_at < LOOK_AGAIN_AFTER:
            return None
        run = self._forge.run(plan.header.run_id)
        pull_request, head_now = look_at_head(self._forge, run)
        case = self._case(
            Observation(
                run=run,
                attempt=plan.header.attempt,
                jobs=(),
                failures=(),
                pull_request=pull_request,
                head_now=head_now,
                observed_at=self._clock.now(),
            )
        )
        return superseded(case) or pull_request_closed(case)

    def _settle_without_next_attempt(self, plan: RecoveryPlan, recovery: RecoveryState, run: Run) -> RecoveryState:
        requested_at = recovery.metadata.get("requested_at")
        if requested_at is None or not run.completed:
            return recovery
        patience = GIVE_UP_AFTER if recovery.metadata.get("accepted") else REQUEST_IN_FLIGHT
        if self._clock.now() - datetime.fromisoformat(requested_at) > patience:
            self._recorder.settled(plan, Outcome.NOT_RERUN, None)
        return self.state_of(plan)

    def _validate(self, checkpoint: WorkflowCheckpoint) -> ValidationReport:
        digests = checkpoint.metadata.get("dependency_digests", {})
        facts = CheckpointFacts(
            stored=self._vault.get(checkpoint.id),
            environment=self._vault.environment(checkpoint.environment_context),
            available_artifacts=tuple(name for name in checkpoint.artifacts if self._is_available(name)),
            dependency_digests=self._vault.digests(digests),
        )
        return validate(checkpoint, facts)

    def _is_available(self, artifact_name: str) -> bool:
        return any(not artifact.expired for artifact in self._forge.artifacts_named(artifact_name))


def _strategy(name: str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError as error:
        known = ", ".join(f"`{strategy}`" for strategy in Strategy)
        raise InputError(f"`{name}` is not a strategy", hint=f"use one of {known}") from error

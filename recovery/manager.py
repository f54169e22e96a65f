"""The conductor: plan, claim, act, record, settle. Effects go through recipes, facts through ports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from recovery.deciding import Decider
from recovery.effect import FOUND_LATER, Effect
from recovery.errors import DeadlineExceeded, StateError
from recovery.inquiry import Inquiry, inquiry_for
from recovery.models.decision import Decision, DecisionKind, Observation, Reason, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import PipelineFailure, RecoveryState, RecoveryStatus, RecoveryType, WorkflowCheckpoint
from recovery.models.rollback import LAST_KNOWN_GOOD, LONGEST_REASON
from recovery.observer import observe
from recovery.policy.backoff import delay_before_retry
from recovery.policy.choose import asked_for, strategy_named
from recovery.policy.lifecycle import OPEN, project
from recovery.policy.limits import is_rollback, may_be_withdrawn, standing_in_the_way
from recovery.policy.planning import continues_otherwise, draw_up, manual_failure, next_number, saying_the_same
from recovery.policy.redaction import redact
from recovery.policy.validation import ValidationReport
from recovery.ports import CheckpointVault, Clock, Delivery, Forge, Store
from recovery.recorder import Recorder
from recovery.rollback_settlement import RollbackSettlement
from recovery.rollbacks import Request, RollbackPlanner
from recovery.settings import Settings, Strategy
from recovery.settlement import Settlement
from recovery.strategies import recipe_for
from recovery.strategies.recipe import Reach
from recovery.validating import validate_against

LOOK_AGAIN_AFTER = timedelta(minutes=2)
"""A plan older than this is decided about again before it is executed."""


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
        delivery: Delivery | None = None,
        damage: str = "",
        inquiry: Inquiry | None = None,
    ) -> None:
        self._store = store
        self._forge = forge
        self._reach = Reach(forge, clock, delivery)
        self._vault = vault
        self._clock = clock
        self._settings = settings or Settings()
        self._inquiry = inquiry or inquiry_for(self._settings)
        self._recorder = Recorder(store, clock, recorded_by)
        self._decider = Decider(store, self._reach, self._recorder, self._settings, own_workflow)
        self._rollbacks = RollbackPlanner(store, self._reach, self._recorder, self._settings)
        self._damage = damage
        """What of the state that is kept between runs was found damaged; empty for nothing. It is put on record."""
        self._confirmed: dict[str, Strategy] = {}
        """Recoveries that were decided about just now, with what was asked for."""
        self._deadline = clock.now() + timedelta(seconds=self._settings.timeout)

    @staticmethod
    def from_environment() -> RecoveryManager:
        """A manager wired from the environment of a runner, or of a shell with GITHUB_TOKEN and GITHUB_REPOSITORY."""
        from recovery.app.wiring import manager_from_environment

        return manager_from_environment()

    async def initiate_recovery(self, failure: PipelineFailure, strategy: str = "auto") -> RecoveryState:
        """Plan and execute. The effect goes on to its end even when the coroutine is cancelled."""
        return await asyncio.to_thread(lambda: self.execute(self.plan(failure, strategy)))

    async def rollback_to_checkpoint(self, checkpoint: WorkflowCheckpoint, reason: str) -> bool:
        """Return to the state a checkpoint describes; false when it is refused.

        Raises:
            InputError: the configuration does not say how its workflow is rolled back.
            StrategyUnavailable: this manager was made without a delivery.
        """
        state = await asyncio.to_thread(lambda: self.execute(self.plan_rollback(checkpoint, reason=reason)))
        return state.status in {RecoveryStatus.IN_PROGRESS, RecoveryStatus.COMPLETED}

    async def validate_state(self, checkpoint: WorkflowCheckpoint) -> ValidationReport:
        """Validate a checkpoint in four parts: integrity, environment, artifacts, dependencies."""
        return await asyncio.to_thread(validate_against, checkpoint, self._vault, self._forge)

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
        asked = strategy_named(strategy)
        if asked is Strategy.ROLLBACK:
            given = self._settings.checkpoint_id or LAST_KNOWN_GOOD
            return self.plan_rollback(given, failure=failure, reason=self._settings.reason)
        seen = observation or self._observe(failure.run_id, failure.attempt)
        if not seen.failures:
            seen = seen.model_copy(update={"failures": (failure,)})
        if seen.checkpoints is None:
            seen = self.look_for_checkpoints(seen, asked)
        decision = self._decider.decide(seen, asked)
        if decision.kind is DecisionKind.ACT and decision.strategy is RecoveryType.ROLLBACK:
            others = tuple(other for other in seen.failures if other.id != failure.id)
            seen = seen.model_copy(update={"failures": (failure, *others)})
            return self.plan_rollback_unasked(seen, decision.reasons)
        known = self._store.recoveries_of(failure.run_id, failure.attempt)
        standing = standing_in_the_way(known)
        overruled = asked is not Strategy.AUTO or self._is_outdated(standing, failure, seen, decision)
        if standing is not None and may_be_withdrawn(standing, decision, explicit=overruled):
            self._withdraw(standing, decision.reasons[0].text)
            standing = None
        standing = standing or saying_the_same(known, decision)
        if standing is not None and (on_record := self._store.plan(standing.id)) is not None:
            return self._confirm(on_record, decision, asked)
        plan = draw_up(
            failure,
            seen,
            decision,
            number=next_number(known),
            steps=recipe_for(decision.strategy).steps(),
            now=self._clock.now(),
            due_at=self._due_at(seen, decision) if asked is Strategy.AUTO else None,
        )
        if decision.strategy is RecoveryType.ROLLBACK:
            plan = self._rollbacks.told_where_it_was_merged(plan, seen.run.head_sha)
        return plan if self._settings.dry_run else self._write_down(plan, seen.failures, asked)

    def plan_rollback(
        self,
        checkpoint: WorkflowCheckpoint | str = LAST_KNOWN_GOOD,
        *,
        failure: PipelineFailure | None = None,
        run: Run | None = None,
        workflow: str = "",
        reason: str = "",
    ) -> RecoveryPlan:
        """Choose what to go back to, and write the order down before anything is done, or why there is none.

        The bad run is `run`, or that of `failure`, or else the one that stands of `workflow`, or of the checkpoint's.
        Without a failure a synthetic one stands for the person's word. Secrets in the `reason` are hidden: it is shown.

        Raises:
            RecoveryError: it is not configured, no such checkpoint or run is known, or GitHub could not be asked.
        """
        self._reach.require_delivery()
        reason = redact(reason)[:LONGEST_REASON]
        given = self._rollbacks.checkpoint_named(checkpoint) if isinstance(checkpoint, str) else checkpoint
        if run is None:
            run = self._forge.run(failure.run_id) if failure else self._rollbacks.run_of(workflow, given)
        lead = failure or manual_failure(run, reason, f"manual-{self._clock.new_id()}", self._clock.now())
        seen = Observation(run=run, attempt=run.run_attempt, jobs=(), failures=(lead,), observed_at=self._clock.now())
        because = (asked_for(Strategy.ROLLBACK, reason),)
        return self._plan_rollback(Request(seen=seen, because=because, checkpoint=given, reason=reason))

    def plan_rollback_unasked(self, seen: Observation, because: tuple[Reason, ...]) -> RecoveryPlan:
        """Choose what to go back to without a person's word, as the configuration allows; the lead failure comes first.

        Raises:
            RecoveryError: as `plan_rollback`.
        """
        return self._plan_rollback(Request(seen=seen, because=because, automatic=True))

    def _plan_rollback(self, request: Request) -> RecoveryPlan:
        plan, lead = self._rollbacks.draw_up(request), request.failure
        known = self._store.recoveries_of(lead.run_id, lead.attempt)
        standing = standing_in_the_way(known, rolling_back=True)
        if standing is not None and plan.decision.kind is DecisionKind.ACT:
            self._withdraw(standing, plan.decision.reasons[0].text)
        return plan if self._settings.dry_run else self._write_down(plan, request.seen.failures, Strategy.ROLLBACK)

    def execute(self, plan: RecoveryPlan, *, confirmed: bool = False) -> RecoveryState:
        """Do what a plan says, once, if it still holds. A plan that is not due yet is left for later.

        A plan that this manager has not decided itself, or that had to wait, is decided about again first, whatever
        the store says of it; `confirmed` vouches for one that another process of this use has just decided.

        Raises:
            DeadlineExceeded: the time given is over; nothing was done.
            ForgeError: the effect failed, or its fate is unknown (`AmbiguousEffect`).
        """
        recorded = self.state_of(plan)
        if plan.decision.kind is not DecisionKind.ACT or self._settings.dry_run or not self._wait_until_due(plan):
            return recorded
        self._require_time(plan)
        asked = self._confirmed.get(plan.header.id, self._settings.strategy if confirmed else None)
        if plan.rollback is not None and asked is None:
            return recorded  # nobody finds a rollback and carries it out: whoever asked for it does, or nobody
        age = self._clock.now() - plan.header.started_at
        fresh = asked is not None and timedelta() <= age <= LOOK_AGAIN_AFTER
        if recorded.status in OPEN and not fresh and not self._still_holds(plan, recorded, asked or Strategy.AUTO):
            return self.state_of(plan)
        self._require_time(plan)
        recipe = recipe_for(plan.decision.strategy)
        if self._recorder.requested(plan, recipe.EFFECT) is None:
            effect = Effect(plan, recipe, self._reach, self._recorder)
            effect.carry_out(was_requested=bool(recorded.metadata.get("requested_at")))
        return self.state_of(plan)

    def refuse(self, plan: RecoveryPlan, reason: str) -> None:
        """Withdraw a plan before anything is requested: what it needs to be carried out safely is not there.

        Raises:
            StateError: always, with the reason.
        """
        self._withdraw(self.state_of(plan), reason)
        raise StateError(f"{plan.header.id} was not executed: {reason}")

    def settle(self, recovery: RecoveryState, *, observation: Observation | None = None) -> RecoveryState:
        """Learn what became of a recovery and record its outcome; unchanged while that cannot be told yet."""
        plan = self._store.plan(recovery.id)
        if plan is None or recovery.status not in OPEN or self._settings.dry_run:
            return recovery
        if plan.rollback is not None:
            RollbackSettlement(plan, plan.rollback, recovery, self._reach, self._recorder).settle()
        else:
            Settlement(plan, recovery, self._forge, self._recorder, self._clock.now()).settle(observation)
        return self.state_of(plan)

    def clear_up(self, recovery: RecoveryState) -> None:
        """Delete the tags of a rollback that is settled, where whoever settled it was not allowed to.

        Raises:
            ForgeError: this one is not allowed to, either.
        """
        plan = self._store.plan(recovery.id)
        if plan is None or plan.rollback is None or recovery.status in OPEN or self._settings.dry_run:
            return
        RollbackSettlement(plan, plan.rollback, recovery, self._reach, self._recorder).clear_up_again()

    def look_for_checkpoints(self, seen: Observation, strategy: str = "auto") -> Observation:
        """What was seen, with the checkpoints of the failed jobs, if they could change what is done.

        Raises:
            ForgeError: GitHub cannot be used at all; a list that may not be read means that there are none.
        """
        return self._decider.look_for_checkpoints(seen, strategy_named(strategy))

    def has_confirmed(self, plan: RecoveryPlan) -> bool:
        """Whether this manager itself has just decided to act on a plan, whatever the plan says of itself."""
        return plan.header.id in self._confirmed

    def state_of(self, plan: RecoveryPlan) -> RecoveryState:
        """A plan's recovery as it is on record; made from the plan alone when nothing was recorded (a dry run)."""
        return self._store.recovery(plan.header.id) or project([self._recorder.decision_event(plan)])

    def _observe(self, run_id: int, attempt: int) -> Observation:
        return observe(self._forge, self._clock, run_id, attempt, self._inquiry)

    def _due_at(self, seen: Observation, decision: Decision) -> datetime | None:
        if decision.kind is not DecisionKind.ACT:
            return None
        delay = delay_before_retry(seen.failures, seen.attempt, self._settings.retry_delay, self._clock.chance())
        return self._clock.now() + timedelta(seconds=delay) if delay >= 1 else None

    def _write_down(self, plan: RecoveryPlan, failures: Sequence[PipelineFailure], asked: Strategy) -> RecoveryPlan:
        plan = plan.model_copy(update={"damage": self._damage})
        if self._recorder.decided(plan, failures) is None:
            self._confirmed[plan.header.id] = asked
            return plan
        known = self._store.recoveries_of(plan.header.run_id, plan.header.attempt)
        standing = standing_in_the_way(known, rolling_back=is_rollback(plan))
        return (standing and self._store.plan(standing.id)) or plan

    def _require_time(self, plan: RecoveryPlan) -> None:
        if self._clock.now() >= self._deadline:
            raise DeadlineExceeded(f"no time is left to execute {plan.header.id}")

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

    def _still_holds(self, plan: RecoveryPlan, recorded: RecoveryState, asked: Strategy) -> bool:
        """Observe and decide anew, as if there were no plan; withdraw it where the answer is no longer to act."""
        if plan.rollback is not None:
            against = self._rollbacks.still_holds(plan)
            if against is not None:
                self._withdraw(recorded, against)
            return against is None
        seen = self._observe(plan.header.run_id, plan.header.attempt)
        if recorded.metadata.get("requested_at") and seen.run.run_attempt > plan.header.attempt:
            effect = recipe_for(plan.decision.strategy).EFFECT
            self._recorder.answered(plan, effect, accepted=True, detail=FOUND_LATER)
            return False
        if plan.checkpoints:
            seen = self.look_for_checkpoints(seen, asked)
        decision = self._decider.decide(seen, asked)
        if decision.kind is not DecisionKind.ACT:
            self._withdraw(recorded, decision.reasons[0].text)
            return False
        if plan.checkpoints and continues_otherwise(plan, seen, decision):
            self._withdraw(recorded, "what the jobs may continue from has changed since")
            return False
        return True

    def _withdraw(self, recovery: RecoveryState, reason: str) -> None:
        plan = self._store.plan(recovery.id)
        if plan is not None and not self._settings.dry_run:
            effect = recipe_for(plan.decision.strategy).EFFECT
            self._recorder.answered(plan, effect, accepted=False, detail=f"withdrawn: {reason}")

    def _is_outdated(
        self, standing: RecoveryState | None, failure: PipelineFailure, seen: Observation, decision: Decision
    ) -> bool:
        """Whether the plan on record is about another attempt, as no manager makes it, or other checkpoints."""
        plan = self._store.plan(standing.id) if standing else None
        if plan is None:
            return False
        is_about_another = (plan.header.run_id, plan.header.attempt) != (failure.run_id, failure.attempt)
        return is_about_another or (decision.kind is DecisionKind.ACT and continues_otherwise(plan, seen, decision))

    def _confirm(self, on_record: RecoveryPlan, decision: Decision, asked: Strategy) -> RecoveryPlan:
        """A plan on record may be executed by this manager if the decision made now is to act, too."""
        if decision.kind is DecisionKind.ACT:
            self._confirmed[on_record.header.id] = asked
        return on_record

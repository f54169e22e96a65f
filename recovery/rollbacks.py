"""Plan a rollback: what stands now, what may be gone back to, and the order that follows, written down whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from recovery.errors import ForgeError, InputError, NotFoundError
from recovery.exclusion import Exclusion
from recovery.models.decision import Decision, DecisionKind, Observation, Reason, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import PipelineFailure, WorkflowCheckpoint
from recovery.models.rollback import (
    LAST_KNOWN_GOOD,
    OVERRIDABLE,
    PRE_ROLLBACK,
    CandidateFacts,
    RejectionId,
    RollbackKind,
    TargetChoice,
)
from recovery.policy.bad_run import notes_on
from recovery.policy.candidates import candidates_among, those_that_count
from recovery.policy.limits import may_be_withdrawn, standing_in_the_way
from recovery.policy.naming import slug
from recovery.policy.ordering import decide_on_target, given_up, order_for
from recovery.policy.planning import draw_up
from recovery.policy.returning import FailedRollback, as_it_was_done
from recovery.policy.targets import RollbackCase, choose_target, damage_in, reasons_against
from recovery.ports import Store
from recovery.recorder import Recorder
from recovery.settings import RollbackRule, Settings
from recovery.standing import Standing
from recovery.strategies import rollback
from recovery.strategies.recipe import Reach
from recovery.surveyor import Surveyor, damaged_among

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What is asked for: which run is bad and how it failed, why, and what to go back to."""

    seen: Observation
    """The bad run with its failures, the one that leads first."""
    because: tuple[Reason, ...]
    checkpoint: WorkflowCheckpoint | None = None
    """None for the newest that passes every check."""
    reason: str = ""
    automatic: bool = False

    @property
    def bad_run(self) -> Run:
        """The run that is rolled back."""
        return self.seen.run

    @property
    def failure(self) -> PipelineFailure:
        """The failure that leads, or the synthetic one that stands for a person's word."""
        return self.seen.failures[0]


@dataclass(frozen=True)
class RollbackPlanner:
    """Plans rollbacks of one repository."""

    store: Store
    reach: Reach
    recorder: Recorder
    settings: Settings

    def run_of(self, workflow_name: str, checkpoint: WorkflowCheckpoint | None) -> Run:
        """The run to be rolled back where none is named: see `Standing.run_of`."""
        return self._standing.run_of(workflow_name, checkpoint)

    def checkpoint_named(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """A checkpoint by its id; None stands for the newest that passes every check.

        Raises:
            NotFoundError: no checkpoint of that id is on record.
        """
        if checkpoint_id in {"", LAST_KNOWN_GOOD}:
            return None
        known = self.store.checkpoint(checkpoint_id)
        if known is None:
            raise NotFoundError(
                f"no checkpoint {checkpoint_id} is on record",
                hint=f"name another one, or `{LAST_KNOWN_GOOD}`, which takes the newest that passes every check",
            )
        return known

    def draw_up(self, request: Request) -> RecoveryPlan:
        """The plan for a rollback: an order to act, or what stands against it with all that was looked into.

        What stood before is put on record, so that the plan can name it. Requests: the default branch, the runs of
        the workflow on each branch that deploys, the tag of the bad commit, what each candidate costs (`Surveyor`), and
        the pull request of the bad commit.

        Raises:
            InputError: the configuration does not say how this workflow is rolled back.
            ForgeError: GitHub cannot be asked.
        """
        case = self._case_of(request)
        aftermath = self._standing.aftermath(case.bad_run)
        against = self._standing.against(case, aftermath, automatic=request.automatic)
        choice = TargetChoice() if against else self._choose(case, request)
        self._exclude(choice)
        decision = decide_on_target(request.because, case, choice, against, notes_on(aftermath))
        acting = decision.kind is DecisionKind.ACT
        known = self.store.recoveries_of(request.failure.run_id, request.failure.attempt)
        in_the_way = standing_in_the_way(known, rolling_back=True)
        if acting and in_the_way is not None and not may_be_withdrawn(in_the_way, decision, explicit=True):
            return given_up(self._planned(request, case, decision, choice, before=None), in_the_way)
        return self._planned(request, case, decision, choice, before=self._keep(case) if acting else None)

    def told_where_it_was_merged(self, plan: RecoveryPlan, commit_sha: str) -> RecoveryPlan:
        """The plan, to be told on the merged pull request that brought a commit, unless its run has one of its own.

        A deployment runs on `push`, which belongs to no pull request. One request; that the pull request cannot be
        found is no reason against a rollback.
        """
        if plan.pull_request is not None or self.reach.delivering is None:
            return plan
        try:
            merged = self.reach.delivering.merged_pull_request(commit_sha)
        except ForgeError as error:
            log.warning("pull request not found recovery_id=%s reason=%s", plan.header.id, error.message)
            return plan
        return plan.model_copy(update={"pull_request": merged.number}) if merged else plan

    def still_holds(self, plan: RecoveryPlan) -> str | None:
        """Why a plan that was drawn up a while ago is not carried out any more; None when it may be.

        Whether it has been done meanwhile is told by its tag, which is taken before anything else.
        """
        order = rollback.order_of(plan)
        failed = self._standing.failed_rollback(order.returns_from) if order.returns_from else None
        if order.returns_from and failed is None:
            return f"{order.returns_from}, from which it returns, is not on record"
        attempt = plan.header.attempt if plan.header.run_id == order.bad_run_id else None
        case = self._case(self.reach.forge.run(order.bad_run_id), attempt, failed)
        aftermath = self._standing.aftermath(case.bad_run)
        unfit = self._standing.unfit(case, aftermath, automatic=order.automatic)
        against = unfit or self._standing.no_way_back(case, aftermath)
        if against is not None:
            return f"{against.id}: {against.text}"
        checkpoint = self.checkpoint_named(order.target_checkpoint_id or "")
        if checkpoint is None:
            return "it names no target"
        set_aside = OVERRIDABLE.intersection(reason.id for reason in order.forced)
        found = reasons_against(self._surveyor(case).look_into(checkpoint), case)
        return next((f"{reason.id}: {reason.text}" for reason in found if reason.id not in set_aside), None)

    @cached_property
    def _standing(self) -> Standing:
        return Standing(self.store, self.reach, self.settings.rollback)

    def _case_of(self, request: Request) -> RollbackCase:
        """What is rolled back, and how; or what is returned from, which only a person asks for."""
        run, attempt = request.bad_run, request.failure.attempt
        if request.checkpoint is not None and not request.automatic:
            way_back = self._standing.way_back(request.checkpoint.id, run)
            if way_back is not None:
                is_its_run = way_back.bad_run.id == run.id
                return self._case(way_back.bad_run, attempt if is_its_run else None, way_back.failed)
        return self._case(run, attempt)

    def _case(self, bad_run: Run, attempt: int | None, failed: FailedRollback | None = None) -> RollbackCase:
        rule = self._rule(bad_run.workflow_name)
        return RollbackCase(
            rule=as_it_was_done(rule, failed) if failed else rule,
            bad_run=bad_run,
            default_branch=self._standing.default_branch,
            now=self.reach.clock.now(),
            attempt=attempt,
            returns_from=failed,
        )

    def _rule(self, workflow_name: str) -> RollbackRule:
        rule = self.settings.rollback.get(workflow_name)
        if rule is None:
            raise InputError(
                f"the configuration does not say how the workflow `{workflow_name}` is rolled back",
                hint=f'write into .github/recovery.yml: `rollback: {{"{workflow_name}": {{kind: redispatch}}}}`;'
                f" the kinds are {', '.join(RollbackKind)}",
            )
        self._require_tags_of_its_own(workflow_name)
        return rule

    def _require_tags_of_its_own(self, workflow_name: str) -> None:
        for other in self.settings.rollback:
            if other != workflow_name and slug(other) == slug(workflow_name):
                raise InputError(
                    f"the workflows `{other}` and `{workflow_name}` would have the same tags, by which GitHub keeps a"
                    " rollback from happening twice: their names differ in capitals only",
                    hint="rename one of them",
                )

    def _surveyor(self, case: RollbackCase) -> Surveyor:
        return Surveyor(self.store, self.reach.forge, self.reach.delivery, case, self.settings)

    def _choose(self, case: RollbackCase, request: Request) -> TargetChoice:
        surveyor = self._surveyor(case)
        given = request.checkpoint
        candidates: Iterable[CandidateFacts]
        candidates = surveyor.newest_first() if given is None else iter([surveyor.look_into(given)])
        forced: tuple[RejectionId, ...] = () if request.automatic else self.settings.force
        return choose_target(candidates, case, forced)

    def _planned(
        self, request: Request, case: RollbackCase, decision: Decision, choice: TargetChoice, *, before: str | None
    ) -> RecoveryPlan:
        nonce = self.reach.clock.new_id()
        acting = decision.kind is DecisionKind.ACT
        plan = draw_up(
            request.failure,
            _with_damage_only(request.seen),
            decision,
            number=nonce.lower(),
            steps=rollback.steps() if acting else ("report_to_people",),
            now=case.now,
            due_at=None,
        )
        order = order_for(
            case,
            choice,
            before=before,
            nonce=nonce,
            inputs=self.settings.inputs,
            reason=request.reason,
            automatic=request.automatic,
        )
        plan = plan.model_copy(update={"rollback": order})
        is_told = acting or request.automatic  # who asks for what is declined is told so, and a proposal stays
        return self.told_where_it_was_merged(plan, case.bad_run.head_sha) if is_told else plan

    def _keep(self, case: RollbackCase) -> str | None:
        """The id of what stands now: what is fit of what the bad run left, or else a record of its commit.

        A return goes back from what the failed rollback was to bring.
        """
        if case.returns_from is not None:
            return case.returns_from.order.target_checkpoint_id
        run = case.bad_run
        left = [one for one in self.store.checkpoints(run.repository) if one.run_id == str(run.id)]
        newest = next(candidates_among(left, run.workflow_name), None)
        is_usable = newest is not None and self.store.health_of(newest.id)[0].is_usable
        if newest and is_usable and not damaged_among(self.store, those_that_count(left)):
            return newest.id
        checkpoint = WorkflowCheckpoint(
            id=f"ckpt-{self.reach.clock.new_id()}",
            repository=run.repository,
            workflow_name=run.workflow_name,
            run_id=str(run.id),
            commit_sha=run.head_sha,
            checkpoint_type="workflow",
            checkpoint_name="before-rollback",
            created_at=case.now,
            workflow_state={"run_id": run.id, "attempt": run.run_attempt, "conclusion": run.conclusion},
            metadata={"attempt": run.run_attempt, "ref": run.head_branch or "", PRE_ROLLBACK: True},
        )
        if not self.settings.dry_run:
            self.recorder.checkpointed(checkpoint)
        return checkpoint.id

    def _exclude(self, choice: TargetChoice) -> None:
        """Put corruption that was found on record, so that the checkpoint is out of use for good."""
        if self.settings.dry_run:
            return
        exclusion = Exclusion(self.store, self.recorder, self.reach.forge.repository)
        for rejected in choice.rejected:
            if rejected.corrupt:
                exclusion.condemn(rejected.checkpoint_id, damage_in(rejected))


def _with_damage_only(seen: Observation) -> Observation:
    """What was seen of the bad run, for the record: nothing continues from its checkpoints, but damage is told."""
    damaged = tuple(found for found in seen.checkpoints or () if found.corrupt)
    return seen.model_copy(update={"checkpoints": damaged or None})

"""What stands: the run that is rolled back, the rollback that is returned from, and what speaks against either."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import islice

from recovery.errors import CheckpointRejected, InputError, NotFoundError
from recovery.models.decision import Reason, ReasonId
from recovery.models.github import Run, Tag
from recovery.models.records import RecoveryState, WorkflowCheckpoint
from recovery.models.rollback import RollbackKind
from recovery.policy.bad_run import (
    Aftermath,
    is_of_branch_itself,
    run_that_stands,
    what_came_after,
    why_not,
    why_not_after,
    why_not_this_attempt,
)
from recovery.policy.candidates import candidates_among, run_number
from recovery.policy.claims import read_claim, told_of
from recovery.policy.lifecycle import OPEN
from recovery.policy.ordering import tag_of
from recovery.policy.returning import FailedRollback, is_about
from recovery.policy.targets import MOST_CANDIDATES, RollbackCase
from recovery.ports import Store
from recovery.returns import Returns, WayBack
from recovery.settings import RollbackRule
from recovery.strategies import claiming
from recovery.strategies.recipe import Reach
from recovery.surveyor import run_if_there

NEWEST_LOOKED_AT = 100
"""Runs of a workflow on a branch among which the one that stands, and what came after a run, is looked for.

GitHub lists them by when they were created, and gives so many for one request: an older one that was run again since is
not seen.
"""


class Standing:
    """The runs and rollbacks of one repository as they are now."""

    def __init__(self, store: Store, reach: Reach, rules: Mapping[str, RollbackRule]) -> None:
        self._store = store
        self._reach = reach
        self._forge = reach.forge
        self._rules = rules
        self._returns = Returns(store, reach)

    @cached_property
    def default_branch(self) -> str:
        """The repository's default branch, asked for once."""
        return self._forge.default_branch()

    def run_of(self, workflow_name: str, checkpoint: WorkflowCheckpoint | None) -> Run:
        """The run to be rolled back: the one that stands, of a workflow that is named or that made a checkpoint.

        What stood before a rollback that failed half-way tells the run that this one rolled back.

        Raises:
            InputError: neither tells the workflow, or they contradict each other.
            NotFoundError: no checkpoint of the workflow is on record, or it has no run that deployed.
            CheckpointRejected: the checkpoint is of no run of GitHub's.
        """
        if checkpoint is not None and workflow_name not in {"", checkpoint.workflow_name}:
            raise InputError(
                f"the checkpoint {checkpoint.id} is of the workflow `{checkpoint.workflow_name}`, not of"
                f" `{workflow_name}`",
                hint="name a checkpoint of that workflow, or leave one of the two out",
            )
        way_back = self.way_back(checkpoint.id) if checkpoint else None
        if way_back is not None:
            return way_back.bad_run
        if workflow_name:
            return self._run_that_stands(self._any_run_of(workflow_name))
        if checkpoint is None:
            raise InputError("nothing tells what is to be rolled back", hint="name the workflow, or the bad run")
        number = run_number(checkpoint.run_id)
        if number is None:
            run_id = checkpoint.run_id[:40]
            raise CheckpointRejected(
                f"{checkpoint.id} cannot be gone back to: its run {run_id!r} is no run of GitHub's"
            )
        return self._run_that_stands(self._forge.run(number))

    def _any_run_of(self, workflow_name: str) -> Run:
        """Any run of a workflow on a branch that deploys; it tells the file, which anybody's would not.

        One request for each checkpoint that is looked into.
        """
        branches = self._branches_of(workflow_name)
        on_record = self._store.checkpoints(self._forge.repository)
        for checkpoint in islice(candidates_among(on_record, workflow_name), MOST_CANDIDATES):
            number = run_number(checkpoint.run_id)
            run = run_if_there(self._forge, number) if number is not None else None
            is_fit = run is not None and is_of_branch_itself(run) and run.head_branch in branches
            if run is not None and is_fit and run.workflow_name == workflow_name:
                return run
        names = " or ".join(f"`{name}`" for name in branches)
        raise NotFoundError(
            f"no checkpoint of the workflow `{workflow_name}` is on record that GitHub knows a run on {names} of, so"
            " that there is nothing to go back to",
            hint="let its jobs make checkpoints: `mode: checkpoint`; or name the bad run: `run-id`",
        )

    def _run_that_stands(self, other: Run) -> Run:
        """The newest run of the same workflow, on a branch that deploys, that deployed or is about to."""
        standing = run_that_stands(self._runs_like(other))
        if standing is None:
            names = " or ".join(f"`{name}`" for name in self._branches_of(other.workflow_name))
            raise NotFoundError(
                f"no completed run of {_file_of(other)} on {names} was found that deployed anything",
                hint="name the bad run: `run-id`",
            )
        return standing

    def aftermath(self, run: Run) -> Aftermath:
        """What came after a run on the branches that deploy; one request for each of these."""
        return what_came_after(run, self._runs_like(run))

    def way_back(self, checkpoint_id: str, run: Run | None = None) -> WayBack | None:
        """The rollback that to go back to this checkpoint is to return from; None where there is no such one.

        It failed half-way, this checkpoint is what stood before it, it is about `run` if that is named, and no run has
        deployed since. No request where there is none.
        """
        failed = self._returns.failed_before(checkpoint_id, self.rollbacks())
        if failed is None or (run and not is_about(run, failed)):
            return None
        is_bad_run = run is not None and run.id == failed.order.bad_run_id
        bad_run = run if run and is_bad_run else self._forge.run(failed.order.bad_run_id)
        is_past = self._returns.deployed_since(failed, bad_run, self.aftermath(bad_run)) is not None
        return None if is_past else WayBack(failed, bad_run)

    def against(self, case: RollbackCase, aftermath: Aftermath, *, automatic: bool) -> Reason | None:
        """What stands against a rollback, whatever its target.

        A request for its tag, two where that is there; some more for what is returned from.
        """
        return (
            self.unfit(case, aftermath, automatic=automatic)
            or self._going_on(case)
            or self._done_before(case)
            or self.no_way_back(case, aftermath)
        )

    def no_way_back(self, case: RollbackCase, aftermath: Aftermath) -> Reason | None:
        """Why the rollback that was to be returned from is not; None where none is returned from."""
        failed = case.returns_from
        return self._returns.why_not(failed, case.bad_run, aftermath) if failed else None

    def unfit(self, case: RollbackCase, aftermath: Aftermath, *, automatic: bool) -> Reason | None:
        """What speaks against the run, apart from other rollbacks."""
        attempt = case.bad_run.run_attempt if case.attempt is None else case.attempt
        return (
            why_not(case.bad_run, case.rule, case.default_branch)
            or why_not_this_attempt(case.bad_run, attempt, automatic=automatic)
            or why_not_after(aftermath, automatic=automatic)
        )

    def failed_rollback(self, recovery_id: str) -> FailedRollback | None:
        """A rollback on record with what it ordered; None where it is not known, or ordered nothing."""
        return self._returns.failed_rollback(recovery_id)

    def rollbacks(self) -> tuple[RecoveryState, ...]:
        """The rollbacks on record, newest first."""
        return self._store.rollbacks(self._forge.repository)

    def _runs_like(self, run: Run) -> tuple[Run, ...]:
        """The newest runs of the same workflow, of each branch that deploys."""
        return tuple(
            each
            for branch in self._branches_of(run.workflow_name)
            for each in self._forge.runs_of_workflow(_file_of(run), branch=branch, limit=NEWEST_LOOKED_AT)
        )

    def _branches_of(self, workflow_name: str) -> tuple[str, ...]:
        rule = self._rules.get(workflow_name)
        return tuple(dict.fromkeys((self.default_branch, *(rule.branches if rule else ()))))

    def _going_on(self, case: RollbackCase) -> Reason | None:
        where = (case.bad_run.workflow_name, case.rule.environment)
        for state in self.rollbacks():
            told = state.recovery_context.get("rollback", {})
            if state.status in OPEN and (told.get("workflow_name"), told.get("environment")) == where:
                return Reason(
                    id=ReasonId.ROLLED_BACK,
                    text=f"a rollback of `{where[0]}` in `{where[1]}` goes on:"
                    f" {state.id}, since {state.started_at:%Y-%m-%d %H:%M} UTC{_waiting_for_people(state)}",
                )
        return None

    def _done_before(self, case: RollbackCase) -> Reason | None:
        name = tag_of(case)
        tag = self._reach.delivery.tag(name)
        if tag is None:
            return None
        done = (
            f"what stood before {case.returns_from.id} was gone back to already, or is just being"
            if case.returns_from
            else f"commit {case.bad_sha[:7]} was rolled back already, or is just being"
        )
        sha = case.returns_from.order.bad_sha if case.returns_from else case.bad_sha
        return Reason(id=ReasonId.ROLLED_BACK, text=f"{done}: {self._whose(tag, sha)}")

    def _whose(self, tag: Tag, sha: str) -> str:
        """Who made a tag, and what to do for it to be made again."""
        claim = read_claim(tag.message)
        delete_it = f"delete the tag: {claiming.how_to_delete(tag.name)}"
        if claim is None:
            return f"the tag {tag.name} is there, and says not whose it is; if nothing goes on, {delete_it}"
        state = self._store.recovery(claim.recovery_id)
        if state is not None and state.status not in OPEN and not state.metadata.get("accepted"):
            return f"{told_of(claim)}; nothing came of it, so {delete_it}"
        return f"{told_of(claim)}; to have it done again, release the commit: `recovery holds release {sha}`"


def _waiting_for_people(state: RecoveryState) -> str:
    """What an open rollback waits for, where only people can end it."""
    number = state.metadata.get("reference")
    if state.recovery_context["rollback"]["kind"] != RollbackKind.REVERT_PR or not number:
        return ""
    return f"; its pull request {number} is open: merge or close it"


def _file_of(run: Run) -> str:
    return run.path.rpartition("/")[2]

"""A rollback that failed half-way is returned from: back to what stood before, once, by a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.database.engine import open_store
from recovery.errors import AlreadyUnderWay
from recovery.models.decision import DecisionKind, Reason, ReasonId, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus
from recovery.models.rollback import RejectionId, RollbackKind
from recovery.policy.naming import return_tag
from recovery.returns import Returns
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import BUSY, TAG, RollbackBench

RETURN_TAG = return_tag("Deploy", "production", rolled.BAD_SHA)


@pytest.fixture(params=["redispatch", "deployment"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> RollbackBench:
    """A bad deployment, for each kind that deploys, over SQLite."""
    return RollbackBench(open_store(str(tmp_path / "recovery.db")), tmp_path, request.param)


@pytest.fixture
def quick(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def half_way(bench: RollbackBench) -> RecoveryState:
    """A rollback that failed half-way."""
    assert bench.go()
    bench.end_rollback("failure")
    state = bench.settle()
    assert "still-failing" == state.metadata["outcome"]
    bench.clock.advance(60)
    return state


def way_back(bench: RollbackBench, state: RecoveryState) -> RecoveryPlan:
    """What a person gets who names nothing but what stood before."""
    return bench.manager().plan_rollback(state.rollback_checkpoint_id or "", reason="worse than before")


def test_half_way_failure_returns_to_where_it_was(bench: RollbackBench) -> None:
    """From the good commit, which did not come up, back to the bad one, which did; nothing has to be forced."""
    failed = half_way(bench)
    manager = bench.manager()
    plan = manager.plan_rollback(failed.rollback_checkpoint_id or "")

    state = manager.execute(plan)

    order = plan.rollback
    assert order is not None
    assert (RecoveryStatus.IN_PROGRESS, 2) == (state.status, bench.effects)
    assert (failed.id, rolled.GOOD_SHA, rolled.BAD_SHA, rolled.BAD_RUN) == (
        order.returns_from,
        order.bad_sha,
        order.target_sha,
        order.bad_run_id,
    )
    assert (failed.rollback_checkpoint_id, None, "ckpt-good0001", None, ()) == (
        order.target_checkpoint_id,
        order.target_artifact_id,
        order.rollback_checkpoint_id,
        order.hold_until,
        order.forced,
    )
    assert {TAG, RETURN_TAG, BUSY} == bench.locks
    assert "which failed half-way" in plan.decision.reasons[1].text
    failure = bench.store.failure(plan.header.failure_id)
    assert failure is not None
    assert ("manual", rolled.BAD_RUN) == (failure.kind, failure.run_id)


def test_bad_commit_stays_on_hold(quick: RollbackBench) -> None:
    """It stands again, because nothing better came up; only a person says that it is good."""
    failed = half_way(quick)
    manager = quick.manager()
    manager.execute(manager.plan_rollback(failed.rollback_checkpoint_id or ""))
    quick.end_rollback()
    way = quick.store.recovery(quick.state(2).id)
    assert way is not None

    settled = quick.manager().settle(way)

    assert "cleared" == settled.metadata["outcome"]
    assert {TAG, RETURN_TAG} == quick.locks
    assert "hold_released_at" not in quick.state().metadata


def test_what_the_bad_run_left_is_returned_to_with_its_files(quick: RollbackBench) -> None:
    """Its own newest checkpoint is what stood before."""
    own = rolled.make_good_checkpoint(
        id="ckpt-bad00001", run_id=str(rolled.BAD_RUN), commit_sha=rolled.BAD_SHA, metadata={"artifact_id": 9102}
    )
    quick.add_checkpoint(own, name="recovery-checkpoint.902.1.78.deployed.bad00001", run_id=rolled.BAD_RUN)
    plan = way_back(quick, half_way(quick))

    assert plan.rollback is not None
    assert (DecisionKind.ACT, "ckpt-bad00001", 9102) == (
        plan.decision.kind,
        plan.rollback.target_checkpoint_id,
        plan.rollback.target_artifact_id,
    )


def test_run_that_failed_may_be_named(quick: RollbackBench) -> None:
    """People have it before their eyes; so may the run that was rolled back."""
    failed = half_way(quick)
    started = quick.forge.run(int(failed.metadata["reference"]))

    for run in (started, quick.forge.run(rolled.BAD_RUN)):
        plan = quick.manager(dry_run=True).plan_rollback(failed.rollback_checkpoint_id or "", run=run)
        assert plan.rollback is not None
        assert (DecisionKind.ACT, failed.id, rolled.BAD_RUN) == (
            plan.decision.kind,
            plan.rollback.returns_from,
            plan.rollback.bad_run_id,
        )


def test_only_once(bench: RollbackBench) -> None:
    """Its tag stands; who asks again is told."""
    failed = half_way(bench)
    manager = bench.manager()
    manager.execute(manager.plan_rollback(failed.rollback_checkpoint_id or ""))
    going_on = way_back(bench, failed)
    bench.end_rollback()
    bench.manager().settle(bench.state(2))

    again = way_back(bench, failed)

    assert {ReasonId.ROLLED_BACK} == {plan.decision.reasons[0].id for plan in (going_on, again)}
    assert f"what stood before {failed.id} was gone back to already" in again.decision.reasons[0].text
    assert 2 == bench.effects


def test_return_that_fails_may_be_returned_from(quick: RollbackBench) -> None:
    """Back to the commit that is known to be good; from there it has been tried, and that is all."""
    failed = half_way(quick)
    manager = quick.manager()
    manager.execute(manager.plan_rollback(failed.rollback_checkpoint_id or ""))
    quick.end_rollback("failure")
    quick.manager().settle(quick.state(2))
    quick.clock.advance(60)

    plan = quick.manager().plan_rollback("ckpt-good0001")

    assert plan.rollback is not None
    assert (DecisionKind.ACT, quick.state(2).id, rolled.BAD_SHA, rolled.GOOD_SHA) == (
        plan.decision.kind,
        plan.rollback.returns_from,
        plan.rollback.bad_sha,
        plan.rollback.target_sha,
    )
    assert failed.rollback_checkpoint_id == plan.rollback.rollback_checkpoint_id


def test_rollback_that_goes_on_is_not_returned_from(quick: RollbackBench) -> None:
    """It may still succeed."""
    assert quick.go()

    reason = way_back(quick, quick.state()).decision.reasons[0]

    assert ReasonId.ROLLED_BACK is reason.id
    assert f"goes on: {quick.state().id}" in reason.text


def test_what_stood_before_a_rollback_that_succeeded_goes_through_all_checks(quick: RollbackBench) -> None:
    """It is a checkpoint as any other then: of a run that failed, and of a commit on hold."""
    assert quick.go()
    quick.end_rollback()
    state = quick.settle()

    plan = quick.manager().plan_rollback(state.rollback_checkpoint_id or "", run=third(quick))

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, None) == (plan.decision.kind, plan.rollback.returns_from)
    assert {RejectionId.NOT_SUCCESSFUL, RejectionId.ON_HOLD} <= {
        reason.id for reason in plan.rollback.rejected[0].reasons
    }


def third(bench: RollbackBench) -> Run:
    """One more bad deployment, of a commit after the bad one, a while from now."""
    sha = "c" * 40
    bench.delivery.add_commits(rolled.BAD_SHA, sha)
    bench.forge.files[rolled.WORKFLOW, sha] = rolled.WORKFLOW_TEXT
    bench.clock.advance(600)
    now = bench.clock.now()
    run = rolled.make_bad_run(id=950, head_sha=sha, created_at=now, run_started_at=now)
    bench.forge.add_run(run)
    return run


@pytest.mark.parametrize("named", [False, True])
def test_nothing_is_returned_to_once_something_else_was_deployed(quick: RollbackBench, *, named: bool) -> None:
    """What stood before is history: the ordinary checks hold, for a rollback of what stands now."""
    failed = half_way(quick)
    newer = third(quick)

    plan = quick.manager().plan_rollback(failed.rollback_checkpoint_id or "", run=newer if named else None)

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, None, newer.id) == (
        plan.decision.kind,
        plan.rollback.returns_from,
        plan.rollback.bad_run_id,
    )


def test_pull_request_is_not_returned_from(tmp_path: Path) -> None:
    """It deployed nothing."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    assert bench.go()
    bench.store.record([make.recovery_settled(recovery=bench.plan().header, outcome=Outcome.UNKNOWN)])

    reason = way_back(bench, bench.state()).decision.reasons[0]

    assert ReasonId.ROLLED_BACK is reason.id
    assert "proposed a pull request" in reason.text


def test_configuration_that_changed_does_not_matter(quick: RollbackBench) -> None:
    """It is undone in the way that it was done."""
    failed = half_way(quick)
    quick.rule = RollbackRule(kind="revert-pr", environment="eu")

    plan = way_back(quick, failed)

    assert plan.rollback is not None
    assert (RollbackKind.REDISPATCH, "production", RETURN_TAG) == (
        plan.rollback.kind,
        plan.rollback.environment,
        plan.rollback.tag,
    )


def test_return_is_checked(quick: RollbackBench) -> None:
    """What stood before need not have been good, but must be whole, and able to be brought back."""
    failed = half_way(quick)
    quick.forge.files[rolled.WORKFLOW, rolled.BAD_SHA] = "on: push\njobs: {build: {}}"

    plan = way_back(quick, failed)

    assert plan.rollback is not None
    assert [RejectionId.STRUCTURE_CHANGED, RejectionId.INPUT_UNDECLARED] == [
        reason.id for reason in plan.rollback.rejected[0].reasons
    ]


def test_nothing_returns_by_itself(tmp_path: Path) -> None:
    """A critical failure is rolled back, where that is configured; what became of that is for people."""
    bench = RollbackBench(MemoryStore(), tmp_path, automatic=True)
    half_way(bench)
    failure = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", head_sha=rolled.BAD_SHA)

    plan = bench.unasked(failure)

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, None) == (plan.decision.kind, plan.rollback.returns_from)


def test_plan_to_return_that_waited_still_holds(quick: RollbackBench) -> None:
    """What it is exempt from when it is made, it is exempt from when it is carried out."""
    failed = half_way(quick)
    manager = quick.manager()
    plan = manager.plan_rollback(failed.rollback_checkpoint_id or "")
    quick.clock.advance(200)

    assert RecoveryStatus.IN_PROGRESS is manager.execute(plan).status
    assert 2 == quick.effects


def test_plan_to_return_from_what_is_not_on_record_is_withdrawn(quick: RollbackBench) -> None:
    """Nothing shows any more that it stood."""
    failed = half_way(quick)
    plan = way_back(quick, failed)
    assert plan.rollback is not None
    strange = plan.model_copy(update={"rollback": plan.rollback.model_copy(update={"returns_from": "rec-1-1-x"})})

    assert "rec-1-1-x, from which it returns, is not on record" == quick.manager()._rollbacks.still_holds(strange)


def test_form_returns(quick: RollbackBench) -> None:
    """With the id that the failed rollback told, and the workflow that the form always has."""
    failed = half_way(quick)

    result = quick.roll_back(checkpoint_id=failed.rollback_checkpoint_id or "", workflow="Deploy")
    again = quick.roll_back(checkpoint_id=failed.rollback_checkpoint_id or "", workflow="Deploy")

    assert (None, "", 2) == (result.problem, result.hold_artifact, quick.effects)
    assert isinstance(again.problem, AlreadyUnderWay)


def refused(bench: RollbackBench, failed: RecoveryState) -> Reason:
    """Why a rollback is not returned from."""
    plan = way_back(bench, failed)
    assert DecisionKind.DECLINE is plan.decision.kind
    return plan.decision.reasons[0]


def run_again(bench: RollbackBench, failed: RecoveryState, **over: Any) -> None:
    """Let people run the failed rollback's run again."""
    run = bench.forge.run(int(failed.metadata["reference"]))
    again = run.model_copy(update={"run_attempt": 2, "run_started_at": bench.clock.now()} | over)
    job = make.make_job(id=run.id, run_id=run.id, name="deploy", conclusion=again.conclusion, run_attempt=2)
    bench.forge.add_run(again, [job])


def test_run_that_was_run_again_and_succeeded_is_not_returned_from(quick: RollbackBench) -> None:
    """The good commit stands by now."""
    failed = half_way(quick)
    run_again(quick, failed, conclusion="success")

    reason = refused(quick, failed)

    assert ReasonId.ROLLED_BACK is reason.id
    assert f"{failed.id} is not returned from: it has come to a good end: run " in reason.text


def test_run_that_is_run_again_is_waited_for(quick: RollbackBench) -> None:
    """It may come to a good end."""
    failed = half_way(quick)
    run_again(quick, failed, status="in_progress", conclusion=None)

    reason = refused(quick, failed)

    assert (ReasonId.RUN_ACTIVE, "goes on again: wait for it" in reason.text) == (reason.id, True)


@pytest.mark.parametrize("state", ["success", "in_progress"])
def test_deployment_that_came_up_after_all_is_not_returned_from(tmp_path: Path, state: str) -> None:
    """Whoever deploys has tried again."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    failed = half_way(bench)
    bench.delivery._states[1] = state

    expected = {"success": ReasonId.ROLLED_BACK, "in_progress": ReasonId.RUN_ACTIVE}[state]
    assert expected is refused(bench, failed).id


def test_deployment_that_nobody_reports_on_is_returned_from(tmp_path: Path) -> None:
    """It was given up; nobody knows what stands."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    assert bench.go()
    bench.clock.advance(86400 + 60)
    failed = bench.settle()

    assert "unknown" == failed.metadata["outcome"]
    assert DecisionKind.ACT is way_back(bench, failed).decision.kind


@pytest.mark.parametrize(
    ("sha", "state", "returns"),
    [
        (rolled.GOOD_SHA, "failure", True),
        (rolled.GOOD_SHA, "success", False),
        (rolled.GOOD_SHA, "in_progress", False),
        (rolled.BAD_SHA, "failure", False),
    ],
)
def test_newer_deployment_is_not_returned_over(tmp_path: Path, sha: str, state: str, *, returns: bool) -> None:
    """But a job that deploys what the rollback asked for makes one of its own, which fails with it."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    failed = half_way(bench)
    newer = bench.delivery.create_deployment(sha, "production", "", {})
    bench.delivery._states[newer.id] = state

    plan = way_back(bench, failed)

    assert returns is (plan.decision.kind is DecisionKind.ACT)
    assert returns or f"deployment {newer.id} of {sha[:7]} came after it" in plan.decision.reasons[0].text


def test_rollback_that_was_released_is_not_returned_from(quick: RollbackBench) -> None:
    """On whatever machine: its tag is gone, or is another one's by now."""
    failed = half_way(quick)
    quick.delivery.delete_reference(f"tags/{TAG}")
    released = refused(quick, failed)
    quick.delivery.create_tag(TAG, rolled.GOOD_SHA, "another's")

    for reason in (released, refused(quick, failed)):
        assert ReasonId.ROLLED_BACK is reason.id
        assert f"its tag {TAG} is gone, or another rollback's" in reason.text


def test_other_rollback_since_is_not_returned_over(quick: RollbackBench) -> None:
    """Its run is on no branch."""
    failed = half_way(quick)
    tag = f"recovery/rollback/deploy/production/{'c' * 40}"
    began = {"created_at": quick.clock.now(), "run_started_at": quick.clock.now()}
    other = rolled.make_deploy_run(id=9999, event="workflow_dispatch", head_branch=tag, **began)
    quick.forge.add_run(other)

    reason = refused(quick, failed)

    assert (ReasonId.SUPERSEDED, f"run {other.id} came after it" in reason.text) == (reason.id, True)


def test_deployment_of_another_branch_is_not_returned_over(tmp_path: Path) -> None:
    """The fix came up from main, while a release had been rolled back."""
    bench = RollbackBench(MemoryStore(), tmp_path, branches=("release",))
    bench.forge.branches["release"] = rolled.BAD_SHA
    bench.forge.add_run(rolled.make_bad_run(head_branch="release"))
    manager = bench.manager()
    manager.execute(manager.plan_rollback("ckpt-good0001", run=bench.forge.run(rolled.BAD_RUN)))
    bench.end_rollback("failure")
    failed = bench.settle()
    bench.clock.advance(60)
    newer = third(bench)

    plan = way_back(bench, failed)

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, None, newer.id) == (
        plan.decision.kind,
        plan.rollback.returns_from,
        plan.rollback.bad_run_id,
    )


@pytest.mark.parametrize("kind", ["redispatch", "deployment"])
def test_clock_that_is_ahead_hides_no_deployment(tmp_path: Path, kind: str) -> None:
    """When a rollback began is told by GitHub, too."""
    bench = RollbackBench(MemoryStore(), tmp_path, kind)
    github = FakeClock(bench.clock.now())
    bench.delivery.clock = github
    bench.clock.advance(3600)
    failed = half_way(bench)
    github.advance(600)
    now = github.now()
    bench.forge.add_run(rolled.make_deploy_run(id=990, created_at=now, run_started_at=now))

    plan = way_back(bench, failed)

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, 990) == (plan.decision.kind, plan.rollback.bad_run_id)


def test_bad_run_that_was_run_again_since_is_not_returned_to(quick: RollbackBench) -> None:
    """It stands already."""
    failed = half_way(quick)
    now = quick.clock.now()
    quick.forge.add_run(rolled.make_bad_run(run_attempt=2, run_started_at=now))

    plan = way_back(quick, failed)

    assert plan.rollback is not None
    assert (DecisionKind.DECLINE, None) == (plan.decision.kind, plan.rollback.returns_from)


def test_rollback_whose_run_is_gone_is_returned_from(quick: RollbackBench) -> None:
    """What it came to is on record; when it began, too."""
    failed = half_way(quick)
    del quick.forge._runs[int(failed.metadata["reference"])]
    quick.forge.add_run(rolled.make_bad_run(run_attempt=2))

    assert DecisionKind.ACT is way_back(quick, failed).decision.kind


@pytest.mark.parametrize("change", ["succeeded", "deployed", "released"])
def test_plan_to_return_that_waited_is_asked_the_same_again(quick: RollbackBench, change: str) -> None:
    """What would have refused it refuses it still."""
    failed = half_way(quick)
    manager = quick.manager(timeout=3600)
    plan = manager.plan_rollback(failed.rollback_checkpoint_id or "")
    quick.clock.advance(200)
    if change == "succeeded":
        run_again(quick, failed, conclusion="success")
    elif change == "deployed":
        third(quick)
    else:
        quick.delivery.delete_reference(f"tags/{TAG}")

    state = manager.execute(plan)

    assert (RecoveryStatus.FAILED, 1) == (state.status, quick.effects)
    assert f"{failed.id} is not returned from" in state.metadata["detail"]


def test_rollback_that_was_never_found_is_looked_for(tmp_path: Path) -> None:
    """It ended as unknown because GitHub showed nothing; by now it does."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    assert bench.go()
    bench.end_rollback()
    header = bench.plan().header
    failed = rolled.make_failed(id=header.id, order=bench.plan().rollback, began_at=header.started_at)

    found = Returns(bench.store, bench.manager()._reach)._not_failed_after_all(failed)

    assert found is not None
    assert "deployment 1 is `success`" in found.text
    del bench.delivery._deployments[1]
    assert None is Returns(bench.store, bench.manager()._reach)._not_failed_after_all(failed)

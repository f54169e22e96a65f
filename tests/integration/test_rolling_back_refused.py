"""Rolling back that is refused: by the checks, by GitHub, or because something turned invalid after the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.errors import (
    ForgeRefused,
    InputError,
    NotFoundError,
    RecoveryError,
    StrategyUnavailable,
)
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.records import RecoveryStatus
from recovery.models.rollback import RejectionId
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import BUSY, TAG, RollbackBench


@pytest.fixture
def quick(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_target_that_turns_invalid_between_plan_and_act(any_kind: RollbackBench) -> None:
    """It is looked at directly before; nothing is done, and it can be tried again."""
    manager = any_kind.manager()
    plan = manager.plan_rollback("ckpt-good0001")
    for gone in ({"expired": True}, {"digest": "sha256:0"}):
        any_kind.forge.artifacts[rolled.GOOD_ARTIFACT] = (rolled.make_good_artifact(**gone), {})

    state = manager.execute(plan)

    assert (RecoveryStatus.FAILED, 0, set()) == (state.status, any_kind.effects, any_kind.locks)
    assert "the target turned invalid: its artifact's digest was" in state.metadata["detail"]


def test_last_request_before_the_lock_is_get_artifact(quick: RollbackBench) -> None:
    """Nothing lies between it and the tags but the record."""
    manager = quick.manager()
    plan = manager.plan_rollback("ckpt-good0001")
    calls = len(quick.delivery.calls)

    manager.execute(plan)

    assert ["dispatched_runs", "artifact", "create_tag", "create_tag", "dispatch_workflow"] == [
        *quick.called_since(calls)
    ]


def test_no_target_is_told_with_every_reason(quick: RollbackBench) -> None:
    """The newest that passes is taken; where none does, all are listed."""
    quick.forge.add_run(rolled.make_deploy_run(conclusion="failure"))
    quick.forge.files[rolled.WORKFLOW, rolled.GOOD_SHA] = "on: push\njobs: {build: {}, deploy: {}}"

    plan = quick.manager().plan_rollback(run=rolled.make_bad_run(), reason="down")

    assert DecisionKind.DECLINE is plan.decision.kind
    assert [ReasonId.NO_TARGET, ReasonId.NO_TARGET, ReasonId.REQUESTED] == [one.id for one in plan.decision.reasons]
    assert "none of the 1 that were looked into is fit" in plan.decision.reasons[0].text
    assert "older than the set-up for rollbacks" in plan.decision.reasons[1].text
    assert plan.rollback is not None
    assert [RejectionId.NOT_SUCCESSFUL, RejectionId.INPUT_UNDECLARED] == [
        reason.id for reason in plan.rollback.rejected[0].reasons
    ]
    state = quick.state()
    assert (RecoveryStatus.DECLINED, None, False) == (
        state.status,
        state.target_checkpoint_id,
        state.validation_results["is_valid"],
    )
    assert 2 == len(state.validation_results["errors"])


def test_force_is_recorded(quick: RollbackBench) -> None:
    """What a person sets aside is in the order, and nothing else is set aside."""
    quick.forge.files[rolled.WORKFLOW, "main"] = rolled.WORKFLOW_TEXT + "  notify: {}\n"

    refused = quick.manager().plan_rollback("ckpt-good0001")
    manager = quick.manager(force=(RejectionId.STRUCTURE_CHANGED,))
    state = manager.execute(manager.plan_rollback("ckpt-good0001"))

    assert DecisionKind.DECLINE is refused.decision.kind
    (forced,) = state.validation_results["forced"]
    assert ("structure-changed", "the workflow has other jobs: `notify` was not there then") == (
        forced["id"],
        forced["text"],
    )
    assert 1 == quick.effects


def test_explicit_checkpoint_goes_through_the_same_checks(quick: RollbackBench) -> None:
    """A commit that was never merged is refused, whoever names it."""
    quick.delivery._commits["9" * 40] = ("tree-x", ())
    quick.forge.add_run(rolled.make_deploy_run(head_sha="9" * 40))

    assert not quick.go()
    reasons = quick.plan().decision.reasons
    assert "not-reachable" in reasons[1].text
    assert 0 == quick.effects


def test_without_a_delivery_nothing_is_rolled_back(tmp_path: Path) -> None:
    """A manager that was made without one says so, and proposes where it would act."""
    bench = RollbackBench(MemoryStore(), tmp_path, automatic=True)
    manager = bench.manager()
    manager._reach = type(manager._reach)(bench.forge, bench.clock)
    with pytest.raises(StrategyUnavailable):
        manager.plan_rollback("ckpt-good0001")


@pytest.mark.parametrize(
    ("checkpoint", "error"),
    [("ckpt-nowhere", NotFoundError), ("last-known-good", InputError)],
)
def test_what_names_no_run(quick: RollbackBench, checkpoint: str, error: type[RecoveryError]) -> None:
    """A checkpoint that is not known, or none at all, does not tell what to roll back."""
    with pytest.raises(error):
        quick.manager().plan_rollback(checkpoint)


def test_run_that_goes_on_is_not_rolled_back(quick: RollbackBench) -> None:
    """Two deployments at once would race each other."""
    plan = quick.manager().plan_rollback(run=rolled.make_bad_run(status="in_progress", conclusion=None))

    assert ReasonId.RUN_ACTIVE is plan.decision.reasons[0].id


@pytest.mark.parametrize("method", ["create_tag", "dispatch_workflow"])
def test_refusal_leaves_nothing_behind(quick: RollbackBench, method: str) -> None:
    """A plain no is an answer: the tags go, and the record says why."""
    quick.delivery.fail(method, ForgeRefused("no", hint="permissions", status=403), call=1)

    with pytest.raises(ForgeRefused):
        quick.go()

    assert (RecoveryStatus.FAILED, set(), 0) == (quick.state().status, quick.locks, quick.effects)
    assert "not done: no" == quick.state().metadata["detail"]


def test_refusal_of_the_second_tag_leaves_nothing_behind(quick: RollbackBench) -> None:
    """The first one goes again."""
    quick.delivery.fail("create_tag", ForgeRefused("no", status=403), call=2)

    with pytest.raises(ForgeRefused):
        quick.go()

    assert set() == quick.locks


def test_refused_pull_request_leaves_nothing_behind(tmp_path: Path) -> None:
    """The organisation does not let Actions propose: the branch goes again."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    bench.delivery.fail("create_pull_request", ForgeRefused("not permitted", status=403))

    with pytest.raises(ForgeRefused):
        bench.go()

    assert (set(), {"main"}) == (bench.locks, set(bench.forge.branches))


def test_tags_that_cannot_be_taken_back_are_told(quick: RollbackBench) -> None:
    """The dispatch is refused, and so is deleting the tags: the error says how to get rid of them."""
    quick.delivery.fail("dispatch_workflow", ForgeRefused("no", hint="permissions", status=403))
    quick.delivery.fail("delete_reference", ForgeRefused("not this either", status=403))

    with pytest.raises(ForgeRefused) as caught:
        quick.go()

    assert "permissions; its tags stayed (not this either)" in (caught.value.hint or "")
    assert f"`git push origin --delete refs/tags/{TAG}`" in (caught.value.hint or "")
    assert {TAG, BUSY} == quick.locks


def test_run_that_was_run_again_is_not_rolled_back(any_kind: RollbackBench) -> None:
    """Between plan and act a person has re-run what failed: it may be green by now."""
    manager = any_kind.manager()
    plan = manager.plan_rollback("ckpt-good0001")
    any_kind.forge.add_run(rolled.make_bad_run(run_attempt=2, conclusion="success"))

    state = manager.execute(plan)

    assert (RecoveryStatus.FAILED, 0, set()) == (state.status, any_kind.effects, any_kind.locks)
    assert "attempt 2 of this run exists already" in state.metadata["detail"]


def test_plan_that_is_too_old_is_not_begun(any_kind: RollbackBench) -> None:
    """Whoever settles it takes it for dead before long, and lets go of its tags."""
    manager = any_kind.manager()
    plan = manager.plan_rollback("ckpt-good0001")
    any_kind.clock.advance(400)

    state = manager.execute(plan, confirmed=True)

    assert (RecoveryStatus.FAILED, 0, set()) == (state.status, any_kind.effects, any_kind.locks)
    assert "planned more than 5 minutes ago" in state.metadata["detail"]


def test_plan_that_waited_is_looked_into_again(quick: RollbackBench) -> None:
    """What has turned unfit meanwhile is withdrawn; what has not is carried out."""
    fit, unfit = quick.manager(), quick.manager()
    plan = fit.plan_rollback("ckpt-good0001")
    quick.clock.advance(200)
    quick.forge.add_run(rolled.make_deploy_run(conclusion="failure"))

    state = unfit.execute(plan, confirmed=True)

    assert RecoveryStatus.FAILED is state.status
    assert "withdrawn: not-successful" in state.metadata["detail"]
    quick.forge.add_run(rolled.make_deploy_run())
    plan = fit.plan_rollback("ckpt-good0001")
    quick.clock.advance(200)
    assert RecoveryStatus.IN_PROGRESS is fit.execute(plan).status

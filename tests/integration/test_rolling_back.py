"""Rolling back: each kind, its record, which checkpoint is taken, never twice and never two at once."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.database.engine import open_store
from recovery.errors import InputError
from recovery.manager import RecoveryManager
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.github import Run
from recovery.models.records import RecoveryStatus, RecoveryType
from recovery.models.rollback import RejectionId
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import BUSY, FIRST_SHA, TAG, RollbackBench


@pytest.fixture(params=["memory", "sqlite"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory and over SQLite."""
    store = MemoryStore() if request.param == "memory" else open_store(str(tmp_path / "recovery.db"))
    return RollbackBench(store, tmp_path)


@pytest.fixture
def quick(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_redispatch_runs_the_workflow_at_a_tag_of_the_good_commit(bench: RollbackBench) -> None:
    """One dispatch, whose one input says what to restore and by what it is recognised."""
    assert bench.go()

    ((run_id, ref, inputs),) = bench.delivery.dispatched
    order = bench.plan().rollback
    assert order is not None
    assert (TAG, rolled.GOOD_SHA) == (ref, bench.delivery.held_tags[TAG].commit)
    assert {
        "version": 1,
        "recovery_id": bench.state().id,
        "checkpoint_id": "ckpt-good0001",
        "artifact_id": rolled.GOOD_ARTIFACT,
        "run_id": rolled.GOOD_RUN,
        "nonce": order.nonce,
    } == json.loads(inputs["recovery"])
    assert str(run_id) == bench.state().metadata["reference"]


def test_record_of_a_rollback(bench: RollbackBench) -> None:
    """A synthetic failure, the target, what stood before, and what validating it found."""
    bench.go("corruption_detected")

    state = bench.state()
    failure = bench.store.failure(state.failure_id)
    assert failure is not None
    assert ("manual", "corruption_detected", rolled.BAD_RUN) == (failure.kind, failure.reason, failure.run_id)
    assert failure.id.startswith("manual-")
    assert (RecoveryType.ROLLBACK, RecoveryStatus.IN_PROGRESS) == (state.recovery_type, state.status)
    assert "ckpt-good0001" == state.target_checkpoint_id
    assert {"is_valid": True, "errors": [], "forced": [], "rejected": []} == state.validation_results
    assert not state.corruption_detected
    before = bench.store.checkpoint(state.rollback_checkpoint_id or "")
    assert before is not None
    assert (rolled.BAD_SHA, str(rolled.BAD_RUN), "workflow") == (
        before.commit_sha,
        before.run_id,
        before.checkpoint_type,
    )


def test_what_the_bad_run_left_is_what_stood_before(quick: RollbackBench) -> None:
    """Its own newest checkpoint says more than a record of its commit."""
    own = rolled.make_good_checkpoint(
        id="ckpt-bad00001", run_id=str(rolled.BAD_RUN), commit_sha=rolled.BAD_SHA, metadata={"artifact_id": 9102}
    )
    quick.add_checkpoint(own, name="recovery-checkpoint.902.1.78.deployed.bad00001", run_id=rolled.BAD_RUN)

    quick.go()

    assert "ckpt-bad00001" == quick.state().rollback_checkpoint_id


def test_deployment_is_asked_for_and_queued(tmp_path: Path) -> None:
    """A deployment of the good commit, with the nonce in its payload; the deployer goes on from there."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")

    assert bench.go()

    (made,) = bench.delivery._deployments.values()
    order = bench.plan().rollback
    assert order is not None
    assert (rolled.GOOD_SHA, "production") == (made.sha, made.environment)
    assert (order.nonce, rolled.BAD_SHA) == (made.payload["nonce"], made.payload["bad_sha"])
    assert "queued" == bench.delivery._states[made.id]


def test_revert_is_a_pull_request_with_the_evidence(tmp_path: Path) -> None:
    """One commit after the head of main with the good commit's files; main itself does not move."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")

    assert bench.go("a *bad* @day")

    (branch,) = set(bench.forge.branches) - {"main"}
    made = bench.forge.branches[branch]
    assert branch.startswith(f"recovery/revert/{rolled.BAD_SHA[:12]}-")
    assert bench.delivery.commit(rolled.GOOD_SHA).tree == bench.delivery.commit(made).tree
    assert (rolled.BAD_SHA,) == bench.delivery._commits[made][1]
    assert rolled.BAD_SHA == bench.forge.branches["main"]
    (_, _, base, title, body) = next(call for call in bench.delivery.calls if call[0] == "create_pull_request")
    assert ("main", f"Roll Deploy back to {rolled.GOOD_SHA[:12]}") == (base, title)
    assert "ckpt-good0001" in str(body)
    assert "a \\*bad\\* " in str(body)
    assert "@day" not in str(body)


def test_never_twice(any_kind: RollbackBench) -> None:
    """A commit that was rolled back is not rolled back again: refused with who did it and when."""
    any_kind.go()
    any_kind.end_rollback()
    any_kind.settle()

    assert not any_kind.go()

    assert 1 == any_kind.effects
    reason = any_kind.plan(2).decision.reasons[0]
    assert ReasonId.ROLLED_BACK is reason.id
    assert f"by {any_kind.state(1).id}, 2026-01-15 12:00 UTC" in reason.text


def test_never_twice_with_an_empty_store(any_kind: RollbackBench, tmp_path: Path) -> None:
    """What one database does not know, GitHub does; what is there tells who did it."""
    any_kind.go()
    other = RollbackBench(MemoryStore(), tmp_path, any_kind.rule.kind)
    other.forge, other.delivery = any_kind.forge, any_kind.delivery

    assert not other.go()

    assert 1 == other.effects
    assert ReasonId.ROLLED_BACK is other.plan().decision.reasons[0].id
    assert f"by {any_kind.state().id}, 2026-01-15 12:00 UTC" in other.plan().decision.reasons[0].text


def test_two_at_once_in_two_processes_that_do_not_know_each_other(any_kind: RollbackBench, tmp_path: Path) -> None:
    """Both planned, both act: GitHub gives the tag to one."""
    other = RollbackBench(MemoryStore(), tmp_path, any_kind.rule.kind)
    other.forge, other.delivery, other.clock = any_kind.forge, any_kind.delivery, any_kind.clock
    managers = [any_kind.manager(), other.manager()]
    plans = [manager.plan_rollback("ckpt-good0001") for manager in managers]
    together = threading.Barrier(2)

    def act(number: int) -> None:
        together.wait()
        managers[number].execute(plans[number])

    threads = [threading.Thread(target=act, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == any_kind.effects
    states = [any_kind.state(), other.state()]
    assert [False, True] == sorted(bool(state.metadata["accepted"]) for state in states)
    refused = next(state for state in states if not state.metadata["accepted"])
    assert RecoveryStatus.FAILED is refused.status
    assert "rolled back already, or is just being" in refused.metadata["detail"]


def third_deployment(bench: RollbackBench) -> Run:
    """One more bad deployment, of a commit after the bad one."""
    sha = "c" * 40
    bench.delivery.add_commits(FIRST_SHA, rolled.GOOD_SHA, rolled.BAD_SHA, sha)
    bench.delivery._commits[sha] = (f"tree-{sha}", (rolled.BAD_SHA,))
    bench.forge.files[rolled.WORKFLOW, sha] = rolled.WORKFLOW_TEXT
    run = rolled.make_bad_run(id=903, head_sha=sha, created_at=make.later(-60))
    bench.forge.add_run(run)
    return run


def test_one_at_a_time_for_a_workflow_and_environment(quick: RollbackBench, tmp_path: Path) -> None:
    """Two different bad commits: the second waits for the first to end, whether its store knows of it or not."""
    quick.go()
    run = third_deployment(quick)
    stranger = RollbackBench(MemoryStore(), tmp_path)

    known = quick.manager().plan_rollback(run=run)
    unknown = quick.manager(store=stranger.store)
    state = unknown.execute(unknown.plan_rollback(run=run))

    assert ReasonId.ROLLED_BACK is known.decision.reasons[0].id
    assert quick.state().id in known.decision.reasons[0].text
    assert RecoveryStatus.FAILED is state.status
    assert f"git push origin --delete refs/tags/{BUSY}" in state.metadata["detail"]
    assert 1 == quick.effects
    assert {TAG, BUSY} == quick.locks
    quick.end_rollback()
    quick.settle()
    manager = quick.manager()
    manager.execute(manager.plan_rollback(run=run))
    assert 2 == quick.effects


def test_newest_that_passes_is_taken(quick: RollbackBench) -> None:
    """A newer one that is damaged is passed over, told, and out of use for good."""
    newer = rolled.make_good_checkpoint(
        id="ckpt-newer001",
        run_id="905",
        commit_sha="e" * 40,
        created_at=make.later(-100),
        metadata={"artifact_id": 9105},
    )
    quick.delivery.add_commits(FIRST_SHA, rolled.GOOD_SHA, "e" * 40, branch="main")
    quick.forge.files[rolled.WORKFLOW, "e" * 40] = rolled.WORKFLOW_TEXT
    quick.forge.add_run(rolled.make_deploy_run(id=905, head_sha="e" * 40))
    name = "recovery-checkpoint.905.1.77.deployed.newer001"
    quick.add_checkpoint(newer, name=name, run_id=905, digest="sha256:0")

    plan = quick.manager().plan_rollback(run=rolled.make_bad_run())

    assert plan.rollback is not None
    assert "ckpt-good0001" == plan.rollback.target_checkpoint_id
    assert ["ckpt-newer001"] == [rejected.checkpoint_id for rejected in plan.rollback.rejected]
    assert CheckpointHealth.CORRUPT is quick.store.health_of("ckpt-newer001")[0]
    assert quick.state().corruption_detected


def test_commit_that_was_rolled_back_is_never_gone_back_to_by_itself(quick: RollbackBench) -> None:
    """Its hold may be over: as long as nobody has released it, it is no good one."""
    bad = rolled.make_good_checkpoint(
        id="ckpt-bad00001",
        run_id=str(rolled.BAD_RUN),
        commit_sha=rolled.BAD_SHA,
        created_at=make.later(-200),
        metadata={"artifact_id": 9102},
    )
    quick.add_checkpoint(bad, name="recovery-checkpoint.902.1.78.deployed.bad00001", run_id=rolled.BAD_RUN)
    quick.forge.add_run(rolled.make_bad_run(conclusion="success"))
    quick.go()
    quick.end_rollback()
    quick.settle()
    quick.clock.advance(30 * 86400)
    run = third_deployment(quick)

    plan = quick.manager().plan_rollback(run=run)

    assert plan.rollback is not None
    assert "ckpt-good0001" == plan.rollback.target_checkpoint_id
    assert [RejectionId.ON_HOLD] == [reason.id for reason in plan.rollback.rejected[0].reasons]


def test_initiate_recovery_rolls_back_a_failure(quick: RollbackBench) -> None:
    """The bad run is the failure's; the newest that passes is the target."""
    failure = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", head_sha=rolled.BAD_SHA)

    state = asyncio.run(quick.manager().initiate_recovery(failure, "rollback"))

    assert (RecoveryType.ROLLBACK, failure.id, "ckpt-good0001") == (
        state.recovery_type,
        state.failure_id,
        state.target_checkpoint_id,
    )
    assert 1 == quick.effects


def deploy_failed(bench: RollbackBench, **settings: Any) -> RecoveryManager:
    """A manager that has planned for the deployment that failed for a real reason."""
    manager = bench.manager(**settings)
    failure = make.make_failure(run_id=rolled.BAD_RUN, job_name="deploy", workflow_name="Deploy")
    manager.execute(manager.plan(failure))
    return manager


def test_critical_failure_is_proposed_to_be_rolled_back(quick: RollbackBench) -> None:
    """Nobody asked for it, and nothing is configured: people read it as a proposal, and nothing is done."""
    deploy_failed(quick)

    decision = quick.plan().decision
    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (decision.kind, decision.strategy)
    assert ReasonId.CRITICAL_FAILURE is decision.reasons[0].id
    assert (0, set()) == (quick.effects, quick.locks)


def test_automatic_only_where_configured(tmp_path: Path) -> None:
    """Then the same checks hold, and nothing can be forced."""
    bench = RollbackBench(MemoryStore(), tmp_path, automatic=True)

    deploy_failed(bench, force=(RejectionId.ON_HOLD,))

    order = bench.plan().rollback
    assert order is not None
    assert order.automatic
    assert (1, RecoveryStatus.IN_PROGRESS) == (bench.effects, bench.state().status)
    assert ReasonId.CRITICAL_FAILURE is bench.plan().decision.reasons[0].id


def test_workflow_that_is_not_configured_is_not_proposed(quick: RollbackBench) -> None:
    """Without an entry there is no way to roll it back."""
    deploy_failed(quick, rollback={})

    assert RecoveryType.NONE is quick.plan().decision.strategy
    with pytest.raises(InputError, match="does not say how the workflow `Deploy` is rolled back") as caught:
        quick.go(manager=quick.manager(rollback={}))
    assert "kind: redispatch" in str(caught.value.hint)


def test_dry_run_only_tells(quick: RollbackBench) -> None:
    """The plan names the target; nothing is recorded, nothing is asked for."""
    manager = quick.manager(dry_run=True)

    plan = manager.plan_rollback("ckpt-good0001")
    manager.execute(plan)

    assert plan.rollback is not None
    assert "ckpt-good0001" == plan.rollback.target_checkpoint_id
    assert (0, set(), ()) == (quick.effects, quick.locks, quick.store.recoveries())

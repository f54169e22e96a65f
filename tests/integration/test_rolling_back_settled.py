"""What becomes of a rollback: watched to its end, told, and cleared up after."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    RateLimited,
)
from recovery.models.records import RecoveryStatus
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.bench import NETWORK
from tests.integration.rollback_bench import BUSY, TAG, RollbackBench


@pytest.fixture
def quick(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_earlier_deployments_are_inactive_once_ours_is_active(tmp_path: Path) -> None:
    """GitHub does so by itself only where the deployer lets it."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    earlier = bench.delivery.create_deployment(rolled.BAD_SHA, "production", "", {})
    failed = bench.delivery.create_deployment(rolled.BAD_SHA, "production", "", {})
    bench.delivery._states |= {earlier.id: "success", failed.id: "failure"}
    bench.go()
    ours = max(bench.delivery._deployments)
    bench.delivery._states[ours] = "success"

    assert RecoveryStatus.COMPLETED is bench.settle().status
    assert {earlier.id: "inactive", failed.id: "failure", ours: "success"} == bench.delivery._states


def test_outcome_is_watched_to_its_end(any_kind: RollbackBench) -> None:
    """It stays open until GitHub says how it went; then another may begin, but never for the same commit."""
    any_kind.go()

    assert RecoveryStatus.IN_PROGRESS is any_kind.settle().status
    assert {TAG, BUSY} == any_kind.locks
    any_kind.end_rollback()

    settled = any_kind.settle()
    assert (RecoveryStatus.COMPLETED, "cleared") == (settled.status, settled.metadata["outcome"])
    assert {TAG} == any_kind.locks


@pytest.mark.parametrize("kind", ["redispatch", "deployment"])
def test_half_way_failure_says_how_to_go_back(tmp_path: Path, kind: str) -> None:
    """The record names what stood before."""
    bench = RollbackBench(MemoryStore(), tmp_path, kind)
    bench.go()
    bench.end_rollback("failure")

    settled = bench.settle()

    assert (RecoveryStatus.FAILED, "still-failing") == (settled.status, settled.metadata["outcome"])
    assert settled.rollback_checkpoint_id
    assert f"`{settled.rollback_checkpoint_id}` goes back to what stood before" in settled.metadata["detail"]
    assert {TAG} == bench.locks


def test_closed_revert_is_no_rollback(tmp_path: Path) -> None:
    """People said no; the branch goes, so that it can be proposed again."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    bench.go()
    bench.end_rollback("closed")

    assert "not-rerun" == bench.settle().metadata["outcome"]
    assert set() == bench.locks
    assert {"main"} == set(bench.forge.branches)


def test_waiting_is_shown_and_not_bypassed(quick: RollbackBench) -> None:
    """The environment's rules are for people; the record says once what it waits for."""
    quick.go()
    quick.delivery.let_wait(quick.delivery.dispatched[0][0], "production", "eu")

    quick.settle()
    state = quick.settle()

    waits = [step for step in state.progress_steps if step["step"] == "wait"]
    assert ["the rules of `production`, `eu`"] == [step["detail"] for step in waits]
    assert RecoveryStatus.IN_PROGRESS is state.status


def test_branch_that_somebody_pushed_to_is_left_alone(tmp_path: Path) -> None:
    """People closed the pull request after they had worked on its branch: that work is theirs."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    bench.go()
    (branch,) = set(bench.forge.branches) - {"main"}
    bench.forge.branches[branch] = rolled.GOOD_SHA
    bench.end_rollback("closed")

    assert "not-rerun" == bench.settle().metadata["outcome"]

    assert rolled.GOOD_SHA == bench.forge.branches[branch]
    assert set() == bench.locks


def test_reference_that_is_none_is_looked_for(quick: RollbackBench) -> None:
    """A record that somebody tampered with does not keep all others from being settled."""
    quick.go()
    reference = quick.state().metadata["reference"]
    state = quick.state()
    hostile = state.model_copy(update={"metadata": state.metadata | {"reference": "../abc"}})

    assert reference == quick.manager().settle(hostile).metadata["reference"]


def test_run_that_left_the_deployment_out_brought_nothing_back(quick: RollbackBench) -> None:
    """`if: github.ref == 'refs/heads/main'` skips a job at a tag, and the run is green all the same."""
    quick.go()
    (run_id, _, _) = quick.delivery.dispatched[0]
    quick.forge.add_run(
        quick.forge.run(run_id).model_copy(update={"status": "completed", "conclusion": "success"}),
        [make.make_job(run_id=run_id, name="deploy", conclusion="skipped")],
    )

    state = quick.settle()

    assert "unknown" == state.metadata["outcome"]
    assert "without `deploy`" in state.metadata["detail"]
    assert {TAG} == quick.locks


def test_deployment_that_nobody_takes_up_is_given_up(tmp_path: Path) -> None:
    """Nobody listens to it: after a day it stands in nobody's way any more."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    bench.go()

    bench.clock.advance(86_000)
    assert RecoveryStatus.IN_PROGRESS is bench.settle().status
    bench.clock.advance(1_000)

    assert "unknown" == bench.settle().metadata["outcome"]
    assert {TAG} == bench.locks


def test_deployment_that_was_deleted_is_unknown(tmp_path: Path) -> None:
    """It can be told no more what became of it."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    bench.go()
    bench.delivery._deployments.clear()
    bench.delivery._states.clear()

    assert "unknown" == bench.settle().metadata["outcome"]


def test_settled_twice_writes_nothing_more(any_kind: RollbackBench) -> None:
    """A second pass over the same world."""
    any_kind.go()
    any_kind.settle()
    before = len(any_kind.store.events)  # type: ignore[attr-defined]

    any_kind.settle()

    assert before == len(any_kind.store.events)  # type: ignore[attr-defined]


def test_run_that_is_gone_is_unknown(quick: RollbackBench) -> None:
    """Somebody deleted it."""
    quick.go()
    del quick.forge._runs[quick.delivery.dispatched[0][0]]

    assert "unknown" == quick.settle().metadata["outcome"]


def test_clearing_up_that_is_refused_is_told(quick: RollbackBench) -> None:
    """The outcome is known all the same."""
    quick.go()
    quick.end_rollback()
    quick.delivery.fail("delete_reference", ForgeRefused("no", status=403))

    state = quick.settle()

    assert RecoveryStatus.COMPLETED is state.status
    assert "clear up" in [step["step"] for step in state.progress_steps]


def test_sweep_tells_once_that_a_rollback_waits_for_people(quick: RollbackBench) -> None:
    """Then it says nothing until that changes."""
    quick.roll_back()
    (run_id, _, _) = quick.delivery.dispatched[0]
    quick.delivery.let_wait(run_id, "production")

    first, second = quick.sweep(), quick.sweep()
    quick.end_rollback()
    ended = quick.sweep()

    assert ([quick.state().id], [], [quick.state().id]) == tuple(
        [document.recovery_id for document in result.documents] for result in (first, second, ended)
    )
    assert "the rules of `production`" in first.documents[0].model_dump_json()


def retried(bench: RollbackBench) -> str:
    """A re-run that has come to its end, and is not settled yet: the recovery's id."""
    run = make.make_run()
    bench.forge.add_run(run, [make.make_job()], {4201: NETWORK})
    bench.forge.add_pull_request(make.make_pull_request(), "feature")
    state = asyncio.run(bench.manager(retry_delay=0).initiate_recovery(make.make_failure()))
    bench.forge.complete(run.id, "success")
    assert RecoveryStatus.IN_PROGRESS is state.status
    return state.id


@pytest.mark.parametrize("error", [ForgeRefused("403", status=403), AmbiguousEffect("502"), ForgeError("odd")])
def test_what_is_wrong_with_one_recovery_keeps_no_other_from_being_settled(tmp_path: Path, error: ForgeError) -> None:
    """It is left open, and looked at again in the next pass."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    bench.roll_back()
    other = retried(bench)
    bench.delivery.fail("deployment_state", error, call=1 + bench.delivery.called("deployment_state"))

    bench.sweep()

    known = {state.id: state.status for state in bench.store.recoveries()}
    assert {bench.state().id: RecoveryStatus.IN_PROGRESS, other: RecoveryStatus.COMPLETED} == known


@pytest.mark.parametrize("error", [ForgeUnavailable("502"), RateLimited("wait"), AuthenticationError("no token")])
def test_github_that_is_out_of_reach_ends_the_pass(tmp_path: Path, error: ForgeError) -> None:
    """Whatever is asked next would come to the same."""
    bench = RollbackBench(MemoryStore(), tmp_path, "deployment")
    bench.roll_back()
    bench.delivery.fail("deployment_state", error, call=1 + bench.delivery.called("deployment_state"))

    with pytest.raises(type(error)):
        bench.sweep()

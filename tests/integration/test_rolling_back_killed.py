"""Rolling back with processes that die, answers that are lost, and clocks that are wrong."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recovery.errors import AmbiguousEffect, ForgeUnavailable, RecoveryError
from recovery.models.events import RecoveryDecided
from recovery.models.records import RecoveryStatus
from recovery.policy.holds import hold_artifact_name
from recovery.policy.lifecycle import OPEN
from recovery.ports import Delivery
from tests import rollback_builders as rolled
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import BUSY, TAG, RollbackBench

CALLS = {"redispatch": 11, "deployment": 12, "revert-pr": 14}
"""Calls of the delivery that a rollback of each kind makes."""
CALLS_SETTLING = {
    ("redispatch", "success"): 2,
    ("redispatch", "failure"): 2,
    ("deployment", "success"): 4,
    ("deployment", "failure"): 3,
    ("revert-pr", "success"): 3,
    ("revert-pr", "failure"): 8,
}
"""And those of settling one that ended well or badly."""


@pytest.fixture
def quick(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


class _Killed(BaseException):
    """The process is gone."""


class MortalDelivery:
    """A delivery whose process dies at a call, before or after its effect."""

    def __init__(self, delivery: Delivery, call: int, *, after: bool) -> None:
        self._delivery = delivery
        self._left = call
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._delivery, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise _Killed
            answer = method(*arguments, **named)
            if self._left == 0:
                raise _Killed
            return answer

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("any_kind", "call"),
    [(kind, call) for kind, calls in CALLS.items() for call in range(1, calls + 1)],
    indirect=["any_kind"],
)
def test_killed_after_each_step_and_settled(any_kind: RollbackBench, call: int, after: bool) -> None:
    """Wherever a process dies: what was done is found and watched to its end; what was not can be tried again."""
    manager = any_kind.manager(delivery=MortalDelivery(any_kind.delivery, call, after=after))
    with pytest.raises(_Killed):
        any_kind.go(manager=manager)
    done = any_kind.effects
    any_kind.clock.advance(901)
    if any_kind.store.recoveries():
        any_kind.settle()
    any_kind.end_rollback()
    if any_kind.store.recoveries():
        state = any_kind.settle()
        assert (RecoveryStatus.COMPLETED if done else RecoveryStatus.FAILED) is state.status

    assert ({TAG} if done else set()) == any_kind.locks
    assert (not done) is any_kind.go()
    assert 1 == any_kind.effects


def test_kills_cover_every_call(any_kind: RollbackBench) -> None:
    """There is no call of a rollback after which it was not killed."""
    any_kind.go()

    assert CALLS[any_kind.rule.kind] == len(any_kind.delivery.calls)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("any_kind", "conclusion", "call"),
    [(*ended, call) for ended, calls in CALLS_SETTLING.items() for call in range(1, calls + 1)],
    indirect=["any_kind"],
)
def test_killed_while_settling(any_kind: RollbackBench, call: int, after: bool, conclusion: str) -> None:
    """Whoever comes next clears up, and records the outcome once."""
    any_kind.go()
    any_kind.end_rollback(conclusion)
    mortal = any_kind.manager(delivery=MortalDelivery(any_kind.delivery, call, after=after))
    with pytest.raises(_Killed):
        mortal.settle(any_kind.state())

    state = any_kind.settle()

    assert state.status not in OPEN
    assert BUSY not in any_kind.locks
    assert 1 == [step["step"] for step in state.progress_steps].count("settle")


@pytest.mark.parametrize(("any_kind", "conclusion"), CALLS_SETTLING, indirect=["any_kind"])
def test_kills_cover_every_call_of_settling(any_kind: RollbackBench, conclusion: str) -> None:
    """Neither is there one while it is settled."""
    any_kind.go()
    any_kind.end_rollback(conclusion)
    before = len(any_kind.delivery.calls)

    any_kind.settle()

    assert CALLS_SETTLING[any_kind.rule.kind.value, conclusion] == len(any_kind.delivery.calls) - before


@pytest.mark.parametrize("after_effect", [False, True])
def test_unclear_answer_is_looked_after(quick: RollbackBench, after_effect: bool) -> None:
    """The dispatch is sent once; what it did is found by its nonce, or it did nothing and can be tried again."""
    quick.delivery.fail("dispatch_workflow", AmbiguousEffect("no answer"), after_effect=after_effect)

    if after_effect:
        assert quick.go()
    else:
        with pytest.raises(AmbiguousEffect):
            quick.go()
        quick.clock.advance(901)
        assert "not-rerun" == quick.settle().metadata["outcome"]
        assert set() == quick.locks

    assert 1 == quick.delivery.called("dispatch_workflow")
    assert int(after_effect) == quick.effects


def test_run_without_a_nonce_in_its_title_is_found_by_the_tag(quick: RollbackBench) -> None:
    """Not every workflow has a `run-name`, and not every GitHub tells the run's id."""
    quick.delivery.shows_nonce = quick.delivery.tells_run_id = False
    quick.go()
    assert "reference" not in quick.state().metadata
    quick.end_rollback()

    assert RecoveryStatus.COMPLETED is quick.settle().status


@pytest.mark.parametrize("kind", ["redispatch", "deployment"])
def test_own_clock_that_is_ahead_hides_nothing(tmp_path: Path, kind: str) -> None:
    """An answer was lost, and GitHub's clock is an hour behind: what it took is found all the same."""
    bench = RollbackBench(MemoryStore(), tmp_path, kind)
    method = {"redispatch": "dispatch_workflow", "deployment": "create_deployment"}[kind]
    bench.delivery.fail(method, AmbiguousEffect("502"), after_effect=True)
    bench.delivery.clock = FakeClock(bench.clock.now() - timedelta(hours=1))

    assert bench.go()

    assert (1, RecoveryStatus.IN_PROGRESS) == (bench.effects, bench.state().status)


def test_what_was_begun_before_is_left_to_the_sweep(quick: RollbackBench) -> None:
    """Its own tag stands and nothing is to be seen yet: it is not sent again, and not taken for another one's."""
    manager = quick.manager()
    quick.delivery.fail("dispatch_workflow", AmbiguousEffect("502"))
    plan = manager.plan_rollback("ckpt-good0001")
    with pytest.raises(AmbiguousEffect):
        manager.execute(plan)
    quick.clock.advance(301)

    with contextlib.suppress(RecoveryError):
        manager.execute(plan)

    assert (0, 1) == (quick.effects, quick.delivery.called("dispatch_workflow"))
    quick.clock.advance(901)
    assert RecoveryStatus.FAILED is quick.settle().status
    assert set() == quick.locks


def test_passing_trouble_leaves_it_open(quick: RollbackBench) -> None:
    """GitHub does not answer to the look: nothing was asked for, and the settling says so."""
    quick.delivery.fail("artifact", ForgeUnavailable("502"), call=2)

    with pytest.raises(ForgeUnavailable):
        quick.go()

    assert RecoveryStatus.IN_PROGRESS is quick.state().status
    assert RecoveryStatus.IN_PROGRESS is quick.settle().status
    quick.clock.advance(901)
    assert "not-rerun" == quick.settle().metadata["outcome"]


def test_nobody_carries_out_a_rollback_that_they_find(quick: RollbackBench) -> None:
    """A plan on record, from whomever, is settled and never executed by another process."""
    plan = quick.manager().plan_rollback("ckpt-good0001")

    quick.manager().execute(plan)

    assert 0 == quick.effects
    quick.clock.advance(901)
    assert "not-rerun" == quick.settle().metadata["outcome"]


def test_what_is_another_one_s_is_left_alone(any_kind: RollbackBench, tmp_path: Path) -> None:
    """A machine that planned the same and died neither deletes what the other one made, nor takes it for its own."""
    dead = RollbackBench(MemoryStore(), tmp_path, any_kind.rule.kind)
    dead.forge, dead.delivery, dead.clock = any_kind.forge, any_kind.delivery, any_kind.clock
    any_kind.delivery.shows_nonce = False
    dead.manager().plan_rollback("ckpt-good0001")
    any_kind.go()
    branches = set(any_kind.forge.branches)

    any_kind.clock.advance(901)

    assert "not-rerun" == dead.settle().metadata["outcome"]
    assert ({TAG, BUSY}, branches) == (any_kind.locks, set(any_kind.forge.branches))


def test_sweep_settles_a_rollback_of_which_only_the_plan_is_known(quick: RollbackBench, tmp_path: Path) -> None:
    """The process died before it uploaded its journal: what it did is found by its nonce, and its commit is held."""
    quick.go()
    other = RollbackBench(MemoryStore(), tmp_path)
    other.forge, other.delivery, other.clock = quick.forge, quick.delivery, quick.clock
    other.store.record([event for event in quick.store.events.values() if isinstance(event, RecoveryDecided)])  # type: ignore[attr-defined]
    quick.end_rollback()

    result = other.sweep()

    assert RecoveryStatus.COMPLETED is other.state().status
    assert hold_artifact_name(rolled.BAD_SHA) == result.hold_artifact
    assert {TAG} == quick.locks

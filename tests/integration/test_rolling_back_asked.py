"""Rolling back as people ask for it: what they may name, and what they are told is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.app.rolling_back import Asked, asked_in
from recovery.errors import (
    AlreadyUnderWay,
    CheckpointRejected,
    ForgeRefused,
    InputError,
    NotFoundError,
    StateError,
)
from recovery.models.records import RecoveryStatus
from recovery.settings import RollbackRule, Settings
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import RollbackBench


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_second_rollback_settles_the_first_and_is_refused(bench: RollbackBench) -> None:
    """Never twice: the problem says who did it."""
    bench.roll_back()
    bench.end_rollback()

    result = bench.roll_back()

    assert isinstance(result.problem, AlreadyUnderWay)
    assert "was rolled back already" in result.problem.message
    assert (1, RecoveryStatus.COMPLETED) == (bench.effects, bench.state().status)


def test_no_target_is_a_problem_with_every_reason(bench: RollbackBench) -> None:
    """For a person at a terminal it is an error, and the hint lists what was looked into."""
    bench.forge.add_run(rolled.make_deploy_run(conclusion="failure"))

    result = bench.roll_back()

    assert isinstance(result.problem, CheckpointRejected)
    assert "ended with `failure`" in str(result.problem.hint)


def test_active_run_and_refusal_are_problems(bench: RollbackBench) -> None:
    """Whatever was not done has a reason that ends with an exit code."""
    bench.forge.add_run(rolled.make_bad_run(status="in_progress", conclusion=None))
    active = bench.roll_back(run_id=rolled.BAD_RUN)
    bench.forge.add_run(rolled.make_bad_run())
    bench.delivery.create_reference("tags/recovery/rolling-back/deploy/production", rolled.GOOD_SHA)
    busy = bench.roll_back()

    assert isinstance(active.problem, ForgeRefused)
    assert "still in progress" in active.problem.message
    assert isinstance(busy.problem, AlreadyUnderWay)
    assert "another rollback of `Deploy` in `production` goes on" in busy.problem.message


def test_plan_that_was_not_uploaded_is_not_carried_out(bench: RollbackBench) -> None:
    """Nobody could settle it if this runner died."""
    result = bench.roll_back(plan_uploaded=False)

    assert isinstance(result.problem, StateError)
    assert (0, set()) == (bench.effects, bench.locks)


def test_dry_run_shows_the_plan(bench: RollbackBench) -> None:
    """A document to look at, and nothing else."""
    result = bench.roll_back(dry_run=True)

    (document,) = result.documents
    assert "rollback" == document.strategy
    assert (None, "", ()) == (result.problem, result.hold_artifact, bench.store.recoveries())


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, Asked(workflow="Deploy")),
        ({"workflow": "Other"}, Asked(workflow="Other")),
        ({"run_id": 5}, Asked(run_id=5)),
        ({"checkpoint_id": "ckpt-1"}, Asked(checkpoint_id="ckpt-1")),
        ({"checkpoint_id": "last-known-good"}, Asked(workflow="Deploy")),
    ],
)
def test_what_is_asked_for(settings: dict[str, object], asked: Asked) -> None:
    """Run, checkpoint or workflow; where only one workflow is configured, it need not be named."""
    rules = {"Deploy": RollbackRule(kind="redispatch")}

    assert asked == asked_in(Settings(rollback=rules, **settings))


@pytest.mark.parametrize("count", [0, 2])
def test_what_is_not_asked_for(count: int) -> None:
    """None, or several, are configured, and nothing is named."""
    rules = {f"Deploy {number}": RollbackRule(kind="redispatch") for number in range(count)}

    with pytest.raises(InputError, match="which workflow"):
        asked_in(Settings(rollback=rules))


def test_workflow_without_checkpoints_cannot_be_rolled_back(bench: RollbackBench) -> None:
    """There is nothing to go back to, and the hint says how to change that."""
    with pytest.raises(NotFoundError, match="`Other`") as caught:
        bench.roll_back(workflow="Other")

    assert "mode: checkpoint" in str(caught.value.hint)

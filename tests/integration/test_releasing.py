"""Releasing a commit: what goes with its hold, what stays, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.app.releasing import all_that_holds, commits_told_of, list_holds, release_hold
from recovery.errors import ForgeRefused, NotFoundError, OnHold
from recovery.policy.claims import tag_message
from recovery.warden import MOST_RUNS
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.holds_bench import claimed, elsewhere, keep, spoil
from tests.integration.rollback_bench import BUSY, FIRST_SHA, TAG, RollbackBench


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_hold_is_released_with_an_empty_store(bench: RollbackBench, tmp_path: Path) -> None:
    """Tag and artifact tell all there is to know."""
    bench.roll_back()
    bench.end_rollback()
    bench.settle()

    released = release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA)

    assert ((("Deploy", "production"),), 1, ()) == (released.holds, released.artifacts, released.recoveries)
    assert (set(), "") == (bench.locks, bench.guard())


def test_release_deletes_what_cannot_be_read(bench: RollbackBench) -> None:
    """Damaged or too large, it is still in the way of the next hold; of one workflow alone, it may be another's."""
    bench.roll_back()
    bench.end_rollback()
    bench.settle()
    keep(bench, rolled.make_hold(workflow_name="Docs"))
    spoil(bench)

    looked = all_that_holds(bench.place(), rolled.BAD_SHA, "Deploy")
    released = release_hold(bench.place(), rolled.BAD_SHA)

    assert (1, 1) == (len(looked.artifacts), len(looked.stays))
    assert (2, ()) == (released.artifacts, released.stays)
    with pytest.raises(NotFoundError):
        release_hold(bench.place(), rolled.BAD_SHA)


def test_release_finds_a_damaged_artifact_alone(bench: RollbackBench) -> None:
    """It holds nothing, but is of ours."""
    keep(bench, rolled.make_hold())
    spoil(bench)

    assert ((), 1) == (release_hold(bench.place(), rolled.BAD_SHA).holds, len(bench.forge.artifacts))


def test_release_tells_what_stays(bench: RollbackBench) -> None:
    """There are more artifacts of that name than are looked into, of a workflow that is not believed."""
    bench.roll_back()
    for _ in range(MOST_RUNS + 1):
        keep(bench, rolled.make_hold(), path=".github/workflows/ci.yml")
        bench.forge.artifacts = dict(reversed(bench.forge.artifacts.items()))
    for number, (made, files) in list(bench.forge.artifacts.items()):
        bench.forge.artifacts[number] = (made.model_copy(update={"created_at": make.later(number)}), files)

    released = release_hold(bench.place(), rolled.BAD_SHA)

    assert (0, 2) == (released.artifacts, len(released.stays))


def test_release_warns_of_a_rollback_that_goes_on(bench: RollbackBench, tmp_path: Path) -> None:
    """By the record, or by the other tag where there is none."""
    bench.roll_back()
    stranger = elsewhere(bench, tmp_path).place()
    told = all_that_holds(stranger, rolled.BAD_SHA).under_way

    released = release_hold(bench.place(), rolled.BAD_SHA)

    assert (bench.state().id,) == told == released.under_way


def test_release_does_not_warn_of_a_rollback_that_has_ended(bench: RollbackBench, tmp_path: Path) -> None:
    """Neither by the record nor by a tag of another one, which goes on."""
    bench.roll_back()
    bench.end_rollback()
    bench.settle()
    claim = claimed(bench, bad_sha=FIRST_SHA)
    bench.delivery.create_tag(BUSY, claim.target_sha, tag_message(claim))

    assert () == all_that_holds(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA).under_way
    assert () == release_hold(bench.place(), rolled.BAD_SHA).under_way


def test_release_that_may_not_delete_the_tag_does_nothing(bench: RollbackBench) -> None:
    """The tag comes first: where it stays, the commit stays on hold, in every respect."""
    bench.roll_back()
    bench.delivery.fail("delete_reference", ForgeRefused("403", status=403))

    with pytest.raises(ForgeRefused):
        release_hold(bench.place(), rolled.BAD_SHA)

    assert "hold_released_at" not in bench.state().metadata
    with pytest.raises(OnHold):
        bench.guard()


def test_release_finds_what_is_over(bench: RollbackBench) -> None:
    """It may be deployed, but is no target and cannot be rolled back again until a person says so."""
    bench.roll_back()
    bench.end_rollback()
    bench.settle()
    bench.clock.advance(8 * 86400)

    assert {rolled.BAD_SHA} == commits_told_of(bench.place())
    assert 1 == release_hold(bench.place(), rolled.BAD_SHA).artifacts
    assert set() == bench.locks


def test_release_finds_a_tag_alone(tmp_path: Path) -> None:
    """`hold: 0` leaves no artifact, but a tag that keeps the commit from being rolled back again."""
    bench = RollbackBench(MemoryStore(), tmp_path, hold=0)
    bench.roll_back()
    bench.end_rollback()
    bench.settle()

    released = release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA)

    assert ((("Deploy", "production"),), 0) == (released.holds, released.artifacts)
    assert set() == bench.locks


def test_release_of_one_workflow_leaves_the_other_held(bench: RollbackBench) -> None:
    """Their artifacts have one name, but each says whose it is."""
    bench.roll_back()
    other = claimed(bench, workflow_name="Docs")
    keep(bench, rolled.make_hold(workflow_name="Docs", recovery_id=other.recovery_id))

    with pytest.raises(NotFoundError, match=r"nothing holds commit b+ for `CI`"):
        release_hold(bench.place(), rolled.BAD_SHA, workflow="CI")
    first = release_hold(bench.place(), rolled.BAD_SHA, workflow="Deploy")

    assert ((("Deploy", "production"),), 1, (bench.state().id,)) == (first.holds, first.artifacts, first.recoveries)
    assert "" == bench.guard()
    with pytest.raises(OnHold, match="for `Docs`"):
        bench.guard(workflow_name="Docs")
    assert ["Docs"] == [hold.workflow_name for hold in list_holds(bench.place())]
    assert (("Docs", "production"),) == release_hold(bench.place(), rolled.BAD_SHA).holds


def test_release_of_a_commit_names_each_hold(bench: RollbackBench) -> None:
    """Without the name of a workflow, all of them go."""
    bench.roll_back()
    claimed(bench, workflow_name="Docs")

    released = release_hold(bench.place(), rolled.BAD_SHA)

    assert (("Deploy", "production"), ("Docs", "production")) == released.holds
    assert not [tag for tag in bench.locks if rolled.BAD_SHA in tag]


def test_what_others_left_under_our_names_is_left_alone(bench: RollbackBench) -> None:
    """A tag without a claim, and an artifact that no rollback made."""
    bench.delivery.create_reference(f"tags/{TAG}", rolled.GOOD_SHA)
    keep(bench, rolled.make_hold(), path=".github/workflows/ci.yml")

    with pytest.raises(NotFoundError):
        release_hold(bench.place(), rolled.BAD_SHA)

    assert ({TAG}, ()) == (bench.locks, list_holds(bench.place()))
    assert "" == bench.sweep().hold_artifact
    assert 2 == len(bench.forge.artifacts)


def test_hold_from_a_shell_is_released_for_good(bench: RollbackBench, tmp_path: Path) -> None:
    """Rolled back here, held there, released from a third place."""
    bench.go()
    runner = elsewhere(bench, tmp_path)
    bench.clock.advance(301)
    runner.sweep()

    release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA)

    assert ("", "") == (runner.sweep().hold_artifact, bench.guard())

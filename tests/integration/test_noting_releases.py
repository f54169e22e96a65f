"""A release is learnt of from GitHub: from elsewhere, cut short, at the same moment, or only pretended."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.app.holding import TAG_GONE, missing_hold, note_releases
from recovery.app.recovering import execute_recovery
from recovery.app.releasing import list_holds, release_hold
from recovery.app.sweeping import plan_sweep
from recovery.errors import ForgeUnavailable, OnHold
from recovery.models.events import Event, RecoveryDecided
from recovery.models.github import Tag
from recovery.policy.holds import hold_artifact_name
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.holds_bench import claimed, elsewhere, keep
from tests.integration.rollback_bench import BUSY, TAG, RollbackBench


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def _with_order(event: Event, over: dict[str, object]) -> Event:
    """An event whose plan, if it has one, orders something else."""
    if not isinstance(event, RecoveryDecided) or event.plan.rollback is None:
        return event
    order = event.plan.rollback.model_copy(update=over)
    return event.model_copy(update={"plan": event.plan.model_copy(update={"rollback": order})})


def test_release_from_elsewhere_is_not_undone_by_the_sweep(bench: RollbackBench, tmp_path: Path) -> None:
    """The store of the runner learns of it from the tag, and a second pass writes nothing."""
    bench.roll_back()
    bench.end_rollback()
    bench.sweep()
    bench.clock.advance(600)
    release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA, "it was the weather")

    first = bench.sweep()
    known = len(bench.state().progress_steps)
    second = bench.sweep()

    assert ("", "") == (first.hold_artifact, second.hold_artifact)
    assert ("release hold", TAG_GONE) == tuple(bench.state().progress_steps[-1][name] for name in ("step", "detail"))
    assert known == len(bench.state().progress_steps)
    assert ("", ()) == (bench.guard(), list_holds(bench.place()))


def test_rollback_takes_note_of_a_release_from_elsewhere(bench: RollbackBench, tmp_path: Path) -> None:
    """What is decided from the record must agree with GitHub; a dry run writes nothing."""
    bench.roll_back()
    bench.clock.advance(600)
    release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA)

    note_releases(bench.place(dry_run=True))
    before = "hold_released_at" in bench.state().metadata
    note_releases(bench.place())

    assert (False, True) == (before, "hold_released_at" in bench.state().metadata)


def test_release_that_was_cut_short_is_finished_by_the_sweep(bench: RollbackBench, tmp_path: Path) -> None:
    """Without its tag nothing is held; the artifact that still says so goes."""
    bench.roll_back()
    bench.end_rollback()
    bench.sweep()
    bench.clock.advance(600)
    bench.forge.fail("delete_artifact", ForgeUnavailable("502"))
    with pytest.raises(ForgeUnavailable):
        release_hold(elsewhere(bench, tmp_path).place(), rolled.BAD_SHA)
    with pytest.raises(OnHold):
        bench.guard()

    bench.sweep()

    assert ("", ()) == (bench.guard(), list_holds(bench.place()))


@pytest.mark.parametrize("same_record", [True, False])
def test_release_while_a_sweep_is_under_way(bench: RollbackBench, tmp_path: Path, same_record: bool) -> None:
    """The tag is looked at again directly before the hold is written."""
    bench.go()
    bench.clock.advance(301)
    runner = bench if same_record else elsewhere(bench, tmp_path)
    handover = plan_sweep(runner.place())
    release_hold(bench.place(), rolled.BAD_SHA)

    result = execute_recovery(runner.place(), handover)

    assert handover.hold is not None
    assert ("", "") == (result.hold_artifact, runner.sweep().hold_artifact)
    assert ("", set()) == (bench.guard(), bench.locks - {BUSY})


@pytest.mark.parametrize("same_record", [True, False])
def test_hold_that_was_uploaded_while_it_was_released_is_taken_away(
    bench: RollbackBench, tmp_path: Path, same_record: bool
) -> None:
    """By the next sweep, whether the rollback is on its record or not; but not before whoever began has had time."""
    bench.go()
    bench.end_rollback()
    bench.settle()
    hold = next(iter(list_holds(bench.place())))
    release_hold(bench.place(), rolled.BAD_SHA)
    keep(bench, hold)
    runner = bench if same_record else elsewhere(bench, tmp_path)

    runner.sweep()
    with pytest.raises(OnHold):
        bench.guard()
    bench.clock.advance(301)
    runner.sweep()

    assert ("", ()) == (bench.guard(), list_holds(bench.place()))


def test_list_of_tags_that_comes_back_empty_releases_nothing(bench: RollbackBench) -> None:
    """Each tag is looked at once more before anything is deleted, or put on record."""
    bench.roll_back()
    bench.clock.advance(600)
    kept = bench.delivery.held_tags.pop(TAG)
    place = bench.place()
    tags = bench.delivery.tags

    def late(prefix: str) -> tuple[str, ...]:
        found = tags(prefix)
        bench.delivery.held_tags[TAG] = kept
        return found

    bench.delivery.tags = late  # type: ignore[method-assign]
    missing_hold(place, bench.forge.artifacts_since(make.NOW))

    assert "hold_released_at" not in bench.state().metadata
    with pytest.raises(OnHold):
        bench.guard()


@pytest.mark.parametrize(
    "forged",
    [
        {"tag": "recovery/rollback/gone", "nonce": "forged"},
        {"bad_sha": "c" * 40, "nonce": "forged"},
        {"hold_until": make.NOW},
    ],
)
def test_hostile_cache_takes_no_hold_away(bench: RollbackBench, tmp_path: Path, forged: dict[str, object]) -> None:
    """A plan of the same id says something else than the tag: what the tag says counts."""
    bench.roll_back()
    bench.clock.advance(400)
    other = RollbackBench(MemoryStore(), tmp_path)
    other.forge, other.delivery, other.clock = bench.forge, bench.delivery, bench.clock
    other.store.record([_with_order(event, forged) for event in bench.store.events.values()])  # type: ignore[attr-defined]

    other.sweep()
    before = list_holds(bench.place())
    for artifact in [each for each, _ in bench.forge.artifacts.values() if each.name.startswith("recovery-hold.")]:
        bench.forge.delete_artifact(artifact.id)
    made_up = other.sweep().hold_artifact

    assert (1, {TAG, BUSY}) == (len(before), bench.locks)
    assert "hold_released_at" not in other.state().metadata
    assert ("hold_until" in forged) is (made_up == "")


def test_release_on_record_is_no_release_while_the_tag_stands(bench: RollbackBench) -> None:
    """Who releases deletes the tag first: a record that says otherwise was not told by us."""
    bench.go()
    bench.store.record([rolled.hold_released(recovery=bench.plan().header)])

    assert "hold_released_at" in bench.state().metadata
    assert hold_artifact_name(rolled.BAD_SHA) == bench.sweep().hold_artifact
    with pytest.raises(OnHold):
        bench.guard()


def test_commit_that_was_rolled_back_again_elsewhere_was_released_before(bench: RollbackBench) -> None:
    """The tag stands, but it is another rollback's: the record of the first one says so."""
    bench.roll_back()
    bench.end_rollback()
    bench.sweep()
    bench.clock.advance(600)
    bench.delivery.held_tags.pop(TAG)
    claimed(bench, since=make.later(200))

    result = bench.sweep()

    assert "its tag was replaced by that of rec-7" == bench.state().progress_steps[-1]["detail"]
    assert hold_artifact_name(rolled.BAD_SHA) == result.hold_artifact
    assert ["rec-7"] == [hold.recovery_id for hold in list_holds(bench.place())]


def test_tag_that_was_replaced_by_words_of_nobody_releases(bench: RollbackBench) -> None:
    """Whoever may do that may delete it as well; the record says what was found."""
    bench.roll_back()
    bench.end_rollback()
    bench.sweep()
    bench.clock.advance(600)
    bench.delivery.held_tags[TAG] = Tag(name=TAG, commit=rolled.GOOD_SHA, message="hi")

    bench.sweep()

    told = bench.state().progress_steps[-1]["detail"]
    assert ("its tag was replaced by one that does not say whose it is", "") == (told, bench.guard())

"""A bad commit is on hold: from when on, until when, for whom, and how it is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.app.releasing import commits_told_of, list_holds, release_hold
from recovery.errors import CheckpointRejected, NotFoundError, OnHold
from recovery.models.rollback import RejectionId
from recovery.policy.holds import hold_artifact_name
from recovery.render.holds import hold_lines
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.holds_bench import keep, plant
from tests.integration.rollback_bench import TAG, RollbackBench


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_bad_commit_is_held_until_it_is_released(bench: RollbackBench) -> None:
    """Rolled back, stopped at the next try, released by a person, and free again in every respect."""
    result = bench.roll_back()

    assert (None, hold_artifact_name(rolled.BAD_SHA)) == (result.problem, result.hold_artifact)
    with pytest.raises(OnHold, match="on hold for `Deploy` until 2026-01-22 12:00 UTC") as caught:
        bench.guard()
    assert f"recovery holds release {rolled.BAD_SHA}" in str(caught.value.hint)
    assert "the shop is down" in caught.value.message
    assert "" == bench.guard(sha=rolled.GOOD_SHA)
    bench.end_rollback()
    bench.settle()

    released = release_hold(bench.place(), rolled.BAD_SHA, "it was the weather")

    assert (1, (bench.state().id,)) == (released.artifacts, released.recoveries)
    assert "" == bench.guard()
    assert set() == bench.locks
    assert "hold_released_at" in bench.state().metadata
    assert ("release hold", "it was the weather") == tuple(
        bench.state().progress_steps[-1][name] for name in ("step", "detail")
    )
    assert () == list_holds(bench.place())
    with pytest.raises(NotFoundError):
        release_hold(bench.place(), rolled.BAD_SHA)


def test_hold_is_over_in_time(bench: RollbackBench) -> None:
    """Nobody has to do anything for it; but the commit is still no good one to go back to."""
    bench.roll_back()
    bench.clock.advance(7 * 86400)

    assert "" == bench.guard()
    assert () == list_holds(bench.place())
    assert TAG in bench.locks


def test_nothing_is_held_where_no_time_is_configured(tmp_path: Path) -> None:
    """`hold: 0`."""
    bench = RollbackBench(MemoryStore(), tmp_path, hold=0)

    assert "" == bench.roll_back().hold_artifact
    assert 1 == bench.effects


def test_other_workflows_are_not_held(bench: RollbackBench) -> None:
    """What is bad for production may well be tested."""
    bench.roll_back()

    assert "" == bench.guard(workflow_name="CI")


def test_holds_are_listed_from_artifacts_and_from_the_record(bench: RollbackBench, tmp_path: Path) -> None:
    """An empty store finds them as well."""
    bench.roll_back()
    stranger = RollbackBench(MemoryStore(), tmp_path)
    stranger.forge, stranger.delivery = bench.forge, bench.delivery

    (hold,) = list_holds(stranger.place())

    assert (hold,) == list_holds(bench.place())
    assert (rolled.BAD_SHA, "Deploy", "production", "the shop is down") == (
        hold.sha,
        hold.workflow_name,
        hold.environment,
        hold.reason,
    )


def test_only_whole_commits_can_be_told_by_their_beginning(bench: RollbackBench) -> None:
    """A tag that begins like a held commit makes nothing ambiguous."""
    bench.roll_back()
    plant(bench, f"recovery/rollback/a/b/{'b' * 20}evil")

    assert {rolled.BAD_SHA} == commits_told_of(bench.place())


def test_list_tells_how_one_of_several_holds_is_released() -> None:
    """Where a commit is held for two workflows, the name of one is asked for."""
    lines = hold_lines([rolled.make_hold(), rolled.make_hold(workflow_name="Docs")])

    assert "For one workflow only: recovery holds release bbbbbbbbbbbb --workflow Deploy" == lines[-1].text


def test_what_is_to_be_copied_from_the_list_is_quoted() -> None:
    """A name comes from a tag, which anybody may have pushed."""
    holds = [rolled.make_hold(workflow_name="Deploy'; rm -rf \x1b[2J~ #"), rolled.make_hold()]

    assert hold_lines(holds)[-1].text.endswith("""--workflow 'Deploy'"'"'; rm -rf ~ #'""")


def test_own_long_reason_holds_all_the_same(bench: RollbackBench) -> None:
    """A form takes 65,535 characters, a shell any number."""
    bench.go(reason="\u00e9" * 33_000)

    assert hold_artifact_name(rolled.BAD_SHA) == bench.sweep().hold_artifact
    with pytest.raises(OnHold):
        bench.guard()


@pytest.mark.parametrize("kind", ["redispatch", "deployment", "revert-pr"])
@pytest.mark.parametrize("end", ["success", "failure"])
def test_hold_follows_what_becomes_of_the_rollback(tmp_path: Path, kind: str, end: str) -> None:
    """A revert that people have not merged, or have closed, holds nothing; every other rollback does."""
    bench = RollbackBench(MemoryStore(), tmp_path, kind)

    begun = bench.roll_back().hold_artifact
    bench.end_rollback(end)
    ended = bench.sweep().hold_artifact

    name = hold_artifact_name(rolled.BAD_SHA)
    if kind == "revert-pr":
        assert ("", name if end == "success" else "") == (begun, ended)
    else:
        assert (name, "") == (begun, ended)


def test_tags_of_holds_that_are_over_are_not_read_again(bench: RollbackBench) -> None:
    """They stay for good; only what the record does not know is asked for."""
    bench.roll_back()
    bench.end_rollback()
    bench.sweep()
    bench.clock.advance(8 * 86400)
    calls = len(bench.delivery.calls)

    assert () == list_holds(bench.place())
    assert ["tags"] == list(bench.called_since(calls))


def test_forcing_a_hold_releases_nothing(bench: RollbackBench) -> None:
    """A person goes back to what is on hold: whatever else would deploy it is still stopped."""
    held = rolled.make_hold(sha=rolled.GOOD_SHA, since=make.later(-60), recovery_id="rec-1")
    keep(bench, held)

    refused = bench.roll_back()
    forced = bench.roll_back(force=(RejectionId.ON_HOLD,))

    assert isinstance(refused.problem, CheckpointRejected)
    assert (None, 1) == (forced.problem, bench.effects)
    assert {held} < set(list_holds(bench.place()))
    with pytest.raises(OnHold):
        bench.guard(sha=rolled.GOOD_SHA)

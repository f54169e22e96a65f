"""The sweep makes up for holds that are missing, one a pass, whatever else is among the tags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recovery.app.held import MOST_TAGS
from recovery.app.holding import MOST_COMMITS, MOST_TRIES, missing_hold
from recovery.app.recovering import execute_recovery
from recovery.app.releasing import list_holds, release_hold
from recovery.app.sweeping import plan_sweep
from recovery.errors import (
    ForgeRefused,
    ForgeUnavailable,
    NotFoundError,
    OnHold,
    RateLimited,
)
from recovery.models.github import Tag
from recovery.models.records import RecoveryStatus
from recovery.models.rollback import RollbackKind
from recovery.policy.claims import tag_message
from recovery.policy.holds import hold_artifact_name
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.holds_bench import claimed, elsewhere, keep, plant, spoil
from tests.integration.rollback_bench import BUSY, FIRST_SHA, TAG, RollbackBench

BOTH = {name: RollbackRule(kind=RollbackKind.REDISPATCH) for name in ("Deploy", "Docs")}
"""Two workflows that are rolled back."""


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def test_hold_is_written_where_it_cannot_be_looked_at_again(bench: RollbackBench) -> None:
    """What does not stand is taken away later; what is not written lets a bad commit pass."""
    bench.go()
    handover = plan_sweep(bench.place())
    bench.delivery.fail("tag", ForgeUnavailable("502"), call=1 + bench.delivery.called("tag"))

    assert hold_artifact_name(rolled.BAD_SHA) == execute_recovery(bench.place(), handover).hold_artifact


def test_artifact_that_may_not_be_deleted_keeps_no_other_hold_from_being_made_up(bench: RollbackBench) -> None:
    """It is warned of, and tried again in the next pass."""
    bench.go()
    keep(bench, rolled.make_hold(sha=rolled.BAD_SHA, workflow_name="Docs", since=make.later(-600)))
    bench.forge.fail("delete_artifact", ForgeRefused("403", status=403))

    assert hold_artifact_name(rolled.BAD_SHA) == bench.sweep().hold_artifact


def test_sweep_makes_up_for_a_hold_that_was_not_uploaded(bench: RollbackBench) -> None:
    """Whoever was to upload it did not live to; a second pass uploads nothing more."""
    bench.go()

    first = bench.sweep()
    second = bench.sweep()

    assert (hold_artifact_name(rolled.BAD_SHA), "") == (first.hold_artifact, second.hold_artifact)
    with pytest.raises(OnHold):
        bench.guard()


def test_sweep_makes_up_the_hold_of_a_rollback_from_a_shell(bench: RollbackBench, tmp_path: Path) -> None:
    """Only the tag tells of it; whoever made it a moment ago is left to it."""
    bench.go()
    runner = elsewhere(bench, tmp_path)

    early = runner.sweep()
    bench.clock.advance(301)
    late = runner.sweep()
    again = runner.sweep()

    name = hold_artifact_name(rolled.BAD_SHA)
    assert ("", name, "") == (early.hold_artifact, late.hold_artifact, again.hold_artifact)
    with pytest.raises(OnHold, match=r"until 2026-01-22 12:00 UTC: .* \(the shop is down\)"):
        bench.guard()
    assert list_holds(bench.place()) == list_holds(runner.place())
    assert 1 == len(list_holds(runner.place()))


def test_sweep_makes_up_the_hold_beside_that_of_another_workflow(bench: RollbackBench) -> None:
    """The name of an artifact does not tell whose hold it is."""
    bench.go()
    keep(bench, rolled.make_hold(workflow_name="Docs"))

    assert hold_artifact_name(rolled.BAD_SHA) == bench.sweep().hold_artifact
    with pytest.raises(OnHold):
        bench.guard()
    assert "" == bench.sweep().hold_artifact


def test_sweep_makes_up_one_hold_after_the_other(bench: RollbackBench) -> None:
    """One artifact a pass."""
    bench.go()
    claimed(bench, workflow_name="Docs")

    names = [bench.sweep(rollback=BOTH).hold_artifact for _ in range(3)]

    assert [hold_artifact_name(rolled.BAD_SHA)] * 2 + [""] == names
    assert {"Deploy", "Docs"} == {hold.workflow_name for hold in list_holds(bench.place())}


def test_hold_that_cannot_be_uploaded_starves_no_other(bench: RollbackBench) -> None:
    """Chance decides which of the missing ones comes first."""
    bench.go()
    claimed(bench, workflow_name="Docs")

    found = []
    for chance in (0.0, 0.4, 0.6, 0.99):
        bench.clock.fixed_chance = chance
        found.append(missing_hold(bench.place(rollback=BOTH)))

    assert {"Deploy", "Docs"} == {hold.workflow_name for hold in found if hold is not None}


def test_hold_that_is_read_by_nobody_is_not_made_up_for_ever(bench: RollbackBench) -> None:
    """Whatever damages it on the way: so many artifacts would crowd out every hold on that commit."""
    bench.go()
    names = []
    for _ in range(MOST_TRIES + 3):
        names.append(bench.sweep().hold_artifact)
        spoil(bench)

    assert [hold_artifact_name(rolled.BAD_SHA)] * MOST_TRIES + [""] * 3 == names


@pytest.mark.parametrize(
    "claim",
    [
        {"since": make.later(10**8), "hold_until": make.later(10**8 + 60)},
        {"hold_until": make.later(31 * 86400)},
        {"workflow_name": "Other"},
        {"environment": "staging"},
    ],
)
def test_claim_that_no_rollback_of_this_repository_can_have_made_holds_nothing(
    bench: RollbackBench, claim: dict[str, object]
) -> None:
    """In the future, for ever, or of a workflow that is not rolled back."""
    claimed(bench, bad_sha=rolled.GOOD_SHA, target_sha=FIRST_SHA, **claim)

    assert "" == bench.sweep().hold_artifact
    assert "" == bench.guard(sha=rolled.GOOD_SHA)


def test_claim_at_another_commit_holds_nothing(bench: RollbackBench) -> None:
    """Its words were copied."""
    said = tag_message(claimed(bench))
    bench.delivery.held_tags[TAG] = Tag(name=TAG, commit=FIRST_SHA, message=said)

    assert ("", ()) == (bench.sweep().hold_artifact, list_holds(bench.place()))
    with pytest.raises(NotFoundError):
        release_hold(bench.place(), rolled.BAD_SHA)


def test_crowd_of_other_tags_hides_no_hold(bench: RollbackBench, tmp_path: Path) -> None:
    """What is not named like a tag of a configured workflow costs no request."""
    bench.go()
    runner = elsewhere(bench, tmp_path)
    bench.clock.advance(301)
    for number in range(200):
        plant(bench, f"recovery/rollback/0/{number}")
        plant(bench, f"recovery/rollback/0/0/{number:040x}")
        plant(bench, f"{TAG.rpartition('/')[0]}/{number}")
    asked = bench.delivery.called("tag")

    assert hold_artifact_name(rolled.BAD_SHA) == runner.sweep().hold_artifact
    assert 2 == bench.delivery.called("tag") - asked
    assert 1 == len(list_holds(elsewhere(bench, tmp_path).place()))


def test_crowd_of_tags_like_ours_hides_a_hold_for_a_while_only(bench: RollbackBench, tmp_path: Path) -> None:
    """So many are read in one pass, from anywhere on; and no more requests are sent, however many there are."""
    bench.go()
    runner = elsewhere(bench, tmp_path)
    bench.clock.advance(301)
    for number in range(2 * MOST_TAGS):
        plant(bench, f"{TAG.rpartition('/')[0]}/{number:040x}")
    asked = bench.delivery.called("tag")

    hidden = runner.sweep().hold_artifact
    assert MOST_TAGS == bench.delivery.called("tag") - asked
    bench.clock.fixed_chance = 0.99

    assert ("", hold_artifact_name(rolled.BAD_SHA)) == (hidden, runner.sweep().hold_artifact)


def test_crowd_of_holds_costs_a_bounded_number_of_requests(bench: RollbackBench) -> None:
    """Of people who may push tags; each of them is made up once, in its turn."""
    for number in range(3 * MOST_TAGS):
        claimed(bench, bad_sha=f"{number:040x}", recovery_id=f"rec-{number}", since=make.later(-600))
    tags, calls = len(bench.delivery.calls), len(bench.forge.calls)

    bench.sweep()

    assert MOST_TAGS + 2 == len(bench.delivery.calls) - tags
    assert MOST_COMMITS == sum(call[0] == "artifacts_named" for call in bench.forge.calls[calls:])


def test_tag_that_cannot_be_read_hides_no_other(bench: RollbackBench, tmp_path: Path) -> None:
    """It is passed over by itself; what GitHub cannot answer at all ends the look, and nothing else."""
    bench.go()
    runner = elsewhere(bench, tmp_path)
    bench.clock.advance(301)
    plant(bench, f"{TAG.rpartition('/')[0]}/{'0' * 40}")
    bench.delivery.fail("tag", RateLimited("wait"), call=1 + bench.delivery.called("tag"))
    limited = runner.sweep().hold_artifact
    bench.delivery.fail("tag", ForgeRefused("odd", status=409), call=1 + bench.delivery.called("tag"))

    assert ("", hold_artifact_name(rolled.BAD_SHA)) == (limited, runner.sweep().hold_artifact)


@pytest.mark.parametrize(
    "claim",
    [
        {"hold_until": None},
        {"hold_until": make.later(-1)},
        {"kind": RollbackKind.REVERT_PR},
        {"since": make.NOW},
    ],
)
def test_sweep_makes_up_no_hold_that_does_not_stand(bench: RollbackBench, claim: dict[str, object]) -> None:
    """None was asked for, it is over, people have not decided yet, or it may be taken back at this moment."""
    claimed(bench, **{"since": make.later(-600)} | claim)

    assert ("", ()) == (bench.sweep().hold_artifact, list_holds(bench.place()))


def test_sweep_makes_up_no_hold_of_a_rollback_that_is_known_to_have_come_to_nothing(bench: RollbackBench) -> None:
    """The record knows better than a claim what became of it."""
    bench.delivery.fail("dispatch_workflow", ForgeUnavailable("502"))
    bench.roll_back()
    bench.clock.advance(200)

    assert ({TAG, BUSY}, "") == (bench.locks, bench.sweep().hold_artifact)


def test_other_peoples_sweeps_ask_for_no_tags(bench: RollbackBench) -> None:
    """Where no workflow is rolled back, nothing is to be held; nor does a dry run look."""
    bench.go()
    calls = len(bench.delivery.calls)
    bench.sweep(rollback={}, dry_run=False)
    bench.sweep(dry_run=True)

    assert "tags" not in bench.called_since(calls)


def test_sweep_of_a_workflow_that_is_not_believed_uploads_nothing(bench: RollbackBench) -> None:
    """Every pass would leave one more artifact that the guard passes over."""
    bench.go()
    place = bench.place()
    context = place.context.model_copy(update={"workflow_path": ".github/workflows/other.yml"})

    assert None is missing_hold(replace(place, context=context))


def test_sweep_goes_on_where_tags_cannot_be_listed(bench: RollbackBench) -> None:
    """`contents: read` may be missing: what was settled is reported all the same."""
    bench.roll_back()
    bench.end_rollback()
    bench.delivery.fail("tags", ForgeRefused("403", status=403), call=1 + bench.delivery.called("tags"))

    assert "" == bench.sweep().hold_artifact
    assert RecoveryStatus.COMPLETED is bench.state().status

"""A rollback that dies at every moment, meets another one, or finds its target gone: once or not at all, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from recovery.rehearsal.server import LocalGitHub
from tests.faults.loop import MovableClock, quick_folder
from tests.faults.rollbacks import (
    DEPLOYMENT,
    KINDS,
    OF_A_SWEEP,
    OF_A_SWEEP_THAT_CLEARS_UP,
    REDISPATCH,
    REVERT,
    RollbackTurn,
    Shop,
    change,
)
from tests.faults.test_kill import on

WHILE_IT_GOES_ON = 6.0
"""Minutes before the first sweep: a request in flight is given five, so that it may only look."""
PASSES = (16.0, 10.0)
"""Minutes before each sweep after that: what nobody sees is taken for dead after fifteen."""

LOCK = (
    ("the commit's tag object", "/git/tags"),
    ("the commit's tag", "/git/refs"),
    ("the busy tag object", "/git/tags"),
    ("the busy tag", "/git/refs"),
)
CHANGES = {
    REDISPATCH: (*LOCK, ("the dispatch", "/actions/workflows/deploy.yml/dispatches")),
    DEPLOYMENT: (*LOCK, ("the deployment", "/deployments"), ("its status", "/deployments/*/statuses")),
    REVERT: (*LOCK, ("the commit", "/git/commits"), ("the branch", "/git/refs"), ("the pull request", "/pulls")),
}
"""Every request of an execution that changes something, in order."""
EFFECTS = {REDISPATCH: "the dispatch", DEPLOYMENT: "the deployment", REVERT: "the pull request"}
"""Once this is carried out it has happened: it must neither be lost nor be done again."""


class Moment(NamedTuple):
    """When a rollback of a kind dies."""

    kind: str
    name: str
    step: str
    number: int = 0
    """The request that changes something, counted from 1; 0 for the first request that there is."""
    after: bool = False
    is_done: bool = False


def moments(kind: str) -> Iterator[Moment]:
    """Every moment between two changes of the world, from the first request to the last upload.

    Before a tag is for GitHub what after the one before it is, and all kinds take their tags alike: that is done once.
    """
    yield Moment(kind, "while planning", "plan", after=True)
    yield Moment(kind, "before the plan upload", "lost after plan")
    yield Moment(kind, "before the look", "execute")
    is_done = False
    for number, (name, path) in enumerate(CHANGES[kind], start=1):
        if kind == REDISPATCH or (name, path) not in LOCK:
            yield Moment(kind, f"before {name}", "execute", number, is_done=is_done)
        is_done = is_done or name == EFFECTS[kind]
        yield Moment(kind, f"after {name}", "execute", number, after=True, is_done=is_done)
    yield Moment(kind, "before the uploads", "lost after execute", is_done=True)


MOMENTS = {f"{moment.kind}, {moment.name}": moment for kind in KINDS for moment in moments(kind)}
WITH_JOURNAL = [
    *(name for name, moment in MOMENTS.items() if moment.kind == REDISPATCH),
    *(f"{kind}, {name} {EFFECTS[kind]}" for kind in (DEPLOYMENT, REVERT) for name in ("before", "after")),
    f"{REVERT}, after the branch",
]
"""Where only the step dies, and what it wrote down until then is uploaded."""


@pytest.fixture
def opened_shop(server: LocalGitHub, clock: MovableClock, tmp_path: Path) -> Iterator[Callable[[str], Shop]]:
    """Opens a shop whose newest deployment is bad, and which is rolled back in one way."""
    with quick_folder(tmp_path) as folder:
        yield lambda kind: Shop(server, folder, clock, kind)


@pytest.fixture
def shop(opened_shop: Callable[[str], Shop]) -> Shop:
    """A shop whose newest deployment is bad."""
    return opened_shop(REDISPATCH)


def die(turn: RollbackTurn, moment: Moment) -> None:
    """Follow the steps up to the kill, which must happen."""
    if moment.step == "plan":
        turn.plan_killed(on("GET", "/compare/"), after=moment.after)
        return
    turn.plan()
    if moment.step == "lost after plan":
        return
    turn.upload_plan()
    if moment.step == "lost after execute":
        assert 0 == turn.process(**turn.of_execution).code
        return
    turn.execute_killed(change(moment.number) if moment.number else on("GET", ""), after=moment.after)


def lose(turn: RollbackTurn) -> None:
    """The machine is gone, and nothing else goes wrong."""
    turn.lose_runner()
    turn.loop.heal()


def go_on(shop: Shop, *, well: bool = True) -> None:
    """A sweep looks while it goes on, GitHub and people bring it to its end, and sweeps follow."""
    shop.clock.sleep(WHILE_IT_GOES_ON * 60)
    assert shop.sweep().ended_well
    shop.github_works(well=well)
    shop.follow(*PASSES)


def assert_settled(shop: Shop, *, is_done: bool) -> None:
    """It was done once and is held, or not at all and nothing is left of it; nothing stays open."""
    assert int(is_done) == len(shop.brought_back)
    assert ({shop.tag} if is_done else set()) == shop.tags
    assert int(is_done and shop.kind == REVERT) == len(shop.branches)
    assert [] == shop.open
    assert_held(shop, is_held=is_done)
    assert [] == shop.world.offences


def assert_held(shop: Shop, *, is_held: bool) -> None:
    """The bad commit may not be deployed, or may; the good one always may."""
    assert [f"recovery-hold.{shop.bad.head_sha}"] * is_held == shop.holds
    assert [14 * is_held, 0] == [shop.guard(run.head_sha) for run in (shop.bad, shop.good)]


def assert_can_be_asked_for(shop: Shop, *, again: bool) -> None:
    """A person has it done, or is told that it was done."""
    turn = shop.rollback().go()
    assert again is turn.ended_well, turn.told
    if again:
        shop.github_works()
        shop.clock.sleep(WHILE_IT_GOES_ON * 60)
        assert shop.sweep().ended_well
    else:
        assert "rolled back already" in turn.told
    assert_settled(shop, is_done=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_is_known(opened_shop: Callable[[str], Shop], kind: str) -> None:
    """There is no request of a rollback that changes something, before and after which it is not killed."""
    shop = opened_shop(kind)
    turn = shop.rollback().go()

    assert turn.ended_well, turn.told
    assert [f"POST {path}" for _, path in CHANGES[kind]] == turn.changes
    shop.github_works()
    shop.clock.sleep(WHILE_IT_GOES_ON * 60)
    shop.sweep()
    assert_settled(shop, is_done=True)


@pytest.mark.parametrize("name", MOMENTS)
def test_machine_is_lost(opened_shop: Callable[[str], Shop], tally: Callable[[str, str], None], name: str) -> None:
    """Sweeps learn what became of it; then a person has it done, unless it was done."""
    moment = MOMENTS[name]
    shop = opened_shop(moment.kind)
    turn = shop.rollback()

    die(turn, moment)
    lose(turn)
    shop.clock.sleep(WHILE_IT_GOES_ON * 60)
    assert shop.sweep().ended_well
    assert_held(shop, is_held=moment.is_done and moment.kind != REVERT)
    shop.github_works()
    shop.follow(*PASSES)

    assert_settled(shop, is_done=moment.is_done)
    assert_can_be_asked_for(shop, again=not moment.is_done)
    tally(f"kill -9 of a rollback {moment.name}", f"{moment.kind}, machine lost")


@pytest.mark.parametrize("name", WITH_JOURNAL)
def test_step_is_killed(opened_shop: Callable[[str], Shop], tally: Callable[[str, str], None], name: str) -> None:
    """What the step wrote down until it died is uploaded; everything else is as if the machine was lost."""
    moment = MOMENTS[name]
    shop = opened_shop(moment.kind)
    turn = shop.rollback()

    die(turn, moment)
    turn.upload_journal()
    lose(turn)
    go_on(shop)

    assert_settled(shop, is_done=moment.is_done)
    assert_can_be_asked_for(shop, again=not moment.is_done)
    tally(f"kill -9 of a rollback {moment.name}", f"{moment.kind}, journal uploaded")


@pytest.mark.parametrize("kind", KINDS)
def test_killed_rollback_that_ends_badly(
    opened_shop: Callable[[str], Shop], tally: Callable[[str, str], None], kind: str
) -> None:
    """What came of it failed and holds all the same; a pull request that people closed holds nothing."""
    moment = MOMENTS[f"{kind}, after {EFFECTS[kind]}"]
    shop = opened_shop(kind)
    turn = shop.rollback()

    die(turn, moment)
    lose(turn)
    go_on(shop, well=False)

    if kind == REVERT:
        assert (set(), set(), []) == (shop.tags, shop.branches, shop.open)
        assert_held(shop, is_held=False)
        assert shop.rollback().go().ended_well
    else:
        assert_settled(shop, is_done=True)
        assert_can_be_asked_for(shop, again=False)
    tally(f"kill -9 of a rollback {moment.name}", f"{kind}, ends badly")


@pytest.mark.parametrize(
    "name", ["before the busy tag", "before the dispatch", "after the dispatch", "before the uploads"]
)
def test_sweeps_that_may_not_delete_a_tag(shop: Shop, tally: Callable[[str, str], None], name: str) -> None:
    """They learn what became of it all the same, and whoever asks next clears up."""
    moment = MOMENTS[f"{REDISPATCH}, {name}"]
    shop.sweep_may = OF_A_SWEEP
    turn = shop.rollback()

    die(turn, moment)
    lose(turn)
    go_on(shop)

    assert (moment.is_done, []) == (shop.busy in shop.tags and bool(shop.holds), shop.open)
    shop.sweep_may = OF_A_SWEEP_THAT_CLEARS_UP
    assert_can_be_asked_for(shop, again=not moment.is_done)
    tally(f"kill -9 of a rollback {name}", "sweeps that may not delete")


CLEARING = {
    (REDISPATCH, "before the dispatch"): ("the commit's tag", "the busy tag"),
    (REVERT, "before the pull request"): ("the branch", "the commit's tag", "the busy tag"),
    (REDISPATCH, "after the dispatch"): ("the busy tag",),
    (DEPLOYMENT, "after the deployment"): ("the earlier deployment", "the busy tag"),
    (REVERT, "after the pull request"): ("the busy tag",),
}
"""What the sweep that ends a killed rollback deletes or sets right, in order."""
CLEARED_UP = {
    "the commit's tag": "DELETE /git/refs/tags/recovery/rollback/",
    "the busy tag": "DELETE /git/refs/tags/recovery/rolling-back/",
    "the branch": "DELETE /git/refs/heads/recovery/revert/",
    "the earlier deployment": "POST /deployments/*/statuses",
}
SWEEPS = [
    pytest.param(kind, name, number, after, id=f"{kind}, {name}, {'after' if after else 'before'} {done}")
    for (kind, name), changes in CLEARING.items()
    for number, done in enumerate(changes, start=1)
    for after in (False, True)
]


def about_to_end(shop: Shop, kind: str, name: str) -> RollbackTurn:
    """The sweep that ends a rollback that was killed; one before it looked while it went on."""
    turn = shop.rollback()
    die(turn, MOMENTS[f"{kind}, {name}"])
    lose(turn)
    shop.clock.sleep(WHILE_IT_GOES_ON * 60)
    assert shop.sweep().ended_well
    shop.github_works()
    shop.clock.sleep(PASSES[0] * 60)
    return shop.sweeping()


@pytest.mark.parametrize(("kind", "name"), CLEARING)
def test_every_change_of_a_sweep_is_known(opened_shop: Callable[[str], Shop], kind: str, name: str) -> None:
    """There is no request of the sweep that clears up, before and after which it is not killed."""
    sweep = about_to_end(opened_shop(kind), kind, name).go()

    expected = [CLEARED_UP[done] for done in CLEARING[kind, name]]
    assert len(expected) == len(sweep.changes)
    assert all(made.startswith(begin) for begin, made in zip(expected, sweep.changes, strict=True)), sweep.changes


@pytest.mark.parametrize(("kind", "name", "number", "after"), SWEEPS)
def test_sweep_is_killed_while_it_clears_up(
    opened_shop: Callable[[str], Shop],
    tally: Callable[[str, str], None],
    kind: str,
    name: str,
    number: int,
    *,
    after: bool,
) -> None:
    """The next one goes on where it was: nothing is left, and nothing that is to stay is deleted."""
    shop = opened_shop(kind)
    sweep = about_to_end(shop, kind, name)

    sweep.plan_killed(change(number), after=after)
    lose(sweep)
    shop.follow(*PASSES)

    assert_settled(shop, is_done=MOMENTS[f"{kind}, {name}"].is_done)
    tally("kill -9 of a sweep that clears up", f"{kind}, machine lost")


@pytest.mark.parametrize("kind", KINDS)
def test_sweep_is_lost_before_it_uploads_the_hold(
    opened_shop: Callable[[str], Shop], tally: Callable[[str, str], None], kind: str
) -> None:
    """The next one makes it up once more."""
    shop = opened_shop(kind)
    turn = shop.rollback()
    die(turn, MOMENTS[f"{kind}, before the uploads"])
    lose(turn)
    shop.github_works()
    shop.clock.sleep(WHILE_IT_GOES_ON * 60)
    sweep = shop.sweeping()

    sweep.plan()
    assert 0 == sweep.process(**sweep.of_execution).code
    assert sweep.outputs["hold-artifact"]
    lose(sweep)
    assert [] == shop.holds
    shop.follow(*PASSES)

    assert_settled(shop, is_done=True)
    tally("sweep lost before it uploads the hold", f"{kind}, machine lost")


RELEASES = {
    "before the tag": (1, False),
    "after the tag": (1, True),
    "before the artifact": (2, False),
    "after the artifact": (2, True),
}
"""Before or after which request that changes something a release dies."""


def killed_release(shop: Shop, name: str) -> None:
    """A rollback that ended well, and the release of its commit, which dies."""
    assert shop.rollback().go().ended_well
    go_on(shop)
    number, after = RELEASES[name]
    shop.shell().command_killed(change(number), "holds", "release", shop.bad.head_sha, after=after)


@pytest.mark.parametrize("name", RELEASES)
def test_killed_release_is_finished_by_sweeps(shop: Shop, tally: Callable[[str, str], None], name: str) -> None:
    """The tag is the truth: while it stands, the hold does; once it is gone, the next sweep takes away the rest."""
    killed_release(shop, name)
    shop.follow(*PASSES)

    is_held = name == "before the tag"
    assert ({shop.tag} if is_held else set(), []) == (shop.tags, shop.open)
    assert_held(shop, is_held=is_held)
    assert is_held is not shop.rollback().go().ended_well
    tally("kill -9 of a release", "then sweeps")


@pytest.mark.parametrize("name", RELEASES)
def test_killed_release_is_asked_for_again(shop: Shop, tally: Callable[[str, str], None], name: str) -> None:
    """What is left is found again, or the answer is that nothing is."""
    killed_release(shop, name)

    again = shop.shell().command("holds", "release", shop.bad.head_sha)

    assert 0 == again.code, again.err
    assert set() == shop.tags
    assert_held(shop, is_held=False)
    tally("kill -9 of a release", "then released again")


def test_two_at_once_are_one(shop: Shop, tally: Callable[[str, str], None]) -> None:
    """Two people ask at the same moment, and both processes have planned: GitHub gives the tag to one."""
    turns = [shop.rollback() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda turn: turn.process(RECOVERY_PHASE="plan"), turns))
        for turn in turns:
            turn.upload_plan()
        list(pool.map(lambda turn: turn.process(**turn.of_execution), turns))

    assert [False, True] == sorted(turn.ended_well for turn in turns)
    (second,) = [turn for turn in turns if not turn.ended_well]
    assert "was refused: commit" in second.told
    assert 1 == len(shop.brought_back)
    tally("two rollbacks at once", "whole story")


def test_target_that_turns_invalid_is_not_brought_back(shop: Shop) -> None:
    """Its artifact expires between plan and act: nothing is done, and another try says why there is no target."""
    turn = shop.rollback()
    turn.plan()
    turn.upload_plan()
    shop.world.vault.expire(shop.checkpoint.id)
    turn.execute()
    turn.save_state()

    assert "the target turned invalid" in turn.told
    assert ([0, 7], set(), []) == (turn.codes, shop.tags, shop.brought_back)
    again = shop.rollback().go()
    assert "artifact-expired" in again.told


def test_dry_run_changes_nothing(shop: Shop) -> None:
    """It says what would be done, and asks for nothing that changes anything."""
    turn = shop.rollback(**{"dry-run": "true"}).go()

    assert turn.ended_well
    assert {"GET"} == {seen.method for seen in turn.accesses}
    outputs = turn.outputs
    assert ("act", "rollback", shop.good.head_sha, "", "") == tuple(
        outputs[name] for name in ("decision", "strategy", "target-sha", "hold-artifact", "plan-artifact")
    )
    assert (set(), [], []) == (shop.tags, shop.brought_back, shop.holds)


def test_outputs_of_a_rollback(shop: Shop) -> None:
    """What was gone back to, and where."""
    turn = shop.rollback().go()

    assert turn.ended_well
    (back,) = shop.brought_back
    assert (shop.good.head_sha, str(back.id), "requested", f"recovery-hold.{shop.bad.head_sha}") == tuple(
        turn.outputs[name] for name in ("target-sha", "rollback-reference", "reason", "hold-artifact")
    )
    assert turn.outputs["target-checkpoint-id"].startswith("ckpt-")


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"GITHUB_EVENT_NAME": "push"}, "`push` is no person"),
        ({"GITHUB_REF_NAME": "feature"}, "what is not of `main` is not believed"),
        ({"GITHUB_WORKFLOW_REF": "octo/repo/.github/workflows/mine.yml@refs/heads/main"}, "mine.yml is not believed"),
    ],
)
def test_rollback_that_nobody_would_believe_is_refused(shop: Shop, over: dict[str, str], words: str) -> None:
    """Its plan and its hold would be passed over by whoever comes after."""
    turn = shop.rollback()
    turn.over |= over
    turn.plan()

    assert ([3], True) == (turn.codes, words in turn.told)
    assert [] == turn.accesses

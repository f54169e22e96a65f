"""kill -9 at every moment at which something is half done, and everything that may come after it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from recovery.rehearsal.faults.happenings import DiskFull, Happening
from recovery.rehearsal.faults.parts import When
from recovery.rehearsal.records import Arrival, Run
from tests.faults import invariants
from tests.faults.loop import NETWORK, REAL, STUBBORN, Loop, Turn

PASSES = (6.0, 70.0, 10.0)
"""Minutes before each sweep: a request in flight is given five, an accepted re-run that never shows up an hour."""


def on(method: str, part: str) -> Callable[[Arrival], bool]:
    """A request of this method whose path holds this."""
    return lambda arrival: arrival.method == method and part in arrival.path


class Kill(NamedTuple):
    """Where a recovery run dies: at a request of a step, before GitHub looks at it or after it was carried out."""

    step: str
    method: str = ""
    path: str = ""
    after: bool = False
    worlds: tuple[str, ...] = (NETWORK,)


KILLS = {
    "while planning": Kill("plan", "GET", "/pulls", after=True, worlds=(NETWORK, REAL)),
    "before the plan upload": Kill("lost after plan", worlds=(NETWORK, REAL)),
    "after the plan upload": Kill("execute", "GET", "/actions/runs/"),
    "between claim and effect": Kill("execute", "POST", "/rerun-failed-jobs"),
    "after the effect": Kill("execute", "POST", "/rerun-failed-jobs", after=True),
    "before the comment": Kill("execute", "GET", "/comments", worlds=(NETWORK, REAL)),
    "comment not carried out": Kill("execute", "POST", "/comments", worlds=(NETWORK, REAL)),
    "comment carried out": Kill("execute", "POST", "/comments", after=True, worlds=(NETWORK, REAL)),
    "before the journal upload": Kill("lost after execute", worlds=(NETWORK, REAL)),
}


def die(turn: Turn, kill: Kill) -> None:
    """Follow the steps up to the kill."""
    fits = on(kill.method, kill.path)
    if kill.step == "plan":
        turn.plan_killed(fits, after=kill.after)
        return
    turn.plan()
    if kill.step == "lost after plan":
        return
    turn.upload_plan()
    if kill.step == "execute":
        turn.execute_killed(fits, after=kill.after)
    else:
        turn.execute()


def cells(*worlds: str) -> list[object]:
    """Every kill in every world in which it has an occasion."""
    return [
        pytest.param(name, world, id=f"{name}-{world}")
        for name, kill in KILLS.items()
        for world in kill.worlds
        if world in worlds
    ]


def failed(loop: Loop) -> Run:
    """The pipeline's failure, as its event tells it."""
    loop.fail()
    (run,) = loop.arrivals()
    return run


@pytest.mark.parametrize(("name", "failure"), cells(NETWORK, REAL))
def test_machine_is_lost(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], name: str, failure: str
) -> None:
    """The machine is gone with everything on it; nothing but events and sweeps follow."""
    loop = opened(failure)
    turn = loop.turn(failed(loop))

    die(turn, KILLS[name])
    turn.lose_runner()
    loop.heal()
    loop.follow(*PASSES)

    invariants.assert_all(loop)
    tally(f"kill -9 {name}", "then events and sweeps")


@pytest.mark.parametrize("name", [name for name, kill in KILLS.items() if kill.step in {"plan", "execute"}])
def test_step_is_killed(opened: Callable[[str], Loop], tally: Callable[[str, str], None], name: str) -> None:
    """Only the step dies: the journal is uploaded as far as it was written."""
    loop = opened(NETWORK)
    turn = loop.turn(failed(loop))

    die(turn, KILLS[name])
    turn.upload_journal()
    loop.heal()
    loop.follow(*PASSES)

    invariants.assert_all(loop)
    tally(f"kill -9 {name}", "then the journal's upload")


@pytest.mark.parametrize("hidden", [False, True], ids=["artifacts stay", "artifacts hidden"])
@pytest.mark.parametrize(("name", "failure"), cells(NETWORK))
def test_recovery_run_is_rerun(
    opened: Callable[[str], Loop],
    tally: Callable[[str, str], None],
    *,
    name: str,
    failure: str,
    hidden: bool,
) -> None:
    """A person re-runs the recovery run itself: its failed jobs, or all of them, which hides its artifacts."""
    loop = opened(failure)
    run = failed(loop)
    turn = loop.turn(run)

    forgotten = hidden and name in {"comment carried out", "before the journal upload"}
    die(turn, KILLS[name])
    turn.lose_runner()
    loop.heal()
    if hidden:
        loop.world.vault.hide(turn.own.id)
    loop.turn(run, own=turn.own, attempt=2).go()
    loop.follow(*PASSES)

    (invariants.assert_forgotten if forgotten else invariants.assert_all)(loop)
    tally(f"kill -9 {name}", "then the recovery run is re-run")


@pytest.mark.parametrize(("name", "failure"), cells(NETWORK))
def test_other_recovery_run_goes_on(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], name: str, failure: str
) -> None:
    """Two recovery runs have the same event; both have planned, one dies, the other goes on."""
    loop = opened(failure)
    run = failed(loop)
    other = loop.turn(run)
    other.plan()
    other.upload_plan()
    turn = loop.turn(run)

    die(turn, KILLS[name])
    turn.lose_runner()
    loop.heal()
    other.execute()
    other.upload_journal()
    loop.follow(*PASSES)

    invariants.assert_all(loop)
    tally(f"kill -9 {name}", "while another recovery run goes on")


@pytest.mark.parametrize("failure", [NETWORK, REAL])
def test_two_recovery_runs_at_once(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], failure: str
) -> None:
    """Two recovery runs in processes of their own have the same event at the same time, and both live.

    Nothing of GitHub's keeps two that look at the same moment from writing a first comment each; the older one is kept.
    """
    loop = opened(failure)
    run = failed(loop)
    turns = [loop.turn(run) for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda turn: turn.process(RECOVERY_PHASE="plan"), turns))
        for turn in turns:
            turn.upload_plan()
        list(pool.map(lambda turn: turn.process(**turn.of_execution), turns))
    for turn in turns:
        turn.upload_journal()
    assert all(turn.ended_well for turn in turns), [turn.told for turn in turns]
    loop.follow(*PASSES)

    invariants.assert_all(loop, most_comments=2)
    tally("two at once", "whole story")


SETTLING = {
    "while settling": Kill("plan", "GET", "/jobs", after=True),
    "before the comment": Kill("execute", "GET", "/comments"),
    "comment not carried out": Kill("execute", "PATCH", "/comments"),
    "comment carried out": Kill("execute", "PATCH", "/comments", after=True),
    "before the journal upload": Kill("lost after execute"),
}


@pytest.mark.parametrize("journal", [False, True], ids=["machine lost", "step killed"])
@pytest.mark.parametrize("name", SETTLING)
@pytest.mark.parametrize("failure", [NETWORK, STUBBORN])
def test_settling_run_is_killed(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], name: str, failure: str, *, journal: bool
) -> None:
    """The recovery run that settles the second attempt dies, with or without its journal."""
    loop = opened(failure)
    loop.fail()
    loop.deliver_once()
    (run,) = loop.arrivals()
    turn = loop.turn(run)

    die(turn, SETTLING[name])
    if journal:
        turn.upload_journal()
    turn.lose_runner()
    loop.heal()
    loop.follow(*PASSES)

    invariants.assert_all(loop)
    tally(f"kill -9 {name}", "when settling")


@pytest.mark.parametrize(
    ("failure", "phase", "step", "method", "path"),
    [
        (NETWORK, "plan", "plan", "GET", "/pulls"),
        (NETWORK, "execute", "execute", "GET", "/actions/runs/*"),
        (NETWORK, "execute", "execute", "POST", "/actions/runs/*/rerun-failed-jobs"),
        (NETWORK, "comment", "execute", "GET", "/issues/*/comments"),
        (REAL, "plan", "plan", "GET", "/pulls"),
        (REAL, "comment", "execute", "GET", "/issues/*/comments"),
    ],
)
def test_disk_is_full(
    opened: Callable[[str], Loop],
    tally: Callable[[str, str], None],
    *,
    phase: str,
    step: str,
    method: str,
    path: str,
    failure: str,
) -> None:
    """From one request on the process can write no file any more."""
    loop = opened(failure)
    turn = loop.turn(failed(loop))
    full = Happening(before=When(method=method, path=path), do=DiskFull(disk_full=0))

    if step == "plan":
        loop.world.trouble.add(full)
        turn.process(RECOVERY_PHASE="plan")
    else:
        turn.plan()
        turn.upload_plan()
        loop.world.trouble.add(full)
        turn.process(**turn.of_execution)
    with contextlib.suppress(OSError):
        turn.upload_journal()
    loop.heal()
    loop.follow(*PASSES)

    invariants.assert_all(loop)
    tally("disk full", f"{phase}: {method}")

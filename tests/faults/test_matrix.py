"""Every fault in every phase, and then nothing but what GitHub does by itself: what must hold afterwards holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from recovery.adapters.github.forge import GitHubForge
from recovery.rehearsal.faults.answers import AnswerFault, BadLink, Cut, Garbage, Limited, Slow, Status, Truncated
from recovery.rehearsal.faults.deliveries import (
    Delayed,
    Duplicated,
    EventFault,
    EventWhen,
    Lost,
    RefusedUpload,
    Reordered,
    UploadFault,
    UploadWhen,
)
from recovery.rehearsal.faults.happenings import (
    ArtifactsExpired,
    ClockShifted,
    Deed,
    Happening,
    HumanCancel,
    HumanRerun,
    NewPush,
    PermissionsCapped,
    PullRequestMoved,
)
from recovery.rehearsal.faults.parts import When
from tests.faults import invariants
from tests.faults.loop import NETWORK, REAL, STUBBORN, Loop

FIRST, SECOND, SWEEP = "first", "second", "sweep"
WORLDS = (NETWORK, REAL)
QUICK = (2.0, 0.4)
"""Seconds to connect and to read, where an answer is too slow."""


@dataclass(frozen=True)
class Point:
    """One request of one recovery run: of the first event's, of the second's, or of a sweep's in its place."""

    turn: str
    method: str
    path: str
    nth: int = 1
    worlds: tuple[str, ...] = WORLDS
    link: bool = False
    """Whether the request is answered with a redirect."""

    def when(self, loop: Loop, **over: Any) -> When:
        """The request, in a world whose ids are known now."""
        first = loop.turns[0].own.id if loop.turns else 0
        path = self.path.format(ci=loop.ci, own=first)
        return When(**{"method": self.method, "path": path, "nth": self.nth, "times": "always"} | over)


ONLY_NETWORK = (NETWORK,)
POINTS = {
    "plan: run": Point(FIRST, "GET", "/actions/runs/{ci}"),
    "plan: jobs": Point(FIRST, "GET", "/actions/runs/*/attempts/*/jobs"),
    "plan: log": Point(FIRST, "GET", "/actions/jobs/*/logs", link=True),
    "plan: pull request": Point(FIRST, "GET", "/pulls"),
    "execute: run": Point(FIRST, "GET", "/actions/runs/{ci}", nth=2, worlds=ONLY_NETWORK),
    "execute: re-run": Point(FIRST, "POST", "/actions/runs/*/rerun-failed-jobs", worlds=ONLY_NETWORK),
    "comment: list": Point(FIRST, "GET", "/issues/*/comments"),
    "comment: create": Point(FIRST, "POST", "/issues/*/comments"),
    "comment: edit": Point(SECOND, "PATCH", "/issues/comments/*"),
    "settle: run": Point(SECOND, "GET", "/actions/runs/{ci}"),
    "settle: jobs": Point(SECOND, "GET", "/actions/runs/*/attempts/*/jobs"),
    "sync: list": Point(SECOND, "GET", "/actions/artifacts"),
    "sync: run": Point(SECOND, "GET", "/actions/runs/{own}", worlds=ONLY_NETWORK),
    "sync: artifact": Point(SECOND, "GET", "/actions/artifacts/*/zip", worlds=ONLY_NETWORK, link=True),
    "sweep: list": Point(SWEEP, "GET", "/actions/artifacts"),
    "sweep: recovery runs": Point(SWEEP, "GET", "/actions/workflows/*/runs"),
    "sweep: artifact": Point(SWEEP, "GET", "/actions/artifacts/*/zip", link=True),
    "sweep: settle run": Point(SWEEP, "GET", "/actions/runs/{ci}"),
    "sweep: lost runs": Point(SWEEP, "GET", "/actions/runs"),
    "sweep: comment edit": Point(SWEEP, "PATCH", "/issues/comments/*"),
}

ANSWERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "502 once": (Status(status=502), {"times": 1}),
    "502 before the effect": (Status(status=502), {}),
    "503 with Retry-After": (Status(status=503, retry_after=3), {}),
    "403 with Retry-After": (Limited(limit="secondary", status=403, retry_after=5), {"times": 1}),
    "429 without Retry-After": (Limited(limit="secondary", status=429), {}),
    "secondary limit beyond patience": (Limited(limit="secondary", status=403, retry_after=900), {}),
    "primary limit": (Limited(limit="primary", resets_after=1800), {}),
    "slow": (Slow(slow=0.6), {"times": 1}),
    "cut": (Cut(cut="answer"), {}),
    "cut in the body": (Cut(cut="body"), {}),
    "truncated": (Truncated(truncated=True), {}),
    "garbage HTML": (Garbage(garbage="html"), {}),
    "wrong shape": (Garbage(garbage="wrong-shape"), {}),
}
ON_WRITES: dict[str, tuple[Any, dict[str, Any]]] = {
    "502 after the effect": (Status(status=502, after_effect=True), {}),
    "cut before the effect": (Cut(cut="answer", after_effect=False), {}),
    "empty answer": (Garbage(garbage="empty"), {}),
}
TWINS = frozenset({"503 with Retry-After", "primary limit", "cut in the body", "truncated", "502 once"})
"""What ends for the program like another fault of the list: told apart in one of the worlds only."""

LINKS: dict[str, tuple[Any, dict[str, Any]]] = {
    f"redirect target {link}": (BadLink(link=link), {}) for link in ("expired", "missing", "failing", "unreachable")
}


def answer_cells() -> Iterator[Any]:
    """Every wrong answer at every request to which it can be given."""
    for phase, point in POINTS.items():
        faults = ANSWERS | (ON_WRITES if point.method != "GET" else {}) | (LINKS if point.link else {})
        if point.link:  # what is garbage here is the redirect; its body says nothing
            faults = {name: fault for name, fault in faults.items() if name not in {"garbage HTML", "wrong shape"}}
        for name, (deed, over) in faults.items():
            for world in point.worlds:
                if world == REAL and name in TWINS:
                    continue
                yield pytest.param(name, phase, world, deed, over, id=f"{name}-{phase}-{world}")


HAPPENINGS: dict[str, Deed] = {
    "human re-run": HumanRerun(rerun="failed"),
    "human re-run of all jobs": HumanRerun(rerun="all"),
    "human cancel": HumanCancel(cancel=True),
    "new push": NewPush(push=True),
    "pull request closed": PullRequestMoved(pull_request="closed"),
    "permission removed (actions)": PermissionsCapped(permissions={"actions": "read"}),
    "permission removed (comments)": PermissionsCapped(permissions={"issues": "read", "pull-requests": "read"}),
    "permission removed (all)": PermissionsCapped(
        permissions={"actions": "none", "issues": "none", "pull-requests": "none", "contents": "none"}
    ),
}
OCCASIONS = (
    "plan: run",
    "plan: log",
    "plan: pull request",
    "execute: run",
    "execute: re-run",
    "comment: list",
    "comment: create",
    "settle: run",
    "sync: list",
    "comment: edit",
    "sweep: settle run",
)


def happening_cells() -> Iterator[Any]:
    """Everything that people do, before every request at which it could matter."""
    for phase in OCCASIONS:
        point = POINTS[phase]
        for name, deed in HAPPENINGS.items():
            for world in point.worlds:
                yield pytest.param(name, phase, world, deed, id=f"{name}-{phase}-{world}")


def play(loop: Loop, turn: str, spoil: Callable[[], None], *, heal: bool = True) -> None:
    """The usual story up to the turn in which something goes wrong, and that turn; afterwards everything is well."""
    loop.fail()
    if turn == FIRST:
        spoil()
    loop.deliver_once()
    if turn != FIRST:
        second_attempt(loop)
        spoil()
        if turn == SWEEP:
            loop.arrivals()  # this event is lost
            loop.clock.sleep(600)
            loop.sweep()
        else:
            loop.deliver_once()
    struck = [seen.fault for seen in loop.world.requests if seen.fault]
    loop.struck = bool(struck) or any(event.kind.startswith("happening") for event in loop.world.timeline)
    if heal:
        loop.heal()
    if turn == FIRST:
        second_attempt(loop)


def second_attempt(loop: Loop) -> None:
    """There is one anyway, or a person starts it: a real failure is looked at twice, too."""
    loop.github_works()
    if loop.failure == REAL and loop.run.latest.number == 1:
        loop.person_reruns()


@pytest.mark.parametrize(("fault", "phase", "failure", "deed", "over"), list(answer_cells()))
def test_wrong_answer(
    opened: Callable[[str], Loop],
    monkeypatch: pytest.MonkeyPatch,
    tally: Callable[[str, str], None],
    *,
    fault: str,
    phase: str,
    failure: str,
    deed: Any,
    over: dict[str, Any],
) -> None:
    """GitHub answers wrongly, late or not at all to one kind of request of one recovery run."""
    if isinstance(deed, Slow):
        monkeypatch.setitem(GitHubForge.__init__.__kwdefaults__, "timeouts", QUICK)
    loop, point = opened(failure), POINTS[phase]

    play(loop, point.turn, lambda: loop.world.trouble.add(AnswerFault(when=point.when(loop, **over), do=deed)))
    assert loop.struck, "the fault had no occasion"
    loop.follow()

    invariants.assert_all(loop)
    tally(fault, phase)


@pytest.mark.parametrize(("fault", "phase", "failure", "deed"), list(happening_cells()))
def test_happening(
    opened: Callable[[str], Loop],
    tally: Callable[[str, str], None],
    *,
    fault: str,
    phase: str,
    failure: str,
    deed: Deed,
) -> None:
    """Somebody does something just before one request of one recovery run."""
    loop, point = opened(failure), POINTS[phase]

    play(loop, point.turn, lambda: loop.world.trouble.add(Happening(before=point.when(loop, times=1), do=deed)))
    assert loop.struck, "the happening had no occasion"
    loop.follow()

    invariants.assert_all(loop)
    tally(fault, phase)


@pytest.mark.parametrize("failure", [NETWORK, REAL, STUBBORN])
@pytest.mark.parametrize("refuse", ["quota", "trouble"])
@pytest.mark.parametrize(
    ("phase", "name", "turn"),
    [
        ("upload of the plan", "recovery-plan.*", FIRST),
        ("upload of the journal", "recovery-journal-*", FIRST),
        ("upload of the journal (settling)", "recovery-journal-*", SECOND),
        ("upload of plan and journal", "recovery-*", FIRST),
    ],
)
def test_refused_upload(
    opened: Callable[[str], Loop],
    tally: Callable[[str, str], None],
    *,
    phase: str,
    name: str,
    turn: str,
    refuse: Any,
    failure: str,
) -> None:
    """GitHub takes no artifact."""
    loop = opened(failure)
    forgotten = name == "recovery-*" and failure == NETWORK

    def spoil() -> None:
        loop.world.trouble.add(UploadFault(when=UploadWhen(name=name, times="always"), do=RefusedUpload(refuse=refuse)))

    play(loop, turn, spoil)
    loop.follow()

    (invariants.assert_forgotten if forgotten else invariants.assert_all)(loop)
    tally(f"artifact {refuse}", phase)


EVENTS = {
    "delayed": Delayed(delayed=600),
    "duplicated": Duplicated(duplicated=True),
    "reordered": Reordered(reordered=True),
    "lost": Lost(lost=True),
}


@pytest.mark.parametrize("failure", [NETWORK, REAL, STUBBORN])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("name", EVENTS)
def test_wrong_event(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], name: str, nth: int, failure: str
) -> None:
    """An event comes late, twice, after the next one, or never."""
    loop = opened(failure)
    loop.world.trouble.add(EventFault(when=EventWhen(nth=nth), do=EVENTS[name]))

    loop.fail()
    if name == "delayed" and nth == 1:
        loop.clock.sleep(600)
        loop.sweep()
    if name == "reordered" and nth == 1:  # a person was quicker than the first event
        loop.person_reruns()
    loop.deliver()
    second_attempt(loop)
    if name == "delayed" and nth == 2:
        loop.clock.sleep(600)
        loop.sweep()
    loop.follow()

    invariants.assert_all(loop)
    tally(f"event {name}", f"event {nth}")


@pytest.mark.parametrize("failure", [NETWORK, REAL, STUBBORN])
@pytest.mark.parametrize("pattern", ["recovery-plan.*", "recovery-journal-*", "recovery-*"])
@pytest.mark.parametrize("turn", [SECOND, SWEEP])
def test_expired_artifacts(
    opened: Callable[[str], Loop],
    tally: Callable[[str, str], None],
    *,
    turn: str,
    pattern: str,
    failure: str,
) -> None:
    """What the first recovery run left has expired when it is needed."""
    loop = opened(failure)
    forgotten = pattern == "recovery-*" and failure == NETWORK

    play(loop, turn, lambda: loop.world.happen(ArtifactsExpired(expire=pattern)) and None)
    loop.follow()

    (invariants.assert_forgotten if forgotten else invariants.assert_all)(loop)
    tally("expired artifact", "sync: list" if turn == SECOND else "sweep: list")


@pytest.mark.parametrize("failure", [NETWORK, REAL, STUBBORN])
@pytest.mark.parametrize("seconds", [-86_400, -900, 900, 86_400])
def test_clock_skew(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], seconds: int, failure: str
) -> None:
    """GitHub's clock and the runner's differ, for good."""
    loop = opened(failure)

    def spoil() -> None:
        loop.world.happen(ClockShifted(clock=seconds))

    spoil()
    play(loop, FIRST, spoil)
    loop.follow()

    invariants.assert_all(loop)
    tally("clock skew", "whole story")


@pytest.mark.parametrize("failure", [NETWORK, REAL, STUBBORN])
@pytest.mark.parametrize("first", [None, "corrupt", "newest"])
@pytest.mark.parametrize("second", ["evicted", "corrupt", "newest"])
def test_cache(
    opened: Callable[[str], Loop], tally: Callable[[str, str], None], first: str | None, second: str, failure: str
) -> None:
    """The cache is gone, stale (it is read-only on `workflow_run`), or was filled by somebody hostile."""
    loop = opened(failure)
    loop.sweep()  # leaves a cache behind
    loop.fail()
    for run in loop.arrivals():
        loop.turn(run, cache=first).go()
    second_attempt(loop)
    for run in loop.arrivals():
        loop.turn(run, cache=second).go()

    loop.follow()

    invariants.assert_all(loop)
    tally({"evicted": "cache evicted", "corrupt": "cache hostile", "newest": "cache read-only"}[second], "restore")

"""The ways a rehearsal can go wrong on purpose, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recovery.errors import RehearsalError


class Ending(StrEnum):
    """What a scenario should come to when recovery works."""

    CLEARED = "cleared"
    LEFT_RED = "left-red"
    STILL_FAILING = "still-failing"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How the example fails (`failure` is REHEARSAL_SCENARIO in its jobs) and what happens to the events.

    `lost_events` and `duplicated_events` count the `workflow_run` events of the rehearsal from 1.
    """

    name: str
    description: str
    failure: str
    ending: Ending
    reruns: int
    event: str = "pull_request"
    lost_events: frozenset[int] = frozenset()
    duplicated_events: frozenset[int] = frozenset()
    needs_sweep: bool = False


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="network",
            failure="network",
            ending=Ending.CLEARED,
            reruns=1,
            description="a network error on the first attempt, gone on the second",
        ),
        Scenario(
            name="test-failure",
            failure="test-failure",
            ending=Ending.LEFT_RED,
            reruns=0,
            description="a test that fails because the code is wrong",
        ),
        Scenario(
            name="mixed",
            failure="mixed",
            ending=Ending.LEFT_RED,
            reruns=0,
            description="one job with a network error, another with a real failure",
        ),
        Scenario(
            name="still-failing",
            failure="still-failing",
            ending=Ending.STILL_FAILING,
            reruns=1,
            description="a network error on both attempts",
        ),
        Scenario(
            name="duplicate-events",
            failure="network",
            ending=Ending.CLEARED,
            reruns=1,
            duplicated_events=frozenset({1}),
            description="the first completed event is delivered twice at once, without any concurrency group",
        ),
        Scenario(
            name="lost-event",
            failure="network",
            ending=Ending.CLEARED,
            reruns=1,
            lost_events=frozenset({2}),
            needs_sweep=True,
            description="the second completed event never arrives; a sweep settles the recovery",
        ),
    )
}


def find_scenario(name: str) -> Scenario:
    """The scenario of that name, or a sentence with the names there are."""
    if name not in SCENARIOS:
        raise RehearsalError(f"there is no scenario “{name}”", hint=f"choose one of {', '.join(sorted(SCENARIOS))}")
    return SCENARIOS[name]

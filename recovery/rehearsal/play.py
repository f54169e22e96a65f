"""Playing a scenario from its first event to its end, and judging whether it ended as it should."""

from __future__ import annotations

from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import Ending, Scenario
from recovery.rehearsal.world import World

_CONCLUSIONS = {Ending.CLEARED: {"success"}, Ending.LEFT_RED: {"failure"}, Ending.STILL_FAILING: {"failure"}}


def play(rehearsal: Rehearsal) -> None:
    """Start the scenario's event and wait until everything that follows from it has come to rest."""
    if rehearsal.scenario.event == "pull_request":
        rehearsal.pull_request()
    else:
        rehearsal.push()
    rehearsal.wait_until_quiet()
    if rehearsal.scenario.needs_sweep:
        rehearsal.sweep()
        rehearsal.wait_until_quiet()


def problems(scenario: Scenario, world: World) -> list[str]:
    """What differs from the scenario's ending; nothing when the loop closed."""
    found = []
    accepted = sum(1 for access in world.requests if "rerun" in access.path and access.status == 201)
    if accepted != scenario.reruns:
        found.append(f"{accepted} re-runs were accepted, {scenario.reruns} expected")
    for run in world.runs.all():
        if run.event == scenario.event and run.latest.conclusion not in _CONCLUSIONS[scenario.ending]:
            found.append(f"{run.workflow.name} ended as {run.latest.conclusion}, expected {scenario.ending}")
        if run.event != scenario.event and run.latest.conclusion not in {"success", "skipped"}:
            found.append(f"{run.workflow.name} on {run.event} ended as {run.latest.conclusion}")
    if not any(comment.body for comment in world.pulls.comments()):
        found.append("no comment was written")
    return found

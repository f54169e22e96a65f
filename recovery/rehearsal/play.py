"""Playing a scenario from its first event to its end, and judging whether it ended as it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.errors import RehearsalError
from recovery.rehearsal.injection import Injection
from recovery.rehearsal.records import Access, Run, is_recovery
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import Ending, Scenario
from recovery.rehearsal.wishes import examples
from recovery.rehearsal.world import World

_CONCLUSIONS = {
    Ending.CLEARED: {"success"},
    Ending.LEFT_RED: {"failure", "cancelled"},
    Ending.STILL_FAILING: {"failure", "cancelled"},
}


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


def require_a_failure(rehearsal: Rehearsal, repository: str) -> None:
    """A rehearsal of which nothing failed has shown nothing.

    Raises:
        RehearsalError: no job failed; says which step to ask for.
    """
    started = _started(rehearsal.scenario, rehearsal.world)
    if any(job.failed for run in started for attempt in run.attempts for job in attempt.jobs):
        return
    steps = examples([run.workflow for run in started])
    example = f"recovery rehearse {repository} --fail '{steps[0] if steps else 'JOB:STEP'}'"
    names = " and ".join(dict.fromkeys(run.workflow.name for run in started)) or "no workflow"
    raise RehearsalError(
        f"nothing failed: {names} passed at once, so that there was nothing to recover",
        hint=f"name a step that is to fail, for example: {example}",
    )


def problems(scenario: Scenario, world: World) -> list[str]:
    """What differs from the scenario's ending; nothing when the loop closed."""
    found = []
    accepted = accepted_reruns(world.requests)
    if accepted != scenario.reruns:
        found.append(f"{accepted} re-runs were accepted, {scenario.reruns} expected")
    for run in _started(scenario, world):
        if run.latest.conclusion not in _CONCLUSIONS[scenario.ending]:
            found.append(f"{run.workflow.name} ended as {run.latest.conclusion}, expected {scenario.ending}")
    found += _of_recovery(scenario, world)
    if scenario.event == "pull_request" and not any(comment.body for comment in world.pulls.comments()):
        found.append("no comment was written")
    return found


def open_problems(
    scenario: Scenario, world: World, injections: Sequence[Injection], ending: str | None = None
) -> list[str]:
    """What went wrong in a rehearsal of which no ending is known (or only the pipeline's own)."""
    found = [*_without_effect(scenario, world, injections), *_of_recovery(scenario, world)]
    if not any(is_recovery(run) and run.latest.conclusion != "skipped" for run in world.runs.all()):
        found.append("no recovery run looked at the failure: does the recovery workflow follow the one that failed?")
    for run in _started(scenario, world) if ending else ():
        reran = len(run.attempts) > 1
        came_to = "cleared" if run.latest.conclusion == "success" else "still-failing" if reran else "left-red"
        if run.attempts[0].conclusion not in {"success", "skipped"} and came_to != ending:
            found.append(f"{run.workflow.name} ended as {came_to}, expected {ending}")
    return found


def accepted_reruns(requests: Sequence[Access]) -> int:
    """How many re-runs were carried out, whatever was answered."""
    return sum(
        1
        for access in requests
        if access.method == "POST" and "rerun" in access.path and 201 in {access.status, access.carried_out}
    )


def _started(scenario: Scenario, world: World) -> list[Run]:
    return [run for run in world.runs.all() if run.event == scenario.event]


def _of_recovery(scenario: Scenario, world: World) -> list[str]:
    if scenario.recovery_may_fail:
        return []
    return [
        f"{run.workflow.name} on {run.event} ended as {run.latest.conclusion}"
        for run in world.runs.all()
        if run.event != scenario.event and run.latest.conclusion not in {"success", "skipped"}
    ]


def _without_effect(scenario: Scenario, world: World, injections: Sequence[Injection]) -> Iterator[str]:
    """Failures asked for that never came about, because their jobs or steps did not run."""
    for injection in injections:
        jobs = [
            job
            for run in _started(scenario, world)
            if run.workflow.path == injection.path
            for job in run.attempts[0].jobs
            if job.key == injection.key and injection.leg in {None, job.name}
        ]
        if jobs and not any(job.failed for job in jobs):
            yield f"job {injection.leg or injection.key} was to fail and ended as {jobs[0].conclusion}"

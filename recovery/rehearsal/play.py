"""Playing a scenario from its first event to its end, and judging whether it ended as it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.errors import RehearsalError
from recovery.rehearsal.faults.sequels import Dispatched, Sequel
from recovery.rehearsal.injection import Injection
from recovery.rehearsal.records import Access, Run
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.repository import TAGS
from recovery.rehearsal.scenario import Ending, Scenario
from recovery.rehearsal.wishes import examples
from recovery.rehearsal.workflow import dispatchable, is_recovery
from recovery.rehearsal.world import World

_CONCLUSIONS = {
    Ending.CLEARED: {"success"},
    Ending.LEFT_RED: {"failure", "cancelled"},
    Ending.STILL_FAILING: {"failure", "cancelled"},
    Ending.ROLLED_BACK: {"success", "failure", "cancelled"},
}


def play(rehearsal: Rehearsal) -> None:
    """Start the scenario's event, then what people do; each time everything comes to rest before it goes on.

    Raises:
        RehearsalError: a workflow is to be started by hand that cannot be.
    """
    if rehearsal.scenario.event == "pull_request":
        rehearsal.pull_request()
    else:
        rehearsal.push()
    rehearsal.wait_until_quiet()
    for then in rehearsal.scenario.then:
        _do(rehearsal, then.do)
        rehearsal.wait_until_quiet()
    if rehearsal.scenario.needs_sweep:
        rehearsal.sweep()
        rehearsal.wait_until_quiet()


def _do(rehearsal: Rehearsal, sequel: Sequel) -> None:
    if not isinstance(sequel, Dispatched):
        rehearsal.push(files=sequel.push)
        return
    known = {workflow.file for workflow in rehearsal.world.repository.workflows() if dispatchable(workflow.text)}
    if sequel.dispatch not in known:
        raise RehearsalError(
            f"there is no workflow {sequel.dispatch} that can be started by hand",
            hint=f"those with `workflow_dispatch` are: {', '.join(sorted(known)) or 'none'}",
        )
    rehearsal.dispatch(sequel.dispatch, sequel.inputs)


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
    if scenario.ending is Ending.ROLLED_BACK and not _was_rolled_back(world):
        found.append("no run that a rollback started ended well")
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


def _was_rolled_back(world: World) -> bool:
    """Whether a run at a tag succeeded: people start theirs on the default branch."""
    return any(run.ref.startswith(TAGS) and run.latest.conclusion == "success" for run in world.runs.all())


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

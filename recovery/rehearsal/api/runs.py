"""Endpoints about runs, attempts, jobs, re-runs and cancellations."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.records import Attempt, Job, Run
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.world import World

_CONCLUSIONS = frozenset(
    {"success", "failure", "cancelled", "skipped", "timed_out", "neutral", "stale", "action_required"}
)

_FILTERS = frozenset({"actor", "branch", "check_suite_id", "created", "event", "head_sha", "status"})
_MOST_FILTERED = 1_000

_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def list_runs(world: World, request: Request) -> Answer:
    """The runs of the repository, filtered; GitHub shows at most 1,000 of a filtered list."""
    return _listed(world, request, world.runs.all())


def list_workflow_runs(world: World, request: Request) -> Answer:
    """The runs of one workflow."""
    workflow = world.repository.workflow(request.parameters["workflow"])
    return _listed(world, request, [run for run in world.runs.all() if run.workflow.id == workflow.id])


def _listed(world: World, request: Request, runs: list[Run]) -> Answer:
    query = request.query
    for name, value in (
        ("event", lambda run: run.event),
        ("branch", lambda run: run.head_branch),
        ("head_sha", lambda run: run.head_sha),
        ("actor", lambda run: run.actor.login),
        ("check_suite_id", lambda run: str(run.id + 1_000_000)),
    ):
        if name in query:
            runs = [run for run in runs if value(run) == query[name]]
    if "status" in query:
        wanted = query["status"]
        runs = [
            run for run in runs if wanted == (run.latest.conclusion if wanted in _CONCLUSIONS else run.latest.status)
        ]
    if "created" in query:
        runs = [run for run in runs if _within(run.created_at, query["created"])]
    if query.keys() & _FILTERS:
        runs = runs[:_MOST_FILTERED]
    shapes = Shapes(world, request.base)
    hidden: Json = {"pull_requests": []} if query.get("exclude_pull_requests") == "true" else {}
    return page(request, [{**shapes.run(run), **hidden} for run in runs], under="workflow_runs")


def _within(at: datetime, wanted: str) -> bool:
    """Whether a time fits GitHub's search syntax: `>=T`, `>T`, `<=T`, `<T`, `T..T` (`*` open), or a day."""
    try:
        for sign, fits in _COMPARISONS.items():
            if wanted.startswith(sign):
                return fits(at, _time(wanted.removeprefix(sign)))
        if ".." in wanted:
            first, last = wanted.split("..", 1)
            return (first == "*" or at >= _time(first)) and (last == "*" or at <= _time(last))
        return at.date() == _time(wanted).date()
    except ValueError as error:
        raise Refused(422, "Validation Failed") from error


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace(" ", "+"))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def get_run(world: World, request: Request) -> Answer:
    """One run as of its newest attempt."""
    return Answer(document=Shapes(world, request.base).run(world.runs.get(request.number("run"))))


def get_attempt(world: World, request: Request) -> Answer:
    """One run as of one attempt."""
    run, attempt = attempt_of(world, request)
    return Answer(document=Shapes(world, request.base).run(run, attempt))


def attempt_of(world: World, request: Request) -> tuple[Run, Attempt]:
    """The run and the attempt that a path names, or a 404."""
    run = world.runs.get(request.number("run"))
    attempt = run.attempt(request.number("attempt"))
    if attempt is None:
        raise Refused(404, "Not Found")
    return run, attempt


def list_jobs(world: World, request: Request) -> Answer:
    """The jobs of the newest attempt, or of all with `filter=all`."""
    run = world.runs.get(request.number("run"))
    attempts = run.attempts if request.query.get("filter") == "all" else (run.latest,)
    return _jobs(world, request, run, [job for attempt in attempts for job in attempt.jobs])


def list_attempt_jobs(world: World, request: Request) -> Answer:
    """The jobs of one attempt."""
    run, attempt = attempt_of(world, request)
    return _jobs(world, request, run, list(attempt.jobs))


def _jobs(world: World, request: Request, run: Run, jobs: list[Job]) -> Answer:
    shapes = Shapes(world, request.base)
    return page(request, [shapes.job(run, job) for job in jobs], under="jobs")


def get_job(world: World, request: Request) -> Answer:
    """One job."""
    run, job = world.runs.find_job(request.number("job"))
    return Answer(document=Shapes(world, request.base).job(run, job))


def rerun(world: World, request: Request) -> Answer:
    """Run every job again."""
    request.fields()
    world.rerun(request.number("run"), only_failed=False)
    return Answer(status=201, document={})


def rerun_failed(world: World, request: Request) -> Answer:
    """Run the failed jobs and their dependents again."""
    request.fields()
    world.rerun(request.number("run"), only_failed=True)
    return Answer(status=201, document={})


def rerun_job(world: World, request: Request) -> Answer:
    """Run one job of the newest attempt and its dependents again."""
    request.fields()
    run, job = world.runs.find_job(request.number("job"))
    if job.attempt != run.latest.number:
        raise Refused(403, "This job is not of the latest attempt of its workflow run")
    world.rerun(run.id, only_failed=False, job_id=job.id)
    return Answer(status=201, document={})


def cancel(world: World, request: Request) -> Answer:
    """Cancel an active run; 409 when it is over."""
    run = world.runs.get(request.number("run"))
    if run.is_completed:
        raise Refused(409, "Cannot cancel a workflow run that is completed.")
    world.runner.cancel(run.id)
    return Answer(status=202, document={})


_REPOSITORY = "/repos/{owner}/{repo}"
_RUN = f"{_REPOSITORY}/actions/runs/{{run:int}}"
_JOB = f"{_REPOSITORY}/actions/jobs/{{job:int}}"
_WORKFLOW = f"{_REPOSITORY}/actions/workflows/{{workflow}}"

ROUTES = (
    Route("GET", f"{_REPOSITORY}/actions/runs", "actions:read", list_runs),
    Route("GET", _RUN, "actions:read", get_run),
    Route("GET", f"{_RUN}/jobs", "actions:read", list_jobs),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}", "actions:read", get_attempt),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}/jobs", "actions:read", list_attempt_jobs),
    Route("POST", f"{_RUN}/rerun", "actions:write", rerun),
    Route("POST", f"{_RUN}/rerun-failed-jobs", "actions:write", rerun_failed),
    Route("POST", f"{_RUN}/cancel", "actions:write", cancel),
    Route("POST", f"{_RUN}/force-cancel", "actions:write", cancel),
    Route("GET", _JOB, "actions:read", get_job),
    Route("POST", f"{_JOB}/rerun", "actions:write", rerun_job),
    Route("GET", f"{_WORKFLOW}/runs", "actions:read", list_workflow_runs),
)

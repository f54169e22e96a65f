"""Endpoints about runs, attempts, jobs, their logs, re-runs and dispatches."""

from __future__ import annotations

import io
import operator
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.downloads import redirect
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.records import Attempt, Job, Run
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.workflow import dispatchable
from recovery.rehearsal.world import World

_CONCLUSIONS = frozenset(
    {"success", "failure", "cancelled", "skipped", "timed_out", "neutral", "stale", "action_required"}
)

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
    shapes = Shapes(world, request.base)
    return page(request, [shapes.run(run) for run in runs], under="workflow_runs")


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
    run, attempt = _attempt(world, request)
    return Answer(document=Shapes(world, request.base).run(run, attempt))


def _attempt(world: World, request: Request) -> tuple[Run, Attempt]:
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
    run, attempt = _attempt(world, request)
    return _jobs(world, request, run, list(attempt.jobs))


def _jobs(world: World, request: Request, run: Run, jobs: list[Job]) -> Answer:
    shapes = Shapes(world, request.base)
    return page(request, [shapes.job(run, job) for job in jobs], under="jobs")


def get_job(world: World, request: Request) -> Answer:
    """One job."""
    run, job = world.runs.find_job(request.number("job"))
    return Answer(document=Shapes(world, request.base).job(run, job))


def job_logs(world: World, request: Request) -> Answer:
    """A redirect to a job's log; 404 while the job runs (a common report, not documented) and for skipped jobs."""
    _, job = world.runs.find_job(request.number("job"))
    if job.status != "completed" or job.conclusion == "skipped":
        raise Refused(404, "Not Found")
    return redirect(world, request, job.log.encode(), "text/plain; charset=utf-8")


def run_logs(world: World, request: Request) -> Answer:
    """A redirect to the zip of the newest attempt's logs."""
    run = world.runs.get(request.number("run"))
    return redirect(world, request, _zipped(run.latest), "application/zip")


def attempt_logs(world: World, request: Request) -> Answer:
    """A redirect to the zip of one attempt's logs."""
    return redirect(world, request, _zipped(_attempt(world, request)[1]), "application/zip")


def _zipped(attempt: Attempt) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(attempt.jobs):
            if job.conclusion != "skipped":
                archive.writestr(f"{number}_{job.name.replace('/', '_')}.txt", job.log)
    return buffer.getvalue()


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


def dispatch(world: World, request: Request) -> Answer:
    """Start a workflow that has `workflow_dispatch`."""
    workflow = world.repository.workflow(request.parameters["workflow"])
    ref, fields = request.text("ref"), request.fields()
    inputs = fields.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise Refused(422, "Invalid request.\n\nFor 'properties/inputs', it is not an object.")
    if not dispatchable(workflow.text):
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    branch = ref.removeprefix("refs/heads/")
    if branch not in world.repository.branches():
        raise Refused(422, f"No ref found for: {ref}")
    run_id = world.dispatcher(workflow.path, branch, {name: str(value) for name, value in inputs.items()})
    if not fields.get("return_run_details"):
        return Answer(status=204)
    place = f"{world.repository.name}/actions/runs/{run_id}"
    details: Json = {
        "workflow_run_id": run_id,
        "run_url": f"{request.base}/repos/{place}",
        "html_url": f"{request.base}/{place}",
    }
    return Answer(document=details)


def list_workflows(world: World, request: Request) -> Answer:
    """The workflows of the default branch."""
    shapes = Shapes(world, request.base)
    return page(request, [shapes.workflow(found) for found in world.repository.workflows()], under="workflows")


def get_workflow(world: World, request: Request) -> Answer:
    """One workflow by id or file name."""
    found = world.repository.workflow(request.parameters["workflow"])
    return Answer(document=Shapes(world, request.base).workflow(found))


_REPOSITORY = "/repos/{owner}/{repo}"
_RUN = f"{_REPOSITORY}/actions/runs/{{run:int}}"
_JOB = f"{_REPOSITORY}/actions/jobs/{{job:int}}"
_WORKFLOW = f"{_REPOSITORY}/actions/workflows/{{workflow}}"

ROUTES = (
    Route("GET", f"{_REPOSITORY}/actions/runs", "actions:read", list_runs),
    Route("GET", _RUN, "actions:read", get_run),
    Route("GET", f"{_RUN}/jobs", "actions:read", list_jobs),
    Route("GET", f"{_RUN}/logs", "actions:read", run_logs),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}", "actions:read", get_attempt),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}/jobs", "actions:read", list_attempt_jobs),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}/logs", "actions:read", attempt_logs),
    Route("POST", f"{_RUN}/rerun", "actions:write", rerun),
    Route("POST", f"{_RUN}/rerun-failed-jobs", "actions:write", rerun_failed),
    Route("POST", f"{_RUN}/cancel", "actions:write", cancel),
    Route("GET", _JOB, "actions:read", get_job),
    Route("GET", f"{_JOB}/logs", "actions:read", job_logs),
    Route("POST", f"{_JOB}/rerun", "actions:write", rerun_job),
    Route("GET", f"{_REPOSITORY}/actions/workflows", "actions:read", list_workflows),
    Route("GET", _WORKFLOW, "actions:read", get_workflow),
    Route("GET", f"{_WORKFLOW}/runs", "actions:read", list_workflow_runs),
    Route("POST", f"{_WORKFLOW}/dispatches", "actions:write", dispatch),
)

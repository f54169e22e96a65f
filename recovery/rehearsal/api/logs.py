"""Endpoints about logs: of a job as text, of an attempt as a zip."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from recovery.rehearsal.api.runs import attempt_of
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.downloads import redirect
from recovery.rehearsal.records import Attempt
from recovery.rehearsal.routing import Answer, Request, Route
from recovery.rehearsal.world import World

RETENTION = timedelta(days=90)


def job_logs(world: World, request: Request) -> Answer:
    """A redirect to a job's log; 404 while the job runs (a common report, not documented) and for skipped jobs."""
    _, job = world.runs.find_job(request.number("job"))
    if world.clockwork.now() - job.created_at > RETENTION:
        raise Refused(410, "Gone")
    if job.status != "completed" or job.conclusion == "skipped":
        raise Refused(404, "Not Found")
    return redirect(world, request, job.log.encode(), "text/plain; charset=utf-8")


def run_logs(world: World, request: Request) -> Answer:
    """A redirect to the zip of the newest attempt's logs."""
    run = world.runs.get(request.number("run"))
    return _zip(world, request, run.latest)


def attempt_logs(world: World, request: Request) -> Answer:
    """A redirect to the zip of one attempt's logs."""
    return _zip(world, request, attempt_of(world, request)[1])


def _zip(world: World, request: Request, attempt: Attempt) -> Answer:
    """The zip, unless retention is over (410, as clients report) or the attempt is not (404, commonly seen)."""
    if world.clockwork.now() - attempt.started_at > RETENTION:
        raise Refused(410, "Gone")
    if attempt.status != "completed":
        raise Refused(404, "Not Found")
    return redirect(world, request, _zipped(attempt), "application/zip")


def _zipped(attempt: Attempt) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(attempt.jobs):
            if job.conclusion != "skipped":
                archive.writestr(f"{number}_{job.name.replace('/', '_')}.txt", job.log)
    return buffer.getvalue()


_RUN = "/repos/{owner}/{repo}/actions/runs/{run:int}"

ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/actions/jobs/{job:int}/logs", "actions:read", job_logs),
    Route("GET", f"{_RUN}/logs", "actions:read", run_logs),
    Route("GET", f"{_RUN}/attempts/{{attempt:int}}/logs", "actions:read", attempt_logs),
)

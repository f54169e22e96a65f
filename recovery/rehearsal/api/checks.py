"""Endpoints about check runs and annotations; a job is the check run of its own id."""

from __future__ import annotations

from typing import Any

from recovery.rehearsal.checks import CheckRun
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import Shapes, stamp
from recovery.rehearsal.records import Job, Run, User
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.world import World

_APP = {
    "id": 15368, "slug": "github-actions", "node_id": "A_15368", "name": "GitHub Actions", "description": "",
    "external_url": "https://help.github.com/en/actions", "permissions": {}, "events": [],
    "html_url": "https://github.com/apps/github-actions", "created_at": "2018-07-30T09:30:17Z",
    "updated_at": "2019-12-10T19:04:12Z",
}  # fmt: skip

_OWNER = User(login="github", id=9919, type="Organization")


def create_check(world: World, request: Request) -> Answer:
    """A new check run of a commit."""
    check = world.checks.create(request.text("name"), request.text("head_sha"))
    return Answer(status=201, document=_changed(world, request, check.id))


def change_check(world: World, request: Request) -> Answer:
    """Change a check run; one that is a job belongs to GitHub."""
    check_id = request.number("check")
    if world.checks.find(check_id) is None:
        world.runs.find_job(check_id)
        raise Refused(403, "Resource not accessible by integration")
    return Answer(document=_changed(world, request, check_id))


def _changed(world: World, request: Request, check_id: int) -> Json:
    fields = request.fields()
    output = fields.get("output") or {}
    if not isinstance(output, dict) or (output and not all(output.get(name) for name in ("title", "summary"))):
        raise Refused(422, 'Invalid request.\n\n"title", "summary" weren\'t supplied.')
    changes: dict[str, Any] = {
        name: fields[name] for name in ("status", "conclusion", "external_id", "details_url", "name") if name in fields
    }
    changes |= {name: output[name] for name in ("title", "summary", "text") if name in output}
    changed = world.checks.change(check_id, [_annotation(one) for one in output.get("annotations") or ()], **changes)
    return _check(world, request, changed)


def _annotation(given: Json) -> Json:
    optional = ("start_column", "end_column", "title", "raw_details")
    try:
        required = {name: given[name] for name in ("path", "start_line", "end_line", "annotation_level", "message")}
    except (KeyError, TypeError) as error:
        raise Refused(422, "Invalid request.\n\nan annotation is incomplete.") from error
    return {**required, **{name: given.get(name) for name in optional}, "blob_href": ""}


def get_check(world: World, request: Request) -> Answer:
    """One check run, or one job as a check run."""
    return Answer(document=_one(world, request, request.number("check")))


def _one(world: World, request: Request, check_id: int) -> Json:
    check = world.checks.find(check_id)
    return _check(world, request, check) if check else _job(world, request, *world.runs.find_job(check_id))


def list_checks(world: World, request: Request) -> Answer:
    """The check runs of a commit or branch: its runs' newest jobs, and those that programs made."""
    sha = world.repository.resolve(request.parameters["ref"]) or request.parameters["ref"]
    jobs = [(run, job) for run in world.runs.all() if run.head_sha == sha for job in run.latest.jobs]
    shown = [_job(world, request, run, job) for run, job in jobs]
    shown += [_check(world, request, check) for check in world.checks.of(sha)]
    wanted = request.query.get("check_name")
    return page(request, [one for one in shown if wanted in (None, one["name"])], under="check_runs")


def list_annotations(world: World, request: Request) -> Answer:
    """What a check run points out; a job's are those its world knows."""
    check = world.checks.find(request.number("check"))
    return page(request, check.annotations if check else world.annotations.get(request.number("check"), []))


def _check(world: World, request: Request, check: CheckRun) -> Json:
    output = {"title": check.title, "summary": check.summary, "text": check.text}
    return {
        **_frame(world, request, check.id, len(check.annotations), output), "name": check.name,
        "head_sha": check.head_sha, "status": check.status, "conclusion": check.conclusion,
        "started_at": stamp(check.started_at), "completed_at": stamp(check.completed_at),
        "external_id": check.external_id, "details_url": check.details_url, "check_suite": {"id": check.id + 1_000_000},
    }  # fmt: skip


def _job(world: World, request: Request, run: Run, job: Job) -> Json:
    output = dict.fromkeys(("title", "summary", "text"))
    place = f"{request.base}/{world.repository.name}/actions/runs/{run.id}/job/{job.id}"
    return {
        **_frame(world, request, job.id, len(world.annotations.get(job.id, [])), output), "name": job.name,
        "head_sha": run.head_sha, "status": job.status, "conclusion": job.conclusion,
        "started_at": stamp(job.started_at or job.created_at), "completed_at": stamp(job.completed_at),
        "external_id": str(job.id), "details_url": place, "check_suite": {"id": run.id + 1_000_000},
    }  # fmt: skip


def _frame(world: World, request: Request, check_id: int, annotations: int, output: Json) -> Json:
    url = f"{request.base}/repos/{world.repository.name}/check-runs/{check_id}"
    return {
        "id": check_id, "node_id": f"CR_{check_id}", "url": url, "pull_requests": [],
        "app": {**_APP, "owner": Shapes(world, request.base).user(_OWNER)},
        "html_url": f"{request.base}/{world.repository.name}/runs/{check_id}",
        "output": {**output, "annotations_count": annotations, "annotations_url": f"{url}/annotations"},
    }  # fmt: skip


_REPOSITORY = "/repos/{owner}/{repo}"
_CHECK = f"{_REPOSITORY}/check-runs/{{check:int}}"

ROUTES = (
    Route("POST", f"{_REPOSITORY}/check-runs", "checks:write", create_check),
    Route("GET", _CHECK, "checks:read", get_check),
    Route("PATCH", _CHECK, "checks:write", change_check),
    Route("GET", f"{_CHECK}/annotations", "checks:read", list_annotations),
    Route("GET", f"{_REPOSITORY}/commits/{{ref:path}}/check-runs", "checks:read", list_checks),
)

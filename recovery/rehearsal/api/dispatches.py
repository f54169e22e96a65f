"""Endpoints about workflows and starting them by hand."""

from __future__ import annotations

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.repository import HEADS, TAGS
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.workflow import dispatchable, parse, triggers
from recovery.rehearsal.world import World

MAXIMUM_INPUTS = 25
_ALWAYS_DETAILED = "2026-03-10"


def dispatch(world: World, request: Request) -> Answer:
    """Start a workflow at a branch or tag, where its file must have `workflow_dispatch` and the inputs given.

    Answers 204, or 200 with the run's id when it is asked for it or always in the newer API version. A GitHub
    Enterprise Server (`world.tells_dispatched_runs` is false) does not know `return_run_details`; that it answers 422
    is a guess from a client that tries again without.
    """
    workflow = world.repository.workflow(request.parameters["workflow"])
    ref, fields = request.text("ref"), request.fields()
    if "return_run_details" in fields and not world.tells_dispatched_runs:
        raise Refused(422, 'Invalid request.\n\n"return_run_details" is not a permitted key.')
    name = _named(world, ref)
    there = world.repository.workflow_at(workflow.path, name)
    if there is None or not dispatchable(there.text):
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    run_id = world.dispatcher(workflow.path, name, _inputs(there.text, fields.get("inputs") or {}))
    newer = request.headers.get("x-github-api-version") == _ALWAYS_DETAILED
    if not world.tells_dispatched_runs or not (newer or fields.get("return_run_details")):
        return Answer(status=204)
    place = f"{world.repository.name}/actions/runs/{run_id}"
    details: Json = {
        "workflow_run_id": run_id,
        "run_url": f"{request.base}/repos/{place}",
        "html_url": f"{request.base}/{place}",
    }
    return Answer(document=details)


def _named(world: World, ref: str) -> str:
    """The full name of the branch or tag that a run is started at; a commit id is none."""
    known = world.repository.references()
    for full in (ref, f"{HEADS}{ref}", f"{TAGS}{ref}"):
        if full in known:
            return full
    raise Refused(422, f"No ref found for: {ref}")


def _inputs(text: str, given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Refused(422, "Invalid request.\n\nFor 'properties/inputs', it is not an object.")
    if len(given) > MAXIMUM_INPUTS:
        raise Refused(422, f"Invalid request.\n\nNo more than {MAXIMUM_INPUTS} properties are allowed.")
    declared = triggers(parse(text)).get("workflow_dispatch", {}).get("inputs") or {}
    strangers = [str(name) for name in given if name not in declared]
    if strangers:
        raise Refused(422, f"Unexpected inputs provided: {strangers}")
    for name, about in declared.items():
        is_required = isinstance(about, dict) and about.get("required") and not about.get("default")
        if is_required and not given.get(name):
            raise Refused(422, f"Required input '{name}' not provided")
    return {str(name): _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def list_workflows(world: World, request: Request) -> Answer:
    """The workflows of the default branch."""
    shapes = Shapes(world, request.base)
    return page(request, [shapes.workflow(found) for found in world.repository.workflows()], under="workflows")


def get_workflow(world: World, request: Request) -> Answer:
    """One workflow by id or file name."""
    found = world.repository.workflow(request.parameters["workflow"])
    return Answer(document=Shapes(world, request.base).workflow(found))


_REPOSITORY = "/repos/{owner}/{repo}"
_WORKFLOW = f"{_REPOSITORY}/actions/workflows/{{workflow}}"

ROUTES = (
    Route("GET", f"{_REPOSITORY}/actions/workflows", "actions:read", list_workflows),
    Route("GET", _WORKFLOW, "actions:read", get_workflow),
    Route("POST", f"{_WORKFLOW}/dispatches", "actions:write", dispatch),
)

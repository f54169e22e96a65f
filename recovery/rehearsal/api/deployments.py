"""Endpoints about deployments and their statuses."""

from __future__ import annotations

from urllib.parse import quote

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.deployments import MAXIMUM_DESCRIPTION, PRODUCTION, STATES, Deployment, DeploymentStatus
from recovery.rehearsal.payloads import Shapes, repository_id, stamp
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.world import World


def create_deployment(world: World, request: Request) -> Answer:
    """A new deployment of a branch, tag or commit.

    Left at its default, `auto_merge` merges the default branch into a branch that lacks its tip, which makes no
    deployment yet (202). Commit statuses are not imitated: `required_contexts` that are named are missing (409).
    """
    fields, ref = request.fields(), request.text("ref")
    sha = world.repository.resolve(ref)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    default = world.repository.default_branch
    is_behind = ref in world.repository.branches() and ref != default and sha != world.repository.tip(default)
    if fields.get("auto_merge", True) and is_behind:
        return Answer(status=202, document={"message": f"Auto-merged {default} into {ref} on deployment."})
    if fields.get("required_contexts"):
        raise Refused(409, "Conflict: Commit status checks failed for the required contexts.")
    payload = fields.get("payload", "")
    made = world.deployments.create(
        ref,
        sha,
        environment=str(fields.get("environment") or PRODUCTION),
        task=str(fields.get("task") or "deploy"),
        description=fields.get("description"),
        payload=payload if isinstance(payload, (dict, str)) else "",
    )
    return Answer(status=201, document=_deployment(world, request, made))


def list_deployments(world: World, request: Request) -> Answer:
    """The deployments, filtered by `sha`, `ref`, `task`, `environment`, newest first."""
    found = world.deployments.all()
    for name in ("sha", "ref", "task", "environment"):
        if name in request.query:
            found = [one for one in found if getattr(one, name) == request.query[name]]
    return page(request, [_deployment(world, request, one) for one in found])


def get_deployment(world: World, request: Request) -> Answer:
    """One deployment."""
    return Answer(document=_deployment(world, request, world.deployments.get(request.number("deployment"))))


def pending_deployments(world: World, request: Request) -> Answer:
    """The environments whose protection rules a run waits for; of their rules nothing is known here."""
    run = world.runs.get(request.number("run"))
    shown = [_pending(world, request, name) for name in world.waiting.get(run.id, ())]
    return Answer(document=shown)


def _pending(world: World, request: Request, name: str) -> Json:
    number, path = repository_id(name), quote(name, safe="")
    environment = {
        "id": number, "node_id": f"EN_{number}", "name": name,
        "url": f"{request.base}/repos/{world.repository.name}/environments/{path}",
        "html_url": f"{request.base}/{world.repository.name}/deployments/activity_log?environments_filter={path}",
    }  # fmt: skip
    return {
        "environment": environment, "wait_timer": 0, "wait_timer_started_at": None,
        "current_user_can_approve": False, "reviewers": [],
    }  # fmt: skip


def create_status(world: World, request: Request) -> Answer:
    """Say what became of a deployment."""
    fields, state = request.fields(), request.text("state")
    description = str(fields.get("description") or "")
    if state not in STATES or len(description) > MAXIMUM_DESCRIPTION:
        raise Refused(422, "Validation Failed")
    deployment = world.deployments.get(request.number("deployment"))
    status = world.deployments.add_status(
        deployment.id,
        state,
        description=description,
        environment_url=str(fields.get("environment_url") or ""),
        log_url=str(fields.get("log_url") or ""),
        auto_inactive=fields.get("auto_inactive") is not False,
    )
    return Answer(status=201, document=_status(world, request, deployment, status))


def list_statuses(world: World, request: Request) -> Answer:
    """A deployment's statuses, newest first."""
    deployment = world.deployments.get(request.number("deployment"))
    statuses = [_status(world, request, deployment, status) for status in reversed(deployment.statuses)]
    return page(request, statuses)


def _deployment(world: World, request: Request, deployment: Deployment) -> Json:
    api = f"{request.base}/repos/{world.repository.name}"
    url = f"{api}/deployments/{deployment.id}"
    return {
        "id": deployment.id, "node_id": f"DE_{deployment.id}", "url": url, "sha": deployment.sha,
        "ref": deployment.ref, "task": deployment.task, "environment": deployment.environment,
        "original_environment": deployment.environment, "description": deployment.description,
        "payload": deployment.payload, "creator": Shapes(world, request.base).user(deployment.creator),
        "created_at": stamp(deployment.created_at), "updated_at": stamp(deployment.updated_at),
        "statuses_url": f"{url}/statuses", "repository_url": api, "transient_environment": False,
        "production_environment": deployment.environment == PRODUCTION, "performed_via_github_app": None,
    }  # fmt: skip


def _status(world: World, request: Request, deployment: Deployment, status: DeploymentStatus) -> Json:
    api = f"{request.base}/repos/{world.repository.name}"
    url = f"{api}/deployments/{deployment.id}"
    return {
        "id": status.id, "node_id": f"DES_{status.id}", "url": f"{url}/statuses/{status.id}", "state": status.state,
        "creator": Shapes(world, request.base).user(status.creator), "description": status.description,
        "environment": status.environment, "environment_url": status.environment_url, "log_url": status.log_url,
        "target_url": status.log_url, "created_at": stamp(status.created_at), "updated_at": stamp(status.created_at),
        "deployment_url": url, "repository_url": api, "performed_via_github_app": None,
    }  # fmt: skip


_DEPLOYMENTS = "/repos/{owner}/{repo}/deployments"
_DEPLOYMENT = f"{_DEPLOYMENTS}/{{deployment:int}}"
_RUN = "/repos/{owner}/{repo}/actions/runs/{run:int}"

ROUTES = (
    Route("POST", _DEPLOYMENTS, "deployments:write", create_deployment),
    Route("GET", _DEPLOYMENTS, "deployments:read", list_deployments),
    Route("GET", _DEPLOYMENT, "deployments:read", get_deployment),
    Route("POST", f"{_DEPLOYMENT}/statuses", "deployments:write", create_status),
    Route("GET", f"{_DEPLOYMENT}/statuses", "deployments:read", list_statuses),
    Route("GET", f"{_RUN}/pending_deployments", "actions:read", pending_deployments),
)

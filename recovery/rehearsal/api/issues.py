"""Endpoints about issues, and about pull requests seen as such."""

from __future__ import annotations

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.issues import Issue
from recovery.rehearsal.payloads import Shapes, stamp
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.world import World


def create_issue(world: World, request: Request) -> Answer:
    """Open an issue."""
    fields = request.fields()
    issue = world.issues.create(request.text("title"), _body(fields), labels=_labels(fields))
    shown = _issue(world, request, issue)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def list_issues(world: World, request: Request) -> Answer:
    """Issues and pull requests by `state` and `labels`, newest first; other filters are not imitated."""
    state = request.query.get("state", "open")
    wanted = {label for label in request.query.get("labels", "").split(",") if label}
    shapes = Shapes(world, request.base)
    issues = [one for one in world.issues.all() if state in ("all", one.state) and wanted <= set(one.labels)]
    shown = [_issue(world, request, issue) for issue in issues]
    shown += [shapes.issue(pull) for pull in world.pulls.all(state=state) if not wanted]
    return page(request, sorted(shown, key=lambda one: one["number"], reverse=True))


def get_issue(world: World, request: Request) -> Answer:
    """One issue, or a pull request seen as one, which is how a client gets at its comments."""
    issue = world.issues.find(request.number("issue"))
    if issue is not None:
        return Answer(document=_issue(world, request, issue))
    return Answer(document=Shapes(world, request.base).issue(world.pulls.get(request.number("issue"))))


def change_issue(world: World, request: Request) -> Answer:
    """Change an issue, or close it."""
    fields = request.fields()
    changes: dict[str, object] = {name: fields[name] for name in ("title", "state") if name in fields}
    if "body" in fields:
        changes["body"] = _body(fields)
    if "labels" in fields:
        changes["labels"] = _labels(fields)
    return Answer(document=_issue(world, request, world.issues.change(request.number("issue"), **changes)))


def _body(fields: Json) -> str | None:
    body = fields.get("body")
    if body is not None and not isinstance(body, str):
        raise Refused(422, "Invalid request.\n\nFor 'properties/body', it is not a string.")
    return body


def _labels(fields: Json) -> tuple[str, ...]:
    given = fields.get("labels") or []
    if not isinstance(given, list):
        raise Refused(422, "Invalid request.\n\nFor 'properties/labels', it is not an array.")
    return tuple(str(label.get("name") if isinstance(label, dict) else label) for label in given)


def _issue(world: World, request: Request, issue: Issue) -> Json:
    api = f"{request.base}/repos/{world.repository.name}"
    url = f"{api}/issues/{issue.number}"
    labels = [
        {"id": number, "node_id": f"LA_{number}", "url": f"{api}/labels/{name}", "name": name, "description": None,
         "color": "ededed", "default": False}
        for number, name in enumerate(issue.labels, start=1)
    ]  # fmt: skip
    return {
        "id": issue.id, "node_id": f"I_{issue.id}", "number": issue.number, "title": issue.title, "body": issue.body,
        "state": issue.state, "locked": False, "labels": labels, "user": Shapes(world, request.base).user(issue.user),
        "assignee": None, "assignees": [], "milestone": None, "url": url, "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}", "comments_url": f"{url}/comments", "events_url": f"{url}/events",
        "html_url": f"{request.base}/{world.repository.name}/issues/{issue.number}",
        "comments": len(world.pulls.comments(issue.number)), "author_association": "NONE",
        "created_at": stamp(issue.created_at), "updated_at": stamp(issue.updated_at),
        "closed_at": stamp(issue.updated_at) if issue.state == "closed" else None,
    }  # fmt: skip


_ISSUES = "/repos/{owner}/{repo}/issues"

ROUTES = (
    Route("POST", _ISSUES, "issues:write", create_issue),
    Route("GET", _ISSUES, "issues:read", list_issues),
    Route("GET", f"{_ISSUES}/{{issue:int}}", "issues:read|pull-requests:read", get_issue),
    Route("PATCH", f"{_ISSUES}/{{issue:int}}", "issues:write", change_issue),
)

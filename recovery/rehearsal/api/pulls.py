"""Endpoints about pull requests and comments."""

from __future__ import annotations

from datetime import datetime

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.records import ACTIONS_BOT, PullRequest
from recovery.rehearsal.routing import Answer, Request, Route, page
from recovery.rehearsal.world import World


def list_pulls(world: World, request: Request) -> Answer:
    """Pull requests by state and `head=owner:branch`."""
    shapes = Shapes(world, request.base)
    found = world.pulls.all(state=request.query.get("state", "open"), head=request.query.get("head"))
    return page(request, [shapes.pull(pull) for pull in found])


def get_pull(world: World, request: Request) -> Answer:
    """One pull request."""
    return Answer(document=Shapes(world, request.base).full_pull(world.pulls.get(request.number("pull"))))


def create_pull(world: World, request: Request) -> Answer:
    """Open a pull request of a branch of this repository into its default branch; it starts no workflow."""
    head, base, body = request.text("head").split(":")[-1], request.text("base"), request.fields().get("body")
    branches = world.repository.branches()
    for name, branch in (("head", head), ("base", base)):
        if branch not in branches:
            raise Refused(422, f"Validation Failed: {name} is invalid")
    if base != world.repository.default_branch or not _has_news(world, branches[head], branches[base]):
        raise Refused(422, f"Validation Failed: No commits between {base} and {head}")
    if world.pulls.all(head=f"{world.repository.owner}:{head}"):
        raise Refused(422, f"Validation Failed: A pull request already exists for {world.repository.owner}:{head}.")
    pull = world.pulls.add(
        head,
        branches[head],
        title=request.text("title"),
        body=body if isinstance(body, str) else None,
        base_sha=branches[base],
        user=ACTIONS_BOT,
    )
    return Answer(status=201, document=Shapes(world, request.base).full_pull(pull))


def _has_news(world: World, head: str, base: str) -> bool:
    """Whether the head has a commit that the base lacks."""
    found = world.repository.history.compare(base, head) if world.repository.history is not None else None
    return found.ahead_by > 0 if found is not None else head != base


def commit_pulls(world: World, request: Request) -> Answer:
    """The merged pull requests of a commit, and the open ones while it is not on the default branch.

    What forks have not brought here yet has none, as seen on GitHub.
    """
    shapes, sha, history = Shapes(world, request.base), request.parameters["sha"], world.repository.history
    if history is not None and history.commit(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    on_default_branch = _is_on_default_branch(world, sha)
    found = [
        pull
        for pull in world.pulls.all(state="all")
        if (pull.merged_at or (pull.state == "open" and not on_default_branch)) and _has_commit(world, pull, sha)
    ]
    return page(request, [shapes.pull(pull) for pull in found])


def _is_on_default_branch(world: World, sha: str) -> bool:
    tip = world.repository.branches().get(world.repository.default_branch)
    found = world.repository.history.compare(sha, tip) if world.repository.history is not None and tip else None
    return found.behind_by == 0 if found is not None else sha == tip


def _has_commit(world: World, pull: PullRequest, sha: str) -> bool:
    """Whether a commit is one of a pull request, or the one by which it was merged."""
    if not pull.merged_at and pull.head_repository != world.repository.name:
        return False
    history = world.repository.history
    found = history.compare(pull.base_sha, pull.head_sha) if history is not None else None
    own = {commit.sha for commit in found.commits} if found is not None else set()
    return sha in own | {pull.head_sha, pull.merge_commit}


def list_comments(world: World, request: Request) -> Answer:
    """A pull request's comments, oldest first; `since` looks at the last edit."""
    number = request.number("issue")
    world.pulls.require(number)
    found = world.pulls.comments(number)
    if "since" in request.query:
        try:
            since = datetime.fromisoformat(request.query["since"].replace(" ", "+"))
        except ValueError as error:
            raise Refused(422, "Validation Failed") from error
        found = [comment for comment in found if comment.updated_at >= since]
    shapes = Shapes(world, request.base)
    return page(request, [shapes.comment(comment) for comment in found])


def create_comment(world: World, request: Request) -> Answer:
    """Add a comment."""
    comment = world.pulls.comment(request.number("issue"), request.text("body"))
    shown = Shapes(world, request.base).comment(comment)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def get_comment(world: World, request: Request) -> Answer:
    """One comment."""
    return Answer(document=Shapes(world, request.base).comment(world.pulls.get_comment(request.number("comment"))))


def edit_comment(world: World, request: Request) -> Answer:
    """Replace one comment's text."""
    comment = world.pulls.edit_comment(request.number("comment"), request.text("body"))
    return Answer(document=Shapes(world, request.base).comment(comment))


_REPOSITORY = "/repos/{owner}/{repo}"
_COMMENTS = f"{_REPOSITORY}/issues/{{issue:int}}/comments"
_COMMENT = f"{_REPOSITORY}/issues/comments/{{comment:int}}"
_READ, _WRITE = "pull-requests:read|issues:read", "pull-requests:write|issues:write"

ROUTES = (
    Route("GET", f"{_REPOSITORY}/pulls", "pull-requests:read", list_pulls),
    Route("GET", f"{_REPOSITORY}/pulls/{{pull:int}}", "pull-requests:read", get_pull),
    Route("POST", f"{_REPOSITORY}/pulls", "pull-requests:write", create_pull),
    Route("GET", f"{_REPOSITORY}/commits/{{sha}}/pulls", "pull-requests:read", commit_pulls),
    Route("GET", _COMMENTS, _READ, list_comments),
    Route("POST", _COMMENTS, _WRITE, create_comment),
    Route("GET", _COMMENT, _READ, get_comment),
    Route("PATCH", _COMMENT, _WRITE, edit_comment),
)

"""Endpoints about the repository: itself, branches, commits, files, annotations, limits."""

from __future__ import annotations

import base64
import hashlib

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.routing import Answer, Request, Route
from recovery.rehearsal.world import World


def get_repository(world: World, request: Request) -> Answer:
    """The repository."""
    return Answer(document=Shapes(world, request.base).whole_repository())


def get_branch(world: World, request: Request) -> Answer:
    """A branch and its tip."""
    branch = request.parameters["branch"]
    return Answer(document=Shapes(world, request.base).branch(branch, _tip(world, branch, "Branch not found")))


def _tip(world: World, branch: str, message: str) -> str:
    branches = world.repository.branches()
    if branch not in branches:
        raise Refused(404, message)
    return branches[branch]


def get_contents(world: World, request: Request) -> Answer:
    """One file at a ref; folders are not listed."""
    path, ref = request.parameters["path"], request.query.get("ref")
    text = world.repository.file(path, ref)
    url = f"{request.base}/repos/{world.repository.name}/contents/{path}"
    if "raw" in request.headers.get("accept", ""):
        return Answer(content=text.encode(), content_type="text/plain; charset=utf-8")
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Answer(
        document={
            "type": "file",
            "encoding": "base64",
            "size": len(text.encode()),
            "name": path.rsplit("/", 1)[-1],
            "path": path,
            "content": base64.encodebytes(text.encode()).decode(),
            "sha": sha,
            "url": url,
            "git_url": None,
            "html_url": None,
            "download_url": None,
            "_links": {"self": url, "git": None, "html": None},
        }
    )


def rate_limit(world: World, _request: Request) -> Answer:
    """The limits, which asking for does not use up."""
    core = {name: value for name, value in world.limits.document().items() if name != "resource"}
    return Answer(document={"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


def get_user(_world: World, _request: Request) -> Answer:
    """Refused: a job's token belongs to no user."""
    raise Refused(403, "Resource not accessible by integration")


_REPOSITORY = "/repos/{owner}/{repo}"

ROUTES = (
    Route("GET", _REPOSITORY, "metadata:read", get_repository),
    Route("GET", f"{_REPOSITORY}/branches/{{branch:path}}", "contents:read", get_branch),
    Route("GET", f"{_REPOSITORY}/contents/{{path:path}}", "contents:read", get_contents),
    Route("GET", "/rate_limit", "", rate_limit),
    Route("GET", "/user", "", get_user),
)

"""Endpoints about git references: branches and tags."""

from __future__ import annotations

import re

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.repository import HEADS, TAGS
from recovery.rehearsal.routing import Answer, Json, Request, Route
from recovery.rehearsal.world import World

_OBJECT = re.compile(r"[0-9a-f]{40}")
_KINDS = (HEADS, TAGS)


def get_reference(world: World, request: Request) -> Answer:
    """One reference by its full name without `refs/`."""
    name = f"refs/{request.parameters['ref']}"
    sha = world.repository.pointees().get(name)
    if sha is None:
        raise Refused(404, "Not Found")
    return Answer(document=_reference(world, request, name, sha))


def matching_references(world: World, request: Request) -> Answer:
    """The references whose name begins so, all at once: this list has no pages."""
    wanted = f"refs/{request.parameters['ref']}"
    found = sorted(world.repository.pointees().items())
    return Answer(document=[_reference(world, request, name, sha) for name, sha in found if name.startswith(wanted)])


def create_reference(world: World, request: Request) -> Answer:
    """A new reference to a commit or, for a tag, to a tag object; without a history here, any commit id will do."""
    name, sha = request.text("ref"), _object_id(request)
    if not name.startswith(_KINDS) or name.endswith("/"):
        raise Refused(422, "Reference name must start with 'refs/' and contain at least two slashes.")
    taken = Refused(422, "Reference already exists")
    if name in world.repository.pointees():
        raise taken
    _require_commit(world, request, name, sha)
    if not world.repository.add_reference(name, sha):
        raise taken
    shown = _reference(world, request, name, sha)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def _require_commit(world: World, request: Request, name: str, sha: str) -> None:
    """Refuse what leads to no commit, and to a job's token one whose workflow files no branch has at its head.

    The latter is told by users of the REST API, and by GitHub's support to some of them; others got such references.
    """
    repository, history = world.repository, world.repository.history
    commit = repository.commit_of(sha)
    if not repository.has_commit(commit) or (commit != sha and not name.startswith(TAGS)):
        raise Refused(422, "Object does not exist")
    if history is None:
        return
    heads = repository.branches().values()
    if request.run_id is not None and history.workflows(commit) not in {"", *map(history.workflows, heads)}:
        permissions = {"X-Accepted-GitHub-Permissions": "contents=write; contents=write,workflows=write"}
        raise Refused(403, "Resource not accessible by integration", headers=permissions)


def move_reference(world: World, request: Request) -> Answer:
    """Point a reference elsewhere; without a history here, whatever is not `force`d counts as no fast-forward."""
    name, sha = f"refs/{request.parameters['ref']}", _object_id(request)
    known = world.repository.pointees().get(name)
    if known is None:
        raise Refused(422, "Reference does not exist")
    if known != sha and request.fields().get("force") is not True:
        raise Refused(422, "Update is not a fast forward")
    world.repository.set_reference(name, sha)
    return Answer(document=_reference(world, request, name, sha))


def delete_reference(world: World, request: Request) -> Answer:
    """Forget a reference."""
    name = f"refs/{request.parameters['ref']}"
    if not world.repository.delete_reference(name):
        raise Refused(422, "Reference does not exist")
    return Answer(status=204)


def _object_id(request: Request) -> str:
    sha = request.text("sha")
    if not _OBJECT.fullmatch(sha):
        raise Refused(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    return sha


def _reference(world: World, request: Request, name: str, sha: str) -> Json:
    api = f"{request.base}/repos/{world.repository.name}"
    kind, under = ("commit", "commits") if world.repository.tag_object(sha) is None else ("tag", "tags")
    return {
        "ref": name, "node_id": f"REF_{name}", "url": f"{api}/git/{name}",
        "object": {"type": kind, "sha": sha, "url": f"{api}/git/{under}/{sha}"},
    }  # fmt: skip


_GIT = "/repos/{owner}/{repo}/git"

ROUTES = (
    Route("GET", f"{_GIT}/ref/{{ref:path}}", "contents:read", get_reference),
    Route("GET", f"{_GIT}/matching-refs/{{ref:path}}", "contents:read", matching_references),
    # Asked by PyGithub's `get_git_ref`; GitHub answers it, but documents only the two above.
    Route("GET", f"{_GIT}/refs/{{ref:path}}", "contents:read", get_reference),
    Route("POST", f"{_GIT}/refs", "contents:write", create_reference),
    Route("PATCH", f"{_GIT}/refs/{{ref:path}}", "contents:write", move_reference),
    Route("DELETE", f"{_GIT}/refs/{{ref:path}}", "contents:write", delete_reference),
)

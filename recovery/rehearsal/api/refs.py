"""Endpoints about git references: branches and tags."""

from __future__ import annotations

import re

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.routing import Answer, Json, Request, Route
from recovery.rehearsal.world import World

_COMMIT = re.compile(r"[0-9a-f]{40}")
_KINDS = ("refs/heads/", "refs/tags/")


def get_reference(world: World, request: Request) -> Answer:
    """One reference by its full name without `refs/`."""
    name = f"refs/{request.parameters['ref']}"
    sha = world.repository.references().get(name)
    if sha is None:
        raise Refused(404, "Not Found")
    return Answer(document=_reference(world, request, name, sha))


def matching_references(world: World, request: Request) -> Answer:
    """The references whose name begins so, all at once: this list has no pages."""
    wanted = f"refs/{request.parameters['ref']}"
    found = sorted(world.repository.references().items())
    return Answer(document=[_reference(world, request, name, sha) for name, sha in found if name.startswith(wanted)])


def create_reference(world: World, request: Request) -> Answer:
    """A new reference to a commit; which commits there are is not known here, so any commit id will do."""
    name, sha = request.text("ref"), _commit(request)
    if not name.startswith(_KINDS) or name.endswith("/"):
        raise Refused(422, "Reference name must start with 'refs/' and contain at least two slashes.")
    if name in world.repository.references():
        raise Refused(422, "Reference already exists")
    world.repository.set_reference(name, sha)
    shown = _reference(world, request, name, sha)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def move_reference(world: World, request: Request) -> Answer:
    """Point a reference elsewhere; without a history here, whatever is not `force`d counts as no fast-forward."""
    name, sha = f"refs/{request.parameters['ref']}", _commit(request)
    known = world.repository.references().get(name)
    if known is None:
        raise Refused(422, "Reference does not exist")
    if known != sha and request.fields().get("force") is not True:
        raise Refused(422, "Update is not a fast forward")
    world.repository.set_reference(name, sha)
    return Answer(document=_reference(world, request, name, sha))


def delete_reference(world: World, request: Request) -> Answer:
    """Forget a reference."""
    name = f"refs/{request.parameters['ref']}"
    if name not in world.repository.references():
        raise Refused(422, "Reference does not exist")
    world.repository.delete_reference(name)
    return Answer(status=204)


def _commit(request: Request) -> str:
    sha = request.text("sha")
    if not _COMMIT.fullmatch(sha):
        raise Refused(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    return sha


def _reference(world: World, request: Request, name: str, sha: str) -> Json:
    api = f"{request.base}/repos/{world.repository.name}"
    return {
        "ref": name, "node_id": f"REF_{name}", "url": f"{api}/git/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
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

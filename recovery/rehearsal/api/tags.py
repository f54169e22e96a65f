"""Endpoints about the objects of annotated tags; their names are references."""

from __future__ import annotations

import re

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.payloads import stamp
from recovery.rehearsal.records import ACTIONS_BOT
from recovery.rehearsal.routing import Answer, Json, Request, Route
from recovery.rehearsal.tags import TagObject
from recovery.rehearsal.world import World

_NAME = re.compile(r"[^\s~^:?*\[\\]+")
_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def create_tag(world: World, request: Request) -> Answer:
    """A new tag object about a commit, which no reference leads to yet; by the account of the token."""
    name, message, commit = request.text("tag"), request.text("message"), request.text("object")
    if request.text("type") != "commit":
        raise Refused(422, "Invalid request.\n\nA rehearsal makes tags of commits only.")
    if not _NAME.fullmatch(name):
        raise Refused(422, "Tag name is not valid")
    if not world.repository.has_commit(commit):
        raise Refused(422, "Object does not exist")
    made = TagObject(
        name=name,
        commit=commit,
        message=message,
        tagger=ACTIONS_BOT.login,
        email=f"{ACTIONS_BOT.login}@users.noreply.github.com",
        at=world.clockwork.now(),
    )
    world.repository.keep_tag_object(made)
    shown = _object(world, request, made)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def get_tag(world: World, request: Request) -> Answer:
    """One tag object by its id."""
    found = world.repository.tag_object(request.parameters["tag"])
    if found is None:
        raise Refused(404, "Not Found")
    return Answer(document=_object(world, request, found))


def _object(world: World, request: Request, tag: TagObject) -> Json:
    api = f"{request.base}/repos/{world.repository.name}/git"
    return {
        "node_id": f"TA_{tag.sha}", "sha": tag.sha, "url": f"{api}/tags/{tag.sha}", "tag": tag.name,
        "message": tag.message, "tagger": {"name": tag.tagger, "email": tag.email, "date": stamp(tag.at)},
        "object": {"type": "commit", "sha": tag.commit, "url": f"{api}/commits/{tag.commit}"},
        "verification": _UNSIGNED,
    }  # fmt: skip


_GIT = "/repos/{owner}/{repo}/git"

ROUTES = (
    Route("POST", f"{_GIT}/tags", "contents:write", create_tag),
    Route("GET", f"{_GIT}/tags/{{tag}}", "contents:read", get_tag),
)

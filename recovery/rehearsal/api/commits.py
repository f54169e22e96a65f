"""Endpoints about commits: one of them, a new one, and how two stand to each other."""

from __future__ import annotations

from urllib.parse import quote

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.history import Commit, Comparison, History
from recovery.rehearsal.payloads import stamp
from recovery.rehearsal.routing import Answer, Json, Request, Route, page
from recovery.rehearsal.world import World

_MOST_COMMITS = 250
_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def compare(world: World, request: Request) -> Answer:
    """How two commits, branches or tags stand to each other (`base...head`); which files differ is left out."""
    base, dots, head = request.parameters["basehead"].partition("...")
    ends = [world.repository.resolve(name.removeprefix(f"{world.repository.owner}:")) for name in (base, head)]
    history = world.repository.history
    if not dots or history is None or ends[0] is None or ends[1] is None:
        raise Refused(404, "Not Found")
    found = history.compare(ends[0], ends[1])
    if found is None:
        raise Refused(404, f"No common ancestor between {base} and {head}.")
    shown = [_shown(world, request, commit) for commit in found.commits]
    if not {"page", "per_page"} & request.query.keys():
        return Answer(document=_comparison(world, request, found, shown[-_MOST_COMMITS:]))
    part = page(request, shown)
    return Answer(document=_comparison(world, request, found, part.document), headers=part.headers)


def _comparison(world: World, request: Request, found: Comparison, commits: list[Json]) -> Json:
    named = quote(request.parameters["basehead"], safe="")
    site = f"{request.base}/{world.repository.name}/compare/{named}"
    return {
        "url": f"{request.base}/repos/{world.repository.name}/compare/{named}", "html_url": site,
        "permalink_url": site, "diff_url": f"{site}.diff", "patch_url": f"{site}.patch",
        "base_commit": _shown(world, request, found.base),
        "merge_base_commit": _shown(world, request, found.merge_base), "status": found.status,
        "ahead_by": found.ahead_by, "behind_by": found.behind_by, "total_commits": found.ahead_by,
        "commits": commits,
    }  # fmt: skip


def get_commit(world: World, request: Request) -> Answer:
    """One commit as git keeps it."""
    history = world.repository.history
    found = history.commit(request.parameters["commit"]) if history is not None else None
    if found is None:
        raise Refused(404, "Not Found")
    return Answer(document=_object(world, request, found))


def create_commit(world: World, request: Request) -> Answer:
    """A new commit that no branch or tag leads to yet, by the account of the token."""
    message, tree = request.text("message"), request.text("tree")
    history = _required(world)
    parents = request.fields().get("parents") or []
    if not history.has_tree(tree):
        raise Refused(422, "Tree SHA does not exist")
    if not isinstance(parents, list) or any(history.commit(str(parent)) is None for parent in parents):
        raise Refused(422, "Parent SHA does not exist or is not a commit object")
    made = history.create(tree, tuple(map(str, parents)), message)
    shown = _object(world, request, made)
    return Answer(status=201, document=shown, headers={"Location": shown["url"]})


def _required(world: World) -> History:
    if world.repository.history is None:
        raise Refused(409, "Git Repository is empty.")
    return world.repository.history


def _object(world: World, request: Request, commit: Commit) -> Json:
    return {
        **_frame(world, request, commit, "git/commits"), **_written(world, request, commit),
        "verification": _UNSIGNED,
    }  # fmt: skip


def _shown(world: World, request: Request, commit: Commit) -> Json:
    """A commit as lists show it, whose accounts are not known."""
    frame = _frame(world, request, commit, "commits")
    written = _written(world, request, commit)
    return {
        **frame, "comments_url": f"{frame['url']}/comments", "author": None, "committer": None,
        "commit": {**written, "url": frame["url"], "comment_count": 0, "verification": _UNSIGNED},
    }  # fmt: skip


def _written(world: World, request: Request, commit: Commit) -> Json:
    person = {"name": commit.author, "email": commit.email}
    tree = f"{request.base}/repos/{world.repository.name}/git/trees/{commit.tree}"
    return {
        "author": {**person, "date": stamp(commit.authored_at)},
        "committer": {**person, "date": stamp(commit.committed_at)},
        "message": commit.message, "tree": {"sha": commit.tree, "url": tree},
    }  # fmt: skip


def _frame(world: World, request: Request, commit: Commit, kind: str) -> Json:
    api, site = f"{request.base}/repos/{world.repository.name}/{kind}", f"{request.base}/{world.repository.name}/commit"

    def linked(sha: str) -> Json:
        return {"sha": sha, "url": f"{api}/{sha}", "html_url": f"{site}/{sha}"}

    return {
        **linked(commit.sha), "node_id": f"C_{commit.sha}", "parents": [linked(parent) for parent in commit.parents],
    }  # fmt: skip


_REPOSITORY = "/repos/{owner}/{repo}"

ROUTES = (
    Route("GET", f"{_REPOSITORY}/compare/{{basehead:path}}", "contents:read", compare),
    Route("GET", f"{_REPOSITORY}/git/commits/{{commit}}", "contents:read", get_commit),
    Route("POST", f"{_REPOSITORY}/git/commits", "contents:write", create_commit),
)

"""Endpoints about artifacts and caches."""

from __future__ import annotations

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.downloads import redirect
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.routing import Answer, Request, Route, page
from recovery.rehearsal.world import World


def list_artifacts(world: World, request: Request) -> Answer:
    """The repository's artifacts, by exact name."""
    return _artifacts(world, request, None)


def list_run_artifacts(world: World, request: Request) -> Answer:
    """One run's artifacts, of all its attempts."""
    return _artifacts(world, request, world.runs.get(request.number("run")).id)


def _artifacts(world: World, request: Request, run_id: int | None) -> Answer:
    shapes = Shapes(world, request.base)
    found = world.vault.artifacts(name=request.query.get("name"), run_id=run_id)
    if request.query.get("direction") == "asc":
        found.reverse()
    return page(request, [shapes.artifact(artifact) for artifact in found], under="artifacts")


def get_artifact(world: World, request: Request) -> Answer:
    """One artifact."""
    return Answer(document=Shapes(world, request.base).artifact(world.vault.artifact(request.number("artifact"))))


def delete_artifact(world: World, request: Request) -> Answer:
    """Forget one artifact."""
    world.vault.delete_artifact(request.number("artifact"))
    return Answer(status=204)


def artifact_zip(world: World, request: Request) -> Answer:
    """A redirect to an artifact's zip; 410 when it is expired."""
    artifact = world.vault.artifact(request.number("artifact"))
    if artifact.expired:
        raise Refused(410, "Artifact has expired")
    return redirect(world, request, artifact.served, "application/zip")


def list_caches(world: World, request: Request) -> Answer:
    """The caches whose key starts as asked; there is no download of a cache by REST."""
    shapes = Shapes(world, request.base)
    found = world.vault.caches(key=request.query.get("key", ""), ref=request.query.get("ref"))
    return page(request, [shapes.cache(entry) for entry in found], under="actions_caches")


def delete_cache(world: World, request: Request) -> Answer:
    """Forget one cache entry."""
    world.vault.delete_cache(request.number("cache"))
    return Answer(status=204)


def delete_caches(world: World, request: Request) -> Answer:
    """Forget the entries of exactly this key (in one scope, if `ref` is given); 404 when there are none."""
    key = request.query.get("key")
    if not key:
        raise Refused(422, 'Invalid request.\n\n"key" wasn\'t supplied.')
    found = [one for one in world.vault.caches(key=key, ref=request.query.get("ref")) if one.key == key]
    if not found:
        raise Refused(404, "Not Found")
    for entry in found:
        world.vault.delete_cache(entry.id)
    shown = [Shapes(world, request.base).cache(entry) for entry in found]
    return Answer(document={"total_count": len(shown), "actions_caches": shown})


_ACTIONS = "/repos/{owner}/{repo}/actions"
_ARTIFACT = f"{_ACTIONS}/artifacts/{{artifact:int}}"

ROUTES = (
    Route("GET", f"{_ACTIONS}/artifacts", "actions:read", list_artifacts),
    Route("GET", f"{_ACTIONS}/runs/{{run:int}}/artifacts", "actions:read", list_run_artifacts),
    Route("GET", _ARTIFACT, "actions:read", get_artifact),
    Route("DELETE", _ARTIFACT, "actions:write", delete_artifact),
    Route("GET", f"{_ARTIFACT}/zip", "actions:read", artifact_zip),
    Route("GET", f"{_ACTIONS}/caches", "actions:read", list_caches),
    Route("DELETE", f"{_ACTIONS}/caches", "actions:write", delete_caches),
    Route("DELETE", f"{_ACTIONS}/caches/{{cache:int}}", "actions:write", delete_cache),
)

"""The door behind the stage: what the stand-in actions ask for, done by the world's own rules.

A stand-in sends its inputs and its workspace; being on the same machine, the server reads and writes the files itself.
"""

from __future__ import annotations

from recovery.rehearsal.backstage import artifacts, caches, tools
from recovery.rehearsal.backstage.stage import Act, Performance
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.routing import Answer, Request
from recovery.rehearsal.world import World

BACKSTAGE_PREFIX = "/_rehearsal/"

_ACTS: dict[str, Act] = {
    "upload-artifact": artifacts.upload,
    "download-artifact": artifacts.download,
    "cache-restore": caches.restore,
    "cache-save": caches.save,
    "cache-post": caches.save_unless_hit,
    "setup-uv": tools.setup_uv,
    "setup-python": tools.setup_python,
    "setup-node": tools.setup_node,
}


def backstage(world: World, request: Request) -> Answer:
    """Answer a stand-in action; its secret says which run and attempt it belongs to."""
    act = _ACTS.get(request.path.removeprefix(BACKSTAGE_PREFIX))
    seat = world.secrets.get(request.headers.get("x-rehearsal-secret", ""))
    if act is None or request.method != "POST":
        raise Refused(404, "Not Found")
    if seat is None:
        raise Refused(401, "Bad credentials")
    run_id, attempt = seat
    result = act(Performance.of(world, world.runs.get(run_id), attempt, request.fields()))
    return Answer(document=result.document())

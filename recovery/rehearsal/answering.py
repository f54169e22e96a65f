"""From a request to its answer: what happens in between, who asks, what is wrong with it, and what GitHub says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from recovery.rehearsal.api import ROUTES
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.credentials import Credential, accepted
from recovery.rehearsal.downloads import download
from recovery.rehearsal.faults.answers import AnswerDeed
from recovery.rehearsal.faults.parts import Moment
from recovery.rehearsal.occasions import interrupted, interrupted_after, moment_of
from recovery.rehearsal.records import Access
from recovery.rehearsal.routing import Answer, Ending, Request, Route
from recovery.rehearsal.spoiling import is_carried_out, spoiled
from recovery.rehearsal.world import World

Note = Callable[[Access], None]

_DOCUMENTATION = "https://docs.github.com/rest"
_VERSIONS = ("2022-11-28", "2026-03-10")
_FREE = "/rate_limit"
_EFFECTS = ("/rerun", "/rerun-failed-jobs", "/dispatches", "/deployments", "/git/refs", "/pulls")


def answer_api(world: World, request: Request, note: Note) -> Answer:
    """The API's answer, noted in the access log unless the request is not to have arrived."""
    credential = world.credentials.get(token_of(request))
    request = replace(request, run_id=credential.run_id if credential else None)
    moment = moment_of(world, request)
    if interrupted(world, request, moment):
        return Answer(ending=Ending.NO_ANSWER)
    moment = moment_of(world, request)
    deed = world.trouble.answer(moment)
    answer, carried_out = Answer(), None
    if deed is None or is_carried_out(deed):
        answer = _carried_out(world, request, credential)
        carried_out = answer.status
    sent = answer if deed is None else spoiled(world, deed, answer)
    sent = replace(sent, headers={**world.limits.headers(), **_version_headers(request), **sent.headers})
    ended = interrupted_after(world, request, moment)
    if ended.closing:
        sent = replace(sent, ending=Ending.NO_ANSWER)
    # A process that is about to be killed must not be gone before the log knows of its request.
    note(_access(world, request, sent, moment, carried_out=carried_out, deed=deed))
    ended.finish()
    return sent


def answer_download(world: World, request: Request, note: Note) -> Answer:
    """The download host's answer, which knows neither tokens nor limits."""
    answer, run_id = download(world, request)
    request = replace(request, run_id=run_id)
    moment = moment_of(world, request)
    deed = world.trouble.answer(moment)
    sent = answer if deed is None else spoiled(world, deed, answer)
    note(_access(world, request, sent, moment, carried_out=answer.status, deed=deed, redirect=True))
    return sent


def guarded(work: Callable[[], Answer]) -> Answer:
    """GitHub's own no as an answer."""
    try:
        return work()
    except Refused as refusal:
        document = {"message": refusal.message, "documentation_url": _DOCUMENTATION, "status": str(refusal.status)}
        return Answer(status=refusal.status, document=document, headers=refusal.headers)


def token_of(request: Request) -> str:
    """The token a request carries, or nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else ""


def _carried_out(world: World, request: Request, credential: Credential | None) -> Answer:
    answer = guarded(lambda: _api(world, request, credential))
    if request.method == "GET" and answer.status == 200 and answer.document is not None:
        answer = _unless_known(world, request, answer)
    if request.method == "POST" and answer.status < 300 and request.path.endswith(_EFFECTS):
        world.stages.acted(request.run_id)
    return answer


def _unless_known(world: World, request: Request, answer: Answer) -> Answer:
    """The answer with its ETag, or 304 when the client has it already, which costs nothing of the hourly limit."""
    tag = f'"{hashlib.sha256(answer.payload()).hexdigest()}"'
    headers = {**answer.headers, "ETag": f"W/{tag}", "Cache-Control": "private, max-age=60, s-maxage=60"}
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if not known.intersection({tag, "*"}):
        return replace(answer, headers=headers)
    world.limits.forgive()
    return Answer(status=304, headers=headers)


def _api(world: World, request: Request, credential: Credential | None) -> Answer:
    if credential is None:
        raise Refused(401, "Bad credentials" if token_of(request) else "Requires authentication")
    wanted = request.headers.get("x-github-api-version", _VERSIONS[0])
    if wanted not in _VERSIONS:
        raise Refused(400, f"The requested API version {wanted} is not supported.")
    if request.path != _FREE:
        world.limits.admit(request.method)
    found = _route(world, request)
    if found is None:
        raise Refused(404, "Not Found")
    route, parameters = found
    header = {"X-Accepted-GitHub-Permissions": accepted(route.permission)} if route.permission else {}
    if not credential.allows(route.permission, world.caps):
        raise Refused(403, "Resource not accessible by integration", headers=header)
    answer = guarded(lambda: route.handler(world, replace(request, parameters=parameters)))
    return replace(answer, headers={**header, **answer.headers})


def _route(world: World, request: Request) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        parameters = route.match(request.method, request.path)
        if parameters is not None:
            owner, name = parameters.pop("owner", None), parameters.pop("repo", None)
            if owner is not None and f"{owner}/{name}".lower() != world.repository.name.lower():
                return None
            return route, {key: unquote(value) for key, value in parameters.items()}
    return None


def _version_headers(request: Request) -> dict[str, str]:
    wanted = request.headers.get("x-github-api-version", _VERSIONS[0])
    return {"X-GitHub-Api-Version-Selected": wanted} if wanted in _VERSIONS else {}


def _access(
    world: World,
    request: Request,
    sent: Answer,
    moment: Moment,
    *,
    carried_out: int | None,
    deed: AnswerDeed | None,
    redirect: bool = False,
) -> Access:
    query = request.headers.get("x-raw-query", "")
    return Access(
        at=world.clockwork.now(),
        method=request.method,
        status=0 if sent.ending is Ending.NO_ANSWER else sent.status,
        redirect=redirect,
        path=f"{request.path}?{query}" if query else request.path,
        body=request.body,
        run_id=request.run_id,
        phase=str(moment.phase),
        carried_out=carried_out,
        fault=type(deed).__name__.lower() if deed is not None else None,
    )

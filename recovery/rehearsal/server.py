"""The local GitHub as an HTTP server on 127.0.0.1, with its access log."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from recovery.rehearsal.api import ROUTES
from recovery.rehearsal.api.repository import limit
from recovery.rehearsal.backstage import BACKSTAGE_PREFIX, backstage
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.downloads import download
from recovery.rehearsal.records import Access
from recovery.rehearsal.routing import Answer, Request
from recovery.rehearsal.world import Credential, Fault, World

API_HOST = "127.0.0.1"
DOWNLOAD_HOST = "localhost"
_DOCUMENTATION = "https://docs.github.com/rest"


class LocalGitHub:
    """Serves one world; the API answers on 127.0.0.1, downloads on `localhost`, both on the same free port."""

    def __init__(self, world: World, *, access_log: Path | None = None, port: int = 0) -> None:
        self.world = world
        self.access_log = access_log
        self._log_lock = threading.Lock()
        handler = type("BoundHandler", (_Handler,), {"github": self})
        self._server = ThreadingHTTPServer((API_HOST, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port both hosts listen on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What GITHUB_API_URL is."""
        return f"http://{API_HOST}:{self.port}"

    @property
    def download_url(self) -> str:
        """Where redirects lead."""
        return f"http://{DOWNLOAD_HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        """Answer a request and write it into the access log, unless it is a shim's."""
        if request.path.startswith(BACKSTAGE_PREFIX):
            return _guarded(lambda: backstage(self.world, request))
        if request.headers.get("host", "").split(":")[0] == DOWNLOAD_HOST:
            return self._answer_download(request)
        credential = self.world.credentials.get(_token(request))
        if credential:
            request = replace(request, run_id=credential.run_id)
        fault = self._fault(request)
        if fault is None or fault.after_effect:
            answer = _guarded(lambda: _api(self.world, request, credential))
        if fault is not None:
            answer = _faulty(fault)
        answer = replace(answer, headers={**_limit_headers(self.world), **answer.headers})
        self._note(request, answer.status, redirect=False)
        return answer

    def _answer_download(self, request: Request) -> Answer:
        fault = self._fault(request)
        answer, run_id = download(self.world, request)
        if fault is not None:
            answer = _faulty(fault)
        self._note(replace(request, run_id=run_id), answer.status, redirect=True)
        return answer

    def _fault(self, request: Request) -> Fault | None:
        with self.world.clockwork.lock:
            for position, fault in enumerate(self.world.faults):
                if fault.method == request.method and fault.path in request.path:
                    if fault.times > 1:
                        self.world.faults[position] = replace(fault, times=fault.times - 1)
                    else:
                        del self.world.faults[position]
                    return fault
        return None

    def _note(self, request: Request, status: int, *, redirect: bool) -> None:
        query = request.headers.get("x-raw-query", "")
        access = Access(
            at=self.world.clockwork.now(),
            method=request.method,
            status=status,
            redirect=redirect,
            path=f"{request.path}?{query}" if query else request.path,
            body=request.body,
            run_id=request.run_id,
        )
        with self._log_lock:
            self.world.requests.append(access)
            if self.access_log is not None:
                with self.access_log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps({**asdict(access), "at": access.at.isoformat()}) + "\n")


def _api(world: World, request: Request, credential: Credential | None) -> Answer:
    if credential is None:
        raise Refused(401, "Bad credentials" if _token(request) else "Requires authentication")
    for route in ROUTES:
        parameters = route.match(request.method, request.path)
        if parameters is None:
            continue
        owner, name = parameters.pop("owner", None), parameters.pop("repo", None)
        if owner is not None and f"{owner}/{name}".lower() != world.repository.name.lower():
            break
        if not credential.allows(route.permission):
            raise Refused(403, "Resource not accessible by integration")
        values = {key: unquote(value) for key, value in parameters.items()}
        return route.handler(world, replace(request, parameters=values))
    raise Refused(404, "Not Found")


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") else ""


def _guarded(work: Any) -> Answer:
    try:
        answer: Answer = work()
    except Refused as refusal:
        document = {"message": refusal.message, "documentation_url": _DOCUMENTATION, "status": str(refusal.status)}
        return Answer(status=refusal.status, document=document)
    return answer


def _faulty(fault: Fault) -> Answer:
    if isinstance(fault.body, str):
        return Answer(status=fault.status, content=fault.body.encode(), headers=fault.headers)
    return Answer(status=fault.status, document=dict(fault.body), headers=fault.headers)


def _limit_headers(world: World) -> dict[str, str]:
    return {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in limit(world).items()}


class _Handler(BaseHTTPRequestHandler):
    """Turns sockets into requests and answers into sockets."""

    github: ClassVar[LocalGitHub]
    protocol_version = "HTTP/1.1"
    server_version = "GitHub.com"
    sys_version = ""
    # Without this the answer's head and body leave in two packets, and the client's delayed ACK costs 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length) if length else b""
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers["x-raw-query"] = parts.query
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            body=_parsed(raw, headers),
            raw=raw,
            headers=headers,
            base=self.github.url,
            download_base=self.github.download_url,
            run_id=None,
        )
        self._send(self.github.answer(request))

    def _send(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        payload = answer.payload()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 302):
            self.send_header("Content-Type", answer.content_type)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(payload)

    # The names are the standard library's.
    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing: the access log is ours."""


def _parsed(raw: bytes, headers: dict[str, str]) -> Any:
    if not raw or ("json" not in headers.get("content-type", "json") and raw.lstrip()[:1] not in (b"{", b"[")):
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")

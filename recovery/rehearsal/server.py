"""The local GitHub as an HTTP server on 127.0.0.1, with its access log."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import asdict
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from recovery.errors import RehearsalError
from recovery.rehearsal.answering import answer_api, answer_download, guarded
from recovery.rehearsal.backstage import BACKSTAGE_PREFIX, backstage
from recovery.rehearsal.records import Access
from recovery.rehearsal.requester import process_of
from recovery.rehearsal.routing import Answer, Ending, Request
from recovery.rehearsal.world import World

API_HOST = "127.0.0.1"
DOWNLOAD_HOST = "localhost"
_WITHOUT_BODY = (204, 304)


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
            return guarded(lambda: backstage(self.world, request))
        try:
            if request.headers.get("host", "").split(":")[0] == DOWNLOAD_HOST:
                return answer_download(self.world, request, self._note)
            return answer_api(self.world, request, self._note)
        except RehearsalError as error:
            self.world.offences.append(f"{request.method} {request.path}: {error.message}")
            return Answer(status=500, document={"message": error.message})

    def _note(self, access: Access) -> None:
        with self._log_lock:
            self.world.requests.append(access)
            if self.access_log is not None:
                with self.access_log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps({**asdict(access), "at": access.at.isoformat()}) + "\n")


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
            process=partial(process_of, self.client_address[1], self.github.port),
        )
        self._send(self.github.answer(request))

    def _send(self, answer: Answer) -> None:
        if answer.delay:
            time.sleep(answer.delay)
        if answer.ending is Ending.NO_ANSWER:
            self.close_connection = True
            return
        with contextlib.suppress(ConnectionError):
            self._write(answer)
            self.wfile.flush()
        if answer.ending is Ending.CUT:
            # Closing a socket that lingers for no time sends RST: the connection breaks in the middle of the body.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _write(self, answer: Answer) -> None:
        payload = answer.payload()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in _WITHOUT_BODY:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(payload)))
        if answer.ending is not Ending.WHOLE:
            self.close_connection = True
            payload = payload[: len(payload) // 2]
        self.end_headers()
        if self.command != "HEAD" and answer.status not in _WITHOUT_BODY:
            self.wfile.write(payload)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header by GitHub's clock."""
        return super().date_time_string(int(timestamp or self.github.world.clockwork.now().timestamp()))

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

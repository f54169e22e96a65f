"""An HTTP server that answers as it is told, for whatever a well-behaved server would never do."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `cut` sends so many bytes of the body and hangs up, `silent` never answers at all."""

    status: int = 200
    body: bytes | str | Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    silent: bool = False

    def content(self) -> bytes:
        """The body's bytes; what is neither bytes nor text is JSON."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


HANG_UP = Reply(status=0)
"""Close the connection without an answer."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it arrived; `path` is the request line's, and names the host when it came to a proxy."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int
    """The client's, which tells connections apart."""


Script = Reply | Callable[[Received], Reply]
"""An answer, or what makes one of the request."""


class ScriptedServer:
    """Gives its replies in turn on 127.0.0.1; the last one for ever."""

    def __init__(self, *replies: Script) -> None:
        self.received: list[Received] = []
        self._replies = deque(replies)
        self._closing = threading.Event()
        handler = type("BoundHandler", (_Handler,), {"scripted": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def reply(self, *replies: Script) -> None:
        """Say what comes from now on."""
        self._replies = deque(replies)

    def next_reply(self, received: Received) -> Reply:
        """Note a request, and take the reply to it."""
        self.received.append(received)
        script = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
        return script if isinstance(script, Reply) else script(received)

    def stay_silent(self) -> None:
        """Keep the other side waiting until the server closes."""
        self._closing.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    scripted: ClassVar[ScriptedServer]
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(
            method=self.command, path=self.path, headers=headers, body=body, port=self.client_address[1]
        )
        reply = self.scripted.next_reply(received)
        if reply.silent:
            self.scripted.stay_silent()
        if reply.silent or reply.status == 0:
            self._hang_up()
            return
        content = reply.content()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: reply.cut])
        if reply.cut is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - as http.server wants it

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing."""

"""Overhears what the tests' servers are asked and answer, so that no test has to think of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from recovery.rehearsal.backstage import BACKSTAGE_PREFIX
from recovery.rehearsal.routing import Answer, Ending, Request
from recovery.rehearsal.server import DOWNLOAD_HOST, LocalGitHub
from tests.adapters.scripted_server import Received, Reply, ScriptedServer
from tests.openapi.exchange import OURS, Exchange

WITHOUT_BODY = frozenset({204, 302, 304})
REPLACING_FAULTS = frozenset({"status", "garbage"})
"""Faults that replace an answer. A slow, cut or limited one is still in GitHub's words."""
_ENTERPRISE_PREFIX = "/api/v3"
_OUR_SUBJECTS = ("/repos/", "/user", "/rate_limit")


class Recording:
    """Exchanges in the order of their answers, from any thread, until they are taken."""

    def __init__(self) -> None:
        self._heard: deque[Exchange] = deque()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Listen at every server, those included that are not made yet."""
        self._listen(LocalGitHub, "answer", _of_local_github)
        self._listen(ScriptedServer, "next_reply", _of_scripted_server)

    def stop(self) -> None:
        """Leave the servers as they were."""
        while self._undo:
            self._undo.pop()()

    def taken(self) -> list[Exchange]:
        """What was overheard since the last time."""
        return [self._heard.popleft() for _ in range(len(self._heard))]

    def _listen(self, kind: type, name: str, exchange_of: Callable[[Any, Any, Any], Exchange | None]) -> None:
        original = getattr(kind, name)

        def overheard(server: Any, asked: Any) -> Any:
            answered = original(server, asked)
            exchange = exchange_of(server, asked, answered)
            if exchange is not None:
                self._heard.append(exchange)
            return answered

        setattr(kind, name, overheard)
        self._undo.append(lambda: setattr(kind, name, original))


def _of_local_github(server: LocalGitHub, request: Request, answer: Answer) -> Exchange | None:
    backstage = request.path.startswith(BACKSTAGE_PREFIX)
    if backstage or request.headers.get("host", "").split(":")[0] == DOWNLOAD_HOST:
        return None
    return Exchange(
        method=request.method,
        path=request.path,
        query=urlencode(request.query),
        agent=request.headers.get("user-agent", ""),
        content_type=request.headers.get("content-type", ""),
        body=request.raw,
        status=answer.status if _is_claimed(server, request, answer) else None,
        answer_type="" if answer.status in WITHOUT_BODY else answer.content_type,
        answer=answer.payload(),
    )


def _is_claimed(server: LocalGitHub, request: Request, answer: Answer) -> bool:
    """Whether this is how GitHub itself would answer, and not what a scenario put in its place."""
    if answer.ending is Ending.NO_ANSWER or answer.status >= 500:
        return False
    for access in reversed(server.world.requests):  # what was noted last, unless others were quick
        same = (access.method, access.status) == (request.method, answer.status)
        if same and access.path.partition("?")[0] == request.path:
            return access.fault not in REPLACING_FAULTS
    return True


def _of_scripted_server(_server: ScriptedServer, received: Received, _reply: Reply) -> Exchange | None:
    """What our program asked; the replies are wrong on purpose, and some requests are for a log's storage or odd."""
    parts = urlsplit(received.path)
    path = parts.path.removeprefix(_ENTERPRISE_PREFIX)
    agent = received.headers.get("user-agent", "")
    if not agent.startswith(OURS) or not path.startswith(_OUR_SUBJECTS):
        return None
    return Exchange(
        method=received.method,
        path=path,
        query=parts.query,
        agent=agent,
        content_type=received.headers.get("content-type", ""),
        body=received.body,
    )

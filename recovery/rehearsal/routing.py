"""Requests, answers and routes of the local GitHub, without any socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlencode

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.world import World

Json = dict[str, Any]
_PARAMETER = re.compile(r"\{(\w+)(:int|:path)?\}")
_SHAPES = {None: r"[^/]+", ":int": r"\d+", ":path": r".+"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, its path parameters already taken out of the path."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    raw: bytes
    headers: Mapping[str, str]
    base: str
    download_base: str
    run_id: int | None
    process: Callable[[], int | None] = lambda: None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A numeric path parameter."""
        return int(self.parameters[name])

    def fields(self) -> Json:
        """The body as an object, or 400."""
        if self.body in (None, ""):
            return {}
        if not isinstance(self.body, dict):
            raise Refused(400, "Problems parsing JSON")
        return self.body

    def text(self, name: str) -> str:
        """A required text field of the body, or 422."""
        value = self.fields().get(name)
        if not isinstance(value, str):
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        return value


class Ending(Enum):
    """How the sending of an answer ends."""

    WHOLE = "whole"
    TRUNCATED = "in good order, but too early"
    CUT = "broken off in the middle"
    NO_ANSWER = "closed without an answer"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer; `document` is sent as JSON, else `content` as it is, after `delay` seconds."""

    status: int = 200
    document: Any = None
    content: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    ending: Ending = Ending.WHOLE

    def payload(self) -> bytes:
        """The bytes to send."""
        if self.document is None:
            return self.content
        return json.dumps(self.document).encode()


Handler = Callable[[World, Request], Answer]


@dataclass(frozen=True)
class Route:
    """A method and path, the permission it takes (`scope:level`, alternatives joined by `|`), and who answers."""

    method: str
    pattern: str
    permission: str
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, if this route is meant."""
        if method != self.method:
            return None
        found = _compiled(self.pattern).fullmatch(path)
        return found.groupdict() if found else None


_CACHE: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _CACHE:
        _CACHE[pattern] = re.compile(_PARAMETER.sub(lambda m: f"(?P<{m[1]}>{_SHAPES[m[2]]})", pattern))
    return _CACHE[pattern]


def page(request: Request, items: Sequence[Any], *, under: str | None = None) -> Answer:
    """One page of a list, in GitHub's envelope (`total_count` and `under`) or bare, with its `Link` header."""
    size = min(max(_positive(request, "per_page", 30), 1), 100)
    number = max(_positive(request, "page", 1), 1)
    last = max((len(items) + size - 1) // size, 1)
    shown = list(items[(number - 1) * size : number * size])
    links: dict[str, int] = {}
    if number < last:
        links |= {"next": number + 1, "last": last}
    if number > 1:
        links |= {"prev": number - 1, "first": 1}
    headers = {}
    if links:
        headers["Link"] = ", ".join(f'<{_page_url(request, target)}>; rel="{rel}"' for rel, target in links.items())
    document: Any = {"total_count": len(items), under: shown} if under else shown
    return Answer(document=document, headers=headers)


def _positive(request: Request, name: str, default: int) -> int:
    value = request.query.get(name, "")
    return int(value) if value.isdigit() else default


def _page_url(request: Request, number: int) -> str:
    return f"{request.base}{request.path}?{urlencode({**request.query, 'page': number})}"

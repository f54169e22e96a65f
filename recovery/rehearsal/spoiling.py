"""Answers made to go wrong, as a scenario asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from recovery.rehearsal.downloads import REDIRECTS, relink
from recovery.rehearsal.faults.answers import AnswerDeed, BadLink, Cut, Garbage, Limited, Slow, Status, Truncated
from recovery.rehearsal.ratelimits import PRIMARY_MESSAGE, SECONDARY_MESSAGE
from recovery.rehearsal.routing import Answer, Ending
from recovery.rehearsal.world import World

_UNICORN = b"<!DOCTYPE html><html><body>This page is taking too long to load.</body></html>"
_PORT_OF_NOBODY = 9


def is_carried_out(deed: AnswerDeed) -> bool:
    """Whether the request takes effect although its answer goes wrong."""
    match deed:
        case Status(after_effect=after) | Cut(after_effect=after):
            return after
        case Limited():
            return False
        case Garbage() | Slow() | Truncated() | BadLink():
            return True
        case _:
            assert_never(deed)


def spoiled(world: World, deed: AnswerDeed, answer: Answer) -> Answer:
    """The answer as it is sent instead; `answer` is empty when the request was not carried out."""
    match deed:
        case Status():
            sent = _other_status(deed)
        case Limited():
            sent = _limited(world, deed)
        case Slow(slow=seconds):
            sent = replace(answer, delay=seconds)
        case Cut(cut=where):
            sent = replace(answer, ending=Ending.NO_ANSWER if where == "answer" else Ending.CUT)
        case Truncated():
            sent = replace(answer, ending=Ending.TRUNCATED)
        case Garbage():
            sent = _garbage(deed, answer)
        case BadLink():
            sent = _useless_link(world, deed, answer)
        case _:
            assert_never(deed)
    return sent


def _other_status(deed: Status) -> Answer:
    headers = dict(deed.headers)
    if deed.retry_after is not None:
        headers["Retry-After"] = str(deed.retry_after)
    if isinstance(deed.body, str):
        kind = "text/html" if deed.body.startswith("<") else "application/json; charset=utf-8"
        return Answer(status=deed.status, content=deed.body.encode(), content_type=kind, headers=headers)
    said = deed.body if deed.body is not None else {"message": _MESSAGES.get(deed.status, "Server Error")}
    return Answer(status=deed.status, document=said, headers=headers)


_MESSAGES: Mapping[int, str] = {
    403: "Resource not accessible by integration",
    404: "Not Found",
    429: "Too Many Requests",
    502: "Server Error: Sorry, there was a problem answering the request.",
    503: "No server is currently available to service your request.",
}


def _limited(world: World, deed: Limited) -> Answer:
    headers = {} if deed.retry_after is None else {"Retry-After": str(deed.retry_after)}
    message = SECONDARY_MESSAGE
    if deed.limit == "primary":
        message = PRIMARY_MESSAGE
        reset = world.clockwork.now() + timedelta(seconds=deed.resets_after)
        headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    return Answer(status=deed.status, document={"message": message}, headers=headers)


def _garbage(deed: Garbage, answer: Answer) -> Answer:
    status = deed.status or answer.status
    headers = {name: value for name, value in answer.headers.items() if name != "Link"}
    match deed.garbage:
        case "html":
            return Answer(status=status, content=_UNICORN, content_type="text/html", headers=headers)
        case "invalid-json":
            return Answer(status=status, content=answer.payload()[:-1] + b',"', headers=headers)
        case "wrong-shape":
            shape: object = {"unexpected": True} if isinstance(answer.document, list) else [1, None, "unexpected"]
            return Answer(status=status, content=json.dumps(shape).encode(), headers=headers)
        case "empty":
            return Answer(status=status, headers=headers)


def _useless_link(world: World, deed: BadLink, answer: Answer) -> Answer:
    location = answer.headers.get("Location", "")
    if answer.status not in REDIRECTS or not location:
        return answer
    if deed.link == "unreachable":
        location = f"http://localhost:{_PORT_OF_NOBODY}/gone"
    else:
        relink(world, location, deed.link)
    return replace(answer, headers={**answer.headers, "Location": location})

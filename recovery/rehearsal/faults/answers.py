"""Answers that go wrong: a status, a limit, slowness, a broken connection, garbage, a useless link."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from recovery.rehearsal.faults.choosing import by_key
from recovery.rehearsal.faults.parts import Part, When


class Status(Part):
    """Another status; the request is not carried out, unless `after-effect` says so."""

    status: int = Field(ge=200, le=599)
    after_effect: bool = False
    retry_after: int | None = Field(default=None, ge=0)
    body: str | dict[str, Any] | None = None
    headers: dict[str, str] = Field(default_factory=dict)


class Limited(Part):
    """A rate limit was hit: the primary one (nothing remains until the reset) or a secondary one.

    A secondary one answers with `Retry-After` only if it is given here.
    """

    limit: Literal["primary", "secondary"]
    status: Literal[403, 429] = 403
    retry_after: int | None = Field(default=None, ge=0)
    resets_after: int = Field(default=3_600, ge=0)


class Slow(Part):
    """The request is carried out at once, the answer comes so many seconds later."""

    slow: float = Field(gt=0, le=600)


class Cut(Part):
    """The connection breaks off: without any `answer`, or in the middle of the `body`."""

    cut: Literal["answer", "body"]
    after_effect: bool = True


class Truncated(Part):
    """The connection ends in good order, but earlier than Content-Length says."""

    truncated: Literal[True]


class Garbage(Part):
    """The right status (unless another is given) with a body that is no answer to the question."""

    garbage: Literal["html", "invalid-json", "wrong-shape", "empty"]
    status: int | None = Field(default=None, ge=200, le=599)


class BadLink(Part):
    """The redirect leads to a link that is expired (403), missing (404), failing (500) or has no server behind it."""

    link: Literal["expired", "missing", "failing", "unreachable"]


_KINDS = (Limited, Garbage, Status, Slow, Cut, Truncated, BadLink)

AnswerDeed = Annotated[
    Annotated[Limited, Tag("limit")]
    | Annotated[Garbage, Tag("garbage")]
    | Annotated[Status, Tag("status")]
    | Annotated[Slow, Tag("slow")]
    | Annotated[Cut, Tag("cut")]
    | Annotated[Truncated, Tag("truncated")]
    | Annotated[BadLink, Tag("link")],
    Discriminator(by_key(*_KINDS)),
]


class AnswerFault(Part):
    """Some answers go wrong in one way."""

    when: When = When()
    do: AnswerDeed

"""One answer of the API, and the reading of its JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_LONGEST_MESSAGE = 200


class WrongShape(Exception):
    """An answer is not what the documentation of its endpoint promises."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for one request; header names are lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def named(self) -> str:
        """The request, as errors name it."""
        return f"{self.method} {self.path}"

    @property
    def message(self) -> str:
        """GitHub's own sentence about a refusal, on one line and bounded; empty when it gave none."""
        try:
            document = from_json(self.text)
        except ValueError:
            return ""
        said = document.get("message") if isinstance(document, dict) else None
        return _UNPRINTABLE.sub(" ", said).strip()[:_LONGEST_MESSAGE] if isinstance(said, str) else ""

    def json(self, expected: str) -> Any:
        """The body's JSON.

        Raises:
            WrongShape: it is not JSON, while `expected` was.
        """
        try:
            return from_json(self.text)  # bounded in depth, without recursion of the interpreter's
        except ValueError as error:
            raise WrongShape(expected) from error

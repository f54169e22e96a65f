"""What two documents have in common for whoever validates them: their shape.

Two values of one shape fare alike under every keyword in `TOLD_APART` and every format in `FORMATS`. The slice of
GitHub's description knows no others (a test holds it to that), so one validation serves for all documents of a shape.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable
from typing import Any

TOLD_APART = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "enum", "items", "maxItems", "maxLength", "maxProperties",
     "maximum", "minItems", "minLength", "minimum", "nullable", "oneOf", "properties", "required", "type"}
)  # fmt: skip
SILENT = frozenset(
    {"default", "deprecated", "description", "discriminator", "example", "format", "title",
     "x-github-breaking-changes"}
)  # fmt: skip
"""Keywords that ask nothing of a document; of the formats, only those in `FORMATS` do."""
FORMATS = frozenset({"date-time", "email", "int64", "uri"})
SILENT_FORMATS = frozenset({"repo.nwo", "timestamp", "uri-template"})

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_ADDRESS = re.compile(r"(https?|git)://.|git:.|svn:.")


class Shapes:
    """Tells apart what these schemas tell apart."""

    def __init__(self, schemas: Iterable[dict[str, Any]]) -> None:
        schemas = list(schemas)
        self._literals = {value for schema in schemas for value in schema.get("enum", ())}
        self._lengths = _bounds(schemas, "minLength", "maxLength")
        self._numbers = _bounds(schemas, "minimum", "maximum")
        self._counts = _bounds(schemas, "minItems", "maxItems")

    def of(self, value: Any) -> Hashable:
        """The shape of a JSON value."""
        if isinstance(value, dict):
            return tuple(sorted((key, self.of(inner)) for key, inner in value.items()))
        if isinstance(value, list):
            return frozenset(self.of(item) for item in value), *_position(len(value), self._counts)
        if isinstance(value, str):
            return self._of_text(value)
        if value is None or isinstance(value, bool):
            return type(value).__name__
        return type(value).__name__, *_position(value, self._numbers)

    def distilled(self, value: Any) -> Any:
        """The value with one item of each shape in its lists, which is of the same shape and quicker to validate."""
        if isinstance(value, dict):
            return {key: self.distilled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            kinds = {self.of(item): item for item in value}.values()
            alike = _position(len(kinds), self._counts) == _position(len(value), self._counts)
            return [self.distilled(item) for item in (kinds if alike else value)]
        return value

    def _of_text(self, text: str) -> Hashable:
        if text in self._literals:
            return "literal", text
        if _TIME.fullmatch(text):
            # 25:00 has the look of a time and is none.
            return "time", text if text[11:13] > "23" or text[5:7] > "12" else ""
        kind = "address" if is_address(text) else "@" if "@" in text else "text"
        return kind, *_position(len(text), self._lengths)


def is_address(value: object) -> bool:
    """Whether a text is an absolute address, or the template of one."""
    return not isinstance(value, str) or bool(_ADDRESS.match(value))


def _bounds(schemas: list[dict[str, Any]], *keywords: str) -> list[float]:
    return sorted({schema[keyword] for schema in schemas for keyword in keywords if keyword in schema})


def _position(value: float, bounds: list[float]) -> tuple[int, int]:
    """Between, or on, which bounds a value lies."""
    return bisect_left(bounds, value), bisect_right(bounds, value)

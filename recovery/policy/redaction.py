"""Hides secrets in text that is about to be stored or shown."""

from __future__ import annotations

from typing import Any

import re2

from recovery.policy import secret_shapes

HIDDEN = "***"

_SHAPES = re2.compile(secret_shapes.SHAPES)
_CREDENTIALS = re2.compile(secret_shapes.CREDENTIALS)
_HEADER = re2.compile(secret_shapes.HEADER)
_BEARER = re2.compile(secret_shapes.BEARER)
_ASSIGNMENT = re2.compile(secret_shapes.ASSIGNMENT)


def redact(text: str) -> str:
    """Replace whatever has the shape of a secret by `***`; linear in the length of `text`."""
    text = re2.sub(_SHAPES, HIDDEN, text)
    text = re2.sub(_CREDENTIALS, rf"\1{HIDDEN}@", text)
    text = re2.sub(_HEADER, rf"\1{HIDDEN}", text)
    text = re2.sub(_BEARER, rf"\1{HIDDEN}", text)
    return str(re2.sub(_ASSIGNMENT, _hide_value, text))


def _hide_value(match: Any) -> str:
    name, value = match.group(1), match.group(2)
    return f"{name}{HIDDEN}" if secret_shapes.looks_random(value) else f"{name}{value}"

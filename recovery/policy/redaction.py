"""Hides secrets in text that is about to be stored or shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import re2

from recovery.policy import secret_shapes

HIDDEN = "***"

LONGEST_KEY = 64
"""Lines of a private key; as many before the first line that is shown tell whether a key began there."""

_SHAPES = re2.compile(secret_shapes.SHAPES)
_CREDENTIALS = re2.compile(secret_shapes.CREDENTIALS)
_INTRODUCED = tuple(map(re2.compile, secret_shapes.INTRODUCED))
_ASSIGNED = tuple((re2.compile(pattern), is_secret) for pattern, is_secret in secret_shapes.ASSIGNED)

_KEY_BEGINS = re2.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re2.compile(r"[A-Za-z0-9+/=]*")
_KEY_HEADER = re2.compile(r"[A-Za-z-]+: ")


def redact(text: str) -> str:
    """Replace whatever has the shape of a secret by `***`; linear in the length of `text`."""
    hidden = _hide(text)
    seen = secret_shapes.legible(hidden)
    hidden_from_sight = hidden if seen == hidden else _hide(seen)
    return hidden if hidden_from_sight == seen else hidden_from_sight


def redact_lines(lines: Iterable[str]) -> Iterator[str]:
    """Each line as `redact` gives it; a private key is hidden from its first line to its last."""
    in_key = False
    for line in lines:
        seen = secret_shapes.legible(line)
        in_key = _KEY_BEGINS.search(seen) is not None or (in_key and _is_of_key(seen))
        yield HIDDEN if in_key else redact(line)


def _is_of_key(line: str) -> bool:
    return _KEY_BODY.fullmatch(line.strip()) is not None or _KEY_HEADER.match(line.lstrip()) is not None


def _hide(text: str) -> str:
    text = re2.sub(_SHAPES, HIDDEN, text)
    text = re2.sub(_CREDENTIALS, rf"\1{HIDDEN}@", text)
    for pattern in _INTRODUCED:
        text = re2.sub(pattern, rf"\1{HIDDEN}", text)
    for pattern, is_secret in _ASSIGNED:
        text = re2.sub(pattern, partial(_hide_value, is_secret), text)
    return str(text)


def _hide_value(is_secret: Callable[[str, str], bool], match: Any) -> str:
    name, value = secret_shapes.name_and_value(match.groups())
    if not is_secret(name, value):
        return f"{name}{value}"
    quote = value[0] if value[0] in {'"', "'"} else ""
    return f"{name}{quote}{HIDDEN}{quote}"

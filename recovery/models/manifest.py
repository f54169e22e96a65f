"""`manifest.json`: a checkpoint as it is written beside its content, and read back without believing it anything."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
from collections import Counter
from typing import Any

from pydantic import ValidationError

from recovery.errors import CheckpointRejected, UnknownSchema
from recovery.models.records import WorkflowCheckpoint

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"

MANIFEST_LIMIT = 16 * 1024 * 1024
"""Bytes of a manifest that are read: state, environment and digests are small, an endless file is no manifest."""

LONGEST_NUMBER = 30
"""Digits of a number that are read; none of ours has more, and reading millions of them takes for ever."""

MOST_LEVELS = 64
"""Levels of lists and objects in each other that are read."""

_NESTING = frozenset({dict, list})
"""What JSON's objects and lists become; nothing is derived from them."""

_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
"""How one half of a character is written; only both together, or none, make a text."""


def manifest_bytes(checkpoint: WorkflowCheckpoint) -> bytes:
    """A checkpoint's manifest in its one canonical form, so that equal checkpoints have equal digests."""
    fields = {"schema_version": SCHEMA_VERSION} | json.loads(checkpoint.model_dump_json())
    return (json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def digest_of(content: bytes) -> str:
    """The digest of a manifest's bytes, `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read_manifest(content: bytes, *, source: str) -> WorkflowCheckpoint:
    """The checkpoint that a manifest describes; `source` names it in errors.

    Raises:
        CheckpointRejected: it is too large or damaged.
        UnknownSchema: it is of a version that this program does not know.
    """
    if len(content) > MANIFEST_LIMIT:
        raise CheckpointRejected(f"the manifest {source} is larger than {MANIFEST_LIMIT} bytes")
    fields = read_json(content, source=f"the manifest {source}")
    version = fields.pop("schema_version", None)
    if version != SCHEMA_VERSION or type(version) is not int:
        raise UnknownSchema(
            f"the manifest {source} has schema version {str(version)[:20]!r}, this program reads {SCHEMA_VERSION}"
        )
    try:
        return WorkflowCheckpoint.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise CheckpointRejected(f"the manifest {source} is damaged: {where}: {first['msg']}") from error


def read_json(content: bytes, *, source: str) -> dict[str, Any]:
    """A JSON object that a stranger may have written.

    Raises:
        CheckpointRejected: it is none; says of `source` what is wrong with it.
    """
    try:
        return json_object(content)
    except StrangeJson as error:
        raise CheckpointRejected(f"{source} is damaged: {error}") from error


def json_object(content: bytes) -> dict[str, Any]:
    """A JSON object with no key twice, no NaN, no endless number, no half character and no bottomless nesting.

    Raises:
        StrangeJson: it is none; says why, as the end of a sentence.
    """
    try:
        fields = json.loads(
            _text(content),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_int=_short,
            parse_float=_finite,
        )
        _check_levels(fields)
        if _HALF_CHARACTER.search(content):
            json.dumps(fields, ensure_ascii=False).encode()
    except StrangeJson:
        raise
    except (ValueError, RecursionError) as error:
        raise StrangeJson(_reason(error)) from error
    if not isinstance(fields, dict):
        raise StrangeJson("it is no JSON object")
    return fields


class StrangeJson(ValueError):
    """What is no JSON, or such as no honest writer writes."""


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "a character in it is only half there"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is no JSON"


def _text(content: bytes) -> str:
    if content.startswith(codecs.BOM_UTF8):
        raise StrangeJson("it begins with a byte order mark")
    return content.decode()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise StrangeJson(f"the key {twice[:60]!r} is in one object twice")
    return fields


def _no_constant(text: str) -> Any:
    raise StrangeJson(f"{text} is no number")


def _short(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise StrangeJson(f"a number has {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    if len(text) > 4 * LONGEST_NUMBER or not math.isfinite(float(text)):
        raise StrangeJson(f"the number {text[:40]} is too large")
    return float(text)


def _check_levels(value: Any) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            child
            for parent in level
            if type(parent) in _NESTING
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _NESTING
        ]
        if not level:
            return
    raise StrangeJson(f"it is nested more than {MOST_LEVELS} levels deep")

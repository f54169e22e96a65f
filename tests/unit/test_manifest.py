"""Manifests that strangers wrote: what is no honest JSON is refused, at once and with its reason."""

from __future__ import annotations

import json
import time

import pytest

from recovery.errors import CheckpointRejected, UnknownSchema
from recovery.models.manifest import MANIFEST_LIMIT, manifest_bytes, read_json, read_manifest
from tests.builders import make_checkpoint

HONEST = manifest_bytes(make_checkpoint(workflow_state={"key": 1}))
NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000

STRANGE = {
    "nan": (b"1", b"NaN", "NaN is no number"),
    "infinity": (b"1", b"Infinity", "Infinity is no number"),
    "minus_infinity": (b"1", b"-Infinity", "-Infinity is no number"),
    "endless_number": (b"1", b"1" * 1_000_000, "a number has 1000000 digits"),
    "long_number": (b"1", b"9" * 31, "a number has 31 digits"),
    "long_negative_number": (b"1", b"-" + b"9" * 30, "a number has 31 digits"),
    "huge_exponent": (b"1", b"1e309", "the number 1e309 is too large"),
    "huge_negative_exponent": (b"1", b"-1e99999999", "is too large"),
    "endless_fraction": (b"1", b"0." + b"1" * 1_000_000, "is too large"),
    "deep_lists": (b"1", b"[" * 200_000 + b"]" * 200_000, "damaged"),
    "deep_objects": (b"1", NESTED, "damaged"),
    "rather_deep": (b"1", b"[" * 70 + b"]" * 70, "nested more than 64 levels deep"),
    "key_twice": (b'"key": 1', b'"key": 1, "key": 2', "the key 'key' is in one object twice"),
    "key_twice_in_disguise": (b'"key": 1', b'"key": 1, "k\\u0065y": 2', "the key 'key' is in one object twice"),
    "long_key_twice": (b'"key": 1', b'"' + b"k" * 999 + b'": 1, "' + b"k" * 999 + b'": 1', f"key {'k' * 60!r} is"),
    "no_utf8": (b"key", b"k\xffy", "it is not UTF-8"),
    "overlong_utf8": (b"key", b"k\xc0\xafy", "it is not UTF-8"),
    "encoded_surrogate": (b"key", b"k\xed\xa0\x80y", "it is not UTF-8"),
    "half_a_character": (b'"key"', b'"\\ud83d"', "a character in it is only half there"),
    "other_half": (b'"key"', b'"\\uDE00"', "a character in it is only half there"),
    "halves_in_wrong_order": (b'"key"', b'"\\ude00\\ud83d"', "a character in it is only half there"),
    "half_in_a_value": (b"1", b'["\\udfff"]', "a character in it is only half there"),
    "control_character": (b"key", b"k\x00y", "it is no JSON"),
    "comment": (b"1", b"1 // one", "it is no JSON"),
    "single_quotes": (b'"key"', b"'key'", "it is no JSON"),
    "cut_off": (b'"key": 1', b'"key": ', "it is no JSON"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_json_is_refused(name: str) -> None:
    """Each for its own reason, and before it costs anything."""
    old, new, reason = STRANGE[name]
    content = HONEST.replace(b'"key": 1', b'"key": 1'.replace(old, new, 1), 1)

    with pytest.raises(CheckpointRejected) as refusal:
        read_manifest(content, source="here")

    assert "the manifest here is damaged: " in refusal.value.message
    assert reason in refusal.value.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no JSON"),
        (b"\xef\xbb\xbf" + HONEST, "byte order mark"),
        (HONEST.decode().encode("utf-16"), "it is not UTF-8"),
        (HONEST.decode().encode("utf-32"), "it is not UTF-8"),
        (HONEST.decode().encode("utf-16-le"), "it is no JSON"),
        (HONEST + HONEST, "it is no JSON"),
        (b"[1]", "it is no JSON object"),
        (b"null", "it is no JSON object"),
        (b'"text"', "it is no JSON object"),
    ],
)
def test_anything_but_one_object_is_refused(content: bytes, reason: str) -> None:
    """Whatever a lenient reader makes of it."""
    with pytest.raises(CheckpointRejected) as refusal:
        read_manifest(content, source="here")

    assert reason in refusal.value.message


def test_manifest_that_is_too_large_is_not_read() -> None:
    """Not even looked into."""
    with pytest.raises(CheckpointRejected, match="larger than"):
        read_manifest(HONEST + b" " * MANIFEST_LIMIT, source="here")


@pytest.mark.parametrize("version", [b"2", b'"1"', b"1.0", b"true", b"null", b"[]"])
def test_other_versions_are_not_guessed(version: bytes) -> None:
    """A newer program may have meant something else by the same fields."""
    content = HONEST.replace(b'"schema_version": 1', b'"schema_version": ' + version)

    with pytest.raises(UnknownSchema, match="has schema version"):
        read_manifest(content, source="here")


def test_many_keys_with_the_last_one_twice_are_refused_soon() -> None:
    """To look for the double must not take longer, the more keys there are, than reading them."""
    keys = b",".join(b'"%d":1' % number for number in range(300_000))
    content = b"{" + keys + b',"299999":1}'
    began = time.process_time()
    json.loads(content)
    plain = time.process_time() - began

    began = time.process_time()
    with pytest.raises(CheckpointRejected, match="'299999' is in one object twice"):
        read_json(content, source="it")

    assert time.process_time() - began < 100 * plain + 1


def test_honest_json_is_read_as_it_is() -> None:
    """Also what looks strange: both halves of a character, 64 levels, long numbers, the same key in two objects."""
    state = {
        "whole": "\U0001f600",
        "deep": json.loads("[" * 60 + "]" * 60),
        "long": 10**29,
        "tiny": 1e-300,
        "a": {"key": 1},
        "b": {"key": 2},
        "not a half": "\\ud83d",
    }
    content = json.dumps(json.loads(HONEST) | {"workflow_state": state}).encode()

    assert b"\\ud83d\\ude00" in content
    assert state == read_manifest(content, source="here").workflow_state

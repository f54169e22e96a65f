"""Hides secrets in text that is about to be stored or shown."""

from __future__ import annotations

from collections import Counter
from math import log2
from typing import Any

import re2

HIDDEN = "***"

_SHAPES = re2.compile(
    "|".join(
        (
            r"\bgh[opsur]_[A-Za-z0-9]{16,}",
            r"\bgithub_pat_[A-Za-z0-9_]{20,}",
            r"\bglpat-[A-Za-z0-9_-]{16,}",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
            r"\bxapp-[A-Za-z0-9-]{10,}",
            r"\bnpm_[A-Za-z0-9]{30,}",
            r"\bpypi-[A-Za-z0-9_-]{30,}",
            r"\bdckr_pat_[A-Za-z0-9_-]{20,}",
            r"\bsk-[A-Za-z0-9_-]{20,}",
            r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
            r"\bAIza[A-Za-z0-9_-]{35}",
            r"\bhvs\.[A-Za-z0-9_-]{20,}",
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
            r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        )
    )
)
_CREDENTIALS = re2.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:]*(?::[^\s/@]*)?@")
_HEADER = re2.compile(
    r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|negotiate)\s+)?)[^\s\"',]+"
)
_BEARER = re2.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{16,}")
_ASSIGNMENT = re2.compile(
    r"(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret"
    r"|credentials?)[a-z0-9_-]*[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&]{8,})"
)

_RANDOM_BITS = 3.0
"""Bits per character from which a value looks made by chance: `changeme` has 2.75, twelve random ones 3.4."""


def redact(text: str) -> str:
    """Replace whatever has the shape of a secret by `***`; linear in the length of `text`."""
    text = re2.sub(_SHAPES, HIDDEN, text)
    text = re2.sub(_CREDENTIALS, rf"\1{HIDDEN}@", text)
    text = re2.sub(_HEADER, rf"\1{HIDDEN}", text)
    text = re2.sub(_BEARER, rf"\1{HIDDEN}", text)
    return str(re2.sub(_ASSIGNMENT, _hide_value, text))


def _hide_value(match: Any) -> str:
    name, value = match.group(1), match.group(2)
    return f"{name}{HIDDEN}" if _looks_random(value) else f"{name}{value}"


def _looks_random(value: str) -> bool:
    """Whether a value assigned to a secret's name is one: words and placeholders are not."""
    if value.startswith(("$", "<", "{", "%", HIDDEN)):
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * log2(count / len(value)) for count in counts)
    return bits >= _RANDOM_BITS or (any(map(str.isdigit, value)) and not value.isdigit())

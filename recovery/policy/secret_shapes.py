"""What secrets look like: patterns that RE2 and Python's own engine read alike, and a check that needs no RE2."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import log2

SHAPES = "|".join(
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
        r"(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))",
    )
)
CREDENTIALS = r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@:]*(?::[^\s/@]*)?@"
HEADER = r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|negotiate)\s+)?)[^\s\"',]+"
BEARER = r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{16,}"
ASSIGNMENT = (
    r"(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret"
    r"|credentials?)[a-z0-9_-]*[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&]{8,})"
)

_RANDOM_BITS = 3.0
"""Bits per character from which a value looks made by chance: `changeme` has 2.75, twelve random ones 3.4."""

_WINDOW = 4096
"""Characters that Python's own engine, which may take quadratic time, is given at once."""


def looks_random(value: str) -> bool:
    """Whether a value assigned to a secret's name is one: words and placeholders are not."""
    if value.startswith(("$", "<", "{", "%", "***")):
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * log2(count / len(value)) for count in counts)
    return bits >= _RANDOM_BITS or (any(map(str.isdigit, value)) and not value.isdigit())


def holds_secret(text: str) -> bool:
    """Whether something in a text has the shape of a secret; for where RE2 is not installed."""
    return any(_window_holds_secret(text[start : start + _WINDOW]) for start in range(0, len(text), _WINDOW // 2))


def _window_holds_secret(window: str) -> bool:
    shapes, assignment = _compiled()
    return shapes.search(window) is not None or any(
        looks_random(match.group(2)) for match in assignment.finditer(window)
    )


@cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str]]:
    shapes = "|".join((SHAPES, CREDENTIALS, *(f"(?i:{each.removeprefix('(?i)')})" for each in (HEADER, BEARER))))
    return re.compile(shapes, re.ASCII), re.compile(ASSIGNMENT, re.ASCII)  # as RE2 does

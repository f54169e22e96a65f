"""Takes out of lines what differs between two runs of the same job: times, numbers, hashes, addresses, places."""

from __future__ import annotations

import re
from typing import Any

import re2

from recovery.policy.logs.patterns import compiled

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_TEMPORARY = r"(?:/private)?(?:/tmp|/var/folders|/var/tmp|/dev/shm)/[^\s:'\"`),;]*"

_WHAT_CHANGES = (
    # A fork, or a repository that was renamed, has the same failures.
    (r"\b(github\.com[/:])[\w.-]+/[\w.-]+", r"\1<repository>"),
    (r"\b[\w-]+/[\w.-]+\.git\b", "<repository>"),
    (r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?", "<time>"),
    (r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    (rf"\b{_UUID}\b", "<uuid>"),
    (_TEMPORARY, "<temp>"),
    (r"(?i)[a-z]:\\[^\s:'\"`),;]*\\temp\\[^\s:'\"`),;]*", "<temp>"),
    (r"\btmp[._-]?[A-Za-z0-9_]{5,}\b", "<temp>"),
    # Where a checkout lies differs between runners; the file's own name is what stays.
    (r"(^|[\s'\"`(=\[])/(?:[^\s/:'\"`),;]+/)+", r"\1<dir>/"),
    (r"\b[A-Za-z]:[\\/](?:[^\s\\/:'\"`),;]+[\\/])+", "<dir>/"),
    (r"\b0x[0-9A-Fa-f]+\b", "<hex>"),
    (r"(?i)\b[0-9a-f]{7,64}\b", "<hex>"),
    (r"\[[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f]*\]", "<ip>"),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
    (r"\b(?:\d+(?:\.\d+)?\s?(?:ms|µs|us|ns|secs?|seconds?|mins?|minutes?|hours?|[smh])\b[ ,]*)+", "<n>"),
    (r"\d+(?:\.\d+)*", "<n>"),
    (r"(?:<n>)+", "<n>"),
    (r"\s+", " "),
)

_RULES = tuple((re2.compile(pattern), replacement) for pattern, replacement in _WHAT_CHANGES)


def normalise(line: str) -> str:
    """Drop from an evidence line what differs between two runs of the same failure."""
    for pattern, replacement in _RULES:
        line = re2.sub(pattern, replacement, line)
    return line.strip()


_UNIT = r"(?:[mun]s|\xc2\xb5s|[smhd]|secs?|seconds?|mins?|minutes?|hours?|days?|[kKMGT]?i?[Bb](?:/s|ps)?|[kKMGT]?bytes)"
_MEASURED = rf"(?:[0-9]+(?:[.,][0-9]+)? ?{_UNIT}\b[ ,]*)+"
_HASH = r"(?:0x[0-9A-Fa-f]+|[0-9a-f]{6,}|[0-9A-F]{8,})\b"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|AM|PM)\b"
_RANDOM_NAME = r"tmp[._-]?[A-Za-z0-9_]{5,}"
_WINDOWS_PLACE = r"[A-Za-z]:[\\/](?:[^\s\\/:'\"`),;]+[\\/])+"

_RESULT = (
    r"(?:fail(?:ed|ures?|ing|s)?|err(?:ored|ors?)?|broken|problems?|issues?|offen[cs]es?|violations?|vulnerabilities"
    r"|mismatche?s?|differences?|passe?[ds]?|passing|warnings?)"
)
_COUNTED = r"(?: of [0-9]+)?(?: (?:tests?|test suites?|suites?|specs?|examples?|files?|checks?|jobs?|hooks?|steps?))?"
_ENDED = r"(?:exit(?:ed)?(?: with)?(?: code| status)?|(?:exit|return|error)[ _-]?code|exit status|rc)"

_CHANGES = "|".join(
    (rf"\b(?:{_UUID}|{_HASH}|{_MEASURED}|{_DAY}|{_RANDOM_NAME}|{_WINDOWS_PLACE})", _TEMPORARY),
)
_TOLD = rf"(?i)\b[1-9][0-9]*{_COUNTED} {_RESULT}\b|\b(?:{_RESULT}|{_ENDED})[\"']?(?: ?[:=] ?| )[\"']?[1-9]"

_PLACE = re.compile(rb"/(?:[^\s/:'\"`),;]+/)+")
_NUMBERS = b"0123456789.,"
_BLANKS = b" \t\x0b\x0c"


_CHANGING = compiled(_CHANGES)
_TELLING = compiled(_TOLD)


def normal(text: bytes) -> bytes:
    """The same of whole chunks of cleaned lines at once, for comparing logs: what is left is not for reading.

    Lines and frames stay apart. Numbers of results (`3 failed`, `exit code 1`) are kept as zero or not zero.
    """
    text = _PLACE.sub(b"/", _CHANGING.sub(_nothing, text))
    marked: bytes = _TELLING.sub(_marked, text)
    return marked.translate(None, _NUMBERS + _BLANKS)


def _nothing(_: Any) -> bytes:
    return b""


def _marked(found: Any) -> bytes:
    return b"~" + bytes(found.group())

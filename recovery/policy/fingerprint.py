"""Gives one failure one signature, however often it happens: times, hashes, paths and ports do not count."""

from __future__ import annotations

import hashlib

import re2

from recovery.models.verdict import FailureClass

_WHAT_CHANGES = (
    (r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?", "<time>"),
    (r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"(?:/private)?(?:/tmp|/var/folders|/var/tmp|/dev/shm)/[^\s:'\"`),;]*", "<temp>"),
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


def fingerprint(failure_class: FailureClass, line: str, job: str = "", step: str = "") -> str:
    """Sixteen hexadecimal digits that stay the same when the same failure comes again."""
    parts = (failure_class.value, normalise(line), job, step)
    return hashlib.sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()[:16]

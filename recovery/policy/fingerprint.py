"""Gives one failure one signature, however often it happens: times, hashes, paths and ports do not count."""

from __future__ import annotations

import hashlib

from recovery.models.verdict import FailureClass
from recovery.policy.logs.normal import normalise


def fingerprint(failure_class: FailureClass, line: str, job: str = "", step: str = "") -> str:
    """Sixteen hexadecimal digits that stay the same when the same failure comes again."""
    parts = (failure_class.value, normalise(line), job, step)
    return hashlib.sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()[:16]

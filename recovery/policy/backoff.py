"""How long to wait before the next attempt: exponential with full jitter, never less than what a server asked for.

Full jitter draws evenly from [0, base * 2^(n-1)], which spreads a crowd of clients best (Brooker, "Exponential
Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import re2

from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass

RATE_LIMIT_BASE = 60.0
"""Seconds: GitHub asks to wait at least a minute after a secondary rate limit; other registries are alike."""

LONGEST = 3600.0
"""Seconds: the ceiling of one wait, whatever a log claims."""

_ASKED: Any = re2.compile(r"(?i)\bretry[-_ ]after[\"']?\s*[:=]?\s*(\d{1,6})\b")


def delay_before_retry(failures: Iterable[PipelineFailure], attempt: int, base: float, chance: float) -> float:
    """Seconds to wait before the attempt after `attempt` (1-based); `chance` is drawn from [0, 1)."""
    known = tuple(failures)
    if any(failure.failure_class is FailureClass.RATE_LIMIT for failure in known):
        base = max(base, RATE_LIMIT_BASE)
    jittered: float = chance * min(base * 2 ** (attempt - 1), LONGEST)
    return min(max(jittered, _asked_for(known)), LONGEST)


def _asked_for(failures: tuple[PipelineFailure, ...]) -> float:
    """The longest `Retry-After` that the evidence quotes, in seconds."""
    found = (_ASKED.search(evidence.text) for failure in failures for evidence in failure.evidence)
    return max((float(match.group(1)) for match in found if match), default=0.0)

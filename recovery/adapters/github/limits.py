"""What GitHub's answers say about waiting: rate limits (platform facts §8) and `Retry-After`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DEFAULT_WAIT_SECONDS = 60.0
"""GitHub's advice when a limit is hit and no header names a time."""

_LIMIT_WORDS = re.compile(r"secondary rate limit|rate limit exceeded|abuse detection", re.IGNORECASE)


def rate_limit_wait(status: int, headers: Mapping[str, str], text: str, now: datetime) -> float | None:
    """Seconds until the next request is welcome; None when the answer is not about a rate limit.

    A 403 is a rate limit, rather than a lack of permission, only when a header or its text says so.
    """
    if status not in {403, 429}:
        return None
    asked = retry_after(headers, now)
    if asked is not None:
        return asked
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _number(headers.get("x-ratelimit-reset"))
        return DEFAULT_WAIT_SECONDS if reset is None else max(1.0, reset - now.timestamp())
    if status == 429 or _LIMIT_WORDS.search(text):
        return DEFAULT_WAIT_SECONDS
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The `Retry-After` header in seconds, whether it is written as seconds or as a date."""
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None

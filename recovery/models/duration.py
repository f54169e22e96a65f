"""A span of time as people write it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)?\s*", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> float:
    """Seconds of `30s`, `2m`, `1.5h`, `1d` or a bare number of seconds.

    Raises:
        ValueError: the text is none of these.
    """
    match = _DURATION.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a duration such as 30s, 2m or 1h")
    return float(match.group(1)) * _SECONDS[(match.group(2) or "s").lower()]


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=30 * 86400)]

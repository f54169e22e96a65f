"""A job's log as bytes, bounded in size, with line numbers that stay those of the whole log.

A plain dataclass, so that `recovery classify` starts without pydantic.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

LOG_LIMIT = 64 * 1024 * 1024
"""Bytes of a log that are kept of a download. The end is kept, for that is where failures are."""

FILE_LIMIT = 256 * 1024 * 1024
"""Bytes that are kept of a log that is here already."""


@dataclass(frozen=True, slots=True)
class JobLog:
    """The last bytes of a log; `first_line` is the number of the first line kept."""

    content: bytes
    first_line: int = 1
    truncated: bool = False

    @classmethod
    def from_chunks(cls, chunks: Iterable[bytes], limit: int = LOG_LIMIT) -> Self:
        """Read a log of any size, in little more memory than is kept of it; up to three times that if it is cut."""
        kept = io.BytesIO()
        dropped_lines = 0
        truncated = False
        for chunk in chunks:
            kept.write(chunk)
            if kept.tell() > 2 * limit:
                kept, dropped = _without_head(kept, limit)
                dropped_lines += dropped
                truncated = True
        if kept.tell() > limit:
            kept, dropped = _without_head(kept, limit)
            dropped_lines += dropped
            truncated = True
        return cls(kept.getvalue(), dropped_lines + 1, truncated)


def _without_head(kept: io.BytesIO, limit: int) -> tuple[io.BytesIO, int]:
    """The last `limit` bytes, from a line's start where there is one, and how many lines were cut."""
    content = kept.getvalue()
    cut = len(content) - limit
    line_end = content.find(b"\n", cut)
    if line_end != -1 and line_end + 1 < len(content):
        cut = line_end + 1
    rest = io.BytesIO()
    rest.write(memoryview(content)[cut:])
    return rest, content.count(b"\n", 0, cut)

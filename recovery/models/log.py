"""A job's log as bytes, bounded in size, with line numbers that stay those of the whole log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from recovery.models.record import Record

LOG_LIMIT = 64 * 1024 * 1024
"""Bytes of a log that are kept. The end is kept, for that is where failures are."""


class JobLog(Record):
    """The last `LOG_LIMIT` bytes of a log; `first_line` is the number of the first line kept."""

    content: bytes
    first_line: int = 1
    truncated: bool = False

    @classmethod
    def from_chunks(cls, chunks: Iterable[bytes], limit: int = LOG_LIMIT) -> Self:
        """Read a log of any size in bounded memory (about twice `limit`)."""
        kept = bytearray()
        dropped_lines = 0
        truncated = False
        for chunk in chunks:
            kept += chunk
            if len(kept) > 2 * limit:
                dropped_lines += _drop_head(kept, limit)
                truncated = True
        if len(kept) > limit:
            dropped_lines += _drop_head(kept, limit)
            truncated = True
        return cls(content=bytes(kept), first_line=dropped_lines + 1, truncated=truncated)


def _drop_head(kept: bytearray, limit: int) -> int:
    """Cut `kept` down to its last `limit` bytes, at a line's start where there is one; count lines cut."""
    cut = len(kept) - limit
    line_end = kept.find(b"\n", cut)
    if line_end != -1 and line_end + 1 < len(kept):
        cut = line_end + 1
    dropped = kept.count(b"\n", 0, cut)
    del kept[:cut]
    return dropped

"""A few lines of a log by their numbers: what is wanted of a large log after it was searched."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from recovery.policy.logs.chunks import shortened
from recovery.policy.logs.framing import clean

Landmarks = Sequence[tuple[int, int]]
"""Every so often the number of a line, from 0, and where it begins, as `LogReading` has them."""

_STRIDE = 64 * 1024
_LONGEST = 16 * 1024
"""Bytes of a line that are given: of a longer one, half of that at either end."""


def lines_between(content: bytes, first: int, last: int, landmarks: Landmarks = ()) -> list[bytes]:
    """Lines `first` to `last` (counted from 0, both included) without stamps and colours; `\\r` divides frames.

    Without `landmarks`, time is linear in the bytes before `last`, and small beside that of a search.
    """
    start = start_of(content, first, landmarks)
    lines: list[bytes] = []
    while len(lines) <= last - first and start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end == -1 else end
        lines.append(clean(shortened(content, start, end, _LONGEST)))
        start = end + 1
    return lines


def start_of(content: bytes, line: int, landmarks: Landmarks = ()) -> int:
    """Where a line begins, in bytes."""
    position = 0
    if before := bisect_right(landmarks, line, key=lambda landmark: landmark[0]):
        known, position = landmarks[before - 1]
        line -= known
    while position < len(content):
        stride = content[position : position + _STRIDE]
        ends = stride.count(b"\n")
        if ends >= line:
            for _ in range(line):
                position = content.index(b"\n", position) + 1
            return position
        line -= ends
        position += len(stride)
    return len(content)

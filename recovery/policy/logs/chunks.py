"""Cuts a log into pieces of whole lines, of which none is longer than wanted."""

from __future__ import annotations

from collections.abc import Iterator

from recovery.policy.logs.framing import FRAME

CHUNK = 64 * 1024
"""Bytes that are worked on at once."""


def chunks(
    content: bytes, size: int = CHUNK, *, start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Where each piece begins and its lines, from byte `start` to `stop`; a line that alone is longer is shortened."""
    stop = len(content) if stop is None else stop
    while start < stop:
        end = content.rfind(b"\n", start, min(start + size, stop)) + 1
        if end == 0:
            end = content.find(b"\n", start, stop) + 1 or stop
        yield start, shortened(content, start, end, size)
        start = end


def shortened(content: bytes, start: int, end: int, longest: int) -> bytes:
    """The bytes from `start` to `end`, or where these are more than `longest`, the two ends of them as frames."""
    if end - start <= longest:
        return bytes(content[start:end])
    return bytes(content[start : start + longest // 2]) + FRAME + bytes(content[end - longest // 2 : end])

"""What a person gets to see of a log: short, printable lines, and the ranges around them."""

from __future__ import annotations

from collections.abc import Sequence

EXCERPT_LINES = 40
TEXT_LIMIT = 300
_BEFORE, _AFTER = 6, 9
_TAIL = 20


def printable(text: str, limit: int = TEXT_LIMIT) -> str:
    """One line without control characters, cut to `limit`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def excerpt_around(lines: Sequence[int], first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Ranges around `lines` (most important first) inside `first`..`last`, at most 40 lines in all."""
    shown: set[int] = set()
    for line in lines:
        window = range(max(first, line - _BEFORE), min(last, line + _AFTER) + 1)
        # The nearest lines first, so that what no longer fits is what is furthest away.
        for near in sorted(window, key=lambda candidate: abs(candidate - line)):
            if len(shown) < EXCERPT_LINES:
                shown.add(near)
    return _merged(sorted(shown))


def tail(last: int, first: int) -> tuple[tuple[int, int], ...]:
    """The last lines before `last`, for a failure nobody can place."""
    return ((max(first, last - _TAIL + 1), last),)


def _merged(lines: list[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for line in lines:
        if ranges and ranges[-1][1] + 1 == line:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return tuple(ranges)

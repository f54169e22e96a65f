"""What a person gets to see of a log: short, printable lines, and the ranges that account for a failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from recovery.policy.logs.baseline import Baseline
from recovery.policy.logs.blocks import DOWN, UP, block_of, groups_of
from recovery.policy.logs.lines import Landmarks, lines_between
from recovery.policy.logs.shapes import counts_failures, is_account, is_ending, said

EXCERPT_LINES = 40
TEXT_LIMIT = 300
_TAIL = 20

_LOOKED_AT = 1000
"""Lines before a section's end in which news are looked for, besides those around evidence."""

_SUMMED_UP = 40
"""Lines before a section's end in which a sum of what failed is looked for."""

_FIRST_SHARE, _SHARE = 20, 8
"""Lines the best block may take, and each other one, before any may take more."""

_OTHERS = 4
"""Groups of news without evidence that are shown; where more speak of failures, the green log is of another job."""

_BRIDGED = 8
"""Lines between two blocks that are shown with them when nothing passes there."""

Section = tuple[int, int]


def printable(text: str, limit: int = TEXT_LIMIT) -> str:
    """One line without control characters, cut to `limit`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def excerpt(
    content: bytes,
    first_line: int,
    evidence: Sequence[int],
    sections: Sequence[Section],
    baseline: Baseline | None = None,
    *,
    landmarks: Landmarks = (),
) -> tuple[Section, ...]:
    """Ranges of lines that a person should read, at most 40 lines in all.

    `content` is decoded and begins with line `first_line`; `evidence` has the best line first; `sections` are the
    first and last lines of what failed. With the last green log, what it says too is left out. `landmarks` save time.
    """
    blocks: list[_Block] = []
    for section in sections:
        inside = [line for line in evidence if section[0] <= line <= section[1]]
        lines = _load(content, first_line, section, inside, landmarks, whole=baseline is not None)
        new = None if baseline is None else _news(baseline, content, first_line, section)
        blocks += _blocks(lines, inside, section, new)
    rank = {line: place for place, line in enumerate(evidence)}
    blocks.sort(key=lambda block: rank.get(block[0], len(rank)))
    return _merged(sorted(_chosen(blocks)))


def tail(last: int, first: int) -> tuple[Section, ...]:
    """The last lines before `last`, for a failure nobody can place."""
    return ((max(first, last - _TAIL + 1), last),)


_Block = tuple[int, list[int]]
"""The line a block is about, and its lines, the most telling ones first."""


def _load(
    content: bytes,
    first_line: int,
    section: Section,
    evidence: Iterable[int],
    landmarks: Landmarks,
    *,
    whole: bool,
) -> dict[int, bytes]:
    """The lines of a section that are looked at, by number."""
    first, last = section
    windows = [(max(first, line - UP), min(last, line + DOWN)) for line in evidence]
    windows.append((max(first, last - (_LOOKED_AT if whole else _SUMMED_UP)), last))
    lines: dict[int, bytes] = {}
    for start, end in _joined(windows):
        raw = lines_between(content, start - first_line, end - first_line, landmarks)
        lines.update(enumerate(map(said, raw), start=start))
    return lines


def _news(baseline: Baseline, content: bytes, first_line: int, section: Section) -> frozenset[int]:
    found = baseline.new_lines(content, section[0] - first_line, section[1] - first_line)
    return frozenset(first_line + number for number in found)


def _blocks(
    lines: Mapping[int, bytes], evidence: Sequence[int], section: Section, new: frozenset[int] | None
) -> Iterator[_Block]:
    known = [line for line in evidence if line in lines]
    telling = [line for line in known if not is_ending(lines[line])] or known[:1]
    around = {line: block_of(lines, line) for line in telling}
    if new is None:
        yield from ((line, sorted(block, key=lambda each: abs(each - line))) for line, block in around.items())
        yield from _bridges(lines, around)
    else:
        yield from _new_blocks(lines, around, new)
    ends = range(max(section[0], section[1] - _SUMMED_UP), section[1] + 1)
    yield from ((line, [line]) for line in ends if _sums_up(lines, line) and (new is None or line in new))


def _sums_up(lines: Mapping[int, bytes], line: int) -> bool:
    return line in lines and counts_failures(lines[line]) and not is_ending(lines[line])


def _new_blocks(
    lines: Mapping[int, bytes], around: Mapping[int, Sequence[int]], new: frozenset[int]
) -> Iterator[_Block]:
    """Groups of news: those with evidence, then those that tell of a failure."""
    others = []
    for group in groups_of(lines, new, around):
        inside = [line for line in around if line in group]
        for line in inside:
            block = set(around[line])
            yield line, sorted(group, key=lambda each: (each not in block, abs(each - line)))
        if not inside and is_account([lines[number] for number in group]):
            others.append(group)
    if not around or len(others) <= _OTHERS:
        yield from ((group[0], group) for group in others)
    for line in around:
        if line not in new:
            yield line, [line]


def _bridges(lines: Mapping[int, bytes], around: Mapping[int, Sequence[int]]) -> Iterator[_Block]:
    """What stands between two neighbouring blocks, where it is little and nothing else."""
    blocks = sorted((min(block), max(block)) for block in around.values())
    for (_, end), (start, _) in pairwise(blocks):
        between = list(range(end + 1, start))
        if 0 < len(between) <= _BRIDGED and groups_of(lines, frozenset(between), ()) == [between]:
            yield between[0], between


def _chosen(blocks: Sequence[_Block]) -> set[int]:
    """The lines shown: first something of each block, then more of the best ones."""
    chosen: set[int] = set()
    for everything in (False, True):
        for place, (_, lines) in enumerate(blocks):
            share = len(lines) if everything else _SHARE if place else _FIRST_SHARE
            for line in lines[:share]:
                if len(chosen) < EXCERPT_LINES:
                    chosen.add(line)
    return chosen


def _joined(windows: Iterable[Section]) -> list[Section]:
    """The same lines in windows that do not overlap."""
    joined: list[Section] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _merged(lines: Iterable[int]) -> tuple[Section, ...]:
    return tuple(_joined((line, line) for line in lines))

"""Finds the lines of a log that match, in raw bytes of any size and shape, in linear time.

A log is cut into chunks of whole lines; each is freed of colours and searched as it is for the clues of all patterns.
Only a line that has one is cleaned, and examined closely. Nothing else is ever split.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from recovery.policy.logs.chunks import CHUNK, chunks
from recovery.policy.logs.framing import BEFORE_LINE, FRAME, colourless
from recovery.policy.logs.search import LogSearch, Place


class Frame(NamedTuple):
    """A part of a line that was on the screen at one time, and the names of the patterns it matches."""

    text: bytes
    names: frozenset[str]


class FoundLine(NamedTuple):
    """A line with at least one match. `number` counts from 0; `level` is `error`, `warning`, … or empty."""

    number: int
    level: str
    frames: tuple[Frame, ...]
    relayed: bool = False
    """Whether something in a container said it, and another program passed it on."""


class FoundLines:
    """Every line of decoded `content` that matches a pattern, in order; to be walked over once."""

    def __init__(self, content: bytes, search: LogSearch, chunk_size: int = CHUNK) -> None:
        self._content = content
        self._search = search
        self._chunk_size = chunk_size
        self.ends = 0
        """Line feeds that were passed."""
        self.landmarks: list[tuple[int, int]] = []
        """Every so often the number of a line, from 0, and where in the content it begins."""

    def __iter__(self) -> Iterator[FoundLine]:
        for start, chunk in chunks(self._content, self._chunk_size):
            self.landmarks.append((self.ends, start))
            yield from _found_in(colourless(chunk), self.ends, self._search)
            self.ends += chunk.count(b"\n")


def _found_in(text: bytes, first: int, search: LogSearch) -> Iterator[FoundLine]:
    """The lines of a colourless chunk that match; `first` is the number of its first line."""
    flat = text.replace(FRAME, b"\n") if FRAME in text else text
    places = search.places_in(flat)
    number, counted = first, 0
    for line, frames in _by_line(text, places) if text is not flat else ((place[0], [place]) for place in places):
        number, counted = number + text.count(b"\n", counted, line), line
        if (found := _examined(flat, number, line, frames, search)).frames:
            yield found


def _by_line(text: bytes, places: list[Place]) -> Iterator[tuple[int, list[Place]]]:
    """Frames of the same line together, with the beginning of their line."""
    line = line_end = 0
    frames: list[Place] = []
    for place in places:
        if place[0] >= line_end:
            if frames:
                yield line, frames
            line = text.rfind(b"\n", 0, place[0]) + 1
            line_end = text.find(b"\n", place[1])
            line_end = len(text) if line_end == -1 else line_end
            frames = []
        frames.append(place)
    if frames:
        yield line, frames


def _examined(flat: bytes, number: int, line: int, places: list[Place], search: LogSearch) -> FoundLine:
    """A line with those of its frames that match. A level before the first frame is a frame too."""
    line_end = places[0][1] if places[0][0] == line else flat.find(b"\n", line)
    before = BEFORE_LINE.match(flat, line, line_end)
    speaker, level, said = (before[1], before[2] or b"", before.end()) if before else (None, b"", line)
    frames = []
    for start, end, clue_sets in places:
        texts = (flat[start:end],) if start != line else (level, flat[said:end]) if level else (flat[said:end],)
        frames += [Frame(each, names) for each in texts if (names := search.names_in(each, clue_sets))]
    return FoundLine(number, level[3:-1].decode(), tuple(frames), relayed=speaker is not None)

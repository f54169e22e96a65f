"""Finds the lines of a log that match, in raw bytes of any size and shape, in linear time.

A log is cut into chunks of whole lines; each chunk is cleaned (time stamps, colours, NULs) and searched once
for all patterns. Only a chunk that matches is divided, down to the line. Nothing else is ever split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from recovery.policy.patterns import PatternSet

CHUNK = 64 * 1024
"""Also the longest line that is examined whole: of a longer one, half a chunk at either end is."""

_BRANCHES = 8
_FRAME = b"\r"

_STAMP = re.compile(rb"\n(?:\xef\xbb\xbf)?(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z |\d\d:\d\d:\d\d {1,2})")
"""GitHub's stamp, and Jenkins' shorter one."""

_COLUMNS = re.compile(rb"\n[^\t\n]{1,200}\t[^\t\n]{1,200}\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT)")
"""Job and step, which `gh run view --log` puts before the stamp."""

_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_LEVEL = re.compile(rb"\n(##\[(?:error|warning|command|debug|notice)\])")


_LEVEL_FRAME = re.compile(rb"##\[[a-z]+\]")


class Frame(NamedTuple):
    """A part of a line that was on the screen at one time, and the names of the patterns it matches."""

    text: bytes
    names: frozenset[str]


class FoundLine(NamedTuple):
    """A line with at least one match. `number` counts from 0; `level` is `error`, `warning`, … or empty."""

    number: int
    level: str
    frames: tuple[Frame, ...]


def decode(content: bytes) -> bytes:
    """Give UTF-16 logs (as PowerShell redirections write them) and byte order marks the one common form."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    return content.removeprefix(b"\xef\xbb\xbf")


def clean(text: bytes) -> bytes:
    """Drop what is not said: stamps, colours, NULs. Lines stay lines.

    A carriage return stays as the border between two *frames* of a line (a progress bar's, or what follows
    `##[error]`), and each frame is searched as a line of its own.
    """
    text = b"\n" + text
    if b"\0" in text:
        text = text.replace(b"\0", b"")
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if b"\t20" in text or b"\t\xef\xbb\xbf20" in text:
        text = _COLUMNS.sub(b"\n", text)
    text = _STAMP.sub(b"\n", text)
    if b"\x1b" in text:
        text = _ANSI.sub(b"", text)
    if b"\n##[" in text:
        text = _LEVEL.sub(rb"\n\1" + _FRAME, text)
    return text[1:]


def find_lines(content: bytes, patterns: PatternSet) -> Iterator[FoundLine]:
    """Every line of decoded `content` that matches a pattern, in order."""
    first = 0
    for chunk in _chunks(content):
        text = clean(chunk)
        if names := patterns.names_in(_searchable(text)):
            yield from _divide(text.split(b"\n"), first, names, patterns)
        first += chunk.count(b"\n")


def _chunks(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.rfind(b"\n", start, start + CHUNK) + 1
        if end == 0:
            end = content.find(b"\n", start) + 1 or len(content)
        yield _shortened(content[start:end])
        start = end


def _shortened(chunk: bytes) -> bytes:
    """Cut the middle out of a line longer than a chunk; its two ends become frames."""
    if len(chunk) <= CHUNK:
        return chunk
    return chunk[: CHUNK // 2] + _FRAME + chunk[-CHUNK // 2 :]


def _searchable(text: bytes) -> bytes:
    return text.replace(_FRAME, b"\n") if _FRAME in text else text


def _divide(lines: list[bytes], first: int, names: frozenset[str], patterns: PatternSet) -> Iterator[FoundLine]:
    """Search ever smaller parts of lines that together match `names`."""
    if len(lines) == 1:
        yield from _examine(lines[0], first, names, patterns)
        return
    size = -(-len(lines) // _BRANCHES)
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        if found := patterns.names_in(_searchable(b"\n".join(part))):
            yield from _divide(part, first + start, found, patterns)


def _examine(line: bytes, number: int, names: frozenset[str], patterns: PatternSet) -> Iterator[FoundLine]:
    if _FRAME not in line:
        yield FoundLine(number, "", (Frame(line, names),))
        return
    texts = line.split(_FRAME)
    level = texts[0][3:-1].decode() if _LEVEL_FRAME.fullmatch(texts[0]) else ""
    frames = tuple(Frame(text, found) for text in texts if (found := patterns.names_in(text)))
    if frames:
        yield FoundLine(number, level, frames)

"""Logs from files and from standard input, and the few lines of them that are shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from recovery.cli.ticker import Ticker
from recovery.models.log import FILE_LIMIT, JobLog
from recovery.models.verdict import Verdict
from recovery.policy.logs.framing import decode
from recovery.policy.logs.lines import lines_between
from recovery.policy.redaction import LONGEST_KEY, redact_lines

STANDARD_INPUT = "-"

_CHUNK = 1024 * 1024
_MEGABYTE = 1_000_000
_LONG_FILE = 20 * _MEGABYTE
_LONG_WAIT = 1.0
"""Seconds after which somebody at a terminal wonders whether standard input is being read."""

_LEVEL = re.compile(rb"##\[[a-z]+\]")


def read_log(file: str, ticker: Ticker) -> JobLog:
    """The log in a file, or on standard input.

    Raises:
        OSError: it cannot be read.
    """
    ticker.begin()
    if file == STANDARD_INPUT:
        return JobLog.from_chunks(_told(sys.stdin.buffer, ticker), FILE_LIMIT)
    with Path(file).open("rb") as stream:
        return JobLog.from_chunks(iter(lambda: stream.read(_CHUNK), b""), FILE_LIMIT)


def tell_of_search(file: str, log: JobLog, ticker: Ticker) -> None:
    """Say that a long log is being searched."""
    if len(log.content) > _LONG_FILE:
        ticker.tell(f"searching {file}, {len(log.content) / _MEGABYTE:.0f} MB")


def shown_lines(log: JobLog, verdict: Verdict) -> dict[int, str]:
    """What a person should read of a log, by line number and without secrets."""
    content = decode(log.content)
    shown: dict[int, str] = {}
    for first, last in verdict.excerpt:
        start = max(first - LONGEST_KEY, log.first_line)
        raw = lines_between(content, start - log.first_line, last - log.first_line)
        texts = redact_lines(map(_on_screen, raw))
        shown |= {number: text for number, text in enumerate(texts, start) if first <= number}
    return shown


def _told(stream: BinaryIO, ticker: Ticker) -> Iterator[bytes]:
    read = 0
    while chunk := stream.read(_CHUNK):
        yield chunk
        read += len(chunk)
        ticker.tell(f"reading standard input, {read / _MEGABYTE:.0f} MB so far", after=_LONG_WAIT)


def _on_screen(line: bytes) -> str:
    """A cleaned line as it stood on the screen in the end: its last frame, behind the level it was marked with."""
    frames = [frame for frame in line.split(b"\r") if frame] or [b""]
    level = frames[0] if len(frames) > 1 and _LEVEL.fullmatch(frames[0]) else b""
    return (level + frames[-1]).decode(errors="replace")

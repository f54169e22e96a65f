"""No log makes reading it superlinear, and nothing that is kept of one grows with it."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import recovery.policy.rules
from recovery.models.log import JobLog
from recovery.policy.logs.chunks import CHUNK
from recovery.policy.logs.framing import decode
from recovery.policy.logs.known import known_clues
from recovery.policy.logs.patterns import pattern_fault
from recovery.policy.logs.reader import FoundLines
from recovery.policy.logs.search import LogSearch
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.pack import pack_entries
from recovery.policy.sections import MARKERS, read_sections

MEGABYTE = 1_000_000
STAMP = b"2030-01-02T03:04:05.1234567Z "
NEARLY = 3.0
"""How much more a byte may cost in a log that is four times as long: time is noisy, quadratic would be four times."""


def search_for_all() -> LogSearch:
    """Everything that comes with the program."""
    return LogSearch([*MARKERS, *builtin_rules().patterns()], known_clues())


def repeated(piece: bytes) -> Callable[[int], bytes]:
    """Logs of any size that are one piece over and over."""
    return lambda size: piece * (size // len(piece))


def random_bytes(size: int) -> bytes:
    """What is no text at all."""
    return random.Random(size).randbytes(size)  # noqa: S311


def random_clues(size: int) -> bytes:
    """Lines that are made of what the search looks for, and of nothing else."""
    chance = random.Random(size)  # noqa: S311
    clues = [clue.replace("\\", "") for each in known_clues().values() for clue in each.split("\n")]
    lines = (" ".join(chance.choices(clues, k=6)).encode() for _ in range(size // 60))
    return b"\n".join(lines)


def every_rule(size: int) -> bytes:
    """The examples of all rules, which match all of them."""
    entries = [
        entry
        for path in sorted(Path(recovery.policy.rules.__file__).parent.glob("*.yml"))
        for entry in pack_entries(path.read_text(encoding="utf-8"), path.name)
    ]
    lines = "\n".join(line for entry in entries for line in entry.examples.match).encode() + b"\n"
    return lines * (size // len(lines) + 1)


def utf16(size: int) -> bytes:
    """What PowerShell writes, with words of errors in it."""
    return ("error: Connection refused é✘\r\n" * (size // 60)).encode("utf-16")


KINDS: dict[str, Callable[[int], bytes]] = {
    "one line": repeated(b"error: Connection refused "),
    "one line of spaces": repeated(b" "),
    "error lines": repeated(b"error: x\n"),
    "matching lines": repeated(STAMP + b"##[error]curl: (56) Recv failure: Connection reset by peer\n"),
    "empty lines": repeated(b"\n"),
    "returns": repeated(b"\r"),
    "returns between matches": repeated(b"Segmentation fault (core dumped)\r"),
    "returns in lines": repeated(b"10%\r20%\rSegmentation fault (core dumped)\r\n"),
    "nested colours": repeated(b"\x1b[31m\x1b[\x1b[1;\x1b]0;"),
    "unfinished colours": repeated(b"\x1b[" + b"1;" * 500),
    "unfinished titles": repeated(b"\x1b]0;" + b"x" * 500 + b"\n"),
    "colours in lines": repeated(b"\x1b[31mSegm\x1b[0mentation fault\x1b[0m\n"),
    "groups": repeated(b"##[group]Run x\nshell: bash -e {0}\n##[endgroup]\nout\n"),
    "open groups": repeated(b"##[group]Run x\nshell: bash -e {0}\n"),
    "one open group": lambda size: b"##[group]Run x\n" + b"shell: bash -e {0}\n" * (size // 19),
    "nothing but zeros": repeated(b"\0"),
    "clean-ups that were none": repeated(b"Post job cleanup.\n##[error]Process completed with exit code 1.\n"),
    "random bytes": random_bytes,
    "random clues": random_clues,
    "every rule": every_rule,
    "utf-16": utf16,
    "columns": repeated(b"job\tstep\t" + STAMP + b"x\n"),
    "tabs": repeated(b"a\t20"),
    "nearly stamps": repeated(b"2030-01-02T03:04:05." + b"1" * 40),
    "a few letters": repeated(b"aA.aA.aA.aAError"),
    "numbers": repeated(b"  12:34  error  x\n  1) "),
}


def kept(kind: str, size: int) -> int:
    """Bytes of memory that it takes at most to read a log of some kind, beside the log."""
    log = JobLog(KINDS[kind](size))
    read_sections(log, builtin_rules())
    tracemalloc.start()
    try:
        read_sections(log, builtin_rules())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def seconds(kind: str, size: int) -> float:
    """How long it takes to read a log of some kind."""
    log = JobLog(KINDS[kind](size))
    began = time.process_time()
    read_sections(log, builtin_rules())
    return time.process_time() - began


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_linear_in_the_log(kind: str) -> None:
    """A byte of a log costs about the same, however long the log is."""
    small, large = seconds(kind, MEGABYTE // 4), seconds(kind, MEGABYTE)
    assert large / 4 < NEARLY * small + 0.01, (small, large)


@pytest.mark.parametrize(
    "kind", ["matching lines", "returns between matches", "groups", "one open group", "clean-ups that were none"]
)
def test_memory_does_not_grow_with_the_log(kind: str) -> None:
    """What is kept of a log is bounded: a few lines of each kind, and of its sections the first and the last."""
    assert kept(kind, MEGABYTE // 4) < kept(kind, MEGABYTE // 8) + MEGABYTE // 4


def test_utf16_is_transcoded_piecewise() -> None:
    """Of a log in UTF-16 there is one copy in UTF-8, and never the whole of it as text."""
    content = KINDS["utf-16"](8 * MEGABYTE)
    tracemalloc.start()
    decoded = decode(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * len(decoded) + 8 * MEGABYTE


def test_reading_a_log_takes_little_more_than_the_log() -> None:
    """A log that comes in chunks is held once."""
    tracemalloc.start()
    log = JobLog.from_chunks(b"x" * 65_535 + b"\n" for _ in range(200))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * len(log.content)


@pytest.mark.parametrize("limit", [10, 1000])
def test_cut_log_keeps_its_end_and_its_numbers(limit: int) -> None:
    """Of a log that is too long the end is kept, in whole lines that know their numbers."""
    lines = [b"line %d\n" % number for number in range(1, 500)]
    log = JobLog.from_chunks(lines, limit)
    assert log.truncated
    assert limit >= len(log.content) > 0
    assert b"".join(lines[log.first_line - 1 :]) == log.content


def test_huge_line_is_read_at_both_ends_only() -> None:
    """However long a line, no more than a chunk of it is looked at."""
    search = LogSearch([("boom", "boom")])
    content = b"boom" + b"x" * (4 * CHUNK) + b"boom" + b"x" * (4 * CHUNK) + b"boom\nboom\n"
    found = list(FoundLines(content, search))
    assert [0, 1] == [line.number for line in found]
    assert [b"boom", b"boom"] == [frame.text.strip(b"x") for frame in found[0].frames]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(((a{1,100}){1,100}){1,100})", "repetition"),
        ("(?:[a-z]{1,500}boom){1,9}", "repetition"),
        ("(?:ab|cd|ef|gh){900}boom", "steps"),
        ("(a", "missing )"),
        (r"(a)\1", "invalid escape"),
        ("(?=a)b", "invalid perl operator"),
        ("a*", "empty line"),
    ],
)
def test_bomb_is_refused_with_the_reason(pattern: str, says: str) -> None:
    """A pattern that would take much time or memory is refused before it is used."""
    assert says in (pattern_fault(pattern) or "")


def test_pattern_with_a_huge_automaton_takes_linear_time() -> None:
    """A pattern of which the automaton has millions of states is still linear: states are forgotten in time."""
    search = LogSearch([("boom", "(?:a|b)*a(?:a|b){18}boom")])
    assert pattern_fault("(?:a|b)*a(?:a|b){18}boom") is None
    chance = random.Random(5)  # noqa: S311
    line = bytes(chance.choices(b"ab", k=60)) + b" boom\n"
    small, large = line * 2000, line * 8000
    times = []
    for content in (small, small, large):
        began = time.process_time()
        list(FoundLines(content, search))
        times.append(time.process_time() - began)
    assert times[2] / 4 < NEARLY * times[1] + 0.01

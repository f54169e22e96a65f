"""The log reader: every encoding and shape of a log, and a prefilter that never hides a match."""

from __future__ import annotations

import random

import pytest

from recovery.models.log import JobLog
from recovery.policy.log_reader import CHUNK, FoundLine, clean, decode, find_lines
from recovery.policy.log_sections import read_sections
from recovery.policy.patterns import PatternSet
from recovery.policy.rules.loader import builtin_rules
from recovery.policy.rules.model import Phase

BOOM = PatternSet([("boom", r"^boom: \d+$"), ("word", r"bang")])
STAMP = b"2030-01-02T03:04:05.1234567Z "


def found(content: bytes, patterns: PatternSet = BOOM) -> list[FoundLine]:
    """The lines found in a log, as a list."""
    return list(find_lines(decode(content), patterns))


@pytest.mark.parametrize(
    "line",
    [
        b"boom: 1",
        STAMP + b"boom: 1",
        STAMP + b"boom: 1\r",
        b"\xef\xbb\xbf" + STAMP + b"boom: 1",
        STAMP + b"\x1b[31mbo\x1b[0mom\x1b[1m: 1\x1b[0m",
        STAMP + b"\x1b[1m##[error]boom: 1",
        STAMP + b"##[error]boom: 1",
        b"test (3.12)\tRun tests\t" + STAMP + b"boom: 1",
        b"test\tRun tests\t\xef\xbb\xbf" + STAMP + b"boom: 1",
        STAMP + b" 10%\r 20%\rboom: 1\rdone",
        b"b\0o\0o\0m\0: 1",
        b"03:04:05 boom: 1",
        b"\x1b]0;title\x07boom: 1",
    ],
)
def test_line_is_found_under_its_wrapping(line: bytes) -> None:
    """Stamps, colours, columns, NULs, levels and progress bars do not hide what a line says."""
    lines = found(b"a\n" + line + b"\nb\n")
    assert [(hit.number, hit.frames[0].text) for hit in lines] == [(1, b"boom: 1")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_other_encodings(encoding: str) -> None:
    """A log with a byte order mark is read by it."""
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    content = mark + "boom: 1\r\nb\u00e9b\u00e9\r\nboom: 2\r\n".encode(encoding)
    assert [hit.number for hit in found(content)] == [0, 2]


def test_invalid_utf8_does_not_hide_a_match() -> None:
    """Bytes that are no text are bytes like any other."""
    assert [hit.number for hit in found(b"\xff\xfd\x80\n\xc3bang\xff\n")] == [1]


def test_level_of_a_line() -> None:
    """The runner's mark of a line is told apart from what the line says."""
    levels = [hit.level for hit in found(b"##[error]bang\n##[warning]bang\nbang\n##[command]bang\n")]
    assert levels == ["error", "warning", "", "command"]


@pytest.mark.parametrize("shift", [0, 1, 3, 7, 8, 9])
def test_line_at_the_border_of_a_chunk(shift: int) -> None:
    """A line that would lie across two chunks is read whole, and counted once."""
    head = b"x" * (CHUNK - shift - 1) + b"\n"
    assert [hit.number for hit in found(head + b"boom: 1\n" + b"y\n" * CHUNK + b"boom: 2")] == [1, CHUNK + 2]


def test_huge_line_is_examined_at_both_ends() -> None:
    """Of a line of many megabytes both ends are read, and the lines after it keep their numbers."""
    lines = found(b"a\n" + b"bang " + b"z" * 5_000_000 + b" bang\nboom: 1\n")
    assert [hit.number for hit in lines] == [1, 2]
    assert sum(len(frame.text) for frame in lines[0].frames) <= CHUNK


def test_million_carriage_returns() -> None:
    """A progress bar of a million frames costs no more than its two ends."""
    lines = found(b"\r".join(b"%d%%" % number for number in range(1_000_000)) + b"\rboom: 1\n")
    assert [frame.text for frame in lines[0].frames] == [b"boom: 1"]


def _plain_scan(content: bytes, patterns: PatternSet) -> list[tuple[int, tuple[tuple[bytes, frozenset[str]], ...]]]:
    """What the reader must find: every line cleaned by itself, every pattern tried by itself."""
    result = []
    for number, line in enumerate(content.split(b"\n")):
        frames = clean(line).split(b"\r")
        hits = tuple((text, names) for text in frames if (names := patterns.names_in_one_by_one(text)))
        if hits:
            result.append((number, hits))
    return result


_PIECES = (
    STAMP, b"\x1b[31m", b"\x1b[0m", b"\x1b[", b"\x1b", b"\r", b"\0", b"\xff", b"\xc3",
    b"caf\xc3\xa9", b"\t", b" ", b"##[error]", b"##[group]Run x", b"##[endgroup]", b"E   x",
    b"FAILED a::b", b"error: RPC failed; curl 56", b"error TS2339:", b"npm ERR! code E404",
    b"--- FAIL: T (0.1s)", b"exit code 137", b"Killed", b"a.py:1: error: x", b"2 failing",
    b"12 passed", b"Connection reset by peer", b"x", b"\xef\xbb\xbf", b"job\tstep\t", b"03:04:05 ",
)  # fmt: skip


def _random_log(chance: random.Random) -> bytes:
    lines = []
    for _ in range(chance.randint(1, 60)):
        lines.append(b"".join(chance.choices(_PIECES, k=chance.randint(0, 5))))
    return b"\n".join(lines) + chance.choice((b"", b"\n", b"\r\n"))


def test_chunked_search_equals_a_plain_scan() -> None:
    """On hundreds of random logs, many lines at once find exactly what each line and pattern finds alone."""
    patterns = PatternSet(builtin_rules().patterns())
    chance = random.Random(20300102)  # noqa: S311
    for _ in range(300):
        content = _random_log(chance)
        got = [(hit.number, tuple(hit.frames)) for hit in find_lines(content, patterns)]
        assert got == _plain_scan(content, patterns), content


def test_every_example_is_found_in_the_middle_of_a_log() -> None:
    """No example line of any rule gets lost among the lines around it, coloured and stamped."""
    rules = builtin_rules()
    patterns = PatternSet(rules.patterns())
    for rule in rules.rules:
        for example in rule.examples.match:
            content = b"before\n" * 2000 + example.encode() + b"\x1b[0m\nafter\n" * 2000
            names = {name for hit in find_lines(content, patterns) for frame in hit.frames for name in frame.names}
            assert rule.id in names, example


def test_sections_know_their_phase() -> None:
    """Set-up, steps and clean-up are told apart, and the runner's own end is seen."""
    content = (
        b"Current runner version\n##[group]Run make\nshell: bash\n##[endgroup]\nout\n##[error]bad\n"
        b"Post job cleanup.\nCleaning up orphan processes\n"
    )
    reading = read_sections(JobLog(content=content), builtin_rules())
    assert [section.phase for section in reading.sections] == [Phase.SETUP, Phase.STEP, Phase.POST]
    assert [section.title for section in reading.failed_sections] == ["Run make"]
    assert reading.finished
    assert reading.last_line == 8


def test_million_equal_errors_keep_memory_small() -> None:
    """A flood of one line leaves its first and its last, not itself."""
    reading = read_sections(JobLog(content=b"error: x\n" * 20_000), builtin_rules())
    hits = reading.sections[0].hits
    assert len(hits) <= 4
    assert (hits[0].line, hits[-1].line) == (1, 20_000)


def test_group_cut_off_by_an_error_is_output() -> None:
    """A group that never ends does not swallow the rest of the log."""
    content = b"##[group]Run make\nshell: bash\nFAILED a.py::b\n##[error]bad\n"
    reading = read_sections(JobLog(content=content), builtin_rules())
    assert [hit.line for hit in reading.failed_sections[0].hits] == [3]

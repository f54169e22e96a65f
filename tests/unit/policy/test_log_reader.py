"""The log reader: every encoding and shape of a log, and a prefilter that never hides a match."""

from __future__ import annotations

from pathlib import Path

import pytest

import recovery.policy.rules
from recovery.models.log import JobLog
from recovery.policy.logs.chunks import CHUNK
from recovery.policy.logs.framing import clean, decode
from recovery.policy.logs.known import known_clues
from recovery.policy.logs.reader import FoundLine, FoundLines
from recovery.policy.logs.search import LogSearch
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.model import Phase
from recovery.policy.rules.pack import pack_entries
from recovery.policy.sections import read_sections

BOOM = LogSearch([("boom", r"^boom: \d+$"), ("word", r"bang")])
STAMP = b"2030-01-02T03:04:05.1234567Z "


def found(content: bytes, search: LogSearch = BOOM) -> list[FoundLine]:
    """The lines found in a log, as a list."""
    return list(FoundLines(decode(content), search))


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
        STAMP + b"^[[31mboom^[[0m: 1",
        STAMP + b"^[[1;31m^[[Kboom: 1",
        STAMP + b"#12 3.456 ##[error]boom: 1",
        STAMP + b"#12 3.456 boom: 1",
        STAMP + b"filebeat-1       | boom: 1",
        b"2030-01-02T03:04:05Z 01O boom: 1",
        STAMP + b"00E+boom: 1",
    ],
)
def test_line_is_found_under_its_wrapping(line: bytes) -> None:
    """Stamps, colours, columns, NULs, levels and progress bars do not hide what a line says."""
    lines = found(b"a\n" + line + b"\nb\n")
    assert [(hit.number, hit.frames[0].text) for hit in lines] == [(1, b"boom: 1")]


def test_pattern_that_looks_like_a_colour_is_text() -> None:
    """Only what colours and clears a line is taken off where control characters are made visible."""
    assert b"error: ^[[:digit:]]+ and ^[[a-z] match nothing" == clean(
        b"^[[31merror: ^[[:digit:]]+ and ^[[a-z] match nothing^[[0m"
    )


def test_container_is_no_runner() -> None:
    """Who passed a line on is told, and that is no mark of the runner."""
    lines = found(b"#1 0.5 ##[error]bang\nweb-1 | ##[warning]bang\n##[error]bang\n")
    assert [("", True), ("warning", True), ("error", False)] == [(line.level, line.relayed) for line in lines]


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


def test_every_example_is_found_in_the_middle_of_a_log() -> None:
    """No example line of any rule gets lost among the lines around it, coloured and stamped."""
    rules = builtin_rules()
    search = LogSearch(rules.patterns(), known_clues())
    searched = {name for name, _ in search.pairs}
    for path in sorted(Path(recovery.policy.rules.__file__).parent.glob("*.yml")):
        for entry in pack_entries(path.read_text(encoding="utf-8"), path.name):
            for example in entry.examples.match if entry.id in searched else ():
                wrapped = b"\n".join(STAMP + b"\x1b[1m" + line for line in example.encode().split(b"\n"))
                content = b"before\n" * 200 + wrapped + b"\x1b[0m\nafter\n" * 200
                names = {name for hit in FoundLines(content, search) for frame in hit.frames for name in frame.names}
                assert entry.id in names, example


def test_sections_know_their_phase() -> None:
    """Set-up, steps and clean-up are told apart, and the runner's own end is seen."""
    content = (
        b"Current runner version\n##[group]Run make\nshell: bash -e {0}\n##[endgroup]\nout\n##[error]bad\n"
        b"Post job cleanup.\nCleaning up orphan processes\n"
    )
    reading = read_sections(JobLog(content=content), builtin_rules())
    assert [section.phase for section in reading.sections] == [Phase.SETUP, Phase.STEP, Phase.POST]
    assert [section.title for section in reading.failed_sections] == ["Run make"]
    assert reading.finished
    assert reading.last_line == 8


def test_million_equal_errors_keep_memory_small() -> None:
    """A flood of one line leaves its first and its last, not itself."""
    reading = read_sections(JobLog(content=b"Segmentation fault (core dumped)\n" * 20_000), builtin_rules())
    hits = reading.sections[0].hits
    assert len(hits) <= 4
    assert (hits[0].line, hits[-1].line) == (1, 20_000)


def test_group_cut_off_by_an_error_is_output() -> None:
    """A group that never ends does not swallow the rest of the log."""
    content = b"##[group]Run make\nshell: bash -e {0}\nFAILED a.py::b\n##[error]bad\n"
    reading = read_sections(JobLog(content=content), builtin_rules())
    assert [hit.line for hit in reading.failed_sections[0].hits] == [3]

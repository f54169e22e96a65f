"""What the last green log says too is no news; a changed result is."""

from __future__ import annotations

import codecs

import pytest

from recovery.models.log import JobLog
from recovery.policy.logs.baseline import Baseline
from recovery.policy.logs.framing import decode

GREEN = b"""\
2030-01-01T10:00:00.1000000Z Fetched 12 packages in 3.1s
2030-01-01T10:00:01.1000000Z build 4f1c2ab9 at /tmp/pytest-1/x
2030-01-01T10:00:02.1000000Z 0 failed, 8 passed
2030-01-01T10:00:03.1000000Z done
"""
RED = b"""\
2031-07-08T22:10:00.7654321Z Fetched 13 packages in 980 ms
2031-07-08T22:10:01.7654321Z \n\
2031-07-08T22:10:02.7654321Z build deadbeef01 at /tmp/pytest-2/y
2031-07-08T22:10:03.7654321Z FAILED test_total
2031-07-08T22:10:04.7654321Z 1 failed, 7 passed
2031-07-08T22:10:05.7654321Z done
"""


def _new(green: bytes, red: bytes, first: int = 0, last: int = 99) -> list[int]:
    return Baseline(JobLog(content=green)).new_lines(decode(red), first, last)


def test_only_what_the_green_log_does_not_say_is_new() -> None:
    """Times, numbers, hashes, places and blank lines are no news; a failure is, and so is a changed result."""
    assert _new(GREEN, RED) == [3, 4]


@pytest.mark.parametrize(("first", "last", "expected"), [(0, 2, []), (4, 9, [4]), (3, 3, [3]), (7, 9, [])])
def test_only_the_lines_asked_for_are_told(first: int, last: int, expected: list[int]) -> None:
    """Numbers count from 0, and both ends are included."""
    assert _new(GREEN, RED, first, last) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_either_log_may_be_in_another_encoding(encoding: str) -> None:
    """PowerShell's logs are compared with others all the same."""
    assert _new(GREEN.decode().encode(encoding), RED) == [3, 4]
    assert _new(GREEN, RED.decode().encode(encoding)) == [3, 4]
    assert codecs.lookup(encoding).name.startswith("utf")


def test_one_line_is_known_or_not() -> None:
    """A cleaned line, as evidence has it, is looked up like any other."""
    baseline = Baseline(JobLog(content=GREEN))
    lines = [b"done", b"", b"Fetched 99 packages in 7s", b"1 failed, 7 passed", b"FAILED test_total"]
    assert [baseline.knows(line) for line in lines] == [True, True, True, False, False]


def test_an_error_mark_is_news() -> None:
    """The same words are news when the runner calls them an error now."""
    assert _new(b"cannot reach it\n", b"##[error]cannot reach it\n") == [0]
    assert _new(b"##[error]cannot reach it\n", b"##[error]cannot reach it\n") == []


def test_frames_of_a_progress_bar_are_known_one_by_one() -> None:
    """How many of its frames a bar got to show differs from run to run."""
    assert _new(b"load 10%\rload 55%\rloaded\n", b"load 3%\rloaded\n") == []
    assert _new(b"load 10%\rloaded\n", b"load 3%\rbroke\n") == [0]


def test_lines_keep_their_numbers_over_many_chunks() -> None:
    """A log of many chunks, with a line longer than any, is counted like a small one."""
    common = b"".join(b"compiled module %d of the shop\n" % number for number in range(20_000))
    long = b"x" * 300_000 + b"\n"
    assert _new(common + long, common + long + b"broken\n" + common, 0, 10**9) == [20_001]


def test_a_truncated_green_log_is_taken_as_it_is() -> None:
    """What was cut off counts as never said."""
    log = JobLog(content=b"end\n", first_line=400, truncated=True)
    assert Baseline(log).new_lines(b"begin\nend\n", 0, 9) == [0]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A green log of which no two lines are alike is remembered in part."""
    monkeypatch.setattr("recovery.policy.logs.baseline._MOST", 100)
    words = [f"{one}{two}{three}" for one in "ghijk" for two in "lmnop" for three in "qrstuvwxyz"]
    content = "\n".join(word * 400 for word in words).encode()
    new = _new(content, content, 0, 10**9)
    assert 0 < len(new) < len(words)

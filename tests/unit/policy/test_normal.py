"""What differs between two runs of the same job is taken out; what the runs say is not."""

from __future__ import annotations

import random

import pytest

from recovery.policy.logs.normal import normal, normalise

SAME = [
    ("took 3.5s", "took 12 ms"),
    ("took 1m 20s", "took 55s"),
    ("at 2030-01-02T03:04:05.123Z", "at 2031-11-12T13:14:15.987Z"),
    ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-4000-8000-00000000000f"),
    ("commit deadbeef12", "commit 0123456789abcdef0123456789abcdef01234567"),
    ("in /home/runner/work/a/a/src/cart.py:12", "in /Users/me/shop/src/cart.py:40"),
    (r"in D:\a\shop\shop\cart.py", r"in C:\work\cart.py"),
    ("wrote /tmp/tmpx91ab/out", "wrote /tmp/pytest-of-me/pytest-3/out"),
    ("connect 127.0.0.1:5432", "connect 10.1.22.3:61234"),
    ("pointer 0xdeadbeef", "pointer 0x1"),
    ("a   b\tc", "a b c"),
]


@pytest.mark.parametrize(
    ("one", "two"), [*SAME, ("17 of 300 failed", "2 of 9 failed"), ("at 03:04:05", "at 23:59:59.999")]
)
def test_what_changes_between_runs_does_not_count(one: str, two: str) -> None:
    """Times, durations, hashes, places, addresses and numbers are dropped."""
    assert normalise(one) == normalise(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        *SAME,
        ("17 of 300 failed", "2 of 9 failed"),
        ("Sun, 03 May 2030", "Mon, 14 Dec 2031"),
        ("fetched 980 kB at 1.2 MB/s", "fetched 1.1 MB at 870 kB/s"),
        ("installed left-pad 1.2", "installed left-pad 1.2.3"),
        (" 7% done", "100% done"),
        ("500 passed", "7 passed"),
        ("exit code 1", "exit code 2"),
    ],
)
def test_lines_of_two_runs_are_the_same(one: str, two: str) -> None:
    """In bulk the same is dropped; results differ only as zero and not zero."""
    assert normal(one.encode()) == normal(two.encode())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Tests run: 7, Failures: 1", "Tests run: 7, Failures: 0"),
        ("0 failed, 8 passed", "1 failed, 8 passed"),
        ("0 failed", "10 failed"),
        ("Process completed with exit code 1", "Process completed with exit code 0"),
        ("exited with 1", "exited with 0"),
        ("3 problems (0 errors, 3 warnings)", "3 problems (2 errors, 1 warnings)"),
        ("# fail 1", "# fail 0"),
        ('<testsuite errors="1">', '<testsuite errors="0">'),
        ("0 tests failed out of 9", "2 tests failed out of 9"),
        ("test_total PASSED", "test_total FAILED"),
        ("7 passed", "7 failed"),
        ("in /src/cart.py", "in /src/shop.py"),
    ],
)
def test_another_result_is_another_line(one: str, two: str) -> None:
    """What says that something failed is never taken for what says that nothing did."""
    assert normal(one.encode()) != normal(two.encode())


@pytest.mark.parametrize("seed", range(20))
def test_lines_and_frames_stay_apart(seed: int) -> None:
    """However odd the bytes, a chunk has as many lines and frames after as before, and each is what it is alone."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    parts = [
        b"\n",
        b"\r",
        b" ",
        b"1",
        b"0x1f",
        b"/tmp/a",
        b"/a/b/",
        b"3 failed",
        b"2 s",
        b"\xff\xfe",
        b"errors: ",
        b"\x0b",
    ]
    text = b"".join(chance.choices(parts, k=400))
    lines = text.split(b"\n")
    assert normal(text).split(b"\n") == [normal(line) for line in lines]
    assert [line.count(b"\r") for line in normal(text).split(b"\n")] == [line.count(b"\r") for line in lines]

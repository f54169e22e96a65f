"""A failure keeps its signature from run to run."""

from __future__ import annotations

import pytest

from recovery.models.verdict import FailureClass
from recovery.policy.fingerprint import fingerprint, normalise

LINT = FailureClass.LINT


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("took 3.5s", "took 12 ms"),
        ("took 1m 20s", "took 55s"),
        ("at 2030-01-02T03:04:05.123Z", "at 2031-11-12T13:14:15Z"),
        ("at 03:04:05", "at 23:59:59.999"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-4000-8000-00000000000f"),
        ("commit deadbeef12", "commit 0123456789abcdef0123456789abcdef01234567"),
        ("in /home/runner/work/a/a/src/cart.py:12", "in /Users/me/shop/src/cart.py:40"),
        (r"in D:\a\shop\shop\cart.py", r"in C:\work\cart.py"),
        ("wrote /tmp/tmpx91ab/out", "wrote /tmp/pytest-of-me/pytest-3/out"),
        ("connect 127.0.0.1:5432", "connect 10.1.22.3:61234"),
        ("pointer 0xdeadbeef", "pointer 0x1"),
        ("17 of 300 failed", "2 of 9 failed"),
        ("a   b\tc", "a b c"),
    ],
)
def test_what_changes_between_runs_does_not_count(one: str, two: str) -> None:
    """Times, durations, hashes, places, addresses and numbers are dropped."""
    assert normalise(one) == normalise(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("FAILED tests/test_cart.py::test_total", "FAILED tests/test_cart.py::test_tax"),
        ("in /src/cart.py", "in /src/shop.py"),
        ("cannot find name 'total'", "cannot find name 'tax'"),
    ],
)
def test_what_names_the_failure_counts(one: str, two: str) -> None:
    """Two failures of different things are two failures."""
    assert fingerprint(LINT, one) != fingerprint(LINT, two)


def test_class_job_and_step_count() -> None:
    """The same line elsewhere, or of another class, is another failure."""
    prints = {
        fingerprint(LINT, "x", "job", "step"),
        fingerprint(LINT, "x", "job", "other"),
        fingerprint(LINT, "x", "other", "step"),
        fingerprint(FailureClass.NETWORK, "x", "job", "step"),
    }
    assert len(prints) == 4


def test_fingerprint_is_pinned() -> None:
    """Signatures are stored, so that a change of their making must be deliberate."""
    value = fingerprint(LINT, "took 3s", "job", "step")
    assert len(value) == 16
    assert value == fingerprint(LINT, "took 4s", "job", "step")

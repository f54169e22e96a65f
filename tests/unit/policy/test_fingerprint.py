"""A failure keeps its signature from run to run."""

from __future__ import annotations

import pytest

from recovery.models.verdict import FailureClass
from recovery.policy.fingerprint import fingerprint

LINT = FailureClass.LINT


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

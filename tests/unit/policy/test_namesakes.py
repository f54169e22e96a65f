"""Which display names a job of a key may have, and when the key does not tell which of the jobs it is."""

from __future__ import annotations

import pytest

from recovery.policy.namesakes import names_of_key, rivals


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("test", "lint"), ()),
        (("test (1)", "test (2)", "test", "a / lint", "b / lint"), ()),
        (("a / test (1)", "a / test (2, x / y)"), ()),
        (("a / test", "b / test"), ("a / test", "b / test")),
        (("a / test (1)", "b / test (2)"), ("a / test", "b / test")),
        (("test", "b / test"), ("b / test", "test")),
        (("call (1) / test", "call (2) / test"), ("call (1) / test", "call (2) / test")),
        (("a / b / test", "a / c / test"), ("a / b / test", "a / c / test")),
        (("testing", "a / testing", "latest", "a/test"), ()),
        (("All tests", "Lint"), ()),
        (("a / All tests", "a / Lint"), ()),
        (("a / All tests", "b / All tests", "b / Lint"), ("a / All tests", "b / All tests")),
        ((), ()),
    ],
)
def test_rivals_are_what_the_key_does_not_tell_apart(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Legs of one matrix are told apart by their manifests; callers of one workflow by nothing but ids."""
    assert expected == rivals("test", names)


def test_key_is_no_pattern() -> None:
    """Whatever is in it stands for itself."""
    assert {"t.st (1)": "t.st"} == names_of_key("t.st", ("test", "t.st (1)", "t.st(1)", "xt.st"))

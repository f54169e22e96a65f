"""The tree of deliberate errors: a code each, and a hint where there is something to change."""

from __future__ import annotations

from collections import Counter

import pytest

from recovery import errors
from recovery.errors import RecoveryError, error_classes

CODES = {
    "InputError": 3,
    "NotFoundError": 4,
    "StateError": 5,
    "HalfRestored": 5,
    "ForgeError": 8,
    "AuthenticationError": 6,
    "ForgeRefused": 7,
    "RunActive": 7,
    "ArtifactDamaged": 7,
    "AlreadyUnderWay": 7,
    "ForgeUnavailable": 8,
    "ListWithoutEnd": 8,
    "AmbiguousEffect": 8,
    "RateLimited": 9,
    "StrategyUnavailable": 10,
    "DeadlineExceeded": 11,
    "CheckpointRejected": 12,
    "UnknownSchema": 12,
    "RehearsalError": 13,
    "OnHold": 14,
}


def test_codes_are_stable() -> None:
    """Scripts rely on the codes."""
    assert CODES == {error.__name__: error.exit_code for error in error_classes()}


def test_no_error_ends_like_success_our_own_bug_or_wrong_usage() -> None:
    """0, 1 and 2 mean something else."""
    assert set() == {error.exit_code for error in error_classes()} & {0, 1, 2}


def test_only_kinds_of_one_error_share_a_code() -> None:
    """Of the errors with one code all are kinds of one, which took the code first."""
    first = Counter(error.exit_code for error in error_classes() if error.__base__.exit_code != error.exit_code)

    assert {1} == set(first.values())


def test_tree_in_the_docstring_is_the_tree() -> None:
    """What people read first names every class with its code."""
    text = errors.__doc__ or ""
    missing = [error.__name__ for error in error_classes() if error.__name__ not in text]
    assert [] == missing
    assert [] == [
        name
        for name, code in CODES.items()
        if name != "ForgeError" and not any(name in line and f" {code} " in line for line in text.splitlines())
    ]


def test_every_error_has_a_sentence_for_the_exit_code_table() -> None:
    """The table in `--help` is made of these."""
    assert [] == [error.__name__ for error in error_classes() if not (error.__doc__ or "").endswith(".")]


@pytest.mark.parametrize("error_class", list(error_classes()))
def test_error_carries_message_and_hint(error_class: type[RecoveryError]) -> None:
    """A hint given outweighs the class's own."""
    error = error_class("it broke", hint="mend it")

    assert ("it broke", "it broke", "mend it") == (str(error), error.message, error.hint)
    assert error_class.default_hint == error_class("it broke").hint


def test_refusal_and_limit_carry_their_numbers() -> None:
    """What callers decide on is data, not text."""
    assert (403, 3.0) == (
        errors.ForgeRefused("no", status=403).status,
        errors.RateLimited("wait", retry_after=3.0).retry_after,
    )

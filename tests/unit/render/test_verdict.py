"""A verdict as people read it: the cause, why, what would be done, and the lines of the log that prove it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.models.records import MOST_FAILED_TESTS
from recovery.models.verdict import Evidence, FailureClass, Retryable, Verdict
from recovery.render.lines import plain_text
from recovery.render.verdict import TESTS_SHOWN, failure_lines, verdict_lines
from tests import builders as make
from tests.unit.render.samples import hostile_text

STEERS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")

LOG = {
    1040: "Collecting requests==2.32.3",
    1041: "  Downloading requests-2.32.3-py3-none-any.whl (64 kB)",
    1042: "curl: (6) Could not resolve host: pypi.org",
    1099: "##[error]Process completed with exit code 6.",
}


def verdict(**over: Any) -> Verdict:
    """A name that could not be resolved, which a second try should clear."""
    fields: dict[str, Any] = {
        "failure_class": FailureClass.NETWORK,
        "retryable": Retryable.YES,
        "confidence": 0.9,
        "evidence": (
            Evidence(line=1042, text="curl: (6) Could not resolve host: pypi.org", rule="curl-dns"),
            Evidence(line=1099, text="Process completed with exit code 6.", rule="generic-tail"),
        ),
        "excerpt": ((1040, 1042), (1099, 1099)),
        "reason": "A host name could not be resolved.",
        "strategy": "retry",
    }
    return Verdict(**fields | over)


REAL = verdict(
    failure_class=FailureClass.TEST_FAILURE,
    retryable=Retryable.NO,
    evidence=(Evidence(line=4, text="FAILED tests/test_sum.py::test_sum - assert 3 == 4", rule="pytest-failed"),),
    excerpt=((4, 4),),
    reason="A Python test failed.",
    strategy="none",
    failed_tests=tuple(f"tests/test_sum.py::test_sum[{number}]" for number in range(TESTS_SHOWN + 2)),
)
NOT_SAID = "The job failed, but no line of its log says why in words this program knows."
NOT_KNOWN = verdict(
    failure_class=FailureClass.UNKNOWN, retryable=Retryable.NO, evidence=(), reason=NOT_SAID, strategy="none"
)
NONE = verdict(failure_class=FailureClass.NO_FAILURE, retryable=Retryable.NO, evidence=(), excerpt=())


@pytest.mark.parametrize(
    ("name", "shown", "log"),
    [
        ("passing", verdict(), LOG),
        ("doubtful", verdict(retryable=Retryable.MAYBE, confidence=0.7), LOG),
        ("real", REAL, {4: "FAILED tests/test_sum.py::test_sum - assert 3 == 4"}),
        ("unknown", NOT_KNOWN, {1099: LOG[1099]}),
        ("no-failure", NONE, {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdicts_read_as_agreed(
    golden: Callable[[str, str], None], name: str, shown: Verdict, log: dict[int, str]
) -> None:
    """Each kind of answer, as in its golden text."""
    golden(f"verdict/{name}.txt", plain_text(verdict_lines("build.log", shown, log)))


def test_without_the_log_the_evidence_is_shown() -> None:
    """Where no lines of the log are at hand, the evidence speaks alone, best first."""
    lines = verdict_lines("build.log", verdict(evidence=tuple(reversed(verdict().evidence))))

    quoted = [line.text.split("|")[0].strip() for line in lines if line.style == "quote"]
    assert ["1099", "1042"] == quoted


def test_evidence_outside_of_the_excerpt_is_shown() -> None:
    """What proves it is never left out, whatever the excerpt holds."""
    lines = verdict_lines("build.log", verdict(), {1040: LOG[1040]})

    assert ["  > 1042", "  > 1099"] == [line.text.split(" | ")[0].replace("   ", " ") for line in lines[-3::2]]


def test_lines_are_styled_by_what_they_tell() -> None:
    """The cause is coloured by what it means, proof stands out, and its surroundings step back."""
    styles = [line.style for line in verdict_lines("build.log", verdict(), LOG)]

    assert ["good", "info", "info", "faint", "faint", "quote", "faint", "quote"] == styles
    assert "bad" == verdict_lines("build.log", REAL)[0].style
    assert "info" == verdict_lines("build.log", verdict(retryable=Retryable.MAYBE))[0].style


def test_a_maybe_that_calls_for_nothing_suggests_nothing() -> None:
    """A doubtful cause of a kind that no second try mends is left to people without a suggestion."""
    deed = verdict_lines("build.log", verdict(retryable=Retryable.MAYBE, strategy="none"))[2].text

    assert "left to people" in deed
    assert "suggested" not in deed


def test_only_the_first_failed_tests_are_named() -> None:
    """Of many failed tests ten are named, and the others counted."""
    texts = [line.text.strip() for line in verdict_lines("build.log", REAL)]

    assert TESTS_SHOWN == len([text for text in texts if text.startswith("tests/")])
    assert "and 2 more" in texts


def test_failed_job_names_its_tests_and_what_could_not_be_seen() -> None:
    """A failed job of a run tells as much as a log does, and what was to be looked at besides and could not be."""
    note = "the baseline could not be read: HTTP 404"
    failure = make.make_failure(failed_tests=("test_sum",), notes=(note,), log_problem="HTTP 410")

    texts = [line.text.strip() for line in failure_lines(failure)]

    assert ["Failed tests:", "test_sum"] == texts[2:4]
    assert ["its log could not be read: HTTP 410", note] == texts[-2:]


def test_tests_that_a_failure_was_cut_to_are_counted_as_a_lower_bound() -> None:
    """A failure keeps the first of its tests only, so that nobody knows how many more there were."""
    failure = make.make_failure(failed_tests=tuple(f"test_{number}" for number in range(MOST_FAILED_TESTS)))

    texts = [line.text.strip() for line in failure_lines(failure)]

    assert f"and at least {MOST_FAILED_TESTS - TESTS_SHOWN} more" in texts


@given(hostile_text, st.integers(min_value=1, max_value=9))
def test_strangers_words_cannot_steer_a_terminal(text: str, number: int) -> None:
    """Whatever a log, a file name or a test's name holds, each line is one line of visible text."""
    evidence = (Evidence(line=3, text=text, rule="a-rule"),)
    shown = verdict(evidence=evidence, reason=text, failed_tests=(text,))

    lines = verdict_lines(text, shown, {number: text})

    assert [] == [line.text for line in lines if STEERS.search(line.text)]

"""Why a verdict is what it is, for people and for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given

from recovery.models.verdict import Explanation, FailureClass, Finding, Retryable, Verdict
from recovery.render.explanation import explanation_document, explanation_lines
from recovery.render.lines import plain_text
from tests.unit.render.samples import hostile_text

STEERS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")


def finding(**over: Any) -> Finding:
    """A failed test, on which one rule matched."""
    fields: dict[str, Any] = {
        "line": 103,
        "text": "FAILED tests/test_sum.py::test_sum",
        "rule": "pytest-failed",
        "failure_class": FailureClass.TEST_FAILURE,
        "confidence": 0.92,
        "score": 0.92,
    }
    return Finding(**fields | over)


WARNED = finding(
    line=7,
    text="npm warn ERR_SOCKET_TIMEOUT",
    rule="npm-network",
    failure_class=FailureClass.NETWORK,
    confidence=0.88,
    score=0.42,
    notes=("it is a warning", "the step went on for 96 lines"),
)
FAILED = finding()
VERDICT = Verdict(FailureClass.TEST_FAILURE, Retryable.NO, 0.92)
WON = Explanation(VERDICT, (WARNED, FAILED), FAILED, "it is the first of the most convincing lines (0.92)")
LOST = Explanation(Verdict(FailureClass.UNKNOWN, Retryable.NO, 0.0), (), None, "the log could not be read")


def test_an_explanation_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """Every line with its rule, what it counted for and why, as in the golden text; the winner is marked."""
    golden("verdict/explained.txt", plain_text(explanation_lines(WON)))


def test_nothing_found_is_said() -> None:
    """Without a single match the explanation says so, and why the verdict is what it is."""
    assert [
        "    Why this: the log could not be read.",
        "    No rule matched a line that may say why the job failed.",
    ] == [line.text for line in explanation_lines(LOST)]


def test_machines_get_the_same() -> None:
    """The document has all that people are shown, and the text of each line."""
    document = json.loads(json.dumps(explanation_document(WON)))

    assert ["why", "winner", "findings"] == list(document)
    assert {"line": 103, "rule": "pytest-failed"} == document["winner"]
    assert {
        "line": 7,
        "text": "npm warn ERR_SOCKET_TIMEOUT",
        "rule": "npm-network",
        "class": "network",
        "confidence": 0.88,
        "score": 0.42,
        "notes": ["it is a warning", "the step went on for 96 lines"],
    } == document["findings"][0]
    assert explanation_document(LOST)["winner"] is None


@given(hostile_text)
def test_strangers_words_cannot_steer_a_terminal(text: str) -> None:
    """A user's rule may be called anything; each line is one line of visible text."""
    found = finding(text=text, rule=text, notes=(text,))

    lines = explanation_lines(Explanation(VERDICT, (found,), found, text))

    assert [] == [line.text for line in lines if STEERS.search(line.text)]

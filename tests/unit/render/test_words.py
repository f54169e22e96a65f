"""Decisions in words."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import Reason, ReasonId
from recovery.models.verdict import FailureClass
from recovery.render import words
from recovery.render.words import TERMINAL, Stage
from tests.builders import later
from tests.unit.render.samples import cleared, left_red, make_document, make_failed, rerunning

AFTER = "a network failure in `build (3.11)`"


def reason(reason_id: ReasonId) -> tuple[Reason, ...]:
    """One reason with some text."""
    return (Reason(id=reason_id, text="because"),)


@pytest.mark.parametrize(
    ("over", "stage", "headline", "outcome"),
    [
        ({"outcome": "cleared", "settled_attempt": 2}, Stage.CLEARED,
         "✅ CI recovered: attempt 2 passed after a network failure", "✅ attempt 2 passed"),
        ({"outcome": "still-failing", "reran": True}, Stage.FAILED_AGAIN,
         f"🛑 CI is still red: attempt 2 failed too, after {AFTER}", "🛑 attempt 2 failed too"),
        ({"outcome": "not-rerun"}, Stage.NOT_RERUN, f"⚠️ CI was not re-run after {AFTER}", "⚠️ not re-run"),
        ({"outcome": "unknown"}, Stage.UNMEASURED,
         f"❔ CI: it is not known what became of the second try after {AFTER}", "❔ not known"),
        ({"reran": True}, Stage.RERUNNING, f"🔁 CI is being re-run after {AFTER}", "🔁 being re-run"),
        ({"status": "failed"}, Stage.REFUSED, f"⚠️ CI could not be re-run after {AFTER}", "⚠️ could not be re-run"),
        ({"status": "in_progress"}, Stage.REQUESTED,
         f"⏳ CI: a re-run was requested after {AFTER}, but GitHub has not confirmed it", "⏳ re-run requested"),
        ({"due_at": later(300)}, Stage.DUE,
         f"⏳ CI is due to be re-run at 2026-01-15 12:05 UTC, after {AFTER}", "⏳ re-run due at 2026-01-15 12:05 UTC"),
        ({}, Stage.PLANNED, f"⏳ CI is about to be re-run after {AFTER}", "⏳ re-run planned"),
        ({"decision": "suggest", "status": "declined"}, Stage.SUGGESTED,
         f"💡 CI may pass on a second try: {AFTER}", "💡 re-run suggested"),
        ({"decision": "decline", "status": "declined", "reasons": reason(ReasonId.UNKNOWN_CAUSE)}, Stage.LEFT,
         "🛑 CI is left red: the cause is not known", "🛑 left red"),
    ],
    ids=lambda value: value.name if isinstance(value, Stage) else "",
)  # fmt: skip
def test_every_stage_has_its_words(over: dict[str, Any], stage: Stage, headline: str, outcome: str) -> None:
    """Each stage of the story has one headline and one outcome."""
    document = make_document(**over)
    assert (stage, headline, outcome) == (words.stage_of(document), words.headline(document), words.outcome(document))


@pytest.mark.parametrize("reason_id", ReasonId)
def test_every_reason_to_leave_a_run_has_its_words(reason_id: ReasonId) -> None:
    """No reason id is without a sentence."""
    assert words.WHY_LEFT[reason_id] in words.headline(left_red(reasons=reason(reason_id)))


@pytest.mark.parametrize("failure_class", FailureClass)
def test_every_cause_has_its_words(failure_class: FailureClass) -> None:
    """No failure class is without a name for people."""
    document = rerunning(failures=(make_failed(**{"class": failure_class}),))
    assert f"{words.CAUSES[failure_class]} in `build (3.11)`" == words.happened(document)


def test_the_attempt_cap_names_the_failed_attempt() -> None:
    """After the last allowed attempt the headline says that it failed as well, and with what."""
    document = left_red(attempt=2, reasons=reason(ReasonId.ATTEMPT_CAP))
    assert "🛑 CI is left red: attempt 2 failed as well, with a test failure in `test`" == words.headline(document)


def test_a_mixed_failure_names_the_real_one() -> None:
    """Where a network failure leads but another failure is real, the real one is named."""
    document = left_red(failures=(make_failed(), *left_red().failures))
    expected = "🛑 CI is left red: the cause is real (a test failure in `test` and 1 more job)"
    assert expected == words.headline(document)


def test_a_real_failure_that_is_not_listed_names_the_first_job() -> None:
    """When the veto names a failure that the document does not hold, the first job stands for it."""
    document = left_red(failures=(make_failed(),))
    assert f"🛑 CI is left red: the cause is real ({AFTER})" == words.headline(document)


def test_without_any_failure_the_cause_is_unknown() -> None:
    """A document without failures and reasons still has a headline."""
    assert "🛑 CI is left red: the cause is not known" == words.headline(left_red(failures=(), reasons=()))
    assert "a failure of unknown cause" == words.happened(left_red(failures=()))


def test_a_run_with_consequences_only_still_names_a_job() -> None:
    """When every failure is a consequence, the first of them is named."""
    document = rerunning(failures=(make_failed(consequence_of="lint"),))
    assert f"🔁 CI is being re-run after {AFTER}" == words.headline(document)


def test_a_nameless_workflow_is_called_the_workflow() -> None:
    """An empty workflow name leaves no hole in the sentence."""
    assert words.headline(cleared(workflow="")).startswith("✅ The workflow recovered")


def test_the_terminal_reads_the_same_without_markdown() -> None:
    """On a terminal nothing is escaped or set as code."""
    document = rerunning(workflow="CI_#1")
    expected = "CI_#1 is being re-run after a network failure in build (3.11)"
    assert expected == words.sentence(document, TERMINAL)


@pytest.mark.parametrize(
    ("decision", "strategy", "expected"),
    [
        ("act", "retry", "re-run the failed jobs"),
        ("act", "resume", "re-run the failed jobs, which continue from their checkpoints"),
        ("act", "rollback", "roll back to the last good state"),
        ("act", "none", "leave it red"),
        ("suggest", "retry", "suggest to re-run the failed jobs; a person decides"),
        ("decline", "none", "leave it red"),
    ],
)
def test_every_decision_is_an_order(decision: str, strategy: str, expected: str) -> None:
    """Each decision and strategy reads as what is to be done."""
    assert expected == words.decision(make_document(decision=decision, strategy=strategy))


@pytest.mark.parametrize("failure_class", [FailureClass.UNKNOWN, FailureClass.NO_FAILURE])
def test_nobody_is_sure_of_no_cause(failure_class: FailureClass) -> None:
    """Where no cause was found, no confidence is told."""
    assert "sure" not in words.verdict(failure_class, 0.5)


def test_no_moment_is_an_unknown_time() -> None:
    """A missing moment is said to be unknown."""
    assert "an unknown time" == words.moment(None)

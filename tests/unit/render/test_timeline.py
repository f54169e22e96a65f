"""The timeline of a rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from recovery.render.lines import Line, plain_text, table
from recovery.render.timeline import AttemptFact, TimelineEntry, timeline, timeline_of
from tests.builders import NOW, later
from tests.unit.render.samples import cleared, hostile_text, left_red, make_document, make_failed, rerunning


def fact(**over: Any) -> AttemptFact:
    """The default run's first attempt, which failed."""
    fields: dict[str, Any] = {
        "run_id": 1001,
        "attempt": 1,
        "workflow": "CI",
        "conclusion": "failure",
        "started": later(-60),
        "completed": later(-5),
    }
    return AttemptFact(**fields | over)


SECOND = fact(attempt=2, conclusion="success", started=later(5), completed=later(40))


def titles(*documents: Any, facts: tuple[AttemptFact, ...] = ()) -> list[str]:
    """Marks and titles of a timeline."""
    return [f"{entry.mark} {entry.title}" for entry in timeline_of(documents, facts)]


def test_a_closed_loop_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """Failure, cause, decision, re-run and outcome stand in this order, as in the golden text."""
    golden("timeline/cleared.txt", plain_text(timeline(timeline_of([cleared()], [SECOND, fact()]))))


def test_a_real_failure_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """A run that is left red ends with the decision."""
    golden("timeline/left-red.txt", plain_text(timeline(timeline_of([left_red()], [fact()]))))


def test_lines_are_styled_by_what_they_tell() -> None:
    """Failure is bad, success good, the day a time, details quotes."""
    lines = timeline(timeline_of([], [fact(), SECOND]))
    assert ["time", "bad", "quote", "good", "quote"] == [line.style for line in lines]


def test_each_day_is_told_once() -> None:
    """The date stands before the first entry of each day."""
    lines = timeline(
        [TimelineEntry(NOW, "·", "a"), TimelineEntry(later(1), "", "b"), TimelineEntry(later(86400), "✓", "c")]
    )
    assert ["2026-01-15 (UTC)", "2026-01-16 (UTC)"] == [line.text for line in lines if line.style == "time"]


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"conclusion": "cancelled"}, "✗ CI, attempt 1 fails"),
        ({"conclusion": "skipped"}, "· CI, attempt 1 ends as skipped"),
        ({"conclusion": None, "completed": None}, "· CI, attempt 1 is running"),
    ],
)
def test_attempts_that_end_otherwise(over: dict[str, Any], expected: str) -> None:
    """Cancelled counts as failed, other ends are named, and a running attempt is said to run."""
    assert [expected] == titles(facts=(fact(**over),))


def test_a_refused_rerun_is_told() -> None:
    """A re-run that GitHub refused is an entry with the reason."""
    entries = timeline_of([make_document(status="failed", detail="403")], [])
    assert ("✗", "The re-run did not happen", ("403",)) == (entries[-1].mark, entries[-1].title, entries[-1].details)


def test_a_plan_for_later_tells_when() -> None:
    """A decision that is due later says when."""
    entries = timeline_of([make_document(due_at=later(300))], [])
    assert "due at 2026-01-15 12:05 UTC" == entries[-1].details[-1]


def test_many_causes_are_counted() -> None:
    """The first causes are told, the others counted."""
    failures = (make_failed(evidence=()), *(make_failed(evidence=(), reason="") for _ in range(4)))
    entries = timeline_of([left_red(failures=failures)], [])
    assert "and 2 more failed jobs" == entries[3].title
    assert [("A host name could not be resolved.",), ()] == [entry.details for entry in entries[:2]]


def test_an_outcome_without_its_attempt_stands_at_the_decision() -> None:
    """When the measured attempt is not among the facts, the outcome is still told."""
    outcome = "✗ Outcome: CI is still red: attempt 2 failed too, after a network failure in build (3.11)"
    assert outcome == titles(rerunning(outcome="still-failing"))[-1]


@given(hostile_text)
def test_no_text_steers_the_terminal(value: str) -> None:
    """Control characters in a title or detail do not reach the terminal."""
    lines = timeline([TimelineEntry(NOW, value, value, (value,))])
    assert not any(character in line.text for line in lines for character in "\x1b\x9b\x07\r\n\u202e")


def test_table_aligns_its_columns() -> None:
    """Columns are as wide as their widest cell, and no line ends in spaces."""
    assert ("  a    b", "  ccc", "  d    ee") == table([("a", "b"), ("ccc", ""), ("d", "ee")])


def test_plain_text_is_one_line_each() -> None:
    """Lines are joined without any style."""
    assert "a\nb\n" == plain_text([Line("bad", "a"), Line("time", "b")])

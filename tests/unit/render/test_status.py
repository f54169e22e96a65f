"""One recovery for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from recovery.models.decision import Reason, ReasonId
from recovery.models.records import RecoveryState, RecoveryStatus, RecoveryType
from recovery.policy.lifecycle import project
from recovery.render.lines import plain_text
from recovery.render.status import status_lines
from tests.builders import (
    NOW,
    REPOSITORY,
    effect_answered,
    effect_requested,
    later,
    make_decision,
    make_failure,
    make_plan,
    note_taken,
    recovery_decided,
    recovery_settled,
)
from tests.unit.render.samples import hostile_text

BY_HAND = {"id": "rec-1", "failure_id": "failure_123", "repository": REPOSITORY, "started_at": NOW}


def test_status_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """A recovery from its decision to its outcome is its golden text."""
    asked = (Reason(id=ReasonId.REQUESTED, text="a person asked for `retry`"),)
    plan = make_plan(
        decision=make_decision(reasons=asked, overridden=(Reason(id=ReasonId.UNKNOWN_CAUSE, text="not known"),)),
        due_at=later(30),
    )
    events = [
        recovery_decided(plan=plan, at=NOW),
        effect_requested(at=later(31)),
        effect_answered(at=later(32)),
        note_taken(at=later(33), status="failed", detail="403"),
        recovery_settled(at=later(300), detail="all 1 jobs passed"),
    ]
    failures = [make_failure(), make_failure(job_name="gate", step=None, consequence_of="test", evidence=())]
    golden("status/cleared.txt", plain_text(status_lines(project(events), failures)))


@pytest.mark.parametrize("status", RecoveryStatus)
def test_every_status_has_an_end(status: RecoveryStatus) -> None:
    """A record made by hand, as the seed shows it, is told too."""
    state = RecoveryState(recovery_type=RecoveryType.RESUME, status=status, **BY_HAND)
    lines = status_lines(state)
    assert ("time", "Outcome") == (lines[-2].style, lines[-2].text)
    assert "Decision" not in plain_text(lines)


def test_an_outcome_without_its_attempt_is_told() -> None:
    """The attempt is left out when it is not known."""
    text = plain_text(
        status_lines(project([recovery_decided(), recovery_settled(outcome="not-rerun", settled_attempt=None)]))
    )
    assert "(not-rerun)" in text


@given(hostile_text)
def test_no_text_steers_the_terminal(value: str) -> None:
    """Control characters in a recovery do not reach the terminal."""
    failure = make_failure(job_name=value, step=value)
    state = project([recovery_decided(), note_taken(step=value, detail=value)])
    text = plain_text(status_lines(state, [failure]))
    assert not set(text) & set("\x1b\x9b\x07\r\u202e")

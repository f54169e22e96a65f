"""What a recovery's events add up to: its status, its times, its story; the same in any order."""

from __future__ import annotations

import itertools
import random

import pytest
from pydantic import ValidationError

from recovery.models.decision import DecisionKind, Reason, ReasonId
from recovery.models.events import RecoveryEvent
from recovery.models.records import Outcome, RecoveryStatus, RecoveryType
from recovery.policy.lifecycle import OPEN, may_be_decided_anew, plan_of, project, was_put_off
from tests.builders import (
    NOW,
    effect_answered,
    effect_requested,
    later,
    make_decision,
    make_header,
    make_plan,
    note_taken,
    recovery_decided,
    recovery_settled,
)

DECLINE = make_plan(decision=make_decision(kind=DecisionKind.DECLINE))
SUGGEST = make_plan(decision=make_decision(kind=DecisionKind.SUGGEST))


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([recovery_decided()], RecoveryStatus.PENDING),
        ([recovery_decided(plan=DECLINE)], RecoveryStatus.DECLINED),
        ([recovery_decided(plan=SUGGEST)], RecoveryStatus.DECLINED),
        ([recovery_decided(plan=DECLINE), recovery_decided()], RecoveryStatus.PENDING),
        ([note_taken()], RecoveryStatus.PENDING),
        ([effect_requested()], RecoveryStatus.IN_PROGRESS),
        ([recovery_decided(), effect_requested()], RecoveryStatus.IN_PROGRESS),
        ([recovery_decided(), effect_requested(), effect_answered()], RecoveryStatus.IN_PROGRESS),
        ([recovery_decided(), effect_requested(), effect_answered(accepted=False)], RecoveryStatus.FAILED),
        ([effect_answered(accepted=False), effect_answered(accepted=True)], RecoveryStatus.IN_PROGRESS),
        ([effect_answered(accepted=True), effect_answered(accepted=False)], RecoveryStatus.IN_PROGRESS),
        ([effect_answered(), recovery_settled()], RecoveryStatus.COMPLETED),
        ([effect_answered(), recovery_settled(outcome=Outcome.STILL_FAILING)], RecoveryStatus.FAILED),
        ([effect_answered(), recovery_settled(outcome=Outcome.NOT_RERUN)], RecoveryStatus.FAILED),
        ([effect_requested(), recovery_settled(outcome=Outcome.UNKNOWN)], RecoveryStatus.FAILED),
        ([effect_answered(accepted=False), recovery_settled()], RecoveryStatus.COMPLETED),
    ],
)
def test_status_is_what_the_events_say(events: list[RecoveryEvent], status: RecoveryStatus) -> None:
    """What happened outweighs what did not."""
    assert status == project(events).status


def test_any_order_and_any_duplicates_give_the_same_state() -> None:
    """Folding does not depend on how the events arrive."""
    events: list[RecoveryEvent] = [
        recovery_decided(plan=DECLINE),
        recovery_decided(),
        effect_requested(),
        effect_answered(accepted=False),
        effect_answered(),
        note_taken(at=later(1)),
        recovery_settled(outcome=Outcome.UNKNOWN),
    ]
    shuffled = list(itertools.permutations(events))
    random.Random(7).shuffle(shuffled)  # noqa: S311

    states = {project([*order, order[0]]).model_dump_json() for order in shuffled[:300]}

    expected = {project(events).model_dump_json()}
    assert expected == states


def test_events_at_the_same_moment_are_ordered_by_id() -> None:
    """A clock that stands still does not make the story depend on its telling."""
    events = [note_taken(id=name, at=NOW, step=name) for name in ("b", "a", "c")]

    expected = ["a", "b", "c"]
    assert expected == [step["step"] for step in project(events).progress_steps]


def test_known_outcome_counts_over_a_later_unknown_one() -> None:
    """A sweep that gave up does not take back what another measured."""
    state = project([recovery_settled(at=later(1)), recovery_settled(at=later(2), outcome=Outcome.UNKNOWN)])

    expected = (RecoveryStatus.COMPLETED, "cleared", later(1))
    assert expected == (state.status, state.metadata["outcome"], state.completed_at)


def test_latest_known_outcome_counts() -> None:
    """Of two measurements the later one knows more."""
    first = recovery_settled(at=later(1), outcome=Outcome.STILL_FAILING)
    second = recovery_settled(at=later(2), settled_attempt=3, detail="green at last")

    measured = project([second, first]).metadata

    expected = ("cleared", 3, "green at last")
    assert expected == (measured["outcome"], measured["settled_attempt"], measured["detail"])


def test_open_recovery_has_no_end() -> None:
    """Pending and in progress are open, and only they."""
    states = [project([recovery_decided()]), project([effect_requested()])]

    expected = [(RecoveryStatus.PENDING, None), (RecoveryStatus.IN_PROGRESS, None)]
    assert expected == [(state.status, state.completed_at) for state in states]
    assert {status for status, _ in expected} == OPEN


def test_refused_effect_ends_the_recovery_with_its_last_event() -> None:
    """The end is when it was known that nothing more would happen."""
    state = project([recovery_decided(at=later(1)), effect_answered(at=later(2), accepted=False)])

    assert later(2) == state.completed_at


def test_earliest_header_names_the_recovery() -> None:
    """Where headers differ, the one that started first counts; its start is the start."""
    early = make_header(started_at=later(-5), workflow_name="CI", failure_id="fail-1001-1-1")
    late = make_header(started_at=later(5), workflow_name="Renamed")

    state = project([note_taken(recovery=late), note_taken(recovery=early)])

    expected = (later(-5), "CI", "fail-1001-1-1", RecoveryType.RETRY)
    assert expected == (
        state.started_at,
        state.recovery_context["workflow_name"],
        state.failure_id,
        state.recovery_type,
    )


def test_plan_that_acts_gives_the_recovery_its_type_and_steps() -> None:
    """A plan to act counts over an earlier one to decline."""
    declined = make_plan(header=make_header(recovery_type=RecoveryType.NONE), decision=DECLINE.decision, steps=())

    state = project([recovery_decided(plan=declined), recovery_decided()])

    expected = (RecoveryType.RETRY, ["check_run", "rerun_failed_jobs"], "act")
    assert expected == (state.recovery_type, state.recovery_plan, state.recovery_context["decision"])


def test_context_tells_what_the_plan_was_about() -> None:
    """Run, attempt, reasons and due time can be read without the plan."""
    context = project([recovery_decided(plan=make_plan(due_at=later(60)))]).recovery_context

    expected = (1001, 1, "CI", ["transient"], ["test"], 17)
    assert expected == (
        context["run_id"],
        context["attempt"],
        context["workflow_name"],
        [reason["id"] for reason in context["reasons"]],
        context["failed_jobs"],
        context["pull_request"],
    )
    assert context["due_at"].startswith("2026-01-15T12:01:00")


def test_requests_and_their_acceptance_are_told() -> None:
    """The latest request's time, and whether any was accepted."""
    measured = project([effect_requested(at=later(1)), effect_requested(at=later(9)), effect_answered()]).metadata

    expected = (True, later(9).isoformat())
    assert expected == (measured["accepted"], measured["requested_at"])


def test_every_event_is_a_step_of_the_story() -> None:
    """Each tells what, when, by whom and how it went."""
    events: list[RecoveryEvent] = [
        recovery_decided(at=later(1), by="77.1"),
        effect_requested(at=later(2)),
        effect_answered(at=later(3), detail="201"),
        note_taken(at=later(4), status="skipped", detail="no pull request"),
        recovery_settled(at=later(5), detail="all green"),
        recovery_settled(at=later(6)),
    ]

    steps = project(events).progress_steps

    expected = [
        ("decide", "completed", "The connection to a server was lost."),
        ("request rerun-failed-jobs", "in_progress", ""),
        ("rerun-failed-jobs", "completed", "201"),
        ("comment", "skipped", "no pull request"),
        ("settle", "completed", "cleared: all green"),
        ("settle", "completed", "cleared"),
    ]
    assert expected == [(step["step"], step["status"], step["detail"]) for step in steps]
    assert (later(1).isoformat(), "77.1") == (steps[0]["at"], steps[0]["by"])


def test_decision_always_has_a_reason() -> None:
    """A decision that nobody could explain is none; where events are read, such a line is skipped."""
    with pytest.raises(ValidationError, match="reasons"):
        make_decision(reasons=())


def test_no_decision_no_plan() -> None:
    """A recovery known from its effects only has no plan."""
    assert plan_of([effect_requested()]) is None


def test_plan_that_counts_is_found_in_any_order() -> None:
    """The earliest plan to act, whatever else was decided."""
    first = make_plan(steps=("first",))
    events = [
        recovery_decided(at=later(1), plan=DECLINE),
        recovery_decided(at=later(2), plan=first),
        recovery_decided(at=later(3)),
    ]

    expected = [first] * 6
    assert expected == [plan_of(order) for order in itertools.permutations(events)]


def because(*reasons: ReasonId, kind: DecisionKind = DecisionKind.DECLINE) -> RecoveryEvent:
    """The event that it was decided so, for these reasons."""
    told = tuple(Reason(id=reason, text="told") for reason in reasons)
    return recovery_decided(plan=make_plan(decision=make_decision(kind=kind, reasons=told)))


@pytest.mark.parametrize(
    ("events", "put_off", "provisional"),
    [
        ([because(ReasonId.RUN_ACTIVE)], True, True),
        ([because(ReasonId.RUN_ACTIVE, ReasonId.REQUESTED)], True, True),
        ([because(ReasonId.REQUESTED)], False, False),
        ([because(ReasonId.MASS_FAILURE, ReasonId.LOG_UNREADABLE)], False, False),
        ([because(ReasonId.LOG_UNREADABLE)], False, True),
        ([because(ReasonId.REAL_FAILURE)], False, False),
        ([because(ReasonId.ONLY_MAYBE, kind=DecisionKind.SUGGEST)], False, False),
        ([recovery_decided()], False, False),
        ([recovery_decided(), effect_requested()], False, False),
        ([recovery_decided(), effect_requested(), effect_answered(accepted=False)], False, False),
        ([recovery_decided(), effect_answered(accepted=False, detail="withdrawn: superseded")], False, True),
        ([recovery_decided(), effect_requested(), recovery_settled(outcome=Outcome.NOT_RERUN)], False, True),
        (
            [recovery_decided(), effect_requested(), effect_answered(), recovery_settled(outcome=Outcome.NOT_RERUN)],
            False,
            False,
        ),
        ([recovery_decided(), effect_answered(), recovery_settled()], False, False),
        ([recovery_decided(), effect_answered(), recovery_settled(outcome=Outcome.UNKNOWN)], False, False),
    ],
)
def test_what_the_sweep_decides_about_again(events: list[RecoveryEvent], *, put_off: bool, provisional: bool) -> None:
    """What was put off, had no log, was withdrawn or not sent; never a plain refusal, nor what GitHub had accepted."""
    state = project(events)
    assert (put_off, provisional) == (was_put_off(state), may_be_decided_anew([state]))

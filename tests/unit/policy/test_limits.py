"""At most one effect per attempt: what stands in the way of a plan, and of its execution."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recovery.models.decision import DecisionKind
from recovery.models.events import RecoveryEvent
from recovery.models.records import Outcome, RecoveryState
from recovery.policy.lifecycle import project
from recovery.policy.limits import (
    REQUEST_IN_FLIGHT,
    admit_execution,
    admit_plan,
    is_rollback,
    may_be_withdrawn,
    moved_on,
    standing_in_the_way,
)
from tests import builders as make
from tests import rollback_builders as rolled

SECOND = timedelta(seconds=1)


def state(*events: RecoveryEvent) -> RecoveryState:
    """The recovery that these events add up to."""
    return project(events)


PENDING = state(make.recovery_decided())
DECLINED = state(make.recovery_decided(plan=make.make_plan(decision=make.make_decision(kind=DecisionKind.DECLINE))))
REQUESTED = state(make.recovery_decided(), make.effect_requested(at=make.NOW))
ACCEPTED = state(make.recovery_decided(), make.effect_requested(), make.effect_answered())
REFUSED = state(make.recovery_decided(), make.effect_requested(), make.effect_answered(accepted=False))
CLEARED = state(make.recovery_decided(), make.effect_answered(), make.recovery_settled())
STILL = state(make.recovery_decided(), make.effect_answered(), make.recovery_settled(outcome=Outcome.STILL_FAILING))
NEVER = state(make.recovery_decided(), make.effect_requested(), make.recovery_settled(outcome=Outcome.NOT_RERUN))


@pytest.mark.parametrize(
    ("known", "admitted"),
    [
        ((), True),
        ((DECLINED,), True),
        ((DECLINED, DECLINED), True),
        ((REFUSED,), True),
        ((NEVER,), True),
        ((PENDING,), False),
        ((REQUESTED,), False),
        ((ACCEPTED,), False),
        ((CLEARED,), False),
        ((STILL,), False),
        ((DECLINED, REFUSED, ACCEPTED), False),
    ],
)
def test_plan_is_admitted_while_no_effect_is_or_may_be(known: tuple[RecoveryState, ...], *, admitted: bool) -> None:
    """Declined, refused and never carried out do not stand in the way; everything else does."""
    assert admitted == (admit_plan(known) is None)
    assert admitted == (standing_in_the_way(known) is None)


def test_refusal_of_a_plan_names_what_stands_in_the_way() -> None:
    """The reason has its id, and the recovery's."""
    reason = admit_plan((DECLINED, ACCEPTED))
    assert reason is not None
    assert ("already-decided", "recovery rec-1001-1-1 of this attempt is in_progress") == (reason.id, reason.text)


@pytest.mark.parametrize(
    ("known", "admitted"),
    [
        ((), True),
        ((PENDING,), True),
        ((ACCEPTED,), False),
        ((REFUSED,), False),
        ((CLEARED,), False),
        ((STILL,), False),
        ((NEVER,), False),
        ((DECLINED,), False),
    ],
)
def test_pending_plan_may_be_executed(known: tuple[RecoveryState, ...], *, admitted: bool) -> None:
    """A plan is executed from pending only."""
    assert admitted == (admit_execution(known, make.make_plan(), make.NOW) is None)


@pytest.mark.parametrize(("passed", "admitted"), [(REQUEST_IN_FLIGHT, False), (REQUEST_IN_FLIGHT + SECOND, True)])
def test_request_in_flight_is_left_its_time(passed: timedelta, *, admitted: bool) -> None:
    """A process that requested the effect is taken for dead after five minutes, not before."""
    assert admitted == (admit_execution((REQUESTED,), make.make_plan(), make.NOW + passed) is None)


@pytest.mark.parametrize(
    ("other", "admitted"), [(PENDING, False), (ACCEPTED, False), (REFUSED, True), (DECLINED, True)]
)
def test_other_recovery_of_the_attempt_stands_in_the_way_too(other: RecoveryState, *, admitted: bool) -> None:
    """Of two plans for one attempt only one is executed."""
    plan = make.make_plan(header=make.make_header(id="rec-1001-1-2"))
    assert admitted == (admit_execution((other,), plan, make.NOW) is None)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({}, None),
        ({"run_attempt": 2}, "attempt 2 of this run exists already"),
        ({"status": "in_progress"}, "the run is in progress again"),
        ({"status": "queued"}, "the run is queued again"),
        ({"run_attempt": 2, "status": "queued"}, "attempt 2 of this run exists already"),
    ],
)
def test_run_must_stand_as_it_was_planned_for(run: dict[str, object], words: str | None) -> None:
    """A newer attempt, or an active run, is not the one that the plan was made for."""
    reason = moved_on(make.make_plan(), make.make_run(**run))
    assert words == (reason.text if reason else None)


@pytest.mark.parametrize(
    ("standing", "kind", "explicit", "gives_way"),
    [
        (PENDING, DecisionKind.ACT, False, False),
        (PENDING, DecisionKind.ACT, True, True),
        (PENDING, DecisionKind.SUGGEST, False, True),
        (PENDING, DecisionKind.DECLINE, False, True),
        (PENDING, DecisionKind.DECLINE, True, True),
        (REQUESTED, DecisionKind.DECLINE, True, False),
        (ACCEPTED, DecisionKind.DECLINE, True, False),
        (CLEARED, DecisionKind.ACT, True, False),
        (STILL, DecisionKind.ACT, True, False),
    ],
)
def test_plan_gives_way_until_it_is_requested(
    standing: RecoveryState, kind: DecisionKind, *, explicit: bool, gives_way: bool
) -> None:
    """A plan that waits is withdrawn for a person's decision, or for one not to act; what was requested never is."""
    assert gives_way == may_be_withdrawn(standing, make.make_decision(kind=kind), explicit=explicit)


ROLLBACK = make.make_header(id="rec-1001-1-nonce", recovery_type="rollback")


def rolled_back(*events: RecoveryEvent) -> RecoveryState:
    """A rollback of the attempt that GitHub accepted, and what came of it."""
    plan = make.make_plan(
        header=ROLLBACK,
        decision=make.make_decision(strategy="rollback"),
        rollback=rolled.make_order(),
    )
    return state(make.recovery_decided(plan=plan), make.effect_answered(recovery=ROLLBACK, at=make.later(-60)), *events)


def ended(outcome: Outcome) -> RecoveryEvent:
    """The end of that rollback."""
    return make.recovery_settled(recovery=ROLLBACK, outcome=outcome, at=make.later(86400))


@pytest.mark.parametrize(
    ("events", "admitted"),
    [
        ((), False),
        ((rolled.hold_released(recovery=ROLLBACK),), False),
        ((ended(Outcome.CLEARED),), False),
        ((ended(Outcome.STILL_FAILING),), False),
        ((ended(Outcome.NOT_RERUN),), True),
        ((ended(Outcome.CLEARED), rolled.hold_released(recovery=ROLLBACK)), True),
        ((ended(Outcome.STILL_FAILING), rolled.hold_released(recovery=ROLLBACK)), True),
    ],
)
def test_attempt_of_a_rollback_that_is_released_or_came_to_nothing_is_free_again(
    events: tuple[RecoveryEvent, ...], *, admitted: bool
) -> None:
    """A person has released its commit, or closed its pull request; as long as it goes on it stands in the way."""
    assert admitted == (admit_plan((rolled_back(*events),)) is None)


@pytest.mark.parametrize(
    ("events", "admitted"),
    [
        ((), False),
        ((ended(Outcome.CLEARED),), True),
        ((ended(Outcome.STILL_FAILING),), True),
        ((ended(Outcome.UNKNOWN),), True),
        ((ended(Outcome.NOT_RERUN),), True),
    ],
)
def test_rollback_that_has_ended_does_not_stand_in_the_way_of_another(
    events: tuple[RecoveryEvent, ...], *, admitted: bool
) -> None:
    """GitHub's tags tell whether its commit was released, wherever that was done; what goes on is waited for."""
    earlier = rolled_back(*events)
    another = make.make_plan(rollback=rolled.make_order())

    assert admitted == (admit_plan((earlier,), rolling_back=True) is None)
    assert admitted == (admit_execution((earlier,), another, make.NOW) is None)
    assert admit_plan((STILL,), rolling_back=True)


def test_rollback_is_told_by_its_order() -> None:
    """A return is one, too."""
    assert is_rollback(make.make_plan(rollback=rolled.make_order(returns_from="rec-1-1-x")))
    assert is_rollback(make.make_plan(rollback=rolled.make_order()))
    assert not is_rollback(make.make_plan())

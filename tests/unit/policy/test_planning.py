"""From a decision to the plan that is written down."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId, RecoveryPlan
from recovery.models.records import RecoveryState, RecoveryType
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.lifecycle import project
from recovery.policy.planning import draw_up, manual_failure, next_number, saying_the_same
from tests import builders as make


def plan(decision: Decision | None = None, **over: object) -> RecoveryPlan:
    """A plan over two failed jobs, led by the second."""
    failures = (make.make_failure(), make.make_failure(job_id=4202, job_name="lint"))
    seen = make.make_observation(**{"failures": failures} | over)
    return draw_up(
        failures[1],
        seen,
        decision or make.make_decision(),
        number=3,
        steps=("one", "two"),
        now=make.NOW,
        due_at=make.later(60),
    )


def test_plan_holds_everything_that_is_known() -> None:
    """Ids, lead first, the jobs that the outcome is measured on, and where the run was."""
    drawn = plan()

    assert ("rec-1001-1-3", "fail-1001-1-4202", ("fail-1001-1-4202", "fail-1001-1-4201")) == (
        drawn.header.id,
        drawn.header.failure_id,
        drawn.header.failure_ids,
    )
    assert (("lint", "test"), make.later(60), make.HEAD_SHA, "feature", 17) == (
        drawn.failed_jobs,
        drawn.due_at,
        drawn.head_sha,
        drawn.head_branch,
        drawn.pull_request,
    )
    assert (RecoveryType.RETRY, make.NOW, ("one", "two")) == (
        drawn.header.recovery_type,
        drawn.header.started_at,
        drawn.steps,
    )


def test_same_facts_give_the_same_plan() -> None:
    """Drawing up is pure."""
    assert plan() == plan()


@pytest.mark.parametrize("kind", [DecisionKind.DECLINE, DecisionKind.SUGGEST])
def test_recovery_that_does_not_act_is_of_no_type(kind: DecisionKind) -> None:
    """What is left or only suggested counts as no retry."""
    reason = Reason(id=ReasonId.ONLY_MAYBE, text="it may pass")
    decision = Decision(kind=kind, strategy=RecoveryType.RETRY, reasons=(reason,))
    assert RecoveryType.NONE == plan(decision).header.recovery_type


def test_run_without_a_pull_request() -> None:
    """A push has no pull request to comment on."""
    assert plan(pull_request=None).pull_request is None


def declined(*reasons: ReasonId) -> Decision:
    """A decision to leave it, for these reasons."""
    told = tuple(Reason(id=reason, text=f"because of {reason}") for reason in reasons)
    return Decision(kind=DecisionKind.DECLINE, strategy=RecoveryType.NONE, reasons=told)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (declined(ReasonId.TOO_OLD), declined(ReasonId.TOO_OLD), True),
        (declined(ReasonId.TOO_OLD), declined(ReasonId.RUN_ACTIVE), False),
        (declined(ReasonId.TOO_OLD), declined(ReasonId.TOO_OLD, ReasonId.RUN_ACTIVE), False),
        (declined(ReasonId.TOO_OLD), make.make_decision(), False),
        (make.make_decision(), make.make_decision(), False),
        (
            declined(ReasonId.ONLY_MAYBE),
            declined(ReasonId.ONLY_MAYBE).model_copy(update={"kind": DecisionKind.SUGGEST}),
            False,
        ),
    ],
)
def test_same_decision_is_recognised(before: Decision, now: Decision, *, same: bool) -> None:
    """Leaving it again for the same reasons, in whatever words, is the decision on record; acting never is."""
    known = project([make.recovery_decided(plan=make.make_plan(decision=before))])
    assert (known if same else None) == saying_the_same([known], now)


def test_recovery_known_by_an_effect_alone_says_nothing_the_same() -> None:
    """A recovery whose decision is not on record is no reason to decide nothing."""
    known = project([make.effect_answered()])
    assert saying_the_same([known], declined(ReasonId.TOO_OLD)) is None


@pytest.mark.parametrize(
    ("over", "conclusion"), [({}, "failure"), ({"status": "queued", "conclusion": None}, "queued")]
)
def test_manual_failure_carries_a_rollback(over: dict[str, Any], conclusion: str) -> None:
    """A rollback that a person asks for has a failure of its own kind, about the run that is bad."""
    failure = manual_failure(make.make_run(run_attempt=2, **over), "corruption", "manual-1", make.NOW)

    assert ("manual-1", "manual", 1001, 2, "corruption", "CI", conclusion) == (
        failure.id,
        failure.kind,
        failure.run_id,
        failure.attempt,
        failure.reason,
        failure.job_name,
        failure.conclusion,
    )
    assert (FailureClass.UNKNOWN, Retryable.NO) == (failure.failure_class, failure.retryable)


def test_number_of_a_recovery_is_free_although_not_all_are_known() -> None:
    """Where only the second recovery of an attempt is known, the next one is the third."""
    known = [
        RecoveryState(id=name, failure_id="fail-1001-1-7", repository="o/r", recovery_type=RecoveryType.NONE)
        for name in ("rec-1001-1-2", "rec-1001-1-basic")
    ]

    assert (1, 3) == (next_number([]), next_number(known))

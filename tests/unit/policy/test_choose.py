"""From an observation to a decision: act, suggest, decline, and what a person's word changes."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import Decision, DecisionKind, ReasonId
from recovery.models.records import PipelineFailure, RecoveryType
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.choose import choose
from recovery.policy.vetoes import Case
from recovery.settings import Settings, Strategy
from tests import builders as make

REAL = make.make_failure(failure_class=FailureClass.TEST_FAILURE, retryable=Retryable.NO)
MAYBE = make.make_failure(retryable=Retryable.MAYBE)
UNKNOWN = make.make_failure(failure_class=FailureClass.UNKNOWN, retryable=Retryable.NO, confidence=0.3)
UNREAD = UNKNOWN.model_copy(update={"log_problem": "gone"})


def case(*failures: PipelineFailure, settings: dict[str, Any] | None = None, **over: Any) -> Case:
    """A case with these failures, the usual one unless said otherwise."""
    seen = make.make_observation(**({"failures": failures} if failures else {}) | over)
    return Case(observation=seen, settings=Settings(**settings or {}), now=make.NOW, own_workflow="own.yml")


def ids(decision: Decision) -> list[str]:
    """The reasons' ids."""
    return [reason.id.value for reason in decision.reasons]


def test_passing_cause_is_retried() -> None:
    """Proven to pass, and nothing speaks against it: act."""
    decision = choose(case())

    assert (DecisionKind.ACT, RecoveryType.RETRY, ["transient"]) == (decision.kind, decision.strategy, ids(decision))
    assert "`test` failed for a passing reason (network)" in decision.reasons[0].text
    assert () == decision.overridden


def test_several_passing_causes_are_counted() -> None:
    """The reason names the lead and counts the rest."""
    assert "as did 2 more" in choose(case(*(make.make_failure(job_id=n) for n in range(3)))).reasons[0].text


def test_possible_cause_is_suggested() -> None:
    """What only may pass is put before people."""
    decision = choose(case(MAYBE))

    assert (DecisionKind.SUGGEST, RecoveryType.RETRY, ["only-maybe"]) == (
        decision.kind,
        decision.strategy,
        ids(decision),
    )


def test_veto_outweighs_a_doubt() -> None:
    """A run that must not be re-run is not suggested either, and only the vetoes are told."""
    decision = choose(case(MAYBE, head_now="a" * 40))

    assert (DecisionKind.DECLINE, RecoveryType.NONE, ["superseded"]) == (
        decision.kind,
        decision.strategy,
        ids(decision),
    )


def test_every_veto_is_told() -> None:
    """Not only the first reason is recorded."""
    run = make.make_run(run_attempt=2)
    decision = choose(case(REAL, run=run, attempt=2, head_now="a" * 40))

    assert ["superseded", "attempt-cap", "real-failure"] == ids(decision)


def test_attempt_without_a_failed_job_is_declined() -> None:
    """There is nothing to recover, whoever asks."""
    empty = case(failures=())
    for strategy in (Strategy.AUTO, Strategy.RETRY):
        assert (DecisionKind.DECLINE, ["no-failure"]) == ((it := choose(empty, strategy)).kind, ids(it))


def test_attempt_of_a_run_that_goes_on_says_so_first() -> None:
    """Without jobs to look at, what is known of the run comes before "no failed job"."""
    active = case(failures=(), run=make.make_run(status="in_progress", conclusion=None))

    assert ["run-active", "no-failure"] == ids(choose(active))


def test_none_only_reports() -> None:
    """`strategy: none` declines before anything is judged."""
    assert (DecisionKind.DECLINE, ["requested"]) == ((it := choose(case(), Strategy.NONE)).kind, ids(it))


@pytest.mark.parametrize(
    ("found", "overridden"),
    [
        (case(), []),
        (case(REAL), ["real-failure"]),
        (case(MAYBE), ["only-maybe"]),
        (case(UNKNOWN), ["unknown-cause"]),
        (case(UNREAD), ["log-unreadable"]),
        (case(jobs=(make.make_job(name="deploy"),)), ["side-effects"]),
        (case(settings={"autonomy": {"network": "observe"}}), ["disabled"]),
        (case(settings={"autonomy": {"network": "suggest"}}), ["only-maybe"]),
        (case(REAL, jobs=(make.make_job(name="deploy"),)), ["real-failure", "side-effects"]),
    ],
)
def test_explicit_retry_sets_aside_what_a_person_may_judge(found: Case, overridden: list[str]) -> None:
    """A person's word acts, and the record says what it outweighed."""
    decision = choose(found, Strategy.RETRY)

    assert (DecisionKind.ACT, RecoveryType.RETRY, ["requested"]) == (decision.kind, decision.strategy, ids(decision))
    assert overridden == [reason.id.value for reason in decision.overridden]


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (case(head_now="a" * 40), "superseded"),
        (case(pull_request=make.make_pull_request(state="closed")), "pull-request-closed"),
        (case(run=make.make_run(status="queued")), "run-active"),
        (case(run=make.make_run(created_at=make.later(-31 * 86400))), "too-old"),
        (case(run=make.make_run(run_attempt=2), attempt=2), "attempt-cap"),
        (case(UNKNOWN.model_copy(update={"conclusion": "cancelled"})), "cancelled-by-someone"),
        (case(*(make.make_failure(job_id=number) for number in range(6))), "mass-failure"),
        (case(run=make.make_run(event="merge_group"), pull_request=None), "merge-queue"),
        (case(run=make.make_run(path="own.yml")), "own-workflow"),
    ],
)
def test_explicit_retry_does_not_set_aside_the_rest(found: Case, standing: str) -> None:
    """What is no matter of class, confidence or side effects stands against a person too; their word is kept."""
    decision = choose(found, Strategy.RETRY)

    assert (DecisionKind.DECLINE, [standing, "requested"]) == (decision.kind, ids(decision))


def test_standing_vetoes_are_told_without_the_ones_a_person_sets_aside() -> None:
    """A person who insists learns what still stands in the way, not what they know already."""
    assert ["superseded", "requested"] == ids(choose(case(REAL, head_now="a" * 40), Strategy.RETRY))


def test_reason_of_a_person_is_kept() -> None:
    """The `reason` input becomes part of the record."""
    decision = choose(case(settings={"reason": "the mirror is back"}), Strategy.RETRY)

    assert "a person asked for `retry`: the mirror is back" == decision.reasons[0].text


def test_ids_of_decisions_are_of_the_closed_set() -> None:
    """The ids that allow something are not those that forbid."""
    assert {ReasonId.TRANSIENT, ReasonId.REQUESTED} == {
        choose(case()).reasons[0].id,
        choose(case(), Strategy.RETRY).reasons[0].id,
    }

"""The way back from a rollback that failed half-way: which one that is, and when it is none any more."""

from __future__ import annotations

import pytest

from recovery.models.decision import ReasonId
from recovery.models.github import Deployment
from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import RollbackKind
from recovery.policy.lifecycle import project
from recovery.policy.returning import (
    as_it_was_done,
    brought_back_since,
    deployed_since,
    deployments_since,
    failed_before,
    is_about,
    no_return,
    why_never_returned_from,
)
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled


def rollback(
    number: int, outcome: Outcome | None, *, before: str = "ckpt-before", accepted: bool = True
) -> RecoveryState:
    """A rollback that began so many minutes from now, as it is on record."""
    header = make.make_header(id=f"rec-{number}", recovery_type="rollback", started_at=make.later(60 * number))
    plan = make.make_plan(
        header=header,
        decision=make.make_decision(strategy="rollback"),
        rollback=rolled.make_order(rollback_checkpoint_id=before),
    )
    events = [make.recovery_decided(plan=plan), make.effect_answered(recovery=header, accepted=accepted)]
    settled = [make.recovery_settled(recovery=header, outcome=outcome)] if outcome else []
    return project([*events, *settled])


@pytest.mark.parametrize(
    ("outcome", "is_way_back"),
    [
        (Outcome.STILL_FAILING, True),
        (Outcome.UNKNOWN, True),
        (Outcome.CLEARED, False),
        (Outcome.NOT_RERUN, False),
        (None, False),
    ],
)
def test_what_ended_half_way_is_returned_from(outcome: Outcome | None, *, is_way_back: bool) -> None:
    """What goes on is waited for, what succeeded needs no return, what came to nothing has changed nothing."""
    found = failed_before("ckpt-before", [rollback(1, outcome)])

    assert is_way_back is (found is not None)


def test_the_newest_that_found_it_standing_counts() -> None:
    """What was done since has overtaken what failed."""
    failed, cleared = rollback(1, Outcome.STILL_FAILING), rollback(2, Outcome.CLEARED)
    refused = rollback(3, None, accepted=False)

    assert None is failed_before("ckpt-before", [cleared, failed])
    assert failed == failed_before("ckpt-before", [refused, failed])
    assert None is failed_before("ckpt-other", [failed])


def test_runs_that_it_is_about() -> None:
    """The run that it rolled back, and the one that it started, if it started a run."""
    failed = rolled.make_failed(reference=7001)
    deployed = rolled.make_failed(order=rolled.make_order(kind=RollbackKind.DEPLOYMENT), reference=7001)
    started = rolled.make_deploy_run(id=7001)

    assert is_about(rolled.make_bad_run(), failed)
    assert is_about(started, failed)
    assert not is_about(started, deployed)
    assert not is_about(started, rolled.make_failed())


def test_what_was_deployed_since() -> None:
    """What stood before is history then; what was cancelled changed nothing."""
    newer = rolled.make_bad_run(created_at=make.NOW)
    since = make.later(-200)

    assert None is deployed_since(since, [rolled.make_bad_run(), newer.model_copy(update={"conclusion": "cancelled"})])
    assert newer == deployed_since(since, [rolled.make_bad_run(), newer])


def test_what_another_rollback_brought_back_since() -> None:
    """Its run is at a tag of ours, and newer than the one of this rollback."""
    tag = "recovery/rollback/deploy/production/x"
    own, later = (rolled.make_deploy_run(id=number, head_branch=tag) for number in (7001, 7002))
    by_hand = rolled.make_deploy_run(id=7003)

    assert None is brought_back_since(rolled.make_failed(reference=7001), [by_hand, own])
    assert later == brought_back_since(rolled.make_failed(reference=7001), [by_hand, later, own])
    assert own == brought_back_since(rolled.make_failed(), [by_hand, own])


def test_deployments_since() -> None:
    """By their numbers, or by the time where the rollback's own was never found."""
    made = [
        Deployment(id=number, sha=rolled.GOOD_SHA, environment="production", created_at=make.later(60 * number))
        for number in (-1, 1, 2)
    ]

    assert (made[2],) == deployments_since(rolled.make_failed(reference=1), made)
    assert (made[1], made[2]) == deployments_since(rolled.make_failed(), made)


def test_return_is_done_as_the_rollback_was() -> None:
    """Even if the configuration was changed since."""
    rule = RollbackRule(kind="revert-pr", environment="eu", input="other", automatic=True)

    found = as_it_was_done(rule, rolled.make_failed())

    assert (RollbackKind.REDISPATCH, "production", "recovery", True) == (
        found.kind,
        found.environment,
        found.input,
        found.automatic,
    )


def test_pull_request_is_not_returned_from() -> None:
    """Nothing was deployed."""
    reason = why_never_returned_from(rolled.make_failed(order=rolled.make_order(kind=RollbackKind.REVERT_PR)))

    assert None is why_never_returned_from(rolled.make_failed())
    assert reason is not None
    assert ReasonId.ROLLED_BACK is reason.id
    assert "close that pull request" in reason.text


def test_refusal_names_the_rollback() -> None:
    """And why."""
    reason = no_return(ReasonId.SUPERSEDED, rolled.make_failed(), "run 7 came after it")

    assert (ReasonId.SUPERSEDED, "rec-902-1-nonce-0001 is not returned from: run 7 came after it") == (
        reason.id,
        reason.text,
    )

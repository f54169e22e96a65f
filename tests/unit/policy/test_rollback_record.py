"""What a rollback's events add up to: the seed's columns, and what the sweep needs to go on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from recovery.models.decision import DecisionKind
from recovery.models.events import event_from_json
from recovery.models.records import RecoveryStatus
from recovery.models.rollback import Rejected, Rejection, RejectionId, RollbackKind
from recovery.policy.lifecycle import WAIT, project
from recovery.policy.ordering import decide_on_target, given_up, order_for
from recovery.policy.targets import choose_target
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled

REJECTED = Rejected(
    checkpoint_id="ckpt-newer",
    run_id="905",
    commit_sha="e" * 40,
    reasons=(Rejection(id=RejectionId.ARTIFACT_CHANGED, text="its artifact's digest was a and is b"),),
    corrupt=True,
)
HEADER = make.make_header(recovery_type="rollback")
PLAN = make.make_plan(
    header=HEADER,
    decision=make.make_decision(strategy="rollback"),
    rollback=rolled.make_order(rollback_checkpoint_id="ckpt-before", rejected=(REJECTED,)),
)
EVENTS = [
    make.recovery_decided(plan=PLAN),
    make.effect_requested(recovery=HEADER, effect="roll back"),
    make.effect_answered(recovery=HEADER, effect="roll back", reference="7001"),
    make.note_taken(recovery=HEADER, step=WAIT, status="skipped", detail="the rules of `production`"),
]


def test_the_seeds_columns() -> None:
    """Target, what stood before, corruption, and what validating found."""
    state = project(EVENTS)

    assert ("ckpt-good0001", "ckpt-before", True) == (
        state.target_checkpoint_id,
        state.rollback_checkpoint_id,
        state.corruption_detected,
    )
    assert state.validation_results["is_valid"]
    assert ["ckpt-newer"] == [rejected["checkpoint_id"] for rejected in state.validation_results["rejected"]]
    assert ("7001", "the rules of `production`") == (state.metadata["reference"], state.metadata["waits_for"])
    assert rolled.BAD_SHA == state.recovery_context["rollback"]["bad_sha"]


def test_nothing_is_waited_for_once_it_is_settled() -> None:
    """The end outweighs what was on the way."""
    state = project([*EVENTS, make.recovery_settled(recovery=HEADER)])

    assert "waits_for" not in state.metadata
    assert RecoveryStatus.COMPLETED is state.status


def test_release_is_told_in_any_order() -> None:
    """It changes no status, and comes back from a journal as it was."""
    released = rolled.hold_released(recovery=HEADER)
    assert released == event_from_json(released.model_dump_json())

    states = [project(order) for order in itertools.permutations([*EVENTS, released])]

    assert 1 == len({state.model_dump_json() for state in states})
    assert released.at.isoformat() == states[0].metadata["hold_released_at"]
    assert RecoveryStatus.IN_PROGRESS is states[0].status


def test_order_without_a_target_lists_what_was_looked_into() -> None:
    """The record of a refusal says as much as that of a rollback."""
    case = rolled.make_case()
    choice = choose_target([rolled.make_facts(reachable=False)], case)
    order = order_for(case, choice, nonce="n")
    because = make.make_decision().reasons[0]
    decision = decide_on_target((because,), case, choice, None)
    plan = PLAN.model_copy(update={"rollback": order, "decision": decision})
    state = project([make.recovery_decided(plan=plan)])

    assert DecisionKind.DECLINE is decision.kind
    assert (None, False) == (state.target_checkpoint_id, state.validation_results["is_valid"])
    assert ["ckpt-good0001: not-reachable: its commit is not part of the history of `main`"] == (
        state.validation_results["errors"]
    )


def test_order_without_any_candidate() -> None:
    """An adoption that has just begun."""
    case = rolled.make_case()
    decision = decide_on_target(make.make_decision().reasons, case, choose_target([], case), None)

    assert "there is no checkpoint of `Deploy` to go back to: none is on record" == decision.reasons[0].text


def test_hold_of_no_length_is_none() -> None:
    """`hold: 0`."""
    rule = rolled.make_case().rule.model_copy(update={"hold": 0})
    choice = choose_target([rolled.make_facts()], rolled.make_case())

    assert None is order_for(rolled.make_case(rule=rule), choice, nonce="n").hold_until


def test_order_names_the_jobs_by_which_it_is_told_whether_a_run_brought_it_back() -> None:
    """And the branch, which their names may show; where no run is started, there is nothing to tell by them."""
    for kind, jobs in ((RollbackKind.REDISPATCH, ("deploy",)), (RollbackKind.DEPLOYMENT, ())):
        case = rolled.make_case(rule=RollbackRule(kind=kind))
        order = order_for(case, choose_target([rolled.make_facts(jobs=("deploy",))], case), nonce="n")

        assert (jobs, "main") == (order.jobs, order.target_branch)


def test_given_up_says_what_stands_in_the_way() -> None:
    """Another recovery had the attempt's one effect."""
    standing = project([make.recovery_decided()])

    left = given_up(PLAN, standing)

    assert DecisionKind.DECLINE is left.decision.kind
    assert f"recovery {standing.id} of this attempt is pending" == left.decision.reasons[0].text
    assert PLAN.decision.reasons == left.decision.reasons[1:]


def test_given_up_orders_nothing() -> None:
    """A target on record would be read as what was gone back to."""
    left = given_up(PLAN, project([make.recovery_decided()]))
    state = project([make.recovery_decided(plan=left)])

    assert left.rollback is not None
    assert (None, "", 0, None, None) == (
        left.rollback.target_checkpoint_id,
        left.rollback.target_sha,
        left.rollback.target_run_id,
        left.rollback.target_artifact_id,
        left.rollback.rollback_checkpoint_id,
    )
    assert (RecoveryStatus.DECLINED, None, None, False) == (
        state.status,
        state.target_checkpoint_id,
        state.rollback_checkpoint_id,
        state.validation_results["is_valid"],
    )
    assert (REJECTED,) == left.rollback.rejected
    assert given_up(make.make_plan(), project([make.recovery_decided()])).rollback is None


def test_order_to_return() -> None:
    """From what the failed rollback brought, to what stood before, by a tag of its own, and without a hold."""
    failed = rolled.make_failed()
    case = rolled.make_case(returns_from=failed)
    stood = rolled.make_stood()

    order = order_for(case, choose_target([stood], case), nonce="n", before="ckpt-good0001")

    assert (failed.id, rolled.GOOD_SHA, rolled.BAD_SHA, rolled.BAD_RUN) == (
        order.returns_from,
        order.bad_sha,
        order.target_sha,
        order.bad_run_id,
    )
    assert (f"recovery/return/deploy/production/{rolled.BAD_SHA}", None, "ckpt-good0001") == (
        order.tag,
        order.hold_until,
        order.rollback_checkpoint_id,
    )


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({}, "passed every check"),
        (
            {"environment_errors": None},
            "passed every check; the environment was not compared: the bad run recorded none",
        ),
        ({"rolled_back": True}, "passed every check, but for `on-hold`, which was set aside"),
    ],
)
def test_choice_says_what_it_rests_on(over: dict[str, Any], told: str) -> None:
    """What was set aside, and what could not be checked."""
    case = rolled.make_case()
    choice = choose_target([rolled.make_facts(**over)], case, {RejectionId.ON_HOLD})
    decision = decide_on_target(make.make_decision().reasons, case, choice, None)

    assert decision.reasons[1].text.endswith(told)


def test_choice_of_what_stood_before_says_so() -> None:
    """It need not have been good."""
    case = rolled.make_case(returns_from=rolled.make_failed())
    choice = choose_target([rolled.make_stood()], case)
    note = make.make_decision().reasons[0]
    decision = decide_on_target((note,), case, choice, None, (note,))

    assert "it is what stood before rec-902-1-nonce-0001, which failed half-way" in decision.reasons[1].text
    assert note == decision.reasons[2]


@pytest.mark.parametrize(
    ("reason", "is_corruption"),
    [
        (RejectionId.ENVIRONMENT_DIFFERS, True),
        (RejectionId.DEPENDENCIES_DIFFER, True),
        (RejectionId.NOT_SUCCESSFUL, False),
        (RejectionId.ON_HOLD, False),
    ],
)
def test_drift_of_a_candidate_is_put_on_record(reason: RejectionId, *, is_corruption: bool) -> None:
    """What was made in another environment, or with other dependencies, than it says it belongs to."""
    rejected = Rejected(
        checkpoint_id="ckpt-1", run_id="1", commit_sha="a" * 40, reasons=(Rejection(id=reason, text="it differs"),)
    )
    plan = make.make_plan(rollback=rolled.make_order(rejected=(rejected,)))

    assert is_corruption is project([make.recovery_decided(plan=plan)]).corruption_detected


def test_damage_of_what_is_kept_between_runs_is_put_on_record() -> None:
    """A cached database that did not pass its check."""
    plan = make.make_plan(damage="the database was set aside as recovery.db.broken-1")

    assert project([make.recovery_decided(plan=plan)]).corruption_detected
    assert not project([make.recovery_decided(plan=make.make_plan())]).corruption_detected

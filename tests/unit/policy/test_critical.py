"""When to go back: a deployment that is broken for real, or left damage, of a workflow that can be rolled back."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import DecisionKind, JobCheckpoint, ReasonId
from recovery.models.records import RecoveryType
from recovery.models.verdict import Evidence, FailureClass, Retryable
from recovery.policy.choose import checkpoints_matter, choose
from recovery.policy.lifecycle import project
from recovery.policy.planning import draw_up
from recovery.policy.resumption import TIME_LIMIT_RULE
from recovery.policy.vetoes import Case
from recovery.settings import Autonomy, RollbackRule, Settings, SideEffects, Strategy
from tests import builders as make
from tests import rollback_builders as rolled

REAL = {"failure_class": FailureClass.TEST_FAILURE, "retryable": Retryable.NO}
UNKNOWN = {"failure_class": FailureClass.UNKNOWN, "retryable": Retryable.NO, "evidence": ()}
PASSING = {"failure_class": FailureClass.NETWORK, "retryable": Retryable.YES}
CUT_OFF = {
    "failure_class": FailureClass.TIMEOUT,
    "retryable": Retryable.NO,
    "evidence": (Evidence(line=1, text="has exceeded the maximum execution time", rule=TIME_LIMIT_RULE),),
}


def make_case(
    failure: dict[str, Any] | None = None, run: dict[str, Any] | None = None, automatic: bool = False, **over: Any
) -> Case:
    """A deployment from main whose job `deploy` failed for a real reason."""
    failed = make.make_failure(
        **{"run_id": rolled.BAD_RUN, "workflow_name": "Deploy", "job_name": "deploy"} | REAL | (failure or {})
    )
    rule = RollbackRule(kind="redispatch", automatic=automatic, branches=("release", "recovery/odd"))
    settings = {"rollback": {"Deploy": rule}} | over.pop("settings", {})
    seen = make.make_observation(
        run=rolled.make_bad_run(**run or {}),
        failures=(failed, *over.pop("others", ())),
        jobs=(make.make_job(run_id=rolled.BAD_RUN, name=failed.job_name),),
        pull_request=None,
        head_now=over.pop("head_now", rolled.BAD_SHA),
        checkpoints=over.pop("checkpoints", None),
    )
    return Case(observation=seen, settings=Settings(**settings), now=make.NOW, default_branch="main", **over)


def test_broken_deployment_is_proposed_to_be_rolled_back() -> None:
    """With every reason that speaks against trying the same commit again."""
    decision = choose(make_case())

    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (decision.kind, decision.strategy)
    assert [ReasonId.CRITICAL_FAILURE, ReasonId.REAL_FAILURE, ReasonId.SIDE_EFFECTS] == [
        reason.id for reason in decision.reasons
    ]
    assert "job `deploy` deploys, and failed for a real reason (test failure)" == decision.reasons[0].text


def test_it_is_done_where_that_is_configured() -> None:
    """Nobody is asked then; and checkpoints to continue from do not matter."""
    case = make_case(automatic=True)

    assert (DecisionKind.ACT, RecoveryType.ROLLBACK) == (choose(case).kind, choose(case).strategy)
    assert not checkpoints_matter(case, Strategy.AUTO)


def test_failed_deployment_counts_whatever_the_job_is_called() -> None:
    """The class says it."""
    case = make_case({"job_name": "ship", "failure_class": FailureClass.DEPLOYMENT})

    assert RecoveryType.ROLLBACK is choose(case).strategy


@pytest.mark.parametrize("over", [{}, {"job_name": "ship", "failure_class": FailureClass.DEPLOYMENT}])
def test_nothing_is_rolled_back_on_a_guess(over: dict[str, Any]) -> None:
    """What only the step's name says is no proof that a deployment is broken, and nobody knows why it failed."""
    decision = choose(make_case({"confidence": 0.45} | over, automatic=True))

    assert (DecisionKind.DECLINE, RecoveryType.NONE) == (decision.kind, decision.strategy)
    assert ReasonId.UNKNOWN_CAUSE in {reason.id for reason in decision.reasons}


def test_the_last_try_counts() -> None:
    """That no attempt is left speaks against trying again only."""
    assert RecoveryType.ROLLBACK is choose(make_case(run={"run_attempt": 1}, settings={"max_attempts": 1})).strategy


def test_run_of_a_configured_branch_counts() -> None:
    """Not only the default branch is deployed."""
    assert RecoveryType.ROLLBACK is choose(make_case(run={"head_branch": "release"})).strategy


@pytest.mark.parametrize(
    "over",
    [
        {"failure": PASSING},
        {"failure": UNKNOWN},
        {"failure": {"retryable": Retryable.MAYBE}},
        {"failure": {"job_name": "unit"}},
        {"run": {"workflow_name": "CI"}},
        {"run": {"head_branch": "feature"}},
        {"run": {"head_branch": "recovery/odd"}},
        {"run": {"head_branch": f"recovery/rollback/deploy/production/{'c' * 40}", "event": "workflow_dispatch"}},
        {"run": {"event": "pull_request_target"}},
        {"run": {"head_repository": "mallory/widgets"}},
        {"head_now": "c" * 40},
        {"settings": {"autonomy": {FailureClass.TEST_FAILURE: Autonomy.OBSERVE}}},
        {"settings": {"side_effects": {"deploy": SideEffects.NONE}}},
        {"own_workflow": rolled.WORKFLOW},
    ],
)
def test_what_is_not_gone_back_from(over: dict[str, Any]) -> None:
    """A passing failure, another job, workflow or branch, a proposal, a rollback, or what people have excluded."""
    assert RecoveryType.ROLLBACK is not choose(make_case(automatic=True, **over)).strategy


def test_default_branch_that_is_not_told() -> None:
    """Then nothing is known to be deployed from it."""
    case = make_case().model_copy(update={"default_branch": ""})

    assert RecoveryType.NONE is choose(case).strategy


def damaged(job_name: str = "deploy", **over: Any) -> JobCheckpoint:
    """What the failed job left, which is damaged."""
    return make.make_job_checkpoint(**{"job_name": job_name, "errors": ("a pack is torn",), "corrupt": True} | over)


@pytest.mark.parametrize("automatic", [False, True])
def test_damage_of_a_deployment_is_proposed_at_most(automatic: bool) -> None:
    """Nobody knows why it failed, and what it left is torn: a person decides, whatever is configured."""
    case = make_case(UNKNOWN, automatic=automatic, checkpoints=(damaged(),))

    decision = choose(case)

    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (decision.kind, decision.strategy)
    assert [ReasonId.CRITICAL_FAILURE, ReasonId.SIDE_EFFECTS, ReasonId.UNKNOWN_CAUSE] == [
        reason.id for reason in decision.reasons
    ]
    assert "job `deploy` deploys, and its checkpoint `build_complete` is damaged: a pack is torn" == (
        decision.reasons[0].text
    )


def test_damage_beside_a_broken_deployment_is_told() -> None:
    """The real failure is what is acted on."""
    decision = choose(make_case(automatic=True, checkpoints=(damaged(),)))

    assert (DecisionKind.ACT, RecoveryType.ROLLBACK) == (decision.kind, decision.strategy)
    assert ["failed for a real reason" in decision.reasons[0].text, "is damaged" in decision.reasons[1].text] == [
        True,
        True,
    ]


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"failure": PASSING | {"job_name": "build"}, "checkpoints": (damaged("build"),)}, RecoveryType.RETRY),
        ({"failure": PASSING, "checkpoints": (damaged(),)}, RecoveryType.NONE),
        ({"failure": UNKNOWN | {"job_name": "build"}, "checkpoints": (damaged("build"),)}, RecoveryType.NONE),
        ({"failure": UNKNOWN, "checkpoints": (damaged(corrupt=False),)}, RecoveryType.NONE),
        ({"failure": UNKNOWN, "checkpoints": (damaged(job_id=4999),)}, RecoveryType.NONE),
        ({"failure": UNKNOWN, "checkpoints": (damaged(),), "run": {"head_branch": "feature"}}, RecoveryType.NONE),
    ],
)
def test_damage_alone_is_no_reason(over: dict[str, Any], expected: RecoveryType, automatic: bool) -> None:
    """What may pass is tried again first, or left; and only what a job that deploys left counts."""
    assert expected is choose(make_case(automatic=automatic, **over)).strategy


def test_what_may_continue_is_continued_first() -> None:
    """A deployment that ran out of time, and has got further than before, is no broken one."""
    safe = {"settings": {"side_effects": {"deploy": SideEffects.NONE}}}
    sound = make.make_job_checkpoint(job_name="deploy")
    late = make_case(CUT_OFF, automatic=True, checkpoints=(sound,), **safe)

    assert (DecisionKind.ACT, RecoveryType.RESUME) == (choose(late).kind, choose(late).strategy)
    broken_beside = make.make_failure(id="fail-902-1-2", job_id=2, job_name="unit", **REAL)
    beside = make_case(CUT_OFF, automatic=True, checkpoints=(sound,), others=(broken_beside,))
    assert RecoveryType.NONE is choose(beside).strategy
    assert RecoveryType.ROLLBACK is choose(make_case(CUT_OFF, automatic=True)).strategy


def test_deployment_that_a_gate_stopped_is_no_broken_one() -> None:
    """`mode: guard` and its like stop a job before it deploys: there is nothing to go back from."""
    stopped = REAL | {"failure_class": FailureClass.POLICY_GATE}

    assert RecoveryType.NONE is choose(make_case(stopped, automatic=True)).strategy


def test_damage_is_looked_for_where_it_would_matter() -> None:
    """Where nothing else would be proposed for a deployment that can be rolled back, and nowhere else."""
    assert checkpoints_matter(make_case(UNKNOWN), Strategy.AUTO)
    assert not checkpoints_matter(make_case(), Strategy.AUTO)
    assert not checkpoints_matter(make_case(PASSING), Strategy.AUTO)
    assert not checkpoints_matter(make_case(UNKNOWN | {"job_name": "unit"}), Strategy.AUTO)
    assert not checkpoints_matter(make_case(UNKNOWN, run={"head_branch": "feature"}), Strategy.AUTO)
    assert not checkpoints_matter(make_case(UNKNOWN), Strategy.RETRY)


def test_damage_is_kept_in_the_record_of_a_proposal() -> None:
    """So that `corruption_detected` is set; what is sound is of no use where nothing is continued."""
    sound = make.make_job_checkpoint(job_name="build")
    case = make_case(UNKNOWN, checkpoints=(damaged(), sound))
    failure = case.observation.failures[0]

    plan = draw_up(
        failure, case.observation, choose(case), number=1, steps=("report_to_people",), now=make.NOW, due_at=None
    )

    assert (damaged(),) == plan.checkpoints
    assert project([make.recovery_decided(plan=plan)]).corruption_detected

"""A deployment that fails, whose workflow can be rolled back: what is looked for, proposed, and put on record."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.records import RecoveryStatus, RecoveryType
from tests import builders as make
from tests.integration.bench import BROKEN, NETWORK, RUN, Bench

ODD = "2026-01-15T12:00:00.0000000Z something went sideways\n"
JOB = 4201
TORN = b'{"version": 1'


@pytest.fixture
def deployment(bench: Bench) -> Bench:
    """A push to main whose job `deploy` left a checkpoint that is torn."""
    run = make.make_run(workflow_name="Deploy", event="push", head_branch="main")
    bench.forge.add_run(run, [make.make_job(name="deploy")], {JOB: ODD})
    bench.forge.branches["main"] = run.head_sha
    bench.failure = make.make_failure(workflow_name="Deploy", job_name="deploy")
    artifact = make.make_artifact(name=f"recovery-checkpoint.{RUN}.1.{JOB}.released.00000001")
    bench.forge.artifacts[artifact.id] = (artifact, {"manifest.json": TORN})
    return bench


def configured(**over: Any) -> dict[str, Any]:
    """That `Deploy` is rolled back, by itself where a person's word is not needed."""
    return {"rollback": {"Deploy": {"kind": "redispatch", "automatic": True} | over}}


def test_damage_of_an_unknown_failure_is_proposed_and_on_record(deployment: Bench) -> None:
    """Corruption was detected; a person decides, though `automatic` is set. It costs the artifacts and a manifest."""
    manager = deployment.manager(**configured())

    plan = manager.plan(deployment.failure)
    state = manager.execute(plan)

    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (plan.decision.kind, plan.decision.strategy)
    assert ReasonId.CRITICAL_FAILURE is plan.decision.reasons[0].id
    assert (True, RecoveryStatus.DECLINED, 0) == (state.corruption_detected, state.status, deployment.effects)
    assert {"artifacts_of_run": 1, "artifact_file": 1} == {
        method: deployment.forge.called(method) for method in ("artifacts_of_run", "artifact_file")
    }


def test_passing_failure_is_retried_whatever_is_damaged(deployment: Bench) -> None:
    """Its job starts from the start, because its checkpoint is refused; the damage is on record all the same."""
    deployment.forge.logs[JOB] = NETWORK.encode()
    manager = deployment.manager(**configured(), side_effects={"deploy": "none"})

    plan = manager.plan(deployment.failure)
    state = manager.execute(plan)

    assert (DecisionKind.ACT, RecoveryType.RETRY, 1) == (plan.decision.kind, plan.decision.strategy, deployment.effects)
    assert state.corruption_detected
    assert [ReasonId.TRANSIENT, ReasonId.CHECKPOINT_REJECTED] == [reason.id for reason in plan.decision.reasons]


def test_real_failure_needs_no_look_at_checkpoints(deployment: Bench) -> None:
    """It is proposed to be rolled back anyway, and nothing is asked for that."""
    deployment.forge.logs[JOB] = BROKEN.encode()

    plan = deployment.manager(**configured(automatic=False)).plan(deployment.failure)

    assert (DecisionKind.SUGGEST, RecoveryType.ROLLBACK) == (plan.decision.kind, plan.decision.strategy)
    assert 0 == deployment.forge.called("artifacts_of_run")


def test_workflow_that_is_not_configured_is_left(deployment: Bench) -> None:
    """As ever: an unknown cause is people's, and nothing more is asked."""
    plan = deployment.manager().plan(deployment.failure)

    assert (DecisionKind.DECLINE, RecoveryType.NONE) == (plan.decision.kind, plan.decision.strategy)
    assert 0 == deployment.forge.called("artifacts_of_run")

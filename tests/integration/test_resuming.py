"""Resuming through the manager: planned with the checkpoints, uploaded before, degraded where they are no good."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from recovery.app.recovering import Target, execute_recovery, plan_recovery
from recovery.errors import StateError
from recovery.models.checkpoint import CheckpointHealth, particulars_of
from recovery.models.decision import DecisionKind
from recovery.models.manifest import manifest_bytes
from recovery.models.records import RecoveryStatus, RecoveryType
from recovery.strategies import resume
from tests import builders as make
from tests.integration.bench import BROKEN, RUN, Bench

CHECKPOINT = "ckpt-00000001"
CUT_OFF = (
    "2026-01-15T12:00:00.0000000Z ##[error]The job running on runner GitHub Actions 7 has exceeded the maximum"
    " execution time of 60 minutes.\n"
)


def leave_checkpoint(bench: Bench, *, content: bytes | None = None, **over: Any) -> None:
    """Hold a sound checkpoint of the failed job, unless said otherwise."""
    metadata = {"attempt": 1, "job_id": "4201", "done": ["build_complete"]}
    checkpoint = make.make_checkpoint(id=CHECKPOINT, metadata=metadata, **over)
    artifact = make.make_artifact(name="recovery-checkpoint.1001.1.4201.build_complete.00000001")
    bench.forge.artifacts[artifact.id] = (artifact, {"manifest.json": content or manifest_bytes(checkpoint)})


def test_failure_with_a_checkpoint_is_resumed(bench: Bench) -> None:
    """The plan names the checkpoint, the effect is one re-run, and the record has the words of the seed."""
    leave_checkpoint(bench)
    manager = bench.manager()

    plan = manager.plan(bench.failure)
    state = manager.execute(plan)

    assert (RecoveryType.RESUME, resume.steps()) == (plan.decision.strategy, plan.steps)
    assert [CHECKPOINT] == [found.checkpoint_id for found in plan.checkpoints]
    assert 1 == bench.effects
    assert (RecoveryStatus.IN_PROGRESS, RecoveryType.RESUME, CHECKPOINT) == (
        state.status,
        state.recovery_type,
        state.target_checkpoint_id,
    )
    assert {"is_valid": True, "errors": [], "checkpoints": {"test": CHECKPOINT}} == state.validation_results
    assert state.corruption_detected is False


def test_resumed_recovery_is_settled_like_any_other(bench: Bench) -> None:
    """What it achieved is measured on the next attempt."""
    leave_checkpoint(bench)
    manager = bench.manager()
    state = manager.execute(manager.plan(bench.failure))
    bench.forge.complete(RUN, "success")

    assert RecoveryStatus.COMPLETED is bench.manager().settle(state).status


def test_corrupt_checkpoint_degrades_to_a_retry_and_is_excluded_for_good(bench: Bench) -> None:
    """The record says that corruption was detected, and the next plan does not take the checkpoint for sound again."""
    leave_checkpoint(bench, repository="octo-org/elsewhere")
    manager = bench.manager()

    state = manager.execute(manager.plan(bench.failure))

    assert (RecoveryType.RETRY, None, True) == (
        state.recovery_type,
        state.target_checkpoint_id,
        state.corruption_detected,
    )
    assert state.validation_results["is_valid"] is False
    assert ["transient", "checkpoint-rejected"] == [each["id"] for each in state.recovery_context["reasons"]]
    bench.store.record([make.checkpoint_created(checkpoint=make.make_checkpoint(id=CHECKPOINT))])
    known = bench.store.checkpoint(CHECKPOINT)
    assert known is not None
    assert CheckpointHealth.CORRUPT is particulars_of(known).health


def test_known_corruption_is_not_continued_from(bench: Bench) -> None:
    """A checkpoint that was judged corrupt before stays out of use, though its manifest reads well."""
    leave_checkpoint(bench)
    judged = make.checkpoint_judged(checkpoint_id=CHECKPOINT, health=CheckpointHealth.CORRUPT, detail="a pack is torn")
    bench.store.record([make.checkpoint_created(checkpoint=make.make_checkpoint(id=CHECKPOINT)), judged])

    plan = bench.manager().plan(bench.failure)

    assert (RecoveryType.RETRY, ("a pack is torn",)) == (plan.decision.strategy, plan.checkpoints[0].errors)


def test_real_failure_costs_no_look_for_checkpoints(bench: Bench) -> None:
    """Where nothing will be done, nothing is asked."""
    bench.forge.logs[4201] = BROKEN.encode()
    leave_checkpoint(bench)

    bench.manager().plan(bench.failure)

    assert 0 == bench.forge.called("artifacts_of_run")


def test_job_that_ran_out_of_time_continues(bench: Bench) -> None:
    """With a checkpoint of this attempt a time limit is no end; without one it is."""
    bench.forge.logs[4201] = CUT_OFF.encode()
    alone = bench.manager(dry_run=True).plan(bench.failure)
    leave_checkpoint(bench)

    plan = bench.manager().plan(bench.failure)

    assert DecisionKind.SUGGEST is alone.decision.kind
    assert (DecisionKind.ACT, RecoveryType.RESUME) == (plan.decision.kind, plan.decision.strategy)


def test_initiate_recovery_takes_resume(bench: Bench) -> None:
    """The seed's call, `initiate_recovery(failure, "resume")`, resumes."""
    leave_checkpoint(bench)

    state = asyncio.run(bench.manager().initiate_recovery(bench.failure, "resume"))

    assert (RecoveryType.RESUME, 1) == (state.recovery_type, bench.effects)


def test_resume_whose_plan_was_not_uploaded_stops(bench: Bench) -> None:
    """The jobs could not read what to continue from: nothing is done, and the record says why."""
    leave_checkpoint(bench)
    place = bench.place()
    handover = plan_recovery(place, Target(run_id=RUN, attempt=1))

    result = execute_recovery(place, handover, plan_uploaded=False)

    assert isinstance(result.problem, StateError)
    assert "the plan was not uploaded" in result.problem.message
    assert (0, RecoveryStatus.FAILED) == (bench.effects, bench.state().status)


def test_retry_whose_plan_was_not_uploaded_goes_on(bench: Bench) -> None:
    """A plain retry needs nobody to read its plan."""
    place = bench.place()
    result = execute_recovery(place, plan_recovery(place, Target(run_id=RUN, attempt=1)), plan_uploaded=False)

    assert (None, 1) == (result.problem, bench.effects)


@pytest.mark.parametrize("strategy", ["auto", "resume"])
def test_resuming_twice_makes_one_attempt(bench: Bench, strategy: str) -> None:
    """The second manager finds the plan on record, and one effect is all there is."""
    leave_checkpoint(bench)
    first = bench.manager()
    first.execute(first.plan(bench.failure, strategy))
    second = bench.manager()

    second.execute(second.plan(bench.failure, strategy))

    assert 1 == bench.effects


def test_corruption_is_put_on_record_once(bench: Bench) -> None:
    """Deciding about the attempt again adds nothing to what is known of the checkpoint."""
    leave_checkpoint(bench, checkpoint_name="tested")
    bench.manager().plan(bench.failure)
    known = bench.store.health_of(CHECKPOINT)

    bench.manager().plan(bench.failure)

    assert CheckpointHealth.CORRUPT is known[0]
    assert known == bench.store.health_of(CHECKPOINT)
    assert "names another name" in known[1]


def test_id_that_another_artifact_holds_is_not_condemned(bench: Bench) -> None:
    """A sound checkpoint on record is not spoilt by a damaged artifact that claims its id."""
    sound = make.make_checkpoint(id=CHECKPOINT, metadata={"artifact_id": 8000})
    bench.store.record([make.checkpoint_created(checkpoint=sound)])
    leave_checkpoint(bench, repository="octo-org/elsewhere")

    bench.manager().plan(bench.failure)

    assert CheckpointHealth.CORRUPT is not bench.store.health_of(CHECKPOINT)[0]


def test_plan_whose_checkpoint_went_bad_is_not_executed(bench: Bench) -> None:
    """A plan that waited is withdrawn when its checkpoint was found damaged since; the next one is a plain retry."""
    leave_checkpoint(bench)
    plan = bench.manager().plan(bench.failure)
    judged = make.checkpoint_judged(checkpoint_id=CHECKPOINT, health=CheckpointHealth.CORRUPT, detail="a pack is torn")
    bench.store.record([judged])

    state = bench.manager().execute(plan)

    assert (0, RecoveryStatus.FAILED) == (bench.effects, state.status)
    assert "has changed since" in state.metadata["detail"]
    assert RecoveryType.RETRY is bench.manager().plan(bench.failure).decision.strategy


def test_plan_on_record_gives_way_to_one_that_names_other_checkpoints(bench: Bench) -> None:
    """Deciding again does not confirm a plan that says other of the checkpoints than what is true now."""
    leave_checkpoint(bench)
    first = bench.manager().plan(bench.failure)
    bench.forge.artifacts.clear()

    second = bench.manager().plan(bench.failure)

    assert [RecoveryType.RESUME, RecoveryType.RETRY] == [plan.decision.strategy for plan in (first, second)]
    assert first.header.id != second.header.id


def test_retry_that_refused_a_checkpoint_needs_its_plan_uploaded(bench: Bench) -> None:
    """Without the plan the jobs would restore what recovery refused."""
    leave_checkpoint(bench, repository="octo-org/elsewhere")
    place = bench.place()

    result = execute_recovery(place, plan_recovery(place, Target(run_id=RUN, attempt=1)), plan_uploaded=False)

    assert isinstance(result.problem, StateError)
    assert 0 == bench.effects

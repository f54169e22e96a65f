"""What is found out about a candidate, and what it costs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from recovery.errors import ForgeRefused
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.github import Job
from recovery.models.rollback import RejectionId, RollbackKind
from recovery.policy.targets import MOST_CANDIDATES, reasons_against
from recovery.settings import RollbackRule, Settings
from recovery.surveyor import Surveyor
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import RollbackBench


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A good deployment and a bad one."""
    return RollbackBench(MemoryStore(), tmp_path)


def surveyor(bench: RollbackBench, **over: Any) -> Surveyor:
    """A surveyor of the bad deployment."""
    return Surveyor(bench.store, bench.forge, bench.delivery, rolled.make_case(**over), Settings())


def reasons(bench: RollbackBench, **over: Any) -> list[RejectionId]:
    """What stands against the good checkpoint."""
    checkpoint = bench.store.checkpoint("ckpt-good0001")
    assert checkpoint is not None
    facts = surveyor(bench, **over).look_into(checkpoint)
    return [reason.id for reason in reasons_against(facts, rolled.make_case(**over))]


def left_by(bench: RollbackBench, number: int, run_id: int, **over: Any) -> None:
    """One more checkpoint of a run, in the catalogue."""
    name = f"recovery-checkpoint.{run_id}.1.77.deployed.numbr{number:03}"
    checkpoint = rolled.make_good_checkpoint(
        **{"id": f"ckpt-numbr{number:03}", "run_id": str(run_id), "metadata": {"artifact_id": 9500 + number}} | over
    )
    bench.add_checkpoint(checkpoint, name=name, run_id=run_id)


def test_good_one_is_good(bench: RollbackBench) -> None:
    """Facts as they are lead to no reason against it."""
    assert [] == reasons(bench)


def test_each_candidate_costs_seven_requests(bench: RollbackBench) -> None:
    """Run, file, artifact, comparison, hold, tag, jobs; once the file as it is now, and how the bad commit stands."""
    checkpoint = bench.store.checkpoint("ckpt-good0001")
    assert checkpoint is not None
    looking = surveyor(bench)
    before = (len(bench.forge.calls), len(bench.delivery.calls))
    looking.look_into(checkpoint)
    looking.look_into(checkpoint)

    assert (2 * 4 + 1, 2 * 3 + 1) == (len(bench.forge.calls) - before[0], len(bench.delivery.calls) - before[1])


def test_commit_after_the_bad_one_is_none_to_go_back_to(bench: RollbackBench) -> None:
    """It was built on what is bad; so was what came beside it, as far as anybody can tell."""
    after, beside = "c" * 40, "d" * 40
    bench.delivery.add_commits(rolled.BAD_SHA, after)
    bench.delivery._commits[beside] = ("tree-x", (rolled.GOOD_SHA,))
    bench.delivery._commits[after] = ("tree-y", (rolled.BAD_SHA, beside))
    for sha in (after, beside):
        bench.forge.files[rolled.WORKFLOW, sha] = rolled.WORKFLOW_TEXT
        bench.forge.add_run(rolled.make_deploy_run(head_sha=sha))
        assert [RejectionId.NOT_BEFORE] == reasons(bench)


def test_commit_of_another_branch_is_neither_before_nor_reachable(bench: RollbackBench) -> None:
    """It was never merged."""
    bench.delivery._commits["9" * 40] = ("tree-x", ())
    bench.forge.add_run(rolled.make_deploy_run(head_sha="9" * 40))

    assert {RejectionId.NOT_REACHABLE, RejectionId.NOT_BEFORE} <= set(reasons(bench))


def test_before_a_bad_commit_that_was_never_merged_is_asked_on(bench: RollbackBench) -> None:
    """Of a release branch, say: what is before it may well be part of main."""
    release = "8" * 40
    bench.delivery._commits[release] = ("tree-x", (rolled.GOOD_SHA,))

    assert [] == reasons(bench, bad_run=rolled.make_bad_run(head_sha=release))


def test_the_bad_commit_itself(bench: RollbackBench) -> None:
    """That it is the same says it all."""
    bench.forge.add_run(rolled.make_deploy_run(head_sha=rolled.BAD_SHA))

    assert [RejectionId.SAME_COMMIT] == reasons(bench)


def test_lock_files_are_those_of_the_commit(bench: RollbackBench) -> None:
    """A job that changed one had other dependencies than the commit says; what is not kept there tells nothing."""
    lock = "requests==2.32\n"
    bench.forge.files["uv.lock", rolled.GOOD_SHA] = lock
    digest = f"sha256:{hashlib.sha256(lock.encode()).hexdigest()}"
    digests = {"uv.lock": digest, "made/by-the-job.lock": f"sha256:{'0' * 64}"}
    sound = rolled.make_good_checkpoint(metadata={"dependency_digests": digests})
    changed = rolled.make_good_checkpoint(metadata={"dependency_digests": digests | {"uv.lock": f"sha256:{'1' * 64}"}})

    assert () == surveyor(bench).look_into(sound).drifted
    assert ("uv.lock",) == surveyor(bench).look_into(changed).drifted


def test_what_stood_before_is_not_asked_about_tag_and_hold(bench: RollbackBench) -> None:
    """The rollback that is returned from has made both."""
    kept = rolled.make_good_checkpoint(id="ckpt-before", run_id=str(rolled.BAD_RUN), commit_sha=rolled.BAD_SHA)
    case = rolled.make_case(returns_from=rolled.make_failed())
    looking = Surveyor(bench.store, bench.forge, bench.delivery, case, Settings())

    facts = looking.look_into(kept)

    assert (True, True, False, None) == (facts.stood, facts.reachable, facts.rolled_back, facts.hold)
    assert (0, 0, 1) == (
        bench.delivery.called("reference"),
        bench.forge.called("artifacts_named"),
        bench.delivery.called("compare"),
    )
    good = bench.store.checkpoint("ckpt-good0001")
    assert good is not None
    assert not looking.look_into(good).stood


def test_damage_beside_a_candidate_is_named(bench: RollbackBench) -> None:
    """Each job of the run restores what its own job left; what that did again since is nobody's."""
    left_by(bench, 1, rolled.GOOD_RUN, metadata={"artifact_id": 9501, "job": "deploy"})
    left_by(bench, 2, rolled.GOOD_RUN, metadata={"artifact_id": 9502, "job": "deploy", "attempt": 2})
    newest = bench.store.checkpoint("ckpt-numbr002")
    assert newest is not None
    bench.store.record(
        [make.checkpoint_judged(checkpoint_id="ckpt-numbr001", health=CheckpointHealth.CORRUPT, detail="torn")]
    )

    assert () == surveyor(bench).look_into(newest).damaged_beside
    left_by(bench, 3, rolled.GOOD_RUN, metadata={"artifact_id": 9503, "job": "build"})
    bench.store.record(
        [make.checkpoint_judged(checkpoint_id="ckpt-numbr003", health=CheckpointHealth.CORRUPT, detail="torn")]
    )
    assert ("`ckpt-numbr003` (torn)",) == surveyor(bench).look_into(newest).damaged_beside


def test_only_so_many_are_looked_into_and_none_before_it_is_needed(bench: RollbackBench) -> None:
    """Each costs requests."""
    for number in range(MOST_CANDIDATES + 5):
        left_by(bench, number, 3000 + number)
    found = surveyor(bench).newest_first()
    assert 0 == len(bench.forge.calls)

    next(found)
    assert 1 == bench.forge.called("run")
    assert MOST_CANDIDATES - 1 == len(list(found))


def good_run_had(bench: RollbackBench, *jobs: Job, attempt: int = 1) -> None:
    """Let the good run have had these jobs in an attempt, its newest."""
    bench.forge.add_run(rolled.make_deploy_run(run_attempt=attempt), jobs)


def job(number: int, name: str, conclusion: str, attempt: int = 1) -> Job:
    """A job of the good run."""
    return make.make_job(
        id=number, run_id=rolled.GOOD_RUN, name=name, conclusion=conclusion, run_attempt=attempt, steps=()
    )


def test_run_that_left_out_its_deployment_is_no_target(bench: RollbackBench) -> None:
    """It is green because a condition skipped what deploys; the jobs of the bad run are asked for only then, once."""
    good_run_had(bench, job(1, "build", "success"), job(2, "deploy", "skipped"))
    good = bench.store.checkpoint("ckpt-good0001")
    assert good is not None
    looking = surveyor(bench)

    facts = [looking.look_into(good) for _ in range(2)]

    assert [("deploy",), ("deploy",)] == [each.jobs_missed for each in facts]
    assert [RejectionId.NOT_SUCCESSFUL] == [reason.id for reason in reasons_against(facts[0], rolled.make_case())]
    assert 1 == bench.forge.called("jobs")


def test_jobs_are_not_asked_for_in_vain(bench: RollbackBench) -> None:
    """Something else stands against it anyway; but where a person may set that aside, they count."""
    bench.forge.add_run(rolled.make_deploy_run(conclusion="failure"))
    reasons(bench)
    assert 0 == bench.forge.called("jobs_of_all_attempts")

    bench.forge.add_run(rolled.make_deploy_run(head_branch="feature"), [job(2, "deploy", "skipped")])
    assert [RejectionId.NOT_SUCCESSFUL, RejectionId.WRONG_BRANCH] == reasons(bench)


def test_what_a_failed_job_left_is_no_proof(bench: RollbackBench) -> None:
    """Its next attempt succeeded, and left nothing; what was green all along is proven."""
    good_run_had(bench, job(11, "build", "success"), job(12, "deploy", "failure"))
    good_run_had(bench, job(22, "deploy", "success", attempt=2), attempt=2)
    of_build = {"artifact_id": 9101, "job": "build", "job_id": "11"}
    good = rolled.make_good_checkpoint(metadata=of_build)
    bench.add_checkpoint(good)
    assert [] == reasons(bench)

    left_by(bench, 1, rolled.GOOD_RUN, metadata={"artifact_id": 9501, "job": "deploy", "job_id": "12"})
    facts = surveyor(bench).look_into(good)
    assert (("ckpt-numbr001",), ("deploy",)) == (facts.unproven, facts.jobs)
    assert [RejectionId.NOT_SUCCESSFUL] == reasons(bench)

    again = {"artifact_id": 9502, "job": "deploy", "job_id": "22", "attempt": 2}
    left_by(bench, 2, rolled.GOOD_RUN, metadata=again)
    assert [] == reasons(bench)


@pytest.mark.parametrize("run_id", ["run_123", "\u0661\u0662", "9" * 5000])
def test_run_that_is_none(bench: RollbackBench, run_id: str) -> None:
    """Somebody recorded it by hand."""
    by_hand = rolled.make_good_checkpoint(run_id=run_id, metadata={"artifact_id": None})

    assert None is surveyor(bench).look_into(by_hand).run


def test_run_that_is_gone_or_may_not_be_read(bench: RollbackBench) -> None:
    """The one is a reason, the other an error."""
    del bench.forge._runs[rolled.GOOD_RUN]
    assert RejectionId.NOT_SUCCESSFUL in reasons(bench)

    bench.forge.fail("run", ForgeRefused("no", status=403), call=2)
    with pytest.raises(ForgeRefused):
        reasons(bench)


def test_damaged_particulars_ask_for_no_artifact(bench: RollbackBench) -> None:
    """What its metadata says of it is not to be relied on."""
    damaged = rolled.make_good_checkpoint(metadata={"attempt": "first"})

    facts = surveyor(bench).look_into(damaged)

    assert (None, None, None) == (facts.particulars, facts.artifact, facts.environment_errors)
    assert 0 == bench.delivery.called("artifact")


def test_rollback_is_recognised_by_its_tag_and_by_the_record(bench: RollbackBench) -> None:
    """A run that a rollback has started is no target, and neither is one at a tag of ours."""
    for tag in ("recovery/rollback/deploy/production/x", "recovery/return/deploy/production/x"):
        bench.forge.add_run(rolled.make_deploy_run(head_branch=tag))
        assert RejectionId.IS_ROLLBACK in reasons(bench)

    bench.forge.add_run(rolled.make_deploy_run())
    plan = make.make_plan(
        header=make.make_header(id="rec-7-1-1", recovery_type="rollback"),
        decision=make.make_decision(strategy="rollback"),
        rollback=rolled.make_order(bad_sha="c" * 40),
    )
    bench.store.record(
        [
            make.recovery_decided(plan=plan),
            make.effect_answered(recovery=plan.header, reference=str(rolled.GOOD_RUN)),
        ]
    )
    assert [RejectionId.IS_ROLLBACK] == reasons(bench)


def test_hold_on_record_counts_without_its_artifact(bench: RollbackBench) -> None:
    """The upload may have failed."""
    plan = make.make_plan(
        header=make.make_header(id="rec-7-1-1", recovery_type="rollback"),
        decision=make.make_decision(strategy="rollback"),
        rollback=rolled.make_order(bad_sha=rolled.GOOD_SHA),
    )
    bench.store.record([make.recovery_decided(plan=plan), make.effect_answered(recovery=plan.header)])

    assert [RejectionId.ON_HOLD] == reasons(bench)


def test_environments_are_compared_where_both_recorded_them(bench: RollbackBench) -> None:
    """What the same job of the bad run recorded; what only one of the two recorded is not compared."""
    recorded = {"tool:node": "v20.1.0", "RUNNER_OS": "Linux", "ImageVersion": "20260101.1", "OLD": "x"}
    good = rolled.make_good_checkpoint(environment_context=recorded, metadata={"compatible": ["ImageVersion"]})
    now = {"tool:node": "v22.0.0", "RUNNER_OS": "Linux", "ImageVersion": "20260108.1", "NEW": "y"}
    left_by(bench, 1, rolled.BAD_RUN, environment_context=now, metadata={"artifact_id": 1, "job": "other"})
    assert None is surveyor(bench).look_into(good).environment_errors

    left_by(bench, 2, rolled.BAD_RUN, environment_context=now)
    (error,) = surveyor(bench).look_into(good).environment_errors or ()
    assert "`tool:node` was" in error
    assert "v20.1.0" in error
    assert "v22.0.0" in error


def test_number_of_a_pull_request_is_no_run(bench: RollbackBench) -> None:
    """A revert's reference is the number of its pull request, which a run may have for its id."""
    plan = make.make_plan(
        header=make.make_header(id="rec-7-1-1", recovery_type="rollback"),
        decision=make.make_decision(strategy="rollback"),
        rollback=rolled.make_order(bad_sha="c" * 40, kind=RollbackKind.REVERT_PR),
    )
    answer = make.effect_answered(recovery=plan.header, reference=str(rolled.GOOD_RUN))
    bench.store.record([make.recovery_decided(plan=plan), answer])

    assert [] == reasons(bench)


def test_input_is_asked_for_only_where_it_is_needed(bench: RollbackBench) -> None:
    """A deployment needs no `workflow_dispatch`."""
    bench.forge.files[rolled.WORKFLOW, rolled.GOOD_SHA] = "on: push\njobs: {build: {}, deploy: {}}"

    assert [RejectionId.INPUT_UNDECLARED] == reasons(bench)
    assert [] == reasons(bench, rule=RollbackRule(kind=RollbackKind.DEPLOYMENT))

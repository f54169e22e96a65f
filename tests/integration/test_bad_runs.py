"""Which run is rolled back, however it is asked for, and what keeps it from being."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recovery.app.releasing import release_hold
from recovery.errors import AlreadyUnderWay, CheckpointRejected, ForgeRefused, InputError, NotFoundError
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import DecisionKind, ReasonId, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import RecoveryStatus
from recovery.models.rollback import RejectionId
from recovery.policy.claims import claim_of, tag_message
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.rollback_bench import TAG, RollbackBench

GOOD = "ckpt-good0001"


@pytest.fixture
def bench(tmp_path: Path) -> RollbackBench:
    """A bad deployment, over a store in memory, rolled back by dispatching."""
    return RollbackBench(MemoryStore(), tmp_path)


def later(bench: RollbackBench, number: int, **over: Any) -> Run:
    """A run of the workflow on main, so many minutes after the bad one."""
    begun = make.later(-300 + 60 * number)
    run = rolled.make_bad_run(**{"id": 910 + number, "created_at": begun, "run_started_at": begun} | over)
    bench.forge.add_run(run)
    return run


UNFIT = {
    "fork": ({"head_repository": "mallory/widgets"}, ReasonId.RUN_UNFIT),
    "pull request": ({"event": "pull_request"}, ReasonId.RUN_UNFIT),
    "branch": ({"head_branch": "feature"}, ReasonId.RUN_UNFIT),
    "rollback": ({"head_branch": "recovery/rollback/deploy/production/x"}, ReasonId.RUN_UNFIT),
    "active": ({"status": "in_progress", "conclusion": None}, ReasonId.RUN_ACTIVE),
}


def asked_in_every_way(bench: RollbackBench, run: Run) -> list[RecoveryPlan]:
    """Plans for a run that is named, that of a failure, and automatic ones."""
    failure = make.make_failure(run_id=run.id, workflow_name="Deploy", head_sha=run.head_sha)
    return [
        bench.manager().plan_rollback(run=run),
        bench.manager().plan_rollback(GOOD, run=run),
        bench.manager().plan_rollback(failure=failure),
        bench.unasked(failure),
    ]


@pytest.mark.parametrize("flaw", UNFIT)
def test_unfit_run_is_rolled_back_in_no_way(bench: RollbackBench, flaw: str) -> None:
    """A branch's, a fork's or a rollback's own run cannot start a rollback of production, whoever asks how."""
    over, reason = UNFIT[flaw]
    run = rolled.make_bad_run(**over)
    bench.forge.add_run(run)

    for plan in asked_in_every_way(bench, run):
        assert (DecisionKind.DECLINE, reason) == (plan.decision.kind, plan.decision.reasons[0].id)
        assert plan.rollback is not None
        assert None is plan.rollback.target_checkpoint_id
    assert (0, set()) == (bench.effects, bench.locks)


def test_use_of_the_form_says_why(bench: RollbackBench) -> None:
    """The error is the reason."""
    bench.forge.add_run(rolled.make_bad_run(head_branch="feature"))

    problem = bench.roll_back(run_id=rolled.BAD_RUN).problem

    assert isinstance(problem, ForgeRefused)
    assert "run 902 was on `feature`" in problem.message


def test_newer_run_that_is_active_is_waited_for(bench: RollbackBench) -> None:
    """It would deploy while, or after, the good commit is brought back; no way of asking goes around it."""
    newer = later(bench, 1, status="queued", conclusion=None)

    plans = [*asked_in_every_way(bench, rolled.make_bad_run()), bench.manager().plan_rollback(GOOD)]

    assert {ReasonId.RUN_ACTIVE} == {plan.decision.reasons[0].id for plan in plans}
    assert f"run {newer.id} is still queued: wait for it, or cancel it" in plans[-1].decision.reasons[0].text
    bench.forge.complete(newer.id, "cancelled")
    assert bench.go()


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped", "stale", "action_required", "startup_failure"])
def test_run_that_did_not_deploy_is_passed_over_and_told(bench: RollbackBench, conclusion: str) -> None:
    """What stands is what was there before it."""
    passed = later(bench, 1, conclusion=conclusion)

    plan = bench.manager().plan_rollback(workflow="Deploy")

    assert plan.rollback is not None
    assert (rolled.BAD_RUN, GOOD) == (plan.rollback.bad_run_id, plan.rollback.target_checkpoint_id)
    note = plan.decision.reasons[-1]
    assert ReasonId.NEWER_RUN is note.id
    assert f"run {passed.id} came after it and ended with `{conclusion}`: it is passed over" in note.text


def test_no_run_that_deployed(bench: RollbackBench) -> None:
    """The error says what to name."""
    for run_id in (rolled.GOOD_RUN, rolled.BAD_RUN):
        bench.forge.complete(run_id, "cancelled")

    with pytest.raises(NotFoundError, match="that deployed anything"):
        bench.manager().plan_rollback(GOOD)


def test_nothing_is_rolled_back_by_itself_once_a_newer_run_has_deployed(bench: RollbackBench) -> None:
    """The next commit may have mended it; a person may still do it, and is told."""
    newer = later(bench, 1, conclusion="success")
    failure = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", head_sha=rolled.BAD_SHA)

    automatic = bench.unasked(failure)
    named = bench.manager().plan_rollback(run=rolled.make_bad_run())

    assert (DecisionKind.DECLINE, ReasonId.SUPERSEDED) == (automatic.decision.kind, automatic.decision.reasons[0].id)
    assert DecisionKind.ACT is named.decision.kind
    assert f"run {newer.id} came after it" in named.decision.reasons[-1].text


def test_target_newer_than_the_bad_commit_is_none(bench: RollbackBench) -> None:
    """It contains what is bad; not even a person can say otherwise."""
    sha = "c" * 40
    bench.delivery.add_commits(rolled.BAD_SHA, sha)
    bench.forge.files[rolled.WORKFLOW, sha] = rolled.WORKFLOW_TEXT
    later(bench, 1, head_sha=sha, conclusion="success")
    newer = rolled.make_good_checkpoint(
        id="ckpt-newer001", run_id="911", commit_sha=sha, created_at=make.NOW, metadata={"artifact_id": 9105}
    )
    bench.add_checkpoint(newer, name="recovery-checkpoint.911.1.77.deployed.newer001", run_id=911)

    plan = bench.manager(force=tuple(RejectionId(name) for name in ("on-hold", "wrong-branch"))).plan_rollback(
        run=rolled.make_bad_run()
    )

    assert plan.rollback is not None
    assert GOOD == plan.rollback.target_checkpoint_id
    assert [RejectionId.NOT_BEFORE] == [reason.id for reason in plan.rollback.rejected[0].reasons]


def test_run_with_a_damaged_checkpoint_is_no_target(bench: RollbackBench) -> None:
    """Each job restores what its own job left; and what is damaged is not blamed on the one that is not."""
    other = rolled.make_good_checkpoint(
        id="ckpt-other001", metadata={"artifact_id": 9106}, created_at=make.later(-3600)
    )
    bench.add_checkpoint(other, name="recovery-checkpoint.901.1.78.built.other001")
    torn = make.checkpoint_judged(checkpoint_id="ckpt-other001", health=CheckpointHealth.CORRUPT, detail="torn")
    bench.store.record([torn])

    plan = bench.manager().plan_rollback(GOOD)

    assert plan.rollback is not None
    (rejected,) = plan.rollback.rejected
    assert [RejectionId.UNHEALTHY] == [reason.id for reason in rejected.reasons]
    assert "`ckpt-other001` (torn)" in rejected.reasons[0].text
    assert not rejected.corrupt
    assert CheckpointHealth.CORRUPT is not bench.store.health_of(GOOD)[0]


def test_damage_is_recorded_with_its_own_reason(bench: RollbackBench) -> None:
    """Whatever else spoke against the candidate."""
    bench.forge.add_run(rolled.make_deploy_run(conclusion="failure"))
    bench.forge.artifacts[rolled.GOOD_ARTIFACT] = (rolled.make_good_artifact(digest="sha256:0"), {})

    bench.manager().plan_rollback(GOOD)

    health, detail = bench.store.health_of(GOOD)
    assert CheckpointHealth.CORRUPT is health
    assert "digest was" in detail


@pytest.mark.parametrize("over", [{"run_id": 5}, {"name": "recovery-checkpoint.901.1.77.deployed.other001"}])
def test_nothing_is_condemned_for_what_belongs_to_another(bench: RollbackBench, over: dict[str, Any]) -> None:
    """The record names the wrong artifact; what the checkpoint holds may be whole."""
    made = rolled.make_good_artifact(digest="sha256:0", **over)
    bench.forge.artifacts[rolled.GOOD_ARTIFACT] = (made, {})

    plan = bench.manager().plan_rollback(GOOD)

    assert plan.rollback is not None
    assert RejectionId.ARTIFACT_CHANGED in [reason.id for reason in plan.rollback.rejected[0].reasons]
    assert CheckpointHealth.CORRUPT is not bench.store.health_of(GOOD)[0]


def test_who_did_it_is_told_by_the_claim(bench: RollbackBench, tmp_path: Path) -> None:
    """Another machine's database is not needed for it."""
    other = RollbackBench(MemoryStore(), tmp_path)
    plan = other.manager().plan_rollback(GOOD)
    assert plan.rollback is not None
    bench.delivery.create_tag(TAG, rolled.GOOD_SHA, tag_message(claim_of(plan, plan.rollback)))

    reason = bench.manager().plan_rollback(GOOD).decision.reasons[0]

    assert ReasonId.ROLLED_BACK is reason.id
    assert f"just being: by {plan.header.id}, 2026-01-15 12:00 UTC; to have it done again, release" in reason.text
    assert reason.text.endswith(f"`recovery holds release {rolled.BAD_SHA}`")


def test_tag_that_stayed_although_nothing_came_of_it_is_told(bench: RollbackBench) -> None:
    """GitHub refused the rollback, and then that its tag is deleted."""
    bench.delivery.fail("dispatch_workflow", ForgeRefused("no such input", status=422))
    for call in range(1, 9):
        bench.delivery.fail("delete_reference", ForgeRefused("not allowed", status=403), call=call)
    with pytest.raises(ForgeRefused):
        bench.go()

    reason = bench.manager().plan_rollback(GOOD).decision.reasons[0]

    assert ReasonId.ROLLED_BACK is reason.id
    assert f"nothing came of it, so delete the tag: `git push origin --delete refs/tags/{TAG}`" in reason.text


def test_tag_without_a_claim_says_how_to_get_rid_of_it(bench: RollbackBench) -> None:
    """Somebody made it by hand."""
    bench.delivery.create_reference(f"tags/{TAG}", rolled.GOOD_SHA)

    problem = bench.roll_back().problem

    assert isinstance(problem, AlreadyUnderWay)
    assert f"the tag {TAG} is there, and says not whose it is" in problem.message
    assert f"`git push origin --delete refs/tags/{TAG}`" in problem.message


def test_open_pull_request_that_blocks_is_named(tmp_path: Path) -> None:
    """Only people can end it."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    bench.go()
    number = bench.state().metadata["reference"]

    reason = bench.manager().plan_rollback(GOOD).decision.reasons[0]

    assert f"; its pull request {number} is open: merge or close it" in reason.text


def test_ids_are_never_shared_by_two_machines(bench: RollbackBench) -> None:
    """Folded, one would hide the other."""
    plan = bench.manager().plan_rollback(GOOD)

    assert plan.rollback is not None
    assert f"rec-{rolled.BAD_RUN}-1-{plan.rollback.nonce.lower()}" == plan.header.id


def test_released_commit_can_be_rolled_back_again(bench: RollbackBench) -> None:
    """It was let go, deployed again, and is bad again."""
    assert None is bench.roll_back().problem
    bench.end_rollback()
    bench.settle()
    assert isinstance(bench.roll_back().problem, AlreadyUnderWay)

    release_hold(bench.place(), rolled.BAD_SHA, "it was the weather")

    assert None is bench.roll_back().problem
    assert (2, {TAG}) == (bench.effects, bench.locks & {TAG})


def test_commit_that_was_released_elsewhere_can_be_rolled_back_again(bench: RollbackBench) -> None:
    """Its tag is gone from GitHub, and this database has not heard of it."""
    assert None is bench.roll_back().problem
    bench.end_rollback()
    bench.settle()
    bench.clock.advance(301)
    bench.delivery.delete_reference(f"tags/{TAG}")

    assert None is bench.roll_back().problem
    assert 2 == bench.effects


def test_reverted_commit_whose_pull_request_was_closed_can_be_rolled_back_again(tmp_path: Path) -> None:
    """People said no, and then yes."""
    bench = RollbackBench(MemoryStore(), tmp_path, "revert-pr")
    assert bench.go()
    bench.end_rollback("closed")
    assert "not-rerun" == bench.settle().metadata["outcome"]

    assert bench.go()
    assert 2 == bench.effects


@pytest.mark.parametrize("where", ["settling", "clearing up"])
def test_earlier_rollback_that_may_not_be_looked_at_is_no_error(bench: RollbackBench, where: str) -> None:
    """Whether it stands in the way is told by the record and the tags."""
    assert bench.go()
    if where == "settling":
        bench.forge.fail("run", ForgeRefused("no", status=403), call=bench.forge.called("run") + 1)
    else:
        bench.delivery.fail("delete_reference", ForgeRefused("no", status=403), call=1)
        bench.end_rollback()
        bench.settle()
        bench.delivery.fail("delete_reference", ForgeRefused("no", status=403), call=2)

    problem = bench.roll_back().problem

    assert isinstance(problem, AlreadyUnderWay)
    assert 1 == bench.effects


def test_jobs_that_deployed_are_in_the_order(bench: RollbackBench) -> None:
    """By them is told later whether the run has brought anything back; what did not run is not waited for."""
    names = {"build": "success", "deploy eu": "success", "deploy us": "skipped"}
    jobs = [
        make.make_job(id=4300 + number, run_id=rolled.GOOD_RUN, name=name, conclusion=conclusion)
        for number, (name, conclusion) in enumerate(names.items())
    ]
    bench.forge.add_run(rolled.make_deploy_run(), jobs)

    plan = bench.manager(dry_run=True).plan_rollback(GOOD)
    bench.rule = RollbackRule(kind="deployment")
    deployment = bench.manager(dry_run=True).plan_rollback(GOOD)

    assert plan.rollback is not None
    assert deployment.rollback is not None
    assert (("deploy eu",), ()) == (plan.rollback.jobs, deployment.rollback.jobs)


def test_plan_that_is_given_up_orders_nothing(bench: RollbackBench) -> None:
    """Another recovery has had the attempt's one effect; nothing is kept on record for it either."""
    header = make.make_header(id=f"rec-{rolled.BAD_RUN}-1-1", run_id=rolled.BAD_RUN)
    bench.store.record(
        [make.recovery_decided(plan=make.make_plan(header=header)), make.effect_answered(recovery=header)]
    )
    known = bench.store.checkpoints()

    plan = bench.manager().plan_rollback(GOOD)

    assert ReasonId.ALREADY_DECIDED is plan.decision.reasons[0].id
    assert plan.rollback is not None
    assert (None, None) == (plan.rollback.target_checkpoint_id, plan.rollback.rollback_checkpoint_id)
    assert known == bench.store.checkpoints()


def test_what_stands_is_kept_whole(bench: RollbackBench) -> None:
    """Where something that the bad run left is damaged, its commit alone is put on record."""
    for number in (1, 2):
        left = rolled.make_good_checkpoint(
            id=f"ckpt-bad0000{number}",
            run_id=str(rolled.BAD_RUN),
            commit_sha=rolled.BAD_SHA,
            metadata={"artifact_id": 9200 + number},
        )
        name = f"recovery-checkpoint.902.1.78.deployed.bad0000{number}"
        bench.add_checkpoint(left, name=name, run_id=rolled.BAD_RUN)
    whole = bench.manager(dry_run=True).plan_rollback(GOOD)
    bench.store.record([make.checkpoint_judged(checkpoint_id="ckpt-bad00001", health=CheckpointHealth.CORRUPT)])
    torn = bench.manager().plan_rollback(GOOD)

    assert whole.rollback is not None
    assert torn.rollback is not None
    assert "ckpt-bad00002" == whole.rollback.rollback_checkpoint_id
    kept = bench.store.checkpoint(torn.rollback.rollback_checkpoint_id or "")
    assert kept is not None
    assert kept.metadata["pre_rollback"]


def test_plan_that_waited_is_withdrawn_when_the_run_runs_again(bench: RollbackBench) -> None:
    """Somebody has started its next attempt since, or a newer run."""
    manager = bench.manager()
    plan = manager.plan_rollback(GOOD)
    bench.clock.advance(200)
    later(bench, 1, status="in_progress", conclusion=None)

    state = manager.execute(plan, confirmed=True)

    assert (RecoveryStatus.FAILED, 0) == (state.status, bench.effects)
    assert "withdrawn: run-active: run 911 is still in progress" in state.metadata["detail"]


@pytest.mark.parametrize("branch", ["main", "release"])
def test_what_came_after_on_any_branch_that_deploys_counts(tmp_path: Path, branch: str) -> None:
    """All of them deploy to the same place."""
    bench = RollbackBench(MemoryStore(), tmp_path, branches=("release",), automatic=True)
    elsewhere = "release" if branch == "main" else "main"
    bench.forge.branches["release"] = rolled.BAD_SHA
    bad = rolled.make_bad_run(head_branch=branch)
    bench.forge.add_run(bad)
    newer = later(bench, 1, head_branch=elsewhere, conclusion="success")
    failure = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", head_sha=rolled.BAD_SHA)

    automatic = bench.unasked(failure)
    standing = bench.manager(dry_run=True).plan_rollback(workflow="Deploy")
    active = later(bench, 2, head_branch=elsewhere, status="queued", conclusion=None)
    named = bench.manager().plan_rollback(run=bad)

    assert (ReasonId.SUPERSEDED, f"run {newer.id} came after it" in automatic.decision.reasons[0].text) == (
        automatic.decision.reasons[0].id,
        True,
    )
    assert standing.rollback is not None
    assert newer.id == standing.rollback.bad_run_id
    assert (ReasonId.RUN_ACTIVE, f"run {active.id} " in named.decision.reasons[0].text) == (
        named.decision.reasons[0].id,
        True,
    )


@pytest.mark.parametrize("over", [{"run_attempt": 2}, {"conclusion": "success"}])
def test_automatic_rollback_of_a_run_that_is_good_by_now_is_declined(
    bench: RollbackBench, over: dict[str, Any]
) -> None:
    """Somebody has tried it again since the failure was seen, and it went well."""
    run = rolled.make_bad_run(**{"conclusion": "success"} | over)
    bench.forge.add_run(run)
    failure = make.make_failure(run_id=run.id, workflow_name="Deploy", head_sha=run.head_sha)

    plan = bench.unasked(failure)

    assert (DecisionKind.DECLINE, 0) == (plan.decision.kind, bench.effects)


@pytest.mark.parametrize("wait", [30, 200])
def test_automatic_plan_is_not_carried_out_once_the_run_was_tried_again(bench: RollbackBench, wait: int) -> None:
    """Whether the plan is looked at again before, or not."""
    manager = bench.manager()
    failure = make.make_failure(run_id=rolled.BAD_RUN, workflow_name="Deploy", head_sha=rolled.BAD_SHA)
    plan = bench.unasked(failure, manager)
    assert DecisionKind.ACT is plan.decision.kind
    bench.clock.advance(wait)
    now = bench.clock.now()
    bench.forge.add_run(rolled.make_bad_run(run_attempt=2, conclusion="success", run_started_at=now))

    state = manager.execute(plan)

    assert (RecoveryStatus.FAILED, 0, set()) == (state.status, bench.effects, bench.locks)


def test_run_that_was_run_again_is_seen_though_many_are_newer(bench: RollbackBench) -> None:
    """GitHub lists runs by when they were created."""
    for number in range(90):
        begun = make.later(-2000 + number)
        run = rolled.make_deploy_run(id=1000 + number, head_sha=rolled.BAD_SHA, created_at=begun, run_started_at=begun)
        bench.forge.add_run(run)
    again = {"created_at": make.later(-3000), "run_started_at": make.later(-60), "run_attempt": 2}
    bench.forge.add_run(rolled.make_bad_run(**again))

    plan = bench.manager(dry_run=True).plan_rollback(workflow="Deploy")

    assert plan.rollback is not None
    assert rolled.BAD_RUN == plan.rollback.bad_run_id


@pytest.mark.parametrize("run_id", ["local", "555", "9" * 5000, "903", "904"])
def test_checkpoint_of_a_run_that_is_none_does_not_hide_the_others(bench: RollbackBench, run_id: str) -> None:
    """It was recorded by hand, its run was deleted, of another workflow, or of anybody's branch; the next one tells."""
    bench.forge.add_run(rolled.make_bad_run(id=903, workflow_name="CI", path=".github/workflows/ci.yml"))
    bench.forge.add_run(rolled.make_bad_run(id=904, head_branch="feature", path=".github/workflows/evil.yml"))
    strange = rolled.make_good_checkpoint(id="ckpt-strange", run_id=run_id, created_at=make.later(-10))
    bench.store.record([make.checkpoint_created(checkpoint=strange)])

    plan = bench.manager().plan_rollback(workflow="Deploy")

    assert plan.rollback is not None
    assert (DecisionKind.ACT, GOOD) == (plan.decision.kind, plan.rollback.target_checkpoint_id)


def test_run_of_a_checkpoint_may_be_none(bench: RollbackBench) -> None:
    """The error says of which."""
    strange = rolled.make_good_checkpoint(id="ckpt-strange", run_id="9" * 5000)
    bench.store.record([make.checkpoint_created(checkpoint=strange)])

    with pytest.raises(CheckpointRejected, match="ckpt-strange cannot be gone back to: its run '9999"):
        bench.manager().plan_rollback("ckpt-strange")


def test_no_answer_about_a_run_is_no_answer(bench: RollbackBench) -> None:
    """It may be there, and tell the workflow."""
    bench.forge.fail("run", ForgeRefused("no", status=403))

    with pytest.raises(ForgeRefused):
        bench.manager().plan_rollback(workflow="Deploy")


@pytest.mark.parametrize("over", [{"run_id": rolled.BAD_RUN}, {"checkpoint_id": GOOD}])
def test_what_contradicts_the_workflow_is_refused(bench: RollbackBench, over: dict[str, Any]) -> None:
    """Which of the two was meant, nobody can tell."""
    with pytest.raises(InputError, match="is of the workflow `Deploy`, not of `Web`"):
        bench.roll_back(workflow="Web", rollback={"Deploy": bench.rule, "Web": bench.rule}, **over)

    assert set() == bench.locks


def test_workflows_whose_tags_would_be_the_same_are_refused(bench: RollbackBench) -> None:
    """They would lock each other out."""
    with pytest.raises(InputError, match="`deploy` and `Deploy` would have the same tags"):
        bench.manager(rollback={"Deploy": bench.rule, "deploy": bench.rule}).plan_rollback(GOOD)


def test_run_without_its_deployment_is_no_target(bench: RollbackBench) -> None:
    """It was green because a condition left out what deploys."""
    skipped = make.make_job(id=4101, run_id=rolled.GOOD_RUN, name="deploy", conclusion="skipped", steps=())
    bench.forge.add_run(rolled.make_deploy_run(), [skipped])

    plan = bench.manager().plan_rollback(GOOD)

    assert plan.rollback is not None
    assert [RejectionId.NOT_SUCCESSFUL] == [reason.id for reason in plan.rollback.rejected[0].reasons]


def test_jobs_that_are_called_like_their_branch_are_recognised(bench: RollbackBench) -> None:
    """They are called like the tag, then."""
    deployed = make.make_job(id=4101, run_id=rolled.GOOD_RUN, name="deploy (main)", conclusion="success", steps=())
    bench.forge.add_run(rolled.make_deploy_run(), [deployed])
    assert bench.go()
    (number, _, _) = bench.delivery.dispatched[0]
    job = make.make_job(id=number, run_id=number, name=f"deploy ({TAG})", conclusion="success")
    bench.forge.add_run(bench.forge.complete(number, "success"), [job])

    assert "cleared" == bench.settle().metadata["outcome"]


@pytest.mark.parametrize("hold", [0.0, 3600.0])
def test_tags_alone_tell_whether_a_commit_may_be_rolled_back_again(tmp_path: Path, hold: float) -> None:
    """It was released elsewhere, and this database never hears of it."""
    bench = RollbackBench(MemoryStore(), tmp_path, hold=hold)
    assert bench.go()
    bench.end_rollback()
    bench.settle()
    bench.delivery.delete_reference(f"tags/{TAG}")

    assert bench.go()
    assert 2 == bench.effects

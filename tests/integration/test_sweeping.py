"""The schedule's pass, over real HTTP: settles what is open, executes what is due, catches what was lost, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recovery.app.recovering import execute_recovery
from recovery.app.sweeping import plan_sweep
from recovery.errors import ForgeError
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.manifest import manifest_bytes
from recovery.models.records import Outcome, RecoveryStatus
from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.world import Fault
from tests import builders as make
from tests.integration.stage import RECOVERY_FILE, REPOSITORY, Stage, Use, broken_job, log_of, network_job


def reruns(stage: Stage, run: Run) -> int:
    """How many attempts came after the first one."""
    return len(stage.world.runs.get(run.id).attempts) - 1


def test_sweep_settles_what_a_lost_event_left_open(stage: Stage) -> None:
    """The event of the second attempt never came: the sweep learns the outcome from the uploaded plan."""
    run = stage.failed_run()
    stage.use(run).go()

    result = stage.use().go()

    assert [Outcome.CLEARED] == [document.outcome for document in result.documents]
    assert [201] == stage.reruns()


def test_sweep_catches_a_failed_run_whose_event_was_lost(stage: Stage) -> None:
    """A failed run about which nothing was decided is recovered by the sweep, with its plan uploaded first."""
    run = stage.failed_run()
    use = stage.use()

    handover = use.plan()
    assert f"recovery-plan.{run.id}.1.1" == handover.plan_artifact
    assert [] == stage.reruns()
    result = use.execute()

    assert [201] == stage.reruns()
    assert result.main is not None
    assert result.main.reran


@pytest.mark.parametrize("cache", ["kept", None])
def test_second_sweep_writes_nothing(stage: Stage, cache: str | None) -> None:
    """Another pass over the same world neither posts nor edits nor records, with the cache kept and with it lost."""
    stage.failed_run()
    stage.failed_run(broken_job(), head_branch="broken")
    for _ in range(4):
        stage.use(state=cache).go()
    before = stage.writes()

    use = stage.use(state=cache)
    use.plan()
    settled = use.dump()
    use.execute()

    assert before == stage.writes()
    assert settled == use.dump()
    assert not (use.directory / "journal.jsonl").exists()


def test_sweeps_without_a_cache_do_not_grow(stage: Stage) -> None:
    """What was folded in from elsewhere is not journalled again, so that each pass downloads no more than the last."""
    stage.failed_run()
    for _ in range(3):
        stage.use().go()
    known = len(stage.world.vault.artifacts())

    for _ in range(2):
        stage.use().go()

    assert known == len(stage.world.vault.artifacts())


def test_at_most_one_new_plan_a_pass(stage: Stage) -> None:
    """Two lost runs that deserve a retry: one in each pass, oldest first."""
    first, second = stage.failed_run(), stage.failed_run(head_branch="other")

    stage.use().go()
    assert (1, 0) == (reruns(stage, first), reruns(stage, second))

    stage.use().go()
    assert (1, 1) == (reruns(stage, first), reruns(stage, second))


def test_declines_do_not_use_up_the_pass(stage: Stage) -> None:
    """A run that is left red is decided on beside the one that is recovered."""
    red, flaky = stage.failed_run(broken_job()), stage.failed_run(head_branch="other")

    result = stage.use().go()

    decisions = {document.run_id: document.decision for document in result.documents}
    assert {red.id: DecisionKind.DECLINE, flaky.id: DecisionKind.ACT} == decisions
    assert 1 == len(stage.world.pulls.comments(1))


def due_later(stage: Stage, **over: object) -> tuple[Run, Use]:
    """A run whose plan was made, uploaded and left for later, because a server asked to wait."""
    log = log_of("HTTP 429: too many requests, retry-after: 3000")
    run = stage.failed_run(network_job(log=log), **over)
    use = stage.use(run, autonomy={"rate_limit": "act"})
    result = use.go()
    assert result.main is not None
    assert (RecoveryStatus.PENDING, False) == (result.main.status, result.main.reran)
    return run, use


def lose_artifacts(stage: Stage) -> None:
    """Take away everything that was uploaded so far."""
    for artifact in stage.world.vault.artifacts():
        stage.world.vault.delete_artifact(artifact.id)


def backdated(use: Use) -> dict[str, bytes]:
    """The plan of a use, made an hour and due half an hour ago."""
    state = use.place.store.recovery(f"rec-{use.run.id}-1-1") if use.run else None
    plan = use.place.store.plan(state.id) if state else None
    assert plan is not None
    assert plan.due_at is not None
    text = (use.directory / "plan.jsonl").read_text()
    for moment in (plan.due_at, plan.header.started_at):
        stamp = moment.isoformat().replace("+00:00", "Z")
        assert stamp in text
        text = text.replace(stamp, (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+00:00", "Z"))
    return {"plan.jsonl": text.encode()}


def test_plan_that_is_not_due_is_left_alone(stage: Stage) -> None:
    """A sweep before the time has come leaves a pending plan pending."""
    due_later(stage)

    result = stage.use().go()

    assert [] == stage.reruns()
    assert () == result.documents


def test_plan_that_is_due_is_executed(stage: Stage) -> None:
    """A plan whose time has come is executed by the sweep, which knows it from its artifact alone."""
    run, use = due_later(stage)
    lose_artifacts(stage)
    stage.world.vault.add_artifact(stage.recovery_run(), f"recovery-plan.{run.id}.1.1", backdated(use))

    result = stage.use(autonomy={"rate_limit": "act"}).go()

    assert [201] == stage.reruns()
    assert [True] == [document.reran for document in result.documents]


def test_due_plan_is_dropped_when_the_branch_moved_on(stage: Stage) -> None:
    """The head is looked at again before a plan that had to wait."""
    run, use = due_later(stage)
    lose_artifacts(stage)
    stage.world.vault.add_artifact(stage.recovery_run(), f"recovery-plan.{run.id}.1.1", backdated(use))
    stage.world.pulls.move(1, head_sha="a" * 40)

    result = stage.use().go()

    assert [] == stage.reruns()
    assert [RecoveryStatus.FAILED] == [document.status for document in result.documents]
    assert "no longer the head" in result.documents[0].detail


def test_due_plan_and_new_plan_in_one_pass(stage: Stage) -> None:
    """What is due is executed, and one new plan is made beside it."""
    run, use = due_later(stage)
    lose_artifacts(stage)
    stage.world.vault.add_artifact(stage.recovery_run(), f"recovery-plan.{run.id}.1.1", backdated(use))
    other = stage.failed_run(head_branch="other")

    stage.use(autonomy={"rate_limit": "act"}).go()

    assert (1, 1) == (reruns(stage, run), reruns(stage, other))


@pytest.mark.parametrize("strange", [{"event": "pull_request"}, {"head_branch": "x"}, {"head_repository": "a/b"}])
def test_sweep_believes_only_its_own_workflows_artifacts(stage: Stage, strange: dict[str, str]) -> None:
    """Plans and journals that anybody else uploaded under the right names are not folded."""
    run = stage.failed_run()
    first = stage.use(run)
    first.go()
    journal = (first.directory / "journal.jsonl").read_bytes()
    lose_artifacts(stage)
    maker = stage.recovery_run(**strange)
    stage.world.vault.add_artifact(maker, "recovery-journal-1", {"journal.jsonl": journal})
    use = stage.use()

    use.plan()

    assert () == use.place.store.recoveries_of(run.id, 1)


def test_active_and_green_runs_are_not_lost(stage: Stage) -> None:
    """Only failed, completed runs are taken up."""
    stage.failed_run(status="in_progress")
    stage.failed_run(ScriptedJob(name="build"), head_branch="green")

    result = stage.use().go()

    assert ((), []) == (result.documents, stage.writes())


def test_other_workflows_are_not_swept(stage: Stage) -> None:
    """Only the workflows that trigger the recovery workflow are looked after, never the recovery workflow itself."""
    stage.failed_run(workflow="Nightly", path=".github/workflows/nightly.yml")
    stage.failed_run(workflow="Recovery", path=RECOVERY_FILE, head_branch="main", event="schedule")

    result = stage.use().go()

    assert ((), []) == (result.documents, stage.writes())


def test_settings_name_the_workflows_to_sweep(stage: Stage) -> None:
    """`workflows` in the configuration outweighs the triggers."""
    nightly = stage.failed_run(workflow="Nightly", path=".github/workflows/nightly.yml")
    ci = stage.failed_run(head_branch="other")

    stage.use(workflows=("Nightly",)).go()

    assert (1, 0) == (reruns(stage, nightly), reruns(stage, ci))


def test_own_workflow_is_not_swept_even_when_named(stage: Stage) -> None:
    """A configuration that names the recovery workflow does not make it recover itself."""
    own = stage.failed_run(network_job("recover"), workflow="Recovery", path=RECOVERY_FILE)

    stage.use(workflows=("Recovery",)).go()

    assert 0 == reruns(stage, own)


def test_runs_before_the_look_back_are_not_lost(stage: Stage) -> None:
    """What is older than `look-back` was seen, or is not worth it."""
    stage.failed_run(created_at=datetime.now(UTC) - timedelta(days=4))

    assert () == stage.use().go().documents


def test_cancelled_runs_without_a_job_do_not_keep_the_sweep_from_others(stage: Stage) -> None:
    """Runs that were cancelled while they waited have no jobs to decide about, however many there are."""
    for number in range(12):
        stage.world.add_run([], head_branch=f"waiting-{number}", conclusion="cancelled")
    run = stage.failed_run()

    stage.use().go()

    assert 1 == reruns(stage, run)


def test_deleted_run_does_not_keep_the_sweep_from_others(stage: Stage) -> None:
    """A recovery whose run is gone is settled as unknown; everything else is looked after."""
    gone = stage.failed_run()
    stage.use(gone).go()
    missing = {"status": 404, "body": {"message": "Not Found"}, "times": 99}
    stage.world.inject(Fault(method="GET", path=f"/actions/runs/{gone.id}", **missing))
    run = stage.failed_run(head_branch="other")

    result = stage.use().go()

    assert 1 == reruns(stage, run)
    assert result.problem is None
    outcomes = {document.run_id: document.outcome for document in result.documents}
    assert {gone.id: Outcome.UNKNOWN, run.id: None} == outcomes


def test_locked_pull_request_does_not_keep_others_from_their_comments(stage: Stage) -> None:
    """One comment that GitHub refuses is a warning; every other pull request concerned gets its own."""
    for branch in ("one", "two", "three"):
        stage.failed_run(broken_job(), head_branch=branch)
    body = {"message": "Unable to create comment because issue is locked."}
    stage.world.inject(Fault(method="POST", path="/issues/2/comments", status=403, body=body))

    result = stage.use().go()

    assert (None, 1) == (result.problem, len(result.warnings))
    assert "locked" in result.warnings[0]
    assert [1, 0, 1] == [len(stage.world.pulls.comments(number)) for number in (1, 2, 3)]


def test_junk_of_a_fork_does_not_blind_the_sweep(stage: Stage) -> None:
    """Five hundred newer artifacts of a fork, named like ours, hide neither plan nor journal from an empty cache."""
    run = stage.failed_run()
    stage.use(run).go()
    fork = stage.failed_run(ScriptedJob(name="build"), head_repository="stranger/repo", head_branch="junk")
    for number in range(500):
        stage.world.vault.add_artifact(fork, f"recovery-plan.{run.id}.1.{number}", {"plan.jsonl": b"{}"})
    stage.world.vault.add_artifact(fork, "recovery-journal-1", {"journal.jsonl": b"{}"})

    result = stage.use().go()

    assert [Outcome.CLEARED] == [document.outcome for document in result.documents]
    assert [201] == stage.reruns()


def test_journal_alone_tells_the_sweep_what_was_done(stage: Stage) -> None:
    """With cache and plan lost, the journal is found by its exact name, and settles the recovery."""
    run = stage.failed_run()
    stage.use(run).go()
    for artifact in stage.world.vault.artifacts():
        if artifact.name.startswith("recovery-plan."):
            stage.world.vault.delete_artifact(artifact.id)

    result = stage.use().go()

    assert [Outcome.CLEARED] == [document.outcome for document in result.documents]
    assert [201] == stage.reruns()


def test_forged_plan_in_the_cache_is_not_executed_by_the_sweep(stage: Stage) -> None:
    """A database that came from a stranger's cache holds a plan for a real failure: withdrawn, and nothing is sent."""
    run = stage.failed_run(broken_job())
    use = stage.use(state="poisoned", workflows=("Other",))
    header = make.make_header(run_id=run.id, repository=REPOSITORY)
    plan = make.make_plan(header=header, head_sha=run.head_sha, pull_request=1, due_at=datetime.now(UTC))
    use.place.archive.record([make.recovery_decided(plan=plan)])

    result = use.go()

    assert [] == stage.reruns()
    assert result.problem is None
    assert [RecoveryStatus.FAILED] == [document.status for document in result.documents]
    assert "withdrawn: job `unit` failed for a real reason" in result.documents[0].detail


def test_refused_rerun_is_not_tried_again_by_sweeps_without_a_cache(stage: Stage) -> None:
    """The journal tells of the refusal, so that the next pass sends nothing."""
    stage.failed_run()
    body = {"message": "Resource not accessible by integration"}
    stage.world.inject(Fault(method="POST", path="/rerun-failed-jobs", status=403, body=body, times=99))

    for _ in range(3):
        stage.use().go()

    assert [403] == stage.reruns()


def test_repository_spelt_differently_is_the_same_one(stage: Stage) -> None:
    """Whoever writes the repository's name in capitals still finds what is on record under GitHub's spelling."""
    run = stage.failed_run()
    stage.use(run).go()
    use = stage.use()
    use.place.forge.repository = REPOSITORY.upper()

    handover = plan_sweep(use.place)

    settled = use.place.store.recovery(f"rec-{run.id}-1-1")
    assert (f"rec-{run.id}-1-1",) == handover.report
    assert settled is not None
    assert RecoveryStatus.COMPLETED == settled.status


def test_lost_run_that_is_deleted_is_passed_over(stage: Stage) -> None:
    """A failed run that is gone when it is looked at does not end the pass."""
    gone = stage.failed_run()
    stage.world.inject(Fault(method="GET", path=f"/actions/runs/{gone.id}", status=404, body={"message": "Not Found"}))
    run = stage.failed_run(head_branch="other")

    stage.use().go()

    assert 1 == reruns(stage, run)


def test_github_that_is_down_is_an_error_with_nothing_done(stage: Stage) -> None:
    """When GitHub does not answer, the pass ends before anything is written."""
    stage.failed_run()
    stage.world.inject(Fault(method="GET", path="/actions/artifacts", status=401, body={"message": "Bad credentials"}))
    use = stage.use()

    with pytest.raises(ForgeError):
        use.plan()

    assert [] == stage.writes()


def test_dry_sweep_changes_nothing_on_github(stage: Stage) -> None:
    """A dry pass shows what would be done, settles nothing and records no decision."""
    open_run = stage.failed_run(head_branch="open")
    stage.use(open_run).go()
    stage.failed_run()
    before = stage.writes()
    use = stage.use(dry_run=True)

    result = use.go()

    assert before == stage.writes()
    assert not (use.directory / "journal.jsonl").exists()
    assert [RecoveryStatus.IN_PROGRESS] == [state.status for state in use.place.store.recoveries()]
    assert result.main is not None
    assert DecisionKind.ACT == result.main.decision


def test_run_declined_as_active_is_looked_at_again(stage: Stage) -> None:
    """A decision that was only "still active" does not count as one once the run has completed."""
    run = stage.failed_run()
    use = stage.use(run, state="kept")
    seen = use.place.monitor.observe(run.id)
    active = seen.model_copy(update={"run": seen.run.model_copy(update={"status": "in_progress", "conclusion": None})})
    plan = use.place.manager.plan(seen.failures[0], observation=active)
    assert [ReasonId.RUN_ACTIVE] == [reason.id for reason in plan.decision.reasons]

    stage.use(state="kept").go()

    assert 1 == reruns(stage, run)


def test_second_attempt_that_failed_unseen_is_told(stage: Stage) -> None:
    """Both events were lost: one pass re-runs, the next settles as still failing and leaves the second attempt red."""
    run = stage.failed_run()
    stage.world.script_attempt(run.id, network_job())
    stage.use().go()

    result = stage.use().go()

    outcomes = {(document.attempt, document.outcome, document.decision) for document in result.documents}
    assert {(1, Outcome.STILL_FAILING, DecisionKind.ACT), (2, None, DecisionKind.DECLINE)} == outcomes
    assert [201] == stage.reruns()
    assert 1 == len(stage.world.pulls.comments(1))


def test_sweep_phases_are_told_apart_in_the_request_log(stage: Stage) -> None:
    """Every request of a pass is logged under one of the phases, those for baselines apart from the others."""
    run = stage.failed_run()
    stage.use(run).go()
    stage.failed_run(head_branch="other")
    use = stage.use()

    use.go()

    phases = [line["phase"] for line in use.requests]
    assert {"sync", "settle", "plan", "baseline", "checkpoints", "execute"} == set(phases)
    assert len(use.accesses) == len(use.requests)


def leave_checkpoint(stage: Stage, run: Run, number: int = 1) -> str:
    """The artifact of a checkpoint that a job of the run left; the checkpoint's id."""
    job = run.latest.jobs[0]
    checkpoint = make.make_checkpoint(
        id=f"ckpt-{number:026d}",
        repository=REPOSITORY,
        run_id=str(run.id),
        commit_sha=run.head_sha,
        metadata={"attempt": 1, "job_id": str(job.id)},
    )
    name = f"recovery-checkpoint.{run.id}.1.{job.id}.build_complete.{number:08d}"
    stage.world.vault.add_artifact(run, name, {"manifest.json": manifest_bytes(checkpoint)})
    return checkpoint.id


@pytest.mark.parametrize("cache", ["kept", None])
def test_sweep_takes_in_checkpoints_of_green_runs_and_journals_none(stage: Stage, cache: str | None) -> None:
    """They are known after the pass, told as such in the request log, and read from their artifacts again if lost."""
    run = stage.failed_run(ScriptedJob(name="build"), pull_request=False, event="push", head_branch="main")
    identity = leave_checkpoint(stage, run)

    uses = [stage.use(state=cache) for _ in range(2)]
    for use in uses:
        use.go()

    for use in uses:
        known = use.place.store.checkpoint(identity)
        assert known is not None
        assert ("valid", "success", "main") == tuple(
            known.metadata[name] for name in ("health", "run_conclusion", "run_branch")
        )
        assert not (use.directory / "journal.jsonl").exists()
    asked = [sum(line["phase"] == "checkpoints" and not line["redirect"] for line in use.requests) for use in uses]
    assert [2, 0 if cache else 2] == asked
    assert [] == stage.writes()


def test_sweep_lists_artifacts_once(stage: Stage) -> None:
    """Plans, journals and checkpoints are found in one listing of the repository's artifacts."""
    run = stage.failed_run()
    leave_checkpoint(stage, run)
    use = stage.use()

    use.plan()

    assert 1 == sum("/actions/artifacts?" in seen.path and "name=" not in seen.path for seen in use.accesses)


def test_trouble_with_checkpoints_does_not_keep_the_sweep_from_recovering(stage: Stage) -> None:
    """A manifest that cannot be read now is left for another pass; the failed run is recovered all the same."""
    green = stage.failed_run(ScriptedJob(name="build"), pull_request=False, event="push", head_branch="main")
    identity = leave_checkpoint(stage, green)
    stage.world.inject(Fault(method="GET", path=f"/actions/runs/{green.id}", status=403, body={"message": "No"}))
    run = stage.failed_run()
    use = stage.use(state="kept")

    use.go()

    assert (1, None) == (reruns(stage, run), use.place.store.checkpoint(identity))
    again = stage.use(state="kept")
    again.plan()
    assert again.place.store.checkpoint(identity) is not None


def test_sweep_at_the_same_time_as_recovery_makes_one_rerun(stage: Stage) -> None:
    """A sweep that executes the plan which a recovery run is about to execute: GitHub accepts one of them."""
    run = stage.failed_run()
    stage.hold()
    use = stage.use(run)
    use.plan()
    sweep = stage.use()
    handover = plan_sweep(sweep.place)

    execute_recovery(sweep.place, handover)
    result = use.execute()

    assert 1 == stage.reruns().count(201)
    assert result.problem is None

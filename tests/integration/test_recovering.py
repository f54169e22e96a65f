"""The way of one failed run, through real HTTP and a real database: decided, re-run, settled, reported."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from recovery.adapters.runner import RunnerContext
from recovery.app.recovering import Target, execute_recovery, plan_recovery, target_of
from recovery.errors import AmbiguousEffect, ForgeRefused, InputError
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.records import Outcome, RecoveryStatus
from recovery.rehearsal.faults.happenings import Limits
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.world import Fault
from recovery.settings import Settings, Strategy
from tests.integration.stage import ODD_LOG, TEST_LOG, Stage, Use, broken_job, log_of, network_job

RERUN = "/rerun-failed-jobs"


def api(use: Use, *phases: str) -> list[str]:
    """The requests to the API itself (not the downloads), as method and path without query, of these phases or all."""
    return [
        f"{line['method']} {line['path'].partition('?')[0].removeprefix('/repos/octo/repo')}"
        for line in use.requests
        if not line["redirect"] and (not phases or line["phase"] in phases)
    ]


def phases_of(use: Use) -> Counter[str]:
    """How many requests to the API itself each phase took."""
    return Counter(line["phase"] for line in use.requests if not line["redirect"])


def test_failed_pull_request_costs_eight_requests_two_of_them_writes(stage: Stage) -> None:
    """The request budget of the design, literally: one failed job of a pull request's run, from event to comment.

    That it acts costs one request more, which looks for checkpoints, and is counted apart; so is the baseline, which
    is switched off here.
    """
    run = stage.failed_run()
    stage.green_run()
    use = stage.use(run, baseline=False)

    use.go()

    flaky = run.latest.jobs[1].id
    expected = [
        f"GET /actions/runs/{run.id}",
        f"GET /actions/runs/{run.id}/attempts/1/jobs",
        f"GET /actions/jobs/{flaky}/logs",
        "GET /pulls",
        f"GET /actions/runs/{run.id}/artifacts",
        f"GET /actions/runs/{run.id}",
        f"POST /actions/runs/{run.id}/rerun-failed-jobs",
        "GET /issues/1/comments",
        "POST /issues/1/comments",
    ]
    assert expected == api(use)
    assert 1 == sum(line["redirect"] for line in use.requests)
    assert {"plan": 4, "checkpoints": 1, "execute": 4} == phases_of(use)


def test_baseline_costs_three_requests(stage: Stage) -> None:
    """The green runs of the branch, the newest one's jobs, and the log of the job that failed; nothing else changes."""
    run = stage.failed_run()
    green = stage.green_run()
    use = stage.use(run)

    result = use.go()

    expected = [
        "GET /actions/workflows/ci.yml/runs",
        f"GET /actions/runs/{green.id}/attempts/1/jobs",
        f"GET /actions/jobs/{green.latest.jobs[1].id}/logs",
    ]
    assert expected == api(use, "baseline")
    assert {"plan": 4, "baseline": 3, "checkpoints": 1, "execute": 4} == phases_of(use)
    assert 2 == sum(line["redirect"] for line in use.requests)
    assert [201] == stage.reruns()
    assert result.main is not None
    (failure,) = use.place.store.failures_of(run.id, 1)
    assert (green.id, ()) == (failure.baseline_run_id, failure.notes)


def test_baseline_of_the_default_branch_costs_one_request_more(stage: Stage) -> None:
    """Where the branch has no green run the default branch is looked at, which the event names."""
    run = stage.failed_run()
    green = stage.green_run(head_branch="main")
    use = stage.use(run)

    use.go()

    (failure,) = use.place.store.failures_of(run.id, 1)
    assert green.id == failure.baseline_run_id
    assert {"plan": 4, "baseline": 4, "checkpoints": 1, "execute": 4} == phases_of(use)


def test_without_a_green_run_the_recovery_goes_on_and_says_so(stage: Stage) -> None:
    """Two lists are all that is spent, and the record tells that nothing was compared."""
    run = stage.failed_run()
    use = stage.use(run)

    use.go()

    (failure,) = use.place.store.failures_of(run.id, 1)
    told = "the log was not compared with that of a successful run: before it no run of this workflow succeeded on"
    assert (f"{told} `feature` or `main`",) == failure.notes
    assert {"plan": 4, "baseline": 2, "checkpoints": 1, "execute": 4} == phases_of(use)
    assert [201] == stage.reruns()


def test_green_log_that_has_expired_stops_nothing(stage: Stage) -> None:
    """GitHub has forgotten the log of the green run; the failed job's own log is enough."""
    run = stage.failed_run()
    green = stage.green_run()
    log_path = f"/actions/jobs/{green.latest.jobs[1].id}/logs"
    stage.world.inject(Fault(method="GET", path=log_path, status=410))
    use = stage.use(run)

    use.go()

    (failure,) = use.place.store.failures_of(run.id, 1)
    assert (None, 1) == (failure.baseline_run_id, len(failure.notes))
    assert "the log has expired" in failure.notes[0]
    assert [201] == stage.reruns()


def test_nothing_is_compared_where_the_hourly_limit_is_nearly_spent(stage: Stage) -> None:
    """What is left of GitHub's limit is kept for acting."""
    run = stage.failed_run()
    stage.green_run()
    stage.world.limits.change(Limits(remaining=60))
    use = stage.use(run)

    use.go()

    assert 0 == phases_of(use)["baseline"]
    assert [201] == stage.reruns()
    (failure,) = use.place.store.failures_of(run.id, 1)
    assert "kept for acting" in failure.notes[0]


def test_failed_tests_come_from_the_reports_that_were_left(stage: Stage) -> None:
    """The run's artifacts are listed, the fitting one is read, and record, comment and document name the test."""
    run = stage.failed_run(broken_job())
    report = '<testsuite><testcase classname="shop.Cart" name="total"><failure/></testcase></testsuite>'
    stage.world.vault.add_artifact(run, "junit-linux", {"out/report.xml": report, "notes.txt": "no report"})
    stage.world.vault.add_artifact(run, "coverage", {"coverage.xml": "<coverage/>"})
    use = stage.use(run, test_reports=("junit-*",), baseline=False)

    result = use.go()

    assert 2 == phases_of(use)["test-reports"]
    assert 2 == sum(line["redirect"] for line in use.requests)
    assert result.main is not None
    assert "shop.Cart.total" in result.main.failures[0].failed_tests
    assert "`shop.Cart.total`" in stage.world.pulls.comments(1)[0].body


def test_own_rule_decides(stage: Stage) -> None:
    """A line that only the repository's own rule knows is named by it."""
    rule = {
        "id": "our-licence-server",
        "class": "infrastructure",
        "retryable": "yes",
        "confidence": 0.95,
        "reason": "The licence server had no seat left for a moment.",
        "patterns": ["^no licence seat available"],
        "examples": {"match": ["no licence seat available", "no licence seat available now"], "ignore": ["a seat"]},
    }
    run = stage.failed_run(network_job(log=log_of("no licence seat available")))

    result = stage.use(run, rules=(rule,)).go()

    assert result.main is not None
    assert "our-licence-server" == result.main.failures[0].evidence[0].rule
    assert [201] == stage.reruns()


def test_own_rule_that_does_not_hold_stops_before_anything_is_asked(stage: Stage) -> None:
    """It is named, and GitHub hears nothing."""
    run = stage.failed_run()
    before = len(stage.world.requests)

    with pytest.raises(InputError, match="rule wrong: "):
        stage.use(run, rules=({"id": "wrong"},))

    assert before == len(stage.world.requests)


def test_request_log_equals_the_servers_own(stage: Stage) -> None:
    """What the program says it requested is what the server saw, in the same order, over recovery and settling."""
    run = stage.failed_run()
    for use in (first := stage.use(run), second := stage.use(stage.world.runs.get(run.id))):
        use.go()

    for use in (first, second):
        told = [(line["method"], line["path"], line["status"], line["redirect"]) for line in use.requests]
        seen = [
            # a download's signature is as good as a key, and is left out of the program's log
            (it.method, it.path.partition("?")[0] if it.redirect else it.path, it.status, it.redirect)
            for it in use.accesses
        ]
        assert seen == told
        assert told
    assert [] == stage.world.offences


def test_each_further_failed_job_costs_one_request(stage: Stage) -> None:
    """Three failed jobs cost two requests more than one, and are re-run together by one POST.

    Each is compared with its own green log, which costs one request more for each.
    """
    use = stage.use(stage.failed_run(network_job("a"), network_job("b"), network_job("c")))
    stage.green_run("a", "b", "c")

    use.go()

    assert 10 + 1 == len(api(use, "plan", "checkpoints", "execute"))
    assert 2 + 3 == len(api(use, "baseline"))
    assert [201] == stage.reruns()


def test_gate_job_costs_one_request_for_the_workflow_file(stage: Stage) -> None:
    """To tell a gate from a cause, the workflow's file is read; the gate then does not hold up the retry."""
    run = stage.failed_run(
        network_job("flaky"), ScriptedJob(name="gate", conclusion="failure", needs=("flaky",), log=ODD_LOG)
    )
    text = "on: pull_request\njobs:\n  flaky: {}\n  gate: {needs: [flaky], if: always()}\n"
    stage.world.repository.add_file(".github/workflows/ci.yml", text, ref=run.head_sha)
    use = stage.use(run)

    result = use.go()

    assert [201] == stage.reruns()
    assert 1 + 1 + 1 + 8 == len(api(use, "plan", "checkpoints", "execute"))
    assert 2 == len(api(use, "baseline"))
    assert result.main is not None
    assert [None, "flaky"] == [failure.consequence_of for failure in result.main.failures]


@pytest.mark.parametrize("event", ["push", "pull_request"])
def test_request_before_a_rerun_is_get_run(stage: Stage, event: str) -> None:
    """Whatever came before, the run is looked at once more directly before the POST."""
    run = stage.failed_run(event=event, pull_request=event == "pull_request")
    stage.world.repository.set_branch("feature", run.head_sha)
    use = stage.use(run)

    use.go()

    requests = api(use)
    assert f"GET /actions/runs/{run.id}" == requests[requests.index(f"POST /actions/runs/{run.id}{RERUN}") - 1]


def test_plan_is_recorded_and_uploaded_before_anything_is_done(stage: Stage) -> None:
    """After the planning step the plan is an artifact, and nothing has been written to GitHub."""
    run = stage.failed_run()
    use = stage.use(run)

    handover = use.plan()

    assert f"recovery-plan.{run.id}.1.1" == handover.plan_artifact
    assert [] == stage.writes()
    assert handover.main is not None
    state = use.place.store.recovery(handover.main)
    assert state is not None
    assert RecoveryStatus.PENDING == state.status


def test_cleared_run_is_settled_from_the_plan_alone(stage: Stage) -> None:
    """With the cache lost, the next attempt is settled from the plan's artifact, in the budgets of settle and sync."""
    run = stage.failed_run()
    stage.use(run).go()
    use = stage.use(stage.world.runs.get(run.id))

    result = use.go()

    assert [Outcome.CLEARED] == [document.outcome for document in result.documents]
    assert len(api(use, "settle")) <= 6
    assert len(api(use, "sync")) <= 5
    assert [201] == stage.reruns()
    comments = stage.world.pulls.comments(1)
    assert 1 == len(comments)
    assert "cleared" in comments[0].body.lower() or "passed" in comments[0].body.lower()


def test_run_that_fails_again_is_settled_and_left_red(stage: Stage) -> None:
    """A second failure is `still-failing`, the attempt cap stands in the way of a third, and one comment tells both."""
    run = stage.failed_run()
    stage.world.script_attempt(run.id, network_job())
    stage.use(run).go()

    result = stage.use(stage.world.runs.get(run.id)).go()

    assert [Outcome.STILL_FAILING, None] == [document.outcome for document in result.documents]
    assert result.main is not None
    assert [ReasonId.ATTEMPT_CAP] == [reason.id for reason in result.main.reasons]
    assert [201] == stage.reruns()
    assert 1 == len(stage.world.pulls.comments(1))


def test_settled_run_is_not_settled_twice(stage: Stage) -> None:
    """The same second event delivered again changes nothing on GitHub."""
    run = stage.failed_run()
    stage.use(run).go()
    again = stage.world.runs.get(run.id)
    stage.use(again).go()
    before = stage.writes()

    stage.use(again).go()

    assert before == stage.writes()


def test_real_failure_is_left_red_and_told(stage: Stage) -> None:
    """A failed test is not re-run; the comment and the record say why."""
    use = stage.use(stage.failed_run(broken_job()))

    result = use.go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert (DecisionKind.DECLINE, ReasonId.REAL_FAILURE) == (result.main.decision, result.main.reasons[0].id)
    assert ["POST /repos/octo/repo/issues/1/comments"] == stage.writes()
    assert RecoveryStatus.DECLINED == result.main.status


def test_mixed_failures_are_left_red(stage: Stage) -> None:
    """GitHub re-runs all failed jobs together, so that one real failure holds back the passing one."""
    result = stage.use(stage.failed_run(network_job(), broken_job())).go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert ["real-failure"] == [reason.id for reason in result.main.reasons]
    assert "unit" == result.main.failures[0].job


def test_cancelled_run_is_left_alone(stage: Stage) -> None:
    """What a person or `cancel-in-progress` cancelled is not started again."""
    result = stage.use(stage.failed_run(ScriptedJob(name="slow", conclusion="cancelled"))).go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert [ReasonId.CANCELLED_BY_SOMEONE] == [reason.id for reason in result.main.reasons]


def test_fork_is_recovered_and_commented(stage: Stage) -> None:
    """A fork's pull request is found by the head's owner and branch."""
    result = stage.use(stage.failed_run(head_repository="stranger/repo")).go()

    assert [201] == stage.reruns()
    assert result.main is not None
    assert 1 == result.main.pull_request
    assert 1 == len(stage.world.pulls.comments(1))


def test_green_run_needs_nothing(stage: Stage) -> None:
    """A run without a failed job is looked at, and that is all."""
    use = stage.use(stage.failed_run(ScriptedJob(name="build")))

    result = use.go()

    assert ((), None, None) == (result.documents, result.main, result.problem)
    assert 2 == len(api(use))


def test_two_processes_with_one_event_make_one_rerun(stage: Stage) -> None:
    """Two recovery runs that know nothing of each other act at once: one 201, and the other records why not."""
    run = stage.failed_run()
    stage.hold()
    uses = [stage.use(run) for _ in range(2)]
    for use in uses:
        use.plan()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda use: use.execute(), uses))

    assert 1 == stage.reruns().count(201)
    assert [None, None] == [result.problem for result in results]
    reran = sorted(result.main.reran for result in results if result.main)
    assert [False, True] == reran
    loser = next(result.main for result in results if result.main and not result.main.reran)
    assert RecoveryStatus.FAILED == loser.status
    assert loser.detail


def test_two_processes_at_once_on_one_database_make_one_rerun(stage: Stage) -> None:
    """Two recovery runs that share a database: the second finds the effect claimed."""
    run = stage.failed_run()
    stage.hold()
    uses = [stage.use(run, state="shared") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda use: use.plan(), uses))
        results = list(pool.map(lambda use: use.execute(), uses))

    assert [201] == stage.reruns()
    assert [None, None] == [result.problem for result in results]
    assert 1 == len(uses[0].place.store.recoveries_of(run.id, 1))


def test_lost_race_does_not_hide_the_winners_success(stage: Stage) -> None:
    """The loser's record and the winner's fold into one recovery, which is settled as cleared."""
    run = stage.failed_run()
    runner = stage.hold()
    uses = [stage.use(run) for _ in range(2)]
    for use in uses:
        use.plan()
    for use in uses:
        use.execute()
    runner.release(run.id)
    last = stage.use(stage.world.runs.get(run.id))

    result = last.go()

    assert [Outcome.CLEARED] == [document.outcome for document in result.documents]


def test_recovery_run_that_is_rerun_does_not_act_again(stage: Stage) -> None:
    """The second try of a recovery run finds the plan of its first one, and the attempt that came of it."""
    run = stage.failed_run()
    stage.use(run).go()

    again = stage.use(run, attempt=2)
    result = again.go()

    assert [201] == stage.reruns()
    assert result.problem is None


def test_recovery_run_that_died_after_its_plan_is_finished_by_its_second_try(stage: Stage) -> None:
    """A runner that is lost between plan and effect leaves a plan; the re-run recovery run executes it once."""
    run = stage.failed_run()
    stage.use(run).plan()

    stage.use(run, attempt=2).go()

    assert [201] == stage.reruns()


def test_refused_rerun_is_told_recorded_and_commented(stage: Stage) -> None:
    """A token without `actions: write` gives an error that names the line, and a comment all the same."""
    run = stage.failed_run()
    stage.world.inject(
        Fault(method="POST", path=RERUN, status=403, body={"message": "Resource not accessible by integration"})
    )

    result = stage.use(run).go()

    assert isinstance(result.problem, ForgeRefused)
    assert "actions: write" in str(result.problem.hint)
    assert result.main is not None
    assert (RecoveryStatus.FAILED, False) == (result.main.status, result.main.reran)
    assert 1 == len(stage.world.pulls.comments(1))


def test_unclear_answer_with_a_new_attempt_counts_as_accepted(stage: Stage) -> None:
    """A 502 to a POST that took effect: the run is looked at, and nothing is sent twice."""
    run = stage.failed_run()
    stage.world.inject(Fault(method="POST", path=RERUN, status=502, after_effect=True))

    result = stage.use(run).go()

    assert result.problem is None
    assert result.main is not None
    assert result.main.reran
    assert [502] == stage.reruns()


def test_unclear_answer_without_a_new_attempt_is_told_and_not_repeated(stage: Stage) -> None:
    """A POST that got no answer and shows no attempt is an error; its fate is left to be settled."""
    run = stage.failed_run()
    stage.world.inject(Fault(method="POST", path=RERUN, status=0))

    result = stage.use(run).go()

    assert isinstance(result.problem, AmbiguousEffect)
    assert [0] == stage.reruns()
    assert result.main is not None
    assert RecoveryStatus.IN_PROGRESS == result.main.status


def test_failed_comment_is_a_warning(stage: Stage) -> None:
    """A comment that cannot be written does not fail a recovery that worked."""
    run = stage.failed_run()
    stage.world.inject(
        Fault(method="POST", path="/comments", status=403, body={"message": "Resource not accessible by integration"})
    )

    result = stage.use(run).go()

    assert result.problem is None
    assert [201] == stage.reruns()
    assert ["pull-requests: write"] == [text for text in ("pull-requests: write",) if text in result.warnings[0]]


def test_dry_run_changes_nothing_and_tells_all(stage: Stage) -> None:
    """A dry run shows the decision; neither GitHub nor the database learns of it, and no plan is to be uploaded."""
    use = stage.use(stage.failed_run(), dry_run=True)
    before = use.dump()

    result = use.go()

    assert [] == stage.writes()
    assert before == use.dump()
    assert result.main is not None
    assert (DecisionKind.ACT, False) == (result.main.decision, result.main.reran)
    assert not (use.directory / "plan.jsonl").exists()
    assert not (use.directory / "journal.jsonl").exists()


def test_dry_run_tells_the_new_decision_beside_an_open_recovery(stage: Stage) -> None:
    """A dry run settles nothing, and what was recovered before does not hide the decision."""
    run = stage.failed_run()
    stage.world.script_attempt(run.id, network_job())
    stage.use(run, state="kept").go()
    use = stage.use(stage.world.runs.get(run.id), state="kept", dry_run=True)
    before = use.dump()

    result = use.go()

    assert before == use.dump()
    assert result.main is not None
    assert (2, DecisionKind.DECLINE) == (result.main.attempt, result.main.decision)


def test_run_that_is_active_again_is_not_touched(stage: Stage) -> None:
    """An event that comes late, when somebody has re-run the run already, leads to no second re-run."""
    run = stage.failed_run()
    stage.hold()
    stage.world.rerun(run.id, only_failed=True)

    result = stage.use(run).go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert ReasonId.RUN_ACTIVE in [reason.id for reason in result.main.reasons]


@pytest.mark.parametrize(
    ("over", "trusted"),
    [
        ({}, True),
        ({"event": "schedule"}, True),
        ({"path": ".github/workflows/other.yml", "workflow": "Other"}, False),
        ({"head_branch": "feature"}, False),
        ({"event": "pull_request"}, False),
        ({"event": "push"}, False),
        ({"head_repository": "stranger/repo"}, False),
    ],
)
def test_only_plans_of_the_recovery_workflow_are_believed(stage: Stage, over: dict[str, str], *, trusted: bool) -> None:
    """A plan made by another workflow, branch, fork or event is ignored, whatever its name."""
    run = stage.failed_run()
    first = stage.use(run)
    handover = first.plan()
    first.execute()
    for artifact in stage.world.vault.artifacts():
        stage.world.vault.delete_artifact(artifact.id)
    maker = stage.recovery_run(**over)
    assert handover.plan_artifact is not None
    plan = (first.directory / "plan.jsonl").read_bytes()
    stage.world.vault.add_artifact(maker, handover.plan_artifact, {"plan.jsonl": plan})
    use = stage.use(stage.world.runs.get(run.id))

    result = use.go()

    assert ([Outcome.CLEARED] if trusted else []) == [document.outcome for document in result.documents]
    assert len(api(use, "sync")) <= 5


def test_plan_of_another_repository_is_not_folded(stage: Stage) -> None:
    """Events about another repository do not enter, not even through a believed artifact."""
    run = stage.failed_run()
    first = stage.use(run)
    first.go()
    plan = (first.directory / "plan.jsonl").read_text().replace("octo/repo", "other/repo")
    for artifact in stage.world.vault.artifacts():
        stage.world.vault.delete_artifact(artifact.id)
    stage.world.vault.add_artifact(first.own, f"recovery-plan.{run.id}.1.1", {"plan.jsonl": plan})
    use = stage.use(stage.world.runs.get(run.id))

    assert () == use.go().documents
    assert () == use.place.store.recoveries()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"{}\n[1]\nnot json\n", b'{"kind": "recovery-decided"}\n'])
def test_unreadable_plan_is_no_plan(stage: Stage, content: bytes) -> None:
    """A plan that is empty, binary or torn settles nothing and breaks nothing."""
    run = stage.failed_run()
    own = stage.recovery_run()
    stage.world.rerun(run.id, only_failed=True)
    stage.world.vault.add_artifact(own, f"recovery-plan.{run.id}.1.1", {"plan.jsonl": content})

    result = stage.use(stage.world.runs.get(run.id)).go()

    assert ((), None) == (result.documents, result.problem)


def test_plan_whose_upload_failed_is_executed_with_a_note(stage: Stage) -> None:
    """A retry may go on without the uploaded plan; the record says that only this runner knew of it."""
    use = stage.use(stage.failed_run())
    handover = use.plan()

    use.execute(plan_uploaded=False)

    assert [201] == stage.reruns()
    assert handover.main is not None
    state = use.place.store.recovery(handover.main)
    assert state is not None
    assert "upload plan" in [step["step"] for step in state.progress_steps]


def test_plan_and_journal_tell_each_step_once(stage: Stage) -> None:
    """Plan and journal of one recovery run, folded together elsewhere, show no step twice."""
    run = stage.failed_run()
    stage.use(run).go()

    sweep = stage.use()
    sweep.plan()

    state = sweep.place.store.recovery(f"rec-{run.id}-1-1")
    assert state is not None
    steps = [step["step"] for step in state.progress_steps]
    assert sorted(set(steps)) == sorted(steps)


def test_rollback_of_a_workflow_that_is_not_configured_changes_nothing(stage: Stage) -> None:
    """Asking for what no configuration describes raises before anything is recorded."""
    use = stage.use(stage.failed_run(), strategy="rollback")
    before = use.dump()

    with pytest.raises(InputError, match="does not say how the workflow `CI` is rolled back"):
        use.plan()

    assert before == use.dump()
    assert [] == stage.writes()


def test_explicit_retry_of_a_real_failure_acts_and_says_what_it_set_aside(stage: Stage) -> None:
    """A person's word outweighs the class; the record names the veto that it set aside."""
    use = stage.use(stage.failed_run(broken_job()), strategy=Strategy.RETRY, reason="I fixed the server")

    result = use.go()

    assert [201] == stage.reruns()
    assert result.main is not None
    assert [ReasonId.REAL_FAILURE] == [reason.id for reason in result.main.overridden]
    assert "I fixed the server" in result.main.reasons[0].text


def test_declined_run_can_be_retried_by_a_person_later(stage: Stage) -> None:
    """Declining never blocks: a later explicit retry makes a second recovery of the same attempt."""
    run = stage.failed_run(broken_job())
    stage.use(run, state="kept").go()

    result = stage.use(run, state="kept", strategy=Strategy.RETRY).go()

    assert [201] == stage.reruns()
    assert result.main is not None
    assert f"rec-{run.id}-1-2" == result.main.recovery_id


def test_deciding_the_same_twice_writes_nothing(stage: Stage) -> None:
    """A declined run that is looked at again gives the decision on record; nothing is written anywhere."""
    run = stage.failed_run(broken_job())
    stage.use(run, state="kept").go()
    use = stage.use(run, state="kept")
    before, written = use.dump(), stage.writes()

    use.go()

    assert before == use.dump()
    assert written == stage.writes()
    assert not (use.directory / "journal.jsonl").exists()


def test_run_named_by_hand_is_waited_for_and_told_when_it_goes_on(stage: Stage) -> None:
    """A run that is still active is not recovered but put on record; without an attempt its latest one is meant."""
    run = stage.failed_run(status="in_progress")
    use = stage.use(run)

    handover = plan_recovery(use.place, Target(run_id=run.id))
    result = execute_recovery(use.place, handover)

    assert [] == stage.writes()
    assert result.main is not None
    assert (1, DecisionKind.DECLINE) == (result.main.attempt, result.main.decision)
    assert [ReasonId.RUN_ACTIVE] == [reason.id for reason in result.main.reasons]


def test_unknown_run_is_refused_with_nothing_written(stage: Stage) -> None:
    """A run that does not exist is an error that says so."""
    use = stage.use(stage.failed_run())
    before = use.dump()

    with pytest.raises(ForgeRefused, match="no such run"):
        plan_recovery(use.place, Target(run_id=12345, attempt=1))

    assert before == use.dump()


def test_state_is_found_in_a_workspace_without_the_workflow(stage: Stage) -> None:
    """The recovery workflow's file need not be checked out to recover a run."""
    (stage.folder / "workspace" / ".github" / "workflows" / "recovery.yml").unlink()

    stage.use(stage.failed_run()).go()

    assert [201] == stage.reruns()


def context(event: dict[str, object]) -> RunnerContext:
    """A runner that was started by this event."""
    return RunnerContext(repository="octo/repo", event_name="workflow_run", event=event, workspace=Path())


def test_target_is_the_run_of_the_event() -> None:
    """The completed run and its attempt come from the event."""
    event = {"workflow_run": {"id": 7, "run_attempt": 2}}

    assert Target(run_id=7, attempt=2) == target_of(context(event), Settings())


def test_run_id_input_outweighs_the_event() -> None:
    """A run named by hand means its latest attempt."""
    event = {"workflow_run": {"id": 7, "run_attempt": 2}}

    assert Target(run_id=8) == target_of(context(event), Settings(run_id=8))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"workflow_run": None},
        {"workflow_run": []},
        {"workflow_run": {}},
        {"workflow_run": {"id": "7", "run_attempt": 1}},
        {"workflow_run": {"id": 0, "run_attempt": 1}},
        {"workflow_run": {"id": 7, "run_attempt": -1}},
        {"workflow_run": {"id": 7, "run_attempt": None}},
    ],
)
def test_event_without_a_run_is_refused(event: dict[str, object]) -> None:
    """An event that names no run, or not in numbers, is bad input."""
    with pytest.raises(InputError):
        target_of(context(event), Settings())


def test_log_that_says_nothing_is_left_to_people(stage: Stage) -> None:
    """An unknown cause is never re-run."""
    result = stage.use(stage.failed_run(ScriptedJob(name="odd", conclusion="failure", log=ODD_LOG))).go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert [ReasonId.UNKNOWN_CAUSE] == [reason.id for reason in result.main.reasons]


def test_log_that_is_gone_is_left_to_people(stage: Stage) -> None:
    """A log that GitHub has deleted is no evidence; the run is left red, and the reason is told."""
    stage.world.inject(Fault(method="GET", path="/logs", status=410, body={"message": "Gone"}))

    result = stage.use(stage.failed_run()).go()

    assert [] == stage.reruns()
    assert result.main is not None
    assert [ReasonId.LOG_UNREADABLE] == [reason.id for reason in result.main.reasons]


def test_hostile_names_do_not_reach_the_comment_as_html(stage: Stage) -> None:
    """Names of jobs and lines of logs come from strangers: none of their HTML, marker or mention survives."""
    name = "x` @octo/team <!-- storyteller-recovery --> <img src=x>"
    log = TEST_LOG.replace("assert 1 == 2", "@octocat <script>alert(1)</script>")

    stage.use(stage.failed_run(broken_job(name, log=log))).go()

    tokens = MarkdownIt("commonmark").parse(stage.world.pulls.comments(1)[0].body)
    inline = [child for token in tokens for child in token.children or ()]
    html = [token.content for token in (*tokens, *inline) if token.type in {"html_block", "html_inline"}]
    assert [] == [text for text in html if "img" in text or "script" in text]
    prose = " ".join(child.content for child in inline if child.type == "text")
    assert "@octo" not in prose

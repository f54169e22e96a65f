"""One attempt seen through the forge: which requests, which failures, and what happens when something is missing."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.errors import AuthenticationError, ForgeRefused, ForgeUnavailable, RateLimited
from recovery.inquiry import LOGS_READ, Inquiry
from recovery.models.decision import Observation
from recovery.models.records import MOST_FAILED_TESTS
from recovery.models.verdict import FailureClass, Retryable
from recovery.observer import LOGS_SHOWN, look_at_head, observe
from tests import builders as make
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge

NETWORK = "curl: (18) transfer closed with 4711 bytes remaining to read\n"
SILENT = "##[error]Process completed with exit code 1.\n"
RUN = 1001


def forge(*jobs: Any, logs: dict[int, str] | None = None, **run: Any) -> FakeForge:
    """A forge with one run of an open pull request."""
    built = FakeForge()
    built.add_run(make.make_run(**run), jobs or [make.make_job()], {4201: NETWORK} if logs is None else logs)
    built.add_pull_request(make.make_pull_request(), "feature")
    return built


def seen(of: FakeForge, attempt: int | None = None, **inquiry: Any) -> Observation:
    """What is seen of the run, without a look at other runs unless it is asked for."""
    return observe(of, FakeClock(), RUN, attempt, Inquiry(**{"baseline": False, "default_branch": "main"} | inquiry))


def green(of: FakeForge, *jobs: Any, logs: dict[int, str] | None = None, **run: Any) -> None:
    """Let an earlier run of the branch have succeeded, whose one job is called as the default one."""
    fields = {"id": 900, "conclusion": "success", "created_at": make.later(-3600)}
    job = make.make_job(id=4001, run_id=900, conclusion="success", steps=())
    of.add_run(make.make_run(**fields | run), jobs or [job], {4001: "all is well\n"} if logs is None else logs)


def asked(of: FakeForge) -> list[object]:
    """The names of the methods called, in order."""
    return [call[0] for call in of.calls]


def test_failed_job_becomes_a_failure_with_its_cause() -> None:
    """Identity from run and job, cause and evidence from the log."""
    (failure,) = seen(forge()).failures

    assert ("fail-1001-1-4201", RUN, 1, 4201, "test", "Run tests", "failure") == (
        failure.id,
        failure.run_id,
        failure.attempt,
        failure.job_id,
        failure.job_name,
        failure.step,
        failure.conclusion,
    )
    assert (FailureClass.NETWORK, Retryable.YES, None, None) == (
        failure.failure_class,
        failure.retryable,
        failure.log_problem,
        failure.consequence_of,
    )
    assert "transfer closed" in failure.evidence[0].text
    assert (make.HEAD_SHA, "feature", "CI", make.NOW) == (
        failure.head_sha,
        failure.head_branch,
        failure.workflow_name,
        failure.observed_at,
    )


def test_requests_are_run_jobs_logs_and_head() -> None:
    """One request each, and one more per failed job."""
    of = forge(make.make_job(), make.make_job(id=4202, name="lint"), logs={4201: NETWORK, 4202: NETWORK})

    seen(of)

    assert ["run", "jobs", "job_log", "job_log", "pull_request_of"] == asked(of)


def test_green_attempt_costs_two_requests() -> None:
    """Without a failure nobody asks for the head."""
    of = forge(make.make_job(conclusion="success"), conclusion="success")

    assert () == seen(of).failures
    assert ["run", "jobs"] == asked(of)


def test_green_attempt_has_no_failures_although_a_job_failed() -> None:
    """What `continue-on-error` allows to fail is no failure of the run: no log is read, nothing is decided about."""
    of = forge(make.make_job(), conclusion="success")

    assert () == seen(of).failures
    assert ["run", "jobs"] == asked(of)


def test_green_latest_attempt_says_nothing_of_an_earlier_one() -> None:
    """The conclusion is the latest attempt's: an earlier one that is looked at keeps its failures."""
    of = forge()
    of.rerun_failed_jobs(RUN)
    of.complete(RUN)
    of.calls.clear()

    assert ["fail-1001-1-4201"] == [failure.id for failure in seen(of, attempt=1).failures]


def test_latest_attempt_is_the_default() -> None:
    """Without an attempt the newest one is looked at."""
    of = forge(run_attempt=3)

    assert 3 == seen(of).attempt
    assert ("jobs", RUN, 3) in of.calls


def test_active_attempt_is_not_looked_into() -> None:
    """The jobs of an attempt that goes on may still change."""
    observation = seen(of := forge(status="in_progress", conclusion=None))

    assert ((), ()) == (observation.jobs, observation.failures)
    assert ["run"] == asked(of)


def test_earlier_attempt_of_an_active_run_is_looked_into() -> None:
    """An attempt that was followed by another is over, whatever the run does now."""
    of = forge()
    of.rerun_failed_jobs(RUN)

    assert ["fail-1001-1-4201"] == [failure.id for failure in seen(of, 1).failures]


def test_carried_over_job_belongs_to_the_attempt_looked_at() -> None:
    """A failed job that names an earlier attempt as its own is a failure of this one."""
    (failure,) = seen(forge(make.make_job(run_attempt=1), run_attempt=2)).failures

    assert (2, "fail-1001-2-4201") == (failure.attempt, failure.id)


@pytest.mark.parametrize("error", [ForgeRefused("it has expired", status=410), ForgeUnavailable("it broke off")])
def test_unreadable_log_is_recorded(error: Exception) -> None:
    """A log that cannot be read leaves the cause unknown, and says why."""
    of = forge()
    of.fail("job_log", error)

    (failure,) = seen(of).failures

    assert (FailureClass.UNKNOWN, str(error)) == (failure.failure_class, failure.log_problem)


@pytest.mark.parametrize("error", [AuthenticationError("who are you"), RateLimited("wait")])
def test_trouble_that_concerns_every_request_is_raised(error: Exception) -> None:
    """A bad token or a rate limit is not a property of one log."""
    of = forge()
    of.fail("job_log", error)

    with pytest.raises(type(error)):
        seen(of)


def test_logs_are_read_up_to_a_number() -> None:
    """Where very many jobs failed, no retry is considered; a few logs are read all the same, for people."""
    jobs = [make.make_job(id=number, name=f"job {number}") for number in range(LOGS_READ + 3)]
    of = forge(*jobs, logs=dict.fromkeys(range(LOGS_READ + 3), NETWORK))

    failures = seen(of).failures

    assert LOGS_SHOWN == of.called("job_log")
    assert [None] * LOGS_SHOWN == [failure.log_problem for failure in failures[:LOGS_SHOWN]]
    unread = {failure.log_problem for failure in failures[LOGS_SHOWN:]}
    assert {"it was not read, because too many jobs failed"} == unread


def test_sibling_cancelled_by_fail_fast_is_not_read() -> None:
    """What another leg took down has no cause of its own in its log."""
    legs = (
        make.make_job(id=1, name="test (1)"),
        make.make_job(id=2, name="test (2)", conclusion="cancelled", steps=()),
    )
    of = forge(*legs, logs={1: NETWORK})

    failures = seen(of).failures

    assert [None, "test (1)"] == [failure.consequence_of for failure in failures]
    assert [("job_log", 1)] == [call for call in of.calls if call[0] == "job_log"]


def gated() -> FakeForge:
    """A run whose job `gate` says nothing of its own."""
    check = make.make_step(name="Look at the other jobs")
    gate = make.make_job(id=4202, name="gate", steps=(check,))
    of = forge(make.make_job(), gate, logs={4201: NETWORK, 4202: SILENT})
    of.files[".github/workflows/ci.yml", make.HEAD_SHA] = "jobs: {test: {}, gate: {needs: test}}"
    return of


def test_gate_is_found_in_the_workflow_of_the_runs_commit() -> None:
    """The file is read as it was for the run, once."""
    of = gated()

    assert [None, "test"] == [failure.consequence_of for failure in seen(of).failures]
    assert 1 == of.called("file_text")


def test_workflow_that_cannot_be_read_marks_no_gate() -> None:
    """Without the file a silent job stays a cause, and so a veto."""
    missing = gated()
    missing.files.clear()
    refused = gated()
    refused.fail("file_text", ForgeRefused("no", status=403))

    for of in (missing, refused):
        assert [None, None] == [failure.consequence_of for failure in seen(of).failures]


def test_trouble_that_passes_is_no_reason_to_take_a_gate_for_a_cause() -> None:
    """A workflow file that is away for a moment is asked for again another time: a final verdict hangs on it."""
    broken = gated()
    broken.fail("file_text", ForgeUnavailable("down"))

    with pytest.raises(ForgeUnavailable):
        seen(broken)


@pytest.mark.parametrize(
    ("run", "request_made", "head"),
    [
        ({}, "pull_request_of", make.HEAD_SHA),
        ({"event": "pull_request_target"}, "pull_request_of", make.HEAD_SHA),
        ({"head_repository": None}, "pull_request_of", None),
        ({"event": "push", "head_branch": "main"}, "branch_head", "f" * 40),
        ({"event": "push", "head_branch": "gone"}, "branch_head", None),
        ({"event": "push", "head_branch": None}, None, None),
        ({"event": "schedule"}, None, None),
        ({"event": "merge_group"}, None, None),
    ],
)
def test_head_is_looked_at_where_there_is_one(run: dict[str, Any], request_made: str | None, head: str | None) -> None:
    """One request for a pull request or a branch, none for other events."""
    of = forge(**run)

    _, head_now = look_at_head(of, make.make_run(**run))

    assert ([request_made] if request_made else [], head) == (asked(of), head_now)


def test_lost_runner_is_recognised_by_its_steps() -> None:
    """A job that failed although none of its steps did has lost its runner, whatever its log says."""
    step = make.make_step(conclusion=None, completed_at=None)
    (failure,) = seen(forge(make.make_job(steps=(step,)), logs={4201: "half a line"})).failures

    assert (FailureClass.INFRASTRUCTURE, Retryable.YES, None) == (
        failure.failure_class,
        failure.retryable,
        failure.step,
    )


def test_log_is_compared_with_that_of_the_last_green_run() -> None:
    """Which runs succeeded, the jobs of the newest one, and the log of the job of the same name: three requests."""
    of = forge()
    green(of)

    (failure,) = seen(of, baseline=True).failures

    assert (900, ()) == (failure.baseline_run_id, failure.notes)
    assert ["run", "jobs", "job_log", "successful_runs", "jobs", "job_log", "pull_request_of"] == asked(of)


def test_line_that_the_green_run_has_too_is_no_cause() -> None:
    """What was said when the job succeeded is not why it fails; what is new is."""
    of = forge(logs={4201: f"{NETWORK}error: the flux capacitor is missing\n{SILENT}"})
    green(of, logs={4001: NETWORK})

    (alone,) = seen(of).failures
    (compared,) = seen(of, baseline=True).failures

    assert FailureClass.NETWORK == alone.failure_class
    assert FailureClass.NETWORK != compared.failure_class
    assert Retryable.NO == compared.retryable


@pytest.mark.parametrize(
    "job",
    [
        {"conclusion": "timed_out"},
        {"conclusion": "cancelled"},
        {"steps": (make.make_step(conclusion=None, completed_at=None),)},
    ],
    ids=["time limit", "cancelled", "lost runner"],
)
def test_cause_that_github_tells_needs_no_baseline(job: dict[str, Any]) -> None:
    """Where no line of the log was the cause, no line of another log matters."""
    of = forge(make.make_job(**job))
    green(of)

    (failure,) = seen(of, baseline=True).failures

    assert (None, (), 0) == (failure.baseline_run_id, failure.notes, of.called("successful_runs"))


def test_consequence_and_unread_log_need_no_baseline() -> None:
    """A gate has no cause of its own, and a log that cannot be read cannot be compared."""
    of = gated()
    of.fail("job_log", ForgeRefused("gone", status=410))
    green(of)
    unread = seen(of, baseline=True).failures
    green(whole := gated())
    marked = seen(whole, baseline=True).failures

    assert [None, None] == [unread[0].baseline_run_id, marked[1].baseline_run_id]
    assert [900, ()] == [marked[0].baseline_run_id, marked[1].notes]


def test_where_too_many_jobs_failed_nothing_is_compared() -> None:
    """No retry is considered then, so that no request is spent on a better cause."""
    jobs = [make.make_job(id=number, name=f"job {number}") for number in range(4)]
    of = forge(*jobs, logs=dict.fromkeys(range(4), NETWORK))
    green(of)

    seen(of, baseline=True, most_logs=3)

    assert (0, LOGS_SHOWN) == (of.called("successful_runs"), of.called("job_log"))


@pytest.mark.parametrize("error", [ForgeRefused("gone", status=410), RateLimited("wait"), AuthenticationError("who")])
@pytest.mark.parametrize("call", ["successful_runs", "jobs", "job_log"])
def test_baseline_that_cannot_be_had_is_noted(call: str, error: Exception) -> None:
    """Whatever goes wrong on the way to it: the cause is the same as without, and the failure says why."""
    of = forge()
    green(of)
    of.fail(call, error, call=1 if call == "successful_runs" else 2)

    (failure,) = seen(of, baseline=True).failures

    assert (FailureClass.NETWORK, Retryable.YES, None) == (
        failure.failure_class,
        failure.retryable,
        failure.baseline_run_id,
    )
    assert (f"the log was not compared with that of a successful run: {error}",) == failure.notes


REPORT = b"""<testsuite name="unit" tests="2" failures="1">
<testcase classname="tests.test_cart" name="test_rounding"><failure message="3 != 4"/></testcase>
<testcase classname="tests.test_cart" name="test_empty"/>
</testsuite>"""
TESTS_FAILED = "FAILED tests/test_cart.py::test_total - assert 3 == 4\n1 failed, 1 passed in 0.31s\n"


def reported(log: str = TESTS_FAILED, **artifact: Any) -> FakeForge:
    """A run whose tests failed, and that left a report of them."""
    of = forge(logs={4201: log})
    made = make.make_artifact(**{"name": "junit-linux", "created_at": make.later(-90)} | artifact)
    of.artifacts[made.id] = (made, {"report.xml": REPORT, "readme.txt": b"not XML"})
    return of


def test_test_report_names_the_failed_tests() -> None:
    """Where tests failed, the reports that were left say which: one request for the list, and one for each."""
    of = reported()

    (failure,) = seen(of, test_reports=("junit-*",)).failures

    assert FailureClass.TEST_FAILURE == failure.failure_class
    assert "tests.test_cart.test_rounding" in failure.failed_tests
    assert ["run", "jobs", "job_log", "artifacts_of_run", "artifact_files", "pull_request_of"] == asked(of)


def test_test_reports_are_not_asked_for_unless_tests_failed() -> None:
    """What broke the connection is in no report of tests."""
    of = reported(log=NETWORK)

    seen(of, test_reports=("junit-*",))

    assert 0 == of.called("artifacts_of_run")


def test_test_reports_are_asked_for_once_for_all_jobs() -> None:
    """Two jobs whose tests failed share the reports of the run."""
    of = reported()
    jobs = (make.make_job(), make.make_job(id=4202, name="windows"))
    of.add_run(make.make_run(), jobs, {4201: TESTS_FAILED, 4202: TESTS_FAILED})

    seen(of, test_reports=("junit-*",))

    assert (1, 1) == (of.called("artifacts_of_run"), of.called("artifact_files"))


def test_test_reports_of_an_attempt_before_are_not_told_apart_and_not_read() -> None:
    """An artifact does not say which attempt it is of."""
    of = reported()
    of.rerun_failed_jobs(RUN)

    seen(of, 1, test_reports=("junit-*",))

    assert 0 == of.called("artifacts_of_run")


def test_only_the_first_failed_tests_are_put_on_record() -> None:
    """A suite that fails as a whole fills no database."""
    lines = [f"FAILED tests/test_cart.py::test_{number} - assert 3 == 4" for number in range(40)]

    (failure,) = seen(forge(logs={4201: "\n".join([*lines, "40 failed in 0.31s", ""])})).failures

    assert len(failure.failed_tests) <= MOST_FAILED_TESTS

"""Which earlier run a failed one is compared with, what that costs, and what is said where there is none."""

from __future__ import annotations

from typing import Any

from recovery.baselines import Baselines, Green
from recovery.errors import ForgeRefused
from recovery.inquiry import KEPT_FOR_ACTING, Inquiry
from tests import builders as make
from tests.fakes.forge import FakeForge

FORK = "stranger/widgets"
NOT_COMPARED = "the log was not compared with that of a successful run: "


def forge(*runs: dict[str, Any]) -> FakeForge:
    """A forge with the failed run, and successful ones, each an hour before the one given before it."""
    built = FakeForge()
    built.add_run(make.make_run(), [make.make_job()])
    for number, over in enumerate(runs, start=1):
        fields = {"id": 1000 - number, "conclusion": "success", "created_at": make.later(-3600 * number)} | over
        run = make.make_run(**fields)
        job = make.make_job(id=run.id * 10, run_id=run.id, run_attempt=run.run_attempt, conclusion="success", steps=())
        built.add_run(run, [job], {job.id: f"log of run {run.id}\n"})
    return built


def found(of: FakeForge, job: str = "test", run: dict[str, Any] | None = None, **inquiry: Any) -> Green | str:
    """What the failed run's job is compared with, or why with nothing."""
    told = {"default_branch": "main"} | inquiry
    return Baselines(of, make.make_run(**run or {}), Inquiry(**told)).of(job)


def asked(of: FakeForge) -> list[tuple[object, ...]]:
    """The methods called, with what the runs were listed by."""
    return [call if call[0] == "successful_runs" else call[:1] for call in of.calls]


def test_newest_green_run_of_the_branch_counts() -> None:
    """Of two green runs the later one is taken; runs are listed, its jobs, and the job's log read."""
    of = forge({}, {})

    green = found(of)

    assert isinstance(green, Green)
    assert (999, b"log of run 999\n") == (green.run_id, green.log.content)
    assert [("successful_runs", "ci.yml", "feature"), ("jobs",), ("job_log",)] == asked(of)


def test_default_branch_counts_where_the_branch_has_no_green_run() -> None:
    """A first push to a branch is compared with what is green on the default branch."""
    of = forge({"head_branch": "other"}, {"head_branch": "main"})

    green = found(of)

    assert isinstance(green, Green)
    assert 998 == green.run_id
    lists = [("successful_runs", "ci.yml", "feature"), ("successful_runs", "ci.yml", "main")]
    assert [*lists, ("jobs",), ("job_log",)] == asked(of)


def test_default_branch_is_listed_once() -> None:
    """Where the failed run was on the default branch itself, there is no second place to look."""
    of = forge()

    said = found(of, run={"head_branch": "main"})

    assert f"{NOT_COMPARED}before it no run of this workflow succeeded on `main`" == said
    assert [("successful_runs", "ci.yml", "main")] == asked(of)


def test_default_branch_is_asked_for_where_nobody_told_it() -> None:
    """Off a runner no event tells it; that is one request more, and only where it matters."""
    of, near = forge({"head_branch": "main"}), forge({})

    assert isinstance(found(of, default_branch=""), Green)
    assert isinstance(found(near, default_branch=""), Green)

    assert (1, 0) == (of.called("default_branch"), near.called("default_branch"))


def test_later_and_unfinished_runs_do_not_count() -> None:
    """What is green by now may be so because the fault was mended; what goes on has not succeeded."""
    later = {"created_at": make.later(60)}
    active = {"status": "in_progress", "conclusion": None}
    red = {"conclusion": "failure"}

    said = found(forge(later, active, red))

    assert f"{NOT_COMPARED}before it no run of this workflow succeeded on `feature` or `main`" == said


def test_branch_of_the_same_name_in_another_repository_is_another_branch() -> None:
    """Anybody may call a fork's branch like one of ours; a fork's run is compared with those of that fork."""
    of = forge({"head_repository": FORK, "head_branch": "main"}, {"head_repository": FORK})

    ours = found(of)
    theirs = found(of, run={"head_repository": FORK})

    assert f"{NOT_COMPARED}before it no run of this workflow succeeded on `feature` or `main`" == ours
    assert isinstance(theirs, Green)
    assert 998 == theirs.run_id


def test_run_of_a_deleted_fork_is_compared_with_the_default_branch() -> None:
    """Where nobody knows whose branch it was, only ours is left."""
    of = forge({"head_branch": "main"})

    assert isinstance(found(of, run={"head_repository": None}), Green)
    assert 1 == of.called("successful_runs")


def test_latest_attempt_of_the_green_run_is_looked_at() -> None:
    """A run that was green at the second try has its logs there."""
    of = forge({"run_attempt": 2})

    assert isinstance(found(of), Green)
    assert ("jobs", 999, 2) in of.calls


def test_job_must_have_succeeded_under_the_same_name() -> None:
    """A job that is new, or was skipped or allowed to fail there, is compared with nothing."""
    of = forge({})
    of._jobs[999, 1] = (make.make_job(run_id=999, name="lint", conclusion="skipped"), *of._jobs[999, 1])

    said = [found(of, "deploy"), found(of, "lint")]

    assert [f"{NOT_COMPARED}no job of this name succeeded in run 999, the last that did"] * 2 == said


def test_jobs_of_one_run_are_compared_with_one_run() -> None:
    """Each further job costs its log, and nothing else; what cannot be had is asked for once."""
    of, broken = forge({}), forge({})
    broken.fail("jobs", ForgeRefused("no", status=404))
    several, refused = (Baselines(each, make.make_run(), Inquiry(default_branch="main")) for each in (of, broken))

    for baselines in (several, refused):
        baselines.of("test")
        baselines.of("test")

    assert (1, 1, 2) == (of.called("successful_runs"), of.called("jobs"), of.called("job_log"))
    assert (1, 1, 0) == (broken.called("successful_runs"), broken.called("jobs"), broken.called("job_log"))


def test_log_that_has_expired_is_told() -> None:
    """GitHub keeps logs for a while only."""
    of = forge({})
    of.fail("job_log", ForgeRefused("the log has expired", status=410))

    assert f"{NOT_COMPARED}the log has expired" == found(of)


def test_what_is_left_of_the_rate_limit_is_kept_for_acting() -> None:
    """With few requests left none is spent on a comparison; with enough, or where nobody counts, it is made."""
    few, enough, uncounted = forge({}), forge({}), forge({})
    few.requests_left, enough.requests_left = KEPT_FOR_ACTING - 1, KEPT_FOR_ACTING

    said = found(few)

    assert f"{NOT_COMPARED}GitHub answers only 99 more requests within this hour, and 100 are kept for acting" == said
    assert [] == few.calls
    assert isinstance(found(enough), Green)
    assert isinstance(found(uncounted), Green)


def test_path_with_a_branch_names_the_same_file() -> None:
    """GitHub's own examples show `ci.yml@main`."""
    of = forge({})

    assert isinstance(found(of, run={"path": ".github/workflows/ci.yml@feature"}), Green)

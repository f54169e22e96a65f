"""What shows that a run deployed, and which jobs show that a good run was brought back."""

from __future__ import annotations

import pytest

from recovery.models.checkpoint import Particulars
from recovery.models.github import Job
from recovery.policy.proof import (
    as_they_ended,
    is_proven,
    jobs_left_out,
    jobs_missed,
    jobs_that_deployed,
    those_that_matter,
)
from recovery.settings import Settings, SideEffects
from tests import builders as make
from tests import rollback_builders as rolled

SETTINGS = Settings()
TAG = "recovery/rollback/deploy/production/x"


def jobs(*names: str, attempt: int = 1, **ended: str) -> tuple[Job, ...]:
    """Jobs of an attempt that succeeded, but for those that ended otherwise, in the order of `names`."""
    return tuple(
        make.make_job(id=10 * attempt + number, name=name, run_attempt=attempt, conclusion=ended.get(name, "success"))
        for number, name in enumerate(names)
    )


JOBS = (*jobs("lint", "deploy (eu)", "deploy (us)"), *jobs("publish", attempt=2, publish="skipped"))


def test_jobs_that_deploy_and_ran() -> None:
    """A linter may be left out when it is done again; what deploys may not, and what never ran need not."""
    assert ("deploy (eu)", "deploy (us)") == jobs_that_deployed(JOBS, SETTINGS)


def test_where_nothing_seems_to_deploy_all_that_ran_counts() -> None:
    """Names do not always tell."""
    assert ("lint",) == jobs_that_deployed(JOBS[:1], SETTINGS)


def test_configuration_tells_what_deploys() -> None:
    """A team says which of its jobs have effects."""
    settings = Settings(side_effects={"lint": SideEffects.DANGEROUS, "deploy (eu)": SideEffects.NONE})

    assert ("lint", "deploy (us)") == jobs_that_deployed(JOBS, settings)


def test_newest_attempt_of_each_job() -> None:
    """A re-run of what failed may list what was green, or may not."""
    first, second = jobs("build", "deploy", deploy="failure"), jobs("deploy", attempt=2)

    assert (first[0], *second) == as_they_ended([*first, *second])
    assert second == as_they_ended([*jobs("deploy"), *second])


def missed(then: tuple[Job, ...], in_bad_run: tuple[Job, ...] = ()) -> tuple[str, ...]:
    """Names of the jobs without which nothing shows that a run deployed."""
    return those_that_matter(jobs_missed(then, SETTINGS), then, in_bad_run, SETTINGS)


@pytest.mark.parametrize("conclusion", ["skipped", "cancelled", "failure"])
def test_run_without_any_deployment_proves_nothing(conclusion: str) -> None:
    """It is green all the same where a condition left the job out, or `continue-on-error` lets it fail."""
    assert ("deploy",) == missed(jobs("build", "deploy", deploy=conclusion))


def test_preview_that_is_skipped_on_every_branch_says_nothing() -> None:
    """It deploys for pull requests only, in the bad run as well."""
    then = jobs("deploy", "deploy-preview", **{"deploy-preview": "skipped"})

    assert () == missed(then, then)
    assert ("deploy-preview",) == missed(then, jobs("deploy-preview", **{"deploy-preview": "failure"}))


@pytest.mark.parametrize("ran", ["deploy us", "deploy us (1)", "deploy us / push"])
def test_what_the_bad_run_deployed_must_have_been_deployed_before(ran: str) -> None:
    """Else going back would leave it as it is; a job that is skipped shows neither legs nor the jobs that it calls."""
    then = jobs("deploy eu", "deploy us", **{"deploy us": "skipped"})

    assert ("deploy us",) == missed(then, jobs(ran))
    assert () == missed(then, jobs("deploy usa", "deploy eu"))


@pytest.mark.parametrize("conclusion", ["cancelled", "failure"])
def test_job_that_was_begun_is_never_passed_over(conclusion: str) -> None:
    """It may have deployed in part."""
    assert ("deploy us",) == missed(jobs("deploy eu", "deploy us", **{"deploy us": conclusion}))


def test_checkpoint_of_a_job_that_succeeded_is_proven() -> None:
    """In the attempt that made it, whatever became of others in it."""
    listed = [*jobs("build", "deploy", deploy="failure"), *jobs("deploy", attempt=2)]

    told = {job_id: is_proven(Particulars(job_id=job_id, attempt=1), listed, 2) for job_id in ("10", "11", "20")}

    assert {"10": True, "11": False, "20": True} == told


@pytest.mark.parametrize(("attempt", "proven"), [(1, False), (2, True)])
def test_checkpoint_of_an_unknown_job_is_proven_by_the_run(attempt: int, *, proven: bool) -> None:
    """That succeeded in its newest attempt; what failed earlier may have been that very job."""
    for job_id in ("", "999"):
        assert proven is is_proven(Particulars(job_id=job_id, attempt=attempt), jobs("deploy", attempt=2), 2)


def test_what_did_not_succeed_is_left_out() -> None:
    """However green its run is."""
    order = rolled.make_order(jobs=("deploy (eu)", "deploy (us)"))
    run = rolled.make_deploy_run(head_branch=TAG)

    assert () == jobs_left_out(order, run, jobs("deploy (eu)", "deploy (us)"))
    assert ("deploy (us)",) == jobs_left_out(
        order, run, jobs("deploy (eu)", "deploy (us)", **{"deploy (us)": "skipped"})
    )


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("deploy (main)", f"deploy ({TAG})"),
        ("deploy refs/heads/main", f"deploy refs/tags/{TAG}"),
        ("deploy main", "deploy main"),
        ("deploy main to main", f"deploy main to {TAG}"),
    ],
)
def test_name_may_show_the_reference(then: str, now: str) -> None:
    """It was a branch then, and is a tag now."""
    order = rolled.make_order(jobs=(then,), target_branch="main")

    assert () == jobs_left_out(order, rolled.make_deploy_run(head_branch=TAG), jobs(now))
    assert (then,) == jobs_left_out(order, rolled.make_deploy_run(head_branch=TAG), jobs(f"{now} again"))


def test_order_of_an_earlier_version_tells_no_branch() -> None:
    """Then names are compared as they are."""
    order = rolled.make_order(jobs=("deploy (main)",))

    assert ("deploy (main)",) == jobs_left_out(order, rolled.make_deploy_run(head_branch=TAG), jobs(f"deploy ({TAG})"))

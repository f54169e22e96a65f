"""Checkpoints through a real runner: what was done is not done twice, and what is not to be trusted is done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from recovery.rehearsal.faults.artifacts import (
    ArtifactPlanted,
    ArtifactsDeleted,
    ArtifactsExpired,
    ArtifactsRewritten,
    ArtifactsTampered,
    ArtifactsTruncated,
)
from recovery.rehearsal.faults.happenings import Deed, Happening, HumanRerun, PermissionsCapped
from recovery.rehearsal.faults.parts import When
from recovery.rehearsal.play import problems
from recovery.rehearsal.records import Job, Run
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import Ending, Scenario
from tests.e2e.conftest import EXAMPLES, Played

Play = Callable[[str], Played]
OF_BUILD, OF_NORTH, OF_SOUTH = (f"recovery-checkpoint.*.4000000{number}.*" for number in (1, 2, 3))
FIRST = When(method="GET", path="/actions/runs/*")
RERUN = When(method="POST", path="/actions/runs/*/rerun-failed-jobs")
LOOK = When(method="GET", path="/actions/runs/*/artifacts")
LEGS = ("soundings (north)", "soundings (south)")


def job_of(run: Run, name: str, attempt: int = 2) -> Job:
    """A job of an attempt."""
    return next(job for job in run.attempts[attempt - 1].jobs if job.name == name)


def steps_of(job: Job) -> dict[str, str]:
    """What the steps of a job came to."""
    return {step.name: str(step.conclusion) for step in job.steps}


def rehearsed(work: Path, *happenings: Happening, reruns: int = 1, fork: str | None = None) -> tuple[Run, list[str]]:
    """The pipeline's run in the end, and what went otherwise than it should."""
    scenario = Scenario(
        name="test", description="a test", example="resume", ending=Ending.CLEARED, reruns=reruns,
        happenings=happenings,
    )  # fmt: skip
    with Rehearsal(EXAMPLES / "resume", work, scenario) as rehearsal:
        (run_id,) = rehearsal.pull_request(fork=fork)
        rehearsal.wait_until_quiet()
        assert [] == rehearsal.world.offences
        return rehearsal.world.runs.get(run_id), problems(scenario, rehearsal.world)


def assert_continued(run: Run) -> None:
    """The second attempt did only what the first had not come to, and each leg had its own."""
    job = job_of(run, "build")
    done = {"Prepare": "skipped", "Compile": "skipped", "Integration": "success", "Package": "success"}
    assert done == {name: steps_of(job)[name] for name in done}
    assert "packaged in attempt 2: chart of attempt 1" in job.log
    for leg in LEGS:
        sea = leg.removeprefix("soundings (").removesuffix(")")
        assert "skipped" == steps_of(job_of(run, leg))["Sound the sea"]
        assert f"the {sea} sea, sounded in attempt 1" in job_of(run, leg).log


def assert_began_anew(run: Run) -> None:
    """The second attempt did everything again."""
    assert "packaged in attempt 2: chart of attempt 2" in job_of(run, "build").log
    assert all("sounded in attempt 2" in job_of(run, leg).log for leg in LEGS)


def refusal_in(run: Run, name: str) -> str:
    """Why a job did not continue."""
    (line,) = [line for line in job_of(run, name).log.splitlines() if "nothing was restored" in line]
    return line.partition("nothing was restored")[2]


def test_the_next_attempt_continues(played: Play) -> None:
    """The plan names the checkpoint of every failed job, and the jobs continue from them."""
    ended = played("resume")

    assert_continued(ended.pipeline)
    assert "nothing was restored" in job_of(ended.pipeline, "build", 1).log
    assert ("act", "resume", "cleared") == tuple(
        ended.decisions[-1][name] for name in ("decision", "strategy", "outcome")
    )


def test_tampered_checkpoints_are_not_used(played: Play) -> None:
    """What is damaged between plan and restore is found out by the job, which says so and begins anew."""
    ended = played("resume-tampered")

    assert_began_anew(ended.pipeline)
    assert "is not what was uploaded" in job_of(ended.pipeline, "build").log


@pytest.mark.parametrize(
    "kinds",
    [
        {
            "build": (ArtifactsExpired(expire=OF_BUILD), "has expired"),
            "soundings (north)": (ArtifactsDeleted(delete=OF_NORTH), "no artifact that holds it"),
            "soundings (south)": (ArtifactsTruncated(truncate=OF_SOUTH), "is not what was uploaded"),
        },
        {
            "build": (ArtifactsRewritten(rewrite=OF_BUILD, fields={"schema_version": 2}), "has schema version '2'"),
            "soundings (north)": (
                ArtifactsRewritten(rewrite=OF_NORTH, fields={"repository": "other/repo"}),
                "names another repository",
            ),
            "soundings (south)": (ArtifactsRewritten(rewrite=OF_SOUTH), "no manifest.json"),
        },
    ],
    ids=["gone", "rewritten"],
)
def test_what_cannot_be_used_is_done_again(tmp_path: Path, kinds: Mapping[str, tuple[Deed, str]]) -> None:
    """Whatever befell a checkpoint after it was chosen: its job says why, and runs from the start."""
    run, found = rehearsed(tmp_path, *(Happening(before=RERUN, do=deed) for deed, _ in kinds.values()))

    assert [] == found
    assert_began_anew(run)
    assert [] == [name for name, (_, words) in kinds.items() if words not in refusal_in(run, name)]


def test_without_permission_everything_is_done_again(tmp_path: Path) -> None:
    """A job whose token may not list artifacts says which line to add, and runs from the start."""
    nothing = PermissionsCapped(permissions={"actions": "none"})
    run, _ = rehearsed(tmp_path, Happening(after=RERUN, do=nothing))

    assert "success" == run.latest.conclusion
    assert_began_anew(run)
    assert "`permissions: actions: read`" in refusal_in(run, "build")


def test_what_recovery_refuses_is_a_plain_retry(tmp_path: Path) -> None:
    """One checkpoint that is refused before the plan is made, and no job continues."""
    run, found = rehearsed(tmp_path, Happening(before=LOOK, do=ArtifactsTampered(tamper=OF_SOUTH)))

    assert [] == found
    assert_began_anew(run)


def test_a_person_s_rerun_of_failed_jobs_continues(tmp_path: Path) -> None:
    """Without a plan of recovery the newest checkpoint is continued from, whatever another workflow planned."""
    plan = ArtifactPlanted(plant="recovery-plan.{run}.1.1", files={"plan.jsonl": '{"kind": "strange"}\n'})
    happenings = [Happening(before=FIRST, do=deed) for deed in (plan, HumanRerun(rerun="failed"))]
    run, _ = rehearsed(tmp_path, *happenings, reruns=0)

    assert ("success", "octocat") == (run.latest.conclusion, run.latest.triggering_actor.login)
    assert_continued(run)


def test_a_person_s_rerun_of_all_jobs_begins_anew(tmp_path: Path) -> None:
    """GitHub shows a full re-run no earlier artifacts."""
    run, _ = rehearsed(tmp_path, Happening(before=FIRST, do=HumanRerun(rerun="all")), reruns=0)

    assert "success" == run.latest.conclusion
    assert_began_anew(run)


def test_a_fork_continues_from_its_own_checkpoint(tmp_path: Path) -> None:
    """A fork's token may only read, which is enough to restore in its own re-run."""
    run, found = rehearsed(tmp_path, fork="visitor")

    assert [] == found
    assert_continued(run)

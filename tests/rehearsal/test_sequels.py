"""What people do once everything has come to rest: in order, and refused where it cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.errors import RehearsalError
from recovery.rehearsal.faults.sequels import Dispatched, Pushed, Sequel, Then
from recovery.rehearsal.play import play, problems
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import Ending, Scenario

CI = """
name: CI
on: {push: {branches: [main]}, workflow_dispatch: {inputs: {what: {}}}}
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - run: test "$(cat state)" = good
      - run: echo "asked for $WHAT"
        env: {WHAT: "${{ inputs.what }}"}
"""


def scenario(ending: Ending, *sequels: Sequel) -> Scenario:
    """A push, and what people do afterwards."""
    return Scenario(
        name="test",
        description="a test",
        event="push",
        ending=ending,
        reruns=0,
        then=tuple(Then(do=each) for each in sequels),
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one workflow, which passes."""
    (tmp_path / "origin" / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / "origin" / ".github" / "workflows" / "ci.yml").write_text(CI)
    (tmp_path / "origin" / "state").write_text("good\n")
    return tmp_path / "origin"


def test_people_act_one_after_the_other(repository: Path, tmp_path: Path) -> None:
    """Each run sees what was pushed before it, and what it was started with; nothing was rolled back."""
    told = scenario(
        Ending.ROLLED_BACK,
        Pushed(push={"state": "bad\n"}),
        Pushed(push={"state": "good\n"}),
        Dispatched(dispatch="ci.yml", inputs={"what": "tea"}),
    )
    with Rehearsal(repository, tmp_path / "work", told) as rehearsal:
        play(rehearsal)
        runs = sorted(rehearsal.world.runs.all(), key=lambda run: run.id)
        assert [("push", "success"), ("push", "failure"), ("push", "success"), ("workflow_dispatch", "success")] == [
            (run.event, run.latest.conclusion) for run in runs
        ]
        assert "asked for tea" in runs[-1].latest.jobs[0].log
        assert ["no run that a rollback started ended well"] == problems(told, rehearsal.world)


def test_workflow_that_cannot_be_started_is_told(repository: Path, tmp_path: Path) -> None:
    """With those that can be."""
    told = scenario(Ending.ROLLED_BACK, Dispatched(dispatch="rollback.yml"))
    with (
        Rehearsal(repository, tmp_path / "work", told) as rehearsal,
        pytest.raises(RehearsalError, match=r"no workflow rollback\.yml that can be started by hand") as refusal,
    ):
        play(rehearsal)
    assert "are: ci.yml" in str(refusal.value.hint)

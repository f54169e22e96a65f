"""The example that is rolled back, with a stand-in for our action: what its workflows do by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.rehearsal.alteration import TEMPLATE, template_for
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.workflow import jobs_of, parse, triggers

EXAMPLE = Path(__file__).parents[2] / "examples" / "deploy"
WORKFLOWS = EXAMPLE / ".github" / "workflows"
STAND_IN = """
name: Recovery
description: Keeps one checkpoint in the home folder
inputs:
  mode: {description: What to do, default: recover}
  name: {description: Name, default: ""}
  path: {description: Files, default: ""}
  fail-on-miss: {description: Fail when there is nothing, default: ""}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        MODE: ${{ inputs.mode }}
      run: |
        echo "mode $MODE of $GITHUB_SHA"
        case "$MODE" in
          guard) test "$(cat "$HOME/held" 2>/dev/null)" != "$GITHUB_SHA" ;;
          checkpoint) cp -r site "$HOME/kept-$GITHUB_SHA" ;;
          restore) cp -r "$HOME/kept-$GITHUB_SHA" site ;;
        esac
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with an action in place of ours."""
    (tmp_path / "action").mkdir()
    (tmp_path / "action" / "action.yml").write_text(STAND_IN)
    return tmp_path / "action"


def test_good_release_is_put_back(tmp_path: Path, stand_in: Path) -> None:
    """A good release, a bad one that is red, and the good one again: restored rather than built, found by its nonce."""
    with Rehearsal(EXAMPLE, tmp_path / "work", action=stand_in) as rehearsal:
        world, released = rehearsal.world, tmp_path / "work" / "home" / "released"

        def ended(run_id: int) -> tuple[str | None, str]:
            rehearsal.wait_until_quiet()
            version = released / "version.txt"
            return world.runs.get(run_id).latest.conclusion, version.read_text().strip() if version.exists() else ""

        (good,) = rehearsal.push(message="Good")
        assert ("success", "1") == ended(good)
        (bad,) = rehearsal.push(files={"version.txt": "2\n", "pages/index.html": "oops\n"}, message="Bad")
        assert ("failure", "2") == ended(bad)
        world.repository.set_reference("refs/tags/back", world.runs.get(good).head_sha)

        back = rehearsal.dispatch("deploy.yml", {"recovery": '{"version": 1, "nonce": "n-1"}'}, ref="refs/tags/back")

        assert ("success", "1") == ended(back)
        assert "Roll back n-1" == world.runs.get(back).display_title
        steps = {step.name: step.conclusion for step in world.runs.get(back).latest.jobs[0].steps}
        assert ("skipped", "success") == (steps["Build the site"], steps["Take the release to go back to"])
        (tmp_path / "work" / "home" / "held").write_text(world.runs.get(bad).head_sha)
        again = rehearsal.dispatch("deploy.yml")
        assert ("failure", "1") == ended(again)
        assert ["Good", "Bad"] == [world.runs.get(run_id).display_title for run_id in (good, bad)]


def test_recovery_workflow_is_the_one_that_we_offer() -> None:
    """What users copy from the example is what `--with-template` adds."""
    assert (WORKFLOWS / "recovery.yml").read_text() == template_for(["Deploy"])


def test_rollback_workflow_is_the_one_that_we_offer() -> None:
    """It names no workflow of its own, and so can be copied as it is."""
    assert (WORKFLOWS / "rollback.yml").read_text() == TEMPLATE.with_name("rollback.yml").read_text()


def test_deployment_can_be_dispatched_with_our_input() -> None:
    """The input is declared, optional, and the only one."""
    (inputs,) = [triggers(parse((WORKFLOWS / "deploy.yml").read_text()))["workflow_dispatch"]["inputs"]]

    assert {"recovery": False} == {name: bool(about.get("required")) for name, about in inputs.items()}


def test_rollback_is_one_job_of_its_own_group() -> None:
    """One job, for one workflow at a time, with no more than it needs, and a reason that must be given."""
    document = parse((WORKFLOWS / "rollback.yml").read_text())
    (job,) = jobs_of(document).values()

    assert ({}, {"actions": "write", "contents": "write", "pull-requests": "write"}) == (
        document["permissions"],
        job["permissions"],
    )
    assert {"group": "rollback-${{ inputs.workflow }}", "cancel-in-progress": False} == job["concurrency"]
    inputs = triggers(document)["workflow_dispatch"]["inputs"]
    assert ["reason"] == [name for name, about in inputs.items() if about.get("required")]
    assert ("last-known-good", "boolean") == (inputs["checkpoint"]["default"], inputs["dry-run"]["type"])

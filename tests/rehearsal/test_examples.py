"""The example repositories and `recovery rehearse` on repositories that know nothing of rehearsals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from recovery.cli import main
from recovery.rehearsal.alteration import template_for
from recovery.rehearsal.workflow import parse, triggers

EXAMPLES = Path(__file__).parents[2] / "examples"
Rehearse = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def rehearse(capsys: pytest.CaptureFixture[str]) -> Rehearse:
    """Rehearse by the command line; its exit code, JSON document and progress."""

    def run(repository: Path, *options: str) -> tuple[int, dict[str, Any], str]:
        code = main(["rehearse", str(repository), "--json", *options])
        told = capsys.readouterr()
        return code, json.loads(told.out or "{}"), told.err

    return run


def outcomes(document: Mapping[str, Any], workflow: str) -> list[dict[str, str]]:
    """The jobs of each attempt of a workflow's run, with what they came to."""
    run = next(run for run in document["runs"] if run["workflow"] == workflow)
    return [
        {job["name"]: "carried over" if job["carried_over"] else job["conclusion"] for job in attempt["jobs"]}
        for attempt in run["attempts"]
    ]


def reasons(document: Mapping[str, Any]) -> list[str]:
    """Why the last decision was what it was."""
    return [reason["id"] for reason in document["decisions"][-1]["reasons"]]


def test_python_recovers_from_an_index_that_is_down(rehearse: Rehearse) -> None:
    """The failed installation is tried again, with the gate job behind it; the style check is not."""
    code, document, told = rehearse(EXAMPLES / "python", "--fail", "test:Install the tools", "--expect", "cleared")
    assert (code, document["problems"]) == (0, [])
    assert outcomes(document, "CI") == [
        {"lint": "success", "test": "failure", "all-green": "failure"},
        {"lint": "carried over", "test": "success", "all-green": "success"},
    ]
    assert document["decisions"][-1]["outcome"] == "cleared"
    assert " s  started CI #1" in told
    assert document["scenario"] == "injected"


def test_node_runs_only_the_failed_leg_again(rehearse: Rehearse, tmp_path: Path) -> None:
    """One leg of the matrix fails by a log from a file and runs again alone; everything is kept for reading."""
    log = tmp_path / "npm.log"
    reason = "request to https://registry.npmjs.org/cart failed, reason: read ETIMEDOUT"
    log.write_text(f"npm error code ETIMEDOUT\nnpm error network {reason}\n")
    kept = tmp_path / "kept"
    code, document, _ = rehearse(EXAMPLES / "node", "--fail", f"test (22):Install={log}", "--keep", str(kept))
    assert (code, document["problems"]) == (0, [])
    assert outcomes(document, "CI") == [
        {"test (20)": "success", "test (22)": "failure", "pack": "skipped"},
        {"test (20)": "carried over", "test (22)": "success", "pack": "success"},
    ]
    (first,) = kept.glob("logs/9000001-1/* test (22).log")
    assert reason in first.read_text()
    assert len((kept / "access.jsonl").read_text().splitlines()) == document["requests"]
    assert (kept / "repository" / "package.json").is_file()
    assert (kept / "output" / "recovery.db").is_file()


def test_java_leaves_a_failed_deployment_alone(rehearse: Rehearse) -> None:
    """Artifacts and outputs reach the deployment, and what has side effects is never run again by itself."""
    code, document, _ = rehearse(
        EXAMPLES / "java", "--fail", "deploy:Roll out", "--event", "push", "--expect", "left-red"
    )
    assert (code, document["problems"]) == (0, [])
    assert outcomes(document, "Release") == [
        {"build": "success", "test": "success", "package": "success", "deploy": "failure"}
    ]
    assert reasons(document) == ["side-effects"]
    assert "environment production" in {note["what"] for note in document["stubbed"]}


@pytest.mark.parametrize("name", ["flaky", "python", "node", "java", "resume"])
def test_examples_use_the_recovery_workflow_that_we_offer(name: str) -> None:
    """What users copy from an example is what `--with-template` adds."""
    folder = EXAMPLES / name / ".github" / "workflows"
    own = (folder / "recovery.yml").read_text()
    names = triggers(parse(own))["workflow_run"]["workflows"]
    assert own == template_for(names)
    assert names == [parse(path.read_text())["name"] for path in folder.glob("*.yml") if path.name != "recovery.yml"]


PLAIN = """
name: Build
on: [push, pull_request]
jobs:
  make:
    runs-on: ubuntu-latest
    steps: [{name: Make it, run: "true"}]
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A repository without recovery that does not fail."""
    folder = tmp_path / "plain" / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "build.yml").write_text(PLAIN)
    (tmp_path / "plain" / ".github" / "recovery.yml").write_text("version: 1\nretry-delay: 1s\n")
    return tmp_path / "plain"


def test_a_repository_without_recovery_is_told_what_to_add(rehearse: Rehearse, plain: Path) -> None:
    """One sentence says that nothing would recover, and which file to add; so does a wrong name in it."""
    code, document, told = rehearse(plain, "--fail", "make:Make it")
    assert (code, document) == (13, {})
    assert "error: no workflow recovers Build\nhint: add .github/workflows/recovery.yml (`--with-template`" in told
    shutil.copy(EXAMPLES / "flaky/.github/workflows/recovery.yml", plain / ".github/workflows")
    code, _, told = rehearse(plain, "--fail", "make:Make it")
    assert (code, ".github/workflows/recovery.yml does not follow Build" in told) == (13, True)
    code, _, told = rehearse(plain, "--with-template")
    assert (code, "there is a .github/workflows/recovery.yml already" in told) == (3, True)


def test_nothing_failed_is_said_with_a_way_out(rehearse: Rehearse, plain: Path) -> None:
    """Where no job fails, nothing was shown; the hint is a command that works."""
    code, document, told = rehearse(plain, "--with-template")
    assert (code, document) == (13, {})
    assert "error: nothing failed: Build passed at once" in told
    assert f"recovery rehearse {plain} --fail 'make:Make it'" in told
    assert not (plain / ".github/workflows/recovery.yml").exists()


def test_a_failure_in_every_attempt_stays(rehearse: Rehearse, plain: Path) -> None:
    """With the template in the copy, a step that always fails is tried twice and then left to people."""
    code, document, _ = rehearse(
        plain, "--with-template", "--fail-always", "make:Make it", "--event", "push", "--expect", "still-failing"
    )
    assert (code, document["problems"]) == (0, [])
    assert outcomes(document, "Build") == [{"make": "failure"}, {"make": "failure"}]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--fail", "mkae:x"], 3, "did you mean “make”?"),
        (["--workflow", "biuld.yml"], 3, "did you mean “build.yml”?"),
        (["--scenario", "rain"], 13, "there is no scenario “rain”"),
    ],
)
def test_wrong_names_are_met_with_right_ones(
    rehearse: Rehearse, plain: Path, options: list[str], code: int, words: str
) -> None:
    """Nothing is run, and the error says what there is."""
    got, document, told = rehearse(plain, "--with-template", *options)
    assert (got, document, words in told) == (code, {}, True)


def test_scenarios_are_listed_for_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list --json` is one JSON document with every name."""
    assert main(["rehearse", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"network", "lost-event"} <= {entry["name"] for entry in listed}
    assert all(entry["description"] for entry in listed)


def test_scenario_of_one_s_own_is_judged_by_its_ending(rehearse: Rehearse, tmp_path: Path) -> None:
    """What people do belongs to a repository, so that its ending counts where nothing reads the scenario's name."""
    path = tmp_path / "nobody-rolls-back.yml"
    path.write_text("""
description: a release that breaks the site, and nobody does anything about it
event: push
ending: rolled-back
reruns: 0
then:
  - do: {push: {pages/index.html: "oops"}}
""")
    code, document, told = rehearse(EXAMPLES / "deploy", "--scenario", str(path))

    assert (13, ["no run that a rollback started ended well"]) == (code, document["problems"])
    assert "the loop did not close" in told
    assert ["success", "failure"] == [run["conclusion"] for run in document["runs"] if run["workflow"] == "Deploy"]

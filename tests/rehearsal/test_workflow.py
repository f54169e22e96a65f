"""Workflow files read and rewritten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from recovery.rehearsal.expressions import interpolate
from recovery.rehearsal.outcomes import with_dependents
from recovery.rehearsal.records import Job
from recovery.rehearsal.workflow import (
    OBSERVER,
    concurrency_groups,
    dispatchable,
    job_plans,
    listens,
    parse,
    permissions_of,
    rewrite,
)

CI = """
name: CI
on:
  push: {branches: [main, "release/*"]}
  pull_request:
permissions: {contents: read}
defaults: {run: {working-directory: app}}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: {version: "${{ steps.v.outputs.v }}"}
    steps: [{run: make}]
  test:
    needs: build
    runs-on: ubuntu-latest
    env: {COLOUR: "1"}
    steps: [{run: "test ${{ needs.build.outputs.version }}"}]
  deploy:
    needs: [build, test]
    permissions: {deployments: write, contents: write}
    runs-on: ubuntu-latest
    steps: [{run: deploy}]
"""


def record(key: str, number: int, conclusion: str | None, **outputs: str) -> Job:
    """A job record."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Job(id=number, run_id=1, attempt=2, key=key, name=key, conclusion=conclusion, created_at=at, outputs=outputs)


def test_a_partial_rerun_keeps_passed_jobs_as_stubs(tmp_path: Path) -> None:
    """The passed job becomes a stub with literal outputs; the others run as written and know their REST id."""
    jobs = [record("build", 11, "success", version="1.2"), record("test", 12, None), record("deploy", 13, None)]
    text = rewrite(parse(CI), jobs, frozenset({"test", "deploy"}), tmp_path / "seen.json")
    written = parse(text)["jobs"]
    assert written["build"]["outputs"] == {"version": "1.2"}
    assert [step["run"] for step in written["build"]["steps"]] == ["exit 0"]
    assert written["test"]["env"] == {"RECOVERY_CHECK_RUN_ID": "12", "COLOUR": "1"}
    assert written["test"]["steps"] == [{"run": "test ${{ needs.build.outputs.version }}"}]
    assert written["deploy"]["env"] == {"RECOVERY_CHECK_RUN_ID": "13"}
    assert written[OBSERVER]["needs"] == ["build", "test", "deploy"]
    assert yaml.safe_load(text)["on"] == parse(CI)["on"]


def test_a_matrix_leg_knows_which_it_is(tmp_path: Path) -> None:
    """A job with a matrix is told its leg, as a variable that actions can read; a variable of that name stands."""
    text = """
on: push
jobs:
  legs: {strategy: {matrix: {n: [1, 2]}}, steps: []}
  own: {strategy: {matrix: "${{ fromJSON('{}') }}"}, env: {RECOVERY_MATRIX: mine}, steps: []}
  plain: {strategy: {fail-fast: false}, steps: []}
"""
    jobs = [record(key, number, None) for number, key in enumerate(("legs", "own", "plain"), start=1)]
    written = parse(rewrite(parse(text), jobs, frozenset({"legs", "own", "plain"}), tmp_path / "seen.json"))["jobs"]
    assert [written[key]["env"].get("RECOVERY_MATRIX") for key in ("legs", "own", "plain")] == [
        "${{ toJSON(matrix) }}", "mine", None,
    ]  # fmt: skip


def test_a_stub_ends_as_its_job_ended(tmp_path: Path) -> None:
    """A carried-over failure fails again, a skipped job is skipped again, an expression in an output stays text."""
    jobs = [
        record("build", 1, "success", version="${{ 1 }}"),
        record("test", 2, "failure"),
        record("deploy", 3, "skipped"),
    ]
    written = parse(rewrite(parse(CI), jobs, frozenset(), tmp_path / "seen.json"))["jobs"]
    assert written["build"]["outputs"]["version"] == "${{ '$' }}{{ 1 }}"
    assert written["test"]["steps"][0]["run"] == "exit 1"
    assert written["deploy"]["if"] is False


def test_dependents_follow_over_several_steps() -> None:
    """Whoever needs a chosen job, however far away, is chosen too."""
    needs = {"a": (), "b": ("a",), "c": ("b",), "d": ("a",), "e": ()}
    assert with_dependents({"b"}, needs) == {"b", "c"}
    assert with_dependents({"a"}, needs) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("event", "options", "expected"),
    [
        ("push", {"branch": "main"}, True),
        ("push", {"branch": "release/1"}, True),
        ("push", {"branch": "topic"}, False),
        ("pull_request", {"branch": "main", "action": "opened"}, True),
        ("pull_request", {"branch": "main", "action": "labeled"}, False),
        ("schedule", {}, False),
    ],
)
def test_events_start_those_who_listen(event: str, options: dict[str, str], expected: bool) -> None:
    """Branch filters and types are honoured."""
    assert listens(parse(CI), event, **options) is expected


def test_workflow_run_matches_the_name_and_the_type() -> None:
    """Only `completed` events of the named workflows on the listed branches count."""
    text = "on: {workflow_run: {workflows: [CI], types: [completed], branches-ignore: [wip]}}"
    assert listens(parse(text), "workflow_run", source="CI", branch="main")
    assert not listens(parse(text), "workflow_run", source="CI", branch="wip")
    assert not listens(parse(text), "workflow_run", source="Other", branch="main")
    requested = "on: {workflow_run: {workflows: [CI], types: [requested]}}"
    assert not listens(parse(requested), "workflow_run", source="CI")


def test_short_forms_of_on_are_understood() -> None:
    """A word or a list instead of a mapping; a YAML `on` is not `true`."""
    assert dispatchable("on: workflow_dispatch")
    assert dispatchable("on: [push, workflow_dispatch]")
    assert not dispatchable("on: push")


def test_permissions_are_the_union_over_the_jobs() -> None:
    """Jobs that declare none have the workflow's; nothing declared anywhere means everything."""
    assert permissions_of(parse(CI)) == {"contents": "write", "deployments": "write"}
    assert permissions_of(parse("jobs: {a: {steps: []}}")) is None
    assert permissions_of(parse("permissions: {}\njobs: {a: {steps: []}}")) == {}


def test_concurrency_groups_are_read_and_named() -> None:
    """Groups of the workflow and of jobs, with their expressions replaced."""
    document = parse("jobs: {a: {concurrency: {group: 'r-${{ github.event.id || github.run_id }}'}}}\nconcurrency: all")
    groups = concurrency_groups(document)
    assert groups == ("all", "r-${{ github.event.id || github.run_id }}")
    context = {"github": {"event": {}, "run_id": 7}}
    assert interpolate(groups[1], context) == "r-7"
    assert interpolate("${{ inputs.x || 'none' }}", context) == "none"


def test_jobs_are_planned_with_names_needs_and_labels() -> None:
    """What is known of the jobs before they start."""
    plans = job_plans(
        parse("jobs: {a: {name: First, runs-on: [self-hosted, big]}, b: {needs: a, runs-on: {labels: x}}}")
    )
    assert [(plan.key, plan.name, plan.needs, plan.labels) for plan in plans] == [
        ("a", "First", (), ("self-hosted", "big")), ("b", "b", ("a",), ("x",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("inputs.order && format('Back {0}', fromJSON(inputs.order).nonce) || ''", "Back n1"),
        ("inputs.none && format('Back {0}', fromJSON(inputs.none).nonce) || 'Deploy'", "Deploy"),
        ("github.run_id == '7' && !inputs.none", "true"),
        ("github['event'].name != 'PUSH'", "false"),
        ("(inputs.none || 'It''s') == 'it''S'", "true"),
        ("startsWith(github.ref, 'refs/tags/') || contains(fromJSON('[\"a\", \"B\"]'), 'b')", "true"),
        ("endsWith(github.ref, 'main')", "true"),
        ("toJSON(inputs.none)", "null"),
        ("hashFiles('x') || 1.5", "1.5"),
        ("fromJSON('{broken')", ""),
        ("inputs.order inputs.order", ""),
        ("(inputs.order", ""),
        ("1 + 1", ""),
    ],
)
def test_expressions_are_evaluated(expression: str, shown: str) -> None:
    """Operators, functions and properties as on GitHub; what is not understood comes to nothing."""
    context = {
        "github": {"run_id": 7, "ref": "refs/heads/main", "event": {"name": "push"}},
        "inputs": {"order": '{"nonce": "n1"}'},
    }

    assert f"<{shown}>" == interpolate(f"<${{{{ {expression} }}}}>", context)

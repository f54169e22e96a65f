"""What a workflow file tells, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recovery.policy.workflow_file import can_be_dispatched_with, jobs_of
from tests.rollback_builders import WORKFLOW_TEXT

NO_WORKFLOWS = [
    None,
    "",
    "[]",
    "jobs: []",
    "jobs:",
    "on: 2026-13-45",
    "[" * 5000,
    "x" * (1024 * 1024 + 1),
    "a: [",
    "{}",
    "on: !!bool foo",
    "on: !!timestamp foo",
    "jobs: !!python/object/apply:os.getcwd []",
    "jobs: &jobs [*jobs]",
    "? [a, {b: c}]\n: d",
]


def test_jobs_and_input_of_a_workflow() -> None:
    """The keys of its jobs, and whether it takes our input."""
    assert frozenset({"build", "deploy"}) == jobs_of(WORKFLOW_TEXT)
    assert can_be_dispatched_with(WORKFLOW_TEXT, "recovery")
    assert not can_be_dispatched_with(WORKFLOW_TEXT, "other")


@pytest.mark.parametrize("text", NO_WORKFLOWS)
def test_what_is_no_workflow(text: str | None) -> None:
    """Nothing is read out of it."""
    assert None is jobs_of(text)
    assert not can_be_dispatched_with(text, "recovery")


@pytest.mark.parametrize(
    "on",
    ["push", "[push, workflow_dispatch]", "{workflow_dispatch: }", "{workflow_dispatch: {inputs: }}", "{push: {}}"],
)
def test_dispatch_without_our_input(on: str) -> None:
    """GitHub would refuse an input that is not declared."""
    assert not can_be_dispatched_with(f"on: {on}\njobs: {{a: {{}}}}", "recovery")


def test_quoted_on() -> None:
    """Some quote the key, so that no linter takes it for a truth; no other truth is meant."""
    assert not can_be_dispatched_with("true: {workflow_dispatch: {inputs: {recovery: }}}", "recovery")
    assert can_be_dispatched_with('"on": {workflow_dispatch: {inputs: {recovery: }}}', "recovery")


@given(some.text(max_size=200))
def test_never_raises(text: str) -> None:
    """The file comes from a commit that anybody may have made."""
    jobs_of(text)
    can_be_dispatched_with(text, "recovery")

"""A checkpoint's validity in the seed's four parts; every error says what was expected and found."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.records import WorkflowCheckpoint
from recovery.policy.validation import CheckpointFacts, ValidationReport, validate
from tests import builders as make

DIGEST = "sha256:" + "0" * 64
OTHER = "sha256:" + "1" * 64


def checkpoint(**over: Any) -> WorkflowCheckpoint:
    """A checkpoint with one of everything that can be validated."""
    fields = {
        "environment_context": {"RUNNER_OS": "Linux"},
        "artifacts": ["dist"],
        "dependencies": ["uv.lock"],
        "metadata": {"dependency_digests": {"uv.lock": DIGEST}},
    }
    return make.make_checkpoint(**fields | over)


def report(of: WorkflowCheckpoint | None = None, **over: Any) -> ValidationReport:
    """The verdict on a checkpoint in a world where everything is as it was, but for what is said here."""
    given = of or checkpoint()
    facts = {
        "stored": given,
        "environment": {"RUNNER_OS": "Linux"},
        "available_artifacts": ("dist",),
        "dependency_digests": {"uv.lock": DIGEST},
    }
    return validate(given, CheckpointFacts(**facts | over))


def test_unchanged_world_is_valid() -> None:
    """Nothing differs: valid, without errors and warnings, and all four parts passed."""
    assert {
        "is_valid": True,
        "errors": [],
        "warnings": [],
        "checks": {"integrity": True, "environment": True, "artifacts": True, "dependencies": True},
    } == report()


@pytest.mark.parametrize(
    ("found", "part", "error"),
    [
        (
            report(stored=checkpoint(commit_sha="b" * 40)),
            "integrity",
            "integrity: the stored manifest of ckpt-01 differs from the one given",
        ),
        (report(checkpoint(commit_sha="")), "integrity", "integrity: `commit_sha` is empty"),
        (
            report(environment={"RUNNER_OS": "macOS"}),
            "environment",
            "environment: `RUNNER_OS` was 'Linux' at the checkpoint and is 'macOS' now",
        ),
        (report(available_artifacts=()), "artifacts", "artifacts: `dist` was expected and is missing or expired"),
        (
            report(dependency_digests={"uv.lock": OTHER}),
            "dependencies",
            f"dependencies: `uv.lock` was {DIGEST} at the checkpoint and is {OTHER}",
        ),
        (
            report(dependency_digests={}),
            "dependencies",
            f"dependencies: `uv.lock` was {DIGEST} at the checkpoint and is missing",
        ),
    ],
)
def test_each_part_fails_alone(found: ValidationReport, part: str, error: str) -> None:
    """One difference fails one part, with one error that names both sides."""
    assert (False, [error]) == (found["is_valid"], found["errors"])
    assert [part] == [name for name, passed in found["checks"].items() if not passed]


@pytest.mark.parametrize(
    ("found", "warning"),
    [
        (report(stored=None), "integrity: no stored manifest of ckpt-01 to compare with"),
        (report(checkpoint(metadata={})), "dependencies: no digest of `uv.lock` was recorded"),
    ],
)
def test_what_cannot_be_compared_is_a_warning(found: ValidationReport, warning: str) -> None:
    """A manifest or digest that is not at hand does not make a checkpoint invalid."""
    assert (True, [warning]) == (found["is_valid"], found["warnings"])


@pytest.mark.parametrize("name", ["repository", "workflow_name", "run_id", "commit_sha", "checkpoint_name"])
def test_identity_must_be_whole(name: str) -> None:
    """A checkpoint without one of its names is not intact."""
    assert [f"integrity: `{name}` is empty"] == report(checkpoint(**{name: ""}))["errors"]


@pytest.mark.parametrize("metadata", [{"dependency_digests": None}, {"dependency_digests": [1]}, {}])
def test_strange_metadata_breaks_nothing(metadata: dict[str, Any]) -> None:
    """Digests that are none are as good as absent."""
    assert report(checkpoint(metadata=metadata))["is_valid"]


def test_context_that_is_no_variable_is_not_compared() -> None:
    """The seed's `python_version` is a note, not a variable of the environment."""
    assert report(checkpoint(environment_context={"python_version": "3.11"}), environment={})["is_valid"]


def test_all_errors_are_told() -> None:
    """Nothing hides behind the first error."""
    found = report(
        stored=checkpoint(run_id="9"), environment={"RUNNER_OS": "x"}, available_artifacts=(), dependency_digests={}
    )
    assert ["integrity", "environment", "artifacts", "dependencies"] == [e.partition(":")[0] for e in found["errors"]]

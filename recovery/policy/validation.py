"""Facts about a checkpoint in, a verdict in the seed's four parts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint


class ValidationReport(TypedDict):
    """What `validate_state` answers. `checks` has one entry per part, true when it found no error."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    checks: dict[str, bool]


class CheckpointFacts(Record):
    """What was found out about a checkpoint in the world."""

    stored: WorkflowCheckpoint | None
    """The manifest as the vault holds it; None when it holds none."""
    environment: dict[str, str]
    """The environment that work would continue in, by the names the checkpoint recorded."""
    available_artifacts: tuple[str, ...]
    dependency_digests: dict[str, str]
    """Digest of each dependency file as it is now, by path."""


def validate(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> ValidationReport:
    """Check integrity, environment, artifacts and dependencies; every error says what was expected and found."""
    warnings: list[str] = []
    parts = {
        "integrity": _integrity(checkpoint, facts, warnings),
        "environment": _environment(checkpoint, facts),
        "artifacts": _artifacts(checkpoint, facts),
        "dependencies": _dependencies(checkpoint, facts, warnings),
    }
    errors = [error for found in parts.values() for error in found]
    return {
        "is_valid": not errors,
        "errors": errors,
        "warnings": warnings,
        "checks": {name: not found for name, found in parts.items()},
    }


def _integrity(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts, warnings: list[str]) -> list[str]:
    empty = [
        f"integrity: `{name}` is empty"
        for name in ("repository", "workflow_name", "run_id", "commit_sha", "checkpoint_name")
        if not getattr(checkpoint, name)
    ]
    if facts.stored is None:
        warnings.append(f"integrity: no stored manifest of {checkpoint.id} to compare with")
    elif facts.stored != checkpoint:
        empty.append(f"integrity: the stored manifest of {checkpoint.id} differs from the one given")
    return empty


def _environment(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> list[str]:
    return [
        f"environment: `{name}` was {expected!r} at the checkpoint and is {facts.environment.get(name)!r} now"
        for name, expected in _recorded(checkpoint.environment_context).items()
        if name in facts.environment and facts.environment[name] != expected
    ]


def _artifacts(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> list[str]:
    return [
        f"artifacts: `{name}` was expected and is missing or expired"
        for name in checkpoint.artifacts
        if name not in facts.available_artifacts
    ]


def _dependencies(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts, warnings: list[str]) -> list[str]:
    recorded = _recorded(checkpoint.metadata.get("dependency_digests", {}))
    warnings += [
        f"dependencies: no digest of `{path}` was recorded" for path in checkpoint.dependencies if path not in recorded
    ]
    now = facts.dependency_digests
    return [
        f"dependencies: `{path}` was {expected} at the checkpoint and is {now.get(path, 'missing')}"
        for path, expected in recorded.items()
        if now.get(path) != expected
    ]


def _recorded(values: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, Mapping) else {}

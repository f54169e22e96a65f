"""A checkpoint compared with what is here and now: manifest, environment, artifacts and lock files."""

from __future__ import annotations

from recovery.models.records import WorkflowCheckpoint
from recovery.policy.trust import is_own_artifact
from recovery.policy.validation import CheckpointFacts, ValidationReport, validate
from recovery.ports import CheckpointVault, Forge


def validate_against(checkpoint: WorkflowCheckpoint, vault: CheckpointVault, forge: Forge) -> ValidationReport:
    """Validate a checkpoint in its four parts; one request for each artifact that it names."""
    digests = checkpoint.metadata.get("dependency_digests", {})
    facts = CheckpointFacts(
        stored=vault.get(checkpoint.id),
        environment=vault.environment(checkpoint.environment_context),
        available_artifacts=tuple(name for name in checkpoint.artifacts if _is_available(name, forge)),
        dependency_digests=vault.digests(digests),
    )
    return validate(checkpoint, facts)


def _is_available(artifact_name: str, forge: Forge) -> bool:
    return any(is_own_artifact(artifact) for artifact in forge.artifacts_named(artifact_name))

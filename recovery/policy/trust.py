"""Which artifacts are believed: those made by this repository's recovery workflow on its default branch."""

from __future__ import annotations

from recovery.models.github import Artifact, Run

TRUSTED_EVENTS = frozenset({"workflow_run", "schedule", "workflow_dispatch"})
"""Events whose runs take the workflow's file from the branch they run on, not from a pull request."""


def is_own_artifact(artifact: Artifact) -> bool:
    """Whether an artifact can still be read and was made from a commit of this repository, not of a fork."""
    return not artifact.expired and artifact.repository_id == artifact.head_repository_id


def is_recovery_run(run: Run, workflow_path: str, default_branch: str) -> bool:
    """Whether a run executed the recovery workflow as it stands on the default branch."""
    return (
        run.path == workflow_path
        and run.head_branch == default_branch
        and run.head_repository == run.repository
        and run.event in TRUSTED_EVENTS
    )

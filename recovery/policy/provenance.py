"""Whether a checkpoint's manifest says the same as GitHub does: else it is another's, put into this place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recovery.models.checkpoint import ArtifactName, Particulars
from recovery.models.github import Run
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.vetoes import PULL_REQUEST_EVENTS

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)


def is_checkpoint_id(text: str) -> bool:
    """Whether a checkpoint may be called so."""
    return _ID.fullmatch(text) is not None


def contradictions(
    checkpoint: WorkflowCheckpoint, particulars: Particulars, run: Run, name: ArtifactName
) -> Iterator[str]:
    """Where a manifest names other things than the run that made it, and the artifact that holds it."""
    # A job of a pull request runs on a commit that GitHub merged for it, which the run does not tell.
    commit = checkpoint.commit_sha if run.event in PULL_REQUEST_EVENTS else run.head_sha
    for what, expected, found in (
        ("repository", run.repository.casefold(), checkpoint.repository.casefold()),
        ("run", str(run.id), checkpoint.run_id),
        ("commit", commit, checkpoint.commit_sha),
        ("workflow", run.workflow_name, checkpoint.workflow_name),
        ("attempt", str(name.attempt), str(particulars.attempt)),
        ("job", str(name.job_id), particulars.job_id or "0"),
        ("name", name.name, checkpoint.checkpoint_name),
    ):
        if expected != found:
            yield f"its manifest names another {what}: expected {expected[:100]}, found {found[:100]}"
    if not is_checkpoint_id(checkpoint.id) or not name.names(checkpoint.id):
        yield f"its manifest names another id: expected one that ends in {name.nonce}, found {checkpoint.id[:100]}"

"""Whether a checkpoint's manifest says the same as others do of where it comes from: else it is another's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recovery.models.checkpoint import ArtifactName, Particulars
from recovery.models.github import Run
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint

LONGEST_SHOWN = 100
"""Characters of a value that an error repeats."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)


class Origin(Record):
    """Where a checkpoint comes from, as others than its manifest tell it; what is empty is not told."""

    repository: str = ""
    run_id: str = ""
    commit_sha: str = ""
    workflow_name: str = ""
    artifact: ArtifactName | None = None


def origin_of(run: Run, name: ArtifactName) -> Origin:
    """What GitHub tells for certain of the origin of what lies in an artifact.

    The run's commit may be another than its jobs run on (a pull request's merge), and its name another than the
    workflow's (`run-name`): only the job itself can compare these.
    """
    return Origin(repository=run.repository, run_id=str(run.id), artifact=name)


def is_checkpoint_id(text: str) -> bool:
    """Whether a checkpoint may be called so."""
    return _ID.fullmatch(text) is not None


def contradictions(checkpoint: WorkflowCheckpoint, particulars: Particulars, origin: Origin) -> Iterator[str]:
    """Where a manifest names other things than its origin."""
    name = origin.artifact
    for what, expected, found in (
        ("repository", origin.repository.casefold(), checkpoint.repository.casefold()),
        ("run", origin.run_id, checkpoint.run_id),
        ("commit", origin.commit_sha, checkpoint.commit_sha),
        ("workflow", origin.workflow_name, checkpoint.workflow_name),
        ("attempt", str(name.attempt) if name else "", str(particulars.attempt)),
        ("job", str(name.job_id) if name else "", particulars.job_id or "0"),
        ("name", name.name if name else "", checkpoint.checkpoint_name),
    ):
        if expected and expected != found:
            yield f"the manifest names another {what}: expected {shown(expected)}, found {shown(found)}"
    if name is not None and not (is_checkpoint_id(checkpoint.id) and name.names(checkpoint.id)):
        yield f"the manifest has another id: expected one that ends in {name.nonce}, found {shown(checkpoint.id)}"


def shown(text: str) -> str:
    """A stranger's text as an error repeats it."""
    return repr(text[:LONGEST_SHOWN])

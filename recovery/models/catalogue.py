"""What is told of checkpoints on record: their health, how two differ, what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import CheckpointHealth, Particulars, particulars_of
from recovery.models.record import Moment, Record
from recovery.models.records import WorkflowCheckpoint

SHORTENED = ("workflow_state", "environment_context", "dependencies", "artifacts", "metadata")
"""Parts of a checkpoint that a record leaves out where they are too large."""

ChangeKind = Literal["added", "removed", "changed", "mode"]


class Change(Record):
    """One difference; `before` is None where something was added, `after` where it was removed."""

    what: str
    """A name, a path, or a JSON pointer into the state."""
    kind: ChangeKind
    before: Any = None
    after: Any = None


class Comparison(Record):
    """What differs between two checkpoints, part by part."""

    identity: tuple[Change, ...]
    state: tuple[Change, ...]
    environment: tuple[Change, ...]
    dependencies: tuple[Change, ...]
    files: tuple[Change, ...] | None
    """None when the contents of both were not at hand."""
    same_files: bool | None
    """Whether both hold the same files, as their manifests tell; None when these do not tell."""
    unseen: tuple[str, ...] = ()
    """What was not compared, because it is left out of one of the records for its size."""


class Limits(Record):
    """How much is kept; what is None limits nothing."""

    keep_days: float | None = Field(default=None, ge=0)
    """Checkpoints older than this are deleted."""
    keep_count: int | None = Field(default=None, ge=0)
    """Of each series, this many are kept."""
    max_size: int | None = Field(default=None, ge=0)
    """Bytes that all artifacts together may have."""


class Held(Record):
    """A checkpoint whose artifact is still held by GitHub, as far as retention looks at it."""

    id: str
    workflow_name: str
    name: str
    series: str
    """What makes checkpoints follow each other: workflow, job, matrix leg and name."""
    run_id: str
    created_at: Moment
    artifact_id: int
    size: int
    health: CheckpointHealth
    run_conclusion: str | None = None
    run_branch: str | None = None
    base: str | None = None


class Fate(Record):
    """What becomes of one checkpoint, and why."""

    checkpoint: Held
    keep: bool
    reason: str


def readable_particulars(checkpoint: WorkflowCheckpoint) -> Particulars | None:
    """The particulars of a checkpoint; None of one that somebody recorded by hand with something else in them."""
    try:
        return particulars_of(checkpoint)
    except CheckpointRejected:
        return None


def health_in(metadata: Mapping[str, Any]) -> tuple[CheckpointHealth, str] | None:
    """The health that a checkpoint's metadata tells; None where it tells none, or something of somebody else's."""
    health = metadata.get("health")
    if not isinstance(health, str) or health not in set(CheckpointHealth):
        return None
    return CheckpointHealth(health), str(metadata.get("health_detail", ""))


def health_of(checkpoint: WorkflowCheckpoint) -> CheckpointHealth:
    """What is known of a checkpoint's use; `unknown` where nothing is."""
    found = health_in(checkpoint.metadata)
    return found[0] if found else CheckpointHealth.UNKNOWN


def left_out_of(checkpoint: WorkflowCheckpoint) -> tuple[str, ...]:
    """The parts that a record leaves out, because they are too large."""
    told = checkpoint.metadata.get("left_out")
    return tuple(part for part in SHORTENED if part in told) if isinstance(told, list) else ()


def health_fields(health: CheckpointHealth, detail: str) -> dict[str, Any]:
    """What stands in a checkpoint's metadata about its health."""
    return {"health": health.value, "health_detail": detail}

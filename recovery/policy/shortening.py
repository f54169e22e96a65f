"""How much of a manifest goes on record: anybody may have written it, and the database is cached with every run."""

from __future__ import annotations

import json
from typing import Any

from recovery.models.catalogue import SHORTENED
from recovery.models.records import WorkflowCheckpoint

RECORD_LIMIT = 64 * 1024
"""Bytes of a checkpoint, as JSON, that go on record; honest manifests have a few thousand."""

_NEEDED = ("attempt", "job_id", "job", "matrix", "ref", "content")
"""What of the metadata the catalogue itself works with."""


def for_the_record(checkpoint: WorkflowCheckpoint) -> WorkflowCheckpoint | None:
    """The checkpoint, without its largest parts where it is too large; None where the rest still is.

    Nothing is lost: what is left out stays in the artifact, and `metadata` notes what that is.
    """
    metadata = {name: value for name, value in checkpoint.metadata.items() if name != "left_out"}
    checkpoint = checkpoint.model_copy(update={"metadata": metadata})
    fields = checkpoint.model_dump(mode="json")
    excess = _size(fields) - RECORD_LIMIT
    left_out: list[str] = []
    for part in sorted(SHORTENED, key=lambda part: _size(fields[part]), reverse=True):
        if excess <= 0:
            break
        left_out.append(part)
        excess -= _size(fields[part])
    if not left_out:
        return checkpoint
    changes: dict[str, Any] = {part: type(fields[part])() for part in left_out}
    kept = _needed(metadata) if "metadata" in left_out else metadata
    short = checkpoint.model_copy(update=changes | {"metadata": kept | {"left_out": sorted(left_out)}})
    return short if _size(short.model_dump(mode="json")) <= RECORD_LIMIT else None


def _needed(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata without what only a restore looks at."""
    needed = {name: metadata[name] for name in _NEEDED if name in metadata}
    content = needed.get("content")
    return needed | {"content": content | {"packs": [], "base_packs": []}} if isinstance(content, dict) else needed


def _size(value: Any) -> int:
    return len(json.dumps(value))

"""Use cases of the catalogue: plans, journals and the checkpoints of completed runs, learnt from their artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recovery.app.wiring import Workplace
from recovery.catalogue import ingest
from recovery.models.github import Artifact
from recovery.recorder import Recorder
from recovery.sync import sync_recent

MOST_ARTIFACTS = 500
"""Artifacts of the repository, the newest, that one pass looks at."""


def look_at_artifacts(place: Workplace, since: datetime, *, limit: int = MOST_ARTIFACTS) -> tuple[Artifact, ...]:
    """Fold what earlier recovery runs left, and take in checkpoints: one listing, which is returned, for both.

    Neither is journalled: both can be read again from the artifacts.
    """
    with place.requests.phase("sync"):
        recent = place.forge.artifacts_since(since, limit)
        if place.workflow is not None:
            sync_recent(place.archive, place.forge, place.workflow, since, recent)
    take_in(place, recent)
    return recent


def take_in(place: Workplace, artifacts: Sequence[Artifact]) -> int:
    """Take in as many of the checkpoints among these artifacts as one pass does; return how many."""
    with place.requests.phase("checkpoints"):
        recorder = Recorder(place.archive, place.clock, place.context.author)
        return ingest(place.archive, recorder, place.forge, artifacts, place.clock.now())

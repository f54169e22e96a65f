"""What a checkpoint's events add up to: a pure fold, so that any order and any duplicates give the same row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from recovery.models.catalogue import health_fields, health_in
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.events import CheckpointCreated, CheckpointEvent, CheckpointJudged
from recovery.models.records import WorkflowCheckpoint

_FROM_BEST_TO_WORST = tuple(CheckpointHealth)


class Known(NamedTuple):
    """One checkpoint as all its events add up."""

    checkpoint: WorkflowCheckpoint | None
    """The latest manifest, with the worst that is known of it; None as long as it was only judged."""
    health: CheckpointHealth
    detail: str


def add_up(events: Iterable[CheckpointEvent]) -> Known:
    """Fold all events of one checkpoint: the latest manifest counts, and the worst that was ever found out.

    Where the worst was found out more than once, the earliest word on it stands.
    """
    ordered = sorted({event.id: event for event in events}.values(), key=lambda event: (event.at, event.id))
    made = [event.checkpoint for event in ordered if isinstance(event, CheckpointCreated)]
    latest = made[-1] if made else None
    judgements = list(_judgements(ordered))
    if not judgements:
        return Known(latest, CheckpointHealth.UNKNOWN, "")
    health, detail = max(judgements, key=lambda judgement: _FROM_BEST_TO_WORST.index(judgement[0]))  # the first of them
    told = health_fields(health, detail)
    if latest is not None and not told.items() <= latest.metadata.items():
        latest = latest.model_copy(update={"metadata": latest.metadata | told})
    return Known(latest, health, detail)


def _judgements(ordered: Iterable[CheckpointEvent]) -> Iterator[tuple[CheckpointHealth, str]]:
    """Every word on the checkpoint's health, oldest first; a manifest may hold one, too."""
    for event in ordered:
        if isinstance(event, CheckpointJudged):
            yield event.health, event.detail
        elif found := health_in(event.checkpoint.metadata):
            yield found

"""Checkpoints that are out of use for good, because they were once found damaged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import JobCheckpoint
from recovery.ports import Store
from recovery.recorder import Recorder


@dataclass(frozen=True)
class Exclusion:
    """What is on record of damage in a repository's checkpoints."""

    store: Store
    recorder: Recorder
    repository: str

    def reason(self, checkpoint_id: str) -> str | None:
        """Why a checkpoint is out of use for good, as far as it is on record."""
        health, detail = self.store.health_of(checkpoint_id)
        if health is not CheckpointHealth.CORRUPT:
            return None
        return detail or "it was found damaged before"

    def put_on_record(self, found: Iterable[JobCheckpoint]) -> None:
        """Record the damage that was found, of checkpoints whose id is known and their own."""
        for checkpoint in found:
            if not checkpoint.corrupt or not checkpoint.checkpoint_id:
                continue
            if not self._is_known_elsewhere(checkpoint):
                self.condemn(checkpoint.checkpoint_id, checkpoint.errors[0])

    def condemn(self, checkpoint_id: str, damage: str) -> None:
        """Record that a checkpoint is damaged, once."""
        if self.reason(checkpoint_id) is None:
            self.recorder.judged(checkpoint_id, self.repository, CheckpointHealth.CORRUPT, damage)

    def _is_known_elsewhere(self, found: JobCheckpoint) -> bool:
        """Whether another artifact is known to hold the checkpoint of this id; ids are never used twice."""
        known = self.store.checkpoint(found.checkpoint_id)
        return known is not None and known.metadata.get("artifact_id") not in {None, found.artifact_id}

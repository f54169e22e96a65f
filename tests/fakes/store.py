"""A store in memory: it keeps events and works every answer out anew."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import Reason, RecoveryHeader, RecoveryPlan
from recovery.models.events import (
    CheckpointCreated,
    CheckpointEvent,
    Event,
    FailureObserved,
    RecoveryEvent,
    header_of,
)
from recovery.models.records import PipelineFailure, RecoveryState, RecoveryType, WorkflowCheckpoint
from recovery.policy.checkpoint_history import Known, add_up
from recovery.policy.lifecycle import OPEN, plan_of, project
from recovery.ports import Admission


class MemoryStore:
    """The port `Store` without a database; the contract suite holds it to the same promises."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.artifacts: set[int] = set()
        self._lock = threading.RLock()

    def record(self, events: Iterable[Event]) -> int:
        """Keep the events that are not known yet."""
        with self._lock:
            before = len(self.events)
            for event in events:
                self.events.setdefault(event.id, event)
            return len(self.events) - before

    def claim(self, header: RecoveryHeader, events: Iterable[Event], admit: Admission) -> Reason | None:
        """Record unless there is a reason against it, with nobody in between."""
        with self._lock:
            against = admit(self.recoveries_of(header.run_id, header.attempt))
            if against is None:
                self.record(events)
            return against

    def failure(self, failure_id: str) -> PipelineFailure | None:
        """One failure by id."""
        return self._failures().get(failure_id)

    def failures_of(self, run_id: int, attempt: int) -> tuple[PipelineFailure, ...]:
        """The failures of one attempt, by job id."""
        found = [f for f in self._failures().values() if (f.run_id, f.attempt) == (run_id, attempt)]
        return tuple(sorted(found, key=lambda failure: (failure.job_id, failure.id)))

    def recovery(self, recovery_id: str) -> RecoveryState | None:
        """One recovery by id."""
        events = self._about(recovery_id)
        return project(events) if events else None

    def recoveries_of(self, run_id: int, attempt: int) -> tuple[RecoveryState, ...]:
        """The recoveries of one attempt, oldest first."""
        return tuple(
            state
            for state in self._oldest_first()
            if (state.recovery_context["run_id"], state.recovery_context["attempt"]) == (run_id, attempt)
        )

    def plan(self, recovery_id: str) -> RecoveryPlan | None:
        """The plan of a recovery."""
        return plan_of(self._about(recovery_id))

    def unfinished(self, repository: str) -> tuple[RecoveryState, ...]:
        """Open recoveries, oldest first."""
        return tuple(s for s in self._oldest_first() if _is_of(s, repository) and s.status in OPEN)

    def recoveries(self, repository: str | None = None, limit: int | None = None) -> tuple[RecoveryState, ...]:
        """Recoveries, newest first."""
        return tuple(s for s in reversed(self._oldest_first()) if _is_of(s, repository))[:limit]

    def rollbacks(self, repository: str) -> tuple[RecoveryState, ...]:
        """Rollbacks, newest first."""
        return tuple(s for s in self.recoveries(repository) if s.recovery_type is RecoveryType.ROLLBACK)

    def checkpoint(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """One checkpoint by id."""
        known = self._checkpoints().get(checkpoint_id)
        return known.checkpoint if known else None

    def health_of(self, checkpoint_id: str) -> tuple[CheckpointHealth, str]:
        """The worst that is known of a checkpoint."""
        known = self._checkpoints().get(checkpoint_id)
        return (known.health, known.detail) if known else (CheckpointHealth.UNKNOWN, "")

    def checkpoints(self, repository: str | None = None, limit: int | None = None) -> tuple[WorkflowCheckpoint, ...]:
        """Checkpoints, newest first."""
        found = [each.checkpoint for each in self._checkpoints().values() if each.checkpoint is not None]
        found = [checkpoint for checkpoint in found if _is_of(checkpoint, repository)]
        return tuple(sorted(found, key=lambda checkpoint: (checkpoint.created_at, checkpoint.id), reverse=True)[:limit])

    def folded(self, artifact_ids: Sequence[int]) -> frozenset[int]:
        """Which of these artifacts were marked."""
        return frozenset(self.artifacts).intersection(artifact_ids)

    def mark_folded(self, artifact_ids: Sequence[int]) -> None:
        """Mark artifacts."""
        self.artifacts.update(artifact_ids)

    def _ordered(self) -> list[Event]:
        return sorted(self.events.values(), key=lambda event: (event.at, event.id))

    def _failures(self) -> dict[str, PipelineFailure]:
        return {event.failure.id: event.failure for event in self._ordered() if isinstance(event, FailureObserved)}

    def _checkpoints(self) -> dict[str, Known]:
        by_id: dict[str, list[CheckpointEvent]] = {}
        for event in self.events.values():
            if isinstance(event, CheckpointEvent):
                subject = event.checkpoint.id if isinstance(event, CheckpointCreated) else event.checkpoint_id
                by_id.setdefault(subject, []).append(event)
        return {subject: add_up(events) for subject, events in by_id.items()}

    def _about(self, recovery_id: str) -> list[RecoveryEvent]:
        return [
            event
            for event in self._ordered()
            if not isinstance(event, FailureObserved | CheckpointEvent) and header_of(event).id == recovery_id
        ]

    def _oldest_first(self) -> list[RecoveryState]:
        by_id: dict[str, list[RecoveryEvent]] = {}
        for event in self._ordered():
            if not isinstance(event, FailureObserved | CheckpointEvent):
                by_id.setdefault(header_of(event).id, []).append(event)
        return sorted((project(events) for events in by_id.values()), key=lambda state: (state.started_at, state.id))


def _is_of(record: RecoveryState | WorkflowCheckpoint, repository: str | None) -> bool:
    return repository is None or record.repository.lower() == repository.lower()

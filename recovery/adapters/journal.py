"""The journal: append-only JSON Lines of everything that one recovery run recorded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from recovery.errors import StateError
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import Reason, RecoveryHeader, RecoveryPlan
from recovery.models.events import Event
from recovery.models.records import PipelineFailure, RecoveryState, WorkflowCheckpoint
from recovery.ports import Admission, Store

# Windows translates line ends unless it is told that the file is binary; elsewhere the flag does not exist.
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Journal:
    """A file that events are appended to and that is never rewritten."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, events: Iterable[Event]) -> None:
        """Write events as whole lines and force them to disk.

        Two processes may append at once: each batch is one write in append mode, so that no line is torn or lost.

        Raises:
            StateError: the file cannot be written.
        """
        lines = b"".join(event.model_dump_json().encode() + b"\n" for event in events)
        if not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, _APPEND, 0o644)
            try:
                _write(handle, lines)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            message = f"the journal {self.path} cannot be written: {error.strerror}"
            raise StateError(message, hint="free disk space, or name a file that this user may write") from error


def _write(handle: int, lines: bytes) -> None:
    size = os.fstat(handle).st_size
    if size:
        os.lseek(handle, size - 1, os.SEEK_SET)
        if os.read(handle, 1) != b"\n":  # an earlier writer was killed half-way through its line: leave it alone
            lines = b"\n" + lines
    while lines:
        lines = lines[os.write(handle, lines) :]


class JournalledStore:
    """A store that writes everything to a journal before it records it.

    What was folded in from other runs' journals belongs straight into the inner store: it is journalled already.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def record(self, events: Iterable[Event]) -> int:
        """Append the events to the journal, then record them; return how many were new."""
        ahead = tuple(events)
        self._journal.append(ahead)
        return self._store.record(ahead)

    def claim(self, header: RecoveryHeader, events: Iterable[Event], admit: Admission) -> Reason | None:
        """Claim as the inner store does; the events reach the journal once admitted, before they are recorded."""
        ahead = tuple(events)

        def admit_and_append(recoveries: tuple[RecoveryState, ...]) -> Reason | None:
            against = admit(recoveries)
            if against is None:
                self._journal.append(ahead)
            return against

        return self._store.claim(header, ahead, admit_and_append)

    def failure(self, failure_id: str) -> PipelineFailure | None:
        """One failure by id."""
        return self._store.failure(failure_id)

    def failures_of(self, run_id: int, attempt: int) -> tuple[PipelineFailure, ...]:
        """The failures recorded for one attempt of a run, by job id."""
        return self._store.failures_of(run_id, attempt)

    def recovery(self, recovery_id: str) -> RecoveryState | None:
        """One recovery by id."""
        return self._store.recovery(recovery_id)

    def recoveries_of(self, run_id: int, attempt: int) -> tuple[RecoveryState, ...]:
        """The recoveries recorded for one attempt of a run, oldest first."""
        return self._store.recoveries_of(run_id, attempt)

    def plan(self, recovery_id: str) -> RecoveryPlan | None:
        """The plan of a recovery, as it was written ahead."""
        return self._store.plan(recovery_id)

    def unfinished(self, repository: str) -> tuple[RecoveryState, ...]:
        """Recoveries that are `pending` or `in_progress`, oldest first."""
        return self._store.unfinished(repository)

    def recoveries(self, repository: str | None = None, limit: int | None = None) -> tuple[RecoveryState, ...]:
        """Recoveries, newest first, of one repository or of all."""
        return self._store.recoveries(repository, limit)

    def rollbacks(self, repository: str) -> tuple[RecoveryState, ...]:
        """The recoveries of a repository that are rollbacks, newest first."""
        return self._store.rollbacks(repository)

    def checkpoint(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """One checkpoint by id."""
        return self._store.checkpoint(checkpoint_id)

    def health_of(self, checkpoint_id: str) -> tuple[CheckpointHealth, str]:
        """The worst that is known of a checkpoint, and why."""
        return self._store.health_of(checkpoint_id)

    def checkpoints(self, repository: str | None = None, limit: int | None = None) -> tuple[WorkflowCheckpoint, ...]:
        """Checkpoints, newest first, of one repository or of all."""
        return self._store.checkpoints(repository, limit)

    def folded(self, artifact_ids: Sequence[int]) -> frozenset[int]:
        """Which of these artifacts were folded in before."""
        return self._store.folded(artifact_ids)

    def mark_folded(self, artifact_ids: Sequence[int]) -> None:
        """Remember that these artifacts are folded in."""
        self._store.mark_folded(artifact_ids)

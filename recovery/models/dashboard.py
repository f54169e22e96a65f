"""The dashboard's numbers; field for field the JSON that `recovery dashboard --json` prints."""

from __future__ import annotations

from recovery.models.record import Moment, Record
from recovery.models.records import Outcome, RecoveryStatus, RecoveryType


class RecoverySummary(Record):
    """All recoveries of a repository, counted by how they ended."""

    total_recoveries: int
    successful_recoveries: int
    failed_recoveries: int
    in_progress_recoveries: int
    success_rate: float
    """Percent of all recoveries, those in progress included."""


class TypeCount(Record):
    """How often one type of recovery was tried, and how often it worked."""

    total: int = 0
    successful: int = 0


class RecoveryByType(Record):
    """The same count for each type of recovery."""

    retry: TypeCount
    resume: TypeCount
    rollback: TypeCount


class Operation(Record):
    """One recovery in the list of recent ones."""

    id: str
    type: RecoveryType
    status: RecoveryStatus
    outcome: Outcome | None = None
    workflow: str = ""
    run_id: int | None = None
    attempt: int | None = None
    reason: str = ""
    started_at: Moment


class CheckpointsByType(Record):
    """Available checkpoints by what they were taken of."""

    step: int = 0
    job: int = 0
    workflow: int = 0


class CheckpointsByHealth(Record):
    """All checkpoints on record, by what is known of their use."""

    unknown: int = 0
    valid: int = 0
    expired: int = 0
    pruned: int = 0
    corrupt: int = 0


class LatestCheckpoint(Record):
    """The checkpoint taken last."""

    id: str
    name: str
    workflow: str
    created_at: Moment


class CheckpointStatus(Record):
    """What there is to resume from or roll back to."""

    available: int
    """Those that restoring from may be tried."""
    by_type: CheckpointsByType
    by_health: CheckpointsByHealth = CheckpointsByHealth()
    latest: LatestCheckpoint | None = None


class Dashboard(Record):
    """Everything the dashboard shows."""

    recovery_summary: RecoverySummary
    recovery_by_type: RecoveryByType
    success_rate_of_finished: float
    """Percent of the recoveries whose end is known."""
    declined: int
    """Failed attempts that were left to people; they are not recoveries."""
    recent_operations: tuple[Operation, ...]
    checkpoint_status: CheckpointStatus

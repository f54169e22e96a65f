"""The records of a recovery, as the seed names them: checkpoint, failure, recovery."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field
from ulid import ULID

from recovery.models.record import Moment, Number, Record
from recovery.models.verdict import Evidence, FailureClass, Retryable


class RecoveryStatus(StrEnum):
    """Where a recovery stands. A re-run stays `in_progress` until its outcome is settled."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    DECLINED = "declined"


class RecoveryType(StrEnum):
    """What a recovery does; `none` leaves the failure to people."""

    RETRY = "retry"
    RESUME = "resume"
    ROLLBACK = "rollback"
    NONE = "none"


class Outcome(StrEnum):
    """What a recovery achieved, measured on the next attempt."""

    CLEARED = "cleared"
    STILL_FAILING = "still-failing"
    NOT_RERUN = "not-rerun"
    UNKNOWN = "unknown"


MOST_FAILED_TESTS = 20
"""Failed tests of one job that are put on record: the first ones."""

_TOLD_BY_A_LINE = 0.5
"""The least confidence of a class that a line of the log tells."""


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(ULID()).lower()


class WorkflowCheckpoint(Record):
    """Manifest of one point in a workflow that work can continue from."""

    id: str = Field(default_factory=lambda: f"ckpt-{_new_id()}")
    repository: str
    workflow_name: str
    run_id: str
    commit_sha: str
    checkpoint_type: Literal["step", "job", "workflow"]
    checkpoint_name: str
    created_at: Moment = Field(default_factory=_now)
    workflow_state: dict[str, Any] = Field(default_factory=dict)
    environment_context: dict[str, Any] = Field(default_factory=dict)
    dependencies: list[str] = Field(default_factory=list)
    artifacts: list[str] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)


class PipelineFailure(Record):
    """One failed job of one attempt, with its cause and the evidence for it."""

    id: str
    """`fail-{run_id}-{attempt}-{job_id}`"""
    kind: Literal["job", "manual"] = "job"
    repository: str
    workflow_name: str
    run_id: Number
    attempt: Number = Field(ge=1)
    job_id: Number
    job_name: str
    step: str | None = None
    conclusion: str
    head_sha: str
    head_branch: str | None = None
    observed_at: Moment
    failure_class: FailureClass
    retryable: Retryable
    confidence: float = Field(ge=0.0, le=1.0)
    evidence: tuple[Evidence, ...] = ()
    excerpt: tuple[tuple[int, int], ...] = ()
    fingerprint: str = ""
    reason: str = ""
    html_url: str = ""
    consequence_of: str | None = None
    """Name of the job whose failure caused this one (a gate job, or fail-fast); it is no cause itself."""
    log_problem: str | None = None
    """Why the log could not be read; None when it was."""
    failed_tests: tuple[str, ...] = ()
    """Ids of the tests that failed, as the framework or its report names them; `MOST_FAILED_TESTS` of them at most."""
    baseline_run_id: Number | None = None
    """The run whose log of the same job, which succeeded there, this one's was compared with."""
    notes: tuple[str, ...] = ()
    """What was to be looked at besides the log and could not be, and why, one sentence each."""

    @property
    def is_guess(self) -> bool:
        """Whether at most the failed step's title tells the class, because no line of the log speaks clearly."""
        return self.retryable is Retryable.NO and self.confidence < _TOLD_BY_A_LINE


class RecoveryState(Record):
    """What was decided and done about one attempt of one run."""

    id: str = Field(default_factory=lambda: f"rec-{_new_id()}")
    failure_id: str
    repository: str
    recovery_type: RecoveryType
    status: RecoveryStatus = RecoveryStatus.PENDING
    target_checkpoint_id: str | None = None
    recovery_plan: list[str] = Field(default_factory=list)
    started_at: Moment = Field(default_factory=_now)
    completed_at: Moment | None = None
    progress_steps: list[dict[str, Any]] = Field(default_factory=list)
    recovery_context: dict[str, Any] = Field(default_factory=dict)
    rollback_checkpoint_id: str | None = None
    corruption_detected: bool = False
    validation_results: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)

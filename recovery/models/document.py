"""`decision.json`: one decision as a document for machines. Its JSON Schema is published with the project."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recovery.models.decision import DecisionKind, Reason
from recovery.models.record import Moment, Record
from recovery.models.records import Outcome, RecoveryStatus, RecoveryType
from recovery.models.rollback import Rejection, RollbackKind
from recovery.models.verdict import Evidence, FailureClass, Retryable


class FailureDocument(Record):
    """One failed job and its cause."""

    job: str
    failure_class: FailureClass = Field(alias="class", serialization_alias="class")
    retryable: Retryable
    confidence: float
    evidence: tuple[Evidence, ...]
    step: str | None = None
    reason: str = ""
    fingerprint: str = ""
    url: str = ""
    consequence_of: str | None = None
    failed_tests: tuple[str, ...] = ()


class CheckpointDocument(Record):
    """A checkpoint that a failed job left, and whether work may continue from it."""

    job: str
    checkpoint_id: str
    name: str
    errors: tuple[str, ...] = ()


class RejectedDocument(Record):
    """A checkpoint that was looked into and is not gone back to."""

    checkpoint_id: str
    run_id: str
    commit_sha: str
    rejections: tuple[Rejection, ...]


class RollbackDocument(Record):
    """What is gone back to, and what was looked into before it."""

    kind: RollbackKind
    environment: str
    bad_sha: str
    target_sha: str | None = None
    target_checkpoint_id: str | None = None
    target_run_id: int | None = None
    rollback_checkpoint_id: str | None = None
    returns_from: str | None = None
    reference: str | None = None
    waits_for: str | None = None
    hold_until: Moment | None = None
    hold_released: bool = False
    automatic: bool = False
    forced: tuple[Rejection, ...] = ()
    rejected: tuple[RejectedDocument, ...] = ()


class DecisionDocument(Record):
    """What was seen of one attempt, what was decided and why, and what became of it."""

    version: Literal[1] = 1
    repository: str
    workflow: str
    run_id: int
    attempt: int
    url: str = ""
    head_sha: str
    pull_request: int | None = None
    recovery_id: str
    status: RecoveryStatus
    failures: tuple[FailureDocument, ...]
    decision: DecisionKind
    strategy: RecoveryType
    reasons: tuple[Reason, ...]
    overridden: tuple[Reason, ...] = ()
    plan: tuple[str, ...]
    checkpoints: tuple[CheckpointDocument, ...] = ()
    rollback: RollbackDocument | None = None
    due_at: Moment | None = None
    decided_at: Moment
    reran: bool = False
    """Whether GitHub accepted a re-run of this attempt."""
    outcome: Outcome | None = None
    settled_attempt: int | None = None
    detail: str = ""

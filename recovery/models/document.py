"""`decision.json`: one decision as a document for machines. Its JSON Schema is published with the project."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recovery.models.decision import DecisionKind, Reason
from recovery.models.record import Moment, Record
from recovery.models.records import Outcome, RecoveryStatus, RecoveryType
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


class CheckpointDocument(Record):
    """A checkpoint that a failed job left, and whether work may continue from it."""

    job: str
    checkpoint_id: str
    name: str
    errors: tuple[str, ...] = ()


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
    due_at: Moment | None = None
    decided_at: Moment
    reran: bool = False
    """Whether GitHub accepted a re-run of this attempt."""
    outcome: Outcome | None = None
    settled_attempt: int | None = None
    detail: str = ""

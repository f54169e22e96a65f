"""What recovery decides about one attempt of one run, and the plan that follows from it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from recovery.models.github import Job, PullRequest, Run
from recovery.models.record import Moment, Number, Record
from recovery.models.records import PipelineFailure, RecoveryType
from recovery.models.rollback import RollbackOrder


class DecisionKind(StrEnum):
    """`act` does it, `suggest` proposes it to people, `decline` leaves the run red."""

    ACT = "act"
    SUGGEST = "suggest"
    DECLINE = "decline"


class ReasonId(StrEnum):
    """Why a run is not re-run, in the order in which the reasons are looked for; then what allows it."""

    SUPERSEDED = "superseded"
    PULL_REQUEST_CLOSED = "pull-request-closed"
    RUN_ACTIVE = "run-active"
    TOO_OLD = "too-old"
    ATTEMPT_CAP = "attempt-cap"
    BUDGET = "budget"
    REAL_FAILURE = "real-failure"
    CANCELLED_BY_SOMEONE = "cancelled-by-someone"
    MASS_FAILURE = "mass-failure"
    SIDE_EFFECTS = "side-effects"
    MERGE_QUEUE = "merge-queue"
    OUTAGE = "outage"
    LOG_UNREADABLE = "log-unreadable"
    OWN_WORKFLOW = "own-workflow"
    UNKNOWN_CAUSE = "unknown-cause"
    ONLY_MAYBE = "only-maybe"
    NO_FAILURE = "no-failure"
    ALREADY_DECIDED = "already-decided"
    DISABLED = "disabled"
    TRANSIENT = "transient"
    REQUESTED = "requested"
    CHECKPOINT_VALID = "checkpoint-valid"
    CHECKPOINT_REJECTED = "checkpoint-rejected"
    PROGRESS = "progress"
    CRITICAL_FAILURE = "critical-failure"
    TARGET_VALID = "target-valid"
    NO_TARGET = "no-target"
    ROLLED_BACK = "rolled-back"
    RUN_UNFIT = "run-unfit"
    NEWER_RUN = "newer-run"


class Reason(Record):
    """One reason with its stable id and a sentence for people."""

    id: ReasonId
    text: str


class Decision(Record):
    """The answer to "shall this attempt be tried again?", with every reason for it."""

    kind: DecisionKind
    strategy: RecoveryType
    reasons: tuple[Reason, ...] = Field(min_length=1)
    overridden: tuple[Reason, ...] = ()
    """Vetoes that a person's explicit strategy set aside."""


class RecoveryHeader(Record):
    """What every event about a recovery repeats, so that each can be understood alone."""

    id: str
    """`rec-{run_id}-{attempt}-{n}`; that of a rollback ends in its nonce."""
    repository: str
    workflow_name: str
    run_id: Number
    attempt: Number
    failure_id: str
    """The lead failure."""
    failure_ids: tuple[str, ...]
    recovery_type: RecoveryType
    started_at: Moment


class JobCheckpoint(Record):
    """The newest checkpoint that a failed job left, and what validating it from outside found."""

    job_name: str
    job_id: Number
    """Id of the failed job in the attempt that failed."""
    checkpoint_id: str
    """Empty where a refused one cannot even be named."""
    name: str
    artifact_id: Number
    artifact_digest: str | None = None
    made_in_attempt: Number = Field(ge=1)
    """The attempt that made it; earlier than the one that failed when that one made none of its own."""
    progressed: bool = True
    """Whether the attempt that failed got further with it than the one before."""
    errors: tuple[str, ...] = ()
    """Why it may not be continued from; none when it may."""
    corrupt: bool = False
    """Whether it is damaged, not only out of reach: then it is excluded for good."""

    @property
    def is_valid(self) -> bool:
        """Whether work may continue from it."""
        return not self.errors


class RecoveryPlan(Record):
    """A decision with the ordered steps that follow; written down before the first effect."""

    header: RecoveryHeader
    decision: Decision
    steps: tuple[str, ...]
    failed_jobs: tuple[str, ...]
    """Names of the jobs that the outcome is measured on."""
    due_at: Moment | None = None
    """When to act; None means at once."""
    head_sha: str
    head_branch: str | None = None
    pull_request: int | None = None
    run_url: str = ""
    checkpoints: tuple[JobCheckpoint, ...] = ()
    """What each failed job may continue from; the invalid ones are told with the reason."""
    rollback: RollbackOrder | None = None
    """What is gone back to, where that is the plan."""
    damage: str = ""
    """What of the state that is kept between runs was found damaged when this was decided; empty for nothing."""


class Observation(Record):
    """One attempt of a run as seen at one moment: everything a decision is made from."""

    run: Run
    """The run in its latest attempt."""
    attempt: int
    """The attempt that was looked at."""
    jobs: tuple[Job, ...]
    failures: tuple[PipelineFailure, ...]
    pull_request: PullRequest | None = None
    head_now: str | None = None
    """The commit now at the head of the pull request or branch; None when it could not be told."""
    checkpoints: tuple[JobCheckpoint, ...] | None = None
    """Of each failed job that left any, the newest; None as long as they were not looked for."""
    observed_at: Moment

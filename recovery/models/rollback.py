"""Going back to a commit that is known to be good: what is found out, what is refused and why, what is ordered."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from recovery.models.checkpoint import CheckpointHealth, Particulars
from recovery.models.github import Artifact, Run
from recovery.models.record import Moment, Number, Record
from recovery.models.records import Outcome, WorkflowCheckpoint

LAST_KNOWN_GOOD = "last-known-good"
"""What stands for the newest checkpoint that passes every check."""

PRE_ROLLBACK = "pre_rollback"
"""Key in the metadata of a checkpoint that records what stood before a rollback; such a one has no artifact."""

HOLD_FILE = "hold.json"
"""The file in a hold's artifact."""

MOST_EXTRA_INPUTS = 9
"""Inputs of a dispatched workflow beside our one: older servers take ten in all."""


LONGEST_REASON = 1000
"""Characters of a person's reason for a rollback: it goes into tags, which everybody sees."""

LONGEST_NAME = 1000
"""Characters of the name of a workflow or environment."""

HALF_WAY = frozenset({Outcome.STILL_FAILING, Outcome.UNKNOWN})
"""Outcomes of a rollback after which nobody knows what is deployed."""

PlainId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""An id of ours, which means nothing else wherever it is shown."""

CommitId = Annotated[str, Field(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")]


class RollbackKind(StrEnum):
    """How a workflow is rolled back."""

    REDISPATCH = "redispatch"
    """Run it again at the good commit, with a tag and `workflow_dispatch`."""
    DEPLOYMENT = "deployment"
    """Ask for a deployment of the good commit."""
    REVERT_PR = "revert-pr"
    """Propose a pull request that makes the files what they were at the good commit."""


class RejectionId(StrEnum):
    """Why a checkpoint is no target, in the order in which the checks are made."""

    NOT_SUCCESSFUL = "not-successful"
    WRONG_BRANCH = "wrong-branch"
    OTHER_WORKFLOW = "other-workflow"
    STRUCTURE_CHANGED = "structure-changed"
    UNHEALTHY = "unhealthy"
    ARTIFACT_MISSING = "artifact-missing"
    ARTIFACT_EXPIRED = "artifact-expired"
    ARTIFACT_CHANGED = "artifact-changed"
    IS_ROLLBACK = "is-rollback"
    ON_HOLD = "on-hold"
    NOT_REACHABLE = "not-reachable"
    NOT_BEFORE = "not-before"
    SAME_COMMIT = "same-commit"
    ENVIRONMENT_DIFFERS = "environment-differs"
    DEPENDENCIES_DIFFER = "dependencies-differ"
    INPUT_UNDECLARED = "input-undeclared"


OVERRIDABLE = frozenset(
    {
        RejectionId.STRUCTURE_CHANGED,
        RejectionId.ENVIRONMENT_DIFFERS,
        RejectionId.DEPENDENCIES_DIFFER,
        RejectionId.WRONG_BRANCH,
        RejectionId.ON_HOLD,
    }
)
"""What a person may set aside; whether a target is whole, healthy and part of the history is no opinion."""


DRIFT = frozenset({RejectionId.ENVIRONMENT_DIFFERS, RejectionId.DEPENDENCIES_DIFFER})
"""Reasons that say that a checkpoint does not belong to what it is used in: it is passed over, but not condemned."""


class Rejection(Record):
    """One reason against a target: its stable id, and a sentence that says what differs."""

    id: RejectionId
    text: str


class Rejected(Record):
    """A checkpoint that was looked into and is no target."""

    checkpoint_id: str
    run_id: str
    commit_sha: str
    reasons: tuple[Rejection, ...] = Field(min_length=1)
    corrupt: bool = False
    """Whether it is damaged, not only unfit: then it is excluded for good."""


class Hold(Record):
    """A commit that may not be deployed again until the hold is released or over."""

    version: Literal[1] = 1
    repository: str
    sha: str
    workflow_name: str
    environment: str
    since: Moment
    until: Moment
    reason: str = ""
    recovery_id: str
    """The rollback that put it on hold."""


class Claim(Record):
    """Whose a tag of a rollback is, and what it is for: GitHub's own record, which outlives every database."""

    version: Literal[1] = 1
    recovery_id: PlainId
    nonce: PlainId
    kind: RollbackKind
    workflow_name: str = Field(max_length=LONGEST_NAME)
    environment: str = Field(max_length=LONGEST_NAME)
    bad_sha: CommitId
    target_sha: CommitId
    since: Moment
    hold_until: Moment | None = None
    reason: str = Field(default="", max_length=LONGEST_REASON)


class RestoreOrder(Record):
    """What a dispatched run is told: which checkpoint to restore, and by what the run is recognised."""

    version: Literal[1] = 1
    recovery_id: PlainId
    checkpoint_id: PlainId
    artifact_id: int | None = Field(ge=1)
    """None for a state that has no files."""
    run_id: int = Field(ge=0)
    nonce: PlainId


class CandidateFacts(Record):
    """Everything that was found out about one checkpoint that might be gone back to."""

    checkpoint: WorkflowCheckpoint
    particulars: Particulars | None = None
    """None when they are damaged."""
    health: CheckpointHealth = CheckpointHealth.UNKNOWN
    health_detail: str = ""
    run: Run | None = None
    """The run that made it; None when GitHub knows none."""
    artifact: Artifact | None = None
    """Its artifact as it stands now; None when there is none (any more)."""
    reachable: bool = False
    """Whether its commit is part of the default branch's history."""
    before: bool = False
    """Whether its commit is part of the history of the bad one."""
    stood: bool = False
    """Whether it is what stood before a rollback that failed half-way, from which this one returns."""
    jobs_then: frozenset[str] | None = None
    """Keys of the workflow's jobs at its commit; None when there is no such workflow."""
    jobs_now: frozenset[str] | None = None
    """Keys of the workflow's jobs as they are on the default branch."""
    declares_input: bool | None = None
    """Whether the workflow at its commit can be dispatched with our input; None where that does not matter."""
    hold: Hold | None = None
    rolled_back: bool = False
    """Whether its commit was rolled back before, and nobody has released it since."""
    is_rollback: bool = False
    """Whether the run that made it was itself a rollback."""
    damaged_beside: tuple[str, ...] = ()
    """What else of all that its run left counts, and is known to be damaged."""
    unproven: tuple[str, ...] = ()
    """What counts of all that its run left, and a job made in an attempt in which it did not succeed."""
    jobs: tuple[str, ...] = ()
    """Names of the jobs that deployed in its run."""
    jobs_missed: tuple[str, ...] = ()
    """Names of the jobs that deploy, are in its run, and did not succeed there."""
    drifted: tuple[str, ...] = ()
    """Lock files that were recorded otherwise than they are at its commit."""
    environment_errors: tuple[str, ...] | None = ()
    """What differs between its environment and the one of the run that is rolled back; None where that told none."""


class TargetChoice(Record):
    """The checkpoint that is gone back to, if any passed, and all that were looked into before it."""

    target: CandidateFacts | None = None
    rejected: tuple[Rejected, ...] = ()
    forced: tuple[Rejection, ...] = ()
    """What spoke against the target, and was set aside by a person."""


class RollbackOrder(Record):
    """What a plan says about a rollback; without a target, what was looked into in vain."""

    kind: RollbackKind
    workflow_name: str
    workflow_file: str
    """`.github/workflows/deploy.yml`"""
    environment: str
    input_name: str
    default_branch: str
    inputs: tuple[tuple[str, str], ...] = ()
    """Further inputs of the dispatched workflow."""
    bad_sha: str
    bad_run_id: Number
    target_checkpoint_id: str | None = None
    target_sha: str = ""
    target_run_id: Number = 0
    target_artifact_id: Number | None = None
    """None for a state that has no files."""
    target_artifact_digest: str | None = None
    rollback_checkpoint_id: str | None = None
    """What stood before, so that a rollback that fails can go back."""
    jobs: tuple[str, ...] = ()
    """Names of the target's jobs that deploy: where one of them is left out, nothing was brought back."""
    target_branch: str = ""
    """The branch that the target's run was on, which the names of its jobs may show."""
    returns_from: str | None = None
    """Id of the rollback that failed half-way, when this one goes back to what stood before it."""
    nonce: str
    """By which what GitHub made of the order is recognised."""
    tag: str
    """The tag, without `tags/`, that makes sure that this commit is rolled back once."""
    busy_tag: str
    """The tag that makes sure that one rollback of this workflow and environment goes on at a time."""
    hold_until: Moment | None = None
    reason: str = ""
    automatic: bool = False
    """Whether the configuration, not a person, asked for it."""
    forced: tuple[Rejection, ...] = ()
    rejected: tuple[Rejected, ...] = ()

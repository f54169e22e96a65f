"""Records of a deployment that went wrong, and of the good one before it, with sensible defaults."""

from __future__ import annotations

from typing import Any

from recovery.models.checkpoint import CheckpointHealth, particulars_of
from recovery.models.events import HoldReleased
from recovery.models.github import Artifact, Run
from recovery.models.records import WorkflowCheckpoint
from recovery.models.rollback import CandidateFacts, Hold, RollbackKind, RollbackOrder
from recovery.policy.naming import busy_tag, rollback_tag
from recovery.policy.returning import FailedRollback
from recovery.policy.targets import RollbackCase
from recovery.settings import RollbackRule
from tests import builders as make

GOOD_SHA = "a" * 40
BAD_SHA = "b" * 40
GOOD_RUN = 901
BAD_RUN = 902
GOOD_ARTIFACT = 9101
DIGEST = f"sha256:{'d' * 64}"
WORKFLOW = ".github/workflows/deploy.yml"
WORKFLOW_TEXT = """
name: Deploy
on:
  push: {branches: [main]}
  workflow_dispatch: {inputs: {recovery: {type: string}}}
jobs:
  build: {}
  deploy: {}
"""


def make_deploy_run(**over: Any) -> Run:
    """The good deployment: a push to main that succeeded an hour ago."""
    fields: dict[str, Any] = {
        "id": GOOD_RUN,
        "workflow_name": "Deploy",
        "path": WORKFLOW,
        "event": "push",
        "conclusion": "success",
        "head_sha": GOOD_SHA,
        "head_branch": "main",
        "created_at": make.later(-3600),
        "run_started_at": make.later(-3600),
    }
    return make.make_run(**fields | over)


def make_bad_run(**over: Any) -> Run:
    """The deployment after it, which failed a few minutes ago."""
    fields: dict[str, Any] = {
        "id": BAD_RUN,
        "conclusion": "failure",
        "head_sha": BAD_SHA,
        "created_at": make.later(-300),
        "run_started_at": make.later(-300),
    }
    return make_deploy_run(**fields | over)


def make_good_checkpoint(**over: Any) -> WorkflowCheckpoint:
    """What the good deployment left, as it was taken in from its artifact."""
    metadata: dict[str, Any] = {
        "attempt": 1,
        "artifact_id": GOOD_ARTIFACT,
        "artifact_digest": DIGEST,
        "run_conclusion": "success",
        "run_branch": "main",
        "health": CheckpointHealth.VALID.value,
        "health_detail": "",
    } | over.pop("metadata", {})
    fields: dict[str, Any] = {
        "id": "ckpt-good0001",
        "workflow_name": "Deploy",
        "run_id": str(GOOD_RUN),
        "commit_sha": GOOD_SHA,
        "checkpoint_name": "deployed",
        "created_at": make.later(-3500),
        "environment_context": {},
        "dependencies": [],
        "artifacts": [],
        "metadata": metadata,
    }
    return make.make_checkpoint(**fields | over)


def make_good_artifact(**over: Any) -> Artifact:
    """The artifact of the good checkpoint."""
    fields: dict[str, Any] = {
        "id": GOOD_ARTIFACT,
        "name": f"recovery-checkpoint.{GOOD_RUN}.1.77.deployed.good0001",
        "digest": DIGEST,
        "run_id": GOOD_RUN,
        "created_at": make.later(-3500),
    }
    return make.make_artifact(**fields | over)


def make_facts(**over: Any) -> CandidateFacts:
    """A candidate against which nothing stands."""
    checkpoint = over.pop("checkpoint", make_good_checkpoint())
    fields: dict[str, Any] = {
        "checkpoint": checkpoint,
        "particulars": particulars_of(checkpoint),
        "health": CheckpointHealth.VALID,
        "run": make_deploy_run(),
        "artifact": make_good_artifact(),
        "reachable": True,
        "before": True,
        "jobs_then": frozenset({"build", "deploy"}),
        "jobs_now": frozenset({"build", "deploy"}),
        "declares_input": True,
    }
    return CandidateFacts(**fields | over)


def make_case(**over: Any) -> RollbackCase:
    """The bad deployment, to be rolled back by dispatching the workflow again."""
    fields: dict[str, Any] = {
        "rule": RollbackRule(kind=RollbackKind.REDISPATCH),
        "bad_run": make_bad_run(),
        "default_branch": "main",
        "now": make.NOW,
    }
    return RollbackCase(**fields | over)


def make_hold(**over: Any) -> Hold:
    """The hold on the bad commit, for a week."""
    fields: dict[str, Any] = {
        "repository": make.REPOSITORY,
        "sha": BAD_SHA,
        "workflow_name": "Deploy",
        "environment": "production",
        "since": make.NOW,
        "until": make.later(7 * 86400),
        "reason": "the shop is down",
        "recovery_id": f"rec-{BAD_RUN}-1-1",
    }
    return Hold(**fields | over)


def make_order(**over: Any) -> RollbackOrder:
    """Back from the bad commit to the good one."""
    fields: dict[str, Any] = {
        "kind": RollbackKind.REDISPATCH,
        "workflow_name": "Deploy",
        "workflow_file": WORKFLOW,
        "environment": "production",
        "input_name": "recovery",
        "default_branch": "main",
        "bad_sha": BAD_SHA,
        "bad_run_id": BAD_RUN,
        "target_checkpoint_id": "ckpt-good0001",
        "target_sha": GOOD_SHA,
        "target_run_id": GOOD_RUN,
        "target_artifact_id": GOOD_ARTIFACT,
        "target_artifact_digest": DIGEST,
        "nonce": "nonce-0001",
        "tag": rollback_tag("Deploy", "production", BAD_SHA),
        "busy_tag": busy_tag("Deploy", "production"),
        "hold_until": make.later(7 * 86400),
        "reason": "the shop is down",
    }
    return RollbackOrder(**fields | over)


def make_failed(**over: Any) -> FailedRollback:
    """The rollback of the bad deployment, which failed half-way; a state without files is what stood before it."""
    fields: dict[str, Any] = {
        "id": f"rec-{BAD_RUN}-1-nonce-0001",
        "began_at": make.NOW,
        "order": make_order(rollback_checkpoint_id="ckpt-before"),
    }
    return FailedRollback(**fields | over)


def make_stood(**over: Any) -> CandidateFacts:
    """What stood before the rollback that failed half-way: a checkpoint of the bad commit."""
    checkpoint = make_good_checkpoint(id="ckpt-before-good0001", commit_sha=BAD_SHA)
    fields: dict[str, Any] = {"checkpoint": checkpoint, "run": make_bad_run(), "stood": True, "before": False}
    return make_facts(**fields | over)


def hold_released(**over: Any) -> HoldReleased:
    """The event that a person has released the default recovery's hold."""
    return HoldReleased(**make._envelope({"recovery": make.make_header(), "reason": "it was the weather"} | over))

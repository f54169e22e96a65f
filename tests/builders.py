"""Records and events with sensible defaults: a test names only what it is about, `make_failure(job_name="lint")`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import (
    Decision,
    DecisionKind,
    JobCheckpoint,
    Observation,
    Reason,
    ReasonId,
    RecoveryHeader,
    RecoveryPlan,
)
from recovery.models.events import (
    CheckpointCreated,
    CheckpointJudged,
    EffectAnswered,
    EffectRequested,
    FailureObserved,
    NoteTaken,
    RecoveryDecided,
    RecoverySettled,
)
from recovery.models.github import Artifact, Job, PullRequest, Run, Step
from recovery.models.records import Outcome, PipelineFailure, RecoveryType, WorkflowCheckpoint
from recovery.models.verdict import Evidence, FailureClass, Retryable

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
"""The moment that every default time is near to."""

REPOSITORY = "octo-org/widgets"
HEAD_SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
EFFECT = "rerun-failed-jobs"

_numbers = count(1)


def later(seconds: float) -> datetime:
    """A time so many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def make_step(**over: Any) -> Step:
    """A step that failed."""
    fields: dict[str, Any] = {
        "name": "Run tests",
        "number": 3,
        "status": "completed",
        "conclusion": "failure",
        "started_at": later(-120),
        "completed_at": later(-60),
    }
    return Step(**fields | over)


def make_job(**over: Any) -> Job:
    """A failed job of the default run's first attempt, with one failed step."""
    fields: dict[str, Any] = {
        "id": 4201,
        "run_id": 1001,
        "run_attempt": 1,
        "name": "test",
        "status": "completed",
        "conclusion": "failure",
        "started_at": later(-180),
        "completed_at": later(-60),
        "runner_name": "GitHub Actions 7",
        "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1001/job/4201",
        "steps": (make_step(),),
    }
    return Job(**fields | over)


def make_run(**over: Any) -> Run:
    """A pull request's run that failed in its first attempt."""
    fields: dict[str, Any] = {
        "id": 1001,
        "repository": REPOSITORY,
        "workflow_name": "CI",
        "path": ".github/workflows/ci.yml",
        "event": "pull_request",
        "status": "completed",
        "conclusion": "failure",
        "run_attempt": 1,
        "head_sha": HEAD_SHA,
        "head_branch": "feature",
        "head_repository": REPOSITORY,
        "created_at": later(-300),
        "run_started_at": later(-300),
        "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1001",
    }
    return Run(**fields | over)


def make_pull_request(**over: Any) -> PullRequest:
    """The open pull request of the default run, its head at the run's commit."""
    fields: dict[str, Any] = {
        "number": 17,
        "state": "open",
        "head_sha": HEAD_SHA,
        "head_repository": REPOSITORY,
        "html_url": f"https://github.com/{REPOSITORY}/pull/17",
    }
    return PullRequest(**fields | over)


def make_failure(**over: Any) -> PipelineFailure:
    """A network failure that deserves a second try; its id follows from run, attempt and job."""
    fields: dict[str, Any] = {
        "repository": REPOSITORY,
        "workflow_name": "CI",
        "run_id": 1001,
        "attempt": 1,
        "job_id": 4201,
        "job_name": "test",
        "step": "Run tests",
        "conclusion": "failure",
        "head_sha": HEAD_SHA,
        "head_branch": "feature",
        "observed_at": NOW,
        "failure_class": FailureClass.NETWORK,
        "retryable": Retryable.YES,
        "confidence": 0.9,
        "evidence": (Evidence(line=12, text="Connection reset by peer", rule="network-reset"),),
        "excerpt": ((10, 14),),
        "fingerprint": "network:0123456789abcdef",
        "reason": "The connection to a server was lost.",
        "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1001/job/4201",
    } | over
    fields.setdefault("id", f"fail-{fields['run_id']}-{fields['attempt']}-{fields['job_id']}")
    return PipelineFailure(**fields)


def make_header(**over: Any) -> RecoveryHeader:
    """The header of the first recovery of the default run's first attempt; ids follow from run and attempt."""
    fields: dict[str, Any] = {
        "repository": REPOSITORY,
        "workflow_name": "CI",
        "run_id": 1001,
        "attempt": 1,
        "recovery_type": RecoveryType.RETRY,
        "started_at": NOW,
    } | over
    fields.setdefault("id", f"rec-{fields['run_id']}-{fields['attempt']}-1")
    fields.setdefault("failure_id", f"fail-{fields['run_id']}-{fields['attempt']}-4201")
    fields.setdefault("failure_ids", (fields["failure_id"],))
    return RecoveryHeader(**fields)


def make_decision(**over: Any) -> Decision:
    """A decision to retry; `kind=DecisionKind.DECLINE` makes it one to leave the run red."""
    acting = over.get("kind", DecisionKind.ACT) is DecisionKind.ACT
    reason = (
        Reason(id=ReasonId.TRANSIENT, text="The connection to a server was lost.")
        if acting
        else Reason(id=ReasonId.REAL_FAILURE, text="A test failed.")
    )
    fields: dict[str, Any] = {
        "kind": DecisionKind.ACT,
        "strategy": RecoveryType.RETRY if acting else RecoveryType.NONE,
        "reasons": (reason,),
    }
    return Decision(**fields | over)


def make_plan(**over: Any) -> RecoveryPlan:
    """A plan to re-run the failed jobs at once."""
    fields: dict[str, Any] = {
        "header": make_header(),
        "decision": make_decision(),
        "steps": ("check_run", "rerun_failed_jobs"),
        "failed_jobs": ("test",),
        "head_sha": HEAD_SHA,
        "head_branch": "feature",
        "pull_request": 17,
        "run_url": f"https://github.com/{REPOSITORY}/actions/runs/1001",
    }
    return RecoveryPlan(**fields | over)


def make_checkpoint(**over: Any) -> WorkflowCheckpoint:
    """The seed's checkpoint of a finished build."""
    fields: dict[str, Any] = {
        "id": "ckpt-01",
        "repository": REPOSITORY,
        "workflow_name": "CI",
        "run_id": "1001",
        "commit_sha": HEAD_SHA,
        "checkpoint_type": "job",
        "checkpoint_name": "build_complete",
        "created_at": NOW,
        "workflow_state": {"step": "build", "status": "completed"},
        "environment_context": {"python_version": "3.11"},
        "dependencies": ["requirements.txt"],
        "artifacts": ["dist/app.tar.gz"],
    }
    return WorkflowCheckpoint(**fields | over)


def make_artifact(**over: Any) -> Artifact:
    """The artifact of the default run's checkpoint, made by the default job, of this repository."""
    fields: dict[str, Any] = {
        "id": 9001,
        "name": "recovery-checkpoint.1001.1.4201.build_complete.pt01",
        "size_in_bytes": 2048,
        "digest": f"sha256:{'a' * 64}",
        "created_at": later(-90),
        "expires_at": later(90 * 86400),
        "run_id": 1001,
        "repository_id": 1,
        "head_repository_id": 1,
    }
    return Artifact(**fields | over)


def make_job_checkpoint(**over: Any) -> JobCheckpoint:
    """What was found of the default job: a checkpoint that may be continued from."""
    fields: dict[str, Any] = {
        "job_name": "test",
        "job_id": 4201,
        "checkpoint_id": "ckpt-01",
        "name": "build_complete",
        "artifact_id": 9001,
        "made_in_attempt": 1,
    }
    return JobCheckpoint(**fields | over)


def make_observation(**over: Any) -> Observation:
    """The default run with its failed job, seen a minute after it failed."""
    fields: dict[str, Any] = {
        "run": make_run(),
        "attempt": 1,
        "jobs": (make_job(),),
        "failures": (make_failure(),),
        "pull_request": make_pull_request(),
        "head_now": HEAD_SHA,
        "observed_at": NOW,
    }
    return Observation(**fields | over)


def _envelope(over: dict[str, Any]) -> dict[str, Any]:
    """What every event has: an id not given before, a time, an author. Ids and times sort in the order made."""
    number = next(_numbers)
    return {"id": f"event-{number:08d}", "at": later(number / 1000), "by": "local"} | over


def failure_observed(**over: Any) -> FailureObserved:
    """The event that the default failure was seen."""
    return FailureObserved(**_envelope({"failure": make_failure()} | over))


def checkpoint_created(**over: Any) -> CheckpointCreated:
    """The event that the default checkpoint was made."""
    return CheckpointCreated(**_envelope({"checkpoint": make_checkpoint()} | over))


def checkpoint_judged(**over: Any) -> CheckpointJudged:
    """The event that the default checkpoint was found sound."""
    judged = {"repository": REPOSITORY, "checkpoint_id": "ckpt-01", "health": CheckpointHealth.VALID}
    return CheckpointJudged(**_envelope(judged | over))


def recovery_decided(**over: Any) -> RecoveryDecided:
    """The event that the default plan was made."""
    return RecoveryDecided(**_envelope({"plan": make_plan()} | over))


def effect_requested(**over: Any) -> EffectRequested:
    """The event that a re-run is about to be asked for."""
    return EffectRequested(**_envelope({"recovery": make_header(), "effect": EFFECT} | over))


def effect_answered(**over: Any) -> EffectAnswered:
    """The event that GitHub accepted the re-run."""
    return EffectAnswered(**_envelope({"recovery": make_header(), "effect": EFFECT, "accepted": True} | over))


def recovery_settled(**over: Any) -> RecoverySettled:
    """The event that the re-run came out green."""
    settled = {"recovery": make_header(), "outcome": Outcome.CLEARED, "settled_attempt": 2}
    return RecoverySettled(**_envelope(settled | over))


def note_taken(**over: Any) -> NoteTaken:
    """The event that a comment was written."""
    return NoteTaken(**_envelope({"recovery": make_header(), "step": "comment", "status": "completed"} | over))

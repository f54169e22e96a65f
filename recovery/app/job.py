"""The running job, as the runner tells it: whose checkpoint one is, and which checkpoints are its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from recovery.adapters.runner import LONGEST_NUMBER, RunnerContext
from recovery.errors import InputError
from recovery.models.record import Record


class RunningJob(Record):
    """One job of one attempt of one run, or one leg of its matrix."""

    repository: str
    workflow_name: str = ""
    run_id: str = ""
    attempt: int = Field(default=1, ge=1)
    commit_sha: str = ""
    job_id: str = ""
    """GitHub's id of the job; empty where the runner does not tell it."""
    job: str = ""
    """The job's key in the workflow."""
    matrix: dict[str, Any] = Field(default_factory=dict)
    ref: str = ""
    event: str = ""

    @property
    def leg(self) -> str:
        """Tells the jobs of a run apart, and stays the same in all its attempts."""
        return f"{self.job} {json.dumps(self.matrix, sort_keys=True)}"

    @property
    def owner(self) -> str:
        """Tells apart all jobs that ever work in one folder."""
        return f"{self.repository} {self.run_id}.{self.attempt} {self.leg}"


def running_job(context: RunnerContext, environment: Mapping[str, str]) -> RunningJob:
    """The job that this process is a step of.

    Raises:
        InputError: the leg of the matrix cannot be read.
    """
    return RunningJob(
        repository=context.repository,
        workflow_name=environment.get("GITHUB_WORKFLOW", ""),
        run_id=str(context.run_id or ""),
        attempt=context.attempt,
        commit_sha=context.sha,
        job_id=_job_id(environment.get("RECOVERY_CHECK_RUN_ID", "")),
        job=environment.get("GITHUB_JOB", ""),
        matrix=_matrix(environment.get("RECOVERY_MATRIX", "")),
        ref=environment.get("GITHUB_REF", ""),
        event=context.event_name,
    )


def _job_id(text: str) -> str:
    """The id without which a job goes on, too: nothing in what is no number would name a job."""
    return text if text.isascii() and text.isdecimal() and len(text) < LONGEST_NUMBER else ""


def _matrix(text: str) -> dict[str, Any]:
    """The leg as `toJSON(matrix)` writes it: `null` in a job without a matrix."""
    try:
        leg = json.loads(text or "null")
    except (ValueError, RecursionError) as error:
        raise InputError(f"RECOVERY_MATRIX is not JSON: {error}") from error
    if not isinstance(leg, dict | None):
        raise InputError("RECOVERY_MATRIX is not a JSON object")
    return leg or {}

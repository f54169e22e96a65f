"""Look at one attempt of a run through the forge, and name the cause of each failed job."""

from __future__ import annotations

from datetime import datetime

from recovery.errors import AuthenticationError, ForgeError, ForgeRefused, RateLimited
from recovery.models.decision import Observation
from recovery.models.github import Job, PullRequest, Run
from recovery.models.log import JobLog
from recovery.models.records import PipelineFailure
from recovery.models.verdict import JobFacts
from recovery.policy.classify import classify
from recovery.policy.consequences import cancelled_by_fail_fast, mark_gates, may_be_gates
from recovery.policy.vetoes import PULL_REQUEST_EVENTS
from recovery.ports import Clock, Forge

LOGS_READ = 5
"""Logs read of one attempt by default: the default of `max-failed-jobs`."""

LOGS_SHOWN = 3
"""Logs read all the same where more jobs failed than that: no retry is considered then, but people want a cause."""


def observe(
    forge: Forge, clock: Clock, run_id: int, attempt: int | None = None, *, most_logs: int = LOGS_READ
) -> Observation:
    """Observe an attempt (the latest by default) of a run; where more than `most_logs` jobs failed, read few logs.

    Requests: the run, its jobs, one log per failed job, and the pull request or branch; one more for the workflow's
    file when gate jobs must be told apart.

    Raises:
        ForgeError: the run or its jobs could not be read. An unreadable log is recorded, not raised.
    """
    run = forge.run(run_id)
    attempt = attempt or run.run_attempt
    settled = run.completed or attempt < run.run_attempt
    jobs = forge.jobs(run_id, attempt) if settled else ()
    now = clock.now()
    failures = () if _passed(run, attempt) else _failures(forge, run, attempt, jobs, most_logs=most_logs, now=now)
    pull_request, head_now = look_at_head(forge, run) if failures else (None, None)
    return Observation(
        run=run,
        attempt=attempt,
        jobs=jobs,
        failures=failures,
        pull_request=pull_request,
        head_now=head_now,
        observed_at=now,
    )


def look_at_head(forge: Forge, run: Run) -> tuple[PullRequest | None, str | None]:
    """The pull request of a run, and the commit now at the head that the run was for; one request at most."""
    if run.event in PULL_REQUEST_EVENTS:
        pull_request = forge.pull_request_of(run)
        return pull_request, pull_request.head_sha if pull_request else None
    if run.event == "push" and run.head_branch:
        return None, forge.branch_head(run.head_branch)
    return None, None


def _passed(run: Run, attempt: int) -> bool:
    """Whether the attempt is green: what failed in it was allowed to, by `continue-on-error`."""
    return run.run_attempt == attempt and run.conclusion == "success"


def _failures(
    forge: Forge, run: Run, attempt: int, jobs: tuple[Job, ...], *, most_logs: int, now: datetime
) -> tuple[PipelineFailure, ...]:
    taken_down = cancelled_by_fail_fast(jobs, run.conclusion if run.run_attempt == attempt else None)
    failed = [job for job in jobs if job.failed]
    causes = [job for job in failed if job.id not in taken_down]
    read = causes if len(causes) <= most_logs else causes[:LOGS_SHOWN]
    logs = {job.id: _read_log(forge, job.id) for job in read}
    failures = tuple(
        _failure(
            run,
            job,
            logs.get(job.id, "it was not read, because too many jobs failed"),
            attempt=attempt,
            consequence_of=taken_down.get(job.id),
            now=now,
        )
        for job in failed
    )
    if not may_be_gates(failures):
        return failures
    workflow = _workflow_text(forge, run)
    return mark_gates(failures, workflow) if workflow else failures


def _read_log(forge: Forge, job_id: int) -> JobLog | str:
    """A job's log, or why it could not be read. What concerns every request, not this log, is raised."""
    try:
        return forge.job_log(job_id)
    except (AuthenticationError, RateLimited):
        raise
    except ForgeError as error:
        return error.message


def _workflow_text(forge: Forge, run: Run) -> str | None:
    """The workflow's file; None when it may not be read. Trouble that passes is raised: the cause hangs on it."""
    try:
        return forge.file_text(run.path, run.head_sha)
    except ForgeRefused:
        return None


def _failure(
    run: Run, job: Job, log: JobLog | str, *, attempt: int, consequence_of: str | None, now: datetime
) -> PipelineFailure:
    """One failed job as a failure of the attempt looked at: a job carried over from an earlier one names that one."""
    verdict = classify(log if isinstance(log, JobLog) else None, _facts(job))
    step = job.failed_steps[0].name if job.failed_steps else None
    return PipelineFailure(
        id=f"fail-{run.id}-{attempt}-{job.id}",
        repository=run.repository,
        workflow_name=run.workflow_name,
        run_id=run.id,
        attempt=attempt,
        job_id=job.id,
        job_name=job.name,
        step=step,
        conclusion=job.conclusion or "failure",
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        observed_at=now,
        failure_class=verdict.failure_class,
        retryable=verdict.retryable,
        confidence=verdict.confidence,
        evidence=verdict.evidence,
        excerpt=verdict.excerpt,
        fingerprint=verdict.fingerprint,
        reason=verdict.reason,
        html_url=job.html_url,
        consequence_of=consequence_of,
        log_problem=None if isinstance(log, JobLog) else log,
    )


def _facts(job: Job) -> JobFacts:
    started = [step.name for step in job.steps if step.started_at is not None and step.conclusion != "skipped"]
    return JobFacts(
        job_name=job.name,
        conclusion=job.conclusion,
        failed_steps=tuple(step.name for step in job.failed_steps),
        last_started_step=started[-1] if started else None,
        steps_known=True,
    )

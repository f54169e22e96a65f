"""Look at one attempt of a run through the forge, and name the cause of each failed job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recovery.baselines import Baselines, Green
from recovery.errors import AuthenticationError, ForgeError, ForgeRefused, RateLimited
from recovery.inquiry import Inquiry
from recovery.junit_reports import JUnitReports
from recovery.models.decision import Observation
from recovery.models.github import Job, PullRequest, Run
from recovery.models.log import JobLog
from recovery.models.records import MOST_FAILED_TESTS, PipelineFailure
from recovery.models.verdict import FailureClass, JobFacts, Verdict
from recovery.policy.classify import classify
from recovery.policy.consequences import cancelled_by_fail_fast, mark_gates, may_be_gates
from recovery.policy.vetoes import PULL_REQUEST_EVENTS
from recovery.ports import Clock, Forge

LOGS_SHOWN = 3
"""Logs read all the same where too many jobs failed: no retry is considered then, but people want a cause."""

_ABOUT_TESTS = frozenset({FailureClass.TEST_FAILURE, FailureClass.FLAKY_TEST})

_BUILT_IN = Inquiry()


def observe(
    forge: Forge, clock: Clock, run_id: int, attempt: int | None = None, inquiry: Inquiry = _BUILT_IN
) -> Observation:
    """Observe an attempt (the latest by default) of a run; where too many jobs failed, read few logs.

    Requests: the run, its jobs, one log per failed job, and the pull request or branch; one more for the workflow's
    file when gate jobs must be told apart; and what the inquiry wants besides the logs.

    Raises:
        ForgeError: the run or its jobs could not be read. An unreadable log is recorded, not raised.
    """
    run = forge.run(run_id)
    attempt = attempt or run.run_attempt
    settled = run.completed or attempt < run.run_attempt
    jobs = forge.jobs(run_id, attempt) if settled else ()
    now = clock.now()
    seen = _Attempt(run=run, number=attempt, jobs=jobs, now=now)
    failures = () if _passed(run, attempt) else _failures(forge, seen, inquiry)
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


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt that is looked into."""

    run: Run
    number: int
    jobs: tuple[Job, ...]
    now: datetime

    @property
    def is_latest(self) -> bool:
        return self.run.run_attempt == self.number


def _failures(forge: Forge, seen: _Attempt, inquiry: Inquiry) -> tuple[PipelineFailure, ...]:
    taken_down = cancelled_by_fail_fast(seen.jobs, seen.run.conclusion if seen.is_latest else None)
    failed = [job for job in seen.jobs if job.failed]
    causes = [job for job in failed if job.id not in taken_down]
    too_many = len(causes) > inquiry.most_logs
    logs = {job.id: _read_log(forge, job.id) for job in (causes[:LOGS_SHOWN] if too_many else causes)}
    unread = "it was not read, because too many jobs failed"
    failures: Sequence[PipelineFailure] = [
        _failure(seen, job, logs.get(job.id, unread), inquiry, consequence_of=taken_down.get(job.id)) for job in failed
    ]
    if may_be_gates(failures) and (workflow := _workflow_text(forge, seen.run)):
        failures = mark_gates(failures, workflow)
    if too_many:
        return tuple(failures)
    look = _SecondLook(forge, seen, inquiry)
    return tuple(look.at(failure, logs.get(failure.job_id)) for failure in failures)


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


class _SecondLook:
    """Looks, with what is read besides the logs, once more at failures whose cause nothing but the log tells."""

    def __init__(self, forge: Forge, seen: _Attempt, inquiry: Inquiry) -> None:
        self._inquiry = inquiry
        self._jobs = {job.id: job for job in seen.jobs}
        self._baselines = Baselines(forge, seen.run, inquiry) if inquiry.baseline else None
        starts = [job.started_at for job in seen.jobs if job.failed and job.started_at]
        wanted = bool(inquiry.test_reports) and seen.is_latest  # those of an attempt before cannot be told apart
        self._reports = JUnitReports(forge, seen.run, inquiry, min(starts, default=None)) if wanted else None

    def at(self, failure: PipelineFailure, log: JobLog | str | None) -> PipelineFailure:
        """The failure as baseline and reports tell it; as it was, with a note, where they cannot be had."""
        job = self._jobs[failure.job_id]
        if not isinstance(log, JobLog) or failure.consequence_of is not None or not _is_told_by_its_log(job):
            return failure
        facts = _facts(job, self._inquiry)
        found = self._baselines.of(job.name) if self._baselines else None
        green = found if isinstance(found, Green) else None
        changed: dict[str, Any] = {"notes": (found,) if isinstance(found, str) else ()}
        if green is not None:
            changed |= {"baseline_run_id": green.run_id} | self._told(log, facts, green)
        if self._reports and changed.get("failure_class", failure.failure_class) in _ABOUT_TESTS:
            report = self._reports.report
            changed["notes"] += self._reports.problems
            changed |= self._told(log, replace(facts, test_report=report), green) if report else {}
        return failure.model_copy(update=changed)

    def _told(self, log: JobLog, facts: JobFacts, green: Green | None) -> dict[str, Any]:
        return _told(classify(log, facts, self._inquiry.rules, baseline=green.log if green else None))


def _is_told_by_its_log(job: Job) -> bool:
    """Whether GitHub itself tells no cause: neither a time limit, nor a cancellation, nor a lost runner."""
    return job.conclusion == "failure" and bool(job.failed_steps)


def _failure(
    seen: _Attempt, job: Job, log: JobLog | str, inquiry: Inquiry, *, consequence_of: str | None
) -> PipelineFailure:
    """One failed job as a failure of the attempt looked at: a job carried over from an earlier one names that one."""
    run = seen.run
    verdict = classify(log if isinstance(log, JobLog) else None, _facts(job, inquiry), inquiry.rules)
    return PipelineFailure(
        id=f"fail-{run.id}-{seen.number}-{job.id}",
        repository=run.repository,
        workflow_name=run.workflow_name,
        run_id=run.id,
        attempt=seen.number,
        job_id=job.id,
        job_name=job.name,
        step=job.failed_steps[0].name if job.failed_steps else None,
        conclusion=job.conclusion or "failure",
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        observed_at=seen.now,
        html_url=job.html_url,
        consequence_of=consequence_of,
        log_problem=None if isinstance(log, JobLog) else log,
        **_told(verdict),
    )


def _told(verdict: Verdict) -> dict[str, Any]:
    """What a verdict says, as a failure's fields."""
    return {
        "failure_class": verdict.failure_class,
        "retryable": verdict.retryable,
        "confidence": verdict.confidence,
        "evidence": verdict.evidence,
        "excerpt": verdict.excerpt,
        "fingerprint": verdict.fingerprint,
        "reason": verdict.reason,
        "failed_tests": verdict.failed_tests[:MOST_FAILED_TESTS],
    }


def _facts(job: Job, inquiry: Inquiry) -> JobFacts:
    started = [step.name for step in job.steps if step.started_at is not None and step.conclusion != "skipped"]
    return JobFacts(
        job_name=job.name,
        conclusion=job.conclusion,
        failed_steps=tuple(step.name for step in job.failed_steps),
        last_started_step=started[-1] if started else None,
        steps_known=True,
        known_flaky=inquiry.known_flaky,
    )

"""Runs, attempts and jobs, and GitHub's rules about re-running and cancelling them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.outcomes import overall_conclusion, scripted, with_dependents
from recovery.rehearsal.records import (
    ACTIONS_BOT,
    MAXIMUM_RERUNS,
    OCTOCAT,
    RERUN_WINDOW_DAYS,
    Attempt,
    Job,
    Run,
    ScriptedJob,
    User,
    Workflow,
)

Completed = Callable[[Run], None]
JobOutline = tuple[str, str, tuple[str, ...], tuple[str, ...]]


class Runs:
    """All runs of one repository; every method is safe to call from any thread."""

    def __init__(self, clockwork: Clockwork, repository: str) -> None:
        self._clockwork = clockwork
        self._repository = repository
        self._runs: dict[int, Run] = {}
        self._numbers: dict[int, int] = {}
        self._completed: list[Completed] = []

    def when_completed(self, callback: Completed) -> None:
        """Call `callback` with the run each time one of its attempts completes."""
        self._completed.append(callback)

    def get(self, run_id: int) -> Run:
        """The run of that id, or a 404."""
        with self._clockwork.lock:
            if run_id not in self._runs:
                raise Refused(404, "Not Found")
            return self._runs[run_id]

    def find(self, run_id: int) -> Run | None:
        """The run of that id, if there is one."""
        with self._clockwork.lock:
            return self._runs.get(run_id)

    def all(self) -> list[Run]:
        """Every run, newest first."""
        with self._clockwork.lock:
            return sorted(self._runs.values(), key=lambda run: run.id, reverse=True)

    def find_job(self, job_id: int) -> tuple[Run, Job]:
        """The job of that id in whichever attempt it is, or a 404."""
        for run in self.all():
            for attempt in run.attempts:
                for job in attempt.jobs:
                    if job.id == job_id:
                        return run, job
        raise Refused(404, "Not Found")

    def create(
        self,
        workflow: Workflow,
        *,
        event: str,
        head_sha: str,
        head_branch: str,
        head_repository: str | None = None,
        actor: User = OCTOCAT,
        display_title: str | None = None,
        created_at: datetime | None = None,
        payload: Mapping[str, Any] | None = None,
        chain_level: int = 0,
        jobs: Iterable[JobOutline] = (),
    ) -> Run:
        """A new run whose first attempt is queued; `jobs` are (key, name, needs, labels)."""
        at = created_at or self._clockwork.now()
        with self._clockwork.lock:
            run_id = self._clockwork.next_id("run")
            number = self._numbers[workflow.id] = self._numbers.get(workflow.id, 0) + 1
            run = self._runs[run_id] = Run(
                id=run_id,
                number=number,
                workflow=workflow,
                event=event,
                head_sha=head_sha,
                head_branch=head_branch,
                head_repository=head_repository or self._repository,
                actor=actor,
                created_at=at,
                display_title=display_title or workflow.name,
                attempts=(self._queued(run_id, actor, at, jobs),),
                payload=payload or {},
                chain_level=chain_level,
            )
        return run

    def _queued(self, run_id: int, actor: User, at: datetime, jobs: Iterable[JobOutline]) -> Attempt:
        """A run's first attempt, all of its jobs queued."""
        queued = tuple(
            Job(
                id=self._clockwork.next_id("job"),
                run_id=run_id,
                attempt=1,
                key=key,
                name=name,
                needs=needs,
                labels=labels,
                created_at=at,
            )
            for key, name, needs, labels in jobs
        )
        return Attempt(
            number=1,
            status="queued",
            conclusion=None,
            triggering_actor=actor,
            started_at=at,
            updated_at=at,
            jobs=queued,
        )

    def rerun(
        self, run_id: int, *, only_failed: bool, job_id: int | None = None, actor: User = ACTIONS_BOT
    ) -> frozenset[str]:
        """Record a new queued attempt and return the keys of the jobs to execute.

        The refusals are GitHub's, except for two guesses: the text for an active run (seen only on the job endpoint)
        and that the 51st re-run is refused at once (GitHub is documented to make a failed check suite of it).
        """
        with self._clockwork.lock:
            run = self.get(run_id)
            self._require_rerunnable(run)
            jobs = run.latest.jobs
            if job_id is not None:
                chosen = {job.key for job in jobs if job.id == job_id}
            else:
                chosen = {job.key for job in jobs if job.failed or not only_failed}
            if not chosen:
                raise Refused(403, "This workflow run cannot be retried: it has no failed jobs")
            keys = with_dependents(chosen, {job.key: job.needs for job in jobs})
            self._runs[run_id] = self._next_attempt(run, keys, actor)
        number = self._runs[run_id].latest.number
        self._clockwork.tell(
            "rerun-accepted",
            f"{run.workflow.name}: attempt {number} of {', '.join(sorted(keys))}",
            run_id=run_id,
            attempt=number,
        )
        return keys

    def _require_rerunnable(self, run: Run) -> None:
        reason = None
        if not run.is_completed:
            reason = "This workflow is already running"
        elif self._clockwork.now() - run.created_at > timedelta(days=RERUN_WINDOW_DAYS):
            reason = "Unable to retry this workflow run because it was created over a month ago"
        elif len(run.attempts) > MAXIMUM_RERUNS:
            reason = "Unable to retry this workflow run because it has reached the limit of 50 re-runs"
        if reason:
            self._clockwork.tell("rerun-refused", reason, run_id=run.id, attempt=run.latest.number)
            raise Refused(403, reason)

    def _next_attempt(self, run: Run, keys: frozenset[str], actor: User) -> Run:
        """The run with one more attempt.

        Carried-over jobs get a new id and the new attempt number but keep the times, steps and log of the attempt
        they really ran in; what GitHub does is not documented.
        """
        at = self._clockwork.now()
        number = run.latest.number + 1
        jobs = []
        for job in run.latest.jobs:
            job_id = self._clockwork.next_id("job")
            if job.key in keys:
                jobs.append(
                    Job(
                        id=job_id,
                        run_id=run.id,
                        attempt=number,
                        key=job.key,
                        name=job.name,
                        needs=job.needs,
                        labels=job.labels,
                        created_at=at,
                    )
                )
            else:
                jobs.append(replace(job, id=job_id, attempt=number, carried_over=True))
        attempt = Attempt(
            number=number,
            status="queued",
            conclusion=None,
            triggering_actor=actor,
            started_at=at,
            updated_at=at,
            jobs=tuple(jobs),
        )
        return replace(run, attempts=(*run.attempts, attempt))

    def begin(self, run_id: int, attempt: int) -> None:
        """Mark a queued attempt as in progress."""
        run = self._change_attempt(run_id, attempt, status="in_progress")
        self._clockwork.tell(
            "run-started", f"{run.workflow.name} #{run.number} ({run.event})", run_id=run_id, attempt=attempt
        )

    def hold_back(self, run_id: int, *, waiting: bool) -> None:
        """Let the newest attempt wait for the protection rules of its environments, or wait no longer."""
        attempt = self.get(run_id).latest.number
        run = self._change_attempt(run_id, attempt, status="waiting" if waiting else "queued")
        text = f"{run.workflow.name} {'waits for approval' if waiting else 'is approved'}"
        kind = "run-waits" if waiting else "run-approved"
        self._clockwork.tell(kind, text, run_id=run_id, attempt=attempt)

    def retitle(self, run_id: int, display_title: str) -> Run:
        """Give a run the title its `run-name` asks for."""
        with self._clockwork.lock:
            self._runs[run_id] = replace(self.get(run_id), display_title=display_title)
            return self._runs[run_id]

    def put_jobs(self, run_id: int, attempt: int, jobs: Sequence[Job]) -> None:
        """Replace an attempt's job records."""
        self._change_attempt(run_id, attempt, jobs=tuple(jobs))

    def fill(self, run_id: int, attempt: int, job_id: int, script: ScriptedJob) -> None:
        """Give one job what its script says."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            jobs = [scripted(job, script, at) if job.id == job_id else job for job in self.get(run_id).latest.jobs]
            self.put_jobs(run_id, attempt, jobs)

    def complete(self, run_id: int, attempt: int, *, conclusion: str | None = None) -> Run:
        """End an attempt; unfinished jobs become skipped (or cancelled, when the attempt was)."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            found = self.get(run_id).attempt(attempt)
            if found is None or found.status == "completed":
                return self.get(run_id)
            rest = "cancelled" if conclusion == "cancelled" else "skipped"
            jobs = tuple(
                job
                if job.status == "completed"
                else replace(job, status="completed", conclusion=rest, completed_at=at, started_at=job.started_at or at)
                for job in found.jobs
            )
            run = self._change_attempt(
                run_id, attempt, status="completed", jobs=jobs, conclusion=conclusion or overall_conclusion(jobs)
            )
        self._tell_completed(run, run.latest)
        for callback in tuple(self._completed):
            callback(run)
        return run

    def _tell_completed(self, run: Run, attempt: Attempt) -> None:
        for job in attempt.jobs:
            if job.conclusion == "failure" and not job.carried_over:
                failed = next((step.name for step in job.steps if step.conclusion == "failure"), None)
                text = f"{run.workflow.name} / {job.name}" + (f" failed in step “{failed}”" if failed else " failed")
                self._clockwork.tell("job-failed", text, run_id=run.id, attempt=attempt.number)
        self._clockwork.tell(
            "run-completed",
            f"{run.workflow.name} #{run.number}: {attempt.conclusion}",
            run_id=run.id,
            attempt=attempt.number,
        )

    def _change_attempt(self, run_id: int, number: int, **changes: Any) -> Run:
        with self._clockwork.lock:
            run = self.get(run_id)
            attempts = tuple(
                replace(attempt, updated_at=self._clockwork.now(), **changes) if attempt.number == number else attempt
                for attempt in run.attempts
            )
            self._runs[run_id] = replace(run, attempts=attempts)
            return self._runs[run_id]

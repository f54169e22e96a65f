"""Every reason not to re-run, one function each, in the order in which they are told."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from recovery.models.decision import Observation, Reason, ReasonId
from recovery.models.github import Job
from recovery.models.record import Record
from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass, Retryable
from recovery.settings import Autonomy, Settings, SideEffects

RERUN_WINDOW = timedelta(days=30)
"""GitHub refuses re-runs of a run created longer ago."""

ENOUGH_CONFIDENCE = 0.7
"""Below this a `yes` counts as `maybe`."""

PULL_REQUEST_EVENTS = frozenset({"pull_request", "pull_request_target"})

_DEPLOY_LIKE = re.compile(
    r"(?:^|[^a-z])(?:deploy\w*|publish\w*|release\w*|rollout|promote|provision|migrat\w+|upload to (?:pypi|npm)"
    r"|push (?:image|chart)|terraform apply)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_RUNNERS_OWN_STEPS = frozenset({"Set up job", "Set up runner", "Initialize containers", "Complete job"})


class Case(Record):
    """What a decision is made on."""

    observation: Observation
    settings: Settings
    now: datetime
    own_workflow: str | None = None
    """Path of the recovery workflow's own file, which is never recovered."""
    default_branch: str = ""  # only told where the workflow is one that may be rolled back

    @property
    def causes(self) -> tuple[PipelineFailure, ...]:
        """The failures that are not consequences of others."""
        return tuple(failure for failure in self.observation.failures if failure.consequence_of is None)


Veto = Callable[[Case], Reason | None]


def superseded(case: Case) -> Reason | None:
    """A newer commit is at the head; re-running could cancel the newer run."""
    run, head = case.observation.run, case.observation.head_now
    if run.event not in PULL_REQUEST_EVENTS | {"push"}:
        return None
    if head is None:
        return _because(
            ReasonId.SUPERSEDED,
            f"the head of `{run.head_branch}` could not be found: the branch is gone, or is a tag",
        )
    if head == run.head_sha:
        return None
    return _because(
        ReasonId.SUPERSEDED,
        f"commit {run.head_sha[:7]} is no longer the head of `{run.head_branch}` ({head[:7]} is)",
    )


def pull_request_closed(case: Case) -> Reason | None:
    """The pull request is closed, or there is none: nobody waits for the run any more."""
    run, pull_request = case.observation.run, case.observation.pull_request
    if run.event not in PULL_REQUEST_EVENTS:
        return None
    if pull_request is None:
        return _because(ReasonId.PULL_REQUEST_CLOSED, "no pull request with this head was found")
    if pull_request.state == "open":
        return None
    return _because(ReasonId.PULL_REQUEST_CLOSED, f"pull request {pull_request.number} is {pull_request.state}")


def run_active(case: Case) -> Reason | None:
    """GitHub refuses to re-run a run that has not completed, and an attempt has only one successor."""
    run = case.observation.run
    if run.run_attempt > case.observation.attempt:
        return _because(ReasonId.RUN_ACTIVE, f"attempt {run.run_attempt} of this run exists already")
    if not run.completed:
        return _because(ReasonId.RUN_ACTIVE, f"the run is still {run.status.replace('_', ' ')}")
    return None


def too_old(case: Case) -> Reason | None:
    """GitHub re-runs nothing older than 30 days."""
    age = case.now - case.observation.run.created_at
    if age < RERUN_WINDOW:
        return None
    return _because(ReasonId.TOO_OLD, f"the run was created {age.days} days ago; GitHub re-runs up to 30 days")


def attempt_cap(case: Case) -> Reason | None:
    """As many attempts as `max-attempts` allows were made; they are counted by GitHub."""
    attempts, cap = case.observation.run.run_attempt, case.settings.max_attempts
    if attempts < cap:
        return None
    return _because(ReasonId.ATTEMPT_CAP, f"{attempts} of at most {cap} attempts are used (`max-attempts`)")


def real_failure(case: Case) -> Reason | None:
    """A job failed for a real reason; one is enough, because GitHub re-runs all failed jobs together."""
    real = [failure for failure in case.causes if failure.retryable is Retryable.NO and not _is_unknown(failure)]
    if not real:
        return None
    first = real[0]
    others = f" (and {len(real) - 1} more)" if len(real) > 1 else ""
    return _because(
        ReasonId.REAL_FAILURE,
        f"job `{first.job_name}` failed for a real reason ({_words(first.failure_class)}){others}:"
        " the same commit would fail again",
    )


def cancelled_by_someone(case: Case) -> Reason | None:
    """A job was cancelled; without proof of a time-out or a lost runner, a person or `cancel-in-progress` did it."""
    job = next((failure for failure in case.causes if _is_unexplained_cancellation(failure)), None)
    if job is None:
        return None
    return _because(
        ReasonId.CANCELLED_BY_SOMEONE,
        f"job `{job.job_name}` was cancelled, and nothing proves a time-out or a lost runner",
    )


def mass_failure(case: Case) -> Reason | None:
    """More jobs failed than `max-failed-jobs`: an outage or a broken commit, not bad luck."""
    count, cap = len(case.causes), case.settings.max_failed_jobs
    if count <= cap:
        return None
    return _because(ReasonId.MASS_FAILURE, f"{count} jobs failed, more than {cap} (`max-failed-jobs`)")


def side_effects(case: Case) -> Reason | None:
    """A job that deploys or publishes had started, and may have done half of it."""
    for job in _repeated_jobs(case):
        if _started_a_step(job) and effects_of(job.name, case.settings) is SideEffects.DANGEROUS:
            return _because(
                ReasonId.SIDE_EFFECTS,
                f"job `{job.name}` has side effects and had started; declare it under `side-effects` if it is safe",
            )
    return None


def merge_queue(case: Case) -> Reason | None:
    """The run belongs to a merge queue, and a re-run does not put the pull request back into it."""
    if case.observation.run.event != "merge_group":
        return None
    return _because(ReasonId.MERGE_QUEUE, "the run belongs to a merge queue, which a re-run does not re-enter")


def log_unreadable(case: Case) -> Reason | None:
    """A log could not be read: without it there is no evidence, and without evidence nothing is re-run."""
    job = next((failure for failure in case.causes if _is_unexplained(failure) and failure.log_problem), None)
    if job is None:
        return None
    return _because(ReasonId.LOG_UNREADABLE, f"the log of job `{job.job_name}` could not be read: {job.log_problem}")


def own_workflow(case: Case) -> Reason | None:
    """It is a run of the recovery workflow, which does not recover itself."""
    if case.own_workflow is None or case.observation.run.path != case.own_workflow:
        return None
    return _because(ReasonId.OWN_WORKFLOW, "this is a run of the recovery workflow itself")


def unknown_cause(case: Case) -> Reason | None:
    """No known cause was found; what nobody understands is left to people."""
    job = next((failure for failure in case.causes if _is_unexplained(failure) and not failure.log_problem), None)
    if job is None:
        return None
    return _because(ReasonId.UNKNOWN_CAUSE, f"nothing in the log of job `{job.job_name}` names a known cause")


def disabled(case: Case) -> Reason | None:
    """The configuration allows this class to be observed only."""
    return _held_back(case, Autonomy.OBSERVE, ReasonId.DISABLED, "only be observed")


def only_suggested(case: Case) -> Reason | None:
    """The configuration allows this class to be suggested only."""
    return _held_back(case, Autonomy.SUGGEST, ReasonId.ONLY_MAYBE, "be suggested, not done")


def only_maybe(case: Case) -> Reason | None:
    """A second try might help, but nothing shows that it will."""
    unsure = next((failure for failure in case.causes if _is_unsure(failure, case.settings)), None)
    if unsure is None:
        return None
    return _because(
        ReasonId.ONLY_MAYBE,
        f"job `{unsure.job_name}` may pass on a second try ({_words(unsure.failure_class)}), but that is not proven",
    )


VETOES: tuple[Veto, ...] = (
    superseded,
    pull_request_closed,
    run_active,
    too_old,
    attempt_cap,
    real_failure,
    cancelled_by_someone,
    mass_failure,
    side_effects,
    merge_queue,
    log_unreadable,
    own_workflow,
    unknown_cause,
    disabled,
)
"""Each of these leaves the run red. (Budget and outage need history; they join with it.)"""

DOUBTS: tuple[Veto, ...] = (only_suggested, only_maybe)
"""Each of these turns acting into suggesting."""

OVERRIDABLE = frozenset(
    {
        ReasonId.REAL_FAILURE,
        ReasonId.SIDE_EFFECTS,
        ReasonId.LOG_UNREADABLE,
        ReasonId.UNKNOWN_CAUSE,
        ReasonId.DISABLED,
        ReasonId.ONLY_MAYBE,
    }
)
"""What a person's explicit strategy sets aside: class, confidence and side effects, nothing else."""


def _because(reason_id: ReasonId, text: str) -> Reason:
    return Reason(id=reason_id, text=text)


def _words(failure_class: FailureClass) -> str:
    return failure_class.value.replace("_", " ")


def _is_unknown(failure: PipelineFailure) -> bool:
    return failure.is_guess or failure.failure_class in {FailureClass.UNKNOWN, FailureClass.NO_FAILURE}


def _is_unexplained_cancellation(failure: PipelineFailure) -> bool:
    return failure.conclusion == "cancelled" and _is_unknown(failure)


def _is_unexplained(failure: PipelineFailure) -> bool:
    return _is_unknown(failure) and failure.conclusion != "cancelled"


def _is_unsure(failure: PipelineFailure, settings: Settings) -> bool:
    if settings.autonomy.get(failure.failure_class) is Autonomy.ACT and failure.retryable is Retryable.MAYBE:
        return False
    return failure.retryable is Retryable.MAYBE or (
        failure.retryable is Retryable.YES and failure.confidence < ENOUGH_CONFIDENCE
    )


def _held_back(case: Case, autonomy: Autonomy, reason_id: ReasonId, words: str) -> Reason | None:
    held = next(
        (failure for failure in case.causes if case.settings.autonomy.get(failure.failure_class) is autonomy),
        None,
    )
    if held is None:
        return None
    return _because(reason_id, f"the configuration lets failures of class `{held.failure_class}` {words}")


def _repeated_jobs(case: Case) -> list[Job]:
    """The jobs that a re-run repeats: the failed ones, and what may depend on them, having begun after they ended."""
    failed = {failure.job_id for failure in case.observation.failures}
    ends = [job.completed_at for job in case.observation.jobs if job.id in failed and job.completed_at]
    first_end = min(ends, default=None)
    return [
        job
        for job in case.observation.jobs
        if job.id in failed or (first_end is not None and job.started_at is not None and job.started_at >= first_end)
    ]


def _started_a_step(job: Job) -> bool:
    return any(
        step.started_at is not None and step.conclusion != "skipped" and step.name not in _RUNNERS_OWN_STEPS
        for step in job.steps
    )


def effects_of(job_name: str, settings: Settings) -> SideEffects:
    """What re-running a job does to the world: as it is declared, or else as its name suggests."""
    for pattern, declared in settings.side_effects.items():
        if fnmatch.fnmatchcase(job_name, pattern):
            return declared
    return SideEffects.DANGEROUS if _DEPLOY_LIKE.search(job_name) else SideEffects.NONE

"""Whether a second try may continue from checkpoints, and whether that makes one worth it that ran out of time."""

from __future__ import annotations

from recovery.models.decision import Reason, ReasonId
from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.vetoes import Case

TIME_LIMIT_RULE = "job-time-limit"
"""The rule that recognises that GitHub itself stopped a job or step that took too long."""


def was_cut_off(failure: PipelineFailure) -> bool:
    """Whether the job ran out of the time that it is given: proven, not guessed."""
    return failure.failure_class is FailureClass.TIMEOUT and any(
        evidence.rule == TIME_LIMIT_RULE for evidence in failure.evidence
    )


def may_resume(case: Case) -> bool:
    """Whether checkpoints of the failed jobs were found and every one of them may be continued from."""
    found = case.observation.checkpoints or ()
    return bool(found) and all(checkpoint.is_valid for checkpoint in found)


def continuing(case: Case) -> Case:
    """The case with every job that ran out of time, but got further than before, taken for one that may pass now.

    From the start it would run out of time again; so this holds only where it can continue.
    """
    found = (case.observation.checkpoints or ()) if may_resume(case) else ()
    return _taken_for_passing(case, {checkpoint.job_id for checkpoint in found if checkpoint.progressed})


def at_best(case: Case) -> Case:
    """The case as it would be if all that ran out of time could continue: it tells whether to look for checkpoints."""
    return _taken_for_passing(case, {failure.job_id for failure in case.causes})


def reasons_to_resume(case: Case) -> tuple[Reason, ...]:
    """What was found out about the checkpoints, for the record; nothing where there are none."""
    left = case.observation.checkpoints or ()
    if may_resume(case):
        return tuple(
            Reason(
                id=ReasonId.CHECKPOINT_VALID,
                text=f"job `{found.job_name}` continues from its checkpoint `{found.name}` ({found.checkpoint_id})",
            )
            for found in left
        )
    return tuple(
        Reason(
            id=ReasonId.CHECKPOINT_REJECTED,
            text=f"job `{found.job_name}` starts from the start: its checkpoint `{found.name}` is refused:"
            f" {found.errors[0]}",
        )
        for found in left
        if not found.is_valid
    )


def progress(case: Case) -> Reason | None:
    """Why a job that ran out of time is continued: it got further, and need not do that part again."""
    found = next((failure for failure in case.causes if was_cut_off(failure)), None)
    if found is None:
        return None
    return Reason(
        id=ReasonId.PROGRESS,
        text=f"job `{found.job_name}` ran out of time, but had got further than before and can continue from there",
    )


def _taken_for_passing(case: Case, jobs: set[int]) -> Case:
    if not any(failure.job_id in jobs and was_cut_off(failure) for failure in case.causes):
        return case
    failures = tuple(
        failure.model_copy(update={"retryable": Retryable.YES})
        if failure.job_id in jobs and was_cut_off(failure)
        else failure
        for failure in case.observation.failures
    )
    return case.model_copy(update={"observation": case.observation.model_copy(update={"failures": failures})})

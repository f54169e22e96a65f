"""Which failed jobs failed only because others did: gate jobs, and matrix legs cancelled by fail-fast.

GitHub re-runs all failed jobs, so such a job must neither count as a cause nor veto a second try.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import re2

from recovery.models.github import Job
from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.workflow_file import read_workflow

_SAYS_NOTHING_OF_ITS_OWN = frozenset({FailureClass.UNKNOWN, FailureClass.SCRIPT_ERROR, FailureClass.POLICY_GATE})
"""A gate's log shows a bare `exit 1` or a list of other jobs' results. Anything more specific is a cause."""

NEVER = datetime.max.replace(tzinfo=UTC)

# RE2, because names and workflow files come from strangers.
_EXPRESSION: Any = re2.compile(r"\$\{\{.*?\}\}")
_MATRIX_LEG: Any = re2.compile(r"(?P<base>.+) \([^()]*\)")


def cancelled_by_fail_fast(jobs: Sequence[Job], run_conclusion: str | None) -> dict[int, str]:
    """Ids of cancelled matrix legs, each with the name of the failed leg that took it down.

    A leg that ended before the failed one was not taken down by it, and in a cancelled run somebody cancelled them all.
    """
    if run_conclusion == "cancelled":
        return {}
    failed_legs: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.completed_at or NEVER):
        if job.conclusion == "failure" and (base := _base_name(job.name)):
            failed_legs.setdefault(base, job)
    return {
        job.id: cause.name
        for job in jobs
        if job.conclusion == "cancelled"
        and (cause := failed_legs.get(_base_name(job.name) or ""))
        and _ended_no_earlier(job, cause)
    }


def may_be_gates(failures: Iterable[PipelineFailure]) -> bool:
    """Whether it is worth a request to read the workflow file: a job that says nothing stands beside a cause."""
    causes = [failure for failure in failures if failure.consequence_of is None]
    silent = [failure for failure in causes if _says_nothing(failure)]
    return 0 < len(silent) < len(causes)


def mark_gates(failures: Sequence[PipelineFailure], workflow_text: str) -> tuple[PipelineFailure, ...]:
    """Mark each failed job that needs another failed job and shows no cause of its own."""
    workflow_jobs = _jobs_of(workflow_text)
    key_of = {failure.id: _key_for(failure.job_name, workflow_jobs) for failure in failures}
    causes = {key: failure for failure in failures if (key := key_of[failure.id]) and not _says_nothing(failure)}

    def marked(failure: PipelineFailure) -> PipelineFailure:
        key = key_of[failure.id]
        if key is None or key in causes or failure.consequence_of is not None:
            return failure
        upstream = next((causes[needed] for needed in _needs(key, workflow_jobs) if needed in causes), None)
        return failure.model_copy(update={"consequence_of": upstream.job_name}) if upstream else failure

    return tuple(marked(failure) for failure in failures)


def _says_nothing(failure: PipelineFailure) -> bool:
    return failure.failure_class in _SAYS_NOTHING_OF_ITS_OWN or failure.is_guess


def lead_of(failures: Sequence[PipelineFailure]) -> PipelineFailure:
    """The failure that stands for the attempt: a cause before a consequence, a real fault before a passing one."""
    order = {Retryable.NO: 0, Retryable.MAYBE: 1, Retryable.YES: 2}
    return min(
        failures,
        key=lambda failure: (failure.consequence_of is not None, order[failure.retryable], failure.job_id),
    )


def _ended_no_earlier(job: Job, other: Job) -> bool:
    return job.completed_at is not None and other.completed_at is not None and job.completed_at >= other.completed_at


def _base_name(job_name: str) -> str | None:
    match = _MATRIX_LEG.fullmatch(job_name)
    return str(match["base"]) if match else None


def _jobs_of(workflow_text: str) -> dict[str, Mapping[str, Any]]:
    jobs = read_workflow(workflow_text).get("jobs")
    if not isinstance(jobs, dict):
        return {}
    return {str(key): job for key, job in jobs.items() if isinstance(job, dict)}


def _key_for(job_name: str, workflow_jobs: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The job key behind a display name: `test`, `Unit tests`, `Unit tests (3.12, linux)`, `caller / callee`."""
    matching = [key for key, job in workflow_jobs.items() if _may_be_named(_label(key, job), job_name)]
    return matching[0] if len(matching) == 1 else None


def _label(key: str, job: Mapping[str, Any]) -> str:
    name = job.get("name", key)
    return name if isinstance(name, str) else key


def _may_be_named(label: str, job_name: str) -> bool:
    pattern = ".+".join(re2.escape(part) for part in _EXPRESSION.split(label))
    return bool(re2.fullmatch(rf"{pattern}(?: \(.*\))?(?: / .+)?", job_name))


def _needs(key: str, workflow_jobs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Everything a job needs, directly or through others, nearest first."""
    found: list[str] = []
    waiting = [key]
    while waiting:
        needs = workflow_jobs.get(waiting.pop(0), {}).get("needs", [])
        for needed in [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else []:
            if isinstance(needed, str) and needed not in found:
                found.append(needed)
                waiting.append(needed)
    return found

"""Find the log of a failed job from the last run in which it succeeded, to tell what is new from what was always said.

Without one, causes are named from the failed job's log alone: nothing that goes wrong here is an error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from recovery.errors import ForgeError
from recovery.inquiry import Inquiry, shortage
from recovery.models.github import Job, Run
from recovery.models.log import JobLog
from recovery.ports import Forge

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Green:
    """The log of a job that succeeded, and the run it was part of."""

    run_id: int
    log: JobLog


class Baselines:
    """The last successful run before a failed one: of its workflow, on its branch or else on the default branch.

    Requests: the runs of the branch; those of the default branch where there is none; the jobs; a log for each job
    asked for; and the default branch's name where nobody told it.
    """

    def __init__(self, forge: Forge, run: Run, inquiry: Inquiry) -> None:
        self._forge = forge
        self._run = run
        self._inquiry = inquiry
        self._last_green: tuple[Run, tuple[Job, ...]] | str | None = None

    def of(self, job_name: str) -> Green | str:
        """The log of the job of that name in the last successful run, or why there is none, as a sentence."""
        with self._inquiry.counted_as("baseline"):
            try:
                found = shortage(self._forge) or self._log_of(job_name)
            except ForgeError as error:
                found = error.message
        if isinstance(found, Green):
            return found
        log.info("no baseline run_id=%s job=%s reason=%s", self._run.id, job_name, found)
        return f"the log was not compared with that of a successful run: {found}"

    def _log_of(self, job_name: str) -> Green | str:
        if self._last_green is None:
            try:
                self._last_green = self._find()
            except ForgeError as error:  # asked once, for all jobs
                self._last_green = error.message
        if isinstance(self._last_green, str):
            return self._last_green
        run, jobs = self._last_green
        job = next((job for job in jobs if job.name == job_name and job.conclusion == "success"), None)
        if job is None:
            return f"no job of this name succeeded in run {run.id}, the last that did"
        return Green(run_id=run.id, log=self._forge.job_log(job.id))

    def _find(self) -> tuple[Run, tuple[Job, ...]] | str:
        workflow_file = self._run.path.partition("@")[0].rpartition("/")[2]
        asked = []
        for branch, repository in self._places():
            asked.append(f"`{branch}`")
            listed = self._forge.successful_runs(workflow_file, branch, before=self._run.created_at)
            # A fork's branch may have the same name; what it said is not what ours said.
            fitting = (run for run in listed if run.head_repository == repository and run.id != self._run.id)
            if (run := next(fitting, None)) is not None:
                return run, self._forge.jobs(run.id, run.run_attempt)
        return f"before it no run of this workflow succeeded on {' or '.join(asked)}"

    def _places(self) -> Iterator[tuple[str, str]]:
        """Branches to look on, each with the repository it belongs to."""
        run = self._run
        if run.head_branch and run.head_repository:
            yield run.head_branch, run.head_repository
        default_branch = self._inquiry.default_branch or self._forge.default_branch()
        if (default_branch, run.repository) != (run.head_branch, run.head_repository):
            yield default_branch, run.repository

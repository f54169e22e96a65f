"""What shows that a run deployed, and which jobs of a good one have to run again for it to count as brought back."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.models.checkpoint import Particulars
from recovery.models.github import Job, Run
from recovery.models.rollback import RollbackOrder
from recovery.policy.bad_run import DEPLOYED
from recovery.policy.vetoes import effects_of
from recovery.settings import Settings, SideEffects


def as_they_ended(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Of all attempts of a run's jobs the newest of each: a re-run may leave out what was green."""
    newest: dict[str, int] = {}
    for job in jobs:
        newest[job.name] = max(job.run_attempt, newest.get(job.name, 0))
    return tuple(job for job in jobs if job.run_attempt == newest[job.name])


def jobs_that_deployed(jobs: Sequence[Job], settings: Settings) -> tuple[str, ...]:
    """Names of the jobs that ran and deploy, going by name and configuration; all that ran where none seems to."""
    ran = tuple(dict.fromkeys(job.name for job in jobs if job.conclusion in DEPLOYED))
    deploying = tuple(name for name in ran if _deploys(name, settings))
    return deploying or ran


def jobs_missed(jobs: Sequence[Job], settings: Settings) -> tuple[Job, ...]:
    """The jobs that deploy, going by name and configuration, and did not succeed."""
    return tuple(job for job in jobs if job.conclusion != "success" and _deploys(job.name, settings))


def those_that_matter(
    missed: Sequence[Job], jobs: Sequence[Job], in_bad_run: Sequence[Job], settings: Settings
) -> tuple[str, ...]:
    """Names of the missed jobs without which nothing shows that a run deployed what is gone back from.

    A condition may skip a job in every run of a branch, as one that deploys previews; it says nothing where another
    one deployed and it did not run in the bad run either.
    """
    has_deployed = any(job.conclusion == "success" and _deploys(job.name, settings) for job in jobs)
    ran = [job.name for job in in_bad_run if job.conclusion in DEPLOYED]
    return tuple(
        job.name
        for job in missed
        if not has_deployed or job.conclusion != "skipped" or any(_is_of(name, job.name) for name in ran)
    )


def is_proven(made: Particulars, jobs: Sequence[Job], newest_attempt: int) -> bool:
    """Whether the job that made a checkpoint succeeded in that attempt; `jobs` are those of all attempts.

    Where GitHub does not tell which job made it, only the run's newest attempt is known to have succeeded.
    """
    maker = next((job for job in jobs if str(job.id) == made.job_id), None)
    return made.attempt == newest_attempt if maker is None else maker.conclusion == "success"


def jobs_left_out(order: RollbackOrder, run: Run, jobs: Sequence[Job]) -> tuple[str, ...]:
    """Names of the jobs that deployed in the target's run and did not succeed in the one that was to bring it back."""
    succeeded = [job.name for job in jobs if job.conclusion == "success"]
    known = {*succeeded, *(_as_on_branch(name, run, order) for name in succeeded)}
    return tuple(name for name in order.jobs if name not in known)


def _as_on_branch(name: str, run: Run, order: RollbackOrder) -> str:
    """A job's name as it was on the target's branch, where it shows the reference that its run is at."""
    if not run.head_branch or not order.target_branch:
        return name
    full = name.replace(f"refs/tags/{run.head_branch}", f"refs/heads/{order.target_branch}")
    return full.replace(run.head_branch, order.target_branch)


def _deploys(job_name: str, settings: Settings) -> bool:
    return effects_of(job_name, settings) is SideEffects.DANGEROUS


def _is_of(name: str, skipped: str) -> bool:
    """Whether a job is the one that was skipped, or a leg or called job of it: a skipped one has none."""
    return name == skipped or name.startswith((f"{skipped} (", f"{skipped} / "))

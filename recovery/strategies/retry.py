"""Retry: run the failed jobs and their dependents once more, on the same commit."""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.ports import Forge

EFFECT = "re-run failed jobs"


def steps() -> tuple[str, ...]:
    """The steps of a retry, in order."""
    return ("wait_until_due", "check_run_unchanged", "rerun_failed_jobs", "settle_on_next_attempt")


def perform(plan: RecoveryPlan, forge: Forge) -> None:
    """Ask GitHub for the next attempt. Sent once; `AmbiguousEffect` means: look before anything else."""
    forge.rerun_failed_jobs(plan.header.run_id)

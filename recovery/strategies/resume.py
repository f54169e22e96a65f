"""Resume: run the failed jobs once more, which continue from the checkpoints that the plan names.

The effect is the same as a retry's. What makes it a resume is the plan, uploaded before: `mode: restore` reads it.
"""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.ports import Forge

EFFECT = "re-run failed jobs from their checkpoints"


def steps() -> tuple[str, ...]:
    """The steps of a resume, in order; the jobs themselves do the two before the last."""
    return (
        "wait_until_due",
        "validate_state",
        "check_run_unchanged",
        "rerun_failed_jobs",
        "restore_context",
        "resume_execution",
        "settle_on_next_attempt",
    )


def perform(plan: RecoveryPlan, forge: Forge) -> None:
    """Ask GitHub for the next attempt. Sent once; `AmbiguousEffect` means: look before anything else."""
    forge.rerun_failed_jobs(plan.header.run_id)

"""Resume: run the failed jobs once more, which continue from the checkpoints that the plan names.

The effect is the same as a retry's. What makes it a resume is the plan, uploaded before: `mode: restore` reads it.
"""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.strategies.recipe import Reach, View
from recovery.strategies.rerun import ask_for_next_attempt, look_at_run

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


def look(plan: RecoveryPlan, reach: Reach) -> View:
    """Whether the run is still as planned."""
    return look_at_run(plan, reach)


def perform(plan: RecoveryPlan, reach: Reach) -> str:
    """Ask GitHub for the next attempt."""
    return ask_for_next_attempt(plan, reach)

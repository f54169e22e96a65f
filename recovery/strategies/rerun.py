"""What retry and resume have in common: the next attempt of a run."""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.policy.limits import moved_on
from recovery.strategies.recipe import Reach, View


def look_at_run(plan: RecoveryPlan, reach: Reach) -> View:
    """GET run: whether the attempt is still the one that was planned for, and complete."""
    run = reach.forge.run(plan.header.run_id)
    refusal = moved_on(plan, run)
    return View(
        against=refusal.text if refusal else "",
        happened="the next attempt exists" if run.run_attempt > plan.header.attempt else "",
    )


def ask_for_next_attempt(plan: RecoveryPlan, reach: Reach) -> str:
    """Ask GitHub for the next attempt. Sent once; `AmbiguousEffect` means: look before anything else."""
    reach.forge.rerun_failed_jobs(plan.header.run_id)
    return ""

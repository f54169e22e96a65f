"""Retry: run the failed jobs and their dependents once more, on the same commit."""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.strategies.recipe import Reach, View
from recovery.strategies.rerun import ask_for_next_attempt, look_at_run

EFFECT = "re-run failed jobs"


def steps() -> tuple[str, ...]:
    """The steps of a retry, in order."""
    return ("wait_until_due", "check_run_unchanged", "rerun_failed_jobs", "settle_on_next_attempt")


def look(plan: RecoveryPlan, reach: Reach) -> View:
    """Whether the run is still as planned."""
    return look_at_run(plan, reach)


def perform(plan: RecoveryPlan, reach: Reach) -> str:
    """Ask GitHub for the next attempt."""
    return ask_for_next_attempt(plan, reach)

"""Escalate: no effect at all; the failure, its cause and the reason for leaving it are put before people."""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.strategies.recipe import Reach, View

EFFECT = ""


def steps() -> tuple[str, ...]:
    """The steps of leaving a failure to people."""
    return ("report_to_people",)


def look(plan: RecoveryPlan, reach: Reach) -> View:  # noqa: ARG001 -- every recipe is called alike
    """There is nothing to look at."""
    return View()


def perform(plan: RecoveryPlan, reach: Reach) -> str:  # noqa: ARG001 -- every recipe is called alike
    """Nothing is done to the run."""
    return ""

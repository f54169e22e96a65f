"""Escalate: no effect at all; the failure, its cause and the reason for leaving it are put before people."""

from __future__ import annotations

from recovery.models.decision import RecoveryPlan
from recovery.ports import Forge

EFFECT = ""


def steps() -> tuple[str, ...]:
    """The steps of leaving a failure to people."""
    return ("report_to_people",)


def perform(plan: RecoveryPlan, forge: Forge) -> None:
    """Nothing is done to the run."""

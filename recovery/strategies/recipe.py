"""What every recipe is."""

from __future__ import annotations

from typing import Protocol

from recovery.models.decision import RecoveryPlan
from recovery.ports import Forge


class Recipe(Protocol):
    """One way to recover: a module with these names."""

    EFFECT: str
    """The effect in words; empty when the recipe has none."""

    def steps(self) -> tuple[str, ...]:
        """The ordered steps that are recorded before the first effect."""
        ...

    def perform(self, plan: RecoveryPlan, forge: Forge) -> None:
        """Do the one effect, through ports only. Raises `recovery.errors.ForgeError`."""
        ...

"""What every recipe is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from recovery.errors import StrategyUnavailable
from recovery.models.decision import RecoveryPlan
from recovery.ports import Clock, Delivery, Forge


@dataclass(frozen=True)
class Reach:
    """What a recipe may reach for."""

    forge: Forge
    clock: Clock
    delivering: Delivery | None = None

    @property
    def delivery(self) -> Delivery:
        """What rolling back needs.

        Raises:
            StrategyUnavailable: this manager was made without it.
        """
        if self.delivering is None:
            raise StrategyUnavailable(
                "the strategy `rollback` needs a delivery, and this manager was made without one",
                hint="pass `delivery=` to RecoveryManager, or use `RecoveryManager.from_environment()`",
            )
        return self.delivering

    def require_delivery(self) -> None:
        """Check before anything is asked that rolling back is possible.

        Raises:
            StrategyUnavailable: this manager was made without a delivery.
        """
        _ = self.delivery


class View(NamedTuple):
    """What is to be seen directly before or after an effect."""

    against: str = ""
    """Why the effect is not to be asked for (any more); empty when it may be."""
    happened: str = ""
    """What shows that the effect has happened; empty when nothing does."""
    reference: str = ""
    """The id or number of what GitHub made of it."""


class Recipe(Protocol):
    """One way to recover: a module with these names."""

    EFFECT: str
    """The effect in words; empty when the recipe has none."""

    def steps(self) -> tuple[str, ...]:
        """The ordered steps that are recorded before the first effect."""
        ...

    def look(self, plan: RecoveryPlan, reach: Reach) -> View:
        """See how things stand. Its last request is the one directly before the effect."""
        ...

    def perform(self, plan: RecoveryPlan, reach: Reach) -> str:
        """Do the one effect, through ports only; the id or number of what came of it, where GitHub tells one.

        Raises `recovery.errors.ForgeError`.
        """
        ...

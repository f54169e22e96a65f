"""The recipes, one file each, and the table that names them."""

from __future__ import annotations

from types import MappingProxyType

from recovery.errors import StrategyUnavailable
from recovery.models.records import RecoveryType
from recovery.strategies import escalate, resume, retry, rollback
from recovery.strategies.recipe import Recipe

RECIPES: MappingProxyType[RecoveryType, Recipe] = MappingProxyType(
    {
        RecoveryType.RETRY: retry,
        RecoveryType.RESUME: resume,
        RecoveryType.ROLLBACK: rollback,
        RecoveryType.NONE: escalate,
    }
)


def recipe_for(strategy: RecoveryType) -> Recipe:
    """The recipe of a strategy.

    Raises:
        StrategyUnavailable: this version has no recipe for it.
    """
    recipe = RECIPES.get(strategy)
    if recipe is None:
        available = ", ".join(f"`{known}`" for known in RECIPES)
        raise StrategyUnavailable(
            f"the strategy `{strategy}` is not available in this version",
            hint=f"use one of {available}, or `auto`, which picks only what is available",
        )
    return recipe

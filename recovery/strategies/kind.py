"""What every kind of rollback is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from recovery.models.decision import RecoveryPlan
from recovery.models.records import Outcome
from recovery.models.rollback import RollbackOrder
from recovery.strategies.recipe import Reach

APPROVED_WITHIN = timedelta(days=36)
"""GitHub ends what nobody approves within 30 days, and any run after 35."""


class Trace(NamedTuple):
    """What GitHub made of an order; it shows the order's nonce, or was made under its tag."""

    reference: str
    """Its id or number."""
    detail: str
    """What it is, who made it and when, in words."""


class Progress(NamedTuple):
    """How far a rollback has come."""

    outcome: Outcome | None = None
    """None as long as it goes on."""
    detail: str = ""
    waiting_for: tuple[str, ...] = ()
    """Environments whose protection rules it waits for."""


class Kind(Protocol):
    """One way to bring a good commit back: a module with these names."""

    PATIENCE: timedelta
    """How long it may take to its end; after that nobody knows what became of it."""

    def perform(self, plan: RecoveryPlan, order: RollbackOrder, reach: Reach) -> str:
        """Bring it back; the id or number of what GitHub made of it, empty where it does not tell."""
        ...

    def trace(self, order: RollbackOrder, since: datetime, reach: Reach) -> Trace | None:
        """What GitHub made of this very order; None when nothing is to be seen."""
        ...

    def watch(self, order: RollbackOrder, reference: str, reach: Reach) -> Progress:
        """How far it has come."""
        ...

    def clear_up(self, order: RollbackOrder, reference: str, reach: Reach) -> None:
        """What is left to do when it has come to a good end."""
        ...

    def undo(self, order: RollbackOrder, reach: Reach) -> None:
        """Take back what was made on the way, when it has come to nothing."""
        ...

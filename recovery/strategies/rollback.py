"""Rollback: bring back a commit that is known to be good, in the way that its workflow is configured for.

GitHub itself keeps it from happening twice: two tags are taken before anything else (`claiming`).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType

from recovery.errors import ForgeError, ForgeRefused, StateError
from recovery.models.decision import RecoveryPlan
from recovery.models.rollback import RollbackKind, RollbackOrder
from recovery.policy.limits import moved_on
from recovery.policy.targets import why_artifact_is_unfit
from recovery.strategies import claiming, deployment, redispatch, revert
from recovery.strategies.kind import Kind
from recovery.strategies.recipe import Reach, View

EFFECT = "roll back"

CLOCKS_DIFFER = timedelta(days=1)
"""How far GitHub's clock may be behind ours: what is ours is looked for from so long before the plan. It is known by
nonce and tag, so that nothing older can be taken for it."""

BEGUN_WITHIN = timedelta(minutes=5)
"""A plan that is older is not begun: before long, somebody else takes it for dead."""

KINDS: MappingProxyType[RollbackKind, Kind] = MappingProxyType(
    {
        RollbackKind.REDISPATCH: redispatch,
        RollbackKind.DEPLOYMENT: deployment,
        RollbackKind.REVERT_PR: revert,
    }
)


def steps() -> tuple[str, ...]:
    """The steps of a rollback, in order; the run that brings the good commit back does `restore_context`."""
    return (
        "validate_state",
        "create_rollback_checkpoint",
        "check_target_unchanged",
        "lock_commit",
        "roll_back",
        "hold_commit",
        "restore_context",
        "settle_on_rollback",
    )


def order_of(plan: RecoveryPlan) -> RollbackOrder:
    """What a plan orders.

    Raises:
        StateError: it is a plan to roll back that does not say to what, as no version of this program writes it.
    """
    if plan.rollback is None or plan.rollback.target_checkpoint_id is None:
        raise StateError(f"the plan {plan.header.id} does not say what to go back to", hint="ask for the rollback anew")
    return plan.rollback


def look(plan: RecoveryPlan, reach: Reach) -> View:
    """Whether it has happened, the bad run is as it was, and so is the target; GET artifact comes last."""
    order = order_of(plan)
    seen = KINDS[order.kind].trace(order, plan.header.started_at - CLOCKS_DIFFER, reach)
    if seen is not None:
        return View(against=f"it has happened: {seen.detail}", happened=seen.detail, reference=seen.reference)
    if reach.clock.now() - plan.header.started_at > BEGUN_WITHIN:
        return View(against=f"it was planned more than {BEGUN_WITHIN.seconds // 60} minutes ago; ask for it anew")
    moved = moved_on(plan, reach.forge.run(plan.header.run_id))
    if moved is not None:
        return View(against=moved.text)
    if order.target_artifact_id is None:
        return View()
    unfit = why_artifact_is_unfit(
        reach.delivery.artifact(order.target_artifact_id),
        order.target_artifact_digest,
        str(order.target_run_id),
        reach.clock.now(),
    )
    return View(against=f"the target turned invalid: {unfit[1]}" if unfit else "")


def perform(plan: RecoveryPlan, reach: Reach) -> str:
    """Take the two tags, then bring the good commit back. What is refused leaves nothing behind."""
    order = order_of(plan)
    claiming.take(plan, order, reach)
    try:
        return KINDS[order.kind].perform(plan, order, reach)
    except ForgeRefused as error:
        with suppress(ForgeError):  # a branch that stays is in nobody's way
            KINDS[order.kind].undo(order, reach)
        claiming.release_for(error, order, reach)
        raise


def take_back(order: RollbackOrder, reach: Reach) -> None:
    """Let the commit be rolled back again, because nothing came of it.

    Raises:
        ForgeError: what was made on the way cannot be taken back.
    """
    KINDS[order.kind].undo(order, reach)
    claiming.release(order, reach)

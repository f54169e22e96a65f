"""Deployment: GitHub is asked for a deployment of the good commit; whoever deploys hears of it and reports on it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from recovery.errors import ForgeError, ForgeRefused
from recovery.models.decision import RecoveryPlan
from recovery.models.records import Outcome
from recovery.models.rollback import RollbackOrder
from recovery.strategies.kind import Progress, Trace
from recovery.strategies.recipe import Reach

log = logging.getLogger(__name__)

PATIENCE = timedelta(days=1)
"""Whoever deploys reports within hours; where nobody listens, nobody ever does."""

EARLIER_LOOKED_AT = 10
"""Earlier deployments of the environment that may still say of themselves that they are active."""


def perform(plan: RecoveryPlan, order: RollbackOrder, reach: Reach) -> str:
    """Ask for the deployment, and say that it is queued; what follows is said by whoever deploys."""
    payload = {
        "recovery_id": plan.header.id,
        "nonce": order.nonce,
        "checkpoint_id": order.target_checkpoint_id or "",
        "bad_sha": order.bad_sha,
    }
    description = f"Roll back to {order.target_sha[:12]} ({plan.header.id})"
    made = reach.delivery.create_deployment(order.target_sha, order.environment, description, payload)
    try:
        reach.delivery.set_deployment_state(made.id, "queued", description)
    except ForgeError as error:  # the deployment is there; only what it says of itself is missing
        log.warning("deployment left without a status deployment_id=%s reason=%s", made.id, error.message)
    return str(made.id)


def trace(order: RollbackOrder, since: datetime, reach: Reach) -> Trace | None:
    """The deployment whose payload has the nonce."""
    made = [one for one in reach.delivery.deployments(order.environment) if one.created_at >= since]
    found = next((one for one in made if one.payload.get("nonce") == order.nonce), None)
    if found is None:
        return None
    return Trace(str(found.id), f"deployment {found.id}, made at {found.created_at:%Y-%m-%d %H:%M} UTC")


def watch(order: RollbackOrder, reference: str, reach: Reach) -> Progress:
    """What the deployment's latest status says."""
    try:
        state = reach.delivery.deployment_state(int(reference))
    except ForgeRefused as error:
        if error.status == 404 and _is_gone(order, reference, reach):
            return Progress(Outcome.UNKNOWN, f"deployment {reference} is gone")
        raise
    told = f"deployment {reference} is `{state}`"
    match state:
        case "success":
            return Progress(Outcome.CLEARED, told)
        case "failure" | "error":
            return Progress(Outcome.STILL_FAILING, told)
        case "inactive":
            return Progress(Outcome.UNKNOWN, f"{told}: another one took its place")
        case "waiting":
            return Progress(waiting_for=(order.environment,))
        case _:
            return Progress()


def clear_up(order: RollbackOrder, reference: str, reach: Reach) -> None:
    """Say of the earlier deployments that are said to be active that they are not any more."""
    known = reach.delivery.deployments(order.environment)
    earlier = [one for one in known if one.id < int(reference)]
    for one in earlier[:EARLIER_LOOKED_AT]:
        if reach.delivery.deployment_state(one.id) == "success":
            reach.delivery.set_deployment_state(one.id, "inactive", f"Rolled back to {order.target_sha[:12]}")


def _is_gone(order: RollbackOrder, reference: str, reach: Reach) -> bool:
    """Whether GitHub shows the others: it says of what may not be seen, too, that it is not there."""
    shown = reach.delivery.deployments(order.environment)
    return all(str(one.id) != reference for one in shown)


def undo(order: RollbackOrder, reach: Reach) -> None:
    """Nothing was made on the way but the tags."""

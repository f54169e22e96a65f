"""Revert: a pull request that makes all files what they were at the good commit; people merge it, or do not."""

from __future__ import annotations

from datetime import datetime, timedelta

from recovery.errors import AlreadyUnderWay, ForgeRefused
from recovery.models.decision import RecoveryPlan
from recovery.models.records import Outcome
from recovery.models.rollback import RollbackOrder
from recovery.policy.naming import revert_branch
from recovery.render.revert import revert_body, revert_message, revert_title
from recovery.strategies.kind import Progress, Trace
from recovery.strategies.recipe import Reach

PATIENCE = timedelta(days=30)
"""A pull request that nobody has merged or closed for so long is not waited for."""


def perform(plan: RecoveryPlan, order: RollbackOrder, reach: Reach) -> str:
    """One commit on top of the default branch with the good commit's tree, on a branch of its own; never a push."""
    delivery, branch = reach.delivery, _branch(order)
    head = reach.forge.branch_head(order.default_branch)
    if head is None:
        raise ForgeRefused(f"the branch `{order.default_branch}` is gone", status=404)
    commit = delivery.create_commit(
        revert_message(order, plan.header.id), delivery.commit(order.target_sha).tree, [head]
    )
    if not delivery.create_reference(f"heads/{branch}", commit):
        raise AlreadyUnderWay(
            f"the branch `{branch}` is there already",
            hint=f"merge its pull request, or delete the branch: `git push origin --delete {branch}`",
        )
    body = revert_body(plan, order)
    return str(delivery.create_pull_request(branch, order.default_branch, revert_title(order), body).number)


def trace(order: RollbackOrder, since: datetime, reach: Reach) -> Trace | None:  # noqa: ARG001 -- as every kind
    """The pull request from the branch, whose name has the nonce."""
    pull = reach.delivery.pull_request_from(_branch(order))
    return Trace(str(pull.number), f"pull request {pull.number}") if pull else None


def watch(order: RollbackOrder, reference: str, reach: Reach) -> Progress:
    """Whether people have merged it, or closed it."""
    pull = reach.delivery.pull_request_from(_branch(order))
    if pull is None:
        return Progress(Outcome.UNKNOWN, f"pull request {reference} is gone")
    if pull.merged:
        return Progress(Outcome.CLEARED, f"pull request {pull.number} was merged")
    if pull.state == "closed":
        return Progress(Outcome.NOT_RERUN, f"pull request {pull.number} was closed without being merged")
    return Progress()


def clear_up(order: RollbackOrder, reference: str, reach: Reach) -> None:
    """The branch is left to people, as that of any pull request."""


def undo(order: RollbackOrder, reach: Reach) -> None:
    """Delete the branch while all it has is our own commit: whatever people added to it is theirs."""
    branch = f"heads/{_branch(order)}"
    head = reach.delivery.reference(branch)
    if head is not None and f"Recovery-Nonce: {order.nonce}" in reach.delivery.commit(head).message.splitlines():
        reach.delivery.delete_reference(branch)


def _branch(order: RollbackOrder) -> str:
    return revert_branch(order.bad_sha, order.nonce)

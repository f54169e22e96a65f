"""The words of a pull request that proposes to go back to a good commit."""

from __future__ import annotations

from collections.abc import Iterator

from recovery.models.decision import RecoveryPlan
from recovery.models.rollback import RollbackOrder
from recovery.render import markdown, plain


def revert_title(order: RollbackOrder) -> str:
    """The pull request's title."""
    return plain.line(f"Roll {order.workflow_name} back to {order.target_sha[:12]}")


def revert_message(order: RollbackOrder, recovery_id: str) -> str:
    """The commit's message, whose last lines say to Git and to us whose commit it is."""
    return (
        f"{revert_title(order)}\n\n"
        f"All files are as they were at {order.target_sha}, before {order.bad_sha}.\n"
        f"\nRecovery-Id: {recovery_id}\nRecovery-Nonce: {order.nonce}\n"
    )


def revert_body(plan: RecoveryPlan, order: RollbackOrder) -> str:
    """The pull request's text: from where to where, why, and what else was looked into."""
    return "\n".join(_lines(plan, order)) + "\n"


def _lines(plan: RecoveryPlan, order: RollbackOrder) -> Iterator[str]:
    yield f"Makes all files what they were at {order.target_sha}, instead of at {order.bad_sha}."
    yield ""
    if order.reason:
        yield f"- Why: {markdown.text(order.reason)}"
    yield f"- Bad run: {order.bad_run_id} of {markdown.code(order.workflow_name)}"
    yield f"- Good run: {order.target_run_id}, checkpoint {markdown.code(order.target_checkpoint_id or '')}"
    yield f"- Recovery: {markdown.code(plan.header.id)}, nonce {markdown.code(order.nonce)}"
    for reason in order.forced:
        yield f"- Set aside by a person: {markdown.code(reason.id)}, {markdown.prose(reason.text)}"
    if order.rejected:
        yield ""
        yield "Looked into before, and no target:"
        yield ""
    for rejected in order.rejected:
        told = "; ".join(f"{markdown.code(reason.id)}: {markdown.prose(reason.text)}" for reason in rejected.reasons)
        yield f"- {markdown.code(rejected.checkpoint_id)} of run {markdown.text(rejected.run_id)}: {told}"

"""The two tags of a rollback: GitHub lets a name be taken once, and what it says tells whose it is.

One says that this commit is rolled back, and stays. The other says that a rollback of this workflow and environment
goes on, and is deleted when its outcome is known. Nobody deletes what says that it is another one's.
"""

from __future__ import annotations

from recovery.errors import AlreadyUnderWay, AmbiguousEffect, ForgeError, ForgeRefused
from recovery.models.decision import RecoveryPlan
from recovery.models.rollback import RollbackOrder
from recovery.policy.claims import claim_of, read_claim, tag_message, told_of
from recovery.strategies.recipe import Reach


def take(plan: RecoveryPlan, order: RollbackOrder, reach: Reach) -> None:
    """Take both tags; nobody who comes second gets them.

    Raises:
        AlreadyUnderWay: somebody else has one of them.
        ForgeError: GitHub refused one, or its fate is unknown.
    """
    message = tag_message(claim_of(plan, order))
    if not reach.delivery.create_tag(order.tag, order.target_sha, message):
        if is_own(order.tag, order, reach):
            raise AmbiguousEffect("this rollback has begun before; the sweep tells what came of it")
        raise AlreadyUnderWay(
            f"commit {order.bad_sha[:7]} was rolled back already, or is just being: {_whose(order.tag, reach)}",
            hint=f"where nothing goes on, delete the tag: {how_to_delete(order.tag)}",
        )
    try:
        if reach.delivery.create_tag(order.busy_tag, order.target_sha, message):
            return
        refusal: ForgeRefused = AlreadyUnderWay(
            f"another rollback of `{order.workflow_name}` in `{order.environment}` goes on:"
            f" {_whose(order.busy_tag, reach)}",
            hint="wait for the sweep to settle it; where none goes on, delete the tag:"
            f" {how_to_delete(order.busy_tag)}",
        )
    except ForgeRefused as error:
        refusal = error
    release_for(refusal, order, reach)
    raise refusal


def release_for(refusal: ForgeRefused, order: RollbackOrder, reach: Reach) -> None:
    """Let go of the tags because of a refusal; where that is refused, too, its hint tells how to delete them."""
    try:
        release(order, reach)
    except ForgeError as error:
        stayed = f"its tags stayed ({error.message}); delete them: {how_to_delete(order.tag)}"
        refusal.hint = "; ".join(filter(None, (refusal.hint, f"{stayed} and {how_to_delete(order.busy_tag)}")))


def release(order: RollbackOrder, reach: Reach) -> None:
    """Let this commit be rolled back again, because it was not."""
    _delete_own(order.tag, order, reach)
    make_way(order, reach)


def make_way(order: RollbackOrder, reach: Reach) -> None:
    """Let another rollback of this workflow and environment begin."""
    _delete_own(order.busy_tag, order, reach)


def is_own(tag: str, order: RollbackOrder, reach: Reach) -> bool:
    """Whether a tag says that it is this very order's."""
    found = reach.delivery.tag(tag)
    claim = read_claim(found.message) if found is not None else None
    return claim is not None and claim.nonce == order.nonce


def how_to_delete(tag: str) -> str:
    """The command that deletes a tag."""
    return f"`git push origin --delete refs/tags/{tag}`"


def _delete_own(tag: str, order: RollbackOrder, reach: Reach) -> None:
    if is_own(tag, order, reach):
        reach.delivery.delete_reference(f"tags/{tag}")


def _whose(tag: str, reach: Reach) -> str:
    found = reach.delivery.tag(tag)
    claim = read_claim(found.message) if found is not None else None
    return told_of(claim) if claim is not None else f"the tag {tag} does not say whose it is"

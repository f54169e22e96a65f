"""What the tags of a rollback say: whose they are, so that nobody takes another one's for their own."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from recovery.errors import CheckpointRejected
from recovery.models.decision import RecoveryPlan
from recovery.models.github import Tag
from recovery.models.manifest import read_json
from recovery.models.rollback import LONGEST_REASON, Claim, RollbackOrder
from recovery.policy.naming import busy_tag, return_tag, rollback_tag

LONGEST_HOLD = timedelta(days=30)
"""The longest `hold` that can be configured."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of whoever made a claim may be ahead of ours."""


def claim_of(plan: RecoveryPlan, order: RollbackOrder) -> Claim:
    """What the tags of a planned rollback say."""
    return Claim(
        recovery_id=plan.header.id,
        nonce=order.nonce,
        kind=order.kind,
        workflow_name=order.workflow_name,
        environment=order.environment,
        bad_sha=order.bad_sha,
        target_sha=order.target_sha,
        since=plan.header.started_at,
        hold_until=order.hold_until,
        reason=order.reason[:LONGEST_REASON],
    )


def tag_message(claim: Claim) -> str:
    """A claim as the message of a tag: a line for people, and one of JSON."""
    title = f"Roll back {claim.workflow_name} in {claim.environment} from {claim.bad_sha[:7]} to {claim.target_sha[:7]}"
    return f"{' '.join(title.split())}\n\n{claim.model_dump_json()}\n"


def read_claim(message: str) -> Claim | None:
    """The claim that a tag's message holds; None where it holds none that can be understood."""
    last_line = message.rstrip().rpartition("\n")[2]
    try:
        return Claim.model_validate(read_json(last_line.encode("utf-8", "surrogatepass"), source="a tag's message"))
    except (CheckpointRejected, ValidationError):
        return None


def claim_at(tag: Tag | None) -> Claim | None:
    """The claim of a tag that has the name and is at the commit which follow from it; any other one is a copy."""
    claim = read_claim(tag.message) if tag is not None else None
    if tag is None or claim is None:
        return None
    names = (*lasting_tags(claim), busy_tag(claim.workflow_name, claim.environment))
    return claim if tag.name in names and tag.commit == claim.target_sha else None


def lasting_tags(claim: Claim) -> tuple[str, str]:
    """Names of the tag that may stay with a claim: of a rollback, or of a return."""
    where = (claim.workflow_name, claim.environment)
    return rollback_tag(*where, claim.bad_sha), return_tag(*where, claim.target_sha)


def proven_claim(tag: Tag | None, now: datetime) -> Claim | None:
    """The claim of a tag, if a rollback can have made it: it does not begin later, nor hold longer than any can."""
    claim = claim_at(tag)
    if claim is None or claim.since > now + CLOCKS_DIFFER:
        return None
    is_possible = claim.hold_until is None or claim.hold_until - claim.since <= LONGEST_HOLD + CLOCKS_DIFFER
    return claim if is_possible else None


def is_claim_of(claim: Claim, plan: RecoveryPlan) -> bool:
    """Whether a claim says what the plan on record would have it say: what contradicts it proves nothing about it."""
    if plan.rollback is None:
        return False
    try:
        return claim == claim_of(plan, plan.rollback)
    except ValidationError:  # no rollback of ours has such an order
        return False


def told_of(claim: Claim) -> str:
    """Who made a claim and when, in words."""
    return f"by {claim.recovery_id}, {claim.since:%Y-%m-%d %H:%M} UTC"

"""Holds: commits that were rolled back and may not be deployed again for a while."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import ValidationError

from recovery.errors import CheckpointRejected
from recovery.models.decision import RecoveryPlan
from recovery.models.github import Tag
from recovery.models.manifest import read_json
from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import LONGEST_REASON, Claim, Hold, RollbackKind
from recovery.policy.claims import proven_claim
from recovery.policy.naming import ROLLBACK_TAGS, busy_tag, rollback_tag
from recovery.settings import RollbackRule

HOLD_PREFIX = "recovery-hold."
"""What the name of every hold's artifact begins with; the commit follows."""

HOLD_LIMIT = 64 * 1024
"""Bytes of a hold's file that are read."""

_NAMED = re.compile(
    rf"(?:{re.escape(ROLLBACK_TAGS)}[^/]+/[^/]+/|{re.escape(HOLD_PREFIX)})(?P<sha>[0-9a-f]{{40}}(?:[0-9a-f]{{24}})?)"
)


def hold_artifact_name(sha: str) -> str:
    """Name of the artifact that holds a commit back."""
    return f"{HOLD_PREFIX}{sha}"


def held_commit(name: str) -> str:
    """The commit that a rollback's tag or a hold's artifact is about, by its name; empty where that names none."""
    found = _NAMED.fullmatch(name)
    return found["sha"] if found else ""


def hold_tag(hold: Hold) -> str:
    """The tag with which a hold stands and falls."""
    return rollback_tag(hold.workflow_name, hold.environment, hold.sha)


def tags_of_configured(tags: Iterable[str], rules: Mapping[str, RollbackRule]) -> tuple[str, ...]:
    """Those tags that rollbacks of the configured workflows make."""
    prefixes = tuple(rollback_tag(name, rule.environment, "") for name, rule in rules.items())
    return tuple(tag for tag in tags if tag.startswith(prefixes) and held_commit(tag))


def is_configured(hold: Hold, rules: Mapping[str, RollbackRule]) -> bool:
    """Whether the workflow of a hold is rolled back, in its environment."""
    rule = rules.get(hold.workflow_name)
    return rule is not None and rule.environment == hold.environment


def hold_of(plan: RecoveryPlan, state: RecoveryState) -> Hold | None:
    """The hold that a rollback has put its bad commit on; None where it has not, or it was released."""
    return None if state.metadata.get("hold_released_at") else hold_put(plan, state)


def hold_put(plan: RecoveryPlan, state: RecoveryState) -> Hold | None:
    """The hold that a rollback has put its bad commit on, whether it was released or not; None where it has not.

    A rollback that nothing came of holds nothing, nor does the return from one. What is only proposed as a pull
    request holds nothing until it is merged.
    """
    order, outcome = plan.rollback, state.metadata.get("outcome")
    if order is None or order.hold_until is None or order.returns_from is not None:
        return None
    if not state.metadata.get("accepted") or outcome == Outcome.NOT_RERUN:
        return None
    if order.kind is RollbackKind.REVERT_PR and outcome != Outcome.CLEARED:
        return None
    return Hold(
        repository=plan.header.repository,
        sha=order.bad_sha,
        workflow_name=order.workflow_name,
        environment=order.environment,
        since=plan.header.started_at,
        until=order.hold_until,
        reason=order.reason[:LONGEST_REASON],
        recovery_id=plan.header.id,
    )


def hold_claimed(claim: Claim, repository: str) -> Hold | None:
    """The hold that the claim at a rollback's tag tells of; None where it tells of none.

    Whether a pull request was merged is not for a claim to say.
    """
    if claim.hold_until is None or claim.kind is RollbackKind.REVERT_PR:
        return None
    return Hold(
        repository=repository,
        sha=claim.bad_sha,
        workflow_name=claim.workflow_name,
        environment=claim.environment,
        since=claim.since,
        until=claim.hold_until,
        reason=claim.reason,
        recovery_id=claim.recovery_id,
    )


def same_hold(one: Hold, other: Hold) -> bool:
    """Whether two records are about one hold."""
    return _identity(one) == _identity(other)


def _identity(hold: Hold) -> tuple[str, ...]:
    return hold.sha, hold.workflow_name, hold.environment, hold.recovery_id


def each_once(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """Holds without repeats, the one that ends first first."""
    found = {_identity(hold): hold for hold in holds}
    return tuple(sorted(found.values(), key=lambda hold: (hold.until, _identity(hold))))


def sets_aside(said: tuple[str, str], tag: Tag | None, busy: Tag | None, hold: Hold, now: datetime) -> bool:
    """Whether a run that was told recovery and nonce of a rollback goes back to a commit although it was on hold.

    The rollback's tag must say the same, for the same workflow and environment: what a run is told is anybody's, and so
    is a tag of another name than ours. So must the tag that stands while it goes on: once it has ended, what it was
    told proves nothing. A hold that began later is not set aside: what an earlier rollback brought back may have proven
    bad since, and its run may be repeated.
    """
    claim, goes_on = proven_claim(tag, now), proven_claim(busy, now)
    if tag is None or busy is None or claim is None or claim != goes_on:
        return False
    where = (hold.workflow_name, hold.environment)
    return (
        (claim.recovery_id, claim.nonce) == said
        and (claim.workflow_name, claim.environment) == where
        and busy.name == busy_tag(*where) != tag.name
        and hold.sha == claim.target_sha
        and hold.since <= claim.since
    )


def is_standing(hold: Hold, now: datetime) -> bool:
    """Whether a hold is not over yet."""
    return now < hold.until


def standing_hold(holds: Iterable[Hold], sha: str, workflow_name: str, now: datetime) -> Hold | None:
    """The hold that keeps a workflow from deploying a commit, the one that lasts longest; None when it may."""
    found = [
        hold for hold in holds if hold.sha == sha and hold.workflow_name == workflow_name and is_standing(hold, now)
    ]
    return max(found, key=lambda hold: (hold.until, hold.recovery_id), default=None)


def hold_bytes(hold: Hold) -> bytes:
    """A hold as it is uploaded."""
    return hold.model_dump_json(indent=2).encode() + b"\n"


def can_be_read(hold: Hold, repository: str) -> bool:
    """Whether a hold, as it would be uploaded, is one that is believed: what is not would be made up for ever."""
    if not held_commit(hold_artifact_name(hold.sha)):
        return False
    try:
        return read_hold(hold_bytes(hold), repository=repository, sha=hold.sha) == hold
    except CheckpointRejected:
        return False


def read_hold(content: bytes, *, repository: str, sha: str) -> Hold:
    """The hold that a file describes.

    Raises:
        CheckpointRejected: it is none, or is about another commit or repository.
    """
    if len(content) > HOLD_LIMIT:
        raise CheckpointRejected(f"the hold of {sha} is larger than {HOLD_LIMIT} bytes")
    fields = read_json(content, source=f"the hold of {sha}")
    try:
        hold = Hold.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise CheckpointRejected(f"the hold of {sha} is damaged: {where}: {first['msg']}") from error
    if (hold.repository.casefold(), hold.sha) != (repository.casefold(), sha):
        raise CheckpointRejected(f"the hold of {sha} is about {hold.repository}@{hold.sha[:40]}")
    return hold

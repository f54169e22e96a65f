"""What GitHub's tags, its artifacts and the record tell of holds: where they differ, the tags are right."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from recovery.app.wiring import Workplace
from recovery.errors import AuthenticationError, ForgeError, ForgeUnavailable, RateLimited
from recovery.models.decision import RecoveryPlan
from recovery.models.github import Artifact, Tag
from recovery.models.records import RecoveryState
from recovery.models.rollback import Claim, Hold, RollbackOrder
from recovery.policy.claims import is_claim_of, proven_claim
from recovery.policy.holds import (
    held_commit,
    hold_artifact_name,
    hold_claimed,
    hold_of,
    hold_put,
    hold_tag,
    is_standing,
)
from recovery.policy.limits import REQUEST_IN_FLIGHT
from recovery.policy.naming import ROLLBACK_TAGS
from recovery.policy.trust import is_own_artifact
from recovery.warden import LeftHold, artifacts_for, left_in, made_on, not_looked_into

log = logging.getLogger(__name__)

MOST_TAGS = 40
"""Tags of rollbacks that are read in one pass, two requests each; those of holds that are known to be over are not."""


@dataclass(frozen=True)
class Shelf:
    """What runs that are believed left under the name of a hold on one commit."""

    left: tuple[LeftHold, ...]
    beyond: tuple[Artifact, ...]
    """What more runs left than are looked into."""

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The holds that `mode: guard` would find."""
        return tuple(each.hold for each in self.left if each.hold is not None)


def tags_of_rollbacks(place: Workplace) -> tuple[str, ...]:
    """Names of the tags that stand for a commit that was rolled back, as rollbacks make them; one request."""
    names = place.delivery.tags(ROLLBACK_TAGS) if place.delivery is not None else ()
    return tuple(name for name in names if held_commit(name))


def in_question(place: Workplace, tags: Iterable[str]) -> tuple[str, ...]:
    """Those tags whose holds are not known to be over."""
    newest: dict[str, Hold] = {}
    for _, hold in holds_on_record(place):
        newest.setdefault(hold_tag(hold), hold)
    now = place.clock.now()
    return tuple(name for name in sorted(tags) if name not in newest or is_standing(newest[name], now))


def in_turn(place: Workplace, names: Sequence[str], most: int) -> tuple[str, ...]:
    """As many names as are looked at in one pass, from anywhere on: so that none is passed over for ever."""
    if len(names) > most:
        log.warning("holds left to another pass count=%s", len(names) - most)
    start = int(place.clock.chance() * len(names))
    return (*names[start:], *names[:start])[:most]


def read_tags(place: Workplace, names: Iterable[str]) -> dict[str, Tag | None]:
    """The tags of these names, None for one that is gone; one that cannot be read is left out, and hides no other.

    Requests: those of one tag, for each.

    Raises:
        ForgeError: GitHub cannot be asked at all.
    """
    found: dict[str, Tag | None] = {}
    if place.delivery is None:
        return found
    for name in names:
        try:
            found[name] = place.delivery.tag(name)
        except (AuthenticationError, ForgeUnavailable, RateLimited):
            raise
        except ForgeError as error:
            log.warning("tag passed over tag=%s reason=%s", name, error.message)
    return found


def proven_by(place: Workplace, tags: Mapping[str, Tag | None]) -> Iterator[Hold]:
    """The holds that stand by the word of a tag or, where the rollback is on record, by what became of it."""
    now = place.clock.now()
    for tag in tags.values():
        claim = proven_claim(tag, now)
        hold = _told_by(place, claim) if claim is not None else None
        if hold is not None and is_standing(hold, now):
            yield hold


def on_shelf(place: Workplace, sha: str, listed: Iterable[Artifact] | None = None) -> Shelf:
    """What was left under the name of a hold on a commit, among artifacts that were listed, or asked for by name."""
    if listed is None:
        named = artifacts_for(place.forge, sha)
    else:
        named = tuple(each for each in listed if is_own_artifact(each) and each.name == hold_artifact_name(sha))
    if not named:
        return Shelf((), ())
    branch = place.workflow.default_branch if place.workflow else place.forge.default_branch()
    among = made_on(branch, named)
    beyond = not_looked_into(among)
    if beyond:
        log.warning("artifacts named like a hold passed over sha=%s count=%s", sha, len(beyond))
    return Shelf(tuple(left_in(place.forge, among, sha, place.settings.believed_workflows, branch)), beyond)


def commits_listed(artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Commits that artifacts are named after as a hold on them is, each once."""
    return tuple(dict.fromkeys(filter(None, (_commit_in(each) for each in artifacts))))


def rollbacks_on_record(place: Workplace) -> Iterator[tuple[RecoveryPlan, RecoveryState, RollbackOrder]]:
    """Every rollback on record, newest first."""
    for state in place.store.rollbacks(place.forge.repository):
        plan = place.store.plan(state.id)
        if plan is not None and plan.rollback is not None:
            yield plan, state, plan.rollback


def holds_on_record(place: Workplace) -> Iterator[tuple[RecoveryPlan, Hold]]:
    """Every rollback on record that has put its commit on hold, over or not, newest first."""
    for plan, state, _ in rollbacks_on_record(place):
        hold = hold_of(plan, state)
        if hold is not None:
            yield plan, hold


def _told_by(place: Workplace, claim: Claim) -> Hold | None:
    """What a claim holds. A record that contradicts it counts as none; so does one that says it was released.

    Who releases deletes the tag first.
    """
    plan, state = place.store.plan(claim.recovery_id), place.store.recovery(claim.recovery_id)
    if plan is not None and state is not None and is_claim_of(claim, plan):
        return hold_put(plan, state)
    is_settled = place.clock.now() - claim.since > REQUEST_IN_FLIGHT  # else whoever made it may still take it back
    return hold_claimed(claim, place.forge.repository) if is_settled else None


def _commit_in(artifact: Artifact) -> str:
    return held_commit(artifact.name) if is_own_artifact(artifact) else ""

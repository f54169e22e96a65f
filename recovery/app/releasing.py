"""Use cases around holds, of people: list what is on hold, and release a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from recovery.app.held import (
    MOST_TAGS,
    Shelf,
    commits_listed,
    in_question,
    in_turn,
    on_shelf,
    proven_by,
    read_tags,
    rollbacks_on_record,
    tags_of_rollbacks,
)
from recovery.app.wiring import Workplace
from recovery.errors import NotFoundError
from recovery.models.decision import RecoveryPlan
from recovery.models.github import Artifact
from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import Claim, Hold, RollbackOrder
from recovery.policy.claims import LONGEST_HOLD, claim_at
from recovery.policy.holds import each_once, held_commit, is_standing, tags_of_configured
from recovery.policy.lifecycle import OPEN
from recovery.policy.naming import RETURN_TAGS, busy_tag, return_tag, rollback_tag

LISTED_FROM = LONGEST_HOLD + timedelta(days=1)
"""How far back artifacts of holds are listed: what is older is over."""


@dataclass(frozen=True)
class Held:
    """All that keeps a commit from being deployed, or rolled back, once more."""

    holds: tuple[tuple[str, str], ...]
    """Workflow and environment of each hold."""
    tags: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    """What runs that are believed left under the name of such a hold, damaged or not."""
    plans: tuple[RecoveryPlan, ...]
    """Rollbacks on record whose holds these are."""
    stays: tuple[Artifact, ...] = ()
    """Artifacts of that name which stay: there are too many to look into, or one is damaged that may be another's."""
    under_way: tuple[str, ...] = ()
    """Those of these rollbacks that have not come to their end."""


@dataclass(frozen=True)
class Released:
    """What releasing a commit did."""

    sha: str
    holds: tuple[tuple[str, str], ...]
    """Workflow and environment of each hold that was released."""
    artifacts: int
    """Artifacts that were deleted."""
    recoveries: tuple[str, ...]
    """Rollbacks on record whose holds these were."""
    stays: tuple[Artifact, ...] = ()
    """Artifacts named like its holds that were left."""
    under_way: tuple[str, ...] = ()
    """Those of these rollbacks that go on: nothing stops them."""


def list_holds(place: Workplace) -> tuple[Hold, ...]:
    """The holds that stand, the one that ends first first: those that `mode: guard` obeys, and those that tags prove.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    now = place.clock.now()
    listed = place.forge.artifacts_since(now - LISTED_FROM)
    found = [hold for sha in commits_listed(listed) for hold in on_shelf(place, sha, listed).holds]
    tags = in_question(place, tags_of_rollbacks(place))
    configured = tags_of_configured(tags, place.settings.rollback)
    others = tuple(tag for tag in tags if tag not in configured)
    in_order = (*in_turn(place, configured, MOST_TAGS), *in_turn(place, others, MOST_TAGS))
    proven = proven_by(place, read_tags(place, in_order[:MOST_TAGS]))
    return each_once(hold for hold in (*found, *proven) if is_standing(hold, now))


def all_that_holds(place: Workplace, sha: str, workflow: str = "") -> Held:
    """All that a release of a commit would take away, of one workflow or of all.

    Raises:
        NotFoundError: nothing holds this commit.
        ForgeError: GitHub cannot be asked.
    """
    tags = tags_of_rollbacks(place)
    returned = place.delivery.tags(RETURN_TAGS) if place.delivery is not None else ()
    claims = _claims_on(place, sha, tags, workflow)
    shelf = on_shelf(place, sha)
    artifacts = _of_workflow(shelf, workflow)
    on_record = [
        (plan, state, order)
        for plan, state, order in rollbacks_on_record(place)
        if order.bad_sha == sha and workflow in {"", order.workflow_name} and _may_be_released(plan, state)
    ]
    told: list[Claim | Hold | RollbackOrder] = [
        *claims,
        *(hold for hold in shelf.holds if workflow in {"", hold.workflow_name}),
        *(order for _, _, order in on_record),
    ]
    if not told and not artifacts:
        of = f" for `{workflow}`" if workflow else ""
        raise NotFoundError(f"nothing holds commit {sha}{of}", hint="`recovery holds` lists what is on hold")
    holds = sorted({(each.workflow_name, each.environment) for each in told})
    going_on = {plan.header.id for plan, state, _ in on_record if state.status in OPEN}
    return Held(
        holds=tuple(holds),
        tags=tuple(name for name in _tags_about(sha, holds) if name in {*tags, *returned}),
        artifacts=artifacts,
        plans=tuple(plan for plan, _, _ in on_record),
        stays=(*(left.artifact for left in shelf.left if left.hold is None and workflow), *shelf.beyond),
        under_way=tuple(sorted(going_on | _going_on(place, claims))),
    )


def release_hold(place: Workplace, sha: str, reason: str = "", workflow: str = "") -> Released:
    """Let a commit be deployed again, and be rolled back again should it be bad again; of one workflow or of all.

    The tags go first, for they are what holds it; then the artifacts that repeat it; the record says why. Whoever is
    killed on the way asks for it once more: what is left is found again.

    Raises:
        NotFoundError: nothing holds this commit.
        ForgeError: GitHub refused; the hint names the permission.
    """
    found = all_that_holds(place, sha, workflow)
    if place.delivery is not None:
        for tag in found.tags:
            place.delivery.delete_reference(f"tags/{tag}")
    for artifact in found.artifacts:
        place.forge.delete_artifact(artifact.id)
    for plan in found.plans:
        place.recorder.released(plan, reason)
    recoveries = tuple(plan.header.id for plan in found.plans)
    return Released(sha, found.holds, len(found.artifacts), recoveries, found.stays, found.under_way)


def commits_told_of(place: Workplace) -> frozenset[str]:
    """Every commit that a tag of a rollback, a hold or the record tells of, whether its hold is over or not."""
    tags = tags_of_rollbacks(place)
    on_record = {order.bad_sha for plan, state, order in rollbacks_on_record(place) if _may_be_released(plan, state)}
    return frozenset({held_commit(tag) for tag in tags} | {hold.sha for hold in list_holds(place)} | on_record)


def _claims_on(place: Workplace, sha: str, tags: Iterable[str], workflow: str) -> tuple[Claim, ...]:
    """What the tags of rollbacks of a commit say, whether their workflows are configured or not."""
    read = read_tags(place, [name for name in tags if held_commit(name) == sha])
    claims = (claim_at(tag) for tag in read.values())
    return tuple(claim for claim in claims if claim is not None and workflow in {"", claim.workflow_name})


def _of_workflow(shelf: Shelf, workflow: str) -> tuple[Artifact, ...]:
    """What goes with a workflow's hold; with all of them, also what cannot be read."""
    return tuple(
        left.artifact
        for left in shelf.left
        if not workflow or (left.hold is not None and left.hold.workflow_name == workflow)
    )


def _going_on(place: Workplace, claims: Iterable[Claim]) -> set[str]:
    """Those of the rollbacks whose other tag says that they go on."""
    told = list(claims)
    busy = read_tags(place, {busy_tag(claim.workflow_name, claim.environment) for claim in told})
    return {claim.recovery_id for claim in told} & {
        claim.recovery_id for claim in map(claim_at, busy.values()) if claim is not None
    }


def _tags_about(sha: str, holds: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The tag of each rollback, and that of a return from it: a commit that is free again begins anew."""
    for workflow, environment in holds:
        yield rollback_tag(workflow, environment, sha)
        yield return_tag(workflow, environment, sha)


def _may_be_released(plan: RecoveryPlan, state: RecoveryState) -> bool:
    """Whether a rollback on record has left a tag that keeps its commit from being rolled back again."""
    is_return = plan.rollback is None or plan.rollback.returns_from is not None
    came_to_nothing = not state.metadata.get("accepted") or state.metadata.get("outcome") == Outcome.NOT_RERUN
    return not is_return and not came_to_nothing and not state.metadata.get("hold_released_at")

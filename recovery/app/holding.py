"""Use cases around holds, of whoever rolls back and of the sweep: keep a commit from being deployed again.

GitHub is the truth: a hold stands while the tag of its rollback does. The artifacts are how `mode: guard` finds it in
one request, and the record follows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

from recovery.app.handover import Handover, write_whole
from recovery.app.held import (
    MOST_TAGS,
    Shelf,
    commits_listed,
    holds_on_record,
    in_question,
    in_turn,
    on_shelf,
    proven_by,
    read_tags,
    tags_of_rollbacks,
)
from recovery.app.wiring import Workplace
from recovery.errors import ForgeError, ForgeRefused
from recovery.models.github import Artifact, Tag
from recovery.models.rollback import HOLD_FILE, Hold
from recovery.policy.claims import read_claim
from recovery.policy.holds import (
    can_be_read,
    hold_artifact_name,
    hold_bytes,
    hold_of,
    hold_tag,
    is_configured,
    is_standing,
    same_hold,
    tags_of_configured,
)
from recovery.policy.limits import REQUEST_IN_FLIGHT

log = logging.getLogger(__name__)

HOLD_FOLDER = "hold"
"""The folder, below that of the use, which is uploaded as the hold's artifact."""

MOST_COMMITS = 20
"""Commits whose artifacts are looked into in one pass, three requests each where one rollback left one artifact."""

MOST_TRIES = 3
"""Artifacts for a commit that a sweep or a rollback uploaded, and that cannot be read: then no more are made up."""

TAG_GONE = "its tag is gone from GitHub"
"""The reason on record where somebody released a hold elsewhere."""


def write_hold(place: Workplace, handover: Handover) -> str:
    """Write the file of the hold that this use has put, or makes up for; the name of its artifact, or nothing.

    Its tag is looked at directly before: somebody may have released it since the plan was made.
    """
    hold = _put_by(place, handover) or handover.hold
    if hold is None or not can_be_read(hold, place.forge.repository) or _is_released(place, hold):
        return ""
    folder = place.context.directory / HOLD_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / HOLD_FILE, hold_bytes(hold))
    return hold_artifact_name(hold.sha)


def missing_hold(place: Workplace, recent: Iterable[Artifact] = ()) -> Hold | None:
    """A hold that a tag of a rollback proves, and no artifact tells: it is to be uploaded.

    What was rolled back from a shell is found so, too. Chance decides which of several comes first: one that cannot be
    uploaded keeps no other from it. Where the tag is gone, somebody has released the hold:
    the artifact goes, too, if it is among the `recent` ones or others speak of its commit, and the record says so.

    Requests: the tags' names, at most `MOST_TAGS` tags, and for at most `MOST_COMMITS` as many as `mode: guard` sends.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    is_own = place.context.workflow_path in {None, *place.settings.believed_workflows}
    if place.delivery is None or not place.settings.rollback or place.settings.dry_run or not is_own:
        return None
    names = tags_of_rollbacks(place)
    configured = tags_of_configured(names, place.settings.rollback)
    tags = read_tags(place, in_turn(place, in_question(place, configured), MOST_TAGS))
    _note_releases(place, names, tags)
    proven = [hold for hold in proven_by(place, tags) if is_configured(hold, place.settings.rollback)]
    commits = tuple(dict.fromkeys((*(hold.sha for hold in proven), *commits_listed(recent))))
    missing: list[Hold] = []
    for sha in in_turn(place, commits, MOST_COMMITS):
        shelf = on_shelf(place, sha)
        _take_away_released(place, shelf, names, tags)
        missing += [hold for hold in proven if hold.sha == sha and _is_missing(hold, shelf, place.forge.repository)]
    return missing[0] if missing else None


def note_releases(place: Workplace) -> None:
    """Put on record which holds were released elsewhere, so that what is decided from the record agrees with GitHub.

    Requests: the tags' names, and the tag of each hold on record that is not over.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    if place.delivery is None or place.settings.dry_run:
        return
    names = tags_of_rollbacks(place)
    on_record = {hold_tag(hold) for _, hold in holds_on_record(place)}
    known = tuple(name for name in in_question(place, names) if name in on_record)
    _note_releases(place, names, read_tags(place, in_turn(place, known, MOST_TAGS)))


def _put_by(place: Workplace, handover: Handover) -> Hold | None:
    for recovery_id in handover.execute:
        plan, state = place.store.plan(recovery_id), place.store.recovery(recovery_id)
        hold = hold_of(plan, state) if plan is not None and state is not None else None
        if hold is not None and is_standing(hold, place.clock.now()):
            return hold
    return None


def _is_released(place: Workplace, hold: Hold) -> bool:
    """In doubt it is not: the next sweep takes away what does not stand."""
    name = hold_tag(hold)
    try:
        with place.requests.phase("execute"):
            tags = read_tags(place, [name])
    except ForgeError as error:
        log.warning("hold not looked at again sha=%s reason=%s", hold.sha, error.message)
        return False
    return name in tags and _owner(tags[name]) != hold.recovery_id


def _is_missing(hold: Hold, shelf: Shelf, repository: str) -> bool:
    if any(same_hold(hold, kept) for kept in shelf.holds):
        return False
    unreadable = sum(left.hold is None for left in shelf.left)
    if unreadable >= MOST_TRIES or not can_be_read(hold, repository):
        log.warning("hold not made up recovery_id=%s sha=%s unreadable=%s", hold.recovery_id, hold.sha, unreadable)
        return False
    return True


def _note_releases(place: Workplace, names: Collection[str], tags: Mapping[str, Tag | None]) -> None:
    """Put on record what was released elsewhere; not where a tag speaks of that rollback as the record does not."""
    owners = {_owner(tag) for tag in tags.values()}
    for plan, hold in list(holds_on_record(place)):
        released = "" if plan.header.id in owners else _why_released(place, hold, names, tags)
        if released:
            place.recorder.released(plan, released)


def _take_away_released(place: Workplace, shelf: Shelf, names: Collection[str], tags: Mapping[str, Tag | None]) -> None:
    """Delete what a release left that was not finished, or that was uploaded while it went on."""
    for left in shelf.left:
        if left.hold is None or not _why_released(place, left.hold, names, tags):
            continue
        try:
            place.forge.delete_artifact(left.artifact.id)
        except ForgeRefused as error:
            log.warning("hold not taken away artifact_id=%s reason=%s", left.artifact.id, error.message)


def _why_released(place: Workplace, hold: Hold, names: Collection[str], tags: Mapping[str, Tag | None]) -> str:
    """Why a hold stands no more; empty where it does, or where that cannot be told now.

    The tag is looked at once more: a list that came back empty by mistake must not release what is held.
    """
    name = hold_tag(hold)
    is_unknown = name in names and name not in tags
    is_young = place.clock.now() - hold.since <= REQUEST_IN_FLIGHT
    if is_unknown or is_young or _owner(tags.get(name)) == hold.recovery_id:
        return ""
    again = read_tags(place, [name])
    owner = _owner(again.get(name))
    if name not in again or owner == hold.recovery_id:
        return ""
    if again[name] is None:
        return TAG_GONE
    return f"its tag was replaced by {f'that of {owner}' if owner else 'one that does not say whose it is'}"


def _owner(tag: Tag | None) -> str:
    """The rollback that a tag says it is of; empty where there is no tag, or it says nothing of the kind."""
    claim = read_claim(tag.message) if tag is not None else None
    return claim.recovery_id if claim is not None else ""

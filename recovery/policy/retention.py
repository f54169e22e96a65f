"""What may be deleted of the checkpoints in a repository: by age, count and size, and never what is still needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from recovery.models.catalogue import Fate, Held, Limits, readable_particulars
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.records import WorkflowCheckpoint


def held_of(checkpoint: WorkflowCheckpoint) -> Held | None:
    """What is held of a checkpoint; None when it has no artifact, or one that is gone."""
    particulars = readable_particulars(checkpoint)
    if particulars is None or particulars.artifact_id is None:
        return None
    if particulars.health in {CheckpointHealth.EXPIRED, CheckpointHealth.PRUNED}:
        return None
    leg = (checkpoint.workflow_name, particulars.job, particulars.matrix, checkpoint.checkpoint_name)
    return Held(
        id=checkpoint.id,
        workflow_name=checkpoint.workflow_name,
        name=checkpoint.checkpoint_name,
        series=json.dumps(leg, sort_keys=True),
        run_id=checkpoint.run_id,
        created_at=checkpoint.created_at,
        artifact_id=particulars.artifact_id,
        size=particulars.artifact_size,
        health=particulars.health,
        run_conclusion=particulars.run_conclusion,
        run_branch=particulars.run_branch,
        base=particulars.content.base if particulars.content else None,
    )


def decide_fates(
    held: Iterable[Held], now: datetime, limits: Limits, default_branch: str, needed: Mapping[str, str]
) -> tuple[Fate, ...]:
    """What to keep and what to delete, newest first; `needed` says of ids why they are kept whatever the limits say.

    A damaged checkpoint is never restored, so that nothing but `needed` keeps it.
    """
    ordered = sorted(held, key=lambda each: (each.created_at, each.id), reverse=True)
    kept_for = _rollback_targets(ordered, default_branch)
    kept_for |= {each.id: needed[each.id] for each in ordered if each.id in needed}
    against = _over_the_limits(ordered, now, limits, kept_for)
    kept = {each.id for each in ordered if each.id in kept_for or each.id not in against}
    while bases := _needed_bases(ordered, kept):
        kept_for |= dict.fromkeys(bases, "a checkpoint that is kept needs its packs")
        kept |= bases
    return tuple(
        Fate(
            checkpoint=each,
            keep=each.id in kept,
            reason=kept_for.get(each.id) or against.get(each.id) or "it is within the limits",
        )
        for each in ordered
    )


def _rollback_targets(ordered: Sequence[Held], default_branch: str) -> dict[str, str]:
    """Of each series, the newest that a rollback could return to: a leg needs its own."""
    targets: dict[str, str] = {}
    for each in ordered:
        good = each.run_conclusion == "success" and each.run_branch == default_branch and each.health.is_usable
        if good:
            targets.setdefault(each.series, each.id)
    return dict.fromkeys(
        targets.values(), f"it is the newest good one on {default_branch}, which a rollback returns to"
    )


def _over_the_limits(
    ordered: Sequence[Held], now: datetime, limits: Limits, kept_anyway: Collection[str]
) -> dict[str, str]:
    """Why each of these is to be deleted; what is not in it is within all limits."""
    against = {each.id: "it is damaged, and never restored" for each in ordered if _is_damaged(each)}
    sound = [each for each in ordered if not _is_damaged(each)]
    if limits.keep_days is not None:
        oldest = now - timedelta(days=limits.keep_days)
        against |= {
            each.id: f"it is older than {limits.keep_days:g} days" for each in sound if each.created_at < oldest
        }
    if limits.keep_count is not None:
        against |= _beyond_the_count(sound, limits.keep_count)
    if limits.max_size is not None:
        optional = [each for each in sound if each.id not in against and each.id not in kept_anyway]
        room = limits.max_size - sum(each.size for each in ordered if each.id in kept_anyway)
        for each in optional:
            room -= each.size
            if room < 0:
                against[each.id] = f"with the newer ones it would be more than {limits.max_size} bytes"
    return against


def _beyond_the_count(sound: Sequence[Held], most: int) -> dict[str, str]:
    seen: Counter[str] = Counter()
    beyond: dict[str, str] = {}
    for each in sound:
        seen[each.series] += 1
        if seen[each.series] > most:
            beyond[each.id] = f"there are {most} newer ones of the same job and name"
    return beyond


def _needed_bases(ordered: Sequence[Held], kept: Collection[str]) -> set[str]:
    """Ids of what those that are kept were packed against, and would be deleted."""
    bases = {each.base for each in ordered if each.id in kept}
    return {each.id for each in ordered if each.id in bases and each.id not in kept}


def _is_damaged(each: Held) -> bool:
    return each.health is CheckpointHealth.CORRUPT

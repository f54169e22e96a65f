"""Use case: delete the checkpoints on GitHub that nobody needs any more, and say of each why it goes or stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.app.cataloguing import look_at_artifacts, take_in
from recovery.app.wiring import Workplace
from recovery.errors import ForgeRefused
from recovery.models.catalogue import Fate, Held, Limits
from recovery.models.checkpoint import CheckpointHealth, parse_artifact_name
from recovery.models.github import Artifact
from recovery.policy.retention import decide_fates, held_of
from recovery.ports import Forge

LOOK_BACK = timedelta(days=90)
"""How far back plans and checkpoints are looked for before anything is deleted: as long as GitHub keeps artifacts
unless told otherwise."""

MOST_ARTIFACTS = 2000
"""Artifacts of the repository, the newest, among which they are looked for."""


@dataclass(frozen=True)
class Pruning:
    """What became of every checkpoint whose artifact GitHub holds, newest first."""

    fates: tuple[Fate, ...]

    @property
    def freed(self) -> int:
        """Bytes of all that is deleted."""
        return sum(fate.checkpoint.size for fate in self.fates if not fate.keep)


def prune(place: Workplace, limits: Limits, *, dry_run: bool, tell: Callable[[str], None]) -> Pruning:
    """Delete the artifacts of checkpoints that are over the limits and that nothing needs.

    What is needed is learnt first: open recoveries from their plans, checkpoints from their manifests, and from the
    runs whether one of them may be restoring just now. Killed at any point, the next pruning goes on.

    Raises:
        ForgeError: GitHub could not be asked, or refused; what was deleted before is on record.
    """
    now = place.clock.now()
    _learn(place, now - LOOK_BACK, tell)
    with place.requests.phase("checkpoints"):
        known = (held_of(checkpoint) for checkpoint in place.store.checkpoints(place.forge.repository))
        held = [each for each in known if each is not None]
        branch = place.forge.default_branch() if held else ""
        github = _AtGitHub(place.forge)
        needed = _named_by_open_recoveries(place)
        looked_at: set[str] = set()
        while True:  # what is spared takes room, so that others may be over the limit instead
            fates = decide_fates(held, now, limits, branch, needed)
            doomed = [fate.checkpoint for fate in fates if not fate.keep and fate.checkpoint.id not in looked_at]
            if not doomed:
                break
            looked_at |= {each.id for each in doomed}
            needed |= {each.id: reason for each in doomed if (reason := github.why_spared(each))}
        if not dry_run:
            _delete(place, fates, github, tell)
    return Pruning(fates)


def _learn(place: Workplace, since: datetime, tell: Callable[[str], None]) -> None:
    """Take in all there is, pass by pass; where GitHub does not answer, what is not known is not deleted."""
    tell("looking for plans and checkpoints")
    recent = look_at_artifacts(place, since, limit=MOST_ARTIFACTS)
    if len(recent) == MOST_ARTIFACTS:
        tell(f"only the newest {MOST_ARTIFACTS} artifacts were looked at")
    while (done := take_in(place, recent)).looked_into:
        tell(f"looked into {done.looked_into} more, took in {done.taken}")


def _named_by_open_recoveries(place: Workplace) -> dict[str, str]:
    """Ids of checkpoints that a recovery may still use, each with the reason to keep it."""
    needed: dict[str, str] = {}
    for state in place.store.unfinished(place.forge.repository):
        plan = place.store.plan(state.id)
        planned = [each.checkpoint_id for each in plan.checkpoints] if plan else []
        for checkpoint_id in (state.target_checkpoint_id, state.rollback_checkpoint_id, *planned):
            if checkpoint_id:
                needed.setdefault(checkpoint_id, f"the open recovery {state.id} names it")
    return needed


class _AtGitHub:
    """Runs and their artifacts as they are now: two requests for each run that something is to be deleted of."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._active: dict[str, bool] = {}
        self._listed: dict[str, dict[int, Artifact]] = {}

    def why_spared(self, held: Held) -> str | None:
        """Why an artifact must not be deleted whatever the limits say, or None."""
        if held.run_id not in self._active:
            self._look_at(held.run_id)
        if self._active[held.run_id]:
            return f"run {held.run_id} is active and may restore it"
        artifact = self._listed[held.run_id].get(held.artifact_id)
        name = parse_artifact_name(artifact.name) if artifact else None
        if artifact is not None and (name is None or not name.names(held.id)):
            return f"artifact {held.artifact_id} is not the one of this checkpoint"
        return None

    def lists(self, held: Held) -> bool:
        """Whether an artifact that was looked at is still there."""
        return held.artifact_id in self._listed[held.run_id]

    def _look_at(self, run_id: str) -> None:
        """What a run that is gone, or a number that is none, has left is nothing."""
        self._active[run_id], self._listed[run_id] = False, {}
        if not run_id.isdecimal():
            return
        try:
            self._active[run_id] = not self._forge.run(int(run_id)).completed
            self._listed[run_id] = {artifact.id: artifact for artifact in self._forge.artifacts_of_run(int(run_id))}
        except ForgeRefused as error:
            if error.status != 404:
                raise


def _delete(place: Workplace, fates: Iterable[Fate], github: _AtGitHub, tell: Callable[[str], None]) -> None:
    """Increments go before what they are based on, so that none is ever left without its base."""
    doomed = [fate for fate in fates if not fate.keep]
    for fate in sorted(doomed, key=lambda fate: (fate.checkpoint.base is None, fate.checkpoint.created_at)):
        held = fate.checkpoint
        if github.lists(held):
            place.forge.delete_artifact(held.artifact_id)
            place.recorder.judged(held.id, place.forge.repository, CheckpointHealth.PRUNED, f"pruned: {fate.reason}")
        else:
            place.recorder.judged(held.id, place.forge.repository, CheckpointHealth.EXPIRED, "its artifact is gone")
        tell(f"deleted {held.id}: {fate.reason}")

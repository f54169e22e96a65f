"""Use cases of the catalogue: plans, journals and the checkpoints of completed runs, learnt from their artifacts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from recovery.app.wiring import Workplace
from recovery.catalogue import Pass, ingest
from recovery.models.github import Artifact
from recovery.policy.trust import is_own_artifact
from recovery.recorder import Recorder
from recovery.sync import RecoveryWorkflow, sync_recent

log = logging.getLogger(__name__)

MOST_ARTIFACTS = 500
"""Artifacts of the repository, the newest, that one pass looks at."""

_PLANS = "recovery-plan."
"""How the names of plans' artifacts begin."""


def look_at_artifacts(place: Workplace, since: datetime, *, limit: int = MOST_ARTIFACTS) -> tuple[Artifact, ...]:
    """Fold what earlier recovery runs left, and take in checkpoints: one listing, which is returned, for both.

    Neither is journalled: both can be read again from the artifacts.
    """
    with place.requests.phase("sync"):
        recent = place.forge.artifacts_since(since, limit)
        if place.workflow is not None:
            sync_recent(place.archive, place.forge, place.workflow, since, recent)
            _warn_of_disbelief(place, place.workflow, recent)
    take_in(place, recent)
    return recent


def _warn_of_disbelief(place: Workplace, workflow: RecoveryWorkflow, recent: Sequence[Artifact]) -> None:
    """Say so where there are plans, but none of the recovery workflow: its path may be another one."""
    plans = [each.id for each in recent if each.name.startswith(_PLANS) and is_own_artifact(each)]
    if plans and not place.archive.folded(plans):
        log.warning(
            "none of the %s recovery plans that were found is believed: none is known to be made by %s on %s; name the"
            " recovery workflow in .github/recovery.yml, `recovery-workflow: …`, or in the command, `--workflow …`",
            len(plans),
            workflow.path,
            workflow.default_branch,
        )


def take_in(place: Workplace, artifacts: Sequence[Artifact]) -> Pass:
    """Take in as many of the checkpoints among these artifacts as one pass does."""
    with place.requests.phase("checkpoints"):
        recorder = Recorder(place.archive, place.clock, place.context.author)
        return ingest(place.archive, recorder, place.forge, artifacts, place.clock.now())

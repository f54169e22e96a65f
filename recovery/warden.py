"""Whether a commit is on hold, as GitHub's artifacts tell it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from recovery.errors import CheckpointRejected, ForgeRefused
from recovery.models.github import Artifact
from recovery.models.rollback import HOLD_FILE, Hold
from recovery.policy.holds import hold_artifact_name, read_hold
from recovery.policy.trust import is_own_artifact, is_recovery_run
from recovery.ports import Forge

log = logging.getLogger(__name__)

MOST_RUNS = 30
"""Runs of the default branch that are looked into for one commit, the newest: an artifact's name is free for everybody.

One rollback leaves one artifact. More runs than this leave as many only if somebody means them to.
"""

_GONE = frozenset({404, 410})


class KeptHold(NamedTuple):
    """A hold that is believed, and the artifact that keeps it."""

    hold: Hold
    artifact: Artifact


class LeftHold(NamedTuple):
    """What a run that is believed left under the name of a hold; without one where it is damaged, or is none."""

    hold: Hold | None
    artifact: Artifact


def holds_on(forge: Forge, sha: str, believed: Collection[str], default_branch: str = "") -> tuple[Hold, ...]:
    """The holds on a commit, over or not, that were made by one of the workflows that are believed.

    Requests: one by name; for each run of the default branch that left such an artifact, the run and, if it is
    believed, the file; the default branch where it is not given and something was found.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    named = artifacts_for(forge, sha)
    if not named:
        return ()
    branch = default_branch or forge.default_branch()
    return tuple(kept.hold for kept in kept_in(forge, made_on(branch, named), sha, believed, branch))


def artifacts_for(forge: Forge, sha: str) -> tuple[Artifact, ...]:
    """What this repository's own runs left under the name of a hold on a commit, newest first; one request."""
    return tuple(artifact for artifact in forge.artifacts_named(hold_artifact_name(sha)) if is_own_artifact(artifact))


def made_on(branch: str, artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Those that a run of the branch made, as far as GitHub tells: whoever may push another one may upload there."""
    return tuple(artifact for artifact in artifacts if artifact.head_branch in {None, branch})


def kept_in(
    forge: Forge, artifacts: Sequence[Artifact], sha: str, believed: Collection[str], branch: str
) -> Iterator[KeptHold]:
    """The holds on a commit among artifacts, in their order, each asked for when it is taken.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    for left in left_in(forge, artifacts, sha, believed, branch):
        if left.hold is not None:
            yield KeptHold(left.hold, left.artifact)


def left_in(
    forge: Forge, artifacts: Sequence[Artifact], sha: str, believed: Collection[str], branch: str
) -> Iterator[LeftHold]:
    """Those artifacts that runs left which are believed, whatever is in them, each asked for when it is taken.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    beyond = {artifact.id for artifact in not_looked_into(artifacts)}
    trusted: dict[int, bool] = {}
    for artifact in artifacts:
        if artifact.id in beyond:
            continue
        try:
            if artifact.run_id not in trusted:
                run = forge.run(artifact.run_id)
                trusted[run.id] = any(is_recovery_run(run, path, branch) for path in believed)
            if trusted[artifact.run_id]:
                yield LeftHold(_hold_in(forge, artifact, sha), artifact)
            else:
                log.warning("hold passed over artifact_id=%s reason=made by another workflow", artifact.id)
        except ForgeRefused as error:
            if error.status not in _GONE:  # else it was released meanwhile
                raise


def _hold_in(forge: Forge, artifact: Artifact, sha: str) -> Hold | None:
    try:
        content = forge.artifact_file(artifact, HOLD_FILE) or b""
        return read_hold(content, repository=forge.repository, sha=sha)
    except (CheckpointRejected, ForgeRefused) as error:
        if isinstance(error, ForgeRefused) and error.status is not None:  # else it is what was read that is refused
            raise
        log.warning("hold passed over artifact_id=%s reason=%s", artifact.id, error.message)
        return None


def not_looked_into(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """Those that are beyond the bound: more runs made artifacts of this name than are looked into."""
    every = tuple(artifacts)
    runs = tuple(dict.fromkeys(artifact.run_id for artifact in every))[:MOST_RUNS]
    return tuple(artifact for artifact in every if artifact.run_id not in runs)

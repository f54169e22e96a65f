"""What the store knows of checkpoints: the manifests of completed runs, taken in from their artifacts.

Artifacts are anybody's work who can push to the repository. A manifest is believed only where it says the same as
GitHub does, and what is wrong with one artifact never condemns a checkpoint that another artifact holds.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from recovery.errors import ArtifactDamaged, CheckpointRejected, ForgeError, ForgeRefused, UnknownSchema
from recovery.models.catalogue import health_fields, readable_particulars
from recovery.models.checkpoint import ArtifactName, CheckpointHealth, parse_artifact_name, particulars_of
from recovery.models.github import Artifact, Run
from recovery.models.manifest import MANIFEST, SCHEMA_VERSION, read_json, read_manifest
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.provenance import contradictions, is_checkpoint_id, origin_of
from recovery.policy.shortening import for_the_record
from recovery.policy.trust import is_own_artifact
from recovery.ports import Forge, Store

log = logging.getLogger(__name__)

MOST_RUNS = 20
MOST_MANIFESTS = 50
"""Completed runs and manifests that are looked into in one pass; the next pass goes on."""

MOST_LOOK_UPS = 40
"""Runs that are asked for in one pass, those counted that turn out not to have completed."""

SCHEMAS = 1000
"""More than there will ever be versions of the manifest."""

_FORBIDDEN = 403
"""What all further requests would be answered, too; any other refusal is about one run or artifact alone."""


class Chronicle(Protocol):
    """Where it is written down what was found; a `Recorder` is one."""

    def checkpointed(self, checkpoint: WorkflowCheckpoint) -> None:
        """Record a checkpoint."""
        ...

    def judged(self, checkpoint_id: str, repository: str, health: CheckpointHealth, detail: str = "") -> None:
        """Record what became known of a checkpoint's use."""
        ...


class Pass(Record):
    """What came of one pass."""

    taken: int = 0
    """Checkpoints that are on record now, and were not before."""
    looked_into: int = 0
    """Artifacts that no later pass of this version looks into again; where there was none, another pass is in vain."""


class _Found(Record):
    """An artifact that is named like a checkpoint's."""

    artifact: Artifact
    name: ArtifactName


def ingest(store: Store, chronicle: Chronicle, forge: Forge, recent: Sequence[Artifact], now: datetime) -> Pass:
    """Take in the checkpoints of completed runs among `recent`, the repository's artifacts.

    One request for each run and one for each manifest that is not known yet, within bounds. Where GitHub does not
    answer, the rest is left for another pass; a second pass over the same world writes nothing.
    """
    intake = _Intake(store, chronicle, forge)
    intake.judge_expired(recent, now)
    taken = looked_into = 0
    try:
        for run, found in _within_bounds(forge, intake.not_known_yet(recent)):
            artifact_id = found.artifact.id
            try:
                taken += intake.take_in(run, found)
            except UnknownSchema as error:
                log.warning("checkpoint left alone artifact_id=%s reason=%s", artifact_id, error.message)
                artifact_id = _left_alone(artifact_id)
            store.mark_folded([artifact_id])
            looked_into += 1
    except ForgeError as error:
        log.warning("checkpoints left for another pass reason=%s", error.message)
    return Pass(taken=taken, looked_into=looked_into)


def _left_alone(artifact_id: int) -> int:
    """The number under which it is remembered that a manifest cannot be read by a program that reads our schema.

    GitHub's own numbers are positive; a program that reads another schema looks under another number, and so asks.
    """
    return -(artifact_id * SCHEMAS + SCHEMA_VERSION)


class _Intake:
    """One pass: what it finds out about artifacts, it writes down at once."""

    def __init__(self, store: Store, chronicle: Chronicle, forge: Forge) -> None:
        self._store = store
        self._chronicle = chronicle
        self._forge = forge

    def judge_expired(self, recent: Iterable[Artifact], now: datetime) -> None:
        """Say of checkpoints whose artifact GitHub has deleted by now that they are of no more use."""
        expired = {artifact.id for artifact in recent if artifact.expired}
        for checkpoint in self._store.checkpoints(self._forge.repository):
            particulars = readable_particulars(checkpoint)
            if particulars is None or not particulars.health.is_usable:
                continue
            is_over = particulars.expires_at is not None and particulars.expires_at <= now
            if is_over or particulars.artifact_id in expired:
                self._judge(checkpoint.id, CheckpointHealth.EXPIRED, "its artifact has expired")

    def not_known_yet(self, recent: Iterable[Artifact]) -> list[_Found]:
        """Artifacts that hold checkpoints of this repository's own runs, newest first."""
        named = ((artifact, parse_artifact_name(artifact.name)) for artifact in recent if is_own_artifact(artifact))
        found = [
            _Found(artifact=artifact, name=name)
            for artifact, name in named
            if name is not None and name.run_id == artifact.run_id
        ]
        ids = [each.artifact.id for each in found]
        known = self._store.folded([*ids, *map(_left_alone, ids)])
        return [each for each in found if known.isdisjoint({each.artifact.id, _left_alone(each.artifact.id)})]

    def take_in(self, run: Run, found: _Found) -> bool:
        """Record what one artifact holds; whether that is a checkpoint to be relied on."""
        content = b""
        try:
            content = self._forge.artifact_file(found.artifact, MANIFEST) or b""
            checkpoint = _believed(content, run, found)
        except UnknownSchema:
            raise
        except (CheckpointRejected, ArtifactDamaged) as error:
            log.warning("checkpoint refused artifact_id=%s reason=%s", found.artifact.id, error.message)
            self._condemn(content, found, error.message)
            return False
        except ForgeRefused as error:
            if error.status == _FORBIDDEN:
                raise
            log.warning("checkpoint not read artifact_id=%s reason=%s", found.artifact.id, error.message)
            return False
        if self._is_anothers(checkpoint.id, found):
            log.warning("checkpoint passed over artifact_id=%s reason=another artifact has its id", found.artifact.id)
            return False
        short = for_the_record(checkpoint)
        if short is None:
            log.warning("checkpoint passed over artifact_id=%s reason=it is too large to record", found.artifact.id)
            return False
        self._chronicle.checkpointed(_as_seen(short, run, found))
        return True

    def _condemn(self, content: bytes, found: _Found, reason: str) -> None:
        """Exclude a checkpoint for good, if it can be told which one this artifact was to hold."""
        try:
            fields = read_json(content, source=found.artifact.name)
        except CheckpointRejected:
            return
        checkpoint_id = fields.get("id")
        if (
            fields.get("run_id") == str(found.name.run_id)  # a copy says nothing about what it was copied from
            and isinstance(checkpoint_id, str)
            and is_checkpoint_id(checkpoint_id)
            and found.name.names(checkpoint_id)
            and not self._is_anothers(checkpoint_id, found)
        ):
            self._judge(checkpoint_id, CheckpointHealth.CORRUPT, reason)

    def _is_anothers(self, checkpoint_id: str, found: _Found) -> bool:
        """Whether a checkpoint of this id is known from another run or artifact: ids are never used twice."""
        known = self._store.checkpoint(checkpoint_id)
        if known is None:
            return False
        held_in = known.metadata.get("artifact_id")
        return known.run_id != str(found.name.run_id) or held_in not in {None, found.artifact.id}

    def _judge(self, checkpoint_id: str, health: CheckpointHealth, detail: str) -> None:
        self._chronicle.judged(checkpoint_id, self._forge.repository, health, detail)


def _within_bounds(forge: Forge, waiting: Sequence[_Found]) -> Iterator[tuple[Run, _Found]]:
    """What is looked into in this pass, each with the run that made it, which has completed."""
    runs: dict[int, Run | None] = {}
    looked_into = 0
    for found in _from_both_ends(waiting):
        run_id = found.name.run_id
        if run_id not in runs:
            completed = sum(run is not None for run in runs.values())
            if completed == MOST_RUNS or len(runs) == MOST_LOOK_UPS:
                continue
            runs[run_id] = _completed_run(forge, run_id)
        run = runs[run_id]
        if run is None:
            continue
        if looked_into == MOST_MANIFESTS:
            log.info("more checkpoints than one pass takes in waiting=%s", len(waiting))
            return
        looked_into += 1
        yield run, found


def _from_both_ends(waiting: Sequence[_Found]) -> Iterator[_Found]:
    """The newest, the oldest, the second newest, and so on.

    However many new ones there are that cannot be taken in, the others get their turn before they are out of sight.
    """
    left = deque(waiting)
    while left:
        yield left.popleft()
        if left:
            yield left.pop()


def _completed_run(forge: Forge, run_id: int) -> Run | None:
    try:
        run = forge.run(run_id)
    except ForgeRefused as error:
        if error.status == _FORBIDDEN:
            raise
        return None
    return run if run.completed else None


def _believed(content: bytes, run: Run, found: _Found) -> WorkflowCheckpoint:
    """The checkpoint in an artifact's manifest.

    Raises:
        CheckpointRejected: the manifest is damaged, or says other than GitHub.
    """
    if not content:
        raise CheckpointRejected(f"the artifact {found.artifact.name} holds no {MANIFEST}")
    checkpoint = read_manifest(content, source=found.artifact.name)
    told = next(contradictions(checkpoint, particulars_of(checkpoint), origin_of(run, found.name)), None)
    if told is not None:
        raise CheckpointRejected(told)
    return checkpoint


def _as_seen(checkpoint: WorkflowCheckpoint, run: Run, found: _Found) -> WorkflowCheckpoint:
    """A checkpoint as it goes on record, with what GitHub tells of it."""
    seen: dict[str, Any] = {
        "artifact_id": found.artifact.id,
        "artifact_digest": found.artifact.digest,
        "artifact_size": found.artifact.size_in_bytes,
        "run_conclusion": run.conclusion,
        "run_branch": run.head_branch,
        "expires_at": found.artifact.expires_at.isoformat() if found.artifact.expires_at else None,
    } | health_fields(CheckpointHealth.VALID, "")
    # A clock that is ahead, or a liar, would make it the newest for ever: it was made before it was uploaded.
    made = min(checkpoint.created_at, found.artifact.created_at)
    return checkpoint.model_copy(update={"created_at": made, "metadata": checkpoint.metadata | seen})

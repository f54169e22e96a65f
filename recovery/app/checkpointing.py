"""Use case inside a job: record a checkpoint. Light on purpose: it runs in the user's own job."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.adapters.clock import SystemClock
from recovery.adapters.content.selection import Selection
from recovery.adapters.runner import RunnerContext
from recovery.adapters.vault import DirectoryVault, Progress
from recovery.app.choosing import chosen, digests_of, left_out
from recovery.app.job import RunningJob
from recovery.app.surroundings import Surroundings, refuse_secrets, surroundings_of
from recovery.errors import CheckpointRejected, InputError
from recovery.models.checkpoint import ArtifactName, Content, Particulars, particulars_of
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.file_names import STAGING_PREFIX
from recovery.policy.file_table import Limits, problems_of_content
from recovery.settings import Settings

if TYPE_CHECKING:
    from recovery.adapters.content.saving import Saved

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SUCCEEDING = frozenset({"", "success"})
"""Statuses of a job in which nothing has failed; off a runner there is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint is made, and of what."""

    workspace: Path
    checkpoints: Path
    """The folder with a folder for each checkpoint, and the job's progress."""
    store: Path
    """What makes the next checkpoint of the same job cheaper."""
    variables: Mapping[str, str]
    uploads: bool = True
    """Whether an artifact is made of the checkpoint's folder afterwards."""


class SavedCheckpoint(Record):
    """A checkpoint whose folder is complete, ready for the upload."""

    checkpoint: WorkflowCheckpoint
    digest: str
    artifact_name: str
    directory: Path
    measure: str
    """How much it is and how long it took, for people."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a checkpoint shall hold, checked: from here on only the disk can be in the way."""

    name: str
    selection: Selection | None
    surroundings: Surroundings
    dependency_digests: dict[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Written:
    """A checkpoint that is whole on the disk."""

    checkpoint: WorkflowCheckpoint
    digest: str
    artifact: str
    files: Saved | None


def place_of(context: RunnerContext, variables: Mapping[str, str]) -> Place:
    """Where the checkpoints of the running job are made: in one folder, which lasts as long as the job."""
    return Place(
        workspace=context.workspace,
        checkpoints=context.directory / "checkpoints",
        store=context.directory / "content",
        variables=variables,
    )


def save_checkpoint(job: RunningJob, settings: Settings, place: Place) -> SavedCheckpoint:
    """Write a checkpoint: its content first, its manifest last, so that half a one can be taken for none.

    Raises:
        InputError: the name is missing or unfit, something looks like a secret, or a pattern matches nothing.
        StateError: files cannot be read, or the checkpoint cannot be written.
    """
    begun = time.monotonic()
    vault = DirectoryVault(place.checkpoints, workspace=place.workspace, variables=place.variables)
    _finish_restore(settings, place.workspace)
    wanted = _checked(settings, place, vault)
    with vault.alone():
        vault.discard_unfinished()
        saved = _saved(job, settings, place, vault, wanted)
    measure = _measure(saved.files, time.monotonic() - begun) + _not_done(settings)
    return SavedCheckpoint(
        checkpoint=saved.checkpoint,
        digest=saved.digest,
        artifact_name=saved.artifact,
        directory=vault.manifest_path(saved.checkpoint.id).parent,
        measure=measure,
        warnings=wanted.warnings,
    )


def _finish_restore(settings: Settings, workspace: Path) -> None:
    """Finish a restore that was killed: what it has half moved is no state that anything was ever in."""
    if (settings.path or settings.dependencies) and any(workspace.glob(f"{STAGING_PREFIX}*")):
        from recovery.adapters.content.restoring import finish_interrupted  # rare, and it needs the compressor

        finish_interrupted(workspace)


def _saved(job: RunningJob, settings: Settings, place: Place, vault: DirectoryVault, wanted: _Wanted) -> _Written:
    clock = SystemClock()
    progress = vault.progress(job.owner)
    identity = f"ckpt-{clock.new_id()}"
    directory = vault.manifest_path(identity).parent
    artifact = _artifact_name(job, wanted.name, identity)
    try:
        saved = _save_files(wanted, directory, place, _base(vault, job, settings, progress))
        checkpoint = WorkflowCheckpoint(
            id=identity,
            repository=job.repository,
            workflow_name=job.workflow_name,
            run_id=job.run_id,
            commit_sha=job.commit_sha,
            checkpoint_type=settings.type,
            checkpoint_name=wanted.name,
            created_at=clock.now(),
            workflow_state=settings.state,
            environment_context=dict(wanted.surroundings.values),
            dependencies=list(wanted.dependency_digests),
            artifacts=[artifact] if place.uploads else [],
            metadata=_metadata(job, settings, wanted, _done(vault, progress), saved.content if saved else None),
        )
        digest = vault.put(checkpoint)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    vault.advance(_advanced(job, checkpoint, progress, saved))
    return _Written(checkpoint, digest, artifact, saved)


def _checked(settings: Settings, place: Place, vault: DirectoryVault) -> _Wanted:
    if not _NAME.fullmatch(settings.name):
        raise InputError(
            f"`name` must be 1 to 64 letters, digits, `-` or `_` (got {settings.name[:80]!r})",
            hint="name the checkpoint: `with: {mode: checkpoint, name: build-complete}`",
        )
    refuse_secrets(settings.state)
    surroundings = surroundings_of(vault, settings.environment)
    own = (place.checkpoints, place.store)
    locks = chosen(place.workspace, settings.dependencies, "dependencies", place.variables, own)
    selection = chosen(place.workspace, settings.path, "path", place.variables, own)
    return _Wanted(
        name=settings.name,
        selection=selection,
        surroundings=surroundings,
        dependency_digests=digests_of(vault, locks),
        warnings=(*left_out(locks, "dependencies"), *left_out(selection, "path")),
    )


def _save_files(wanted: _Wanted, directory: Path, place: Place, base: tuple[str, Content] | None) -> Saved | None:
    if wanted.selection is None:
        return None
    from recovery.adapters.content.saving import save_content  # a checkpoint of state only needs no compressor

    saved = save_content(wanted.selection.found, directory, store=place.store, base=base)
    for problem in problems_of_content(saved.content, Limits()):
        raise InputError(
            f"`path`: this could not be restored: {problem}",
            hint="take sparse or very repetitive files, or what else it is about, out with `!`",
        )
    return saved


def _base(
    vault: DirectoryVault, job: RunningJob, settings: Settings, progress: Progress | None
) -> tuple[str, Content] | None:
    """The checkpoint whose content an incremental one leaves out: of this run, with content, and based on none."""
    if not settings.incremental or progress is None or not progress.base:
        return None
    try:
        base = vault.get(progress.base)
        content = particulars_of(base).content if base is not None else None
    except CheckpointRejected:
        return None
    if base is None or content is None or base.run_id != job.run_id or content.base is not None:
        return None
    return base.id, content


def _done(vault: DirectoryVault, progress: Progress | None) -> tuple[str, ...]:
    """What was done when the job made or restored its latest checkpoint."""
    try:
        latest = vault.get(progress.latest) if progress is not None else None
        return particulars_of(latest).done if latest is not None else ()
    except CheckpointRejected:  # then less counts as done than is
        return ()


def _counts_as_done(settings: Settings) -> bool:
    """Whether what the checkpoint is named after was done: a step with `if: always()` saves what failed, too."""
    return settings.job_status in _SUCCEEDING


def _not_done(settings: Settings) -> str:
    if _counts_as_done(settings):
        return ""
    return f"; `{settings.name}` does not count as done, because the job's status is {settings.job_status[:40]!r}"


def _metadata(
    job: RunningJob, settings: Settings, wanted: _Wanted, done: tuple[str, ...], content: Content | None
) -> dict[str, object]:
    particulars = Particulars(
        attempt=job.attempt,
        job_id=job.job_id,
        job=job.job,
        matrix=job.matrix,
        ref=job.ref,
        event=job.event,
        job_status=settings.job_status,
        done=tuple(dict.fromkeys((*done, wanted.name))) if _counts_as_done(settings) else done,
        compatible=wanted.surroundings.compatible,
        dependency_digests=wanted.dependency_digests,
        content=content,
    )
    return particulars.model_dump(mode="json", include=particulars.model_fields_set)


def _artifact_name(job: RunningJob, name: str, identity: str) -> str:
    return str(
        ArtifactName(
            run_id=int(job.run_id) if job.run_id.isdecimal() else 0,
            attempt=job.attempt,
            job_id=int(job.job_id or 0),
            name=name,
            nonce=identity[-8:],
        )
    )


def _advanced(
    job: RunningJob, checkpoint: WorkflowCheckpoint, progress: Progress | None, saved: Saved | None
) -> Progress:
    base = progress.base if progress is not None else ""
    stands_alone = saved is not None and saved.content.base is None
    return Progress(owner=job.owner, latest=checkpoint.id, base=base or (checkpoint.id if stands_alone else ""))


def _measure(saved: Saved | None, seconds: float) -> str:
    if saved is None:
        return f"state only, {seconds:.1f} s"
    content = saved.content
    stored = sum(pack.size for pack in content.packs) + content.table_size
    files = "1 file" if content.files == 1 else f"{content.files:,} files"
    return (
        f"{files}, {_megabytes(content.bytes)}, {_megabytes(stored)} stored, {_megabytes(saved.new_bytes)} of it new,"
        f" {saved.reused:,} not read again, {seconds:.1f} s"
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"

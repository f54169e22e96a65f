"""Use case inside a job: record a checkpoint. Light on purpose: it runs in the user's own job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from recovery.adapters.clock import SystemClock
from recovery.adapters.runner import RunnerContext
from recovery.adapters.vault import DirectoryVault
from recovery.errors import InputError
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint
from recovery.settings import Settings

ENVIRONMENT_NAMES = ("RUNNER_OS", "RUNNER_ARCH", "ImageOS", "ImageVersion")
"""Variables that every checkpoint records, beside those asked for; never the whole environment."""

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class SavedCheckpoint(Record):
    """A checkpoint whose manifest lies in `directory`, ready for the upload."""

    checkpoint: WorkflowCheckpoint
    digest: str
    artifact_name: str
    directory: Path


def save_checkpoint(context: RunnerContext, settings: Settings, job_id: str, workflow_name: str) -> SavedCheckpoint:
    """Write the manifest of a checkpoint of the running job.

    Raises:
        InputError: the name is missing or unfit, a variable looks like a secret, a dependency matches no file.
    """
    clock = SystemClock()
    vault = DirectoryVault(context.directory / "checkpoints", workspace=context.workspace)
    name = _checked_name(settings.name)
    dependencies = _dependency_files(context.workspace, settings.dependencies)
    identity = clock.new_id()
    checkpoint = WorkflowCheckpoint(
        id=f"ckpt-{identity}",
        repository=context.repository,
        workflow_name=workflow_name,
        run_id=str(context.run_id or ""),
        commit_sha=context.sha,
        checkpoint_type=settings.type,
        checkpoint_name=name,
        created_at=clock.now(),
        workflow_state=settings.state,
        environment_context=dict(vault.environment(_checked_variables(settings.environment))),
        dependencies=list(dependencies),
        metadata={
            "attempt": context.attempt,
            "job_id": job_id,
            "ref": context.ref_name,
            "event": context.event_name,
            "job_status": settings.job_status,
            "dependency_digests": vault.digests(dependencies),
        },
    )
    digest = vault.put(checkpoint)
    artifact = f"recovery-checkpoint.{checkpoint.run_id}.{context.attempt}.{job_id or 0}.{name}.{identity[-8:]}"
    return SavedCheckpoint(
        checkpoint=checkpoint,
        digest=digest,
        artifact_name=artifact,
        directory=vault.manifest_path(checkpoint.id).parent,
    )


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"`name` must be 1 to 64 letters, digits, `-` or `_` (got {name[:80]!r})",
            hint="name the checkpoint: `with: {mode: checkpoint, name: build-complete}`",
        )
    return name


def _checked_variables(names: Sequence[str]) -> tuple[str, ...]:
    secret = next((name for name in names if _SECRET_NAME.search(name)), None)
    if secret is not None:
        raise InputError(
            f"`environment`: {secret} looks like a secret, and checkpoints can be read by everyone who can read the"
            " repository",
            hint="leave it out",
        )
    return (*ENVIRONMENT_NAMES, *names)


def _dependency_files(workspace: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    """Paths, relative to the workspace, of the files that the patterns name."""
    found: set[str] = set()
    for pattern in patterns:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise InputError(f"`dependencies`: {pattern} must be a path inside the workspace")
        try:
            files = [path for path in workspace.glob(pattern) if path.is_file()]
        except ValueError as error:
            raise InputError(f"`dependencies`: {pattern} is not a pattern: {error}") from error
        if not files:
            raise InputError(f"`dependencies`: {pattern} matches no file in the workspace")
        found.update(path.relative_to(workspace).as_posix() for path in files)
    return tuple(sorted(found))

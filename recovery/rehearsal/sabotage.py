"""What befalls artifacts, done to those of a world."""

from __future__ import annotations

import fnmatch
import io
import json
import zipfile
from collections.abc import Callable
from typing import assert_never

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.faults.artifacts import (
    ArtifactPlanted,
    ArtifactsDeleted,
    ArtifactsExpired,
    ArtifactsRewritten,
    ArtifactsTampered,
    ArtifactsTruncated,
    Harm,
)
from recovery.rehearsal.records import Artifact, Run
from recovery.rehearsal.repository import Repository, default_path
from recovery.rehearsal.runs import Runs
from recovery.rehearsal.vault import Vault, zip_of


def befall(vault: Vault, harm: Harm) -> None:
    """Let it happen to every artifact that fits.

    Raises:
        Refused: no artifact fits, or what is asked for cannot be done to it.
    """
    match harm:
        case ArtifactsExpired(expire=pattern):
            _each(vault, pattern, lambda artifact: vault.expire(artifact.id))
        case ArtifactsDeleted(delete=pattern):
            _each(vault, pattern, lambda artifact: vault.delete_artifact(artifact.id))
        case ArtifactsTampered(tamper=pattern):
            _each(vault, pattern, lambda artifact: vault.spoil(artifact.id, _with_another_byte(artifact.content)))
        case ArtifactsTruncated(truncate=pattern):
            _each(vault, pattern, lambda artifact: vault.spoil(artifact.id, _first_half(artifact.content)))
        case ArtifactsRewritten(rewrite=pattern):
            _each(vault, pattern, lambda artifact: vault.replace(artifact.id, _rewritten(artifact, harm)))
        case _:
            assert_never(harm)


def plant(vault: Vault, name: str, by: Run, deed: ArtifactPlanted) -> None:
    """Let a run upload an artifact that nobody expects of it.

    Raises:
        Refused: it was to be like another one, and none fits.
    """
    model = _files_of(_fitting(vault, deed.like)[0]) if deed.like else {}
    vault.add_artifact(by, name, {**model, **deed.files})


def stranger(repository: Repository, runs: Runs, workflow: str) -> Run:
    """A green run of another workflow, started by hand on the default branch."""
    text = json.dumps({"name": workflow, "on": "workflow_dispatch", "jobs": {}})
    registered = repository.add_workflow(default_path(workflow), text)
    branch = repository.default_branch
    run = runs.create(registered, event="workflow_dispatch", head_sha=repository.tip(branch), head_branch=branch)
    runs.begin(run.id, 1)
    return runs.complete(run.id, 1, conclusion="success")


def _each(vault: Vault, pattern: str, harm: Callable[[Artifact], object]) -> None:
    for artifact in _fitting(vault, pattern):
        harm(artifact)


def _fitting(vault: Vault, pattern: str) -> list[Artifact]:
    """The artifacts whose name fits a pattern, newest first; at least one."""
    found = [artifact for artifact in vault.artifacts() if fnmatch.fnmatchcase(artifact.name, pattern)]
    if not found:
        raise Refused(404, f"there is no artifact {pattern}")
    return found


def _files_of(artifact: Artifact) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(artifact.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _with_another_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def _first_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _rewritten(artifact: Artifact, deed: ArtifactsRewritten) -> bytes:
    files = _files_of(artifact)
    written = files.pop(deed.member, None)
    if deed.text is not None:
        files[deed.member] = deed.text
    elif deed.fields is not None:
        if written is None:
            raise Refused(404, f"there is no {deed.member} in {artifact.name}")
        files[deed.member] = json.dumps({**json.loads(written), **deed.fields})
    return zip_of(files)

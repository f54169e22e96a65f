"""A checkpoint brought from an artifact, a zip or a folder to a folder of its own, where it can be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recovery.adapters.content.unpacking import unpack_artifact
from recovery.errors import CheckpointRejected, ForgeRefused, InputError
from recovery.models.checkpoint import Particulars, parse_artifact_name, particulars_of
from recovery.models.github import Artifact
from recovery.models.manifest import MANIFEST, MANIFEST_LIMIT, read_manifest
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.continuation import made_at
from recovery.ports import Forge

_ARCHIVE = "artifact.zip"
_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A checkpoint that lies unpacked in a folder. Its manifest can be read; nothing in it is believed yet."""

    directory: Path
    checkpoint: WorkflowCheckpoint
    particulars: Particulars
    artifact: Artifact | None = None


def fetch(forge: Forge, artifact: Artifact, folder: Path) -> Fetched:
    """Download an artifact into a new folder and unpack it.

    Raises:
        ForgeError: it cannot be downloaded, or is not what was uploaded.
        CheckpointRejected: it is no checkpoint that can be read.
        OSError: there is no room for it.
    """
    folder.mkdir(parents=True)
    archive = folder / _ARCHIVE
    with archive.open("w+b") as file:
        forge.download_artifact(artifact, file)
    unpack_artifact(archive, folder / _CONTENT)
    archive.unlink()
    return read_folder(folder / _CONTENT, artifact.name, artifact)


def fetch_base(
    forge: Forge, fetched: Fetched, artifacts: Iterable[Artifact], folder: Path
) -> tuple[Fetched | None, str]:
    """The checkpoint that an incremental one builds on, out of the artifacts of the same run, or why it is not there.

    Raises:
        ForgeError: GitHub cannot be asked.
        OSError: there is no room for it.
    """
    content = fetched.particulars.content
    if content is None or content.base is None or fetched.artifact is None:
        return None, ""
    if made_at(content.base) is None:
        return None, "its id is none"
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in artifacts)
    found = next(
        (
            artifact
            for artifact, name in named
            if name is not None
            and artifact.run_id == name.run_id == fetched.artifact.run_id
            and name.names(content.base)
        ),
        None,
    )
    if found is None:
        return None, "is not among the artifacts of its run"
    try:
        return fetch(forge, found, folder), ""
    except (CheckpointRejected, ForgeRefused) as error:
        return None, f"cannot be used: {error.message}"


def open_local(path: Path, folder: Path) -> Fetched:
    """A checkpoint on disk: its folder as it is, or its zip unpacked into a new one.

    Raises:
        InputError: there is neither.
        CheckpointRejected: it is no checkpoint that can be read.
    """
    if path.is_dir():
        return read_folder(path, str(path))
    if not path.is_file():
        raise InputError(
            f"{path} is neither a folder nor a zip",
            hint="name the folder or zip of a checkpoint, or its id `ckpt-…` with `--repository owner/name`",
        )
    unpack_artifact(path, folder)
    return read_folder(folder, str(path))


def read_folder(directory: Path, source: str, artifact: Artifact | None = None) -> Fetched:
    """The checkpoint whose folder this is; `source` names it in errors.

    Raises:
        CheckpointRejected: the folder has no manifest, or one that cannot be read.
    """
    try:
        with (directory / MANIFEST).open("rb") as file:
            content = file.read(MANIFEST_LIMIT + 1)
    except FileNotFoundError as error:
        raise CheckpointRejected(f"{source} holds no {MANIFEST}, so that it is no checkpoint") from error
    checkpoint = read_manifest(content, source=source)
    return Fetched(directory, checkpoint, particulars_of(checkpoint), artifact)

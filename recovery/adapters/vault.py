"""Checkpoint manifests in a directory, one folder a checkpoint. Light on purpose: it runs inside users' jobs."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from recovery.adapters.content.locking import in_turn
from recovery.adapters.tools import versions_of
from recovery.errors import CheckpointRejected, InputError, StateError
from recovery.models.checkpoint import TOOL_PREFIX
from recovery.models.manifest import MANIFEST, MANIFEST_LIMIT, digest_of, manifest_bytes, read_manifest
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint

# An id becomes the name of a folder: nothing that climbs, hides, ends in a dot (Windows drops it) or grows too long.
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?")
_OWN_ID = re.compile(r"ckpt-[0-9a-z]{26}")
"""Ids that this program gives. Only folders of such names are ever removed."""

# Opening a FIFO would wait for its other end.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ELOOP}

PROGRESS = "latest.json"
"""The file beside the checkpoints' folders that says how far the job in this place has got."""


class Progress(Record):
    """How far a job has got: what its next checkpoint follows on."""

    owner: str
    """Tells apart the jobs that work in this place, one after the other."""
    latest: str
    """Id of the checkpoint that it made or restored last."""
    base: str = ""
    """Id of the self-contained checkpoint that its incremental ones are based on; empty while there is none."""


class DirectoryVault:
    """The port `CheckpointVault` on a directory: `root/{id}/manifest.json`, there whole or not at all.

    `workspace` and `variables` are what a checkpoint is compared with: the job's files and its environment.
    """

    def __init__(
        self, root: Path, *, workspace: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        self.root = root
        self._workspace = workspace or Path()
        self._variables = os.environ if variables is None else variables

    def put(self, checkpoint: WorkflowCheckpoint) -> str:
        """Write a checkpoint's manifest; return the manifest's digest (`sha256:…`).

        Raises:
            InputError: the checkpoint's id cannot be the name of a folder, or nobody could read its manifest.
            StateError: the directory cannot be written, or the content that belongs to the manifest is not there.
        """
        path = self.manifest_path(checkpoint.id)
        content = _readable(checkpoint)
        has_content = checkpoint.metadata.get("content") is not None
        if has_content and not path.parent.is_dir():
            raise StateError(f"the files of {checkpoint.id} are gone from {path.parent}", hint="save it again")
        try:
            if not has_content:
                path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
        except OSError as error:
            message = f"the checkpoint {checkpoint.id} cannot be written to {path.parent}: {error.strerror}"
            raise StateError(message, hint="name a directory that this user may write") from error
        return digest_of(content)

    def get(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """Read a checkpoint's manifest; None when this vault does not hold it.

        Raises:
            InputError: the id cannot be the name of a folder.
            CheckpointRejected: the manifest is damaged, of a newer version, or another checkpoint's.
            StateError: the manifest cannot be read.
        """
        path = self.manifest_path(checkpoint_id)
        try:
            with path.open("rb") as file:
                content = file.read(MANIFEST_LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StateError(f"the manifest {path} cannot be read: {error.strerror}") from error
        checkpoint = read_manifest(content, source=str(path))
        if checkpoint.id != checkpoint_id:
            raise CheckpointRejected(f"the manifest {path} is that of another checkpoint, {checkpoint.id!r}")
        return checkpoint

    def environment(self, names: Collection[str]) -> dict[str, str]:
        """The named variables, and versions of tools (`tool:NAME`), as they are now.

        A variable that is not set, and a tool that is not there or tells no version, is left out.
        """
        tools = [name.removeprefix(TOOL_PREFIX) for name in names if name.startswith(TOOL_PREFIX)]
        versions = {
            f"{TOOL_PREFIX}{tool}": version
            for tool, version in versions_of(tools, self._variables, self._workspace).items()
        }
        found = {name: self._variables.get(name, versions.get(name)) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def digests(self, paths: Collection[str]) -> dict[str, str]:
        """Digest of each file of the workspace as it is now.

        What is missing, is no file, or lies outside the workspace once links are followed, is left out.

        Raises:
            StateError: a file is there but cannot be read.
        """
        found = {}
        for path in paths:
            try:
                digest = _digest_within(self._workspace, path)
            except OSError as error:
                raise StateError(f"the file {path} cannot be read: {error.strerror}") from error
            if digest is not None:
                found[path] = digest
        return found

    def progress(self, owner: str) -> Progress | None:
        """How far that job has got; None when it has made and restored nothing here."""
        try:
            progress = Progress.model_validate_json((self.root / PROGRESS).read_bytes())
        except (OSError, ValidationError):  # it only saves time and tells what is done: without it all is done anew
            return None
        return progress if progress.owner == owner else None

    def advance(self, progress: Progress) -> None:
        """Note how far a job has got.

        Raises:
            StateError: the directory cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            _replace(self.root / PROGRESS, progress.model_dump_json().encode())
        except OSError as error:
            raise StateError(f"{self.root / PROGRESS} cannot be written: {error.strerror}") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold this vault from the first file of a checkpoint to its end; who saves here, too, waits for it.

        Raises:
            StateError: the directory cannot be made, or cannot be held.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"the folder {self.root} cannot be made: {error.strerror}",
                hint="name a directory that this user may write",
            ) from error
        with in_turn(self.root):
            yield

    def discard_unfinished(self) -> None:
        """Remove what a killed process left: folders of checkpoints without a manifest. Only for who is `alone`."""
        for folder in self.root.glob("ckpt-*"):
            if _OWN_ID.fullmatch(folder.name) and not folder.is_symlink() and not (folder / MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def manifest_path(self, checkpoint_id: str) -> Path:
        """Where the manifest of a checkpoint is, or would be.

        Raises:
            InputError: the id cannot be the name of a folder.
        """
        if not _ID.fullmatch(checkpoint_id):
            raise InputError(
                f"{checkpoint_id[:200]!r} is not a checkpoint's id",
                hint="an id has at most 128 letters, digits, `.`, `_` and `-`, and begins with a letter or digit",
            )
        return self.root / checkpoint_id / MANIFEST


def _readable(checkpoint: WorkflowCheckpoint) -> bytes:
    """The manifest of a checkpoint, of which it is certain that it can be read again."""
    try:
        content = manifest_bytes(checkpoint)
        read_manifest(content, source=f"of {checkpoint.id}")
    except (CheckpointRejected, ValueError, RecursionError) as error:
        reason = error.message if isinstance(error, CheckpointRejected) else "its state is no JSON that can be written"
        raise InputError(
            f"the checkpoint could not be restored: {reason}", hint="keep less, and less nested, in `state`"
        ) from error
    return content


def _digest_within(workspace: Path, path: str) -> str | None:
    location = os.path.realpath(workspace / path)
    if not Path(location).is_relative_to(os.path.realpath(workspace)):
        return None
    try:
        handle = os.open(location, _FLAGS)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place whole: a reader, or a machine that stops, sees the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

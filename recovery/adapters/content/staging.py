"""A folder beside the files it will become: prepared hidden, then moved into place in a way that can be finished later.

A restore that is killed before its record is written never happened; one killed later is finished from the record.
What is still to be moved is what still lies in the hidden folder, so that finishing twice does no harm.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from recovery.errors import CheckpointRejected, StateError
from recovery.models.manifest import read_json
from recovery.policy.file_names import STAGING_PREFIX, problem_of_path, told

RECORD = "commit.json"
_FORMAT = 1
_LAST_MOMENT = 2**63
_RECORD_LIMIT = 512 * 1024 * 1024
_KINDS_PREPARED = frozenset({stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR})


class FolderState(NamedTuple):
    """The mode that a folder has in the end, and when it was last changed, if that is restored, too."""

    path: str
    mode: int
    modified: int | None


@dataclass(frozen=True, slots=True)
class Staging:
    """A hidden folder inside the destination, in which a restore is prepared."""

    root: Path

    @property
    def files(self) -> Path:
        """The tree as it is to lie in the destination."""
        return self.root / "files"

    @property
    def destination(self) -> Path:
        """Where the tree belongs."""
        return self.root.parent

    @property
    def is_committed(self) -> bool:
        """Whether the record is written, and all that remains is to move."""
        return _kind(str(self.root / RECORD)) == stat.S_IFREG


def prepare(destination: Path) -> Staging:
    """A new, empty staging folder in a destination."""
    staging = Staging(Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=destination)))
    staging.files.mkdir()
    return staging


def discard(staging: Staging) -> None:
    """Remove a staging folder and all in it."""
    # The record goes first: what is half removed must never be taken for what is half moved.
    (staging.root / RECORD).unlink(missing_ok=True)
    shutil.rmtree(staging.root)


def leftovers(destination: Path) -> Iterator[Staging]:
    """The staging folders that earlier restores left in a destination: only this user's own, open to nobody else."""
    with os.scandir(destination) as entries:
        names = sorted(entry.name for entry in entries if entry.name.startswith(STAGING_PREFIX))
    for name in names:
        try:
            status = (destination / name).lstat()
        except FileNotFoundError:
            continue
        private = os.name == "nt" or (status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == stat.S_IRWXU)
        if stat.S_ISDIR(status.st_mode) and private:
            yield Staging(destination / name)


def commit(staging: Staging, folders: Sequence[FolderState]) -> None:
    """Write the record: from here on what is staged is put in its place, now or later.

    `folders` are those whose state is set in the end: empty ones that are restored, and read-only ones that are in the
    way.
    """
    content = json.dumps({"format": _FORMAT, "folders": folders}).encode()
    unfinished = staging.root / f"{RECORD}.unfinished"
    with unfinished.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(staging.root / RECORD)
    if os.name != "nt":  # a folder cannot be opened there
        handle = os.open(staging.root, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check(staging: Staging) -> None:
    """Look through what an earlier restore is said to have left: anybody may have planted it.

    Raises:
        StateError: there is something in it that no restore prepares.
    """
    if _kind(str(staging.files)) not in {None, stat.S_IFDIR}:
        raise _strange(staging, "files", "is no folder")
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in _listed(staging, folder):
            path = f"{folder}{entry.name}"
            kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
            problem = problem_of_path(path) if kind in _KINDS_PREPARED else "is neither file nor link nor folder"
            if problem is not None:
                raise _strange(staging, path, problem)
            if kind == stat.S_IFDIR:
                waiting.append(f"{path}/")


def _listed(staging: Staging, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(staging.files / folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _strange(staging, folder, f"cannot be read: {error.strerror}") from error


def finish(staging: Staging) -> None:
    """Move what has not been moved yet, set the folders' modes, and remove the staging folder.

    Raises:
        StateError: something is in the way; all stays as it is, to be finished later.
    """
    folders = _read_record(staging)
    try:
        for folder in sorted(folders, key=_path_of):
            _unlock(staging.destination, folder)
        if _kind(str(staging.files)) == stat.S_IFDIR:
            _move(str(staging.files), str(staging.destination))
        for folder in sorted(folders, key=_path_of, reverse=True):
            _settle(staging.destination, folder)
    except OSError as error:
        raise StateError(
            f"the restore into {staging.destination} is not finished: {told(str(error.filename))}: {error.strerror}",
            hint=f"remove what is in the way and restore again, or give the restore up by removing {staging.root}",
        ) from error
    discard(staging)


_path_of = attrgetter("path")
"""Sorted by it, a folder comes before those in it."""


def _unlock(destination: Path, folder: FolderState) -> None:
    place = _folder_at(destination, folder.path)
    if place is not None:
        mode = stat.S_IMODE(place.lstat().st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            place.chmod(mode | stat.S_IRWXU)


def _settle(destination: Path, folder: FolderState) -> None:
    place = _folder_at(destination, folder.path)
    if place is not None:
        if folder.modified is not None:
            os.utime(place, ns=(folder.modified, folder.modified))
        place.chmod(folder.mode)


def _folder_at(destination: Path, path: str) -> Path | None:
    """The folder of that path, if it is one and no link leads there: links may lead out of the destination."""
    place = destination
    for name in path.split("/"):
        place = place / name
        if _kind(str(place)) != stat.S_IFDIR:
            return None
    return place


def _move(source: str, target: str) -> None:
    """Move what lies in a staged folder into a folder of the destination, new folders in one piece."""
    with os.scandir(source) as listing:
        entries = list(listing)
    for entry in entries:
        place = f"{target}/{entry.name}"
        kind = _kind(place)
        if kind == stat.S_IFDIR and entry.is_dir(follow_symlinks=False):
            _move(entry.path, place)
        elif kind is not None and entry.is_dir(follow_symlinks=False):
            raise NotADirectoryError(0, "it is not a folder", place)
        else:
            if kind == stat.S_IFDIR:
                os.rmdir(place)  # noqa: PTH106 (paths are plain texts here: there may be many thousands)
            os.replace(entry.path, place)  # noqa: PTH105


def _kind(path: str) -> int | None:
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except FileNotFoundError:
        return None


def _read_record(staging: Staging) -> list[FolderState]:
    """The folders of a record, which may have been planted by anybody who can write into the destination."""
    place = staging.root / RECORD
    if place.stat().st_size > _RECORD_LIMIT:
        raise _damaged(place)
    try:
        fields = read_json(place.read_bytes(), source=str(place))
    except CheckpointRejected as error:
        raise _damaged(place) from error
    rows = fields.get("folders")
    if fields.get("format") != _FORMAT or not isinstance(rows, list) or not all(map(_is_sound, rows)):
        raise _damaged(place)
    return [FolderState(*row) for row in rows]


def _is_sound(row: Any) -> bool:
    match row:
        case [str(path), int(mode), int() | None as modified]:
            return problem_of_path(path) is None and 0 <= mode <= 0o777 and abs(modified or 0) < _LAST_MOMENT
        case _:
            return False


def _strange(staging: Staging, path: str, problem: str) -> StateError:
    return StateError(
        f"what an interrupted restore seems to have left is not put in its place: {told(path)} {problem}",
        hint=f"remove the folder {staging.root}, and find out who made it",
    )


def _damaged(record: Path) -> StateError:
    return StateError(
        f"the record of an interrupted restore, {record}, is damaged", hint=f"remove the folder {record.parent}"
    )

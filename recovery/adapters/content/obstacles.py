"""What in a destination stands in the way of a restore, found before anything is written."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from recovery.adapters.content.staging import FolderState
from recovery.errors import StateError
from recovery.models.checkpoint import Content, Entry, FileTable
from recovery.policy.file_names import told

_BLOCK = 4096
"""Bytes that a file takes on the disk beyond its content, at most."""


def check_room(destination: Path, content: Content) -> None:
    """Whether what is restored fits beside what is there, for both are there until the end.

    Raises:
        StateError: it does not.
    """
    needed = content.bytes + content.files * _BLOCK
    free = shutil.disk_usage(destination).free
    if needed > free:
        raise StateError(
            f"there are {free} bytes free at {destination}, the checkpoint's files need {needed}",
            hint="free space first, or keep fewer files in checkpoints",
        )


def check_way(destination: Path, table: FileTable) -> list[FolderState]:
    """Whether every entry can take its place; return the state in which folders have to be left.

    Raises:
        StateError: a link stands where a folder is needed, a folder with content where a file is, or the like.
    """
    standing = _standing(destination, table)
    receiving = {_above(entry.path) for entry in table.entries}
    receiving |= {_above(path) for path, status in standing.items() if status is None}
    states: dict[str, FolderState] = {}
    device = destination.lstat().st_dev
    for path, status in standing.items():
        if status is not None:
            _check_folder(destination, path, status, device)
            if not os.access(destination / path, os.W_OK | os.X_OK if path in receiving else os.X_OK):
                states[path] = _own(destination, path, status)
    for entry in table.entries:
        if standing[_above(entry.path)] is not None:
            _check_place(destination, entry)
        if entry.kind == "d":
            states[entry.path] = FolderState(entry.path, entry.mode, entry.modified)
    return list(states.values())


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _standing(destination: Path, table: FileTable) -> dict[str, os.stat_result | None]:
    """What stands at the place of each folder above an entry, parents first; None where nothing does."""
    standing: dict[str, os.stat_result | None] = {"": destination.lstat()}
    for folder in sorted({_above(entry.path) for entry in table.entries} - {""}):
        above = ""
        for name in folder.split("/"):
            path = f"{above}/{name}" if above else name
            if path not in standing:
                standing[path] = None if standing[above] is None else _status(f"{destination}/{path}")
            above = path
    return standing


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check_folder(destination: Path, path: str, status: os.stat_result, device: int) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _in_the_way(destination, path, "is a link there, and nothing is written through links")
    if not stat.S_ISDIR(status.st_mode):
        raise _in_the_way(destination, path, "is no folder there, and the checkpoint has files below it")
    if status.st_dev != device:
        raise _in_the_way(destination, path, "lies on another file system, where files cannot be moved to")


def _own(destination: Path, path: str, status: os.stat_result) -> FolderState:
    """The state of a read-only folder, to be set again afterwards."""
    if not path or not _is_ours(status):
        raise _in_the_way(destination, path or ".", "is a folder that this user may not write into")
    return FolderState(path, stat.S_IMODE(status.st_mode) & 0o777, None)


def _is_ours(status: os.stat_result) -> bool:
    return os.name == "nt" or os.geteuid() in {0, status.st_uid}


def _check_place(destination: Path, entry: Entry) -> None:
    status = _status(f"{destination}/{entry.path}")
    if status is None:
        return
    is_folder = stat.S_ISDIR(status.st_mode)
    if entry.kind != "d":
        if is_folder and (os.path.ismount(destination / entry.path) or any((destination / entry.path).iterdir())):
            raise _in_the_way(destination, entry.path, "is a folder with content there, and none in the checkpoint")
    elif not is_folder:
        raise _in_the_way(destination, entry.path, "is no folder there, and one in the checkpoint")
    elif not _is_ours(status):
        raise _in_the_way(destination, entry.path, "is a folder of another user")


def _in_the_way(destination: Path, path: str, what: str) -> StateError:
    return StateError(
        f"nothing is restored: {told(path)} {what}",
        hint=f"move it out of the way, or restore into another folder than {destination}",
    )

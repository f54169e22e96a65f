"""A checkpoint's files put back: verified, prepared beside their place, then moved into it, all or none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recovery.adapters.content import staging as stages
from recovery.adapters.content.checking import each_pack, open_content
from recovery.adapters.content.locking import alone
from recovery.adapters.content.obstacles import check_room, check_way
from recovery.adapters.content.pack_reading import PackFile, PackReader
from recovery.adapters.content.writing import Writer
from recovery.errors import StateError
from recovery.models.checkpoint import Content, FileTable

Progress = Callable[[int, int], None]
"""Told, now and then, how many bytes of how many are read back."""


@dataclass(frozen=True)
class RestoredContent:
    """What was restored."""

    files: int
    """Files, links and empty folders."""
    bytes: int


def restore_content(
    directory: Path,
    content: Content,
    destination: Path,
    *,
    base: Path | None = None,
    progress: Progress | None = None,
) -> RestoredContent:
    """Put the files of the checkpoint in `directory` back into `destination`; what it does not name is left alone.

    `base` is the folder of the checkpoint whose packs it refers to. Whenever this ends, or is ended, `destination` is
    as it was, or has every file of the checkpoint; at the latest after `finish_interrupted`, which it calls first.

    Raises:
        CheckpointRejected: the checkpoint is not what was declared, or must not be restored.
        StateError: the destination cannot take it: something is in the way, or the disk is full.
    """
    table, packs = open_content(directory, content, base)
    with _held(destination) as place:
        _finish_all(place)
        check_room(place, content)
        folders = check_way(place, table)
        _restore(place, table, packs, folders, progress)
    return RestoredContent(files=content.files, bytes=content.bytes)


def finish_interrupted(destination: Path) -> bool:
    """Finish what a restore that was killed had begun to move, and remove what it had only prepared.

    Returns whether there was anything of the kind.

    Raises:
        StateError: another restore is going on there, something is in the way, or this user may not write there.
    """
    try:
        if not destination.is_dir():
            return False
        with alone(destination):
            return _finish_all(destination.resolve())
    except OSError as error:
        raise _unwritable(destination, error) from error


def _finish_all(destination: Path) -> bool:
    left = list(stages.leftovers(destination))
    for staging in left:
        if staging.is_committed:
            stages.check(staging)
            stages.finish(staging)
        else:
            stages.discard(staging)
    return bool(left)


@contextmanager
def _held(destination: Path) -> Iterator[Path]:
    """Where the destination really is, made where there is none, and held; removed again when it stays empty.

    Only who made it and holds it removes it: to another restore, which waits for nothing, it may be where it works.
    Where two fail at once, one may have made it and the other held it. It then stays, empty: nothing tells it from a
    folder that somebody else put there.
    """
    try:
        place = Path(os.path.realpath(destination))  # `Path.resolve` has an error of its own for links in a circle
        made = [each for each in (place, *place.parents) if not os.path.lexists(each)]
        _make(place, made)
        with alone(place), _removed_again(made):
            yield place
    except OSError as error:
        raise _unwritable(destination, error) from error


def _make(destination: Path, missing: list[Path]) -> None:
    with _removed_again([folder for folder in missing if folder != destination]):
        destination.mkdir(parents=True, exist_ok=True)


@contextmanager
def _removed_again(folders: list[Path]) -> Iterator[None]:
    """Folders, the innermost first, that are not to stay empty where something fails."""
    try:
        yield
    except BaseException:
        for folder in folders:
            with suppress(OSError):  # it is not empty, or gone: what failed is what matters
                folder.rmdir()
        raise


def _restore(
    destination: Path,
    table: FileTable,
    packs: tuple[PackFile, ...],
    folders: list[stages.FolderState],
    progress: Progress | None,
) -> None:
    staging = stages.prepare(destination)
    try:
        _fill(staging.files, table, packs, progress)
        stages.commit(staging, folders)
    except BaseException:
        stages.discard(staging)
        raise
    stages.finish(staging)


def _fill(root: Path, table: FileTable, packs: tuple[PackFile, ...], progress: Progress | None) -> None:
    """Write everything below `root`, each pack's part as soon as the pack is verified."""
    writer = Writer(str(root), table, len(packs))
    reader = PackReader(packs, table.chunks)
    tell = _Telling(sum(file.pack.raw_size for file in packs), progress)
    writer.begin()

    def restore(number: int) -> None:
        writer.write_pack(number, reader.read(number))
        tell.read(packs[number].pack.raw_size)

    each_pack(packs, restore)
    writer.end()


class _Telling:
    """Adds up what threads have read, and tells it."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def read(self, size: int) -> None:
        with self._lock:
            self._done += size
            if self._progress is not None:
                self._progress(self._done, self._total)


def _unwritable(destination: Path, error: OSError) -> StateError:
    return StateError(
        f"the files cannot be restored into {destination}: {error.strerror or error}",
        hint="name a folder that this user may write, on a disk with enough space",
    )

"""Files written from verified packs into a folder of our own, where nothing else is."""

from __future__ import annotations

import os
import posixpath
from typing import NamedTuple

from recovery.models.checkpoint import Entry, FileTable

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_AGAIN = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BY_HANDLE = os.utime in os.supports_fd and hasattr(os, "fchmod")
_LINK_TIMES = os.utime in os.supports_follow_symlinks


class _Part(NamedTuple):
    """A run of bytes of a pack, and where in which file it belongs."""

    path: str
    position: int
    offset: int
    length: int


class Writer:
    """Writes the entries of a table below `root`, pack by pack, from any number of threads."""

    def __init__(self, root: str, table: FileTable, packs: int) -> None:
        self._root = root
        self._table = table
        self._folders = _folders_of(table)
        self._whole: list[list[Entry]] = [[] for _ in range(packs)]
        """Files all of whose bytes lie in one pack."""
        self._parts: list[list[_Part]] = [[] for _ in range(packs)]
        self._apart: list[Entry] = []
        """Files whose bytes lie in several packs, or that have none."""
        self._share_out()

    def begin(self) -> None:
        """Make the folders, and the files that are not written in one go."""
        for folder in sorted(self._folders):
            os.mkdir(f"{self._root}/{folder}")  # noqa: PTH102 (a Path for each of many thousands takes too long)
        for entry in self._apart:
            os.close(os.open(f"{self._root}/{entry.path}", _NEW, 0o600))

    def write_pack(self, number: int, raw: memoryview) -> None:
        """Write all that lies in one pack."""
        for entry in self._whole[number]:
            self._write_whole(entry, raw)
        for part in self._parts[number]:
            handle = os.open(f"{self._root}/{part.path}", _AGAIN)
            try:
                os.lseek(handle, part.position, os.SEEK_SET)
                _write(handle, raw[part.offset : part.offset + part.length])
            finally:
                os.close(handle)

    def end(self) -> None:
        """Give what was not written in one go its mode and time, and make the links."""
        for entry in self._apart:
            path = f"{self._root}/{entry.path}"
            os.utime(path, ns=(entry.modified, entry.modified))
            os.chmod(path, entry.mode)  # noqa: PTH101
        for entry in self._table.entries:
            if entry.kind == "l":
                self._link(entry)

    def _share_out(self) -> None:
        chunks = self._table.chunks
        for entry in self._table.entries:
            if entry.kind != "f":
                continue
            packs = {chunks[number].pack for number in entry.chunks}
            if len(packs) == 1:
                self._whole[packs.pop()].append(entry)
                continue
            self._apart.append(entry)
            position = 0
            for number in entry.chunks:
                chunk = chunks[number]
                self._parts[chunk.pack].append(_Part(entry.path, position, chunk.offset, chunk.length))
                position += chunk.length

    def _write_whole(self, entry: Entry, raw: memoryview) -> None:
        path = f"{self._root}/{entry.path}"
        handle = os.open(path, _NEW, entry.mode)
        try:
            start = end = 0
            for number in entry.chunks:
                chunk = self._table.chunks[number]
                if chunk.offset != end:
                    _write(handle, raw[start:end])
                    start = chunk.offset
                end = chunk.offset + chunk.length
            _write(handle, raw[start:end])
            if _BY_HANDLE:
                os.fchmod(handle, entry.mode)
                os.utime(handle, ns=(entry.modified, entry.modified))
        finally:
            os.close(handle)
        if not _BY_HANDLE:
            os.utime(path, ns=(entry.modified, entry.modified))
            os.chmod(path, entry.mode)  # noqa: PTH101

    def _link(self, entry: Entry) -> None:
        path = f"{self._root}/{entry.path}"
        aim = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.target))
        os.symlink(entry.target, path, target_is_directory=aim == "." or aim in self._folders)  # noqa: PTH211
        if _LINK_TIMES:
            os.utime(path, ns=(entry.modified, entry.modified), follow_symlinks=False)


def _folders_of(table: FileTable) -> set[str]:
    """Every folder that an entry is or lies in."""
    folders: set[str] = set()
    for entry in table.entries:
        folder = entry.path if entry.kind == "d" else entry.path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _write(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]

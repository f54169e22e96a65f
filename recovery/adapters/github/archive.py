"""Files out of a zip that somebody else made: read in memory, bounded, and believed nothing."""

from __future__ import annotations

import zipfile
from typing import Protocol

from recovery.adapters.foreign_zip import BROKEN, METHODS

MEMBER_LIMIT = 32 * 1024 * 1024
"""Bytes of one file that are read; plans and journals have some thousand."""


_SHOWN = 200
"""Characters of a file's name that an error repeats."""

MOST_MEMBERS = 2000
"""Files of one kind that are read of one zip."""

MEMBERS_LIMIT = 64 * 1024 * 1024
"""Bytes of all of them together."""


class BadArchive(Exception):
    """An archive that is not read, in words that say why."""


class Readable(Protocol):
    """A file that can be read at any place."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Read on at another place."""
        ...

    def tell(self) -> int:
        """The place."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, or all that are left."""
        ...


def member(file: Readable, name: str, limit: int = MEMBER_LIMIT) -> bytes | None:
    """The file of exactly this name in a zip; None when it is not in it.

    Raises:
        BadArchive: the zip is broken, or the file is there twice, encrypted, packed oddly, or larger than `limit`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            found = [info for info in archive.infolist() if info.filename == name]
            return _read(archive, found, name, limit) if found else None
    except BROKEN as error:
        raise BadArchive(f"it is not a sound zip ({type(error).__name__})") from error


def members(file: Readable, ending: str, limit: int = MEMBERS_LIMIT) -> tuple[bytes, ...]:
    """The content of every file in a zip whose name ends so, in any case; the names themselves are used for nothing.

    Raises:
        BadArchive: the zip is broken, or such files are too many or too large, encrypted, or packed oddly.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            found = [info for info in archive.infolist() if info.filename.casefold().endswith(ending)]
            if len(found) > MOST_MEMBERS:
                raise BadArchive(f"it holds {len(found)} files, more than the {MOST_MEMBERS} that are read")
            size = sum(info.file_size for info in found)
            if size > limit:
                raise BadArchive(f"its files have {size} bytes, more than the {limit} that are read")
            return tuple(_read(archive, [info], info.filename[:_SHOWN], MEMBER_LIMIT) for info in found)
    except BROKEN as error:
        raise BadArchive(f"it is not a sound zip ({type(error).__name__})") from error


def _read(archive: zipfile.ZipFile, found: list[zipfile.ZipInfo], name: str, limit: int) -> bytes:
    if len(found) > 1:
        raise BadArchive(f"{name!r} is in it {len(found)} times")
    info = found[0]
    if info.flag_bits & 0x1:
        raise BadArchive(f"{name!r} is encrypted")
    if info.compress_type not in METHODS:
        raise BadArchive(f"{name!r} is packed in an unknown way")
    if info.file_size > limit:
        raise BadArchive(f"{name!r} has {info.file_size} bytes, more than the {limit} that are read")
    with archive.open(info) as file:
        # The size in the zip's list may lie; what is read is bounded by what the list said and by its checksum.
        content = file.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise BadArchive(f"{name!r} has another size than the zip says")
    return content

"""A file on the download host, of which only what is read is fetched."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable

from recovery.adapters.github.archive import BadArchive
from recovery.adapters.github.downloads import Part

AHEAD = 128 * 1024
"""Bytes that are fetched at least: more than the end of a zip with the longest comment, so that it is one part."""


class RangedFile(io.RawIOBase):
    """A file to be read at any place, for `zipfile`; what was fetched once is kept.

    `fetch` gives so many bytes from a place on. `size` is what the file is thought to have; the first part, its end,
    tells what it has. More than `most` bytes in all are not fetched.

    Raises:
        BadArchive: what is read of it outgrows the bound.
    """

    def __init__(self, fetch: Callable[[int, int], Part], size: int, most: int) -> None:
        self._fetch = fetch
        self._left = most
        self._position = 0
        self._parts: list[Part] = []
        self._size = self._load(max(0, size - AHEAD), AHEAD).total

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next reading begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Read on at another place, which may lie behind the end but not before the beginning."""
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if place < 0:
            raise OSError(errno.EINVAL, "the place lies before the beginning")
        self._position = place
        return place

    def read(self, size: int = -1, /) -> bytes:
        """All of the next bytes, up to the end of the file."""
        start = self._position
        end = self._size if size < 0 else min(start + size, self._size)
        if start >= end:
            return b""
        part = self._kept(start, end) or self._load(start, min(max(end - start, AHEAD), self._size - start))
        content = part.content[start - part.start : end - part.start]
        self._position = start + len(content)
        return content

    def _kept(self, start: int, end: int) -> Part | None:
        fitting = (part for part in self._parts if part.start <= start and end <= part.start + len(part.content))
        return next(fitting, None)

    def _load(self, start: int, length: int) -> Part:
        self._left -= length
        if self._left < 0:
            raise BadArchive("too much of it would have to be read")
        part = self._fetch(start, length)
        self._parts.append(part)
        return part

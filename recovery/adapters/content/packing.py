"""Chunks gathered into packs, which are compressed and written in threads while the next chunks are read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from mmap import mmap
from pathlib import Path
from queue import SimpleQueue

import zstandard
from blake3 import blake3

from recovery.adapters.content.durable import TEMPORARY, write_all
from recovery.models.checkpoint import Pack

LARGEST_PACK = 64 * 1024 * 1024
SMALLEST_PACK = 16 * 1024 * 1024
PACKS_AT_LEAST = 24
"""Packs that much content is divided into: threads end at about the same time, and less of it is in memory at once."""

MEMORY = 2 * LARGEST_PACK
"""Bytes of packs that are filled or compressed at the same time."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def size_of_packs(content: int) -> int:
    """How long the packs of so many bytes are, before they are compressed: depends on nothing else."""
    return min(max(content // PACKS_AT_LEAST, SMALLEST_PACK), LARGEST_PACK)


class Packer(AbstractContextManager["Packer"]):
    """Fills one pack after the other, and writes each into `folder`. Equal chunks in equal order make equal packs.

    `keep` is called, in another thread, with the path of each pack that is there for good.
    """

    def __init__(self, folder: Path, *, size: int, keep: Callable[[Path], None]) -> None:
        self._folder = folder
        self._size = size
        self._keep = keep
        self._spare: SimpleQueue[mmap] = SimpleQueue()
        self._buffers = max(2, min(MEMORY // size, 1 + (os.cpu_count() or 1)))
        self._buffer: mmap | None = None
        self._filled = 0
        self._of_large_files = 0
        self._packs: list[Future[Future[Pack]]] = []
        self._compressing = ThreadPoolExecutor()
        self._settling = ThreadPoolExecutor(1)

    def __exit__(self, *error: object) -> None:
        self._compressing.shutdown(cancel_futures=any(error))
        self._settling.shutdown(cancel_futures=any(error))

    def put(self, chunk: bytes | memoryview, *, of_large_file: bool) -> tuple[int, int]:
        """Take a chunk; return the number of its pack, counted from 0, and where in it it lies."""
        start, end = self._filled, self._filled + len(chunk)
        if self._buffer is None or end > self._size:
            self.close()
            self._buffer = self._next_buffer()
            start, end = 0, len(chunk)
        self._buffer[start:end] = chunk
        self._filled = end
        if of_large_file:
            self._of_large_files += len(chunk)
        return len(self._packs), start

    def close(self) -> None:
        """Have the pack that is being filled written, too."""
        if self._buffer is not None:
            large = self._of_large_files * 2 > self._filled
            self._packs.append(self._compressing.submit(self._write, self._buffer, self._filled, large))
            self._buffer = None
            self._filled = self._of_large_files = 0

    def finish(self) -> list[Pack]:
        """All packs, once all are there for good.

        Raises:
            OSError: one cannot be written.
        """
        self.close()
        packs = [compressed.result().result() for compressed in self._packs]
        self._spare = SimpleQueue()
        return packs

    def _next_buffer(self) -> mmap:
        for compressed in self._packs:
            if compressed.done():
                compressed.result()  # an error ends the save now, not after everything was read
        if self._buffers:
            self._buffers -= 1
            return mmap(-1, self._size)
        return self._spare.get()

    def _write(self, buffer: mmap, length: int, large: bool) -> Future[Pack]:
        try:
            with memoryview(buffer)[:length] as content:
                stored = _compressor(large).compress(content)
        finally:
            self._spare.put(buffer)
        pack = Pack(digest=blake3(stored).hexdigest(), size=len(stored), raw_size=length)
        temporary = self._folder / f"{TEMPORARY}{uuid.uuid4().hex}"
        handle = os.open(temporary, _NEW, 0o644)
        try:
            write_all(handle, stored)
        except BaseException:
            os.close(handle)
            raise
        return self._settling.submit(self._settle, handle, temporary, pack)

    def _settle(self, handle: int, temporary: Path, pack: Pack) -> Pack:
        """Waiting for the disk must not keep a thread from compressing."""
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        place = self._folder / f"{pack.digest}.zst"
        temporary.replace(place)
        self._keep(place)
        return pack


def _compressor(large: bool) -> zstandard.ZstdCompressor:
    """How a pack is compressed: in four fifths of the time of the next higher level, and 4 % larger.

    All of a pack is looked back at, in a larger table than the level has by itself. On what a compiler makes that gains
    as much as long-distance matching, in less time; text, of which small files consist mostly, needs less.
    """
    hash_log, min_match = (18, 6) if large else (17, 7)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        2, window_log=26, hash_log=hash_log, min_match=min_match
    )
    return zstandard.ZstdCompressor(compression_params=parameters)

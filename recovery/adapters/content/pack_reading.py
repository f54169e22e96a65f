"""A pack read back: what leaves this module are bytes that every digest was compared with."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard
from blake3 import blake3

from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import PACKS, Chunk, Content, Pack
from recovery.policy.file_names import told

WINDOW_LIMIT = 64 * 1024 * 1024
"""Bytes that decompressing may look back; a pack is no longer than that."""

DAMAGED = "make a new checkpoint: this one was damaged, or changed after it was made"

_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))


@dataclass(frozen=True, slots=True)
class PackFile:
    """A pack, and the file that should hold it."""

    pack: Pack
    path: Path
    source: str
    """How the pack is named in reasons."""


def pack_files(directory: Path, content: Content, base: Path | None) -> tuple[PackFile, ...]:
    """The files of a checkpoint's own packs and of its base's, in the order that chunks number them.

    Raises:
        CheckpointRejected: a base is needed and not given, or `directory` holds packs that are not declared.
    """
    if content.base is not None and base is None and content.base_packs:
        raise CheckpointRejected(
            f"the checkpoint needs the packs of its base {told(content.base)}, which is not here",
            hint="download the base's artifact, too; it may have expired",
        )
    _refuse_others(directory / PACKS, {f"{pack.digest}.zst" for pack in content.packs})
    own = [PackFile(pack, _place(directory, pack), f"the pack {pack.digest}") for pack in content.packs]
    others = [
        PackFile(pack, _place(base, pack), f"the pack {pack.digest} of the base {told(content.base or '')}")
        for pack in content.base_packs
        if base is not None
    ]
    return (*own, *others)


def _place(directory: Path, pack: Pack) -> Path:
    return directory / PACKS / f"{pack.digest}.zst"


def _refuse_others(folder: Path, declared: set[str]) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 (names are all that is needed)
            if name not in declared:
                raise CheckpointRejected(f"the checkpoint holds the undeclared pack {name[:80]!r}", hint=DAMAGED)


def read_exactly(path: Path, into: memoryview, source: str) -> None:
    """Fill a buffer from a plain file that must be exactly as long.

    Raises:
        CheckpointRejected: it is missing, no plain file, or of another size.
    """
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "is missing" if missing else f"cannot be read: {error.strerror}"
        raise CheckpointRejected(f"{source} {reason}", hint=DAMAGED) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointRejected(f"{source} is no plain file", hint=DAMAGED)
        size = status.st_size
        if size == len(into):
            with open(handle, "rb", buffering=0, closefd=False) as file:
                size = _fill(into, file)
        if size != len(into):
            raise CheckpointRejected(f"{source} has {size} bytes, {len(into)} are declared", hint=DAMAGED)
    finally:
        os.close(handle)


def _fill(into: memoryview, file: io.FileIO) -> int:
    filled = 0
    while filled < len(into) and (count := file.readinto(into[filled:])):
        filled += count
    return filled


def check_digest(data: memoryview, digest: str, source: str) -> None:
    """Compare stored bytes with their digest.

    Raises:
        CheckpointRejected: they are not what was declared.
    """
    found = blake3(data).hexdigest()
    if found != digest:
        raise CheckpointRejected(f"{source} is damaged: its digest is {found}, {digest} is declared", hint=DAMAGED)


class PackReader:
    """Reads packs in any number of threads, each with buffers of its own: new ones for each pack take half the time."""

    def __init__(self, packs: Sequence[PackFile], chunks: Sequence[Chunk]) -> None:
        self._packs = packs
        self._chunks: list[list[Chunk]] = [[] for _ in packs]
        for chunk in chunks:
            self._chunks[chunk.pack].append(chunk)
        self._mine = threading.local()

    def read(self, number: int) -> memoryview:
        """A pack decompressed, until this thread reads the next one; it and all its chunks are as declared.

        Raises:
            CheckpointRejected: anything about it is not as declared.
        """
        file = self._packs[number]
        stored, raw = self._buffers()
        stored, raw = stored[: file.pack.size], raw[: file.pack.raw_size]
        read_exactly(file.path, stored, file.source)
        check_digest(stored, file.pack.digest, file.source)
        try:
            _decompress(stored, raw, file.source)
        except zstandard.ZstdError as error:
            raise CheckpointRejected(f"{file.source} is no single zstd frame: {error}", hint=DAMAGED) from error
        for chunk in self._chunks[number]:
            if blake3(raw[chunk.offset : chunk.offset + chunk.length]).digest() != chunk.digest:
                raise CheckpointRejected(
                    f"{file.source} is damaged: its {chunk.length} bytes at {chunk.offset} "
                    f"have another digest than {chunk.digest.hex()}",
                    hint=DAMAGED,
                )
        return raw

    def _buffers(self) -> tuple[memoryview, memoryview]:
        if not hasattr(self._mine, "buffers"):
            stored = bytearray(max(file.pack.size for file in self._packs))
            raw = bytearray(max(file.pack.raw_size for file in self._packs))
            self._mine.buffers = memoryview(stored), memoryview(raw)
        buffers: tuple[memoryview, memoryview] = self._mine.buffers
        return buffers


def _decompress(stored: memoryview, raw: memoryview, source: str) -> None:
    """Fill `raw` from a frame that must be exactly as long when decompressed, and have nothing behind it."""
    frame = zstandard.get_frame_parameters(stored)
    if frame.content_size != len(raw):
        size = frame.content_size if frame.content_size < _UNTOLD else "nothing"
        raise CheckpointRejected(
            f"{source} says {size} of its size when decompressed, {len(raw)} bytes are declared", hint=DAMAGED
        )
    if frame.window_size > WINDOW_LIMIT or frame.dict_id:
        raise CheckpointRejected(
            f"{source} needs a window of {frame.window_size} bytes or a dictionary, at most {WINDOW_LIMIT} are used"
        )
    most_blocks = _MOST_SMALL_BLOCKS + len(raw) // _SMALLEST_BLOCK
    if _end_of_frame(stored, zstandard.frame_header_size(stored), frame.has_checksum, most_blocks) != len(stored):
        raise zstandard.ZstdError("it ends elsewhere than the pack")
    reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).stream_reader(stored)
    length = reader.readinto(raw)
    if length != len(raw):
        raise CheckpointRejected(
            f"{source} has {length} bytes when decompressed, {len(raw)} are declared", hint=DAMAGED
        )


def _end_of_frame(stored: memoryview, first: int, has_checksum: bool, most_blocks: int) -> int:
    """Where a frame ends, told by the heads of its blocks: the library reads no further, and does not tell."""
    place = first
    for _ in range(most_blocks):
        head = int.from_bytes(stored[place : place + 3], "little")
        is_last = bool(head & 1) or place >= len(stored)
        place += 3 + (1 if head >> 1 & 3 == _ONE_BYTE_REPEATED else head >> 3)
        if is_last:
            return place + 4 * has_checksum
    raise zstandard.ZstdError(f"it has more than {most_blocks} blocks")


_UNTOLD = zstandard.CONTENTSIZE_ERROR
"""Sizes from here on are none."""

_SMALLEST_BLOCK = 256
"""Bytes that a block holds on average, at least: usually it is 128 KiB, and one without any costs only time."""

_MOST_SMALL_BLOCKS = 64

_ONE_BYTE_REPEATED = 1
"""The kind of block that is stored as one byte, however long it is."""

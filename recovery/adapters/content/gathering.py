"""From files to chunks: what is remembered is not read, and what is read is not stored twice."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from blake3 import blake3

from recovery.adapters.content.chunking import BUFFER, LARGEST_WHOLE, chunks_of
from recovery.adapters.content.packing import Packer
from recovery.adapters.content.reading import FileChanged, read_link, read_steadily
from recovery.adapters.content.recalling import Recollection
from recovery.errors import InputError

Progress = Callable[[int, int], None]
"""Told, now and then, how many bytes of how many are read."""

_TELL_EVERY = 16 * 1024 * 1024


class Gathering:
    """The chunks of every file of one save. Chunks are numbered: those of known packs first, then new ones."""

    def __init__(self, recalled: Recollection, packer: Packer) -> None:
        self.files = recalled.files
        self.statuses = [each.status for each in recalled.files]
        self.chunks = list(recalled.index.chunks)
        self.numbers = recalled.numbers
        """The chunks of each file."""
        self.targets = recalled.targets
        """Where the links point."""
        self.files_read: set[int] = set()
        self._recalled = recalled
        self._usable = recalled.usable
        self._packer = packer
        self._known: dict[bytes, int] = {}
        self._buffer = bytearray()

    def resting_on(self, packs: set[int]) -> list[int]:
        """The positions of files with a chunk in one of these packs."""
        return [
            position
            for position, numbers in enumerate(self.numbers)
            if any(self.chunks[number][0] in packs for number in numbers)
        ]

    def read(self, positions: Sequence[int], progress: Progress | None = None) -> None:
        """Read these files, and pack those of their chunks that no usable pack holds.

        Raises:
            InputError: something is no file, folder or link, or is changed while it is read.
            StateError: a file cannot be read.
        """
        usable = {pack for pack, is_usable in enumerate(self._usable) if is_usable}
        usable.update(row[0] for row in self.chunks[len(self._recalled.index.chunks) :])
        self._known = {row[3]: number for number, row in enumerate(self.chunks) if row[0] in usable}
        total = sum([self.statuses[position].st_size for position in positions])
        done = told = 0
        same = self._find_same(positions)
        for position in positions:
            if position not in same:
                self._read_one(position)
            done += self.statuses[position].st_size
            if done - told >= _TELL_EVERY and progress is not None:
                progress(done, total)
                told = done

    def _read_one(self, position: int) -> None:
        found, mode = self.files[position], self.statuses[position].st_mode
        if stat.S_ISREG(mode):
            self.files_read.add(position)
            self.numbers[position], self.statuses[position] = read_steadily(found, self._store_file)
        elif stat.S_ISLNK(mode):
            self.targets[found.path] = read_link(found)
        elif not stat.S_ISDIR(mode):
            raise InputError(
                f"{found.path} is neither a file, a folder nor a link",
                hint=f"leave it out with the line `!{found.path}`",
            )

    def _store_file(self, handle: int, status: os.stat_result) -> tuple[int, ...]:
        if status.st_size <= LARGEST_WHOLE:
            content = os.read(handle, status.st_size + 1)
            if len(content) != status.st_size:
                raise FileChanged
            return (self._store(content, of_large_file=False),) if content else ()
        if not self._buffer:
            self._buffer = bytearray(BUFFER)
        file = io.FileIO(handle, closefd=False)
        numbers = tuple([self._store(chunk, of_large_file=True) for chunk in chunks_of(file.readinto, self._buffer)])
        if sum(self.chunks[number][2] for number in numbers) != status.st_size:
            raise FileChanged
        return numbers

    def _store(self, content: bytes | memoryview, *, of_large_file: bool) -> int:
        digest = blake3(content).digest()
        number = self._known.get(digest)
        if number is None:
            pack, offset = self._packer.put(content, of_large_file=of_large_file)
            number = self._known[digest] = len(self.chunks)
            self.chunks.append((len(self._usable) + pack, offset, len(content), digest))
        return number

    def _find_same(self, positions: Sequence[int]) -> set[int]:
        """Large files whose content is what is remembered under their name: cut where they were cut before."""
        likely = [
            position
            for position in positions
            if self.statuses[position].st_size > LARGEST_WHOLE
            and (before := self._recalled.chunks_before(self.files[position].path)) is not None
            and before[0][0] == self.statuses[position].st_size
        ]
        with ThreadPoolExecutor() as threads:
            results = threads.map(self._compare, likely)
            return {position for position, is_same in zip(likely, results, strict=True) if is_same}

    def _compare(self, position: int) -> bool:
        found = self.files[position]
        before = self._recalled.chunks_before(found.path)
        numbers = before[1] if before else ()

        def is_same(handle: int, _status: os.stat_result) -> bool:
            for number in numbers:
                _pack, _offset, length, digest = self.chunks[number]
                if blake3(os.read(handle, length)).digest() != digest:
                    return False
            return not os.read(handle, 1)

        same, status = read_steadily(found, is_same)
        if same:
            self.files_read.add(position)
            self.numbers[position], self.statuses[position] = numbers, status
        return same

"""Whether a checkpoint's content is what its manifest declares: everything is compared, nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recovery.adapters.content.collector import without_collector
from recovery.adapters.content.pack_reading import (
    DAMAGED,
    PackFile,
    PackReader,
    check_digest,
    pack_files,
    read_exactly,
)
from recovery.adapters.content.table import decode_table, tree_digest
from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import TABLE, Content, FileTable
from recovery.policy.file_table import Limits, problems_of_content, problems_of_table

MEMORY = 256 * 1024 * 1024
"""Bytes of packs that are held at once, stored and decompressed ones together."""

_MOST_WORKERS = 8


def check_content(directory: Path, content: Content, *, base: Path | None = None) -> FileTable:
    """Compare a checkpoint's content with everything that is declared of it; return the table of its files.

    `directory` is the checkpoint's folder, `base` that of the checkpoint whose packs it refers to.

    Raises:
        CheckpointRejected: it is not what was declared, or must not be restored; the reason names the file or pack.
    """
    table, packs = open_content(directory, content, base)
    reader = PackReader(packs, table.chunks)

    def check(number: int) -> None:
        reader.read(number)

    each_pack(packs, check)
    return table


def open_content(
    directory: Path, content: Content, base: Path | None, limits: Limits | None = None
) -> tuple[FileTable, tuple[PackFile, ...]]:
    """A checkpoint's table, with nothing wrong in it, and the files of the packs that it refers to, not opened yet.

    Raises:
        CheckpointRejected: something is wrong with the table or its declarations.
    """
    with without_collector():
        return _open_table(directory, content, limits or Limits()), pack_files(directory, content, base)


def _open_table(directory: Path, content: Content, limits: Limits) -> FileTable:
    _refuse(problems_of_content(content, limits))
    stored = memoryview(bytearray(content.table_size))
    read_exactly(directory / TABLE, stored, "the table of files")
    check_digest(stored, content.table_digest, "the table of files")
    table = decode_table(
        bytes(stored), limit=_table_limit(content, limits), rows=_table_rows(content), source="the table of files"
    )
    _refuse(problems_of_table(table, content, limits, windows=os.name == "nt"))
    found = tree_digest(table)
    if found != content.tree_digest:
        raise CheckpointRejected(
            f"the tree of files has the digest {found}, {content.tree_digest} is declared", hint=DAMAGED
        )
    return table


def _table_limit(content: Content, limits: Limits) -> int:
    """Bytes that a table of so many files may have: rows of files are short, and chunks are not tiny."""
    return min(limits.most_table_bytes, 16 * 1024**2 + content.files * 1024 + content.bytes // 16)


def _table_rows(content: Content) -> int:
    """Entries and chunks that a table may have: each file has one of either, and large ones a chunk for every KiB."""
    return 2 * content.files + content.bytes // 1024


def _refuse(problems: list[str]) -> None:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise CheckpointRejected(f"the checkpoint is not restored: {problems[0]}{more}")


def each_pack(packs: Sequence[PackFile], work: Callable[[int], None]) -> None:
    """Do the work for the number of each pack, in as many threads as processors and memory allow.

    Hashing, decompressing and writing let other threads run. The first error ends it all.
    """
    if not packs:
        return
    largest = max(file.pack.size + file.pack.raw_size for file in packs)
    workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, len(packs), MEMORY // largest))
    # The largest first, so that no thread begins with one when the others are about to end.
    order = sorted(range(len(packs)), key=lambda number: packs[number].pack.raw_size, reverse=True)
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(work, number) for number in order]
        try:
            for each in waiting:
                each.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

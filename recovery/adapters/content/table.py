"""The table of a checkpoint's files as it is stored: canonical JSON in a zstd frame, read back without believing it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import zstandard
from blake3 import blake3
from pydantic_core import to_json

from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import Chunk, Entry, FileTable
from recovery.models.manifest import read_json

FORMAT = 1
LEVEL = 3
DIGEST_LENGTH = 32

MOST_RATIO = 1_000
"""How many times smaller than itself a large table may be stored."""

RATIO_MATTERS_FROM = 1024 * 1024

_MARKS_IN_A_ROW = {b"{": 1, b"[": 4, b",": 12}
"""What makes values of a text, and how much of it a row has on average at most, that in its path included."""

_MARKS_AT_LEAST = 100_000
"""Marks that matter in no table, however few rows it has: their paths may be full of them."""

EntryRow = tuple[str, str, int, int, int, str, tuple[int, ...]]
"""The fields of an `Entry`, in order; a record for each of 40,000 files would take longer than the table itself."""

ChunkRow = tuple[int, int, int, bytes]
"""The fields of a `Chunk`, in order."""

_ENTRY_FIELDS = {"path": str, "kind": str, "mode": int, "size": int, "modified": int, "target": str, "chunks": list}
_CHUNK_FIELDS = {"pack": int, "offset": int, "length": int, "digest": str}


def encode_table(table: FileTable) -> bytes:
    """The bytes of a table as they are stored: equal for equal tables."""
    return encode_rows(map(_entry_row, table.entries), map(_chunk_row, table.chunks))


def encode_rows(entries: Iterable[EntryRow], chunks: Iterable[ChunkRow]) -> bytes:
    """What `encode_table` does, of rows instead of records."""
    text = to_json(
        {
            "format": FORMAT,
            "chunks": [(pack, offset, length, digest.hex()) for pack, offset, length, digest in chunks],
            "entries": list(entries),
        }
    )
    return zstandard.ZstdCompressor(level=LEVEL).compress(text)


def tree_digest(table: FileTable) -> str:
    """The digest over every entry's path, kind, mode, link target, size and content, in hexadecimal.

    An entry's content is the lengths and digests of its chunks. Where a file is cut depends on its bytes alone, so that
    equal files have equal digests; hashing each file's bytes a second time would tell nothing more.
    """
    return tree_digest_of_rows(list(map(_entry_row, table.entries)), list(map(_chunk_row, table.chunks)))


def tree_digest_of_rows(entries: Sequence[EntryRow], chunks: Sequence[ChunkRow]) -> str:
    """What `tree_digest` does, of rows instead of records."""
    if not entries:
        return blake3().hexdigest()
    paths, kinds, modes, sizes, _, targets, numbers = zip(*entries, strict=True)
    contents = [chunks[number] for number in chain.from_iterable(numbers)]
    digest = blake3(_numbers([len(entries), len(contents)]))
    for column in (modes, sizes, map(len, numbers), [length for _, _, length, _ in contents]):
        digest.update(_numbers(column))
    digest.update(b"".join([chunk for _, _, _, chunk in contents]))
    for texts in (paths, kinds, targets):
        digest.update(_numbers(map(len, texts)))
        digest.update("".join(texts).encode())
    return digest.hexdigest()


def _numbers(values: Iterable[int]) -> bytes:
    values = list(values)
    return struct.pack(f"<{len(values)}Q", *values)


def decode_table(data: bytes, *, limit: int, rows: int = 1_000_000, source: str) -> FileTable:
    """The table that stored bytes hold, at most `limit` bytes long when decompressed; `source` names it in errors.

    `rows` is about how many entries and chunks it may have: what could become many more is not even parsed.

    What it says is of the right kind, no more: whether paths, sizes and chunks make sense is for the caller to check.

    Raises:
        CheckpointRejected: it is damaged, too large, or of a format that this program does not know.
    """
    text = _decompressed(data, min(limit, max(RATIO_MATTERS_FROM, len(data) * MOST_RATIO)), source)
    _check_marks(text, rows, source)
    fields = read_json(text, source=source)
    if fields.get("format") != FORMAT or isinstance(fields["format"], bool):
        raise CheckpointRejected(
            f"{source} has format {str(fields.get('format'))[:20]!r}, this program reads {FORMAT}",
            hint="use the version of recovery that wrote the checkpoint, or a newer one",
        )
    if fields.keys() != {"format", "chunks", "entries"}:
        raise _damaged(source, "it has other parts than `format`, `chunks` and `entries`")
    chunks = _checked(fields["chunks"], _CHUNK_FIELDS, "chunk", source)
    entries = _checked(fields["entries"], _ENTRY_FIELDS, "entry", source)
    if not _are_counts([number for row in entries for number in row[-1]]):
        raise _damaged(source, "the chunks of an entry are no numbers")
    if not _is_unicode("".join([row[0] + row[5] for row in entries])):
        raise _damaged(source, "a path or target in it is no Unicode")
    return FileTable(
        tuple(
            [
                Entry(path, kind, mode, size, modified, target, tuple(numbers))
                for path, kind, mode, size, modified, target, numbers in entries
            ]
        ),
        tuple([Chunk(pack, offset, length, _digest(digest, source)) for pack, offset, length, digest in chunks]),
    )


def _decompressed(data: bytes, limit: int, source: str) -> bytes:
    try:
        size = zstandard.frame_content_size(data)
        if size < 0:
            raise _damaged(source, "its frame does not tell its size")
        if size > limit:
            raise CheckpointRejected(f"{source} is {size} bytes long when decompressed, at most {limit} are read")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise _damaged(source, f"it is no zstd frame: {error}") from error


def _check_marks(text: bytes, rows: int, source: str) -> None:
    """Refuse a text of far more values than so many rows have: each takes much more memory than the text does."""
    for mark, times in _MARKS_IN_A_ROW.items():
        found, most = text.count(mark), _MARKS_AT_LEAST + times * rows
        if found > most:
            raise _damaged(source, f"{mark.decode()!r} is in it {found} times, at most {most} are read")


def _checked(rows: Any, fields: dict[str, type], name: str, source: str) -> list[list[Any]]:
    """The rows, if each has all fields, of the right kind and none below zero. Column by column: that is ten times as
    fast as row by row."""
    if not isinstance(rows, list) or not set(map(type, rows)) <= {list} or not set(map(len, rows)) <= {len(fields)}:
        raise _damaged(source, f"not every {name} is a list of {len(fields)}")
    for (field, kind), column in zip(fields.items(), zip(*rows, strict=True), strict=False):
        if set(map(type, column)) != {kind} or (kind is int and field != "modified" and min(column) < 0):
            raise _damaged(source, f"the {field} of a {name} is none")
    return rows


def _are_counts(values: list[Any]) -> bool:
    return not values or (set(map(type, values)) == {int} and min(values) >= 0)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _digest(text: str, source: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_LENGTH or digest.hex() != text:
        raise _damaged(source, f"the digest of a chunk is none: {text[:80]!a}")
    return digest


def _damaged(source: str, reason: str) -> CheckpointRejected:
    return CheckpointRejected(f"{source} is damaged: {reason}")


def _entry_row(entry: Entry) -> EntryRow:
    return entry.path, entry.kind, entry.mode, entry.size, entry.modified, entry.target, entry.chunks


def _chunk_row(chunk: Chunk) -> ChunkRow:
    return chunk.pack, chunk.offset, chunk.length, chunk.digest

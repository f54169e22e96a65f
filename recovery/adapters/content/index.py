"""What a store remembers between two saves of a job: every file's status and chunks, and what its packs hold."""

from __future__ import annotations

import json
import struct
import sys
from array import array
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from blake3 import blake3

from recovery.adapters.content.table import DIGEST_LENGTH, ChunkRow
from recovery.models.checkpoint import Content, Pack

MAGIC = f"recovery index 1, {sys.byteorder} endian\n".encode()
"""How an index begins: it never leaves the machine that wrote it."""

_LENGTHS = struct.Struct("<6Q")
_CHUNK = struct.Struct("<III32s")
_SIGNATURE = struct.Struct("<QqqQI")

Signature = tuple[int, int, int, int, int]
"""A file's size, time of the last change of its content and of its status, inode and mode: as long as they stay,
nothing of it is read again."""


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of the last save, and of all packs in the store; in columns, for there are very many files."""

    packs: tuple[Pack, ...] = ()
    last_used: tuple[int, ...] = ()
    """For each pack the number of the last save that used it."""
    saves: int = 0
    """How many saves there were."""
    chunks: list[ChunkRow] = field(default_factory=list)
    """Every chunk of every pack."""
    paths: list[str] = field(default_factory=list)
    """The last save's files, in order."""
    signatures: list[Signature] = field(default_factory=list)
    """The signature of each file."""
    counts: array[int] = field(default_factory=lambda: array("I"))
    """How many chunks each file has."""
    references: array[int] = field(default_factory=lambda: array("I"))
    """The chunks of the files, one file after the other: indexes into `chunks`."""
    targets: dict[str, str] = field(default_factory=dict)
    """Where the links among the files point."""
    content: Content | None = None
    """What came of the last save."""

    def numbers(self) -> list[tuple[int, ...]]:
        """The chunks of each file."""
        references = iter(self.references)
        return [tuple(islice(references, count)) for count in self.counts]


def encode_index(index: Index) -> bytes:
    """An index as it is stored: in columns, which are read in a few hundredths of a second, behind their digest."""
    head = json.dumps(
        {
            "packs": [[pack.digest, pack.size, pack.raw_size] for pack in index.packs],
            "last_used": index.last_used,
            "saves": index.saves,
            "targets": index.targets,
            "content": index.content.model_dump(mode="json") if index.content else None,
        }
    ).encode()
    parts = (
        head,
        b"".join([_CHUNK.pack(*row) for row in index.chunks]),
        b"".join([_SIGNATURE.pack(*signature) for signature in index.signatures]),
        index.counts.tobytes(),
        index.references.tobytes(),
        "\0".join(index.paths).encode(),
    )
    body = b"".join((_LENGTHS.pack(*map(len, parts)), *parts))
    return MAGIC + blake3(body).digest() + body


def decode_index(data: bytes) -> Index | None:
    """The index that was stored; None when it is torn, or something else."""
    body = memoryview(data)[len(MAGIC) + DIGEST_LENGTH :]
    if data[: len(MAGIC) + DIGEST_LENGTH] != MAGIC + blake3(body).digest():
        return None
    end = _LENGTHS.size
    parts = []
    for length in _LENGTHS.unpack(body[:end]):
        parts.append(body[end : end + length])
        end += length
    head: dict[str, Any] = json.loads(bytes(parts[0]))
    return Index(
        packs=tuple(Pack(digest=digest, size=size, raw_size=raw) for digest, size, raw in head["packs"]),
        last_used=tuple(head["last_used"]),
        saves=head["saves"],
        chunks=list(_CHUNK.iter_unpack(parts[1])),
        signatures=list(_SIGNATURE.iter_unpack(parts[2])),
        counts=array("I", parts[3].tobytes()),
        references=array("I", parts[4].tobytes()),
        paths=str(parts[5], "utf-8").split("\0") if len(parts[5]) else [],
        targets=head["targets"],
        content=Content.model_validate(head["content"]) if head["content"] else None,
    )

"""Checkpoints made by hand from the format alone, so that they can be anything, and trees as they lie on the disk."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard
from blake3 import blake3

from recovery.adapters.content.table import tree_digest
from recovery.models.checkpoint import PACKS, TABLE, Chunk, Content, Entry, FileTable, Pack

MOMENT = 1_700_000_000_123_456_789
NO_DIGEST = "0" * 64

Place = tuple[str, int, Any]
"""Kind, permissions, and content or target of what lies at a path."""


class Forgery:
    """A checkpoint in the making: honest at first, until something is changed."""

    def __init__(self) -> None:
        self.entries: list[list[Any]] = []
        self.chunks: list[list[Any]] = []
        self.raw: list[bytearray] = [bytearray()]
        """The packs, decompressed."""
        self.tree: dict[str, Place] = {}
        """What is to lie on the disk in the end."""
        self.declared: dict[str, Any] = {}
        """What the declaration says instead of the truth."""
        self.edit_table: Callable[[bytes], bytes] = bytes
        self.compress: Callable[[bytes], bytes] = zstandard.ZstdCompressor(level=3).compress
        self.afterwards: list[Callable[[Path, Content], Content | None]] = []
        self.in_base = 0
        """How many packs, the last ones, lie in the base."""

    def file(self, path: str, data: bytes = b"content\n", mode: int = 0o644, **changes: Any) -> Forgery:
        """Add a file in chunks of at most 1000 bytes; `changes` are said of its entry instead of the truth."""
        pieces = [data[start : start + 1000] for start in range(0, len(data), 1000)]
        fields = {"kind": "f", "mode": mode, "size": len(data), "modified": MOMENT, "target": ""}
        fields |= {"chunks": [self.chunk(piece) for piece in pieces]} | changes
        self.entries.append([path, *fields.values()])
        self.tree[path] = ("f", mode, data)
        return self

    def link(self, path: str, target: str) -> Forgery:
        """Add a link."""
        self.entries.append([path, "l", 0o777, 0, MOMENT, target, []])
        self.tree[path] = ("l", 0o777, target)
        return self

    def folder(self, path: str, mode: int = 0o755) -> Forgery:
        """Add a folder."""
        self.entries.append([path, "d", mode, 0, MOMENT, "", []])
        self.tree[path] = ("d", mode, None)
        return self

    def chunk(self, data: bytes, digest: bytes | None = None) -> int:
        """Add a chunk to the last pack; return its number."""
        pack = self.raw[-1]
        self.chunks.append([len(self.raw) - 1, len(pack), len(data), (digest or blake3(data).digest()).hex()])
        pack += data
        return len(self.chunks) - 1

    def next_pack(self) -> Forgery:
        """Begin another pack."""
        self.raw.append(bytearray())
        return self

    def write(self, directory: Path, base: Path | None = None) -> Content:
        """Write the checkpoint's folder, and that of its base; return what is declared of its content."""
        stored = [self.compress(bytes(raw)) for raw in self.raw if raw]
        packs = [_pack(data, raw) for data, raw in zip(stored, filter(None, self.raw), strict=True)]
        own = len(packs) - self.in_base
        for place, first, last in ((directory, 0, own), (base or directory, own, len(packs))):
            (place / PACKS).mkdir(parents=True, exist_ok=True)
            for pack, data in zip(packs[first:last], stored[first:last], strict=True):
                (place / PACKS / f"{pack['digest']}.zst").write_bytes(data)
        table = zstandard.ZstdCompressor().compress(self.edit_table(self._table()))
        (directory / TABLE).write_bytes(table)
        content = Content.model_validate(
            {
                "files": len(self.entries),
                "bytes": sum(entry[3] for entry in self.entries),
                "table_digest": blake3(table).hexdigest(),
                "table_size": len(table),
                "tree_digest": self._tree_digest(),
                "packs": packs[:own],
                "base": "ckpt-base" if self.in_base else None,
                "base_packs": packs[own:],
            }
            | self.declared
        )
        for change in self.afterwards:
            content = change(directory, content) or content
        return content

    def _table(self) -> bytes:
        fields = {"format": 1, "chunks": self.chunks, "entries": sorted(self.entries, key=lambda entry: entry[0])}
        return json.dumps(fields).encode()

    def _tree_digest(self) -> str:
        entries = [Entry(*entry[:6], tuple(entry[6])) for entry in sorted(self.entries, key=lambda entry: entry[0])]
        try:
            chunks = [
                Chunk(pack, offset, length, bytes.fromhex(digest)) for pack, offset, length, digest in self.chunks
            ]
            return tree_digest(FileTable(tuple(entries), tuple(chunks)))
        except (ValueError, IndexError):  # of a table that is none, no digest matters
            return NO_DIGEST


def _pack(stored: bytes, raw: bytes) -> dict[str, Any]:
    return Pack(digest=blake3(stored).hexdigest(), size=len(stored), raw_size=len(raw)).model_dump()


def tree_of(root: Path) -> dict[str, Place]:
    """Everything below a folder: kind, permissions, and content or target; no link is followed."""
    return {path.relative_to(root).as_posix(): _place(path) for path in sorted(root.rglob("*"))}


def _place(path: Path) -> Place:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return "l", 0o777, os.readlink(path)  # noqa: PTH115
    if stat.S_ISDIR(status.st_mode):
        return "d", mode, None
    return ("f", mode, path.read_bytes()) if stat.S_ISREG(status.st_mode) else ("other", mode, None)


def restored_tree(root: Path) -> dict[str, Place]:
    """What `tree_of` finds, without folders that only lead to something."""
    found = tree_of(root)
    leading = {parent.as_posix() for path in found for parent in Path(path).parents}
    return {path: place for path, place in found.items() if place[0] != "d" or path not in leading}

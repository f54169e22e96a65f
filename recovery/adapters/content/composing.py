"""What was gathered put in order: the table that is stored, and the index that the next save begins with."""

from __future__ import annotations

import os
import stat
from array import array
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

from recovery.adapters.content.gathering import Gathering
from recovery.adapters.content.index import Index, Signature
from recovery.adapters.content.reading import signature_of
from recovery.adapters.content.table import ChunkRow, EntryRow
from recovery.models.checkpoint import Content, Pack
from recovery.policy.file_table import LAST_MOMENT

YOUNG = 100_000_000
"""Nanoseconds: a file changed so shortly before a save began may change again without its times telling, for clocks of
file systems tick every ten milliseconds or so."""

YOUNG_ON_COARSE_CLOCKS = 2_000_000_000
"""The same where times are whole seconds only."""

_SECOND = 1_000_000_000

NEVER = -(2**63)
"""The time of a file that has to be read again in any case."""

PERMISSIONS = 0o777

KEPT_SAVES = 4
"""For so many saves a pack that none of them uses is remembered."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A table, and which packs its chunks lie in."""

    entries: list[EntryRow]
    chunks: list[ChunkRow]
    own: list[int]
    """The packs of the checkpoint itself, in the order in which chunks number them."""
    borrowed: list[int]
    """The packs of its base, numbered on."""

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum([entry[3] for entry in self.entries])


def bytes_used(gathering: Gathering) -> Counter[int]:
    """How many bytes of each pack are referred to."""
    used: Counter[int] = Counter()
    for number in set(chain.from_iterable(gathering.numbers)):
        pack, _, length, _ = gathering.chunks[number]
        used[pack] += length
    return used


def compose(gathering: Gathering, *, borrowed: Collection[int]) -> Composition:
    """The table of what was gathered. Chunks and packs are numbered in the order in which files refer to them."""
    places = {number: place for place, number in enumerate(dict.fromkeys(chain.from_iterable(gathering.numbers)))}
    rows = [gathering.chunks[number] for number in places]
    used = dict.fromkeys([row[0] for row in rows])
    own = [pack for pack in used if pack not in borrowed]
    base = [pack for pack in used if pack in borrowed]
    order = {pack: place for place, pack in enumerate((*own, *base))}
    return Composition(
        entries=_entries(gathering, places),
        chunks=[(order[pack], offset, length, digest) for pack, offset, length, digest in rows],
        own=own,
        borrowed=base,
    )


def _entries(gathering: Gathering, places: dict[int, int]) -> list[EntryRow]:
    targets = gathering.targets
    entries: list[EntryRow] = []
    for found, status, numbers in zip(gathering.files, gathering.statuses, gathering.numbers, strict=True):
        mode, modified = status.st_mode, _possible(status.st_mtime_ns)
        if stat.S_ISREG(mode):
            chunks = tuple([places[number] for number in numbers])
            entries.append((found.path, "f", mode & PERMISSIONS, status.st_size, modified, "", chunks))
        elif stat.S_ISLNK(mode):
            entries.append((found.path, "l", mode & PERMISSIONS, 0, modified, targets[found.path], ()))
        else:
            entries.append((found.path, "d", mode & PERMISSIONS, 0, modified, "", ()))
    return entries


def _possible(moment: int) -> int:
    """A time as it can be restored: some file systems keep years that others, and the table, do not know."""
    return max(1 - LAST_MOMENT, min(moment, LAST_MOMENT - 1))


def _remembered_signature(status: os.stat_result, began: int) -> Signature:
    """A file's signature; one that no file can have for a file that has to be read again in any case."""
    signature = signature_of(status)
    size, modified, changed, inode, mode = signature
    is_unsure = _is_young(max(modified, changed), began) or _possible(modified) != modified
    return (size, NEVER, changed, inode, mode) if is_unsure else signature


def _is_young(moment: int, began: int) -> bool:
    return moment >= began - (YOUNG if moment % _SECOND else YOUNG_ON_COARSE_CLOCKS)


def next_index(
    before: Index, usable: Sequence[bool], gathering: Gathering, new: Sequence[Pack], content: Content, *, began: int
) -> Index:
    """What is remembered after a save that `began` at that time and made these packs."""
    saves = before.saves + 1
    packs = (*before.packs, *new)
    used = set(content.packs) | set(content.base_packs) | set(new)
    last_before = (*before.last_used, *[saves] * len(new))
    last_used = [saves if pack in used else last for pack, last in zip(packs, last_before, strict=True)]
    usable = (*usable, *[True] * len(new))
    kept = [number for number in range(len(packs)) if usable[number] and last_used[number] > saves - KEPT_SAVES]
    chunks, renumbered = gathering.chunks, None
    if len(kept) < len(packs):
        chunks, renumbered = _chunks_of_packs(chunks, kept)
    references = chain.from_iterable(gathering.numbers)
    return Index(
        packs=tuple([packs[number] for number in kept]),
        last_used=tuple([last_used[number] for number in kept]),
        saves=saves,
        chunks=chunks,
        paths=[each.path for each in gathering.files],
        signatures=[_remembered_signature(status, began) for status in gathering.statuses],
        counts=array("I", map(len, gathering.numbers)),
        references=array("I", references if renumbered is None else map(renumbered.__getitem__, references)),
        targets=gathering.targets,
        content=content,
    )


def _chunks_of_packs(chunks: list[ChunkRow], kept: Sequence[int]) -> tuple[list[ChunkRow], dict[int, int]]:
    """The chunks of the packs that are kept, with the packs' new numbers; and the chunks' own new numbers."""
    places = {pack: place for place, pack in enumerate(kept)}
    rows: list[ChunkRow] = []
    renumbered: dict[int, int] = {}
    for number, (pack, offset, length, digest) in enumerate(chunks):
        if pack in places:
            renumbered[number] = len(rows)
            rows.append((places[pack], offset, length, digest))
    return rows, renumbered

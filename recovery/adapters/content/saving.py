"""A checkpoint's files written into its folder as packs and a table. Its manifest comes last, and is the caller's."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from blake3 import blake3

from recovery.adapters.content.collector import without_collector
from recovery.adapters.content.composing import Composition, bytes_used, compose, next_index
from recovery.adapters.content.durable import settle_folder, write_whole
from recovery.adapters.content.found import Found
from recovery.adapters.content.gathering import Gathering, Progress
from recovery.adapters.content.names import check_links, check_names
from recovery.adapters.content.packing import Packer, size_of_packs
from recovery.adapters.content.reading import signature_of
from recovery.adapters.content.recalling import Recollection
from recovery.adapters.content.store import ContentStore
from recovery.adapters.content.table import encode_rows, tree_digest_of_rows
from recovery.adapters.content.waste import packs_to_dissolve
from recovery.errors import StateError
from recovery.models.checkpoint import PACKS, TABLE, Content, Pack
from recovery.models.manifest import MANIFEST


@dataclass(frozen=True)
class Saved:
    """What a save wrote, and what it did not have to."""

    content: Content
    new_bytes: int
    """Bytes of packs, as stored, that were neither in the store nor in the base."""
    reread: int
    """Files whose bytes were read."""
    reused: int
    """Files, links and empty folders that were not looked into."""


def save_content(
    found: Iterable[Found],
    destination: Path,
    *,
    store: Path,
    base: tuple[str, Content] | None = None,
    progress: Progress | None = None,
) -> Saved:
    """Write the content of what was found into `destination`, a checkpoint's folder that has no manifest yet.

    `store` is a folder that lives as long as the job: what is remembered there is neither read nor packed again. Any
    number of saves may use it at once. With a `base`, its id and its content, the packs of that checkpoint are referred
    to, and not saved again. `progress` is told now and then how many bytes of how many are read.

    In the end everything is on the disk for good. A save that is ended before leaves a folder without a manifest.

    Raises:
        InputError: a file was changed while it was read, is no file, or could not be restored under its name.
        StateError: a file cannot be read, or a folder cannot be written.
    """
    files = sorted(found, key=attrgetter("path"))
    if (destination / MANIFEST).exists():
        raise StateError(f"there is a whole checkpoint in {destination} already", hint="name another folder")
    try:
        with without_collector():
            _make_empty(destination)
            saved = _Save(files, destination, ContentStore(store), base).run(progress)
            for folder in (destination / PACKS, destination, destination.parent):
                settle_folder(folder)
    except OSError as error:
        raise StateError(
            f"the checkpoint cannot be written to {destination}: {error.strerror or error}",
            hint="name a folder that this user may write, on a disk with enough space",
        ) from error
    return saved


class _Save:
    """One save, from what is remembered to what will be."""

    def __init__(
        self, files: list[Found], destination: Path, store: ContentStore, base: tuple[str, Content] | None
    ) -> None:
        self._began = time.time_ns()
        self._files = files
        self._destination = destination
        self._store = store
        self._base = base
        self._index = store.index()
        base_packs = set(base[1].packs) if base else set()
        self._borrowed = {number for number, pack in enumerate(self._index.packs) if pack in base_packs}
        # All are taken over at once, so that another save that forgets some cannot take them away.
        self._usable = [
            number in self._borrowed or store.lend(pack, destination / PACKS)
            for number, pack in enumerate(self._index.packs)
        ]

    def run(self, progress: Progress | None) -> Saved:
        """Save what is new, or nothing at all when nothing is."""
        content = self._index.content
        if content is not None and self._is_repeated(content):
            self._leave_only(content.packs)
            return Saved(content=content, new_bytes=0, reread=0, reused=len(self._files))
        check_names([each.path for each in self._files], known=set(self._index.paths))
        recalled = Recollection(self._files, self._index, self._usable)
        size = size_of_packs(recalled.bytes_changed)
        with Packer(self._destination / PACKS, size=size, keep=self._store.keep) as packer:
            gathering = Gathering(recalled, packer)
            touched = self._read(gathering, recalled.changed, progress)
            packer.close()
            check_links(gathering.targets)
            composition = compose(gathering, borrowed=self._borrowed)
            table = encode_rows(composition.entries, composition.chunks)
            tree = tree_digest_of_rows(composition.entries, composition.chunks)
            new = packer.finish()
        content = self._content(composition, table, tree, new)
        write_whole(self._destination / TABLE, table)
        self._leave_only(content.packs)
        self._store.remember(next_index(self._index, self._usable, gathering, new, content, began=self._began), table)
        return Saved(
            content=content,
            new_bytes=sum(pack.size for pack in new),
            reread=len(gathering.files_read),
            reused=len(self._files) - len(touched),
        )

    def _is_repeated(self, content: Content) -> bool:
        """Whether the last save's content is this one's, too; if so, its table is put in its place."""
        index = self._index
        if index.paths != [each.path for each in self._files]:
            return False
        if index.signatures != [signature_of(each.status) for each in self._files]:
            return False
        base_id, base_packs = (self._base[0], set(self._base[1].packs)) if self._base else (None, set())
        if content.base != base_id or not base_packs.issuperset(content.base_packs):
            return False
        at_hand = {pack for pack, is_usable in zip(index.packs, self._usable, strict=True) if is_usable}
        return at_hand.issuperset(content.packs) and self._store.lend_table(content, self._destination)

    def _read(self, gathering: Gathering, changed: list[int], progress: Progress | None) -> set[int]:
        """Read what has changed, and then what lies in packs that are mostly waste; return the positions of it all."""
        gathering.read(changed, progress)
        used = bytes_used(gathering)
        known = dict(enumerate(self._index.packs))
        own = {number: known[number].raw_size for number in used if number in known and number not in self._borrowed}
        new = sum(size for number, size in used.items() if number not in known)
        dissolved = packs_to_dissolve({number: used[number] for number in own}, own, new=new)
        if not dissolved:
            return set(changed)
        again = gathering.resting_on(dissolved)
        for number in dissolved:
            self._usable[number] = False
        gathering.read(again)
        return {*changed, *again}

    def _content(self, composition: Composition, table: bytes, tree: str, new: list[Pack]) -> Content:
        packs = (*self._index.packs, *new)
        return Content(
            files=len(composition.entries),
            bytes=composition.bytes,
            table_digest=blake3(table).hexdigest(),
            table_size=len(table),
            tree_digest=tree,
            packs=tuple([packs[number] for number in composition.own]),
            base=self._base[0] if self._base and composition.borrowed else None,
            base_packs=tuple([packs[number] for number in composition.borrowed]),
        )

    def _leave_only(self, packs: Iterable[Pack]) -> None:
        """Remove the packs that were taken over, or made, and that nothing refers to."""
        names = {f"{pack.digest}.zst" for pack in packs}
        for path in (self._destination / PACKS).iterdir():
            if path.name not in names:
                path.unlink()


def _make_empty(destination: Path) -> None:
    """Make a checkpoint's folder; what a save left in it that was ended is nothing to build on."""
    packs = destination / PACKS
    packs.mkdir(parents=True, exist_ok=True)
    (destination / TABLE).unlink(missing_ok=True)
    for path in packs.iterdir():
        path.unlink()

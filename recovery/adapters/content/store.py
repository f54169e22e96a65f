"""What lives as long as a job, beside its checkpoints: the packs of the last ones, and an index of what is in them."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from recovery.adapters.content.durable import TEMPORARY, duplicate, settle_folder, write_whole
from recovery.adapters.content.index import Index, decode_index, encode_index
from recovery.models.checkpoint import PACKS, TABLE, Content, Pack

INDEX = "index"

_ABANDONED_AFTER = 3600.0
"""Seconds after which a file that is not whole is nobody's any more."""


class ContentStore:
    """A folder that any number of saves may share: every file in it appears whole, and none is ever written again.

    Nothing that is in it is needed: what is missing is read and packed anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs = folder / PACKS
        self._packs.mkdir(parents=True, exist_ok=True)

    def index(self) -> Index:
        """What is remembered of the last save; of a torn or foreign index, nothing."""
        try:
            data = (self._folder / INDEX).read_bytes()
        except FileNotFoundError:
            return Index()
        return decode_index(data) or Index()

    def lend(self, pack: Pack, folder: Path) -> bool:
        """Put a pack into `folder`, too, unless it is missing here or not as long as it should be."""
        source = self._packs / f"{pack.digest}.zst"
        with suppress(FileNotFoundError):
            if source.stat().st_size == pack.size:
                duplicate(source, folder / source.name)
                return True
        return False

    def keep(self, path: Path) -> None:
        """Keep a pack that lies somewhere else."""
        place = self._packs / path.name
        with suppress(FileNotFoundError):
            if place.stat().st_size != path.stat().st_size:
                place.unlink()
        duplicate(path, place)

    def lend_table(self, content: Content, folder: Path) -> bool:
        """Put the table of the last save into `folder`, too, if it is the one that belongs to that content."""
        place = folder / TABLE
        with suppress(FileNotFoundError):
            duplicate(self._folder / TABLE, place)
            if blake3(place.read_bytes()).hexdigest() == content.table_digest:
                return True
            place.unlink()
        return False

    def remember(self, index: Index, table: bytes) -> None:
        """Take over what a save has learnt, and forget the packs that it does not speak of."""
        settle_folder(self._packs)
        write_whole(self._folder / TABLE, table)
        write_whole(self._folder / INDEX, encode_index(index))
        settle_folder(self._folder)
        self._sweep({f"{pack.digest}.zst" for pack in index.packs})

    def _sweep(self, kept: Collection[str]) -> None:
        now = time.time()
        for folder, names in ((self._packs, kept), (self._folder, {INDEX, TABLE, PACKS})):
            for path in folder.iterdir():
                with suppress(FileNotFoundError):
                    is_fresh = path.name.startswith(TEMPORARY) and now - path.stat().st_mtime < _ABANDONED_AFTER
                    if path.name not in names and not is_fresh:
                        path.unlink()

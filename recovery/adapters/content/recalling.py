"""What is remembered of files, told apart by what is still true of them."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.adapters.content.found import Found
from recovery.adapters.content.index import Index, Signature
from recovery.adapters.content.reading import signature_of


class Recollection:
    """The index of the last save, held against the files of this one.

    `usable` tells of each known pack whether its chunks count.
    """

    def __init__(self, files: Sequence[Found], index: Index, usable: list[bool]) -> None:
        self.files = files
        self.index = index
        self.usable = usable
        self.numbers: list[tuple[int, ...]] = [()] * len(files)
        """The chunks of each unchanged file."""
        self.targets: dict[str, str] = {}
        """Where the unchanged links point."""
        self._before = dict(zip(index.paths, zip(index.signatures, index.numbers(), strict=True), strict=True))
        self.changed = self._recall()
        """The positions of all files that are not unchanged."""

    @property
    def bytes_changed(self) -> int:
        """How long those files are together."""
        return sum([self.files[position].status.st_size for position in self.changed])

    def chunks_before(self, path: str) -> tuple[Signature, tuple[int, ...]] | None:
        """Signature and chunks that a file of that name had, if all of them may be used; else None."""
        before = self._before.get(path)
        return before if before is not None and self._are_usable(before[1]) else None

    def _recall(self) -> list[int]:
        all_usable = all(self.usable)
        changed = []
        for position, each in enumerate(self.files):
            before = self._before.get(each.path)
            if before is None or before[0] != signature_of(each.status):
                changed.append(position)
            elif all_usable or self._are_usable(before[1]):
                self.numbers[position] = before[1]
                if each.path in self.index.targets:
                    self.targets[each.path] = self.index.targets[each.path]
            else:
                changed.append(position)
        return changed

    def _are_usable(self, numbers: Sequence[int]) -> bool:
        return all(self.usable[self.index.chunks[number][0]] for number in numbers)

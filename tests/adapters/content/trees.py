"""Folders of files to save, and saves of them."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from random import Random

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.found import Found
from recovery.adapters.content.restoring import restore_content
from recovery.adapters.content.saving import Saved, save_content
from recovery.models.checkpoint import Content


def found_in(root: Path) -> list[Found]:
    """Every file, link and empty folder below `root`."""
    found = []
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder) / name
            status = path.lstat()
            if not stat.S_ISDIR(status.st_mode) or not any(path.iterdir()):
                found.append(Found(path.relative_to(root).as_posix(), str(path), status))
    return sorted(found, key=lambda each: each.path)


def write_tree(root: Path, files: dict[str, bytes]) -> None:
    """Write files, with the folders above them."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def some_bytes(length: int, *, seed: int = 1) -> bytes:
    """Bytes that look like nothing else, the same ones for the same seed."""
    return Random(seed).randbytes(length)  # noqa: S311


class Workspace:
    """A folder of files, a store beside it, and the checkpoints made of it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.store = folder / "store"
        self.checkpoints = folder / "checkpoints"
        self.root.mkdir(parents=True)

    def save(self, name: str, *, base: tuple[str, Content] | None = None) -> Saved:
        """Save everything as a checkpoint of that name."""
        return save_content(found_in(self.root), self.checkpoints / name, store=self.store, base=base)

    def restored(self, name: str, saved: Saved, *, base: str | None = None) -> Path:
        """The files of a checkpoint, restored into a folder of their own."""
        place = self.checkpoints.parent / f"restored-{name}"
        restore_content(self.checkpoints / name, saved.content, place, base=self.checkpoints / base if base else None)
        return place

    def check(self, name: str, saved: Saved) -> None:
        """Compare a checkpoint with what is declared of it."""
        check_content(self.checkpoints / name, saved.content)

    def grow_old(self) -> None:
        """Wait until no file is so young that it has to be read again."""
        newest = max((each.status.st_ctime_ns for each in found_in(self.root)), default=0)
        time.sleep(max(0.0, 0.12 - (time.time_ns() - newest) / 1e9))


def described(root: Path) -> dict[str, tuple[str, int, object]]:
    """Kind, mode, and content or target of everything below a folder."""
    tree: dict[str, tuple[str, int, object]] = {}
    for each in found_in(root):
        path, mode = Path(each.location), stat.S_IMODE(each.status.st_mode)
        if stat.S_ISLNK(each.status.st_mode):
            tree[each.path] = ("link", mode, str(path.readlink()))
        elif stat.S_ISDIR(each.status.st_mode):
            tree[each.path] = ("folder", mode, None)
        else:
            tree[each.path] = ("file", mode, path.read_bytes())
    return tree

"""One process at a time in one folder, in a way that ends with the process, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recovery.errors import StateError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder against other restores, of which it must exist.

    Raises:
        StateError: another restore holds it, or it cannot be held.
    """
    try:
        handle = _open(folder)
    except FileNotFoundError as error:  # who held it before has removed it
        raise _held_by_another(folder) from error
    try:
        try:
            _lock(handle)
        except _IsHeld as error:
            raise _held_by_another(folder) from error
        except OSError as error:
            raise _unlockable(folder, error) from error
        if not _is_still_there(handle, folder):
            raise _held_by_another(folder)
        yield
    finally:
        os.close(handle)


def _held_by_another(folder: Path) -> StateError:
    return StateError(f"another restore is writing into {folder}", hint="restore one checkpoint after the other")


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Hold a folder, which must exist, as soon as nobody else holds it.

    Raises:
        StateError: the folder cannot be held.
    """
    handle = _open(folder)
    try:
        try:
            _wait(handle)
        except OSError as error:
            raise _unlockable(folder, error) from error
        yield
    finally:
        os.close(handle)


def _unlockable(folder: Path, error: OSError) -> StateError:
    return StateError(f"{folder} cannot be locked: {error.strerror}", hint="name a folder on a disk")


if sys.platform == "win32":
    import msvcrt

    _IsHeld = PermissionError

    def _open(folder: Path) -> int:
        # A folder cannot be locked there; the file may stay, and is nobody's but ours.
        return os.open(folder / ".recovery-restore-lock", os.O_RDWR | os.O_CREAT)

    def _is_still_there(handle: int, folder: Path) -> bool:  # noqa: ARG001
        return True  # what is open there cannot be removed

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _wait(handle: int) -> None:
        while True:
            try:
                return msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
            except OSError as error:  # it gives up after ten seconds
                if error.errno != errno.EDEADLK:
                    raise

else:
    import fcntl

    _IsHeld = BlockingIOError

    def _open(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _is_still_there(handle: int, folder: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), folder.stat())
        except FileNotFoundError:
            return False

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _wait(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

"""The file that a SQLite database lives in: whether it may be used, and how a broken one is set aside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from recovery.errors import InputError, StateError

if sys.platform != "win32":
    import fcntl

_SHOWN = 80
"""Characters that are repeated of a name that no file can have."""

_HINT = "make the file and its folder readable and writable for this user, or name another database"


@contextmanager
def place_for(path: Path) -> Iterator[None]:
    """Make the folder and hold it while the file is looked at, made or set aside; say plainly what is wrong with it.

    One process at a time: a file must not be renamed while another process has it open, for that one would take the
    journal beside the new file for its own and apply it.

    Raises:
        InputError: no file can have this name.
        StateError: the file or its folder cannot be used.
    """
    _check_name(path)
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the folder {folder} of the database cannot be used: {error.strerror}", hint=_HINT) from error
    # SQLite writes its rollback journal into the folder, so that one that can only be read is not enough.
    if not _accessible(folder, os.R_OK | os.W_OK | os.X_OK):
        raise StateError(f"the folder {folder} of the database cannot be read and written", hint=_HINT)
    with _held(folder):
        if path.is_dir():
            raise StateError(f"{path} is a directory, not a database", hint="name a file in it")
        if path.exists() and not _accessible(path, os.R_OK | os.W_OK):
            raise StateError(f"the database {path} cannot be read and written", hint=_HINT)
        yield


def set_aside(path: Path) -> Path:
    """Rename a broken file to the first free `<name>.broken-<n>`; tell where it is. Needs the place held.

    Raises:
        StateError: the folder does not allow it.
    """
    names = (path.with_name(f"{path.name}.broken-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    try:
        return path.rename(aside)
    except OSError as error:
        raise StateError(f"the broken database {path} cannot be set aside: {error.strerror}", hint=_HINT) from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock a folder, and leave no file behind for that. Where folders have no locks (Windows) nothing is locked."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems lock files only
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _check_name(path: Path) -> None:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # it may become one, or what is in its way is told later
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"the database cannot be named {str(path)[:_SHOWN]!r}: {problem}",
            hint="name another database with `--db URL`",
        ) from error


def _accessible(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)

"""The file that a SQLite database lives in: whether it may be used, and how a broken one is set aside."""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path

from recovery.errors import StateError

_PATIENCE_SECONDS = 5.0
"""How long another process may take between the two file operations of setting a file aside."""


def check_place(path: Path) -> None:
    """Make the folder, and say plainly what SQLite would only call "unable to open database file".

    Raises:
        StateError: the file or its folder cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise StateError(f"{path} is a directory, not a database", hint="name a file in it")
        found = identity_of(path)
    except OSError as error:
        message = f"the folder {path.parent} of the database cannot be used: {error.strerror}"
        raise StateError(message, hint="name a file in a folder that this user may read and write") from error
    hint = "make the file and its folder writable for this user, or name another database"
    # SQLite writes its rollback journal into the folder, so that one that can only be read is not enough.
    if not _accessible(path.parent, os.R_OK | os.W_OK | os.X_OK):
        raise StateError(f"the folder {path.parent} of the database cannot be read and written", hint=hint)
    # Another process may set the file aside meanwhile: one that is gone is no reason to give up.
    if found is not None and not _accessible(path, os.R_OK | os.W_OK) and identity_of(path) == found:
        raise StateError(f"the database {path} cannot be read and written", hint=hint)


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its name later; None when there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def set_aside(path: Path, identity: tuple[int, int] | None) -> Path | None:
    """Rename the broken file of this identity to the first free `<name>.broken-<n>`; tell where it is.

    Of several processes one does it and all return; None when another did it and its trace is gone. The file gets
    a second name, which fails if there is such a file already, then loses the first one: so nothing is overwritten,
    and whoever comes second sees by the identity that it is done, and leaves alone what took the name since.

    Raises:
        StateError: the folder does not allow it.
    """
    try:
        for number in count(1):
            aside = path.with_name(f"{path.name}.broken-{number}")
            try:
                os.link(path, aside)
            except FileExistsError:
                if identity_of(aside) != identity:
                    continue
                _await_another(path, identity)
            except FileNotFoundError:
                return None
            return _finish(path, aside, identity)
    except OSError as error:
        raise StateError(f"the broken database {path} cannot be set aside: {error.strerror}") from error
    return None


def _finish(path: Path, aside: Path, identity: tuple[int, int] | None) -> Path | None:
    """Take the first name away, unless it is a new file's by now."""
    if identity_of(aside) != identity:
        aside.unlink()
        return None
    if identity_of(path) == identity:
        path.unlink(missing_ok=True)
    return aside


def _await_another(path: Path, identity: tuple[int, int] | None) -> None:
    """Wait for the process that is setting the file aside; it may have been killed, so not for ever."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while identity_of(path) == identity and time.monotonic() < deadline:
        time.sleep(0.01)


def _accessible(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)

"""Files that are there whole or not at all, and that are still there when the machine has stopped."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

TEMPORARY = ".writing-"
"""How the name of a file begins that is not whole yet."""


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place: whoever looks sees the old one or the new one."""
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        with temporary.open("xb", buffering=0) as file:
            write_all(file.fileno(), content)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_all(handle: int, content: bytes) -> None:
    """Write everything, however little the system takes at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def duplicate(source: Path, place: Path) -> None:
    """Have a file, which is never written again, in a second place: as a link, or as a copy where links fail.

    Raises:
        OSError: there is no such file, or it cannot be written there.
    """
    try:
        os.link(source, place)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        temporary = place.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
        try:
            shutil.copyfile(source, temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def settle_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files; where the system has no such thing, nothing is done."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

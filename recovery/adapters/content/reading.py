"""Files read without being believed to stand still: what changes meanwhile is read once more, then refused."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from operator import attrgetter
from typing import TypeVar

from recovery.adapters.content.found import Found
from recovery.adapters.content.index import Signature
from recovery.errors import InputError, StateError

_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_ANOTHER_KIND = {errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENXIO}
"""What the system answers when something else stands at the place of a file or link."""

Result = TypeVar("Result")


class FileChanged(Exception):
    """What is read is not what was found any more."""


def _windows_signature(status: os.stat_result) -> Signature:
    """There, inode and time of status tell nothing, and whether a file can be executed is told by its name only."""
    return status.st_size, status.st_mtime_ns, 0, 0, status.st_mode & ~0o111


signature_of: Callable[[os.stat_result], Signature] = (
    _windows_signature if os.name == "nt" else attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_mode")
)
"""What tells that a file is the one that was read before."""


def read_steadily(found: Found, read: Callable[[int, os.stat_result], Result]) -> tuple[Result, os.stat_result]:
    """What `read` makes of an open file and its status, and the status, which is the same before and after.

    What has changed since it was found is read again; what changes while it is read, once more.

    Raises:
        InputError: the file was changed while it was read, twice, or it is gone.
        StateError: it cannot be read.
    """
    status = found.status
    for is_again in (False, True, True):
        try:
            handle = os.open(found.location, _FLAGS)
            try:
                if is_again:
                    status = os.fstat(handle)
                    _check_kind(status)
                result = read(handle, status)
                if signature_of(os.fstat(handle)) == signature_of(status):
                    return result, status
            finally:
                os.close(handle)
        except FileChanged:
            continue
        except OSError as error:
            if error.errno not in _ANOTHER_KIND:
                raise unreadable(found.path, error) from error
    raise moving(found.path)


def read_link(found: Found) -> str:
    """Where a link points.

    Raises:
        InputError: it is no link any more, it is gone, or where it points is no Unicode.
    """
    try:
        target = os.readlink(found.location)  # noqa: PTH115 (as it is written, not as a Path would write it)
        target.encode()
    except OSError as error:
        raise (moving(found.path) if error.errno in _ANOTHER_KIND else unreadable(found.path, error)) from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"the link {found.path} cannot be kept: where it points is no Unicode", hint=_leave_out(found.path)
        ) from error
    return target


def moving(path: str) -> InputError:
    """The refusal of a file that something writes to."""
    return InputError(
        f"{path} was changed while it was read", hint=f"wait until nothing writes to it, or {_leave_out(path)}"
    )


def unreadable(path: str, error: OSError) -> InputError | StateError:
    """The refusal of a file that cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return InputError(
            f"{path} was removed while the checkpoint was made",
            hint=f"wait until nothing removes files, or {_leave_out(path)}",
        )
    return StateError(f"{path} cannot be read: {error.strerror}", hint=_leave_out(path))


def _leave_out(path: str) -> str:
    return f"leave it out with the line `!{path}`"


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileChanged

"""The process at the other end of a connection to this machine: finding it, killing it, filling its disk."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from recovery.errors import RehearsalError

_PROC = Path("/proc")
_LOCAL_ADDRESS, _REMOTE_ADDRESS, _INODE = 1, 2, 9
_FAREWELL_SECONDS = 2.0


def process_of(client_port: int, server_port: int) -> int | None:
    """The process whose socket leads from one port to the other; None where the system does not tell (not Linux)."""
    inode = _inode_of(client_port, server_port)
    if inode is None:
        return None
    link = f"socket:[{inode}]"
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _holds(entry / "fd", link):
            return int(entry.name)
    return None


def _inode_of(client_port: int, server_port: int) -> str | None:
    try:
        lines = (_PROC / "net" / "tcp").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if _port(fields[_LOCAL_ADDRESS]) == client_port and _port(fields[_REMOTE_ADDRESS]) == server_port:
            return fields[_INODE]
    return None


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1], 16)


def _holds(folder: Path, link: str) -> bool:
    try:
        return any(str(descriptor.readlink()) == link for descriptor in folder.iterdir())
    except OSError:
        return False


def kill(process: int | None) -> None:
    """Kill the process at once and wait until it can do nothing more.

    Raises:
        RehearsalError: it is not known, or it is our own.
    """
    number = _required(process)
    os.kill(number, signal.SIGKILL)
    until = time.monotonic() + _FAREWELL_SECONDS
    while _lives(number) and time.monotonic() < until:
        time.sleep(0.005)


def fill_disk(process: int | None, bytes_left: int) -> None:
    """Let the process make no file larger than this.

    Writing fails with EFBIG, where a full disk says ENOSPC: a limit is all that can be put on a running process
    without privileges.

    Raises:
        RehearsalError: the process is not known, or is our own, or the system has no such limit.
    """
    number = _required(process)
    try:
        import resource
    except ImportError as error:
        raise RehearsalError("this system cannot limit the files of a running process") from error
    if not hasattr(resource, "prlimit"):
        raise RehearsalError("this system cannot limit the files of a running process")
    _, hard = resource.prlimit(number, resource.RLIMIT_FSIZE)
    resource.prlimit(number, resource.RLIMIT_FSIZE, (bytes_left, hard))


def _required(process: int | None) -> int:
    if process is None or process == os.getpid():
        raise RehearsalError(
            "the asking process is not known, or it is this one",
            hint="killing a process and filling its disk take Linux, and a process of its own",
        )
    return process


def _lives(process: int) -> bool:
    try:
        return (_PROC / str(process) / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False

"""Child processes that never outlive the rehearsal, however deep their own children hide."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_POLITE_SECONDS = 2.0
# How long a step may clean up when its job's time is over; GitHub's runner gives it ten seconds.
_STEP_SECONDS = 1.0
_MARK = "REHEARSAL_PROCESS"


class Processes:
    """Every process started for a rehearsal.

    `act` puts the steps it runs into process groups of their own, and a step's daemon may leave tree and session
    behind, so a group's signal does not reach them all. Therefore everything below a process, in its session, or
    with its mark in the environment (as GitHub's runner does it with RUNNER_TRACKING_ID) is ended one by one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._marks: dict[int, str] = {}
        self._closed = False

    def start(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], errors: Path
    ) -> subprocess.Popen[str]:
        """Start a process whose standard output is read as text lines and whose errors go to a file."""
        mark = secrets.token_hex(8)
        with self._lock:
            if self._closed:
                raise RuntimeError("the rehearsal is over")
            with errors.open("w", encoding="utf-8") as stream:
                process = subprocess.Popen(  # noqa: S603 -- the command is ours
                    command,
                    cwd=cwd,
                    env={**env, _MARK: mark},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=stream,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            self._running[process.pid] = process
            self._marks[process.pid] = mark
            return process

    def finished(self, process: subprocess.Popen[str]) -> None:
        """Forget a process that has ended by itself, and end what it left behind."""
        _end(self._family(process.pid) - {process.pid}, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()
        with self._lock:
            self._running.pop(process.pid, None)

    def end_marked(self, variable: str) -> None:
        """End what runs now of this rehearsal with this variable (`NAME=value`) in its environment.

        Only Linux tells the environment of processes; elsewhere nothing is ended.
        """
        with self._lock:
            roots = set(self._running)
        ours = set().union(*map(self._family, roots)) - roots
        found = {pid for pid in ours if _is_marked(pid, f"{variable}\0".encode())}
        _end(found, signal.SIGINT)
        until = time.monotonic() + _STEP_SECONDS
        while time.monotonic() < until and any(_alive(pid) for pid in found):
            time.sleep(0.02)
        _end(found, signal.SIGKILL)

    def close(self) -> None:
        """End every process and all their descendants; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
            self._running.clear()
        families = {process.pid: self._family(process.pid) for process in running}
        for family in families.values():
            _end(family, signal.SIGTERM)
        until = time.monotonic() + _POLITE_SECONDS
        while time.monotonic() < until and any(_alive(pid) for family in families.values() for pid in family):
            for process in running:
                process.poll()
            time.sleep(0.02)
        for process in running:
            _end(families[process.pid] | self._family(process.pid), signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_POLITE_SECONDS)

    def _family(self, root: int) -> set[int]:
        """The process, its descendants, and every process of its session or with its mark."""
        table = process_table()
        family = {root} if root in table else set()
        mark = f"{_MARK}={self._marks[root]}".encode()
        family |= {pid for pid, (_, session, _) in table.items() if session == root or _is_marked(pid, mark)}
        while more := {pid for pid, (parent, _, _) in table.items() if parent in family and pid not in family}:
            family |= more
        return family


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ask `act` to cancel its jobs, which lets `if: always()` and `if: cancelled()` steps run."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)


def _end(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _alive(pid: int) -> bool:
    entry = process_table().get(pid)
    return entry is not None and entry[2] != "Z"


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def process_table() -> dict[int, tuple[int, int, str]]:
    """Parent, session and state of every process."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return _table_of_ps()
    table = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                table[int(entry.name)] = (int(fields[1]), int(fields[3]), fields[0])
    return table


def _table_of_ps() -> dict[int, tuple[int, int, str]]:
    """The same where there is no /proc; sessions are unknown there, process groups stand in."""
    listing = subprocess.run(["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False)
    table = {}
    for line in listing.stdout.splitlines():
        pid, parent, group, state = line.split(maxsplit=3)
        table[int(pid)] = (int(parent), int(group), state[:1])
    return table

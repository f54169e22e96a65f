"""Saving and restoring two workspaces, in rounds in which ours and its peers take turns."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import checkpoint_peers as peers
from benchmarks.checkpoint_run import declaration
from benchmarks.measuring import Result

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


@dataclass(frozen=True)
class Goals:
    """The most that ours may take, as parts of what a peer takes."""

    full: float
    unchanged: float
    fresh: float
    changed: float
    stored: float
    restored: float
    zipped: float = 0.08
    memory: float = 0.4


GOALS = {
    "W1": Goals(full=0.75, unchanged=0.15, fresh=0.4, changed=0.15, stored=1.05, restored=0.9),
    "W2": Goals(full=0.9, unchanged=0.2, fresh=0.25, changed=0.1, stored=1.1, restored=0.5),
}
SECONDS_OF_SMALL_CHECKPOINT = 1.0
YOUTH = 0.5
"""Seconds after which a file is not read again only because it is so young."""


@dataclass
class Measured:
    """What the rounds measured, by name: ours and the reference's, round by round."""

    pairs: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, ours: float, reference: float) -> None:
        """Note one round."""
        self.pairs[name].append((ours, reference))

    def result(self, name: str, unit: str, goal: float) -> list[Result]:
        """The medians of a name; nothing where it was not measured."""
        if name not in self.pairs:
            return []
        ours, reference = (statistics.median(pair[side] for pair in self.pairs[name]) for side in (0, 1))
        ratio = ours / reference
        return [Result(name, round(ours, 3), round(reference, 3), unit, round(ratio, 3), goal, ratio <= goal)]


@dataclass(frozen=True)
class Run:
    """One process that has ended."""

    seconds: float
    megabytes: float
    """The most memory that it, or one of those it started, had at once."""


def results() -> list[Result]:
    """Every row: both workspaces, and the small checkpoint."""
    with tempfile.TemporaryDirectory(prefix="bench-checkpoint-") as folder:
        return [row for name in GOALS for row in _workspace(name, Path(folder))] + _small(Path(folder))


def _workspace(name: str, folder: Path) -> list[Result]:
    home = folder / name
    _run(peers.workspace("make", name, home / "workspace", SCALE))
    os.sync()
    print(f"{name}: {peers.folder_size(home / 'workspace') / 1e6:.0f} MB", flush=True)
    measured = Measured()
    backup = _backup(name, home)
    for number in range(ROUNDS):
        _same_machine(name, home, measured, backup)
        _other_inodes(name, home, measured, seed=number)
        shutil.rmtree(home / "store")
        print(f"{name}: round {number + 1} of {ROUNDS} is over", flush=True)
    _zipped(name, home, measured)
    shutil.rmtree(home)
    return _rows(name, measured)


def _backup(name: str, home: Path) -> tuple[str, Sequence[str]] | None:
    """The peer that remembers what it saved, after a first save of its own."""
    label, command = {"W1": ("restic", peers.restic_save), "W2": ("borg", peers.borg_save)}[name]
    backup = command(home / "workspace", home / label)
    if backup is None:
        return None
    _run(backup)
    return label, backup


def _same_machine(name: str, home: Path, measured: Measured, backup: tuple[str, Sequence[str]] | None) -> None:
    """A full save, one when nothing has changed, and a restore."""
    root, checkpoint, archive = home / "workspace", home / "checkpoint", home / "cache.tzst"
    ours = _run(peers.ours("save", root, checkpoint, home / "store"))
    cache = _run(peers.cache_save(root, archive))
    measured.add(f"{name} full save", ours.seconds, cache.seconds)
    measured.add(f"{name} memory of a save", ours.megabytes, cache.megabytes)
    measured.add(f"{name} bytes stored", peers.folder_size(checkpoint) / 1e6, archive.stat().st_size / 1e6)
    if backup is not None:
        again = _run(peers.ours("save", root, home / "again", home / "store"))
        measured.add(f"{name} unchanged, to {backup[0]}", again.seconds, _run(backup[1]).seconds)
        _remove(home / "again")
    ours = _run(peers.ours("restore", home / "restored", checkpoint, home / "store"))
    (home / "untarred").mkdir()
    cache = _run(peers.cache_restore(archive, home / "untarred"))
    measured.add(f"{name} restore", ours.seconds, cache.seconds)
    measured.add(f"{name} memory of a restore", ours.megabytes, cache.megabytes)
    for each in (home / "restored", home / "untarred"):
        shutil.rmtree(each)
    _remove(checkpoint)


def _other_inodes(name: str, home: Path, measured: Measured, *, seed: int) -> None:
    """The same files in another place, with the same store, and then a small part of them changed."""
    fresh = home / "fresh"
    shutil.copytree(home / "workspace", fresh, symlinks=True)
    for label in ("fresh inodes", "a little changed"):
        os.sync()
        time.sleep(YOUTH)
        ours = _run(peers.ours("save", fresh, home / "checkpoint", home / "store"))
        cache = _run(peers.cache_save(fresh, home / "cache.tzst"))
        measured.add(f"{name} {label}", ours.seconds, cache.seconds)
        if label == "a little changed":
            stored = peers.folder_size(home / "checkpoint"), (home / "cache.tzst").stat().st_size
            measured.add(f"{name} bytes after that", stored[0] / 1e6, stored[1] / 1e6)
        _remove(home / "checkpoint")
        _run(peers.workspace("change", name, fresh, seed))
    shutil.rmtree(fresh)


def _zipped(name: str, home: Path, measured: Measured) -> None:
    """A full save beside a zip, once: that takes minutes, and is far away from the goal."""
    command = peers.zip_save(home / "workspace", home / "artifact.zip")
    if command is None:
        return
    ours = _run(peers.ours("save", home / "workspace", home / "checkpoint", home / "store"))
    measured.add(f"{name} full save, to zip", ours.seconds, _run(command).seconds)


def _rows(name: str, measured: Measured) -> list[Result]:
    goals = GOALS[name]
    backup = {"W1": "restic", "W2": "borg"}[name]
    return [
        row
        for label, unit, goal in (
            ("full save", "s", goals.full),
            ("full save, to zip", "s", goals.zipped),
            (f"unchanged, to {backup}", "s", goals.unchanged),
            ("fresh inodes", "s", goals.fresh),
            ("a little changed", "s", goals.changed),
            ("restore", "s", goals.restored),
            ("bytes stored", "MB", goals.stored),
            ("bytes after that", "MB", goals.stored),
            ("memory of a save", "MB", goals.memory),
            ("memory of a restore", "MB", goals.memory),
        )
        for row in measured.result(f"{name} {label}", unit, goal)
    ]


def _small(folder: Path) -> list[Result]:
    """The action in a job with 1 MB of files, from the start of its process until the checkpoint is packed."""
    root = folder / "small"
    _run(peers.workspace("make", "W1", root / "files", 1 / 375))
    measured = Measured()
    for number in range(ROUNDS + 1):
        run = _run(peers.mode_checkpoint(root, folder / f"temporary-{number}"))
        if number:  # the first one compiles modules
            measured.add("mode: checkpoint, 1 MB", run.seconds, SECONDS_OF_SMALL_CHECKPOINT)
    return measured.result("mode: checkpoint, 1 MB", "s", SECONDS_OF_SMALL_CHECKPOINT)


def _run(command: Sequence[str]) -> Run:
    # Compiled modules are there on a machine that has run the program before; a shell may have switched them off.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        errors = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {errors.decode(errors='replace')[-2000:]}")
    return Run(seconds, usage.ru_maxrss / 1000)


def _remove(checkpoint: Path) -> None:
    shutil.rmtree(checkpoint)
    declaration(checkpoint).unlink()

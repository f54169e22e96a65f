"""Counts the cells of the matrix that held, across the processes of a test run, and writes them down as a table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

if TYPE_CHECKING:
    from tests.faults.loop import Loop, MovableClock

pytest.register_assert_rewrite("tests.faults.invariants", "tests.faults.loop")

HELD = pytest.StashKey[list[str]]()
BUILD = Path(__file__).parents[2] / "build"
TABLE = BUILD / "fault-matrix.md"


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count."""
    config.stash[HELD] = []


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Count one cell that held."""

    def count(fault: str, phase: str) -> None:
        request.config.stash[HELD].append(f"{fault}\t{phase}\n")

    return count


@pytest.fixture(scope="module")
def server() -> Iterator[LocalGitHub]:
    """One server for all worlds."""
    with LocalGitHub(World()) as running:
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """The clock of GitHub and of every recovery run."""
    from tests.faults.loop import MovableClock

    movable = MovableClock()
    monkeypatch.setattr("recovery.app.wiring.SystemClock", lambda: movable)
    return movable


@pytest.fixture
def opened(server: LocalGitHub, clock: MovableClock, tmp_path: Path) -> Iterator[Callable[[str], Loop]]:
    """Opens a world of one kind of failure."""
    from tests.faults.loop import Loop, quick_folder

    with quick_folder(tmp_path) as folder:
        yield lambda failure: Loop(server, folder, clock, failure)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add what held in this process to what held in the others; the last one's table is whole.

    The process that directs the others never loads this file, so that it cannot add up.
    """
    held = session.config.stash[HELD]
    if not held:
        return
    BUILD.mkdir(exist_ok=True)
    together = BUILD / f"fault-matrix-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}.tsv"
    with together.open("a", encoding="utf-8") as file:
        file.write("".join(held))
    TABLE.write_text(table_of(Counter(together.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    for old in BUILD.glob("fault-matrix-*.tsv"):
        if old != together:
            old.unlink(missing_ok=True)


def table_of(held: Counter[str]) -> str:
    """The counts as Markdown: a row per fault, a column per kind of phase."""
    cells: Counter[tuple[str, str]] = Counter()
    for name, count in held.items():
        fault, phase = name.split("\t")
        cells[fault, phase.split(":")[0]] += count
    faults = sorted({fault for fault, _ in cells})
    phases = sorted({phase for _, phase in cells})
    lines = [f"| fault | {' | '.join(phases)} | all |", f"| --- | {' | '.join('--:' for _ in phases)} | --: |"]
    for fault in faults:
        counts = [cells[fault, phase] for phase in phases]
        lines.append(f"| {fault} | {' | '.join(str(count or '') for count in counts)} | {sum(counts)} |")
    sums = [sum(cells[fault, phase] for fault in faults) for phase in phases]
    lines.append(f"| **all** | {' | '.join(map(str, sums))} | **{sum(sums)}** |")
    return "\n".join(lines) + "\n"

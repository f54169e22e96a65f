"""Rounds in which ours and the reference take turns, and the table and file that come of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path("build") / "bench"
ROUNDS = 7


@dataclass(frozen=True)
class Result:
    """One line of a benchmark. `goal` bounds the ratio, from below for MB/s, else from above."""

    name: str
    ours: float
    reference: float
    unit: str
    ratio: float
    goal: float
    met: bool


def compare(ours: Sequence[str], reference: Sequence[str], *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Median seconds of two programs that take turns, after one run of each that does not count."""
    _seconds(ours)
    _seconds(reference)
    pairs = [(_seconds(ours), _seconds(reference)) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def seconds_result(name: str, pair: tuple[float, float], goal: float) -> Result:
    """A result in seconds: less is better."""
    ratio = pair[0] / pair[1]
    return Result(name, round(pair[0], 3), round(pair[1], 3), "s", round(ratio, 2), goal, ratio <= goal)


def throughput_result(name: str, pair: tuple[float, float], size: int, goal: float) -> Result:
    """A result in MB/s: more is better."""
    ours, reference = size / 1e6 / pair[0], size / 1e6 / pair[1]
    ratio = ours / reference
    return Result(name, round(ours, 1), round(reference, 1), "MB/s", round(ratio, 3), goal, ratio >= goal)


def report(name: str, results: Sequence[Result]) -> None:
    """Print a table, and write it for machines."""
    print(f"{name:<34}{'ours':>10}{'reference':>12}{'':>6}{'ratio':>9}{'goal':>8}  met")
    for each in results:
        bound = ">=" if each.unit == "MB/s" else "<="
        print(
            f"{each.name:<34}{each.ours:>10}{each.reference:>12}{each.unit:>6}{each.ratio:>9}"
            f"{bound + str(each.goal):>8}  {'yes' if each.met else 'no'}"
        )
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n", "utf-8")


def _seconds(command: Sequence[str]) -> float:
    # Compiled modules are there on a machine that has run the program before; a shell may have switched them off.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began

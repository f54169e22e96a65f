"""How fast a log is read for its cause: whole processes, beside `grep -F` for one literal a rule, and beside limits."""

from __future__ import annotations

import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import Result, compare, throughput_result
from recovery.models.log import JobLog
from recovery.policy.classify import classify
from recovery.policy.logs.baseline import Baseline
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.model import RuleSet
from recovery.policy.rules.pack import pack_entries

PACKS = Path(__file__).resolve().parents[1] / "recovery" / "policy" / "rules"
RECOVERY = str(Path(sys.executable).with_name("recovery"))
ROUNDS = 3

MEGABYTE = 10**6
LEAST_SPEED = 60.0
"""MB/s of a whole process on 50 MB that are promised; the goal beside `grep` stands for 110."""

GREP_GOAL = 0.67
"""At most 1.5 times what `grep -F` takes."""

START_LIMIT, MEMORY_LIMIT = 0.1, 60.0
"""Seconds for 1 MB, start included; MB of memory beside the log itself."""

WORDS = (
    "compiling",
    "module",
    "finished",
    "linking",
    "object",
    "target",
    "warnings",
    "cache",
    "restored",
    "layer",
    "step",
)
CAUSE = "curl: (18) transfer closed with outstanding read data remaining"
HITS = (
    "src/cart.c:12:8: error: expected ';' before '}' token",
    "FAILED tests/test_cart.py::test_total - assert 3 == 4",
    "npm ERR! code ETIMEDOUT",
)
"""Lines of a dense log, of which every hundredth line is one."""


def results() -> list[Result]:
    """Every row; the logs are written to a temporary folder, the same each time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = {size: _written(folder, size) for size in (1, 10, 50, 100)}
        dense = _written(folder, 50, dense=True)
        literals = folder / "literals"
        literals.write_text("\n".join(_literals()) + "\n", encoding="utf-8")
        memory = _memory(logs[50])
        seconds = {size: _median((RECOVERY, "classify", "--json", str(log))) for size, log in logs.items()}
        rows = [
            _beside_grep("50 MB, few hits", logs[50], literals),
            _beside_grep("50 MB, many hits", dense, literals),
            _result("50 MB, few hits, to 60 MB/s", 50 / seconds[50], LEAST_SPEED, "MB/s", 1.0),
            _result("1 MB, start included, to 0.1 s", seconds[1], START_LIMIT, "s", 1.0),
            _result("100 MB to 10 times 10 MB", seconds[100], 10 * seconds[10], "s", 1.1),
            _result("50 MB, memory beside the log", memory - 50, MEMORY_LIMIT, "MB", 1.0),
            _result("50 MB, all rules to a third", *_by_rules(logs[50]), "s", 1.1),
            _result("50 MB, baseline to set difference", *_by_baseline(logs[50]), "s", 1.0),
        ]
    print("seconds for 1, 10, 50, 100 MB:", ", ".join(f"{seconds[size]:.2f}" for size in sorted(seconds)))
    return rows


def _beside_grep(name: str, log: Path, literals: Path) -> Result:
    grep = ("grep", "-F", "-c", "-f", str(literals), str(log))
    pair = compare((RECOVERY, "classify", "--json", str(log)), grep, rounds=ROUNDS)
    return throughput_result(name, pair, log.stat().st_size, GREP_GOAL)


def _result(name: str, ours: float, reference: float, unit: str, goal: float) -> Result:
    ratio = ours / reference
    met = ratio >= goal if unit == "MB/s" else ratio <= goal
    return Result(name, round(ours, 3), round(reference, 3), unit, round(ratio, 3), goal, met)


def _literals() -> list[str]:
    """The first line that each rule says it matches, and the one at the end of the logs."""
    packs = sorted(PACKS.glob("*.yml"))
    entries = [entry for pack in packs for entry in pack_entries(pack.read_text(encoding="utf-8"), pack.name)]
    return [CAUSE, *(entry.examples.match[0].splitlines()[0] for entry in entries)]


def _median(command: Sequence[str]) -> float:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return statistics.median(_timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)))


def _timed(work: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def _memory(log: Path) -> float:
    """MB that a process had at its peak; a fork begins with what this process has, so that this comes first."""
    process = subprocess.Popen((RECOVERY, "classify", "--json", str(log)), stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss / 1000


def _by_rules(log: Path) -> tuple[float, float]:
    """Seconds with all rules, and with every third."""
    content = JobLog(content=log.read_bytes())
    few = RuleSet(builtin_rules().rules[::3])
    classify(content)
    classify(content, rules=few)
    return (
        statistics.median(_timed(lambda: classify(content))),
        statistics.median(_timed(lambda: classify(content, rules=few))),
    )


def _by_baseline(log: Path) -> tuple[float, float]:
    """Seconds to take in a green log, and for the twenty lines that anybody would write for it."""
    content = JobLog(content=log.read_bytes())
    return (
        statistics.median(_timed(lambda: Baseline(content))),
        statistics.median(_timed(lambda: _set_of_lines(content.content))),
    )


def _set_of_lines(content: bytes) -> set[bytes]:
    text = re.sub(rb"(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z ", b"", content)
    text = re.sub(rb"\x1b\[[0-9;]*m", b"", text)
    return set(re.sub(rb"[0-9a-f]{7,}|\d+", b"0", text).splitlines())


def _written(folder: Path, megabytes: int, *, dense: bool = False) -> Path:
    log = folder / f"{megabytes}{'-dense' if dense else ''}.log"
    with log.open("w", encoding="utf-8") as text:
        text.writelines(_lines(megabytes * MEGABYTE, dense=dense))
    return log


def _lines(size: int, *, dense: bool) -> Iterator[str]:
    """The log of a job as GitHub serves it; the same for the same size."""
    chance = random.Random(size)  # noqa: S311 - not for secrets
    written = number = 0
    while written < size:
        words = " ".join(chance.choices(WORDS, k=9))
        said = chance.choice(HITS) if dense and number % 100 == 0 else f"[{chance.randrange(10**4)}] {words}"
        line = f"2026-01-15T12:00:00.{chance.randrange(10**7):07d}Z {said}\n"
        written, number = written + len(line), number + 1
        yield line
    yield f"2026-01-15T12:30:00.0000000Z {CAUSE}\n"
    yield "2026-01-15T12:30:00.0000001Z ##[error]Process completed with exit code 18.\n"

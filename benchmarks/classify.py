"""How fast a log is read for its cause, against `grep -F` looking for one literal a rule."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Result, compare, throughput_result
from recovery.policy.rules.loader import builtin_rules

GOAL = 0.67
SIZES = {"50 MB": 50 * 10**6}
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
CAUSE = "curl: (56) Recv failure: Connection reset by peer"


def results() -> list[Result]:
    """A large log with one failure at its end; one round is the whole process."""
    recovery = str(Path(sys.executable).with_name("recovery"))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        literals = Path(folder, "literals")
        examples = [rule.examples.match[0] for rule in builtin_rules().rules]
        literals.write_text("\n".join([CAUSE, *examples]) + "\n", encoding="utf-8")
        for name, size in SIZES.items():
            log = Path(folder, f"{size}.log")
            log.write_bytes("".join(_lines(size)).encode())
            reference = ("grep", "-F", "-c", "-f", str(literals), str(log))
            pair = compare((recovery, "classify", "--json", str(log)), reference, rounds=5)
            found.append(throughput_result(f"classify {name}", pair, log.stat().st_size, GOAL))
    return found


def _lines(size: int) -> Iterator[str]:
    """The log of a job as GitHub serves it; the same for the same size."""
    chance = random.Random(size)  # noqa: S311 - not for secrets
    written = 0
    while written < size:
        words = " ".join(chance.choices(WORDS, k=9))
        line = f"2026-01-15T12:00:00.{chance.randrange(10**7):07d}Z [{chance.randrange(10**4)}] {words}\n"
        written += len(line)
        yield line
    yield f"2026-01-15T12:30:00.0000000Z {CAUSE}\n"
    yield "2026-01-15T12:30:00.0000001Z ##[error]Process completed with exit code 56.\n"

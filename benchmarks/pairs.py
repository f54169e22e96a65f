"""How well the excerpt meets what a reader marked, on logs of a job that failed with the log of when it passed.

A pair is a row of a JSON Lines file: `red` and `green` (paths of logs), `error_lines` (every line that explains the
failure, from 1), `optional_lines` (neither right nor wrong) and `project` or `tool`. The logs are no part of the
project. Intervals are 95 % percentiles of a bootstrap of the medians that draws whole projects.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import mean, median

from benchmarks.accuracy import DRAWS
from recovery.models.log import JobLog
from recovery.policy.classify import classify
from recovery.policy.logs.excerpt import EXCERPT_LINES

_STAMP = re.compile(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ")
_WORDS = re.compile(r"(?i)error|fail|exception|fatal")


@dataclass(frozen=True)
class Pair:
    """A red log with the green one of the same job, and which lines of the red one should be shown."""

    id: str
    project: str
    red: bytes
    green: bytes
    marked: frozenset[int]
    neutral: frozenset[int]


@dataclass(frozen=True)
class Score:
    """How the lines shown of one pair meet the marked ones."""

    precision: float
    recall: float
    lines: int

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


Way = Callable[[Pair], Iterable[int]]


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a JSON Lines file; their paths may be relative to it."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Pair(
            id=row["id"],
            project=row.get("project") or row["tool"],
            red=(path.parent / row["red"]).read_bytes(),
            green=(path.parent / row["green"]).read_bytes(),
            marked=frozenset(row["error_lines"]),
            neutral=frozenset(row.get("optional_lines", ())),
        )
        for row in rows
    ]


def score(pair: Pair, shown: Iterable[int]) -> Score:
    """Compare lines with the marked ones; lines that are neither right nor wrong do not count."""
    lines = frozenset(shown)
    counted = lines - pair.neutral
    hits = len(counted & pair.marked)
    return Score(hits / len(counted) if counted else 0.0, hits / len(pair.marked), len(lines))


def ours(pair: Pair) -> Iterable[int]:
    """The excerpt of the red log alone."""
    return _listed(classify(JobLog(content=pair.red)).excerpt)


def ours_with_baseline(pair: Pair) -> Iterable[int]:
    """The excerpt with the green log as baseline."""
    return _listed(classify(JobLog(content=pair.red), baseline=JobLog(content=pair.green)).excerpt)


def set_difference(pair: Pair) -> Iterable[int]:
    """Every line that the green log does not have, digits aside."""
    known = set(_plain(pair.green))
    return [number for number, line in enumerate(_plain(pair.red), start=1) if line.strip() and line not in known]


def last_lines(pair: Pair) -> Iterable[int]:
    """The last lines, as many as an excerpt may have."""
    count = len(_plain(pair.red))
    return range(max(1, count - EXCERPT_LINES + 1), count + 1)


def keyword_lines(pair: Pair) -> Iterable[int]:
    """Lines with a word of failure."""
    return [number for number, line in enumerate(_plain(pair.red), start=1) if _WORDS.search(line)]


WAYS: Mapping[str, Way] = {
    "ours, with baseline": ours_with_baseline,
    "ours, without": ours,
    "set difference alone": set_difference,
    "keyword lines": keyword_lines,
    "last 40 lines": last_lines,
}


def report(pairs: Sequence[Pair], ways: Mapping[str, Way] = WAYS) -> Iterable[str]:
    """The table: medians over pairs, with the interval of F1, and its mean."""
    yield f"{'way':<24}{'P':>7}{'R':>7}{'F1':>7}   {'95 % interval':<18}{'mean F1':>8}{'lines':>7}{'most':>6}"
    for name, way in ways.items():
        scores = [score(pair, way(pair)) for pair in pairs]
        low, high = interval(pairs, scores)
        yield (
            f"{name:<24}{median(each.precision for each in scores):>7.3f}{median(each.recall for each in scores):>7.3f}"
            f"{median(each.f1 for each in scores):>7.3f}   {f'{low:.3f} to {high:.3f}':<18}"
            f"{mean(each.f1 for each in scores):>8.3f}{median(each.lines for each in scores):>7g}"
            f"{max(each.lines for each in scores):>6}"
        )


def interval(pairs: Sequence[Pair], scores: Sequence[Score]) -> tuple[float, float]:
    """Between what the median F1 lies when other projects of the same kind are drawn."""
    by_project: dict[str, list[float]] = defaultdict(list)
    for pair, each in zip(pairs, scores, strict=True):
        by_project[pair.project].append(each.f1)
    groups = list(by_project.values())
    chance = random.Random(len(scores))  # noqa: S311 - not for secrets
    drawn = sorted(median(chain.from_iterable(chance.choices(groups, k=len(groups)))) for _ in range(DRAWS))
    return drawn[round(0.025 * DRAWS)], drawn[round(0.975 * DRAWS) - 1]


def _plain(log: bytes) -> list[str]:
    text = _STAMP.sub("", log.decode(errors="replace"))
    return re.sub(r"\d+", "0", text).removesuffix("\n").split("\n")


def _listed(ranges: Iterable[tuple[int, int]]) -> list[int]:
    return [line for first, last in ranges for line in range(first, last + 1)]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name)
        print("\n".join(report(read_pairs(Path(name)))))

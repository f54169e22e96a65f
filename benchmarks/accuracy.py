"""How often the classifier is right on labelled logs, with intervals; the logs themselves are not part of the project.

`python -m benchmarks.accuracy [FILE...]` also lists what went wrong. A line of a FILE is a JSON object with `id`,
`project`, `text`, `label`, `secondary` (or null), `retryable` (or null) and `root_cause_lines`.

Intervals are 95 % percentiles of a bootstrap that draws whole projects: logs of one project resemble each other.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass, Retryable, Verdict
from recovery.policy.classify import classify
from recovery.policy.rules.model import RuleSet

LOGS = Path(__file__).resolve().parents[2] / "shared" / "logs" / "dev.jsonl"
NEAR = 3
"""Lines from a labelled cause within which evidence counts as right."""

LONG = 80
"""Lines from which an item counts as long."""

DRAWS = 1000
_BANDS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


@dataclass(frozen=True)
class Item:
    """A log that a careful reader has labelled."""

    id: str
    project: str
    text: str
    label: FailureClass
    secondary: FailureClass | None
    retryable: Retryable | None
    cause: tuple[int, ...]
    """Every line, from 1, that may be named as the cause."""

    @property
    def failed(self) -> bool:
        """Whether there is a failure to be found."""
        return self.label is not FailureClass.NO_FAILURE

    @property
    def long(self) -> bool:
        """Whether the log is long enough for its cause to be hard to find."""
        return self.text.count("\n") + 1 >= LONG


@dataclass(frozen=True)
class Answer:
    """What the classifier said of an item."""

    item: Item
    verdict: Verdict

    @property
    def lenient(self) -> bool:
        """Whether the class is the label or the other one that can be defended."""
        return self.verdict.failure_class in {self.item.label, self.item.secondary}

    def finds_cause(self, most: int) -> bool:
        """Whether one of the first `most` lines of evidence is at most `NEAR` lines from a labelled cause."""
        lines = [evidence.line for evidence in self.verdict.evidence[:most]]
        return any(abs(line - cause) <= NEAR for line in lines for cause in self.item.cause)


def read_items(path: Path) -> list[Item]:
    """The labelled logs of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        return [_item(json.loads(line)) for line in lines]


def answers_to(items: Iterable[Item], rules: RuleSet | None = None) -> list[Answer]:
    """Classify each item by its text alone."""
    return [Answer(item, classify(JobLog(content=item.text.encode()), rules=rules)) for item in items]


def report(answers: Sequence[Answer]) -> Iterable[str]:
    """The table, line by line."""
    yield f"{'measure':<44}{'share':>8}   {'95 % interval':<16} of"
    for name, of, right in _MEASURES:
        chosen = [answer for answer in answers if of(answer)]
        if chosen:
            share, low, high = _share(chosen, right)
            yield f"{name:<44}{share:>8.1%}   {f'{low:.1%} to {high:.1%}':<16} {len(chosen)}"
    yield f"{'macro-F1 (the other label counts as right)':<44}{macro_f1(answers):>8.3f}"
    yield "confidence: said, right, of"
    for low, high in pairwise(_BANDS):
        band = [answer for answer in answers if answer.item.failed and low <= answer.verdict.confidence < high]
        if band:
            said = mean(answer.verdict.confidence for answer in band)
            yield f"    {said:>6.1%} {mean(answer.lenient for answer in band):>6.1%} {len(band):>5}"


def macro_f1(answers: Sequence[Answer]) -> float:
    """F1 of each class that is a label, averaged; who says the secondary label is taken to have said the label."""
    pairs = [
        (answer.item.label, answer.item.label if answer.lenient else answer.verdict.failure_class) for answer in answers
    ]
    scores = []
    for label in {label for label, _ in pairs}:
        both = sum(pair == (label, label) for pair in pairs)
        scores.append(2 * both / sum((true is label) + (said is label) for true, said in pairs))
    return mean(scores)


def misses(answers: Sequence[Answer]) -> Iterable[str]:
    """What went wrong, one item a line."""
    for answer in answers:
        item, verdict = answer.item, answer.verdict
        wrong = [] if answer.lenient else [f"{item.label} called {verdict.failure_class}"]
        if item.cause and not answer.finds_cause(1):
            found = "among the first three" if answer.finds_cause(3) else "missed"
            wrong.append(f"cause at {item.cause[0]} {found}")
        if item.retryable is Retryable.NO and verdict.retryable is Retryable.YES:
            wrong.append("REAL FAULT CALLED YES")
        if item.retryable is Retryable.YES and verdict.retryable is Retryable.NO:
            wrong.append("retryable called no")
        if wrong:
            yield f"{item.id}: {'; '.join(wrong)}"
            yield from (f"    {each.line:>6} [{each.rule}] {each.text[:140]}" for each in verdict.evidence[:3])


def _item(row: dict[str, Any]) -> Item:
    known = {name: row[name] for name in ("id", "project", "text")}
    secondary, retryable = row["secondary"], row["retryable"]
    return Item(
        **{name: str(value) for name, value in known.items()},
        label=FailureClass(row["label"]),
        secondary=FailureClass(secondary) if secondary else None,
        retryable=Retryable(retryable) if retryable else None,
        cause=tuple(row["root_cause_lines"]),
    )


def _share(answers: Sequence[Answer], right: Callable[[Answer], bool]) -> tuple[float, float, float]:
    """The share of answers that are right, and its interval."""
    by_project: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        by_project[answer.item.project].append(right(answer))
    groups = list(by_project.values())
    chance = random.Random(len(answers))  # noqa: S311 - not for secrets
    drawn = sorted(mean(chain.from_iterable(chance.choices(groups, k=len(groups)))) for _ in range(DRAWS))
    return mean(map(right, answers)), drawn[round(0.025 * DRAWS)], drawn[round(0.975 * DRAWS) - 1]


def _any(_: Answer) -> bool:
    return True


_MEASURES: tuple[tuple[str, Callable[[Answer], bool], Callable[[Answer], bool]], ...] = (
    ("label, strict", _any, lambda each: each.verdict.failure_class is each.item.label),
    ("label, lenient", _any, lambda each: each.lenient),
    ("cause within 3 lines, first evidence", lambda each: bool(each.item.cause), lambda each: each.finds_cause(1)),
    ("cause within 3 lines, first three", lambda each: bool(each.item.cause), lambda each: each.finds_cause(3)),
    (
        "... long items, first evidence",
        lambda each: bool(each.item.cause) and each.item.long,
        lambda each: each.finds_cause(1),
    ),
    (
        "... long items, first three",
        lambda each: bool(each.item.cause) and each.item.long,
        lambda each: each.finds_cause(3),
    ),
    (
        "real faults called `yes` (none allowed)",
        lambda each: each.item.retryable is Retryable.NO,
        lambda each: each.verdict.retryable is Retryable.YES,
    ),
    (
        "truly retryable recalled as yes or maybe",
        lambda each: each.item.retryable is Retryable.YES,
        lambda each: each.verdict.retryable is not Retryable.NO,
    ),
    (
        "... as yes",
        lambda each: each.item.retryable is Retryable.YES,
        lambda each: each.verdict.retryable is Retryable.YES,
    ),
    (
        "negatives flagged",
        lambda each: not each.item.failed,
        lambda each: each.verdict.failure_class is not FailureClass.NO_FAILURE,
    ),
)


def tell(path: Path = LOGS) -> None:
    """Print the table for a file of labelled logs, or say loudly that there is none."""
    if not path.is_file():
        print(f"ACCURACY WAS NOT MEASURED: there are no labelled logs at {path}", file=sys.stderr)
        return
    answers = answers_to(read_items(path))
    print(f"accuracy on {len(answers)} labelled logs of {len({each.item.project for each in answers})} projects")
    print("\n".join(report(answers)))


if __name__ == "__main__":
    for name in sys.argv[1:] or [str(LOGS)]:
        tell(Path(name))
        print("\n".join(misses(answers_to(read_items(Path(name))))))

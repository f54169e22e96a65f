"""Why a verdict is what it is: every line on which a rule matched, what it counted for, and why the winner won."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recovery.models.verdict import Explanation, Finding
from recovery.render import plain
from recovery.render.lines import Line, table

_HEADINGS = ("line", "rule", "class", "says", "counts", "because")
"""`says` is the confidence of the rule itself, `counts` what became of it where the line stands, and why."""


def explanation_lines(explanation: Explanation) -> tuple[Line, ...]:
    """The explanation for a person at a terminal, below the verdict."""
    return tuple(_lines(explanation))


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """The explanation as part of a JSON document."""
    winner = explanation.winner
    return {
        "why": explanation.why,
        "winner": None if winner is None else {"line": winner.line, "rule": winner.rule},
        "findings": [
            {
                "line": finding.line,
                "text": finding.text,
                "rule": finding.rule,
                "class": finding.failure_class,
                "confidence": finding.confidence,
                "score": finding.score,
                "notes": list(finding.notes),
            }
            for finding in explanation.findings
        ],
    }


def _lines(explanation: Explanation) -> Iterator[Line]:
    yield Line("info", f"    Why this: {plain.line(explanation.why)}.")
    if not explanation.findings:
        yield Line("info", "    No rule matched a line that may say why the job failed.")
        return
    heading, *rows = table([_HEADINGS, *map(_row, explanation.findings)])
    yield Line("faint", f"  {heading}")
    for finding, row in zip(explanation.findings, rows, strict=True):
        yield Line("quote", f"  >{row[1:]}") if finding == explanation.winner else Line("info", f"  {row}")


def _row(finding: Finding) -> tuple[str, ...]:
    says, counts = f"{finding.confidence:.2f}", f"{finding.score:.2f}"
    return str(finding.line), finding.rule, finding.failure_class, says, counts, "; ".join(finding.notes)

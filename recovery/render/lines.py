"""Lines for a terminal; which colour a style gets, if any, is decided at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recovery.render import plain

Style = Literal["time", "bad", "good", "info", "quote", "faint"]


@dataclass(frozen=True)
class Line:
    """One line of text without control characters."""

    style: Style
    text: str


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> tuple[str, ...]:
    """Rows in columns wide enough for their cells, two spaces apart."""
    shown = [[plain.line(cell, limit=100) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return tuple(
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown
    )


def plain_text(lines: Sequence[Line]) -> str:
    """The lines without any colour; ends with a newline."""
    return "".join(f"{line.text}\n" for line in lines)

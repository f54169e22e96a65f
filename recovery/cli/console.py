"""What people and programs read on standard output, and the progress on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from recovery.render import plain
from recovery.render.lines import Line

LONGEST_LINE = 4000

STYLES = {"time": "dim", "good": "green", "bad": "red", "info": "", "quote": "yellow", "faint": "dim"}

_ASKS_FOR_COLOUR = ("FORCE_COLOR", "TTY_COMPATIBLE")


def show(lines: Iterable[Line]) -> None:
    """Print lines, coloured on a terminal only (`NO_COLOR` and `FORCE_COLOR` are honoured)."""
    if not (sys.stdout.isatty() or any(os.environ.get(name) for name in _ASKS_FOR_COLOUR)):
        for line in lines:
            print(line.text)
        return
    _show_coloured(lines)


def _show_coloured(lines: Iterable[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the door's to handle; rich would end the program with 1

    console = Pipe(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text(line.text, style=STYLES[line.style]))


def show_json(document: Any) -> None:
    """Print one JSON document, in plain ASCII: it is the same text whatever encoding the console has."""
    print(json.dumps(document, indent=2))


def progress(text: str) -> None:
    """Tell what is going on, on standard error; strangers' words in it cannot move the cursor or begin a line."""
    print(plain.preformatted(text, LONGEST_LINE), file=sys.stderr, flush=True)

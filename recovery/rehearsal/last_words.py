"""The last words of a failing step: `act` closes its terminal unread, so the step asks whether it was heard, and waits.

The question is a line of its own in the step's output (`shims/last-words.sh` writes it), the answer an empty file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]
_QUESTION = re.compile(r"last-words-\d+-\d+")


def heard(lines: Iterable[Line], answers: Path) -> Iterator[Line]:
    """What `act` says but for the questions, which are answered by files in the folder `answers`.

    A question begins with a line break, as the words before it may have none: an empty line right before is its own.
    """
    answers.mkdir(exist_ok=True)
    empty: dict[str, Line] = {}
    for line in lines:
        leg = f"{line.get('job')}{line.get('matrix') or ''}"
        said = str(line.get("msg", "")).rstrip("\r\n") if line.get("raw_output") else None
        before = empty.pop(leg, None)
        if said and _QUESTION.fullmatch(said):
            (answers / said).touch()
            continue
        if before is not None:
            yield before
        if said == "":
            empty[leg] = line
        else:
            yield line
    yield from empty.values()

"""The last words of a failing step: `act` closes its terminal unread, so the step asks whether it was heard, and waits.

The question ends a line of the step's output (`shims/last-words.sh` writes it), the answer is an empty file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]
_NOTHING_SEEN = r"(?:\x1b(?:\[[0-?]*[ -/]*[@-~]|\(B)|\s)*"
"""Colours and white space."""
_QUESTION = re.compile(rf"(last-words-\d+-\d+){_NOTHING_SEEN}$")


def heard(lines: Iterable[Line], answers: Path) -> Iterator[Line]:
    """What `act` says but for the questions, which are answered by files in the folder `answers`.

    A question begins with a line break, as the words before it may have none: an empty line right before is its own.
    What another process of the step wrote between the two stays, unless nobody could see it.
    """
    answers.mkdir(exist_ok=True)
    empty: dict[str, Line] = {}
    for line in lines:
        leg = f"{line.get('job')}{line.get('matrix') or ''}"
        said = str(line.get("msg", "")).rstrip("\r\n") if line.get("raw_output") else None
        before = empty.pop(leg, None)
        if said and (question := _QUESTION.search(said)):
            between = said[: question.start()]
            if not re.fullmatch(_NOTHING_SEEN, between):
                yield {**line, "msg": f"{between}\n"}
            (answers / question[1]).touch()
            continue
        if before is not None:
            yield before
        if said == "":
            empty[leg] = line
        else:
            yield line
    yield from empty.values()

"""The commits on hold, for a person at a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from recovery.models.rollback import Hold
from recovery.render import plain
from recovery.render.lines import Line, table
from recovery.render.words import moment

_NOTHING = "No commit is on hold."


def hold_lines(holds: Sequence[Hold]) -> tuple[Line, ...]:
    """One block for all holds, in the order given; how to release one is said at the end."""
    return tuple(_lines(holds)) if holds else (Line("info", _NOTHING),)


def _lines(holds: Sequence[Hold]) -> Iterator[Line]:
    yield Line("time", "On hold: not to be deployed again")
    rows = [
        (
            hold.sha[:12],
            f"{hold.workflow_name} in {hold.environment}",
            f"until {moment(hold.until)}",
            hold.recovery_id,
            hold.reason,
        )
        for hold in holds
    ]
    yield from (Line("bad", text) for text in table(rows))
    release = f"recovery holds release {shlex.quote(plain.line(holds[0].sha[:12]))}"
    yield Line("info", f"To release one: {release}")
    if len({hold.sha for hold in holds}) < len(holds):
        workflow = shlex.quote(plain.line(holds[0].workflow_name))
        yield Line("info", f"For one workflow only: {release} --workflow {workflow}")

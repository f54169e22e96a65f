"""Events read back from JSON Lines that other versions, killed writers or hostile hands may have left."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from recovery.models.events import Event, event_from_json

JOURNAL_LIMIT = 64 * 1024 * 1024
"""Bytes of one journal that are read. A busy run writes some hundred kilobytes; a larger file is damaged or hostile."""

LINE_LIMIT = 1024 * 1024
"""Bytes of one line: a failure with its evidence takes a few thousand."""

PROBLEMS_SHOWN = 20
"""A file of another kind would make a problem of every line: the rest is counted only."""


def read_events(data: bytes, source: str) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """The events of a journal, and a sentence for each line that is none; `source` names the journal in these.

    Never raises: what other versions, killed writers or hostile hands left is skipped, line by line. A last line
    without an end is what a killed writer leaves, and no problem.
    """
    events: list[Event] = []
    problems: list[str] = []
    if len(data) > JOURNAL_LIMIT:
        problems.append(f"{source}: only the first {JOURNAL_LIMIT} of {len(data)} bytes were read")
        data = data[: JOURNAL_LIMIT + 1].rpartition(b"\n")[0] + b"\n"
    for number, line, ended in _lines(data):
        try:
            events.append(_event(line))
        except ValueError as error:
            if ended:
                problems.append(f"{source}, line {number}: {error}")
    if len(problems) > PROBLEMS_SHOWN:
        problems[PROBLEMS_SHOWN:] = [f"{source}: and {len(problems) - PROBLEMS_SHOWN} more lines like these"]
    return tuple(events), tuple(problems)


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Every line that is not blank, with its number and whether it has an end."""
    start, number = 0, 0
    while start < len(data):
        number += 1
        end = data.find(b"\n", start)
        ended = end != -1
        line = data[start : end if ended else len(data)]
        start = end + 1 if ended else len(data)
        if line.strip():
            yield number, line, ended


def _event(line: bytes) -> Event:
    """Read one line; a ValueError's text is safe to show: it never repeats what the line holds."""
    if len(line) > LINE_LIMIT:
        message = f"longer than {LINE_LIMIT} bytes"
        raise ValueError(message)
    try:
        return event_from_json(line)
    except ValidationError as error:
        kind = error.errors(include_input=False, include_url=False, include_context=False)[0]["type"]
        message = {
            "json_invalid": "not JSON",
            "union_tag_invalid": "an event of a kind that this version does not know",
        }.get(kind, f"not an event ({kind})")
        raise ValueError(message) from None

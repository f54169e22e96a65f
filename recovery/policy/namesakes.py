"""Jobs that their key does not tell apart: a reusable workflow that is called twice has each of its jobs twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BETWEEN = " / "
"""What GitHub writes between the name of a calling job and that of the called one."""


def names_of_key(key: str, names: Iterable[str]) -> dict[str, str]:
    """The display names that a job of this key may have, each with the same name without the leg of the matrix."""
    fits = re.compile(rf"(?P<name>(?:.*{_BETWEEN})?{re.escape(key)})(?: \(.*\))?", re.DOTALL)
    return {name: match["name"] for name in names if (match := fits.fullmatch(name)) is not None}


def rivals(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Display names, legs of a matrix aside, that a job of this key may have, where there are several; else none.

    A job that is called otherwise than its key may be any; it is unclear where two callers have a job of one name.
    """
    listed = set(names)
    fitting = set(names_of_key(key, listed).values())
    if fitting:
        return tuple(sorted(fitting)) if len(fitting) > 1 else ()
    called: dict[str, list[str]] = {}
    for name in sorted(listed):
        _, between, own = name.rpartition(_BETWEEN)
        if between:
            called.setdefault(own, []).append(name)
    return next((tuple(alike) for alike in called.values() if len(alike) > 1), ())

"""RE2 patterns as rules use them: matched byte by byte, in time linear in the text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import re2

SENTINEL = b"\x01recovery-sentinel\x01"
"""Stands behind every text that a set searches, and no text has it: a set that does not find it found nothing."""

_BUDGET = 8 * 1024 * 1024
"""Bytes that an automaton may grow to."""

_LARGEST = 4096
"""Steps of a pattern's program, at most: larger ones are slow, and most of them are mistakes in counting."""


def latin1(budget: int) -> Any:
    """Options that match bytes one by one (Latin-1), so that invalid UTF-8 in a log never hides a match."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = budget
    options.log_errors = False
    return options


def by_line(pattern: str) -> bytes:
    """Make `^` and `$` mean a line's start and end, whether one line is searched or many."""
    return f"(?m:{pattern})".encode()


def compiled(pattern: str) -> Any:
    """One pattern, as it is searched for in a line."""
    return re2.compile(by_line(pattern), latin1(_BUDGET))


def pattern_fault(pattern: str) -> str | None:
    """Say why a pattern cannot be used, or None when it can."""
    try:
        program = compiled(pattern)
    except re2.error as error:
        return str(error.args[0].decode() if isinstance(error.args[0], bytes) else error)
    if program.search(b"") is not None:
        return "it matches the empty line"
    if program.programsize > _LARGEST:
        steps = program.programsize
        return f"its program has {steps} steps, and may have {_LARGEST}: count less, as with + in place of {{1,100}}"
    return None


class PatternSet:
    """Named patterns for single lines; a name may have several."""

    def __init__(self, patterns: Iterable[tuple[str, str]], budget: int = _BUDGET) -> None:
        self._pairs = tuple(patterns)
        self._budget = budget

    def names_in(self, text: bytes) -> frozenset[str]:
        """The names that match anywhere in `text`.

        RE2 answers "no match" when its memory runs out, without raising. The sentinel, present in every text,
        tells that apart from the truth; then the patterns are tried one by one.
        """
        found = (self._set.Match(text + b"\n" + SENTINEL) or ()) if self._is_searchable else ()
        if len(self._pairs) not in found:
            return self.names_in_one_by_one(text)
        return frozenset(self._pairs[index][0] for index in found if index < len(self._pairs))

    def names_in_one_by_one(self, text: bytes) -> frozenset[str]:
        """The same answer by a plain scan per pattern: slow, and the truth that tests compare with."""
        return frozenset(name for name, pattern in self._compiled if pattern.search(text) is not None)

    @property
    def _is_searchable(self) -> bool:
        return self._set is not None

    @cached_property
    def _set(self) -> Any:
        """All patterns and the sentinel behind them; None where they do not fit into the budget together."""
        options = latin1(self._budget)
        # Not even a class as [^:] may match the line feed before the sentinel, which no line has.
        options.never_nl = True
        together = re2.Set.SearchSet(options)
        for _, pattern in self._pairs:
            together.Add(by_line(pattern))
        together.Add(SENTINEL)
        try:
            together.Compile()
        except re2.error:
            return None
        return together

    @cached_property
    def _compiled(self) -> list[tuple[str, Any]]:
        return [(name, compiled(pattern)) for name, pattern in self._pairs]

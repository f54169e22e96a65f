"""Many RE2 patterns searched at once, in time linear in the text and nearly flat in their number."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import re2

_SENTINEL = b"\x01recovery-sentinel\x01"
_BUDGET = 48 * 1024 * 1024
"""Bytes the automaton may grow to; the default of 8 MiB is too little for some hundred patterns."""


def _options(budget: int = _BUDGET) -> Any:
    """Bytes are matched one by one (Latin-1), so that invalid UTF-8 in a log never hides a match."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = budget
    options.log_errors = False
    return options


def _by_line(pattern: str) -> bytes:
    """Make `^` and `$` mean a line's start and end, whether one line is searched or many."""
    return f"(?m:{pattern})".encode()


def pattern_fault(pattern: str) -> str | None:
    """Say why a pattern cannot be used, or None when it can."""
    try:
        compiled = re2.compile(_by_line(pattern), _options())
    except re2.error as error:
        return str(error.args[0].decode() if isinstance(error.args[0], bytes) else error)
    if compiled.search(b"") is not None:
        return "it matches the empty line"
    return None


class PatternSet:
    """Named patterns; a name may have several. Text is searched once for all of them.

    Searching several lines at once (joined by newlines) finds at least every name that searching them one by
    one finds: that makes a set its own prefilter.
    """

    def __init__(self, patterns: Iterable[tuple[str, str]], budget: int = _BUDGET) -> None:
        pairs = [(name, _by_line(pattern)) for name, pattern in patterns]
        self._names = [name for name, _ in pairs]
        self._patterns = [pattern for _, pattern in pairs]
        self._set = re2.Set.SearchSet(_options(budget))
        for pattern in self._patterns:
            self._set.Add(pattern)
        self._sentinel = self._set.Add(_SENTINEL)
        self._is_searchable = self._compile()

    def _compile(self) -> bool:
        """Whether all patterns together fit into the budget; when not, they are tried one by one."""
        try:
            self._set.Compile()
        except re2.error:
            return False
        return True

    def names_in(self, text: bytes) -> frozenset[str]:
        """The names that match anywhere in `text`.

        RE2 answers "no match" when its memory runs out, without raising. The sentinel, present in every text,
        tells that apart from the truth; then the patterns are tried one by one.
        """
        found = (self._set.Match(text + b"\n" + _SENTINEL) or ()) if self._is_searchable else ()
        if self._sentinel not in found:
            return self.names_in_one_by_one(text)
        return frozenset(self._names[index] for index in found if index != self._sentinel)

    def names_in_one_by_one(self, text: bytes) -> frozenset[str]:
        """The same answer by a plain scan per pattern: slow, and the truth that tests compare with."""
        return frozenset(name for name, pattern in self._compiled if pattern.search(text) is not None)

    @cached_property
    def _compiled(self) -> list[tuple[str, Any]]:
        options = _options()
        return [
            (name, re2.compile(pattern, options)) for name, pattern in zip(self._names, self._patterns, strict=True)
        ]

"""Searches logs for thousands of patterns at once: first for their clues, then for what the clues point to.

A line without a clue has no match. So a log is searched for all clues together, fast because their automaton stays
small; and only a line that has one is looked at closely, for the patterns that have that clue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import re2

from recovery.errors import InputError
from recovery.policy.logs.framing import COLUMNS_BEFORE, STAMP_BEFORE, may_have_columns
from recovery.policy.logs.patterns import SENTINEL, PatternSet, by_line, latin1

_SCAN_BUDGET = 48 * 1024 * 1024
_NAMES_BUDGET = 24 * 1024 * 1024
"""Bytes that an automaton may grow to, its program included; RE2 uses half of the first for a search to a place."""

_REMEMBERED = 4096
_SHORT = 300
"""How many frames up to which length are remembered with their names: floods of one line are common."""


class ClueSet(ABC):
    """Clues of one kind, and the patterns that each may stand for."""

    def __init__(self, clues: Mapping[str, Sequence[int]], names_budget: int = _NAMES_BUDGET) -> None:
        self._clues = sorted(clues)
        self._patterns = [tuple(clues[clue]) for clue in self._clues]
        self._names_budget = names_budget

    def places_in(self, text: bytes) -> list[tuple[int, int]]:
        """The lines of `text` that have a clue: raw lines without colours and carriage returns."""
        return self._places_in(text) if self._clues else []

    def groups_in(self, frame: bytes) -> Iterable[tuple[int, ...]]:
        """The patterns that may match in the cleaned frame of a line, in groups with the same clue.

        All of them where RE2's memory does not suffice, which, when it runs out, only the sentinel tells.
        """
        found = self._named.Match(frame + b"\n" + SENTINEL) if self._named is not None else None
        if not found or len(self._clues) not in found:
            return set(self._patterns)
        return {self._patterns[index] for index in found if index < len(self._clues)}

    @abstractmethod
    def _places_in(self, text: bytes) -> list[tuple[int, int]]:
        """Where the lines begin and end that have a clue."""

    def _scan_for(self, before: str) -> Any:
        """All clues as one pattern."""
        options = latin1(_SCAN_BUDGET)
        options.never_capture = True
        clues = "|".join(clue.removeprefix("^") for clue in self._clues)
        try:
            return re2.compile(f"{before}(?:{clues})".encode(), options)
        except re2.error as error:
            raise InputError(
                f"patterns with {len(self._clues)} clues are too many to be searched for together",
                hint="leave out rules, or make their patterns shorter",
            ) from error

    @cached_property
    def _named(self) -> Any:
        """The clues one by one, which lets RE2 share their beginnings, and the sentinel; None where they do not fit."""
        named = re2.Set.SearchSet(latin1(self._names_budget))
        for clue in self._clues:
            named.Add(by_line(clue))
        named.Add(SENTINEL)
        try:
            named.Compile()
        except re2.error:
            return None
        return named


class Words(ClueSet):
    """Clues that may stand anywhere in a line."""

    def _places_in(self, text: bytes) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        position, size, scan = 0, len(text), self._scan
        while position < size and (found := scan.match(text, position)) is not None:
            behind = found.end()
            start = max(position, text.rfind(b"\n", position, behind) + 1)
            end = text.find(b"\n", behind)
            end = size if end == -1 else end
            places.append((start, end))
            position = end + 1
        return places

    @cached_property
    def _scan(self) -> Any:
        """Matched from where it is told to begin up to the first clue's end: for that RE2 needs one automaton only."""
        return self._scan_for("(?s:.*?)")


class Beginnings(ClueSet):
    """Clues with which the text of a line begins, behind all that may stand before it."""

    def _places_in(self, text: bytes) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        scan = self._scan_with_columns if may_have_columns(text) else self._scan
        # The line feed before each line is what RE2 jumps to; the text's own first line is given one.
        text = b"\n" + text
        position, size = 0, len(text)
        while position < size and (found := scan.search(text, position)) is not None:
            end = text.find(b"\n", found.end())
            position = size if end == -1 else end
            places.append((found.start(), position - 1))
        return places

    @cached_property
    def _scan(self) -> Any:
        return self._scan_for("\\n" + STAMP_BEFORE)

    @cached_property
    def _scan_with_columns(self) -> Any:
        return self._scan_for("\\n" + COLUMNS_BEFORE + STAMP_BEFORE)


class Place(NamedTuple):
    """A line that may match: where it begins and ends in its text, and where its clues are from."""

    start: int
    end: int
    clue_sets: tuple[ClueSet, ...]


class LogSearch:
    """Named patterns to be found in logs; a name may have several. `clues` holds those that are known already."""

    def __init__(
        self,
        patterns: Iterable[tuple[str, str]],
        clues: Mapping[str, str] | None = None,
        names_budget: int = _NAMES_BUDGET,
    ) -> None:
        self.pairs = tuple(patterns)
        known = clues or {}
        words: dict[str, list[int]] = defaultdict(list)
        beginnings: dict[str, list[int]] = defaultdict(list)
        for index, (_, pattern) in enumerate(self.pairs):
            for clue in (known.get(pattern) or _found(pattern)).split("\n"):
                (beginnings if clue.startswith("^") else words)[clue].append(index)
        # Apart, the two automata are far smaller than one of both would be.
        self._clue_sets: tuple[ClueSet, ClueSet] = Words(words, names_budget), Beginnings(beginnings, names_budget)
        self._groups: dict[tuple[int, ...], PatternSet] = {}
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._names_in)

    def places_in(self, text: bytes) -> list[Place]:
        """The lines of `text` that may match, in order: raw lines without colours and carriage returns."""
        words, beginnings = self._clue_sets
        with_words, with_beginnings = words.places_in(text), beginnings.places_in(text)
        if not with_beginnings:
            return [Place(start, end, (words,)) for start, end in with_words]
        found: dict[tuple[int, int], tuple[ClueSet, ...]] = dict.fromkeys(with_words, (words,))
        for place in with_beginnings:
            found[place] = (words, beginnings) if place in found else (beginnings,)
        return [Place(start, end, found[start, end]) for start, end in sorted(found)]

    def names_in(self, frame: bytes, clue_sets: tuple[ClueSet, ...] | None = None) -> frozenset[str]:
        """The names that match in the cleaned frame of a line, which has clues from these sets only."""
        sets = self._clue_sets if clue_sets is None else clue_sets
        return self._remembered(frame, sets) if len(frame) <= _SHORT else self._names_in(frame, sets)

    def _names_in(self, frame: bytes, clue_sets: tuple[ClueSet, ...]) -> frozenset[str]:
        names: set[str] = set()
        for clue_set in clue_sets:
            for group in clue_set.groups_in(frame):
                names |= self._group(group).names_in(frame)
        return frozenset(names)

    def _group(self, indexes: tuple[int, ...]) -> PatternSet:
        group = self._groups.get(indexes)
        if group is None:
            group = self._groups[indexes] = PatternSet(self.pairs[index] for index in indexes)
        return group


def _found(pattern: str) -> str:
    # What finds clues takes milliseconds to import, and is not needed where all are known.
    from recovery.policy.logs.clues import clue_of

    return clue_of(pattern)

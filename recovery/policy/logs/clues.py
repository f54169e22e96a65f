r"""Finds, for a pattern, words of which one is in every line it matches: what a whole log is searched for first.

The clue of a pattern is a few texts, without loops, for an automaton of thousands of these stays small and is built
fast. Where they would say too little, it is the beginning of the pattern, if that must be the beginning of a line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from recovery.policy.logs import syntax
from recovery.policy.logs.rarity import Word, bits_of, bits_of_symbols, share
from recovery.policy.logs.syntax import NEWLINE, Choice, LineStart, Node, Repeat, Symbol

_TOO_COMMON = 12.0
"""Bits: a clue that says less is found on every other line, and narrows nothing down."""

_WEAK, _ENOUGH = 20.0, 24.0
"""Words that say less than the first are looked for at a line's start, if they may be; what says more is cut."""

_NARROW, _WIDE = 0.25, 0.95
"""Shares of all bytes: what a symbol of a word may be, as digits; what a loop at a line's start may be over."""

_MOST_WORDS = 32
_LARGEST = 400
_TIMES = 3
"""How often what is repeated is written out, at most."""

_NOTHING: frozenset[Word] = frozenset([()])


def clue_of(pattern: str) -> str:
    """The clue of a pattern: RE2 alternatives, one a line; `^` at the front of one means the start of a line's text.

    Raises:
        Unreadable: the pattern uses a form that rules may not use.
    """
    return "\n".join(dict.fromkeys(map(_written, _clues(syntax.parse(pattern.encode())))))


def index_of_clues(patterns: Iterable[str]) -> str:
    """The clues of patterns as the JSON that `known_clues` reads."""
    clues = {pattern: clue_of(pattern) for pattern in sorted(set(patterns))}
    return json.dumps(clues, ensure_ascii=False, indent=0) + "\n"


def search_fault(pattern: str) -> str | None:
    """Say why a pattern that RE2 knows cannot be searched for in whole logs, or None when it can."""
    try:
        bits = bits_of(Choice(tuple(_clues(syntax.parse(pattern.encode())))))
    except syntax.Unreadable as error:
        return str(error)
    if bits < _TOO_COMMON:
        return "too many lines have all that it needs; some letters or marks must always be there, side by side"
    return None


def _clues(node: Node) -> Iterator[Node]:
    """One or more clues for each alternative of a pattern."""
    for option in node.options if isinstance(node, Choice) else (node,):
        words = _required(option)
        if words is None or _told(words) < _WEAK:
            beginning = _beginning(tuple(_flat(option)))
            if beginning is not None and (words is None or bits_of(beginning) > _told(words)):
                yield beginning
                continue
        yield from (syntax.Sequence(tuple(map(Symbol, word))) for word in sorted(words or _NOTHING))


def _required(node: Node) -> frozenset[Word] | None:
    """Words of which one is part of whatever matches: those that say most. None where there are none."""
    match node:
        case Choice(options):
            found = [_required(option) for option in options]
            return None if None in found else frozenset(word for words in found for word in words or ())
        case Repeat(body, least, _) if _exactly(node) is None:
            return _required(body) if least else None
        case syntax.Sequence():
            return max(filter(None, _stretches(tuple(_flat(node)))), key=_told, default=None)
        case _:
            words = _exactly(node)
            return words if words and () not in words else None


def _stretches(parts: Sequence[Node]) -> Iterator[frozenset[Word] | None]:
    """The words of each stretch of parts that are known exactly, and those inside of each other part."""
    stretch = _NOTHING
    for part in parts:
        words = _exactly(part)
        if words is not None and (longer := _joined(stretch, words)) is not None:
            stretch = longer
            continue
        edge = _exactly(part.body) if isinstance(part, Repeat) and part.least else None
        yield _shortest(_joined(stretch, edge or _NOTHING) or stretch)
        if words is None:
            yield _required(part)
        stretch = words or edge or _NOTHING
    yield _shortest(stretch)


def _exactly(node: Node) -> frozenset[Word] | None:
    """All that a part matches, as far as that are few words."""
    match node:
        case Symbol(members) if share(members) < _NARROW:
            return frozenset([(members,)])
        case LineStart():
            return _NOTHING
        case syntax.Sequence(parts):
            return _in_a_row(map(_exactly, parts))
        case Choice(options):
            found = [_exactly(option) for option in options]
            union = frozenset(word for words in found for word in words or ())
            return union if None not in found and len(union) <= _MOST_WORDS else None
        case Repeat(body, least, most) if most == 1 or (least == most and least <= 3 * _TIMES):
            words = _in_a_row([_exactly(body)] * most)
            return words if words is None or least else words | _NOTHING
        case _:
            return None


def _in_a_row(found: Iterable[frozenset[Word] | None]) -> frozenset[Word] | None:
    together: frozenset[Word] | None = _NOTHING
    for words in found:
        together = _joined(together, words) if together is not None and words is not None else None
    return together


def _joined(firsts: Iterable[Word], seconds: Iterable[Word]) -> frozenset[Word] | None:
    together = frozenset(first + second for first in firsts for second in seconds)
    return together if len(together) <= _MOST_WORDS else None


def _shortest(words: frozenset[Word]) -> frozenset[Word] | None:
    """Of each word the shortest part that says enough, or all of it. None where one of them is empty."""
    if () in words:
        return None
    cores = frozenset(map(_core, words))
    return frozenset(core for core in cores if not any(_is_inside(other, core) for other in cores))


def _is_inside(word: Word, longer: Word) -> bool:
    return len(word) < len(longer) and any(
        longer[first : first + len(word)] == word for first in range(len(longer) - len(word) + 1)
    )


@lru_cache(maxsize=8192)
def _core(word: Word) -> Word:
    sums = [0.0, *accumulate(bits_of_symbols(word))]
    first, best = 0, (len(word), 0.0, 0)
    for after, bits in enumerate(sums):
        while first < after and bits - sums[first + 1] >= _ENOUGH:
            first += 1
        if bits - sums[first] >= _ENOUGH:
            best = min(best, (after - first, sums[first] - bits, first))
    length, _, first = best
    return word[first : first + length]


def _told(words: frozenset[Word]) -> float:
    """How many bits it says that one of these is found. Few words are better than many that say the same."""
    return -math.log2(sum(2 ** -sum(bits_of_symbols(word)) for word in words)) - len(words) / 1000


def _beginning(parts: Sequence[Node]) -> Node | None:
    """As much of a pattern's beginning as is enough, where that is the beginning of a line."""
    if not parts or not isinstance(parts[0], LineStart):
        return None
    taken: list[Node] = []
    for part in parts[1:]:
        if bits_of(syntax.Sequence(tuple(taken))) >= _ENOUGH or not _is_small(part):
            break
        taken.append(_shortened(part))
    while taken and bits_of(taken[-1]) < 1.0:
        taken.pop()
    return syntax.Sequence((LineStart(), *taken)) if taken else None


def _is_small(node: Node) -> bool:
    """Whether a part is without loops over almost everything, and without too many alternatives."""
    match node:
        case Symbol():
            return True
        case LineStart():
            return False
        case syntax.Sequence(parts):
            return all(map(_is_small, parts))
        case Choice(options):
            return _size(node) <= _LARGEST and all(map(_is_small, options))
        case Repeat(Symbol(members), _, most):
            return most == 1 or share(members) < _WIDE
        case Repeat(body, _, _):
            return _is_small(body)


def _size(node: Node) -> int:
    match node:
        case Symbol() | LineStart():
            return 1
        case syntax.Sequence(parts) | Choice(parts):
            return sum(map(_size, parts))
        case Repeat(body, least, _):
            return _size(body) * max(1, min(least, _TIMES))


def _shortened(node: Node) -> Node:
    """Repeated a few times or without end: counting further makes an automaton large."""
    match node:
        case Repeat(body, least, most) if most is None or most > _TIMES:
            return Repeat(_shortened(body), min(least, _TIMES), None)
        case Repeat(body, least, most):
            return Repeat(_shortened(body), least, most)
        case syntax.Sequence(parts):
            return syntax.Sequence(tuple(map(_shortened, parts)))
        case Choice(options):
            return Choice(tuple(map(_shortened, options)))
        case _:
            return node


def _flat(node: Node) -> Iterator[Node]:
    if isinstance(node, syntax.Sequence):
        for part in node.parts:
            yield from _flat(part)
    else:
        yield node


def _written(node: Node) -> str:
    match node:
        case Symbol(members):
            return _symbol(members & ~NEWLINE)
        case LineStart():
            return "^"
        case syntax.Sequence(parts):
            return "".join(map(_written, parts))
        case Choice(options):
            return f"(?:{'|'.join(map(_written, options))})"
        case Repeat(body, least, most):
            written = _written(body) if isinstance(body, Symbol) else f"(?:{_written(body)})"
            return written + _times(least, most)


def _times(least: int, most: int | None) -> str:
    short = {(0, 1): "?", (0, None): "*", (1, None): "+"}
    if least == most:
        return f"{{{least}}}"
    return short.get((least, most), f"{{{least},{'' if most is None else most}}}")


@lru_cache(maxsize=4096)
def _symbol(members: int) -> str:
    if members.bit_count() == 1:
        return _byte(members.bit_length() - 1)
    ranges = []
    after = 0
    while members >> after:
        first = after + (members >> after & -(members >> after)).bit_length() - 1
        after = first + 1
        while members >> after & 1:
            after += 1
        ranges.append(_byte(first) if after == first + 1 else f"{_byte(first)}-{_byte(after - 1)}")
    return f"[{''.join(ranges)}]" if ranges else r"[^\x00-\xff]"


def _byte(byte: int) -> str:
    char = chr(byte)
    if char == " " or (char.isalnum() and char.isascii()):
        return char
    return f"\\{char}" if 32 < byte < 127 else f"\\x{byte:02x}"

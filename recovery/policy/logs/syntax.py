"""Reads RE2 patterns as trees over bytes; says which forms of the language rules may not use."""

from __future__ import annotations

from dataclasses import dataclass

_DEEPEST = 50

ALL = (1 << 256) - 1
NEWLINE = 1 << ord("\n")


class Unreadable(ValueError):
    """A pattern uses a form that rules may not use, or is none at all."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One byte, out of those whose bits are set."""

    members: int


@dataclass(frozen=True, slots=True)
class LineStart:
    """Nothing, at the start of a line."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; without parts it is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same several times in a row; `most` None is without end."""

    body: Node
    least: int
    most: int | None


Node = Symbol | LineStart | Sequence | Choice | Repeat
EMPTY = Sequence(())


def _span(first: int, last: int) -> int:
    return ((1 << (last - first + 1)) - 1) << first


def _each(text: bytes) -> int:
    members = 0
    for byte in text:
        members |= 1 << byte
    return members


_DIGITS = _span(48, 57)
_SMALL = _span(97, 122)
_CAPITALS = _span(65, 90)
_WORD = _DIGITS | _SMALL | _CAPITALS | _each(b"_")
_SETS = {
    b"d": _DIGITS,
    b"D": ALL ^ _DIGITS,
    b"w": _WORD,
    b"W": ALL ^ _WORD,
    b"s": _each(b"\t\n\f\r "),
    b"S": ALL ^ _each(b"\t\n\f\r "),
}
_CONTROLS = {b"a": b"\a", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def parse(pattern: bytes) -> Node:
    r"""The tree of a pattern. It leaves `$`, `\b` and `\B` out: it matches wherever the pattern does, and elsewhere.

    Raises:
        Unreadable: the pattern uses a form that rules may not use, though RE2 may know it.
    """
    reader = _Reader(pattern)
    node = reader.choice()
    if not reader.at_end:
        raise Unreadable("it has a ) without its (")
    return node


class _Reader:
    """Walks over a pattern once, from its beginning to its end."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self._ignores_case = False
        self._dot_is_all = False

    @property
    def at_end(self) -> bool:
        """Whether all of the pattern was read."""
        return self._at >= len(self._pattern)

    def choice(self) -> Node:
        """Alternatives, up to the end of the group."""
        options = [self._sequence()]
        while self._takes(b"|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while not self.at_end and self._next() not in b"|)":
            parts.append(self._repeated(self._piece()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, node: Node) -> Node:
        while True:
            if self._takes(b"*"):
                node = Repeat(node, 0, None)
            elif self._takes(b"+"):
                node = Repeat(node, 1, None)
            elif self._takes(b"?"):
                node = Repeat(node, 0, 1)
            elif (bounds := self._bounds()) is not None:
                node = Repeat(node, *bounds)
            else:
                return node
            self._takes(b"?")

    def _bounds(self) -> tuple[int, int | None] | None:
        """Bounds as in `{2,5}`; None where a brace is a brace."""
        end = self._pattern.find(b"}", self._at)
        if self._next() != b"{" or end == -1:
            return None
        least, comma, most = self._pattern[self._at + 1 : end].partition(b",")
        if not least.isdigit() or not (most.isdigit() or not most):
            return None
        self._at = end + 1
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else None

    def _piece(self) -> Node:
        if self._takes(b"("):
            return self._group()
        if self._takes(b"^"):
            return LineStart()
        if any(map(self._takes, (b"$", b"\\b", b"\\B"))):
            return EMPTY
        return Symbol(self._symbol())

    def _symbol(self) -> int:
        if self._takes(b"."):
            return ALL if self._dot_is_all else ALL ^ NEWLINE
        if self._takes(b"["):
            return self._class()
        return self._either_case(self._escape() if self._takes(b"\\") else _each(self._take()))

    def _group(self) -> Node:
        flags = self._ignores_case, self._dot_is_all
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(f"its groups are nested more than {_DEEPEST} deep")
        if self._takes(b"?P<") or self._takes(b"?<"):
            while self._take() != b">":
                pass
        elif self._takes(b"?") and self._flags():
            self._depth -= 1
            return EMPTY
        node = self.choice()
        self._depth -= 1
        if not self._takes(b")"):
            raise Unreadable("it has a ( without its )")
        self._ignores_case, self._dot_is_all = flags
        return node

    def _flags(self) -> bool:
        """Read flags up to `:` or `)`; True where they stand alone and hold for the rest of the group around."""
        value = True
        while (byte := self._take()) not in b":)":
            if byte == b"-":
                value = False
            elif byte == b"i":
                self._ignores_case = value
            elif byte == b"s":
                self._dot_is_all = value
            else:
                raise Unreadable(f"of the flags, rules may use i and s, not {byte.decode(errors='replace')}")
        return byte == b")"

    def _escape(self) -> int:
        byte = self._take()
        if byte in _SETS:
            return _SETS[byte]
        if byte in _CONTROLS:
            return _each(_CONTROLS[byte])
        if byte == b"x":
            digits = self._take() + self._take()
            try:
                return 1 << int(digits, 16)
            except ValueError:
                raise Unreadable("\\x needs two hexadecimal digits") from None
        if byte.isalnum():
            raise Unreadable(f"\\{byte.decode()} is none of the escapes that rules may use")
        return _each(byte)

    def _class(self) -> int:
        """The bytes of a class, from behind its opening bracket to behind its closing one."""
        is_negated = self._takes(b"^")
        members = self._range()
        while not self._takes(b"]"):
            members |= self._range()
        members = self._either_case(members)
        return ALL ^ members if is_negated else members

    def _range(self) -> int:
        if self._pattern.startswith(b"[:", self._at):
            raise Unreadable("rules may not use named classes as [:alpha:]; use ranges as a-z")
        first = self._class_bytes()
        if self._pattern[self._at + 1 : self._at + 2] == b"]" or not self._takes(b"-"):
            return first
        last = self._class_bytes()
        if first.bit_count() != 1 or last < first:
            raise Unreadable("a range of a class is none")
        return _span(first.bit_length() - 1, last.bit_length() - 1)

    def _class_bytes(self) -> int:
        return self._escape() if self._takes(b"\\") else _each(self._take())

    def _either_case(self, members: int) -> int:
        # Where bytes are matched one by one, RE2 knows the two cases of ASCII letters only.
        return members | (members & _SMALL) >> 32 | (members & _CAPITALS) << 32 if self._ignores_case else members

    def _next(self) -> bytes:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> bytes:
        byte = self._next()
        if not byte:
            raise Unreadable("it ends too early")
        self._at += 1
        return byte

    def _takes(self, expected: bytes) -> bool:
        if not self._pattern.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

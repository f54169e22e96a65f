"""How much it says that a text is found in a log, in bits: what 10 bits are said of is on one byte of a thousand."""

from __future__ import annotations

import math
from functools import cache, lru_cache

from recovery.policy.logs import syntax
from recovery.policy.logs.syntax import Choice, LineStart, Node, Repeat, Symbol

Word = tuple[int, ...]
"""A text, as the members of its symbols, which are one byte each, or a few."""

_LINE_START = 6.0
_PHRASE = 11.0
"""What a phrase says that is on many lines of many logs."""

_PHRASES = (
    *("https://", "http://", "github", ".com", ".com/", ".org", ".io/", "org.", "google", "apache", "/usr/", "/home/"),
    *("/bin/", ".java:", ".py", ".js:", ".ts:", ".go:", "##[", "[info]", "[error]", "[warn", 'file "', ", line "),
    *("...", "***", "---", "===", "::", "error", "warning", "fail", "exception", "assert", "expected", "not found"),
    *("cannot", "could not", "unable to", "invalid", "missing", "unknown", "no such", "file", "directory", "download"),
    *("install", "build", "compil", "running", "test", "task", "version", "package", "module", "command", "process"),
    *("snapshot", "extension", "dependenc", "repository", "config", "latest", "release", "target", "return", "name"),
    *("function", "method", "class", "object", "operation", "connection", "request", "response", "server", "remote"),
    *("timeout", "timed out", "exit code", "gradle", "maven", "python", "docker", "junit", "node", "npm"),
    *("site-packages", "skipped", "passed", "checking", "starting", "finished", "resolv", "creat", "updat", "load"),
    *("fetch", "found", "using", "required", "support", "has been"),
)

_STAMPS = (b"2026-01-15T12:00:00.1234567Z ", b"[2026-01-15T12:00:00.123Z] ", b"2026-01-15 12:00:00,123 ")

_CAPITALS = sum(1 << byte for byte in range(65, 91))
_PROSE = sum(1 << byte for byte in (ord(" "), *range(65, 91), *range(97, 123)))
_DIGITS = sum(1 << byte for byte in range(48, 58))


def bits_of(node: Node) -> float:
    """What it says that a text is found which this matches."""
    match node:
        case Symbol(members):
            return rarity(members)
        case LineStart():
            return _LINE_START
        case syntax.Sequence(parts):
            symbols = tuple(part.members for part in parts if isinstance(part, Symbol))
            return sum(bits_of_symbols(symbols)) if len(symbols) == len(parts) else sum(map(bits_of, parts))
        case Choice(options):
            return max(0.0, -math.log2(sum(2 ** -bits_of(option) for option in options)))
        case Repeat(body, least, _):
            return bits_of(body) * min(least, 3)


@lru_cache(maxsize=8192)
def bits_of_symbols(word: Word) -> tuple[float, ...]:
    """What each symbol says. A letter in a word says half of what it would alone, and common phrases say little."""
    bits = []
    before = 0
    for members in word:
        kind = 1 if not members & ~_PROSE else 2 if not members & ~_DIGITS else 0
        bits.append(rarity(members) / (2 if kind and kind == before else 1))
        before = kind
    if _is_in_stamps(word):
        return (0.0,) * len(bits)
    text = "".join(chr((members & ~_CAPITALS | (members & _CAPITALS) << 32).bit_length() - 1) for members in word)
    for phrase in _PHRASES:
        at = text.find(phrase)
        while at != -1:
            end = at + len(phrase)
            less = min(1.0, _PHRASE / sum(bits[at:end]))
            bits[at:end] = [each * less for each in bits[at:end]]
            at = text.find(phrase, end)
    return tuple(bits)


@lru_cache(maxsize=4096)
def rarity(members: int) -> float:
    """What it says that one of these bytes is found."""
    return -math.log2(share(members) or 2**-20)


@lru_cache(maxsize=4096)
def share(members: int) -> float:
    """The share of the bytes of logs that these are, without line feeds."""
    return sum(weight for byte, weight in enumerate(_weights()) if members >> byte & 1 and byte != ord("\n"))


def _is_in_stamps(word: Word) -> bool:
    """Whether time stamps have this, which stand on every line."""
    return any(
        all(
            members & (_DIGITS if stamp[at : at + 1].isdigit() else 1 << stamp[at])
            for at, members in enumerate(word, start=first)
        )
        for stamp in _STAMPS
        for first in range(len(stamp) - len(word) + 1)
    )


@cache
def _weights() -> tuple[float, ...]:
    """About how often each byte is met in logs."""
    bits = [11.0] * 256
    bits[33:127] = [8.0] * 94
    for first, last, common in ((48, 57, 5.0), (65, 90, 7.0), (97, 122, 5.0)):
        bits[first : last + 1] = [common] * (last - first + 1)
    for bytes_, common in ((b"etaoinrs", 4.0), (b"./-:_=", 5.5), (b",\"'()[]", 6.5), (b" ", 3.0)):
        for byte in bytes_:
            bits[byte] = common
    total = sum(2**-each for each in bits)
    return tuple(2**-each / total for each in bits)

"""Untrusted text made harmless to look at: nothing steers a terminal, nothing is invisible, nothing is endless."""

from __future__ import annotations

import re
import unicodedata

LIMIT = 300
"""Characters shown of one piece of untrusted text."""

_ELLIPSIS = "…"
_READ_PER_SHOWN = 8
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC and its kin: titles, links
    r"|[ -/]*[0-~])?"
)
_JOINERS = frozenset({0x200C, 0x200D})  # Persian, Indic scripts and emoji are wrong without them
_HIDDEN_SELECTORS = range(0xE0100, 0xE01F0)  # variation selectors that can smuggle text past a reader
_LINE_ENDS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


class _Visible(dict[int, str]):
    """A table for `str.translate`, filled as characters are met."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        match unicodedata.category(character):
            case _ if character in _LINE_ENDS:
                shown = " "
            case "Zs":
                shown = " "
            case "Cc":
                shown = ""
            case "Cf" if point not in _JOINERS:
                shown = ""
            case "Cs":
                shown = "\ufffd"
            case _:
                shown = "" if point in _HIDDEN_SELECTORS else character
        self[point] = shown
        return shown


_VISIBLE = _Visible()


def clip(value: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut off."""
    return value if len(value) <= limit else value[: max(limit - 1, 0)] + _ELLIPSIS


def line(value: str, limit: int = LIMIT) -> str:
    """One line of visible text, white space folded into single spaces."""
    return clip(" ".join(_visible(value, limit).split()), limit)


def preformatted(value: str, limit: int = LIMIT) -> str:
    """One line of visible text with its inner spacing kept, as in a log."""
    return clip(_visible(value[: limit * _READ_PER_SHOWN].expandtabs(4), limit).rstrip(), limit)


def _visible(value: str, limit: int) -> str:
    bounded = value[: limit * _READ_PER_SHOWN]
    return _ESCAPE_SEQUENCE.sub("", bounded).translate(_VISIBLE)

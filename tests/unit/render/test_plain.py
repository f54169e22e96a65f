"""Untrusted text for the eyes of a person."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given

from recovery.render import plain
from tests.unit.render.samples import hostile_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  a\tb \n c\r\n", "a b c"),
        ("\x1b[1;31merror\x1b[0m: no", "error: no"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;https://x.y\x1b\\shown\x1b]8;;\x1b\\", "shown"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b(Bshown\x1b", "shown"),
        ("a\x00b\x07c\x9bd", "abcd"),
        ("\u202eabc\u202c\u2066d\u2069", "abcd"),
        ("a\u200bb\ufeffc\u00add\U000e0041\U000e0100", "abcd"),
        ("a\u2028b\u00a0c\u3000d", "a b c d"),
        ("👩\u200d💻 \u0645\u06cc\u200c\u062e", "👩\u200d💻 \u0645\u06cc\u200c\u062e"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_line_shows_what_is_visible(value: str, expected: str) -> None:
    """Only visible text is left, on one line."""
    assert expected == plain.line(value)


def test_line_is_clipped() -> None:
    """A long text ends in an ellipsis at the limit."""
    assert "abcd…" == plain.line("abcdefgh", limit=5)


def test_clip_leaves_short_text_alone() -> None:
    """A text within the limit stays as it is."""
    assert "abc" == plain.clip("abc", 3)


def test_preformatted_keeps_inner_spacing() -> None:
    """The indentation of a log's line is kept, and tabs become spaces."""
    assert "    a   b" == plain.preformatted("\ta   b  \n")


@given(hostile_text)
def test_nothing_invisible_is_left(value: str) -> None:
    """Whatever comes in, no control, bidi or surrogate character comes out."""
    for shown in (plain.line(value), plain.preformatted(value)):
        categories = {unicodedata.category(character) for character in shown} - {"Cf"}
        assert not categories & {"Cc", "Cs", "Zl", "Zp"}
        assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b")

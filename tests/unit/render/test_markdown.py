"""Untrusted text as Markdown."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from recovery.render import plain
from recovery.render.markdown import block, code, link, prose, row, text
from tests.unit.render.samples import HOSTILE, hostile_text, kinds, linked_by_github, tokens

ZERO_WIDTH = "\u200b"
PARAGRAPH = {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}


def shown(markdown: str) -> str:
    """What a reader sees of a paragraph, the invisible spaces taken out."""
    seen = "".join(token.content for token in tokens(markdown) if token.type in {"text", "text_special", "code_inline"})
    return seen.replace(ZERO_WIDTH, "")


@given(hostile_text)
def test_text_is_only_text(value: str) -> None:
    """Hostile text is a paragraph of text and nothing else, and reads as it came in."""
    markdown = text(value)
    assert kinds(markdown) <= PARAGRAPH
    assert [] == linked_by_github(markdown)
    assert plain.line(value) == shown(markdown)


@given(hostile_text)
def test_code_is_only_code(value: str) -> None:
    """Hostile text cannot leave its code span."""
    inline = [
        token for token in tokens(f"a {code(value)} b") if token.type not in {"paragraph_open", "paragraph_close"}
    ]
    assert ["inline", "text", "code_inline", "text"] == [token.type for token in inline]
    assert plain.line(value) or " " == inline[2].content


@given(hostile_text)
@example("#`1")
def test_prose_is_text_and_code(value: str) -> None:
    """A sentence with backticks is text and code spans and nothing else."""
    markdown = prose(value)
    assert kinds(markdown) <= PARAGRAPH | {"code_inline"}
    assert [] == linked_by_github(markdown)


@given(hostile_text, hostile_text)
def test_block_holds_every_line(first: str, second: str) -> None:
    """Hostile lines cannot end their fenced block."""
    parsed = list(tokens("\n".join([*block([first, second]), "after"])))
    assert ["fence", "paragraph_open", "inline", "text", "paragraph_close"] == [token.type for token in parsed]


@given(hostile_text, hostile_text)
def test_link_goes_nowhere_else(label: str, path: str) -> None:
    """A link leads to the host that we gave, whatever its label and path hold."""
    markdown = link(label, f"https://github.com/{path}")
    targets = [str(token.attrs["href"]) for token in tokens(markdown) if token.type == "link_open"]
    assert all(target.startswith("https://github.com/") for target in targets)
    assert kinds(markdown) <= PARAGRAPH | {"link_open", "link_close"}


@given(hostile_text, hostile_text)
def test_row_has_the_cells_that_it_was_given(first: str, second: str) -> None:
    """Hostile cells add no cell to their row."""
    table = "\n".join([row(["a", "b"]), row(["---", "---"]), row([text(first), code(second)])])
    parsed = [token.type for token in tokens(table)]
    assert (2, 2) == (parsed.count("th_open"), parsed.count("td_open"))
    assert not set(parsed) & {"html_inline", "html_block", "link_open", "image"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("@octocat", f"@{ZERO_WIDTH}octocat"),
        ("#12", rf"\#{ZERO_WIDTH}12"),
        ("GH-12", f"GH-{ZERO_WIDTH}12"),
        ("https://a.b", f"https:{ZERO_WIDTH}//a.b"),
        ("www.a.b", f"www{ZERO_WIDTH}.a.b"),
        (":tada:", f":{ZERO_WIDTH}tada:"),
        ("1. a", r"1\. a"),
        ("- a", r"\- a"),
        ("a|b", "a&#124;b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("plain words, 3 of them.", "plain words, 3 of them."),
    ],
)
def test_text_by_example(value: str, expected: str) -> None:
    """Each thing that GitHub would act on is taken apart, and ordinary words are left alone."""
    assert expected == text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", "` `"), ("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a``", "``` a`` ```")],
)
def test_code_by_example(value: str, expected: str) -> None:
    """A fence is one backtick longer than any run inside."""
    assert expected == code(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("job `a b` failed", "job `a b` failed"),
        ("`a``b`", f"`a`{ZERO_WIDTH}`b`"),
        ("half `a", "half a"),
        ("", ""),
    ],
)
def test_prose_by_example(value: str, expected: str) -> None:
    """Names in backticks stay code, and an odd backtick is dropped."""
    assert expected == prose(value)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o/r",
        "https://github.com/o/r?a=1#b",
        "http://127.0.0.1:8080/o/r",
        "http://localhost/o/r",
    ],
)
def test_link_to_a_known_kind_of_address(url: str) -> None:
    """Addresses over https, and those of a rehearsal on this machine, become links."""
    assert f"[run]({url})" == link("run", url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "http://github.com/o/r",
        "https://",
        "https://github.com@evil.example/",
        "http://127.0.0.1\\@evil.example",
        "https://a.b/\nx",
        "https://a.b/ x",
        "https://[a",
        "https://a.b/" + "x" * 2000,
        "//a.b",
    ],
)
def test_no_link_to_any_other_address(url: str) -> None:
    """Every other address leaves the label alone."""
    assert "run" == link("run", url)


def test_link_escapes_its_target() -> None:
    """Characters that could end a link's target are encoded."""
    assert "[a](https://a.b/%28x%29%5D%3C%3E?c=1&amp;d=2)" == link("a", "https://a.b/(x)]<>?c=1&d=2")


def test_link_without_a_label_is_nothing() -> None:
    """An empty label makes no link that nobody could see."""
    assert "" == link("\u200b", "https://a.b")


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_samples_stay_short(value: str) -> None:
    """Escaping keeps within a small multiple of what is shown."""
    assert len(text(value)) <= 6 * len(value) + 10

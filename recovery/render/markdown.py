"""The one place where untrusted text becomes Markdown for GitHub.

GitHub looks for mentions, issue numbers and URLs in the text that Markdown has already produced, so a backslash does
not stop them: a zero-width space, which nobody sees, takes their pattern apart. A commit's hash stays linkable: such a
link can only lead to a commit of the same repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlsplit

from recovery.render import plain

_BREAK = "\u200b"
_LINKED = re.compile(
    r"@"  # mentions, teams, e-mail addresses, user@commit
    r"|#(?=\d)|gh-(?=\d)"  # issues and pull requests
    r"|:(?=//)|www(?=\.)"  # URLs
    r"|:(?=[\w+-]+(?::|$))",  # emoji codes, also such as a colon of ours would complete
    re.IGNORECASE,
)
_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]~$#"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}
)
_BLOCK_START = re.compile(r"^(\d{0,9})(?=[-+=.)])")
_BACKTICKS = re.compile(r"`+")
_URL_LIMIT = 2000
_URL_SAFE = "%/:?#&=+,;@~.-_!$"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def text(value: str, limit: int = plain.LIMIT) -> str:
    """Inline text that means nothing but itself: no Markdown, no HTML, no mention, no link, no emoji code."""
    return _BLOCK_START.sub(r"\1\\", _inert(plain.line(value, limit)))


def prose(value: str, limit: int = plain.LIMIT) -> str:
    """A sentence of ours with names in backticks: the names become code spans, all else inline text.

    A name that holds a backtick itself only shifts what is set as code: every piece is still one or the other.
    """
    pieces = plain.line(value, limit).split("`")
    if len(pieces) % 2 == 0:  # the last backtick has no partner
        pieces[-2:] = ["".join(pieces[-2:])]
    shown = (code(piece) if index % 2 else _inert(piece) or _BREAK for index, piece in enumerate(pieces))
    return _BLOCK_START.sub(r"\1\\", "".join(shown).strip(_BREAK))


def code(value: str, limit: int = plain.LIMIT) -> str:
    """An inline code span that no run of backticks inside can end."""
    content = plain.line(value, limit)
    fence = _fence(content, shortest=1)
    padding = " " if not content or "`" in (content[0], content[-1]) else ""
    return f"{fence}{padding}{content}{padding if content else ''}{fence}"


def block(lines: Iterable[str], limit: int = plain.LIMIT) -> tuple[str, ...]:
    """A fenced block, fences included; its fence is longer than any run of backticks inside."""
    content = [plain.preformatted(line, limit) for line in lines]
    fence = _fence("\n".join(content), shortest=3)
    return (f"{fence}text", *content, fence)


def link(label: str, url: str) -> str:
    """A link to an https address (or to a rehearsal on this machine); the bare label where the address is neither."""
    shown = text(label)
    target = _target(url)
    return f"[{shown}]({target})" if shown and target else shown


def row(cells: Sequence[str]) -> str:
    """One row of a table from cells that are Markdown already; a pipe left in a code span becomes a broken bar."""
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |"


def _inert(piece: str) -> str:
    return _LINKED.sub(lambda match: match.group() + _BREAK, piece).translate(_ESCAPES)


def _fence(content: str, shortest: int) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(content)), default=0)
    return "`" * max(shortest, longest + 1)


def _target(url: str) -> str | None:
    """The address as a link's destination; None when it is not one that we would link to."""
    if len(url) > _URL_LIMIT or not url.isprintable() or any(character in url for character in " \\"):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    secure = parts.scheme == "https" and bool(parts.hostname)
    rehearsed = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if "@" in parts.netloc or not (secure or rehearsed):
        return None
    return quote(url, safe=_URL_SAFE).replace("&", "&amp;")

"""What stands around the text of a log's lines: time stamps, colours, columns, levels; and how it is taken off."""

from __future__ import annotations

import codecs
import io
import re

FRAME = b"\r"

_COLUMN = rb"[^\t\r\n]{1,200}\t"
_MARK = rb"\xef\xbb\xbf"
_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_STAMPS = (
    rb"(?:" + _TIME + rb"(?:\.\d{1,9})?Z (?:[0-9a-f]{2}[OE][ +])?"
    rb"|\[" + _TIME + rb"(?:\.\d{1,9})?Z\] |\d\d:\d\d:\d\d {1,2})"
)
"""GitHub's; GitLab's, with the number and kind of the stream behind it; and the two that Jenkins knows."""

_SPEAKER = rb"(?:#\d+ \d+\.\d+ |[a-z][\w.-]{0,60}[-_]\d{1,2} +\| )(?:##\[(?:error|command)\])*"
"""Who says it: a step of an image's build (BuildKit puts its number and seconds), a service of Docker Compose.

What these mark as an error or a command is not marked by the runner.
"""

_LEVELS = rb"##\[(?:error|warning|command|debug|notice)\]"

_JOB_AND_STEP = _COLUMN + _COLUMN + rb"(?=(?:" + _MARK + rb")?20\d\d-\d\d-\d\dT)"
"""What `gh run view --log` puts before the stamp."""

_MARKED_STAMP = rb"(?:" + _MARK + rb")?" + _STAMPS

_COLUMNS = re.compile(rb"\n" + _JOB_AND_STEP)
_STAMP = re.compile(rb"\n" + _MARKED_STAMP)
_SAID_BY = re.compile(rb"\n" + _SPEAKER)
_LEVEL = re.compile(rb"\n(" + _LEVELS + rb")")

BEFORE_LINE = re.compile(
    rb"(?:" + _JOB_AND_STEP + rb")?(?:" + _MARKED_STAMP + rb")?(" + _SPEAKER + rb")?(" + _LEVELS + rb")?"
)
"""All of that before one line, with speaker and level as its groups: always matches, what `unwrapped` drops."""

_ANSI = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"
    rb"|[()*+][0-9A-Za-z]"
    rb"|[0-9=>@-Z\\^_`a-z])"
)
"""Colours and moves of the cursor; titles, links and what CI services tell their viewers; character sets."""

_VISIBLE = re.compile(rb"\^\[\[[\d;]*[mK]")
"""A colour where control characters are made visible, as by `cat -v`; other carets are of patterns."""

COLUMNS_BEFORE = r"(?:[^\t\r\n]+\t[^\t\r\n]+\t)?"
STAMP_BEFORE = (
    r"(?:(?:\xef\xbb\xbf)?"
    r"(?:\[?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+(?:\.[0-9]+)?Z\]? (?:[0-9a-f]{2}[OE][ +])?"
    r"|[0-9]{2}:[0-9]{2}:[0-9]{2}  ?))?"
    r"(?:#[0-9]+ [0-9.]+ |[a-z][0-9A-Za-z_.-]* +\| )?"
    r"(?:##\[[a-z]+\])*"
)
"""All that may stand before a line's text, and more, as RE2: how a line's start is searched for in what is not cleaned.

Of columns and stamp either may be missing in these; where the columns are, the stamp is too.
"""

_TRANSCODED = 1024 * 1024


def decode(content: bytes) -> bytes:
    """Give UTF-16 logs (as PowerShell redirections write them) and byte order marks the one common form."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _transcoded(content)
    return content.removeprefix(codecs.BOM_UTF8)


def _transcoded(content: bytes) -> bytes:
    """UTF-16 as UTF-8, piece by piece, for a text takes several times the memory of its bytes."""
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    result = io.BytesIO()
    for start in range(0, len(content), _TRANSCODED):
        result.write(decoder.decode(content[start : start + _TRANSCODED]).encode(errors="replace"))
    result.write(decoder.decode(b"", final=True).encode(errors="replace"))
    return result.getvalue()


def colourless(text: bytes) -> bytes:
    """Drop NULs and what terminals do not show, as colours. Lines stay lines."""
    if b"\0" in text:
        text = text.replace(b"\0", b"")
    if b"^[[" in text:
        text = _VISIBLE.sub(b"", text)
    if b"\x1b" in text:
        text = _ANSI.sub(b"", text)
    return text


def may_have_columns(text: bytes) -> bool:
    """Whether columns may stand before the text of any line."""
    # A single byte is looked for much faster than three.
    return b"\t" in text and (b"\t20" in text or b"\t\xef\xbb\xbf20" in text)


def unwrapped(text: bytes) -> bytes:
    """Drop stamps and columns from colourless lines; `##[error]` and its like become frames of their own."""
    text = b"\n" + text
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if may_have_columns(text):
        text = _COLUMNS.sub(b"\n", text)
    text = _STAMP.sub(b"\n", text)
    if b"\n#" in text or b" | " in text:
        text = _SAID_BY.sub(b"\n", text)
    if b"\n##[" in text:
        text = _LEVEL.sub(rb"\n\1" + FRAME, text)
    return text[1:]


def clean(text: bytes) -> bytes:
    """Drop what is not said: stamps, colours, NULs. Lines stay lines.

    A carriage return stays as the border between two *frames* of a line (a progress bar's, or what follows
    `##[error]`), and each frame is searched as a line of its own.
    """
    return unwrapped(colourless(text))

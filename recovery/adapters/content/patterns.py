"""Patterns of files as `actions/cache` writes them: one a line, a folder means all below it, `!` takes out again."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recovery.errors import InputError

ANY_DEPTH = None
"""The part `**` of a pattern: any number of folders, also none."""

_MAGIC = re.compile(r"[*?\[]")

Part = str | re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, cut into the parts between its slashes; no parts at all means the workspace itself."""

    text: str
    takes_out: bool
    parts: tuple[Part, ...]

    @property
    def end(self) -> int:
        """The position behind the last part: what stands there is matched as a whole."""
        return len(self.parts)

    def start(self) -> frozenset[int]:
        """The positions before anything was matched."""
        return self._with_skipped({0})

    def after(self, positions: frozenset[int], name: str) -> tuple[frozenset[int], bool]:
        """The positions behind an entry of that name, and whether a part names it literally."""
        reached = set()
        literally = False
        for position in positions:
            part = self.parts[position]
            if part is ANY_DEPTH:
                reached.add(position)
            elif isinstance(part, str):
                if part == os.path.normcase(name):
                    reached.add(position + 1)
                    literally = True
            elif part.fullmatch(name):
                reached.add(position + 1)
        return self._with_skipped(reached), literally

    def next_name(self, positions: frozenset[int]) -> str | None:
        """The one name that can match next; None when more than one can, or one in several spellings."""
        if len(positions) != 1 or os.name == "nt":
            return None
        part = self.parts[next(iter(positions))]
        return part if isinstance(part, str) else None

    def _with_skipped(self, positions: set[int]) -> frozenset[int]:
        """`**` stands for no folder, too. Never two of them stand together, and none at the end."""
        return frozenset(
            positions
            | {position + 1 for position in positions if position < self.end and self.parts[position] is ANY_DEPTH}
        )


def parse_patterns(workspace: Path, lines: Sequence[str], *, source: str) -> tuple[Pattern, ...]:
    """The patterns of an input that `source` names; empty lines and lines that begin with `#` are none.

    Raises:
        InputError: a pattern leads out of the workspace or is none.
    """
    roots = tuple(dict.fromkeys(_slashes(str(root)).rstrip("/") for root in _names_of(workspace)))
    written = (line.strip() for line in lines)
    return tuple(_parse(line, roots, source) for line in written if line and not line.startswith("#"))


def _names_of(workspace: Path) -> tuple[Path, Path]:
    return Path(os.path.abspath(workspace)), workspace.resolve()  # noqa: PTH100 (as given: links are not resolved)


def _parse(line: str, roots: Sequence[str], source: str) -> Pattern:
    bare = line.lstrip("!")
    takes_out = (len(line) - len(bare)) % 2 == 1
    inside = _inside(_slashes(bare.strip()), roots)
    if inside is None:
        raise InputError(
            f"`{source}`: {line[:200]} must be a path inside the workspace",
            hint="copy what lies elsewhere into the workspace first; `~` and `..` are not followed",
        )
    parts: list[Part] = []
    for text in (text for text in inside.split("/") if text not in {"", "."}):
        part = _part(text, line, source)
        if part is not ANY_DEPTH or parts[-1:] != [ANY_DEPTH]:
            parts.append(part)
    while parts and parts[-1] is ANY_DEPTH:
        parts.pop()  # all below a folder is what the folder means
    return Pattern(text=line, takes_out=takes_out, parts=tuple(parts))


def _inside(text: str, roots: Sequence[str]) -> str | None:
    """The pattern below the workspace; None when it leads out of it."""
    if not text or "\0" in text or text.startswith("~") or ".." in text.split("/"):
        return None
    for root in roots:
        if text == root or text.startswith(f"{root}/"):
            return text[len(root) :]
    return None if text.startswith("/") or os.path.splitdrive(text)[0] else text


def _part(text: str, line: str, source: str) -> Part:
    if text == "**":
        return ANY_DEPTH
    if "**" in text:
        raise InputError(
            f"`{source}`: {line[:200]} is not a pattern: `**` must stand alone between slashes",
            hint="write `**/*.txt` for all such files",
        )
    if not _MAGIC.search(text):
        return os.path.normcase(text)
    return re.compile(fnmatch.translate(text), re.IGNORECASE if os.name == "nt" else 0)


def _slashes(text: str) -> str:
    return text.replace("\\", "/") if os.name == "nt" else text

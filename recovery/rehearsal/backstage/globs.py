"""File patterns as the toolkit understands them: `*`, `**`, `?`, exclusions with `!`, folders with all they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recovery.rehearsal.backstage.stage import Performance

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Found:
    """Files and the folder their names in the archive are relative to."""

    root: Path
    files: tuple[Path, ...]


def find(performance: Performance, patterns: Sequence[str], *, include_hidden: bool) -> Found:
    """The files the patterns mean; a hidden file or folder is left out even when it is named itself."""
    wanted = [str(performance.place(pattern)) for pattern in patterns if not pattern.startswith("!")]
    unwanted = [_matcher(str(performance.place(pattern[1:]))) for pattern in patterns if pattern.startswith("!")]
    starts = [_literal_start(pattern) for pattern in wanted]
    files: dict[Path, None] = {}
    for pattern, start in zip(wanted, starts, strict=True):
        matches = _matcher(pattern)
        for file in _walk(start, include_hidden=include_hidden):
            name = str(file)
            if matches.match(name) and not any(excluded.match(name) for excluded in unwanted):
                files[file] = None
    return Found(_root(starts, tuple(files)), tuple(sorted(files)))


def _literal_start(pattern: str) -> Path:
    parts: list[str] = []
    for part in Path(os.path.normpath(pattern)).parts:
        if _MAGIC.search(part):
            break
        parts.append(part)
    return Path(*parts)


def _walk(start: Path, *, include_hidden: bool) -> Iterator[Path]:
    if not include_hidden and start.name.startswith("."):
        return
    if start.is_dir():
        for child in sorted(start.iterdir()):
            yield from _walk(child, include_hidden=include_hidden)
    elif start.exists():
        yield start


def _matcher(pattern: str) -> re.Pattern[str]:
    pieces = []
    for part in Path(os.path.normpath(pattern)).parts:
        if part == "**":
            pieces.append("(?:/[^/]+)*")
        else:
            text = re.escape(part.rstrip("/")).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
            pieces.append(text if part == os.sep else f"/{text}")
    body = "".join(pieces).removeprefix("/")
    return re.compile(f"/{body.lstrip('/')}(?:/.*)?", re.DOTALL) if body else re.compile(".*", re.DOTALL)


def _root(starts: Sequence[Path], files: Sequence[Path]) -> Path:
    if len(starts) == 1:
        return starts[0].parent if starts[0] in files else starts[0]
    return Path(os.path.commonpath([str(start) for start in starts])) if starts else Path()

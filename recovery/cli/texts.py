"""What was typed, checked at the door: texts are text, and names of files are names that a file can have."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path

from recovery.errors import InputError
from recovery.models.unicode import check_unicode
from recovery.render import plain

SHOWN = 80
"""Characters that an error repeats of a name that is not known."""

_FILES = frozenset(
    {"against", "base", "baseline", "files", "folder", "into", "junit", "keep", "output", "rules", "workspace"}
)
"""Options that name files, whose names are bytes on a disk, and need not be text."""

_FILES_OR_NAMES = frozenset({"after", "before", "checkpoint", "scenario"})
"""Options that name a file where there is one, and something on record or on GitHub where there is none."""

_FILES_OPENED_FIRST = frozenset({"db", "request_log"})
"""Options that name files, too; whoever opens them says what is wrong with the name, wherever it comes from."""


def check_texts(options: argparse.Namespace) -> None:
    """Check every text that was given.

    Raises:
        InputError: one names a file and no file can have that name, or it names none and is not valid Unicode.
    """
    for name, value in vars(options).items():
        shown = f"`{name.replace('_', '-')}`"
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str) or name in _FILES_OPENED_FIRST:
                continue
            is_there = name in _FILES | _FILES_OR_NAMES and _is_there(shown, text)
            if not is_there and name not in _FILES:
                check_unicode({shown: text})


def exists(name: str) -> bool:
    """Whether there is such a file or folder; what cannot be a file's name is none."""
    try:
        return Path(name).exists()
    except OSError:
        return False


def clipped(name: str) -> str:
    """A name as an error repeats it: on one line, and in short."""
    return plain.line(name, SHOWN)


def _is_there(shown: str, text: str) -> bool:
    """Whether a file has this name.

    Raises:
        InputError: no file can have it.
    """
    try:
        Path(text).stat()
    except ValueError as error:
        raise InputError(f"{shown} cannot name {text[:SHOWN]!r}: {error}") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(f"{shown} cannot name {text[:SHOWN]!r}: {error.strerror}", hint="shorten it") from error
        return False
    return True

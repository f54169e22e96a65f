"""Which paths may be restored below a folder: those that lead nowhere else, on any system."""

from __future__ import annotations

import re
import unicodedata

STAGING_PREFIX = ".recovery-restore-"
"""How the hidden folder begins in which a restore is prepared; no checkpoint may hold one."""

_PLAIN = re.compile(r"[\w@+=,-][\w@+=,. -]*(?:/[\w@+=,-][\w@+=,. -]*)*", re.ASCII)
"""The paths that most files have, in which there is nothing to find wrong."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOWHERE = (
    (_SURROGATE, "is no Unicode text"),
    (_CONTROL, "has a control character in it"),
    (re.compile(r"\\"), "has a backslash in it, which Windows takes for a path"),
    (re.compile(r"^[A-Za-z]:"), "begins with a drive letter"),
    (re.compile(r"^/"), "is an absolute path"),
)
"""What no path may have anywhere in it, and what is said of one that has."""

_UNSEEN = re.compile(r"[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Characters that some file systems leave out when they compare names."""

_GIT = frozenset({".git", "git~1"})
_WINDOWS_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[.: ].*)?|.*[<>:\"|?*].*|.*[. ]", re.I | re.S
)


def told(path: str) -> str:
    """A path as it is told in a reason: short, and without anything that a terminal would obey."""
    return repr(path) if len(path) <= 120 else f"{path[:120]!r}…"


def is_text(text: str) -> bool:
    """Whether a text has neither control characters nor halves of characters in it."""
    return not _CONTROL.search(text) and not _SURROGATE.search(text)


def folding_of(path: str) -> str:
    """What a path is to a file system that tells apart neither case nor Unicode forms."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def problem_of_path(path: str, *, windows: bool = False) -> str | None:
    """Why a path may not be restored, as the end of a sentence about it; None when it may.

    `windows` adds the names that only Windows keeps for itself.
    """
    problem = None if _PLAIN.fullmatch(path) else _problem_anywhere(path)
    if problem is None and windows:
        for name in path.split("/"):
            if _WINDOWS_RESERVED.fullmatch(name):
                return f"has the part {name[:60]!a}, which Windows does not allow"
    return problem


def _problem_anywhere(path: str) -> str | None:
    for pattern, problem in _NOWHERE:
        if pattern.search(path):
            return problem
    return next(filter(None, map(_problem_of_name, path.split("/"))), None)


def _problem_of_name(name: str) -> str | None:
    if name == "":
        return "has an empty part"
    if name == ".":
        return "has the part `.`"
    if name == "..":
        return "climbs with `..`"
    if _bare(name) in _GIT:
        return "belongs to a git repository"
    if _bare(name).startswith(STAGING_PREFIX):
        return "is named like the folder in which a restore is prepared"
    return None


def _bare(name: str) -> str:
    """A name as the most forgiving file system reads it."""
    return folding_of(_UNSEEN.sub("", name)).partition(":")[0].rstrip(". ")

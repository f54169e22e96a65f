"""Which files a checkpoint holds: what the patterns name, found in one walk of each folder that they can lie in."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG

from recovery.adapters.content.found import Found
from recovery.adapters.content.patterns import Pattern, parse_patterns
from recovery.adapters.content.refusals import (
    CREDENTIALS,
    REPOSITORY,
    TEMPORARY,
    is_ordinary,
    is_repository,
    may_hold_credentials,
)
from recovery.errors import InputError, StateError

NO_FILE = "is neither a file, a folder nor a link"
_MOUNT_POINT = 0xA0000003
"""Reparse tag of what Windows calls a junction: a link to a folder that shows itself as a folder."""

_USUAL_MODE = 0o755
"""The mode of most folders, and of those that a restore makes for the files in them."""

Entry = tuple[str, str, os.stat_result]
"""Name, location and status of something in a folder."""

Live = tuple[tuple[Pattern, frozenset[int]], ...]
"""Patterns that may still match something further down, each with the positions reached; a later one outweighs."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a pattern means and that is not taken all the same."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The files, links, and empty or unusual folders that patterns name, sorted by path."""

    found: tuple[Found, ...]
    left_out: tuple[LeftOut, ...]
    unmatched: tuple[str, ...]
    """Patterns that match nothing."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is being walked; `taken` tells whether what no live pattern speaks of is selected."""

    location: str
    prefix: str
    """Its path with a slash behind it; empty for the workspace."""
    name: str
    taken: bool
    live: Live
    itself: Found | None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The only names that can be selected in it; None when it has to be listed."""
        if self.taken:
            return None
        wanted = [pattern.next_name(positions) for pattern, positions in self.live if not pattern.takes_out]
        return None if None in wanted else tuple(dict.fromkeys(name for name in wanted if name is not None))


@dataclass(frozen=True, slots=True)
class _Match:
    """What the patterns say of one entry: whether it is selected, and what may match below it."""

    taken: bool
    live: Live

    @property
    def matters(self) -> bool:
        """Whether anything at or below the entry can be selected."""
        return self.taken or any(not pattern.takes_out for pattern, _ in self.live)


@dataclass(slots=True)
class _Walk:
    """One selection in the making."""

    private: frozenset[str]
    temporary: str
    found: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    matched: set[Pattern] = field(default_factory=set)

    def run(self, workspace: str, patterns: Iterable[Pattern]) -> None:
        """Walk the workspace from its top."""
        top = self._judge(False, tuple((pattern, pattern.start()) for pattern in patterns), None)
        waiting = [_Folder(workspace, "", "", top.taken, top.live, None)] if top.matters else []
        while waiting:
            folder = waiting.pop()
            before = len(self.found)
            below = self._below(folder)
            waiting += below
            is_empty = not below and len(self.found) == before
            if folder.taken and folder.itself and (is_empty or _is_unusual(folder.itself)):
                self.found.append(folder.itself)

    def _below(self, folder: _Folder) -> list[_Folder]:
        """Take what is selected in a folder; return the folders in it that are to be walked."""
        try:
            if folder.taken and not folder.live:
                return self._all_of(folder)
            return [child for entry in _entries(folder) if (child := self._visit(folder, *entry)) is not None]
        except FileNotFoundError:  # gone since the folder above was listed
            return []
        except OSError as error:
            raise StateError(
                f"{folder.prefix or folder.location} cannot be read: {error.strerror}",
                hint="take it out with a pattern that begins with `!`",
            ) from error

    def _all_of(self, folder: _Folder) -> list[_Folder]:
        """Visit a folder of which no pattern has to be asked any more: most files, by far, lie in such ones."""
        below = []
        for name, location, status in _listed(folder.location):
            if S_ISREG(status.st_mode) and is_ordinary(name) and name.isascii():
                self.found.append(Found(folder.prefix + name, location, status))
            elif (child := self._visit(folder, name, location, status)) is not None:
                below.append(child)
        return below

    def _visit(self, folder: _Folder, name: str, location: str, status: os.stat_result) -> _Folder | None:
        """Take an entry if it is selected; return it when it is a folder to walk."""
        is_folder = S_ISDIR(status.st_mode)
        match = self._judge(folder.taken, folder.live, name) if folder.live else _Match(folder.taken, ())
        if not (match.matters if is_folder else match.taken) or location in self.private:
            return None
        path = folder.prefix + name
        reason = self._refusal(folder, name, location, status)
        if reason is not None:
            wanted, match = match.taken, self._named(folder.live, name)
            if reason == NO_FILE or not match.matters:
                if wanted:
                    self.left_out.append(LeftOut(path, reason))
                return None
        if not name.isascii():
            _check_name(path)
        if is_folder:
            return _Folder(location, f"{path}/", name, match.taken, match.live, Found(path, location, status))
        self.found.append(Found(path, location, status))
        return None

    def _judge(self, taken: bool, live: Live, name: str | None) -> _Match:
        """What the patterns say of an entry of that name, or without one of the workspace itself."""
        further: list[tuple[Pattern, frozenset[int]]] = []
        for pattern, positions in live:
            reached = positions if name is None else pattern.after(positions, name)[0]
            if pattern.end in reached:
                taken = not pattern.takes_out
                self.matched.update(earlier for earlier, _ in further)
                self.matched.add(pattern)
                further.clear()  # whatever they say of what lies below, this one says otherwise
            elif reached:
                further.append((pattern, reached))
        return _Match(taken, tuple(further))

    def _named(self, live: Live, name: str) -> _Match:
        """What those patterns say that name the entry literally, of something that no other may take."""
        naming = tuple(each for each in live if each[0].takes_out or each[0].after(each[1], name)[1])
        return self._judge(False, naming, name)

    def _refusal(self, folder: _Folder, name: str, location: str, status: os.stat_result) -> str | None:
        mode = status.st_mode
        if is_repository(name):
            return REPOSITORY
        if S_ISREG(mode):
            return CREDENTIALS if may_hold_credentials(name, folder.name, location) else None
        if S_ISLNK(mode):
            return None
        if not S_ISDIR(mode) or getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT:
            return NO_FILE
        return TEMPORARY if location == self.temporary else None


def select(
    workspace: Path,
    lines: Sequence[str],
    *,
    source: str = "path",
    temporary: Path | None = None,
    private: Collection[Path] = (),
) -> Selection:
    """What the patterns name in the workspace; links are not followed, and a later pattern outweighs an earlier one.

    Left out unless a pattern names them literally: git's own folder, `temporary`, and files that tools keep
    credentials in. Never taken: `private`. `source` is the name of the input in errors.

    Raises:
        InputError: a pattern leads out of the workspace or is none, they match nothing, or a name is no Unicode.
        StateError: a folder cannot be read.
    """
    patterns = parse_patterns(workspace, lines, source=source)
    taking = [pattern for pattern in patterns if not pattern.takes_out]
    walk = _Walk(
        private=frozenset(os.path.realpath(place) for place in private),
        temporary=os.path.realpath(temporary) if temporary else "",
    )
    walk.run(os.path.realpath(workspace), patterns)
    if not walk.found:
        raise _nothing(taking, walk.left_out, source)
    walk.found.sort(key=lambda found: found.path)
    walk.left_out.sort(key=lambda left_out: left_out.path)
    unmatched = tuple(pattern.text for pattern in taking if pattern not in walk.matched)
    return Selection(tuple(walk.found), tuple(walk.left_out), unmatched)


def _nothing(taking: Sequence[Pattern], left_out: Sequence[LeftOut], source: str) -> InputError:
    if left_out:
        first = left_out[0]
        return InputError(
            f"`{source}`: nothing is left to take: {first.path} {first.reason}",
            hint="name it literally if it shall be taken all the same",
        )
    if not taking:
        return InputError(f"`{source}` only takes files out", hint="begin with a pattern that takes files in")
    named = ", ".join(pattern.text for pattern in taking)
    matches = "matches" if len(taking) == 1 else "match"
    return InputError(
        f"`{source}`: {named[:200]} {matches} no file in the workspace",
        hint="patterns are relative to the workspace; a folder means everything below it",
    )


def _is_unusual(folder: Found) -> bool:
    """Whether a folder has a mode that a restore would not give it anyway; on Windows folders have none."""
    return os.name != "nt" and S_IMODE(folder.status.st_mode) & 0o777 != _USUAL_MODE


def _entries(folder: _Folder) -> Iterator[Entry]:
    """What lies in a folder, as far as it can matter."""
    names = folder.names
    return _listed(folder.location) if names is None else _named(folder.location, names)


def _listed(location: str) -> Iterator[Entry]:
    with os.scandir(location) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since the folder was listed
                continue
            yield entry.name, entry.path, status


def _named(location: str, names: Iterable[str]) -> Iterator[Entry]:
    for name in names:
        path = os.path.join(location, name)  # noqa: PTH118 (a Path for each of 40,000 files takes as long as the walk)
        try:
            yield name, path, os.lstat(path)
        except FileNotFoundError:
            continue


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the file {path!a} cannot be kept: its name is no Unicode",
            hint="rename it, or take it out with a pattern that begins with `!`",
        ) from error

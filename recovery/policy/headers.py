"""Tells what the runner shows of a step before it runs it from what a user's script prints as a group."""

from __future__ import annotations

from dataclasses import dataclass, field

import re2

from recovery.policy.logs.reader import FoundLine

_SHELL, _INPUTS, _ENVIRONMENT = "##shell", "##with", "##env"

HEADER_MARKERS = (
    (_SHELL, r"^shell: .*\{0\}"),
    (_INPUTS, r"^with:$"),
    (_ENVIRONMENT, r"^env:$"),
)
"""Lines with which the parts of a header begin, to be searched for."""

_ACTION = re2.compile(r"^Run (?:\./\S*|docker://\S+|[\w.-]+/[\w./-]+@\S+)$")
_ACTION_ALONE = re2.compile(r"^Run (?:\./\.github/\S+|docker://\S+|[\w.-]+/[\w./-]+@\S+)$")
"""An action as the runner names it, and one that is none of a user's scripts even where nothing follows its name."""


@dataclass
class OpenGroup:
    """A `##[group]Run …` of which is not yet known whether the runner wrote it or a user's `::group::`."""

    title: str
    line: int
    shell: int | None = None
    """The last line that names a shell as the runner does."""
    has_inputs: bool = False
    """A list of inputs or variables follows the group's own line."""
    has_environment: bool = False
    """A list of variables follows a shell."""
    lines: list[FoundLine] = field(default_factory=list)

    @property
    def is_hook(self) -> bool:
        """Whether a self-hosted runner's own hook is run, as it may be before the steps and after the clean-up."""
        return self.title.startswith("Run '")

    def take(self, found: FoundLine, line: int, names: frozenset[str]) -> None:
        """Keep a line, and remember where it stands if it may be of a header."""
        self.lines.append(found)
        if _SHELL in names:
            self.shell = line
        self.has_inputs |= line == self.line + 1 and not names.isdisjoint({_INPUTS, _ENVIRONMENT})
        self.has_environment |= line - 1 == self.shell and _ENVIRONMENT in names

    def is_header(self, ended: int) -> bool:
        """Whether this is what the runner shows of a step: the script and its shell, or the action and its inputs.

        Scripts and values may have lines of any kind, so only the first line of each part is looked at.
        """
        if self.has_environment or self.shell == ended - 1:
            return True
        if ended == self.line + 1:
            return _ACTION_ALONE.search(self.title) is not None
        return self.has_inputs and _ACTION.search(self.title) is not None

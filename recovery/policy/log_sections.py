"""Knows where in a job a line belongs: set-up, which step, clean-up; and what is an echo of a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from recovery.models.log import JobLog
from recovery.policy.log_reader import FoundLine, decode, find_lines
from recovery.policy.patterns import PatternSet
from recovery.policy.rules.model import Phase, Rule, RuleSet

_RUN, _END_GROUP, _HEADER, _ERROR = "##run", "##endgroup", "##header", "##error"
_POST, _FINISHED, _TRACE = "##post", "##finished", "##trace"

_MARKERS = (
    (_RUN, r"^##\[group\]Run "),
    (_END_GROUP, r"^##\[endgroup\]"),
    (_HEADER, r"^(?:shell|with|env): ?"),
    (_ERROR, r"^##\[error\]"),
    (_POST, r"^Post job cleanup\."),
    (_FINISHED, r"^Cleaning up orphan processes"),
    (_TRACE, r"^\+{1,3} \S"),
)

_KEPT = 4
"""Hits kept per rule and section (the first and the last): a million equal lines prove no more."""


class Hit(NamedTuple):
    """A line on which a rule matched. `line` is 1-based in the whole log."""

    line: int
    text: bytes
    rule: Rule
    level: str


@dataclass
class Section:
    """The output of one step, or of the set-up before or the clean-up after all steps."""

    phase: Phase
    title: str = ""
    last_line: int | None = None
    """The line before the next section; None while nothing follows."""
    last_error: int | None = None
    """The last line marked `##[error]`: a failed step's output ends there."""
    _hits: dict[str, list[Hit]] = field(default_factory=dict)

    def add(self, hit: Hit) -> None:
        """Keep a hit, unless the rule has many here already; the last one is always kept."""
        hits = self._hits.setdefault(hit.rule.id, [])
        if len(hits) == _KEPT:
            hits.pop()
        hits.append(hit)

    @property
    def hits(self) -> list[Hit]:
        """What matched in this section, up to its end, in order."""
        kept = (hit for hits in self._hits.values() for hit in hits)
        end = self.last_error
        return sorted((hit for hit in kept if end is None or hit.line <= end), key=lambda hit: hit.line)


@dataclass
class LogReading:
    """What one pass over a log found. `finished` tells that the runner reached its own end of the job."""

    first_line: int
    last_line: int
    sections: list[Section]
    finished: bool = False

    @property
    def failed_sections(self) -> list[Section]:
        """The sections that hold an error of the runner: clean-up counts only when nothing else failed."""
        failed = [section for section in self.sections if section.last_error is not None]
        return [section for section in failed if section.phase is not Phase.POST] or failed


@dataclass
class _OpenGroup:
    """A `##[group]Run …` of which is not yet known whether the runner wrote it or a user's `::group::`."""

    title: str
    line: int
    is_echo: bool = False
    lines: list[FoundLine] = field(default_factory=list)


class _Reader:
    """Walks over the found lines of a log, in order, and keeps the section they belong to."""

    def __init__(self, first_line: int, rules: RuleSet) -> None:
        self._first_line = first_line
        self._rules = rules
        self._group: _OpenGroup | None = None
        self.sections = [Section(Phase.SETUP)]
        self.finished = False

    def take(self, found: FoundLine) -> None:
        names = frozenset(name for frame in found.frames for name in frame.names)
        if _RUN in names or _ERROR in names or _POST in names:
            self.close_group(complete=False)
        if _RUN in names:
            title = found.frames[0].text.removeprefix(b"##[group]").decode(errors="replace")
            self._group = _OpenGroup(title, self._first_line + found.number)
        elif _END_GROUP in names:
            self.close_group(complete=True)
        elif self._group is not None:
            self._group.is_echo |= _HEADER in names
            self._group.lines.append(found)
        else:
            self._take_output(found, names)

    def close_group(self, *, complete: bool) -> None:
        """Decide what the open group was: a step's header, whose script is an echo, or output like any other.

        A group that never ended is no header: the runner always ends its own.
        """
        group, self._group = self._group, None
        if group is None:
            return
        if complete and (group.is_echo or not group.lines):
            self._begin(Section(Phase.STEP, group.title), group.line)
            return
        for found in group.lines:
            self._take_output(found, frozenset(name for frame in found.frames for name in frame.names))

    def _begin(self, section: Section, line: int) -> None:
        self.sections[-1].last_line = line - 1
        self.sections.append(section)

    def _take_output(self, found: FoundLine, names: frozenset[str]) -> None:
        line = self._first_line + found.number
        if _POST in names and self.sections[-1].phase is not Phase.POST:
            self._begin(Section(Phase.POST), line)
        self.finished |= _FINISHED in names
        section = self.sections[-1]
        if _ERROR in names:
            section.last_error = line
        if found.level != "command" and _TRACE not in names:
            for hit in self._hits(found, line, section):
                section.add(hit)

    def _hits(self, found: FoundLine, line: int, section: Section) -> Iterator[Hit]:
        for frame in found.frames:
            for name in sorted(frame.names):
                rule = self._rules.by_id.get(name)
                if rule and rule.applies(section.phase, section.title) and not rule.excuses(frame.text):
                    yield Hit(line, frame.text, rule, found.level)


def read_sections(log: JobLog, rules: RuleSet) -> LogReading:
    """Read a log once and sort what the rules find in it into sections."""
    content = decode(log.content)
    reader = _Reader(log.first_line, rules)
    for found in find_lines(content, _pattern_set(rules)):
        reader.take(found)
    reader.close_group(complete=False)
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return LogReading(log.first_line, log.first_line + max(lines, 1) - 1, reader.sections, reader.finished)


@lru_cache(maxsize=2)
def _pattern_set(rules: RuleSet) -> PatternSet:
    return PatternSet([*_MARKERS, *rules.patterns()])

"""Knows where in a job a line belongs: set-up, which step, clean-up; and what is an echo of a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from recovery.models.log import JobLog
from recovery.policy.headers import HEADER_MARKERS, OpenGroup
from recovery.policy.logs.framing import decode
from recovery.policy.logs.known import known_clues
from recovery.policy.logs.reader import FoundLine, FoundLines
from recovery.policy.logs.search import LogSearch
from recovery.policy.rules.model import CONTEXT, CONTEXT_LINES, Phase, Rule, RuleSet

_GROUP, _RUN, _END_GROUP, _ERROR = "##group", "##run", "##endgroup", "##error"
_POST, _FINISHED, _EXITED, _TRACE = "##post", "##finished", "##exited", "##trace"
_AFTERWARDS, _JOB_FAILED = "##afterwards", "##job-failed"
_PASSED, _BROKE = "##passed", "##broke"

MARKERS = (
    (_GROUP, r"^##\[group\]"),
    (_RUN, r"^##\[group\]Run "),
    (_END_GROUP, r"^##\[endgroup\]"),
    *HEADER_MARKERS,
    (_ERROR, r"^##\[error\]"),
    (_POST, r"^Post job cleanup\."),
    (_FINISHED, r"^Cleaning up orphan processes"),
    (_EXITED, r"^Process completed with exit code \d"),
    (_TRACE, r"^\+{1,3} \S"),
    # GitLab says what it does after a job's script, and at the very end that the job failed.
    (_AFTERWARDS, r"^(?:Running after_script|Uploading artifacts for failed job)"),
    (_AFTERWARDS, r"^Cleaning up project directory and file based variables"),
    (_JOB_FAILED, r"^ERROR: Job failed"),
    # Travis tells how each of a job's commands ended, and goes on.
    (_PASSED, r'^The command ".*" exited with 0\.'),
    (_BROKE, r'^The command ".*" (?:failed and )?exited with [1-9]'),
)

_OF_THE_RUNNER = frozenset(name for name, _ in MARKERS) - {_TRACE}
"""What only counts where no container comes between; a shell shows its commands anywhere."""

_KEPT = 4
"""Hits kept per rule and section (the first and the last): a million equal lines prove no more."""

_LONGEST_ECHO = 2000
"""Lines that say something in the echo of a script, at most: a group that goes on after that is no echo."""

_SECTIONS_KEPT = 500
"""How many sections that failed, and how many others, are kept at least: the first and the last ones of each."""

_LONGEST_TEXT = 4096
"""Bytes of a line that are kept."""

_NAMES_KEPT = 60
"""The same for rules that name failed tests, all of which are wanted."""


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
    first_line: int = 1
    """Where its output begins: after the echo of its script."""
    last_line: int | None = None
    """The line before the next section; None while nothing follows."""
    last_error: int | None = None
    """The last line marked `##[error]`: a failed step's output ends there."""
    passed: bool = False
    """The log says itself that all of this ended well."""
    complete: bool = True
    """Whether every hit that names a failed test was kept."""
    contexts: dict[str, int] = field(default_factory=dict)
    """Where what a rule waits for was said last, by the rule's id."""
    _settled: dict[str, list[Hit]] = field(default_factory=dict)
    """What matched up to the last error."""
    _since: dict[str, list[Hit]] = field(default_factory=dict)

    def in_context(self, rule: Rule, line: int) -> bool:
        """Whether what the rule waits for was said shortly before `line`, or on it."""
        return not rule.context or line - self.contexts.get(rule.id, -CONTEXT_LINES) <= CONTEXT_LINES

    def add(self, hit: Hit) -> None:
        """Keep a hit, unless the rule has many here already; the last one is always kept."""
        self._keep(self._since, hit)

    def _keep(self, kept: dict[str, list[Hit]], hit: Hit) -> None:
        hits = kept.setdefault(hit.rule.id, [])
        if len(hits) == (_NAMES_KEPT if hit.rule.names_tests else _KEPT):
            hits.pop()
            self.complete &= not hit.rule.names_tests
        hits.append(hit)

    def fail(self, line: int) -> None:
        """Note that the step ended badly at `line`; what matched before is settled, whatever is printed after."""
        self.last_error = line
        for hit in chain.from_iterable(self._since.values()):
            self._keep(self._settled, hit)
        self._since.clear()

    def resume(self, mistaken: Section) -> None:
        """Go on after what was `mistaken` for a section of its own: all of it belongs to this one."""
        self.last_line = None
        self.complete &= mistaken.complete
        for hit in chain.from_iterable(mistaken._settled.values()):
            self.add(hit)
        if mistaken.last_error is not None:
            self.fail(mistaken.last_error)
        for hit in chain.from_iterable(mistaken._since.values()):
            self.add(hit)

    @property
    def is_empty(self) -> bool:
        """Whether another section begins where its output would."""
        return self.last_line is not None and self.last_line < self.first_line

    @property
    def end(self) -> int | None:
        """The line at which a failed step ended, else the one before the next section."""
        return self.last_error or self.last_line

    @property
    def hits(self) -> list[Hit]:
        """What matched in this section, and applies to it, up to its end, in order."""
        kept = self._since if self.last_error is None else self._settled
        applying = (hits for hits in kept.values() if hits[0].rule.applies(self.phase, self.title))
        return sorted((hit for hits in applying for hit in hits), key=lambda hit: hit.line)


@dataclass
class LogReading:
    """What one pass over a log found. `finished` tells that the runner reached its own end of the job."""

    content: bytes
    """The log as it was searched, from `first_line` on."""
    first_line: int
    last_line: int
    sections: list[Section]
    finished: bool = False
    landmarks: list[tuple[int, int]] = field(default_factory=list)
    """Every so often the number of a line of `content`, from 0, and where it begins: for finding others fast."""

    @property
    def failed_sections(self) -> list[Section]:
        """The sections that hold an error of the runner: clean-up counts only when nothing else failed."""
        failed = [section for section in self.sections if section.last_error is not None]
        return [section for section in failed if section.phase is not Phase.POST] or failed


class _Reader:
    """Walks over the found lines of a log, in order, and keeps the section they belong to."""

    def __init__(self, first_line: int, rules: RuleSet) -> None:
        self._first_line = first_line
        self._rules = rules
        self._group: OpenGroup | None = None
        self._has_groups = False
        self.sections = [Section(Phase.SETUP, first_line=first_line)]
        self.finished = False

    def take(self, found: FoundLine) -> None:
        names = _names_of(found)
        line = self._first_line + found.number
        self._has_groups |= _GROUP in names
        if _RUN in names or _ERROR in names or _POST in names:
            self.close_group()
        if _RUN in names:
            self._group = OpenGroup(_title(found.frames[0].text.removeprefix(b"##[group]")), line)
        elif _END_GROUP in names:
            self.close_group(ended=line)
        elif self._group is not None:
            self._group.take(found, line, names)
            if len(self._group.lines) > _LONGEST_ECHO:
                self.close_group()
        else:
            self._take_output(found, names)

    def close_group(self, *, ended: int | None = None) -> None:
        """Decide what the open group was: a step's header, whose script is an echo, or output like any other.

        A group that never `ended` is no header: the runner always ends its own.
        """
        group, self._group = self._group, None
        if group is None:
            return
        if ended is not None and group.is_header(ended):
            if not group.is_hook:
                self._resume()
            self._begin(Section(Phase.STEP, group.title, ended + 1), group.line - 1)
            return
        for found in group.lines:
            self._take_output(found, _names_of(found))

    def _begin(self, section: Section, last_line: int | None) -> None:
        self.sections[-1].last_line = last_line
        self.sections.append(section)
        if len(self.sections) > 4 * _SECTIONS_KEPT:
            self.sections = _thinned(self.sections)

    def _resume(self) -> None:
        """A step that goes on shows that no runner had begun to clean up: a program said so."""
        if self.sections[-1].phase is Phase.POST:
            mistaken = self.sections.pop()
            self.sections[-1].resume(mistaken)

    def _take_output(self, found: FoundLine, names: frozenset[str]) -> None:
        line = self._first_line + found.number
        self._see_clean_up(line, names)
        self.finished |= _FINISHED in names
        section, failed = self.sections[-1], _ERROR in names
        if not self._has_groups and _JOB_FAILED in names and section.phase is Phase.POST:
            section, failed = self.sections[-2], True
        if found.level != "command" and _TRACE not in names:
            self._search(found, line, section)
        if failed:
            section.fail(line)
        elsewhere = not self._has_groups and section.phase is not Phase.POST
        if elsewhere and (_PASSED in names or _BROKE in names):
            self._end_command(found, line, section, passed=_PASSED in names)

    def _see_clean_up(self, line: int, names: frozenset[str]) -> None:
        section = self.sections[-1]
        if section.phase is Phase.POST:
            if _ERROR in names and _EXITED in names:
                self._resume()
        elif _POST in names or (_AFTERWARDS in names and not self._has_groups):
            # GitLab says only when all is cleaned up how the script ended: until then, what failed has no end.
            last_line = line - 1 if _POST in names else None
            self._begin(Section(Phase.POST, first_line=line, contexts=section.contexts), last_line)

    def _end_command(self, found: FoundLine, line: int, section: Section, *, passed: bool) -> None:
        if not passed:
            section.fail(line)
        section.passed = passed
        section.title = section.title or _title(found.frames[0].text)
        self._begin(Section(section.phase, first_line=line + 1), line)

    def _search(self, found: FoundLine, line: int, section: Section) -> None:
        for frame in found.frames:
            for name in frame.names:
                if name.startswith(CONTEXT):
                    section.contexts[name.removeprefix(CONTEXT)] = line
        for frame in found.frames:
            for name in sorted(frame.names):
                rule = self._rules.by_id.get(name)
                if rule and section.in_context(rule, line) and not rule.excuses(frame.text):
                    section.add(Hit(line, frame.text[:_LONGEST_TEXT], rule, found.level))


def _names_of(found: FoundLine) -> frozenset[str]:
    """What a line matches; a program in a container may print the runner's words, and they are none of the runner's."""
    names = frozenset(name for frame in found.frames for name in frame.names)
    return names - _OF_THE_RUNNER if found.relayed else names


def _title(text: bytes) -> str:
    return text[:_LONGEST_TEXT].decode(errors="replace")


def _thinned(sections: list[Section]) -> list[Section]:
    """Without those in the middle of very many."""
    failed = [section for section in sections if section.last_error is not None]
    others = [section for section in sections if section.last_error is None]
    half = _SECTIONS_KEPT // 2
    kept = {id(section) for each in (failed, others) for section in (*each[:half], *each[-half:])}
    return [section for section in sections if id(section) in kept]


def read_sections(log: JobLog, rules: RuleSet) -> LogReading:
    """Read a log once and sort what the rules find in it into sections."""
    content = decode(log.content)
    reader = _Reader(log.first_line, rules)
    found_lines = FoundLines(content, _search_for(rules))
    for found in found_lines:
        reader.take(found)
    reader.close_group()
    lines = found_lines.ends + (not content.endswith(b"\n"))
    last_line = log.first_line + max(lines, 1) - 1
    return LogReading(
        content, log.first_line, last_line, reader.sections, reader.finished, landmarks=found_lines.landmarks
    )


@lru_cache(maxsize=2)
def _search_for(rules: RuleSet) -> LogSearch:
    return LogSearch([*MARKERS, *rules.patterns()], known_clues())

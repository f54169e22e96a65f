"""Weighs what the rules found: how convincing each line is where it stands, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import re2

from recovery.models.verdict import FailureClass, JobFacts, Retryable
from recovery.policy.logs.baseline import Baseline
from recovery.policy.logs.lines import lines_between
from recovery.policy.rules.model import Phase, Rule, RuleSet
from recovery.policy.sections import Hit, LogReading, Section

PLAUSIBLE = 0.5
"""From this score on a suspect may be the cause; below are the generic tails every failure ends with."""

_READ = 20
"""Sections that are read from either end of a log in which more of them may hold the cause."""

_NEAR = 40
"""Lines before a step's end within which a passing trouble may be what ended it."""

_OUTLIVED = 80
"""Lines after which a step has outlived a trouble that would have ended it at once."""

_CLEAN_UP = "Post "
"""How GitHub names the steps of the clean-up."""

_HINTED = 200
"""Lines before a step's end in which words of no known tool are looked for."""

_GOES_ON = frozenset(
    {
        FailureClass.TEST_FAILURE,
        FailureClass.FLAKY_TEST,
        FailureClass.COMPILE_ERROR,
        FailureClass.LINT,
        FailureClass.FORMATTING,
        FailureClass.TYPE_CHECK,
        FailureClass.POLICY_GATE,
        FailureClass.UNKNOWN,
    }
)
"""Classes of trouble after which tools go on to look for more of it."""

_MARK = re2.compile(r"##\[[a-z]+\]")

_ECHO = re2.compile(r"^(?:\+{1,3} |##\[command\]|\[command\]|\$ )\S")
"""A command that is about to run, as shells and the runner show it."""

_OUTSIDE = frozenset({FailureClass.PERMISSION_AUTH, FailureClass.NETWORK, FailureClass.CONFIGURATION})
"""Classes of trouble with services outside, which a report may be sent to."""

_HEDGED = re2.compile(
    r"(?i)\b(?:retry(?:ing)?\b|retries\b|tries remaining|attempt \d+ ?(?:/|of)|will try again|trying again"
    r"|ignor(?:ed|ing)|non-fatal|not fatal|continuing|falling back|expected (?:failure|to fail)|xfail"
    r"|known failure|deprecat)"
)
_ASKED_TO_WAIT = re2.compile(r"(?i)retry[-_ ]after")
"""A server's word on when to come back, which is no word of this program's trying again."""

_WARNED = re2.compile(r"^\s*(?:\S+: )?(?:[Ww]arning|WARN(?:ING)?)\b|\b[A-Z]\w+Warning: ")
_REPORTED = re2.compile(
    r"(?i)\b(?:upload|publish|pars|post|send|stor|collect|report)(?:ed|es|ing|e)?\b.{0,60}"
    r"\b(?:reports?|results?|coverage|metrics?|stats|statistics|telemetry|annotations?|logs?|artifacts?)\b"
)
"""Words about what is told of a step's work, which seldom decides how the step ends."""

_GAVE_UP = re2.compile(
    r"(?i)(?:retr(?:y|ies)|attempts?|tries) (?:exceeded|exhausted|failed)|max retries"
    r"|after \d+ (?:retr|attempt|tr)|no more"
    r"|please (?:retry|try)|too many retries|retry (?:your|the|this) (?:request|build|command)|giving up"
)


@dataclass(frozen=True)
class Place:
    """A hit where it stands: how far from its step's end, alone among failed steps, in the green log, too."""

    hit: Hit
    lines_left: int
    in_only_section: bool
    passed_before: bool


@dataclass(frozen=True)
class Suspect:
    """A line that may be the cause, and how convincing it is where it stands."""

    line: int
    text: bytes
    rule: Rule
    score: float
    lines_left: int
    """From here to the end of its step."""
    notes: tuple[str, ...] = ()
    """Why it counts for less than its rule says."""
    level: str = ""
    """How the runner marks the line: `error`, `warning`, … or empty."""
    in_only_section: bool = True
    """No other step failed than the one it stands in."""

    @property
    def near_end(self) -> bool:
        """Whether the step ended shortly after."""
        return self.lines_left <= _NEAR


def names_a_real_fault(suspect: Suspect) -> bool:
    """Whether its rule names a fault that a second try would meet again, however little that counts where it stands."""
    return suspect.rule.retryable is Retryable.NO and suspect.rule.failure_class is not FailureClass.UNKNOWN


def is_real(suspect: Suspect) -> bool:
    """Whether a suspect stands for a fault that a second try would meet again."""
    return names_a_real_fault(suspect) and suspect.score >= PLAUSIBLE


def suspects_in(
    reading: LogReading, sections: Sequence[Section], rules: RuleSet, green: Baseline | None = None
) -> list[Suspect]:
    """What speaks for a failure in these sections, in the order of the log.

    What `green`, the last log of the job when it passed, says as well, speaks for nothing.
    """
    found = []
    for section in sections:
        end = section.end or reading.last_line
        for hit in (*section.hits, *_hints(reading, section, end, rules)):
            found.append(
                _weigh(Place(hit, end - hit.line, len(sections) == 1, green is not None and green.knows(hit.text)))
            )
    return sorted(found, key=lambda suspect: (suspect.line, -suspect.score))


def sections_to_read(reading: LogReading, facts: JobFacts) -> list[Section]:
    """The sections in which the cause may be: those of steps that failed, as GitHub or else the log says."""
    failed = _named(reading, facts) or reading.failed_sections
    if failed:
        return _bounded(failed + _cleaned_up(reading, facts, failed))
    if reading.finished and facts.conclusion is None:
        # The runner came to its own end of the job and marked no error: whatever was said, it passed.
        return []
    return _bounded([section for section in reading.sections if section.phase is not Phase.POST and not section.passed])


def _named(reading: LogReading, facts: JobFacts) -> list[Section]:
    """The sections of steps that GitHub names as failed, marked or not: an action may end without a word of error.

    The steps that an action is made of have sections of their own behind its one, which is empty.
    """
    named = [section for section in reading.sections if section.title in facts.failed_steps]
    silent = next((section for section in named if section.last_error is None), None)
    if silent is None:
        return named
    behind = [
        section
        for section in reading.sections
        if section.first_line > silent.first_line
        and section.phase is Phase.STEP
        and section.title not in facts.failed_steps
    ]
    if marked := [section for section in behind if section.last_error is not None]:
        return [section for section in named if not section.is_empty] + marked
    return named + behind if silent.is_empty else named


def _cleaned_up(reading: LogReading, facts: JobFacts, failed: Sequence[Section]) -> list[Section]:
    """The clean-up, where GitHub names a step of it as failed: such steps have no titles in a log."""
    if not any(step.startswith(_CLEAN_UP) for step in facts.failed_steps):
        return []
    known = {section.first_line for section in failed}
    cleaning = (section for section in reading.sections if section.phase is Phase.POST)
    return [section for section in cleaning if section.first_line not in known]


def _bounded(sections: list[Section]) -> list[Section]:
    """The first and the last of very many sections: no honest job has so many that failed."""
    return sections if len(sections) <= 2 * _READ else [*sections[:_READ], *sections[-_READ:]]


def _hints(reading: LogReading, section: Section, end: int, rules: RuleSet) -> Iterator[Hit]:
    """Words of no known tool, which are looked for near the end only: everybody says them all the time."""
    first = max(section.first_line, end - _HINTED + 1)
    last = end - reading.first_line
    lines = lines_between(reading.content, first - reading.first_line, last, reading.landmarks)
    for number, line in enumerate(lines, start=first):
        level, text = _marked(line)
        for frame in text.split(b"\r"):
            for name in sorted(rules.hints.names_in(frame) | rules.hints.names_in(level + frame)):
                rule = rules.by_id[name]
                if not rule.excuses(frame) and not _ECHO.search(frame):
                    yield Hit(number, frame, rule, level[3:-1].decode())


def _marked(line: bytes) -> tuple[bytes, bytes]:
    """The runner's mark before a line, if there is one, and what the line says."""
    mark, found, text = line.partition(b"\r")
    return (mark, text) if found and _MARK.fullmatch(mark) else (b"", line)


def _weigh(place: Place) -> Suspect:
    score, notes = place.hit.rule.confidence, []
    for doubt in _DOUBTS:
        if (found := doubt(place)) is not None:
            score -= found[0]
            notes.append(found[1])
    return Suspect(
        line=place.hit.line,
        text=place.hit.text,
        rule=place.hit.rule,
        score=round(max(score, 0.0), 2),
        lines_left=place.lines_left,
        notes=tuple(notes),
        level=place.hit.level,
        in_only_section=place.in_only_section,
    )


Doubt = tuple[float, str]
"""By how much a line counts for less, and why."""


def _only_warned(place: Place) -> Doubt | None:
    if place.hit.level in {"warning", "notice", "debug"} or _WARNED.search(place.hit.text):
        return 0.3, "it is a warning"
    return None


def _tried_again(place: Place) -> Doubt | None:
    text = place.hit.text
    hedged = _HEDGED.search(_ASKED_TO_WAIT.sub(b"", text)) and not _GAVE_UP.search(text)
    if hedged and place.hit.rule.retryable is not Retryable.NO:
        return 0.3, "it says itself that it was tried again, or passed over"
    return None


def _outlived(place: Place) -> Doubt | None:
    if place.lines_left > _OUTLIVED and place.hit.rule.failure_class not in _GOES_ON:
        return 0.2, f"the step went on for {place.lines_left} lines"
    return None


def _only_reported(place: Place) -> Doubt | None:
    if place.hit.rule.failure_class in _OUTSIDE and _REPORTED.search(place.hit.text):
        return 0.2, "it is about sending a report"
    return None


def _passed_before(place: Place) -> Doubt | None:
    return (1.0, "the last green log says the same") if place.passed_before else None


_DOUBTS = (_only_warned, _tried_again, _outlived, _only_reported, _passed_before)

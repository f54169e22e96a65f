"""Weighs what the rules found: which line convinces most, and which one was the cause."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from recovery.models.verdict import FailureClass, JobFacts, Retryable
from recovery.policy.log_sections import Hit, LogReading, Section
from recovery.policy.rules.model import Phase, Rule

PLAUSIBLE = 0.5
"""From this score on a suspect may be the cause; below are the generic tails every failure ends with."""

_TIE = 0.15
"""Scores closer than this are equally convincing: then the first cause wins, not the louder echo."""

_DISCOUNT = 0.3
_NEAR = 40
"""Lines before a step's end within which a passing trouble may be what ended it."""

_HEDGED = re2.compile(
    r"(?i)\b(?:retry(?:ing)?\b|retries\b|tries remaining|attempt \d+ ?(?:/|of)|will try again|trying again"
    r"|ignor(?:ed|ing)|non-fatal|not fatal|continuing|falling back|expected (?:failure|to fail)|xfail"
    r"|known failure|deprecat)"
)
_ASKED_TO_WAIT = re2.compile(r"(?i)retry[-_ ]after")
"""A server's word on when to come back, which is no word of this program's trying again."""

_WARNED = re2.compile(r"^\s*(?:\S+: )?(?:[Ww]arning|WARN(?:ING)?)\b|\b[A-Z]\w+Warning: ")
_GAVE_UP = re2.compile(
    r"(?i)(?:retr(?:y|ies)|attempts?|tries) (?:exceeded|exhausted|failed)|max retries"
    r"|after \d+ (?:retr|attempt|tr)|no more"
    r"|please (?:retry|try)|too many retries|retry (?:your|the|this) (?:request|build|command)|giving up"
)


@dataclass(frozen=True)
class Suspect:
    """A line that may be the cause, and how convincing it is where it stands."""

    line: int
    text: bytes
    rule: Rule
    score: float
    near_end: bool


def is_real(suspect: Suspect) -> bool:
    """Whether a suspect stands for a fault that a second try would meet again."""
    return (
        suspect.rule.retryable is Retryable.NO
        and suspect.rule.failure_class is not FailureClass.UNKNOWN
        and suspect.score >= PLAUSIBLE
    )


def suspects_in(reading: LogReading, facts: JobFacts) -> list[Suspect]:
    """What speaks for a failure, in the order of the log, from the sections that failed."""
    sections = _sections_to_read(reading, facts)
    return [_weigh(hit, section, reading) for section in sections for hit in section.hits]


def _sections_to_read(reading: LogReading, facts: JobFacts) -> list[Section]:
    failed = reading.failed_sections
    if failed:
        named = [section for section in failed if section.title in facts.failed_steps]
        return named or failed
    if reading.finished and facts.conclusion is None:
        # The runner came to its own end of the job and marked no error: whatever was said, it passed.
        return []
    return [section for section in reading.sections if section.phase is not Phase.POST]


def _weigh(hit: Hit, section: Section, reading: LogReading) -> Suspect:
    score = hit.rule.confidence
    hedged = bool(_HEDGED.search(_ASKED_TO_WAIT.sub(b"", hit.text))) and not _GAVE_UP.search(hit.text)
    only_warned = hit.level in {"warning", "notice", "debug"} or bool(_WARNED.search(hit.text))
    if only_warned or (hedged and hit.rule.retryable is not Retryable.NO):
        score -= _DISCOUNT
    end = section.last_error or section.last_line or reading.last_line
    return Suspect(hit.line, hit.text, hit.rule, round(score, 2), near_end=end - hit.line <= _NEAR)


def lead(suspects: list[Suspect]) -> Suspect | None:
    """The cause: the first of the most convincing suspects; a real fault among them beats passing trouble.

    What the runner itself says of a time limit or a bad workflow is final.
    A test that names its own timeout explains the failed-test lines around it, and names them better.
    """
    if not suspects:
        return None
    best = max(suspect.score for suspect in suspects)
    pool = [suspect for suspect in suspects if suspect.score >= best - _TIE]
    flaky = [suspect for suspect in pool if suspect.rule.failure_class is FailureClass.FLAKY_TEST]
    final = [suspect for suspect in pool if suspect.rule.runner and suspect.rule.retryable is not Retryable.YES]
    if final:
        return final[0]
    real = [suspect for suspect in pool if is_real(suspect)]
    if flaky and all(suspect.rule.failure_class is FailureClass.TEST_FAILURE for suspect in real):
        return flaky[0]
    return (real or pool)[0]


def ranked(best: Suspect, suspects: list[Suspect]) -> tuple[Suspect, ...]:
    """The cause first, then the others from the most to the least convincing."""
    others = (suspect for suspect in suspects if suspect is not best)
    return (best, *sorted(others, key=lambda suspect: (-suspect.score, suspect.line)))

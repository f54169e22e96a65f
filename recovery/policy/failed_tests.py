"""Which tests failed, by name, and which of them there is evidence of that they come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from recovery.models.junit_report import JUnitReport
from recovery.models.verdict import FailureClass
from recovery.policy.ids_of_tests import plain_name, same_test, words_of
from recovery.policy.later_passes import TESTS_LIMIT, lines_of_passes
from recovery.policy.logs.patterns import compiled
from recovery.policy.redaction import redact
from recovery.policy.rules.model import Rule
from recovery.policy.sections import Hit

_EXAMINED = 300
"""Lines, and tests of a report, that are looked at; where more failed, it was no accident."""

PASSED_IN_LOG = "it failed and then passed in this log"
PASSED_IN_REPORT = "the test report says that it failed and then passed"
KNOWN = "it is on the list of tests that are known to be flaky"
MARKED = "it waited for something in vain"


@dataclass(frozen=True)
class FailedTest:
    """One test that failed; `flaky` says why it is taken for one that comes and goes, and is empty when it is not."""

    name: str
    line: int | None = None
    """The last line, from 1, on which the log says so; None when only a report does."""
    flaky: str = ""


@dataclass(frozen=True)
class FailedTests:
    """All tests of one job of which it is known that they failed, in the order in which the log names them."""

    tests: tuple[FailedTest, ...] = ()
    complete: bool = True
    """False when more may have failed than are named here."""

    @property
    def names(self) -> tuple[str, ...]:
        """What people may be shown: no secrets, and the first ones where there are many."""
        return tuple(redact(test.name) for test in self.tests[:TESTS_LIMIT])

    @property
    def all_flaky(self) -> bool:
        """Whether tests failed, and there is evidence of flakiness for every one of them."""
        return bool(self.tests) and self.complete and all(test.flaky for test in self.tests)


def flaky_evidence(
    hits: Sequence[Hit],
    content: bytes,
    first_line: int = 1,
    *,
    report: JUnitReport | None = None,
    known: Sequence[str] = (),
    complete: bool = True,
    stop: int | None = None,
) -> FailedTests:
    """Which tests failed, and which of them are flaky and why: each one needs evidence of its own.

    `hits` are those of the sections that failed, in order; `content` is the log they were found in, decoded, from
    `first_line` on, and read up to the byte `stop`, where the last of these sections ends. `complete` is False when
    hits were left out.
    """
    report = report or JUnitReport()
    found = _named_in(hits)
    tests = [*found, *_only_in_report(found, report)]
    failed = {test.name: test.line - first_line for test in found if test.line is not None}
    passes = lines_of_passes(content, failed, stop=stop)
    if passes and _nameless_after(max(passes.values()) + first_line, hits):
        passes = {}
    marked = _marked(found, hits)
    judged = (
        FailedTest(test.name, test.line, _why_flaky(test, report, known, passed=test.name in passes, marked=marked))
        for test in tests
    )
    few = len(report.failed) <= _EXAMINED and sum(hit.rule.names_tests for hit in hits) <= _EXAMINED
    return FailedTests(tuple(judged), few and (complete or report != JUnitReport()))


def is_known(name: str, known: Iterable[str]) -> bool:
    """Whether people know an id (or a fingerprint) to come and go; `*` stands for anything, all else for itself."""
    return any(name == each or ("*" in each and _glob(each).fullmatch(name) is not None) for each in known)


def _why_flaky(
    test: FailedTest, report: JUnitReport, known: Sequence[str], *, passed: bool, marked: frozenset[str]
) -> str:
    if is_known(test.name, known):
        return KNOWN
    if _is_among(test.name, report.failed):
        return ""  # the framework's own last word
    if passed:
        return PASSED_IN_LOG
    if _is_among(test.name, report.flaky):
        return PASSED_IN_REPORT
    return MARKED if test.name in marked else ""


def _named_in(hits: Iterable[Hit]) -> list[FailedTest]:
    """Every test that hits name, each once by its fullest name, with the last line that does."""
    tests: list[FailedTest] = []
    for hit in islice((hit for hit in hits if hit.rule.names_tests), _EXAMINED):
        if name := _name_in(hit):
            place = next((place for place, seen in enumerate(tests) if same_test(seen.name, name)), None)
            if place is None:
                tests.append(FailedTest(name, hit.line))
                continue
            fullest = max(tests[place].name, name, key=lambda each: len(words_of(each)))
            tests[place] = FailedTest(fullest, max(hit.line, tests[place].line or 0))
    # Of a suite, or of Go's outer tests, it is said that they failed because one inside them did.
    return [test for test in tests if not any(_is_inside(other.name, test.name) for other in tests)]


def _is_inside(name: str, outer: str) -> bool:
    around = words_of(outer)
    return around == words_of(name)[: len(around)] and around != words_of(name)


def _only_in_report(found: Sequence[FailedTest], report: JUnitReport) -> list[FailedTest]:
    in_log = [test.name for test in found]
    return [FailedTest(name) for name in report.failed[:_EXAMINED] if not _is_among(name, in_log)]


def _is_among(name: str, others: Sequence[str]) -> bool:
    return any(same_test(name, other) for other in others[:_EXAMINED])


def _marked(found: Sequence[FailedTest], hits: Sequence[Hit]) -> frozenset[str]:
    """The tests that a rule for flaky tests speaks of: the one it names, else the one that was named last."""
    marked: set[str] = set()
    last = found[0].name if len(found) == 1 else ""
    for hit in islice((hit for hit in hits if hit.rule.names_tests or _is_marker(hit)), _EXAMINED):
        last = _name_in(hit) or last
        if _is_marker(hit):
            marked.add(last)
    return frozenset(test.name for test in found if _is_among(test.name, [name for name in marked if name]))


def _is_marker(hit: Hit) -> bool:
    return hit.rule.failure_class is FailureClass.FLAKY_TEST


def _nameless_after(line: int, hits: Sequence[Hit]) -> bool:
    """Whether a test failed after `line` of which no name is known, so that it may be another one."""
    after = (hit for hit in hits if hit.line > line and hit.rule.failure_class is FailureClass.TEST_FAILURE)
    return any(not _name_in(hit) for hit in after)


def _name_in(hit: Hit) -> str:
    """The id that a line names, by the first pattern of its rule that finds one; empty when none does."""
    for pattern in _naming_patterns(hit.rule):
        if (match := pattern.search(hit.text)) is not None and (name := match.group(b"test")):
            return plain_name(name)
    return ""


@lru_cache(maxsize=256)
def _naming_patterns(rule: Rule) -> tuple[Any, ...]:
    patterns = map(compiled, rule.patterns if rule.names_tests else ())
    return tuple(pattern for pattern in patterns if b"test" in pattern.groupindex)


@lru_cache(maxsize=256)
def _glob(pattern: str) -> Any:
    return re2.compile(".*".join(str(re2.escape(part)) for part in pattern.split("*")))

"""Names the cause of a failed job with the lines that prove it; real faults come before passing noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from recovery.models.log import JobLog
from recovery.models.verdict import Evidence, Explanation, FailureClass, Finding, JobFacts, Retryable, Verdict
from recovery.policy.failed_tests import FailedTests, flaky_evidence
from recovery.policy.fingerprint import fingerprint
from recovery.policy.judging import Call, judge_tests, known_to_be_flaky
from recovery.policy.logs.baseline import Baseline
from recovery.policy.logs.excerpt import excerpt, printable, tail
from recovery.policy.logs.lines import start_of
from recovery.policy.redaction import redact
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.model import RuleSet
from recovery.policy.sections import LogReading, Section, read_sections
from recovery.policy.suspects import Suspect, sections_to_read, suspects_in

_OF_TESTS = frozenset({FailureClass.TEST_FAILURE, FailureClass.FLAKY_TEST})
_PASSED = frozenset({"success", "skipped", "neutral"})
_NO_FACTS = JobFacts()
_NO_TESTS = FailedTests()
_EVIDENCE_LIMIT = 5
_SAME_RULE_LIMIT = 2
_AS_TELLING = 0.25
_EXCERPTED = 12
"""How much less convincing than the cause a line may be that is shown with it, and how many such lines there are."""

_EXAMINED = 4096
"""Bytes of an evidence line that are looked at for secrets; far more than is shown."""

_TRANSIENT = frozenset(
    {
        FailureClass.INFRASTRUCTURE,
        FailureClass.NETWORK,
        FailureClass.RATE_LIMIT,
        FailureClass.REGISTRY_OR_DEPENDENCY,
        FailureClass.CACHE_OR_ARTIFACT,
        FailureClass.FLAKY_TEST,
        FailureClass.TIMEOUT,
    }
)
"""Classes of which a `maybe` is worth a second try by hand."""


def classify(
    log: JobLog | None,
    facts: JobFacts = _NO_FACTS,
    rules: RuleSet | None = None,
    *,
    baseline: JobLog | None = None,
) -> Verdict:
    """Say why a job failed.

    `log` None means that the log could not be read: then only structure speaks. `baseline` is the log of the same job
    when it passed last.
    """
    return _verdict(*_case_of(log, facts, rules, baseline))


def explain(
    log: JobLog | None,
    facts: JobFacts = _NO_FACTS,
    rules: RuleSet | None = None,
    *,
    baseline: JobLog | None = None,
) -> Explanation:
    """Say why a job failed, and all that was weighed for it; takes what `classify` takes."""
    call, case = _case_of(log, facts, rules, baseline)
    return Explanation(
        verdict=_verdict(call, case),
        findings=tuple(map(_finding, case.suspects)),
        winner=_finding(call.proof[0]) if call.proof else None,
        why=call.why,
    )


@dataclass(frozen=True)
class _Case:
    """What a verdict is written up from."""

    facts: JobFacts
    reading: LogReading | None = None
    sections: Sequence[Section] = ()
    suspects: Sequence[Suspect] = ()
    tests: FailedTests = _NO_TESTS
    green: Baseline | None = None


def _case_of(log: JobLog | None, facts: JobFacts, rules: RuleSet | None, baseline: JobLog | None) -> tuple[Call, _Case]:
    """The decision, and what it was made from."""
    if facts.conclusion in _PASSED:
        return Call(FailureClass.NO_FAILURE, Retryable.NO, 0.95, "the job did not fail"), _Case(facts)
    if log is None:
        return judge_tests(None, [], facts, _NO_TESTS), _Case(facts)
    rules = rules or builtin_rules()
    reading = read_sections(log, rules)
    sections = sections_to_read(reading, facts)
    green = None if baseline is None else Baseline(baseline)
    suspects = suspects_in(reading, sections, rules, green)
    tests = _tests_in(reading, sections, facts)
    return judge_tests(reading, suspects, facts, tests), _Case(facts, reading, sections, suspects, tests, green)


def _tests_in(reading: LogReading, sections: Sequence[Section], facts: JobFacts) -> FailedTests:
    """Which tests failed by the log and by their report, up to the end of the last step that failed."""
    end = max((section.end or reading.last_line for section in sections), default=reading.first_line - 1)
    return flaky_evidence(
        [hit for section in sections for hit in section.hits],
        reading.content,
        reading.first_line,
        report=facts.test_report,
        known=facts.known_flaky,
        complete=all(section.complete for section in sections),
        stop=start_of(reading.content, end - reading.first_line + 1, reading.landmarks),
    )


def _finding(suspect: Suspect) -> Finding:
    return Finding(
        line=suspect.line,
        text=_shown(suspect),
        rule=suspect.rule.id,
        failure_class=suspect.rule.failure_class,
        confidence=suspect.rule.confidence,
        score=suspect.score,
        notes=suspect.notes,
    )


def _verdict(call: Call, case: _Case) -> Verdict:
    facts = case.facts
    evidence = _evidence(call.proof)
    step = facts.failed_steps[0] if facts.failed_steps else facts.last_started_step or ""
    signature = fingerprint(call.failure_class, evidence[0].text if evidence else "", facts.job_name, step)
    if signature in facts.known_flaky and len(case.tests.tests) <= 1:
        call = known_to_be_flaky(call)
    retry = call.retryable is Retryable.YES or (call.retryable is Retryable.MAYBE and call.failure_class in _TRANSIENT)
    return Verdict(
        failure_class=call.failure_class,
        retryable=call.retryable,
        confidence=round(min(max(call.confidence, 0.0), 1.0), 2),
        evidence=evidence,
        excerpt=_excerpt(call, case),
        fingerprint=signature,
        reason=call.reason,
        strategy="retry" if retry else "none",
        failed_tests=case.tests.names if call.failure_class in _OF_TESTS else (),
    )


def _evidence(proof: tuple[Suspect, ...]) -> tuple[Evidence, ...]:
    """The best lines, each once, and not the same rule over and over."""
    chosen: dict[int, Evidence] = {}
    used: Counter[str] = Counter()
    for suspect in proof:
        if suspect.line in chosen or used[suspect.rule.id] == _SAME_RULE_LIMIT:
            continue
        used[suspect.rule.id] += 1
        chosen[suspect.line] = Evidence(line=suspect.line, text=_shown(suspect), rule=suspect.rule.id)
        if len(chosen) == _EVIDENCE_LIMIT:
            break
    return tuple(chosen.values())


def _shown(suspect: Suspect) -> str:
    return printable(redact(suspect.text[:_EXAMINED].decode(errors="replace")))


def _excerpt(call: Call, case: _Case) -> tuple[tuple[int, int], ...]:
    """What a person should read: what was said about as clearly as the cause, or else the end of what failed."""
    reading = case.reading
    if reading is None or call.failure_class is FailureClass.NO_FAILURE:
        return ()
    telling = [suspect for suspect in call.proof if not suspect.rule.tail]
    clear = (suspect.line for suspect in telling if suspect.score >= telling[0].score - _AS_TELLING)
    lines = list(dict.fromkeys(clear))[:_EXCERPTED]
    ranges = [(section.first_line, section.end or reading.last_line) for section in case.sections]
    if found := excerpt(reading.content, reading.first_line, lines, ranges, case.green, landmarks=reading.landmarks):
        return found
    return tail(max((last for _, last in ranges), default=reading.last_line), reading.first_line)

"""Names the cause of a failed job with the lines that prove it; real faults come before passing noise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from recovery.models.log import JobLog
from recovery.models.verdict import Evidence, FailureClass, JobFacts, Retryable, Verdict
from recovery.policy.excerpt import excerpt_around, printable, tail
from recovery.policy.fingerprint import fingerprint
from recovery.policy.log_sections import LogReading, read_sections
from recovery.policy.redaction import redact
from recovery.policy.rules.loader import builtin_rules
from recovery.policy.rules.model import CONVINCING, RuleSet
from recovery.policy.suspects import Suspect, is_real, lead, ranked, suspects_in

_PASSED = frozenset({"success", "skipped", "neutral"})
_EVIDENCE_LIMIT = 5
_AFTERMATH = 5
"""Lines after a trouble in which a tool still speaks of that same trouble."""

UNKNOWN_ERROR = "error-line"
"""The rule for lines that say `error` in words that belong to no known tool."""
_SAME_RULE_LIMIT = 2
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


@dataclass(frozen=True)
class _Call:
    """The decision, before it is written up: what was said, how sure, and which suspects prove it."""

    failure_class: FailureClass
    retryable: Retryable
    confidence: float
    reason: str
    proof: tuple[Suspect, ...] = ()


def classify(log: JobLog | None, facts: JobFacts = JobFacts(), rules: RuleSet | None = None) -> Verdict:  # noqa: B008
    """Say why a job failed. `log` None means that the log could not be read: then only structure speaks."""
    if facts.conclusion in _PASSED:
        return _verdict(_Call(FailureClass.NO_FAILURE, Retryable.NO, 0.95, "the job did not fail"), None, facts)
    reading = None if log is None else read_sections(log, rules or builtin_rules())
    suspects = [] if reading is None else suspects_in(reading, facts)
    return _verdict(_decide(reading, suspects, facts), reading, facts)


def _decide(reading: LogReading | None, suspects: list[Suspect], facts: JobFacts) -> _Call:
    """Let structure speak where it can, then the most convincing line, then admit not to know."""
    if facts.conclusion == "cancelled":
        return _cancelled(suspects)
    if facts.conclusion == "timed_out":
        return _timed_out(suspects)
    best = lead(suspects)
    if _lost_its_runner(facts) and not any(is_real(suspect) for suspect in suspects):
        return _runner_lost(suspects) if facts.last_started_step else _never_started(suspects)
    if best is None or best.rule.failure_class is FailureClass.UNKNOWN:
        return _unexplained(reading, suspects, facts)
    return _by_text(best, suspects)


def _cancelled(suspects: list[Suspect]) -> _Call:
    """A cancelled job was stopped by a person or a newer run, unless the runner's own words say otherwise."""
    best = lead(suspects)
    if best is not None and any(_proves_a_reason(suspect) for suspect in suspects):
        return _by_text(best, suspects)
    reason = "the job was cancelled, and nothing in its log shows a timeout or a lost runner"
    return _Call(FailureClass.UNKNOWN, Retryable.NO, 0.6, reason)


def _proves_a_reason(suspect: Suspect) -> bool:
    """Whether the runner itself says that time was up or the machine was lost."""
    stopped = suspect.rule.failure_class in {FailureClass.TIMEOUT, FailureClass.INFRASTRUCTURE}
    return stopped and suspect.rule.runner and suspect.score >= CONVINCING


def _timed_out(suspects: list[Suspect]) -> _Call:
    proof = tuple(suspect for suspect in suspects if suspect.rule.failure_class is FailureClass.TIMEOUT)
    return _Call(FailureClass.TIMEOUT, Retryable.MAYBE, 0.9, "GitHub stopped the job at its time limit", proof)


def _lost_its_runner(facts: JobFacts) -> bool:
    """A job that failed although none of its steps did has lost its runner."""
    return facts.steps_known and facts.conclusion == "failure" and not facts.failed_steps


def _runner_lost(suspects: list[Suspect]) -> _Call:
    proof = tuple(suspect for suspect in suspects if suspect.rule.runner)
    reason = "the job failed although none of its steps did: its runner was lost"
    return _Call(FailureClass.INFRASTRUCTURE, Retryable.YES, 0.85, reason, proof)


def _never_started(suspects: list[Suspect]) -> _Call:
    """No runner could be had, or none was allowed: a spending limit looks just like a shortage of machines."""
    proof = tuple(suspect for suspect in suspects if suspect.rule.runner)
    reason = "the job failed before any of its steps began: no runner took it, or none was allowed to"
    return _Call(FailureClass.INFRASTRUCTURE, Retryable.MAYBE, 0.7, reason, proof)


def _unexplained(reading: LogReading | None, suspects: list[Suspect], facts: JobFacts) -> _Call:
    """Nothing convinces: either nothing failed, or nobody can say what."""
    if reading is None:
        return _Call(FailureClass.UNKNOWN, Retryable.NO, 0.0, "the log could not be read")
    if facts.conclusion is None and not suspects and not reading.failed_sections:
        return _Call(FailureClass.NO_FAILURE, Retryable.NO, 0.8, "nothing in the log says that anything failed")
    reason = "the job failed, but no line of its log says why in words this program knows"
    return _Call(FailureClass.UNKNOWN, Retryable.NO, 0.3, reason, tuple(suspects))


def _by_text(best: Suspect, suspects: list[Suspect]) -> _Call:
    """Take the best suspect's word, and doubt a `yes` that anything speaks against."""
    retryable, confidence = best.rule.retryable, best.score
    rivals = {suspect.rule.failure_class for suspect in suspects if suspect.score >= best.score}
    if len(rivals) > 1:
        confidence -= 0.1  # two causes, equally convincing
    doubtful = (
        confidence < CONVINCING
        or any(is_real(suspect) for suspect in suspects)
        or not any(_may_have_ended_it(suspect, best) for suspect in suspects)
        or _something_else_followed(suspects, best)
    )
    if retryable is Retryable.YES and doubtful:
        retryable, confidence = Retryable.MAYBE, min(confidence, CONVINCING)
    return _Call(best.rule.failure_class, retryable, confidence, best.rule.reason, ranked(best, suspects))


def _may_have_ended_it(suspect: Suspect, best: Suspect) -> bool:
    """Trouble far from the step's end was most likely recovered from, unless the runner itself says so."""
    return suspect.rule.failure_class is best.rule.failure_class and (suspect.near_end or suspect.rule.runner)


def _something_else_followed(suspects: list[Suspect], best: Suspect) -> bool:
    """Whether an error that no rule knows comes after the trouble: that may be what really failed."""
    last = max(suspect.line for suspect in suspects if suspect.rule.failure_class is best.rule.failure_class)
    return any(suspect.rule.id == UNKNOWN_ERROR and suspect.line > last + _AFTERMATH for suspect in suspects)


def _verdict(call: _Call, reading: LogReading | None, facts: JobFacts) -> Verdict:
    evidence = _evidence(call.proof)
    retry = call.retryable is Retryable.YES or (call.retryable is Retryable.MAYBE and call.failure_class in _TRANSIENT)
    step = facts.failed_steps[0] if facts.failed_steps else facts.last_started_step or ""
    return Verdict(
        failure_class=call.failure_class,
        retryable=call.retryable,
        confidence=round(min(max(call.confidence, 0.0), 1.0), 2),
        evidence=evidence,
        excerpt=_excerpt(evidence, call.failure_class, reading),
        fingerprint=fingerprint(call.failure_class, evidence[0].text if evidence else "", facts.job_name, step),
        reason=call.reason,
        strategy="retry" if retry else "none",
    )


def _evidence(proof: tuple[Suspect, ...]) -> tuple[Evidence, ...]:
    """The best lines, each once, and not the same rule over and over."""
    chosen: dict[int, Evidence] = {}
    used: Counter[str] = Counter()
    for suspect in proof:
        if suspect.line in chosen or used[suspect.rule.id] == _SAME_RULE_LIMIT:
            continue
        used[suspect.rule.id] += 1
        text = printable(redact(suspect.text[:_EXAMINED].decode(errors="replace")))
        chosen[suspect.line] = Evidence(line=suspect.line, text=text, rule=suspect.rule.id)
        if len(chosen) == _EVIDENCE_LIMIT:
            break
    return tuple(chosen.values())


def _excerpt(
    evidence: tuple[Evidence, ...], failure_class: FailureClass, reading: LogReading | None
) -> tuple[tuple[int, int], ...]:
    if reading is None or failure_class is FailureClass.NO_FAILURE:
        return ()
    if evidence:
        return excerpt_around([item.line for item in evidence], reading.first_line, reading.last_line)
    ends = [section.last_error for section in reading.failed_sections if section.last_error]
    return tail(max(ends, default=reading.last_line), reading.first_line)

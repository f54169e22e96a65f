"""Decides which of the suspects was the cause, and whether the same commit may pass on a second try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recovery.models.verdict import FailureClass, JobFacts, Retryable
from recovery.policy.doubts import AROUND, Cause, doubts_about
from recovery.policy.failed_tests import FailedTests
from recovery.policy.logs.lines import lines_between
from recovery.policy.redaction import redact
from recovery.policy.rules.model import CONVINCING
from recovery.policy.sections import LogReading
from recovery.policy.step_titles import class_by_step
from recovery.policy.suspects import PLAUSIBLE, Suspect, is_real

_TIE = 0.15
"""Scores closer than this are equally convincing: then the first cause wins, not the louder echo."""

_AS_CLEAR = 0.04
"""Scores closer than this tell the same thing equally well: then the first line is named."""

_LOOKED_AT = 100
"""Lines, from a trouble on, of which each is asked whether it speaks of that same trouble."""

_CONFLICT = 0.1
"""How much less certain a class is where a line of another kind convinces as much."""

_MISSED = frozenset(
    {
        FailureClass.REGISTRY_OR_DEPENDENCY,
        FailureClass.CACHE_OR_ARTIFACT,
        FailureClass.CONFIGURATION,
        FailureClass.DEPLOYMENT,
        FailureClass.SCRIPT_ERROR,
        FailureClass.MERGE_CONFLICT_OR_GIT,
    }
)

_FOLLOWS = {
    FailureClass.NETWORK: _MISSED,
    FailureClass.RATE_LIMIT: _MISSED,
    FailureClass.INFRASTRUCTURE: _MISSED | {FailureClass.COMPILE_ERROR},
}
"""What trouble leads to: what could not be fetched is missing afterwards, and a killed compiler compiles nothing."""

_PASTED = 20
"""Lines up to which a log without the runner's words is taken for an excerpt that somebody chose."""

_SAID = 0.4
"""How convincing a line of such an excerpt must be to be what it was chosen for."""

_CLEAR = 0.75
"""How convincing a line must be that alone speaks for a failure ..."""

_NEAR_END = 60
"""... and within how many lines of the end. Both were chosen so that labelled logs of green jobs show no failure."""

_BY_STEP = 0.45
"""How sure a class is that only the step's name speaks for."""


@dataclass(frozen=True)
class Call:
    """The decision, before it is written up: what was said, how sure, which suspects prove it, and why these."""

    failure_class: FailureClass
    retryable: Retryable
    confidence: float
    reason: str
    proof: tuple[Suspect, ...] = ()
    why: str = "what GitHub says of the job decides, before any line of its log"


def judge(reading: LogReading | None, suspects: Sequence[Suspect], facts: JobFacts) -> Call:
    """Let structure speak where it can, then the most convincing line, then admit not to know."""
    suspects = _best_of_each_line(suspects)
    if facts.conclusion == "cancelled":
        return _cancelled(suspects, reading)
    if facts.conclusion == "timed_out":
        return _timed_out(suspects)
    best = _lead(suspects)
    if _lost_its_runner(facts, suspects) and not any(is_real(suspect) for suspect in suspects):
        return _runner_lost(suspects) if facts.last_started_step else _never_started(suspects)
    if reading is not None and _shows_no_failure(reading, suspects, facts):
        return _nothing_failed()
    if best is None or best.score < PLAUSIBLE or best.rule.failure_class is FailureClass.UNKNOWN:
        return _unexplained(reading, suspects, facts)
    return _by_text(best, suspects, reading)


def _best_of_each_line(suspects: Sequence[Suspect]) -> list[Suspect]:
    """The suspects without those whose own line another rule knows far better."""
    best: dict[int, float] = {}
    for suspect in suspects:
        best[suspect.line] = max(best.get(suspect.line, 0.0), suspect.score)
    return [suspect for suspect in suspects if suspect.score >= best[suspect.line] - _TIE]


def known_to_be_flaky(call: Call) -> Call:
    """A failed test that people know by its fingerprint comes and goes; no other failure is excused so."""
    if call.failure_class is not FailureClass.TEST_FAILURE:
        return call
    reason = "This failure is on the list of those that are known to be flaky."
    return replace(call, failure_class=FailureClass.FLAKY_TEST, retryable=Retryable.MAYBE, reason=reason)


def judge_tests(reading: LogReading | None, suspects: Sequence[Suspect], facts: JobFacts, tests: FailedTests) -> Call:
    """As `judge`, with what is known of each failed test: flaky are they only with evidence, every one of them."""
    call = judge(reading, suspects, facts)
    others = any(
        is_real(suspect) for suspect in suspects if suspect.rule.failure_class is not FailureClass.TEST_FAILURE
    )
    if tests.all_flaky and not others and call.failure_class is FailureClass.TEST_FAILURE:
        first = tests.tests[0]
        reason = f"Every test that failed is flaky: of {redact(first.name)}, {first.flaky}."
        return replace(call, failure_class=FailureClass.FLAKY_TEST, retryable=Retryable.MAYBE, reason=reason)
    if tests.tests and not tests.all_flaky and call.failure_class is FailureClass.FLAKY_TEST:
        steady = [suspect for suspect in suspects if suspect.rule.failure_class is not FailureClass.FLAKY_TEST]
        return judge(reading, steady, facts)
    return call


def _lead(suspects: Sequence[Suspect]) -> Suspect | None:
    """The cause: the first of the most convincing suspects; a real fault among them beats passing trouble.

    What the runner itself says of a time limit or a bad workflow is final.
    A test that names its own timeout explains the failed-test lines around it, and names them better.
    """
    if not suspects:
        return None
    best = max(suspect.score for suspect in suspects)
    pool = [suspect for suspect in suspects if suspect.score >= best - _TIE]
    first = pool[0]
    flaky = [suspect for suspect in pool if suspect.rule.failure_class is FailureClass.FLAKY_TEST]
    final = [suspect for suspect in pool if suspect.rule.runner and suspect.rule.retryable is not Retryable.YES]
    if final:
        return final[0]
    real = [suspect for suspect in pool if is_real(suspect)]
    follows = _FOLLOWS.get(first.rule.failure_class, frozenset())
    if follows and all(suspect.rule.failure_class in follows for suspect in real):
        return first
    if flaky and all(suspect.rule.failure_class is FailureClass.TEST_FAILURE for suspect in real):
        return flaky[0]
    return (real or pool)[0]


def _cancelled(suspects: Sequence[Suspect], reading: LogReading | None) -> Call:
    """A cancelled job was stopped by a person or a newer run, unless the runner's own words say otherwise."""
    best = _lead(suspects)
    if best is not None and any(_proves_a_reason(suspect) for suspect in suspects):
        return _by_text(best, suspects, reading)
    reason = "the job was cancelled, and nothing in its log shows a timeout or a lost runner"
    return Call(FailureClass.UNKNOWN, Retryable.NO, 0.6, reason)


def _proves_a_reason(suspect: Suspect) -> bool:
    """Whether the runner itself says that time was up or the machine was lost."""
    stopped = suspect.rule.failure_class in {FailureClass.TIMEOUT, FailureClass.INFRASTRUCTURE}
    return stopped and suspect.rule.runner and suspect.level == "error" and suspect.score >= CONVINCING


def _timed_out(suspects: Sequence[Suspect]) -> Call:
    proof = tuple(suspect for suspect in suspects if suspect.rule.failure_class is FailureClass.TIMEOUT)
    return Call(FailureClass.TIMEOUT, Retryable.MAYBE, 0.9, "GitHub stopped the job at its time limit", proof)


def _lost_its_runner(facts: JobFacts, suspects: Sequence[Suspect]) -> bool:
    """A job that failed although none of its steps did has lost its runner, unless the runner saw a command fail."""
    saw_a_failure = any(suspect.rule.tail and suspect.level == "error" for suspect in suspects)
    return facts.steps_known and facts.conclusion == "failure" and not facts.failed_steps and not saw_a_failure


def _runner_lost(suspects: Sequence[Suspect]) -> Call:
    """A machine that ran out of memory or of room is lost just like one that was taken away: then people are asked."""
    proof = tuple(suspect for suspect in suspects if suspect.rule.runner)
    known = any(suspect.rule.retryable is Retryable.MAYBE for suspect in suspects)
    reason = "the job failed although none of its steps did: its runner was lost"
    return Call(FailureClass.INFRASTRUCTURE, Retryable.MAYBE if known else Retryable.YES, 0.85, reason, proof)


def _never_started(suspects: Sequence[Suspect]) -> Call:
    """No runner could be had, or none was allowed: a spending limit looks just like a shortage of machines."""
    proof = tuple(suspect for suspect in suspects if suspect.rule.runner)
    reason = "the job failed before any of its steps began: no runner took it, or none was allowed to"
    return Call(FailureClass.INFRASTRUCTURE, Retryable.MAYBE, 0.7, reason, proof)


def _unexplained(reading: LogReading | None, suspects: Sequence[Suspect], facts: JobFacts) -> Call:
    """Nothing convinces: nothing failed, or the step's name says what kind of work broke, or nobody can say."""
    if reading is None:
        return Call(FailureClass.UNKNOWN, Retryable.NO, 0.0, "the log could not be read")
    proof = _likeliest(suspects)
    titles = [*facts.failed_steps, *(section.title for section in reading.failed_sections)]
    if (by_step := class_by_step(titles)) is not None:
        reason = "no line of the log says why in words this program knows; the failed step's name tells what it did"
        return Call(by_step, Retryable.NO, _BY_STEP, reason, proof, why=reason)
    reason = "the job failed, but no line of its log says why in words this program knows"
    return Call(FailureClass.UNKNOWN, Retryable.NO, 0.1, reason, proof, why=reason)


def _shows_no_failure(reading: LogReading, suspects: Sequence[Suspect], facts: JobFacts) -> bool:
    """Whether a log of which nobody says that its job failed gives no reason to think so, whatever words it holds."""
    if facts.conclusion is not None or reading.failed_sections:
        return False
    if any(suspect.rule.tail for suspect in suspects):
        return False
    if reading.last_line - reading.first_line < _PASTED:
        return not any(suspect.score >= _SAID for suspect in suspects)
    return not any(suspect.score >= _CLEAR and suspect.lines_left <= _NEAR_END for suspect in suspects)


def _nothing_failed() -> Call:
    reason = "nothing in the log says that anything failed"
    why = "no line says in words of the runner, or of a known tool at the log's end, that anything failed"
    return Call(FailureClass.NO_FAILURE, Retryable.NO, 0.7, reason, why=why)


def _likeliest(suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """Lines in words of no known tool, the first of the clearest ones before the others."""
    if not suspects:
        return ()
    best = max(suspect.score for suspect in suspects)
    first = next(suspect for suspect in suspects if suspect.score >= best - _AS_CLEAR)
    return _ranked(first, suspects)


def _clearest(cause: Suspect, suspects: Sequence[Suspect]) -> Suspect:
    """The first of the lines that tell best of the same kind of trouble: headings say less than messages."""
    alike = [suspect for suspect in suspects if suspect.rule.failure_class is cause.rule.failure_class]
    clear = max(suspect.score for suspect in alike) - _AS_CLEAR
    return next(suspect for suspect in alike if suspect.score >= clear)


def _by_text(cause: Suspect, suspects: Sequence[Suspect], reading: LogReading | None) -> Call:
    """Take the cause's word, and ask people where anything speaks against a second try."""
    best = _clearest(cause, suspects)
    retryable, confidence = best.rule.retryable, best.score
    rivals = {suspect.rule.failure_class for suspect in suspects if suspect.score >= best.score}
    if len(rivals) > 1:
        confidence = max(confidence - _CONFLICT, PLAUSIBLE)
    why = f"it is the first of the most convincing lines ({best.score:.2f})"
    if retryable is Retryable.YES and (doubts := doubts_about(_surrounded(best, confidence, suspects, reading))):
        retryable, confidence = Retryable.MAYBE, min(confidence, CONVINCING)
        why += f"; people are asked, because {', and '.join(doubts)}"
    return Call(best.rule.failure_class, retryable, confidence, best.rule.reason, _ranked(best, suspects), why)


def _surrounded(best: Suspect, confidence: float, suspects: Sequence[Suspect], reading: LogReading | None) -> Cause:
    """The cause with the lines that stand around it and after it, up to the end of its step."""
    cause = Cause(best, confidence, suspects)
    if reading is None:
        return cause
    places = [suspect.line - reading.first_line for suspect in cause.alike]
    first, last = min(places), max(places)
    end = last + max(suspect.lines_left for suspect in cause.alike if suspect.line - reading.first_line == last)
    after = lines_between(reading.content, last + 1, min(end, last + _LOOKED_AT), reading.landmarks)
    before = lines_between(reading.content, max(first - AROUND, 0), min(last, first + _LOOKED_AT), reading.landmarks)
    return replace(cause, around=(*before, *after[:AROUND]), after=after)


def _ranked(best: Suspect, suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """The cause first, then the others from the most to the least convincing."""
    others = (suspect for suspect in suspects if suspect is not best and suspect.score > 0)
    return (best, *sorted(others, key=lambda suspect: (-suspect.score, suspect.line)))

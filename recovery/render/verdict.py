"""A cause for a person at a terminal: what it is, how sure that is, and the lines that prove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.models.records import PipelineFailure
from recovery.models.verdict import Evidence, FailureClass, Retryable, Verdict
from recovery.render import plain
from recovery.render.lines import Line, Style

_STYLE: dict[Retryable, Style] = {Retryable.YES: "good", Retryable.MAYBE: "info", Retryable.NO: "bad"}
_ADVICE = {
    Retryable.YES: "a second try should pass",
    Retryable.MAYBE: "a second try might pass",
    Retryable.NO: "a second try would fail again",
}


def verdict_lines(source: str, verdict: Verdict) -> tuple[Line, ...]:
    """The verdict on one log file."""
    return tuple(_cause(source, verdict.failure_class, verdict.retryable, verdict.confidence, verdict.reason)) + tuple(
        _proof(verdict.evidence)
    )


def failure_lines(failure: PipelineFailure) -> tuple[Line, ...]:
    """One failed job and its cause."""
    step = f" in step {failure.step}" if failure.step else ""
    lines = _cause(
        f"{failure.job_name}{step}", failure.failure_class, failure.retryable, failure.confidence, failure.reason
    )
    aside = [f"failed because `{failure.consequence_of}` did"] if failure.consequence_of else []
    aside += [f"its log could not be read: {failure.log_problem}"] if failure.log_problem else []
    return (*lines, *_proof(failure.evidence), *(Line("info", f"    {plain.line(text)}") for text in aside))


def _cause(
    source: str, failure_class: FailureClass, retryable: Retryable, confidence: float, reason: str
) -> Iterator[Line]:
    cause = failure_class.value.replace("_", " ")
    if failure_class is FailureClass.NO_FAILURE:
        yield Line("good", f"{plain.line(source)}: no sign of a failure found")
        return
    yield Line(_STYLE[retryable], f"{plain.line(source)}: {cause} ({confidence:.0%} sure), {_ADVICE[retryable]}")
    if reason:
        yield Line("info", f"    {plain.line(reason)}")


def _proof(evidence: Sequence[Evidence]) -> Iterator[Line]:
    for item in evidence:
        yield Line("quote", f"    {item.line:>6} | {plain.preformatted(item.text)}   [{item.rule}]")

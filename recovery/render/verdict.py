"""A cause for a person at a terminal: what it is, how sure that is, what would be done, and the lines that prove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from recovery.models.verdict import Evidence, FailureClass, Retryable, Verdict
from recovery.render import plain
from recovery.render.lines import Line, Style

if TYPE_CHECKING:  # classifying starts without pydantic
    from recovery.models.records import PipelineFailure

TESTS_SHOWN = 10
"""Failed tests that are named; of the others only the number is told."""

_STYLE: dict[Retryable, Style] = {Retryable.YES: "good", Retryable.MAYBE: "info", Retryable.NO: "bad"}
_ADVICE = {
    Retryable.YES: "a second try should pass",
    Retryable.MAYBE: "a second try might pass",
    Retryable.NO: "a second try would fail again",
}
_DEED = {
    Retryable.YES: "The failed jobs would be re-run, once: nothing shows a fault that would come again.",
    Retryable.MAYBE: "It would be left to people: a re-run is only suggested, for nothing proves that it would pass.",
    Retryable.NO: "It would be left to people: the same commit would most likely fail in the same way.",
}
_NOTHING_TO_SUGGEST = "It would be left to people: a re-run might pass, but would hide what is wrong."
_NOT_UNDERSTOOD = "It would be left to people: what is not understood is never re-run."


def verdict_lines(source: str, verdict: Verdict, log: Mapping[int, str] | None = None) -> tuple[Line, ...]:
    """The verdict on one log file. `log` has what is shown of it by line number, without secrets."""
    cause = tuple(_cause(source, verdict.failure_class, verdict.retryable, verdict.confidence, verdict.reason))
    if verdict.failure_class is FailureClass.NO_FAILURE:
        return cause
    return (
        *cause,
        Line("info", f"    {_deed(verdict)}"),
        *_failed_tests(verdict.failed_tests),
        *(_excerpt(verdict.evidence, log) if log else _proof(verdict.evidence)),
    )


def failure_lines(failure: PipelineFailure) -> tuple[Line, ...]:
    """One failed job and its cause."""
    from recovery.models.records import MOST_FAILED_TESTS

    step = f" in step {failure.step}" if failure.step else ""
    lines = _cause(
        f"{failure.job_name}{step}", failure.failure_class, failure.retryable, failure.confidence, failure.reason
    )
    aside = [f"failed because `{failure.consequence_of}` did"] if failure.consequence_of else []
    aside += [f"its log could not be read: {failure.log_problem}"] if failure.log_problem else []
    return (
        *lines,
        *_failed_tests(failure.failed_tests, cut=len(failure.failed_tests) >= MOST_FAILED_TESTS),
        *_proof(failure.evidence),
        *(Line("info", f"    {plain.line(text)}") for text in [*aside, *failure.notes]),
    )


def _cause(
    source: str, failure_class: FailureClass, retryable: Retryable, confidence: float, reason: str
) -> Iterator[Line]:
    cause = failure_class.value.replace("_", " ")
    if failure_class is FailureClass.NO_FAILURE:
        yield Line("good", f"{plain.line(source)}: no sign of a failure found")
        return
    if failure_class is FailureClass.UNKNOWN:
        yield Line("bad", f"{plain.line(source)}: unknown cause, nothing tells whether a second try would pass")
    else:
        yield Line(_STYLE[retryable], f"{plain.line(source)}: {cause} ({confidence:.0%} sure), {_ADVICE[retryable]}")
    if reason:
        yield Line("info", f"    {plain.line(reason)}")


def _deed(verdict: Verdict) -> str:
    """What recovery would do about it, were this the log of a run's only failed job."""
    if verdict.failure_class is FailureClass.UNKNOWN:
        return _NOT_UNDERSTOOD
    if verdict.retryable is Retryable.MAYBE and verdict.strategy == "none":
        return _NOTHING_TO_SUGGEST
    return _DEED[verdict.retryable]


def _failed_tests(names: Sequence[str], *, cut: bool = False) -> Iterator[Line]:
    if not names:
        return
    yield Line("info", "    Failed tests:")
    yield from (Line("info", f"      {plain.line(name)}") for name in names[:TESTS_SHOWN])
    if len(names) > TESTS_SHOWN:
        yield Line("info", f"      and {'at least ' if cut else ''}{len(names) - TESTS_SHOWN} more")


def _proof(evidence: Sequence[Evidence]) -> Iterator[Line]:
    """The lines that prove it, best first."""
    for item in evidence:
        yield Line("quote", f"    {item.line:>6} | {plain.preformatted(item.text)}   [{item.rule}]")


def _excerpt(evidence: Sequence[Evidence], log: Mapping[int, str]) -> Iterator[Line]:
    """The lines that a person should read, in their order, those that prove it marked."""
    proof = {item.line: item for item in evidence}
    numbers = sorted({*log, *proof})
    width = max(6, len(str(numbers[-1])))
    for before, number in zip([None, *numbers], numbers, strict=False):
        if before is not None and number != before + 1:
            yield Line("faint", f"    {'...':>{width}}")
        if number not in proof:
            yield Line("faint", f"    {number:>{width}} | {plain.preformatted(log[number])}".rstrip())
            continue
        text = plain.preformatted(log.get(number, proof[number].text))
        yield Line("quote", f"  > {number:>{width}} | {text}   [{proof[number].rule}]")

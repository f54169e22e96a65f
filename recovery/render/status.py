"""One recovery for a person: what was decided, why, what was done and what it achieved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recovery.models.records import PipelineFailure, RecoveryState, RecoveryStatus
from recovery.render import plain
from recovery.render.lines import Line, Style, table
from recovery.render.rolled_back_status import rollback_lines
from recovery.render.words import moment, verdict

_EVIDENCE = 3
_ENDS: dict[RecoveryStatus, tuple[Style, str]] = {
    RecoveryStatus.PENDING: ("info", "waiting: the plan is written, nothing has been done yet"),
    RecoveryStatus.IN_PROGRESS: ("info", "in progress: what it achieves is not known yet"),
    RecoveryStatus.COMPLETED: ("good", "completed: what had failed passed"),
    RecoveryStatus.FAILED: ("bad", "failed: it did not make the run pass"),
    RecoveryStatus.TIMED_OUT: ("bad", "timed out"),
    RecoveryStatus.DECLINED: ("info", "declined: the run is left to people"),
}
_ENDS_OF_A_ROLLBACK: dict[RecoveryStatus, tuple[Style, str]] = _ENDS | {
    RecoveryStatus.IN_PROGRESS: ("info", "in progress: it is being rolled back"),
    RecoveryStatus.COMPLETED: ("good", "completed: rolled back"),
    RecoveryStatus.FAILED: ("bad", "failed: not rolled back, or not to its end"),
    RecoveryStatus.DECLINED: ("info", "declined: nothing was rolled back"),
}
_STEP_STYLES: dict[object, Style] = {"failed": "bad", "completed": "good"}


def status_lines(state: RecoveryState, failures: Sequence[PipelineFailure] = ()) -> tuple[Line, ...]:
    """A recovery from its heading to its end; `failures` are those that it is about."""
    causes = [failure for failure in failures if failure.kind != "manual"]
    return (
        *_heading(state),
        *_causes(causes),
        *_reasons(state),
        *rollback_lines(state),
        *_steps(state),
        *_end(state),
    )


def _heading(state: RecoveryState) -> Iterator[Line]:
    context = state.recovery_context
    yield Line("time", f"Recovery {plain.line(state.id)}")
    rows = [("repository", state.repository)]
    if "run_id" in context:
        rows.append(("run", f"{context.get('workflow_name')} {context['run_id']}, attempt {context.get('attempt')}"))
    rows += [("link", str(context["run_url"]))] if context.get("run_url") else []
    rows += [("failure", state.failure_id), ("type", state.recovery_type.value)]
    rows += [("started", moment(state.started_at))]
    rows += [("due at (UTC)", _time(context["due_at"]))] if context.get("due_at") else []
    yield from (Line("info", text) for text in table(rows))


def _causes(failures: Sequence[PipelineFailure]) -> Iterator[Line]:
    if not failures:
        return
    yield Line("time", "What failed")
    for failure in failures:
        step = f", step {failure.step}" if failure.step else ""
        cause = verdict(failure.failure_class, failure.confidence)
        consequence = f"because {failure.consequence_of} did" if failure.consequence_of else cause
        yield Line("bad", f"  {plain.line(f'{failure.job_name}{step}: {consequence}')}")
        for item in failure.evidence[:_EVIDENCE]:
            yield Line("quote", f"    line {item.line} │ {plain.preformatted(item.text)}")


def _reasons(state: RecoveryState) -> Iterator[Line]:
    context = state.recovery_context
    if "decision" not in context:
        return
    yield Line("time", f"Decision: {plain.line(str(context['decision']))}")
    for reason in context.get("reasons") or ():
        yield Line("info", f"  {_reason(reason)}")
    for reason in context.get("overridden") or ():
        yield Line("info", f"  set aside, because a person asked: {_reason(reason)}")


def _reason(reason: Mapping[str, Any]) -> str:
    return plain.line(f"{reason.get('text', '')} ({reason.get('id', '')})")


def _steps(state: RecoveryState) -> Iterator[Line]:
    if not state.progress_steps:
        return
    told = [step for step in state.progress_steps if not _is_answered(step, state)]
    yield Line("time", "Steps (times in UTC)")
    rows = [
        (_time(step.get("at")), *(str(step.get(name) or "") for name in ("step", "status")), _detail(step))
        for step in told
    ]
    for step, text in zip(told, table(rows), strict=True):
        yield Line(_STEP_STYLES.get(step.get("status"), "info"), text)


def _detail(step: Mapping[str, Any]) -> str:
    """What a step says of itself; a recovery that waits no longer has nothing to say."""
    return str(step.get("detail") or ("for nothing any more" if step.get("step") == "wait" else ""))


def _is_answered(step: Mapping[str, Any], state: RecoveryState) -> bool:
    """Whether a step is a request whose answer is told, too, and says all of it."""
    effect = str(step.get("step")).removeprefix("request ")
    return effect != step.get("step") and any(other.get("step") == effect for other in state.progress_steps)


def _time(written: object) -> str:
    """A time as it stands in the record, to the second and without its zone, which is UTC."""
    return str(written or "")[:19].replace("T", " ")


def _end(state: RecoveryState) -> Iterator[Line]:
    ends = _ENDS_OF_A_ROLLBACK if "rollback" in state.recovery_context else _ENDS
    style, sentence = ends[state.status]
    yield Line("time", "Outcome")
    outcome, attempt = state.metadata.get("outcome"), state.metadata.get("settled_attempt")
    measured = f" ({outcome}" + (f", measured on attempt {attempt})" if attempt else ")") if outcome else ""
    ended = f", {moment(state.completed_at)}" if state.completed_at else ""
    yield Line(style, f"  {plain.line(f'{sentence}{measured}{ended}')}")
    if state.metadata.get("detail"):
        yield Line("info", f"  {plain.line(str(state.metadata['detail']))}")

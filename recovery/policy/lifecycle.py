"""What a recovery's events add up to: a pure fold, so that any order and any duplicates give the same row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, assert_never

from recovery.models.decision import DecisionKind, JobCheckpoint, ReasonId, RecoveryPlan
from recovery.models.events import (
    EffectAnswered,
    EffectRequested,
    HoldReleased,
    NoteTaken,
    RecoveryDecided,
    RecoveryEvent,
    RecoverySettled,
    header_of,
)
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus, RecoveryType
from recovery.models.rollback import DRIFT, RollbackOrder

OPEN = frozenset({RecoveryStatus.PENDING, RecoveryStatus.IN_PROGRESS})
"""Statuses of a recovery whose end is not known yet."""

WAIT = "wait"
"""The step of a note that tells what a recovery waits for; one without detail, that it waits for nothing any more."""


def project(events: Iterable[RecoveryEvent]) -> RecoveryState:
    """Fold all events of one recovery, in whatever order they come, into its state.

    Where two recovery runs worked on the same attempt without knowing each other, what happened outweighs what did
    not: a settled outcome over an accepted effect, that over a plan, that over a refusal, that over declining.
    """
    ordered = sorted({event.id: event for event in events}.values(), key=lambda event: (event.at, event.id))
    header = min(
        (header_of(event) for event in ordered),
        key=lambda header: (header.started_at, header.model_dump_json()),
    )
    decided = _deciding(ordered)
    settled = _settlement(ordered)
    status = _status(ordered, decided, settled)
    return RecoveryState(
        id=header.id,
        failure_id=header.failure_id,
        repository=header.repository,
        recovery_type=decided.plan.header.recovery_type if decided else header.recovery_type,
        status=status,
        target_checkpoint_id=_target(decided),
        recovery_plan=list(decided.plan.steps) if decided else [],
        started_at=header.started_at,
        completed_at=None if status in OPEN else _completed_at(ordered, settled),
        progress_steps=[_progress(event) for event in _told(ordered)],
        recovery_context=_context(header.run_id, header.attempt, header.workflow_name, decided),
        rollback_checkpoint_id=order.rollback_checkpoint_id if (order := _order(decided)) else None,
        corruption_detected=_is_corruption_known(decided),
        validation_results=_validation(decided),
        metadata=_measured(ordered, settled),
    )


def plan_of(events: Iterable[RecoveryEvent]) -> RecoveryPlan | None:
    """The plan that counts among all events of one recovery, as it was written ahead; None when none is known."""
    decided = _deciding(sorted(events, key=lambda event: (event.at, event.id)))
    return decided.plan if decided else None


MOST_TRIES = 2
"""Recoveries of one attempt that may come to nothing before it is left to people: GitHub's attempts do not grow then,
so that `max-attempts` would never end it."""

_MAY_PASS = frozenset({ReasonId.RUN_ACTIVE, ReasonId.LOG_UNREADABLE, ReasonId.REQUESTED})


def was_put_off(state: RecoveryState) -> bool:
    """Whether all that was decided is to look again, because the run had not completed; people ask for rollbacks."""
    is_rollback = "rollback" in state.recovery_context
    return state.status is RecoveryStatus.DECLINED and ReasonId.RUN_ACTIVE in _reason_ids(state) and not is_rollback


def may_be_decided_anew(known: Iterable[RecoveryState]) -> bool:
    """Whether nothing final is on record about an attempt, whose recoveries these are."""
    states = tuple(known)
    return all(_is_provisional(state) for state in states) and len(_fruitless(states)) < MOST_TRIES


def _is_provisional(state: RecoveryState) -> bool:
    """Whether a recovery was put off, missed its log, or came to no re-run."""
    if state.status is RecoveryStatus.DECLINED:
        reasons = set(_reason_ids(state))
        return reasons <= _MAY_PASS and reasons != {ReasonId.REQUESTED}
    return state in _fruitless([state])


def _fruitless(states: Iterable[RecoveryState]) -> list[RecoveryState]:
    """Recoveries that were withdrawn before anything was requested, or whose request came to nothing."""
    return [
        state
        for state in states
        if state.status is RecoveryStatus.FAILED
        and not state.metadata.get("accepted")
        and (
            state.metadata.get("outcome") == Outcome.NOT_RERUN
            or (state.metadata.get("outcome") is None and not state.metadata.get("requested_at"))
        )
    ]


def _reason_ids(state: RecoveryState) -> list[str]:
    return [str(reason["id"]) for reason in state.recovery_context.get("reasons", [])]


def _told(ordered: list[RecoveryEvent]) -> Iterator[RecoveryEvent]:
    """What happened, without repeats: a plan is written into the store and into its own file, but decided once."""
    plans: set[RecoveryPlan] = set()
    for event in ordered:
        if isinstance(event, RecoveryDecided):
            if event.plan in plans:
                continue
            plans.add(event.plan)
        yield event


def _settlement(ordered: list[RecoveryEvent]) -> RecoverySettled | None:
    """The settlement that says most: a known outcome over an unknown one, then the latest.

    Whoever settled that nothing came of it, and was wrong, because it was accepted after that, has settled nothing.
    """
    accepted_at = [event.at for event in ordered if isinstance(event, EffectAnswered) and event.accepted]
    settled = [
        event
        for event in ordered
        if isinstance(event, RecoverySettled)
        and not (event.outcome is Outcome.NOT_RERUN and accepted_at and event.at < accepted_at[-1])
    ]
    known = [event for event in settled if event.outcome is not Outcome.UNKNOWN]
    return next(reversed(known or settled), None)


def _deciding(ordered: list[RecoveryEvent]) -> RecoveryDecided | None:
    """The decision that counts: one to act over one to leave it, then the earliest."""
    decisions = [event for event in ordered if isinstance(event, RecoveryDecided)]
    acting = [event for event in decisions if event.plan.decision.kind is DecisionKind.ACT]
    return next(iter(acting or decisions), None)


def _status(
    ordered: list[RecoveryEvent], decided: RecoveryDecided | None, settled: RecoverySettled | None
) -> RecoveryStatus:
    if settled is not None:
        return RecoveryStatus.COMPLETED if settled.outcome is Outcome.CLEARED else RecoveryStatus.FAILED
    answers = [event.accepted for event in ordered if isinstance(event, EffectAnswered)]
    if any(answers):
        return RecoveryStatus.IN_PROGRESS
    if answers:
        return RecoveryStatus.FAILED
    if any(isinstance(event, EffectRequested) for event in ordered):
        return RecoveryStatus.IN_PROGRESS
    if decided is not None and decided.plan.decision.kind is not DecisionKind.ACT:
        return RecoveryStatus.DECLINED
    return RecoveryStatus.PENDING


def _completed_at(ordered: list[RecoveryEvent], settled: RecoverySettled | None) -> datetime:
    return settled.at if settled else ordered[-1].at


def _checkpoints(decided: RecoveryDecided | None) -> tuple[JobCheckpoint, ...]:
    return decided.plan.checkpoints if decided else ()


def _order(decided: RecoveryDecided | None) -> RollbackOrder | None:
    return decided.plan.rollback if decided else None


def _is_corruption_known(decided: RecoveryDecided | None) -> bool:
    """Whether what is kept was found damaged, or made in an environment that is not the one of now."""
    if decided is not None and decided.plan.damage:
        return True
    order = _order(decided)
    rejected = order.rejected if order else ()
    drifted = any(reason.id in DRIFT for each in rejected for reason in each.reasons)
    return drifted or any(found.corrupt for found in _checkpoints(decided)) or any(each.corrupt for each in rejected)


def _target(decided: RecoveryDecided | None) -> str | None:
    """What a rollback goes back to; or what the lead failure's job continues from, else the first of the others."""
    if (order := _order(decided)) is not None:
        return order.target_checkpoint_id
    if decided is None or decided.plan.header.recovery_type is not RecoveryType.RESUME:
        return None
    return next((checkpoint.checkpoint_id for checkpoint in decided.plan.checkpoints), None)


def _validation(decided: RecoveryDecided | None) -> dict[str, Any]:
    """What was found out about the checkpoints from outside; nothing where there are none."""
    if (order := _order(decided)) is not None:
        return _validation_of_targets(order)
    found = _checkpoints(decided)
    if not found:
        return {}
    return {
        "is_valid": all(checkpoint.is_valid for checkpoint in found),
        "errors": [f"{checkpoint.job_name}: {error}" for checkpoint in found for error in checkpoint.errors],
        "checkpoints": {checkpoint.job_name: checkpoint.checkpoint_id for checkpoint in found},
    }


def _validation_of_targets(order: RollbackOrder) -> dict[str, Any]:
    """Whether a target was found, what was set aside for it, and all that was rejected before it."""
    told = order.model_dump(mode="json", include={"forced", "rejected"})
    errors = [
        f"{rejected.checkpoint_id}: {reason.id}: {reason.text}"
        for rejected in order.rejected
        for reason in rejected.reasons
    ]
    is_valid = order.target_checkpoint_id is not None
    return {"is_valid": is_valid, "errors": [] if is_valid else errors} | told


_TOLD_OF_A_ROLLBACK = (
    "kind",
    "workflow_name",
    "environment",
    "bad_sha",
    "bad_run_id",
    "target_sha",
    "target_run_id",
    "tag",
    "hold_until",
    "reason",
    "automatic",
    "returns_from",
)


def _context(run_id: int, attempt: int, workflow_name: str, decided: RecoveryDecided | None) -> dict[str, Any]:
    context: dict[str, Any] = {"run_id": run_id, "attempt": attempt, "workflow_name": workflow_name}
    if decided is not None:
        plan = decided.plan.model_dump(mode="json")
        context |= {
            "decision": plan["decision"]["kind"],
            "reasons": plan["decision"]["reasons"],
            "overridden": plan["decision"]["overridden"],
            "failure_ids": plan["header"]["failure_ids"],
            "failed_jobs": plan["failed_jobs"],
            "due_at": plan["due_at"],
            "pull_request": plan["pull_request"],
            "run_url": plan["run_url"],
        }
        if plan["rollback"] is not None:
            context["rollback"] = {name: plan["rollback"][name] for name in _TOLD_OF_A_ROLLBACK}
    return context


def _measured(ordered: list[RecoveryEvent], settled: RecoverySettled | None) -> dict[str, Any]:
    requests = [event.at for event in ordered if isinstance(event, EffectRequested)]
    answers = [event for event in ordered if isinstance(event, EffectAnswered)]
    accepted = [answer for answer in answers if answer.accepted]
    measured: dict[str, Any] = {"accepted": bool(accepted)}
    if requests:
        measured["requested_at"] = max(requests).isoformat()
    if answers:
        measured["detail"] = (accepted or answers)[-1].detail
    if reference := next((answer.reference for answer in accepted if answer.reference), ""):
        measured["reference"] = reference
    waits = [event for event in ordered if isinstance(event, NoteTaken) and event.step == WAIT]
    if waits and waits[-1].detail and settled is None:
        measured["waits_for"] = waits[-1].detail
    if released := [event.at for event in ordered if isinstance(event, HoldReleased)]:
        measured["hold_released_at"] = min(released).isoformat()
    if settled is not None:
        measured |= {
            "outcome": settled.outcome.value,
            "settled_attempt": settled.settled_attempt,
            "detail": settled.detail,
        }
    return measured


def _progress(event: RecoveryEvent) -> dict[str, Any]:
    match event:
        case RecoveryDecided(plan=plan):
            step, status, detail = (
                "decide",
                "completed",
                plan.decision.reasons[0].text if plan.decision.reasons else "",
            )
        case EffectRequested(effect=effect):
            step, status, detail = f"request {effect}", "in_progress", ""
        case EffectAnswered(effect=effect, accepted=accepted):
            step, status, detail = effect, "completed" if accepted else "failed", event.detail
        case RecoverySettled(outcome=outcome):
            step, status, detail = (
                "settle",
                "completed",
                f"{outcome}: {event.detail}" if event.detail else outcome,
            )
        case NoteTaken():
            step, status, detail = event.step, event.status, event.detail
        case HoldReleased():
            step, status, detail = "release hold", "completed", event.reason
        case _:
            assert_never(event)
    return {"step": step, "status": status, "at": event.at.isoformat(), "detail": detail, "by": event.by}

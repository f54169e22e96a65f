"""At most one effect per run attempt: what admits a plan, and what admits its execution."""

from __future__ import annotations

from datetime import datetime, timedelta

from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus, RecoveryType
from recovery.models.rollback import HALF_WAY
from recovery.policy.lifecycle import OPEN

REQUEST_IN_FLIGHT = timedelta(minutes=5)
"""An effect requested this recently may still be answered; its process is not taken for dead."""


_BLOCKING = frozenset({RecoveryStatus.PENDING, RecoveryStatus.IN_PROGRESS, RecoveryStatus.COMPLETED})


def admit_plan(known: tuple[RecoveryState, ...], *, rolling_back: bool = False) -> Reason | None:
    """Why one more plan to act on this attempt is not admitted. Declined and refused ones do not stand in the way."""
    standing = standing_in_the_way(known, rolling_back=rolling_back)
    if standing is None:
        return None
    return Reason(id=ReasonId.ALREADY_DECIDED, text=f"recovery {standing.id} of this attempt is {standing.status}")


def standing_in_the_way(known: tuple[RecoveryState, ...], *, rolling_back: bool = False) -> RecoveryState | None:
    """The recovery that has, or may have, had this attempt's one effect.

    A rollback that has ended does not stand in the way of another one: that a commit is rolled back once is told by
    GitHub's tags, which go when a person releases it, wherever that is done.
    """
    return next(
        (
            state
            for state in known
            if (state.status in _BLOCKING or state.metadata.get("accepted"))
            and not _may_be_done_again(state)
            and not (rolling_back and _is_rollback_that_ended(state))
        ),
        None,
    )


def is_rollback(plan: RecoveryPlan) -> bool:
    """Whether a plan brings back another commit, well or not."""
    return plan.rollback is not None


def is_half_way(state: RecoveryState) -> bool:
    """Whether a rollback has ended so that nobody knows what is deployed now."""
    return state.recovery_type is RecoveryType.ROLLBACK and state.metadata.get("outcome") in HALF_WAY


def _may_be_done_again(state: RecoveryState) -> bool:
    """Whether a rollback has ended, and its commit is free again: a person released it, or it came to nothing."""
    if not _is_rollback_that_ended(state):
        return False
    return bool(state.metadata.get("hold_released_at")) or state.metadata.get("outcome") == Outcome.NOT_RERUN


def _is_rollback_that_ended(state: RecoveryState) -> bool:
    return state.recovery_type is RecoveryType.ROLLBACK and state.status not in OPEN


def may_be_withdrawn(standing: RecoveryState, decision: Decision, *, explicit: bool) -> bool:
    """Whether a plan on record gives way: nothing was requested yet, and a newer or a person's decision differs."""
    never_requested = standing.status is RecoveryStatus.PENDING and not standing.metadata.get("requested_at")
    return never_requested and (explicit or decision.kind is not DecisionKind.ACT)


def admit_execution(known: tuple[RecoveryState, ...], plan: RecoveryPlan, now: datetime) -> Reason | None:
    """Why a plan may not be executed (again) now, going by what is on record."""
    state = next((state for state in known if state.id == plan.header.id), None)
    others = tuple(other for other in known if other.id != plan.header.id)
    if (refusal := admit_plan(others, rolling_back=is_rollback(plan))) is not None:
        return refusal
    if state is None or state.status is RecoveryStatus.PENDING:
        return None
    requested_at = state.metadata.get("requested_at")
    if state.status is RecoveryStatus.IN_PROGRESS and not state.metadata.get("accepted") and requested_at:
        if now - datetime.fromisoformat(requested_at) > REQUEST_IN_FLIGHT:
            return None
        return Reason(id=ReasonId.ALREADY_DECIDED, text=f"recovery {state.id} is being executed")
    return Reason(id=ReasonId.ALREADY_DECIDED, text=f"recovery {state.id} is {state.status}")


def moved_on(plan: RecoveryPlan, run: Run) -> Reason | None:
    """Why the run as it stands now no longer is the one that the plan was made for."""
    if run.run_attempt != plan.header.attempt:
        return Reason(id=ReasonId.RUN_ACTIVE, text=f"attempt {run.run_attempt} of this run exists already")
    if not run.completed:
        return Reason(id=ReasonId.RUN_ACTIVE, text=f"the run is {run.status.replace('_', ' ')} again")
    return None

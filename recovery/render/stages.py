"""Where the story of one attempt has got to."""

from __future__ import annotations

from enum import Enum, auto
from typing import assert_never

from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.records import Outcome, RecoveryStatus


class Stage(Enum):
    """Where the story of one attempt has got to."""

    CLEARED = auto()
    FAILED_AGAIN = auto()
    NOT_RERUN = auto()
    UNMEASURED = auto()
    RERUNNING = auto()
    REFUSED = auto()
    REQUESTED = auto()
    DUE = auto()
    PLANNED = auto()
    SUGGESTED = auto()
    LEFT = auto()


def stage_of(document: DecisionDocument) -> Stage:
    """How far the attempt has come; what happened counts more than what was planned."""
    match document.outcome:
        case Outcome.CLEARED:
            return Stage.CLEARED
        case Outcome.STILL_FAILING:
            return Stage.FAILED_AGAIN
        case Outcome.NOT_RERUN:
            return Stage.NOT_RERUN
        case Outcome.UNKNOWN:
            return Stage.UNMEASURED
        case None:
            return _unsettled(document)
        case _:
            assert_never(document.outcome)


def _unsettled(document: DecisionDocument) -> Stage:
    if document.reran:
        return Stage.RERUNNING
    match document.decision:
        case DecisionKind.SUGGEST:
            return Stage.SUGGESTED
        case DecisionKind.DECLINE:
            return Stage.LEFT
        case DecisionKind.ACT:
            return _unanswered(document)
        case _:
            assert_never(document.decision)


def _unanswered(document: DecisionDocument) -> Stage:
    if document.status in {RecoveryStatus.FAILED, RecoveryStatus.TIMED_OUT}:
        return Stage.REFUSED
    if document.status is RecoveryStatus.IN_PROGRESS:
        return Stage.REQUESTED
    return Stage.PLANNED if document.due_at is None else Stage.DUE

"""Everything that is ever recorded, as self-contained events: the lines of plans and journals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import RecoveryHeader, RecoveryPlan
from recovery.models.record import Moment, Record
from recovery.models.records import Outcome, PipelineFailure, WorkflowCheckpoint


class _Event(Record):
    id: str
    """A ULID: the same event delivered twice is the same fact."""
    at: Moment
    by: str
    """Who recorded it: `{recovery run id}.{its attempt}` on a runner, else `local`."""


class FailureObserved(_Event):
    """A failed job was seen and its cause named."""

    kind: Literal["failure-observed"] = "failure-observed"
    failure: PipelineFailure


class CheckpointCreated(_Event):
    """A checkpoint's manifest was recorded."""

    kind: Literal["checkpoint-created"] = "checkpoint-created"
    checkpoint: WorkflowCheckpoint


class CheckpointJudged(_Event):
    """It became known what a checkpoint is good for; the worst that is ever known of it stands."""

    kind: Literal["checkpoint-judged"] = "checkpoint-judged"
    repository: str
    checkpoint_id: str
    health: CheckpointHealth
    detail: str = ""


class RecoveryDecided(_Event):
    """A decision was made; when it is to act, this is the write-ahead record of the plan."""

    kind: Literal["recovery-decided"] = "recovery-decided"
    plan: RecoveryPlan


class EffectRequested(_Event):
    """An effect is about to be requested; without an answer on record its fate is unknown."""

    kind: Literal["effect-requested"] = "effect-requested"
    recovery: RecoveryHeader
    effect: str


class EffectAnswered(_Event):
    """GitHub accepted the effect, or it did not happen and `detail` says why."""

    kind: Literal["effect-answered"] = "effect-answered"
    recovery: RecoveryHeader
    effect: str
    accepted: bool
    detail: str = ""
    reference: str = ""
    """The id or number of what GitHub made of it, where it tells one."""


class RecoverySettled(_Event):
    """What the recovery achieved became known."""

    kind: Literal["recovery-settled"] = "recovery-settled"
    recovery: RecoveryHeader
    outcome: Outcome
    settled_attempt: int | None = None
    """The attempt on which the outcome was measured."""
    detail: str = ""


class NoteTaken(_Event):
    """Something worth showing happened on the way (a warning, a degraded step)."""

    kind: Literal["note-taken"] = "note-taken"
    recovery: RecoveryHeader
    step: str
    status: Literal["completed", "failed", "skipped"]
    detail: str = ""


class HoldReleased(_Event):
    """The commit that a rollback put on hold may be deployed again."""

    kind: Literal["hold-released"] = "hold-released"
    recovery: RecoveryHeader
    reason: str = ""


RecoveryEvent = RecoveryDecided | EffectRequested | EffectAnswered | RecoverySettled | NoteTaken | HoldReleased
CheckpointEvent = CheckpointCreated | CheckpointJudged
Event = Annotated[FailureObserved | CheckpointEvent | RecoveryEvent, Field(discriminator="kind")]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def event_from_json(line: str | bytes) -> Event:
    """Read one line of a plan or journal.

    Raises:
        pydantic.ValidationError: the line is not an event of a kind this version knows.
    """
    return _EVENT.validate_json(line)


def repository_of(event: Event) -> str:
    """The repository that an event is about."""
    match event:
        case FailureObserved(failure=failure):
            return failure.repository
        case CheckpointCreated(checkpoint=checkpoint):
            return checkpoint.repository
        case CheckpointJudged(repository=repository):
            return repository
        case _:
            return header_of(event).repository


def header_of(event: RecoveryEvent) -> RecoveryHeader:
    """The header of the recovery that an event is about."""
    return event.plan.header if isinstance(event, RecoveryDecided) else event.recovery

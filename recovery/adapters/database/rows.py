"""Records as rows and back. Times are text of one width, so that text sorts as time does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import RowMapping

from recovery.errors import StateError
from recovery.models.catalogue import health_fields, health_in
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.events import (
    CheckpointCreated,
    CheckpointEvent,
    CheckpointJudged,
    Event,
    FailureObserved,
    event_from_json,
    header_of,
)
from recovery.models.records import PipelineFailure, RecoveryState, WorkflowCheckpoint

Row = dict[str, Any]

_JSON_OF_FAILURE = ("evidence", "excerpt", "failed_tests", "notes")
_JSON_OF_CHECKPOINT = ("workflow_state", "environment_context", "dependencies", "artifacts", "metadata")
_JSON_OF_RECOVERY = ("recovery_plan", "progress_steps", "recovery_context", "validation_results", "metadata")


def event_row(event: Event) -> Row:
    """An event with what it is about in columns."""
    row: Row = {
        "id": event.id,
        "kind": event.kind,
        "at": _time(event.at),
        "by": event.by,
        "recovery_id": None,
        "failure_id": None,
        "checkpoint_id": None,
        "body": event.model_dump_json(),
    }
    match event:
        case FailureObserved(failure=failure):
            row["failure_id"] = failure.id
        case CheckpointCreated() | CheckpointJudged():
            row["checkpoint_id"] = checkpoint_id_of(event)
        case _:
            row["recovery_id"] = header_of(event).id
    return row


def checkpoint_id_of(event: CheckpointEvent) -> str:
    """The checkpoint that an event is about."""
    return event.checkpoint.id if isinstance(event, CheckpointCreated) else event.checkpoint_id


def failure_row(failure: PipelineFailure) -> Row:
    """A failure that was observed."""
    return {"stub": False} | _row(failure, _JSON_OF_FAILURE)


def stub_failure_row(failure_id: str) -> Row:
    """A failure that was only named."""
    return {"id": failure_id, "stub": True}


def checkpoint_row(checkpoint: WorkflowCheckpoint) -> Row:
    """A checkpoint whose manifest is known."""
    return _row(checkpoint, _JSON_OF_CHECKPOINT)


def stub_checkpoint_row(checkpoint_id: str) -> Row:
    """A checkpoint that was only named: its type is empty, which no real one's is."""
    required = ("repository", "workflow_name", "run_id", "commit_sha", "checkpoint_type", "checkpoint_name")
    return {"id": checkpoint_id, "created_at": ""} | dict.fromkeys(required, "")


def judged_checkpoint_row(checkpoint_id: str, health: CheckpointHealth, detail: str) -> Row:
    """A checkpoint that was judged before its manifest is known: a stub with what it is good for."""
    columns = dict.fromkeys(_JSON_OF_CHECKPOINT, _json({})) | dict.fromkeys(("dependencies", "artifacts"), _json([]))
    return stub_checkpoint_row(checkpoint_id) | columns | {"metadata": _json(health_fields(health, detail))}


def recovery_row(state: RecoveryState) -> Row:
    """A recovery as its events add up."""
    return _row(state, _JSON_OF_RECOVERY)


def event_of(body: str) -> Event:
    """The event that a row's body holds."""
    with _own_rows("events"):
        return event_from_json(body)


def failure_of(row: RowMapping) -> PipelineFailure:
    """The failure that a row holds."""
    with _own_rows("pipeline_failures"):
        fields = _fields(row, _JSON_OF_FAILURE)
        del fields["stub"]
        return PipelineFailure(**fields)


def checkpoint_of(row: RowMapping) -> WorkflowCheckpoint:
    """The checkpoint that a row holds."""
    with _own_rows("workflow_checkpoints"):
        return WorkflowCheckpoint(**_fields(row, _JSON_OF_CHECKPOINT))


def health_of(row: RowMapping) -> tuple[CheckpointHealth, str] | None:
    """What a checkpoint's row tells of its health; None when it tells nothing."""
    with _own_rows("workflow_checkpoints"):
        return health_in(from_json(row["metadata"]))


def recovery_of(row: RowMapping) -> RecoveryState:
    """The recovery that a row holds."""
    with _own_rows("recovery_states"):
        return RecoveryState(**_fields(row, _JSON_OF_RECOVERY))


def _row(record: PipelineFailure | WorkflowCheckpoint | RecoveryState, as_json: tuple[str, ...]) -> Row:
    return {
        name: _json(value) if name in as_json else _time(value) if isinstance(value, datetime) else value
        for name, value in record
    }


def _fields(row: RowMapping, as_json: tuple[str, ...]) -> Row:
    return {str(name): from_json(value) if name in as_json else value for name, value in row.items()}


def _json(value: object) -> str:
    """JSON in the form that events have: what is folded from a journal equals what is folded from memory."""
    return to_json(value, inf_nan_mode="null").decode()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def _own_rows(table: str) -> Iterator[None]:
    """A row that cannot be read was not written by this program."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        message = f"the table {table} holds a row that this program did not write"
        raise StateError(message, hint="move the database away: a new one is filled from plans and journals") from error

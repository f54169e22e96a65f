"""Events folded into tables: any order, any duplicates and any split of the same events give the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recovery.adapters.database import rows, schema
from recovery.models.events import (
    CheckpointEvent,
    Event,
    FailureObserved,
    RecoveryEvent,
    header_of,
)
from recovery.models.records import RecoveryState
from recovery.policy.checkpoint_history import add_up
from recovery.policy.lifecycle import project

_BATCH = 500
"""Ids asked for in one statement; SQLite before 3.32 takes no more than 999 parameters."""


def fold(connection: sa.Connection, events: Iterable[Event]) -> int:
    """Insert the events that are not known yet, project anew what they are about; return how many there were.

    The connection must hold the writers' lock: what is known, and what follows from it, must not change meanwhile.
    """
    fresh = _unknown(connection, events)
    if not fresh:
        return 0
    connection.execute(sa.insert(schema.events), [rows.event_row(event) for event in fresh])
    _fold_failures(connection, {event.failure.id for event in fresh if isinstance(event, FailureObserved)})
    _fold_checkpoints(connection, {rows.checkpoint_id_of(event) for event in _about_checkpoints(fresh)})
    _fold_recoveries(connection, {header_of(event).id for event in _about_recoveries(fresh)})
    return len(fresh)


def recovery_events(connection: sa.Connection, recovery_id: str) -> tuple[RecoveryEvent, ...]:
    """All events about one recovery, in no order."""
    history = _history(connection, schema.events.c.recovery_id, {recovery_id})
    return tuple(_about_recoveries(chain.from_iterable(history.values())))


def _unknown(connection: sa.Connection, events: Iterable[Event]) -> list[Event]:
    by_id: dict[str, Event] = {}
    for event in events:
        by_id.setdefault(schema.without_nul(event.id), event)
    for batch in _batches(by_id):
        known = connection.scalars(sa.select(schema.events.c.id).where(schema.events.c.id.in_(batch)))
        for event_id in known.all():
            del by_id[event_id]
    return list(by_id.values())


def _fold_failures(connection: sa.Connection, failure_ids: set[str]) -> None:
    """Each failure as the latest observation has it."""
    history = _history(connection, schema.events.c.failure_id, failure_ids)
    latest = [_latest(event for event in seen if isinstance(event, FailureObserved)) for seen in history.values()]
    _upsert(connection, schema.pipeline_failures, [rows.failure_row(event.failure) for event in latest])


def _fold_checkpoints(connection: sa.Connection, checkpoint_ids: set[str]) -> None:
    """Each checkpoint as all its events add up; one that was only judged has a stub, until its manifest is known."""
    history = _history(connection, schema.events.c.checkpoint_id, checkpoint_ids)
    known = {subject: add_up(_about_checkpoints(events)) for subject, events in history.items()}
    _upsert(
        connection,
        schema.workflow_checkpoints,
        [
            rows.checkpoint_row(each.checkpoint)
            if each.checkpoint is not None
            else rows.judged_checkpoint_row(subject, each.health, each.detail)
            for subject, each in known.items()
        ],
    )


def _fold_recoveries(connection: sa.Connection, recovery_ids: set[str]) -> None:
    """Each recovery as all its events add up; failures and checkpoints it names get a stub if they are not known."""
    history = _history(connection, schema.events.c.recovery_id, recovery_ids)
    states: list[RecoveryState] = []
    links: list[rows.Row] = []
    for happened in history.values():
        events = list(_about_recoveries(happened))
        states.append(project(events))
        links += links_of(states[-1], events)
    insert_missing(
        connection,
        schema.pipeline_failures,
        [rows.stub_failure_row(failure_id) for failure_id in sorted({link["failure_id"] for link in links})],
    )
    insert_missing(
        connection,
        schema.workflow_checkpoints,
        [rows.stub_checkpoint_row(checkpoint_id) for checkpoint_id in sorted(_checkpoints_named(states))],
    )
    _upsert(connection, schema.recovery_states, [rows.recovery_row(state) for state in states])
    _upsert(connection, schema.recovery_failures, links)


def links_of(state: RecoveryState, events: Iterable[RecoveryEvent]) -> list[rows.Row]:
    """Rows of `recovery_failures`: every failure that any event's header names, so that none is ever taken back."""
    headers = [header_of(event) for event in events]
    named = {failure_id for header in headers for failure_id in (header.failure_id, *header.failure_ids)}
    return [
        {
            "recovery_id": state.id,
            "failure_id": failure_id,
            "is_lead": failure_id == state.failure_id,
            "run_id": state.recovery_context["run_id"],
            "attempt": state.recovery_context["attempt"],
        }
        for failure_id in sorted(named)
    ]


def _checkpoints_named(states: Iterable[RecoveryState]) -> set[str]:
    named = (name for state in states for name in (state.target_checkpoint_id, state.rollback_checkpoint_id))
    return {name for name in named if name is not None}


def _latest(events: Iterable[FailureObserved]) -> FailureObserved:
    """Of several accounts of the same thing the latest counts, whatever order they came in."""
    return max(events, key=lambda event: (event.at, event.id))


def _about_recoveries(events: Iterable[Event]) -> Iterator[RecoveryEvent]:
    return (event for event in events if not isinstance(event, FailureObserved | CheckpointEvent))


def _about_checkpoints(events: Iterable[Event]) -> Iterator[CheckpointEvent]:
    return (event for event in events if isinstance(event, CheckpointEvent))


def _history(connection: sa.Connection, about: sa.Column[str], ids: set[str]) -> dict[str, list[Event]]:
    """Every known event about these, by what it is about."""
    history: dict[str, list[Event]] = defaultdict(list)
    for batch in _batches(ids):
        found = connection.execute(sa.select(about, schema.events.c.body).where(about.in_(batch)))
        for subject, body in found.all():
            history[subject].append(rows.event_of(body))
    return history


def insert_missing(connection: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, leaving alone those that are there."""
    if values:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), values)


def _upsert(connection: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, or make those that are there equal to them."""
    if not values:
        return
    statement = _insert(connection, table)
    replaced = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=replaced), values)


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what to do about a conflict, in the words of the database."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(ids))
    while batch := list(islice(remaining, _BATCH)):
        yield batch

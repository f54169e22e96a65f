"""The store behind the port: short transactions on the tables that events were folded into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import sqlalchemy as sa

from recovery.adapters.database import rows
from recovery.adapters.database.connection import reading, writing
from recovery.adapters.database.folding import fold, insert_missing, recovery_events
from recovery.adapters.database.schema import (
    folded_artifacts,
    pipeline_failures,
    recovery_failures,
    recovery_states,
    workflow_checkpoints,
)
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import Reason, RecoveryHeader, RecoveryPlan
from recovery.models.events import Event
from recovery.models.records import PipelineFailure, RecoveryState, RecoveryType, WorkflowCheckpoint
from recovery.policy.lifecycle import OPEN, plan_of
from recovery.ports import Admission

_BATCH = 500


class SqlStore:
    """The port `Store` on a database whose schema is up to date; `engine.open_store` makes one that is.

    Raises StateError when the database cannot be used.
    """

    def __init__(self, engine: sa.Engine, *, set_aside: Path | None = None) -> None:
        self.engine = engine
        self.set_aside = set_aside
        """Where the broken file went that was found in this one's place; None when none was."""

    def record(self, events: Iterable[Event]) -> int:
        """Record events in one transaction; return how many were new."""
        with writing(self.engine) as connection:
            return fold(connection, events)

    def claim(self, header: RecoveryHeader, events: Iterable[Event], admit: Admission) -> Reason | None:
        """Record `events` unless `admit` has a reason against it, in one transaction that no other writer shares."""
        with writing(self.engine) as connection:
            against = admit(_recoveries_of(connection, header.run_id, header.attempt))
            if against is None:
                fold(connection, events)
            return against

    def failure(self, failure_id: str) -> PipelineFailure | None:
        """One failure by id; a stub counts as unknown."""
        query = sa.select(pipeline_failures).where(pipeline_failures.c.id == failure_id, ~pipeline_failures.c.stub)
        with reading(self.engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.failure_of(row)

    def failures_of(self, run_id: int, attempt: int) -> tuple[PipelineFailure, ...]:
        """The failures recorded for one attempt of a run, by job id."""
        table = pipeline_failures
        query = sa.select(table).where(table.c.run_id == run_id, table.c.attempt == attempt, ~table.c.stub)
        with reading(self.engine) as connection:
            found = connection.execute(query.order_by(table.c.job_id, table.c.id)).mappings().all()
        return tuple(rows.failure_of(row) for row in found)

    def recovery(self, recovery_id: str) -> RecoveryState | None:
        """One recovery by id."""
        with reading(self.engine) as connection:
            query = sa.select(recovery_states).where(recovery_states.c.id == recovery_id)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.recovery_of(row)

    def recoveries_of(self, run_id: int, attempt: int) -> tuple[RecoveryState, ...]:
        """The recoveries recorded for one attempt of a run, oldest first."""
        with reading(self.engine) as connection:
            return _recoveries_of(connection, run_id, attempt)

    def plan(self, recovery_id: str) -> RecoveryPlan | None:
        """The plan of a recovery, as it was written ahead."""
        with reading(self.engine) as connection:
            return plan_of(recovery_events(connection, recovery_id))

    def unfinished(self, repository: str) -> tuple[RecoveryState, ...]:
        """Recoveries that are `pending` or `in_progress`, oldest first."""
        table = recovery_states
        query = sa.select(table).where(_is_of(table, repository), table.c.status.in_(sorted(OPEN)))
        with reading(self.engine) as connection:
            found = connection.execute(query.order_by(table.c.started_at, table.c.id)).mappings().all()
        return tuple(rows.recovery_of(row) for row in found)

    def recoveries(self, repository: str | None = None, limit: int | None = None) -> tuple[RecoveryState, ...]:
        """Recoveries, newest first, of one repository or of all."""
        query = _newest_first(recovery_states, recovery_states.c.started_at, repository, limit)
        with reading(self.engine) as connection:
            found = connection.execute(query).mappings().all()
        return tuple(rows.recovery_of(row) for row in found)

    def rollbacks(self, repository: str) -> tuple[RecoveryState, ...]:
        """The recoveries of a repository that are rollbacks, all of them, newest first."""
        table = recovery_states
        query = _newest_first(table, table.c.started_at, repository, None)
        with reading(self.engine) as connection:
            found = connection.execute(query.where(table.c.recovery_type == RecoveryType.ROLLBACK.value))
            return tuple(rows.recovery_of(row) for row in found.mappings().all())

    def checkpoint(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """One checkpoint by id; one that was only named counts as unknown."""
        table = workflow_checkpoints
        query = sa.select(table).where(table.c.id == checkpoint_id, table.c.checkpoint_type != "")
        with reading(self.engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else rows.checkpoint_of(row)

    def health_of(self, checkpoint_id: str) -> tuple[CheckpointHealth, str]:
        """The worst that is known of a checkpoint and why, also of one that was judged before its manifest came."""
        query = sa.select(workflow_checkpoints.c.metadata).where(workflow_checkpoints.c.id == checkpoint_id)
        with reading(self.engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return (None if row is None else rows.health_of(row)) or (CheckpointHealth.UNKNOWN, "")

    def checkpoints(self, repository: str | None = None, limit: int | None = None) -> tuple[WorkflowCheckpoint, ...]:
        """Checkpoints, newest first, of one repository or of all."""
        table = workflow_checkpoints
        query = _newest_first(table, table.c.created_at, repository, limit).where(table.c.checkpoint_type != "")
        with reading(self.engine) as connection:
            found = connection.execute(query).mappings().all()
        return tuple(rows.checkpoint_of(row) for row in found)

    def folded(self, artifact_ids: Sequence[int]) -> frozenset[int]:
        """Which of these artifacts were folded in before (bookkeeping of this store, no fact)."""
        column = folded_artifacts.c.artifact_id
        known: set[int] = set()
        with reading(self.engine) as connection:
            for start in range(0, len(artifact_ids), _BATCH):
                batch = artifact_ids[start : start + _BATCH]
                known.update(connection.scalars(sa.select(column).where(column.in_(batch))))
        return frozenset(known)

    def mark_folded(self, artifact_ids: Sequence[int]) -> None:
        """Remember that these artifacts are folded in."""
        with writing(self.engine) as connection:
            insert_missing(connection, folded_artifacts, [{"artifact_id": number} for number in artifact_ids])


def _recoveries_of(connection: sa.Connection, run_id: int, attempt: int) -> tuple[RecoveryState, ...]:
    table, link = recovery_states, recovery_failures
    query = (
        sa.select(table)
        .join(link, sa.and_(link.c.recovery_id == table.c.id, link.c.is_lead))
        .where(link.c.run_id == run_id, link.c.attempt == attempt)
        .order_by(table.c.started_at, table.c.id)
    )
    return tuple(rows.recovery_of(row) for row in connection.execute(query).mappings())


def _newest_first(
    table: sa.Table, time: sa.Column[str], repository: str | None, limit: int | None
) -> sa.Select[tuple[object, ...]]:
    query = sa.select(table).order_by(time.desc(), table.c.id.desc()).limit(limit)
    return query if repository is None else query.where(_is_of(table, repository))


def _is_of(table: sa.Table, repository: str) -> sa.ColumnElement[bool]:
    """Whether a row is about the repository; GitHub's names ignore case, and hold ASCII only."""
    return sa.func.lower(table.c.repository) == repository.lower()

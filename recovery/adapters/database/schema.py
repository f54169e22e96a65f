"""The tables as they are after the newest migration."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeDecorator, TypeEngine

NEWEST = "0002"
"""The newest migration in `migrations/versions`; a test keeps the two equal, so that opening needs no Alembic."""


class Words(TypeDecorator[str]):
    """Text that means and sorts the same on every database.

    PostgreSQL sorts by the locale unless told otherwise and refuses NUL, which a hostile job name may hold.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Byte order on PostgreSQL; SQLite has no other."""
        return sa.Text(collation="C") if dialect.name == "postgresql" else sa.Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace NUL, on the way in and in comparisons alike."""
        return value if value is None else without_nul(value)


def without_nul(text: str) -> str:
    """The text as it is stored."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


metadata = sa.MetaData()
bookkeeping = sa.MetaData()

alembic_version = sa.Table(
    "alembic_version",
    bookkeeping,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def _column(name: str, default: str | None = None, *, null: bool = True) -> sa.Column[str]:
    return sa.Column(name, Words, nullable=null, server_default=default)


workflow_checkpoints = sa.Table(
    "workflow_checkpoints",
    metadata,
    sa.Column("id", Words, primary_key=True),
    _column("repository", null=False),
    _column("workflow_name", null=False),
    _column("run_id", null=False),
    _column("commit_sha", null=False),
    _column("checkpoint_type", null=False),
    _column("checkpoint_name", null=False),
    _column("created_at", null=False),
    _column("workflow_state", "{}"),
    _column("environment_context", "{}"),
    _column("dependencies", "[]"),
    _column("artifacts", "[]"),
    _column("metadata", "{}"),
    sa.Index("checkpoints_by_repository", "repository", "created_at"),
)

pipeline_failures = sa.Table(
    "pipeline_failures",
    metadata,
    # A stub stands for a failure of which no observation is known yet. It holds nothing but its id, so that it does
    # not matter which of several recoveries named it first.
    sa.Column("id", Words, primary_key=True),
    sa.Column("stub", sa.Boolean, nullable=False),
    _column("kind"),
    _column("repository"),
    _column("workflow_name"),
    sa.Column("run_id", sa.BigInteger),
    sa.Column("attempt", sa.BigInteger),
    sa.Column("job_id", sa.BigInteger),
    _column("job_name"),
    _column("step"),
    _column("conclusion"),
    _column("head_sha"),
    _column("head_branch"),
    _column("observed_at"),
    _column("failure_class"),
    _column("retryable"),
    sa.Column("confidence", sa.Double),
    _column("evidence"),
    _column("excerpt"),
    _column("fingerprint"),
    _column("reason"),
    _column("html_url"),
    _column("consequence_of"),
    _column("log_problem"),
    _column("failed_tests", "[]"),
    sa.Column("baseline_run_id", sa.BigInteger),
    _column("notes", "[]"),
    sa.Index("failures_by_run", "run_id", "attempt"),
    sa.Index("failures_by_repository", "repository", "observed_at"),
    sa.Index("failures_by_fingerprint", "fingerprint"),
)

recovery_states = sa.Table(
    "recovery_states",
    metadata,
    sa.Column("id", Words, primary_key=True),
    _column("failure_id", null=False),
    _column("repository", null=False),
    _column("recovery_type", null=False),
    _column("status", null=False),
    _column("target_checkpoint_id"),
    _column("recovery_plan", "[]"),
    _column("started_at", null=False),
    _column("completed_at"),
    _column("progress_steps", "[]"),
    _column("recovery_context", "{}"),
    _column("rollback_checkpoint_id"),
    sa.Column("corruption_detected", sa.Boolean, server_default=sa.text("FALSE")),
    _column("validation_results", "{}"),
    _column("metadata", "{}"),
    sa.ForeignKeyConstraint(["failure_id"], ["pipeline_failures.id"]),
    sa.ForeignKeyConstraint(["target_checkpoint_id"], ["workflow_checkpoints.id"]),
    sa.ForeignKeyConstraint(["rollback_checkpoint_id"], ["workflow_checkpoints.id"]),
    sa.Index("recoveries_by_repository", "repository", "started_at"),
    sa.Index("recoveries_by_time", "started_at"),
    sa.Index("recoveries_by_status", "repository", "status"),
    sa.Index("recoveries_by_failure", "failure_id"),
)

recovery_failures = sa.Table(
    "recovery_failures",
    metadata,
    # `recovery_states` is the seed's, column for column, and says neither run nor attempt: they are looked up here.
    _column("recovery_id", null=False),
    _column("failure_id", null=False),
    sa.Column("is_lead", sa.Boolean, nullable=False),
    sa.Column("run_id", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("recovery_id", "failure_id"),
    sa.ForeignKeyConstraint(["recovery_id"], ["recovery_states.id"]),
    sa.ForeignKeyConstraint(["failure_id"], ["pipeline_failures.id"]),
    sa.Index("recovery_failures_by_run", "run_id", "attempt"),
    sa.Index("recovery_failures_by_failure", "failure_id"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Words, primary_key=True),
    _column("kind", null=False),
    _column("at", null=False),
    _column("by", null=False),
    # What the event is about: exactly one of the three.
    _column("recovery_id"),
    _column("failure_id"),
    _column("checkpoint_id"),
    _column("body", null=False),
    sa.Index("events_by_recovery", "recovery_id"),
    sa.Index("events_by_failure", "failure_id"),
    sa.Index("events_by_checkpoint", "checkpoint_id"),
)

folded_artifacts = sa.Table(
    "folded_artifacts",
    metadata,
    sa.Column("artifact_id", sa.BigInteger, primary_key=True, autoincrement=False),
)


def schema_sql(dialect: Dialect | None = None) -> str:
    """The statements that make the schema, for documents; in SQLite's words unless told otherwise."""
    chosen = dialect or sqlite.dialect()
    statements: list[str] = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=chosen)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=chosen)) for index in indexes]
    return "\n\n".join(f"{statement.strip()};" for statement in statements) + "\n"

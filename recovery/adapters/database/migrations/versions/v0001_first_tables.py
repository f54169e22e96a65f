"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Byte order on every database, see `schema.Words`. Migrations do not import the schema: it moves on, they stay.
_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _column(name: str, default: str | None = None, *, null: bool = True) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=null, server_default=default)


def upgrade() -> None:
    """Make every table with its indexes."""
    _make_checkpoints()
    _make_failures()
    _make_recoveries()
    _make_recovery_failures()
    _make_events()


def _make_checkpoints() -> None:
    op.create_table(
        "workflow_checkpoints",
        sa.Column("id", _WORDS, primary_key=True),
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
    )
    op.create_index("checkpoints_by_repository", "workflow_checkpoints", ["repository", "created_at"])


def _make_failures() -> None:
    op.create_table(
        "pipeline_failures",
        sa.Column("id", _WORDS, primary_key=True),
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
    )
    op.create_index("failures_by_run", "pipeline_failures", ["run_id", "attempt"])
    op.create_index("failures_by_repository", "pipeline_failures", ["repository", "observed_at"])
    op.create_index("failures_by_fingerprint", "pipeline_failures", ["fingerprint"])


def _make_recoveries() -> None:
    op.create_table(
        "recovery_states",
        sa.Column("id", _WORDS, primary_key=True),
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
    )
    op.create_index("recoveries_by_repository", "recovery_states", ["repository", "started_at"])
    op.create_index("recoveries_by_time", "recovery_states", ["started_at"])
    op.create_index("recoveries_by_status", "recovery_states", ["repository", "status"])
    op.create_index("recoveries_by_failure", "recovery_states", ["failure_id"])


def _make_recovery_failures() -> None:
    op.create_table(
        "recovery_failures",
        _column("recovery_id", null=False),
        _column("failure_id", null=False),
        sa.Column("is_lead", sa.Boolean, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("recovery_id", "failure_id"),
        sa.ForeignKeyConstraint(["recovery_id"], ["recovery_states.id"]),
        sa.ForeignKeyConstraint(["failure_id"], ["pipeline_failures.id"]),
    )
    op.create_index("recovery_failures_by_run", "recovery_failures", ["run_id", "attempt"])
    op.create_index("recovery_failures_by_failure", "recovery_failures", ["failure_id"])


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _WORDS, primary_key=True),
        _column("kind", null=False),
        _column("at", null=False),
        _column("by", null=False),
        _column("recovery_id"),
        _column("failure_id"),
        _column("checkpoint_id"),
        _column("body", null=False),
    )
    op.create_index("events_by_recovery", "events", ["recovery_id"])
    op.create_index("events_by_failure", "events", ["failure_id"])
    op.create_index("events_by_checkpoint", "events", ["checkpoint_id"])
    op.create_table("folded_artifacts", sa.Column("artifact_id", sa.BigInteger, primary_key=True, autoincrement=False))

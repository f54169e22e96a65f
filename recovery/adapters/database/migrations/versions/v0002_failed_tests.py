"""What a failure tells besides its log: failed tests, the run it was compared with, and what could not be looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Byte order on every database, see `schema.Words`.
_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; of failures that are on record already nothing of this is known."""
    op.add_column("pipeline_failures", sa.Column("failed_tests", _WORDS, server_default="[]"))
    op.add_column("pipeline_failures", sa.Column("baseline_run_id", sa.BigInteger))
    op.add_column("pipeline_failures", sa.Column("notes", _WORDS, server_default="[]"))

"""Alembic, and nothing else: imported only when there is something to migrate, because it takes half a second."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from recovery.errors import StateError

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: sa.Connection, migrations: Path = MIGRATIONS) -> None:
    """Run the migrations that a database lacks, inside the transaction that the caller has begun and will end.

    Raises:
        StateError: no migration starts from the version that the database has.
    """
    try:
        command.upgrade(configuration(migrations, connection), "head")
    except CommandError as error:
        message = f"the schema of the database cannot be upgraded: {error}"
        raise StateError(message, hint="name another database with `--db URL`") from error


def configuration(migrations: Path = MIGRATIONS, connection: sa.Connection | None = None) -> Config:
    """Alembic's settings, without a file."""
    config = Config()
    # A configuration parser reads `%` in paths as a reference.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

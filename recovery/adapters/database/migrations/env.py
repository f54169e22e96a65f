"""What Alembic runs to migrate: always on a connection that the program hands it, inside that one's transaction."""

from alembic import context

from recovery.adapters.database.schema import metadata

# SQLite's statements about tables belong to transactions like all others; Alembic assumes that they do not, because
# Python's driver begins none for them unless it is told to (see `connection.py`).
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

"""Open the store: find the database, make or upgrade its schema, set a broken file aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from recovery.adapters.database import schema
from recovery.adapters.database.connection import (
    brokenness,
    database_name,
    file_of,
    make_engine,
    make_url,
    reading,
    writing,
)
from recovery.adapters.database.place import place_for, set_aside
from recovery.adapters.database.store import SqlStore
from recovery.errors import StateError


def open_store(url: str, *, set_aside_broken: bool = False) -> SqlStore:
    """Open the database at `url` (a path, `sqlite:///path` or `postgresql://…`), made or upgraded where needed.

    With `set_aside_broken` a file that this version cannot use (damaged, no database, of a newer schema, another
    program's) is renamed to `<name>.broken-<n>`, a new one takes its place, and the store's `set_aside` tells where the
    old one is. That also reads the whole file first.

    Raises:
        InputError: the address cannot be understood.
        StateError: the database cannot be used. A file is left as it was found.
    """
    address = make_url(url)
    engine = make_engine(address)
    path = file_of(address)
    if path is None:
        return _open(engine, None, set_aside_broken=False)
    with place_for(path):
        return _open(engine, path, set_aside_broken=set_aside_broken)


def _open(engine: sa.Engine, path: Path | None, *, set_aside_broken: bool) -> SqlStore:
    found = _survey(engine, thorough=set_aside_broken)
    aside = None
    if found.fault is not None:
        if path is None or not set_aside_broken:
            raise StateError(
                f"the database {database_name(engine)} is damaged or no database: {found.fault}",
                hint="move it away, or name another one: a new one is filled from plans and journals",
            )
        aside = set_aside(path)
    if found.version != schema.NEWEST or found.fault is not None:
        bring_up_to_date(engine)
    return SqlStore(engine, set_aside=aside)


@dataclass(frozen=True)
class _Survey:
    """What a look at a database showed: its schema's version (None: it has none), or what is broken about it."""

    version: str | None = None
    fault: str | None = None


def bring_up_to_date(engine: sa.Engine) -> None:
    """Make or upgrade the schema in one transaction; nothing to do when another process was first."""
    with writing(engine) as connection:
        version = _version(connection, engine)
        if version is None:
            schema.metadata.create_all(connection, checkfirst=False)
            schema.bookkeeping.create_all(connection)
            connection.execute(sa.insert(schema.alembic_version), {"version_num": schema.NEWEST})
        elif version != schema.NEWEST:
            from recovery.adapters.database.migrating import upgrade

            upgrade(connection)


def _survey(engine: sa.Engine, *, thorough: bool) -> _Survey:
    """Look without changing anything. SQLite notices by itself when a file is cut short or has another format."""
    try:
        with reading(engine) as connection:
            version = _version(connection, engine)
            fault = _fault(connection, thorough=thorough) if version == schema.NEWEST else None
    except StateError as error:
        # What is our own verdict on a whole file (a newer schema, another program's) has no vendor's error behind it.
        verdict = error.message if thorough and error.__cause__ is None else None
        broken = brokenness(error) or verdict
        if broken is None:
            raise
        return _Survey(fault=broken)
    return _Survey(version, fault)


def _version(connection: sa.Connection, engine: sa.Engine) -> str | None:
    """The version of the schema, None when there is no schema yet.

    Raises:
        StateError: the schema is not one that this program may touch.
    """
    names = set(sa.inspect(connection).get_table_names())
    if schema.alembic_version.name not in names:
        if strange := sorted(names & set(schema.metadata.tables)):
            raise StateError(
                f"the database {database_name(engine)} has a table {strange[0]} that this program did not make",
                hint="name another database with `--db URL`",
            )
        return None
    version = str(connection.scalars(sa.select(schema.alembic_version)).first())
    if not _is_version(version):
        raise StateError(
            f"the database {database_name(engine)} belongs to another program (its schema version is {version[:40]!r})",
            hint="name another database with `--db URL`",
        )
    if version > schema.NEWEST:
        raise StateError(
            f"the database {database_name(engine)} has schema version {version}; this program is older and knows"
            f" versions up to {schema.NEWEST}",
            hint="use the newer version of recovery that wrote it, or name another database with `--db URL`",
        )
    return version


def _is_version(text: str) -> bool:
    return len(text) == len(schema.NEWEST) and text.isascii() and text.isdigit()


def _fault(connection: sa.Connection, *, thorough: bool) -> str | None:
    """What is wrong with a database that says of itself that its schema is up to date."""
    missing = set(schema.metadata.tables) - set(sa.inspect(connection).get_table_names())
    if missing:
        return f"the table {min(missing)} is missing"
    for name, table in schema.metadata.tables.items():
        found = {column["name"] for column in sa.inspect(connection).get_columns(name)}
        if lacking := {column.name for column in table.columns} - found:
            return f"the table {name} has no column {min(lacking)}"
    if thorough and connection.dialect.name == "sqlite":
        verdict = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        return None if verdict == "ok" else verdict
    return None

"""Engines and transactions of both databases, and the one place where their errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from recovery.errors import InputError, StateError

BUSY_SECONDS = 30.0
"""How long a writer waits for another. SQLite wakes waiters in no order: with eight writers one was seen to wait
1.5 seconds, and a sweep folding many journals holds the lock for a few."""

WRITER_LOCK = 0x5265636F76657279
"""PostgreSQL's counterpart of SQLite's one write lock: the key of an advisory lock ("Recovery" in ASCII)."""

_SQLITE_BUSY = frozenset({5, 6})
_SQLITE_BROKEN = frozenset({11, 26})  # SQLITE_CORRUPT, SQLITE_NOTADB
_SQLITE_HINTS = {
    5: "wait until the other process is done, then try again",
    6: "wait until the other process is done, then try again",
    8: "make the file and its folder writable for this user, or name another database",
    10: "see whether the disk is sound, or name another database",
    11: "move the file away: a new one is filled from plans and journals",
    13: "free disk space",
    14: "make the file and its folder readable and writable for this user, or name another database",
    26: "name another file, or move this one away: a new one is filled from plans and journals",
}


def make_url(text: str) -> sa.URL:
    """Read a database's address: a plain path, `sqlite:///path` or `postgresql://…`.

    Raises:
        InputError: it is none of these.
    """
    if "://" not in text and text.strip() not in {"", ":memory:"}:
        return sa.URL.create("sqlite", database=text)
    hint = "write a path, `sqlite:///path/to/recovery.db` or `postgresql://user:password@host/database`"
    try:
        url = sa.make_url(text)
    except (SQLAlchemyError, ValueError) as error:
        # The text is not repeated: an address that cannot be read may still hold a password.
        raise InputError("the database's address cannot be read", hint=hint) from error
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return url
    raise InputError(f"the database {url.render_as_string(hide_password=True)} is of no supported kind", hint=hint)


def make_engine(url: sa.URL) -> sa.Engine:
    """An engine that connects anew for each transaction, so that threads never share a connection.

    Raises:
        StateError: the driver is not installed.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        # READ COMMITTED: what is read after the writers' lock was got must be what the last writer left, not what
        # was there when this transaction began to wait.
        return sa.create_engine(url, poolclass=NullPool, isolation_level="READ COMMITTED")
    except ModuleNotFoundError as error:
        message = f"a driver for {url.get_backend_name()} is not installed"
        raise StateError(message, hint="install `storyteller-recovery[recover,postgres]`") from error


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    """SQLite with its transactions in our hands.

    Left to itself the driver begins one only before the first change of a row: a claim would read before it holds
    the lock, and tables would be made outside any transaction.
    """
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys=ON")
        # A cached file may come from hostile hands: its schema must not call functions with side effects.
        connection.execute("PRAGMA trusted_schema=OFF")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that reads."""
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is the only writer from its start to its end, on both databases.

    One lock for all writers, not one a run: folding projects a recovery from all its events, and a batch of events
    touches many recoveries, so that finer locks could be waited for in a circle. Writers are few and brief here.
    """
    with translated(engine), engine.execution_options(writing=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITER_LOCK)))
        yield connection


@contextmanager
def translated(engine: sa.Engine) -> Iterator[None]:
    """Turn what the database raises into a StateError that names the database and what to change."""
    name = database_name(engine)
    try:
        yield
    except DBAPIError as error:
        code = _sqlite_code(error)
        if code in _SQLITE_BUSY:
            message = f"the database {name} has been locked by another process for {BUSY_SECONDS:.0f} seconds"
        else:
            message = f"the database {name} cannot be used: {str(error.orig).strip()}"
        raise StateError(message, hint=_SQLITE_HINTS.get(code, _hint(engine))) from error
    # A number too large for a column, and a text that is none, never reach the database.
    except (SQLAlchemyError, OverflowError, UnicodeError) as error:
        raise StateError(f"the database {name} cannot be used: {error}", hint=_hint(engine)) from error


def brokenness(error: StateError) -> str | None:
    """What SQLite says of a file that is damaged or no database at all; None when that is not the trouble."""
    cause = error.__cause__
    if isinstance(cause, DBAPIError) and _sqlite_code(cause) in _SQLITE_BROKEN:
        return str(cause.orig)
    return None


def database_name(engine: sa.Engine) -> str:
    """What people know the database by: the file, or the address without its password."""
    path = file_of(engine.url)
    return str(path) if path else engine.url.render_as_string(hide_password=True)


def file_of(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _sqlite_code(error: DBAPIError) -> int:
    """SQLite's primary result code, 0 for errors of other origin."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _hint(engine: sa.Engine) -> str:
    if engine.dialect.name == "postgresql":
        return "check the address in `--db` or RECOVERY_DATABASE_URL, and that the server can be reached"
    return "name another database with `--db URL`"

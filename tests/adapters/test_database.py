"""The database as a file and as a schema: opened, made, upgraded, refused, set aside, claimed by processes at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from recovery.adapters.database import schema
from recovery.adapters.database.connection import BUSY_SECONDS, make_engine, make_url, reading, writing
from recovery.adapters.database.engine import bring_up_to_date, open_store
from recovery.adapters.database.migrating import MIGRATIONS, configuration, upgrade
from recovery.errors import InputError, RecoveryError, StateError
from recovery.models.records import PipelineFailure
from tests import builders as make

ROOT = Path(__file__).parents[2]
NOBODY = 65534

SEED = """
CREATE TABLE workflow_checkpoints (
    id TEXT PRIMARY KEY,
    repository TEXT NOT NULL,
    workflow_name TEXT NOT NULL,
    run_id TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    checkpoint_type TEXT NOT NULL,
    checkpoint_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    workflow_state TEXT DEFAULT '{}',
    environment_context TEXT DEFAULT '{}',
    dependencies TEXT DEFAULT '[]',
    artifacts TEXT DEFAULT '[]',
    metadata TEXT DEFAULT '{}'
);
CREATE TABLE recovery_states (
    id TEXT PRIMARY KEY,
    failure_id TEXT NOT NULL,
    repository TEXT NOT NULL,
    recovery_type TEXT NOT NULL,
    status TEXT NOT NULL,
    target_checkpoint_id TEXT,
    recovery_plan TEXT DEFAULT '[]',
    started_at TEXT NOT NULL,
    completed_at TEXT,
    progress_steps TEXT DEFAULT '[]',
    recovery_context TEXT DEFAULT '{}',
    rollback_checkpoint_id TEXT,
    corruption_detected BOOLEAN DEFAULT FALSE,
    validation_results TEXT DEFAULT '{}',
    metadata TEXT DEFAULT '{}',
    FOREIGN KEY (failure_id) REFERENCES pipeline_failures (id),
    FOREIGN KEY (target_checkpoint_id) REFERENCES workflow_checkpoints (id),
    FOREIGN KEY (rollback_checkpoint_id) REFERENCES workflow_checkpoints (id)
);
"""
"""The two tables as the project's founding document writes them."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database will be."""
    return tmp_path / "recovery.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """A database of some pages with a failure in it."""
    store = open_store(str(path))
    store.record([make.failure_observed(failure=make.make_failure(job_id=number)) for number in range(200)])
    return path


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program of its own in the project."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def tables_of(path: Path) -> list[tuple[str, str]]:
    """What a file's schema consists of, statement by statement, white space evened out."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [(name, " ".join(sql.split())) for name, sql in found]


@contextmanager
def as_a_user_without_rights() -> Iterator[None]:
    """Let permissions count: root is above them, so be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# ---- schema


def test_newest_version_is_that_of_the_newest_migration() -> None:
    """The constant that spares us the import of Alembic tells the truth."""
    assert schema.NEWEST == ScriptDirectory.from_config(configuration()).get_current_head()


def test_migrations_lead_to_the_schema_that_is_made_at_once(path: Path, tmp_path: Path) -> None:
    """A database upgraded from nothing has the very statements of one made new."""
    migrated = tmp_path / "migrated.db"
    with writing(make_engine(make_url(str(migrated)))) as connection:
        upgrade(connection)

    open_store(str(path))

    assert tables_of(path) == tables_of(migrated)


def test_alembic_finds_nothing_to_add(path: Path) -> None:
    """Tables as declared and tables as migrated are the same to Alembic too."""
    with writing(make_engine(make_url(str(path)))) as connection:
        upgrade(connection)
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)

    expected: list[object] = []
    assert expected == differences


@pytest.mark.parametrize("table", ["workflow_checkpoints", "recovery_states"])
def test_tables_of_the_seed_are_kept_column_for_column(path: Path, table: str) -> None:
    """Names, order, types, NOT NULL, defaults and foreign keys are those of the founding document."""
    open_store(str(path))
    with closing(sqlite3.connect(":memory:")) as seed, closing(sqlite3.connect(path)) as ours:
        seed.executescript(SEED)
        described = [
            (
                # A key may be NULL in SQLite unless told otherwise; ours is told otherwise.
                [
                    (name, kind, bool(needed or key), default, key)
                    for _, name, kind, needed, default, key in connection.execute(
                        "SELECT * FROM pragma_table_info(?)", [table]
                    )
                ],
                sorted(row[2:5] for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", [table])),
            )
            for connection in (seed, ours)
        ]

    assert described[0] == described[1]


def test_failures_have_a_column_for_every_field() -> None:
    """A field added to the record is missed here."""
    assert {"stub", *PipelineFailure.model_fields} == set(schema.pipeline_failures.c.keys())


def test_schema_sql_makes_the_schema(path: Path, tmp_path: Path) -> None:
    """The statements for the documents are the ones that count."""
    written = tmp_path / "written.db"
    with closing(sqlite3.connect(written)) as connection:
        connection.executescript(schema.schema_sql())
    open_store(str(path))

    expected = [made for made in tables_of(path) if made[0] != "alembic_version"]
    assert expected == tables_of(written)


def test_foreign_keys_are_enforced(path: Path) -> None:
    """A link to a recovery that does not exist is refused."""
    store = open_store(str(path))
    orphan = {"recovery_id": "rec-1", "failure_id": "fail-1", "is_lead": True, "run_id": 1, "attempt": 1}

    with pytest.raises(StateError, match="FOREIGN KEY"), writing(store.engine) as connection:
        connection.execute(sa.insert(schema.recovery_failures), orphan)


def test_one_file_is_all_there_is(filled: Path) -> None:
    """Nothing lies beside the file between transactions: it is what the cache saves."""
    assert [filled.name] == [found.name for found in filled.parent.iterdir()]


# ---- opening


@pytest.mark.parametrize(("form", "name"), [("{}", "50% off?.db"), ("sqlite:///{}", "recovery.db")])
def test_path_and_address_mean_a_file(tmp_path: Path, form: str, name: str) -> None:
    """A plain path will do, whatever is in it; folders are made."""
    target = tmp_path / "new" / "folder" / name

    open_store(form.format(target))

    assert [target] == list(target.parent.iterdir())


@pytest.mark.parametrize(
    "url", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=ro", "mysql://u:secret@h/d", "a://"]
)
def test_address_of_no_supported_kind_is_refused(url: str) -> None:
    """The error shows what may be written, and no password."""
    with pytest.raises(InputError) as caught:
        open_store(url)

    assert "postgresql://" in str(caught.value.hint)
    assert "secret" not in f"{caught.value}{caught.value.hint}"


def test_server_that_does_not_answer_is_one_clear_error() -> None:
    """The error names the server and keeps the password."""
    with pytest.raises(StateError, match=r"postgresql\+psycopg://user:\*\*\*@127\.0\.0\.1:1/none") as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/none")

    assert "secret" not in str(caught.value)


def test_up_to_date_database_is_opened_without_alembic(filled: Path) -> None:
    """Neither making nor opening a database imports Alembic, which takes longer than all the rest."""
    code = (
        "import sys; from recovery.adapters.database.engine import open_store;"
        "open_store(sys.argv[1]); open_store(sys.argv[2]); print('alembic' in sys.modules)"
    )

    done = run_python(code, filled, filled.with_name("fresh.db"))

    expected = "False\n"
    assert expected == done.stdout, done.stderr


def test_version_that_no_migration_starts_from_is_one_clear_error(path: Path) -> None:
    """Alembic's own complaint reaches nobody."""
    with writing(make_engine(make_url(str(path)))) as connection:
        schema.bookkeeping.create_all(connection)
        connection.execute(sa.insert(schema.alembic_version), {"version_num": "0000"})

    with pytest.raises(StateError, match="0000"):
        open_store(str(path))


def outgrow(path: Path) -> None:
    """Let a later version of this program have written it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def test_newer_schema_is_refused_and_left_alone(filled: Path) -> None:
    """The error says which version it is and that this program is older."""
    outgrow(filled)
    before = filled.read_bytes()

    with pytest.raises(StateError, match=r"schema version 9999; this program is older") as caught:
        open_store(str(filled))

    assert "newer version" in str(caught.value.hint)
    assert before == filled.read_bytes()


FOREIGN = [
    "CREATE TABLE events (id INTEGER)",
    "CREATE TABLE alembic_version (version_num TEXT)",
    "CREATE TABLE alembic_version AS SELECT 'ae1027a6acf' AS version_num",
]


@pytest.mark.parametrize("statement", FOREIGN)
def test_database_of_another_program_is_refused_and_left_alone(path: Path, statement: str) -> None:
    """Tables of the same name are not taken over, other programs' migrations not continued."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()

    with pytest.raises(StateError, match=r"did not make|another program"):
        open_store(str(path))

    assert before == path.read_bytes()


@pytest.mark.parametrize("statement", FOREIGN)
def test_database_of_another_program_is_set_aside_when_asked(path: Path, statement: str) -> None:
    """A cache that came from elsewhere is kept as it was, and a new database takes its place."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()

    store = open_store(str(path), set_aside_broken=True)

    assert store.set_aside is not None
    assert before == store.set_aside.read_bytes()
    assert 1 == store.record([make.failure_observed()])


def test_empty_file_becomes_a_database(path: Path) -> None:
    """SQLite leaves an empty file when a writer is killed before its first page: nothing is lost by using it."""
    path.touch()

    store = open_store(str(path), set_aside_broken=True)

    assert (None, 0) == (store.set_aside, store.record([]))


def cut(path: Path) -> None:
    """Lose the second half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace(path: Path) -> None:
    """Put something else in the file's place."""
    path.write_bytes(b"<html>503 Service Unavailable</html>" * 200)


def scribble(path: Path) -> None:
    """Overwrite the first page, except what says that it is SQLite."""
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def forget(path: Path) -> None:
    """Lose a table, as no version of this program does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE recovery_failures")


def rot(path: Path) -> None:
    """Overwrite a page in the middle: only reading all of the file shows it."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)


def narrow(path: Path) -> None:
    """Lose a column, as no version of this program does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE pipeline_failures DROP COLUMN reason")


@pytest.mark.parametrize("damage", [cut, replace, scribble, forget, narrow])
def test_broken_file_is_named_and_left_alone(filled: Path, damage: Callable[[Path], None]) -> None:
    """One clear error with the file's name, a hint, and the file as it was."""
    damage(filled)
    before = filled.read_bytes()

    with pytest.raises(StateError, match=str(filled)) as caught:
        open_store(str(filled))

    assert caught.value.hint is not None
    assert before == filled.read_bytes()


@pytest.mark.parametrize("damage", [cut, replace, scribble, forget, narrow, rot, outgrow])
def test_broken_file_is_set_aside_when_asked(filled: Path, damage: Callable[[Path], None]) -> None:
    """It is kept under a new name, never over an older one, and a new database takes its place."""
    older = filled.with_name("recovery.db.broken-1")
    older.write_text("older")
    damage(filled)
    before = filled.read_bytes()

    store = open_store(str(filled), set_aside_broken=True)

    aside = filled.with_name("recovery.db.broken-2")
    assert (aside, before, "older") == (store.set_aside, aside.read_bytes(), older.read_text())
    assert store.record([make.failure_observed()]) == 1


def test_sound_file_is_not_set_aside(filled: Path) -> None:
    """Reading all of a sound file changes nothing."""
    store = open_store(str(filled), set_aside_broken=True)

    assert (None, make.make_failure(job_id=7)) == (store.set_aside, store.failure("fail-1001-1-7"))


def test_damage_found_later_is_one_clear_error(filled: Path) -> None:
    """A file that breaks while it is in use gives a StateError, not a vendor's."""
    store = open_store(str(filled))
    cut(filled)

    with pytest.raises(StateError, match="malformed") as caught:
        store.recoveries()

    assert caught.value.hint is not None


def test_row_that_this_program_did_not_write_is_one_clear_error(filled: Path) -> None:
    """A hostile cache may hold anything."""
    store = open_store(str(filled))
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE pipeline_failures SET failure_class = 'aliens', evidence = '{'")

    with pytest.raises(StateError, match="pipeline_failures"):
        store.failure("fail-1001-1-7")


def test_number_that_no_column_holds_is_one_clear_error(path: Path) -> None:
    """Should a number pass the readers that no column holds, nothing of the batch is recorded."""
    store = open_store(str(path))
    huge = make.failure_observed(failure=make.make_failure().model_copy(update={"job_id": 2**70}))

    with pytest.raises(StateError):
        store.record([make.recovery_decided(), huge])

    assert store.recoveries() == ()


def test_nul_in_a_name_is_recorded_once(path: Path) -> None:
    """PostgreSQL has no NUL in text: it is replaced, in ids alike, so that the same event stays the same."""
    store = open_store(str(path))
    event = make.failure_observed(id="event\0", failure=make.make_failure(id="fail\0", job_name="a\0b"))

    counted = [store.record([event]), store.record([event])]

    failure = store.failure("fail\0")
    assert failure is not None
    assert ([1, 0], "a\ufffdb") == (counted, failure.job_name)


# ---- places that cannot be used


def test_directory_is_no_database(tmp_path: Path) -> None:
    """The error says what it is."""
    with pytest.raises(StateError, match="is a directory"):
        open_store(str(tmp_path))


def test_file_in_the_place_of_a_folder_is_one_clear_error(tmp_path: Path) -> None:
    """A path that leads through a file cannot be used."""
    (tmp_path / "file").touch()

    with pytest.raises(StateError, match="cannot be used"):
        open_store(str(tmp_path / "file" / "recovery.db"))


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "exists", "said"),
    [
        (0o000, 0o666, True, "cannot be used|cannot be read"),
        (0o555, 0o666, True, "folder .* cannot be read and written"),
        (0o555, 0o666, False, "folder .* cannot be read and written"),
        (0o777, 0o444, True, "database .* cannot be read and written"),
        (0o777, 0o000, True, "database .* cannot be read and written"),
    ],
)
def test_place_without_rights_is_one_clear_error(
    tmp_path: Path, folder_mode: int, file_mode: int, exists: bool, said: str
) -> None:
    """Folder or file without the rights: an error that says which, before SQLite is asked."""
    for ancestor in [tmp_path, *tmp_path.parents]:
        if ancestor.stat().st_uid == os.geteuid() and str(ancestor).startswith("/tmp/"):  # noqa: S108
            ancestor.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "recovery.db"
    if exists:
        open_store(str(path))
        path.chmod(file_mode)
    folder.chmod(folder_mode)

    try:
        with as_a_user_without_rights(), pytest.raises(StateError, match=said) as caught:
            open_store(str(path), set_aside_broken=True)
    finally:
        folder.chmod(0o755)

    assert caught.value.hint is not None


def test_lock_that_is_held_too_long_is_one_clear_error(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits in vain is told that another process holds the lock."""
    monkeypatch.setattr("recovery.adapters.database.connection.BUSY_SECONDS", 0.05)
    store = open_store(str(filled))
    with closing(sqlite3.connect(filled, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="locked by another process"):
            store.record([make.recovery_decided()])

    assert BUSY_SECONDS >= 10


# ---- processes at once, processes killed

# Each of these programs imports once and forks, so that its children begin in the same moment.
OPEN_AND_CLAIM = """
import os, sys
from recovery.adapters.database.engine import open_store
from recovery.models.decision import Reason, ReasonId
from tests import builders as make

against = Reason(id=ReasonId.ALREADY_DECIDED, text="There is a recovery already.")
go, start = os.pipe()

def claim(number):
    header = make.make_header(id=f"rec-1001-1-{number}")
    events = [make.recovery_decided(id=f"event-{number}", plan=make.make_plan(header=header))]
    os.close(start)
    os.read(go, 1)
    store = open_store(sys.argv[1], set_aside_broken=True)
    refused = store.claim(header, events, lambda known: against if known else None)
    os.write(1, b"refused " if refused else b"admitted ")

children = []
for number in range(6):
    child = os.fork()
    if child == 0:
        claim(number)
        os._exit(0)
    children.append(child)
os.close(start)
codes = [os.waitpid(child, 0)[1] for child in children]
sys.exit(max(codes) != 0)
"""


@pytest.mark.skipif(os.name != "posix", reason="forks")
@pytest.mark.parametrize("state", ["absent", "there", "broken"])
def test_of_many_processes_exactly_one_claims(path: Path, state: str) -> None:
    """Processes that make, open or set aside the database at once all succeed, and one claim is admitted."""
    if state == "there":
        open_store(str(path))
    if state == "broken":
        replace(path)

    done = run_python(OPEN_AND_CLAIM, path)

    broken = {f"{path.name}.broken-1"} if state == "broken" else set()
    assert (["admitted", *["refused"] * 5], {path.name, *broken}) == (
        sorted(done.stdout.split()),
        {found.name for found in path.parent.iterdir()},
    ), done.stderr


KILLED_WHILE_MAKING = """
import os, signal, sys
import sqlalchemy as sa
from recovery.adapters.database.connection import make_engine, make_url
from recovery.adapters.database.engine import bring_up_to_date

engine = make_engine(make_url(sys.argv[1]))
statements = 0

@sa.event.listens_for(engine, "after_cursor_execute")
def kill(*_):
    global statements
    statements += 1
    if statements == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

bring_up_to_date(engine)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("statement", [2, 25])
def test_process_killed_while_making_the_schema_leaves_none(path: Path, tmp_path: Path, statement: int) -> None:
    """Whoever comes next makes it whole."""
    done = run_python(KILLED_WHILE_MAKING, path, statement)
    left = tables_of(path)

    open_store(str(path))
    open_store(str(tmp_path / "other.db"))

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ([], tables_of(tmp_path / "other.db")) == (left, tables_of(path))


NEXT_MIGRATION = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

def upgrade():
    op.add_column("events", sa.Column("first", sa.Text))
    op.create_table("second", sa.Column("id", sa.Text, primary_key=True))
    # More than the page cache holds, so that half of the migration reaches the file.
    op.execute("PRAGMA cache_size=5")
    op.execute("UPDATE events SET first = hex(randomblob(4000))")
    if os.environ.get("KILL"):
        os.kill(os.getpid(), signal.SIGKILL)
"""

UPGRADE = """
import sys
from pathlib import Path
from recovery.adapters.database.connection import make_engine, make_url, writing
from recovery.adapters.database.migrating import upgrade

with writing(make_engine(make_url(sys.argv[1]))) as connection:
    upgrade(connection, Path(sys.argv[2]))
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """This program's migrations with one more."""
    folder = tmp_path / "50% migrations"
    (folder / "versions").mkdir(parents=True)
    for source in (*MIGRATIONS.glob("*.py"), *MIGRATIONS.glob("versions/v*.py")):
        (folder / source.relative_to(MIGRATIONS)).write_text(source.read_text())
    (folder / "versions" / "v0003_next.py").write_text(NEXT_MIGRATION)
    return folder


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_process_killed_while_migrating_leaves_the_old_schema(
    filled: Path, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, columns and rows are those of before, and the next process can do it again."""
    before = tables_of(filled)

    monkeypatch.setenv("KILL", "1")
    killed = run_python(UPGRADE, filled, migrations)
    hot = filled.with_name("recovery.db-journal").exists()
    after = tables_of(filled)
    known = open_store(str(filled)).failure("fail-1001-1-7")
    monkeypatch.delenv("KILL")
    done = run_python(UPGRADE, filled, migrations)

    assert (-signal.SIGKILL, True, before, make.make_failure(job_id=7), 0) == (
        killed.returncode,
        hot,
        after,
        known,
        done.returncode,
    ), done.stderr
    assert "second" in dict(tables_of(filled))


def test_migration_that_fails_leaves_the_old_schema(filled: Path, migrations: Path) -> None:
    """An error inside a migration takes back everything before it."""
    (migrations / "versions" / "v0003_next.py").write_text(f"{NEXT_MIGRATION}\n    raise ZeroDivisionError\n")
    before = tables_of(filled)

    with pytest.raises(ZeroDivisionError), writing(make_engine(make_url(str(filled)))) as connection:
        upgrade(connection, migrations)

    assert before == tables_of(filled)


def test_making_the_schema_twice_changes_nothing(filled: Path) -> None:
    """Whoever waited for another process to make the schema finds it made."""
    store = open_store(str(filled))

    bring_up_to_date(store.engine)

    with reading(store.engine) as connection:
        expected = 200
        assert expected == connection.scalar(sa.select(sa.func.count()).select_from(schema.events))


def test_state_errors_are_recovery_errors() -> None:
    """The front doors catch one root."""
    assert issubclass(StateError, RecoveryError)

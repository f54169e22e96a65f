"""The command line, as people and scripts start it: answers on stdout, progress and one error line on stderr."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.adapters.database.engine import open_store
from recovery.cli import main
from recovery.cli.parser import build_parser
from recovery.errors import error_classes
from recovery.rehearsal.records import Run
from tests.integration.doors import HEAVY, ROOT, Ended, shell, start
from tests.integration.stage import TEST_LOG, Stage, broken_job

COMMANDS = (
    "create-checkpoint",
    "initiate",
    "status",
    "dashboard",
    "rollback",
    "observe",
    "recover",
    "sweep",
    "holds",
    "classify",
    "rehearse",
)
CHECKPOINT = (
    *("--repository", "repo/name", "--workflow-name", "CI", "--run-id", "run_123", "--commit-sha", "abc123"),
    *("--checkpoint-type", "job", "--checkpoint-name", "tests_passed"),
)
UNDECODABLE = os.fsdecode(b"caf\xe9")
Command = Callable[..., Ended]


@pytest.fixture
def recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, in an empty folder: quick, for what does not depend on being a process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def at_github(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The stage, with a shell that is set up for it and a configuration that waits for nothing."""
    for name, value in shell(stage.server).items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "recovery.yml").write_text("version: 1\nretry-delay: 0\nmax-inline-delay: 0\n")
    return stage


def failed(stage: Stage) -> Run:
    """The usual failed run."""
    return stage.failed_run()


# --- the seed's five commands ---------------------------------------------------------------------------------------


def test_seeds_commands_work_as_written(tmp_path: Path) -> None:
    """`python main.py recovery …`, word for word: what is on record is shown, what is not is said."""
    program = str(ROOT / "main.py")

    def python_main(*arguments: str) -> Ended:
        return start(program, "recovery", *arguments, folder=tmp_path)

    created = python_main("create-checkpoint", *CHECKPOINT)
    assert (0, []) == (created.code, created.errors)
    dashboard = python_main("dashboard", "--repository", "repo/name")
    assert (0, []) == (dashboard.code, dashboard.errors)
    for arguments in (
        ("initiate", "--failure-id", "failure_123"),
        ("initiate", "--failure-id", "failure_123", "--type", "resume"),
        ("status", "--recovery-id", "recovery_456"),
        ("rollback", "--checkpoint-id", "checkpoint_789", "--reason", "manual_fix"),
    ):
        ended = python_main(*arguments)
        assert (4, 1) == (ended.code, len(ended.errors)), arguments
        assert arguments[2] in ended.errors[0]
        assert "Traceback" not in ended.err


def test_checkpoint_is_recorded_as_given(recovery: Command) -> None:
    """`--json` prints the checkpoint with the seed's fields, and the dashboard counts it."""
    created = json.loads(recovery("create-checkpoint", *CHECKPOINT, "--state", '{"step": "test"}', "--json").out)

    assert ("repo/name", "run_123", "job", "tests_passed", {"step": "test"}) == (
        created["repository"],
        created["run_id"],
        created["checkpoint_type"],
        created["checkpoint_name"],
        created["workflow_state"],
    )
    numbers = json.loads(recovery("dashboard", "--repository", "repo/name", "--json").out)
    assert 1 == numbers["checkpoint_status"]["available"]
    assert created["id"] == numbers["checkpoint_status"]["latest"]["id"]


def test_checkpoint_with_files_is_a_folder_and_a_record(recovery: Command) -> None:
    """`--path` and its like write what `mode: checkpoint` would upload; the record says the same as the manifest."""
    for path in ("work/build/app.o", "work/build/app.tmp", "work/uv.lock"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)

    ended = recovery(
        *("create-checkpoint", *CHECKPOINT, "--state", '{"step": "test"}', "--workspace", "work", "--output", "out"),
        *("--path", "build", "--path", "!**/*.tmp", "--path", "typo", "--dependency", "*.lock"),
        *("--environment", "tool:git", "--environment", "~PATH", "--json"),
    )

    assert (0, "warning: `path`: typo matches nothing\n") == (ended.code, ended.err)
    created = json.loads(ended.out)
    folder = Path("out") / created["id"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert created == {name: value for name, value in manifest.items() if name != "schema_version"}
    assert (["uv.lock"], ["PATH"], ["tests_passed"], 1, []) == (
        created["dependencies"],
        created["metadata"]["compatible"],
        created["metadata"]["done"],
        created["metadata"]["content"]["files"],
        created["artifacts"],
    )
    for pack in created["metadata"]["content"]["packs"]:
        assert pack["size"] == (folder / "packs" / f"{pack['digest']}.zst").stat().st_size
    numbers = json.loads(recovery("dashboard", "--repository", "repo/name", "--json").out)
    assert created["id"] == numbers["checkpoint_status"]["latest"]["id"]


def test_checkpoint_with_files_says_where_it_is(recovery: Command) -> None:
    """One line for people; the next one in the same folder does not hold the first."""
    Path("a.txt").write_text("a")

    for _ in range(2):
        ended = recovery("create-checkpoint", *CHECKPOINT, "--path", ".", "--path", "!*.db")

        assert (0, "") == (ended.code, ended.err)
        assert f"written to {Path('checkpoints') / 'ckpt-'}" in ended.out
        assert " and recorded: 1 file, " in ended.out


def test_dashboard_has_the_seeds_fields(recovery: Command) -> None:
    """The JSON of the dashboard is the seed's, field for field, and more."""
    numbers = json.loads(recovery("dashboard", "--json").out)

    summary = {
        "total_recoveries",
        "successful_recoveries",
        "failed_recoveries",
        "in_progress_recoveries",
        "success_rate",
    }
    assert summary == set(numbers["recovery_summary"])
    assert {"retry", "resume", "rollback"} == set(numbers["recovery_by_type"])
    assert {"total": 0, "successful": 0} == numbers["recovery_by_type"]["retry"]


def test_initiate_recovers_a_failure_on_record(at_github: Stage, recovery: Command) -> None:
    """A failure that an earlier command recorded is recovered by its id, for the reason a person gives."""
    run = at_github.failed_run(broken_job())
    decided = json.loads(recovery("recover", str(run.id), "--json").out)
    assert ["decline"] == [document["decision"] for document in decided]
    failure_id = f"fail-{run.id}-1-{run.latest.jobs[0].id}"

    ended = recovery("initiate", "--failure-id", failure_id, "--type", "retry", "--json")

    assert (0, [201]) == (ended.code, at_github.reruns())
    (document,) = json.loads(ended.out)
    assert ("act", True, f"rec-{run.id}-1-2") == (document["decision"], document["reran"], document["recovery_id"])


def test_initiate_dry_run_changes_nothing(at_github: Stage, recovery: Command) -> None:
    """A dry run of a recorded failure shows the decision only."""
    run = at_github.failed_run(broken_job())
    recovery("recover", str(run.id), "--dry-run")
    recovery("recover", str(run.id))
    written = at_github.writes()

    ended = recovery(
        *("initiate", "--failure-id", f"fail-{run.id}-1-{run.latest.jobs[0].id}"),
        *("--type", "retry", "--dry-run", "--json"),
    )

    assert (0, written) == (ended.code, at_github.writes())
    assert ["act"] == [document["decision"] for document in json.loads(ended.out)]


def test_rollback_to_a_checkpoint_of_no_run(at_github: Stage, recovery: Command) -> None:
    """A checkpoint that was made by hand names no run of GitHub's, so that nothing proves it good."""
    checkpoint = json.loads(recovery("create-checkpoint", *CHECKPOINT, "--repository", "octo/repo", "--json").out)["id"]

    ended = recovery("rollback", "--checkpoint-id", checkpoint, "--reason", "manual_fix")

    assert (12, 1, []) == (ended.code, len(ended.errors), at_github.writes())
    assert "'run_123' is no run of GitHub's" in ended.errors[0]


def test_status_tells_the_steps_of_a_recovery(at_github: Stage, recovery: Command) -> None:
    """`status` shows a recovery for people, and as one document for programs."""
    run = failed(at_github)
    recovery("recover", str(run.id))

    shown = recovery("status", "--recovery-id", f"rec-{run.id}-1-1")
    document = json.loads(recovery("status", "--recovery-id", f"rec-{run.id}-1-1", "--json").out)

    assert 0 == shown.code
    assert "flaky" in shown.out
    assert ("retry", "in_progress") == (document["recovery_type"], document["status"])


# --- ours -------------------------------------------------------------------------------------------------------------


def test_recover_is_one_document_on_stdout_and_progress_on_stderr(at_github: Stage, tmp_path: Path) -> None:
    """The whole way by the command line, as a process; the request log equals the server's."""
    run = failed(at_github)
    log = tmp_path / "requests.jsonl"

    ended = start(
        *("-m", "recovery", "recover", str(run.id), "--json", "--request-log", str(log)),
        folder=tmp_path,
        environment=shell(at_github.server),
    )

    assert 0 == ended.code
    (document,) = json.loads(ended.out)
    assert ("act", True) == (document["decision"], document["reran"])
    assert [201] == at_github.reruns()
    assert str(run.id) in ended.err
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(seen.method, seen.status) for seen in at_github.world.requests] == [
        (line["method"], line["status"]) for line in told
    ]
    assert at_github.world.token not in ended.out + ended.err + log.read_text()


@pytest.mark.parametrize("command", ["observe", "recover"])
def test_logs_are_compared_unless_that_is_refused(
    at_github: Stage, recovery: Command, tmp_path: Path, command: str
) -> None:
    """A green run of the branch is looked at by default, and not at all with `--no-baseline`."""
    spent = []
    for branch, option in (("one", ()), ("other", ("--no-baseline",))):
        run = at_github.failed_run(head_branch=branch)
        at_github.green_run(head_branch=branch)
        log = tmp_path / f"requests-{branch}.jsonl"
        recovery(command, str(run.id), "--request-log", str(log), *option)
        spent.append(sum(json.loads(line)["phase"] == "baseline" for line in log.read_text().splitlines()))

    assert [4, 0] == spent  # three requests and the log's download


def test_recover_settles_when_asked_again(at_github: Stage, recovery: Command) -> None:
    """The second call learns the outcome; there is nothing more to do."""
    run = failed(at_github)
    recovery("recover", str(run.id))

    ended = recovery("recover", str(run.id), "--json")

    assert ["cleared"] == [document["outcome"] for document in json.loads(ended.out)]
    assert [201] == at_github.reruns()


def test_recover_dry_run_writes_nothing(at_github: Stage, recovery: Command) -> None:
    """A dry run leaves GitHub and the database as they are."""
    ended = recovery("recover", str(failed(at_github).id), "--dry-run", "--json")

    assert (0, []) == (ended.code, at_github.writes())
    assert ["act"] == [document["decision"] for document in json.loads(ended.out)]
    assert () == open_store("recovery.db").recoveries()


def test_observe_changes_nothing(at_github: Stage, recovery: Command) -> None:
    """`observe` names the cause; it writes nowhere."""
    ended = recovery("observe", str(failed(at_github).id), "--json")

    assert ["network"] == [failure["failure_class"] for failure in json.loads(ended.out)]
    assert [] == at_github.writes()
    assert () == open_store("recovery.db").recoveries()


def test_sweep_settles_what_recover_left_open(at_github: Stage, recovery: Command) -> None:
    """Off a runner the sweep knows open recoveries from its database."""
    run = failed(at_github)
    recovery("recover", str(run.id))

    ended = recovery("sweep", "--json")

    assert (0, ["cleared"]) == (ended.code, [document["outcome"] for document in json.loads(ended.out)])


def test_sweep_believes_the_workflow_that_is_named(at_github: Stage, recovery: Command) -> None:
    """The command line folds in what recovery runs uploaded, so that a person sees what became of them."""
    run = failed(at_github)
    at_github.use(run).go()

    ended = recovery("sweep", "--json")

    assert ["cleared"] == [document["outcome"] for document in json.loads(ended.out)]
    document = json.loads(recovery("status", "--recovery-id", f"rec-{run.id}-1-1", "--json").out)
    assert "completed" == document["status"]


def test_nothing_to_do_is_an_empty_document(at_github: Stage, recovery: Command) -> None:
    """A pass over nothing prints an empty list."""
    ended = recovery("sweep", "--json")

    assert (0, [], []) == (ended.code, json.loads(ended.out), at_github.writes())


def test_active_run_is_told(at_github: Stage, recovery: Command) -> None:
    """A run that goes on has no failed job yet."""
    run = at_github.failed_run(status="in_progress")

    assert 0 == (ended := recovery("observe", str(run.id))).code
    assert "in_progress" in ended.out


# --- classify ---------------------------------------------------------------------------------------------------------


def test_classify_prints_one_object_a_line_in_the_order_given(recovery: Command, tmp_path: Path) -> None:
    """A line for each file, also for one that cannot be read, which fails the command at the end."""
    (tmp_path / "b.log").write_text(TEST_LOG)
    (tmp_path / "empty.log").touch()
    (tmp_path / "noise.log").write_bytes(bytes(range(256)) * 200)

    ended = recovery("classify", "--json", "b.log", "missing.log", "empty.log", ".", "noise.log")

    documents = [json.loads(line) for line in ended.out.splitlines()]
    assert ["b.log", "missing.log", "empty.log", ".", "noise.log"] == [document["file"] for document in documents]
    assert 3 == ended.code
    assert ["test_failure", None, "no_failure", None, "no_failure"] == [it.get("class") for it in documents]
    assert {"file", "error"} == set(documents[1]) == set(documents[3])
    fields = ["file", "class", "retryable", "confidence", "evidence", "excerpt", "strategy", "fingerprint"]
    assert [*fields, "failed_tests", "reason"] == list(documents[0])
    assert "" == ended.err


def test_classify_for_people_tells_unreadable_files_on_stderr(recovery: Command, tmp_path: Path) -> None:
    """Without `--json` an unreadable file is one error line, and the others are shown."""
    (tmp_path / "b.log").write_text(TEST_LOG)

    ended = recovery("classify", "missing.log", "b.log")

    assert (3, ["error: missing.log: No such file or directory"]) == (ended.code, ended.errors)
    assert "test failure" in ended.out


def test_classify_reads_standard_input(recovery: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEST_LOG.encode())))

    assert "test_failure" == json.loads(recovery("classify", "--json", "-").out)["class"]


def test_classify_reads_200_megabytes_in_bounded_memory(tmp_path: Path) -> None:
    """A log of 200 MB is classified by its end, with line numbers of the whole, in well under its own size."""
    with (tmp_path / "huge.log").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + TEST_LOG.encode())
    # VmHWM and not ru_maxrss, which a child inherits from the test process that started it.
    program = (
        "import re, sys; from recovery.cli import main; code = main(['classify', '--json', 'huge.log']);"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1];"
        "print(peak, file=sys.stderr); sys.exit(code)"
    )

    ended = start("-c", program, folder=tmp_path)

    document = json.loads(ended.out)
    assert (0, "test_failure", 4) == (ended.code, document["class"], document["evidence"][0]["line"])
    assert int(ended.err) < 400 * 1024  # kilobytes; the last 64 MB are kept, in a buffer of twice that


def test_names_that_no_encoding_holds_are_shown(tmp_path: Path) -> None:
    """A file name that is no UTF-8, and a console that knows ASCII only, end neither list nor program."""
    try:
        (tmp_path / os.fsdecode(b"b\xff.log")).write_text(TEST_LOG.replace("test_x", "тест"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    name = os.fsdecode(b"b\xff.log")

    as_json = start("-m", "recovery", "classify", "--json", name, folder=tmp_path)
    as_text = start(*("-m", "recovery", "classify", name), folder=tmp_path, environment={"PYTHONIOENCODING": "ascii"})

    assert name == json.loads(as_json.out)["file"]
    assert (0, 0, "") == (as_json.code, as_text.code, as_text.err)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("explode",),
        ("recover",),
        ("recover", "abc"),
        ("recover", "1", "--strategy", "pray"),
        ("create-checkpoint", "--repository", "o/r"),
        ("create-checkpoint", *CHECKPOINT, "--checkpoint-type", "planet"),
        ("initiate", "--failure-id", "x", "--type", "pray"),
        ("classify",),
        ("status",),
        ("x" * 200_000,),
        ("recover", "x" * 200_000),
        ("recover", "x y\n" * 50_000),
        ("rollback", "--run-id", "9" * 5000),
        ("holds", "x" * 200_000),
        ("status", "--recovery-id", "x", "\x1b[31m\u202e" * 50_000),
    ],
    ids=lambda arguments: str(arguments)[:60],
)
def test_wrong_usage_ends_with_two(recovery: Command, arguments: tuple[str, ...]) -> None:
    """What argparse refuses ends with its own code, in short, on stderr, and leaves no database behind."""
    ended = recovery(*arguments)

    assert (2, "") == (ended.code, ended.out)
    told = ended.err.splitlines()[-1]
    assert ": error: " in told
    assert len(told) < 500
    assert "\x1b" not in told
    assert not Path("recovery.db").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (("recover", "1"), {"GITHUB_REPOSITORY": ""}, (3, "no repository is named")),
        (("recover", "1", "--repository", "justname"), {}, (3, "'justname' does not name a repository")),
        (("recover", "1", "--repository", "a/b c"), {}, (3, "is not a repository")),
        (("recover", "1"), {"GITHUB_TOKEN": ""}, (6, "there is no token")),
        (("observe", "1"), {"GITHUB_TOKEN": ""}, (6, "there is no token")),
        (("sweep",), {"GITHUB_TOKEN": ""}, (6, "there is no token")),
        (("recover", "1"), {"GITHUB_TOKEN": "ghs_wrong"}, (6, "does not accept the token")),
        (("recover", "1"), {}, (7, "no such run")),
        (("observe", "0"), {}, (7, "no such run")),
        (("recover", "1", "--repository", "other/repo"), {}, (7, "no such run")),
        (("recover", "1", "--strategy", "resume"), {}, (7, "no such run")),
        (("recover", "1"), {"GITHUB_API_URL": "nowhere"}, (3, "is not the address of an API")),
        (("dashboard", "--db", "mysql://u:hunter2@h/d"), {}, (3, "is of no supported kind")),
        (("dashboard", "--db", "://"), {}, (3, "cannot be read")),
        (("dashboard", "--db", "sqlite:///."), {}, (5, "is a directory")),
        (("dashboard", "--db", "a\0b"), {}, (3, "the database cannot be named 'a\\x00b'")),
        (("dashboard", "--db", "x" * 200_000), {}, (3, "File name too long")),
        (("dashboard", "--db", f"sqlite:///{'x/' * 5000}"), {}, (3, "File name too long")),
        (("rollback", "--reason", "r", "--db", "x" * 300), {}, (3, "File name too long")),
        (("holds", "--db", "a\0b"), {}, (3, "the database cannot be named")),
        (("holds", "release", "c" * 40, "--db", "x" * 300), {}, (3, "File name too long")),
        (("sweep", "--request-log", "a\0b"), {}, (3, "requests cannot be written down in 'a\\x00b'")),
        (("sweep", "--request-log", "."), {}, (3, "requests cannot be written down in '.': Is a directory")),
        (("recover", "1", "--request-log", "/nowhere/x"), {}, (3, "No such file or directory")),
        (("status", "--recovery-id", UNDECODABLE), {}, (3, "`recovery-id` is not valid Unicode: 'caf\\udce9'")),
        (("initiate", "--failure-id", UNDECODABLE), {}, (3, "`failure-id` is not valid Unicode")),
        (("dashboard", "--repository", UNDECODABLE), {}, (3, "`repository` is not valid Unicode")),
        (("recover", "1", "--reason", UNDECODABLE), {}, (3, "`reason` is not valid Unicode")),
        (("recover", "1", "--reason", "x" * 1001), {}, (3, "input `reason`: String should have at most 1000")),
        (("create-checkpoint", *CHECKPOINT, "--state", UNDECODABLE), {}, (3, "`state` is not valid Unicode")),
        (("create-checkpoint", *CHECKPOINT, "--path", UNDECODABLE), {}, (3, "`path` is not valid Unicode")),
        (("checkpoints", "show", UNDECODABLE), {}, (3, "`checkpoint-id` is not valid Unicode")),
        (("checkpoints", "verify", UNDECODABLE), {}, (3, "`checkpoint` is not valid Unicode")),
        (("checkpoints", "verify", "x" * 5000), {}, (3, "`checkpoint` cannot name 'xxx")),
        (("checkpoints", "verify", "x.zip", "--against", "x" * 5000), {}, (3, "`against` cannot name 'xxx")),
        (("checkpoints", "show", "x" * 5000), {}, (4, "there is no checkpoint xxx")),
        (("restore", "ckpt-" + "x" * 5000), {}, (3, "`checkpoint` cannot name 'ckpt-xxx")),
        (("rehearse", "x" * 5000), {}, (3, "`folder` cannot name 'xxx")),
        (("classify", "a\0b"), {}, (3, "`files` cannot name 'a\\x00b'")),
        (("status", "--recovery-id", "x" * 5000), {}, (4, "there is no recovery xxx")),
        (("recover", "1", "--repository", "x" * 5000), {}, (3, "xxx' does not name a repository")),
        (("dashboard", "--db", f"postgresql://u@{'x' * 300}:1/d"), {}, (5, "cannot be used")),
        (("create-checkpoint", *CHECKPOINT, "--state", "{"), {}, (3, "`state` cannot be kept: it is no JSON")),
        (("create-checkpoint", *CHECKPOINT, "--state", "[]"), {}, (3, "it is no JSON object")),
        (("create-checkpoint", *CHECKPOINT, "--path", "../x"), {}, (3, "must be a path inside the workspace")),
        (("create-checkpoint", *CHECKPOINT, "--path", "missing"), {}, (3, "missing matches no file")),
        (("create-checkpoint", *CHECKPOINT, "--environment", "MY_TOKEN"), {}, (3, "looks like a secret")),
        (("create-checkpoint", *CHECKPOINT, "--dependency", "x.lock"), {}, (3, "x.lock matches no file")),
    ],
)
def test_bad_input_is_one_error_line(
    at_github: Stage,
    recovery: Command,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    expected: tuple[int, str],
) -> None:
    """Whatever is wrong: one line that says what, the documented code, nothing on stdout, nothing sent or recorded."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ended = recovery(*arguments)

    code, words = expected
    assert (code, 1, "") == (ended.code, len(ended.errors), ended.out)
    assert words in ended.errors[0]
    assert "Traceback" not in ended.err
    assert len(ended.errors[0]) < 600
    assert "hunter2" not in ended.err
    assert [] == at_github.writes()


@pytest.mark.parametrize(
    "text", ["version: 1\nmax-attempt: 3\n", "nonsense", "version: 1\n a: [", "version: 1\nx: 2026-13-45\n"]
)
def test_bad_configuration_is_one_error_line(at_github: Stage, recovery: Command, tmp_path: Path, text: str) -> None:
    """The file in the folder is read by the command line too."""
    (tmp_path / ".github" / "recovery.yml").write_text(text)

    ended = recovery("recover", str(failed(at_github).id))

    assert (3, 1) == (ended.code, len(ended.errors))
    assert ".github/recovery.yml" in ended.errors[0]
    assert [] == at_github.world.requests


@pytest.mark.parametrize("command", [("status", "--recovery-id", "x"), ("dashboard",), ("recover", "1"), ("sweep",)])
def test_corrupt_database_is_an_error_and_left_alone(
    at_github: Stage, recovery: Command, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """On the command line a broken database is not set aside: the person decides."""
    path = tmp_path / "recovery.db"
    path.write_bytes(b"this is no database, however long one looks at it" * 100)
    before = path.read_bytes()

    ended = recovery(*command)

    assert (5, 1) == (ended.code, len(ended.errors))
    assert "recovery.db" in ended.errors[0]
    assert before == path.read_bytes()
    assert [] == at_github.world.requests


def test_newer_database_is_an_error_and_left_alone(recovery: Command, tmp_path: Path) -> None:
    """A database of a later version is named as one."""
    path = tmp_path / "recovery.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999');"
    )
    connection.close()
    before = path.read_bytes()

    ended = recovery("dashboard")

    assert (5, 1) == (ended.code, len(ended.errors))
    assert "9999" in ended.errors[0]
    assert before == path.read_bytes()


def test_password_of_the_database_is_never_shown(recovery: Command) -> None:
    """The error about a connection that fails names the database without it."""
    ended = recovery("status", "--recovery-id", "x", "--db", "postgresql://user:hunter2@127.0.0.1:1/db")

    assert 5 == ended.code
    assert "hunter2" not in ended.out + ended.err


def test_refused_rerun_prints_the_decision_and_ends_with_its_code(
    at_github: Stage, recovery: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed effect is told after the document, not instead of it."""
    run = failed(at_github)
    at_github.world.credentials["ghs_reader"] = at_github.world.credentials[
        at_github.world.issue_token(None, {"actions": "read", "pull-requests": "write", "contents": "read"})
    ]
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_reader")

    ended = recovery("recover", str(run.id), "--json")

    assert (7, 1) == (ended.code, len(ended.errors))
    assert "actions: write" in ended.err
    assert ["failed"] == [document["status"] for document in json.loads(ended.out)]


# --- help -------------------------------------------------------------------------------------------------------------


def test_every_command_has_help_with_an_example_and_imports_nothing_heavy(tmp_path: Path) -> None:
    """`--help` of the program and of each command starts fast, and shows how the command is used."""
    program = f"""
import contextlib, io, json, sys
from recovery.cli import main
texts = {{}}
for command in {COMMANDS!r}:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([command, "--help"])
    texts[command] = said.getvalue()
print(json.dumps([texts, sorted(set({HEAVY!r}) & set(sys.modules))]))
"""
    ended = start("-c", program, folder=tmp_path)

    texts, heavy = json.loads(ended.out)
    assert [] == heavy
    assert [] == [command for command, text in texts.items() if f"example:\n  recovery {command}" not in text]
    assert [] == list(tmp_path.iterdir())


def test_help_lists_every_command_and_exit_code() -> None:
    """The overview names each command, and each code with its meaning."""
    text = build_parser().format_help()

    listed = [line.split()[0] for line in text.splitlines() if line.startswith("    ") and line[4] != " "]
    assert [] == [command for command in COMMANDS if command not in listed]
    codes = {error.exit_code for error in error_classes()} | {0, 1, 2}
    assert [] == [code for code in codes if f"  {code:>3}  " not in text]


def test_leading_word_recovery_is_dropped(recovery: Command) -> None:
    """`recovery recovery dashboard` is what `main.py recovery dashboard` becomes."""
    assert recovery("dashboard").out == recovery("recovery", "dashboard").out


def test_version_is_told(recovery: Command) -> None:
    """`--version` names the program."""
    assert recovery("--version").out.startswith("recovery ")


@pytest.mark.parametrize("arguments", [("dashboard",), ("dashboard", "--json"), ("classify", "--json", "empty.log")])
def test_reader_that_goes_away_is_no_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`recovery … | head` ends in silence."""
    (tmp_path / "empty.log").touch()
    program = (
        "import os, subprocess, sys; read, write = os.pipe(); os.close(read);"
        "sys.exit(subprocess.run([sys.executable, '-m', 'recovery', *sys.argv[1:]], stdout=write).returncode)"
    )

    ended = start("-c", program, *arguments, folder=tmp_path)

    assert (0, "") == (ended.code, ended.err)

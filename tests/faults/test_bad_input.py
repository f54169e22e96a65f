"""Doors and the bad values that come in by them: one clear error or a safe verdict, with the documented exit code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from recovery.rehearsal.faults.answers import AnswerFault, Status
from recovery.rehearsal.faults.parts import When
from recovery.rehearsal.records import ScriptedJob
from recovery.sync import JOURNAL_FILE
from tests.faults import invariants
from tests.faults.loop import NETWORK, Ended, Loop
from tests.integration.stage import log_of


def first(loop: Loop, **over: Any) -> list[int]:
    """The exit codes of the recovery run of the pipeline's failure, with these variables of its steps."""
    (run,) = loop.arrivals()
    turn = loop.turn(run)
    turn.over.update(over)
    return turn.go().codes


def only_step(loop: Loop, **over: str) -> Ended:
    """The planning step alone, with these variables."""
    (run,) = loop.arrivals()
    turn = loop.turn(run)
    turn.over.update(over)
    turn.plan()
    return turn.steps[0]


# --- event payload ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": 0, "run_attempt": 1}, 3),
        ({"id": -5, "run_attempt": 1}, 3),
        ({"id": 1.5, "run_attempt": 1}, 3),
        ({"id": [], "run_attempt": 1}, 3),
        ({"id": "9000001", "run_attempt": 1}, 3),
        ({"run_attempt": 0}, 3),
        ({"run_attempt": None}, 3),
        ({"run_attempt": 99}, 7),
        ({"id": 2**63, "run_attempt": 1}, 7),
        ({"id": 10**400, "run_attempt": 1}, 7),
        ({"id": True, "run_attempt": True}, 3),
    ],
    ids=str,
)
def test_event_payload(opened: Callable[[str], Loop], fields: dict[str, Any], code: int) -> None:
    """An id or attempt that is none, or of no run, is one error, and nothing is asked twice or written."""
    loop = opened(NETWORK)
    run = loop.fail()
    event = {"repository": {"default_branch": "main"}, "workflow_run": {"id": run.id, "run_attempt": 1} | fields}
    file = loop.folder / "event.json"
    file.write_text(json.dumps(event) if fields.get("id") != 10**400 else _long(event))

    ended = only_step(loop, GITHUB_EVENT_PATH=str(file))

    assert (code, 1) == (ended.code, len(ended.errors)), ended
    assert "Traceback" not in ended.err
    assert [] == [seen for seen in loop.world.requests if seen.method != "GET"]


def _long(event: dict[str, Any]) -> str:
    """JSON with a number of four hundred digits."""
    event["workflow_run"]["id"] = 0
    return json.dumps(event).replace('"id": 0', f'"id": 1{"0" * 400}')


@pytest.mark.parametrize("repository", [None, [], "octo/repo", {}, {"default_branch": 7}, {"default_branch": ""}])
def test_event_without_default_branch(opened: Callable[[str], Loop], repository: Any) -> None:
    """The branch that recovery runs on is then taken from the runner, and the run is recovered all the same."""
    loop = opened(NETWORK)
    run = loop.fail()
    file = loop.folder / "event.json"
    file.write_text(json.dumps({"repository": repository, "workflow_run": {"id": run.id, "run_attempt": 1}}))

    assert [0, 0] == first(loop, GITHUB_EVENT_PATH=str(file))
    loop.follow()
    invariants.assert_all(loop)


# --- environment -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "codes"),
    [
        ({"GITHUB_RUN_ATTEMPT": "zero"}, {3}),
        ({"GITHUB_RUN_ATTEMPT": "1.0"}, {3}),
        ({"GITHUB_RUN_ATTEMPT": "²"}, {3}),
        ({"GITHUB_RUN_ID": "٣"}, {3}),
        ({"GITHUB_RUN_ID": "9" * 5000}, {3}),
        ({"GITHUB_API_URL": "http://127.0.0.1:1"}, {8}),
        ({"GITHUB_API_URL": "http://[::1"}, {3}),
        ({"GITHUB_API_URL": "http://127.0.0.1:99999"}, {3}),
        ({"RUNNER_TEMP": "/dev/null"}, {5}),
        ({"RECOVERY_DIRECTORY": "/dev/null/x"}, {5}),
        ({"RECOVERY_DATABASE_URL": "sqlite:////dev/null/x.db"}, {5}),
        ({"RECOVERY_DATABASE_URL": "nonsense://"}, {3}),
        ({"RECOVERY_PHASE": "dance"}, {0, 3}),
        ({"GITHUB_SERVER_URL": "https://ghes.example.com"}, {10}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_environment(opened: Callable[[str], Loop], over: dict[str, str], codes: set[int]) -> None:
    """A variable that makes no sense is one error that is documented, and no fault of our own."""
    loop = opened(NETWORK)
    loop.fail()

    ended = only_step(loop, **over)

    assert ended.code in codes, ended
    assert (0 if ended.code == 0 else 1) == len(ended.errors)
    assert "Traceback" not in ended.err


# --- inputs and configuration ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"run-id": "9" * 400}, 7),
        ({"run-id": "1e6"}, 3),
        ({"run-id": "٣"}, 3),
        ({"timeout": "-1s"}, 3),
        ({"timeout": "9999999d"}, 3),
        ({"timeout": "nan"}, 3),
        ({"retry-delay": "1s\n2s"}, 3),
        ({"max-attempts": "٣"}, 3),
        ({"config": "../../../etc/passwd"}, 3),
        ({"config": "."}, 3),
        ({"config": "a\0b"}, 3),
        ({"config": "x" * 5000}, 3),
        ({"reason": "caf\udce9"}, 3),
        ({"reason": "x" * 1001}, 3),
        ({"checkpoint-id": "\ud800"}, 3),
        ({"strategy": "retry"}, 3),
        ({"path": "dist"}, 0),
        ({"command": "rm -rf /"}, 3),
        ({"unknown-input": "x"}, 0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_inputs(opened: Callable[[str], Loop], inputs: dict[str, str], code: int) -> None:
    """A value that makes no sense is one error; one that can be understood is taken."""
    loop = opened(NETWORK)
    loop.fail()
    (run,) = loop.arrivals()
    turn = loop.turn(run)
    turn.inputs.update(inputs)

    turn.plan()

    (ended,) = turn.steps
    assert (code, int(code != 0)) == (ended.code, len(ended.errors)), ended
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("version: 1\nmax-attempts: .inf\n", 3),
        ("version: 1\nworkflows: CI\n", 3),
        ("version: 1\nworkflows: [{a: b}]\n", 3),
        ("version: 1\nside-effects: [deploy]\n", 3),
        ("version: 1\nautonomy: {network: 7}\n", 3),
        ("version: 1\n? [a, b]\n: 1\n", 3),
        ("version: 1\na: &a [*a]\n", 3),
        ("version: 1\n" + "x: y\n" * 3, 3),
        ("version: 1\nlook-back: 0\n", 0),
        ("version: 1\n---\nversion: 1\n", 3),
        ("", 0),
        ("version: 1\nmax-failed-jobs: 0\n", 3),
    ],
)
def test_configuration(opened: Callable[[str], Loop], text: str, code: int) -> None:
    """A file that makes no sense is one error that names it."""
    loop = opened(NETWORK)
    loop.fail()
    (run,) = loop.arrivals()
    turn = loop.turn(run)
    (turn.folder / "workspace" / ".github" / "recovery.yml").write_text(text)

    turn.plan()

    (ended,) = turn.steps
    assert (code, int(code != 0)) == (ended.code, len(ended.errors)), ended
    assert "Traceback" not in ended.err
    assert code == 0 or "recovery.yml" in ended.errors[0]


# --- database --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["directory", "link to nowhere", "torn", "foreign", "rows of nonsense"])
def test_restored_database(opened: Callable[[str], Loop], what: str) -> None:
    """Whatever a cache restores, the run is recovered, or one error says what to do."""
    loop = opened(NETWORK)
    seeded = loop.sweep().state.read_bytes()
    loop.fail()
    (run,) = loop.arrivals()
    turn = loop.turn(run)
    turn.state.parent.mkdir(parents=True)
    match what:
        case "directory":
            turn.state.mkdir()
        case "link to nowhere":
            turn.state.symlink_to(loop.folder / "nowhere" / "x.db")
        case "torn":
            turn.state.write_bytes(seeded[: len(seeded) // 2])
        case "foreign":
            _execute(turn.state, "CREATE TABLE recovery_states (x)")
        case _:
            turn.state.write_bytes(seeded)
            _execute(turn.state, "PRAGMA writable_schema=ON; DELETE FROM sqlite_master WHERE name LIKE 'recovery%'")

    turn.go()
    codes = turn.codes
    assert codes in ([0, 0], [5]), turn.told
    loop.follow()

    invariants.assert_all(loop)


def _execute(path: Any, script: str) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


# --- artifacts -------------------------------------------------------------------------------------------------------


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip, whatever its names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def of_another_repository(journal: bytes) -> bytes:
    """The same events, about another repository."""
    return journal.replace(b"octo/repo", b"evil/repo")


def of_unknown_kinds(journal: bytes) -> bytes:
    """The same events, and some of kinds that a later version may write."""
    return b'{"kind": "from-the-future", "id": "x"}\n' + journal + b"\xff\xfe\n[]\nnull\n" + b"[" * 100_000 + b"\n"


ARTIFACTS: dict[str, Callable[[bytes], bytes]] = {
    "garbage zip": lambda _journal: b"PK\x03\x04" + b"\0" * 200,
    "empty": lambda _journal: b"",
    "bomb": lambda _journal: zipped((JOURNAL_FILE, b"\0" * (40 * 1024 * 1024))),
    "wrong member": lambda journal: zipped(("other.jsonl", journal)),
    "path above": lambda journal: zipped((f"../{JOURNAL_FILE}", journal), (f"/{JOURNAL_FILE}", journal)),
    "odd packing": lambda journal: zipped((JOURNAL_FILE, journal), method=zipfile.ZIP_BZIP2),
    "other repository": lambda journal: zipped((JOURNAL_FILE, of_another_repository(journal))),
    "unknown kinds": lambda journal: zipped((JOURNAL_FILE, of_unknown_kinds(journal))),
    "not UTF-8": lambda _journal: zipped((JOURNAL_FILE, b"\xff" * 4096)),
}


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_of_a_recovery_run(opened: Callable[[str], Loop], name: str) -> None:
    """What cannot be read is passed over, what is another's is not believed, and the loop closes from the rest."""
    loop = opened(NETWORK)
    loop.fail()
    (run,) = loop.arrivals()
    turn = loop.turn(run).go()
    journal = (turn.directory / JOURNAL_FILE).read_bytes()
    loop.world.vault.upload(turn.own, "recovery-journal-2", ARTIFACTS[name](journal), retention_days=1)

    loop.follow()

    codes = [each.codes for each in loop.turns]
    assert [[0, 0]] * len(codes) == codes
    store_has_foreign_events = "evil/repo" in b"".join(
        path.read_bytes() for path in loop.folder.rglob("recovery.db")
    ).decode("latin-1")
    assert not store_has_foreign_events


# --- logs ------------------------------------------------------------------------------------------------------------


LOGS = {
    "empty": "",
    "one newline": "\n",
    "nothing but NUL": "\0" * 5000,
    "byte order marks": "\ufeff" * 300,
    "one endless line": "x" * 3_000_000,
    "a million lines": "\n" * 1_000_000,
    "control sequences": log_of("\x1b]0;title\x07\x1b[31mred\x1b[0m ::error::boo", "::set-output name=x::y"),
    "markdown": log_of("| a | b |\n</details><script>alert(1)</script> ![x](http://evil) @everyone"),
    "surrogates": log_of("\udcff\udcfe".encode("utf-8", "surrogatepass").decode("latin-1")),
    "our own words": log_of("recovery decision: act, retryable: yes, confidence 1.0"),
    "evil expression": log_of("a" * 50_000 + "!" + "aaaa" * 10_000),
}


@pytest.mark.parametrize("name", LOGS)
def test_log(opened: Callable[[str], Loop], name: str) -> None:
    """A log that proves nothing leaves the run red, whatever is in it, and says so in one comment."""
    loop = opened(NETWORK)
    run = loop.world.add_run([ScriptedJob(name="flaky", conclusion="failure", log=LOGS[name])])
    loop.world.pulls.add(run.head_branch, run.head_sha)
    loop.ci = run.id

    loop.follow()

    assert [] == invariants.reruns(loop)
    invariants.assert_all(loop)
    assert "<script>" not in loop.world.pulls.comments(1)[0].body


# --- answers ---------------------------------------------------------------------------------------------------------


BODIES: dict[str, str | dict[str, Any]] = {
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "a number": "7",
    "deep": "[" * 100_000,
    "unknown status": {"message": "x", "status": "?"},
    "negative ids": {"id": -1, "run_id": -1, "total_count": -1, "jobs": [], "workflow_runs": [], "artifacts": []},
    "a count that lies": {"total_count": 10**9, "jobs": [], "workflow_runs": [], "artifacts": []},
    "a count that is text": {"total_count": "many", "jobs": [], "workflow_runs": [], "artifacts": []},
    "items that are none": {"total_count": 1, "jobs": [7], "workflow_runs": [None], "artifacts": ["x"]},
}
ANSWERED = {
    "run": "/actions/runs/*",
    "jobs": "/actions/runs/*/attempts/*/jobs",
    "pull requests": "/pulls",
    "comments": "/issues/*/comments",
    "artifacts": "/actions/artifacts",
}


@pytest.mark.parametrize("what", ANSWERED)
@pytest.mark.parametrize("name", BODIES)
def test_answer(opened: Callable[[str], Loop], name: str, what: str) -> None:
    """A 200 with something else in it is an error of GitHub's or an empty list, and the loop closes later."""
    loop = opened(NETWORK)
    loop.fail()
    when = When(method="GET", path=ANSWERED[what], times="always")
    loop.world.trouble.add(AnswerFault(when=when, do=Status(status=200, body=BODIES[name])))

    loop.deliver_once()
    loop.heal()
    loop.follow()

    codes = [code for turn in loop.turns for code in turn.codes]
    assert {0, 8} >= set(codes)
    if (what, name) != ("jobs", "a count that lies"):
        assert len(invariants.reruns(loop)) <= 1
    invariants.exits_as_documented(loop)
    invariants.no_token_anywhere(loop)

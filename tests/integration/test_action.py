"""The action's front door, as `action.yml` starts it: environment in; outputs, summary, annotations, exit code out."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recovery import action
from recovery.action import DECISION_OUTPUTS, outputs_of
from recovery.adapters.database.engine import open_store
from recovery.models.records import RecoveryStatus
from recovery.rehearsal.records import Run
from recovery.rehearsal.world import Fault
from recovery.settings import RESERVED_INPUTS
from tests.integration.doors import Ended, start
from tests.integration.stage import RECOVERY_FILE, REPOSITORY, Stage, broken_job


class Runner:
    """One job on a runner, whose steps share a folder for temporary files."""

    def __init__(self, stage: Stage, run: Run | None = None, capture: pytest.CaptureFixture[str] | None = None) -> None:
        self.stage = stage
        self.capture = capture
        own = stage.recovery_run("workflow_run" if run else "schedule")
        self.folder = stage.folder / f"runner-{own.id}"
        self.workspace = self.folder / "workspace"
        (self.workspace / ".github").mkdir(parents=True)
        self.token = stage.world.issue_token(own.id)
        self.config("version: 1\nretry-delay: 0\n")
        event: dict[str, Any] = {"repository": {"default_branch": "main"}}
        if run is not None:
            event["workflow_run"] = {"id": run.id, "run_attempt": run.latest.number}
        self.event(json.dumps(event))
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(own.id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_EVENT_NAME": own.event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{RECOVERY_FILE}@refs/heads/main",
            "GITHUB_WORKFLOW": "Recovery",
            "GITHUB_REF_NAME": "main",
            "GITHUB_SHA": "c" * 40,
            "GITHUB_API_URL": stage.server.url,
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "RUNNER_TEMP": str(self.folder / "temp"),
        }

    def config(self, text: str) -> None:
        """Write the configuration file."""
        (self.workspace / ".github" / "recovery.yml").write_text(text)

    def event(self, text: str | bytes) -> None:
        """Write the event's payload."""
        (self.folder / "event.json").write_bytes(text.encode() if isinstance(text, str) else text)

    def variables(self, inputs: dict[str, str], over: dict[str, str | None]) -> dict[str, str]:
        """The environment of one step; None takes a variable away."""
        given = {"mode": "recover", "github-token": self.token} | inputs
        all_of_it = {**self.environment, "RECOVERY_INPUTS": json.dumps(given), **over}
        return {name: value for name, value in all_of_it.items() if value is not None}

    def step(self, inputs: dict[str, str] | None = None, **over: str | None) -> Ended:
        """One step in this process: quick, for what does not depend on being a process."""
        assert self.capture is not None
        self.capture.readouterr()
        code = action.main(self.variables(inputs or {}, over))
        said = self.capture.readouterr()
        return Ended(code, said.out, said.err)

    def process(self, inputs: dict[str, str] | None = None, **over: str | None) -> Ended:
        """One step in a process of its own."""
        return start("-m", "recovery.action", folder=self.folder, environment=self.variables(inputs or {}, over))

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs set so far, read as the runner reads them."""
        path = self.folder / "output"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        blocks = re.finditer(
            r"^(?P<name>[\w-]+)<<(?P<end>\S+)\n(?P<value>.*?)\n(?P=end)\n", text, re.DOTALL | re.MULTILINE
        )
        return {block["name"]: block["value"] for block in blocks}

    @property
    def summary(self) -> str:
        """The job's summary."""
        path = self.folder / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture
def runner(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Runner:
    """A runner that was started by the failure of the usual run."""
    return Runner(stage, stage.failed_run(), capsys)


def untouched(runner: Runner) -> bool:
    """Whether nothing was decided, nothing handed over, and nothing asked of GitHub."""
    temporary = Path(runner.environment["RUNNER_TEMP"])
    left = [path.name for path in temporary.rglob("*") if path.name in {"handover.json", "plan.jsonl", "decision.json"}]
    return not left and not runner.stage.writes() and set(runner.outputs) <= {"directory"} and not runner.summary


def test_two_processes_recover_a_run(stage: Stage) -> None:
    """Planning and executing are two processes; together they re-run the run and tell every output."""
    run = stage.failed_run()
    runner = Runner(stage, run)

    planned = runner.process(RECOVERY_PHASE="plan")
    assert (0, f"recovery-plan.{run.id}.1.1") == (planned.code, runner.outputs["plan-artifact"])
    assert [] == stage.writes()
    ended = runner.process(RECOVERY_PHASE="execute", RECOVERY_PLAN_UPLOADED="success")

    assert (0, []) == (ended.code, ended.errors)
    assert [201] == stage.reruns()
    outputs = runner.outputs
    assert {
        "recovery-id": f"rec-{run.id}-1-1",
        "strategy": "retry",
        "failure-class": "network",
        "decision": "act",
        "reason": "transient",
        "reran": "true",
        "attempt": "1",
        "target-checkpoint-id": "",
        "target-sha": "",
        "rollback-reference": "",
    } == {name: outputs[name] for name in DECISION_OUTPUTS if name != "json"}
    document = json.loads(outputs["json"])
    folder = Path(outputs["directory"])
    assert document == json.loads((folder / "decision.json").read_text())
    assert (run.id, "act", True) == (document["run_id"], document["decision"], document["reran"])
    assert "flaky" in runner.summary
    assert {"journal.jsonl", "plan.jsonl", "requests.jsonl"} <= {path.name for path in folder.iterdir()}
    said = planned.out + planned.err + ended.out + ended.err
    assert [f"::add-mask::{runner.token}"] * 2 == [line for line in said.splitlines() if runner.token in line]
    assert runner.token not in "".join(path.read_text() for path in folder.glob("*.json*")) + runner.summary


def test_container_plans_and_executes_in_one_process(runner: Runner) -> None:
    """Without a phase (in the container) one use does both."""
    ended = runner.step()

    assert (0, [201]) == (ended.code, runner.stage.reruns())
    assert "true" == runner.outputs["reran"]


def test_container_reads_inputs_from_input_variables(runner: Runner) -> None:
    """A Docker action's inputs are variables of their own."""
    ended = runner.step(
        RECOVERY_INPUTS=None, **{"INPUT_MODE": "recover", "INPUT_GITHUB-TOKEN": runner.token, "INPUT_DRY-RUN": "true"}
    )

    assert (0, []) == (ended.code, runner.stage.writes())
    assert "act" == runner.outputs["decision"]


def test_declined_run_is_a_success(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaving a run red is a decision, and not an error."""
    runner = Runner(stage, stage.failed_run(broken_job()), capsys)

    ended = runner.step()

    assert (0, []) == (ended.code, ended.errors)
    assert ("decline", "none", "real-failure", "false") == tuple(
        runner.outputs[name] for name in ("decision", "strategy", "reason", "reran")
    )


def test_nothing_to_decide_sets_every_output(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep over nothing sets all outputs, so that no later step reads an unset one."""
    runner = Runner(stage, None, capsys)

    ended = runner.step({"mode": "sweep"})

    assert 0 == ended.code
    assert set(DECISION_OUTPUTS) <= set(runner.outputs)
    assert outputs_of(None) == {name: runner.outputs[name] for name in DECISION_OUTPUTS}


def test_sweep_mode_catches_a_lost_run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """`mode: sweep` recovers a run whose event never came."""
    stage.failed_run()
    runner = Runner(stage, None, capsys)
    runner.config("version: 1\nretry-delay: 0\nworkflows: [CI]\n")

    ended = runner.step({"mode": "sweep"})

    assert (0, [201]) == (ended.code, stage.reruns())


def test_dry_run_writes_neither_comment_nor_plan(runner: Runner) -> None:
    """A dry run sets outputs and summary, and that is all."""
    ended = runner.step({"dry-run": "true"})

    assert (0, []) == (ended.code, runner.stage.writes())
    assert ("act", "false", "") == tuple(runner.outputs[name] for name in ("decision", "reran", "plan-artifact"))
    assert "flaky" in runner.summary


# --- bad input: one clear line, the documented code, nothing half-written --------------------------------------------


@pytest.mark.parametrize(
    ("over", "code", "words"),
    [
        ({"GITHUB_EVENT_PATH": "/nowhere/event.json"}, 3, "the event's payload cannot be read"),
        ({"GITHUB_REPOSITORY": None}, 3, "GITHUB_REPOSITORY does not name a repository"),
        ({"GITHUB_REPOSITORY": "a/b/c"}, 3, "GITHUB_REPOSITORY does not name a repository"),
        ({"GITHUB_REPOSITORY": "a b/c%0A"}, 3, "is not a repository"),
        ({"GITHUB_RUN_ID": "12; rm -rf"}, 3, "GITHUB_RUN_ID is not a number"),
        ({"GITHUB_API_URL": "ftp://nowhere"}, 3, "is not the address of an API"),
        ({"RECOVERY_INPUTS": "{"}, 3, "RECOVERY_INPUTS is not JSON"),
        ({"RECOVERY_INPUTS": "[]"}, 3, "RECOVERY_INPUTS is not a JSON object"),
        ({"RECOVERY_INPUTS": "[" * 100_000}, 3, "RECOVERY_INPUTS is not JSON"),
        ({"RECOVERY_DATABASE_URL": "mysql://user:hunter2@host/db"}, 3, "is of no supported kind"),
        ({"RECOVERY_PHASE": "execute"}, 5, "left no handover"),
        ({"RECOVERY_INPUTS": '{"reason": "caf\\ud800"}'}, 3, "input `reason` is not valid Unicode"),
        ({"INPUT_REASON": "caf\udce9"}, 3, "input `reason` is not valid Unicode"),
        ({"GITHUB_OUTPUT": "."}, 5, "GITHUB_OUTPUT names ., which cannot be written: Is a directory"),
        ({"GITHUB_OUTPUT": "/nowhere/output"}, 5, "GITHUB_OUTPUT names /nowhere/output"),
    ],
)
def test_environment_that_makes_no_sense(runner: Runner, over: dict[str, str | None], code: int, words: str) -> None:
    """Each variable that cannot be understood gives one error that names it."""
    ended = runner.step(**over)

    assert (code, 1) == (ended.code, len(ended.errors))
    assert words in ended.errors[0]
    assert "Traceback" not in ended.err
    assert "hunter2" not in ended.out + ended.err
    assert untouched(runner)


@pytest.mark.parametrize(
    ("inputs", "code", "words"),
    [
        ({"mode": "explode"}, 3, "input `mode`"),
        ({"mode": "rollback"}, 3, "to roll back is a person's word, and `workflow_run` is no person"),
        ({"mode": "run"}, 10, "is not available"),
        ({"mode": "fix"}, 10, "is not available"),
        ({"strategy": "pray"}, 3, "input `strategy`"),
        ({"strategy": "retry"}, 3, "`workflow_run` is no person"),
        ({"strategy": "resume"}, 3, "`workflow_run` is no person"),
        ({"strategy": "rollback"}, 3, "`workflow_run` is no person"),
        ({"run-id": "abc"}, 3, "input `run-id`"),
        ({"run-id": "-1"}, 3, "input `run-id`"),
        ({"run-id": "123456"}, 7, "no such run"),
        ({"max-attempts": "0"}, 3, "input `max-attempts`"),
        ({"max-attempts": "51"}, 3, "input `max-attempts`"),
        ({"timeout": "soon"}, 3, "is not a duration"),
        ({"comment-mode": "shout"}, 3, "input `comment-mode`"),
        ({"dry-run": "perhaps"}, 3, "input `dry-run`"),
        ({"config": "missing.yml"}, 3, "missing.yml does not exist"),
        ({"config": "x" * 5000}, 3, "cannot be read: File name too long"),
        ({"reason": "x" * 1001}, 3, "input `reason`: String should have at most 1000 characters"),
        ({"checkpoint-id": "caf\udce9"}, 3, "input `checkpoint-id` is not valid Unicode: 'caf\\udce9'"),
        ({"checkpoint-id": "x" * 100_000}, 3, "input `checkpoint-id`: String should have at most 255 characters"),
        ({"workflow": "x" * 100_000}, 3, "input `workflow`: String should have at most 1000 characters"),
        ({"run-id": "0"}, 3, "input `run-id`"),
        ({"github-token": ""}, 6, "there is no token"),
        ({"github-token": "two words"}, 6, "holds characters that no token has"),
        ({"github-token": "ghs_unknown"}, 6, "does not accept the token"),
    ],
)
def test_input_that_makes_no_sense(runner: Runner, inputs: dict[str, str], code: int, words: str) -> None:
    """Each input that cannot be used gives one error that names it, and repeats it in short."""
    ended = runner.step(inputs, RECOVERY_PHASE="plan")

    assert (code, 1) == (ended.code, len(ended.errors))
    assert words in ended.errors[0]
    assert len(ended.errors[0]) < 600
    assert "Traceback" not in ended.err
    assert untouched(runner)


@pytest.mark.parametrize(
    ("inputs", "over", "code", "words"),
    [
        ({"config": "x" * 5000}, {}, 3, "cannot be read: File name too long"),
        ({"config": "x/" * 5000}, {}, 3, "cannot be read: File name too long"),
        ({"config": "caf\udce9"}, {}, 3, "input `config` is not valid Unicode"),
        ({}, {"RUNNER_TEMP": "/dev/null"}, 5, "the folder /dev/null/storyteller-recovery cannot be made"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_guard_that_makes_no_sense(
    runner: Runner, inputs: dict[str, str], over: dict[str, str | None], code: int, words: str
) -> None:
    """The guard, too, says in one error what it cannot use, before it asks anything."""
    ended = runner.step({"mode": "guard"} | inputs, **over)

    assert (code, 1) == (ended.code, len(ended.errors))
    assert words in ended.errors[0]
    assert len(ended.errors[0]) < 600
    assert "Traceback" not in ended.err
    assert [] == runner.stage.world.requests


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nmax-attempt: 3\n", "`max-attempt` is not a setting"),
        ("version: 1\nautonomy: {networks: act}\n", "autonomy.networks"),
        ("version: 1\nside-effects: {deploy: maybe}\n", "side-effects.deploy"),
        ("version: 1\nstrategy: retry\n", "`strategy` cannot be set in the file"),
        ("version: 2\n", "must be a mapping that begins with `version: 1`"),
        ("max-attempts: 3\n", "must be a mapping that begins with `version: 1`"),
        ("- version\n", "must be a mapping"),
        ("version: 1\n bad: [\n", "is not valid YAML"),
        ("version: 1\nsince: 2026-13-45\n", "is not valid YAML"),
        ("version: 1\nx: !!python/object/apply:os.system [id]\n", "is not valid YAML"),
        ("version: 1\nx: " + "[" * 1500, "is not valid YAML"),
        ("\x00\x01", "is not valid YAML"),
    ],
)
def test_configuration_that_makes_no_sense(runner: Runner, text: str, words: str) -> None:
    """Each fault of the file gives one error that names the file, and the key where there is one."""
    runner.config(text)

    ended = runner.step()

    assert (3, 1) == (ended.code, len(ended.errors))
    assert words in ended.errors[0]
    assert ".github/recovery.yml" in ended.errors[0]
    assert untouched(runner)


@pytest.mark.parametrize("name", RESERVED_INPUTS)
@pytest.mark.parametrize("mode", ["recover", "checkpoint"])
def test_input_of_a_later_version_is_refused(runner: Runner, name: str, mode: str) -> None:
    """A reserved input that is given a value would be ignored silently, and so is an error in every mode."""
    ended = runner.step({"mode": mode, "name": "built", name: "1"})

    assert (3, 1) == (ended.code, len(ended.errors))
    assert f"`{name}` is not available in this version" in ended.errors[0]
    assert untouched(runner)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_reserved_input_without_a_value_is_no_error(runner: Runner, text: str) -> None:
    """The runner passes every declared input, given or not."""
    ended = runner.step(dict.fromkeys(RESERVED_INPUTS, text))

    assert (0, [201]) == (ended.code, runner.stage.reruns())


# --- a person's word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["schedule", "workflow_run", "push", ""])
@pytest.mark.parametrize("strategy", ["retry", "resume", "rollback"])
def test_only_people_may_set_vetoes_aside(runner: Runner, event: str, strategy: str) -> None:
    """No event that nobody dispatched by hand speaks with a person's word, in no mode."""
    for mode in ("recover", "sweep"):
        ended = runner.step({"strategy": strategy, "mode": mode}, GITHUB_EVENT_NAME=event)

        assert (3, 1) == (ended.code, len(ended.errors))
        assert "a person's word" in ended.errors[0]
        assert untouched(runner)


def test_dispatched_retry_is_honoured(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A person who dispatches the workflow for a run may have a real failure tried again."""
    run = stage.failed_run(broken_job())
    runner = Runner(stage, run, capsys)
    inputs = {"strategy": "retry", "run-id": str(run.id), "reason": "I fixed the server"}

    ended = runner.step(inputs, GITHUB_EVENT_NAME="workflow_dispatch")

    assert (0, [201]) == (ended.code, stage.reruns())
    document = json.loads(runner.outputs["json"])
    assert ["real-failure"] == [reason["id"] for reason in document["overridden"]]
    assert "I fixed the server" in document["reasons"][0]["text"]


@pytest.mark.parametrize("event", ["schedule", "workflow_run", "workflow_dispatch"])
def test_strategy_none_is_allowed_everywhere(runner: Runner, event: str) -> None:
    """To do nothing sets no veto aside."""
    run = json.loads((runner.folder / "event.json").read_text())["workflow_run"]

    ended = runner.step({"strategy": "none", "run-id": str(run["id"])}, GITHUB_EVENT_NAME=event)

    assert (0, []) == (ended.code, runner.stage.reruns())
    assert ("decline", "requested") == (runner.outputs["decision"], runner.outputs["reason"])


def test_configuration_that_is_not_text(runner: Runner) -> None:
    """A binary file where the configuration should be is told as unreadable."""
    (runner.workspace / ".github" / "recovery.yml").write_bytes(b"\xff\xfe\x00")

    ended = runner.step()

    assert (3, 1) == (ended.code, len(ended.errors))
    assert "cannot be read" in ended.errors[0]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"workflow_run": null}',
        b'{"workflow_run": {"id": "1"}}',
        b'{"workflow_run": {"id": 1}}',
    ],
)
def test_event_that_makes_no_sense(runner: Runner, payload: bytes) -> None:
    """A payload that is no JSON, or names no run, gives one error."""
    runner.event(payload)

    ended = runner.step()

    assert (3, 1) == (ended.code, len(ended.errors))
    assert untouched(runner)


def test_errors_are_told_by_a_process_too(runner: Runner) -> None:
    """The exit code and the one line are those of the process, and no traceback reaches the log."""
    ended = runner.process({"github-token": ""})

    assert (6, 1) == (ended.code, len(ended.errors))
    assert "" == ended.err


def database(runner: Runner) -> Path:
    """Where the cached database lies."""
    path = Path(runner.environment["RUNNER_TEMP"]) / "storyteller-recovery-state" / "recovery.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be read as one" * 50, b"SQLite format 3\0" * 9]
)
def test_corrupt_cached_database_is_set_aside(runner: Runner, content: bytes) -> None:
    """A broken cache must not keep a run from being recovered: it is renamed, and a new database is begun."""
    path = database(runner)
    path.write_bytes(content)

    ended = runner.step()

    assert (0, [201]) == (ended.code, runner.stage.reruns())
    assert content == path.with_name("recovery.db.broken-1").read_bytes()


def test_empty_cached_database_is_filled(runner: Runner) -> None:
    """A file of no bytes is a database without tables."""
    database(runner).write_bytes(b"")

    assert 0 == runner.step().code


UNUSABLE = {
    "newer": ("CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('9999')"),
    "foreign": ("CREATE TABLE events (id INTEGER)",),
    "narrow": ("ALTER TABLE pipeline_failures DROP COLUMN reason",),
}
"""What makes a sound SQLite file one that this version cannot use."""


def unusable(path: Path, kind: str) -> bytes:
    """Put such a file there; return its content."""
    if kind == "narrow":
        open_store(str(path))
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in UNUSABLE[kind]:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize("kind", UNUSABLE)
def test_cached_database_that_cannot_be_used_is_set_aside(
    runner: Runner, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache of a later version, of another program or without a column must not stop recovery: it is kept aside."""
    path = database(runner)
    before = unusable(path, kind)

    ended = runner.step()

    assert (0, [], [201]) == (ended.code, ended.errors, runner.stage.reruns())
    assert before == path.with_name("recovery.db.broken-1").read_bytes()
    assert 1 == len([record for record in caplog.records if "was set aside as" in record.getMessage()])
    (state,) = open_store(str(path)).recoveries()
    assert (RecoveryStatus.IN_PROGRESS, True) == (state.status, state.corruption_detected)


@pytest.mark.parametrize("kind", ["newer", "foreign"])
def test_database_that_a_user_named_is_never_moved(runner: Runner, kind: str, tmp_path: Path) -> None:
    """Only the cached view may be set aside: a database of RECOVERY_DATABASE_URL is somebody's history."""
    path = tmp_path / "history.db"
    before = unusable(path, kind)
    runner.environment["RECOVERY_DATABASE_URL"] = f"sqlite:///{path}"

    ended = runner.step()

    assert (5, []) == (ended.code, runner.stage.reruns())
    assert before == path.read_bytes()
    assert not path.with_name("history.db.broken-1").exists()


def test_refused_rerun_fails_the_step_and_still_tells_everything(runner: Runner) -> None:
    """A failed effect is an error with the line to change; outputs, summary and comment are written all the same."""
    runner.stage.world.inject(
        Fault(method="POST", path="/rerun", status=403, body={"message": "Resource not accessible by integration"})
    )

    ended = runner.step()

    assert (7, 1) == (ended.code, len(ended.errors))
    assert "actions: write" in ended.errors[0]
    assert "false" == runner.outputs["reran"]
    assert runner.summary
    assert 1 == len(runner.stage.world.pulls.comments(1))


def test_failed_comment_is_an_annotation(runner: Runner) -> None:
    """What goes wrong without harm is a warning, and the step succeeds."""
    runner.stage.world.inject(
        Fault(method="POST", path="/comments", status=403, body={"message": "no%0A::error::x\n::error::boo"})
    )

    ended = runner.step()

    assert (0, []) == (ended.code, ended.errors)
    assert 1 == len([line for line in ended.out.splitlines() if line.startswith("::warning::")])


def test_own_fault_is_told_as_such(runner: Runner) -> None:
    """What nobody foresaw ends with code 1, a traceback, and one line that says whose fault it is."""
    (Path(runner.environment["RUNNER_TEMP"]) / "storyteller-recovery" / "handover.json").mkdir(parents=True)

    ended = runner.step()

    assert (1, 1) == (ended.code, len(ended.errors))
    assert "a fault of its own" in ended.errors[0]
    assert "Traceback" in ended.err


def test_hostile_branch_and_job_names_stay_inside_their_outputs(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that imitate the runner's own syntax end no block and start no command."""
    name = "x<<EOF\nreran<<EOF\ntrue\nEOF\n::error::boo\n::set-output name=reran::true"
    runner = Runner(stage, stage.failed_run(broken_job(name), head_branch="a%0A::error::x"), capsys)

    ended = runner.step()

    assert (0, []) == (ended.code, ended.errors)
    assert "false" == runner.outputs["reran"]
    assert name == json.loads(runner.outputs["json"])["failures"][0]["job"]
    assert [] == [line for line in ended.out.splitlines() if line.startswith("::") and "add-mask" not in line]


# --- checkpoint ------------------------------------------------------------------------------------------------------


def checkpoint_inputs(**over: str) -> dict[str, str]:
    """The inputs of a checkpoint."""
    return {"mode": "checkpoint", "name": "build-complete", "github-token": ""} | over


def test_checkpoint_is_written_and_named(stage: Stage) -> None:
    """The manifest lies where the upload looks for it; nothing is asked of GitHub, and nothing heavy is imported."""
    runner = Runner(stage, stage.failed_run())
    (runner.workspace / "uv.lock").write_text("locked")
    inputs = checkpoint_inputs(state='{"step": "build"}', dependencies="uv.lock", environment="COLOUR")
    variables = runner.variables(inputs, {"RECOVERY_CHECK_RUN_ID": "77", "COLOUR": "blue", "RUNNER_OS": "Linux"})
    program = (
        "import sys; from recovery.action import main; code = main();"
        "print('heavy', sorted({'github', 'requests', 'sqlalchemy', 'alembic', 're2', 'rich'} & set(sys.modules)));"
        "sys.exit(code)"
    )

    ended = start("-c", program, folder=runner.workspace, environment=variables)

    assert (0, "") == (ended.code, ended.err)
    assert "heavy []" in ended.out.splitlines()
    outputs = runner.outputs
    manifest = json.loads((Path(outputs["checkpoint-directory"]) / "manifest.json").read_text())
    own = runner.environment["GITHUB_RUN_ID"]
    assert ("build-complete", own, {"step": "build"}) == (
        manifest["checkpoint_name"],
        manifest["run_id"],
        manifest["workflow_state"],
    )
    assert {"COLOUR": "blue", "RUNNER_OS": "Linux"} == manifest["environment_context"]
    assert ["uv.lock"] == list(manifest["metadata"]["dependency_digests"])
    assert outputs["checkpoint-artifact"].startswith(f"recovery-checkpoint.{own}.1.77.build-complete.")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", outputs["checkpoint-digest"])
    assert [] == stage.world.requests


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"name": ""}, "`name` must be"),
        ({"name": "../../etc"}, "`name` must be"),
        ({"name": "a" * 65}, "`name` must be"),
        ({"name": "a\n::error::b"}, "`name` must be"),
        ({"state": "{"}, "`state` cannot be kept: it is no JSON"),
        ({"state": "[1]"}, "it is no JSON object"),
        ({"state": "[" * 100_000}, "it is no JSON"),
        ({"type": "planet"}, "input `type`"),
        ({"environment": "PATH\nMY_TOKEN"}, "MY_TOKEN looks like a secret"),
        ({"dependencies": "/etc/passwd"}, "must be a path inside the workspace"),
        ({"dependencies": "../secrets"}, "must be a path inside the workspace"),
        ({"dependencies": "missing.lock"}, "matches no file"),
        ({"dependencies": "**.lock"}, "is not a pattern"),
        ({"retention-days": "forever"}, "input `retention-days`"),
    ],
)
def test_checkpoint_that_makes_no_sense(runner: Runner, over: dict[str, str], words: str) -> None:
    """Each input of a checkpoint that cannot be used gives one error, and no manifest."""
    ended = runner.step(checkpoint_inputs(**over))

    assert (3, 1) == (ended.code, len(ended.errors))
    assert words in ended.errors[0]
    assert {} == runner.outputs
    assert [] == list(Path(runner.environment["RUNNER_TEMP"]).rglob("manifest.json"))

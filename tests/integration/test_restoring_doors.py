"""Restoring as `action.yml` and the command line start it: a checkpoint made by one process, restored by another."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recovery import action
from recovery.cli import main as command_line
from recovery.rehearsal.records import Artifact, Run, ScriptedJob
from recovery.rehearsal.vault import zip_of
from recovery.rehearsal.world import Fault
from tests.integration.doors import HEAVY, ROOT, Ended
from tests.integration.stage import NETWORK_LOG, REPOSITORY, Stage, open_stage

MOMENTS = {
    "connecting": "temp/storyteller-recovery/requests.jsonl",
    "downloading": "temp/storyteller-recovery/checkpoints/.incoming/own/artifact.zip",
    "unpacking": "temp/storyteller-recovery/checkpoints/.incoming/own/.content.*",
    "keeping": "temp/storyteller-recovery/checkpoints/ckpt-*",
    "staging": "workspace/.*/files",
    "writing": "workspace/.*/files/out/*/*",
    "moving": "workspace/out/*/*",
}
"""What is to be seen on the disk when a process is killed."""


class JobRunner:
    """The runner of one job in one attempt of a run, with a workspace of its own."""

    def __init__(self, stage: Stage, run: Run, name: str = "build", **over: str) -> None:
        self.stage = stage
        attempt = run.latest
        job = next(job for job in attempt.jobs if job.name == name)
        self.run = run
        self.folder = stage.folder / f"job-{attempt.number}-{job.id}-{len(list(stage.folder.iterdir()))}"
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir(parents=True)
        (self.folder / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_ATTEMPT": str(attempt.number),
            "GITHUB_EVENT_NAME": run.event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_WORKFLOW": run.workflow.name,
            "GITHUB_JOB": job.key,
            "GITHUB_SHA": run.head_sha,
            "GITHUB_API_URL": stage.server.url,
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "RECOVERY_CHECK_RUN_ID": str(job.id),
            "RECOVERY_MATRIX": "null",
        } | over

    def variables(self, mode: str, inputs: dict[str, str], token: str | None) -> dict[str, str]:
        """What a step of the composite action sees."""
        token = self.stage.world.issue_token(self.run.id) if token is None else token
        given = {"mode": mode, "github-token": token} | inputs
        return self.environment | {"RECOVERY_INPUTS": json.dumps(given)}

    def step(self, mode: str, token: str | None = None, **inputs: str) -> int:
        """One step, in this process."""
        return action.main(self.variables(mode, {_kebab(name): value for name, value in inputs.items()}, token))

    def process(self, mode: str, token: str | None = None, **inputs: str) -> subprocess.Popen[bytes]:
        """One step, in a process of its own that is not waited for."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = self.variables(mode, {_kebab(name): value for name, value in inputs.items()}, token)
        return subprocess.Popen(
            [sys.executable, "-m", "recovery.action"],
            cwd=self.folder,
            env={**kept, **given, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs set so far, read as the runner reads them."""
        text = (self.folder / "output").read_text(encoding="utf-8")
        blocks = re.finditer(
            r"^(?P<name>[\w-]+)<<(?P<end>\S+)\n(?P<value>.*?)\n(?P=end)\n", text, re.DOTALL | re.MULTILINE
        )
        return {block["name"]: block["value"] for block in blocks}

    def upload(self) -> Artifact:
        """What `actions/upload-artifact` does with the checkpoint."""
        directory = Path(self.outputs["checkpoint-directory"])
        files = {
            path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
        }
        return self.stage.world.vault.upload(self.run, self.outputs["checkpoint-artifact"], zip_of(files))

    def tree(self) -> dict[str, bytes]:
        """Every file in the workspace."""
        return {
            path.relative_to(self.workspace).as_posix(): path.read_bytes()
            for path in self.workspace.rglob("*")
            if path.is_file()
        }

    @property
    def requests(self) -> list[str]:
        """What the program wrote down of its requests to the API."""
        log = self.folder / "temp" / "storyteller-recovery" / "requests.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [line["path"] for line in lines if not line["redirect"]]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


@pytest.fixture
def run(stage: Stage) -> Run:
    """A run whose build lost its connection, re-run and in progress again."""
    return rerun(stage, failed(stage))


def failed(stage: Stage, **over: Any) -> Run:
    """A run whose build left a checkpoint before it lost its connection."""
    jobs = [ScriptedJob(name="build", conclusion="failure", log=NETWORK_LOG)]
    first = stage.world.add_run(jobs, event="push", head_branch="main", **over)
    runner = JobRunner(stage, first)
    (runner.workspace / "out").mkdir()
    (runner.workspace / "out" / "app").write_bytes(b"app" * 1000)
    (runner.workspace / "uv.lock").write_text("locked\n")
    assert 0 == runner.step(
        "checkpoint",
        name="compiled",
        path="out/**",
        dependencies="uv.lock",
        state='{"part": 3}',
        environment="~ImageOS",
    )
    runner.upload()
    return first


def rerun(stage: Stage, first: Run) -> Run:
    """The run in its next attempt, which has not ended."""
    stage.hold()
    stage.world.rerun(first.id, only_failed=True)
    return stage.world.runs.get(first.id)


def continuing(stage: Stage, run: Run) -> JobRunner:
    """The runner of the next attempt's build, after its checkout."""
    runner = JobRunner(stage, run)
    (runner.workspace / "uv.lock").write_text("locked\n")
    return runner


def test_next_attempt_continues(stage: Stage, run: Run) -> None:
    """What one process saved another restores; a later checkpoint of the job adds to what is done."""
    runner = continuing(stage, run)

    assert 0 == runner.step("restore")

    outputs = runner.outputs
    assert ("true", '{"part": 3}', '["compiled"]') == (outputs["restored"], outputs["state"], outputs["done"])
    assert {"out/app": b"app" * 1000, "uv.lock": b"locked\n"} == runner.tree()
    assert len(runner.requests) <= 5

    assert 0 == runner.step("checkpoint", name="tested", path="out/**")
    manifest = json.loads((Path(runner.outputs["checkpoint-directory"]) / "manifest.json").read_text())
    assert ["compiled", "tested"] == manifest["metadata"]["done"]


def test_first_attempt_is_silent_and_light(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """It warns of nothing, asks for nothing, needs no token, and imports no client for GitHub."""
    first = stage.world.add_run([ScriptedJob(name="build", status="in_progress")], status="in_progress")
    runner = JobRunner(stage, first)
    script = f"import sys\nfrom recovery.action import main\nassert main() == 0\nprint([*sys.modules.keys() & {HEAVY}])"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **runner.variables("restore", {}, "")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "['pydantic']" == ended.stdout.splitlines()[-1]
    assert "::" not in ended.stdout
    assert ("false", "{}", "[]", "") == tuple(
        runner.outputs[name] for name in ("restored", "state", "done", "checkpoint-id")
    )
    assert [] == runner.requests
    assert "" == capfd.readouterr().err


def test_miss_is_a_warning_with_what_to_change(stage: Stage, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the permission the job runs from the start, and is told the line to add."""
    token = stage.world.issue_token(run.id, {"contents": "read"})
    runner = continuing(stage, run)

    assert 0 == runner.step("restore", token)

    (warning,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::warning::")]
    assert "nothing was restored, the job runs from the start" in warning
    assert "permissions: actions: read" in warning
    assert ("false", "[]") == (runner.outputs["restored"], runner.outputs["done"])
    assert {"uv.lock": b"locked\n"} == runner.tree()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(method="GET", path="/actions/artifacts", status=403), 7),
        (None, 12),
    ],
    ids=["forbidden", "tampered"],
)
def test_fail_on_miss_fails_with_the_code_that_fits(
    stage: Stage, run: Run, capsys: pytest.CaptureFixture[str], fault: Fault | None, code: int
) -> None:
    """Who asked for it gets an error, the outputs of a miss, and an untouched workspace."""
    artifact = stage.world.vault.artifacts(run_id=run.id)[0]
    if fault is None:
        stage.world.vault.spoil(artifact.id, artifact.content[:-30])
    else:
        stage.world.inject(fault)
    runner = continuing(stage, run)

    assert code == runner.step("restore", fail_on_miss="true")

    assert "::error::" in capsys.readouterr().out
    assert "false" == runner.outputs["restored"]
    assert {"uv.lock": b"locked\n"} == runner.tree()


def test_bad_id_fails_always(stage: Stage, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What no attempt can make right is an error at once."""
    assert 3 == continuing(stage, run).step("restore", checkpoint_id="the newest")
    assert "is not a checkpoint's id" in capsys.readouterr().out


def test_changed_lock_file_means_the_start(stage: Stage, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What was built from other dependencies is not continued from; both digests are told."""
    runner = continuing(stage, run)
    (runner.workspace / "uv.lock").write_text("changed\n")

    assert 0 == runner.step("restore")

    assert "`uv.lock` was sha256:" in capsys.readouterr().out
    assert ["uv.lock"] == list(runner.tree())


def test_enterprise_server_is_told_clearly(stage: Stage, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """There are no artifacts that could hold a checkpoint."""
    runner = continuing(stage, run)
    runner.environment["GITHUB_SERVER_URL"] = "https://github.example.com"

    assert 10 == runner.step("restore")
    assert "Enterprise Server has no artifacts v4" in capsys.readouterr().out


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Run, dict[str, bytes]]]:
    """A run that is in its second attempt, and the tree that its first one left."""
    with open_stage(tmp_path_factory.mktemp("large")) as stage:
        first = stage.world.add_run(
            [ScriptedJob(name="build", conclusion="failure", log=NETWORK_LOG)], event="push", head_branch="main"
        )
        maker = JobRunner(stage, first)
        for number in range(400):
            place = maker.workspace / "out" / str(number % 20) / str(number)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(os.urandom(40_000))
        assert 0 == maker.step("checkpoint", name="compiled", path="out/**")
        maker.upload()
        yield stage, rerun(stage, first), maker.tree()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_restore_is_finished_or_never_was(large: tuple[Stage, Run, dict[str, bytes]], moment: str) -> None:
    """kill -9: once the next step has begun, nothing or all is there; after a restore all, and nothing is left over."""
    stage, run, whole = large
    runner = JobRunner(stage, run)
    for number in range(20):
        (runner.workspace / "out" / str(number)).mkdir(parents=True)
    process = runner.process("restore")
    while process.poll() is None and not any(runner.folder.glob(MOMENTS[moment])):
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert 0 == runner.step("restore", stage.world.issue_token(run.id, {"contents": "read"}))
    assert runner.tree() in ({}, whole)
    assert ["out"] == [path.name for path in runner.workspace.iterdir()]
    assert 0 == runner.step("restore")
    assert whole == runner.tree()
    assert ["out"] == [path.name for path in runner.workspace.iterdir()]
    kept = runner.folder / "temp" / "storyteller-recovery" / "checkpoints"
    assert [runner.outputs["checkpoint-id"], "latest.json"] == sorted(path.name for path in kept.iterdir())


def command(*arguments: str, capsys: pytest.CaptureFixture[str]) -> Ended:
    """One command, in this process."""
    capsys.readouterr()
    code = command_line(["restore", *arguments])
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def made(stage: Stage) -> tuple[JobRunner, Path]:
    """A job that made a checkpoint, and its folder."""
    first = failed(stage)
    folder = next(path for path in stage.folder.glob("job-*/temp/storyteller-recovery/checkpoints/ckpt-*"))
    return JobRunner(stage, first), folder


def test_person_restores_from_a_folder(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """On another machine the files are put where they are asked for; what differs there is told."""
    _, folder = made(stage)
    into = stage.folder / "mine"

    ended = command(str(folder), "--into", str(into), "--json", capsys=capsys)

    document = json.loads(ended.out)
    assert (0, True, folder.name, 1) == (
        ended.code,
        document["restored"],
        document["checkpoint_id"],
        document["files"],
    )
    assert b"app" * 1000 == (into / "out" / "app").read_bytes()
    assert "`uv.lock` was sha256:" in ended.err


def test_person_s_machine_starts_no_tool_that_a_manifest_names(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose checkpoint it is cannot be known; nor is a tool missed for a folder that is not there yet."""
    tool = stage.folder / "bin" / "compiler"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ntouch {stage.folder}/started\necho 1.2.3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    made(stage)
    folder = next(path for path in stage.folder.glob("job-*/temp/storyteller-recovery/checkpoints/ckpt-*"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["environment_context"] = {"tool:compiler": "1.2.3"}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    ended = command(str(folder), "--into", str(stage.folder / "new"), capsys=capsys)

    assert 0 == ended.code
    assert not (stage.folder / "started").exists()
    assert "tool:compiler" not in ended.err
    assert "versions of tools are compared only by the job that restores" in ended.err


@pytest.mark.parametrize("missing", ["GITHUB_REPOSITORY", "GITHUB_TOKEN"])
def test_nothing_is_said_to_be_downloaded_before_it_can_be(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without a repository or a token there is only the one line that says so."""
    for name, value in (("GITHUB_REPOSITORY", REPOSITORY), ("GITHUB_TOKEN", stage.world.token)):
        monkeypatch.setenv(name, value)
    for name in {missing, "GH_TOKEN"} if missing == "GITHUB_TOKEN" else {missing}:
        monkeypatch.delenv(name, raising=False)

    ended = command("ckpt-01kb0000000000000000000001", "--into", str(stage.folder / "mine"), capsys=capsys)

    assert 0 != ended.code
    assert "downloading" not in ended.err


def test_person_restores_from_a_zip(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is downloaded from the run's page."""
    made(stage)
    archive = stage.folder / "artifact.zip"
    archive.write_bytes(stage.world.vault.artifacts()[0].content)

    ended = command(str(archive), "--into", str(stage.folder / "mine"), capsys=capsys)

    assert (0, "restored into") == (ended.code, re.findall("restored into", ended.out)[0])
    assert (stage.folder / "mine" / "out" / "app").is_file()


def test_person_restores_from_github(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its id, out of the repository's artifacts."""
    runner, folder = made(stage)
    monkeypatch.setenv("GITHUB_API_URL", stage.server.url)
    monkeypatch.setenv("GITHUB_TOKEN", stage.world.issue_token(runner.run.id))

    ended = command(
        folder.name, "--repository", REPOSITORY, "--into", str(stage.folder / "mine"), "--dry-run", capsys=capsys
    )

    assert (0, "sound, would be restored into") == (ended.code, re.findall("sound.*into", ended.out)[0])
    assert not (stage.folder / "mine").exists()


def test_person_gets_no_damaged_checkpoint(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is told, the exit code is 12, and nothing is written; rehearsed or not."""
    _, folder = made(stage)
    pack = next((folder / "packs").iterdir())
    pack.write_bytes(pack.read_bytes()[:-1] + b"\0")

    for options in ([], ["--dry-run"]):
        ended = command(str(folder), "--into", str(stage.folder / "mine"), *options, capsys=capsys)
        assert 12 == ended.code
        assert [True] == [pack.stem in line for line in ended.errors]
    assert not (stage.folder / "mine").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("nowhere", (3, "nowhere is neither a folder nor a zip")),
        ("ckpt-1", (3, "is not a checkpoint's id")),
        ("ckpt-01kb0000000000000000000001", (12, "no artifact of this repository")),
        (".", (12, "holds no manifest.json")),
    ],
)
def test_person_who_names_none_is_told(
    stage: Stage,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    expected: tuple[int, str],
) -> None:
    """Each with what was wrong with it."""
    for name, value in (
        ("GITHUB_API_URL", stage.server.url),
        ("GITHUB_TOKEN", stage.world.token),
        ("GITHUB_REPOSITORY", REPOSITORY),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(stage.folder)

    ended = command(given, capsys=capsys)

    assert expected[0] == ended.code
    assert [True] == [expected[1] in line for line in ended.errors]

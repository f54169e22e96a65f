"""`recovery checkpoints …` against a local GitHub: listed, shown, compared, verified and pruned."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.database.engine import open_store
from recovery.catalogue import MOST_MANIFESTS, MOST_RUNS
from recovery.cli import main
from recovery.cli.parser import build_parser
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.manifest import manifest_bytes
from recovery.models.records import WorkflowCheckpoint
from recovery.rehearsal.records import Artifact, Run, ScriptedJob
from recovery.rehearsal.world import Fault
from tests import builders as make
from tests.adapters.content.forging import Forgery
from tests.integration.doors import Ended, shell
from tests.integration.stage import REPOSITORY, Stage

Command = Callable[..., Ended]
EMPTY_PLACE = "recovery.db"


class Shelf:
    """Runs that left checkpoints with real content, on a local GitHub and on this disk."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.number = 0

    def green_run(self, **over: Any) -> Run:
        """A run of the default branch that ended well."""
        return self.stage.failed_run(
            ScriptedJob(name="build"), pull_request=False, **{"head_branch": "main", "event": "push"} | over
        )

    def checkpoint(self, run: Run, forgery: Forgery | None = None, **over: Any) -> WorkflowCheckpoint:
        """A checkpoint of a run's first job, its folder on this disk; of state only without a forgery."""
        self.number += 1
        identity = over.pop("id", f"ckpt-{self.number:026d}")
        job = run.latest.jobs[0]
        metadata: dict[str, Any] = {"attempt": run.latest.number, "job_id": str(job.id), "job": job.key}
        directory = self.directory(identity)
        directory.mkdir(parents=True)
        if forgery is not None:
            metadata["content"] = forgery.write(directory, over.pop("base", None)).model_dump(mode="json")
        checkpoint = make.make_checkpoint(
            **{
                "id": identity,
                "repository": REPOSITORY,
                "run_id": str(run.id),
                "commit_sha": run.head_sha,
                "created_at": datetime.now(UTC),
                "artifacts": [],
                "dependencies": [],
                "environment_context": {},
            }
            | over
            | {"metadata": metadata | over.get("metadata", {})}
        )
        (directory / "manifest.json").write_bytes(manifest_bytes(checkpoint))
        return checkpoint

    def upload(self, run: Run, checkpoint: WorkflowCheckpoint) -> Artifact:
        """The folder of a checkpoint as an artifact of the run."""
        job = run.latest.jobs[0].id
        parts = (run.id, run.latest.number, job, checkpoint.checkpoint_name, checkpoint.id[-8:])
        return self.stage.world.vault.add_artifact(
            run, f"recovery-checkpoint.{'.'.join(map(str, parts))}", self.files(checkpoint.id)
        )

    def save(self, run: Run, forgery: Forgery | None = None, **over: Any) -> WorkflowCheckpoint:
        """A checkpoint, made and uploaded."""
        checkpoint = self.checkpoint(run, forgery, **over)
        self.upload(run, checkpoint)
        return checkpoint

    def directory(self, identity: str) -> Path:
        """Where a checkpoint lies on this disk."""
        return self.folder / "made" / identity

    def files(self, identity: str) -> dict[str, bytes]:
        """What lies in a checkpoint's folder."""
        root = self.directory(identity)
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def zipped(self, identity: str) -> Path:
        """A checkpoint's folder as a zip on this disk."""
        path = self.folder / f"{identity}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in self.files(identity).items():
                archive.writestr(name, content)
        return path

    @property
    def artifacts(self) -> list[str]:
        """Ids' ends of the checkpoints that GitHub holds, sorted."""
        return sorted(artifact.name.rpartition(".")[2] for artifact in self.stage.world.vault.artifacts())


@pytest.fixture
def shelf(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A shell that is set up for the local GitHub, in an empty folder."""
    for name, value in shell(stage.server).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Shelf(stage, tmp_path)


@pytest.fixture
def checkpoints(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `recovery checkpoints …` in this process, in the shelf's shell."""
    assert Path.cwd().is_relative_to(shelf.folder)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(["checkpoints", *arguments])
        except SystemExit as ended:
            code = int(str(ended.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def sweep() -> None:
    """Take in what there is."""
    assert 0 == main(["sweep"])


def ids(ended: Ended) -> list[str]:
    """Ids in a list printed as JSON."""
    return [each["id"] for each in json.loads(ended.out)]


def two_trees() -> tuple[Forgery, Forgery]:
    """Two states of a small tree."""
    return (
        Forgery().file("out/a.txt", b"one\n").file("out/b.txt").file("run.sh", b"#!/bin/sh\n"),
        Forgery().file("out/a.txt", b"two\n").file("out/c.txt").file("run.sh", b"#!/bin/sh\n", mode=0o755),
    )


# --- list and show ---------------------------------------------------------------------------------------------------


def test_sweep_fills_the_list_with_green_and_red_runs(shelf: Shelf, checkpoints: Command) -> None:
    """After a sweep every completed run's checkpoints are listed, newest first, with their health."""
    green, red = shelf.green_run(), shelf.stage.failed_run()
    first = shelf.save(green)
    second = shelf.save(red, checkpoint_name="tested")
    sweep()

    assert [second.id, first.id] == ids(checkpoints("list", "--json"))
    shown = checkpoints("list")
    assert (0, 2, 3) == (shown.code, shown.out.count("valid"), len(shown.out.splitlines()))


def test_list_is_filtered(shelf: Shelf, checkpoints: Command) -> None:
    """By run, name, repository and health."""
    run, other = shelf.green_run(), shelf.green_run()
    one = shelf.save(run)
    two = shelf.save(other, checkpoint_name="tested")
    sweep()
    open_store(EMPTY_PLACE).record(
        [
            make.checkpoint_judged(checkpoint_id=two.id, repository=REPOSITORY, health=CheckpointHealth.CORRUPT),
            make.checkpoint_created(),
        ]
    )

    found = {
        arguments: ids(checkpoints("list", *arguments, "--json"))
        for arguments in (
            ("--run-id", str(run.id)),
            ("--name", "tested"),
            ("--repository", make.REPOSITORY),
            ("--healthy",),
            ("--healthy", "--name", "tested"),
        )
    }

    assert [[one.id], [two.id], ["ckpt-01"], [one.id], []] == list(found.values())


def test_empty_list_says_how_to_fill_it(checkpoints: Command) -> None:
    """Nothing on record is no error."""
    assert "`recovery sweep` takes in" in checkpoints("list").out
    assert [] == json.loads(checkpoints("list", "--json").out)


@pytest.mark.parametrize("arguments", [("--run-id", "99"), ("--name", "x"), ("--repository", "octo/other")])
def test_list_in_which_nothing_matches_says_that_others_are_there(
    shelf: Shelf, checkpoints: Command, arguments: tuple[str, str]
) -> None:
    """A filter that fits nothing is not taken for an empty database."""
    shelf.save(shelf.green_run())
    sweep()

    told = checkpoints("list", *arguments)

    assert (0, "None of the 1 checkpoint on record matches.\n") == (told.code, told.out)


def test_list_tells_jobs_and_legs_apart(shelf: Shelf, checkpoints: Command) -> None:
    """Checkpoints of one name are of different jobs and legs."""
    run = shelf.green_run()
    for leg in ("3.12", "3.13"):
        shelf.save(run, metadata={"job": "test", "matrix": {"python": leg}})
    sweep()

    told = checkpoints("list").out

    assert "test (python: 3.12)" in told
    assert "test (python: 3.13)" in told


def test_what_is_too_large_for_the_record_is_said(shelf: Shelf, checkpoints: Command) -> None:
    """The record lacks the state, and says so; the artifact is still compared and verified whole."""
    run = shelf.green_run()
    one = shelf.save(run, two_trees()[0], workflow_state={"log": "x" * 10**6})
    two = shelf.save(run, two_trees()[0], workflow_state={"log": "y"})
    sweep()

    shown, compared = checkpoints("show", one.id).out, checkpoints("diff", one.id, two.id).out

    assert "workflow_state: too large; the artifact holds all" in shown
    assert "State: not compared, too large for the record" in compared
    assert "Files: the same" in compared
    assert len(shown + compared) < 5000
    assert 0 == checkpoints("verify", one.id).code
    folders = (str(shelf.directory(each.id)) for each in (one, two))
    assert "State: 1 difference" in checkpoints("diff", *folders).out


def test_one_is_shown_with_all_that_is_known(shelf: Shelf, checkpoints: Command) -> None:
    """Identity, artifact, content, environment, dependencies and state."""
    run = shelf.green_run()
    one = shelf.save(
        run,
        two_trees()[0],
        workflow_state={"stage": 3, "list": [1]},
        environment_context={"RUNNER_OS": "Linux"},
        dependencies=["uv.lock"],
        metadata={"done": ["fetched", "build_complete"], "dependency_digests": {"uv.lock": "sha256:1"}},
    )
    sweep()

    told = checkpoints("show", one.id)

    assert 0 == told.code
    for text in (one.id, str(run.id), run.head_sha, "valid", "fetched, build_complete", "3 files, links", "success"):
        assert text in told.out
    for row in (("RUNNER_OS", "Linux"), ("uv.lock", "sha256:1"), ("stage", "3"), ("list", "[1]")):
        assert any(line.split() == list(row) for line in told.out.splitlines())
    assert one.id == json.loads(checkpoints("show", one.id, "--json").out)["id"]


def test_what_a_checkpoint_says_of_itself_cannot_steer_a_terminal(checkpoints: Command) -> None:
    """Control characters of strangers' text are not printed, wherever it stands."""
    nasty = "\x1b[31m\x1b]8;;https://evil.example\x07x\u202ey\r\n::error::z"
    record = make.make_checkpoint(
        workflow_name=nasty,
        checkpoint_name=nasty,
        commit_sha=nasty,
        workflow_state={nasty: {"deep": nasty}},
        environment_context={nasty: nasty},
        dependencies=[nasty],
        metadata={"done": [nasty], "job": nasty, "matrix": {nasty: nasty}, "health": "corrupt", "health_detail": nasty},
    )
    open_store(EMPTY_PLACE).record(
        [make.checkpoint_created(checkpoint=record), make.checkpoint_created(checkpoint=make.make_checkpoint(id="b"))]
    )

    for ended in (checkpoints("list"), checkpoints("show", "ckpt-01"), checkpoints("diff", "ckpt-01", "b")):
        assert 0 == ended.code
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(ended.out)
        assert not [line for line in ended.out.splitlines() if line.startswith("::")]


@pytest.mark.parametrize("arguments", [("show", "ckpt-x"), ("verify", "ckpt-x"), ("diff", "ckpt-x", "ckpt-y")])
def test_unknown_ids_are_said(checkpoints: Command, arguments: tuple[str, ...]) -> None:
    """What is not on record is an error with the way to get it there."""
    ended = checkpoints(*arguments)

    assert (4, 1) == (ended.code, len(ended.errors))
    assert "there is no checkpoint ckpt-x" in ended.errors[0]
    assert "recovery sweep" in ended.err


def test_checkpoint_that_was_only_judged_is_told_as_such(checkpoints: Command) -> None:
    """Its manifest is not known, but that it is damaged is."""
    open_store(EMPTY_PLACE).record([make.checkpoint_judged(health=CheckpointHealth.CORRUPT, detail="a bad pack")])

    assert "only that it is corrupt: a bad pack" in checkpoints("show", "ckpt-01").errors[0]


# --- diff ------------------------------------------------------------------------------------------------------------


def test_diff_of_two_on_record(shelf: Shelf, checkpoints: Command) -> None:
    """State by JSON pointer, environment, dependencies; of files, whether they are the same."""
    run = shelf.green_run()
    before, after = two_trees()
    one = shelf.save(run, before, workflow_state={"n": 1}, environment_context={"CC": "gcc"})
    two = shelf.save(run, after, workflow_state={"n": 2, "new": True}, environment_context={"CC": "clang"})
    sweep()

    told = checkpoints("diff", one.id, two.id)
    found = json.loads(checkpoints("diff", one.id, two.id, "--json").out)

    assert 0 == told.code
    for text in ("~ /n: 1 → 2", "+ /new: true", "~ CC: gcc → clang", "not the same, by the digests"):
        assert text in told.out
    assert ([("/n", "changed"), ("/new", "added")], None, False) == (
        [(change["what"], change["kind"]) for change in found["state"]],
        found["files"],
        found["same_files"],
    )


def test_diff_of_a_folder_and_a_zip_names_files(shelf: Shelf, checkpoints: Command) -> None:
    """With both contents at hand each file that was added, removed or changed is told, modes too."""
    run = shelf.green_run()
    one, two = (shelf.checkpoint(run, forgery) for forgery in two_trees())

    places = (str(shelf.directory(one.id)), str(shelf.zipped(two.id)))
    found = json.loads(checkpoints("diff", *places, "--json").out)

    assert [
        {"what": "out/a.txt", "kind": "changed", "before": "4 bytes", "after": "4 bytes"},
        {"what": "out/b.txt", "kind": "removed", "before": None, "after": None},
        {"what": "out/c.txt", "kind": "added", "before": None, "after": None},
        {"what": "run.sh", "kind": "mode", "before": "644", "after": "755"},
    ] == found["files"]
    told = checkpoints("diff", *places).out
    assert "Files: 4 differences" in told
    assert "State, environment and dependencies: the same" in told
    assert "Files: the same" in checkpoints("diff", places[0], places[0]).out


# --- verify ----------------------------------------------------------------------------------------------------------


def damage(directory: Path) -> None:
    """Change a byte of a pack, leaving its length."""
    pack = next((directory / "packs").iterdir())
    content = bytearray(pack.read_bytes())
    content[-1] ^= 1
    pack.write_bytes(content)


@pytest.mark.parametrize("as_zip", [False, True])
def test_sound_checkpoint_on_disk_is_valid(shelf: Shelf, checkpoints: Command, as_zip: bool) -> None:
    """A folder and its zip pass, without GitHub and without a database."""
    one = shelf.checkpoint(shelf.green_run(), two_trees()[0])
    place = shelf.zipped(one.id) if as_zip else shelf.directory(one.id)

    ended = checkpoints("verify", str(place), "--json")

    report = json.loads(ended.out)
    assert (0, True, []) == (ended.code, report["is_valid"], report["errors"])
    assert dict.fromkeys(("integrity", "environment", "artifacts", "dependencies"), True) == report["checks"]
    assert not Path(EMPTY_PLACE).exists()
    told = checkpoints("verify", str(place)).out
    assert "is valid" in told
    assert "warning" not in told


def test_checkpoint_that_was_never_uploaded_is_not_looked_for(shelf: Shelf, checkpoints: Command) -> None:
    """What was recorded on this machine is verified by its folder."""
    open_store(EMPTY_PLACE).record([make.checkpoint_created()])

    ended = checkpoints("verify", "ckpt-01")

    assert (3, []) == (ended.code, shelf.stage.world.requests)
    assert "it was never on GitHub" in ended.errors[0]
    assert "give its folder" in ended.err


@pytest.mark.parametrize("token", ["", "ghs_unknown"])
def test_without_a_token_the_shell_s_own_way_is_told(
    checkpoints: Command, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A shell has no `with:`."""
    monkeypatch.setenv("GITHUB_TOKEN", token)
    monkeypatch.delenv("GH_TOKEN", raising=False)

    ended = checkpoints("prune", "--keep-days", "1")

    assert (6, 1) == (ended.code, len(ended.errors))
    assert "hint: set GITHUB_TOKEN to a token" in ended.err
    assert "${{" not in ended.err


@pytest.mark.parametrize("as_zip", [False, True])
def test_damage_on_disk_is_found(shelf: Shelf, checkpoints: Command, as_zip: bool) -> None:
    """One byte in a pack is enough; the command fails with the code of a rejected checkpoint."""
    one = shelf.checkpoint(shelf.green_run(), two_trees()[0])
    damage(shelf.directory(one.id))
    place = shelf.zipped(one.id) if as_zip else shelf.directory(one.id)

    ended = checkpoints("verify", str(place), "--json")

    report = json.loads(ended.out)
    assert (12, False, False) == (ended.code, report["is_valid"], report["checks"]["integrity"])
    assert "digest" in report["errors"][0]
    assert "FAILED  integrity" in checkpoints("verify", str(place)).out


def test_what_is_no_checkpoint_is_said(shelf: Shelf, checkpoints: Command) -> None:
    """A folder without a manifest is invalid; a path that is not there is an error of its own."""
    shelf.folder.joinpath("empty").mkdir()

    ended = checkpoints("verify", str(shelf.folder / "empty"), "--json")
    assert 12 == ended.code
    assert "holds no manifest.json" in json.loads(ended.out)["errors"][0]
    assert 3 == checkpoints("verify", str(shelf.folder / "nowhere.zip")).code


def test_workspace_is_compared(shelf: Shelf, checkpoints: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables and lock files of the workspace are held against what was recorded; without one that is said."""
    digest = f"sha256:{hashlib.sha256(b'a').hexdigest()}"
    one = shelf.checkpoint(
        shelf.green_run(),
        environment_context={"FLAVOUR": "mild", "tool:nosuchtool": "1.2"},
        dependencies=["a.lock", "b.lock"],
        metadata={"dependency_digests": {"a.lock": digest, "b.lock": digest}},
    )
    place, workspace = str(shelf.directory(one.id)), shelf.folder / "work"
    workspace.mkdir()
    (workspace / "a.lock").write_text("a")
    (workspace / "b.lock").write_text("b")
    monkeypatch.setenv("FLAVOUR", "hot")

    unseen = json.loads(checkpoints("verify", place, "--json").out)
    ended = checkpoints("verify", place, "--against", str(workspace), "--json")

    assert unseen["is_valid"]
    assert any("`--against WORKSPACE`" in warning for warning in unseen["warnings"])
    report = json.loads(ended.out)
    assert 12 == ended.code, report
    assert 2 == len(report["errors"]), report["errors"]
    assert "`FLAVOUR` was 'mild' at the checkpoint and is 'hot' now" in report["errors"][0]
    assert "`b.lock` was" in report["errors"][1]
    assert 3 == checkpoints("verify", place, "--against", str(workspace / "a.lock")).code


def test_secrets_of_the_environment_are_not_told(shelf: Shelf, checkpoints: Command) -> None:
    """A manifest may name any variable, to have its value printed."""
    one = shelf.checkpoint(shelf.green_run(), environment_context={"GITHUB_TOKEN": "x"})

    ended = checkpoints("verify", str(shelf.directory(one.id)), "--against", ".", "--json")

    assert 12 == ended.code
    assert "not there now" in json.loads(ended.out)["errors"][0]
    assert shelf.stage.world.token not in ended.out + ended.err


@pytest.mark.parametrize("path", ["../secret", "/dev/zero", "link", "a\0b"])
def test_nothing_outside_the_workspace_is_looked_at(shelf: Shelf, checkpoints: Command, path: str) -> None:
    """A manifest may name any path as a lock file; what is not in the workspace counts as missing."""
    secret = shelf.folder / "secret"
    secret.write_text("a")
    workspace = shelf.folder / "work"
    workspace.mkdir()
    (workspace / "link").symlink_to(secret)
    one = shelf.checkpoint(shelf.green_run(), metadata={"dependency_digests": {path: "sha256:0"}})

    report = json.loads(checkpoints("verify", str(shelf.directory(one.id)), "--against", str(workspace), "--json").out)

    assert "and is missing" in report["errors"][0]


def test_sound_checkpoint_on_record_is_valid(shelf: Shelf, checkpoints: Command) -> None:
    """The artifact is downloaded and agrees with the record; nothing is written down about it."""
    one = shelf.save(shelf.green_run(), two_trees()[0])
    sweep()
    before = checkpoints("show", one.id, "--json").out

    ended = checkpoints("verify", one.id, "--json")

    assert (0, True) == (ended.code, json.loads(ended.out)["is_valid"])
    assert before == checkpoints("show", one.id, "--json").out


def test_damage_on_github_is_put_on_record(shelf: Shelf, checkpoints: Command) -> None:
    """A checkpoint whose content is not what its manifest declares is out of use for good."""
    run = shelf.green_run()
    one = shelf.checkpoint(run, two_trees()[0])
    damage(shelf.directory(one.id))
    shelf.upload(run, one)
    sweep()
    assert [one.id] == ids(checkpoints("list", "--healthy", "--json"))

    codes = [checkpoints("verify", one.id).code for _ in range(2)]

    known = json.loads(checkpoints("show", one.id, "--json").out)["metadata"]
    assert ([12, 12], "corrupt", []) == (codes, known["health"], ids(checkpoints("list", "--healthy", "--json")))
    assert "digest" in known["health_detail"]
    assert "corrupt" in checkpoints("show", one.id).out


@pytest.mark.parametrize(
    ("gone", "health", "told"), [("expire", "expired", "has expired"), ("delete_artifact", "valid", "is missing")]
)
def test_artifact_that_is_gone_is_no_damage(
    shelf: Shelf, checkpoints: Command, gone: str, health: str, told: str
) -> None:
    """Expired and deleted ones are invalid, but not corrupt."""
    one = shelf.save(shelf.green_run(), two_trees()[0])
    sweep()
    (artifact,) = shelf.stage.world.vault.artifacts()
    getattr(shelf.stage.world.vault, gone)(artifact.id)

    ended = checkpoints("verify", one.id, "--json")

    report = json.loads(ended.out)
    assert (12, True, False) == (ended.code, report["checks"]["integrity"], report["checks"]["artifacts"])
    assert told in report["errors"][0]
    assert health == json.loads(checkpoints("show", one.id, "--json").out)["metadata"]["health"]


def incremental(shelf: Shelf, run: Run) -> tuple[WorkflowCheckpoint, WorkflowCheckpoint]:
    """A checkpoint that is based on another, both on this disk."""
    shared = b"shared\n" * 100
    base = shelf.checkpoint(run, Forgery().file("old", shared), checkpoint_name="base")
    forgery = Forgery().file("new").next_pack().file("old", shared)
    forgery.in_base = 1
    forgery.declared = {"base": base.id}
    return base, shelf.checkpoint(run, forgery, base=shelf.directory(base.id))


def test_incremental_one_is_verified_with_its_base(shelf: Shelf, checkpoints: Command) -> None:
    """From disk with `--base`; on record its artifact is fetched, too; without it, it is invalid, not damaged."""
    run = shelf.green_run()
    base, one = incremental(shelf, run)
    alone = checkpoints("verify", str(shelf.directory(one.id)), "--json")
    both = checkpoints("verify", str(shelf.directory(one.id)), "--base", str(shelf.zipped(base.id)), "--json")
    assert (12, 0) == (alone.code, both.code)
    report = json.loads(alone.out)
    assert (True, False) == (report["checks"]["integrity"], report["checks"]["dependencies"])
    assert "`--base`" in report["errors"][0]

    for each in (base, one):
        shelf.upload(run, each)
    sweep()
    assert 0 == checkpoints("verify", one.id).code
    (held,) = [each for each in shelf.stage.world.vault.artifacts() if each.name.endswith(base.id[-8:])]
    shelf.stage.world.vault.delete_artifact(held.id)
    assert 12 == checkpoints("verify", one.id).code
    assert "valid" == json.loads(checkpoints("show", one.id, "--json").out)["metadata"]["health"]


# --- prune -----------------------------------------------------------------------------------------------------------


def old(days: float) -> datetime:
    """A moment so many days ago."""
    return datetime.now(UTC) - timedelta(days=days)


def test_prune_asks_for_a_limit(shelf: Shelf, checkpoints: Command) -> None:
    """Without one nothing is asked of GitHub."""
    ended = checkpoints("prune")

    assert (3, []) == (ended.code, shelf.stage.world.requests)
    assert "--keep-days" in ended.err


@pytest.mark.parametrize("arguments", [("--keep-days", "-1"), ("--keep-count", "1.5"), ("--max-size", "much")])
def test_prune_refuses_senseless_limits(checkpoints: Command, arguments: tuple[str, str]) -> None:
    """Wrong usage of the command line."""
    assert 2 == checkpoints("prune", *arguments).code


def test_prune_deletes_what_is_old_and_keeps_what_is_needed(shelf: Shelf, checkpoints: Command) -> None:
    """From an empty database: the red run's old ones go, the newest good one of the default branch stays, with why."""
    green, red = shelf.green_run(), shelf.stage.failed_run()
    target = shelf.save(green, created_at=old(20))
    doomed = shelf.save(red, created_at=old(10))
    fresh = shelf.save(red, created_at=old(1))

    ended = checkpoints("prune", "--keep-days", "7", "--json")

    done = json.loads(ended.out)
    assert (0, [doomed.id], {fresh.id, target.id}) == (
        ended.code,
        [each["id"] for each in done["deleted"]],
        {each["id"] for each in done["kept"]},
    )
    assert sorted((target.id[-8:], fresh.id[-8:])) == shelf.artifacts
    reasons = {each["id"]: each["reason"] for each in (*done["kept"], *done["deleted"])}
    assert "which a rollback returns to" in reasons[target.id]
    assert "older than 7 days" in reasons[doomed.id]
    assert done["deleted"][0]["size"] == done["freed_bytes"] > 0
    assert f"deleted {doomed.id}" in ended.err
    known = json.loads(checkpoints("show", doomed.id, "--json").out)["metadata"]
    assert ("pruned", "pruned: it is older than 7 days") == (known["health"], known["health_detail"])


def test_prune_from_an_empty_database_learns_of_everything_first(shelf: Shelf, checkpoints: Command) -> None:
    """More runs than one pass of the sweep takes in: the oldest are found and deleted all the same."""
    for number in range(MOST_RUNS + 2):
        shelf.save(shelf.stage.failed_run(), created_at=old(100 - number))

    done = json.loads(checkpoints("prune", "--keep-count", "1", "--json").out)

    assert (MOST_RUNS + 1, 1, 1) == (len(done["deleted"]), len(done["kept"]), len(shelf.artifacts))


def test_prune_learns_of_what_lies_behind_much_that_is_of_no_use(shelf: Shelf, checkpoints: Command) -> None:
    """A pass that takes nothing in is not the last one."""
    red = shelf.stage.failed_run()

    def clutter(first: int) -> None:
        for number in range(first, first + MOST_MANIFESTS):
            name = f"recovery-checkpoint.{red.id}.1.1.junk.{number:08d}"
            shelf.stage.world.vault.add_artifact(red, name, {"x": b""})

    clutter(0)
    one = shelf.save(red, created_at=old(10))
    clutter(MOST_MANIFESTS)

    done = json.loads(checkpoints("prune", "--keep-days", "1", "--json").out)

    assert [one.id] == [each["id"] for each in done["deleted"]]


def test_second_prune_deletes_nothing(shelf: Shelf, checkpoints: Command) -> None:
    """The same limits over the same world send no DELETE."""
    red = shelf.stage.failed_run()
    for days in (1, 10, 20):
        shelf.save(red, created_at=old(days))
    checkpoints("prune", "--keep-count", "1")
    before = shelf.stage.writes()

    told = checkpoints("prune", "--keep-count", "1")

    assert (2, before) == (len([line for line in before if line.startswith("DELETE")]), shelf.stage.writes())
    assert "0 checkpoints deleted, 0 B; 1 kept" in told.out


def test_dry_prune_only_says_what_it_would_do(shelf: Shelf, checkpoints: Command) -> None:
    """Nothing is deleted and nothing judged."""
    red = shelf.stage.failed_run()
    one = shelf.save(red, created_at=old(10))

    told = checkpoints("prune", "--max-size", "0", "--dry-run")

    assert (0, []) == (told.code, shelf.stage.writes())
    assert "would be deleted" in told.out
    assert "valid" == json.loads(checkpoints("show", one.id, "--json").out)["metadata"]["health"]


def test_prune_spares_what_an_open_recovery_names(shelf: Shelf, checkpoints: Command) -> None:
    """The plan of an unfinished recovery names what it continues from."""
    red = shelf.stage.failed_run()
    one = shelf.save(red, created_at=old(10))
    header = make.make_header(run_id=red.id, repository=REPOSITORY)
    named = make.make_job_checkpoint(checkpoint_id=one.id)
    plan = make.make_plan(header=header, checkpoints=(named,))
    open_store(EMPTY_PLACE).record([make.recovery_decided(plan=plan)])

    told = checkpoints("prune", "--keep-days", "1")

    assert [one.id[-8:]] == shelf.artifacts
    assert f"the open recovery {header.id} names it" in told.out


def plan_elsewhere(shelf: Shelf, one: WorkflowCheckpoint, path: str) -> str:
    """A plan that names a checkpoint, uploaded by another recovery workflow; the id of its recovery."""
    header = make.make_header(run_id=int(one.run_id), repository=REPOSITORY)
    plan = make.make_plan(header=header, checkpoints=(make.make_job_checkpoint(checkpoint_id=one.id),))
    line = make.recovery_decided(plan=plan).model_dump_json().encode() + b"\n"
    shelf.stage.world.repository.add_workflow(path, "name: Heal\non: {schedule: [{cron: '0 * * * *'}]}\njobs: {}\n")
    own = shelf.stage.recovery_run("schedule", path=path, workflow="Heal")
    shelf.stage.world.vault.add_artifact(own, f"recovery-plan.{one.run_id}.1.1", {"plan.jsonl": line})
    return header.id


def test_prune_believes_the_recovery_workflow_that_is_configured(
    shelf: Shelf, checkpoints: Command, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an option `recovery-workflow` counts; where no plan is of that workflow, that is said."""
    one = shelf.save(shelf.stage.failed_run(), created_at=old(10))
    path = ".github/workflows/heal.yml"
    recovery_id = plan_elsewhere(shelf, one, path)

    unset = checkpoints("prune", "--keep-days", "1", "--dry-run")
    said = caplog.text
    caplog.clear()
    Path(".github").mkdir()
    Path(".github/recovery.yml").write_text(f"version: 1\nrecovery-workflow: {path}\n")
    told = checkpoints("prune", "--keep-days", "1")

    assert "would be deleted" in unset.out
    assert "none of the 1 recovery plans that were found is believed" in said
    assert f"the open recovery {recovery_id} names it" in told.out
    assert "is believed" not in caplog.text


def test_sweep_believes_the_recovery_workflow_that_is_configured(shelf: Shelf) -> None:
    """Like `prune`; the option comes before the setting."""
    one = shelf.save(shelf.stage.failed_run())
    path = ".github/workflows/heal.yml"
    recovery_id = plan_elsewhere(shelf, one, path)
    Path(".github").mkdir()
    Path(".github/recovery.yml").write_text(f"version: 1\nrecovery-workflow: {path}\n")

    assert 0 == main(["sweep", "--dry-run", "--workflow", ".github/workflows/recovery.yml"])
    assert open_store(EMPTY_PLACE).recovery(recovery_id) is None
    sweep_without_acting()
    assert open_store(EMPTY_PLACE).recovery(recovery_id) is not None


def test_prune_spares_what_an_active_run_may_restore(shelf: Shelf, checkpoints: Command) -> None:
    """A run that was taken in, and is being re-run now, keeps its checkpoints."""
    red = shelf.stage.failed_run()
    one = shelf.save(red, created_at=old(10))
    sweep_without_acting()
    shelf.stage.hold()
    shelf.stage.world.runs.rerun(red.id, only_failed=True)

    told = checkpoints("prune", "--keep-days", "1")

    assert [one.id[-8:]] == shelf.artifacts
    assert f"run {red.id} is active and may restore it" in told.out


def sweep_without_acting() -> None:
    """Take in what there is, and change nothing."""
    assert 0 == main(["sweep", "--dry-run"])


def test_prune_never_deletes_another_artifact(shelf: Shelf, checkpoints: Command) -> None:
    """A record that claims an artifact which is not the checkpoint's deletes nothing."""
    red = shelf.stage.failed_run()
    precious = shelf.stage.world.vault.add_artifact(red, "release", {"app": b"1"})
    claim = {"artifact_id": precious.id, "artifact_size": 10, "health": "valid"}
    forged = make.make_checkpoint(repository=REPOSITORY, run_id=str(red.id), created_at=old(9), metadata=claim)
    open_store(EMPTY_PLACE).record([make.checkpoint_created(checkpoint=forged)])

    told = checkpoints("prune", "--keep-days", "1")

    assert ["release"] == [artifact.name for artifact in shelf.stage.world.vault.artifacts()]
    assert "is not the one of this checkpoint" in told.out


def test_prune_keeps_bases_and_deletes_increments_first(shelf: Shelf, checkpoints: Command) -> None:
    """The base of a kept one stays; when both go, the one that needs the other goes first."""
    red = shelf.stage.failed_run()
    for each in incremental(shelf, red):
        shelf.upload(red, each)

    kept = json.loads(checkpoints("prune", "--max-size", "1", "--keep-count", "0", "--dry-run", "--json").out)
    assert 2 == len(kept["deleted"])
    base, one = (each for each in reversed(kept["deleted"]))
    ended = checkpoints("prune", "--keep-count", "0")

    order = [line for line in ended.err.splitlines() if line.startswith("deleted ")]
    assert [f"deleted {one['id']}", f"deleted {base['id']}"] == [line.partition(":")[0] for line in order]


def test_prune_without_permission_says_which(shelf: Shelf, checkpoints: Command) -> None:
    """What GitHub refuses is an error; nothing is put on record about what was not deleted."""
    one = shelf.save(shelf.stage.failed_run(), created_at=old(10))
    body = {"message": "Resource not accessible by integration"}
    shelf.stage.world.inject(Fault(method="DELETE", path="/actions/artifacts/", status=403, body=body))

    ended = checkpoints("prune", "--keep-days", "1")

    assert (7, 1) == (ended.code, len(ended.errors))
    assert "hint: the token in GITHUB_TOKEN needs the permission `actions: write`" in ended.err
    assert "valid" == json.loads(checkpoints("show", one.id, "--json").out)["metadata"]["health"]


def test_prune_takes_up_where_a_killed_one_ended(shelf: Shelf, checkpoints: Command) -> None:
    """An artifact that was deleted before that was put on record is no obstacle."""
    red = shelf.stage.failed_run()
    one = shelf.save(red, created_at=old(10))
    sweep_without_acting()
    (artifact,) = shelf.stage.world.vault.artifacts()
    shelf.stage.world.vault.delete_artifact(artifact.id)

    assert 0 == checkpoints("prune", "--keep-days", "1").code
    assert "expired" == json.loads(checkpoints("show", one.id, "--json").out)["metadata"]["health"]


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["list", "show", "diff", "verify", "prune"])
def test_every_command_has_help_with_an_example_that_parses(checkpoints: Command, command: str) -> None:
    """The example in the help is accepted as it stands."""
    ended = checkpoints(command, "--help")

    assert 0 == ended.code
    example = ended.out.split("example:\n")[1].split()
    assert ["recovery", "checkpoints", command] == example[:3]
    assert build_parser().parse_args(example[1:])


def test_checkpoints_alone_is_wrong_usage(checkpoints: Command) -> None:
    """One of the commands must be named."""
    assert 2 == checkpoints().code

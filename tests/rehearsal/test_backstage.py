"""The stand-in actions' requests, and the rules they run into."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.vault import zip_of
from recovery.rehearsal.world import World

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a few files, some hidden."""
    place = tmp_path / "workspace"
    for name in ("out/a.txt", "out/deep/b.log", "out/.hidden/c.txt", ".state/d.json", "other/e.txt"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    return place


@pytest.fixture
def ask(server: LocalGitHub, world: World, workspace: Path, failed_run: Run) -> Ask:
    """Send a stand-in's request on behalf of a run."""

    def send(
        act: str, *, run: Run | None = None, state: dict[str, str] | None = None, temp: str = "", **inputs: str
    ) -> dict[str, Any]:
        run = run or failed_run
        world.secrets[f"secret-{run.id}"] = (run.id, run.latest.number)
        answer = requests.post(
            f"{server.url}/_rehearsal/{act}",
            headers={"x-rehearsal-secret": f"secret-{run.id}"},
            json={
                "inputs": {name.replace("_", "-"): value for name, value in inputs.items()},
                "state": state or {},
                "workspace": str(workspace),
                "home": str(workspace / "home"),
                "temp": temp or str(workspace / "temp"),
                "path": os.environ["PATH"],
            },
            timeout=10,
        )
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    return send


def names(world: World, artifact_id: str) -> list[str]:
    """The files of an artifact."""
    with zipfile.ZipFile(io.BytesIO(world.vault.artifact(int(artifact_id)).content)) as archive:
        return sorted(archive.namelist())


def test_an_artifact_name_is_given_once_per_run(ask: Ask, world: World) -> None:
    """The second upload of a name fails with GitHub's 409, unless it overwrites."""
    first = ask("upload-artifact", name="plan", path="out")
    assert not first["failed"]
    assert names(world, first["outputs"]["artifact-id"]) == ["a.txt", "deep/b.log"]
    second = ask("upload-artifact", name="plan", path="out")
    assert second["failed"]
    assert "(409) Conflict: an artifact with this name already exists on the workflow run" in second["lines"][0]
    third = ask("upload-artifact", name="plan", path="out", overwrite="true")
    assert third["outputs"]["artifact-id"] > first["outputs"]["artifact-id"]


@pytest.mark.parametrize(
    ("path", "hidden", "expected"),
    [
        ("out", "true", [".hidden/c.txt", "a.txt", "deep/b.log"]),
        ("out/a.txt", "false", ["a.txt"]),
        ("out/**/*.txt\n!out/.hidden/**", "true", ["a.txt"]),
        ("out/*.txt\nother", "false", ["other/e.txt", "out/a.txt"]),
        (".state", "true", ["d.json"]),
        (".state/d.json", "false", ["d.json"]),
    ],
)
def test_paths_and_patterns(ask: Ask, world: World, path: str, hidden: str, expected: list[str]) -> None:
    """Folders, files, patterns and exclusions give the names the toolkit would give."""
    answer = ask("upload-artifact", name="x", path=path, include_hidden_files=hidden)
    assert names(world, answer["outputs"]["artifact-id"]) == expected


def test_a_hidden_folder_uploads_nothing(ask: Ask, world: World) -> None:
    """It is a warning by default, an error on request, and never an artifact."""
    warned = ask("upload-artifact", name="x", path=".state")
    assert (warned["failed"], warned["lines"][0].startswith("::warning::No files were found")) == (False, True)
    assert ask("upload-artifact", name="x", path=".state", if_no_files_found="error")["failed"]
    assert world.vault.artifacts() == []


def test_downloads_by_name_pattern_and_other_run(ask: Ask, world: World, workspace: Path, failed_run: Run) -> None:
    """One by name into the path, several into folders of their names, another run's only with a token."""
    world.vault.add_artifact(failed_run, "one", {"1.txt": "1"})
    world.vault.add_artifact(failed_run, "two", {"2.txt": "2"})
    assert not ask("download-artifact", name="one", path="in")["failed"]
    assert (workspace / "in/1.txt").read_text() == "1"
    ask("download-artifact", pattern="t*", path="in")
    assert (workspace / "in/two/2.txt").read_text() == "2"
    assert "Artifact not found" in ask("download-artifact", name="three")["lines"][0]
    other = world.add_run([ScriptedJob(name="job")])
    assert ask("download-artifact", name="one", run=other)["failed"]
    source = {"run_id": str(failed_run.id), "github_token": world.token}
    assert not ask("download-artifact", name="one", run=other, **source)["failed"]
    weak = {**source, "github_token": world.issue_token(permissions={"contents": "read"})}
    assert ask("download-artifact", name="one", run=other, **weak)["failed"]


@pytest.mark.parametrize(("level", "method"), [("0", zipfile.ZIP_STORED), ("", zipfile.ZIP_DEFLATED)])
def test_compression_is_a_choice(ask: Ask, world: World, level: str, method: int) -> None:
    """At level 0 files are stored as they are; a level that there is not fails the upload."""
    answer = ask("upload-artifact", name="x", path="out", compression_level=level)
    with zipfile.ZipFile(io.BytesIO(world.vault.artifact(int(answer["outputs"]["artifact-id"])).content)) as archive:
        assert {info.compress_type for info in archive.infolist()} == {method}
    assert "Invalid compression-level" in ask("upload-artifact", path="out", compression_level="10")["lines"][0]


def test_a_damaged_artifact_is_not_unpacked(ask: Ask, world: World, workspace: Path, failed_run: Run) -> None:
    """Its digest is compared, unless the step does not want to know."""
    world.vault.add_artifact(failed_run, "one", {"1.txt": "1"})
    damaged = world.vault.add_artifact(failed_run, "two", {"2.txt": "2"})
    world.vault.spoil(damaged.id, zip_of({"2.txt": "3"}))
    assert not ask("download-artifact", name="one", path="in")["failed"]
    refused = ask("download-artifact", name="two", path="in")
    assert (refused["failed"], "digest validation failed" in refused["lines"][0]) == (True, True)
    assert not (workspace / "in/2.txt").exists()
    assert not ask("download-artifact", name="two", path="in", digest_mismatch="ignore")["failed"]


def test_workflow_run_may_not_write_caches(ask: Ask, world: World) -> None:
    """The save is refused with a warning and the step stays green; a scheduled run may save."""
    follower = world.add_run([ScriptedJob(name="job")], event="workflow_run", head_branch="main")
    refused = ask("cache-save", key="state-1", path="out", run=follower)
    assert (refused["failed"], refused["lines"][0].startswith("::warning::cache write denied")) == (False, True)
    assert world.vault.caches() == []
    sweep = world.add_run([ScriptedJob(name="job")], event="schedule", head_branch="main")
    assert ask("cache-save", key="state-1", path="out", run=sweep)["lines"] == ["Cache saved with key: state-1"]


def test_caches_are_immutable_and_found_by_prefix(ask: Ask, world: World, workspace: Path) -> None:
    """Exact key first, then the newest created of a prefix; a second save of a key changes nothing."""
    run = world.add_run([ScriptedJob(name="job")], event="push", head_branch="main")
    file = workspace / "out/a.txt"
    for number in (1, 2):
        file.write_text(str(number))
        ask("cache-save", key=f"state-{number}", path="out/a.txt", run=run)
    file.write_text("9")
    assert "::warning::Cache save failed." in ask("cache-save", key="state-1", path="out/a.txt", run=run)["lines"]
    hit = ask("cache-restore", key="state-1", path="out/a.txt", run=run)
    assert (hit["outputs"]["cache-hit"], file.read_text()) == ("true", "1")
    newest = ask("cache-restore", key="state-3", restore_keys="state-", path="out/a.txt", run=run)
    assert (newest["outputs"]["cache-hit"], newest["outputs"]["cache-matched-key"]) == ("false", "state-2")
    assert file.read_text() == "2"
    assert "cache-hit" not in ask("cache-restore", key="state-1", path="out", run=run)["outputs"]
    assert ask("cache-restore", key="none", path="out", fail_on_cache_miss="true", run=run)["failed"]
    kept = ask("cache-post", key="state-1", path="out/a.txt", run=run, state=hit["state"])
    assert "not saving cache" in kept["lines"][0]


def test_pull_requests_cache_in_a_scope_of_their_own(ask: Ask, world: World) -> None:
    """What a pull request saves, the default branch does not find; what main saves, the pull request does."""
    main = world.add_run([ScriptedJob(name="job")], event="push", head_branch="main")
    pull = world.add_run([ScriptedJob(name="job")], event="pull_request", payload={"number": 3})
    ask("cache-save", key="theirs", path="out", run=pull)
    ask("cache-save", key="ours", path="out", run=main)
    assert [entry.ref for entry in world.vault.caches(key="theirs")] == ["refs/pull/3/merge"]
    assert "cache-hit" not in ask("cache-restore", key="theirs", path="out", run=main)["outputs"]
    assert ask("cache-restore", key="ours", path="out", run=pull)["outputs"]["cache-hit"] == "true"


def test_setup_actions_find_the_tools_of_this_machine(ask: Ask) -> None:
    """The version is told; another one that was asked for is noted."""
    answer = ask("setup-node", node_version="1.x")
    assert answer["outputs"]["node-version"][0].isdigit()
    assert answer["lines"][1].startswith("::notice::node 1.x was asked for")


def test_strangers_are_refused(server: LocalGitHub) -> None:
    """Without a run's secret nobody gets behind the stage, and no trace of it is in the access log."""
    url = f"{server.url}/_rehearsal/cache-save"
    assert requests.post(url, json={}, timeout=5).status_code == 401
    assert requests.get(url, timeout=5).status_code == 404
    assert server.world.requests == []


def test_the_runners_temporary_folder_counts_as_one_place(ask: Ask, world: World, tmp_path: Path) -> None:
    """What one job saves from `runner.temp`, another job with another such folder restores into its own."""
    run = world.add_run([ScriptedJob(name="job")], event="schedule", head_branch="main")
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
    (one / "state").mkdir()
    (one / "state/recovery.db").write_text("rows")
    ask("cache-save", key="k", path=f"{one}/state", temp=str(one), run=run)
    restored = ask("cache-restore", key="k", path=f"{two}/state", temp=str(two), run=run)
    assert restored["outputs"]["cache-hit"] == "true"
    assert (two / "state/recovery.db").read_text() == "rows"

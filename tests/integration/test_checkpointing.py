"""A checkpoint of the running job: what it records, what it never records, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.runner import RunnerContext
from recovery.adapters.vault import DirectoryVault
from recovery.app.checkpointing import SavedCheckpoint, save_checkpoint
from recovery.errors import InputError
from recovery.models.manifest import digest_of
from recovery.settings import Settings


@pytest.fixture
def job(tmp_path: Path) -> RunnerContext:
    """A job of run 42 with a workspace."""
    workspace = tmp_path / "workspace"
    (workspace / "sub").mkdir(parents=True)
    (workspace / "uv.lock").write_text("locked")
    (workspace / "sub" / "requirements.txt").write_text("requests")
    return RunnerContext(
        repository="octo/repo",
        run_id=42,
        attempt=2,
        event_name="push",
        ref_name="feature",
        sha="a" * 40,
        workspace=workspace,
        directory=tmp_path / "use",
    )


def save(job: RunnerContext, job_id: str = "77", **settings: Any) -> SavedCheckpoint:
    """Save a checkpoint of that name, unless another is given."""
    return save_checkpoint(job, Settings(**{"name": "built"} | settings), job_id, "CI")


def test_checkpoint_is_the_seeds_record(job: RunnerContext) -> None:
    """Every field of the seed, from the runner and the inputs."""
    checkpoint = save(job, type="workflow", state={"step": "build"}, job_status="success").checkpoint

    assert ("octo/repo", "CI", "42", "a" * 40, "workflow", "built", {"step": "build"}) == (
        checkpoint.repository,
        checkpoint.workflow_name,
        checkpoint.run_id,
        checkpoint.commit_sha,
        checkpoint.checkpoint_type,
        checkpoint.checkpoint_name,
        checkpoint.workflow_state,
    )
    assert (2, "77", "feature", "push", "success") == tuple(
        checkpoint.metadata[name] for name in ("attempt", "job_id", "ref", "event", "job_status")
    )


def test_manifest_can_be_read_again_and_has_the_digest_told(job: RunnerContext) -> None:
    """What is uploaded is what was recorded."""
    saved = save(job)

    manifest = saved.directory / "manifest.json"
    assert saved.digest == digest_of(manifest.read_bytes())
    assert 1 == json.loads(manifest.read_text())["schema_version"]
    vault = DirectoryVault(saved.directory.parent, workspace=job.workspace)
    assert saved.checkpoint == vault.get(saved.checkpoint.id)


def test_artifacts_name_says_whose_it_is_and_is_never_the_same(job: RunnerContext) -> None:
    """Run, attempt, job and name, and a nonce: a repeated checkpoint does not collide."""
    first, second = save(job).artifact_name, save(job).artifact_name

    assert first != second
    assert ["recovery-checkpoint", "42", "2", "77", "built"] == first.split(".")[:-1]


def test_job_without_an_id_is_zero(job: RunnerContext) -> None:
    """Where the runner does not tell the job's id, the name stays whole."""
    assert save(job, job_id="").artifact_name.startswith("recovery-checkpoint.42.2.0.built.")


def test_only_named_variables_are_recorded(job: RunnerContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allow-list: the runner's kind, and what was asked for and is set."""
    for name, value in {"RUNNER_OS": "Linux", "COLOUR": "blue", "OTHER": "secret"}.items():
        monkeypatch.setenv(name, value)
    for name in ("ImageOS", "ImageVersion", "RUNNER_ARCH"):
        monkeypatch.delenv(name, raising=False)

    context = save(job, environment=("COLOUR", "UNSET")).checkpoint.environment_context

    assert {"RUNNER_OS": "Linux", "COLOUR": "blue"} == context


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "npm_token",
        "MY_SECRET",
        "DB_PASSWORD",
        "passwd",
        "AWS_ACCESS_KEY_ID",
        "API_KEY",
        "PRIVATE_PEM",
        "GCP_CREDENTIALS",
    ],
)
def test_variables_that_look_like_secrets_are_refused(job: RunnerContext, name: str) -> None:
    """Checkpoints can be read by everyone who can read the repository."""
    with pytest.raises(InputError, match=f"{name} looks like a secret"):
        save(job, environment=("PATH", name))

    assert not job.directory.exists()


def test_dependencies_are_recorded_by_digest(job: RunnerContext) -> None:
    """Patterns become files, each once, with the digest of its content."""
    checkpoint = save(job, dependencies=("uv.lock", "*.lock", "**/requirements*.txt")).checkpoint

    assert ["sub/requirements.txt", "uv.lock"] == checkpoint.dependencies
    digest = f"sha256:{hashlib.sha256(b'locked').hexdigest()}"
    assert digest == checkpoint.metadata["dependency_digests"]["uv.lock"]


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../x", "sub/../../x", "missing", "sub", "**.txt", "[", "*.none"])
def test_dependencies_that_are_no_files_of_the_workspace(job: RunnerContext, pattern: str) -> None:
    """Outside, missing, a folder, or no pattern at all: bad input, and nothing is written."""
    with pytest.raises(InputError, match="`dependencies`"):
        save(job, dependencies=(pattern,))

    assert not job.directory.exists()


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a/b", "a.b", "ä", "a" * 65, "a\n", "${{ x }}"])
def test_names_that_are_none(job: RunnerContext, name: str) -> None:
    """A name becomes part of an artifact's name, and of an output."""
    with pytest.raises(InputError, match="`name` must be"):
        save(job, name=name)


@pytest.mark.parametrize("name", ["a", "Build-complete_2", "a" * 64, "0"])
def test_names_that_are_fine(job: RunnerContext, name: str) -> None:
    """Letters, digits, `-` and `_`, up to 64."""
    assert name == save(job, name=name).checkpoint.checkpoint_name

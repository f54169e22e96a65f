"""Checkpoint manifests in a directory: canonical, there whole or not at all, and never a way out of the directory."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recovery.adapters.vault import DirectoryVault, Progress
from recovery.errors import CheckpointRejected, InputError, StateError
from recovery.models.manifest import MANIFEST_LIMIT, manifest_bytes, read_manifest
from tests.builders import make_checkpoint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    """A vault whose directory is not there yet."""
    return DirectoryVault(tmp_path / "vault")


def test_checkpoint_comes_back_as_it_was_put(vault: DirectoryVault) -> None:
    """Structures, empty fields and all scripts survive."""
    checkpoint = make_checkpoint(metadata={"ü": [1, None, {"deep": "✓\n"}]}, artifacts=[])

    vault.put(checkpoint)

    assert checkpoint == vault.get(checkpoint.id)


def test_digest_is_that_of_the_file(vault: DirectoryVault) -> None:
    """Anybody with sha256sum can check it."""
    digest = vault.put(make_checkpoint())

    content = vault.manifest_path("ckpt-01").read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest


def test_equal_checkpoints_have_equal_manifests() -> None:
    """The order in which a dictionary was filled does not show."""
    one = make_checkpoint(workflow_state={"a": 1, "b": 2})
    other = make_checkpoint(workflow_state={"b": 2, "a": 1})

    assert manifest_bytes(one) == manifest_bytes(other)


def test_manifest_names_its_version_and_is_json_everywhere() -> None:
    """Version 1, sorted keys, no words like NaN that JSON does not have."""
    fields = json.loads(manifest_bytes(make_checkpoint(workflow_state={"rate": float("nan")})))

    expected = (1, {"rate": None}, sorted(fields))
    assert expected == (fields["schema_version"], fields["workflow_state"], list(fields))


@pytest.mark.parametrize(
    "state", [{"a": json.loads("[" * 64 + "]" * 64)}, {"a": 10**31}, {"a": "x" * MANIFEST_LIMIT}, {"a": "\ud800"}]
)
def test_checkpoint_that_nobody_could_read_is_not_put(vault: DirectoryVault, state: dict[str, object]) -> None:
    """A manifest is written only if it can be read back."""
    with pytest.raises(InputError, match="could not be restored"):
        vault.put(make_checkpoint(workflow_state=state))

    assert not vault.root.exists()


def test_manifest_is_never_put_where_its_files_are_not(vault: DirectoryVault) -> None:
    """A folder that was removed meanwhile does not come back as half a checkpoint."""
    with pytest.raises(StateError, match="the files of ckpt-01 are gone"):
        vault.put(make_checkpoint(metadata={"content": {"files": 1}}))

    assert not vault.root.exists()


def test_checkpoint_that_was_not_put_is_none(vault: DirectoryVault) -> None:
    """Asking for it is no error, neither before the directory exists nor after."""
    before = vault.get("ckpt-01")
    vault.put(make_checkpoint())

    expected = (None, None)
    assert expected == (before, vault.get("ckpt-02"))


def test_second_manifest_takes_the_place_of_the_first(vault: DirectoryVault) -> None:
    """Nothing else is left in the folder."""
    vault.put(make_checkpoint())
    later = make_checkpoint(checkpoint_name="later")

    vault.put(later)

    expected = (later, ["manifest.json"])
    assert expected == (vault.get("ckpt-01"), [path.name for path in vault.manifest_path("ckpt-01").parent.iterdir()])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "/etc", "C:x", ".hidden", "x.", "a\0b", "a\nb", "ü", "a" * 129]
)
def test_id_that_could_lead_elsewhere_is_refused(vault: DirectoryVault, name: str) -> None:
    """Neither put nor get follow it, and nothing is written."""
    with pytest.raises(InputError):
        vault.put(make_checkpoint(id=name))
    with pytest.raises(InputError):
        vault.get(name)

    assert not vault.root.exists()


@pytest.mark.parametrize("name", ["a", "checkpoint_456", "ckpt-01h.v2", "a" * 128, "ckpt-01J9ZC3N7E5W8K2M4P6R0T1V3X"])
def test_ordinary_ids_are_taken(vault: DirectoryVault, name: str) -> None:
    """Ids of ours and of the seed's."""
    checkpoint = make_checkpoint(id=name)

    vault.put(checkpoint)

    assert checkpoint == vault.get(name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"schema_version": 1', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "schema version 'None'"),
        (manifest_bytes(make_checkpoint()).replace(b'"schema_version": 1', b'"schema_version": 2'), "version '2'"),
        (b'{"schema_version": 1, "id": "ckpt-01"}', "repository: Field required"),
        (manifest_bytes(make_checkpoint()).replace(b'"job"', b'"planet"'), "checkpoint_type"),
        (manifest_bytes(make_checkpoint()).replace(b'"artifacts"', b'"artefacts"'), "artefacts: Extra inputs"),
        (b" " * (MANIFEST_LIMIT + 1), "larger than"),
    ],
)
def test_manifest_that_is_none_is_rejected(content: bytes, said: str) -> None:
    """The error says which manifest and what is wrong with it."""
    with pytest.raises(CheckpointRejected, match=said) as caught:
        read_manifest(content, source="artifact 7")

    assert "artifact 7" in str(caught.value)


def test_manifest_of_another_checkpoint_is_rejected(vault: DirectoryVault) -> None:
    """A manifest moved into another's folder is not believed."""
    vault.put(make_checkpoint())
    vault.manifest_path("ckpt-01").parent.rename(vault.root / "ckpt-02")

    with pytest.raises(CheckpointRejected, match="another checkpoint"):
        vault.get("ckpt-02")


def test_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "vault").touch()
    vault = DirectoryVault(tmp_path / "vault")

    with pytest.raises(StateError, match="ckpt-01 cannot be written"):
        vault.put(make_checkpoint())
    assert vault.get("ckpt-01") is None


def test_manifest_that_cannot_be_read_is_one_clear_error(vault: DirectoryVault) -> None:
    """A directory stands where the manifest should be."""
    vault.manifest_path("ckpt-01").mkdir(parents=True)

    with pytest.raises(StateError, match="cannot be read"):
        vault.get("ckpt-01")


def test_failed_write_leaves_the_old_manifest_and_no_rubbish(
    vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full while the new manifest is written does not touch the old one."""
    checkpoint = make_checkpoint()
    vault.put(checkpoint)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left"):
        vault.put(make_checkpoint(checkpoint_name="later"))

    expected = (checkpoint, ["manifest.json"])
    assert expected == (vault.get("ckpt-01"), [path.name for path in vault.manifest_path("ckpt-01").parent.iterdir()])


# --- the environment as it is now ------------------------------------------------------------------------------------


def test_environment_is_variables_and_versions_of_tools(tmp_path: Path) -> None:
    """By the names that a checkpoint records them under; what is not there is left out."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho tool 3.2.1\n")
    tool.chmod(0o755)
    vault = DirectoryVault(tmp_path / "vault", variables={"PATH": str(tmp_path), "COLOUR": "blue", "EMPTY": ""})

    found = vault.environment(["COLOUR", "EMPTY", "UNSET", "tool:tool", "tool:missing", "tool:../tool", "tool:"])

    expected = {"COLOUR": "blue", "EMPTY": "", "tool:tool": "3.2.1"}
    assert expected == found


def test_digests_are_of_files_in_the_workspace_only(tmp_path: Path) -> None:
    """Links are followed, but not out of it; a device without end and a FIFO without writer are no files."""
    workspace = tmp_path / "workspace"
    (workspace / "sub").mkdir(parents=True)
    (workspace / "lock").write_text("locked")
    (tmp_path / "outside").write_text("locked")
    for name, target in (("inside", "lock"), ("out", "../outside"), ("zero", "/dev/zero"), ("self", "self")):
        (workspace / name).symlink_to(target)
    os.mkfifo(workspace / "fifo")
    vault = DirectoryVault(tmp_path / "vault", workspace=workspace)

    outside = str(tmp_path / "outside")
    found = vault.digests(["lock", "inside", "out", "zero", "self", "fifo", "sub", "gone", "../outside", outside])

    digest = f"sha256:{hashlib.sha256(b'locked').hexdigest()}"
    assert {"lock": digest, "inside": digest} == found


# --- how far a job has got -------------------------------------------------------------------------------------------


def test_progress_is_told_to_its_owner_only(vault: DirectoryVault) -> None:
    """A job that works in the folder of another one, later, begins anew."""
    before = vault.progress("job-1")
    progress = Progress(owner="job-1", latest="ckpt-02", base="ckpt-01")

    vault.advance(progress)

    expected = (None, progress, None)
    assert expected == (before, vault.progress("job-1"), vault.progress("job-2"))


def test_later_progress_takes_the_place_of_the_earlier(vault: DirectoryVault) -> None:
    """Nothing else is left in the folder."""
    for number in (1, 2):
        vault.advance(Progress(owner="job", latest=f"ckpt-0{number}"))

    expected = (Progress(owner="job", latest="ckpt-02"), ["latest.json"])
    assert expected == (vault.progress("job"), [path.name for path in vault.root.iterdir()])


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"owner": "job", "latest": 1}', b"[" * 100_000]
)
def test_damaged_progress_is_none(vault: DirectoryVault, content: bytes) -> None:
    """It spares work; without it the work is done."""
    vault.root.mkdir()
    (vault.root / "latest.json").write_bytes(content)

    assert vault.progress("job") is None


def test_progress_that_cannot_be_written_is_one_clear_error(vault: DirectoryVault) -> None:
    """A directory stands where the file should be."""
    (vault.root / "latest.json").mkdir(parents=True)

    with pytest.raises(StateError, match=r"latest\.json cannot be written"):
        vault.advance(Progress(owner="job", latest="ckpt-01"))


def test_what_a_killed_process_left_is_discarded_and_nothing_else(vault: DirectoryVault, tmp_path: Path) -> None:
    """Only a folder with a name that this program gives, and without a manifest, is half a checkpoint."""
    ids = [f"ckpt-01j9zc3n7e5w8k2m4p6r0t1v3{letter}" for letter in "abc"]
    vault.put(make_checkpoint(id=ids[0]))
    (vault.root / ids[1] / "packs").mkdir(parents=True)
    (vault.root / ids[1] / "packs" / "half").touch()
    for name in ("ckpt-mine", "content", "src"):
        (vault.root / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (vault.root / ids[2]).symlink_to(tmp_path / "elsewhere")

    vault.discard_unfinished()

    expected = {ids[0], ids[2], "ckpt-mine", "content", "src"}
    assert expected == {path.name for path in vault.root.iterdir()}


def test_discarding_where_there_is_nothing(vault: DirectoryVault) -> None:
    """The first use of a job finds no folder at all."""
    vault.discard_unfinished()

    assert not vault.root.exists()


def test_vault_is_light() -> None:
    """It runs inside users' jobs: neither SQLAlchemy nor PyGithub nor requests come with it."""
    code = (
        "import sys, recovery.adapters.vault; print({'sqlalchemy', 'github', 'requests', 'alembic'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    expected = "set()\n"
    assert expected == done.stdout

"""Files come out of npm packages once, checked, and nobody waits in vain where npm is out of reach."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.openapi.packages import OutOfReach, PackagedFile

CONTENT = b"{}"
Stand = Callable[[str], Path]


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    """A package with one file."""
    path = tmp_path / "thing.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("package/data.json")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    return path


@pytest.fixture
def wanted(tarball: Path) -> PackagedFile:
    """The package's file, as it should be."""
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return PackagedFile(
        name="@some/thing", version="1.2.3", integrity=f"sha512-{digest}", member="package/data.json", sha256=sha256
    )


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Puts a program named npm, and no other, in the way; it notes that it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def stand(script: str) -> Path:
        calls = tmp_path / "calls"
        program = folder / "npm"
        program.write_text(f'#!/bin/sh\necho "$@" >>"{calls}"\n{script}\n', encoding="utf-8")
        program.chmod(0o755)
        return calls

    return stand


def copies(tarball: Path) -> str:
    """What npm does when all is well."""
    return f'/bin/cat "{tarball}" > some-thing-1.2.3.tgz'


def test_a_file_is_fetched_once(wanted: PackagedFile, tarball: Path, npm: Stand) -> None:
    """The second time it is there."""
    calls = npm(copies(tarball))

    assert CONTENT == wanted.fetched().read_bytes()
    assert CONTENT == wanted.fetched().read_bytes()
    assert ["pack @some/thing@1.2.3"] == [line.split(" --")[0] for line in calls.read_text().splitlines()]


def test_a_damaged_file_is_fetched_again(wanted: PackagedFile, tarball: Path, npm: Stand) -> None:
    """What is in the cache folder is believed only after a look."""
    npm(copies(tarball))
    wanted.fetched().write_bytes(b"[]")

    assert CONTENT == wanted.fetched().read_bytes()


def test_a_changed_package_is_refused(wanted: PackagedFile, tarball: Path, npm: Stand) -> None:
    """A tarball with another digest is an error, and none of it is kept."""
    npm(f"{copies(tarball)}; echo more >> some-thing-1.2.3.tgz")

    with pytest.raises(ValueError, match="has the integrity"):
        wanted.fetched()
    with pytest.raises(ValueError, match="has the integrity"):
        wanted.fetched()


@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_a_package_that_does_not_come_is_out_of_reach(script: str, wanted: PackagedFile, npm: Stand) -> None:
    """npm that fails, and npm that brings nothing, are told as that."""
    npm(script)

    with pytest.raises(OutOfReach, match=r"`npm pack @some/thing@1\.2\.3` brought nothing"):
        wanted.fetched()


@pytest.mark.usefixtures("npm")
def test_without_npm_it_is_out_of_reach(wanted: PackagedFile) -> None:
    """A machine without npm is told as that."""
    with pytest.raises(OutOfReach, match="npm is not installed"):
        wanted.fetched()

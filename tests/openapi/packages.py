"""Single files out of npm packages, fetched once into the user's cache folder and checked against known digests."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 180


class OutOfReach(Exception):
    """The package cannot be had here and now; says why."""


@dataclass(frozen=True, kw_only=True)
class PackagedFile:
    """One file of one version of one package."""

    name: str
    version: str
    integrity: str
    """Of the package's tarball, in npm's notation."""
    member: str
    sha256: str

    def fetched(self) -> Path:
        """Where the file is, once it is there and is what it should be.

        Raises:
            OutOfReach: it is not there, and npm does not bring it.
            ValueError: npm brought something else.
        """
        folder = _cache_folder() / f"{self.name.strip('@').replace('/', '-')}-{self.version}"
        path = folder / Path(self.member).name
        if _is(path, self.sha256):
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            if not _is(path, self.sha256):
                self._fetch(path)
        return path

    def _fetch(self, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            tarball = _packed(f"{self.name}@{self.version}", Path(scratch))
            found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
            if f"sha512-{found}" != self.integrity:
                raise ValueError(f"{self.name}@{self.version} has the integrity sha512-{found}, not {self.integrity}")
            extracted = Path(scratch) / path.name
            with tarfile.open(tarball) as archive:
                source = archive.extractfile(self.member)
                assert source is not None, f"{self.name} holds no file {self.member}"
                with extracted.open("wb") as target:
                    shutil.copyfileobj(source, target)
            if not _is(extracted, self.sha256):
                raise ValueError(f"{self.member} of {self.name}@{self.version} is not what it was")
            extracted.replace(path)


def _packed(package: str, folder: Path) -> Path:
    command = ["npm", "pack", package, "--ignore-scripts", "--silent", "--fetch-retries=1"]
    try:
        subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS, check=True
        )
        (tarball,) = folder.glob("*.tgz")
    except FileNotFoundError as error:
        raise OutOfReach("npm is not installed") from error
    except (subprocess.SubprocessError, ValueError) as error:
        raise OutOfReach(f"`npm pack {package}` brought nothing") from error
    return tarball


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "storyteller-recovery"


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep out the other workers of this machine, so that one of them fetches and the others find."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

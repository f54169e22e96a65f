"""The copy of the user's repository that a rehearsal works on; the original is only read."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.git import git
from recovery.rehearsal.history import History
from recovery.rehearsal.toolshed import find_program

_LEFT_OUT = ("*.pyc", ".git", ".venv", "__pycache__", "build", "dist", "node_modules")


def copy_files(origin: Path, target: Path, leave_out: Path) -> None:
    """Copy what git would keep (tracked or not ignored), or everything but the usual rubbish outside git.

    Nothing below `leave_out` is copied, which is where the copies go.
    """
    listing = subprocess.run(  # noqa: S603 -- git itself
        [
            find_program("git"),
            "-c",
            "safe.directory=*",
            "-C",
            str(origin),
            "ls-files",
            "-co",
            "--exclude-standard",
            "-z",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    target.mkdir(parents=True, exist_ok=True)
    if listing.returncode != 0:
        usual = shutil.ignore_patterns(*_LEFT_OUT)

        def ignored(folder: str, names: list[str]) -> set[str]:
            return usual(folder, names) | {name for name in names if Path(folder, name) == leave_out}

        shutil.copytree(origin, target, ignore=ignored, symlinks=True, dirs_exist_ok=True)
        return
    for name in filter(None, listing.stdout.split("\0")):
        file = origin / name
        if (file.is_symlink() or file.is_file()) and not file.is_relative_to(leave_out):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target / name, follow_symlinks=False)


class Source:
    """A git repository of its own, with the user's files as the first commit of the default branch."""

    def __init__(self, origin: Path, folder: Path, default_branch: str) -> None:
        self._origin = origin
        self._folder = folder
        self._repository = folder / "repository"
        self._trees = folder / "trees"
        self._default_branch = default_branch
        self._lock = threading.Lock()
        self.history = History(self._repository)

    def prepare(self, alter: Callable[[Path], None] = lambda _: None) -> str:
        """Copy the files, `alter` the copy, and commit it; the first commit's id."""
        if not self._origin.is_dir():
            raise RehearsalError(f"there is no repository at {self._origin}")
        copy_files(self._origin, self._repository, self._folder)
        alter(self._repository)
        self._git("init", "-q", "-b", self._default_branch)
        self._git("add", "-A", "--force")
        self._git("commit", "-q", "--allow-empty", "--no-verify", "-m", "The repository as it is")
        return self._git("rev-parse", "HEAD")

    def commit(self, branch: str, message: str, files: Mapping[str, str]) -> str:
        """Add a commit to a branch, which starts at the default branch if it is new; the commit's id."""
        with self._lock:
            known = self._git("branch", "--list", branch)
            start = branch if known else self._default_branch
            # By force, because a branch may have been moved while it was checked out.
            self._git("checkout", "-q", "--force", "-B", branch, start)
            for name, text in files.items():
                path = self._repository / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            self._git("add", "-A", "--force")
            self._git("commit", "-q", "--allow-empty", "--no-verify", "-m", message)
            return self._git("rev-parse", "HEAD")

    def tree(self, branch: str, sha: str) -> Path:
        """A work tree of a commit, checked out as `branch`; runs only read it, so it is made once."""
        with self._lock:
            place = self._trees / f"{sha[:12]}-{branch.replace('/', '-')}"
            if not place.exists():
                self._git("clone", "-q", "--shared", "--no-checkout", str(self._repository), str(place))
                self._git("checkout", "-q", "-B", branch, sha, at=place)
            return place

    def read(self, path: str, ref: str) -> str | None:
        """A file's text at a branch or commit."""
        return self.history.read(path, ref)

    def list(self, folder: str) -> list[str]:
        """The files of a folder on the default branch."""
        listing = self._git("ls-tree", "--name-only", self._default_branch, f"{folder.rstrip('/')}/")
        return listing.splitlines()

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        return git(at or self._repository, *arguments)

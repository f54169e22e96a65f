"""The copy of the user's repository that a rehearsal works on; the original is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.toolshed import find_program

_LEFT_OUT = ("*.pyc", ".git", ".venv", "__pycache__", "build", "dist", "node_modules")
_GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "octocat",
    "GIT_AUTHOR_EMAIL": "octocat@users.noreply.github.com",
    "GIT_COMMITTER_NAME": "octocat",
    "GIT_COMMITTER_EMAIL": "octocat@users.noreply.github.com",
}


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
            self._git("checkout", "-q", "-B", branch, start)
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
        try:
            return self._git("show", f"{ref}:{path}", strip=False)
        except RehearsalError:
            return None

    def list(self, folder: str) -> list[str]:
        """The files of a folder on the default branch."""
        listing = self._git("ls-tree", "--name-only", self._default_branch, f"{folder.rstrip('/')}/")
        return listing.splitlines()

    def _git(self, *arguments: str, at: Path | None = None, strip: bool = True) -> str:
        answer = subprocess.run(  # noqa: S603 -- git itself
            [find_program("git"), "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", *arguments],
            cwd=at or self._repository,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **_GIT_ENVIRONMENT},
        )
        if answer.returncode != 0:
            raise RehearsalError(f"git {arguments[0]} failed: {answer.stderr.strip()}")
        return answer.stdout.strip() if strip else answer.stdout

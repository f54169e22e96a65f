"""Calling git, with nothing of the user's own configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.toolshed import find_program

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "octocat",
    "GIT_AUTHOR_EMAIL": "octocat@users.noreply.github.com",
    "GIT_COMMITTER_NAME": "octocat",
    "GIT_COMMITTER_EMAIL": "octocat@users.noreply.github.com",
}


def git(folder: Path, *arguments: str, strip: bool = True, given: str | None = None) -> str:
    """What git says about a repository, where it takes what is `given`.

    Raises:
        RehearsalError: git has failed.
    """
    answer = subprocess.run(  # noqa: S603 -- git itself
        [find_program("git"), "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", *arguments],
        cwd=folder,
        capture_output=True,
        input=given,
        encoding="utf-8",
        check=False,
        env={**os.environ, **_ENVIRONMENT},
    )
    if answer.returncode != 0:
        raise RehearsalError(f"git {arguments[0]} failed: {answer.stderr.strip()}")
    return answer.stdout.strip() if strip else answer.stdout

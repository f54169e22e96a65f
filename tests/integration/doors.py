"""Programs started as users and runners start them, and what they leave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from recovery.rehearsal.server import LocalGitHub

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "github", "requests", "sqlalchemy", "alembic", "re2", "rich")


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The error lines, of the command line and of the action."""
        return [
            line for line in (*self.out.splitlines(), *self.err.splitlines()) if line.startswith(("error: ", "::error"))
        ]


def start(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run this Python with these arguments in a folder, seeing nothing of the caller's environment but its paths."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **(environment or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def shell(server: LocalGitHub) -> dict[str, str]:
    """What a shell of somebody who works with the local GitHub has set."""
    return {
        "GITHUB_API_URL": server.url,
        "GITHUB_TOKEN": server.world.token,
        "GITHUB_REPOSITORY": server.world.repository.name,
    }

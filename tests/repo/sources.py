"""The repository's own files, as the tests of this folder read them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
README = ROOT / "README.md"
REHEARSAL = ROOT / "docs" / "rehearsal.md"
DOCUMENTS = (
    README,
    *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
)
WORKFLOWS = (
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    *sorted((ROOT / "examples").glob("*/.github/workflows/*.yml")),
)
OWN_RECOVERY = ROOT / ".github" / "workflows" / "recovery.yml"
EXAMPLE_RECOVERY = ROOT / "examples" / "flaky" / ".github" / "workflows" / "recovery.yml"
OUR_ACTION = ("storyteller/recovery@", "./")


class Fence(NamedTuple):
    """A fenced block of a document."""

    language: str
    text: str
    line: int


def load(path: Path) -> dict[str, Any]:
    """A YAML file, with the key `on` as it is written."""
    return mapping(path.read_text(encoding="utf-8"))


def mapping(text: str) -> dict[str, Any]:
    """A YAML mapping, with the key `on` as it is written: YAML 1.1 would read it as true."""
    document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - every scalar becomes a text, nothing else
    assert isinstance(document, dict)
    return document


def action() -> dict[str, Any]:
    """The action's metadata."""
    return load(ROOT / "action.yml")


def fences(path: Path, language: str) -> list[Fence]:
    """The fenced blocks of a document in one language."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    found = [token for token in tokens if token.type == "fence" and token.info.strip() == language]
    return [Fence(language, token.content, token.map[0] + 1 if token.map else 0) for token in found]


def steps_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a workflow."""
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


def expressions(text: str) -> Iterator[str]:
    """The inside of every `${{ }}`."""
    return (match.group(1) for match in re.finditer(r"\$\{\{(.*?)\}\}", text, re.DOTALL))


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment to its end; the caller looks at how it went."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", **variables}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def must_succeed(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program of this environment; its output, or a failed test that shows it."""
    done = run(*command, cwd=cwd)
    assert 0 == done.returncode, f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout

"""What the `setup-*` actions come to in a rehearsal: the tool is there already, or the step says it is missing."""

from __future__ import annotations

import shutil
import subprocess

from recovery.rehearsal.backstage.stage import Performance, Result, failure


def setup_uv(performance: Performance) -> Result:
    """Find `uv` on the PATH."""
    return _found(performance, "uv", ("uv",), "uv")


def setup_python(performance: Performance) -> Result:
    """Find Python on the PATH, whatever version was asked for."""
    return _found(performance, "python", ("python3", "python"), "python")


def setup_node(performance: Performance) -> Result:
    """Find Node on the PATH, whatever version was asked for."""
    return _found(performance, "node", ("node",), "node")


def _found(performance: Performance, tool: str, names: tuple[str, ...], prefix: str) -> Result:
    program = next(filter(None, (shutil.which(name, path=performance.search_path) for name in names)), None)
    if program is None:
        return failure(f"this rehearsal needs {tool} on the PATH, because it installs no tools")
    answer = subprocess.run(  # noqa: S603 -- a tool found on the step's own PATH
        [program, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    version = next((word.lstrip("v") for word in answer.stdout.split() if word.lstrip("v")[:1].isdigit()), "unknown")
    lines = [f"Using {tool} {version} of this machine"]
    asked = performance.text(f"{tool}-version") or performance.text("version")
    if asked and not version.startswith(asked.rstrip(".x*")):
        lines.append(f"::notice::{tool} {asked} was asked for; a rehearsal uses what is there ({version})")
    return Result(
        lines=tuple(lines), outputs={f"{prefix}-version": version, f"{prefix}-path": program, "cache-hit": "false"}
    )

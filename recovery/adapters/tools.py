"""Versions of the tools on this machine, as they tell them themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

TIMEOUT = 20.0
"""Seconds that a tool gets to tell its version."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_ARGUMENTS = {
    "ffmpeg": ("-version",),
    "go": ("version",),
    "helm": ("version", "--short"),
    "java": ("-version",),
    "javac": ("-version",),
    "kotlin": ("-version",),
    "kubectl": ("version", "--client"),
    "lua": ("-v",),
    "openssl": ("version",),
    "scala": ("-version",),
    "ssh": ("-V",),
    "unzip": ("-v",),
    "zig": ("version",),
}
"""What to ask the tools with that do not know `--version`, or did not always know it."""

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_NUMBER = re.compile(r"\d+")
_OURS = ("ACTIONS_", "INPUT_", "RECOVERY_")
_ALSO_OURS = frozenset(
    {"GITHUB_TOKEN", "GH_TOKEN", "PYTHONPATH", "PYTHONSAFEPATH", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"}
)


def is_tool_name(name: str) -> bool:
    """Whether a text can be the name of a tool: no path, and nothing that a command would take for an option."""
    return _NAME.fullmatch(name) is not None


def versions_of(names: Collection[str], variables: Mapping[str, str], workspace: Path) -> dict[str, str]:
    """The version of each tool on `PATH`; a tool that is not there, or does not tell one, is left out.

    They are started in the workspace, where version managers look for what a project asks for.
    """
    tools = sorted({name for name in names if is_tool_name(name)})
    if not tools:
        return {}
    ask = partial(_version_of, variables=_without_ours(variables), workspace=workspace)
    with ThreadPoolExecutor(max_workers=min(len(tools), 8)) as threads:
        told = dict(zip(tools, threads.map(ask, tools), strict=True))
    return {name: version for name, version in told.items() if version is not None}


def _version_of(name: str, variables: Mapping[str, str], workspace: Path) -> str | None:
    program = shutil.which(name, path=variables.get("PATH", ""))
    if program is None:
        return None
    try:
        ended = subprocess.run(  # noqa: S603 (a tool that the user asked for by name, with arguments of ours)
            [program, *_ARGUMENTS.get(name, ("--version",))],
            cwd=workspace,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = ended.stdout.decode(errors="replace")
    match = _VERSION.search(text) or _NUMBER.search(text)
    return match.group() if match and ended.returncode == 0 else None


def _without_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """The job's variables without what was set for this program only: our own Python would answer for the job's."""
    kept = {name: value for name, value in variables.items() if not name.startswith(_OURS) and name not in _ALSO_OURS}
    own = variables.get("UV_PROJECT_ENVIRONMENT")
    if own:
        folders = kept.get("PATH", "").split(os.pathsep)
        kept["PATH"] = os.pathsep.join(folder for folder in folders if not Path(folder).is_relative_to(own))
    return kept

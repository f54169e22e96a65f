"""The programs and actions a rehearsal needs: where `act` and `node` are, and what stands in for each `uses:`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.workflow import Document, parse, uses_of

OUR_ACTION = "storyteller/recovery"
_SHIMS = Path(__file__).parent / "shims"
_STAND_INS = {
    "actions/upload-artifact": "actions-upload-artifact",
    "actions/download-artifact": "actions-download-artifact",
    "actions/cache": "actions-cache",
    "actions/setup-python": "actions-setup-python",
    "actions/setup-node": "actions-setup-node",
    "astral-sh/setup-uv": "astral-sh-setup-uv",
}
# `act` itself turns a checkout into a copy of the work tree.
_BUILT_IN = frozenset({"actions/checkout"})


def find_program(name: str, *, search_path: str | None = None) -> str:
    """The program's path, or a clear sentence what to install.

    Looked for beside the running Python, then on PATH; or only in `search_path`.
    """
    beside = shutil.which(name, path=str(Path(sys.executable).parent)) if search_path is None else None
    found = beside or shutil.which(name, path=search_path)
    if found:
        return found
    hints = {
        "act": 'install it with `pip install "storyteller-recovery[rehearsal]"`',
        "node": "install Node.js 20 or newer from https://nodejs.org",
        "git": "install git from https://git-scm.com",
    }
    raise RehearsalError(f"a rehearsal needs `{name}`, which is not installed", hint=hints.get(name))


class Toolshed:
    """Folders that stand in for remote actions, made once per rehearsal."""

    def __init__(self, folder: Path, action: Path | None) -> None:
        self._folder = folder
        self._action = action
        self._places: dict[str, Path] = {}

    def prepare(self) -> None:
        """Lay out the stand-ins, each with the part they share."""
        for name, shim in _STAND_INS.items():
            place = self._folder / shim
            shutil.copytree(_SHIMS / shim, place)
            shutil.copy(_SHIMS / "ask.js", place)
            self._places[name] = place
        if self._action is not None:
            self._places[OUR_ACTION] = self._action

    def flags(self, document: Document, tree: Path, workflow: str) -> list[str]:
        """The `--local-repository` options for a workflow and every action below it."""
        flags: dict[str, None] = {}
        for used in sorted(set(self._walk(document, tree, set()))):
            name, _, ref = used.partition("@")
            owner_and_name = "/".join(name.split("/")[:2])
            if owner_and_name in _BUILT_IN:
                continue
            if owner_and_name not in self._places:
                raise RehearsalError(
                    f"{workflow} uses {used}, for which the rehearsal has no stand-in",
                    hint=f"known are {', '.join(sorted((*self._places, *_BUILT_IN)))}, and actions of the repository",
                )
            flags[f"{owner_and_name}@{ref}={self._places[owner_and_name]}"] = None
        return [part for flag in flags for part in ("--local-repository", flag)]

    def _walk(self, document: Document, tree: Path, seen: set[str]) -> Iterator[str]:
        for used in uses_of(document):
            if used in seen:
                continue
            seen.add(used)
            if used.startswith("./"):
                yield from self._walk(_metadata(tree / used), tree, seen)
            elif used.startswith("docker://"):
                raise RehearsalError(f"a rehearsal runs without containers and cannot use {used}")
            else:
                yield used
                if used.split("@")[0] == OUR_ACTION and self._action is not None:
                    yield from self._walk(_metadata(self._action), tree, seen)


def _metadata(place: Path) -> Document:
    """An action's metadata, or a reusable workflow's."""
    candidates: Iterable[Path] = (place,) if place.is_file() else (place / "action.yml", place / "action.yaml")
    for candidate in candidates:
        if candidate.is_file():
            return parse(candidate.read_text(encoding="utf-8"))
    return {}

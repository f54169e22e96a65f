"""The programs and actions a rehearsal needs: where `act` and `node` are, and what stands in for each `uses:`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.adaptation import Note, metadata_of
from recovery.rehearsal.workflow import Document, jobs_of, uses_of

OUR_ACTION = "storyteller/recovery"
_SHIMS = Path(__file__).parent / "shims"
_FOUND_HERE = "stand-in: takes the tool that is on this machine's PATH, whatever version was asked for"
_STAND_INS = {
    "actions/checkout": ("actions-checkout", "stand-in: a copy of the commit under rehearsal; other repositories fail"),
    "actions/upload-artifact": ("actions-upload-artifact", "stand-in: keeps the files in this rehearsal"),
    "actions/download-artifact": ("actions-download-artifact", "stand-in: reads what this rehearsal kept"),
    "actions/cache": ("actions-cache", "stand-in: an empty cache that lasts as long as the rehearsal"),
    "actions/setup-python": ("actions-setup-python", _FOUND_HERE),
    "actions/setup-node": ("actions-setup-node", _FOUND_HERE),
    "actions/setup-java": ("actions-setup-java", _FOUND_HERE),
    "actions/setup-go": ("actions-setup-go", _FOUND_HERE),
    "astral-sh/setup-uv": ("astral-sh-setup-uv", _FOUND_HERE),
}
_SHARED = ("ask.js", "find.js", "linger.js")
_NOTHING = """name: Nothing
description: What a rehearsal runs in place of an action that it does not know.
runs:
  using: composite
  steps:
    - run: echo "::notice::The rehearsal has no stand-in for this action and does nothing in its place."
      shell: bash
"""


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
    """Folders that stand in for remote actions, made once per rehearsal.

    With `stub_unknown`, an action without a stand-in is replaced by one that does nothing; else it is refused.
    """

    def __init__(self, folder: Path, action: Path | None, *, stub_unknown: bool = False) -> None:
        self._folder = folder
        self._action = action
        self._stub_unknown = stub_unknown
        self._places: dict[str, Path] = {}

    def prepare(self) -> None:
        """Lay out the stand-ins, each with the parts they share."""
        for name, (shim, _) in _STAND_INS.items():
            place = self._folder / shim
            shutil.copytree(_SHIMS / shim, place)
            for part in _SHARED:
                shutil.copy(_SHIMS / part, place)
            self._places[name] = place
        if self._action is not None:
            self._places[OUR_ACTION] = self._action

    def flags(self, document: Document, tree: Path, workflow: str) -> tuple[list[str], list[Note]]:
        """The `--local-repository` options for a workflow and every action below it, and what they replace.

        Raises:
            RehearsalError: there is no stand-in for an action.
        """
        flags: dict[str, None] = {}
        notes = []
        jobs: dict[str, str] = {}
        for key, used in self._uses(document, tree):
            jobs.setdefault(used, key)
        for used in sorted(jobs):
            name, _, ref = used.partition("@")
            owner_and_name = "/".join(name.split("/")[:2])
            place = self._places.get(owner_and_name)
            if place is None:
                place = self._nothing(used, name, workflow)
                why = "left out: there is no stand-in; later steps miss what it would have done"
                notes.append(Note(workflow=workflow, job=jobs[used], what=used, why=why))
            elif owner_and_name in _STAND_INS:
                why = _STAND_INS[owner_and_name][1]
                notes.append(Note(workflow=workflow, job=jobs[used], what=used, why=why))
            flags[f"{owner_and_name}@{ref}={place}"] = None
        return [part for flag in flags for part in ("--local-repository", flag)], notes

    def _nothing(self, used: str, name: str, workflow: str) -> Path:
        """A stand-in that does nothing, below the folder of the action's repository."""
        if not self._stub_unknown:
            raise RehearsalError(
                f"{workflow} uses {used}, for which the rehearsal has no stand-in",
                hint=f"known are {', '.join(sorted(self._places))}, and actions of the repository",
            )
        owner, repository, *below = name.split("/")
        place = self._folder / "nothing" / owner / repository
        part = place.joinpath(*below)
        part.mkdir(parents=True, exist_ok=True)
        (part / "action.yml").write_text(_NOTHING, encoding="utf-8")
        return place

    def _uses(self, document: Document, tree: Path) -> Iterator[tuple[str, str]]:
        for key, job in jobs_of(document).items():
            for used in self._walk({"jobs": {key: job}}, tree, set()):
                yield key, used

    def _walk(self, document: Document, tree: Path, seen: set[str]) -> Iterator[str]:
        for used in uses_of(document):
            if used in seen:
                continue
            seen.add(used)
            if used.startswith("./"):
                yield from self._walk(metadata_of(tree / used), tree, seen)
            elif used.startswith("docker://"):
                raise RehearsalError(f"a rehearsal runs without containers and cannot use {used}")
            else:
                yield used
                if used.split("@")[0] == OUR_ACTION and self._action is not None:
                    yield from self._walk(metadata_of(self._action), tree, seen)

"""How `act` is called for one attempt, and what it complains about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from recovery.rehearsal.adaptation import OTHER_SYSTEMS, labels_of
from recovery.rehearsal.records import Run
from recovery.rehearsal.workflow import Document, jobs_of

_USUAL_LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-slim", "self-hosted", "linux", "Linux")


def command_of(
    program: str,
    run: Run,
    *,
    documents: Iterable[Document],
    tree: Path,
    folder: Path,
    workspaces: Path,
    default_branch: str,
    token: str,
    variables: Mapping[str, str],
) -> list[str]:
    """The command line of `act`; the attempt's workflow and event are in `folder`."""
    options = {
        "-C": tree,
        "-W": folder / "workflow.yml",
        "-e": folder / "event.json",
        "-a": run.actor.login,
        "-s": f"GITHUB_TOKEN={token}",
        "--defaultbranch": default_branch,
        "--artifact-server-addr": "127.0.0.1",
        "--cache-server-addr": "127.0.0.1",
        "--action-cache-path": workspaces,
    }
    command = [program, run.event, "--json", "--no-cache-server", "--use-gitignore=false"]
    for option, value in options.items():
        command += [option, str(value)]
    for kind in ("env", "secret", "var", "input"):
        command += [f"--{kind}-file", os.devnull]
    for label in _labels(documents):
        command += ["-P", f"{label}=-self-hosted"]
    for name, value in variables.items():
        command += ["--env", f"{name}={value}"]
    return command


def _labels(documents: Iterable[Document]) -> list[str]:
    """The labels this machine serves: all but those of other systems, whose jobs `act` then skips."""
    labels = dict.fromkeys(_USUAL_LABELS)
    for document in documents:
        for job in jobs_of(document).values():
            labels |= dict.fromkeys(labels_of(job))
    return [label for label in labels if not OTHER_SYSTEMS.search(label)]


def complaint(folder: Path) -> str:
    """What `act` said went wrong, in its own words."""
    lines = (folder / "act.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return "; ".join(errors or lines) or "it said nothing"

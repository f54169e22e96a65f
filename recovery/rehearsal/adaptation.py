"""What this machine cannot do as GitHub's would: taken out of a workflow before it runs, and said aloud."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery.errors import RehearsalError
from recovery.rehearsal.joblog import planned_name
from recovery.rehearsal.legs import Leg, leg_name
from recovery.rehearsal.workflow import Document, job_plans, jobs_of, parse

OTHER_SYSTEMS = re.compile("windows" if sys.platform == "darwin" else "windows|macos", re.IGNORECASE)
_MATRIX_LABEL = re.compile(r"^\$\{\{\s*matrix\.([\w-]+)\s*\}\}$")
_LOOKED_UP = re.compile(r"\b(secrets|vars)\.([A-Za-z_]\w*)")
_NO_ENGINE = "a rehearsal uses no container engine"
_CALLED = "its jobs run again all together; when one fails, jobs after it are skipped, even with `if: always()`"
_SKIPPED = 'echo "::notice::This step is left out of the rehearsal."'


@dataclass(frozen=True, kw_only=True)
class Note:
    """One thing that was not as it is on GitHub."""

    workflow: str
    job: str
    what: str
    why: str


def adapt(document: Document, path: str, tree: Path) -> tuple[Document, list[Note]]:
    """The workflow without containers, and what was left out or is different.

    Raises:
        RehearsalError: the workflow calls one that is not in this repository, or that calls another one in turn.
    """
    notes = list(_absences(document, path))
    jobs = {}
    for key, job in jobs_of(document).items():
        jobs[key], found = _adapted(job, tree)
        notes += [Note(workflow=path, job=key, what=what, why=why) for what, why in found]
    return {**document, "jobs": jobs}, notes


def _adapted(job: Document, tree: Path) -> tuple[Document, list[tuple[str, str]]]:
    notes = []
    kept = {name: value for name, value in job.items() if name not in {"container", "services"}}
    if "uses" in job:
        notes.append((f"called workflow {job['uses']}", _CALLED))
    if container := job.get("container"):
        image = container.get("image") if isinstance(container, dict) else container
        notes.append((f"container {image}", f"{_NO_ENGINE}: the steps run on this machine itself"))
    for name in job.get("services") or {}:
        notes.append((f"service {name}", f"{_NO_ENGINE}: steps that talk to it will fail"))
    if job.get("environment"):
        environment = job["environment"]
        name = environment.get("name") if isinstance(environment, dict) else environment
        notes.append((f"environment {name}", "approvals, wait timers and its secrets are not imitated"))
    if isinstance(job.get("steps"), list):
        steps = []
        for step in job["steps"]:
            why = _needs_container(step, tree)
            steps.append(_left_out(step) if why else step)
            notes += [(f"step “{planned_name(step)}”", why)] if why else []
        kept["steps"] = steps
    return kept, notes


def _needs_container(step: Any, tree: Path) -> str | None:
    used = step.get("uses") if isinstance(step, dict) else None
    if not isinstance(used, str):
        return None
    if used.startswith("docker://"):
        return f"left out: {_NO_ENGINE}"
    if used.startswith("./"):
        runs = metadata_of(tree / used).get("runs")
        if isinstance(runs, dict) and runs.get("using") == "docker":
            return f"left out: {_NO_ENGINE}"
    return None


def _left_out(step: Document) -> Document:
    kept: Document = {name: step[name] for name in ("id", "if") if name in step}
    return {**kept, "name": str(step.get("name") or step["uses"]), "run": _SKIPPED, "shell": "bash"}


def _absences(document: Document, path: str) -> Iterator[Note]:
    """Jobs for other systems, and secrets and variables that are empty here."""
    for plan in job_plans(document):
        job = jobs_of(document)[plan.key]
        others = [label for label in labels_of(job) if OTHER_SYSTEMS.search(label)]
        for label in others:
            yield Note(workflow=path, job=plan.key, what=f"runs-on {label}", why="skipped: this machine is another")
        looked_up = dict.fromkeys(_LOOKED_UP.findall(json.dumps(job, default=str)))
        for kind, name in looked_up:
            if name.upper() != "GITHUB_TOKEN":
                word = "secret" if kind == "secrets" else "variable"
                yield Note(workflow=path, job=plan.key, what=f"{word} {name}", why="empty in a rehearsal")


def labels_of(job: Document) -> list[str]:
    """The labels a job may ask for; those of a matrix are all its legs'."""
    wanted = job.get("runs-on")
    wanted = wanted.get("labels") if isinstance(wanted, dict) else wanted
    words = [str(word) for word in wanted] if isinstance(wanted, list) else [str(wanted)] if wanted else []
    matrix = job.get("strategy", {}).get("matrix") if isinstance(job.get("strategy"), dict) else None
    found: list[str] = []
    for word in words:
        axis = _MATRIX_LABEL.match(word)
        if axis is None or not isinstance(matrix, dict):
            found.append(word)
            continue
        values = matrix.get(axis[1])
        found += [str(value) for value in values] if isinstance(values, list) else []
        included = [entry.get(axis[1]) for entry in matrix.get("include") or () if isinstance(entry, dict)]
        found += [str(value) for value in included if value]
    return list(dict.fromkeys(label for label in found if "${{" not in label))


def is_foreign(job: Document, leg: Leg) -> bool:
    """Whether a leg runs on a system that this machine is not."""
    wanted = job.get("runs-on")
    named = leg_name({"name": str(wanted)}, "", leg.values) if "matrix." in str(wanted) else ""
    return bool(OTHER_SYSTEMS.search(named))


def callees_of(document: Document, tree: Path) -> dict[str, Document]:
    """The workflows that jobs of this one call, by the calling job's key.

    Raises:
        RehearsalError: one is not in this repository, does not exist, or calls another one in turn.
    """
    found = {}
    for key, job in jobs_of(document).items():
        used = job.get("uses")
        if not isinstance(used, str):
            continue
        if not used.startswith("./"):
            raise RehearsalError(
                f"job {key} calls the workflow {used}, which is not in this repository",
                hint="a rehearsal runs called workflows of the same repository only; choose others with --workflow",
            )
        callee = metadata_of(tree / used)
        if not jobs_of(callee):
            raise RehearsalError(f"job {key} calls the workflow {used}, which does not exist")
        if any("uses" in inner for inner in jobs_of(callee).values()):
            raise RehearsalError(f"job {key} calls {used}, which calls another workflow; a rehearsal follows one call")
        found[key] = callee
    return found


def metadata_of(place: Path) -> Document:
    """An action's metadata, or a called workflow."""
    candidates: Sequence[Path] = (place,) if place.is_file() else (place / "action.yml", place / "action.yaml")
    for candidate in candidates:
        if candidate.is_file():
            return parse(candidate.read_text(encoding="utf-8"))
    return {}

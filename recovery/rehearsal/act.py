"""Attempts executed by `act` in host mode: the workflow as it is, on this machine, without containers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

from recovery.errors import RehearsalError
from recovery.rehearsal.expressions import context_of, interpolate
from recovery.rehearsal.outcomes import overall_conclusion
from recovery.rehearsal.places import Places
from recovery.rehearsal.processes import Processes, interrupt
from recovery.rehearsal.records import Job, Run
from recovery.rehearsal.source import Source
from recovery.rehearsal.surroundings import process_environment, step_variables
from recovery.rehearsal.toolshed import Toolshed, find_program
from recovery.rehearsal.transcript import Transcript
from recovery.rehearsal.workflow import (
    Document,
    concurrency_groups,
    job_plans,
    parse,
    permissions_of,
    rewrite,
    tolerated_jobs,
)
from recovery.rehearsal.world import World

# More `act` processes at once than this only slow each other down.
_AT_ONCE = 4
_FAREWELL_SECONDS = 3.0
_OTHER_SYSTEMS = re.compile("windows" if sys.platform == "darwin" else "windows|macos", re.IGNORECASE)
_USUAL_LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-slim", "self-hosted", "linux", "Linux")
# Only these runs are recovery's own: a user's job does not get a folder to report into.
_RECOVERY_EVENTS = frozenset({"workflow_run", "schedule", "workflow_dispatch"})


class ActRunner:
    """Executes attempts in threads of its own, one `act` process each."""

    def __init__(
        self,
        *,
        world: World,
        source: Source,
        toolshed: Toolshed,
        places: Places,
        url: str,
        variables: Mapping[str, str],
    ) -> None:
        self._world = world
        self._source = source
        self._toolshed = toolshed
        self._places = places
        self._url = url
        self._variables = variables
        self._act = find_program("act")
        self._processes = Processes()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._groups: dict[str, threading.Lock] = {}
        self._running: dict[int, Popen[str]] = {}
        self._cancelled: dict[int, datetime] = {}
        self._changed = threading.Condition()
        self._active: dict[tuple[int, int], str] = {}
        self._closed = False
        self.ungrouped: set[int] = set()
        self.problems: list[Exception] = []

    def start(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        """Execute an attempt in the background."""
        with self._changed:
            self._active[run_id, attempt] = self._world.runs.get(run_id).workflow.name
        thread = threading.Thread(target=self._execute, args=(run_id, attempt, keys), daemon=True)
        thread.start()

    def cancel(self, run_id: int) -> None:
        """Interrupt the run's `act`, which lets its clean-up steps run; an attempt not yet begun never begins."""
        with self._changed:
            self._cancelled[run_id] = self._world.clockwork.now()
            process = self._running.get(run_id)
        if process is not None:
            interrupt(process)

    def wait(self, seconds: float) -> list[str]:
        """Wait until nothing is being executed; what still is, when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._active, timeout=seconds)
            return [f"{name} ({run_id}, attempt {attempt})" for (run_id, attempt), name in self._active.items()]

    def close(self) -> None:
        """End every process; whatever was being executed is given up without a trace in the world."""
        self._closed = True
        self._processes.close()
        self.wait(_FAREWELL_SECONDS)

    def _execute(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        try:
            run = self._world.runs.get(run_id)
            with self._turn(run, parse(run.workflow.text)):
                self._attempt(run, attempt, keys)
        except Exception as error:
            if not self._closed:
                self.problems.append(error)
                self._world.runs.complete(run_id, attempt, conclusion="startup_failure")
        finally:
            with self._changed:
                self._active.pop((run_id, attempt), None)
                self._cancelled.pop(run_id, None)
                self._changed.notify_all()

    @contextlib.contextmanager
    def _turn(self, run: Run, document: Document) -> Iterator[None]:
        """Wait for the run's concurrency groups.

        Everyone waits in line; that GitHub cancels a pending run when another one comes is not imitated, nor are
        `cancel-in-progress` and groups of only some of the jobs.
        """
        groups = () if run.id in self.ungrouped else concurrency_groups(document)
        names = sorted({interpolate(group, context_of(run)).lower() for group in groups})
        with contextlib.ExitStack() as stack:
            for name in names:
                with self._changed:
                    lock = self._groups.setdefault(name, threading.Lock())
                stack.enter_context(lock)
            stack.enter_context(self._slots)
            yield

    def _attempt(self, run: Run, attempt: int, keys: frozenset[str]) -> None:
        runs = self._world.runs
        if run.id in self._cancelled:
            runs.complete(run.id, attempt, conclusion="cancelled")
            return
        runs.begin(run.id, attempt)
        folder = self._places.attempt(run.id, attempt)
        folder.mkdir(parents=True, exist_ok=True)
        document = parse(run.workflow.text)
        document.setdefault("name", run.workflow.name)
        records = runs.get(run.id).latest.jobs
        observations = folder / "observations.json"
        (folder / "workflow.yml").write_text(rewrite(document, records, keys, observations), encoding="utf-8")
        (folder / "event.json").write_text(json.dumps(run.payload), encoding="utf-8")
        transcript = Transcript(
            document, records, keys, self._world.clockwork.now, lambda: self._world.clockwork.next_id("job")
        )
        self._tell_unserved(run, attempt, document)
        process = self._launch(run, attempt, document, folder)
        for line in self._lines(process, folder):
            if transcript.read(line):
                runs.put_jobs(run.id, attempt, transcript.records())
        process.wait()
        self._processes.finished(process)
        with self._changed:
            self._running.pop(run.id, None)
        self._conclude(run, attempt, document, observed(transcript.records(), keys, observations), folder)

    def _conclude(self, run: Run, attempt: int, document: Document, jobs: tuple[Job, ...], folder: Path) -> None:
        if self._closed:
            return
        runs = self._world.runs
        since = self._cancelled.get(run.id)
        if since is not None:
            jobs = tuple(replace(job, conclusion="cancelled") if _ended_after(job, since) else job for job in jobs)
        runs.put_jobs(run.id, attempt, jobs)
        if since is not None:
            runs.complete(run.id, attempt, conclusion="cancelled")
            return
        if not (folder / "observations.json").exists():
            raise RehearsalError(f"act could not run {run.workflow.path}: {_complaint(folder)}")
        tolerated = tolerated_jobs(document)
        counted = [replace(job, conclusion="success") if job.key in tolerated else job for job in jobs]
        done = [job if job.conclusion else replace(job, conclusion="skipped") for job in counted]
        runs.complete(run.id, attempt, conclusion=overall_conclusion(done))

    def _launch(self, run: Run, attempt: int, document: Document, folder: Path) -> Popen[str]:
        tree = self._source.tree(run.head_branch, run.head_sha)
        token = self._world.issue_token(run.id, permissions_of(document))
        secret = secrets.token_hex(20)
        self._world.secrets[secret] = (run.id, attempt)
        variables = dict(step_variables(run, attempt, self._world.repository.name, self._url, secret))
        variables |= self._variables
        if run.event in _RECOVERY_EVENTS:
            report = self._places.recovery(run.id, attempt)
            report.mkdir(parents=True, exist_ok=True)
            variables["RECOVERY_DIRECTORY"] = str(report)
        command = [
            self._act,
            run.event,
            "--json",
            "-C",
            str(tree),
            "-W",
            str(folder / "workflow.yml"),
            "-e",
            str(folder / "event.json"),
            "-a",
            run.actor.login,
            "-s",
            f"GITHUB_TOKEN={token}",
            "--defaultbranch",
            self._world.repository.default_branch,
            "--no-cache-server",
            "--artifact-server-addr",
            "127.0.0.1",
            "--cache-server-addr",
            "127.0.0.1",
            "--action-cache-path",
            str(self._places.workspaces),
            "--use-gitignore=false",
        ]
        for kind in ("env", "secret", "var", "input"):
            command += [f"--{kind}-file", os.devnull]
        for label in self._labels(document):
            command += ["-P", f"{label}=-self-hosted"]
        for name, value in variables.items():
            command += ["--env", f"{name}={value}"]
        command += self._toolshed.flags(document, tree, run.workflow.path)
        environment = process_environment(self._places.home)
        process = self._processes.start(command, cwd=tree, env=environment, errors=folder / "act.log")
        with self._changed:
            self._running[run.id] = process
            cancelled = run.id in self._cancelled
        if cancelled:
            interrupt(process)
        return process

    def _tell_unserved(self, run: Run, attempt: int, document: Document) -> None:
        for plan in job_plans(document):
            if any(_OTHER_SYSTEMS.search(label) for label in plan.labels):
                text = f"{run.workflow.name} / {plan.name} is skipped: this machine does not serve {plan.labels[0]}"
                self._world.clockwork.tell("job-unserved", text, run_id=run.id, attempt=attempt)

    def _labels(self, document: Document) -> list[str]:
        """The labels this machine serves: all but those of other systems, whose jobs `act` then skips."""
        labels = dict.fromkeys(_USUAL_LABELS)
        for plan in job_plans(document):
            labels |= dict.fromkeys(label for label in plan.labels if "${{" not in label)
        return [label for label in labels if not _OTHER_SYSTEMS.search(label)]

    @staticmethod
    def _lines(process: Popen[str], folder: Path) -> Iterator[dict[str, Any]]:
        with process.stdout or io.StringIO() as output, (folder / "act.jsonl").open("w", encoding="utf-8") as copy:
            for text in output:
                copy.write(text)
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    if isinstance(line, dict):
                        yield line


def observed(jobs: tuple[Job, ...], keys: frozenset[str], observations: Path) -> tuple[Job, ...]:
    """The jobs with the outputs and skips that the hidden last job wrote down."""
    try:
        needs = json.loads(observations.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return jobs
    found = []
    for job in jobs:
        seen = needs.get(job.key) if job.key in keys else None
        if isinstance(seen, dict):
            outputs = {name: str(value) for name, value in (seen.get("outputs") or {}).items()}
            found.append(replace(job, outputs=outputs))
        else:
            found.append(job)
    return tuple(found)


def _ended_after(job: Job, at: datetime) -> bool:
    """Whether a cancellation is why a job failed; `act` calls that a failure."""
    return job.conclusion == "failure" and job.completed_at is not None and job.completed_at >= at


def _complaint(folder: Path) -> str:
    lines = (folder / "act.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return "; ".join(errors or lines) or "it said nothing"

"""Attempts executed by `act` in host mode: the workflow as it is, on this machine, without containers."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

from recovery.errors import RehearsalError
from recovery.rehearsal.adaptation import OTHER_SYSTEMS, Note
from recovery.rehearsal.aftermath import cancelled_after, conclusion_of, folded, observed, with_skips
from recovery.rehearsal.choices import Choices
from recovery.rehearsal.expressions import context_of
from recovery.rehearsal.groups import groups_of
from recovery.rehearsal.injection import Injection
from recovery.rehearsal.last_words import heard
from recovery.rehearsal.launch import command_of, complaint
from recovery.rehearsal.limits import timekeeper
from recovery.rehearsal.places import Places
from recovery.rehearsal.processes import Processes, interrupt
from recovery.rehearsal.records import Job, Run
from recovery.rehearsal.source import Source
from recovery.rehearsal.staging import Stage, Stager
from recovery.rehearsal.surroundings import process_environment, step_variables
from recovery.rehearsal.toolshed import Toolshed, find_program
from recovery.rehearsal.transcript import Transcript
from recovery.rehearsal.workflow import Document, environments_of, is_recovery, job_plans, parse, permissions_of
from recovery.rehearsal.world import World

# More `act` processes at once than this only slow each other down.
_AT_ONCE = 4
_FAREWELL_SECONDS = 3.0


class ActRunner:
    """Executes attempts in threads of its own, one `act` process each.

    `injections` are the failures asked for; `notes` collects what was not as it is on GitHub.
    """

    def __init__(
        self,
        *,
        world: World,
        source: Source,
        toolshed: Toolshed,
        places: Places,
        url: str,
        variables: Mapping[str, str],
        choices: Choices = Choices(),  # noqa: B008 -- frozen
    ) -> None:
        self._world = world
        self._source = source
        self._toolshed = toolshed
        self._places = places
        self._url = url
        self._variables = variables
        self._minute_seconds = choices.minute_seconds
        self._act = find_program("act")
        self._processes = Processes()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._running: dict[int, Popen[str]] = {}
        self._cancelled: dict[int, datetime] = {}
        self._changed = threading.Condition()
        self._active: dict[tuple[int, int], str] = {}
        self._closed = False
        self.injections: tuple[Injection, ...] = ()
        self.notes: dict[Note, None] = {}
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
            self._changed.notify_all()
            process = self._running.get(run_id)
        if process is not None:
            interrupt(process)
        else:
            self._world.concurrency.give_up(run_id)

    def approve(self, run_id: int) -> None:
        """Let a run go on that waits for the protection rules of an environment."""
        with self._changed:
            run = self._world.runs.get(run_id)
            self._active[run_id, run.latest.number] = run.workflow.name
            self._world.approve(run_id)
            self._changed.notify_all()

    def wait(self, seconds: float) -> list[str]:
        """Wait until nothing is being executed, but for runs that wait for approval; what still is, after that."""
        with self._changed:
            self._changed.wait_for(lambda: not self._active, timeout=seconds)
            return [f"{name} ({run_id}, attempt {attempt})" for (run_id, attempt), name in self._active.items()]

    def close(self) -> None:
        """End every process; whatever was being executed is given up without a trace in the world."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._processes.close()
        self.wait(_FAREWELL_SECONDS)

    def _execute(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        try:
            run = self._world.runs.get(run_id)
            document = parse(run.workflow.text)
            self._await_approval(run, attempt, document)
            with self._turn(run, document):
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

    def _await_approval(self, run: Run, attempt: int, document: Document) -> None:
        """Let the whole run wait, where one of its jobs deploys to a protected environment."""
        names = [name for name in environments_of(document) if name in self._world.protected]
        if not names:
            return
        self._world.let_wait(run.id, *names)
        with self._changed:
            self._active.pop((run.id, attempt), None)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: run.id not in self._world.waiting or run.id in self._cancelled or self._closed
            )
        self._world.waiting.pop(run.id, None)

    @contextlib.contextmanager
    def _turn(self, run: Run, document: Document) -> Iterator[None]:
        """Wait for the run's concurrency groups; a run that is displaced from one counts as cancelled."""
        groups = () if run.id in self.ungrouped else groups_of(document, context_of(run))
        with self._world.concurrency.turn(run.id, groups) as has_come, self._slots:
            if not has_come:
                self._cancelled.setdefault(run.id, self._world.clockwork.now())
            yield

    def _attempt(self, run: Run, attempt: int, keys: frozenset[str]) -> None:
        runs = self._world.runs
        if self._closed:
            return
        if run.id in self._cancelled:
            runs.complete(run.id, attempt, conclusion="cancelled")
            return
        runs.begin(run.id, attempt)
        folder = self._places.attempt(run.id, attempt)
        folder.mkdir(parents=True, exist_ok=True)
        tree = self._source.tree(run.head_branch, run.head_sha)
        stage = self._stage(run, attempt, keys, tree, folder)
        runs.put_jobs(run.id, attempt, stage.records)
        clockwork = self._world.clockwork
        transcript = Transcript(
            stage.document,
            stage.records,
            keys,
            clockwork.now,
            lambda: clockwork.next_id("job"),
            callees=stage.callees,
            legs=stage.legs,
            doomed=stage.doomed("lose"),
        )
        process = self._launch(run, attempt, stage, tree, folder)
        self._follow(run, attempt, stage, transcript, process)
        if process.returncode < 0 and run.id not in self._cancelled:
            transcript.lose()
        # A killed `act` does not come to its last job, nor does one of which a called workflow has failed.
        if process.returncode < 0 or any(job.failed for job in transcript.records() if job.key in stage.callees):
            (folder / "observations.json").touch()
        jobs = observed(transcript.records(), keys, folder / "observations.json")
        self._conclude(run, attempt, stage.document, folded(jobs, stage.document, stage.legs), folder)

    def _stage(self, run: Run, attempt: int, keys: frozenset[str], tree: Path, folder: Path) -> Stage:
        document = parse(run.workflow.text)
        document.setdefault("name", run.workflow.name)
        stager = Stager(injections=self.injections, next_id=lambda: self._world.clockwork.next_id("job"))
        stage = stager.stage(self._world.runs.get(run.id), attempt, keys, document=document, tree=tree, folder=folder)
        (folder / "workflow.yml").write_text(stage.text, encoding="utf-8")
        (folder / "event.json").write_text(json.dumps(run.payload), encoding="utf-8")
        self.notes |= dict.fromkeys(stage.notes)
        self._tell_unserved(run, attempt, document)
        return stage

    def _follow(self, run: Run, attempt: int, stage: Stage, transcript: Transcript, process: Popen[str]) -> None:
        """Read what `act` says until it ends, and keep the world's records in step."""
        keeper = timekeeper(stage, transcript, self._world, self._processes, self._minute_seconds)
        try:
            said = _lines(process, self._places.attempt(run.id, attempt))
            for line in heard(said, self._places.heard(run.id, attempt)):
                if transcript.read(line):
                    records = transcript.records()
                    self._world.runs.put_jobs(run.id, attempt, records)
                    keeper.look(records)
            process.wait()
        finally:
            keeper.close()
        self._processes.finished(process)
        with self._changed:
            self._running.pop(run.id, None)

    def _conclude(self, run: Run, attempt: int, document: Document, jobs: tuple[Job, ...], folder: Path) -> None:
        if self._closed:
            return
        runs = self._world.runs
        since = self._cancelled.get(run.id)
        if since is not None:
            runs.put_jobs(run.id, attempt, cancelled_after(jobs, since))
            runs.complete(run.id, attempt, conclusion="cancelled")
            return
        if not (folder / "observations.json").exists():
            raise RehearsalError(f"act could not run {run.workflow.path}: {complaint(folder)}")
        jobs = with_skips(jobs, self._world.clockwork.now())
        runs.put_jobs(run.id, attempt, jobs)
        runs.complete(run.id, attempt, conclusion=conclusion_of(jobs, document))

    def _launch(self, run: Run, attempt: int, stage: Stage, tree: Path, folder: Path) -> Popen[str]:
        document = stage.document
        secret = secrets.token_hex(20)
        self._world.secrets[secret] = (run.id, attempt)
        variables = dict(step_variables(run, attempt, self._world.repository.name, self._url, secret))
        variables["REHEARSAL_REPOSITORY"] = str(self._places.repository)
        variables["REHEARSAL_HEARD"] = str(self._places.heard(run.id, attempt))
        variables |= self._variables
        if is_recovery(run):
            report = self._places.recovery(run.id, attempt)
            report.mkdir(parents=True, exist_ok=True)
            variables["RECOVERY_DIRECTORY"] = str(report)
        command = command_of(
            self._act,
            run,
            documents=(document, *stage.callees.values()),
            tree=tree,
            folder=folder,
            workspaces=self._places.workspaces,
            default_branch=self._world.repository.default_branch,
            token=self._world.issue_token(run.id, permissions_of(document)),
            variables=variables,
        )
        flags, notes = self._toolshed.flags(parse(stage.text), tree, run.workflow.path)
        self.notes |= dict.fromkeys(notes)
        process = self._processes.start(
            [*command, *flags], cwd=tree, env=process_environment(self._places.home), errors=folder / "act.log"
        )
        with self._changed:
            self._running[run.id] = process
            cancelled = run.id in self._cancelled
        if cancelled:
            interrupt(process)
        return process

    def _tell_unserved(self, run: Run, attempt: int, document: Document) -> None:
        for plan in job_plans(document):
            if any(OTHER_SYSTEMS.search(label) for label in plan.labels):
                text = f"{run.workflow.name} / {plan.name} is skipped: this machine does not serve {plan.labels[0]}"
                self._world.clockwork.tell("job-unserved", text, run_id=run.id, attempt=attempt)


def _lines(process: Popen[str], folder: Path) -> Iterator[dict[str, Any]]:
    """What `act` says, line by line; a copy is kept."""
    with process.stdout or io.StringIO() as output, (folder / "act.jsonl").open("w", encoding="utf-8") as copy:
        for text in output:
            copy.write(text)
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict):
                    yield line

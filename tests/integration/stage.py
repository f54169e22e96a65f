"""A local GitHub with its failed runs, and recovery runs on it that do what the steps of `action.yml` do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from recovery.adapters.runner import RunnerContext
from recovery.app.handover import Handover, read_handover, write_handover
from recovery.app.recovering import Result, Target, execute_recovery, plan_recovery
from recovery.app.sweeping import plan_sweep
from recovery.app.wiring import Workplace, open_workplace
from recovery.rehearsal.records import Access, Run, ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from recovery.settings import Settings

REPOSITORY = "octo/repo"
RECOVERY_FILE = ".github/workflows/recovery.yml"
RECOVERY_WORKFLOW = "name: Recovery\non:\n  workflow_run: {workflows: [CI], types: [completed]}\njobs: {}\n"


def log_of(*lines: str, code: int = 1) -> str:
    """A log as GitHub serves it, of a step that said this and ended with that exit code."""
    said = ("##[group]Run ./step.sh", "##[endgroup]", *lines, f"##[error]Process completed with exit code {code}.")
    return "".join(f"2026-01-15T12:00:00.0000000Z {line}\n" for line in said)


NETWORK_LOG = log_of("curl: (18) transfer closed with 4711 bytes remaining to read", code=18)
GREEN_LOG = "2026-01-15T11:00:00.0000000Z all is well\n"
TEST_LOG = log_of("FAILED tests/test_x.py::test_y - assert 1 == 2")
ODD_LOG = log_of("something went sideways")


def network_job(name: str = "flaky", **over: Any) -> ScriptedJob:
    """A job that lost its connection."""
    return ScriptedJob(**{"name": name, "conclusion": "failure", "log": NETWORK_LOG} | over)


def broken_job(name: str = "unit", **over: Any) -> ScriptedJob:
    """A job whose test failed."""
    return ScriptedJob(**{"name": name, "conclusion": "failure", "log": TEST_LOG} | over)


class Stage:
    """One repository on a local server; everything that a test makes lies below `folder`."""

    def __init__(self, server: LocalGitHub, folder: Path) -> None:
        self.server = server
        self.world: World = server.world
        self.folder = folder
        self.world.repository.add_workflow(RECOVERY_FILE, RECOVERY_WORKFLOW)
        workflow = folder / "workspace" / RECOVERY_FILE
        workflow.parent.mkdir(parents=True)
        workflow.write_text(RECOVERY_WORKFLOW)
        self._uses = 0

    def failed_run(self, *jobs: ScriptedJob, pull_request: bool = True, **over: Any) -> Run:
        """A failed run of a pull request: `build` passed, `flaky` lost its connection, `report` was skipped."""
        usual = (
            ScriptedJob(name="build"),
            network_job(needs=("build",)),
            ScriptedJob(name="report", conclusion="skipped", needs=("flaky",)),
        )
        run = self.world.add_run(jobs or usual, **over)
        if pull_request:
            self.world.pulls.add(run.head_branch, run.head_sha, head_repository=over.get("head_repository"))
        return run

    def green_run(self, *names: str, log: str = GREEN_LOG, **over: Any) -> Run:
        """A run of an hour ago in which every job succeeded: those of `failed_run`, unless others are named."""
        jobs = [ScriptedJob(name=name, log=log) for name in names or ("build", "flaky", "report")]
        return self.world.add_run(jobs, **{"created_at": self.world.clockwork.now() - timedelta(hours=1)} | over)

    def hold(self) -> ScriptedRunner:
        """Let re-runs stay in progress until they are released."""
        runner = ScriptedRunner(self.world.runs, hold=True)
        self.world.runner = runner
        return runner

    def recovery_run(self, event: str = "workflow_run", **over: Any) -> Run:
        """A run of the recovery workflow itself, in progress."""
        fields: dict[str, Any] = {
            "workflow": "Recovery",
            "path": RECOVERY_FILE,
            "event": event,
            "head_branch": "main",
            "status": "in_progress",
        }
        return self.world.add_run([ScriptedJob(name="recover", status="in_progress")], **fields | over)

    def use(self, run: Run | None = None, *, state: str | None = None, attempt: int = 1, **settings: Any) -> Use:
        """One use of the action: for that run's completion, or on a schedule. Its database is empty, unless named."""
        self._uses += 1
        own = self.recovery_run("workflow_run" if run else "schedule")
        places = (f"state-{state or self._uses}", f"use-{self._uses}")
        return Use(self, own, run, places=places, attempt=attempt, settings=settings)

    def reruns(self) -> list[int]:
        """The status of every request to re-run anything, in the order received."""
        return [seen.status for seen in self.world.requests if seen.method == "POST" and "/rerun" in seen.path]

    def writes(self) -> list[str]:
        """Every request that was to change something."""
        return [f"{seen.method} {seen.path}" for seen in self.world.requests if seen.method != "GET"]


class Use:
    """One use of the action on a runner of its own, in the steps of `action.yml`."""

    def __init__(
        self,
        stage: Stage,
        own: Run,
        run: Run | None,
        *,
        places: tuple[str, str],
        attempt: int,
        settings: dict[str, Any],
    ) -> None:
        self.stage = stage
        self.own = own
        self.run = run
        self.attempt = attempt
        self.directory = stage.folder / places[1]
        self.database = stage.folder / places[0] / "recovery.db"
        self.token = stage.world.issue_token(own.id)
        self.settings = Settings(**{"retry_delay": 0, "max_inline_delay": 0} | settings)
        self.place: Workplace = open_workplace(self.context(), self.settings)

    def context(self) -> RunnerContext:
        """What the runner says."""
        event: dict[str, Any] = {"repository": {"default_branch": "main"}}
        if self.run is not None:
            event["workflow_run"] = {"id": self.run.id, "run_attempt": self.run.latest.number}
        return RunnerContext(
            repository=REPOSITORY,
            run_id=self.own.id,
            attempt=self.attempt,
            event_name=self.own.event,
            event=event,
            workflow_path=RECOVERY_FILE,
            ref_name="main",
            api_url=self.stage.server.url,
            token=SecretStr(self.token),
            workspace=self.stage.folder / "workspace",
            directory=self.directory,
            database_url=f"sqlite:///{self.database}",
            journal=self.directory / "journal.jsonl",
            request_log=self.directory / "requests.jsonl",
        )

    def plan(self) -> Handover:
        """The planning step, and the upload of the plan."""
        if self.run is None:
            handover = plan_sweep(self.place)
        else:
            handover = plan_recovery(self.place, Target(run_id=self.run.id, attempt=self.run.latest.number))
        write_handover(self.directory, handover)
        if handover.plan_artifact:
            self.stage.world.vault.add_artifact(
                self.own, handover.plan_artifact, {"plan.jsonl": (self.directory / "plan.jsonl").read_bytes()}
            )
        return handover

    def execute(self, *, plan_uploaded: bool = True) -> Result:
        """The executing step, a process of its own, and the upload of the journal."""
        place = open_workplace(self.context(), self.settings)
        result = execute_recovery(place, read_handover(self.directory), plan_uploaded=plan_uploaded)
        journal = self.directory / "journal.jsonl"
        if journal.exists():
            self.stage.world.vault.add_artifact(
                self.own, f"recovery-journal-{self.attempt}", {"journal.jsonl": journal.read_bytes()}
            )
        return result

    def go(self) -> Result:
        """The whole use."""
        self.plan()
        return self.execute()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the program wrote down about its requests."""
        log = self.directory / "requests.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def accesses(self) -> list[Access]:
        """What the server saw of this use."""
        return [seen for seen in self.stage.world.requests if seen.run_id == self.own.id]

    def dump(self) -> list[str]:
        """Every row of the database."""
        with sqlite3.connect(self.database) as connection:
            return list(connection.iterdump())


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """A stage on a free port."""
    with LocalGitHub(World(REPOSITORY), access_log=folder / "access.jsonl") as server:
        yield Stage(server, folder)

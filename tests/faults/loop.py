"""A failed run, and recovery runs that follow the steps of `action.yml` until GitHub has nothing more to tell them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from recovery import action
from recovery.adapters.clock import SystemClock
from recovery.adapters.database.engine import open_store
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.faults.happenings import Limits
from recovery.rehearsal.records import OCTOCAT, Arrival, Run, ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from tests.integration.stage import (
    RECOVERY_FILE,
    RECOVERY_WORKFLOW,
    REPOSITORY,
    broken_job,
    network_job,
)

ROOT = Path(__file__).parents[2]
NETWORK, REAL, STUBBORN = "network", "real", "stubborn"
STEP, COMMAND = ("recovery.action",), ("recovery",)
CACHE_KEY = "storyteller-recovery-{run}-{attempt}"


class MovableClock(SystemClock):
    """The machine's clock, ahead by whatever was slept and let pass."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def now(self) -> Any:
        """The time with all that was slept."""
        return super().now() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Be later, at once."""
        self.ahead += timedelta(seconds=max(0.0, seconds))

    def chance(self) -> float:
        """Always the same luck."""
        return 0.5


class Ended(NamedTuple):
    """How a step ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The error annotations."""
        return [line for line in self.out.splitlines() if line.startswith("::error")]


class Loop:
    """One repository whose pipeline failed; everything that is made lies below `folder`."""

    def __init__(self, server: LocalGitHub, folder: Path, clock: MovableClock, failure: str = NETWORK) -> None:
        self.server = server
        self.clock = clock
        self.folder = folder
        self.failure = failure
        self.world = server.world = World(REPOSITORY, now=clock.now)
        self.runner = ScriptedRunner(self.world.runs, hold=True)
        self.world.runner = self.runner
        self.world.repository.add_workflow(RECOVERY_FILE, RECOVERY_WORKFLOW)
        self.turns: list[Turn] = []
        self.ci = 0
        self.struck = False

    def fail(self) -> Run:
        """The pipeline of pull request 1 fails; what its second attempt gives follows from the kind of failure."""
        job = broken_job("flaky") if self.failure == REAL else network_job()
        run = self.world.add_run(
            [
                ScriptedJob(name="build"),
                ScriptedJob(**{**vars(job), "needs": ("build",)}),
                ScriptedJob(name="report", conclusion="skipped", needs=("flaky",)),
            ]
        )
        self.world.pulls.add(run.head_branch, run.head_sha)
        self.ci = run.id
        if self.failure != NETWORK:
            for _ in range(3):
                self.world.script_attempt(run.id, job, ScriptedJob(name="report", conclusion="skipped"))
        return run

    @property
    def run(self) -> Run:
        """The pipeline's run as it is now."""
        return self.world.runs.get(self.ci)

    def turn(
        self, run: Run | None = None, *, own: Run | None = None, attempt: int = 1, cache: str | None = None
    ) -> Turn:
        """A recovery run for a completed run, or on a schedule; or another attempt of an earlier one."""
        own = own or self.world.add_run(
            [ScriptedJob(name="recover", status="in_progress")],
            workflow="Recovery",
            path=RECOVERY_FILE,
            event="workflow_run" if run else "schedule",
            head_branch="main",
            status="in_progress",
        )
        turn = Turn(self, own, run, attempt=attempt, cache=cache)
        self.turns.append(turn)
        return turn

    def github_works(self) -> None:
        """Whatever is still running on GitHub comes to its end."""
        for run in self.world.runs.all():
            if run.workflow.path != RECOVERY_FILE and not run.is_completed:
                self.runner.release(run.id)

    def arrivals(self) -> list[Run]:
        """The events that arrive now, and that the template's condition lets through."""
        self.github_works()
        arrived = [delivery.run for delivery in self.world.deliveries.take() for _ in range(delivery.copies)]
        return [run for run in arrived if run.latest.conclusion != "success" or run.latest.number > 1]

    def deliver(self) -> None:
        """Every event that arrives starts its recovery run, one after the other."""
        while arrived := self.arrivals():
            for run in arrived:
                self.turn(run).go()

    def deliver_once(self) -> None:
        """The events that arrive now start their recovery runs, and no others."""
        for run in self.arrivals():
            self.turn(run).go()

    def sweep(self) -> Turn:
        """One scheduled pass."""
        self.github_works()
        turn = self.turn()
        turn.go()
        return turn

    def person_reruns(self) -> None:
        """A person re-runs the failed jobs."""
        self.world.rerun(self.ci, only_failed=True, actor=OCTOCAT)

    def heal(self) -> None:
        """Nothing goes wrong from now on."""
        self.world.trouble.clear()
        self.world.callbacks.clear()
        self.world.caps.clear()
        self.world.limits.change(Limits(primary=5_000, remaining=5_000))

    def follow(self, *passes: float) -> None:
        """All that still comes: events, and sweeps after so many minutes each. The last of them must write nothing."""
        self.deliver()
        for minutes in passes or (70.0, 10.0):
            self.clock.sleep(minutes * 60)
            last = self.sweep()
            assert last.ended_well, last.told
            if minutes != (passes or (70.0, 10.0))[-1]:
                self.deliver()
        written = [f"{seen.method} {seen.path}" for seen in last.accesses if seen.method != "GET"]
        assert [] == written, "the last sweep wrote"


class Turn:
    """One use of the action on a runner of its own, in the steps of `action.yml`."""

    def __init__(self, loop: Loop, own: Run, run: Run | None, *, attempt: int, cache: str | None) -> None:
        self.loop = loop
        self.own = own
        self.attempt = attempt
        self.folder = loop.folder / f"turn-{len(loop.turns) + 1}"
        self.state = self.folder / "temp" / "storyteller-recovery-state" / "recovery.db"
        self.token = loop.world.issue_token(own.id)
        self.steps: list[Ended] = []
        self.alive = True
        self.uploaded: str | None = None
        self._since = 0
        self._prepare(run)
        if cache is not None:
            self._restore(cache)

    def go(self) -> Self:
        """The whole job."""
        self.plan()
        self.upload_plan()
        self.execute()
        self.upload_journal()
        self.save_state()
        return self

    def plan(self) -> None:
        """`Observe and plan`."""
        self.steps.append(self._step(RECOVERY_PHASE="plan"))

    def upload_plan(self) -> None:
        """`Upload the plan`, which may fail without harm."""
        name = self.outputs.get("plan-artifact")
        if self.ok and name:
            self.uploaded = self._upload(name, "plan.jsonl")

    def execute(self) -> None:
        """`Execute and report`, only if what came before went well."""
        if self.ok:
            self.steps.append(self._step(**self._of_execution))

    def upload_journal(self) -> None:
        """`Upload the journal`, always."""
        if self.alive and self.outputs.get("directory"):
            self._upload(f"recovery-journal-{self.attempt}", "journal.jsonl", "decision.json", "requests.jsonl")

    def save_state(self) -> None:
        """`Save the state`, which GitHub refuses on `workflow_run`."""
        if self.alive and self.own.event in {"schedule", "workflow_dispatch"} and self.state.exists():
            key = CACHE_KEY.format(run=self.own.id, attempt=self.attempt)
            with contextlib.suppress(Refused):
                self.loop.world.vault.add_cache(key, self.state.read_bytes())

    def plan_killed(self, when: Callable[[Arrival], bool], *, after: bool = False) -> None:
        """`Observe and plan` in a process that dies at a request."""
        self._killed({"RECOVERY_PHASE": "plan"}, when, after=after)

    def execute_killed(self, when: Callable[[Arrival], bool], *, after: bool = False) -> None:
        """`Execute and report` in a process that dies at a request."""
        self._killed(self._of_execution, when, after=after)

    def process(self, **over: str) -> Ended:
        """One step in a process of its own, which lives."""
        return self._lived(over, STEP)

    def command(self, *arguments: str) -> Ended:
        """A command that a person types, in a process of its own, which lives."""
        return self._lived(self._of_shell, (*COMMAND, *arguments))

    def command_killed(self, when: Callable[[Arrival], bool], *arguments: str, after: bool = False) -> None:
        """A command that a person types, in a process that dies at a request."""
        self._killed(self._of_shell, when, after=after, program=(*COMMAND, *arguments))

    def lose_runner(self) -> None:
        """The machine is gone: nothing more of this job happens."""
        self.alive = False

    @property
    def of_execution(self) -> dict[str, str]:
        """What the executing step is told."""
        return self._of_execution

    @property
    def ok(self) -> bool:
        """Whether the job goes on."""
        return self.alive and all(step.code == 0 for step in self.steps)

    @property
    def ended_well(self) -> bool:
        """Whether no step failed."""
        return all(step.code == 0 for step in self.steps)

    @property
    def codes(self) -> list[int]:
        """The exit codes of the steps."""
        return [step.code for step in self.steps]

    @property
    def told(self) -> str:
        """What the steps said."""
        return "\n".join(step.out + step.err for step in self.steps)

    @property
    def directory(self) -> Path:
        """Where plan, journal and reports of this use lie."""
        return self.folder / "temp" / "storyteller-recovery"

    @property
    def accesses(self) -> list[Any]:
        """What the server saw of this turn."""
        mine = [seen for seen in self.loop.world.requests[self._since :] if seen.run_id == self.own.id]
        return [seen for seen in mine if not seen.redirect]

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs set so far, read as the runner reads them."""
        path = self.folder / "output"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        blocks = re.finditer(
            r"^(?P<name>[\w-]+)<<(?P<end>\S+)\n(?P<value>.*?)\n(?P=end)\n", text, re.DOTALL | re.MULTILINE
        )
        return {block["name"]: block["value"] for block in blocks}

    @property
    def _of_execution(self) -> dict[str, str]:
        return {"RECOVERY_PHASE": "execute", "RECOVERY_PLAN_UPLOADED": self.uploaded or "skipped"}

    def _prepare(self, run: Run | None) -> None:
        workspace = self.folder / "workspace"
        (workspace / ".github" / "workflows").mkdir(parents=True)
        (workspace / RECOVERY_FILE).write_text(RECOVERY_WORKFLOW)
        (workspace / ".github" / "recovery.yml").write_text("version: 1\nretry-delay: 0\n")
        event: dict[str, Any] = {"repository": {"default_branch": "main"}}
        if run is not None:
            event["workflow_run"] = {"id": run.id, "run_attempt": run.latest.number}
        (self.folder / "event.json").write_text(json.dumps(event))
        self._since = len(self.loop.world.requests)
        self.over: dict[str, str] = {}
        self.inputs = {"mode": "recover" if run else "sweep", "github-token": self.token}

    def _restore(self, cache: str) -> None:
        """`Restore the state`: the newest cache, none (`evicted`), or bytes that somebody else put there."""
        self.state.parent.mkdir(parents=True, exist_ok=True)
        known = self.loop.world.vault.caches()
        if cache == "newest" and known:
            self.state.write_bytes(max(known, key=lambda entry: entry.id).content)
        if cache == "corrupt":
            self.state.write_bytes(b"SQLite format 3\0" + os.urandom(4096))

    def _environment(self, over: dict[str, str]) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.own.id),
            "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_EVENT_NAME": self.own.event,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{RECOVERY_FILE}@refs/heads/main",
            "GITHUB_WORKFLOW": "Recovery",
            "GITHUB_REF_NAME": "main",
            "GITHUB_SHA": "c" * 40,
            "GITHUB_API_URL": self.loop.server.url,
            "GITHUB_WORKSPACE": str(self.folder / "workspace"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "RECOVERY_INPUTS": json.dumps(self.inputs),
            **self.over,
            **over,
        }

    def _step(self, **over: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = action.main(self._environment(over))
        return Ended(code, out.getvalue(), err.getvalue())

    @property
    def _of_shell(self) -> dict[str, str]:
        return {"GITHUB_TOKEN": self.token, "RECOVERY_DATABASE_URL": f"sqlite:///{self.state}"}

    def _lived(self, over: dict[str, str], program: tuple[str, ...]) -> Ended:
        with self._started(over, program) as process:
            out, err = process.communicate(timeout=60)
        ended = Ended(process.returncode, out, err)
        self.steps.append(ended)
        return ended

    @contextlib.contextmanager
    def _started(self, over: dict[str, str], program: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        late = ("tests.faults.late", str(self.loop.clock.ahead.total_seconds())) if self.loop.clock.ahead else ()
        with subprocess.Popen(
            [sys.executable, "-m", *late, *program],
            cwd=self.folder / "workspace",
            env={**kept, "PYTHONPATH": str(ROOT), **self._environment(over)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process:
            yield process

    def _killed(
        self, over: dict[str, str], when: Callable[[Arrival], bool], *, after: bool, program: tuple[str, ...] = STEP
    ) -> None:
        """Kill the process at the first request that fits: before GitHub looks at it, or after it was carried out."""
        dead = threading.Event()
        with self._started(over, program) as process:

            def kill(arrival: Arrival) -> bool:
                if dead.is_set() or arrival.run_id != self.own.id or not when(arrival):
                    return False
                dead.set()
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                return True

            self.loop.world.on_request(kill, after=after)
            out, err = process.communicate(timeout=60)
        assert dead.is_set(), f"it was not killed: {out}{err}"
        assert -signal.SIGKILL == process.returncode
        self.steps.append(Ended(process.returncode, out, err))

    def _upload(self, name: str, *files: str) -> str:
        """`actions/upload-artifact`; the outcome of the step."""
        content = {file: (self.directory / file).read_bytes() for file in files if (self.directory / file).exists()}
        try:
            if content:
                self.loop.world.vault.add_artifact(self.own, name, content)
        except Refused:
            return "failure"
        return "success"


def final_store(turn: Turn) -> Any:
    """The store of a turn, to be asked questions."""
    return open_store(f"sqlite:///{turn.state}")


@contextlib.contextmanager
def quick_folder(fallback: Path) -> Iterator[Path]:
    """A folder in memory where the system has one, because every step forces its files to disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        yield fallback
        return
    folder = memory / f"recovery-faults-{os.getpid()}-{fallback.name}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

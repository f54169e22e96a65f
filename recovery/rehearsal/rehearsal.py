"""The conductor: a local GitHub, a copy of a repository, and everything that follows from one pushed change."""

from __future__ import annotations

import atexit
import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from recovery.errors import RehearsalError
from recovery.rehearsal.act import ActRunner
from recovery.rehearsal.adaptation import Note
from recovery.rehearsal.alteration import alter
from recovery.rehearsal.choices import Choices
from recovery.rehearsal.events import Events
from recovery.rehearsal.injection import Injection
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.places import Places
from recovery.rehearsal.records import TimelineEvent, Workflow
from recovery.rehearsal.repository import HEADS, WORKFLOW_FOLDER
from recovery.rehearsal.scenario import SCENARIOS, Scenario
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.signals import termination_as_exit, uninterrupted
from recovery.rehearsal.source import Source, copy_files
from recovery.rehearsal.toolshed import Toolshed, find_program
from recovery.rehearsal.wishes import resolve
from recovery.rehearsal.workflow import parse, triggers
from recovery.rehearsal.world import World

_MARKER = ".rehearsal"
_OWN_FOLDERS = ("repository", "trees", "runs", "recoveries", "home", "workspaces", "shims", "action")


class Rehearsal:
    """Rehearses a repository's workflows; use it as a context manager.

    Works in `work`, whose folders of an earlier rehearsal are removed; the repository itself is only read. `action`
    is the checkout that `uses: storyteller/recovery@…` means (left out: this one).
    """

    def __init__(
        self,
        repository: Path,
        work: Path,
        scenario: Scenario = SCENARIOS["network"],
        on_event: Callable[[TimelineEvent], None] | None = None,
        timeout_seconds: float = 300,
        *,
        action: Path | None = None,
        choices: Choices = Choices(),  # noqa: B008 -- frozen
    ) -> None:
        self.scenario = scenario
        self.work = work.resolve()
        self.world = World()
        self._timeout = timeout_seconds
        self._choices = choices
        self._action_origin = action or _own_checkout()
        self._source = Source(repository.resolve(), self.work, self.world.repository.default_branch)
        self._stack = contextlib.ExitStack()
        if on_event is not None:
            self.world.clockwork.listen(on_event)

    @property
    def repository_name(self) -> str:
        """The repository's name on the local GitHub."""
        return self.world.repository.name

    @property
    def token(self) -> str:
        """A token that may do everything."""
        return self.world.token

    @property
    def api_url(self) -> str:
        """Where the local GitHub answers."""
        return self._github.url

    @property
    def access_log(self) -> Path:
        """The requests the server received, one JSON object a line."""
        return self.work / "access.jsonl"

    @property
    def injections(self) -> tuple[Injection, ...]:
        """The failures asked for, as they were found in the workflows."""
        return self._runner.injections

    @property
    def notes(self) -> list[Note]:
        """What was not as it is on GitHub: stand-ins, and what was left out."""
        return list(self._runner.notes)

    def recovery_directories(self) -> list[Path]:
        """RECOVERY_DIRECTORY of every recovery run so far, oldest first."""
        return sorted(path for path in (self.work / "recoveries").glob("*") if path.is_dir())

    def __enter__(self) -> Self:
        for program in ("act", "node", "git"):
            find_program(program)
        self._clear()
        with contextlib.ExitStack() as stack:
            self._github = stack.enter_context(LocalGitHub(self.world, access_log=self.access_log))
            toolshed = self._prepare()
            self._runner = ActRunner(
                world=self.world,
                source=self._source,
                toolshed=toolshed,
                places=Places(self.work),
                url=self._github.url,
                variables={"REHEARSAL_SCENARIO": self.scenario.failure},
                choices=self._choices,
            )
            self._runner.injections = resolve(self._choices.failures, self._started_by_the_event())
            self.world.runner = self._runner
            self._events = Events(self.world, self._source, self._runner, self._github.url)
            atexit.register(self._runner.close)
            stack.callback(atexit.unregister, self._runner.close)
            stack.callback(self._runner.close)
            stack.callback(self.world.deliveries.close)
            self.world.apply(self.scenario)
            stack.enter_context(termination_as_exit())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            self._stack.close()

    def push(
        self, branch: str | None = None, files: Mapping[str, str] | None = None, message: str = "A change"
    ) -> list[int]:
        """Commit to a branch (the default one if none is named) and start the workflows of `push`."""
        branch = branch or self.world.repository.default_branch
        before = self.world.repository.branches().get(branch, "0" * 40)
        sha = self._source.commit(branch, message, files or {})
        self.world.repository.set_branch(branch, sha)
        if branch == self.world.repository.default_branch:
            self._register_workflows()
        return self._pushed(branch, before, sha, message)

    def _pushed(self, branch: str, before: str, sha: str, title: str) -> list[int]:
        payload = {"ref": f"{HEADS}{branch}", "before": before, "after": sha}
        return self._events.fire("push", sha, branch, payload, filter_branch=branch, title=title)

    def pull_request(
        self,
        branch: str = "feature",
        files: Mapping[str, str] | None = None,
        title: str = "A change",
        *,
        fork: str | None = None,
    ) -> list[int]:
        """Open a pull request (of a `fork`'s owner), or push to the one that is open; start its workflows."""
        name = f"{fork}/{self.repository_name.split('/')[1]}" if fork else self.repository_name
        sha = self._source.commit(f"fork-{fork}-{branch}" if fork else branch, title, files or {})
        pulls = self.world.pulls
        if not fork:
            self.world.repository.set_branch(branch, sha)
        known = pulls.all(head=f"{name.split('/')[0]}:{branch}")
        base = self.world.repository.tip(self.world.repository.default_branch)
        if known:
            pull, action = pulls.move(known[0].number, head_sha=sha), "synchronize"
        else:
            pull, action = pulls.add(branch, sha, head_repository=name, title=title, base_sha=base), "opened"
        shown = Shapes(self.world, self.api_url).pull(pull)
        payload = {"action": action, "number": pull.number, "pull_request": shown}
        return self._events.fire(
            "pull_request",
            sha,
            branch,
            payload,
            filter_branch=pull.base_branch,
            action=action,
            title=title,
            head_repository=name,
        )

    def merge(self, number: int) -> list[int]:
        """Merge a pull request of this repository into the default branch, as a person; start the workflows of `push`.

        The merge has the files of the pull request; whether both sides have changed something is not looked at.
        """
        repository, pull = self.world.repository, self.world.pulls.get(number)
        head = self._source.history.commit(pull.head_sha)
        if head is None:
            raise RehearsalError(f"the head of pull request #{number} is no commit of this rehearsal")
        title = f"Merge pull request #{number} from {pull.head_branch}"
        before = repository.tip(repository.default_branch)
        merged = self._source.history.create(head.tree, (before, head.sha), title)
        repository.set_reference(f"{HEADS}{repository.default_branch}", merged.sha)
        self.world.pulls.move(number, merged=True, merge_commit=merged.sha)
        self._register_workflows()
        return self._pushed(repository.default_branch, before, merged.sha, title)

    def protect(self, *environments: str) -> None:
        """Let runs that deploy to these environments wait until they are approved."""
        self.world.protected.update(environments)

    def approve(self, run_id: int) -> None:
        """Approve what a run waits for, as a person."""
        self._runner.approve(run_id)

    def sweep(self) -> list[int]:
        """Start the scheduled workflows."""
        branch = self.world.repository.default_branch
        payload = {"schedule": "0 * * * *"}
        return self._events.fire("schedule", self.world.repository.tip(branch), branch, payload)

    def dispatch(self, workflow_file: str, inputs: Mapping[str, str] | None = None, *, ref: str | None = None) -> int:
        """Start a workflow by hand, on the default branch or at the branch or tag named in full."""
        workflow = self.world.repository.workflow(workflow_file)
        where = ref or f"{HEADS}{self.world.repository.default_branch}"
        return self._events.dispatch(workflow.path, where, inputs or {})

    def wait_until_quiet(self) -> None:
        """Wait until nothing runs and no event is on its way; whatever could not be run is raised here."""
        busy = self._runner.wait(self._timeout)
        while not busy and (self.world.deliveries.some_are_late or self.world.deliveries.release()):
            self.world.deliveries.wait_for_late_ones(self._timeout)
            busy = self._runner.wait(self._timeout)
        for problem in self._runner.problems:
            if isinstance(problem, RehearsalError):
                raise problem
            raise RehearsalError(f"the rehearsal itself failed: {problem!r}") from problem
        if busy:
            raise RehearsalError(f"still running after {self._timeout:.0f} seconds: {', '.join(busy)}")

    def _clear(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        marker = self.work / _MARKER
        strangers = [name for name in _OWN_FOLDERS if (self.work / name).exists()]
        if strangers and not marker.exists():
            raise RehearsalError(
                f"{self.work} is no folder of an earlier rehearsal, but has {', '.join(strangers)}",
                hint="name an empty folder to work in",
            )
        marker.touch()
        for name in _OWN_FOLDERS:
            shutil.rmtree(self.work / name, ignore_errors=True)
        self.access_log.unlink(missing_ok=True)
        for name in ("home", "workspaces", "recoveries"):
            (self.work / name).mkdir()

    def _prepare(self) -> Toolshed:
        repository = self.world.repository
        tip = self._source.prepare(lambda copy: alter(copy, self._choices, self.scenario.event))
        repository.set_branch(repository.default_branch, tip)
        repository.history = self._source.history
        self._register_workflows()
        action = None
        if self._action_origin is not None:
            action = self.work / "action"
            copy_files(self._action_origin.resolve(), action, self.work)
        toolshed = Toolshed(self.work / "shims", action, stub_unknown=self._choices.stub_unknown)
        toolshed.prepare()
        return toolshed

    def _started_by_the_event(self) -> list[Workflow]:
        workflows = self.world.repository.workflows()
        return [workflow for workflow in workflows if self.scenario.event in triggers(parse(workflow.text))]

    def _register_workflows(self) -> None:
        for path in self._source.list(WORKFLOW_FOLDER):
            if path.endswith((".yml", ".yaml")):
                text = self._source.read(path, self.world.repository.default_branch)
                self.world.repository.add_workflow(path, text or "")
        if not self.world.repository.workflows():
            raise RehearsalError("the repository has no workflow in .github/workflows", hint="name another repository")


def _own_checkout() -> Path | None:
    """The checkout this package is part of, if it is one."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "action.yml").is_file() else None

"""Events and the runs they start: pushes, pull requests, schedules, dispatches, and what follows a completed run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from recovery.rehearsal.act import ActRunner
from recovery.rehearsal.deliveries import Delivery
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.records import OCTOCAT, Run, Workflow
from recovery.rehearsal.repository import short_name
from recovery.rehearsal.source import Source
from recovery.rehearsal.workflow import job_plans, listens, parse
from recovery.rehearsal.world import World

# GitHub starts at most this many runs one after another by `workflow_run`.
MAXIMUM_CHAIN = 3


class Events:
    """Turns events into runs and hands them to the runner.

    The workflows are those of the default branch; a pushed commit or pull request brings its own version of them,
    but one that exists only there is not started.
    """

    def __init__(self, world: World, source: Source, runner: ActRunner, url: str) -> None:
        self._world = world
        self._source = source
        self._runner = runner
        self._shapes = Shapes(world, url)
        world.deliveries.receiver = self._deliver
        world.dispatcher = self.dispatch
        world.runs.when_completed(self._follow)

    def fire(
        self,
        event: str,
        sha: str,
        branch: str,
        payload: Mapping[str, Any],
        *,
        filter_branch: str = "",
        action: str = "",
        title: str | None = None,
        head_repository: str | None = None,
    ) -> list[int]:
        """Start every workflow that listens to an event; the ids of their runs."""
        runs = [
            self._create(workflow, event, sha, branch, payload, title=title, head_repository=head_repository)
            for workflow in map(self._at(sha), self._world.repository.workflows())
            if listens(parse(workflow.text), event, branch=filter_branch, action=action)
        ]
        self._start(runs)
        return [run.id for run in runs]

    def _at(self, sha: str) -> Callable[[Workflow], Workflow]:
        """The version of a workflow that a commit brings along."""
        return lambda workflow: replace(workflow, text=self._source.read(workflow.path, sha) or workflow.text)

    def dispatch(self, path: str, ref: str, inputs: Mapping[str, str]) -> int:
        """Start one workflow by hand at a branch or tag, named in full; the commit there brings its own version."""
        sha = self._world.repository.references()[ref]
        workflow = self._at(sha)(self._world.repository.workflow(path))
        payload = {"inputs": dict(inputs), "ref": ref, "workflow": path}
        run = self._create(workflow, "workflow_dispatch", sha, short_name(ref), payload)
        self._start([run])
        return run.id

    def _create(
        self,
        workflow: Workflow,
        event: str,
        sha: str,
        branch: str,
        payload: Mapping[str, Any],
        *,
        title: str | None = None,
        head_repository: str | None = None,
        chain_level: int = 0,
    ) -> Run:
        document = parse(workflow.text)
        common = {"repository": self._shapes.full_repository(), "sender": self._shapes.user(OCTOCAT)}
        run = self._world.runs.create(
            workflow,
            event=event,
            head_sha=sha,
            head_branch=branch,
            head_repository=head_repository,
            display_title=title,
            payload={**payload, **common},
            chain_level=chain_level,
            jobs=[(plan.key, plan.name, plan.needs, plan.labels) for plan in job_plans(document)],
        )
        return self._world.titled(run, workflow.text)

    def _start(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._runner.start(run.id, 1, frozenset(job.key for job in run.latest.jobs))

    def _follow(self, run: Run) -> None:
        """Fire `workflow_run`, if a workflow waits for this one; three levels deep at most."""
        if run.chain_level < MAXIMUM_CHAIN and self._listening(run):
            self._world.deliveries.completed(run)

    def _listening(self, run: Run) -> list[Workflow]:
        return [
            workflow
            for workflow in self._world.repository.workflows()
            if listens(parse(workflow.text), "workflow_run", branch=run.head_branch, source=run.workflow.name)
        ]

    def _deliver(self, delivery: Delivery) -> None:
        """Start the workflows that wait for a run whose event has arrived."""
        run, copies = delivery.run, delivery.copies
        listening = self._listening(run)
        names = ", ".join(workflow.name for workflow in listening)
        twice = " twice at once" if copies > 1 else ""
        self._tell(run, "workflow-run-fired", f"{run.workflow.name} completed: starts {names}{twice}")
        followers = [self._create_follower(workflow, run) for workflow in listening for _ in range(copies)]
        if copies > 1:
            self._runner.ungrouped.update(follower.id for follower in followers)
        self._start(followers)

    def _create_follower(self, workflow: Workflow, run: Run) -> Run:
        branch = self._world.repository.default_branch
        payload = self._shapes.completed_event(run)
        sha = self._world.repository.tip(branch)
        return self._create(workflow, "workflow_run", sha, branch, payload, chain_level=run.chain_level + 1)

    def _tell(self, run: Run, kind: str, text: str) -> None:
        self._world.clockwork.tell(kind, text, run_id=run.id, attempt=run.latest.number)

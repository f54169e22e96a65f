"""The world of one rehearsal: a repository with all that GitHub would keep about it, and the rules of writing to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recovery.rehearsal.checks import Checks
from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.concurrency import Concurrency
from recovery.rehearsal.credentials import Credential
from recovery.rehearsal.deeds import Asking, perform
from recovery.rehearsal.deliveries import Deliveries
from recovery.rehearsal.deployments import Deployments
from recovery.rehearsal.expressions import context_of, interpolate
from recovery.rehearsal.faults.answers import AnswerFault, Cut, Status
from recovery.rehearsal.faults.happenings import Deed
from recovery.rehearsal.faults.parts import When
from recovery.rehearsal.issues import Issues
from recovery.rehearsal.pulls import Pulls
from recovery.rehearsal.ratelimits import RateLimits
from recovery.rehearsal.records import (
    ACTIONS_BOT,
    OCTOCAT,
    Access,
    Arrival,
    Run,
    ScriptedJob,
    TimelineEvent,
    User,
)
from recovery.rehearsal.repository import Repository, default_path, short_name
from recovery.rehearsal.runner import Runner, ScriptedRunner
from recovery.rehearsal.runs import Runs
from recovery.rehearsal.scenario import Scenario
from recovery.rehearsal.stages import PLAN_PREFIX, Stages
from recovery.rehearsal.trouble import Trouble
from recovery.rehearsal.vault import Vault
from recovery.rehearsal.workflow import is_recovery, job_plans, parse, permissions_of

OnRequest = Callable[[Arrival], bool | None]
# `act` masks every occurrence of a secret in its output, so that a short one would garble the logs.
FAKE_TOKEN = "ghs_rehearsalrehearsalrehearsalrehearsal"  # noqa: S105 -- opens nothing but the local server


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One answer that goes wrong on purpose: the first `times` requests of this method whose path contains `path`.

    With `after_effect`, the request is carried out before the faulty answer is sent. Status 0 closes the connection
    without an answer. A short way to say an `AnswerFault`.
    """

    method: str
    path: str
    status: int
    body: Mapping[str, Any] | str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    after_effect: bool = False

    def rule(self) -> AnswerFault:
        """The same as scenarios say it."""
        when = When(method=self.method, path=f"**{self.path}**", times=self.times)
        if self.status == 0:
            return AnswerFault(when=when, do=Cut(cut="answer", after_effect=self.after_effect))
        body = self.body if isinstance(self.body, str) else dict(self.body)
        status = Status(status=self.status, body=body, headers=dict(self.headers), after_effect=self.after_effect)
        return AnswerFault(when=when, do=status)


@dataclass(frozen=True, kw_only=True)
class Link:
    """What one redirect target gives, until when, and which run asked for it."""

    content: bytes
    content_type: str
    until: datetime
    run_id: int | None
    trouble: str = ""


class World:
    """Runs, artifacts, caches, pull requests, comments and branches of one repository, safe for many threads."""

    def __init__(
        self, repository: str = "octo/repo", *, default_branch: str = "main", now: Callable[[], datetime] | None = None
    ) -> None:
        self.clockwork = Clockwork(now)
        self.began_at = self.clockwork.now()
        self.trouble = Trouble(self.clockwork.lock)
        self.limits = RateLimits(self.clockwork)
        self.repository = Repository(self.clockwork, repository, default_branch)
        self.runs = Runs(self.clockwork, repository)
        self.pulls = Pulls(self.clockwork, repository, default_branch)
        self.vault = Vault(self.clockwork, default_branch, self.trouble.upload)
        self.issues = Issues(self.clockwork, self.pulls)
        self.deployments = Deployments(self.clockwork)
        self.checks = Checks(self.clockwork)
        self.concurrency = Concurrency(self._cancel)
        self.deliveries = Deliveries(self.clockwork, self.trouble)
        self.stages = Stages(self._has_planned)
        self.runner: Runner = ScriptedRunner(self.runs)
        self.requests: list[Access] = []
        self.offences: list[str] = []
        self.callbacks: list[tuple[bool, OnRequest]] = []
        self.links: dict[str, Link] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self.waiting: dict[int, tuple[str, ...]] = {}
        self.protected: set[str] = set()
        self.secrets: dict[str, tuple[int, int]] = {}
        self.credentials: dict[str, Credential] = {FAKE_TOKEN: Credential()}
        self.caps: dict[str, str] = {}
        self.tells_dispatched_runs = True
        self.dispatched_status = "completed"
        self.dispatcher: Callable[[str, str, Mapping[str, str]], int] = self._dispatch_scripted
        self.runs.when_completed(self._announce_completed)

    @property
    def token(self) -> str:
        """The token of no particular run, allowed to do everything."""
        return FAKE_TOKEN

    @property
    def timeline(self) -> tuple[TimelineEvent, ...]:
        """Everything that happened so far."""
        with self.clockwork.lock:
            return tuple(self.clockwork.timeline)

    def issue_token(self, run_id: int | None = None, permissions: Mapping[str, str] | None = None) -> str:
        """A new token, of a run and with a job's permissions (`None`: all); a fork's run gets nothing to write."""
        number = self.clockwork.next_id("token")
        token = f"ghs_{hashlib.sha256(f'{run_id}/{number}'.encode()).hexdigest()[:36]}"
        read_only = run_id is not None and self._is_of_a_fork(run_id)
        self.credentials[token] = Credential(run_id=run_id, permissions=permissions, read_only=read_only)
        return token

    def job_token(self, run_id: int) -> str:
        """A token of a run with the `permissions:` that its workflow file declares."""
        text = self.runs.get(run_id).workflow.text
        return self.issue_token(run_id, permissions_of(parse(text)))

    def _is_of_a_fork(self, run_id: int) -> bool:
        run = self.runs.find(run_id)
        return run is not None and run.event == "pull_request" and run.head_repository != self.repository.name

    def inject(self, fault: Fault) -> None:
        """Let the next matching requests go wrong."""
        self.trouble.add(fault.rule())

    def apply(self, scenario: Scenario) -> None:
        """Let everything go wrong that a scenario names; happenings without a moment happen at once."""
        if scenario.limits is not None:
            self.limits.change(scenario.limits)
        self.trouble.add(*scenario.faults, *scenario.events, *scenario.uploads)
        for happening in scenario.happenings:
            if happening.before is None and happening.after is None:
                self.happen(happening.do)
            else:
                self.trouble.add(happening)

    def happen(self, deed: Deed, asking: Asking | None = None) -> bool:
        """Let something happen now; whether the request that was the occasion never arrives.

        What GitHub would refuse to the person who tries it does not happen, and the timeline says so.
        """
        try:
            return perform(self, deed, asking or Asking())
        except Refused as refusal:
            self.clockwork.tell("happening-refused", refusal.message)
            return False

    def on_request(self, callback: OnRequest, *, after: bool = False) -> None:
        """Call back before each API request is looked at, or `after` it was carried out and before it is answered.

        A callback that returns True lets the connection close without an answer; before, nothing is carried out.
        """
        self.callbacks.append((after, callback))

    def _cancel(self, run_id: int) -> None:
        self.runner.cancel(run_id)

    def _has_planned(self, run_id: int) -> bool:
        return any(found.name.startswith(PLAN_PREFIX) for found in self.vault.artifacts(run_id=run_id))

    def _announce_completed(self, run: Run) -> None:
        if self.deliveries.receiver is None and not is_recovery(run):
            self.deliveries.completed(run)

    def add_run(
        self,
        jobs: Sequence[ScriptedJob],
        *,
        workflow: str = "CI",
        path: str | None = None,
        event: str = "pull_request",
        head_branch: str = "feature",
        head_sha: str | None = None,
        head_repository: str | None = None,
        actor: User = OCTOCAT,
        display_title: str | None = None,
        created_at: datetime | None = None,
        payload: Mapping[str, Any] | None = None,
        status: str = "completed",
        conclusion: str | None = None,
    ) -> Run:
        """A scripted run with its first attempt; `conclusion` follows from the jobs unless given.

        With a status other than `completed`, the attempt is left active with its jobs as scripted.
        """
        registered = self.repository.add_workflow(path or default_path(workflow), name=workflow)
        specs = [(job.key or job.name, job.name, job.needs, job.labels) for job in jobs]
        run = self.runs.create(
            registered,
            event=event,
            head_sha=head_sha or sha_of(head_branch),
            head_branch=head_branch,
            head_repository=head_repository,
            actor=actor,
            display_title=display_title,
            created_at=created_at,
            payload=payload,
            jobs=specs,
        )
        return self._played(run, jobs, status, conclusion)

    def _played(self, run: Run, jobs: Sequence[ScriptedJob], status: str, conclusion: str | None) -> Run:
        """The run once its first attempt has got as far as `status`."""
        if status != "queued":
            self.runs.begin(run.id, 1)
            for record, script in zip(run.latest.jobs, jobs, strict=True):
                self.runs.fill(run.id, 1, record.id, script)
        if status == "completed":
            self.runs.complete(run.id, 1, conclusion=conclusion)
        return self.runs.get(run.id)

    def script_attempt(self, run_id: int, *jobs: ScriptedJob) -> None:
        """Say what the run's next attempt gives; only for a world without act."""
        if not isinstance(self.runner, ScriptedRunner):
            raise TypeError("attempts can be scripted only when no runner executes them")
        self.runner.script(run_id, *jobs)

    def rerun(self, run_id: int, *, only_failed: bool, job_id: int | None = None, actor: User = ACTIONS_BOT) -> None:
        """What the three re-run endpoints do: record the attempt under the lock, then let the runner execute it."""
        keys = self.runs.rerun(run_id, only_failed=only_failed, job_id=job_id, actor=actor)
        if not only_failed and job_id is None:
            self.vault.hide(run_id)
        self.runner.start(run_id, self.runs.get(run_id).latest.number, keys)

    def titled(self, run: Run, text: str) -> Run:
        """The run with the title that the `run-name` of its workflow file gives it, if that comes to anything."""
        written = parse(text).get("run-name")
        title = interpolate(str(written), context_of(run)).strip() if written else ""
        return self.runs.retitle(run.id, title) if title else run

    def _dispatch_scripted(self, path: str, ref: str, inputs: Mapping[str, str]) -> int:
        there = self.repository.workflow_at(path, ref) or self.repository.workflow(path)
        run = self.add_run(
            [ScriptedJob(name=plan.name, key=plan.key) for plan in job_plans(parse(there.text))],
            path=path,
            event="workflow_dispatch",
            head_branch=short_name(ref),
            head_sha=self.repository.references()[ref],
            workflow=there.name,
            payload={"inputs": dict(inputs), "ref": ref},
            status=self.dispatched_status,
        )
        return self.titled(run, there.text).id

    def let_wait(self, run_id: int, *environments: str) -> None:
        """Let a run wait for the protection rules of these environments."""
        with self.clockwork.lock:
            self.waiting[run_id] = environments
        self.runs.hold_back(run_id, waiting=True)

    def approve(self, run_id: int) -> None:
        """Let a run that waits go on; who may do so is not imitated."""
        with self.clockwork.lock:
            self.waiting.pop(run_id, None)
        self.runs.hold_back(run_id, waiting=False)


def sha_of(text: str) -> str:
    """A believable commit id for a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

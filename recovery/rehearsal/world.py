"""The world of one rehearsal: a repository with all that GitHub would keep about it, and the rules of writing to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recovery.rehearsal.clockwork import Clockwork
from recovery.rehearsal.pulls import Pulls
from recovery.rehearsal.records import OCTOCAT, Access, Run, ScriptedJob, TimelineEvent, User
from recovery.rehearsal.repository import Repository, default_path
from recovery.rehearsal.runner import Runner, ScriptedRunner
from recovery.rehearsal.runs import Runs
from recovery.rehearsal.vault import Vault

# `act` masks every occurrence of a secret in its output, so that a short one would garble the logs.
FAKE_TOKEN = "ghs_rehearsalrehearsalrehearsalrehearsal"  # noqa: S105 -- opens nothing but the local server


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a token may do: all, or what a job's `permissions:` name; and whose run it belongs to."""

    run_id: int | None = None
    permissions: Mapping[str, str] | None = None

    def allows(self, permission: str) -> bool:
        """Whether `scope:level` is granted; `issues` and `pull-requests` stand in for each other on comments."""
        if self.permissions is None or not permission:
            return True
        return any(self._grants(choice) for choice in permission.split("|"))

    def _grants(self, permission: str) -> bool:
        scope, level = permission.split(":")
        granted = (self.permissions or {}).get(scope, "none")
        return granted in ("write", level)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One answer that goes wrong on purpose: the first `times` requests of this method whose path contains `path`.

    With `after_effect`, the request is carried out before the faulty answer is sent. Status 0 closes the connection
    without an answer.
    """

    method: str
    path: str
    status: int
    body: Mapping[str, Any] | str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    after_effect: bool = False


@dataclass(frozen=True, kw_only=True)
class Link:
    """What one redirect target gives, until when, and which run asked for it."""

    content: bytes
    content_type: str
    until: datetime
    run_id: int | None


class World:
    """Runs, artifacts, caches, pull requests, comments and branches of one repository, safe for many threads."""

    def __init__(
        self, repository: str = "octo/repo", *, default_branch: str = "main", now: Callable[[], datetime] | None = None
    ) -> None:
        self.clockwork = Clockwork(now)
        self.repository = Repository(self.clockwork, repository, default_branch)
        self.runs = Runs(self.clockwork, repository)
        self.pulls = Pulls(self.clockwork, repository, default_branch)
        self.vault = Vault(self.clockwork, default_branch)
        self.runner: Runner = ScriptedRunner(self.runs)
        self.requests: list[Access] = []
        self.offences: list[str] = []
        self.faults: list[Fault] = []
        self.links: dict[str, Link] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self.secrets: dict[str, tuple[int, int]] = {}
        self.credentials: dict[str, Credential] = {FAKE_TOKEN: Credential()}
        self.dispatcher: Callable[[str, str, Mapping[str, str]], int] = self._dispatch_scripted

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
        """A new token, of a run and with a job's permissions (`None`: all)."""
        number = self.clockwork.next_id("token")
        token = f"ghs_{hashlib.sha256(f'{run_id}/{number}'.encode()).hexdigest()[:36]}"
        self.credentials[token] = Credential(run_id=run_id, permissions=permissions)
        return token

    def inject(self, fault: Fault) -> None:
        """Let the next matching requests go wrong."""
        with self.clockwork.lock:
            self.faults.append(fault)

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

    def rerun(self, run_id: int, *, only_failed: bool, job_id: int | None = None) -> None:
        """What the three re-run endpoints do: record the attempt under the lock, then let the runner execute it."""
        keys = self.runs.rerun(run_id, only_failed=only_failed, job_id=job_id)
        self.runner.start(run_id, self.runs.get(run_id).latest.number, keys)

    def _dispatch_scripted(self, path: str, ref: str, inputs: Mapping[str, str]) -> int:
        run = self.add_run(
            [ScriptedJob(name="dispatched")],
            path=path,
            event="workflow_dispatch",
            head_branch=ref,
            workflow=self.repository.workflow(path).name,
            payload={"inputs": dict(inputs)},
        )
        return run.id


def sha_of(text: str) -> str:
    """A believable commit id for a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

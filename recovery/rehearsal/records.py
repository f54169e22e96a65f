"""The facts a local GitHub keeps: frozen records of runs, jobs, artifacts, caches, pull requests and comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FAILED_CONCLUSIONS = frozenset({"failure", "cancelled", "timed_out"})
MAXIMUM_RERUNS = 50
RERUN_WINDOW_DAYS = 30
RECOVERY_EVENTS = frozenset({"workflow_run", "schedule", "workflow_dispatch"})
MAXIMUM_COMMENT_LENGTH = 65_536


@dataclass(frozen=True, kw_only=True)
class TimelineEvent:
    """One thing that happened in the rehearsal, told for people."""

    at: datetime
    kind: str
    run_id: int | None
    attempt: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class User:
    """An account as the REST API shows it."""

    login: str
    id: int
    type: str = "User"


OCTOCAT = User(login="octocat", id=583231)
ACTIONS_BOT = User(login="github-actions[bot]", id=41898282, type="Bot")


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One workflow file of the default branch."""

    id: int
    name: str
    path: str
    text: str
    created_at: datetime

    @property
    def file(self) -> str:
        """The file's name, as the dispatch endpoint takes it."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a job."""

    name: str
    number: int
    status: str = "completed"
    conclusion: str | None = "success"
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of one attempt; `key` is its name in the workflow file, which the REST API does not show."""

    id: int
    run_id: int
    attempt: int
    key: str
    name: str
    needs: tuple[str, ...] = ()
    status: str = "queued"
    conclusion: str | None = None
    steps: tuple[Step, ...] = ()
    log: str = ""
    labels: tuple[str, ...] = ("ubuntu-latest",)
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    carried_over: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a partial re-run takes this job up again."""
        return self.conclusion in FAILED_CONCLUSIONS


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of a run."""

    number: int
    status: str
    conclusion: str | None
    triggering_actor: User
    started_at: datetime
    updated_at: datetime
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """One workflow run with all its attempts, oldest first."""

    id: int
    number: int
    workflow: Workflow
    event: str
    head_sha: str
    head_branch: str
    head_repository: str
    actor: User
    created_at: datetime
    display_title: str
    attempts: tuple[Attempt, ...]
    payload: Mapping[str, Any] = field(default_factory=dict)
    chain_level: int = 0

    @property
    def latest(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def ref(self) -> str:
        """The branch or tag that the run is of, by its full name."""
        return str(self.payload.get("ref") or f"refs/heads/{self.head_branch}")

    @property
    def is_completed(self) -> bool:
        """Whether the newest attempt has ended."""
        return self.latest.status == "completed"

    def attempt(self, number: int) -> Attempt | None:
        """The attempt of that number, if there is one."""
        return next((attempt for attempt in self.attempts if attempt.number == number), None)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One uploaded artifact; `content` is the zip itself, `spoiled` what is given out instead where it was damaged."""

    id: int
    name: str
    run_id: int
    attempt: int
    content: bytes
    spoiled: bytes | None = None
    digest: str
    created_at: datetime
    expires_at: datetime
    expired: bool = False
    head_repository: str
    head_branch: str
    head_sha: str

    @property
    def served(self) -> bytes:
        """What a download gives."""
        return self.content if self.spoiled is None else self.spoiled


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """One immutable cache entry of one scope (`ref`)."""

    id: int
    key: str
    version: str
    ref: str
    content: bytes
    created_at: datetime
    last_accessed_at: datetime


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One pull request."""

    number: int
    id: int
    title: str
    body: str | None = None
    state: str
    head_branch: str
    head_sha: str
    head_repository: str
    base_branch: str
    base_sha: str
    user: User
    created_at: datetime
    updated_at: datetime
    merged_at: datetime | None = None
    merge_commit: str | None = None
    """The commit by which it was merged."""
    draft: bool = False


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One comment of a pull request."""

    id: int
    issue_number: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Access:
    """One request the server received.

    `status` is what was sent (0: nothing), `carried_out` what GitHub itself would have answered when it carried the
    request out, and `fault` what was done to the answer. They differ only when something went wrong on purpose.
    """

    at: datetime
    method: str
    path: str
    status: int
    body: Any
    redirect: bool
    run_id: int | None
    phase: str = "plan"
    carried_out: int | None = None
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request that has just come in (or was just carried out), for those who want to interfere.

    `number` counts all requests of the world from 1; `process` finds the asking process (Linux only).
    """

    number: int
    method: str
    path: str
    phase: str
    run_id: int | None
    process: Callable[[], int | None]


@dataclass(frozen=True, kw_only=True)
class ScriptedJob:
    """What one job of a scripted attempt gives, without any runner.

    `steps` are pairs of name and conclusion; left out, a job has the three usual ones and fails in the middle.
    `log` is the log as GitHub would serve it. `needs` names other jobs by their `name` (the key, if given).
    """

    name: str
    conclusion: str | None = "success"
    status: str = "completed"
    steps: tuple[tuple[str, str], ...] | None = None
    log: str = ""
    key: str | None = None
    needs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("ubuntu-latest",)

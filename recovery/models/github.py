"""GitHub's own things, reduced to the facts that recovery reads."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from recovery.models.record import Moment, Record

FAILED_CONCLUSIONS = frozenset({"failure", "timed_out", "cancelled"})
"""Conclusions that "re-run failed jobs" takes up again."""


class Step(Record):
    """One step of a job; GitHub gives it a number, but neither its `id` nor its kind."""

    name: str
    number: int
    status: str
    conclusion: str | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None


class Job(Record):
    """One job of one attempt. `name` is the display name after matrix expansion."""

    id: int
    run_id: int
    run_attempt: int
    name: str
    status: str
    conclusion: str | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    runner_name: str | None = None
    html_url: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether "re-run failed jobs" would run this job again."""
        return self.conclusion in FAILED_CONCLUSIONS

    @property
    def failed_steps(self) -> tuple[Step, ...]:
        """The steps that failed; none when the runner was lost or the job was cancelled."""
        return tuple(step for step in self.steps if step.conclusion in {"failure", "timed_out"})


class Run(Record):
    """One workflow run as it stands in its latest attempt."""

    id: int
    repository: str
    workflow_name: str
    path: str
    """The workflow's file, `.github/workflows/ci.yml`."""
    event: str
    status: str
    conclusion: str | None = None
    run_attempt: int
    head_sha: str
    head_branch: str | None = None
    head_repository: str | None = None
    """`owner/name` of the head; None when a fork has been deleted."""
    created_at: Moment
    run_started_at: Moment | None = None
    triggering_actor: str = ""
    """Who started the latest attempt; empty when GitHub does not tell."""
    display_title: str = ""
    """What the run is called: its `run-name`, else a commit message or title."""
    html_url: str = ""

    @property
    def completed(self) -> bool:
        """Whether no job of the latest attempt can change any more."""
        return self.status == "completed"


class PullRequest(Record):
    """An open or closed pull request, with the commit at its head."""

    number: int
    state: str
    merged: bool = False
    """Whether it was merged; only told where one is asked for by its branch."""
    head_sha: str
    head_repository: str | None = None
    html_url: str = ""


class Artifact(Record):
    """An artifact in a repository's list; `run_id` is the run that made it."""

    id: int
    name: str
    size_in_bytes: int
    digest: str | None = None
    expired: bool = False
    created_at: Moment
    expires_at: Moment | None = None
    run_id: int
    repository_id: int
    head_repository_id: int
    head_branch: str | None = None
    """The branch that the run was on; None when GitHub does not tell."""


class Comment(Record):
    """A comment of a pull request; `author_type` is `Bot` for apps and GITHUB_TOKEN."""

    id: int
    body: str
    author: str
    author_type: str


class Tag(Record):
    """A tag, what it says, and the commit that it is at."""

    name: str
    """Without `tags/`."""
    commit: str
    message: str = ""
    """Empty where the tag is only a name for its commit."""


class Commit(Record):
    """A commit, its files as the id of their tree, and what it says."""

    sha: str
    tree: str
    message: str


class Deployment(Record):
    """A deployment of a commit to an environment; what it is for stands in its payload."""

    id: int
    sha: str
    environment: str
    payload: dict[str, Any] = Field(default_factory=dict)
    """Empty where GitHub gives something else than an object."""
    created_at: Moment

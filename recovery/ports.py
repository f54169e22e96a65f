"""What recovery needs from outside, as protocols: a store, a forge, a vault for checkpoints, a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO, Literal, Protocol

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import Reason, RecoveryHeader, RecoveryPlan
from recovery.models.events import Event
from recovery.models.github import Artifact, Comment, Commit, Deployment, Job, PullRequest, Run, Tag
from recovery.models.log import JobLog
from recovery.models.records import PipelineFailure, RecoveryState, WorkflowCheckpoint

Relation = Literal["ahead", "behind", "identical", "diverged"]
"""How one commit stands to another, as GitHub compares them."""

Admission = Callable[[tuple[RecoveryState, ...]], Reason | None]
"""Shown the recoveries of a run attempt, answers with the reason against one more, or None."""


class Clock(Protocol):
    """Time and chance, so that nothing inside reads either by itself."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def chance(self) -> float:
        """A number drawn evenly from [0, 1)."""
        ...

    def new_id(self) -> str:
        """A fresh identifier that sorts by time (a ULID, lower case)."""
        ...


class Store(Protocol):
    """The queryable view of everything recorded.

    Recording is folding: commutative, associative and idempotent. Any order, any duplicates, any split of the same
    events give the same rows. An event about a recovery whose failure is not known inserts a stub of that failure.
    """

    def record(self, events: Iterable[Event]) -> int:
        """Record events in one transaction; return how many were new."""
        ...

    def claim(self, header: RecoveryHeader, events: Iterable[Event], admit: Admission) -> Reason | None:
        """Record `events` if `admit`, shown the recoveries of the header's run attempt, gives no reason against it.

        Reading, asking and recording are one transaction that holds the write lock from its start. Returns the
        reason against, with nothing recorded, or None.
        """
        ...

    def failure(self, failure_id: str) -> PipelineFailure | None:
        """One failure by id; a stub (known only from a recovery's events) counts as unknown."""
        ...

    def failures_of(self, run_id: int, attempt: int) -> tuple[PipelineFailure, ...]:
        """The failures recorded for one attempt of a run, by job id."""
        ...

    def recovery(self, recovery_id: str) -> RecoveryState | None:
        """One recovery by id."""
        ...

    def recoveries_of(self, run_id: int, attempt: int) -> tuple[RecoveryState, ...]:
        """The recoveries recorded for one attempt of a run, oldest first."""
        ...

    def plan(self, recovery_id: str) -> RecoveryPlan | None:
        """The plan of a recovery, as it was written ahead."""
        ...

    def unfinished(self, repository: str) -> tuple[RecoveryState, ...]:
        """Recoveries that are `pending` or `in_progress`, oldest first."""
        ...

    def recoveries(self, repository: str | None = None, limit: int | None = None) -> tuple[RecoveryState, ...]:
        """Recoveries, newest first, of one repository or of all."""
        ...

    def rollbacks(self, repository: str) -> tuple[RecoveryState, ...]:
        """The recoveries of a repository that are rollbacks, all of them, newest first."""
        ...

    def checkpoint(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """One checkpoint by id."""
        ...

    def health_of(self, checkpoint_id: str) -> tuple[CheckpointHealth, str]:
        """The worst that is known of a checkpoint, and why; `unknown` where nothing is.

        One that was judged before its manifest came counts, too.
        """
        ...

    def checkpoints(self, repository: str | None = None, limit: int | None = None) -> tuple[WorkflowCheckpoint, ...]:
        """Checkpoints, newest first, of one repository or of all."""
        ...

    def folded(self, artifact_ids: Sequence[int]) -> frozenset[int]:
        """Which of these artifacts were folded in before (bookkeeping of this store, no fact)."""
        ...

    def mark_folded(self, artifact_ids: Sequence[int]) -> None:
        """Remember that these artifacts are folded in."""
        ...


class Forge(Protocol):
    """GitHub, as far as recovery needs it. Methods raise from `recovery.errors.ForgeError` only."""

    repository: str
    """`owner/name`"""

    @property
    def requests_left(self) -> int | None:
        """Requests that GitHub still answers within its current hour; None where it has not told."""
        ...

    def run(self, run_id: int) -> Run:
        """A run as it stands in its latest attempt."""
        ...

    def jobs(self, run_id: int, attempt: int) -> tuple[Job, ...]:
        """The jobs of one attempt."""
        ...

    def job_log(self, job_id: int) -> JobLog:
        """A job's log, streamed and bounded."""
        ...

    def pull_request_of(self, run: Run) -> PullRequest | None:
        """The pull request, open or closed, that a run belongs to, forks included; None when there is none."""
        ...

    def branch_head(self, branch: str) -> str | None:
        """The commit at a branch's head; None when the branch is gone."""
        ...

    def file_text(self, path: str, ref: str) -> str | None:
        """A text file of the repository at a commit; None when it is not there."""
        ...

    def rerun_failed_jobs(self, run_id: int) -> None:
        """Start the next attempt with the failed jobs and their dependents. Sent once, never repeated.

        Raises:
            RunActive: the run has not completed (or another re-run came first).
            ForgeRefused: GitHub said no; the hint names the `permissions:` line or setting.
            AmbiguousEffect: no clear answer; look at the run before anything else.
        """
        ...

    def runs_of_workflow(self, workflow_file: str, *, branch: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The newest runs of one workflow (`recovery.yml`), newest first; one request per 100."""
        ...

    def successful_runs(self, workflow_file: str, branch: str, *, before: datetime) -> tuple[Run, ...]:
        """The newest few runs of one workflow on a branch that succeeded and were created before then, newest first.

        One request. Runs of forks whose branch has the same name are among them.
        """
        ...

    def failed_runs(self, since: datetime, limit: int = 100) -> tuple[Run, ...]:
        """Runs of the repository created since then whose latest attempt failed or was cancelled, newest first."""
        ...

    def default_branch(self) -> str:
        """The repository's default branch."""
        ...

    def artifacts_named(self, name: str, since: datetime | None = None) -> tuple[Artifact, ...]:
        """The repository's artifacts of exactly this name, made since then, newest first."""
        ...

    def artifacts_since(self, since: datetime, limit: int = 500) -> tuple[Artifact, ...]:
        """The repository's own artifacts (not those of forks) made since then, newest first."""
        ...

    def artifacts_of_run(self, run_id: int) -> tuple[Artifact, ...]:
        """The artifacts of one run, of all its attempts that GitHub still shows, newest first; one request per 100."""
        ...

    def jobs_of_all_attempts(self, run_id: int) -> tuple[Job, ...]:
        """The jobs of every attempt of a run; one request per 100."""
        ...

    def download_artifact(self, artifact: Artifact, into: BinaryIO) -> None:
        """Stream an artifact's zip into an open file that can seek; when this returns, its digest is as recorded.

        Raises:
            ForgeRefused: it has expired, is gone, or is not what was uploaded.
        """
        ...

    def delete_artifact(self, artifact_id: int) -> None:
        """Delete an artifact; one that is gone already is no error."""
        ...

    def artifact_file(self, artifact: Artifact, name: str) -> bytes | None:
        """One file out of an artifact's zip, read in memory within a declared bound; None when it is not in it.

        Of a large artifact only the parts that hold the file are downloaded; its digest is not compared then.
        """
        ...

    def artifact_files(self, artifact: Artifact, ending: str) -> tuple[bytes, ...]:
        """Every file in an artifact's zip whose name ends so, in any case, read in memory within declared bounds."""
        ...

    def comments(self, issue: int) -> tuple[Comment, ...]:
        """The comments of a pull request, oldest first."""
        ...

    def create_comment(self, issue: int, body: str) -> Comment:
        """Write a comment on a pull request."""
        ...

    def update_comment(self, comment_id: int, body: str) -> Comment:
        """Replace a comment's text."""
        ...

    def may_act_as(self, login: str) -> bool:
        """Whether this forge may be acting as that account."""
        ...

    def owns(self, comment: Comment) -> bool:
        """Whether the comment was written by the identity this forge acts as."""
        ...


class Delivery(Protocol):
    """What rolling back needs of GitHub beyond `Forge`. Methods raise from `recovery.errors.ForgeError` only.

    Every effect is sent once, never repeated. `ForgeRefused` is a plain no, its hint names the `permissions:` line or
    setting; `AmbiguousEffect` means no clear answer: look before anything else.
    """

    def artifact(self, artifact_id: int) -> Artifact | None:
        """One artifact as it stands now; None when it is gone."""
        ...

    def compare(self, base: str, head: str) -> Relation | None:
        """How `head` (a commit or branch) stands to `base`; None when one of the two is unknown."""
        ...

    def reference(self, name: str) -> str | None:
        """What `tags/…` or `heads/…` points at, a commit or the object of a tag that says something; else None."""
        ...

    def create_reference(self, name: str, sha: str) -> bool:
        """Make `tags/…` or `heads/…` point at a commit; false when that name exists already, whatever it points at.

        Of two that ask at once, one is told true.
        """
        ...

    def create_tag(self, name: str, sha: str, message: str) -> bool:
        """Make the tag `name` (without `tags/`), which says `message`, at a commit; false when it exists already.

        Of two that ask at once, one is told true.
        """
        ...

    def tag(self, name: str) -> Tag | None:
        """A tag with what it says; None when there is none of that name."""
        ...

    def tags(self, prefix: str) -> tuple[str, ...]:
        """Names of all tags that begin with `prefix`; one request."""
        ...

    def delete_reference(self, name: str) -> None:
        """Delete a reference; one that is gone already is no error."""
        ...

    def dispatch_workflow(self, workflow_file: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        """Start a workflow at a branch or tag (its name without `refs/…`); the run's id where GitHub tells it."""
        ...

    def dispatched_runs(self, workflow_file: str, since: datetime) -> tuple[Run, ...]:
        """Runs of a workflow that were started by `workflow_dispatch` since then, newest first; one request."""
        ...

    def waiting_environments(self, run_id: int) -> tuple[str, ...]:
        """Names of the environments whose protection rules a run waits for."""
        ...

    def create_deployment(self, sha: str, environment: str, description: str, payload: Mapping[str, str]) -> Deployment:
        """Deploy a commit: nothing is merged into it, no status check is asked for."""
        ...

    def deployments(self, environment: str, limit: int = 30) -> tuple[Deployment, ...]:
        """The newest deployments to an environment, newest first; one request."""
        ...

    def deployment_state(self, deployment_id: int) -> str | None:
        """The latest status of a deployment (`queued`, `in_progress`, `success`, …); None while it has none."""
        ...

    def set_deployment_state(self, deployment_id: int, state: str, description: str) -> None:
        """Add a status to a deployment."""
        ...

    def commit(self, sha: str) -> Commit:
        """A commit with its tree and what it says."""
        ...

    def create_commit(self, message: str, tree: str, parents: Sequence[str]) -> str:
        """Make a commit of a tree that exists, on no branch yet; its id."""
        ...

    def pull_request_from(self, branch: str) -> PullRequest | None:
        """The newest pull request, open or closed, from a branch of this repository; None when there is none."""
        ...

    def merged_pull_request(self, sha: str) -> PullRequest | None:
        """The newest merged pull request that brought a commit to the default branch; None when there is none.

        One request. One of a fork counts, too; one that was merged elsewhere only where none was merged there.
        """
        ...

    def create_pull_request(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Propose a branch of this repository for `base`."""
        ...


class CheckpointVault(Protocol):
    """Where checkpoint manifests are put so that they outlive the process."""

    def put(self, checkpoint: WorkflowCheckpoint) -> str:
        """Write a checkpoint's manifest; return the manifest's digest (`sha256:…`)."""
        ...

    def get(self, checkpoint_id: str) -> WorkflowCheckpoint | None:
        """Read a checkpoint's manifest; None when this vault does not hold it."""
        ...

    def environment(self, names: Collection[str]) -> dict[str, str]:
        """The named variables as they are now; a variable that is not set is left out."""
        ...

    def digests(self, paths: Collection[str]) -> dict[str, str]:
        """Digest (`sha256:…`) of each file as it is now; a file that is missing is left out."""
        ...

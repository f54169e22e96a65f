"""The `Forge` port on GitHub's REST API, at the price of one request wherever GitHub asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO, TypeVar
from urllib.parse import quote, urlsplit

from recovery.adapters.github.address import checked_repository, checked_token, checked_url
from recovery.adapters.github.artifacts import Artifacts
from recovery.adapters.github.client import Client, Params
from recovery.adapters.github.convert import (
    Json,
    comment_from,
    default_branch_from,
    file_content_from,
    head_from,
    job_from,
    login_from,
    pull_request_from,
    run_from,
)
from recovery.adapters.github.downloads import Downloads
from recovery.adapters.github.request_log import RequestLog
from recovery.adapters.github.transport import CONNECT_SECONDS, READ_SECONDS, Timeouts, Transport
from recovery.errors import ForgeRefused
from recovery.models.github import FAILED_CONCLUSIONS, Artifact, Comment, Job, PullRequest, Run
from recovery.models.log import LOG_LIMIT, JobLog
from recovery.ports import Clock

BOT_SUFFIX = "[bot]"
_FEW_RUNS = 10
"""Runs that are listed where the newest fitting one is wanted: a run's description is long."""
T = TypeVar("T")
_APP_TOKEN_PREFIX = "ghs_"  # noqa: S105 - how every installation token starts, GITHUB_TOKEN among them


class GitHubForge:
    """One repository on GitHub, seen with one token.

    Raises:
        AuthenticationError: there is no token, or it is not one.
        InputError: the repository or the API's address cannot be understood.
    """

    def __init__(
        self,
        repository: str,
        token: str,
        *,
        clock: Clock,
        api_url: str = "https://api.github.com",
        request_log: RequestLog | None = None,
        patience_seconds: float = 60.0,
        log_limit: int = LOG_LIMIT,
        timeouts: Timeouts = (CONNECT_SECONDS, READ_SECONDS),
    ) -> None:
        repository = checked_repository(repository)
        api_url = checked_url(api_url)
        self.repository = repository
        self._api_url = api_url
        self._root = f"/repos/{repository}"
        self._log_limit = log_limit
        token = checked_token(token)
        self._acts_as_app = token.startswith(_APP_TOKEN_PREFIX)
        self._login: str | None = None
        log = request_log or RequestLog()
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(api_url))
        transport = Transport(origin, log, clock, patience_seconds=patience_seconds, timeouts=timeouts)
        self._client = Client(token, api_url, transport, clock)
        self._downloads = Downloads(log, clock, timeouts)
        self._artifacts = Artifacts(self._client, self._downloads, self._root)

    @property
    def client(self) -> Client:
        """What asks GitHub, for another adapter of the same repository: one token, one request log, one patience."""
        return self._client

    @property
    def requests_left(self) -> int | None:
        """Requests that GitHub still answers within its current hour, as its latest answer told."""
        return self._client.requests_left

    def __repr__(self) -> str:
        return f"GitHubForge({self.repository!r}, api_url={self._api_url!r})"

    def run(self, run_id: int) -> Run:
        """A run as it stands in its latest attempt; one request."""
        return self._client.read(run_from, "GET", f"{self._root}/actions/runs/{run_id}")

    def jobs(self, run_id: int, attempt: int) -> tuple[Job, ...]:
        """The jobs of one attempt; one request per 100."""
        path = f"{self._root}/actions/runs/{run_id}/attempts/{attempt}/jobs"
        return tuple(_flat(self._client.pages(job_from, path, under="jobs")))

    def jobs_of_all_attempts(self, run_id: int) -> tuple[Job, ...]:
        """The jobs of every attempt of a run; one request per 100."""
        path = f"{self._root}/actions/runs/{run_id}/jobs"
        return tuple(_flat(self._client.pages(job_from, path, {"filter": "all"}, under="jobs")))

    def job_log(self, job_id: int) -> JobLog:
        """A job's log, streamed and bounded; one request and one download."""
        url = self._client.location(f"{self._root}/actions/jobs/{job_id}/logs")
        return self._downloads.fetch(
            url, f"the log of job {job_id}", lambda chunks: JobLog.from_chunks(chunks, self._log_limit)
        )

    def pull_request_of(self, run: Run) -> PullRequest | None:
        """The pull request of a run's head branch, an open one before closed ones; one request.

        Its head may have moved on from the run's commit. It is looked up by `owner:branch`, because GitHub lists
        neither the pull requests of a fork's commits nor those of a fork's runs (platform facts §4).
        """
        if not run.head_repository or not run.head_branch:
            return None
        owner = run.head_repository.partition("/")[0]
        params: Params = {"state": "all", "head": f"{owner}:{run.head_branch}"}
        first = next(self._client.pages(pull_request_from, f"{self._root}/pulls", params))
        own = [pull for pull in first if _same(pull.head_repository, run.head_repository)]
        return max(
            own, key=lambda pull: (pull.state == "open", pull.head_sha == run.head_sha, pull.number), default=None
        )

    def branch_head(self, branch: str) -> str | None:
        """The commit at a branch's head; None when the branch is gone; one request."""
        return self._read_or_none(head_from, "git/ref/heads", branch)

    def file_text(self, path: str, ref: str) -> str | None:
        """A text file of the repository at a commit; None when it is not there; one request."""
        content = self._read_or_none(file_content_from, "contents", path, {"ref": ref})
        if content is None:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ForgeRefused(f"{path} at {ref} is not text in UTF-8") from error

    def rerun_failed_jobs(self, run_id: int) -> None:
        """Start the next attempt with the failed jobs and their dependents; sent once, never repeated."""
        self._client.ask("POST", f"{self._root}/actions/runs/{run_id}/rerun-failed-jobs", expect=201)

    def runs_of_workflow(self, workflow_file: str, *, branch: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """The newest runs of one workflow, newest first; one request per 100."""
        return self._runs(self._runs_path(workflow_file), {"branch": branch} if branch else {}, limit)

    def successful_runs(self, workflow_file: str, branch: str, *, before: datetime) -> tuple[Run, ...]:
        """The newest successful runs of one workflow on a branch, created before then; one request."""
        created = f"<{before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        params: Params = {"branch": branch, "status": "success", "created": created}
        pages = self._client.pages(
            run_from, self._runs_path(workflow_file), params, under="workflow_runs", size=_FEW_RUNS
        )
        return tuple(run for run in next(pages) if run.conclusion == "success")

    def failed_runs(self, since: datetime, limit: int = 100) -> tuple[Run, ...]:
        """Runs created since then whose latest attempt failed, newest first; one request per 100 and conclusion.

        GitHub filters by one conclusion at a time, and listing all completed runs would cost a busy repository more.
        """
        created = f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        found: dict[int, Run] = {}
        for conclusion in sorted(FAILED_CONCLUSIONS):
            params: Params = {"status": conclusion, "created": created}
            found |= {run.id: run for run in self._runs(f"{self._root}/actions/runs", params, limit)}
        failed = [run for run in found.values() if run.conclusion in FAILED_CONCLUSIONS]
        return tuple(sorted(failed, key=lambda run: (run.created_at, run.id), reverse=True)[:limit])

    def default_branch(self) -> str:
        """The repository's default branch; one request."""
        return self._client.read(default_branch_from, "GET", self._root)

    def artifacts_named(self, name: str, since: datetime | None = None) -> tuple[Artifact, ...]:
        """The repository's artifacts of exactly this name, newest first; one request per 100, up to the first older."""
        return self._artifacts.named(name, since)

    def artifacts_since(self, since: datetime, limit: int = 500) -> tuple[Artifact, ...]:
        """The repository's own artifacts made since then, newest first; one request per 100, up to the first older."""
        return self._artifacts.since(since, limit)

    def artifacts_of_run(self, run_id: int) -> tuple[Artifact, ...]:
        """The artifacts of one run, of all its attempts that GitHub still shows, newest first; one request per 100."""
        return self._artifacts.of_run(run_id)

    def artifact_file(self, artifact: Artifact, name: str) -> bytes | None:
        """One file out of an artifact's zip, read in memory within bounds; one request and one download.

        Nothing is requested for an artifact that is known to have expired. Of a large one, only the parts that hold
        the file are downloaded, three or four; its digest is not compared then.
        """
        return self._artifacts.file(artifact, name)

    def artifact_files(self, artifact: Artifact, ending: str) -> tuple[bytes, ...]:
        """Every file in an artifact's zip whose name ends so, read in memory within bounds; one request, one download.

        Raises:
            ForgeRefused: the artifact has expired, is gone, or is larger than what is read.
            ArtifactDamaged: it is not what was uploaded, or no zip that is read.
        """
        return self._artifacts.files(artifact, ending)

    def download_artifact(self, artifact: Artifact, into: BinaryIO) -> None:
        """Stream an artifact's zip into an open file that can seek; one request and one download.

        The file is emptied first. When this returns, what is in it has the digest that GitHub recorded, if it did.

        Raises:
            ForgeRefused: the artifact has expired, is gone, or is larger than what is downloaded.
            ArtifactDamaged: it is not what was uploaded.
            OSError: the file cannot be written.
        """
        self._artifacts.download(artifact, into)

    def delete_artifact(self, artifact_id: int) -> None:
        """Delete an artifact; one that is gone already is no error; one request."""
        self._artifacts.delete(artifact_id)

    def comments(self, issue: int) -> tuple[Comment, ...]:
        """The comments of a pull request, oldest first; one request per 100."""
        return tuple(_flat(self._client.pages(comment_from, f"{self._root}/issues/{issue}/comments")))

    def create_comment(self, issue: int, body: str) -> Comment:
        """Write a comment on a pull request; sent once."""
        path = f"{self._root}/issues/{issue}/comments"
        return self._client.read(comment_from, "POST", path, body={"body": body}, expect=201)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        """Replace a comment's text; sent once."""
        return self._client.read(
            comment_from, "PATCH", f"{self._root}/issues/comments/{comment_id}", body={"body": body}
        )

    def owns(self, comment: Comment) -> bool:
        """Whether the comment was written by the identity this forge acts as.

        An installation token (`ghs_…`, a job's GITHUB_TOKEN among them) cannot ask who it is, so that any Bot counts:
        `github-actions[bot]`, or the bot of another App. Nobody can write as a Bot without an App that is installed in
        the repository, and GitHub refuses to change another App's comment. A person's token asks GitHub, once.
        """
        if self._acts_as_app:
            return comment.author_type == "Bot"
        return self.may_act_as(comment.author)

    def may_act_as(self, login: str) -> bool:
        """Whether this forge may be acting as that account; an installation token may be any bot's."""
        if self._acts_as_app:
            return login.endswith(BOT_SUFFIX)
        if self._login is None:
            self._login = self._client.read(login_from, "GET", "/user")
        return _same(login, self._login)

    def _read_or_none(
        self, convert: Callable[[Json], T | None], kind: str, name: str, params: Params | None = None
    ) -> T | None:
        # A `..` would be resolved on the way and ask for something else; no branch or file is named so.
        if any(part in {"", ".", ".."} for part in name.split("/")):
            return None
        try:
            return self._client.read(convert, "GET", f"{self._root}/{kind}/{quote(name, safe='/')}", params)
        except ForgeRefused as error:
            if error.status == 404:
                return None
            raise

    def _runs_path(self, workflow_file: str) -> str:
        if workflow_file in {"", ".", ".."}:
            raise ForgeRefused(f"{workflow_file!r} is not the name of a workflow file", status=404)
        return f"{self._root}/actions/workflows/{quote(workflow_file, safe='')}/runs"

    def _runs(self, path: str, params: Params, limit: int) -> tuple[Run, ...]:
        found: list[Run] = []
        for page in self._client.pages(run_from, path, params, under="workflow_runs"):
            found += page
            if len(found) >= limit:
                break
        return tuple(found[:limit])


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _flat(pages: Iterator[list[T]]) -> Iterator[T]:
    for page in pages:
        yield from page

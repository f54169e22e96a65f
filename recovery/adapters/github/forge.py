"""The `Forge` port on GitHub's REST API, at the price of one request wherever GitHub asks for one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar
from urllib.parse import quote, urljoin, urlsplit

from recovery.adapters.github.address import checked_repository, checked_token, checked_url
from recovery.adapters.github.archive import BadArchive, member
from recovery.adapters.github.client import Client, Params
from recovery.adapters.github.convert import (
    Json,
    artifact_from,
    comment_from,
    default_branch_from,
    file_content_from,
    head_from,
    job_from,
    login_from,
    pull_request_from,
    run_from,
)
from recovery.adapters.github.downloads import Chunks, Downloads
from recovery.adapters.github.request_log import RequestLog
from recovery.adapters.github.transport import CONNECT_SECONDS, READ_SECONDS, Timeouts, Transport
from recovery.errors import ForgeRefused
from recovery.models.github import FAILED_CONCLUSIONS, Artifact, Comment, Job, PullRequest, Run
from recovery.models.log import LOG_LIMIT, JobLog
from recovery.ports import Clock

ZIP_LIMIT = 32 * 1024 * 1024
"""Bytes of an artifact's zip that are taken into memory."""

MOST_ARTIFACT_PAGES = 20
"""Pages of the repository's artifacts read in one search."""

BOT_SUFFIX = "[bot]"
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

    def __repr__(self) -> str:
        return f"GitHubForge({self.repository!r}, api_url={self._api_url!r})"

    def run(self, run_id: int) -> Run:
        """A run as it stands in its latest attempt; one request."""
        return self._client.read(run_from, "GET", f"{self._root}/actions/runs/{run_id}")

    def jobs(self, run_id: int, attempt: int) -> tuple[Job, ...]:
        """The jobs of one attempt; one request per 100."""
        path = f"{self._root}/actions/runs/{run_id}/attempts/{attempt}/jobs"
        return tuple(_flat(self._client.pages(job_from, path, under="jobs")))

    def job_log(self, job_id: int) -> JobLog:
        """A job's log, streamed and bounded; one request and one download."""
        return self._download(
            f"{self._root}/actions/jobs/{job_id}/logs",
            f"the log of job {job_id}",
            lambda chunks: JobLog.from_chunks(chunks, self._log_limit),
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
        if workflow_file in {"", ".", ".."}:
            raise ForgeRefused(f"{workflow_file!r} is not the name of a workflow file", status=404)
        path = f"{self._root}/actions/workflows/{quote(workflow_file, safe='')}/runs"
        return self._runs(path, {"branch": branch} if branch else {}, limit)

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
        pages = self._artifact_pages(since, {"name": name})
        return _newest_first(artifact for artifact in _flat(pages) if artifact.name == name)

    def artifacts_since(self, since: datetime, limit: int = 500) -> tuple[Artifact, ...]:
        """The repository's artifacts made since then, newest first; one request per 100, up to the first older one.

        Artifacts of forks are left out and do not count, but pages are: a crowd of them ends the search.
        """
        found: list[Artifact] = []
        for page in islice(self._artifact_pages(since), MOST_ARTIFACT_PAGES):
            found += [artifact for artifact in page if artifact.repository_id == artifact.head_repository_id]
            if len(found) >= limit:
                break
        return _newest_first(found)[:limit]

    def _artifact_pages(self, since: datetime | None, params: Params | None = None) -> Iterator[list[Artifact]]:
        """Pages of artifacts made since then, newest first, each requested when it is taken."""
        for page in self._client.pages(artifact_from, f"{self._root}/actions/artifacts", params, under="artifacts"):
            known = [artifact for artifact in page if artifact is not None]
            yield [artifact for artifact in known if since is None or artifact.created_at >= since]
            if since is not None and known and known[-1].created_at < since:
                return

    def artifact_file(self, artifact: Artifact, name: str) -> bytes | None:
        """One file out of an artifact's zip, read in memory within bounds; one request and one download.

        Nothing is requested for an artifact that is known to have expired or to be too large.
        """
        what = f"artifact {artifact.name!r} (id {artifact.id})"
        if artifact.expired:
            raise ForgeRefused(f"{what} has expired", hint="raise `retention-days` where it is uploaded", status=410)
        if artifact.size_in_bytes > ZIP_LIMIT:
            raise _too_large(what)
        path = f"{self._root}/actions/artifacts/{artifact.id}/zip"
        content = self._download(path, what, lambda chunks: _bounded(chunks, what))
        if artifact.digest and artifact.digest.startswith("sha256:"):
            found = f"sha256:{hashlib.sha256(content).hexdigest()}"
            if found != artifact.digest.lower():
                raise ForgeRefused(f"{what} is not what was uploaded: {artifact.digest} expected, {found} found")
        try:
            return member(content, name)
        except BadArchive as error:
            raise ForgeRefused(f"{what} was not read: {error}") from error

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

    def _runs(self, path: str, params: Params, limit: int) -> tuple[Run, ...]:
        found: list[Run] = []
        for page in self._client.pages(run_from, path, params, under="workflow_runs"):
            found += page
            if len(found) >= limit:
                break
        return tuple(found[:limit])

    def _download(self, path: str, what: str, consume: Callable[[Chunks], T]) -> T:
        answer = self._client.ask("GET", path, expect=302)
        location = answer.headers.get("location", "")
        return self._downloads.fetch(urljoin(self._api_url, location), what, consume)


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _flat(pages: Iterator[list[T]]) -> Iterator[T]:
    for page in pages:
        yield from page


def _newest_first(artifacts: Iterator[Artifact] | list[Artifact]) -> tuple[Artifact, ...]:
    return tuple(sorted(artifacts, key=lambda artifact: (artifact.created_at, artifact.id), reverse=True))


def _bounded(chunks: Chunks, what: str) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > ZIP_LIMIT:
            raise _too_large(what)
    return bytes(content)


def _too_large(what: str) -> ForgeRefused:
    return ForgeRefused(f"{what} is larger than the {ZIP_LIMIT // 1024 // 1024} MB that are read")

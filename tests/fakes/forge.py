"""A forge in memory; the contract suite keeps it as strict as GitHub."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import BinaryIO, TypeVar

from recovery.errors import ArtifactDamaged, ForgeError, ForgeRefused, RunActive
from recovery.models.github import FAILED_CONCLUSIONS, Artifact, Comment, Job, PullRequest, Run
from recovery.models.log import JobLog
from tests.builders import REPOSITORY

T = TypeVar("T", Run, Artifact)
K = TypeVar("K")
V = TypeVar("V")
ME = "github-actions[bot]"
_CARRIED = 100_000
"""What is added to a job's id when the next attempt repeats it."""


class FakeForge:
    """Holds what it is given, records every call in `calls`, and fails where `fail` says so.

    A re-run leaves the run active in its next attempt, until `complete` is called. The next attempt's jobs are those
    of `script_attempt`, or else the failed ones succeed.
    """

    def __init__(self, repository: str = REPOSITORY) -> None:
        self.repository = repository
        self.calls: list[tuple[object, ...]] = []
        self.workflows: set[str] = {"recovery.yml"}
        self.branches: dict[str, str] = {"main": "f" * 40}
        self.files: dict[tuple[str, str], str] = {}
        self.pull_requests: list[tuple[PullRequest, str]] = []
        self.artifacts: dict[int, tuple[Artifact, Mapping[str, bytes]]] = {}
        self.threads: dict[int, list[Comment]] = {}
        self._runs: dict[int, Run] = {}
        self._jobs: dict[tuple[int, int], tuple[Job, ...]] = {}
        self._scripts: dict[int, list[tuple[Job, ...]]] = {}
        self.logs: dict[int, bytes] = {}
        self.requests_left: int | None = None
        self._faults: dict[tuple[str, int], ForgeError] = {}
        self._late_faults: dict[tuple[str, int], ForgeError] = {}
        self._lock = threading.Lock()

    def add_run(self, run: Run, jobs: Iterable[Job] = (), logs: Mapping[int, bytes | str] | None = None) -> None:
        """Hold a run with the jobs of its attempt, and logs by job id."""
        self._runs[run.id] = run
        self._jobs[run.id, run.run_attempt] = tuple(jobs)
        self.workflows.add(run.path.rpartition("/")[2])
        self.logs |= {job: log.encode() if isinstance(log, str) else log for job, log in (logs or {}).items()}

    def script_attempt(self, run_id: int, jobs: Iterable[Job]) -> None:
        """Say which jobs the run's next attempt will have; call again for the one after."""
        self._scripts.setdefault(run_id, []).append(tuple(jobs))

    def complete(self, run_id: int, conclusion: str | None = None) -> Run:
        """End the run's latest attempt; without a conclusion, it fails if one of its jobs does."""
        run = self._runs[run_id]
        failed = any(job.failed for job in self._jobs[run_id, run.run_attempt])
        conclusion = conclusion or ("failure" if failed else "success")
        self._runs[run_id] = run.model_copy(update={"status": "completed", "conclusion": conclusion})
        return self._runs[run_id]

    def add_pull_request(self, pull: PullRequest, branch: str) -> None:
        """Hold a pull request whose head is `branch` of its head repository."""
        self.pull_requests.append((pull, branch))
        self.threads.setdefault(pull.number, [])

    def fail(self, method: str, error: ForgeError, *, call: int = 1, after_effect: bool = False) -> None:
        """Raise `error` at the given call of a method (the first is 1); a re-run may take effect all the same."""
        (self._late_faults if after_effect else self._faults)[method, call] = error

    def called(self, method: str) -> int:
        """How often a method was called."""
        return sum(call[0] == method for call in self.calls)

    def run(self, run_id: int) -> Run:
        self._call("run", run_id)
        return _known(self._runs, run_id, "run")

    def jobs(self, run_id: int, attempt: int) -> tuple[Job, ...]:
        self._call("jobs", run_id, attempt)
        return _known(self._jobs, (run_id, attempt), "attempt")

    def jobs_of_all_attempts(self, run_id: int) -> tuple[Job, ...]:
        self._call("jobs_of_all_attempts", run_id)
        _known(self._runs, run_id, "run")
        attempts = sorted(attempt for run, attempt in self._jobs if run == run_id)
        return tuple(job for attempt in attempts for job in self._jobs[run_id, attempt])

    def job_log(self, job_id: int) -> JobLog:
        self._call("job_log", job_id)
        return JobLog.from_chunks([_known(self.logs, job_id, "log")])

    def pull_request_of(self, run: Run) -> PullRequest | None:
        self._call("pull_request_of", run.id)
        if run.head_repository is None:
            return None
        head = (run.head_repository, run.head_branch)
        own = [pull for pull, branch in self.pull_requests if (pull.head_repository, branch) == head]
        return max(own, key=lambda it: (it.state == "open", it.head_sha == run.head_sha, it.number), default=None)

    def branch_head(self, branch: str) -> str | None:
        self._call("branch_head", branch)
        return self.branches.get(branch)

    def file_text(self, path: str, ref: str) -> str | None:
        self._call("file_text", path, ref)
        return self.files.get((path, ref))

    def rerun_failed_jobs(self, run_id: int) -> None:
        self._call("rerun_failed_jobs", run_id)
        number = self.called("rerun_failed_jobs")
        with self._lock:
            run = _known(self._runs, run_id, "run")
            if not run.completed:
                raise RunActive(f"run {run_id} has not completed", status=403)
            if not any(job.failed for job in self._jobs[run_id, run.run_attempt]):
                raise ForgeRefused(f"run {run_id} has no failed job", status=403)
            active = {"status": "in_progress", "conclusion": None, "run_attempt": run.run_attempt + 1}
            self._runs[run_id] = run.model_copy(update=active)
        scripted = self._scripts.get(run_id)
        self._jobs[run_id, run.run_attempt + 1] = scripted.pop(0) if scripted else self._carried(run)
        if late := self._late_faults.get(("rerun_failed_jobs", number)):
            raise late

    def runs_of_workflow(self, workflow_file: str, *, branch: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        self._call("runs_of_workflow", workflow_file, branch, limit)
        if workflow_file not in self.workflows:
            raise ForgeRefused(f"no such workflow: {workflow_file}", status=404)
        found = [run for run in self._runs.values() if run.path.rpartition("/")[2] == workflow_file]
        return _newest(run for run in found if branch in {None, run.head_branch})[:limit]

    def successful_runs(self, workflow_file: str, branch: str, *, before: datetime) -> tuple[Run, ...]:
        self._call("successful_runs", workflow_file, branch)
        if workflow_file not in self.workflows:
            raise ForgeRefused(f"no such workflow: {workflow_file}", status=404)
        found = (run for run in self._runs.values() if run.path.rpartition("/")[2] == workflow_file)
        green = [run for run in found if run.completed and run.conclusion == "success"]
        return _newest(run for run in green if run.head_branch == branch and run.created_at < before)[:10]

    def failed_runs(self, since: datetime, limit: int = 100) -> tuple[Run, ...]:
        self._call("failed_runs", since, limit)
        found = [run for run in self._runs.values() if run.conclusion in FAILED_CONCLUSIONS]
        return _newest(run for run in found if run.created_at >= since)[:limit]

    def default_branch(self) -> str:
        self._call("default_branch")
        return "main"

    def artifacts_named(self, name: str, since: datetime | None = None) -> tuple[Artifact, ...]:
        self._call("artifacts_named", name)
        named = [artifact for artifact, _ in self.artifacts.values() if artifact.name == name]
        return _newest(artifact for artifact in named if since is None or artifact.created_at >= since)

    def artifacts_since(self, since: datetime, limit: int = 500) -> tuple[Artifact, ...]:
        self._call("artifacts_since", since, limit)
        own = [held for held, _ in self.artifacts.values() if held.head_repository_id == held.repository_id]
        return _newest(artifact for artifact in own if artifact.created_at >= since)[:limit]

    def artifacts_of_run(self, run_id: int) -> tuple[Artifact, ...]:
        self._call("artifacts_of_run", run_id)
        _known(self._runs, run_id, "run")
        return _newest(artifact for artifact, _ in self.artifacts.values() if artifact.run_id == run_id)

    def download_artifact(self, artifact: Artifact, into: BinaryIO) -> None:
        self._call("download_artifact", artifact.id)
        content = zip_of(self._content_of(artifact))
        into.seek(0)
        into.truncate()
        into.write(content)
        into.flush()
        if artifact.digest is not None and artifact.digest != digest_of(content):
            raise ArtifactDamaged(f"artifact {artifact.id} is not what was uploaded")

    def delete_artifact(self, artifact_id: int) -> None:
        self._call("delete_artifact", artifact_id)
        self.artifacts.pop(artifact_id, None)

    def artifact_file(self, artifact: Artifact, name: str) -> bytes | None:
        self._call("artifact_file", artifact.id, name)
        return self._content_of(artifact).get(name)

    def artifact_files(self, artifact: Artifact, ending: str) -> tuple[bytes, ...]:
        self._call("artifact_files", artifact.id, ending)
        held = self._content_of(artifact).items()
        return tuple(content for name, content in held if name.casefold().endswith(ending))

    def comments(self, issue: int) -> tuple[Comment, ...]:
        self._call("comments", issue)
        return tuple(_known(self.threads, issue, "pull request"))

    def create_comment(self, issue: int, body: str) -> Comment:
        self._call("create_comment", issue, body)
        number = 1 + max((known.id for thread in self.threads.values() for known in thread), default=0)
        comment = Comment(id=number, body=body, author=ME, author_type="Bot")
        _known(self.threads, issue, "pull request").append(comment)
        return comment

    def update_comment(self, comment_id: int, body: str) -> Comment:
        self._call("update_comment", comment_id, body)
        for thread in self.threads.values():
            for position, comment in enumerate(thread):
                if comment.id == comment_id:
                    thread[position] = comment.model_copy(update={"body": body})
                    return thread[position]
        raise ForgeRefused(f"no such comment: {comment_id}", status=404)

    def may_act_as(self, login: str) -> bool:
        return login.endswith("[bot]")

    def owns(self, comment: Comment) -> bool:
        self._call("owns", comment.id)
        return comment.author_type == "Bot"

    def _call(self, method: str, *arguments: object) -> None:
        self.calls.append((method, *arguments))
        if fault := self._faults.get((method, self.called(method))):
            raise fault

    def _content_of(self, artifact: Artifact) -> Mapping[str, bytes]:
        if artifact.expired:
            raise ForgeRefused(f"artifact {artifact.id} has expired", status=410)
        return _known(self.artifacts, artifact.id, "artifact")[1]

    def _carried(self, run: Run) -> tuple[Job, ...]:
        return tuple(
            job.model_copy(
                update={"id": job.id + _CARRIED, "run_attempt": run.run_attempt + 1}
                | ({"conclusion": "success", "steps": ()} if job.failed else {})
            )
            for job in self._jobs[run.id, run.run_attempt]
        )


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def digest_of(content: bytes) -> str:
    """The digest of a zip, as GitHub records it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _newest(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True))


def _known(held: Mapping[K, V], key: K, what: str) -> V:
    if key not in held:
        raise ForgeRefused(f"no such {what}: {key}", status=404)
    return held[key]

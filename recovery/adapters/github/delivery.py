"""The `Delivery` port on GitHub's REST API: what rolling back asks of it, each effect sent once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

from recovery.adapters.github.answer import Answer
from recovery.adapters.github.client import Client
from recovery.adapters.github.convert import (
    Json,
    artifact_from,
    commit_from,
    deployment_from,
    deployment_status_from,
    dispatched_run_from,
    environments_from,
    head_from,
    merge_from,
    object_id_from,
    pointee_from,
    pull_request_from,
    relation_from,
    run_from,
    tag_names_from,
    tag_object_from,
)
from recovery.errors import ForgeRefused, ForgeUnavailable
from recovery.models.github import Artifact, Commit, Deployment, PullRequest, Run, Tag
from recovery.ports import Relation

LONGEST_DESCRIPTION = 140
"""Characters of a description of a deployment or of its status."""

_GONE = frozenset({404, 410})
_UNKNOWN_KEY = re.compile(r"return_run_details|permitted key|additional propert", re.IGNORECASE)
_MORE = re.compile(r'rel="?next\b')
T = TypeVar("T")


class GitHubDelivery:
    """One repository on GitHub, seen through a forge's client."""

    def __init__(self, repository: str, client: Client) -> None:
        self._owner = repository.partition("/")[0]
        self._repository = repository
        self._root = f"/repos/{repository}"
        self._client = client

    def artifact(self, artifact_id: int) -> Artifact | None:
        """One artifact as it stands now; None when it is gone; one request."""
        return self._read_or_none(artifact_from, f"actions/artifacts/{artifact_id}")

    def compare(self, base: str, head: str) -> Relation | None:
        """How `head` stands to `base`; None when one of the two is unknown, or they have no commit in common."""
        if not (_is_name(base) and _is_name(head)):
            return None
        return self._read_or_none(relation_from, f"compare/{quote(base)}...{quote(head)}", {"per_page": 1})

    def reference(self, name: str) -> str | None:
        """The object that `tags/…` or `heads/…` points at; None when there is no such reference; one request.

        For a branch it is a commit; for a tag that says something it is the tag object: ask `tag` for its commit.
        """
        return self._read_or_none(head_from, f"git/ref/{quote(name)}") if _is_name(name) else None

    def create_reference(self, name: str, sha: str) -> bool:
        """Make `tags/…` or `heads/…` point at a commit; false when that name exists already; sent once."""
        body = {"ref": f"refs/{name}", "sha": sha}
        try:
            self._client.ask("POST", f"{self._root}/git/refs", body=body, expect=201)
        except ForgeRefused as error:
            if error.status == 422 and "already exists" in error.message:
                return False
            raise
        return True

    def create_tag(self, name: str, sha: str, message: str) -> bool:
        """Make a tag, which says `message`, at a commit; false when its name is taken; two requests, each sent once.

        The first makes an object that nothing leads to yet. The second gives it its name, which only one can have.
        """
        body = {"tag": name, "message": message, "object": sha, "type": "commit"}
        made = self._client.read(object_id_from, "POST", f"{self._root}/git/tags", body=body, expect=201)
        return self.create_reference(f"tags/{name}", made)

    def tag(self, name: str) -> Tag | None:
        """A tag with what it says; None when there is none; one request, and one more if it says something.

        A tag that is not at a commit but at another tag, a tree or a file is not one of ours: that object stands for
        its commit, and what it says is left out, so that nobody takes it for a claim.
        """
        found = self._read_or_none(pointee_from, f"git/ref/tags/{quote(name)}") if _is_name(name) else None
        if found is None:
            return None
        kind, sha = found
        if kind != "tag":
            return Tag(name=name, commit=sha)
        path = f"{self._root}/git/tags/{quote(sha, safe='')}"
        kind, sha, message = self._client.read(tag_object_from, "GET", path)
        return Tag(name=name, commit=sha, message=message if kind == "commit" else "")

    def tags(self, prefix: str) -> tuple[str, ...]:
        """Names of all tags that begin with `prefix`; one request.

        GitHub gives this list whole, whatever page is asked for (github/docs#3863). Should it ever come in parts, that
        is an error: a tag that is overlooked would be taken for one that is gone.
        """
        asked = f"tags/{prefix}".rstrip("/")
        if not _is_name(asked):
            return ()
        answer = self._client.ask("GET", f"{self._root}/git/matching-refs/{quote(asked)}")
        if _MORE.search(answer.headers.get("link", "")):
            raise ForgeUnavailable(
                f"{answer.named} was answered with a part of the tags only, all of them were expected",
                hint="delete the tags below it that nobody needs any more",
            )
        names = self._client.understood(tag_names_from, answer)
        return tuple(name for name in names if name.startswith(prefix))

    def delete_reference(self, name: str) -> None:
        """Delete a reference; one that is gone already is no error; sent once."""
        if not _is_name(name):
            raise ForgeRefused(f"{name!r} is not the name of a branch or tag", status=404)
        try:
            self._client.ask("DELETE", f"{self._root}/git/refs/{quote(name)}", expect=204)
        except ForgeRefused as error:
            if error.status not in {404, 422} or self.reference(name) is not None:
                raise

    def dispatch_workflow(self, workflow_file: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        """Start a workflow at a branch or tag; the run's id where GitHub tells it; sent once.

        A GitHub Enterprise Server that does not know `return_run_details` refuses it, which proves that nothing was
        started; then the request is sent once more without it.
        """
        body = {"ref": ref, "inputs": dict(inputs)}
        try:
            answer = self._dispatch(workflow_file, {**body, "return_run_details": True})
        except ForgeRefused as error:
            if error.status not in {400, 422} or not _UNKNOWN_KEY.search(error.message):
                raise
            answer = self._dispatch(workflow_file, body)
        return None if answer.status == 204 else self._client.understood(dispatched_run_from, answer)

    def _dispatch(self, workflow_file: str, body: Json) -> Answer:
        path = f"{self._workflow(workflow_file)}/dispatches"
        return self._client.ask("POST", path, body=body, expect=(200, 204))

    def dispatched_runs(self, workflow_file: str, since: datetime) -> tuple[Run, ...]:
        """Runs of a workflow that were started by `workflow_dispatch` since then, newest first; one request."""
        created = f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        params = {"event": "workflow_dispatch", "created": created}
        path = f"{self._workflow(workflow_file)}/runs"
        runs = next(self._client.pages(run_from, path, params, under="workflow_runs"))
        return tuple(sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True))

    def waiting_environments(self, run_id: int) -> tuple[str, ...]:
        """Names of the environments whose protection rules a run waits for; one request."""
        path = f"{self._root}/actions/runs/{run_id}/pending_deployments"
        return self._client.read(environments_from, "GET", path)

    def create_deployment(self, sha: str, environment: str, description: str, payload: Mapping[str, str]) -> Deployment:
        """Deploy a commit: nothing is merged into it, no status check is asked for; sent once."""
        body = {
            "ref": sha,
            "auto_merge": False,
            "required_contexts": [],
            "environment": environment,
            "description": description[:LONGEST_DESCRIPTION],
            "payload": dict(payload),
        }
        return self._client.read(deployment_from, "POST", f"{self._root}/deployments", body=body, expect=201)

    def deployments(self, environment: str, limit: int = 30) -> tuple[Deployment, ...]:
        """The newest deployments to an environment, newest first; one request."""
        params = {"environment": environment}
        found = next(self._client.pages(deployment_from, f"{self._root}/deployments", params))
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit])

    def deployment_state(self, deployment_id: int) -> str | None:
        """The latest status of a deployment; None while it has none; one request."""
        path = f"{self._root}/deployments/{deployment_id}/statuses"
        newest = max(next(self._client.pages(deployment_status_from, path)), default=None)
        return newest[1] if newest else None

    def set_deployment_state(self, deployment_id: int, state: str, description: str) -> None:
        """Add a status to a deployment, which changes no other deployment; sent once."""
        body = {"state": state, "description": description[:LONGEST_DESCRIPTION], "auto_inactive": False}
        path = f"{self._root}/deployments/{deployment_id}/statuses"
        self._client.ask("POST", path, body=body, expect=201)

    def commit(self, sha: str) -> Commit:
        """A commit with its tree and what it says; one request."""
        return self._client.read(commit_from, "GET", f"{self._root}/git/commits/{quote(sha, safe='')}")

    def create_commit(self, message: str, tree: str, parents: Sequence[str]) -> str:
        """Make a commit of a tree that exists, on no branch yet; its id; sent once."""
        body = {"message": message, "tree": tree, "parents": list(parents)}
        return self._client.read(object_id_from, "POST", f"{self._root}/git/commits", body=body, expect=201)

    def pull_request_from(self, branch: str) -> PullRequest | None:
        """The newest pull request, open or closed, from a branch of this repository; one request."""
        params = {"state": "all", "head": f"{self._owner}:{branch}"}
        found = next(self._client.pages(pull_request_from, f"{self._root}/pulls", params))
        own = [pull for pull in found if (pull.head_repository or "").casefold() == self._repository.casefold()]
        return max(own, key=lambda pull: pull.number, default=None)

    def merged_pull_request(self, sha: str) -> PullRequest | None:
        """The newest merged pull request that brought a commit to the default branch, of a fork or not; one request.

        Of a commit of the default branch GitHub lists that one only; one that was merged elsewhere is better than none.
        """
        if not _is_name(sha):
            return None
        found = next(self._client.pages(merge_from, f"{self._root}/commits/{quote(sha, safe='')}/pulls"))
        newest = max(filter(None, found), key=lambda merge: merge[:2], default=None)
        return newest.pull_request if newest else None

    def create_pull_request(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Propose a branch of this repository for `base`; sent once."""
        fields = {"head": branch, "base": base, "title": title, "body": body}
        return self._client.read(pull_request_from, "POST", f"{self._root}/pulls", body=fields, expect=201)

    def _workflow(self, workflow_file: str) -> str:
        if workflow_file in {"", ".", ".."}:
            raise ForgeRefused(f"{workflow_file!r} is not the name of a workflow file", status=404)
        return f"{self._root}/actions/workflows/{quote(workflow_file, safe='')}"

    def _read_or_none(
        self, convert: Callable[[Json], T | None], path: str, params: Mapping[str, int] | None = None
    ) -> T | None:
        try:
            return self._client.read(convert, "GET", f"{self._root}/{path}", params)
        except ForgeRefused as error:
            if error.status in _GONE:
                return None
            raise


def _is_name(name: str) -> bool:
    """Whether a name may stand in a path: a `..` would be resolved on the way and ask for something else."""
    return not any(part in {"", ".", ".."} for part in name.split("/"))

"""Records rendered as GitHub's REST JSON (API version 2022-11-28); every link is on the host that was asked."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from recovery.rehearsal.records import (
    OCTOCAT,
    Artifact,
    Attempt,
    CacheEntry,
    Comment,
    Job,
    PullRequest,
    Run,
    User,
    Workflow,
)
from recovery.rehearsal.world import World

Json = dict[str, Any]

_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers",
           "watchers_count")  # fmt: skip
_COUNTS_OF_ITSELF = ("network_count", "subscribers_count")
_LEFT_OUT_OF_EVENTS = frozenset({"archived", "default_branch", "disabled", "visibility"})
"""Keys that a run's own repositories have in the REST API, but not inside an event."""
_FEATURES = ("has_issues", "has_projects", "has_wiki", "has_pages", "has_discussions", "has_downloads")


class Shapes:
    """Renders the records of one world for one host (`base`)."""

    def __init__(self, world: World, base: str) -> None:
        self._world = world
        self._base = base
        self._name = world.repository.name
        self._api = f"{base}/repos/{self._name}"
        self._site = f"{base}/{self._name}"

    def user(self, user: User) -> Json:
        """An account."""
        return {
            "login": user.login, "id": user.id, "node_id": f"U_{user.id}", "type": user.type, "site_admin": False,
            "avatar_url": f"{self._base}/avatars/{user.id}", "gravatar_id": "",
            "url": f"{self._base}/users/{user.login}", "html_url": f"{self._base}/{user.login}",
            **{f"{name}_url": f"{self._base}/users/{user.login}/{name}" for name in (
                "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events",
                "received_events")},
        }  # fmt: skip

    def repository(self, full_name: str | None = None) -> Json:
        """A repository: this one, or a fork of it."""
        name = full_name or self._name
        owner, short = name.split("/", 1)
        api = f"{self._base}/repos/{name}"
        return {
            "id": repository_id(name), "node_id": f"R_{repository_id(name)}", "name": short, "full_name": name,
            "private": False, "owner": self.user(User(login=owner, id=repository_id(owner))),
            "html_url": f"{self._base}/{name}", "description": None, "fork": name != self._name, "url": api,
            "default_branch": self._world.repository.default_branch, "archived": False, "disabled": False,
            "visibility": "public",
            **{f"{word}_url": f"{api}/{word}" for word in (
                "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare",
                "contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs",
                "git_tags", "hooks", "issue_comment", "issue_events", "issues", "keys", "labels", "languages",
                "merges", "milestones", "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers",
                "subscription", "tags", "teams", "trees")},
        }  # fmt: skip

    def full_repository(self, full_name: str | None = None) -> Json:
        """A repository as pull requests show their ends', with what runs leave out of theirs."""
        brief = self.repository(full_name)
        site, at = brief["html_url"], stamp(self._world.began_at)
        return {
            **brief, **dict.fromkeys(_COUNTS, 0), **dict.fromkeys(_FEATURES, False),
            **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
            "clone_url": f"{site}.git", "git_url": f"{site}.git", "ssh_url": f"{site}.git", "svn_url": site,
            "created_at": at, "updated_at": at, "pushed_at": at,
        }  # fmt: skip

    def whole_repository(self) -> Json:
        """This repository as it shows itself."""
        return {**self.full_repository(), **dict.fromkeys(_COUNTS_OF_ITSELF, 0)}

    def run(self, run: Run, attempt: Attempt | None = None) -> Json:
        """A run as of one attempt (the newest if none is named)."""
        attempt = attempt or run.latest
        url = f"{self._api}/actions/runs/{run.id}"
        previous = f"{url}/attempts/{attempt.number - 1}" if attempt.number > 1 else None
        pulls = self._world.pulls.matching(run.head_branch, run.head_sha, run.head_repository)
        return {
            "id": run.id, "name": run.workflow.name, "node_id": f"WFR_{run.id}", "head_branch": run.head_branch,
            "head_sha": run.head_sha, "path": run.workflow.path, "display_title": run.display_title,
            "run_number": run.number, "event": run.event, "status": attempt.status, "conclusion": attempt.conclusion,
            "workflow_id": run.workflow.id, "check_suite_id": run.id + 1_000_000,
            "check_suite_node_id": f"CS_{run.id}", "url": url, "html_url": f"{self._site}/actions/runs/{run.id}",
            "pull_requests": [self.pull_reference(pull) for pull in pulls],
            "created_at": stamp(run.created_at), "updated_at": stamp(attempt.updated_at),
            "actor": self.user(run.actor), "run_attempt": attempt.number, "referenced_workflows": [],
            "run_started_at": stamp(attempt.started_at), "triggering_actor": self.user(attempt.triggering_actor),
            "jobs_url": f"{url}/jobs", "logs_url": f"{url}/logs",
            "check_suite_url": f"{self._api}/check-suites/{run.id + 1_000_000}",
            "artifacts_url": f"{url}/artifacts", "cancel_url": f"{url}/cancel", "rerun_url": f"{url}/rerun",
            "previous_attempt_url": previous,
            "workflow_url": f"{self._api}/actions/workflows/{run.workflow.id}",
            "head_commit": self.commit(run), "repository": self.repository(),
            "head_repository": self.repository(run.head_repository),
        }  # fmt: skip

    def commit(self, run: Run) -> Json:
        """A run's head commit."""
        person = {"name": run.actor.login, "email": f"{run.actor.login}@users.noreply.github.com"}
        return {"id": run.head_sha, "tree_id": run.head_sha, "message": run.display_title,
                "timestamp": stamp(run.created_at), "author": person, "committer": person}  # fmt: skip

    def job(self, run: Run, job: Job) -> Json:
        """A job; it has no key and its steps no id, as on GitHub."""
        url = f"{self._api}/actions/jobs/{job.id}"
        return {
            "id": job.id, "run_id": run.id, "workflow_name": run.workflow.name, "head_branch": run.head_branch,
            "run_url": f"{self._api}/actions/runs/{run.id}", "run_attempt": job.attempt, "node_id": f"CR_{job.id}",
            "head_sha": run.head_sha, "url": url, "html_url": f"{self._site}/actions/runs/{run.id}/job/{job.id}",
            "status": job.status, "conclusion": job.conclusion, "created_at": stamp(job.created_at),
            "started_at": stamp(job.started_at or job.created_at), "completed_at": stamp(job.completed_at),
            "name": job.name,
            "steps": [
                {"name": step.name, "status": step.status, "conclusion": step.conclusion, "number": step.number,
                 "started_at": stamp(step.started_at), "completed_at": stamp(step.completed_at)}
                for step in job.steps
            ],
            "check_run_url": f"{self._api}/check-runs/{job.id}", "labels": list(job.labels), "runner_id": 1,
            "runner_name": "rehearsal", "runner_group_id": 1, "runner_group_name": "rehearsal",
        }  # fmt: skip

    def completed_event(self, run: Run) -> Json:
        """The payload of `workflow_run` when an attempt has completed."""
        shown = self.run(run)
        for end in ("repository", "head_repository"):
            shown[end] = {key: value for key, value in shown[end].items() if key not in _LEFT_OUT_OF_EVENTS}
        return {
            "action": "completed", "workflow_run": shown, "workflow": self.workflow(run.workflow),
            "repository": self.full_repository(), "sender": self.user(OCTOCAT),
        }  # fmt: skip

    def artifact(self, artifact: Artifact) -> Json:
        """An artifact; the attempt, job and actor it came from are not shown, as on GitHub."""
        url = f"{self._api}/actions/artifacts/{artifact.id}"
        return {
            "id": artifact.id, "node_id": f"A_{artifact.id}", "name": artifact.name,
            "size_in_bytes": len(artifact.content), "url": url, "archive_download_url": f"{url}/zip",
            "expired": artifact.expired, "digest": artifact.digest, "created_at": stamp(artifact.created_at),
            "updated_at": stamp(artifact.created_at), "expires_at": stamp(artifact.expires_at),
            "workflow_run": {
                "id": artifact.run_id, "repository_id": repository_id(self._name),
                "head_repository_id": repository_id(artifact.head_repository),
                "head_branch": artifact.head_branch, "head_sha": artifact.head_sha,
            },
        }  # fmt: skip

    def cache(self, entry: CacheEntry) -> Json:
        """A cache entry."""
        return {
            "id": entry.id, "ref": entry.ref, "key": entry.key, "version": entry.version,
            "last_accessed_at": stamp(entry.last_accessed_at), "created_at": stamp(entry.created_at),
            "size_in_bytes": len(entry.content),
        }  # fmt: skip

    def workflow(self, workflow: Workflow) -> Json:
        """A workflow file."""
        at = stamp(workflow.created_at)
        return {
            "id": workflow.id, "node_id": f"W_{workflow.id}", "name": workflow.name, "path": workflow.path,
            "state": "active", "created_at": at, "updated_at": at,
            "url": f"{self._api}/actions/workflows/{workflow.id}",
            "html_url": f"{self._site}/blob/{self._world.repository.default_branch}/{workflow.path}",
            "badge_url": f"{self._site}/workflows/{workflow.file}/badge.svg",
        }  # fmt: skip

    def comment(self, comment: Comment) -> Json:
        """A comment of a pull request."""
        return {
            "id": comment.id, "node_id": f"IC_{comment.id}", "body": comment.body, "user": self.user(comment.user),
            "url": f"{self._api}/issues/comments/{comment.id}",
            "html_url": f"{self._site}/pull/{comment.issue_number}#issuecomment-{comment.id}",
            "issue_url": f"{self._api}/issues/{comment.issue_number}",
            "created_at": stamp(comment.created_at), "updated_at": stamp(comment.updated_at),
            "author_association": "NONE", "performed_via_github_app": None,
        }  # fmt: skip

    def pull_reference(self, pull: PullRequest) -> Json:
        """A pull request as a run refers to it."""

        def end(branch: str, sha: str, name: str) -> Json:
            return {"ref": branch, "sha": sha, "repo": {"id": repository_id(name), "name": name.split("/")[1],
                    "url": f"{self._base}/repos/{name}"}}  # fmt: skip

        return {"id": pull.id, "number": pull.number, "url": f"{self._api}/pulls/{pull.number}",
                "head": end(pull.head_branch, pull.head_sha, pull.head_repository),
                "base": end(pull.base_branch, pull.base_sha, self._name)}  # fmt: skip

    def pull(self, pull: PullRequest) -> Json:
        """A whole pull request."""
        url, issue = f"{self._api}/pulls/{pull.number}", f"{self._api}/issues/{pull.number}"

        def end(branch: str, sha: str, name: str) -> Json:
            owner = name.split("/", maxsplit=1)[0]
            return {"label": f"{owner}:{branch}", "ref": branch, "sha": sha, "repo": self.full_repository(name),
                    "user": self.user(User(login=owner, id=repository_id(owner)))}  # fmt: skip

        closed = stamp(pull.updated_at) if pull.state == "closed" else None
        links = {
            "self": url, "html": f"{self._site}/pull/{pull.number}", "issue": issue, "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments", "review_comment": f"{url}/comments{{/number}}",
            "commits": f"{url}/commits", "statuses": f"{self._api}/statuses/{pull.head_sha}",
        }  # fmt: skip
        return {
            "id": pull.id, "node_id": f"PR_{pull.id}", "number": pull.number, "state": pull.state, "locked": False,
            "title": pull.title, "body": pull.body, "user": self.user(pull.user), "labels": [], "milestone": None,
            "url": url, "html_url": f"{self._site}/pull/{pull.number}", "issue_url": issue,
            "diff_url": f"{self._site}/pull/{pull.number}.diff", "patch_url": f"{self._site}/pull/{pull.number}.patch",
            "commits_url": f"{url}/commits", "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{url}/comments{{/number}}", "comments_url": f"{issue}/comments",
            "statuses_url": f"{self._api}/statuses/{pull.head_sha}", "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at), "closed_at": closed, "merged_at": stamp(pull.merged_at),
            "merge_commit_sha": pull.merge_commit, "assignee": None, "assignees": [], "requested_reviewers": [],
            "requested_teams": [], "draft": pull.draft, "auto_merge": None, "author_association": "OWNER",
            "_links": {name: {"href": link} for name, link in links.items()},
            "head": end(pull.head_branch, pull.head_sha, pull.head_repository),
            "base": end(pull.base_branch, pull.base_sha, self._name),
        }  # fmt: skip

    def full_pull(self, pull: PullRequest) -> Json:
        """A pull request with everything that lists leave out."""
        numbers = ("additions", "changed_files", "comments", "commits", "deletions", "review_comments")
        return {**self.pull(pull), **dict.fromkeys(numbers, 0), "mergeable": True, "mergeable_state": "clean",
                "maintainer_can_modify": False, "merged_by": None, "merged": pull.merged_at is not None}  # fmt: skip

    def issue(self, pull: PullRequest) -> Json:
        """A pull request seen as an issue."""
        shown = self.pull(pull)
        same = ("id", "node_id", "number", "state", "locked", "title", "body", "user", "labels", "milestone",
                "assignee", "assignees", "html_url", "comments_url", "created_at", "updated_at", "closed_at",
                "author_association")  # fmt: skip
        links = ("url", "html_url", "diff_url", "patch_url", "merged_at")
        url = shown["issue_url"]
        return {
            **{name: shown[name] for name in same}, "url": url, "repository_url": self._api,
            "comments": len(self._world.pulls.comments(pull.number)), "events_url": f"{url}/events",
            "labels_url": f"{url}/labels{{/name}}", "pull_request": {name: shown[name] for name in links},
        }  # fmt: skip

    def branch(self, name: str, sha: str) -> Json:
        """A branch and the commit at its tip, of which only the id is real."""
        url, at = f"{self._api}/commits/{sha}", stamp(self._world.began_at)
        person = {"name": "octocat", "email": "octocat@users.noreply.github.com", "date": at}
        commit = {"url": url, "author": person, "committer": person, "message": "A change", "comment_count": 0,
                  "tree": {"sha": sha, "url": f"{self._api}/git/trees/{sha}"}}  # fmt: skip
        return {
            "name": name, "protected": False, "protection": {"enabled": False},
            "protection_url": f"{self._api}/branches/{name}/protection",
            "_links": {"self": f"{self._api}/branches/{name}", "html": f"{self._site}/tree/{name}"},
            "commit": {"sha": sha, "node_id": f"C_{sha}", "url": url, "html_url": f"{self._site}/commit/{sha}",
                       "comments_url": f"{url}/comments", "commit": commit, "author": None, "committer": None,
                       "parents": []},
        }  # fmt: skip


def stamp(at: datetime | None) -> str | None:
    """GitHub's time format: whole seconds in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def repository_id(full_name: str) -> int:
    """A stable number for a repository or account."""
    return zlib.crc32(full_name.encode()) % 900_000_000 + 1_000_000

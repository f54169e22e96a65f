"""A delivery in memory, over the same repository as a forge in memory; the contract suite keeps it strict."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from recovery.errors import ForgeError, ForgeRefused
from recovery.models.github import Artifact, Commit, Deployment, PullRequest, Run, Tag
from recovery.policy.workflow_file import can_be_dispatched_with
from recovery.ports import Relation
from tests.fakes.clock import FakeClock
from tests.fakes.forge import ME, FakeForge

TREE = "tree-"
"""What the tree of a commit is called that was added without one."""


class FakeDelivery:
    """Holds what it is given, records every call in `calls`, and fails where `fail` says so.

    A dispatched run stays in progress until the forge is told to complete it.
    """

    def __init__(self, forge: FakeForge, clock: FakeClock) -> None:
        self.forge = forge
        self.clock = clock
        self.calls: list[tuple[object, ...]] = []
        self.held_tags: dict[str, Tag] = {}
        """Every tag by its name."""
        self.messages: dict[str, str] = {}
        """What commits say; those that were added say nothing, unless a test lets them."""
        self.shows_nonce = True
        """Whether the workflow's `run-name` has the nonce of its input."""
        self.tells_run_id = True
        self.dispatched: list[tuple[int, str, Mapping[str, str]]] = []
        """Run, reference and inputs of every dispatch."""
        self.waiting: dict[int, tuple[str, ...]] = {}
        self._commits: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._merges: dict[int, str] = {}
        """The commit by which each pull request was merged, the newest one last."""
        self._deployments: dict[int, Deployment] = {}
        self._states: dict[int, str] = {}
        self._faults: dict[tuple[str, int], tuple[ForgeError, bool]] = {}
        self._lock = threading.RLock()

    def add_commits(self, *shas: str, branch: str = "main") -> None:
        """Hold commits, each the parent of the next, the last one at the head of the branch."""
        parents: tuple[str, ...] = ()
        for sha in shas:
            self._commits.setdefault(sha, (f"{TREE}{sha}", parents))
            parents = (sha,)
        self.forge.branches[branch] = shas[-1]

    def fail(self, method: str, error: ForgeError, *, call: int = 1, after_effect: bool = False) -> None:
        """Raise `error` at the given call of a method (the first is 1), before or after its effect."""
        self._faults[method, call] = (error, after_effect)

    def called(self, method: str) -> int:
        """How often a method was called."""
        return sum(call[0] == method for call in self.calls)

    def let_wait(self, run_id: int, *environments: str) -> None:
        """Let a run wait for the rules of environments."""
        self.waiting[run_id] = environments
        self.forge.add_run(self.forge._runs[run_id].model_copy(update={"status": "waiting"}))

    def close(self, number: int, *, merged: bool = False, by: str = "") -> None:
        """Close a pull request, or merge it by a commit, or else its head."""
        for position, (pull, branch) in enumerate(self.forge.pull_requests):
            if pull.number == number:
                closed = pull.model_copy(update={"state": "closed", "merged": merged})
                self.forge.pull_requests[position] = (closed, branch)
                if merged:
                    self._merges[number] = by or pull.head_sha

    def artifact(self, artifact_id: int) -> Artifact | None:
        self._call("artifact", artifact_id)
        held = self.forge.artifacts.get(artifact_id)
        return held[0] if held else None

    def compare(self, base: str, head: str) -> Relation | None:
        self._call("compare", base, head)
        first, second = self._commit(base), self._commit(head)
        if first is None or second is None:
            return None
        if first == second:
            return "identical"
        if first in self._history(second):
            return "ahead"
        return "behind" if second in self._history(first) else "diverged"

    def reference(self, name: str) -> str | None:
        self._call("reference", name)
        kind, _, short = name.partition("/")
        if kind != "tags":
            return self.forge.branches.get(short)
        tag = self.held_tags.get(short)
        return _object_of(tag) if tag else None

    def create_reference(self, name: str, sha: str) -> bool:
        late = self._call("create_reference", name, sha)
        kind, _, short = name.partition("/")
        if sha not in self._commits:
            raise ForgeRefused(f"no such commit: {sha}", status=422)
        if kind == "tags":
            return self._keep(Tag(name=short, commit=sha), late)
        with self._lock:
            if short in self.forge.branches:
                return False
            self.forge.branches[short] = sha
        if late:
            raise late
        return True

    def create_tag(self, name: str, sha: str, message: str) -> bool:
        late = self._call("create_tag", name, sha, message)
        if sha not in self._commits:
            raise ForgeRefused(f"no such commit: {sha}", status=422)
        return self._keep(Tag(name=name, commit=sha, message=message), late)

    def tag(self, name: str) -> Tag | None:
        self._call("tag", name)
        return self.held_tags.get(name)

    def tags(self, prefix: str) -> tuple[str, ...]:
        self._call("tags", prefix)
        with self._lock:
            return tuple(sorted(name for name in self.held_tags if name.startswith(prefix)))

    def delete_reference(self, name: str) -> None:
        self._call("delete_reference", name)
        kind, _, short = name.partition("/")
        with self._lock:
            if kind == "tags":
                self.held_tags.pop(short, None)
            else:
                self.forge.branches.pop(short, None)

    def dispatch_workflow(self, workflow_file: str, ref: str, inputs: Mapping[str, str]) -> int | None:
        late = self._call("dispatch_workflow", workflow_file, ref, inputs)
        path = f".github/workflows/{workflow_file}"
        sha = self.held_tags[ref].commit if ref in self.held_tags else self.forge.branches.get(ref)
        if workflow_file not in self.forge.workflows:
            raise ForgeRefused(f"no such workflow: {workflow_file}", status=404)
        text = self.forge.files.get((path, sha or ""))
        if sha is None or any(not can_be_dispatched_with(text, name) for name in inputs):
            raise ForgeRefused(f"`{ref}` cannot be dispatched with these inputs", status=422)
        with self._lock:
            run = self._dispatched_run(path, ref, sha, inputs)
            self.forge.add_run(run)
            self.dispatched.append((run.id, ref, inputs))
        if late:
            raise late
        return run.id if self.tells_run_id else None

    def dispatched_runs(self, workflow_file: str, since: datetime) -> tuple[Run, ...]:
        self._call("dispatched_runs", workflow_file, since)
        runs = [run for run in self.forge._runs.values() if run.path.endswith(f"/{workflow_file}")]
        found = [run for run in runs if run.event == "workflow_dispatch" and run.created_at >= since]
        return tuple(sorted(found, key=lambda run: (run.created_at, run.id), reverse=True))

    def waiting_environments(self, run_id: int) -> tuple[str, ...]:
        self._call("waiting_environments", run_id)
        return self.waiting.get(run_id, ())

    def create_deployment(self, sha: str, environment: str, description: str, payload: Mapping[str, str]) -> Deployment:
        late = self._call("create_deployment", sha, environment, description, payload)
        if sha not in self._commits:
            raise ForgeRefused(f"no such commit: {sha}", status=422)
        made = Deployment(
            id=1 + max(self._deployments, default=0),
            sha=sha,
            environment=environment,
            payload=dict(payload),
            created_at=self.clock.now(),
        )
        self._deployments[made.id] = made
        if late:
            raise late
        return made

    def deployments(self, environment: str, limit: int = 30) -> tuple[Deployment, ...]:
        self._call("deployments", environment, limit)
        found = [one for one in self._deployments.values() if one.environment == environment]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit])

    def deployment_state(self, deployment_id: int) -> str | None:
        self._call("deployment_state", deployment_id)
        if deployment_id not in self._deployments:
            raise ForgeRefused(f"no such deployment: {deployment_id}", status=404)
        return self._states.get(deployment_id)

    def set_deployment_state(self, deployment_id: int, state: str, description: str) -> None:
        self._call("set_deployment_state", deployment_id, state, description)
        if deployment_id not in self._deployments:
            raise ForgeRefused(f"no such deployment: {deployment_id}", status=404)
        self._states[deployment_id] = state

    def commit(self, sha: str) -> Commit:
        self._call("commit", sha)
        if sha not in self._commits:
            raise ForgeRefused(f"no such commit: {sha}", status=404)
        return Commit(sha=sha, tree=self._commits[sha][0], message=self.messages.get(sha, ""))

    def create_commit(self, message: str, tree: str, parents: Sequence[str]) -> str:
        self._call("create_commit", message, tree, parents)
        if tree not in {known for known, _ in self._commits.values()} or not set(parents) <= set(self._commits):
            raise ForgeRefused("no such tree or parent", status=422)
        sha = f"{len(self._commits):040x}"
        self._commits[sha] = (tree, tuple(parents))
        self.messages[sha] = message
        return sha

    def pull_request_from(self, branch: str) -> PullRequest | None:
        self._call("pull_request_from", branch)
        found = [pull for pull, head in self.forge.pull_requests if head == branch]
        own = [pull for pull in found if pull.head_repository == self.forge.repository]
        return max(own, key=lambda pull: pull.number, default=None)

    def merged_pull_request(self, sha: str) -> PullRequest | None:
        self._call("merged_pull_request", sha)
        if sha not in self._commits:
            raise ForgeRefused(f"no such commit: {sha}", status=422)
        held = {pull.number: pull for pull, _ in self.forge.pull_requests}
        newest_first = [(held[number], by) for number, by in reversed(self._merges.items())]
        return next((pull for pull, by in newest_first if sha in {pull.head_sha, by}), None)

    def create_pull_request(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        late = self._call("create_pull_request", branch, base, title, body)
        head = self.forge.branches.get(branch)
        is_open = any(pull.state == "open" and of == branch for pull, of in self.forge.pull_requests)
        if head is None or is_open or head in self._history(self.forge.branches[base]):
            raise ForgeRefused(f"`{branch}` cannot be proposed for `{base}`", status=422)
        number = 1 + max((pull.number for pull, _ in self.forge.pull_requests), default=0)
        pull = PullRequest(number=number, state="open", head_sha=head, head_repository=self.forge.repository)
        self.forge.add_pull_request(pull, branch)
        if late:
            raise late
        return pull

    def _call(self, method: str, *arguments: object) -> ForgeError | None:
        """Note a call; raise its fault, or give it back where it comes after the effect."""
        with self._lock:
            self.calls.append((method, *arguments))
            fault, is_late = self._faults.get((method, self.called(method)), (None, False))
        if fault is not None and not is_late:
            raise fault
        return fault

    def _commit(self, name: str) -> str | None:
        if name in self.held_tags and name not in self.forge.branches:
            return self.held_tags[name].commit
        sha = self.forge.branches.get(name, name)
        return sha if sha in self._commits else None

    def _keep(self, tag: Tag, late: ForgeError | None) -> bool:
        with self._lock:
            if tag.name in self.held_tags:
                return False
            self.held_tags[tag.name] = tag
        if late:
            raise late
        return True

    def _history(self, sha: str) -> set[str]:
        found: set[str] = set()
        waiting = [sha]
        while waiting:
            commit = waiting.pop()
            found.add(commit)
            waiting += [parent for parent in self._commits[commit][1] if parent not in found]
        return found

    def _dispatched_run(self, path: str, ref: str, sha: str, inputs: Mapping[str, str]) -> Run:
        known = [run for run in self.forge._runs.values() if run.path == path]
        name = known[0].workflow_name if known else "Deploy"
        return Run(
            id=1 + max(self.forge._runs, default=7000),
            repository=self.forge.repository,
            workflow_name=name,
            path=path,
            event="workflow_dispatch",
            status="in_progress",
            run_attempt=1,
            head_sha=sha,
            head_branch=ref,
            head_repository=self.forge.repository,
            created_at=self.clock.now(),
            triggering_actor=ME,
            display_title=f"Roll back {_nonce_in(inputs)}" if self.shows_nonce and _nonce_in(inputs) else name,
        )


def _object_of(tag: Tag) -> str:
    """What a tag points at: its commit, or an object of its own if it says something."""
    return hashlib.sha256(tag.model_dump_json().encode()).hexdigest()[:40] if tag.message else tag.commit


def _nonce_in(inputs: Mapping[str, str]) -> str:
    for text in inputs.values():
        try:
            told = json.loads(text)
        except ValueError:
            continue
        if isinstance(told, dict) and "nonce" in told:
            return str(told["nonce"])
    return ""

"""What every delivery promises: one suite for the fake in memory and for GitHub's adapter over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from recovery.adapters.github import GitHubDelivery, GitHubForge
from recovery.errors import ForgeRefused
from recovery.models.github import Commit, Tag
from recovery.ports import Delivery
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.source import Source
from recovery.rehearsal.world import World
from tests import builders as make
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.fakes.forge import FakeForge

REPOSITORY = "octo/repo"
UNKNOWN = "0" * 40
TAG = "tags/recovery/rollback/deploy/production/bad"
ANNOTATED = "recovery/rollback/deploy/production/good"
SAYS = 'Roll back Deploy in production\n\n{"nonce":"01k9zq3v5x","reason":"“Größe” ≠ 1"}'
NONCE = "01k9zq3v5x"
WORKFLOW = """\
name: Deploy
run-name: ${{ inputs.recovery && format('Roll back {0}', fromJSON(inputs.recovery).nonce) || '' }}
on:
  push:
  workflow_dispatch:
    inputs:
      recovery: {type: string}
jobs:
  deploy: {runs-on: ubuntu-latest, steps: [{run: make deploy}]}
"""


class Stage(Protocol):
    """A delivery, and the means to arrange what it will find."""

    delivery: Delivery
    clock: FakeClock
    old: str
    """A commit of `main` from before its workflow could be dispatched."""
    good: str
    """The next commit of `main`."""
    bad: str
    """The commit at the head of `main`."""
    aside: str
    """The head of the branch `aside`, which left `main` at the good commit."""

    def another(self) -> Delivery:
        """The same repository, as another machine sees it."""

    def artifact(self, name: str, *, expired: bool = False) -> int:
        """An artifact, by its id."""

    def ends(self, run_id: int, conclusion: str) -> None:
        """A dispatched run comes to its end."""

    def waits(self, run_id: int, *environments: str) -> None:
        """A dispatched run waits for the rules of these environments."""

    def closes(self, number: int) -> None:
        """A person closes a pull request."""

    def proposes(self, *, fork: bool = False) -> int:
        """A person proposes the branch `aside`, of this repository or of a fork."""

    def merges(self, number: int, by: str) -> None:
        """A person merges a pull request, which makes this commit."""


class HttpStage:
    def __init__(self, world: World, server: LocalGitHub, clock: FakeClock, folder: Path) -> None:
        self.clock = clock
        self._world = world
        self._url = server.url
        self.delivery = self.another()
        origin = folder / "origin"
        (origin / ".github/workflows").mkdir(parents=True)
        (origin / ".github/workflows/deploy.yml").write_text(WORKFLOW.replace("workflow_dispatch", "workflow_call"))
        source = Source(origin, folder, "main")
        self.old = source.prepare()
        self.good = source.commit("main", "good", {".github/workflows/deploy.yml": WORKFLOW, "page.html": "good"})
        self.aside = source.commit("aside", "aside", {"aside.txt": ""})
        self.bad = source.commit("main", "bad", {"page.html": "bad"})
        world.repository.history = source.history
        world.repository.set_branch("main", self.bad)
        world.repository.set_branch("aside", self.aside)
        world.repository.add_workflow("deploy.yml", WORKFLOW)
        world.dispatched_status = "in_progress"

    def another(self) -> Delivery:
        forge = GitHubForge(REPOSITORY, self._world.token, api_url=self._url, clock=self.clock)
        return GitHubDelivery(REPOSITORY, forge.client)

    def artifact(self, name: str, *, expired: bool = False) -> int:
        run = self._world.add_run([ScriptedJob(name="deploy")])
        return self._world.vault.add_artifact(run, name, {"a.txt": name}, expired=expired).id

    def ends(self, run_id: int, conclusion: str) -> None:
        self._world.runs.complete(run_id, 1, conclusion=conclusion)

    def waits(self, run_id: int, *environments: str) -> None:
        self._world.let_wait(run_id, *environments)

    def closes(self, number: int) -> None:
        self._world.pulls.move(number, state="closed")

    def proposes(self, *, fork: bool = False) -> int:
        of = "stranger/repo" if fork else REPOSITORY
        return self._world.pulls.add("aside", self.aside, head_repository=of, base_sha=self.good).number

    def merges(self, number: int, by: str) -> None:
        self._world.pulls.move(number, merged=True, merge_commit=by)


class FakeStage:
    def __init__(self, clock: FakeClock) -> None:
        self.forge = FakeForge(REPOSITORY)
        self.fake = FakeDelivery(self.forge, clock)
        self.delivery: Delivery = self.fake
        self.clock = clock
        self.old, self.good, self.aside, self.bad = (letter * 40 for letter in "abcd")
        self.fake.add_commits(self.old, self.good, self.aside, branch="aside")
        self.fake.add_commits(self.old, self.good, self.bad)
        self.forge.workflows.add("deploy.yml")
        path = ".github/workflows/deploy.yml"
        self.forge.files[path, self.old] = WORKFLOW.replace("workflow_dispatch", "workflow_call")
        self.forge.files |= {(path, sha): WORKFLOW for sha in (self.good, self.aside, self.bad)}

    def another(self) -> Delivery:
        return self.fake

    def artifact(self, name: str, *, expired: bool = False) -> int:
        made = make.make_artifact(id=9000 + len(self.forge.artifacts), name=name, expired=expired)
        self.forge.artifacts[made.id] = (made, {"a.txt": name.encode()})
        return made.id

    def ends(self, run_id: int, conclusion: str) -> None:
        self.forge.complete(run_id, conclusion)

    def waits(self, run_id: int, *environments: str) -> None:
        self.fake.let_wait(run_id, *environments)

    def closes(self, number: int) -> None:
        self.fake.close(number)

    def proposes(self, *, fork: bool = False) -> int:
        of = "stranger/repo" if fork else REPOSITORY
        number = 1 + len(self.forge.pull_requests)
        pull = make.make_pull_request(number=number, head_sha=self.aside, head_repository=of)
        self.forge.add_pull_request(pull, "aside")
        return number

    def merges(self, number: int, by: str) -> None:
        self.fake.close(number, merged=True, by=by)


@pytest.fixture(params=["fake", "github"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Each test runs on the fake and on the adapter, where a real server answers."""
    clock = FakeClock()
    if request.param == "fake":
        yield FakeStage(clock)
        return
    world = World(REPOSITORY, now=clock.now)
    with LocalGitHub(world) as server:
        yield HttpStage(world, server, clock, tmp_path)
    assert [] == world.offences


def order(nonce: str = NONCE) -> dict[str, str]:
    """The inputs of a dispatch that rolls back."""
    return {"recovery": json.dumps({"version": 1, "nonce": nonce})}


def test_artifact_is_told_as_it_stands(stage: Stage) -> None:
    """An artifact is found by its id, with its digest and whether it has expired."""
    found = [
        stage.delivery.artifact(stage.artifact("one")),
        stage.delivery.artifact(stage.artifact("two", expired=True)),
    ]

    assert [("one", False), ("two", True)] == [(one.name, one.expired) for one in found if one is not None]


def test_artifact_that_is_gone_is_none(stage: Stage) -> None:
    """An artifact that is not there is no error."""
    assert None is stage.delivery.artifact(4711)


def test_commits_are_compared(stage: Stage) -> None:
    """A commit is ahead of another, behind it, the same, or on a line of its own; branches go by their name."""
    pairs = [("good", "bad"), ("bad", "good"), ("bad", "bad"), ("bad", "aside"), ("good", "aside")]
    named = {"good": stage.good, "bad": stage.bad, "aside": stage.aside}

    found = [stage.delivery.compare(named[base], named[head]) for base, head in pairs]

    assert ["ahead", "behind", "identical", "diverged", "ahead"] == found
    assert "behind" == stage.delivery.compare("main", stage.good)


@pytest.mark.parametrize("name", [UNKNOWN, "nowhere", "..", "main/../main"])
def test_unknown_commit_cannot_be_compared(stage: Stage, name: str) -> None:
    """Where one of two is unknown there is no relation."""
    assert (None, None) == (stage.delivery.compare("main", name), stage.delivery.compare(name, "main"))


def test_reference_is_made_once(stage: Stage) -> None:
    """The second who asks for a name is told that it is taken, and what it points at stays."""
    assert [True, False, False] == [
        stage.delivery.create_reference(TAG, sha) for sha in (stage.good, stage.good, stage.bad)
    ]
    assert stage.good == stage.delivery.reference(TAG)


def test_references_are_branches_and_tags(stage: Stage) -> None:
    """A branch and a tag of one name are two things; what is not there is None."""
    stage.delivery.create_reference("heads/both", stage.good)
    stage.delivery.create_reference("tags/both", stage.bad)

    found = [stage.delivery.reference(name) for name in ("heads/both", "tags/both", "tags/neither", "tags/..")]

    assert [stage.good, stage.bad, None, None] == found


def test_reference_to_nothing_is_refused(stage: Stage) -> None:
    """A commit that there is not cannot be pointed at; this is not mistaken for a taken name."""
    with pytest.raises(ForgeRefused):
        stage.delivery.create_reference(TAG, UNKNOWN)
    assert None is stage.delivery.reference(TAG)


def test_deleted_reference_can_be_made_again(stage: Stage) -> None:
    """A reference is deleted once or twice, and then its name is free."""
    stage.delivery.create_reference(TAG, stage.bad)

    stage.delivery.delete_reference(TAG)
    stage.delivery.delete_reference(TAG)

    assert None is stage.delivery.reference(TAG)
    assert stage.delivery.create_reference(TAG, stage.good)


def test_tag_says_what_the_first_one_gave_it(stage: Stage) -> None:
    """A tag is made once; the second who asks is told that it is taken, and nothing of the first one's changes."""
    made = [
        stage.delivery.create_tag(ANNOTATED, *of) for of in ((stage.good, SAYS), (stage.good, SAYS), (stage.bad, ""))
    ]

    assert [True, False, False] == made
    assert Tag(name=ANNOTATED, commit=stage.good, message=SAYS) == stage.delivery.tag(ANNOTATED)


def test_one_of_many_makes_a_tag(stage: Stage) -> None:
    """Of machines that ask at once for one name one is told true, and it is that one's words that stand."""
    machines = [(stage.another(), f"from {number}") for number in range(6)]
    with ThreadPoolExecutor(len(machines)) as pool:
        told = [*pool.map(lambda one: one[0].create_tag(ANNOTATED, stage.good, one[1]), machines)]

    tag = stage.delivery.tag(ANNOTATED)
    assert tag is not None
    assert [tag.message] == [says for won, (_, says) in zip(told, machines, strict=True) if won]


def test_tag_that_is_only_a_name_says_nothing(stage: Stage) -> None:
    """A tag without an object of its own is at its commit, and takes the name from one that would say something."""
    stage.delivery.create_reference(f"tags/{ANNOTATED}", stage.bad)

    assert Tag(name=ANNOTATED, commit=stage.bad) == stage.delivery.tag(ANNOTATED)
    assert not stage.delivery.create_tag(ANNOTATED, stage.good, SAYS)
    assert Tag(name=ANNOTATED, commit=stage.bad) == stage.delivery.tag(ANNOTATED)


@pytest.mark.parametrize("name", ["nowhere", "recovery/rollback/deploy", "", "..", f"{ANNOTATED}/more"])
def test_tag_that_is_not_there_is_none(stage: Stage, name: str) -> None:
    """Neither an unknown name nor a part of one is a tag; nor is a branch."""
    stage.delivery.create_tag(ANNOTATED, stage.good, SAYS)
    stage.delivery.create_reference("heads/nowhere", stage.good)

    assert None is stage.delivery.tag(name)


def test_tag_of_nothing_is_refused(stage: Stage) -> None:
    """A commit that there is not cannot be tagged, and nothing is left of the attempt."""
    with pytest.raises(ForgeRefused) as caught:
        stage.delivery.create_tag(ANNOTATED, UNKNOWN, SAYS)

    assert 422 == caught.value.status
    assert (None, ()) == (stage.delivery.tag(ANNOTATED), stage.delivery.tags(""))


def test_reference_of_a_tag_that_says_something_is_no_commit(stage: Stage) -> None:
    """It points at an object of its own; it is gone when it is deleted, and then its name is free."""
    stage.delivery.create_tag(ANNOTATED, stage.good, SAYS)

    assert stage.delivery.reference(f"tags/{ANNOTATED}") not in {None, stage.good}
    stage.delivery.delete_reference(f"tags/{ANNOTATED}")
    assert (None, None) == (stage.delivery.reference(f"tags/{ANNOTATED}"), stage.delivery.tag(ANNOTATED))
    assert stage.delivery.create_tag(ANNOTATED, stage.bad, SAYS)


def test_tags_are_listed_by_how_they_begin(stage: Stage) -> None:
    """Those that say something and those that are only names, in any order; no branches, nothing similar."""
    wanted = {"recovery/rollback/a", "recovery/rollback/b/c", "recovery/rollback/ü-100%"}
    for name in wanted:
        stage.delivery.create_tag(name, stage.good, SAYS)
    stage.delivery.create_reference("tags/recovery/rollback/plain", stage.bad)
    stage.delivery.create_tag("recovery/rollbacks", stage.good, SAYS)
    stage.delivery.create_reference("heads/recovery/rollback/branch", stage.good)

    found = stage.delivery.tags("recovery/rollback/")

    assert sorted({*wanted, "recovery/rollback/plain"}) == sorted(found)
    assert ("recovery/rollback/b/c",) == stage.delivery.tags("recovery/rollback/b")
    assert (5, (), ()) == (
        len(stage.delivery.tags("")),
        stage.delivery.tags("nothing/"),
        stage.delivery.tags("../heads/"),
    )


def test_tag_that_says_something_is_compared_and_run_like_its_commit(stage: Stage) -> None:
    """A comparison by its name and a run at it are of the commit that it is at."""
    stage.delivery.create_tag(ANNOTATED, stage.good, SAYS)

    run_id = stage.delivery.dispatch_workflow("deploy.yml", ANNOTATED, order())

    (run,) = stage.delivery.dispatched_runs("deploy.yml", stage.clock.now() - timedelta(minutes=1))
    assert (run_id, stage.good, ANNOTATED) == (run.id, run.head_sha, run.head_branch)
    assert ("ahead", "behind") == (stage.delivery.compare(ANNOTATED, "main"), stage.delivery.compare("main", ANNOTATED))


def test_dispatched_run_is_of_the_tag(stage: Stage) -> None:
    """A workflow that is started at a tag runs at the tag's commit, and its title has the nonce."""
    stage.delivery.create_reference(TAG, stage.good)

    run_id = stage.delivery.dispatch_workflow("deploy.yml", TAG.removeprefix("tags/"), order())

    (run,) = stage.delivery.dispatched_runs("deploy.yml", stage.clock.now() - timedelta(minutes=1))
    assert (run_id, stage.good, "workflow_dispatch") == (run.id, run.head_sha, run.event)
    assert NONCE in run.display_title


def test_dispatched_runs_are_the_newest_first(stage: Stage) -> None:
    """Runs that were started since then are listed, and no earlier ones."""
    stage.delivery.dispatch_workflow("deploy.yml", "main", order("before"))
    stage.clock.advance(600)
    since = stage.clock.now()
    started = []
    for nonce in ("first", "second"):
        stage.clock.advance(10)
        started.append(stage.delivery.dispatch_workflow("deploy.yml", "main", order(nonce)))

    found = stage.delivery.dispatched_runs("deploy.yml", since)

    assert [*reversed(started)] == [run.id for run in found]


@pytest.mark.parametrize(
    ("ref", "inputs"),
    [("nowhere", order()), ("main", {"stranger": "x"}), ("recovery/old", order())],
    ids=["unknown ref", "input that is not declared", "commit from before the input"],
)
def test_dispatch_that_github_does_not_take(stage: Stage, ref: str, inputs: dict[str, str]) -> None:
    """A tag that is not there, and a workflow that does not declare the input at that commit, start nothing."""
    stage.delivery.create_reference("tags/recovery/old", stage.old)

    with pytest.raises(ForgeRefused) as caught:
        stage.delivery.dispatch_workflow("deploy.yml", ref, inputs)

    assert 422 == caught.value.status
    assert () == stage.delivery.dispatched_runs("deploy.yml", stage.clock.now() - timedelta(minutes=1))


def test_unknown_workflow_cannot_be_dispatched(stage: Stage) -> None:
    """A workflow that is not there is a refusal with status 404."""
    with pytest.raises(ForgeRefused) as caught:
        stage.delivery.dispatch_workflow("other.yml", "main", {})

    assert 404 == caught.value.status


def test_waiting_environments_are_named(stage: Stage) -> None:
    """A run that waits tells for what; one that does not, for nothing."""
    waiting, free = (stage.delivery.dispatch_workflow("deploy.yml", "main", order(nonce)) for nonce in ("a", "b"))
    assert waiting is not None
    assert free is not None
    stage.waits(waiting, "production", "eu west")

    assert ("production", "eu west") == stage.delivery.waiting_environments(waiting)
    assert () == stage.delivery.waiting_environments(free)
    newest_first = stage.delivery.dispatched_runs("deploy.yml", stage.clock.now() - timedelta(minutes=1))
    assert ["in_progress", "waiting"] == [run.status for run in newest_first]


def test_dispatched_run_ends(stage: Stage) -> None:
    """A run that has ended is listed with its conclusion."""
    run_id = stage.delivery.dispatch_workflow("deploy.yml", "main", order())
    assert run_id is not None
    stage.ends(run_id, "failure")

    (run,) = stage.delivery.dispatched_runs("deploy.yml", stage.clock.now() - timedelta(minutes=1))

    assert (True, "failure") == (run.completed, run.conclusion)


def test_deployment_is_of_the_commit(stage: Stage) -> None:
    """A deployment is made of the commit as it is, and found again by its payload."""
    made = stage.delivery.create_deployment(stage.good, "production", "Back to the good one", {"nonce": NONCE})
    stage.clock.advance(10)
    other = stage.delivery.create_deployment(stage.bad, "production", "x" * 500, {})
    stage.delivery.create_deployment(stage.bad, "staging", "elsewhere", {})

    assert (other, made) == stage.delivery.deployments("production")
    assert (other,) == stage.delivery.deployments("production", limit=1)
    assert (stage.good, {"nonce": NONCE}) == (made.sha, made.payload)


def test_deployment_of_an_unknown_commit_is_refused(stage: Stage) -> None:
    """What is not there cannot be deployed."""
    with pytest.raises(ForgeRefused):
        stage.delivery.create_deployment("nowhere", "production", "text", {})
    assert () == stage.delivery.deployments("production")


def test_deployment_has_the_newest_state(stage: Stage) -> None:
    """A deployment has no state at first and then the newest one, whatever becomes of others."""
    older = stage.delivery.create_deployment(stage.bad, "staging", "text", {})
    newer = stage.delivery.create_deployment(stage.good, "staging", "text", {})
    assert None is stage.delivery.deployment_state(older.id)

    stage.delivery.set_deployment_state(older.id, "success", "y" * 500)
    for state in ("queued", "in_progress", "success"):
        stage.delivery.set_deployment_state(newer.id, state, "text")

    assert ["success", "success"] == [stage.delivery.deployment_state(one.id) for one in (older, newer)]
    stage.delivery.set_deployment_state(older.id, "inactive", "")
    assert "inactive" == stage.delivery.deployment_state(older.id)


def test_unknown_deployment_has_no_state(stage: Stage) -> None:
    """A deployment that is not there is a refusal with status 404, for reading and for writing."""
    with pytest.raises(ForgeRefused) as read:
        stage.delivery.deployment_state(4711)
    with pytest.raises(ForgeRefused) as written:
        stage.delivery.set_deployment_state(4711, "success", "")

    assert (404, 404) == (read.value.status, written.value.status)


def test_revert_is_a_commit_of_the_old_tree(stage: Stage) -> None:
    """A commit with the good one's tree comes after the head, on a branch of its own, and moves no other."""
    tree = stage.delivery.commit(stage.good).tree

    made = stage.delivery.create_commit("Revert\n\nEvidence.", tree, [stage.bad])

    assert Commit(sha=made, tree=tree, message="Revert\n\nEvidence.") == stage.delivery.commit(made)
    assert tree != stage.delivery.commit(stage.bad).tree
    assert stage.delivery.create_reference("heads/recovery/revert/bad", made)
    assert "ahead" == stage.delivery.compare("main", "recovery/revert/bad")
    assert stage.bad == stage.delivery.reference("heads/main")


@pytest.mark.parametrize("wrong", ["tree", "parent"])
def test_commit_of_what_is_not_there_is_refused(stage: Stage, wrong: str) -> None:
    """A commit needs a tree and parents that there are."""
    tree = UNKNOWN if wrong == "tree" else stage.delivery.commit(stage.good).tree

    with pytest.raises(ForgeRefused):
        stage.delivery.create_commit("Revert", tree, [UNKNOWN if wrong == "parent" else stage.bad])


def test_unknown_commit_is_refused(stage: Stage) -> None:
    """A commit that is not there is a refusal with status 404."""
    with pytest.raises(ForgeRefused) as caught:
        stage.delivery.commit(UNKNOWN)

    assert 404 == caught.value.status


def test_pull_request_is_opened_and_found_by_its_branch(stage: Stage) -> None:
    """A branch is proposed once, and found again when it was closed."""
    made = stage.delivery.create_commit("Revert", stage.delivery.commit(stage.good).tree, [stage.bad])
    stage.delivery.create_reference("heads/recovery/revert/bad", made)
    assert None is stage.delivery.pull_request_from("recovery/revert/bad")

    opened = stage.delivery.create_pull_request("recovery/revert/bad", "main", "Revert", "The evidence.")

    assert ("open", made) == (opened.state, opened.head_sha)
    assert opened == stage.delivery.pull_request_from("recovery/revert/bad")
    with pytest.raises(ForgeRefused):
        stage.delivery.create_pull_request("recovery/revert/bad", "main", "Again", "")
    stage.closes(opened.number)
    found = stage.delivery.pull_request_from("recovery/revert/bad")
    assert found is not None
    assert "closed" == found.state


def test_pull_request_needs_something_new(stage: Stage) -> None:
    """A branch that adds nothing, or is not there, cannot be proposed."""
    stage.delivery.create_reference("heads/nothing", stage.good)

    for branch in ("nothing", "nowhere"):
        with pytest.raises(ForgeRefused) as caught:
            stage.delivery.create_pull_request(branch, "main", "Revert", "")
        assert 422 == caught.value.status


@pytest.mark.parametrize("fork", [False, True], ids=["own", "of a fork"])
def test_merged_pull_request_is_found_by_its_commits(stage: Stage, *, fork: bool) -> None:
    """By the commit that merged it and by its head; not by what was there before, and not while it is open."""
    number = stage.proposes(fork=fork)
    assert None is stage.delivery.merged_pull_request(stage.aside)

    stage.merges(number, by=stage.bad)

    found = [stage.delivery.merged_pull_request(sha) for sha in (stage.bad, stage.aside, stage.good)]
    assert [(number, True), (number, True), None] == [pull and (pull.number, pull.merged) for pull in found]


def test_newest_merged_pull_request_counts(stage: Stage) -> None:
    """Neither the one that was opened last, nor one that was closed."""
    first, second, closed = (stage.proposes() for _ in range(3))
    stage.closes(closed)
    stage.merges(second, by=stage.bad)
    stage.clock.advance(60)
    stage.merges(first, by=stage.bad)

    found = stage.delivery.merged_pull_request(stage.bad)

    assert found is not None
    assert first == found.number


def test_unknown_commit_was_merged_by_nobody(stage: Stage) -> None:
    """A commit that is not there is a refusal, which is not mistaken for one that was pushed."""
    with pytest.raises(ForgeRefused) as caught:
        stage.delivery.merged_pull_request(UNKNOWN)

    assert 422 == caught.value.status

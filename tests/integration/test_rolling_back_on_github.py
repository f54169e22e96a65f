"""Rolling back over the real adapters, on the local GitHub: what is asked of it, and that it takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.adapters.github import GitHubDelivery, GitHubForge
from recovery.adapters.vault import DirectoryVault
from recovery.manager import RecoveryManager
from recovery.models.records import RecoveryStatus
from recovery.policy.naming import revert_branch, rollback_tag
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from recovery.settings import RollbackRule, Settings
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.integration.deploying import Deploying

REPOSITORY = "octo/repo"


class Shop:
    """A repository with a good deployment that left a checkpoint, and a bad one after it."""

    def __init__(self, world: World, server: LocalGitHub, clock: FakeClock, folder: Path) -> None:
        self.world, self.clock, self.store = world, clock, MemoryStore()
        forge = GitHubForge(REPOSITORY, world.token, api_url=server.url, clock=clock)
        self.delivery = GitHubDelivery(REPOSITORY, forge.client)
        self.forge = forge
        self.vault = DirectoryVault(folder / "vault", workspace=folder, variables={})
        deploying = Deploying(world, folder)
        clock.advance(60)
        self.good_run = deploying.deploy("good", "success")
        clock.advance(60)
        self.bad_run = deploying.deploy("bad", "failure")
        self.good, self.bad = self.good_run.head_sha, self.bad_run.head_sha
        name = f"recovery-checkpoint.{self.good_run.id}.1.77.deployed.good0001"
        artifact = world.vault.add_artifact(self.good_run, name, {"manifest.json": "{}"})
        held = self.delivery.artifact(artifact.id)
        assert held is not None
        checkpoint = rolled.make_good_checkpoint(
            repository=REPOSITORY,
            run_id=str(self.good_run.id),
            commit_sha=self.good,
            metadata={"artifact_id": held.id, "artifact_digest": held.digest},
        )
        self.checkpoint = checkpoint
        self.store.record([make.checkpoint_created(checkpoint=checkpoint)])

    def manager(self, kind: str) -> RecoveryManager:
        """A manager as a new process would make it."""
        return RecoveryManager(
            self.store,
            self.forge,
            self.vault,
            self.clock,
            settings=Settings(rollback={"Deploy": RollbackRule(kind=kind)}),
            delivery=self.delivery,
        )

    def go(self, kind: str) -> bool:
        """A person rolls back."""
        return asyncio.run(self.manager(kind).rollback_to_checkpoint(self.checkpoint, "the shop is down"))

    def settle(self, kind: str) -> RecoveryStatus:
        """A pass of the sweep."""
        (state,) = self.store.unfinished(REPOSITORY)
        return self.manager(kind).settle(state).status

    def asked(self) -> list[str]:
        """Every request that was to change something."""
        return [f"{seen.method} {seen.path}" for seen in self.world.requests if seen.method != "GET"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The shop, on a free port."""
    clock = FakeClock()
    world = World(REPOSITORY, now=clock.now)
    with LocalGitHub(world) as server:
        yield Shop(world, server, clock, tmp_path)
    assert [] == world.offences


def test_redispatch(shop: Shop) -> None:
    """Two tags and one dispatch at the good commit; watched to its end; never again."""
    assert shop.go("redispatch")

    tag = rollback_tag("Deploy", "production", shop.bad)
    made = shop.delivery.tag(tag)
    assert made is not None
    assert shop.good == made.commit
    (run,) = shop.delivery.dispatched_runs("deploy.yml", make.later(-3600))
    assert (shop.good, tag) == (run.head_sha, run.head_branch)
    root = f"/repos/{REPOSITORY}"
    assert [
        *[f"POST {root}/git/tags", f"POST {root}/git/refs"] * 2,
        f"POST {root}/actions/workflows/deploy.yml/dispatches",
    ] == shop.asked()
    shop.world.runs.complete(run.id, 1, conclusion="success")
    assert RecoveryStatus.COMPLETED is shop.settle("redispatch")
    assert not shop.go("redispatch")


def test_deployment(shop: Shop) -> None:
    """A deployment of the good commit, whose state is followed."""
    assert shop.go("deployment")

    (made,) = shop.delivery.deployments("production")
    assert (shop.good, "queued") == (made.sha, shop.delivery.deployment_state(made.id))
    shop.delivery.set_deployment_state(made.id, "success", "")
    assert RecoveryStatus.COMPLETED is shop.settle("deployment")


def test_revert(shop: Shop) -> None:
    """A pull request with the good commit's files, which a person merges."""
    assert shop.go("revert-pr")

    (proposed,) = shop.store.unfinished(REPOSITORY)
    plan = shop.store.plan(proposed.id)
    assert plan is not None
    assert plan.rollback is not None
    branch = revert_branch(shop.bad, plan.rollback.nonce)
    pull = shop.delivery.pull_request_from(branch)
    assert pull is not None
    assert shop.delivery.commit(shop.good).tree == shop.delivery.commit(pull.head_sha).tree
    assert RecoveryStatus.IN_PROGRESS is shop.settle("revert-pr")
    shop.world.pulls.move(pull.number, state="closed")
    assert RecoveryStatus.FAILED is shop.settle("revert-pr")
    assert None is shop.delivery.reference(f"heads/{branch}")


def test_plan_costs_what_it_says(shop: Shop) -> None:
    """The requests of a survey of one candidate, and of the acting after it."""
    manager = shop.manager("redispatch")
    before = len(shop.world.requests)
    plan = manager.plan_rollback(shop.checkpoint)
    planned = len(shop.world.requests)
    manager.execute(plan)

    assert (15, 8) == (planned - before, len(shop.world.requests) - planned)

"""A deployment that went wrong on the local GitHub, and the good one before it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from recovery.policy.holds import hold_artifact_name, hold_bytes
from recovery.ports import Store
from recovery.rehearsal.records import Run, ScriptedJob
from tests import builders as make
from tests import rollback_builders as rolled
from tests.integration.deploying import Deploying
from tests.integration.stage import REPOSITORY, Stage


class Shop:
    """A repository with a good deployment that left a checkpoint, and a bad one after it."""

    def __init__(self, stage: Stage, folder: Path, store: Store) -> None:
        self.stage, self.world, self.store = stage, stage.world, store
        deploying = Deploying(self.world, folder)
        self.good_run = deploying.deploy("good", "success")
        self.bad_run = deploying.deploy("bad", "failure")
        self.good, self.bad = self.good_run.head_sha, self.bad_run.head_sha

    def keep(self, run: Run, sha: str, checkpoint_id: str) -> None:
        """Put a checkpoint of a run on record, and its artifact on GitHub."""
        name = f"recovery-checkpoint.{run.id}.1.77.deployed.{checkpoint_id.rpartition('-')[2]}"
        artifact = self.world.vault.add_artifact(run, name, {"manifest.json": "{}"})
        metadata = {"artifact_id": artifact.id, "artifact_digest": None}
        checkpoint = rolled.make_good_checkpoint(
            id=checkpoint_id,
            repository=REPOSITORY,
            run_id=str(run.id),
            commit_sha=sha,
            created_at=make.later(run.id % 1000),
            metadata=metadata,
        )
        self.store.record([make.checkpoint_created(checkpoint=checkpoint)])

    def hold(self, sha: str) -> None:
        """Put a commit on hold, as the workflow that people roll back with does."""
        now = self.world.began_at
        made_by = self.world.add_run(
            [ScriptedJob(name="roll-back")],
            workflow="Rollback",
            path=".github/workflows/rollback.yml",
            event="workflow_dispatch",
            head_branch="main",
        )
        hold = rolled.make_hold(repository=REPOSITORY, sha=sha, since=now, until=now + timedelta(days=7))
        self.world.vault.add_artifact(made_by, hold_artifact_name(sha), {"hold.json": hold_bytes(hold)})

    @property
    def dispatches(self) -> int:
        """How often GitHub was asked to start a workflow."""
        return sum("/dispatches" in request for request in self.stage.writes())

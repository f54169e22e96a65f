"""A repository on the local GitHub whose workflow deploys what is pushed to its default branch."""

from __future__ import annotations

from pathlib import Path

from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.source import Source
from recovery.rehearsal.world import World

DEPLOY_FILE = ".github/workflows/deploy.yml"
DEPLOY_WORKFLOW = """\
name: Deploy
run-name: ${{ inputs.recovery && format('Roll back {0}', fromJSON(inputs.recovery).nonce) || '' }}
on:
  push: {branches: [main]}
  workflow_dispatch:
    inputs: {recovery: {type: string}}
jobs:
  deploy: {runs-on: ubuntu-latest, steps: [{run: make deploy}]}
"""


class Deploying:
    """The commits of one repository and their deployments; what a rollback starts goes on until it is ended."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        origin, made = folder / "origin", folder / "made"
        (origin / DEPLOY_FILE).parent.mkdir(parents=True)
        (origin / DEPLOY_FILE).write_text(DEPLOY_WORKFLOW)
        made.mkdir()
        self.source = Source(origin, made, "main")
        self.source.prepare()
        world.repository.history = self.source.history
        world.repository.add_workflow(DEPLOY_FILE, DEPLOY_WORKFLOW)
        world.dispatched_status = "in_progress"

    def deploy(self, page: str, conclusion: str) -> Run:
        """A commit is pushed to the default branch, and its deployment ends."""
        sha = self.source.commit("main", page, {"page.html": page})
        self.world.repository.set_branch("main", sha)
        return self.world.add_run(
            [ScriptedJob(name="deploy", conclusion=conclusion)],
            workflow="Deploy",
            path=DEPLOY_FILE,
            event="push",
            head_branch="main",
            head_sha=sha,
        )

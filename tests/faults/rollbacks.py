"""A good deployment and a bad one, and rollbacks of it that follow the steps of `action.yml` as a person asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recovery import action
from recovery.policy.holds import HOLD_PREFIX
from recovery.policy.naming import busy_tag, rollback_tag
from recovery.rehearsal.deployments import Deployment
from recovery.rehearsal.records import Arrival, Artifact, PullRequest, Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.vault import zip_of
from tests.faults.loop import Loop, MovableClock, Turn, final_store
from tests.integration.deploying import Deploying
from tests.integration.stage import RECOVERY_FILE, REPOSITORY

REDISPATCH, DEPLOYMENT, REVERT = "redispatch", "deployment", "revert-pr"
KINDS = (REDISPATCH, DEPLOYMENT, REVERT)
ROLLBACK_FILE = ".github/workflows/rollback.yml"
OF_A_SWEEP = {"actions": "write", "contents": "read", "pull-requests": "write"}
"""What the template's job of the sweep may do: it cannot delete a tag."""
OF_A_SWEEP_THAT_CLEARS_UP = OF_A_SWEEP | {"contents": "write", "deployments": "write"}
"""What `docs/rollback.md` says that it may be given."""


class Shop(Loop):
    """One repository whose newest deployment is bad, and whose one before left a checkpoint."""

    def __init__(self, server: LocalGitHub, folder: Path, clock: MovableClock, kind: str = REDISPATCH) -> None:
        super().__init__(server, folder, clock)
        self.kind = kind
        self.sweep_may = OF_A_SWEEP_THAT_CLEARS_UP
        deploying = Deploying(self.world, folder)
        self.good = deploying.deploy("good", "success")
        self.checkpoint = self._checkpoint(self.good)
        self.bad = deploying.deploy("bad", "failure")
        if kind == DEPLOYMENT:
            bad = self.world.deployments.create("main", self.bad.head_sha)
            self.world.deployments.add_status(bad.id, "success")
        self.world.deliveries.take()

    def rollback(self, **inputs: str) -> RollbackTurn:
        """A person fills in the form."""
        turn = self._turn("Rollback", ROLLBACK_FILE, "workflow_dispatch")
        turn.configure({"mode": "rollback", "reason": "the shop is down"} | inputs)
        return turn

    def sweep(self) -> RollbackTurn:
        """One scheduled pass, with the newest cache that there is."""
        turn = self.sweeping()
        turn.go()
        return turn

    def sweeping(self) -> RollbackTurn:
        """A scheduled pass that is about to begin."""
        turn = self._turn("Recovery", RECOVERY_FILE, "schedule")
        turn.token = self.world.issue_token(turn.own.id, self.sweep_may)
        turn.configure({"mode": "sweep"})
        return turn

    def shell(self) -> RollbackTurn:
        """A person's shell, with the record as it is, about to be typed into."""
        return self._turn("Rollback", ROLLBACK_FILE, "workflow_dispatch")

    def guard(self, commit_sha: str, token: str | None = None) -> int:
        """What the first step of a deployment of a commit says."""
        run = self.world.add_run([ScriptedJob(name="deploy", status="in_progress")], status="in_progress")
        folder = self.folder / f"guard-{run.id}"
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))
        given = {"mode": "guard", "github-token": token or self.world.issue_token(run.id, {"actions": "read"})}
        return action.main(
            self._environment(run, folder) | {"GITHUB_SHA": commit_sha, "RECOVERY_INPUTS": json.dumps(given)}
        )

    def github_works(self, *, well: bool = True) -> None:
        """Whatever a rollback has started comes to its end, well or not: people merge, deployers report."""
        for made in self.brought_back:
            match made:
                case Run() if not made.is_completed:
                    self.world.runs.complete(made.id, 1, conclusion="success" if well else "failure")
                case Deployment() if made.state in {"queued", "pending"}:
                    self.world.deployments.add_status(made.id, "success" if well else "failure")
                case PullRequest(state="open"):
                    self.world.pulls.move(made.number, state="closed", merged=well)
                case _:
                    pass  # it has come to its end before

    def _environment(self, run: Run, folder: Path) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_EVENT_NAME": run.event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_WORKFLOW": "Deploy",
            "GITHUB_JOB": "deploy",
            "GITHUB_SHA": run.head_sha,
            "GITHUB_REF_NAME": "main",
            "GITHUB_API_URL": self.server.url,
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_OUTPUT": str(folder / "output"),
            "RUNNER_TEMP": str(folder / "temp"),
            "RECOVERY_MATRIX": "null",
        }

    @property
    def brought_back(self) -> list[Run | Deployment | PullRequest]:
        """What rollbacks have started, of whatever kind."""
        runs = [run for run in self.world.runs.all() if (run.head_branch or "").startswith("recovery/")]
        deployments = [made for made in self.world.deployments.all() if made.payload]
        pulls = [pull for pull in self.world.pulls.all(state="all") if pull.head_branch.startswith("recovery/")]
        return [*runs, *deployments, *pulls]

    @property
    def tag(self) -> str:
        """The tag that says that the bad commit was rolled back."""
        return f"refs/tags/{rollback_tag('Deploy', 'production', self.bad.head_sha)}"

    @property
    def busy(self) -> str:
        """The tag that says that a rollback goes on."""
        return f"refs/tags/{busy_tag('Deploy', 'production')}"

    @property
    def tags(self) -> set[str]:
        """Our tags."""
        return {name for name in self.world.repository.references() if name.startswith("refs/tags/recovery/")}

    @property
    def branches(self) -> set[str]:
        """Our branches."""
        return {name for name in self.world.repository.branches() if name.startswith("recovery/")}

    @property
    def holds(self) -> list[str]:
        """Artifacts that keep a commit from being deployed."""
        return [each.name for each in self.world.vault.artifacts() if each.name.startswith(HOLD_PREFIX)]

    @property
    def open(self) -> list[str]:
        """What is still open by the record of whoever came last."""
        return [state.id for state in final_store(self.turns[-1]).unfinished(REPOSITORY)]

    def _turn(self, workflow: str, path: str, event: str) -> RollbackTurn:
        own = self.world.add_run(
            [ScriptedJob(name="recover", status="in_progress")],
            workflow=workflow,
            path=path,
            event=event,
            head_branch="main",
            status="in_progress",
        )
        turn = RollbackTurn(self, own, None, attempt=1, cache="newest")
        turn.configure({})
        self.turns.append(turn)
        return turn

    def _checkpoint(self, run: Run) -> Artifact:
        """What `mode: checkpoint` leaves in a job of a run."""
        folder = self.folder / f"deployed-{run.id}"
        folder.mkdir()
        (folder / "page.html").write_text("good")
        (folder / "event.json").write_text("{}")
        given = {"mode": "checkpoint", "name": "released", "path": "page.html", "github-token": ""}
        environment = self._environment(run, folder) | {
            "RECOVERY_CHECK_RUN_ID": str(run.latest.jobs[0].id),
            "RECOVERY_INPUTS": json.dumps(given),
        }
        assert 0 == action.main(environment)
        (made,) = folder.glob("temp/storyteller-recovery/checkpoints/ckpt-*")
        files = {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}
        name = f"recovery-checkpoint.{run.id}.1.{run.latest.jobs[0].id}.released.{made.name[-8:]}"
        return self.world.vault.upload(run, name, zip_of(files))


class RollbackTurn(Turn):
    """One use of `mode: rollback`, or a sweep after it: with the upload of the hold that it leaves."""

    loop: Shop

    def configure(self, inputs: dict[str, str]) -> None:
        """Give it its inputs, and the configuration of a workflow that can be rolled back."""
        rule = f"rollback: {{Deploy: {{kind: {self.loop.kind}}}}}"
        (self.folder / "workspace/.github/recovery.yml").write_text(f"version: 1\nretry-delay: 0\n{rule}\n")
        self.inputs: dict[str, Any] = {"github-token": self.token} | inputs
        self.over["GITHUB_WORKFLOW_REF"] = f"{REPOSITORY}/{self.own.workflow.path}@refs/heads/main"

    def execute(self) -> None:
        """`Execute and report`, and `Upload the hold`."""
        super().execute()
        self.upload_hold()

    def upload_hold(self) -> None:
        """`Upload the hold`, whatever happened before."""
        name = self.outputs.get("hold-artifact")
        if self.alive and name:
            content = {"hold.json": (self.directory / "hold" / "hold.json").read_bytes()}
            self.loop.world.vault.add_artifact(self.own, name, content)

    @property
    def changes(self) -> list[str]:
        """Every request that was to change something, without the repository, and `*` for a number."""
        asked = [f"{seen.method} {seen.path}" for seen in self.accesses if seen.method != "GET"]
        return [re.sub(r"/\d+\b", "/*", each.replace(f"/repos/{REPOSITORY}", "")) for each in asked]


def change(number: int) -> Callable[[Arrival], bool]:
    """The first, second, … request of a step that is to change something."""
    seen = 0

    def fits(arrival: Arrival) -> bool:
        nonlocal seen
        seen += arrival.method != "GET"
        return arrival.method != "GET" and seen == number

    return fits

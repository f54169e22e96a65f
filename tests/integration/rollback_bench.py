"""A good deployment and a bad one after it, over stand-ins, and as many managers over them as a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recovery.adapters.github.request_log import RequestLog
from recovery.adapters.runner import RunnerContext
from recovery.adapters.vault import DirectoryVault
from recovery.app.guarding import guard_deployment
from recovery.app.recovering import Result, execute_recovery
from recovery.app.rolling_back import asked_in, execute_rolling_back, plan_rolling_back
from recovery.app.sweeping import plan_sweep
from recovery.app.wiring import Workplace
from recovery.manager import RecoveryManager
from recovery.models.decision import RecoveryPlan
from recovery.models.records import PipelineFailure, RecoveryState, WorkflowCheckpoint
from recovery.monitor import PipelineMonitor
from recovery.policy.naming import busy_tag, rollback_tag
from recovery.ports import Clock, Delivery, Forge, Store
from recovery.recorder import Recorder
from recovery.settings import RollbackRule, Settings
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.fakes.forge import FakeForge

TAG = rollback_tag("Deploy", "production", rolled.BAD_SHA)
BUSY = busy_tag("Deploy", "production")
FIRST_SHA = "0" * 39 + "f"
DEPLOYED_LOG = "2026-01-15T12:00:00.0000000Z FAILED tests/test_x.py::test_y - assert 1 == 2\n"


class RollbackBench:
    """`Deploy` was good at one commit of main and is bad at the next; both left, or did not leave, a checkpoint."""

    def __init__(self, store: Store, folder: Path, kind: str = "redispatch", **rule: Any) -> None:
        self.store = store
        self.folder = folder
        self.clock = FakeClock(chance=0.0)
        self.forge = FakeForge()
        self.delivery = FakeDelivery(self.forge, self.clock)
        self.delivery.add_commits(FIRST_SHA, rolled.GOOD_SHA, rolled.BAD_SHA)
        self.vault = DirectoryVault(folder / "vault", workspace=folder, variables={})
        self.rule = RollbackRule(**{"kind": kind} | rule)
        for sha in (FIRST_SHA, rolled.GOOD_SHA, rolled.BAD_SHA, "main"):
            self.forge.files[rolled.WORKFLOW, sha] = rolled.WORKFLOW_TEXT
        deployed = make.make_job(id=4101, run_id=rolled.GOOD_RUN, name="deploy", conclusion="success", steps=())
        self.forge.add_run(rolled.make_deploy_run(), [deployed])
        job = make.make_job(run_id=rolled.BAD_RUN, name="deploy")
        self.forge.add_run(rolled.make_bad_run(), [job], {job.id: DEPLOYED_LOG})
        self.add_checkpoint(rolled.make_good_checkpoint())

    def add_checkpoint(self, checkpoint: WorkflowCheckpoint, **artifact: Any) -> None:
        """Hold a checkpoint as the catalogue takes it in, and its artifact."""
        self.store.record([make.checkpoint_created(checkpoint=checkpoint)])
        made = rolled.make_good_artifact(**{"id": checkpoint.metadata["artifact_id"]} | artifact)
        self.forge.artifacts[made.id] = (made, {})

    def manager(
        self,
        *,
        store: Store | None = None,
        forge: Forge | None = None,
        delivery: Delivery | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> RecoveryManager:
        """A manager as a new process would make it."""
        return RecoveryManager(
            store or self.store,
            forge or self.forge,
            self.vault,
            clock or self.clock,
            settings=Settings(**{"rollback": {"Deploy": self.rule}} | settings),
            delivery=delivery or self.delivery,
        )

    def go(self, reason: str = "the shop is down", manager: RecoveryManager | None = None) -> bool:
        """A person rolls back to the good checkpoint."""
        checkpoint = self.store.checkpoint("ckpt-good0001")
        assert checkpoint is not None
        return asyncio.run((manager or self.manager()).rollback_to_checkpoint(checkpoint, reason))

    def unasked(self, failure: PipelineFailure, manager: RecoveryManager | None = None) -> RecoveryPlan:
        """What is planned for a critical failure without a person's word."""
        run = self.forge.run(failure.run_id)
        seen = make.make_observation(run=run, attempt=failure.attempt, failures=(failure,), jobs=())
        return (manager or self.manager()).plan_rollback_unasked(seen, make.make_decision().reasons)

    def settle(self, **settings: Any) -> RecoveryState:
        """A pass of the sweep over the rollback."""
        self.manager(**settings).settle(self.state())
        return self.state()

    def state(self, number: int = 1) -> RecoveryState:
        """A recovery of the bad run, the first, second, … that is on record."""
        return sorted(self.store.recoveries_of(rolled.BAD_RUN, 1), key=lambda state: state.id)[number - 1]

    def plan(self, number: int = 1) -> RecoveryPlan:
        """The plan of a recovery of the bad run, as it is on record."""
        found = self.store.plan(self.state(number).id)
        assert found is not None
        return found

    @property
    def effects(self) -> int:
        """How often something was brought back."""
        pulls = [branch for _, branch in self.forge.pull_requests if branch.startswith("recovery/")]
        return len(self.delivery.dispatched) + len(self.delivery._deployments) + len(pulls)

    @property
    def locks(self) -> set[str]:
        """The tags of ours that stand."""
        return {tag for tag in self.delivery.held_tags if tag.startswith("recovery/")}

    def end_rollback(self, conclusion: str = "success") -> None:
        """Let what was brought back come to its end, well or not, whatever its kind is."""
        for run_id, _, _ in self.delivery.dispatched:
            run = self.forge.complete(run_id, conclusion)
            self.forge.add_run(run, [make.make_job(id=run_id, run_id=run_id, name="deploy", conclusion=conclusion)])
        for deployment_id in self.delivery._deployments:
            self.delivery._states[deployment_id] = conclusion
        for pull, branch in self.forge.pull_requests:
            if branch.startswith("recovery/"):
                self.delivery.close(pull.number, merged=conclusion == "success")

    def called_since(self, calls: int) -> Iterable[object]:
        """Names of the delivery's methods that were called since there were so many calls."""
        return [call[0] for call in self.delivery.calls[calls:]]

    def place(self, **settings: Any) -> Workplace:
        """What a use case works with, of a new process of the workflow that people roll back with."""
        given = Settings(**{"rollback": {"Deploy": self.rule}, "reason": "the shop is down"} | settings)
        manager = RecoveryManager(
            self.store, self.forge, self.vault, self.clock, settings=given, delivery=self.delivery
        )
        return Workplace(
            context=RunnerContext(repository=self.forge.repository, event_name="schedule", directory=self.folder),
            settings=given,
            store=self.store,
            archive=self.store,
            forge=self.forge,
            clock=self.clock,
            manager=manager,
            monitor=PipelineMonitor(manager, self.forge, self.vault, self.clock, settings=given),
            recorder=Recorder(self.store, self.clock, "local"),
            requests=RequestLog(),
            workflow=None,
            delivery=self.delivery,
        )

    def roll_back(self, *, plan_uploaded: bool = True, **settings: Any) -> Result:
        """One use: plan, execute in another process, and upload the hold that is left for it."""
        planning = self.place(**settings)
        handover = plan_rolling_back(planning, asked_in(planning.settings))
        result = execute_rolling_back(self.place(**settings), handover, plan_uploaded=plan_uploaded)
        self.upload(result)
        return result

    def sweep(self, **settings: Any) -> Result:
        """One pass of the schedule, with the upload of what it leaves."""
        handover = plan_sweep(self.place(**settings))
        result = execute_recovery(self.place(**settings), handover)
        self.upload(result)
        return result

    def upload(self, result: Result) -> None:
        """Upload a hold, as the step after does."""
        if not result.hold_artifact:
            return
        number = 1 + max(self.forge.artifacts)
        maker = make.make_run(
            id=5000 + number,
            workflow_name="Roll back",
            path=".github/workflows/rollback.yml",
            event="workflow_dispatch",
            head_branch="main",
            conclusion="success",
        )
        self.forge.add_run(maker)
        content = (self.folder / "hold" / "hold.json").read_bytes()
        made = make.make_artifact(id=number, name=result.hold_artifact, run_id=maker.id, created_at=self.clock.now())
        self.forge.artifacts[number] = (made, {"hold.json": content})

    def guard(self, sha: str = rolled.BAD_SHA, workflow_name: str = "Deploy") -> str:
        """What the first step of a job that deploys says."""
        context = RunnerContext(
            repository=self.forge.repository,
            sha=sha,
            event={"repository": {"default_branch": "main"}},
        )
        return guard_deployment(context, Settings(), workflow_name, forge=self.forge, clock=self.clock)

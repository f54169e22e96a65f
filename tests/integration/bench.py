"""One failed run over stand-ins whose time a test moves: managers, and whole passes of the schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recovery.adapters.github.request_log import RequestLog
from recovery.adapters.runner import RunnerContext
from recovery.adapters.vault import DirectoryVault
from recovery.app.handover import Handover
from recovery.app.recovering import Result, Target, execute_recovery, plan_recovery
from recovery.app.sweeping import plan_sweep
from recovery.app.wiring import Workplace
from recovery.manager import RecoveryManager
from recovery.models.decision import RecoveryPlan
from recovery.models.records import RecoveryState
from recovery.monitor import PipelineMonitor
from recovery.ports import Store
from recovery.recorder import Recorder
from recovery.settings import Settings
from tests import builders as make
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge

NETWORK = "2026-01-15T12:00:00.0000000Z curl: (18) transfer closed with 4711 bytes remaining to read\n"
BROKEN = "2026-01-15T12:00:00.0000000Z FAILED tests/test_x.py::test_y - assert 1 == 2\n"
BUSY = "2026-01-15T12:00:00.0000000Z HTTP 429: too many requests, retry-after: 300\n"
PATIENT = {"autonomy": {"rate_limit": "act"}}
"""Settings under which a rate limit acts even where it is only a `maybe`."""
RUN = 1001


class Bench:
    """One failed run, and as many managers over it as a test needs."""

    def __init__(self, store: Store, folder: Path, log: str = NETWORK) -> None:
        self.store = store
        self.folder = folder
        self.clock = FakeClock(chance=0.0)
        self.forge = FakeForge()
        self.vault = DirectoryVault(folder / "vault", workspace=folder, variables={})
        self.forge.add_run(make.make_run(), [make.make_job()], {4201: log})
        self.forge.add_pull_request(make.make_pull_request(), "feature")
        self.failure = make.make_failure()

    def manager(self, store: Store | None = None, **settings: Any) -> RecoveryManager:
        """A manager as a new process would make it; it looks at no other run, unless told to."""
        given = Settings(**{"baseline": False} | settings)
        return RecoveryManager(
            self.store if store is None else store, self.forge, self.vault, self.clock, settings=given
        )

    @property
    def effects(self) -> int:
        """How many re-runs took place."""
        return self.forge._runs[RUN].run_attempt - 1

    def calls(self) -> list[object]:
        """Names of the forge's methods that were called, in order."""
        return [call[0] for call in self.forge.calls]

    def state(self, number: int = 1) -> RecoveryState:
        """A recovery of the run's first attempt, as it is on record."""
        found = self.store.recovery(f"rec-{RUN}-1-{number}")
        assert found is not None
        return found

    def forged(self, **plan: Any) -> RecoveryPlan:
        """A plan to act that no manager made, put on record by whoever could write to the store."""
        made = make.make_plan(**plan)
        self.store.record([make.failure_observed(), make.recovery_decided(plan=made)])
        return made

    def started_by(self, actor: str) -> None:
        """Let that account have started the run's latest attempt."""
        self.forge.add_run(
            self.forge._runs[RUN].model_copy(update={"triggering_actor": actor}),
            self.forge._jobs[RUN, self.forge._runs[RUN].run_attempt],
        )

    def place(self, **settings: Any) -> Workplace:
        """What a use case works with, of a new process that watches the workflow CI."""
        given = Settings(**{"workflows": ("CI",), "retry_delay": 0, "baseline": False} | settings)
        manager = RecoveryManager(self.store, self.forge, self.vault, self.clock, settings=given)
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
        )

    def sweep(self, **settings: Any) -> Result:
        """One pass of the schedule."""
        return self._executed(plan_sweep(self.place(**settings)), settings)

    def recover(self, attempt: int | None = None, **settings: Any) -> Result:
        """One use for the failed run; without an attempt, as a person names it by hand."""
        return self._executed(plan_recovery(self.place(**settings), Target(run_id=RUN, attempt=attempt)), settings)

    def _executed(self, handover: Handover, settings: dict[str, Any]) -> Result:
        return execute_recovery(self.place(**settings), handover)

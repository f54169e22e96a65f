"""The watch: recovers through the manager, and without one never re-runs blindly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.vault import DirectoryVault
from recovery.errors import ForgeRefused, ForgeUnavailable, InputError, RunActive, StateError, StrategyUnavailable
from recovery.manager import RecoveryManager
from recovery.models.records import RecoveryState, RecoveryStatus, RecoveryType
from recovery.models.verdict import Retryable
from recovery.monitor import PipelineMonitor
from recovery.settings import Settings
from tests import builders as make
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore

NETWORK = "2026-01-15T12:00:00.0000000Z curl: (18) transfer closed with 4711 bytes remaining to read\n"
BROKEN = "2026-01-15T12:00:00.0000000Z FAILED tests/test_x.py::test_y - assert 1 == 2\n"
RUN = 1001


class BrokenStore(MemoryStore):
    """A store that stops working at its n-th write; a claim that is admitted is one."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def record(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left <= 0:
            raise StateError("the disk is full")
        return super().record(*arguments)


class Watch:
    """A monitor over one failed run."""

    def __init__(self, folder: Path, log: str = NETWORK) -> None:
        self.clock = FakeClock(chance=0.0)
        self.forge = FakeForge()
        self.forge.add_run(make.make_run(), [make.make_job()], {4201: log})
        self.forge.add_pull_request(make.make_pull_request(), "feature")
        self.vault = DirectoryVault(folder / "vault", workspace=folder, variables={})

    def recover(
        self, store: MemoryStore | None, strategy: str = "auto", failure: Any = None, **settings: Any
    ) -> RecoveryState:
        """What the seed's coroutine gives, with a manager over this store or with none."""
        chosen = Settings(**settings)
        manager = None
        if store is not None:
            manager = RecoveryManager(store, self.forge, self.vault, self.clock, settings=chosen)
        monitor = PipelineMonitor(manager, self.forge, self.vault, self.clock, settings=chosen)
        return asyncio.run(monitor.initiate_enhanced_recovery(failure or make.make_failure(), strategy))

    def monitor(self) -> PipelineMonitor:
        """A monitor without a manager."""
        return PipelineMonitor(None, self.forge, self.vault, self.clock)

    @property
    def effects(self) -> int:
        """How many re-runs were requested."""
        return self.forge.called("rerun_failed_jobs")


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """A run that lost its connection."""
    return Watch(tmp_path)


def test_recovery_goes_through_the_manager(watch: Watch) -> None:
    """With a manager the enhanced recovery is the manager's, and a checkpoint is taken before."""
    state = watch.recover(MemoryStore())

    assert ("rec-1001-1-1", RecoveryStatus.IN_PROGRESS, 1) == (state.id, state.status, watch.effects)
    assert 1 == len(list(watch.vault.root.iterdir()))


def test_manager_is_told_the_strategy(tmp_path: Path) -> None:
    """What a person asks for reaches the manager."""
    watch = Watch(tmp_path, BROKEN)

    assert RecoveryStatus.DECLINED == watch.recover(MemoryStore()).status
    assert RecoveryStatus.IN_PROGRESS == watch.recover(MemoryStore(), "retry").status


def test_without_a_manager_a_basic_retry_is_done_and_said(watch: Watch) -> None:
    """One re-run, directly after a look at the run, and a state that says that it was degraded."""
    state = watch.recover(None)

    assert [("run", RUN), ("rerun_failed_jobs", RUN)] == watch.forge.calls[-2:]
    assert (RecoveryType.RETRY, RecoveryStatus.IN_PROGRESS) == (state.recovery_type, state.status)
    assert "no recovery manager is available" == state.recovery_context["degraded"]


@pytest.mark.parametrize("at", [1, 2])
def test_store_that_breaks_before_the_effect_falls_back_to_one_rerun(watch: Watch, at: int) -> None:
    """When the plan or the claim cannot be written, the basic retry re-runs once."""
    state = watch.recover(BrokenStore(at))

    assert (1, "the disk is full") == (watch.effects, state.recovery_context["degraded"])


def test_store_that_breaks_after_the_effect_leads_to_no_second_one(watch: Watch) -> None:
    """The answer could not be recorded: the fallback sees the new attempt, and leaves it."""
    state = watch.recover(BrokenStore(3))

    assert 1 == watch.effects
    assert RecoveryStatus.DECLINED == state.status
    assert "run-active" in [reason["id"] for reason in state.recovery_context["reasons"]]


def declined(watch: Watch, **over: Any) -> bool:
    """Whether the basic retry leaves the run alone."""
    state = watch.recover(None, **over)
    return (RecoveryStatus.DECLINED, RecoveryType.NONE, 0) == (state.status, state.recovery_type, watch.effects)


def test_basic_retry_leaves_a_real_failure(tmp_path: Path) -> None:
    """The fallback decides by the same evidence."""
    assert declined(Watch(tmp_path, BROKEN))


def test_basic_retry_leaves_a_superseded_run(watch: Watch) -> None:
    """The vetoes hold without a store too."""
    watch.forge.pull_requests[:] = [(make.make_pull_request(head_sha="a" * 40), "feature")]

    assert declined(watch)


def test_basic_retry_keeps_the_attempt_cap(watch: Watch) -> None:
    """Loops are limited by GitHub's own count."""
    watch.forge.add_run(make.make_run(run_attempt=2), [make.make_job(id=5, run_attempt=2)], {5: NETWORK})

    assert declined(watch, failure=make.make_failure(attempt=2, job_id=5))


def test_basic_retry_of_a_dry_run_does_nothing(watch: Watch) -> None:
    """A dry run is one without a manager too."""
    assert declined(watch, dry_run=True)


def test_basic_retry_does_nothing_where_nothing_is_asked(watch: Watch) -> None:
    """`none` means none, also when the manager is gone."""
    assert declined(watch, strategy="none")


def test_basic_retry_does_not_force_a_strategy_of_a_person(tmp_path: Path) -> None:
    """Without a record of who asked, an explicit retry is held to the evidence like any other."""
    assert declined(Watch(tmp_path, BROKEN), strategy="retry")


def test_basic_retry_that_comes_second_is_no_error(watch: Watch) -> None:
    """Another re-run came between the look and the request."""
    watch.forge.fail("rerun_failed_jobs", RunActive("the run has not completed", status=403))

    state = watch.recover(None)

    assert (RecoveryStatus.DECLINED, 1) == (state.status, watch.effects)


@pytest.mark.parametrize("error", [ForgeRefused("no", status=403), ForgeUnavailable("down")])
def test_basic_retry_raises_what_github_refuses(watch: Watch, error: Exception) -> None:
    """A failed effect is an error here too."""
    watch.forge.fail("rerun_failed_jobs", error)

    with pytest.raises(type(error)):
        watch.recover(None)


@pytest.mark.parametrize("error", [ForgeRefused("no", status=403), ForgeUnavailable("down")])
def test_errors_other_than_the_stores_do_not_lead_to_a_retry(watch: Watch, error: Exception) -> None:
    """What GitHub refused to the manager is not tried again behind its back."""
    watch.forge.fail("rerun_failed_jobs", error)

    with pytest.raises(type(error)):
        watch.recover(MemoryStore())

    assert 1 == watch.effects


def test_unknown_strategy_reaches_the_caller(watch: Watch) -> None:
    """Bad input is no reason to fall back."""
    with pytest.raises(InputError):
        watch.recover(MemoryStore(), "reboot")

    assert 0 == watch.effects


def test_checkpoint_before_recovery_says_where_the_run_stood(watch: Watch) -> None:
    """The seed's underscore coroutine writes a checkpoint that can be read again."""
    checkpoint = asyncio.run(watch.monitor()._create_pre_recovery_checkpoint(make.make_failure()))

    assert checkpoint is not None
    assert checkpoint == watch.vault.get(checkpoint.id)
    assert ("pre-recovery", "workflow", "1001", make.HEAD_SHA) == (
        checkpoint.checkpoint_name,
        checkpoint.checkpoint_type,
        checkpoint.run_id,
        checkpoint.commit_sha,
    )


def test_checkpoint_that_fails_is_a_warning(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    """A vault that cannot be written does not keep a run from being recovered."""
    watch.vault.root.write_text("a file where the folder should be")

    state = watch.recover(MemoryStore())

    assert RecoveryStatus.IN_PROGRESS == state.status
    assert "pre-recovery checkpoint failed" in caplog.text


@pytest.mark.parametrize(
    ("over", "strategy"),
    [
        ({}, "retry"),
        ({"confidence": 0.7}, "retry"),
        ({"confidence": 0.69}, "none"),
        ({"retryable": Retryable.MAYBE}, "none"),
        ({"retryable": Retryable.NO}, "none"),
        ({"consequence_of": "other"}, "none"),
    ],
)
def test_strategy_of_a_failure_by_itself(watch: Watch, over: dict[str, Any], strategy: str) -> None:
    """The seed's underscore method names what the failure calls for."""
    assert strategy == watch.monitor()._determine_recovery_strategy(make.make_failure(**over))


def test_observing_is_the_observers(watch: Watch) -> None:
    """The monitor takes in a run with the cause of each failed job."""
    seen = watch.monitor().observe(RUN)

    assert [("test", "network")] == [(failure.job_name, failure.failure_class) for failure in seen.failures]


def test_rollback_never_degrades_to_a_retry(tmp_path: Path) -> None:
    """A re-run is not what was asked for."""
    watch = Watch(tmp_path)

    with pytest.raises(StrategyUnavailable, match="rollback"):
        watch.recover(None, "rollback")
    with pytest.raises(StrategyUnavailable, match="rollback"):
        watch.recover(MemoryStore(), "rollback")

    assert 0 == watch.forge.called("rerun_failed_jobs")

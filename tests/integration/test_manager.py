"""The conductor with stand-ins and with a real database: written ahead, done at most once, settled in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    DeadlineExceeded,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    InputError,
    RateLimited,
    RunActive,
    StrategyUnavailable,
)
from recovery.manager import LOOK_AGAIN_AFTER, RecoveryManager
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.github import Artifact
from recovery.models.records import Outcome, RecoveryStatus, RecoveryType
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.lifecycle import OPEN
from recovery.policy.limits import REQUEST_IN_FLIGHT
from recovery.ports import Store
from recovery.settings import Settings
from recovery.settlement import GIVE_UP_AFTER
from tests import builders as make
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore
from tests.integration.bench import BROKEN, BUSY, NETWORK, PATIENT, RUN, Bench


def test_plan_is_on_record_before_any_effect(bench: Bench) -> None:
    """Planning records failure and plan, and asks GitHub for nothing but facts."""
    plan = bench.manager().plan(bench.failure)

    assert ["run", "jobs", "job_log", "pull_request_of", "artifacts_of_run"] == bench.calls()
    assert plan == bench.store.plan(plan.header.id)
    assert bench.store.failure(bench.failure.id) is not None
    state = bench.store.recovery(plan.header.id)
    assert state is not None
    assert (RecoveryStatus.PENDING, RecoveryType.RETRY) == (state.status, state.recovery_type)


def test_request_is_on_record_before_it_is_sent(bench: Bench) -> None:
    """At the moment of the POST, the record says that it is being requested."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    seen: list[object] = []
    send = bench.forge.rerun_failed_jobs

    def watched(run_id: int) -> None:
        state = bench.store.recovery(plan.header.id)
        seen.append(state and state.status)
        send(run_id)

    bench.forge.rerun_failed_jobs = watched
    manager.execute(plan)

    assert [RecoveryStatus.IN_PROGRESS] == seen


def test_run_is_looked_at_directly_before_the_effect(bench: Bench) -> None:
    """Between GET run and POST nothing else is asked."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    before = len(bench.forge.calls)

    state = manager.execute(plan)

    assert [("run", RUN), ("rerun_failed_jobs", RUN)] == bench.forge.calls[before:]
    assert RecoveryStatus.IN_PROGRESS == state.status
    assert state.metadata["accepted"]


def test_executing_twice_acts_once(bench: Bench) -> None:
    """A plan that was executed is not executed again, not even after the run has completed."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    manager.execute(plan)
    bench.forge.complete(RUN)

    manager.execute(plan)
    bench.manager().execute(plan)

    assert 1 == bench.forge.called("rerun_failed_jobs")


def test_planning_twice_gives_the_same_plan(bench: Bench) -> None:
    """An attempt that is being recovered gives the plan on record, word for word."""
    first = bench.manager().plan(bench.failure)
    bench.clock.advance(30)

    assert first == bench.manager().plan(bench.failure)
    assert 1 == len(bench.store.recoveries_of(RUN, 1))


def test_declining_twice_writes_nothing_the_second_time(tmp_path: Path) -> None:
    """The same decision to leave a run red is recorded once."""
    store = MemoryStore()
    bench = Bench(store, tmp_path, BROKEN)
    first = bench.manager().plan(bench.failure)
    events = dict(store.events)
    bench.clock.advance(30)

    assert first == bench.manager().plan(bench.failure)
    assert events == store.events
    assert (DecisionKind.DECLINE, RecoveryType.NONE) == (first.decision.kind, first.header.recovery_type)


def test_declined_plan_executes_to_nothing(tmp_path: Path) -> None:
    """Executing a decision to leave a run red sends nothing."""
    bench = Bench(MemoryStore(), tmp_path, BROKEN)
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    before = len(bench.forge.calls)

    state = manager.execute(plan)

    assert RecoveryStatus.DECLINED == state.status
    assert before == len(bench.forge.calls)


def test_declining_does_not_block_a_person(tmp_path: Path) -> None:
    """After a decline, an explicit retry is a second recovery of the same attempt, and acts."""
    bench = Bench(MemoryStore(), tmp_path, BROKEN)
    declined = bench.manager().plan(bench.failure)
    manager = bench.manager()

    plan = manager.plan(bench.failure, "retry")
    manager.execute(plan)

    assert ["rec-1001-1-1", "rec-1001-1-2"] == [declined.header.id, plan.header.id]
    assert 1 == bench.effects


def test_refused_effect_does_not_block_a_person(bench: Bench) -> None:
    """After a refusal an explicit retry may try again."""
    bench.forge.fail("rerun_failed_jobs", ForgeRefused("no permission", status=403))
    manager = bench.manager()
    with pytest.raises(ForgeRefused):
        manager.execute(manager.plan(bench.failure))

    again = bench.manager()
    state = again.execute(again.plan(bench.failure, "retry"))

    assert (RecoveryStatus.IN_PROGRESS, 1) == (state.status, bench.effects)


def test_one_attempt_has_one_effect(bench: Bench) -> None:
    """An attempt that was re-run is not re-run again, whoever asks."""
    manager = bench.manager()
    first = manager.plan(bench.failure)
    manager.execute(first)
    bench.forge.complete(RUN)

    again = bench.manager()
    second = again.plan(bench.failure, "retry")
    again.execute(second)

    assert first == second
    assert 1 == bench.effects


def test_active_run_is_recorded_and_no_error(bench: Bench) -> None:
    """A 403 because another re-run came first is an expected outcome."""
    active = RunActive("the run has not completed", status=403)
    bench.forge.fail("rerun_failed_jobs", active, after_effect=True)
    manager = bench.manager()

    state = manager.execute(manager.plan(bench.failure))

    assert RecoveryStatus.FAILED == state.status
    assert "another re-run came first" in state.metadata["detail"]


def test_run_that_moved_on_is_not_touched(bench: Bench) -> None:
    """An attempt made meanwhile is seen by the last look, and nothing is sent."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    bench.forge.rerun_failed_jobs(RUN)

    state = manager.execute(plan)

    assert 1 == bench.forge.called("rerun_failed_jobs")
    assert RecoveryStatus.FAILED == state.status
    assert "attempt 2" in state.metadata["detail"]


def test_refusal_is_recorded_and_raised(bench: Bench) -> None:
    """What GitHub refuses is on record with its words, and reaches the caller."""
    bench.forge.fail("rerun_failed_jobs", ForgeRefused("no permission", status=403))
    manager = bench.manager()
    plan = manager.plan(bench.failure)

    with pytest.raises(ForgeRefused, match="no permission"):
        manager.execute(plan)

    state = manager.state_of(plan)
    assert (RecoveryStatus.FAILED, "not done: no permission") == (state.status, state.metadata["detail"])


def test_unclear_answer_with_a_new_attempt_is_taken_for_accepted(bench: Bench) -> None:
    """A POST without an answer that took effect is found by looking, and not sent again."""
    bench.forge.fail("rerun_failed_jobs", AmbiguousEffect("no answer"), after_effect=True)
    manager = bench.manager()

    state = manager.execute(manager.plan(bench.failure))

    assert (RecoveryStatus.IN_PROGRESS, True) == (state.status, state.metadata["accepted"])
    assert 1 == bench.forge.called("rerun_failed_jobs")


def test_unclear_answer_without_a_new_attempt_stays_open(bench: Bench) -> None:
    """A POST without an answer that shows no attempt is raised, left open, and not sent again while in flight."""
    bench.forge.fail("rerun_failed_jobs", AmbiguousEffect("no answer"))
    manager = bench.manager()
    plan = manager.plan(bench.failure)

    with pytest.raises(AmbiguousEffect):
        manager.execute(plan)
    state = bench.manager().execute(plan)

    assert (RecoveryStatus.IN_PROGRESS, False) == (state.status, state.metadata["accepted"])
    assert 1 == bench.forge.called("rerun_failed_jobs")


def test_unclear_request_is_settled_as_not_rerun_when_nothing_came_of_it(bench: Bench) -> None:
    """When the time of a request in flight is over and no attempt is to be seen, it did not happen."""
    bench.forge.fail("rerun_failed_jobs", AmbiguousEffect("no answer"))
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    with pytest.raises(AmbiguousEffect):
        manager.execute(plan)
    assert RecoveryStatus.IN_PROGRESS == manager.settle(manager.state_of(plan)).status

    bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds() + 1)
    state = manager.settle(manager.state_of(plan))

    assert (RecoveryStatus.FAILED, Outcome.NOT_RERUN) == (state.status, state.metadata["outcome"])


TROUBLE = [
    ("run", 2, ForgeUnavailable("GitHub is down")),
    ("run", 2, RateLimited("wait for an hour")),
    ("rerun_failed_jobs", 1, RateLimited("wait for an hour")),
    ("rerun_failed_jobs", 1, ForgeUnavailable("GitHub cannot be reached")),
]


@pytest.mark.parametrize(("method", "call", "error"), TROUBLE)
def test_passing_trouble_leaves_the_request_open(bench: Bench, method: str, call: int, error: ForgeError) -> None:
    """Trouble that passes is no answer: it is raised and noted, and while in flight nothing is sent again."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    bench.forge.fail(method, error, call=call)

    with pytest.raises(type(error)):
        manager.execute(plan)

    state = manager.state_of(plan)
    assert (RecoveryStatus.IN_PROGRESS, False) == (state.status, state.metadata["accepted"])
    assert f"not done: {error.message}" == state.progress_steps[-1]["detail"]
    sent = bench.forge.called("rerun_failed_jobs")
    again = bench.manager()
    again.execute(again.plan(bench.failure))
    assert (sent, 0) == (bench.forge.called("rerun_failed_jobs"), bench.effects)


@pytest.mark.parametrize(("method", "call", "error"), TROUBLE)
def test_passing_trouble_does_not_block_the_attempt(bench: Bench, method: str, call: int, error: ForgeError) -> None:
    """Five minutes later the open request is settled as not re-run, and a new decision acts, once."""
    manager = bench.manager()
    plan = manager.plan(bench.failure)
    bench.forge.fail(method, error, call=call)
    with pytest.raises(type(error)):
        manager.execute(plan)
    bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds() + 1)

    later = bench.manager()
    settled = later.settle(later.state_of(plan))
    state = later.execute(later.plan(bench.failure))

    assert (RecoveryStatus.FAILED, Outcome.NOT_RERUN) == (settled.status, settled.metadata["outcome"])
    assert ("rec-1001-1-2", RecoveryStatus.IN_PROGRESS, 1) == (state.id, state.status, bench.effects)


def test_plan_due_later_is_left_pending(tmp_path: Path) -> None:
    """What a server asked to wait for is longer than a job may wait: the plan says when, and nobody sleeps."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    manager = bench.manager(**PATIENT)

    plan = manager.plan(bench.failure)
    state = manager.execute(plan)

    assert make.later(300) == plan.due_at
    assert RecoveryStatus.PENDING == state.status
    assert ([], 0) == (bench.clock.sleeps, bench.effects)


def test_plan_due_later_is_executed_by_a_later_pass(tmp_path: Path) -> None:
    """When its time has come the plan is executed, after everything was looked at and decided once more."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    plan = bench.manager(**PATIENT).plan(bench.failure)
    bench.clock.advance(301)
    before = len(bench.forge.calls)

    bench.manager(**PATIENT).execute(plan)

    expected = ["run", "jobs", "job_log", "pull_request_of", "run", "rerun_failed_jobs"]
    assert expected == bench.calls()[before:]
    assert 1 == bench.effects


@pytest.mark.parametrize(
    ("pull_request", "words"),
    [
        (make.make_pull_request(head_sha="a" * 40), "no longer the head"),
        (make.make_pull_request(state="closed"), "is closed"),
    ],
)
def test_plan_due_later_is_refused_when_nobody_wants_it_any_more(tmp_path: Path, pull_request: Any, words: str) -> None:
    """A newer commit, or a closed pull request, ends a plan that had to wait."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    plan = bench.manager(**PATIENT).plan(bench.failure)
    bench.clock.advance(301)
    bench.forge.pull_requests[:] = [(pull_request, "feature")]

    state = bench.manager(**PATIENT).execute(plan)

    assert (RecoveryStatus.FAILED, 0) == (state.status, bench.effects)
    assert state.metadata["detail"].startswith("withdrawn: ")
    assert words in state.metadata["detail"]


@pytest.mark.parametrize("own_process", [True, False])
def test_young_plan_of_this_use_is_executed_without_another_look(quick: Bench, *, own_process: bool) -> None:
    """Within two minutes the look of the planning step still counts, for its process and for one it hands over to."""
    planner = quick.manager()
    plan = planner.plan(quick.failure)
    quick.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
    before = len(quick.forge.calls)

    (planner if own_process else quick.manager()).execute(plan, confirmed=not own_process)

    assert ["run", "rerun_failed_jobs"] == quick.calls()[before:]


@pytest.mark.parametrize("own_process", [True, False])
def test_plan_that_grew_old_is_decided_about_again(quick: Bench, *, own_process: bool) -> None:
    """After two minutes nobody vouches for a plan any more, not even the process that made it."""
    planner = quick.manager()
    plan = planner.plan(quick.failure)
    quick.clock.advance(LOOK_AGAIN_AFTER.total_seconds() + 1)
    before = len(quick.forge.calls)

    (planner if own_process else quick.manager()).execute(plan, confirmed=not own_process)

    expected = ["run", "jobs", "job_log", "pull_request_of", "run", "rerun_failed_jobs"]
    assert expected == quick.calls()[before:]


def test_short_wait_is_slept_through(quick: Bench) -> None:
    """A wait within `max-inline-delay` happens inside, before the run is looked at."""
    quick.clock.fixed_chance = 0.5
    manager = quick.manager(retry_delay=20)
    plan = manager.plan(quick.failure)

    manager.execute(plan)

    assert [10.0] == quick.clock.sleeps
    assert 1 == quick.effects


@pytest.mark.parametrize(("limit", "effects"), [(10, 1), (9.9, 0)])
def test_longest_wait_inside_is_what_the_setting_says(quick: Bench, limit: float, effects: int) -> None:
    """A wait of exactly `max-inline-delay` is slept through, a longer one is left to the sweep."""
    quick.clock.fixed_chance = 0.5
    manager = quick.manager(retry_delay=20, max_inline_delay=limit)

    manager.execute(manager.plan(quick.failure))

    assert effects == quick.effects


def test_explicit_retry_does_not_wait(tmp_path: Path) -> None:
    """A person who asks for a retry has waited enough."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    manager = bench.manager()

    plan = manager.plan(bench.failure, "retry")
    manager.execute(plan)

    assert plan.due_at is None
    assert 1 == bench.effects


def test_nothing_is_begun_after_the_deadline(quick: Bench) -> None:
    """The time given counts from the manager's making; after it the effect is not requested."""
    manager = quick.manager(timeout=60)
    plan = manager.plan(quick.failure)
    quick.clock.advance(60)

    with pytest.raises(DeadlineExceeded):
        manager.execute(plan)

    assert 0 == quick.forge.called("rerun_failed_jobs")
    state = quick.store.recovery(plan.header.id)
    assert state is not None
    assert RecoveryStatus.PENDING == state.status


def test_wait_beyond_the_deadline_is_not_begun(quick: Bench) -> None:
    """A plan due after the deadline is left for later at once, instead of slept into the deadline."""
    quick.clock.fixed_chance = 0.5
    manager = quick.manager(retry_delay=100, timeout=50)

    state = manager.execute(manager.plan(quick.failure))

    assert ([], RecoveryStatus.PENDING) == (quick.clock.sleeps, state.status)


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    """Neither store nor GitHub learns of a dry run, in none of the three steps."""
    store = MemoryStore()
    bench = Bench(store, tmp_path)
    manager = bench.manager(dry_run=True)

    plan = manager.plan(bench.failure)
    state = manager.execute(plan)
    manager.settle(state)

    assert {} == store.events
    assert 0 == bench.effects
    assert (DecisionKind.ACT, RecoveryStatus.PENDING) == (plan.decision.kind, state.status)


def test_dry_run_settles_nothing(bench: Bench) -> None:
    """A dry run looks at an open recovery and leaves it as it is."""
    manager = bench.manager()
    state = manager.execute(manager.plan(bench.failure))
    bench.forge.complete(RUN)

    assert state == bench.manager(dry_run=True).settle(state)


def test_unknown_strategy_is_bad_input(quick: Bench) -> None:
    """A word that is no strategy is refused with the words that are."""
    with pytest.raises(InputError) as caught:
        quick.manager().plan(quick.failure, "reboot")

    assert "`retry`" in str(caught.value.hint)
    assert [] == quick.forge.calls


def test_strategy_of_a_later_version_is_refused_before_anything_is_asked(quick: Bench) -> None:
    """A recipe that does not exist yet raises its own error; nothing is requested or recorded."""
    with pytest.raises(StrategyUnavailable, match="rollback"):
        quick.manager().plan(quick.failure, "rollback")

    assert [] == quick.forge.calls
    assert () == quick.store.recoveries()


def test_strategy_none_only_reports(quick: Bench) -> None:
    """`none` records that a person asked for nothing to be done."""
    manager = quick.manager()

    state = manager.execute(manager.plan(quick.failure, "none"))

    assert (RecoveryStatus.DECLINED, 0) == (state.status, quick.effects)
    assert [ReasonId.REQUESTED] == [reason["id"] for reason in state.recovery_context["reasons"]]


def test_active_run_is_declined_with_the_failure_given(quick: Bench) -> None:
    """The jobs of a run that goes on are not looked at; the failure at hand carries the record."""
    quick.forge.rerun_failed_jobs(RUN)
    quick.forge.calls.clear()
    failure = make.make_failure(attempt=2)

    plan = quick.manager().plan(failure)

    assert [ReasonId.RUN_ACTIVE] == [reason.id for reason in plan.decision.reasons if reason.id is ReasonId.RUN_ACTIVE]
    assert DecisionKind.DECLINE == plan.decision.kind
    assert (failure.id,) == plan.header.failure_ids


# --- settling -------------------------------------------------------------------------------------------------------


def executed(bench: Bench, jobs: list[Any] | None = None) -> RecoveryManager:
    """A manager that has re-run the failed run, whose next attempt will have these jobs."""
    if jobs is not None:
        bench.forge.script_attempt(RUN, jobs)
    manager = bench.manager()
    manager.execute(manager.plan(bench.failure))
    return manager


@pytest.mark.parametrize(
    ("jobs", "outcome", "status"),
    [
        ([{"conclusion": "success"}], Outcome.CLEARED, RecoveryStatus.COMPLETED),
        ([{"conclusion": "failure"}], Outcome.STILL_FAILING, RecoveryStatus.FAILED),
        ([{"conclusion": "cancelled"}], Outcome.UNKNOWN, RecoveryStatus.FAILED),
        ([{"name": "other", "conclusion": "success"}], Outcome.UNKNOWN, RecoveryStatus.FAILED),
        ([], Outcome.UNKNOWN, RecoveryStatus.FAILED),
    ],
)
def test_outcome_is_measured_on_the_next_attempt(
    bench: Bench, jobs: list[dict[str, Any]], outcome: Outcome, status: RecoveryStatus
) -> None:
    """Cleared completes a recovery; failing again, or nothing to tell, fails it."""
    manager = executed(bench, [make.make_job(id=5001, run_attempt=2, **job) for job in jobs])
    bench.forge.complete(RUN, "success" if outcome is Outcome.CLEARED else "failure")

    state = manager.settle(bench.store.recoveries_of(RUN, 1)[0])

    assert (status, outcome, 2) == (state.status, state.metadata["outcome"], state.metadata["settled_attempt"])
    assert state.completed_at is not None


def test_running_attempt_is_not_settled(bench: Bench) -> None:
    """While the next attempt runs, nothing can be told and nothing is written."""
    manager = executed(bench)
    state = bench.store.recoveries_of(RUN, 1)[0]

    assert state == manager.settle(state)
    assert RecoveryStatus.IN_PROGRESS == state.status


def test_settled_recovery_is_not_settled_again(bench: Bench) -> None:
    """A settled recovery costs no request any more."""
    manager = executed(bench)
    bench.forge.complete(RUN)
    state = manager.settle(bench.store.recoveries_of(RUN, 1)[0])
    before = len(bench.forge.calls)

    assert state == manager.settle(state)
    assert before == len(bench.forge.calls)


def test_outcome_is_that_of_the_next_attempt_even_when_there_are_more(bench: Bench) -> None:
    """A third attempt that somebody made does not change what the second one showed."""
    manager = executed(bench, [make.make_job(id=5001, run_attempt=2)])
    bench.forge.complete(RUN)
    bench.forge.rerun_failed_jobs(RUN)

    state = manager.settle(bench.store.recoveries_of(RUN, 1)[0])

    assert (Outcome.STILL_FAILING, 2) == (state.metadata["outcome"], state.metadata["settled_attempt"])


def test_accepted_rerun_that_never_shows_is_given_up(quick: Bench) -> None:
    """GitHub accepted, but no attempt came within the hour: not re-run."""
    manager = executed(quick)
    quick.forge.add_run(make.make_run(), [make.make_job()])
    assert RecoveryStatus.IN_PROGRESS == manager.settle(quick.store.recoveries_of(RUN, 1)[0]).status

    quick.clock.advance(GIVE_UP_AFTER.total_seconds() + 1)
    state = manager.settle(quick.store.recoveries_of(RUN, 1)[0])

    assert Outcome.NOT_RERUN == state.metadata["outcome"]


# --- killed in the middle ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here; no handler of errors sees it."""


class MortalStore:
    """A store whose process is killed at its n-th write, before or after the write is on disk."""

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self._store = store
        self._at = at
        self._after = after
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._mortal(found) if name in {"record", "claim"} else found

    def _mortal(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*arguments: Any) -> Any:
            self.writes += 1
            if self.writes == self._at and not self._after:
                raise Killed
            answer = write(*arguments)
            if self.writes == self._at:
                raise Killed
            return answer

        return attempt


class MortalForge:
    """A forge whose caller is killed at its n-th call, before or after the call is carried out."""

    def __init__(self, forge: FakeForge, at: int, *, after: bool) -> None:
        self._forge = forge
        self._at = at
        self._after = after
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if not callable(found):
            return found

        def attempt(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self._at and not self._after:
                raise Killed
            answer = found(*arguments, **named)
            if self.count == self._at:
                raise Killed
            return answer

        return attempt


def live(manager: RecoveryManager, bench: Bench) -> None:
    """What one recovery run does, up to the outcome."""
    manager.execute(manager.plan(bench.failure))
    run = bench.forge._runs[RUN]
    if not run.completed:
        bench.forge.complete(RUN)
    for state in manager._store.unfinished(bench.forge.repository):
        manager.settle(state)


def end(bench: Bench, store: Store) -> list[RecoveryStatus]:
    """Further recovery runs: at once, when what was in flight cannot be any more, and after hours."""
    for wait in (1, REQUEST_IN_FLIGHT.total_seconds() + 1, GIVE_UP_AFTER.total_seconds() + 1):
        bench.clock.advance(wait)
        live(bench.manager(store), bench)
    return [state.status for state in store.recoveries_of(RUN, 1)]


POINTS = [(at, after) for at in range(1, 6) for after in (False, True)]
CALLS = [(at, after) for at in range(1, 12) for after in (False, True)]


def stores() -> Iterator[tuple[Store, Store]]:
    """The store that the killed process used, and the one that the next process finds: the same, or an empty one."""
    for kind in ("same", "empty"):
        first = MemoryStore()
        yield first, first if kind == "same" else MemoryStore()


@pytest.mark.parametrize(("at", "after"), POINTS)
def test_kill_at_each_write_never_makes_two_reruns(tmp_path: Path, at: int, *, after: bool) -> None:
    """Killed at any write, and begun anew with the same and with an empty store: one re-run at most, all settled."""
    for used, found in stores():
        bench = Bench(used, tmp_path)
        mortal = MortalStore(used, at, after=after)
        try:
            live(bench.manager(mortal), bench)
        except Killed:
            pass
        else:
            assert at > mortal.writes, "the point was passed without being killed"

        statuses = end(bench, found)

        assert bench.effects <= 1
        assert [] == [status for status in statuses if status in OPEN]


@pytest.mark.parametrize(("at", "after"), CALLS)
def test_kill_at_each_request_never_makes_two_reruns(tmp_path: Path, at: int, *, after: bool) -> None:
    """Killed at any request, before or after GitHub carried it out: one re-run at most, and all settled."""
    for used, found in stores():
        bench = Bench(used, tmp_path)
        forge = MortalForge(bench.forge, at, after=after)
        manager = RecoveryManager(used, forge, bench.vault, bench.clock)
        try:
            live(manager, bench)
        except Killed:
            pass
        else:
            assert at > forge.count, "the point was passed without being killed"

        statuses = end(bench, found)

        assert bench.effects <= 1
        assert [] == [status for status in statuses if status in OPEN]


def test_kill_after_the_effect_is_found_out_and_settled(bench: Bench) -> None:
    """The process died between POST and record: the attempt is found, credited and settled as cleared."""
    forge = MortalForge(bench.forge, 7, after=True)
    settings = Settings(baseline=False)
    manager = RecoveryManager(bench.store, forge, bench.vault, bench.clock, settings=settings)
    with pytest.raises(Killed):
        live(manager, bench)
    assert 1 == bench.effects

    statuses = end(bench, bench.store)

    assert [RecoveryStatus.COMPLETED] == statuses


def test_effect_of_a_dead_process_is_found_although_the_branch_moved_on(bench: Bench) -> None:
    """A newer commit does not make an attempt that exists a refused one."""
    forge = MortalForge(bench.forge, 7, after=True)
    settings = Settings(baseline=False)
    manager = RecoveryManager(bench.store, forge, bench.vault, bench.clock, settings=settings)
    plan = manager.plan(bench.failure)
    with pytest.raises(Killed):
        manager.execute(plan)
    bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds() + 1)
    bench.forge.pull_requests[:] = [(make.make_pull_request(head_sha="a" * 40), "feature")]

    state = bench.manager().execute(plan)

    assert (RecoveryStatus.IN_PROGRESS, True) == (state.status, state.metadata["accepted"])


# --- the seed's coroutines ------------------------------------------------------------------------------------------


def test_initiate_recovery_plans_and_executes(bench: Bench) -> None:
    """The seed's coroutine gives the state of a recovery under way."""
    state = asyncio.run(bench.manager().initiate_recovery(bench.failure, "retry"))

    assert (RecoveryType.RETRY, RecoveryStatus.IN_PROGRESS) == (state.recovery_type, state.status)
    assert bench.failure.id == state.failure_id
    assert 1 == bench.effects


def test_initiate_recovery_decides_by_itself(tmp_path: Path) -> None:
    """Without a strategy the evidence decides."""
    bench = Bench(MemoryStore(), tmp_path, BROKEN)

    state = asyncio.run(bench.manager().initiate_recovery(bench.failure))

    assert (RecoveryType.NONE, RecoveryStatus.DECLINED) == (state.recovery_type, state.status)


def test_effect_outlives_a_cancelled_coroutine(quick: Bench) -> None:
    """Cancelling the coroutine does not leave a re-run without its record."""

    async def cancelled() -> None:
        task = asyncio.create_task(quick.manager().initiate_recovery(quick.failure))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())  # waits for its threads at the end

    states = quick.store.recoveries_of(RUN, 1)
    assert [(RecoveryStatus.IN_PROGRESS, True)] == [(state.status, state.metadata["accepted"]) for state in states]


def test_rollback_is_not_available_and_touches_nothing(quick: Bench) -> None:
    """Until its recipe exists, rolling back raises the error that says so."""
    with pytest.raises(StrategyUnavailable):
        asyncio.run(quick.manager().rollback_to_checkpoint(make.make_checkpoint(), "corruption_detected"))

    assert [] == quick.forge.calls
    assert () == quick.store.recoveries()


def test_validate_state_answers_in_the_seeds_shape(quick: Bench) -> None:
    """Four parts, errors in words, and a verdict."""
    checkpoint = make.make_checkpoint(artifacts=["dist"])
    quick.vault.put(checkpoint)

    report = asyncio.run(quick.manager().validate_state(checkpoint))

    assert {"is_valid", "errors", "warnings", "checks"} == set(report)
    assert {"integrity": True, "environment": True, "artifacts": False, "dependencies": True} == report["checks"]
    assert not report["is_valid"]
    assert ["artifacts: `dist` was expected and is missing or expired"] == report["errors"]


def test_validate_state_of_a_sound_checkpoint(quick: Bench) -> None:
    """A stored manifest whose artifact is there is valid."""
    checkpoint = make.make_checkpoint(artifacts=["dist"], dependencies=[])
    quick.vault.put(checkpoint)
    artifact = {"id": 5, "name": "dist", "size_in_bytes": 1, "created_at": make.NOW, "run_id": RUN}
    quick.forge.artifacts[5] = (Artifact(**artifact, repository_id=1, head_repository_id=1), {})

    report = asyncio.run(quick.manager().validate_state(checkpoint))

    assert (True, [], []) == (report["is_valid"], report["errors"], report["warnings"])


def test_from_environment_wires_a_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token and repository in the environment are enough."""
    for name, value in {
        "GITHUB_REPOSITORY": "octo/repo",
        "GITHUB_TOKEN": "ghs_x",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_WORKSPACE": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    assert isinstance(RecoveryManager.from_environment(), RecoveryManager)


def test_from_environment_without_a_token_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is its own error, with the way to give one."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/repo")
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))

    with pytest.raises(AuthenticationError):
        RecoveryManager.from_environment()


def test_carried_over_failure_is_decided_on_in_the_attempt_looked_at(quick: Bench) -> None:
    """A failed job that a partial re-run carried over is decided on in the newest attempt."""
    carried = [make.make_job(id=5001, run_attempt=1), make.make_job(id=5002, name="lint", run_attempt=2)]
    quick.forge.add_run(make.make_run(run_attempt=2), carried, {5001: NETWORK, 5002: NETWORK})
    manager = quick.manager(max_attempts=3)

    state = manager.execute(manager.plan(make.make_failure(attempt=2, job_id=5001)))

    assert (2, RecoveryStatus.IN_PROGRESS) == (state.recovery_context["attempt"], state.status)
    assert ["fail-1001-2-5001", "fail-1001-2-5002"] == state.recovery_context["failure_ids"]


def test_mixed_case_is_settled_only_when_all_jobs_passed(quick: Bench) -> None:
    """One of two failed jobs that fails again means still failing."""
    quick.forge.add_run(
        make.make_run(), [make.make_job(), make.make_job(id=4202, name="lint")], {4201: NETWORK, 4202: NETWORK}
    )
    jobs = [
        make.make_job(id=5001, run_attempt=2, conclusion="success"),
        make.make_job(id=5002, run_attempt=2, name="lint"),
    ]
    manager = executed(quick, jobs)
    quick.forge.complete(RUN)

    state = manager.settle(quick.store.recoveries_of(RUN, 1)[0])

    assert Outcome.STILL_FAILING == state.metadata["outcome"]


def test_suggestion_is_recorded_and_not_done(quick: Bench) -> None:
    """A cause that may pass is put before people; its plan has no effect."""
    quick.forge.logs[4201] = b"2026-01-15T12:00:00.0000000Z ssh: Connection timed out\n"
    manager = quick.manager()

    plan = manager.plan(quick.failure)
    state = manager.execute(plan)

    assert (DecisionKind.SUGGEST, RecoveryType.RETRY) == (plan.decision.kind, plan.decision.strategy)
    assert (RecoveryStatus.DECLINED, RecoveryType.NONE, 0) == (state.status, state.recovery_type, quick.effects)


def test_attempt_cap_counts_githubs_attempts_not_ours(quick: Bench) -> None:
    """A second attempt that fails is left red with an empty store too: the count is GitHub's."""
    quick.forge.add_run(make.make_run(run_attempt=2), [make.make_job(id=5001, run_attempt=2)], {5001: NETWORK})

    plan = quick.manager().plan(make.make_failure(attempt=2, job_id=5001))

    assert [ReasonId.ATTEMPT_CAP] == [reason.id for reason in plan.decision.reasons]


def test_failure_on_record_has_the_class_that_was_observed_now(quick: Bench) -> None:
    """What a caller believed of a failure gives way to what is observed."""
    believed = make.make_failure(failure_class=FailureClass.LINT, retryable=Retryable.NO)

    quick.manager().plan(believed)

    seen = quick.store.failure(believed.id)
    assert seen is not None
    assert FailureClass.NETWORK == seen.failure_class


def test_time_of_the_plan_is_the_clocks(quick: Bench) -> None:
    """Ids and times come from the clock at hand."""
    plan = quick.manager().plan(quick.failure)

    assert ("rec-1001-1-1", quick.clock.now()) == (plan.header.id, plan.header.started_at)
    assert timedelta(0) == quick.clock.now() - make.NOW

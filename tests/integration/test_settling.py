"""Learning what became of a recovery: whose attempt it was, what a green run means, and when to give up."""

from __future__ import annotations

from pathlib import Path

import pytest

from recovery.errors import ForgeError, ForgeRefused, ForgeUnavailable, RateLimited
from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.records import Outcome, RecoveryStatus
from recovery.policy.limits import REQUEST_IN_FLIGHT
from tests import builders as make
from tests.fakes.store import MemoryStore
from tests.integration.bench import BUSY, NETWORK, PATIENT, RUN, Bench


def waiting(tmp_path: Path) -> Bench:
    """A run whose plan is due later, so that nothing was requested."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    bench.manager(**PATIENT).plan(bench.failure)
    return bench


def attempt_of(bench: Bench, actor: str, *, completed: bool = True) -> None:
    """Let somebody start the next attempt, and let it pass."""
    bench.forge.rerun_failed_jobs(RUN)
    if completed:
        bench.forge.complete(RUN)
    bench.started_by(actor)


# --- whose attempt ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("completed", [True, False])
def test_attempt_of_a_person_is_not_credited_to_recovery(tmp_path: Path, *, completed: bool) -> None:
    """A plan that was never requested did not clear the run that a person re-ran: not re-run, with the name."""
    bench = waiting(tmp_path)
    attempt_of(bench, "octocat", completed=completed)

    state = bench.manager().settle(bench.state())

    assert (RecoveryStatus.FAILED, Outcome.NOT_RERUN) == (state.status, state.metadata["outcome"])
    assert "attempt 2 was started by octocat" == state.metadata["detail"]
    assert state.metadata["settled_attempt"] is None


@pytest.mark.parametrize("actor", ["github-actions[bot]", "our-app[bot]", ""])
def test_attempt_of_a_bot_is_measured(tmp_path: Path, actor: str) -> None:
    """The record of a request may be lost with its cache: what a bot started, or nobody tells, is taken for ours."""
    bench = waiting(tmp_path)
    attempt_of(bench, actor)

    state = bench.manager().settle(bench.state())

    assert (Outcome.CLEARED, 2) == (state.metadata["outcome"], state.metadata["settled_attempt"])


def test_attempt_after_a_request_of_ours_is_measured_whoever_started_it(bench: Bench) -> None:
    """A request on record makes the attempt ours, also under a person's token."""
    manager = bench.manager()
    manager.execute(manager.plan(bench.failure))
    bench.forge.complete(RUN)
    bench.started_by("octocat")

    state = bench.manager().settle(bench.state())

    assert (Outcome.CLEARED, 2) == (state.metadata["outcome"], state.metadata["settled_attempt"])


def test_later_attempt_of_a_person_says_nothing_of_the_next_one(tmp_path: Path) -> None:
    """GitHub names who started the latest attempt only: of one before it, never requested by us, nothing is known."""
    bench = waiting(tmp_path)
    bench.forge.script_attempt(RUN, [make.make_job(id=5001, run_attempt=2)])
    attempt_of(bench, "github-actions[bot]")
    attempt_of(bench, "octocat")

    state = bench.manager().settle(bench.state())

    assert (Outcome.UNKNOWN, None) == (state.metadata["outcome"], state.metadata["settled_attempt"])


def test_persons_attempt_is_settled_by_the_sweep_and_not_rerun(tmp_path: Path) -> None:
    """The plan whose run a person re-ran in the meantime is settled, and no longer due."""
    bench = waiting(tmp_path)
    attempt_of(bench, "octocat")
    bench.clock.advance(301)
    sent = bench.forge.called("rerun_failed_jobs")

    result = bench.sweep(**PATIENT)

    assert [Outcome.NOT_RERUN] == [document.outcome for document in result.documents]
    assert sent == bench.forge.called("rerun_failed_jobs")


# --- green although a job failed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [True, False])
def test_green_attempt_is_cleared_although_an_allowed_job_failed(bench: Bench, *, observed: bool) -> None:
    """What `continue-on-error` allows to fail does not keep a run from being green, however it is settled."""
    bench.forge.script_attempt(RUN, [make.make_job(id=5001, run_attempt=2), make.make_job(id=5002, name="lint")])
    manager = bench.manager()
    manager.execute(manager.plan(bench.failure))
    bench.forge.complete(RUN, "success")

    if observed:
        bench.recover(attempt=2)
    else:
        bench.sweep()

    state = bench.state()
    assert (RecoveryStatus.COMPLETED, Outcome.CLEARED, 2) == (
        state.status,
        state.metadata["outcome"],
        state.metadata["settled_attempt"],
    )
    assert 1 == bench.effects


def test_green_run_with_an_allowed_failure_is_not_recovered(quick: Bench) -> None:
    """A green run has no failures, whatever its jobs say: nothing is decided, nothing is recorded."""
    quick.forge.add_run(make.make_run(conclusion="success"), [make.make_job()], {4201: NETWORK})

    result = quick.recover(attempt=1)

    assert ((), None) == (result.documents, result.problem)
    assert () == quick.store.recoveries()


# --- giving up --------------------------------------------------------------------------------------------------------

TROUBLE = [RateLimited("wait for an hour"), ForgeUnavailable("GitHub cannot be reached")]


@pytest.mark.parametrize("error", TROUBLE)
def test_sweep_decides_anew_after_passing_trouble(bench: Bench, error: ForgeError) -> None:
    """What could not be sent is settled as not re-run after five minutes; the same or the next pass tries once more."""
    bench.forge.fail("rerun_failed_jobs", error)
    assert bench.recover(attempt=1).problem is error
    assert RecoveryStatus.IN_PROGRESS == bench.state().status

    bench.clock.advance(60)
    bench.sweep()
    assert (RecoveryStatus.IN_PROGRESS, 0) == (bench.state().status, bench.effects)
    bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds())
    for _ in range(2):
        bench.sweep()

    assert Outcome.NOT_RERUN == bench.state().metadata["outcome"]
    assert (1, "rec-1001-1-2") == (bench.effects, bench.store.recoveries_of(RUN, 1)[-1].id)


def test_sweep_decides_anew_after_trouble_with_the_last_look(bench: Bench) -> None:
    """A server error on the GET before the effect does not block the attempt for ever either."""
    bench.forge.fail("run", ForgeUnavailable("GitHub is down"), call=2)
    assert isinstance(bench.recover(attempt=1).problem, ForgeUnavailable)
    bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds() + 1)

    for _ in range(2):
        bench.sweep()

    assert Outcome.NOT_RERUN == bench.state().metadata["outcome"]
    assert 1 == bench.effects


def test_trouble_that_lasts_is_tried_once_a_pass_and_not_for_ever(bench: Bench) -> None:
    """While GitHub stays in trouble each try is a recovery of its own; after two it is left to people."""
    for call in range(1, 6):
        bench.forge.fail("rerun_failed_jobs", RateLimited("wait for an hour"), call=call)
    bench.recover(attempt=1)

    tried = []
    for _ in range(4):
        bench.clock.advance(REQUEST_IN_FLIGHT.total_seconds() + 1)
        bench.sweep()
        tried.append(bench.forge.called("rerun_failed_jobs"))

    assert ([2, 2, 2, 2], 0) == (tried, bench.effects)


def test_run_that_is_gone_is_settled_as_unknown_by_a_sweep(bench: Bench) -> None:
    """A deleted run will never tell: its recovery is closed, and later passes do not ask for it again."""
    manager = bench.manager()
    manager.execute(manager.plan(bench.failure))
    del bench.forge._runs[RUN]

    result = bench.sweep()

    state = bench.state()
    assert (RecoveryStatus.FAILED, Outcome.UNKNOWN, "the run is gone") == (
        state.status,
        state.metadata["outcome"],
        state.metadata["detail"],
    )
    assert result.problem is None
    asked = bench.forge.called("run")
    bench.sweep()
    assert asked == bench.forge.called("run")


@pytest.mark.parametrize("status", [403, 410, 422])
def test_run_that_may_not_be_looked_at_stays_open(bench: Bench, status: int) -> None:
    """Only a run that is not found is gone; another refusal may pass."""
    manager = bench.manager()
    manager.execute(manager.plan(bench.failure))
    bench.forge.fail("run", ForgeRefused("no", status=status), call=bench.forge.called("run") + 1)

    bench.sweep()

    assert RecoveryStatus.IN_PROGRESS == bench.state().status


# --- asked for too early ----------------------------------------------------------------------------------------------


def running(bench: Bench, **run: object) -> None:
    """Let the run be active, as when a person asks to recover it by its id before it has ended."""
    active = {"status": "in_progress", "conclusion": None} | run
    bench.forge.add_run(make.make_run(**active), [make.make_job()], {4201: NETWORK})


def test_run_that_is_still_active_after_the_wait_is_put_on_record(bench: Bench) -> None:
    """A dispatched recovery waits a while, and then leaves its wish to the sweep: declined, as a person's."""
    running(bench)

    result = bench.recover(max_inline_delay=60)

    assert 60 <= sum(bench.clock.sleeps)
    assert result.main is not None
    assert (DecisionKind.DECLINE, RecoveryStatus.DECLINED) == (result.main.decision, result.main.status)
    assert [ReasonId.RUN_ACTIVE] == [reason.id for reason in result.main.reasons]
    failure = bench.store.failure(bench.state().failure_id)
    assert failure is not None
    assert ("manual", RUN, 1) == (failure.kind, failure.run_id, failure.attempt)


@pytest.mark.parametrize("workflow", ["CI", "Nightly"])
def test_sweep_takes_up_what_was_put_off(bench: Bench, workflow: str) -> None:
    """Once the run has failed it is recovered, also if its workflow is one that the sweep does not watch."""
    running(bench, workflow_name=workflow, path=".github/workflows/any.yml")
    bench.recover(max_inline_delay=0)
    bench.sweep()
    assert 0 == bench.effects

    bench.forge.complete(RUN)
    bench.sweep()

    assert 1 == bench.effects
    assert RecoveryStatus.IN_PROGRESS == bench.state(2).status


@pytest.mark.parametrize("ended", [False, True])
def test_second_sweep_over_what_was_put_off_writes_nothing(tmp_path: Path, *, ended: bool) -> None:
    """Neither while the run goes on nor after it was re-run does another pass record or say anything."""
    store = MemoryStore()
    bench = Bench(store, tmp_path)
    running(bench, workflow_name="Nightly")
    bench.recover(max_inline_delay=0)
    if ended:
        bench.forge.complete(RUN)
        bench.sweep()
        bench.forge.complete(RUN)
        bench.sweep()
    events, threads = dict(store.events), {number: list(thread) for number, thread in bench.forge.threads.items()}

    result = bench.sweep()

    assert (events, threads) == (store.events, bench.forge.threads)
    assert () == result.documents


def test_run_that_was_put_off_and_passed_is_left(bench: Bench) -> None:
    """A run that went green needs nothing any more."""
    running(bench)
    bench.recover(max_inline_delay=0)
    bench.forge._jobs[RUN, 1] = (make.make_job(conclusion="success"),)
    bench.forge.complete(RUN)

    bench.sweep()

    assert 0 == bench.effects
    assert [RecoveryStatus.DECLINED] == [state.status for state in bench.store.recoveries_of(RUN, 1)]


def test_asking_again_while_the_run_goes_on_writes_nothing(tmp_path: Path) -> None:
    """The same wish is on record once."""
    store = MemoryStore()
    bench = Bench(store, tmp_path)
    running(bench)
    bench.recover(max_inline_delay=0)
    events = dict(store.events)

    bench.recover(max_inline_delay=0)

    assert events == store.events

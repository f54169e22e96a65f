"""No record is acted on because it is a record: what the store says is decided about again, or gives way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recovery.errors import DeadlineExceeded, ForgeRefused, ForgeUnavailable, RunActive
from recovery.models.decision import DecisionKind, Reason, ReasonId
from recovery.models.records import RecoveryStatus, RecoveryType
from tests import builders as make
from tests.fakes.store import MemoryStore
from tests.integration.bench import BROKEN, BUSY, NETWORK, PATIENT, RUN, Bench

OTHER = 2002
LOOK = ["run", "jobs", "job_log", "pull_request_of"]
ASKED = make.make_decision(reasons=(Reason(id=ReasonId.REQUESTED, text="a person asked for `retry`"),))
FORGED: list[dict[str, Any]] = [
    {},
    {"decision": ASKED},
    {"due_at": make.later(-3600)},
    {"header": make.make_header(started_at=make.later(365 * 86400))},
    {"header": make.make_header(started_at=make.later(-365 * 86400))},
    {"head_sha": "a" * 40, "pull_request": None, "failed_jobs": ()},
]
"""Plans to act that a stranger might put into a cache."""


def no_longer_wanted(bench: Bench) -> None:
    """Let the failure be one that nobody re-runs."""
    bench.forge.logs[4201] = BROKEN.encode()


def assert_withdrawn(bench: Bench, words: str, number: int = 1) -> None:
    """Nothing was sent, and the record says why."""
    state = bench.state(number)
    assert (RecoveryStatus.FAILED, False) == (state.status, state.metadata["accepted"])
    assert state.metadata["detail"].startswith("withdrawn: ")
    assert words in state.metadata["detail"]
    assert 0 == bench.forge.called("rerun_failed_jobs")


@pytest.mark.parametrize("forged", FORGED)
def test_forged_plan_is_not_executed_but_withdrawn(bench: Bench, forged: dict[str, Any]) -> None:
    """A plan to act that the store holds is observed and decided about first; where that says no, nothing is sent."""
    no_longer_wanted(bench)
    plan = bench.forged(**forged)

    state = bench.manager().execute(plan)

    assert LOOK == bench.calls()
    assert state == bench.state()
    assert_withdrawn(bench, "failed for a real reason")


@pytest.mark.parametrize("forged", FORGED)
def test_forged_plan_does_not_outweigh_the_decision_made_now(bench: Bench, forged: dict[str, Any]) -> None:
    """Asked to decide, a manager withdraws the plan on record and declines, and executing either sends nothing."""
    no_longer_wanted(bench)
    old = bench.forged(**forged)
    manager = bench.manager()

    plan = manager.plan(bench.failure)
    states = [manager.execute(each) for each in (plan, old)]

    assert ("rec-1001-1-2", DecisionKind.DECLINE) == (plan.header.id, plan.decision.kind)
    assert [RecoveryStatus.DECLINED, RecoveryStatus.FAILED] == [state.status for state in states]
    assert_withdrawn(bench, "failed for a real reason")


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"max_attempts": 1}, "`max-attempts`"), ({"autonomy": {"network": "suggest"}}, "suggested")],
)
def test_configuration_of_now_counts_for_a_plan_of_before(bench: Bench, settings: Any, words: str) -> None:
    """A plan that the settings no longer allow is withdrawn, also where they would only suggest it."""
    plan = bench.forged()

    bench.manager(**settings).execute(plan)

    assert_withdrawn(bench, words)


def test_forged_plan_is_observed_before_it_is_carried_out(bench: Bench) -> None:
    """Where the fresh decision is to act, too, the plan on record is good enough: decided anew, then done once."""
    plan = bench.forged()

    bench.manager().execute(plan)

    assert [*LOOK, "run", "rerun_failed_jobs"] == bench.calls()


def test_forged_plan_of_a_run_that_cannot_be_seen_is_left(bench: Bench) -> None:
    """Without a fresh observation there is no fresh decision, and so no effect; the plan stays for another time."""
    plan = bench.forged()
    bench.forge.fail("run", ForgeUnavailable("GitHub is down"))

    with pytest.raises(ForgeUnavailable):
        bench.manager().execute(plan)

    assert (RecoveryStatus.PENDING, 0) == (bench.state().status, bench.forge.called("rerun_failed_jobs"))


def test_plan_of_another_attempt_is_not_carried_out_on_the_word_of_this_one(bench: Bench) -> None:
    """A plan on record under this attempt's recovery, but about another run, does not get this run's decision."""
    jobs = [make.make_job(id=9201, run_id=OTHER)]
    bench.forge.add_run(make.make_run(id=OTHER), jobs, {9201: BROKEN})
    mine = make.make_header(started_at=make.later(-60))
    foreign = make.make_header(id=mine.id, run_id=OTHER)
    forged = make.recovery_decided(plan=make.make_plan(header=foreign))
    bench.store.record([make.note_taken(recovery=mine), forged])

    bench.recover(attempt=1)

    assert [] == [call for call in bench.forge.calls if call == ("rerun_failed_jobs", OTHER)]


def test_plan_on_record_is_executed_with_the_decision_made_now(bench: Bench) -> None:
    """A plan that the same decision confirms costs no second look."""
    bench.manager().plan(bench.failure)
    manager = bench.manager()
    before = len(bench.forge.calls)

    manager.execute(manager.plan(bench.failure))

    assert [*LOOK, "artifacts_of_run", "run", "rerun_failed_jobs"] == bench.calls()[before:]


@pytest.mark.parametrize("use", [Bench.sweep, lambda bench: bench.recover(attempt=1)], ids=["sweep", "event"])
def test_forged_plan_is_withdrawn_in_a_whole_use(bench: Bench, use: Any) -> None:
    """Neither the schedule nor the run's own event executes what a cache holds."""
    no_longer_wanted(bench)
    bench.forged()

    result = use(bench)

    assert result.problem is None
    assert_withdrawn(bench, "failed for a real reason")


@pytest.mark.parametrize("use", [Bench.sweep, lambda bench: bench.recover(attempt=1)], ids=["sweep", "event"])
@pytest.mark.parametrize("age", [-60, 365 * 86400], ids=["old", "of the future"])
def test_forged_request_without_an_answer_makes_no_plan_executable(bench: Bench, use: Any, age: int) -> None:
    """A record that an effect was once requested does not vouch for the plan: the decision made now does."""
    no_longer_wanted(bench)
    plan = bench.forged(header=make.make_header(started_at=make.later(age)))
    bench.store.record([make.effect_requested(at=make.later(-3600), recovery=plan.header)])

    use(bench)

    assert 0 == bench.forge.called("rerun_failed_jobs")


def test_observation_that_takes_all_the_time_leaves_none_for_the_effect(tmp_path: Path) -> None:
    """Nothing is begun after the deadline, also when deciding anew was what took so long."""
    bench = Bench(MemoryStore(), tmp_path)
    plan = bench.forged()
    manager = bench.manager(timeout=600)
    bench.forge.jobs = _slow(bench, bench.forge.jobs)

    with pytest.raises(DeadlineExceeded):
        manager.execute(plan)

    assert 0 == bench.forge.called("rerun_failed_jobs")


def _slow(bench: Bench, answer: Any) -> Any:
    def slow(*arguments: Any) -> Any:
        bench.clock.advance(900)
        return answer(*arguments)

    return slow


def test_forged_due_plan_of_a_sweep_is_decided_about_again(quick: Bench) -> None:
    """Many forged plans, each for a run that failed for a real reason: each is withdrawn, none is sent."""
    runs = range(3001, 3004)
    for run_id in runs:
        quick.forge.add_run(make.make_run(id=run_id), [make.make_job(id=run_id, run_id=run_id)], {run_id: BROKEN})
        header = make.make_header(run_id=run_id)
        quick.store.record([make.recovery_decided(plan=make.make_plan(header=header, due_at=make.NOW))])

    quick.sweep(workflows=("Other",))

    assert 0 == quick.forge.called("rerun_failed_jobs")
    states = [quick.store.recoveries_of(run_id, 1)[0].status for run_id in runs]
    assert [RecoveryStatus.FAILED] * 3 == states


def test_log_that_is_away_for_a_moment_does_not_end_a_plan_for_ever(tmp_path: Path) -> None:
    """A server error while a due plan is decided about again withdraws it; the next pass decides, and acts, anew."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    bench.recover(attempt=1, **PATIENT)
    bench.clock.advance(301)
    bench.forge.fail("job_log", ForgeUnavailable("GitHub is down"), call=2)
    bench.sweep(**PATIENT)
    assert_withdrawn(bench, "could not be read")

    for _ in range(3):
        bench.sweep(**PATIENT)
        bench.clock.advance(301)

    assert 1 == bench.effects


def test_withdrawn_plan_is_followed_by_one_decision_with_its_reasons(tmp_path: Path) -> None:
    """The pass after a withdrawal puts the decision not to act on record, for people to read; further ones nothing."""
    store = MemoryStore()
    bench = Bench(store, tmp_path, BROKEN)
    bench.forged(due_at=make.later(-60))
    bench.sweep()
    bench.sweep()
    events = dict(store.events)

    bench.sweep()

    assert events == store.events
    statuses = [state.status for state in store.recoveries_of(RUN, 1)]
    assert sorted([RecoveryStatus.FAILED, RecoveryStatus.DECLINED]) == sorted(statuses)
    assert 0 == bench.forge.called("rerun_failed_jobs")


# --- nothing is asked for ---------------------------------------------------------------------------------------------


def test_strategy_none_withdraws_a_pending_plan(bench: Bench) -> None:
    """Who asks for nothing gets nothing: the plan on record is withdrawn, and not executed by anybody later."""
    old = bench.manager().plan(bench.failure)
    manager = bench.manager()

    plan = manager.plan(bench.failure, "none")
    for each in (plan, old):
        manager.execute(each)
        bench.manager().execute(each)

    assert (DecisionKind.DECLINE, [ReasonId.REQUESTED]) == (
        plan.decision.kind,
        [reason.id for reason in plan.decision.reasons],
    )
    assert_withdrawn(bench, "`strategy: none` was asked for")


def test_strategy_none_of_a_whole_use_reruns_nothing(bench: Bench) -> None:
    """Neither with an empty record nor with a pending plan on it."""
    bench.recover(attempt=1, strategy="none")
    assert 0 == bench.effects

    bench.forged(header=make.make_header(id="rec-1001-1-9"))
    bench.recover(attempt=1, strategy="none")

    assert 0 == bench.forge.called("rerun_failed_jobs")
    assert_withdrawn(bench, "`strategy: none`", number=9)


def test_strategy_none_of_a_sweep_reruns_nothing(bench: Bench) -> None:
    """A schedule with `none` executes neither what is due nor what it finds."""
    lost = make.make_run(id=OTHER, head_branch="other")
    bench.forge.add_run(lost, [make.make_job(id=9201, run_id=OTHER)], {9201: NETWORK})
    bench.forge.add_pull_request(make.make_pull_request(number=18), "other")
    bench.forged()

    bench.sweep(strategy="none")

    assert 0 == bench.forge.called("rerun_failed_jobs")


# --- a person's word --------------------------------------------------------------------------------------------------


def test_persons_retry_supersedes_a_plan_that_waits(tmp_path: Path) -> None:
    """A plan due later gives way to a person who does not want to wait, and whose reason is what is on record."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    waiting = bench.manager(**PATIENT).plan(bench.failure)
    assert make.later(300) == waiting.due_at
    manager = bench.manager(reason="the server is back", **PATIENT)

    state = manager.execute(manager.plan(bench.failure, "retry"))

    assert ("rec-1001-1-2", RecoveryStatus.IN_PROGRESS, 1) == (state.id, state.status, bench.effects)
    assert (None, []) == (state.recovery_context["due_at"], bench.clock.sleeps)
    assert "the server is back" in state.recovery_context["reasons"][0]["text"]
    old = bench.state(1)
    assert (RecoveryStatus.FAILED, "withdrawn: a person asked for `retry`: the server is back") == (
        old.status,
        old.metadata["detail"],
    )


def test_superseded_plan_is_not_executed_when_its_time_comes(tmp_path: Path) -> None:
    """After a person's retry, the sweep finds nothing due."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    waiting = bench.manager(**PATIENT).plan(bench.failure)
    manager = bench.manager(**PATIENT)
    manager.execute(manager.plan(bench.failure, "retry"))
    bench.clock.advance(301)

    bench.manager(**PATIENT).execute(waiting)
    bench.sweep(**PATIENT)

    assert 1 == bench.forge.called("rerun_failed_jobs")


def test_persons_retry_of_a_whole_use_supersedes_a_plan_that_waits(tmp_path: Path) -> None:
    """Planning and executing in two processes, as on a runner."""
    bench = Bench(MemoryStore(), tmp_path, BUSY)
    bench.recover(attempt=1, **PATIENT)
    assert RecoveryStatus.PENDING == bench.state().status

    result = bench.recover(strategy="retry", reason="the server is back", **PATIENT)

    assert 1 == bench.effects
    assert result.main is not None
    assert ("rec-1001-1-2", True) == (result.main.recovery_id, result.main.reran)
    assert "the server is back" in result.main.reasons[0].text


def test_persons_retry_does_not_supersede_a_request_in_flight(bench: Bench) -> None:
    """What was requested, and may still take effect, is not requested a second time."""
    first = bench.forged()
    bench.store.record([make.effect_requested(at=make.NOW)])
    manager = bench.manager()

    plan = manager.plan(bench.failure, "retry")
    manager.execute(plan)

    assert (first, 0) == (plan, bench.forge.called("rerun_failed_jobs"))


def test_persons_retry_holds_although_the_plan_was_long_uploading(tmp_path: Path) -> None:
    """Deciding anew about a plan that a person has just asked for decides with that person's word."""
    bench = Bench(MemoryStore(), tmp_path, BROKEN)
    settings = {"strategy": "retry", "reason": "I fixed it"}
    plan = bench.manager(**settings).plan(bench.failure, "retry")
    bench.clock.advance(600)

    state = bench.manager(**settings).execute(plan, confirmed=True)

    assert (RecoveryStatus.IN_PROGRESS, 1) == (state.status, bench.effects)


def test_persons_plan_on_record_is_decided_about_by_the_evidence(tmp_path: Path) -> None:
    """Nobody else executes on a person's word that is only on record: it may be forged."""
    bench = Bench(MemoryStore(), tmp_path, BROKEN)
    plan = bench.manager().plan(bench.failure, "retry")
    assert RecoveryType.RETRY == plan.header.recovery_type

    bench.manager().execute(plan)

    assert_withdrawn(bench, "failed for a real reason")


# --- what GitHub answers ----------------------------------------------------------------------------------------------


def test_refusal_as_active_of_an_unchanged_run_is_an_error_on_record(bench: Bench) -> None:
    """GitHub calls the run active although it is as planned: that is told as GitHub's refusal, not as a lost race."""
    error = RunActive("This workflow is already running", status=403)
    bench.forge.fail("rerun_failed_jobs", error)
    manager = bench.manager()
    plan = manager.plan(bench.failure)

    with pytest.raises(RunActive, match="already running"):
        manager.execute(plan)

    state = bench.state()
    assert (RecoveryStatus.FAILED, error.message) == (state.status, state.metadata["detail"])


@pytest.mark.parametrize(
    "error", [ForgeRefused("Resource not accessible by integration", status=403), RunActive("odd", status=403)]
)
def test_plain_refusal_is_not_tried_again_by_each_sweep(bench: Bench, error: ForgeRefused) -> None:
    """A token that may not re-run anything is told of once; hours of sweeps send nothing more."""
    bench.forge.fail("rerun_failed_jobs", error)
    problem = bench.sweep().problem
    assert problem is error

    for _ in range(5):
        bench.clock.advance(3600)
        assert bench.sweep().problem is None

    assert (1, 0) == (bench.forge.called("rerun_failed_jobs"), bench.effects)
    assert ["rec-1001-1-1"] == [state.id for state in bench.store.recoveries_of(RUN, 1)]

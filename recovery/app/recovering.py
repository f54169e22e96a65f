"""Use cases around one failed run: plan first, then execute and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from recovery.adapters.runner import RunnerContext
from recovery.app.handover import Handover, hand_over
from recovery.app.holding import write_hold
from recovery.app.wiring import Workplace
from recovery.errors import InputError, RecoveryError
from recovery.models.decision import Observation, RecoveryPlan
from recovery.models.document import DecisionDocument
from recovery.models.record import Record
from recovery.models.records import PipelineFailure, RecoveryState
from recovery.policy.consequences import lead_of
from recovery.policy.lifecycle import OPEN
from recovery.policy.planning import unfinished_run
from recovery.reporter import comment_on_pull_requests, documents_of
from recovery.settings import Settings
from recovery.sync import OWN_ATTEMPTS, sync_attempt

POLL_SECONDS = 15.0
"""Between two looks at a run that has not completed, so that an hour of waiting spares the shared rate limit."""


class Target(Record):
    """The run to recover; without an attempt, its latest."""

    run_id: int
    attempt: int | None = None


@dataclass(frozen=True)
class Result:
    """What one use achieved: the documents to show, what went wrong without harm, and what failed."""

    documents: tuple[DecisionDocument, ...]
    main: DecisionDocument | None
    warnings: tuple[str, ...] = ()
    problem: RecoveryError | None = None
    hold_artifact: str = ""
    """Name under which the folder `hold` is to be uploaded; empty when there is none."""


def target_of(context: RunnerContext, settings: Settings) -> Target:
    """The run that the `run-id` input or the `workflow_run` event names.

    Raises:
        InputError: neither names one.
    """
    if settings.run_id is not None:
        return Target(run_id=settings.run_id)
    run = context.event.get("workflow_run")
    if not isinstance(run, dict):
        raise InputError(
            f"the event `{context.event_name or 'unknown'}` names no run to recover",
            hint="run this on `workflow_run`, or pass `run-id`",
        )
    run_id, attempt = run.get("id"), run.get("run_attempt")
    if type(run_id) is not int or type(attempt) is not int or run_id < 1 or attempt < 1:  # True would be an int
        raise InputError("the event's `workflow_run` has no valid `id` and `run_attempt`")
    return Target(run_id=run_id, attempt=attempt)


def plan_recovery(place: Workplace, target: Target) -> Handover:
    """Observe, settle what an earlier recovery of the run achieved, decide, and write the plan down.

    Raises:
        RecoveryError: the run could not be observed, or the store not be used. Nothing has been done.
    """
    with place.requests.phase("plan"):
        seen = _observe(place, target)
    with place.requests.phase("sync"):
        _recall(place, seen)
    with place.requests.phase("settle"):
        settled = _settle_earlier(place, seen)
    failures = seen.failures or _still_running(place, seen)
    if not failures:
        return hand_over(place, settled=settled)
    seen = seen.model_copy(update={"failures": failures})
    with place.requests.phase("checkpoints"):
        seen = place.manager.look_for_checkpoints(seen, place.settings.strategy)
    with place.requests.phase("plan"):
        plan = place.manager.plan(lead_of(failures), place.settings.strategy, observation=seen)
    return hand_over(place, plan=plan, failures=failures, settled=settled)


def execute_recovery(place: Workplace, handover: Handover, *, plan_uploaded: bool = True) -> Result:
    """Execute what was planned, report it, and tell what went wrong. A failed report is a warning."""
    with place.requests.phase("execute"):
        problem = _execute(place, handover, plan_uploaded=plan_uploaded)
    recorded = documents_of(place.store, handover.report)
    known = {document.recovery_id for document in recorded}
    documents = (*recorded, *(preview for preview in handover.previews if preview.recovery_id not in known))
    retold = documents_of(place.store, [each for each in handover.retell if each not in known])
    warnings = () if place.settings.dry_run else _comment(place, handover, (*retold, *documents))
    main = next((document for document in documents if document.recovery_id == handover.main), None)
    hold = "" if place.settings.dry_run else write_hold(place, handover)
    return Result(documents=documents, main=main, warnings=warnings, problem=problem, hold_artifact=hold)


def _observe(place: Workplace, target: Target) -> Observation:
    """Observe the target; one asked for without an attempt may still be running, and is waited for a while."""
    patience = min(place.settings.max_inline_delay, place.settings.timeout)
    patience_ends = place.clock.now() + timedelta(seconds=patience)
    seen = place.monitor.observe(target.run_id, target.attempt)
    while target.attempt is None and not seen.run.completed and place.clock.now() < patience_ends:
        place.clock.sleep(POLL_SECONDS)
        seen = place.monitor.observe(target.run_id)
    return seen


def _still_running(place: Workplace, seen: Observation) -> tuple[PipelineFailure, ...]:
    """For a run that somebody asked to recover before it had completed: something to put on record, for the sweep."""
    if seen.run.completed or seen.attempt != seen.run.run_attempt:
        return ()
    return (unfinished_run(seen.run, place.clock.now()),)


def _recall(place: Workplace, seen: Observation) -> None:
    """Fold the plan that an earlier recovery run left: for the attempt itself, if there may be one, else before it.

    There may be one for the attempt itself when this recovery run is re-run, or when a person starts another. Three
    look-ups by name in all keep this within five requests.
    """
    if place.workflow is None:
        return
    look_ups = len(OWN_ATTEMPTS)
    by_hand = place.context.event_name != "workflow_run"
    if (by_hand or place.context.attempt > 1) and not place.store.recoveries_of(seen.run.id, seen.attempt):
        tried = range(1, min(max(place.context.attempt, 2), look_ups))
        if sync_attempt(place.archive, place.forge, place.workflow, seen.run.id, seen.attempt, own_attempts=tried):
            return
        look_ups -= len(tried)
    before = seen.run.run_attempt - 1
    if before and not place.store.recoveries_of(seen.run.id, before):
        sync_attempt(
            place.archive, place.forge, place.workflow, seen.run.id, before, own_attempts=range(1, look_ups + 1)
        )


def _settle_earlier(place: Workplace, seen: Observation) -> list[RecoveryState]:
    known = [
        state
        for attempt in range(1, seen.run.run_attempt)
        for state in place.store.recoveries_of(seen.run.id, attempt)
        if state.status in OPEN
    ]
    settled = [place.manager.settle(state, observation=seen) for state in known]
    return [state for state in settled if state.status not in OPEN]


def _execute(place: Workplace, handover: Handover, *, plan_uploaded: bool) -> RecoveryError | None:
    problem: RecoveryError | None = None
    for recovery_id in handover.execute:
        plan = place.store.plan(recovery_id)
        if plan is None:
            continue
        try:
            if recovery_id == handover.decided and not plan_uploaded:
                _without_upload(place, plan)
            place.manager.execute(plan, confirmed=recovery_id == handover.decided)
        except RecoveryError as error:
            problem = problem or error
    return problem


def _without_upload(place: Workplace, plan: RecoveryPlan) -> None:
    """What only this runner knows of may be retried, and nothing else: others continue and settle by the plan."""
    if plan.checkpoints or plan.rollback is not None:
        place.manager.refuse(plan, "the plan was not uploaded, and nobody else could read what it says")
    place.recorder.noted(plan, "upload plan", "the plan was not uploaded; only this runner knows of it")


def _comment(place: Workplace, handover: Handover, documents: Sequence[DecisionDocument]) -> tuple[str, ...]:
    with place.requests.phase("execute" if handover.execute else "settle"):
        problems = comment_on_pull_requests(place.forge, documents, place.settings.comment_mode)
    return tuple(
        f"the pull request's comment was not written: {error.message}. {error.hint or ''}".strip() for error in problems
    )

"""Use case of the schedule: settle what is open, execute what is due, catch the failed runs whose event was lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from recovery.app.handover import Handover, hand_over
from recovery.app.wiring import Workplace
from recovery.errors import ForgeRefused
from recovery.models.decision import DecisionKind, Observation, ReasonId, RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import RecoveryState, RecoveryStatus
from recovery.policy.consequences import lead_of
from recovery.policy.lifecycle import OPEN
from recovery.policy.watched import watched_workflows
from recovery.sync import sync_recent

log = logging.getLogger(__name__)

LOST_RUNS_LOOKED_AT = 10
"""Runs observed in one pass, oldest first; the next pass goes on."""


def plan_sweep(place: Workplace) -> Handover:
    """One pass. A second pass over the same world writes nothing.

    Raises:
        RecoveryError: GitHub or the store could not be used. Nothing has been done to any run.
    """
    since = place.clock.now() - timedelta(seconds=place.settings.look_back)
    with place.requests.phase("sync"):
        if place.workflow is not None:
            sync_recent(place.archive, place.forge, place.workflow, since)
    with place.requests.phase("settle"):
        settled = _settle_open(place)
    due = [state.id for state in _due(place)]
    with place.requests.phase("plan"):
        decided = list(_decide_lost(place, since))
    declined = [plan.header.id for plan, _ in decided if plan.decision.kind is not DecisionKind.ACT]
    acting = next(((plan, seen) for plan, seen in decided if plan.decision.kind is DecisionKind.ACT), None)
    handover = hand_over(
        place,
        plan=acting[0] if acting else None,
        failures=acting[1].failures if acting else (),
        settled=settled,
        due=due,
    )
    return handover.model_copy(update={"report": (*declined, *handover.report)})


def _settle_open(place: Workplace) -> list[RecoveryState]:
    open_ones = place.store.unfinished(place.forge.repository)
    settled = [_settle(place, state) for state in open_ones]
    return [state for state in settled if state.status not in OPEN]


def _settle(place: Workplace, state: RecoveryState) -> RecoveryState:
    try:
        return place.manager.settle(state)
    except ForgeRefused as error:  # one run that was deleted must not keep all others from being looked after
        log.warning("recovery left open recovery_id=%s reason=%s", state.id, error.message)
        return state


def _due(place: Workplace) -> Iterator[RecoveryState]:
    """Plans of earlier passes whose time has come."""
    for state in place.store.unfinished(place.forge.repository):
        due_at = state.recovery_context.get("due_at")
        if state.status is RecoveryStatus.PENDING and (
            due_at is None or datetime.fromisoformat(due_at) <= place.clock.now()
        ):
            yield state


def _decide_lost(place: Workplace, since: datetime) -> Iterator[tuple[RecoveryPlan, Observation]]:
    """Decide on failed runs that nothing was decided about, up to and including the first one to act on."""
    watched = _watched(place)
    failed = place.forge.failed_runs(since) if watched else ()
    lost = [run for run in reversed(failed) if run.workflow_name in watched and _is_lost(place, run)]
    # A run that was cancelled before it had a job leaves nothing to decide about, and so comes up in every pass.
    lost.sort(key=lambda run: run.conclusion == "cancelled")
    for run in lost[:LOST_RUNS_LOOKED_AT]:
        seen = _observe(place, run)
        if seen is None or not seen.failures:
            continue
        plan = place.manager.plan(lead_of(seen.failures), place.settings.strategy, observation=seen)
        yield plan, seen
        if plan.decision.kind is DecisionKind.ACT:
            return


def _observe(place: Workplace, run: Run) -> Observation | None:
    try:
        return place.monitor.observe(run.id, run.run_attempt)
    except ForgeRefused as error:
        log.warning("run passed over run_id=%s reason=%s", run.id, error.message)
        return None


def _is_lost(place: Workplace, run: Run) -> bool:
    if run.path == place.context.workflow_path:
        return False
    return all(_only_was_active(state) for state in place.store.recoveries_of(run.id, run.run_attempt))


def _only_was_active(state: RecoveryState) -> bool:
    """Whether all that was decided is to look again once the run has completed."""
    reasons = state.recovery_context.get("reasons", [])
    return state.status is RecoveryStatus.DECLINED and [reason["id"] for reason in reasons] == [ReasonId.RUN_ACTIVE]


def _watched(place: Workplace) -> tuple[str, ...]:
    if place.settings.workflows or place.context.workflow_path is None:
        return place.settings.workflows
    own_file = place.context.workspace / place.context.workflow_path
    return watched_workflows(own_file.read_text(encoding="utf-8")) if own_file.is_file() else ()

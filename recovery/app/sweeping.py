"""Use case of the schedule: settle what is open, execute what is due, catch the failed runs whose event was lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from recovery.app.cataloguing import look_at_artifacts
from recovery.app.handover import Handover, hand_over
from recovery.app.holding import missing_hold
from recovery.app.wiring import Workplace
from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    RateLimited,
)
from recovery.models.decision import DecisionKind, Observation, RecoveryPlan
from recovery.models.github import Artifact
from recovery.models.records import RecoveryState, RecoveryStatus, RecoveryType
from recovery.models.rollback import Hold
from recovery.policy.consequences import lead_of
from recovery.policy.lifecycle import OPEN, may_be_decided_anew, was_put_off
from recovery.policy.watched import watched_workflows
from recovery.settings import Strategy

log = logging.getLogger(__name__)

PUT_OFF_LOOKED_AT = 200
"""Latest recoveries among which those that were put off are looked for."""

RETOLD_FOR = timedelta(hours=3)
RETOLD = 10
"""Recoveries that changed lately, whose comments a pass looks after; one request each where they are right."""

LOST_RUNS_LOOKED_AT = 10
"""Runs observed in one pass, oldest first; the next pass goes on."""


def plan_sweep(place: Workplace) -> Handover:
    """One pass. A second pass over the same world writes nothing.

    Raises:
        RecoveryError: GitHub or the store could not be used. Nothing has been done to any run.
    """
    since = place.clock.now() - timedelta(seconds=place.settings.look_back)
    recent = look_at_artifacts(place, since)
    with place.requests.phase("settle"):
        settled = _settle_open(place)
    due = [] if _asked(place) is Strategy.NONE else [state.id for state in _due(place)]
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
    with place.requests.phase("sync"):
        hold = _missing_hold(place, recent)
    return handover.model_copy(
        update={
            "report": (*declined, *handover.report),
            "retell": tuple(_changed_lately(place)),
            "hold": hold,
        }
    )


def _changed_lately(place: Workplace) -> list[str]:
    """Recoveries of pull requests that changed a short while ago, newest first."""
    since = place.clock.now() - RETOLD_FOR
    return [
        state.id
        for state in place.store.recoveries(place.forge.repository, limit=PUT_OFF_LOOKED_AT)
        if state.recovery_context.get("pull_request")
        and state.progress_steps
        and datetime.fromisoformat(state.progress_steps[-1]["at"]) >= since
    ][:RETOLD]


def _settle_open(place: Workplace) -> list[RecoveryState]:
    """Recoveries that have come to their end, or that wait for people and did not before."""
    before = place.store.unfinished(place.forge.repository)
    after = [_settle(place, state) for state in before]
    return [now for was, now in zip(before, after, strict=True) if now.status not in OPEN or _newly_waits(was, now)]


def _newly_waits(was: RecoveryState, now: RecoveryState) -> bool:
    waits_for = now.metadata.get("waits_for")
    return bool(waits_for) and waits_for != was.metadata.get("waits_for")


def _settle(place: Workplace, state: RecoveryState) -> RecoveryState:
    try:
        return place.manager.settle(state)
    except ForgeError as error:  # what is wrong with one must not keep all others from it
        if _is_out_of_reach(error):
            raise
        log.warning("recovery left open recovery_id=%s reason=%s", state.id, error.message)
        return state


def _is_out_of_reach(error: ForgeError) -> bool:
    """Whether GitHub would say the same to whatever is asked next; a lost answer to one effect is no such thing."""
    general = isinstance(error, AuthenticationError | ForgeUnavailable | RateLimited)
    return general and not isinstance(error, AmbiguousEffect)


def _missing_hold(place: Workplace, recent: Sequence[Artifact]) -> Hold | None:
    """What cannot be looked for now is looked for in the next pass: nothing else waits for it."""
    try:
        return missing_hold(place, recent)
    except ForgeError as error:
        log.warning("holds not looked after reason=%s", error.message)
        return None


def _due(place: Workplace) -> Iterator[RecoveryState]:
    """Plans of earlier passes whose time has come."""
    for state in place.store.unfinished(place.forge.repository):
        due_at = state.recovery_context.get("due_at")
        if state.recovery_type is RecoveryType.ROLLBACK:
            continue  # whoever asked for a rollback carries it out, or nobody does
        if state.status is RecoveryStatus.PENDING and (
            due_at is None or datetime.fromisoformat(due_at) <= place.clock.now()
        ):
            yield state


def _decide_lost(place: Workplace, since: datetime) -> Iterator[tuple[RecoveryPlan, Observation]]:
    """Decide on attempts that wait for a decision, up to and including the first one to act on."""
    waiting = dict.fromkeys((*_lost_attempts(place, since), *_put_off(place, since)))
    for run_id, attempt in list(waiting)[:LOST_RUNS_LOOKED_AT]:
        seen = _observe(place, run_id, attempt)
        if seen is None or not seen.failures:
            continue
        with place.requests.phase("checkpoints"):
            seen = place.manager.look_for_checkpoints(seen, _asked(place))
        plan = place.manager.plan(lead_of(seen.failures), _asked(place), observation=seen)
        yield plan, seen
        if plan.decision.kind is DecisionKind.ACT:
            return


def _asked(place: Workplace) -> Strategy:
    """A person's word is about one run, not about whatever a pass finds; to do nothing may be asked for all."""
    return Strategy.NONE if place.settings.strategy is Strategy.NONE else Strategy.AUTO


def _lost_attempts(place: Workplace, since: datetime) -> list[tuple[int, int]]:
    """Failed attempts of the watched workflows about which nothing final is on record, oldest first."""
    watched = _watched(place)
    failed = place.forge.failed_runs(since) if watched else ()
    lost = [
        run
        for run in reversed(failed)
        if run.workflow_name in watched
        and run.path != place.context.workflow_path
        and may_be_decided_anew(place.store.recoveries_of(run.id, run.run_attempt))
    ]
    # What was never decided comes first. A run that was cancelled before it had a job leaves nothing to decide about,
    # and so comes up in every pass.
    lost.sort(key=lambda run: (bool(place.store.recoveries_of(run.id, run.run_attempt)), run.conclusion == "cancelled"))
    return [(run.id, run.run_attempt) for run in lost]


def _put_off(place: Workplace, since: datetime) -> Iterator[tuple[int, int]]:
    """Attempts that somebody asked for while they were running, of whatever workflow."""
    for state in place.store.recoveries(place.forge.repository, limit=PUT_OFF_LOOKED_AT):
        run_id, attempt = state.recovery_context["run_id"], state.recovery_context["attempt"]
        known = place.store.recoveries_of(run_id, attempt) if state.started_at >= since else ()
        if known and all(was_put_off(each) for each in known):
            yield run_id, attempt


def _observe(place: Workplace, run_id: int, attempt: int) -> Observation | None:
    try:
        return place.monitor.observe(run_id, attempt)
    except ForgeRefused as error:
        log.warning("run passed over run_id=%s reason=%s", run_id, error.message)
        return None


def _watched(place: Workplace) -> tuple[str, ...]:
    if place.settings.workflows or place.context.workflow_path is None:
        return place.settings.workflows
    own_file = place.context.workspace / place.context.workflow_path
    if not own_file.is_file():
        log.warning("lost events are not looked for: %s is not checked out, and `workflows` names none", own_file)
        return ()
    return watched_workflows(own_file.read_text(encoding="utf-8", errors="replace"))

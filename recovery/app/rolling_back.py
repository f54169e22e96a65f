"""Use cases around one rollback that a person asks for: plan first, then execute and report."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from recovery.app.cataloguing import take_in
from recovery.app.handover import Handover, hand_over
from recovery.app.holding import note_releases
from recovery.app.recovering import Result, execute_recovery
from recovery.app.wiring import Workplace
from recovery.errors import (
    AlreadyUnderWay,
    CheckpointRejected,
    ForgeRefused,
    InputError,
    RecoveryError,
)
from recovery.models.decision import DecisionKind, Reason, ReasonId, RecoveryPlan
from recovery.models.github import Run
from recovery.models.record import Record
from recovery.models.records import RecoveryState, RecoveryType
from recovery.models.rollback import LAST_KNOWN_GOOD
from recovery.policy.lifecycle import OPEN
from recovery.settings import Settings
from recovery.sync import sync_recent

log = logging.getLogger(__name__)

_RECOVERY_ID = re.compile(r"\brec-[A-Za-z0-9_-]+")

TARGETS_FROM = timedelta(days=90)
"""How far back checkpoints are looked for: GitHub keeps artifacts no longer."""

MOST_ARTIFACTS = 500
"""Artifacts of the repository, the newest, among which checkpoints are looked for."""


class Asked(Record):
    """What a person asks for; what is empty follows from the rest."""

    checkpoint_id: str = LAST_KNOWN_GOOD
    run_id: int | None = None
    """The bad run; None for the newest completed one of the workflow on the default branch."""
    workflow: str = ""
    """Display name of the workflow that is rolled back."""


def asked_in(settings: Settings) -> Asked:
    """What the inputs ask for.

    Raises:
        InputError: they do not say what is to be rolled back.
    """
    known = tuple(settings.rollback)
    checkpoint_id = settings.checkpoint_id or LAST_KNOWN_GOOD
    workflow = settings.workflow
    if not workflow and settings.run_id is None and checkpoint_id == LAST_KNOWN_GOOD:
        if len(known) != 1:
            told = ", ".join(f"`{name}`" for name in known) or "none"
            raise InputError(
                f"nothing tells which workflow is to be rolled back (configured: {told})",
                hint="pass `workflow`, `run-id` or `checkpoint-id`",
            )
        workflow = known[0]
    return Asked(checkpoint_id=checkpoint_id, run_id=settings.run_id, workflow=workflow)


def plan_rolling_back(place: Workplace, asked: Asked) -> Handover:
    """Learn what there is, settle earlier rollbacks, choose what to go back to, and write the order down.

    Raises:
        RecoveryError: GitHub or the store could not be used, or what was asked for cannot be understood.
    """
    _learn(place)
    with place.requests.phase("settle"):
        settled = _settle_earlier(place)
        note_releases(place)
    with place.requests.phase("plan"):
        plan = place.manager.plan_rollback(
            asked.checkpoint_id,
            run=_run(place, asked),
            workflow=asked.workflow,
            reason=place.settings.reason,
        )
    failure = place.store.failure(plan.header.failure_id)
    return hand_over(place, plan=plan, failures=(failure,) if failure else (), settled=settled)


def execute_rolling_back(place: Workplace, handover: Handover, *, plan_uploaded: bool = True) -> Result:
    """Execute what was planned, report it, write the hold; where it was refused, the problem says why."""
    result = execute_recovery(place, handover, plan_uploaded=plan_uploaded)
    if result.problem is not None or place.settings.dry_run or handover.main is None:
        return result
    plan, state = place.store.plan(handover.main), place.store.recovery(handover.main)
    if plan is None or state is None:
        return result
    return replace(result, problem=refusal(plan, state))


def refusal(plan: RecoveryPlan, state: RecoveryState) -> RecoveryError | None:
    """Why a rollback that a person asked for was not done, as an error; None when it was."""
    if plan.decision.kind is DecisionKind.ACT:
        is_done = state.recovery_type is not RecoveryType.ROLLBACK or state.metadata.get("accepted")
        detail = str(state.metadata.get("detail") or "it was not carried out")
        return None if is_done else AlreadyUnderWay(f"{state.id} was refused: {detail}")
    return why_declined(plan.decision.reasons)


def why_declined(reasons: Sequence[Reason]) -> RecoveryError:
    """The error that the reasons for not rolling back come to."""
    first = reasons[0]
    if first.id is ReasonId.NO_TARGET:
        looked_into = [reason.text for reason in reasons[1:] if reason.id is ReasonId.NO_TARGET]
        return CheckpointRejected(first.text, hint="; ".join(looked_into) or "let its jobs make checkpoints")
    if first.id in {ReasonId.ROLLED_BACK, ReasonId.ALREADY_DECIDED}:
        return AlreadyUnderWay(first.text, hint=_how_it_stands(first.text))
    return ForgeRefused(f"the rollback was refused: {first.text}")


def _how_it_stands(told: str) -> str | None:
    """Where to look up the recovery that stands in the way, if it is named."""
    named = _RECOVERY_ID.search(told)
    if named is None:
        return None
    return f"if it goes on, wait for the next sweep; `recovery status --recovery-id {named[0]}` tells how it stands"


def _run(place: Workplace, asked: Asked) -> Run | None:
    """The bad run, where it is named.

    Raises:
        InputError: it is of another workflow than the one that is named, too.
    """
    run = place.forge.run(asked.run_id) if asked.run_id is not None else None
    if run is not None and asked.workflow not in {"", run.workflow_name}:
        raise InputError(
            f"run {run.id} is of the workflow `{run.workflow_name}`, not of `{asked.workflow}`",
            hint="name a run of that workflow, or leave one of the two out",
        )
    return run


def _learn(place: Workplace) -> None:
    """Fold what earlier recovery runs left, and take in the checkpoints of as long ago as GitHub keeps them."""
    now = place.clock.now()
    lately = now - timedelta(seconds=place.settings.look_back)
    with place.requests.phase("sync"):
        listed = place.forge.artifacts_since(now - TARGETS_FROM, MOST_ARTIFACTS)
        if place.workflow is not None:
            recent = [artifact for artifact in listed if artifact.created_at >= lately]
            sync_recent(place.archive, place.forge, place.workflow, lately, recent)
    take_in(place, listed)


def _settle_earlier(place: Workplace) -> list[RecoveryState]:
    """Rollbacks that are open may have come to their end, and stand in the way of the next one.

    So do the tags of one that the sweep settled, whose job may not delete them. One that may not be looked at does not
    keep the others from it: whether it stands in the way is told by its tags.
    """
    known = place.store.rollbacks(place.forge.repository)
    settled = [_settle(place, state) for state in reversed(known) if state.status in OPEN]
    for state in place.store.rollbacks(place.forge.repository):
        _clear_up(place, state)
    return [state for state in settled if state.status not in OPEN]


def _settle(place: Workplace, state: RecoveryState) -> RecoveryState:
    try:
        return place.manager.settle(state)
    except ForgeRefused as error:
        log.warning("rollback left open recovery_id=%s reason=%s", state.id, error.message)
        return state


def _clear_up(place: Workplace, state: RecoveryState) -> None:
    try:
        place.manager.clear_up(state)
    except ForgeRefused as error:
        log.warning("rollback not cleared up recovery_id=%s reason=%s", state.id, error.message)

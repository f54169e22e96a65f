"""What the record of a recovery says of a rollback, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recovery.models.records import Outcome, RecoveryState
from recovery.models.rollback import HALF_WAY, RollbackKind
from recovery.render import plain
from recovery.render.lines import Line, table

"""Outcomes of which nobody knows what is deployed now."""


def rollback_lines(state: RecoveryState) -> Iterator[Line]:
    """From where to where, on what it waits, what is on hold, and all that was looked into; nothing for others."""
    told = state.recovery_context.get("rollback")
    if not told:
        return
    workflow = plain.line(str(told.get("workflow_name")))
    is_return = told.get("returns_from")
    yield Line("time", f"Return of {workflow} to what stood before" if is_return else f"Rollback of {workflow}")
    yield from (Line("info", text) for text in table(tuple(_rows(state, told))))
    found = state.validation_results
    for reason in found.get("forced") or ():
        yield Line("info", f"  set aside, because a person asked: {_reason(reason)}")
    for rejected in found.get("rejected") or ():
        heading = f"{rejected.get('checkpoint_id')} of run {rejected.get('run_id')}"
        for reason in rejected.get("reasons") or ():
            yield Line("quote", f"  not {plain.line(heading)}: {_reason(reason)}")
    yield from _way_back(state, told)


def _rows(state: RecoveryState, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "kind", f"{told.get('kind')}, in {told.get('environment')}"
    run = "" if told.get("returns_from") else f" of run {told.get('bad_run_id')}"
    yield "from", f"commit {str(told.get('bad_sha'))[:7]}{run}"
    if state.target_checkpoint_id is None:
        yield "to", "none that is fit"
        return
    to = f"commit {str(told.get('target_sha'))[:7]} of run {told.get('target_run_id')}"
    yield "to", f"{to}, checkpoint {state.target_checkpoint_id}"
    if told.get("returns_from"):
        yield "returns from", f"{told['returns_from']}, which failed half-way"
    elif state.rollback_checkpoint_id:
        yield "stood before", f"checkpoint {state.rollback_checkpoint_id}"
    if told.get("reason"):
        yield "because", str(told["reason"])
    if state.metadata.get("waits_for"):
        yield "waits for", f"{state.metadata['waits_for']}: a person has to approve it"
    if told.get("hold_until") and _was_held(state, told):
        yield "on hold (UTC)", _hold(state, told)


def _was_held(state: RecoveryState, told: Mapping[str, Any]) -> bool:
    """Whether the bad commit was put on hold: a reverted one only once people have merged that."""
    outcome = state.metadata.get("outcome")
    if told.get("kind") == RollbackKind.REVERT_PR:
        return outcome == Outcome.CLEARED
    return bool(state.metadata.get("accepted")) and outcome != Outcome.NOT_RERUN


def _hold(state: RecoveryState, told: Mapping[str, Any]) -> str:
    released = state.metadata.get("hold_released_at")
    if released:
        return f"released at {_time(released)}"
    return f"commit {str(told.get('bad_sha'))[:7]} until {_time(told['hold_until'])}"


def _way_back(state: RecoveryState, told: Mapping[str, Any]) -> Iterator[Line]:
    """How to go back to what stood before, where a rollback came to no good end after GitHub had taken it."""
    is_half_way = state.metadata.get("accepted") and state.metadata.get("outcome") in HALF_WAY
    if not is_half_way or not state.rollback_checkpoint_id:
        return
    if told.get("kind") == RollbackKind.REVERT_PR or told.get("returns_from"):
        return
    command = f"recovery rollback --checkpoint-id {state.rollback_checkpoint_id} --reason '…'"
    yield Line("info", f"  to go back to what stood before: {plain.line(command)}")


def _reason(reason: Mapping[str, Any]) -> str:
    return plain.line(f"{reason.get('text', '')} ({reason.get('id', '')})")


def _time(written: object) -> str:
    return str(written)[:16].replace("T", " ")

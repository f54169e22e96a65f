"""What a decision document says of a rollback in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from recovery.models.document import DecisionDocument, RollbackDocument
from recovery.models.records import Outcome, RecoveryType
from recovery.models.rollback import Rejection, RollbackKind
from recovery.models.verdict import FailureClass
from recovery.render.markdown import code, prose
from recovery.render.stages import Stage, stage_of

LAST_GOOD = "the last good state"

ASKED_FOR = "a person asked for a rollback"
"""What stands in the place of a cause where nothing had failed."""

_FIRST = "-f dry-run=true"

_SENTENCES = {
    Stage.CLEARED: "{workflow} was rolled back to {target}",
    Stage.FAILED_AGAIN: "{workflow}: the rollback to {target} failed half-way",
    Stage.NOT_RERUN: "{workflow} was not rolled back to {target}",
    Stage.UNMEASURED: "{workflow}: it is not known what became of the rollback to {target}",
    Stage.RERUNNING: "{workflow} is being rolled back to {target}",
    Stage.REFUSED: "{workflow} could not be rolled back to {target}",
    Stage.REQUESTED: "{workflow}: a rollback to {target} was requested, but GitHub has not confirmed it",
    Stage.DUE: "{workflow} is due to be rolled back to {target} at {due}",
    Stage.PLANNED: "{workflow} is about to be rolled back to {target}",
    Stage.SUGGESTED: "{workflow} can be rolled back: {stopped}",
    Stage.LEFT: "{workflow} is not rolled back: {why}",
}

_RETURNS = {
    Stage.CLEARED: "{workflow} is back at {target}, which stood before the failed rollback",
    Stage.FAILED_AGAIN: "{workflow}: the return to {target} failed half-way, too",
    Stage.NOT_RERUN: "{workflow} was not returned to {target}",
    Stage.UNMEASURED: "{workflow}: it is not known what became of the return to {target}",
    Stage.RERUNNING: "{workflow} is being returned to {target}, which stood before the failed rollback",
    Stage.REFUSED: "{workflow} could not be returned to {target}",
    Stage.REQUESTED: "{workflow}: a return to {target} was requested, but GitHub has not confirmed it",
    Stage.DUE: "{workflow} is due to be returned to {target} at {due}",
    Stage.PLANNED: "{workflow} is about to be returned to {target}",
    Stage.SUGGESTED: "{workflow} can be returned to {target}",
    Stage.LEFT: "{workflow} is not returned to what stood before the failed rollback: {why}",
}

_OUTCOMES = {
    Stage.CLEARED: "rolled back",
    Stage.FAILED_AGAIN: "the rollback failed",
    Stage.NOT_RERUN: "not rolled back",
    Stage.UNMEASURED: "not known",
    Stage.RERUNNING: "being rolled back",
    Stage.REFUSED: "could not be rolled back",
    Stage.REQUESTED: "rollback requested",
    Stage.DUE: "rollback due at {due}",
    Stage.PLANNED: "rollback planned",
    Stage.SUGGESTED: "rollback suggested",
    Stage.LEFT: "not rolled back",
}

_OUTCOMES_OF_RETURNS = {
    Stage.CLEARED: "returned",
    Stage.FAILED_AGAIN: "the return failed",
    Stage.NOT_RERUN: "not returned",
    Stage.UNMEASURED: "not known",
    Stage.RERUNNING: "being returned",
    Stage.REFUSED: "could not be returned",
    Stage.REQUESTED: "return requested",
    Stage.DUE: "return due at {due}",
    Stage.PLANNED: "return planned",
    Stage.SUGGESTED: "return suggested",
    Stage.LEFT: "not returned",
}

_HALF_WAY = frozenset({Stage.FAILED_AGAIN, Stage.UNMEASURED})
"""Ends of which nobody knows what is deployed now."""


def is_one(document: DecisionDocument) -> bool:
    """Whether a document is about a rollback: done, proposed, or asked for in vain."""
    return document.rollback is not None or document.strategy is RecoveryType.ROLLBACK


def is_by_hand(document: DecisionDocument) -> bool:
    """Whether no failed job is behind it, but a person's word: the record has a synthetic failure then."""
    return is_one(document) and all(
        failure.job == document.workflow and failure.failure_class is FailureClass.UNKNOWN and not failure.evidence
        for failure in document.failures
    )


def is_return(document: DecisionDocument) -> bool:
    """Whether a rollback goes back to what stood before another one, which failed half-way."""
    return document.rollback is not None and document.rollback.returns_from is not None


def sentences(document: DecisionDocument) -> Mapping[Stage, str]:
    """The whole story of a rollback in one sentence, for each stage of it."""
    return _RETURNS if is_return(document) else _SENTENCES


def outcomes(document: DecisionDocument) -> Mapping[Stage, str]:
    """What became of a rollback in a few words, for each stage of it."""
    return _OUTCOMES_OF_RETURNS if is_return(document) else _OUTCOMES


def effect(document: DecisionDocument) -> str:
    """What is to be done, as an order."""
    where = target(document)
    return f"return to {where}, which stood before" if is_return(document) else f"roll back to {where}"


def command(document: DecisionDocument, checkpoint_id: str = "") -> str:
    """What a person types to roll the workflow back with the template `rollback.yml`."""
    named = f" -f checkpoint={shlex.quote(checkpoint_id)}" if checkpoint_id else ""
    return f"gh workflow run rollback.yml -f workflow={shlex.quote(document.workflow)}{named} -f reason='…'"


def target(document: DecisionDocument) -> str:
    """What is gone back to: a commit, where it is known."""
    told = document.rollback
    return f"commit {told.target_sha[:7]}" if told is not None and told.target_sha else LAST_GOOD


def particulars(document: DecisionDocument) -> list[str]:
    """What there is to know of it in Markdown: what it waits for, what is on hold, what was looked into."""
    if not is_one(document):
        return []
    return [*_lines(document), ""]


def _lines(document: DecisionDocument) -> Iterator[str]:
    stage, told = stage_of(document), document.rollback
    if stage is Stage.SUGGESTED:
        yield f"To roll back: {code(command(document))}; to see first what would be done, add {code(_FIRST)}."
    if told is None:
        return
    if told.returns_from:
        yield f"- returns from {code(told.returns_from)}, which failed half-way"
    if stage is Stage.RERUNNING and told.waits_for:
        yield f"- waits for {prose(told.waits_for)}: a person has to approve it"
    if told.hold_until is not None and _is_held(document, told):
        yield f"- commit {told.bad_sha[:7]} is on hold until {told.hold_until:%Y-%m-%d %H:%M} UTC"
    if (before := told.rollback_checkpoint_id) and _can_be_returned_from(document, told):
        yield f"- what stood before: checkpoint {code(before)}; to go back to it: {code(command(document, before))}"
    for reason in told.forced:
        yield f"- set aside, because a person asked: {_reason(reason)}"
    for rejected in told.rejected:
        reasons = "; ".join(_reason(reason) for reason in rejected.rejections)
        yield f"- not {code(rejected.checkpoint_id)} of run {prose(rejected.run_id)}: {reasons}"


def _is_held(document: DecisionDocument, told: RollbackDocument) -> bool:
    """Whether the bad commit is kept from being deployed: a reverted one only once people have merged that."""
    if told.hold_released or not document.reran:
        return False
    if told.kind is RollbackKind.REVERT_PR:
        return document.outcome is Outcome.CLEARED
    return document.outcome is not Outcome.NOT_RERUN


def _can_be_returned_from(document: DecisionDocument, told: RollbackDocument) -> bool:
    half_way = document.reran and stage_of(document) in _HALF_WAY
    return half_way and told.kind is not RollbackKind.REVERT_PR and told.returns_from is None


def _reason(reason: Rejection) -> str:
    return f"{prose(reason.text)} ({code(reason.id)})"

"""What a decision document says in words, the same on a pull request, in a job summary and on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.document import DecisionDocument, FailureDocument
from recovery.models.records import RecoveryType
from recovery.models.verdict import FailureClass, Retryable
from recovery.render import markdown, plain, rolled_back
from recovery.render.stages import Stage, stage_of


@dataclass(frozen=True)
class Voice:
    """How untrusted words are set: for Markdown or for a terminal."""

    text: Callable[[str], str]
    name: Callable[[str], str]
    """Sets names of jobs apart from the sentence around them."""


MARKDOWN = Voice(text=markdown.text, name=markdown.code)
TERMINAL = Voice(text=plain.line, name=plain.line)


CAUSES = {
    FailureClass.INFRASTRUCTURE: "an infrastructure failure",
    FailureClass.NETWORK: "a network failure",
    FailureClass.RATE_LIMIT: "a rate limit",
    FailureClass.REGISTRY_OR_DEPENDENCY: "a package registry failure",
    FailureClass.CACHE_OR_ARTIFACT: "a cache or artifact failure",
    FailureClass.FLAKY_TEST: "a flaky test",
    FailureClass.TEST_FAILURE: "a test failure",
    FailureClass.COMPILE_ERROR: "a compile error",
    FailureClass.LINT: "a lint finding",
    FailureClass.FORMATTING: "a formatting difference",
    FailureClass.TYPE_CHECK: "a type error",
    FailureClass.CONFIGURATION: "a configuration mistake",
    FailureClass.PERMISSION_AUTH: "a missing permission or login",
    FailureClass.DEPLOYMENT: "a failed deployment",
    FailureClass.TIMEOUT: "a timeout",
    FailureClass.MERGE_CONFLICT_OR_GIT: "a merge conflict or Git failure",
    FailureClass.POLICY_GATE: "a policy gate",
    FailureClass.SCRIPT_ERROR: "a script error",
    FailureClass.UNKNOWN: "a failure of unknown cause",
    FailureClass.NO_FAILURE: "no failure that the log shows",
}

WHY_LEFT = {
    ReasonId.SUPERSEDED: "a newer commit has taken its place",
    ReasonId.PULL_REQUEST_CLOSED: "its pull request is not open",
    ReasonId.RUN_ACTIVE: "it is running again already",
    ReasonId.TOO_OLD: "it is too old to be re-run",
    ReasonId.ATTEMPT_CAP: "it has had its tries",
    ReasonId.BUDGET: "the budget for re-runs is spent",
    ReasonId.REAL_FAILURE: "the cause is real",
    ReasonId.CANCELLED_BY_SOMEONE: "someone cancelled it",
    ReasonId.MASS_FAILURE: "too many jobs failed at once",
    ReasonId.SIDE_EFFECTS: "a job that changes the outside world had started",
    ReasonId.MERGE_QUEUE: "a merge queue's run is not re-run",
    ReasonId.OUTAGE: "the same failure is everywhere, as in an outage",
    ReasonId.LOG_UNREADABLE: "its log could not be read",
    ReasonId.OWN_WORKFLOW: "recovery does not re-run itself",
    ReasonId.UNKNOWN_CAUSE: "the cause is not known",
    ReasonId.ONLY_MAYBE: "a second try might help, but that is for a person to say",
    ReasonId.NO_FAILURE: "no failed job was found",
    ReasonId.ALREADY_DECIDED: "this attempt was decided before",
    ReasonId.DISABLED: "re-runs are switched off here",
    ReasonId.TRANSIENT: "nobody was asked to act",
    ReasonId.REQUESTED: "a person asked for it to be left",
    ReasonId.CHECKPOINT_VALID: "nobody was asked to act",
    ReasonId.CHECKPOINT_REJECTED: "its checkpoint is refused",
    ReasonId.PROGRESS: "nobody was asked to act",
    ReasonId.CRITICAL_FAILURE: "what was deployed is broken",
    ReasonId.TARGET_VALID: "nobody was asked to act",
    ReasonId.NO_TARGET: "there is nothing fit to go back to",
    ReasonId.ROLLED_BACK: "it was rolled back already, or is just being",
    ReasonId.RUN_UNFIT: "its run is none to roll back",
    ReasonId.NEWER_RUN: "a newer run came after it",
}


_MARKS = {
    Stage.CLEARED: "✅",
    Stage.FAILED_AGAIN: "🛑",
    Stage.NOT_RERUN: "⚠️",
    Stage.UNMEASURED: "❔",
    Stage.RERUNNING: "🔁",
    Stage.REFUSED: "⚠️",
    Stage.REQUESTED: "⏳",
    Stage.DUE: "⏳",
    Stage.PLANNED: "⏳",
    Stage.SUGGESTED: "💡",
    Stage.LEFT: "🛑",
}

_SENTENCES = {
    Stage.CLEARED: "{workflow} recovered: {later} passed after {cause}",
    Stage.FAILED_AGAIN: "{workflow} is still red: {later} failed too, after {stopped}",
    Stage.NOT_RERUN: "{workflow} was not re-run after {stopped}",
    Stage.UNMEASURED: "{workflow}: it is not known what became of the second try after {stopped}",
    Stage.RERUNNING: "{workflow} is being re-run after {stopped}",
    Stage.REFUSED: "{workflow} could not be re-run after {stopped}",
    Stage.REQUESTED: "{workflow}: a re-run was requested after {stopped}, but GitHub has not confirmed it",
    Stage.DUE: "{workflow} is due to be re-run at {due}, after {stopped}",
    Stage.PLANNED: "{workflow} is about to be re-run after {stopped}",
    Stage.SUGGESTED: "{workflow} may pass on a second try: {stopped}",
    Stage.LEFT: "{workflow} is left red: {why}",
}

_OUTCOMES = {
    Stage.CLEARED: "{later} passed",
    Stage.FAILED_AGAIN: "{later} failed too",
    Stage.NOT_RERUN: "not re-run",
    Stage.UNMEASURED: "not known",
    Stage.RERUNNING: "being re-run",
    Stage.REFUSED: "could not be re-run",
    Stage.REQUESTED: "re-run requested",
    Stage.DUE: "re-run due at {due}",
    Stage.PLANNED: "re-run planned",
    Stage.SUGGESTED: "re-run suggested",
    Stage.LEFT: "left red",
}


def headline(document: DecisionDocument) -> str:
    """The whole story in one line of Markdown."""
    return f"{_MARKS[stage_of(document)]} {sentence(document)}"


def sentence(document: DecisionDocument, voice: Voice = MARKDOWN) -> str:
    """The whole story in one sentence."""
    told = rolled_back.sentences(document) if rolled_back.is_one(document) else _SENTENCES
    return told[stage_of(document)].format(
        target=rolled_back.target(document),
        workflow=voice.text(document.workflow) or "The workflow",
        later=_attempt_after(document),
        cause=_cause(document),
        stopped=happened(document, voice),
        due=moment(document.due_at),
        why=_why_left(document, voice),
    )


def outcome(document: DecisionDocument) -> str:
    """What became of the attempt, in a few words."""
    stage = stage_of(document)
    told = rolled_back.outcomes(document) if rolled_back.is_one(document) else _OUTCOMES
    words = told[stage].format(later=_attempt_after(document), due=moment(document.due_at))
    return f"{_MARKS[stage]} {words}"


def decision(document: DecisionDocument) -> str:
    """What was decided, as an order."""
    if document.decision is DecisionKind.DECLINE:
        return "leave it as it is" if rolled_back.is_one(document) else "leave it red"
    match document.strategy:
        case RecoveryType.RETRY:
            effect = "re-run the failed jobs"
        case RecoveryType.RESUME:
            effect = "re-run the failed jobs, which continue from their checkpoints"
        case RecoveryType.ROLLBACK:
            effect = rolled_back.effect(document)
        case RecoveryType.NONE:
            return "leave it red"
        case _:
            assert_never(document.strategy)
    return effect if document.decision is DecisionKind.ACT else f"suggest to {effect}; a person decides"


def causes(document: DecisionDocument) -> tuple[FailureDocument, ...]:
    """The failures that are not consequences of others; none where nothing had failed."""
    if rolled_back.is_by_hand(document):
        return ()
    return tuple(failure for failure in document.failures if failure.consequence_of is None)


def consequences(document: DecisionDocument) -> tuple[FailureDocument, ...]:
    """The failures that would not be there without the others."""
    return tuple(failure for failure in document.failures if failure.consequence_of is not None)


def happened(document: DecisionDocument, voice: Voice = MARKDOWN) -> str:
    """What made the attempt fail, in a few words."""
    lead, cause = _lead(document), _cause(document)
    if rolled_back.is_by_hand(document):
        return rolled_back.ASKED_FOR
    if lead is None:
        return cause
    others = len(causes(document)) - 1
    return f"{cause} in {voice.name(lead.job)}" + (f" and {plural(others, 'more job')}" if others > 0 else "")


def verdict(failure_class: FailureClass, confidence: float, separator: str = ", ") -> str:
    """The cause and how sure it is; where there is no cause, there is nothing to be sure of."""
    cause = CAUSES[failure_class]
    if failure_class in {FailureClass.UNKNOWN, FailureClass.NO_FAILURE}:
        return cause
    return f"{cause}{separator}{round(confidence * 100)} % sure"


def moment(at: datetime | None) -> str:
    """A moment to the minute, in UTC."""
    return "an unknown time" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def plural(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _lead(document: DecisionDocument) -> FailureDocument | None:
    """The failure to name when only one can be: where the run is left for a real cause, that one."""
    candidates = causes(document) or document.failures
    if any(reason.id is ReasonId.REAL_FAILURE for reason in document.reasons):
        real = [failure for failure in candidates if failure.retryable is Retryable.NO]
        candidates = tuple(real) or candidates
    return next(iter(candidates), None)


def _cause(document: DecisionDocument) -> str:
    lead = _lead(document)
    return CAUSES[FailureClass.UNKNOWN if lead is None else lead.failure_class]


def _why_left(document: DecisionDocument, voice: Voice) -> str:
    first = document.reasons[0].id if document.reasons else ReasonId.UNKNOWN_CAUSE
    if first is ReasonId.ATTEMPT_CAP and document.attempt > 1:
        return f"attempt {document.attempt} failed as well, with {happened(document, voice)}"
    if first in {ReasonId.REAL_FAILURE, ReasonId.ATTEMPT_CAP}:
        return f"{WHY_LEFT[first]} ({happened(document, voice)})"
    return WHY_LEFT[first]


def _attempt_after(document: DecisionDocument) -> str:
    return f"attempt {document.settled_attempt or document.attempt + 1}"

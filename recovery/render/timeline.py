"""What happened, in the order in which it happened, for the terminal of a rehearsal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from recovery.models.document import DecisionDocument, FailureDocument
from recovery.models.github import FAILED_CONCLUSIONS
from recovery.render import plain, rolled_back, words
from recovery.render.lines import Line, Style
from recovery.render.stages import Stage, stage_of
from recovery.render.words import TERMINAL

BAD, GOOD, ASIDE = "✗", "✓", "·"
_STYLES: dict[str, Style] = {BAD: "bad", GOOD: "good"}
_DETAIL_INDENT = " " * 13
_JOBS, _EVIDENCE = 3, 2


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened. Its texts are trusted no more than the logs they may come from."""

    at: datetime
    mark: str
    title: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttemptFact:
    """How one attempt of a run went."""

    run_id: int
    attempt: int
    workflow: str
    conclusion: str | None
    started: datetime
    completed: datetime | None = None


def timeline_of(documents: Iterable[DecisionDocument], attempts: Iterable[AttemptFact]) -> tuple[TimelineEntry, ...]:
    """Entries for attempts and for what was decided about them, by time."""
    facts = sorted(attempts, key=lambda fact: (fact.completed or fact.started, fact.run_id, fact.attempt))
    ended = {(fact.run_id, fact.attempt): fact.completed or fact.started for fact in facts}
    entries = [_attempt(fact) for fact in facts]
    for document in sorted(documents, key=lambda document: (document.decided_at, document.run_id, document.attempt)):
        entries += _decided(document)
        if document.outcome is not None:
            measured_at = ended.get((document.run_id, document.settled_attempt or 0), document.decided_at)
            entries.append(_settled(document, measured_at))
    return tuple(sorted(entries, key=lambda entry: entry.at))


def timeline(entries: Iterable[TimelineEntry]) -> tuple[Line, ...]:
    """The entries as lines; a line with the date before the first entry of each day."""
    lines: list[Line] = []
    day = ""
    for entry in entries:
        at = entry.at.astimezone(UTC)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            lines.append(Line("time", f"{day} (UTC)"))
        mark = plain.line(entry.mark, limit=2) or ASIDE
        lines.append(Line(_STYLES.get(mark, "info"), f"  {at:%H:%M:%S} {mark} {plain.line(entry.title)}"))
        lines += [Line("quote", _DETAIL_INDENT + plain.preformatted(detail)) for detail in entry.details]
    return tuple(lines)


def _attempt(fact: AttemptFact) -> TimelineEntry:
    name = f"{fact.workflow}, attempt {fact.attempt}"
    if fact.completed is None:
        return TimelineEntry(fact.started, ASIDE, f"{name} is running")
    details = (f"took {(fact.completed - fact.started).total_seconds():.0f} s",)
    if fact.conclusion in FAILED_CONCLUSIONS:
        return TimelineEntry(fact.completed, BAD, f"{name} fails", details)
    if fact.conclusion == "success":
        return TimelineEntry(fact.completed, GOOD, f"{name} passes", details)
    return TimelineEntry(fact.completed, ASIDE, f"{name} ends as {fact.conclusion}", details)


def _decided(document: DecisionDocument) -> list[TimelineEntry]:
    causes = words.causes(document)
    entries = [_cause(document, failure) for failure in causes[:_JOBS]]
    if len(causes) > _JOBS:
        more = f"and {words.plural(len(causes) - _JOBS, 'more failed job')}"
        entries.append(TimelineEntry(document.decided_at, ASIDE, more))
    entries.append(_decision(document))
    if document.reran:
        entries.append(TimelineEntry(document.decided_at, "↻", f"GitHub accepted the {_effect(document)}"))
    elif stage_of(document) is Stage.REFUSED:
        entries.append(
            TimelineEntry(document.decided_at, BAD, f"The {_effect(document)} did not happen", _detail(document))
        )
    return entries


def _cause(document: DecisionDocument, failure: FailureDocument) -> TimelineEntry:
    title = f"Cause in {failure.job}: {words.verdict(failure.failure_class, failure.confidence)}"
    evidence = tuple(f"line {item.line} │ {item.text}" for item in failure.evidence[:_EVIDENCE])
    return TimelineEntry(document.decided_at, "?", title, evidence or ((failure.reason,) if failure.reason else ()))


def _decision(document: DecisionDocument) -> TimelineEntry:
    reasons = tuple(f"because {reason.text}" for reason in document.reasons)
    due = (f"due at {words.moment(document.due_at)}",) if document.due_at else ()
    return TimelineEntry(document.decided_at, "→", f"Decision: {words.decision(document)}", reasons + due)


def _settled(document: DecisionDocument, at: datetime) -> TimelineEntry:
    mark = GOOD if stage_of(document) is Stage.CLEARED else BAD
    return TimelineEntry(at, mark, f"Outcome: {words.sentence(document, TERMINAL)}", _detail(document))


def _effect(document: DecisionDocument) -> str:
    return "rollback" if rolled_back.is_one(document) else "re-run"


def _detail(document: DecisionDocument) -> tuple[str, ...]:
    return (document.detail,) if document.detail else ()

"""What is still to go wrong in a world, and when its turn has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from recovery.rehearsal.faults.answers import AnswerDeed, AnswerFault
from recovery.rehearsal.faults.deliveries import EventDeed, EventFault, UploadFault
from recovery.rehearsal.faults.happenings import Deed, Happening
from recovery.rehearsal.faults.parts import Count, Moment

Rule = TypeVar("Rule")


@dataclass
class _Watch(Generic[Rule]):
    """One rule and how many of its things have been seen."""

    rule: Rule
    count: Count
    seen: int = 0

    def due(self) -> bool:
        """Count one more; whether it is one of those meant."""
        self.seen += 1
        return self.count.includes(self.seen)

    def passed_over(self) -> None:
        """Count one that another rule has taken, unless this rule would have had its turn: then it keeps it."""
        if not self.count.includes(self.seen + 1):
            self.seen += 1


class Trouble:
    """Counts what the rules of the applied scenarios match; safe for many threads."""

    def __init__(self, lock: AbstractContextManager[bool]) -> None:
        self._lock = lock
        self._answers: list[_Watch[AnswerFault]] = []
        self._events: list[_Watch[EventFault]] = []
        self._uploads: list[_Watch[UploadFault]] = []
        self._before: list[_Watch[Happening]] = []
        self._after: list[_Watch[Happening]] = []

    def add(self, *rules: AnswerFault | EventFault | UploadFault | Happening) -> None:
        """Add rules; of several whose turn it is, the earliest added one has it, and the others have the next."""
        with self._lock:
            for rule in rules:
                match rule:
                    case AnswerFault():
                        self._answers.append(_Watch(rule, rule.when))
                    case EventFault():
                        self._events.append(_Watch(rule, rule.when))
                    case UploadFault():
                        self._uploads.append(_Watch(rule, rule.when))
                    case Happening(before=when) if when is not None:
                        self._before.append(_Watch(rule, when))
                    case Happening(after=when) if when is not None:
                        self._after.append(_Watch(rule, when))
                    case _:
                        raise ValueError("a happening without a moment is not waited for: use World.happen")

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            for watches in (self._answers, self._events, self._uploads, self._before, self._after):
                watches.clear()

    def answer(self, moment: Moment) -> AnswerDeed | None:
        """What happens to the answer of this request."""
        rule = self._first(self._answers, lambda rule: rule.when.matches(moment))
        return rule.do if rule else None

    def event(self, workflow: str) -> EventDeed | None:
        """What happens to this `workflow_run` event."""
        rule = self._first(self._events, lambda rule: rule.when.matches(workflow))
        return rule.do if rule else None

    def upload(self, name: str) -> str | None:
        """Why the upload of this artifact is refused, if it is."""
        rule = self._first(self._uploads, lambda rule: rule.when.matches(name))
        return rule.do.refuse if rule else None

    def happenings_before(self, moment: Moment) -> list[Deed]:
        """What happens before this request is looked at."""
        return [
            rule.do
            for rule in self._all(self._before, lambda rule: rule.before is not None and rule.before.matches(moment))
        ]

    def happenings_after(self, moment: Moment) -> list[Deed]:
        """What happens after this request was carried out, before it is answered."""
        return [
            rule.do
            for rule in self._all(self._after, lambda rule: rule.after is not None and rule.after.matches(moment))
        ]

    def _first(self, watches: list[_Watch[Rule]], matches: Callable[[Rule], bool]) -> Rule | None:
        taken: Rule | None = None
        with self._lock:
            for watch in watches:
                if not matches(watch.rule):
                    continue
                if taken is not None:
                    watch.passed_over()
                elif watch.due():
                    taken = watch.rule
        return taken

    def _all(self, watches: Iterable[_Watch[Rule]], matches: Callable[[Rule], bool]) -> list[Rule]:
        with self._lock:
            return [watch.rule for watch in watches if matches(watch.rule) and watch.due()]

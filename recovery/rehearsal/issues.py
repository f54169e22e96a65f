"""Issues: the plain kind, which share their numbers and comments with pull requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.pulls import Pulls
from recovery.rehearsal.records import ACTIONS_BOT, User

MAXIMUM_TITLE = 256


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One issue."""

    number: int
    id: int
    title: str
    body: str | None
    state: str
    labels: tuple[str, ...]
    user: User
    created_at: datetime
    updated_at: datetime


class Issues:
    """Every issue of one repository."""

    def __init__(self, clockwork: Clockwork, pulls: Pulls) -> None:
        self._clockwork = clockwork
        self._pulls = pulls
        self._issues: dict[int, Issue] = {}

    def create(
        self, title: str, body: str | None = None, *, labels: tuple[str, ...] = (), user: User = ACTIONS_BOT
    ) -> Issue:
        """A new issue; it starts no workflow."""
        if not title.strip() or len(title) > MAXIMUM_TITLE:
            raise Refused(422, "Validation Failed")
        at = self._clockwork.now()
        with self._clockwork.lock:
            issue = Issue(
                number=self._pulls.take_number(),
                id=self._clockwork.next_id("issue"),
                title=title,
                body=body,
                state="open",
                labels=labels,
                user=user,
                created_at=at,
                updated_at=at,
            )
            self._issues[issue.number] = issue
        self._clockwork.tell("issue-created", f"#{issue.number} {title}")
        return issue

    def change(self, number: int, **changes: Any) -> Issue:
        """Change an issue's title, body, labels or state."""
        with self._clockwork.lock:
            issue = replace(self.get(number), updated_at=self._clockwork.now(), **changes)
            if issue.state not in ("open", "closed"):
                raise Refused(422, "Validation Failed")
            self._issues[number] = issue
        return issue

    def get(self, number: int) -> Issue:
        """The issue of that number, or a 404; pull requests are found elsewhere."""
        with self._clockwork.lock:
            if number not in self._issues:
                raise Refused(404, "Not Found")
            return self._issues[number]

    def find(self, number: int) -> Issue | None:
        """The issue of that number, if it is one."""
        with self._clockwork.lock:
            return self._issues.get(number)

    def all(self) -> list[Issue]:
        """Every issue, newest first."""
        with self._clockwork.lock:
            return sorted(self._issues.values(), key=lambda issue: issue.number, reverse=True)

"""Check runs that programs make; those of jobs are the jobs themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recovery.rehearsal.clockwork import Clockwork, Refused

CONCLUSIONS = frozenset(
    {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out", "stale"}
)
STATUSES = frozenset({"queued", "in_progress", "completed"})
MAXIMUM_ANNOTATIONS = 50


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """One check run with its output and annotations."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    title: str | None
    summary: str | None
    text: str | None
    external_id: str
    details_url: str
    started_at: datetime
    completed_at: datetime | None
    annotations: tuple[dict[str, Any], ...] = ()


class Checks:
    """The check runs that were made by programs."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._checks: dict[int, CheckRun] = {}

    def create(self, name: str, head_sha: str) -> CheckRun:
        """A new check run that is queued."""
        check = CheckRun(
            id=self._clockwork.next_id("check"),
            name=name,
            head_sha=head_sha,
            status="queued",
            conclusion=None,
            title=None,
            summary=None,
            text=None,
            external_id="",
            details_url="",
            started_at=self._clockwork.now(),
            completed_at=None,
        )
        with self._clockwork.lock:
            self._checks[check.id] = check
        return check

    def change(self, check_id: int, annotations: Sequence[dict[str, Any]] = (), **changes: Any) -> CheckRun:
        """Change a check run; annotations are added to those it has, at most fifty at once."""
        if len(annotations) > MAXIMUM_ANNOTATIONS:
            raise Refused(422, "Invalid request.\n\nNo more than 50 items are allowed in `annotations`.")
        with self._clockwork.lock:
            check = replace(self.get(check_id), **changes)
            if check.status not in STATUSES or check.conclusion not in CONCLUSIONS | {None}:
                raise Refused(422, "Validation Failed")
            if check.conclusion is not None:
                at = check.completed_at or self._clockwork.now()
                check = replace(check, status="completed", completed_at=at)
            check = replace(check, annotations=(*check.annotations, *annotations))
            self._checks[check_id] = check
        return check

    def get(self, check_id: int) -> CheckRun:
        """The check run of that id, or a 404."""
        with self._clockwork.lock:
            if check_id not in self._checks:
                raise Refused(404, "Not Found")
            return self._checks[check_id]

    def find(self, check_id: int) -> CheckRun | None:
        """The check run of that id, if a program made it."""
        with self._clockwork.lock:
            return self._checks.get(check_id)

    def of(self, head_sha: str) -> list[CheckRun]:
        """The check runs of a commit, oldest first."""
        with self._clockwork.lock:
            return [check for check in self._checks.values() if check.head_sha == head_sha]

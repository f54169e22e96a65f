"""What every part of the local GitHub shares: one lock, one clock, one source of ids, one timeline."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from recovery.rehearsal.records import TimelineEvent

Listener = Callable[[TimelineEvent], None]

_FIRST_IDS = {
    "run": 9_000_001,
    "job": 40_000_001,
    "artifact": 700_001,
    "cache": 50_001,
    "comment": 80_001,
    "pull": 60_001,
    "workflow": 3_001,
    "issue": 65_001,
    "deployment": 20_001,
    "deployment status": 25_001,
    "check": 45_000_001,
}


class Refused(Exception):
    """GitHub's own no: a status and the message a client reads, and headers if it takes some."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class Clockwork:
    """Lock, clock, ids and timeline of one world; ids are small and start anew in each, so tests can name them."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.lock = threading.RLock()
        self.skew = timedelta()
        self._now = now or (lambda: datetime.now(UTC))
        self.timeline: list[TimelineEvent] = []
        self._listeners: list[Listener] = []
        self._telling = threading.RLock()
        self._next: dict[str, int] = defaultdict(lambda: 1, _FIRST_IDS)

    def now(self) -> datetime:
        """GitHub's time, which may differ from everybody else's by `skew`."""
        return self._now() + self.skew

    def next_id(self, kind: str) -> int:
        """A new id, never given before for that kind."""
        with self.lock:
            number = self._next[kind]
            self._next[kind] = number + 1
            return number

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of everything that happens from now on, one event at a time."""
        self._listeners.append(listener)

    def tell(self, kind: str, text: str, *, run_id: int | None = None, attempt: int | None = None) -> None:
        """Add one event to the timeline and pass it on."""
        event = TimelineEvent(at=self.now(), kind=kind, run_id=run_id, attempt=attempt, text=text)
        with self.lock:
            self.timeline.append(event)
        with self._telling:
            for listener in tuple(self._listeners):
                listener(event)

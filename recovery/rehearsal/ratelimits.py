"""GitHub's rate limits: the hourly one of a repository's job tokens, and the secondary one on points a minute."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.faults.happenings import Limits

HOURLY_LIMIT = 1_000
# https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: a read is a point, a write five.
_READ_POINTS, _WRITE_POINTS = 1, 5
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
PRIMARY_MESSAGE = "API rate limit exceeded for installation."
SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of Service"
)


class RateLimits:
    """Counts requests as GitHub does; every token of the repository shares one count."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self._limits = Limits()
        self._used = 0
        self._ends: datetime | None = None
        self._points: deque[tuple[datetime, int]] = deque()

    def change(self, limits: Limits) -> None:
        """Let other limits be in force."""
        with self._clockwork.lock:
            self._limits = limits
            if limits.remaining is not None:
                self._used = max(limits.primary - limits.remaining, 0)
            if limits.resets_after is not None:
                self._ends = self._clockwork.now() + timedelta(seconds=limits.resets_after)

    def admit(self, method: str) -> None:
        """Count a request, or refuse it with 403: nothing remains of the hour, or too much was asked at once."""
        with self._clockwork.lock:
            self._roll()
            if self._used >= self._limits.primary:
                raise Refused(403, PRIMARY_MESSAGE)
            self._used += 1
            self._admit_points(_READ_POINTS if method in ("GET", "HEAD", "OPTIONS") else _WRITE_POINTS)

    def forgive(self) -> None:
        """Take back one request: an answer 304 costs nothing of the hourly limit."""
        with self._clockwork.lock:
            self._used = max(self._used - 1, 0)

    def document(self) -> dict[str, int | str]:
        """The hourly limit as `/rate_limit` and the headers show it."""
        with self._clockwork.lock:
            ends = self._roll()
            used = min(self._used, self._limits.primary)
            return {
                "limit": self._limits.primary,
                "used": used,
                "remaining": self._limits.primary - used,
                "reset": int(ends.timestamp()),
                "resource": "core",
            }

    def headers(self) -> dict[str, str]:
        """The hourly limit as every answer tells it."""
        return {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in self.document().items()}

    def _roll(self) -> datetime:
        """Begin a new hour when the last one is over; an hour begins with its first request."""
        at = self._clockwork.now()
        if self._ends is None or self._ends <= at:
            over = self._ends is not None
            self._ends = at + _HOUR
            self._used = 0 if over else self._used
        return self._ends

    def _admit_points(self, points: int) -> None:
        if self._limits.secondary is None:
            return
        at = self._clockwork.now()
        while self._points and self._points[0][0] <= at - _MINUTE:
            self._points.popleft()
        if sum(spent for _, spent in self._points) + points > self._limits.secondary:
            wait = self._limits.retry_after
            raise Refused(403, SECONDARY_MESSAGE, headers={} if wait is None else {"Retry-After": str(wait)})
        self._points.append((at, points))

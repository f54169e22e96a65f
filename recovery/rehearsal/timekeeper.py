"""Job time limits, which `act` does not know: a job whose time is up ends as cancelled, as on GitHub."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recovery.rehearsal.records import Job

USUAL_MINUTES = 360.0
_LOOK_SECONDS = 0.1
# GitHub gives the cleaning up of a cancelled job five minutes.
_GRACE_MINUTES = 5.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long a job may take: what its workflow says, and how many seconds that is in this rehearsal."""

    minutes: float
    seconds: float

    @property
    def message(self) -> str:
        """GitHub's own words."""
        limit = f"the maximum execution time of {self.minutes:g} minutes"
        return f"The job running on runner rehearsal has exceeded {limit}."


class Timekeeper:
    """Watches the jobs of one attempt from a thread of its own.

    `expire` is told the id of a job whose time is up; `stop` ends what runs of it now, which is repeated while the
    job goes on without a failed step, and after its grace.
    """

    def __init__(
        self,
        limits: Mapping[str, Limit],
        *,
        expire: Callable[[Job, Limit], None],
        stop: Callable[[Job], None],
        is_failing: Callable[[int], bool],
        minute_seconds: float,
    ) -> None:
        self._limits = limits
        self._expire = expire
        self._stop = stop
        self._is_failing = is_failing
        self._grace = _GRACE_MINUTES * minute_seconds
        self._running: dict[int, tuple[Job, float]] = {}
        self._expired: set[int] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def look(self, jobs: tuple[Job, ...]) -> None:
        """Note which jobs run now."""
        now = time.monotonic()
        running = {job.id: job for job in jobs if job.status == "in_progress" and job.key in self._limits}
        self._running = {
            job_id: (job, self._running[job_id][1] if job_id in self._running else now + self._limits[job.key].seconds)
            for job_id, job in running.items()
        }

    def close(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            for job, deadline in list(self._running.values()):
                late = time.monotonic() - deadline
                if late < 0:
                    continue
                if job.id not in self._expired:
                    self._expired.add(job.id)
                    self._expire(job, self._limits[job.key])
                if late > self._grace or not self._is_failing(job.id):
                    self._stop(job)

"""The seam behind which attempts are executed, and its simplest side: a runner that follows a script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.runs import Runs


class Runner(Protocol):
    """Executes attempts that the world has already recorded as queued."""

    def start(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        """Execute the jobs of these keys; all other jobs of the attempt are carried over."""

    def cancel(self, run_id: int) -> None:
        """Stop the run's active attempt, which then completes as cancelled."""


class ScriptedRunner:
    """Executes nothing: each re-run job gets what was scripted for it, or succeeds.

    With `hold`, attempts stay in progress until `release` is called.
    """

    def __init__(self, runs: Runs, *, hold: bool = False) -> None:
        self._runs = runs
        self._hold = hold
        self._scripts: dict[int, list[tuple[ScriptedJob, ...]]] = defaultdict(list)
        self._held: dict[int, tuple[int, frozenset[str]]] = {}

    def script(self, run_id: int, *jobs: ScriptedJob) -> None:
        """Say what the run's next attempt gives; call again for the attempt after that."""
        self._scripts[run_id].append(jobs)

    def start(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        """Complete the attempt at once, or mark it as in progress when holding."""
        self._runs.begin(run_id, attempt)
        if self._hold:
            self._held[run_id] = (attempt, keys)
        else:
            self._finish(run_id, attempt, keys)

    def release(self, run_id: int) -> None:
        """Complete an attempt that is being held."""
        attempt, keys = self._held.pop(run_id)
        self._finish(run_id, attempt, keys)

    def cancel(self, run_id: int) -> None:
        """Complete the active attempt with every unfinished job cancelled."""
        self._held.pop(run_id, None)
        self._runs.complete(run_id, self._runs.get(run_id).latest.number, conclusion="cancelled")

    def _finish(self, run_id: int, attempt: int, keys: frozenset[str]) -> None:
        scripts = self._scripts[run_id]
        script: Sequence[ScriptedJob] = scripts.pop(0) if scripts else ()
        by_key = {job.key or job.name: job for job in script}
        for job in self._runs.get(run_id).latest.jobs:
            if job.key in keys:
                self._runs.fill(run_id, attempt, job.id, by_key.get(job.key, ScriptedJob(name=job.name)))
        self._runs.complete(run_id, attempt)

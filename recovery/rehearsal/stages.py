"""How far each asking run has come, told from what it uploaded and what was accepted from it."""

from __future__ import annotations

from collections.abc import Callable

from recovery.rehearsal.faults.parts import Phase

PLAN_PREFIX = "recovery-plan."


class Stages:
    """The phases of asking runs (`None`: a token of no run); a test that knows better may announce one."""

    def __init__(self, has_planned: Callable[[int], bool]) -> None:
        self._has_planned = has_planned
        self._acted: set[int | None] = set()
        self._announced: Phase | None = None

    def announce(self, phase: Phase | str | None) -> None:
        """Let every request be of this phase until further notice (`None`: tell it from the facts again)."""
        self._announced = Phase(phase) if phase is not None else None

    def acted(self, run_id: int | None) -> None:
        """An effect of this run was accepted."""
        self._acted.add(run_id)

    def of(self, run_id: int | None) -> Phase:
        """The phase a request of this run belongs to."""
        if self._announced is not None:
            return self._announced
        if run_id in self._acted:
            return Phase.REPORT
        if run_id is not None and self._has_planned(run_id):
            return Phase.EXECUTE
        return Phase.SETTLE if self._acted else Phase.PLAN

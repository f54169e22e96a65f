"""Concurrency groups: one run at work, one that waits, and the newer one's right over the older one's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from recovery.rehearsal.expressions import context_of, interpolate
from recovery.rehearsal.records import Run
from recovery.rehearsal.workflow import Document, jobs_of


@dataclass(frozen=True)
class Group:
    """A group as a workflow or job declares it; names are the same whatever their case."""

    name: str
    cancel_in_progress: bool = False
    queue_all: bool = False

    @property
    def key(self) -> str:
        """What tells groups apart."""
        return self.name.lower()


def groups_of(run: Run, document: Document) -> tuple[Group, ...]:
    """The groups a run is in: its workflow's and its jobs', as if the whole run were in each."""
    declared = [document.get("concurrency"), *(job.get("concurrency") for job in jobs_of(document).values())]
    groups: dict[str, Group] = {}
    for value in declared:
        about = value if isinstance(value, dict) else {"group": value}
        name = interpolate(str(about.get("group") or ""), context_of(run))
        if name:
            group = Group(
                name,
                cancel_in_progress=about.get("cancel-in-progress") is True,
                queue_all=about.get("queue") == "max",
            )
            groups.setdefault(group.key, group)
    return tuple(groups.values())


@dataclass
class _Line:
    """Who works in a group, and who waits for it in order."""

    running: int | None = None
    waiting: list[int] = field(default_factory=list)


class Concurrency:
    """Lets one run of a group work at a time, for runners with a thread per run.

    When another run comes, the one that waits is cancelled (`queue: max` lets it wait), and with
    `cancel-in-progress` the one at work too. A run in several groups enters them one after the other, in the order
    of their names, so that no two runs wait for each other.
    """

    def __init__(self, cancel: Callable[[int], None]) -> None:
        self._cancel = cancel
        self._lines: dict[str, _Line] = {}
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, run_id: int, groups: tuple[Group, ...]) -> Iterator[bool]:
        """Wait for the run's turn in all its groups; False when it lost its place and is to be cancelled."""
        entered: list[Group] = []
        try:
            for group in sorted(groups, key=lambda group: group.key):
                if not self._enter(run_id, group):
                    yield False
                    return
                entered.append(group)
            yield True
        finally:
            for group in reversed(entered):
                self._leave(run_id, group)

    def give_up(self, run_id: int) -> None:
        """Take a run out of every line it waits in, because somebody cancelled it."""
        with self._changed:
            for line in self._lines.values():
                line.waiting = [other for other in line.waiting if other != run_id]
            self._changed.notify_all()

    def _enter(self, run_id: int, group: Group) -> bool:
        with self._changed:
            line = self._lines.setdefault(group.key, _Line())
            in_progress = line.running if group.cancel_in_progress else None
            if not group.queue_all:
                line.waiting.clear()
            line.waiting.append(run_id)
            self._changed.notify_all()
        if in_progress is not None:
            self._cancel(in_progress)
        with self._changed:
            self._changed.wait_for(lambda: run_id not in line.waiting or self._is_next(run_id, line))
            if run_id not in line.waiting:
                return False
            line.waiting.remove(run_id)
            line.running = run_id
            return True

    @staticmethod
    def _is_next(run_id: int, line: _Line) -> bool:
        return line.running is None and line.waiting[0] == run_id

    def _leave(self, run_id: int, group: Group) -> None:
        with self._changed:
            line = self._lines[group.key]
            if line.running == run_id:
                line.running = None
            self._changed.notify_all()

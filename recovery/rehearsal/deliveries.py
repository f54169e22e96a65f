"""The way of `workflow_run` events from a completed run to those who wait for it, with all that can befall them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from recovery.rehearsal.clockwork import Clockwork
from recovery.rehearsal.faults.deliveries import Delayed, Duplicated, Lost, Reordered
from recovery.rehearsal.records import Run
from recovery.rehearsal.trouble import Trouble


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event to hand over: the run as it completed, how many times at once, how many seconds later."""

    run: Run
    copies: int = 1
    delay: float = 0.0


Receiver = Callable[[Delivery], None]


class Deliveries:
    """Hands events to the receiver; without one they are kept for `take`."""

    def __init__(self, clockwork: Clockwork, trouble: Trouble) -> None:
        self.receiver: Receiver | None = None
        self._clockwork = clockwork
        self._trouble = trouble
        self._kept: list[Delivery] = []
        self._held: list[Delivery] = []
        self._timers: list[threading.Timer] = []
        self._changed = threading.Condition()

    def completed(self, run: Run) -> None:
        """Send a run's completed event on its way."""
        delivery = Delivery(run=run)
        match self._trouble.event(run.workflow.name):
            case None:
                self._arrive(delivery)
            case Lost():
                self._tell(run, "event-lost", f"the completed event of {run.workflow.name} never arrives")
            case Duplicated():
                self._arrive(replace(delivery, copies=2))
            case Delayed(delayed=seconds):
                self._tell(run, "event-delayed", f"the completed event of {run.workflow.name} is {seconds:g} s late")
                self._later(replace(delivery, delay=seconds))
            case Reordered():
                self._tell(run, "event-held", f"the completed event of {run.workflow.name} is overtaken by the next")
                with self._changed:
                    self._held.append(delivery)

    def take(self) -> list[Delivery]:
        """The events that arrived and nobody received, in the order of their arrival; each is taken once.

        An event that was to come after the next one comes last when there is none.
        """
        self.release()
        with self._changed:
            kept, self._kept = self._kept, []
        return kept

    def release(self) -> bool:
        """Let events arrive that wait for a next one; whether there were any."""
        with self._changed:
            held, self._held = self._held, []
        for delivery in held:
            self._hand_over(delivery)
        return bool(held)

    def wait_for_late_ones(self, seconds: float) -> None:
        """Wait until no event is late any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._timers, timeout=seconds)

    @property
    def some_are_late(self) -> bool:
        """Whether an event is still to come at its time."""
        return bool(self._timers)

    def close(self) -> None:
        """Let no further event arrive."""
        with self._changed:
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()

    def _arrive(self, delivery: Delivery) -> None:
        self._hand_over(delivery)
        self.release()

    def _hand_over(self, delivery: Delivery) -> None:
        if self.receiver is not None:
            self.receiver(delivery)
        else:
            with self._changed:
                self._kept.append(delivery)

    def _later(self, delivery: Delivery) -> None:
        if self.receiver is None:
            self._hand_over(delivery)
            return

        def arrive() -> None:
            self._arrive(delivery)
            with self._changed:
                self._timers = [other for other in self._timers if other is not timer]
                self._changed.notify_all()

        timer = threading.Timer(delivery.delay, arrive)
        timer.daemon = True
        with self._changed:
            self._timers.append(timer)
        timer.start()

    def _tell(self, run: Run, kind: str, text: str) -> None:
        self._clockwork.tell(kind, text, run_id=run.id, attempt=run.latest.number)

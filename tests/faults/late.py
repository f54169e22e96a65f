"""A program of ours on a machine whose clock is ahead: `python -m tests.faults.late SECONDS MODULE ARGUMENT …`."""

from __future__ import annotations

import runpy
import sys
from datetime import datetime, timedelta

from recovery.adapters.clock import SystemClock
from recovery.app import wiring


class LateClock(SystemClock):
    """The machine's clock, ahead by as much as the test has let pass."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self.ahead = ahead

    def now(self) -> datetime:
        """The time that the test has come to."""
        return super().now() + self.ahead


if __name__ == "__main__":
    ahead, module, *arguments = sys.argv[1:]
    setattr(wiring, "SystemClock", lambda: LateClock(timedelta(seconds=float(ahead))))  # noqa: B010 -- as pytest does it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

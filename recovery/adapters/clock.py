"""The machine's own time and chance."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime

from ulid import ULID


class SystemClock:
    """The port `Clock` on the real clock; ids sort in the order given, also within one millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._dice = random.SystemRandom()

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait; not at all when `seconds` is negative."""
        time.sleep(max(0.0, seconds))

    def chance(self) -> float:
        """A number drawn evenly from [0, 1)."""
        return self._dice.random()

    def new_id(self) -> str:
        """A fresh ULID, lower case."""
        with self._lock:
            self._last = max(int(ULID()), self._last + 1)
            return str(ULID.from_int(self._last)).lower()

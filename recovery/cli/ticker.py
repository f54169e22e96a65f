"""One line on standard error that tells how far a long work is, rewritten as it goes on."""

from __future__ import annotations

import os
import sys
import time

from recovery.render import plain

_INTERVAL = 0.1
"""Seconds between two rewritings: more often nobody can read."""


class Ticker:
    """Silent where nobody looks: off a terminal, on a runner, and where it is not wanted."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._speaks = wanted and sys.stderr.isatty() and not os.environ.get("CI")
        self._shown = ""
        self._began = time.monotonic()
        self._last = 0.0

    def begin(self) -> None:
        """Count the time from here."""
        self._began = time.monotonic()

    def tell(self, text: str, *, after: float = 0.0) -> None:
        """Show this in place of what was shown, if the work has lasted for `after` seconds."""
        now = time.monotonic()
        if not self._speaks or now - self._began < after or (self._shown and now - self._last < _INTERVAL):
            return
        self._last = now
        self._write(plain.line(text, limit=100))

    def clear(self) -> None:
        """Leave the line as if nothing had been told."""
        if self._shown:
            self._write("")
            print("\r", end="", file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        print(f"\r{text.ljust(len(self._shown))}", end="", file=sys.stderr, flush=True)
        self._shown = text

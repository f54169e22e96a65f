"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.builders import NOW


class FakeClock:
    """Time moves only by `advance` and `sleep`, chance is what it is set to, ids count upwards."""

    def __init__(self, now: datetime = NOW, *, chance: float = 0.5) -> None:
        self.time = now
        self.fixed_chance = chance
        self.sleeps: list[float] = []
        self.ids = 0

    def now(self) -> datetime:
        """The time it was last moved to."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass without anyone having slept."""
        self.time += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """Write the wish down and let that time pass at once."""
        self.sleeps.append(seconds)
        self.advance(seconds)

    def chance(self) -> float:
        """Always the same number."""
        return self.fixed_chance

    def new_id(self) -> str:
        """The next id; ids sort in the order given."""
        self.ids += 1
        return f"id-{self.ids:08d}"

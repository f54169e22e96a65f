"""What a user may choose about a rehearsal, besides its scenario."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.rehearsal.wishes import Wish


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How a rehearsal treats the repository.

    `workflow` leaves out all others that the event starts; `with_template` adds the recovery workflow to the copy;
    `needs_recovery` refuses a repository without one for the event; `stub_unknown` replaces actions without a
    stand-in by nothing; `minute_seconds` is how long a minute of `timeout-minutes` takes.
    """

    failures: tuple[Wish, ...] = ()
    workflow: str | None = None
    with_template: bool = False
    needs_recovery: bool = False
    stub_unknown: bool = False
    minute_seconds: float = 60.0

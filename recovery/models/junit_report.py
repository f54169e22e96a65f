"""What a test framework's own report says: which tests failed, and which failed first and passed then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JUnitReport:
    """The tests of one job by their ids, as `classname.name` or however the report names them."""

    failed: tuple[str, ...] = ()
    """Failed, and did not pass afterwards."""
    flaky: tuple[str, ...] = ()
    """Failed, and passed in the same job when they were tried again."""

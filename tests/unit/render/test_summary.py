"""The job summary."""

from __future__ import annotations

from collections.abc import Callable

from recovery.models.verdict import Evidence
from recovery.render.summary import LIMIT, summary_body
from tests.unit.render.samples import left_red, make_failed


def test_summary_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """A summary with its request counts is its golden text."""
    golden("summary/left-red.md", summary_body(left_red(), {"plan": 5, "execute": 2}))


def test_summary_without_requests_has_no_count() -> None:
    """Unknown request counts are not mentioned."""
    assert "API request" not in summary_body(left_red())


def test_summary_never_exceeds_the_limit() -> None:
    """A document of megabytes gives a summary under the limit."""
    quoted = (Evidence(line=1, text="`" * 290, rule="r"),) * 3
    jobs = tuple(make_failed(job="&" * 300, evidence=quoted, consequence_of="|" * 300) for _ in range(500))
    huge = left_red(failures=jobs, overridden=left_red().reasons * 20_000)
    assert len(summary_body(huge).encode()) < LIMIT

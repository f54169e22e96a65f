"""Lines of `act` turned into jobs and logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from recovery.rehearsal.records import Job
from recovery.rehearsal.transcript import Transcript, leg_name
from recovery.rehearsal.workflow import parse

WORKFLOW = """
jobs:
  flaky:
    steps:
      - uses: actions/checkout@v4
      - {id: fetch, name: Fetch, run: "curl x"}
      - run: "echo never"
      - {if: always(), run: "echo always\\necho more"}
"""


def transcript(jobs: list[Job] | None = None) -> Transcript:
    """A transcript of the workflow above on a clock that ticks in seconds."""
    ticks: Iterator[datetime] = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(1000))
    job = Job(id=5, run_id=1, attempt=1, key="flaky", name="flaky", created_at=next(ticks))
    numbers = iter(range(90, 99))
    return Transcript(parse(WORKFLOW), jobs or [job], frozenset({"flaky"}), lambda: next(ticks), lambda: next(numbers))


def line(message: str, at: str | None = None, matrix: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One line as `act` writes it."""
    ids = {"stepID": [at]} if at is not None else {}
    return {"jobID": "flaky", "job": "CI/flaky", "matrix": matrix or {}, "msg": message, "stage": "Main", **ids, **more}


def test_steps_results_and_late_output() -> None:
    """A failed step, one skipped after it, one that ran anyway; output after the failure's mark stays above it."""
    found = transcript()
    for entry in (
        line("⭐ Run Main actions/checkout@v4", "0"),
        line("  ✅", "0", stepResult="success"),
        line("⭐ Run Main Fetch", "fetch", step="Fetch"),
        line("first\n", "fetch", raw_output=True),
        line("  ❌", "fetch", stepResult="failure"),
        line("exit status 28", "fetch", level="error"),
        line("curl: (28) timed out\n", "fetch", raw_output=True),
        line("⭐ Run Main echo always\necho more", "3"),
        line("  ✅", "3", stepResult="success"),
        line("🏁", jobResult="failure"),
    ):
        found.read(entry)
    job = found.records()[0]
    assert [(step.number, step.name, step.conclusion) for step in job.steps] == [
        (1, "Set up job", "success"),
        (2, "Run actions/checkout@v4", "success"),
        (3, "Fetch", "failure"),
        (4, "Run echo never", "skipped"),
        (5, "Run echo always", "success"),
        (6, "Complete job", "success"),
    ]
    texts = [entry.split(" ", 1)[1] for entry in job.log.splitlines()]
    start = texts.index("##[group]Run curl x")
    assert texts[start:start + 7] == [
        "##[group]Run curl x", "\x1b[36;1mcurl x\x1b[0m", "shell: /usr/bin/bash -e {0}", "##[endgroup]",
        "first", "curl: (28) timed out", "##[error]Process completed with exit code 28.",
    ]  # fmt: skip
    assert job.log.splitlines()[0].startswith("2026-01-01T00:00:0")
    assert len(job.log.split(" ")[0]) == len("2026-01-01T00:00:00.0000000Z")


def test_nested_steps_belong_to_the_outer_one() -> None:
    """The steps of a composite action are one step of the job; commands become marks."""
    found = transcript()
    found.read(line("⭐ Run Main actions/checkout@v4", "0"))
    found.read({**line("inner\n", raw_output=True), "stepID": ["0", "x"]})
    found.read({**line("…", command="error", arg="broken"), "stepID": ["0", "x"]})
    found.read({**line("❌", stepResult="failure"), "stepID": ["0", "x"]})
    job = found.records()[0]
    assert (job.status, len(job.steps)) == ("in_progress", 2)
    assert job.steps[1].status == "in_progress"
    assert "##[error]broken" in job.log


def test_matrix_legs_get_records_of_their_own() -> None:
    """The first leg takes the planned record, later ones new ids; each is named with its values."""
    found = transcript()
    for number, result in ((1, "success"), (2, "failure")):
        found.read(line("x", "0", matrix={"x": number, "os": "linux"}, stepResult=result))
        found.read(line("🏁", matrix={"x": number, "os": "linux"}, jobResult="failure"))
    assert [(job.id, job.name, job.conclusion) for job in found.records()] == [
        (5, "flaky (1, linux)", "success"), (90, "flaky (2, linux)", "failure"),
    ]  # fmt: skip


def test_names_of_legs() -> None:
    """A name that asks for matrix values gets them, another one gets them in brackets."""
    assert leg_name({"name": "Test on ${{ matrix.os }}"}, "test", {"os": "linux"}) == "Test on linux"
    assert leg_name({}, "test", {"os": "linux"}) == "test (linux)"
    assert leg_name({}, "test", {}) == "test"

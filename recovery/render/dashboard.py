"""The dashboard as JSON, in the seed's own names, and as a table for terminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recovery.models.dashboard import CheckpointStatus, Dashboard, Operation
from recovery.models.records import RecoveryStatus
from recovery.render import plain
from recovery.render.lines import Line, Style, table
from recovery.render.words import moment, plural

_EMPTY = (
    "Nothing has been recovered yet, and no checkpoint is recorded.",
    "Recoveries appear here once a run has failed: `recovery observe RUN_ID` looks at one,",
    "`recovery rehearse` shows the whole loop on this machine.",
)
_STYLES: dict[RecoveryStatus, Style] = {
    RecoveryStatus.COMPLETED: "good",
    RecoveryStatus.FAILED: "bad",
    RecoveryStatus.TIMED_OUT: "bad",
}


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as plain JSON values."""
    return dashboard.model_dump(mode="json")


def dashboard_lines(dashboard: Dashboard) -> tuple[Line, ...]:
    """The dashboard for a person; where there is nothing to show yet, how to get there."""
    known = dashboard.checkpoint_status.by_health.model_dump().values()
    if not dashboard.recent_operations and not any(known):
        return tuple(Line("info", sentence) for sentence in _EMPTY)
    return (*_summary(dashboard), *_types(dashboard), *_operations(dashboard), *_checkpoints(dashboard))


def _summary(dashboard: Dashboard) -> Iterator[Line]:
    summary = dashboard.recovery_summary
    yield Line("time", "Recoveries")
    rows = (
        ("total", str(summary.total_recoveries)),
        ("successful", str(summary.successful_recoveries)),
        ("failed", str(summary.failed_recoveries)),
        ("in progress", str(summary.in_progress_recoveries)),
        (
            "success rate",
            f"{summary.success_rate:.2f} % of all, {dashboard.success_rate_of_finished:.2f} % of finished",
        ),
        ("left to people", str(dashboard.declined)),
    )
    yield from (Line("info", text) for text in table(rows))


def _types(dashboard: Dashboard) -> Iterator[Line]:
    counts = dashboard.recovery_by_type
    yield Line("time", "By type")
    rows = [("", "total", "successful")]
    for name, count in (("retry", counts.retry), ("resume", counts.resume), ("rollback", counts.rollback)):
        rows.append((name, str(count.total), str(count.successful)))
    yield from (Line("info", text) for text in table(rows))


def _operations(dashboard: Dashboard) -> Iterator[Line]:
    operations = dashboard.recent_operations
    if not operations:
        return
    yield Line("time", "Recent operations, newest first")
    for operation, text in zip(operations, table([_operation(operation) for operation in operations]), strict=True):
        yield Line(_STYLES.get(operation.status, "info"), text)


def _operation(operation: Operation) -> tuple[str, ...]:
    run = "" if operation.run_id is None else f"run {operation.run_id}, attempt {operation.attempt}"
    ended = operation.status.value if operation.outcome is None else f"{operation.status}, {operation.outcome}"
    kind = "left alone" if operation.status is RecoveryStatus.DECLINED else operation.type.value
    return (moment(operation.started_at), operation.id, kind, ended, run, operation.reason)


def _checkpoints(dashboard: Dashboard) -> Iterator[Line]:
    status = dashboard.checkpoint_status
    yield Line("time", "Checkpoints")
    yield Line("info", f"  {plural(status.available, 'checkpoint')} available{_taken_of(status)}")
    health = ", ".join(f"{count} {word}" for word, count in status.by_health.model_dump().items() if count)
    if health:
        yield Line("bad" if status.by_health.corrupt else "info", f"  health: {health}")
    if status.latest is not None:
        latest = f"{status.latest.name} of {status.latest.workflow}, {moment(status.latest.created_at)}"
        yield Line("info", f"  latest: {plain.line(latest)} ({plain.line(status.latest.id)})")


def _taken_of(status: CheckpointStatus) -> str:
    types = status.by_type
    counted = [(types.step, "step"), (types.job, "job"), (types.workflow, "workflow")]
    shown = [f"{count} of a {noun}" for count, noun in counted if count]
    return f": {', '.join(shown)}" if shown else ""

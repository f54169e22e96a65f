"""What recoveries and checkpoints add up to."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.dashboard import CheckpointsByHealth, CheckpointsByType, RecoverySummary, TypeCount
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus, RecoveryType
from recovery.policy.statistics import RECENT, summarise
from tests.builders import REPOSITORY, later, make_checkpoint


def make_state(number: int, **over: Any) -> RecoveryState:
    """A successful retry, started at second `number`."""
    fields: dict[str, Any] = {
        "id": f"rec-{number}-1-1",
        "failure_id": f"fail-{number}-1-1",
        "repository": REPOSITORY,
        "recovery_type": RecoveryType.RETRY,
        "status": RecoveryStatus.COMPLETED,
        "started_at": later(number),
    }
    return RecoveryState(**fields | over)


def seeds_recoveries() -> list[RecoveryState]:
    """The seed's 45 recoveries: 30 retries, 10 resumes, 5 rollbacks; 38 worked, 5 failed, 2 are under way."""
    kinds = (
        [(RecoveryType.RETRY, RecoveryStatus.COMPLETED)] * 27
        + [(RecoveryType.RETRY, RecoveryStatus.FAILED)] * 2
        + [(RecoveryType.RETRY, RecoveryStatus.PENDING)]
        + [(RecoveryType.RESUME, RecoveryStatus.COMPLETED)] * 8
        + [(RecoveryType.RESUME, RecoveryStatus.TIMED_OUT)]
        + [(RecoveryType.RESUME, RecoveryStatus.IN_PROGRESS)]
        + [(RecoveryType.ROLLBACK, RecoveryStatus.COMPLETED)] * 3
        + [(RecoveryType.ROLLBACK, RecoveryStatus.FAILED)] * 2
    )
    return [make_state(n, recovery_type=kind, status=status) for n, (kind, status) in enumerate(kinds)]


def test_the_seeds_numbers() -> None:
    """The seed's example comes out exactly: 45, 38, 5, 2 and 84.44."""
    dashboard = summarise(seeds_recoveries(), [])
    expected = {
        "recovery_summary": {
            "total_recoveries": 45,
            "successful_recoveries": 38,
            "failed_recoveries": 5,
            "in_progress_recoveries": 2,
            "success_rate": 84.44,
        },
        "recovery_by_type": {
            "retry": {"total": 30, "successful": 27},
            "resume": {"total": 10, "successful": 8},
            "rollback": {"total": 5, "successful": 3},
        },
    }
    assert expected == dashboard.model_dump(mode="json", include=set(expected))
    assert 88.37 == dashboard.success_rate_of_finished


@pytest.mark.parametrize(
    "over",
    [
        {"status": RecoveryStatus.DECLINED, "recovery_type": RecoveryType.NONE},
        {"status": RecoveryStatus.DECLINED},
        {"status": RecoveryStatus.FAILED, "recovery_type": RecoveryType.NONE},
    ],
)
def test_declined_ones_are_counted_apart(over: dict[str, Any]) -> None:
    """What was left to people is no recovery, whatever was suggested."""
    dashboard = summarise([make_state(1), make_state(2, **over)], [])
    assert (1, 1, 100.0) == (
        dashboard.declined,
        dashboard.recovery_summary.total_recoveries,
        dashboard.recovery_summary.success_rate,
    )


def test_nothing_adds_up_to_nothing() -> None:
    """Without any record all numbers are zero."""
    dashboard = summarise([], [])
    zeros = RecoverySummary(
        total_recoveries=0, successful_recoveries=0, failed_recoveries=0, in_progress_recoveries=0, success_rate=0.0
    )
    assert zeros == dashboard.recovery_summary
    assert TypeCount() == dashboard.recovery_by_type.rollback
    assert (0.0, 0, (), None) == (
        dashboard.success_rate_of_finished,
        dashboard.declined,
        dashboard.recent_operations,
        dashboard.checkpoint_status.latest,
    )


def test_recent_operations_are_the_newest_first() -> None:
    """Only so many operations are listed, the newest first, declined ones among them."""
    states = [make_state(number) for number in range(RECENT + 5)] + [make_state(99, status=RecoveryStatus.DECLINED)]
    listed = [operation.id for operation in summarise(states, []).recent_operations]
    assert (RECENT, "rec-99-1-1", "rec-14-1-1") == (len(listed), listed[0], listed[1])
    assert ["rec-99-1-1"] == [operation.id for operation in summarise(states, [], recent=1).recent_operations]


def test_an_operation_tells_run_outcome_and_reason() -> None:
    """Run, attempt, outcome and the first reason are taken from the record."""
    context = {"run_id": 7, "attempt": 2, "workflow_name": "CI", "reasons": [{"id": "transient", "text": "lost"}]}
    state = make_state(1, recovery_context=context, metadata={"outcome": "cleared"})
    (operation,) = summarise([state], []).recent_operations
    actual = (operation.workflow, operation.run_id, operation.attempt, operation.outcome, operation.reason)
    assert ("CI", 7, 2, Outcome.CLEARED, "lost") == actual


@pytest.mark.parametrize("reasons", [None, [], ["lost"], [{"text": 7}], "lost"])
def test_a_record_made_by_hand_has_no_reason(reasons: object) -> None:
    """Where the record holds no reason, none is told."""
    state = make_state(1, recovery_context={"reasons": reasons, "run_id": "run_123"}, metadata={"outcome": "odd"})
    (operation,) = summarise([state], []).recent_operations
    assert ("", None, None) == (operation.reason, operation.run_id, operation.outcome)


def test_checkpoints_are_counted_by_type() -> None:
    """Available checkpoints are counted, by type, and the latest is named."""
    checkpoints = [
        make_checkpoint(id="a", created_at=later(2), checkpoint_name="tests_passed", checkpoint_type="workflow"),
        make_checkpoint(id="b"),
        make_checkpoint(id="c"),
    ]
    status = summarise([], checkpoints).checkpoint_status
    assert (3, CheckpointsByType(step=0, job=2, workflow=1)) == (status.available, status.by_type)
    assert status.latest is not None
    assert ("a", "tests_passed", later(2)) == (status.latest.id, status.latest.name, status.latest.created_at)


def test_only_checkpoints_that_can_be_used_are_available() -> None:
    """Expired, pruned and corrupt ones are counted by their health, and are neither available nor the latest."""
    healths = ["valid", "valid", "expired", "pruned", "corrupt", "unknown"]
    checkpoints = [
        make_checkpoint(id=f"ckpt-{n}", created_at=later(n % 5), metadata={"health": health})
        for n, health in enumerate(healths)
    ]
    by_hand = make_checkpoint(id="by-hand", metadata={"health": "splendid"})
    status = summarise([], [*checkpoints, by_hand]).checkpoint_status
    assert CheckpointsByHealth(unknown=2, valid=2, expired=1, pruned=1, corrupt=1) == status.by_health
    assert (4, CheckpointsByType(job=4)) == (status.available, status.by_type)
    assert status.latest is not None
    assert "ckpt-1" == status.latest.id

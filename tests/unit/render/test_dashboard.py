"""The dashboard as JSON and as a table."""

from __future__ import annotations

from collections.abc import Callable

from recovery.models.dashboard import Dashboard
from recovery.models.decision import DecisionKind
from recovery.policy.lifecycle import project
from recovery.policy.statistics import summarise
from recovery.render.dashboard import dashboard_json, dashboard_lines
from recovery.render.lines import plain_text
from tests.builders import (
    effect_answered,
    later,
    make_checkpoint,
    make_decision,
    make_header,
    make_plan,
    recovery_decided,
    recovery_settled,
)


def dashboard_of_some() -> Dashboard:
    """A recovery that worked, one that failed and one that was declined."""
    header = make_header(run_id=1002, started_at=later(60))
    declined = make_plan(header=header, decision=make_decision(kind=DecisionKind.DECLINE))
    third = make_header(run_id=1003, started_at=later(120))
    states = [
        project([recovery_decided(), effect_answered(), recovery_settled()]),
        project([recovery_decided(plan=declined)]),
        project([recovery_decided(plan=make_plan(header=third)), effect_answered(recovery=third, accepted=False)]),
    ]
    return summarise(states, [make_checkpoint(), make_checkpoint(id="ckpt-02", checkpoint_type="step")])


def test_dashboard_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """The table for terminals is its golden text."""
    golden("dashboard/some.txt", plain_text(dashboard_lines(dashboard_of_some())))


def test_operations_are_styled_by_their_end() -> None:
    """What worked is good, what failed is bad, what was declined is neither."""
    lines = dashboard_lines(dashboard_of_some())
    assert ["bad", "info", "good"] == [line.style for line in lines if "rec-" in line.text]


def test_json_has_the_seeds_keys() -> None:
    """Summary and counts by type have exactly the seed's keys; the rest stands beside them."""
    written = dashboard_json(dashboard_of_some())
    expected = {
        "total_recoveries": 2,
        "successful_recoveries": 1,
        "failed_recoveries": 1,
        "in_progress_recoveries": 0,
        "success_rate": 50.0,
    }
    assert expected == written["recovery_summary"]
    assert {"total": 2, "successful": 1} == written["recovery_by_type"]["retry"]
    assert 1 == written["declined"]


def test_an_empty_database_shows_the_way() -> None:
    """Where nothing is recorded the dashboard says how to begin."""
    text = plain_text(dashboard_lines(summarise([], [])))
    assert "Nothing has been recovered yet" in text
    assert "recovery rehearse" in text


def test_checkpoints_alone_are_shown() -> None:
    """Without recoveries there is no list of operations, but the checkpoints are told."""
    text = plain_text(dashboard_lines(summarise([], [make_checkpoint()])))
    assert "Recent operations" not in text
    assert "1 checkpoint available: 1 of a job" in text


def test_recoveries_alone_are_shown() -> None:
    """Without checkpoints the dashboard says that there are none."""
    text = plain_text(dashboard_lines(summarise([project([recovery_decided()])], [])))
    assert text.endswith("  0 checkpoints available\n")


def test_health_is_told_and_damage_stands_out() -> None:
    """How many are in which state; where one is damaged the line is marked."""
    checkpoints = [
        make_checkpoint(id=health, metadata={"health": health}) for health in ("valid", "corrupt", "expired")
    ]
    lines = dashboard_lines(summarise([], checkpoints))
    assert [("bad", "  health: 1 valid, 1 expired, 1 corrupt")] == [
        (line.style, line.text) for line in lines if "health" in line.text
    ]


def test_checkpoints_that_are_gone_are_still_something_to_show() -> None:
    """Where all have expired the dashboard says so, and not that nothing is recorded."""
    text = plain_text(dashboard_lines(summarise([], [make_checkpoint(metadata={"health": "expired"})])))
    assert "0 checkpoints available" in text
    assert "health: 1 expired" in text

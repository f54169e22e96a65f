"""Which of all checkpoints on record are looked into: one a run, of what its jobs left last."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.records import WorkflowCheckpoint
from recovery.policy.candidates import candidates_among, run_number, those_that_count
from tests import rollback_builders as rolled

CORRUPT = {"health": "corrupt"}


def of_run(run_id: int, number: int, **over: Any) -> WorkflowCheckpoint:
    """A checkpoint of a run."""
    return rolled.make_good_checkpoint(id=f"ckpt-{run_id}-{number}", run_id=str(run_id), **over)


def test_each_run_has_one_candidate() -> None:
    """The newest in use of each run; where none is, the newest, so that it is told why it is none."""
    listed = [
        of_run(7, 3, metadata=CORRUPT),
        of_run(8, 1),
        of_run(7, 2),
        of_run(9, 2, metadata=CORRUPT),
        of_run(7, 1),
        of_run(9, 1, metadata={"health": "corrupt", "attempt": "damaged"}),
        of_run(6, 1, workflow_name="CI"),
        of_run(5, 1, metadata={"pre_rollback": True}),
    ]

    assert ["ckpt-7-2", "ckpt-8-1", "ckpt-9-2"] == [found.id for found in candidates_among(listed, "Deploy")]


def test_the_newest_attempt_of_each_job_counts() -> None:
    """What an earlier attempt left is of work that was done again, even where it was recorded later."""
    listed = [
        of_run(7, 3, metadata={"attempt": 1, "job": "deploy"}),
        of_run(7, 2, metadata=CORRUPT | {"attempt": 2, "job": "deploy"}),
        of_run(7, 1, metadata={"attempt": 2, "job": "deploy"}),
    ]

    assert ["ckpt-7-1"] == [found.id for found in candidates_among(listed, "Deploy")]
    assert ["ckpt-7-2", "ckpt-7-1"] == [found.id for found in those_that_count(listed)]


def test_what_was_green_counts_although_others_were_run_again() -> None:
    """ "Re-run failed jobs" leaves it alone: it still is what that job, or leg of a matrix, did last."""
    eu, us = ({"job": "deploy", "matrix": {"region": region}} for region in ("eu", "us"))
    listed = [
        of_run(7, 4, metadata=us | {"attempt": 2}),
        of_run(7, 3, metadata=us | {"attempt": 1}),
        of_run(7, 2, metadata=eu | {"attempt": 1}),
        of_run(7, 1, metadata={"job": "build", "attempt": 1}),
    ]

    assert ["ckpt-7-4", "ckpt-7-2", "ckpt-7-1"] == [found.id for found in those_that_count(listed)]


@pytest.mark.parametrize("strange", [{"attempt": "damaged", "job": "deploy"}, {"attempt": 1, "job": ""}])
def test_what_does_not_tell_its_job_or_attempt_counts_always(strange: dict[str, Any]) -> None:
    """Damage in it is not overlooked."""
    untold = of_run(7, 2, metadata=strange)
    newest = of_run(7, 1, metadata={"attempt": 2, "job": "deploy"})

    assert (untold, newest) == those_that_count([untold, newest])


def test_what_was_kept_on_record_is_nothing_that_the_run_left() -> None:
    """It holds nothing, so nothing in it can be wrong; a manifest that says so of itself has an artifact."""
    kept = of_run(7, 1, metadata={"pre_rollback": True, "artifact_id": None})
    pretended = of_run(7, 2, metadata={"pre_rollback": True})

    assert (pretended,) == those_that_count([kept, pretended])


@pytest.mark.parametrize(
    ("text", "number"),
    [("901", 901), ("9" * 19, int("9" * 19)), ("9" * 20, None), ("9" * 5000, None), ("run_1", None), ("\u0661", None)],
)
def test_number_of_a_run(text: str, number: int | None) -> None:
    """Whatever somebody has recorded, it is one or it is none."""
    assert number == run_number(text)

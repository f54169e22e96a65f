"""Which of all checkpoints on record might be gone back to, and what of all that their runs left counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from recovery.models.catalogue import readable_particulars
from recovery.models.records import WorkflowCheckpoint
from recovery.models.rollback import PRE_ROLLBACK

_DIGITS = 19
"""Digits of the longest id that GitHub gives."""


def candidates_among(checkpoints: Sequence[WorkflowCheckpoint], workflow_name: str) -> Iterator[WorkflowCheckpoint]:
    """Of each run of a workflow the newest checkpoint in use of those that count, or the newest; newest run first."""
    by_run: dict[str, list[WorkflowCheckpoint]] = {}
    for checkpoint in checkpoints:
        if checkpoint.workflow_name == workflow_name and not checkpoint.metadata.get(PRE_ROLLBACK):
            by_run.setdefault(checkpoint.run_id, []).append(checkpoint)
    for left in by_run.values():
        counting = those_that_count(left)
        yield next((checkpoint for checkpoint in counting if _is_in_use(checkpoint)), counting[0])


def those_that_count(left: Sequence[WorkflowCheckpoint]) -> tuple[WorkflowCheckpoint, ...]:
    """Of all that one run left, what each job did in the newest of its attempts that left any.

    "Re-run failed jobs" runs only some jobs again: what the others left earlier still is what they last did. What does
    not tell its job or attempt counts always, so that nothing is overlooked; what we kept on record ourselves does not.
    """
    told = [(checkpoint, _job_and_attempt(checkpoint)) for checkpoint in left if not _is_kept_state(checkpoint)]
    newest: dict[str, int] = {}
    for _, made_by in told:
        if made_by is not None:
            newest[made_by[0]] = max(made_by[1], newest.get(made_by[0], 0))
    return tuple(checkpoint for checkpoint, made_by in told if made_by is None or newest[made_by[0]] == made_by[1])


def run_number(run_id: str) -> int | None:
    """An id as one of GitHub's runs has it; None where it is none, as somebody may have recorded it by hand."""
    return int(run_id) if run_id.isascii() and run_id.isdecimal() and len(run_id) <= _DIGITS else None


def _is_kept_state(checkpoint: WorkflowCheckpoint) -> bool:
    return bool(checkpoint.metadata.get(PRE_ROLLBACK)) and checkpoint.metadata.get("artifact_id") is None


def _job_and_attempt(checkpoint: WorkflowCheckpoint) -> tuple[str, int] | None:
    particulars = readable_particulars(checkpoint)
    if particulars is None or not particulars.job:
        return None
    return json.dumps([particulars.job, particulars.matrix], sort_keys=True), particulars.attempt


def _is_in_use(checkpoint: WorkflowCheckpoint) -> bool:
    particulars = readable_particulars(checkpoint)
    return particulars is not None and particulars.health.is_usable

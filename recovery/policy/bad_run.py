"""Which run is rolled back: the one of a workflow that stands, and why some run may not be rolled back at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from recovery.models.decision import Reason, ReasonId
from recovery.models.github import FAILED_CONCLUSIONS, Run
from recovery.models.record import Record
from recovery.settings import RollbackRule

DEPLOYED = frozenset({"success", "failure", "timed_out"})
"""Conclusions of a run that came to its end by itself; any other one did not deploy, or not wholly."""

OWN_REFERENCES = "recovery/"
"""What every tag and branch of a rollback begins with."""


class Aftermath(Record):
    """The runs of the same workflow, on the branches that deploy, that began after a run, newest first."""

    active: Run | None = None
    """The newest that has not completed."""
    deployed: tuple[Run, ...] = ()
    passed_over: tuple[Run, ...] = ()
    """Those that were cancelled, skipped or the like."""


def why_not(run: Run, rule: RollbackRule, default_branch: str) -> Reason | None:
    """Why a run may not be rolled back, whoever asks for it; None when it may."""
    if not is_of_branch_itself(run):
        return _unfit(run, "belongs to a pull request or a fork; what these run is never rolled back from")
    if is_at_own_reference(run):
        return _unfit(run, f"was itself started by a rollback (`{run.head_branch}`)")
    allowed = (default_branch, *rule.branches)
    if run.head_branch not in allowed:
        names = " or ".join(f"`{name}`" for name in allowed)
        return _unfit(run, f"was on `{run.head_branch}`, and what is rolled back was deployed from {names}")
    return None if run.completed else _active(run)


def why_not_this_attempt(run: Run, attempt: int, *, automatic: bool) -> Reason | None:
    """Why a run no longer is what it was to be rolled back for; None when it is. A person may know more than green."""
    if run.run_attempt != attempt:
        text = f"run {run.id} was run again: attempt {run.run_attempt} exists, and this is about attempt {attempt}"
        return Reason(id=ReasonId.RUN_ACTIVE, text=text)
    if automatic and run.conclusion not in FAILED_CONCLUSIONS:
        return _unfit(run, f"ended with `{run.conclusion}`; only what failed is rolled back without a person's word")
    return None


def what_came_after(run: Run, runs: Iterable[Run]) -> Aftermath:
    """What became of a workflow's branches after a run began, as far as these runs tell."""
    later = [each for each in _newest_first(runs) if each.id != run.id and _order(each) > _order(run)]
    completed = [each for each in later if each.completed]
    return Aftermath(
        active=next((each for each in later if not each.completed), None),
        deployed=tuple(each for each in completed if each.conclusion in DEPLOYED),
        passed_over=tuple(each for each in completed if each.conclusion not in DEPLOYED),
    )


def why_not_after(aftermath: Aftermath, *, automatic: bool) -> Reason | None:
    """Why what came after a run keeps it from being rolled back; None when nothing does."""
    if aftermath.active is not None:
        return _active(aftermath.active)
    if automatic and aftermath.deployed:
        newer = aftermath.deployed[0]
        return Reason(id=ReasonId.SUPERSEDED, text=f"run {newer.id} came after it and ended with `{newer.conclusion}`")
    return None


def notes_on(aftermath: Aftermath) -> tuple[Reason, ...]:
    """What people should know of the runs that came after the one that is rolled back, newest first."""
    told = [(run, "it is passed over, because it did not deploy, or not wholly") for run in aftermath.passed_over]
    told += [(run, "the run that is rolled back is not the newest") for run in aftermath.deployed[:1]]
    return tuple(
        Reason(id=ReasonId.NEWER_RUN, text=f"run {run.id} came after it and ended with `{run.conclusion}`: {so}")
        for run, so in told
    )


def run_that_stands(runs: Iterable[Run]) -> Run | None:
    """The newest run that deployed, or the newer one that is about to; None where there is neither."""
    return next((run for run in _newest_first(runs) if not run.completed or run.conclusion in DEPLOYED), None)


def is_at_own_reference(run: Run) -> bool:
    """Whether a run is at a tag or branch that a rollback made, and so was started by one."""
    return (run.head_branch or "").startswith(OWN_REFERENCES)


def began_at(run: Run) -> datetime:
    """When the latest attempt of a run began: whoever deploys last stands, however old its run is."""
    return max(run.created_at, run.run_started_at or run.created_at)


def is_of_branch_itself(run: Run) -> bool:
    """Whether a run is of a branch of this repository, not of a pull request or a fork."""
    return run.head_repository == run.repository and not run.event.startswith("pull_request")


def _newest_first(runs: Iterable[Run]) -> list[Run]:
    return sorted((run for run in runs if is_of_branch_itself(run)), key=_order, reverse=True)


def _order(run: Run) -> tuple[datetime, int]:
    return began_at(run), run.id


def _active(run: Run) -> Reason:
    return Reason(
        id=ReasonId.RUN_ACTIVE,
        text=f"run {run.id} is still {run.status.replace('_', ' ')}: wait for it, or cancel it, and ask again",
    )


def _unfit(run: Run, what: str) -> Reason:
    return Reason(id=ReasonId.RUN_UNFIT, text=f"run {run.id} {what}")

"""Redispatch: the workflow runs once more, at a tag of the good commit, and restores what its checkpoint holds."""

from __future__ import annotations

from datetime import datetime

from recovery.errors import ForgeRefused
from recovery.models.decision import RecoveryPlan
from recovery.models.github import Run
from recovery.models.records import Outcome
from recovery.models.rollback import RestoreOrder, RollbackOrder
from recovery.policy.proof import as_they_ended, jobs_left_out
from recovery.strategies import claiming
from recovery.strategies.kind import APPROVED_WITHIN, Progress, Trace
from recovery.strategies.recipe import Reach

PATIENCE = APPROVED_WITHIN


def perform(plan: RecoveryPlan, order: RollbackOrder, reach: Reach) -> str:
    """Dispatch the workflow at the tag, with one input that `mode: restore` reads there."""
    inputs = {**dict(order.inputs), order.input_name: restore_input(plan, order)}
    run_id = reach.delivery.dispatch_workflow(_file(order), order.tag, inputs)
    return str(run_id) if run_id is not None else ""


def restore_input(plan: RecoveryPlan, order: RollbackOrder) -> str:
    """What the dispatched run is told: which checkpoint to restore, and by what it is recognised."""
    told = RestoreOrder(
        recovery_id=plan.header.id,
        checkpoint_id=order.target_checkpoint_id or "",
        artifact_id=order.target_artifact_id,
        run_id=order.target_run_id,
        nonce=order.nonce,
    )
    return told.model_dump_json()


def trace(order: RollbackOrder, since: datetime, reach: Reach) -> Trace | None:
    """The run at the tag that shows the nonce in its title, or else one there while the tag says it is this order's."""
    runs = [run for run in reach.delivery.dispatched_runs(_file(order), since) if run.head_branch == order.tag]
    found = next((run for run in runs if order.nonce in run.display_title), None)
    if found is None and runs and claiming.is_own(order.tag, order, reach):
        found = runs[0]
    if found is None:
        return None
    by = f" by {found.triggering_actor}" if found.triggering_actor else ""
    return Trace(str(found.id), f"run {found.id}, started{by} at {found.created_at:%Y-%m-%d %H:%M} UTC")


def watch(order: RollbackOrder, reference: str, reach: Reach) -> Progress:
    """How the dispatched run stands; one that waits for an environment's rules is left to people.

    A run that left out a job that deploys has brought nothing back, however green it is: a condition like
    `github.ref == 'refs/heads/main'` does that at a tag.
    """
    try:
        run = reach.forge.run(int(reference))
    except ForgeRefused as error:
        if error.status == 404:
            return Progress(Outcome.UNKNOWN, f"run {reference} is gone")
        raise
    if not run.completed:
        is_waiting = run.status == "waiting"
        return Progress(waiting_for=reach.delivery.waiting_environments(run.id) if is_waiting else ())
    if run.conclusion != "success":
        return Progress(Outcome.STILL_FAILING, f"run {run.id} ended with `{run.conclusion}`")
    left_out = _left_out(order, run, reach)
    if left_out:
        told = ", ".join(f"`{name}`" for name in left_out)
        return Progress(
            Outcome.UNKNOWN, f"run {run.id} succeeded without {told}, so that nothing shows it was deployed"
        )
    return Progress(Outcome.CLEARED, f"run {run.id} succeeded")


def clear_up(order: RollbackOrder, reference: str, reach: Reach) -> None:
    """Nothing is left to do."""


def undo(order: RollbackOrder, reach: Reach) -> None:
    """Nothing was made on the way but the tags."""


def _left_out(order: RollbackOrder, run: Run, reach: Reach) -> tuple[str, ...]:
    """Jobs that deploy and did not run; one request where there are any."""
    if not order.jobs:
        return ()
    return jobs_left_out(order, run, as_they_ended(reach.forge.jobs_of_all_attempts(run.id)))


def _file(order: RollbackOrder) -> str:
    return order.workflow_file.rpartition("/")[2]

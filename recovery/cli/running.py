"""Commands that talk to GitHub: `observe`, `initiate`, `recover`, `sweep`."""

from __future__ import annotations

import argparse

from recovery.adapters.database.engine import open_store
from recovery.adapters.runner import RunnerContext
from recovery.app.configuration import settings_for
from recovery.app.handover import hand_over
from recovery.app.recovering import Result, Target, execute_recovery, plan_recovery
from recovery.app.sweeping import plan_sweep
from recovery.app.wiring import Workplace, open_workplace
from recovery.cli.console import progress, show, show_json
from recovery.cli.context import database_url, local_context, shown_database
from recovery.cli.texts import clipped
from recovery.errors import NotFoundError
from recovery.render.lines import Line
from recovery.render.timeline import timeline, timeline_of
from recovery.render.verdict import failure_lines
from recovery.settings import Settings


def observe(options: argparse.Namespace) -> int:
    """Name the cause of a failed run, and change nothing."""
    place = _workplace(options, {})
    with place.requests.phase("plan"):
        seen = place.monitor.observe(options.run_id, options.attempt)
    if options.json:
        show_json([failure.model_dump(mode="json") for failure in seen.failures])
    elif seen.failures:
        show(line for failure in seen.failures for line in failure_lines(failure))
    else:
        show([Line("info", f"attempt {seen.attempt} of run {seen.run.id} has no failed job ({seen.run.status})")])
    return 0


def initiate(options: argparse.Namespace) -> int:
    """Recover a failure that is on record."""
    failure = open_store(database_url(options)).failure(options.failure_id)
    if failure is None:
        raise NotFoundError(f"there is no failure {clipped(options.failure_id)} in {shown_database(options)}")
    options.repository = failure.repository
    place = _workplace(options, {"dry-run": str(options.dry_run)})
    progress(f"looking at run {failure.run_id}, attempt {failure.attempt}")
    with place.requests.phase("plan"):
        plan = place.manager.plan(failure, options.type)
    failures = place.store.failures_of(failure.run_id, failure.attempt)
    return _finish(options, execute_recovery(place, hand_over(place, plan=plan, failures=failures)))


def recover(options: argparse.Namespace) -> int:
    """Observe, decide, and recover if it is right."""
    inputs = {"strategy": options.strategy, "reason": options.reason, "dry-run": str(options.dry_run)}
    place = _workplace(options, inputs)
    progress(f"looking at run {options.run_id}")
    handover = plan_recovery(place, Target(run_id=options.run_id, attempt=options.attempt))
    return _finish(options, execute_recovery(place, handover))


def sweep(options: argparse.Namespace) -> int:
    """Settle open recoveries, execute what is due, catch lost events."""
    context = local_context(options)
    settings = _settings(options, context, {"mode": "sweep", "dry-run": str(options.dry_run)})
    if options.workflow:
        settings = settings.model_copy(update={"recovery_workflow": options.workflow})
    place = open_workplace(context.model_copy(update={"workflow_path": settings.recovery_workflow}), settings)
    return _finish(options, execute_recovery(place, plan_sweep(place)))


def _workplace(options: argparse.Namespace, inputs: dict[str, str]) -> Workplace:
    context = local_context(options)
    return open_workplace(context, _settings(options, context, inputs))


def _settings(options: argparse.Namespace, context: RunnerContext, inputs: dict[str, str]) -> Settings:
    settings = settings_for(context.workspace, inputs)
    return settings.model_copy(update={"baseline": False}) if options.no_baseline else settings


def _finish(options: argparse.Namespace, result: Result) -> int:
    for warning in result.warnings:
        progress(f"warning: {warning}")
    if options.json:
        show_json([document.model_dump(mode="json", by_alias=True) for document in result.documents])
    elif result.documents:
        show(timeline(timeline_of(result.documents, [])))
    else:
        show([Line("info", "nothing to decide and nothing to settle")])
    if result.problem is not None:
        raise result.problem
    return 0

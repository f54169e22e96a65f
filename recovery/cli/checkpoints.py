"""The commands below `recovery checkpoints`: list, show, diff, verify, prune."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from recovery.adapters.database.engine import open_store
from recovery.adapters.runner import RunnerContext
from recovery.app.configuration import settings_for
from recovery.app.fetching import Fetched, open_local
from recovery.app.inspecting import compare_two, verify_local, verify_recorded
from recovery.app.pruning import Pruning, prune
from recovery.app.wiring import open_workplace
from recovery.cli.console import progress, show, show_json
from recovery.cli.context import database_url, local_context, shown_database
from recovery.cli.texts import clipped, exists
from recovery.errors import CheckpointRejected, InputError, NotFoundError
from recovery.models.catalogue import Limits, health_of, readable_particulars
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.records import WorkflowCheckpoint
from recovery.ports import Store
from recovery.render import plain
from recovery.render.checkpoints import comparison_lines, list_lines, pruning_lines, report_lines, show_lines
from recovery.settings import Settings


def list_checkpoints(options: argparse.Namespace) -> int:
    """List the checkpoints on record, newest first."""
    store = _store(options)
    found = [
        checkpoint
        for checkpoint in store.checkpoints(options.repository)
        if options.run_id in {None, checkpoint.run_id}
        and options.name in {None, checkpoint.checkpoint_name}
        and not (options.healthy and health_of(checkpoint) is not CheckpointHealth.VALID)
    ]
    if options.json:
        show_json([checkpoint.model_dump(mode="json") for checkpoint in found])
    else:
        show(list_lines(found, on_record=len(found) or len(store.checkpoints())))
    return 0


def show_checkpoint(options: argparse.Namespace) -> int:
    """Show one checkpoint with all that is on record about it."""
    checkpoint = _recorded(options, options.checkpoint_id)
    if options.json:
        show_json(checkpoint.model_dump(mode="json"))
    else:
        show(show_lines(checkpoint))
    return 0


def diff_checkpoints(options: argparse.Namespace) -> int:
    """Say what changed between two checkpoints."""
    with tempfile.TemporaryDirectory(prefix="recovery-diff-") as scratch:
        found = compare_two(
            _side(options, options.before, Path(scratch, "before")),
            _side(options, options.after, Path(scratch, "after")),
        )
    if options.json:
        show_json(found.model_dump(mode="json"))
    else:
        show(comparison_lines(found))
    return 0


def verify_checkpoint(options: argparse.Namespace) -> int:
    """Verify one checkpoint, on disk or on record; an invalid one fails the command."""
    against = _workspace(options.against)
    if _is_path(options.checkpoint):
        report = verify_local(Path(options.checkpoint), base=options.base and Path(options.base), against=against)
    else:
        recorded = _uploaded(_recorded(options, options.checkpoint))
        options.repository = recorded.repository
        place = open_workplace(*_surroundings(options))
        progress(f"looking for the artifact of {recorded.id}")
        report = verify_recorded(place, recorded, against=against)
    if options.json:
        show_json(report)
    else:
        show(report_lines(options.checkpoint, report["checks"], report["errors"], report["warnings"]))
    return 0 if report["is_valid"] else CheckpointRejected.exit_code


def prune_checkpoints(options: argparse.Namespace) -> int:
    """Delete the artifacts of checkpoints that nobody needs any more."""
    limits = Limits(keep_days=options.keep_days, keep_count=options.keep_count, max_size=options.max_size)
    if limits == Limits():
        raise InputError(
            "it is not said how much is to be kept", hint="pass `--keep-days N`, `--keep-count N` or `--max-size SIZE`"
        )
    context, settings = _surroundings(options)
    path = options.workflow or settings.recovery_workflow
    place = open_workplace(context.model_copy(update={"workflow_path": path}), settings)
    done = prune(place, limits, dry_run=options.dry_run, tell=progress)
    if options.json:
        show_json(_pruning_document(done, dry_run=options.dry_run))
    else:
        show(pruning_lines(done.fates, dry_run=options.dry_run))
    return 0


def _pruning_document(done: Pruning, *, dry_run: bool) -> dict[str, Any]:
    told = [(fate.keep, fate.checkpoint.model_dump(mode="json") | {"reason": fate.reason}) for fate in done.fates]
    return {
        "dry_run": dry_run,
        "deleted": [fields for keep, fields in told if not keep],
        "kept": [fields for keep, fields in told if keep],
        "freed_bytes": done.freed,
    }


def _side(options: argparse.Namespace, name: str, scratch: Path) -> Fetched | WorkflowCheckpoint:
    """One of two checkpoints to compare: from disk, with its files, or from the record."""
    return open_local(Path(name), scratch) if _is_path(name) else _recorded(options, name)


def _is_path(name: str) -> bool:
    """Whether a checkpoint is named by where it lies; everything else is taken for an id."""
    return exists(name) or os.sep in name or name.endswith(".zip")


def _recorded(options: argparse.Namespace, checkpoint_id: str) -> WorkflowCheckpoint:
    store = _store(options)
    checkpoint = store.checkpoint(checkpoint_id)
    if checkpoint is not None:
        return checkpoint
    health, detail = store.health_of(checkpoint_id)
    known = f", only that it is {health.value}: {plain.line(detail)}" if health is not CheckpointHealth.UNKNOWN else ""
    raise NotFoundError(
        f"there is no checkpoint {clipped(checkpoint_id)} in {shown_database(options)}{known}",
        hint="`recovery checkpoints list` shows those on record; `recovery sweep` takes in those of completed runs",
    )


def _workspace(name: str | None) -> Path | None:
    if name is not None and not Path(name).is_dir():
        raise InputError(f"{name} is no folder to compare with", hint="name the checked-out repository")
    return None if name is None else Path(name)


def _uploaded(recorded: WorkflowCheckpoint) -> WorkflowCheckpoint:
    """The checkpoint, if it was ever seen as an artifact: else there is nothing on GitHub to verify."""
    particulars = readable_particulars(recorded)
    if particulars is None or particulars.artifact_id is None:
        raise InputError(
            f"{plain.line(recorded.id)} was recorded on this machine: it was never on GitHub",
            hint="give its folder, which `recovery create-checkpoint` named when it wrote one",
        )
    return recorded


def _surroundings(options: argparse.Namespace) -> tuple[RunnerContext, Settings]:
    context = local_context(options)
    return context, settings_for(context.workspace, {})


def _store(options: argparse.Namespace) -> Store:
    return open_store(database_url(options))

"""The command `create-checkpoint`: a record in the database, and with files a folder that can be restored."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from recovery.adapters.clock import SystemClock
from recovery.adapters.database.engine import open_store
from recovery.app.checkpointing import Place, SavedCheckpoint, save_checkpoint
from recovery.app.job import RunningJob
from recovery.cli.console import progress, show_json
from recovery.cli.context import database_url
from recovery.models.records import WorkflowCheckpoint
from recovery.recorder import Recorder
from recovery.settings import Settings, parse_state


def create_checkpoint(options: argparse.Namespace) -> int:
    """Record a checkpoint; with files, or anything else of this machine, write its folder, too."""
    clock = SystemClock()
    saved = _written(options) if _asks_for_more_than_state(options) else None
    checkpoint = saved.checkpoint if saved else _state_only(options, clock)
    Recorder(open_store(database_url(options)), clock, "local").checkpointed(checkpoint)
    for warning in saved.warnings if saved else ():
        progress(f"warning: {warning}")
    if options.json:
        show_json(checkpoint.model_dump(mode="json"))
    elif saved:
        print(f"checkpoint {checkpoint.id} written to {saved.directory} and recorded: {saved.measure}")
    else:
        print(f"checkpoint {checkpoint.id} recorded")
    return 0


def _asks_for_more_than_state(options: argparse.Namespace) -> bool:
    return bool(options.path or options.environment or options.dependency)


def _state_only(options: argparse.Namespace, clock: SystemClock) -> WorkflowCheckpoint:
    return WorkflowCheckpoint(
        id=f"ckpt-{clock.new_id()}",
        repository=options.repository,
        workflow_name=options.workflow_name,
        run_id=options.run_id,
        commit_sha=options.commit_sha,
        checkpoint_type=options.checkpoint_type,
        checkpoint_name=options.checkpoint_name,
        created_at=clock.now(),
        workflow_state=parse_state(options.state) if options.state else {},
    )


def _written(options: argparse.Namespace) -> SavedCheckpoint:
    output = Path(options.output)
    return save_checkpoint(
        RunningJob(
            repository=options.repository,
            workflow_name=options.workflow_name,
            run_id=options.run_id,
            commit_sha=options.commit_sha,
        ),
        Settings(
            name=options.checkpoint_name,
            type=options.checkpoint_type,
            path=tuple(options.path),
            state=parse_state(options.state) if options.state else {},
            environment=tuple(options.environment),
            dependencies=tuple(options.dependency),
        ),
        Place(
            workspace=Path(options.workspace),
            checkpoints=output,
            store=output / "content",
            variables=os.environ,
            uploads=False,
        ),
    )

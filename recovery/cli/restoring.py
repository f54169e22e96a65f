"""The command `restore`: a checkpoint from disk or from GitHub, verified and put into a folder."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from recovery.adapters.clock import SystemClock
from recovery.app.connecting import open_forge
from recovery.app.restoring_by_hand import Outcome, Wish, restore_by_hand
from recovery.cli.console import progress, show_json
from recovery.cli.context import local_context
from recovery.ports import Forge
from recovery.render import plain


def restore(options: argparse.Namespace) -> int:
    """Verify a checkpoint and restore it; with `--dry-run` only verify it."""
    wish = Wish(
        checkpoint=options.checkpoint,
        into=Path(options.into),
        base=Path(options.base) if options.base else None,
        dry_run=options.dry_run,
    )

    def connect() -> Forge:
        forge = open_forge(local_context(options), SystemClock())
        progress(f"downloading {options.checkpoint}")
        return forge

    with tempfile.TemporaryDirectory(prefix="recovery-restore-", ignore_cleanup_errors=True) as folder:
        outcome = restore_by_hand(wish, connect, Path(folder))
    for warning in outcome.warnings:
        progress(f"warning: {warning}")
    if options.json:
        show_json(_document(outcome, wish))
    else:
        did = "restored into" if outcome.restored else "sound, would be restored into"
        print(f"checkpoint {plain.line(outcome.fetched.checkpoint.id)} {did} {wish.into}: {outcome.files:,} files")
    return 0


def _document(outcome: Outcome, wish: Wish) -> dict[str, Any]:
    checkpoint = outcome.fetched.checkpoint
    return {
        "checkpoint_id": checkpoint.id,
        "checkpoint_name": checkpoint.checkpoint_name,
        "restored": outcome.restored,
        "into": str(wish.into),
        "files": outcome.files,
        "bytes": outcome.bytes,
        "state": checkpoint.workflow_state,
        "done": list(outcome.fetched.particulars.done),
        "warnings": list(outcome.warnings),
    }

"""One save or restore as a process: `python -m benchmarks.checkpoint_run save|restore FOLDER CHECKPOINT STORE`."""

from __future__ import annotations

import sys
from pathlib import Path


def save(root: Path, checkpoint: Path, store: Path) -> None:
    """Save everything below a folder; what a manifest would declare of it is written beside the checkpoint."""
    from recovery.adapters.content.saving import save_content
    from recovery.adapters.content.selection import select

    saved = save_content(select(root, ["**"]).found, checkpoint, store=store)
    declaration(checkpoint).write_text(saved.content.model_dump_json(), "utf-8")


def restore(root: Path, checkpoint: Path, _store: Path) -> None:
    """Restore a checkpoint into a folder."""
    from recovery.adapters.content.restoring import restore_content
    from recovery.models.checkpoint import Content

    content = Content.model_validate_json(declaration(checkpoint).read_text("utf-8"))
    restore_content(checkpoint, content, root)


def declaration(checkpoint: Path) -> Path:
    """Where it is written what a manifest would declare of a checkpoint's content."""
    return checkpoint.with_suffix(".json")


if __name__ == "__main__":
    {"save": save, "restore": restore}[sys.argv[1]](*map(Path, sys.argv[2:]))

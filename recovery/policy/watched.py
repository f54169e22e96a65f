"""What a recovery workflow's own file says about the workflows it looks after."""

from __future__ import annotations

from typing import Any

from recovery.policy.workflow_file import read_workflow


def watched_workflows(workflow_text: str) -> tuple[str, ...]:
    """Names under `on.workflow_run.workflows`; empty when the file has none or is no workflow."""
    triggers = _mapping(read_workflow(workflow_text).get("on"))
    names = _mapping(triggers.get("workflow_run")).get("workflows")
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}

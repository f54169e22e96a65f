"""What a recovery workflow's own file says about the workflows it looks after."""

from __future__ import annotations

from typing import Any

import yaml


def watched_workflows(workflow_text: str) -> tuple[str, ...]:
    """Names under `on.workflow_run.workflows`; empty when the file has none or is no workflow."""
    try:
        document = yaml.safe_load(workflow_text)
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that is none, a document without a bottom
        return ()
    # YAML 1.1 reads the key `on` as the boolean true.
    triggers = _mapping(_mapping(document).get("on", _mapping(document).get(True)))
    names = _mapping(triggers.get("workflow_run")).get("workflows")
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}

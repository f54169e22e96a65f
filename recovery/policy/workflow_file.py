"""What a workflow file tells, read without running any of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

LONGEST_WORKFLOW = 1024 * 1024
"""Characters that are read; GitHub takes no longer workflow file."""


def jobs_of(text: str | None) -> frozenset[str] | None:
    """Keys of a workflow's jobs; None where the text is no workflow."""
    jobs = read_workflow(text).get("jobs")
    return frozenset(str(key) for key in jobs) if isinstance(jobs, dict) and jobs else None


def can_be_dispatched_with(text: str | None, input_name: str) -> bool:
    """Whether a workflow declares `workflow_dispatch` with an input of that name."""
    document = read_workflow(text)
    events = document.get("on")
    dispatch = events.get("workflow_dispatch") if isinstance(events, dict) else None
    inputs = dispatch.get("inputs") if isinstance(dispatch, dict) else None
    return isinstance(inputs, dict) and input_name in inputs


def read_workflow(text: str | None) -> Mapping[Any, Any]:
    """A workflow file as texts, lists and mappings; what looks like a date or a truth is left as it is written.

    Empty where it is none, or cannot be read.
    """
    if text is None or len(text) > LONGEST_WORKFLOW:
        return {}
    try:
        document = yaml.load(text, yaml.BaseLoader)  # noqa: S506 -- it makes nothing but these
    except (yaml.YAMLError, ValueError, RecursionError):  # a document without a bottom
        return {}
    return document if isinstance(document, dict) else {}

"""The little of GitHub's expression language that names of runs and of concurrency groups are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from recovery.rehearsal.records import Run

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_COMPARISON = re.compile(r"^(.+?)\s*(==|!=)\s*(.+)$", re.DOTALL)


def context_of(run: Run) -> dict[str, Any]:
    """The part of the `github` and `inputs` contexts that is known before a run starts."""
    event = dict(run.payload)
    github = {
        "event": event,
        "event_name": run.event,
        "run_id": run.id,
        "run_number": run.number,
        "sha": run.head_sha,
        "workflow": run.workflow.name,
        "ref": f"refs/heads/{run.head_branch}",
        "ref_name": run.head_branch,
        "head_ref": run.head_branch if run.event == "pull_request" else "",
        "actor": run.actor.login,
    }
    return {"github": github, "inputs": event.get("inputs") or {}}


def interpolate(text: str, context: Mapping[str, Any]) -> str:
    """A text with its expressions replaced; only property paths, quoted words, `||`, `==` and `!=` are understood."""
    return _EXPRESSION.sub(lambda match: _value(match[1], context), text)


def _value(expression: str, context: Mapping[str, Any]) -> str:
    for choice in expression.split("||"):
        part = choice.strip()
        if compared := _COMPARISON.match(part):
            equal = _value(compared[1], context).lower() == _value(compared[3], context).lower()
            if equal == (compared[2] == "=="):
                return "true"
            continue
        if part.startswith("'"):
            return part.strip("'")
        found: Any = context
        for name in part.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if found not in (None, "", False):
            return str(found)
    return ""

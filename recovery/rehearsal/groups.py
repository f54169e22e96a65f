"""The concurrency groups that a run is in, as its workflow and jobs declare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recovery.rehearsal.concurrency import Group
from recovery.rehearsal.expressions import interpolate
from recovery.rehearsal.workflow import Document, jobs_of


def groups_of(document: Document, context: Mapping[str, Any]) -> tuple[Group, ...]:
    """The groups of the workflow and of its jobs, for the run as a whole.

    A run is in its jobs' groups from its beginning. Where it has other jobs as well, the group of one only makes it
    wait: nobody is cancelled for it.
    """
    jobs = jobs_of(document)
    declared = [(document.get("concurrency"), True)]
    declared += [(job.get("concurrency"), len(jobs) == 1) for job in jobs.values()]
    found: dict[str, Group] = {}
    for value, whole in declared:
        group = _group(value, context, whole=whole)
        if group.name:
            found.setdefault(group.key, group)
    return tuple(found.values())


def _group(value: Any, context: Mapping[str, Any], *, whole: bool) -> Group:
    fields = value if isinstance(value, dict) else {"group": value}
    name = interpolate(str(fields.get("group") or ""), context)
    cancels = interpolate(str(fields.get("cancel-in-progress") or ""), context).lower() == "true"
    return Group(name, cancel_in_progress=cancels and whole, queue_all=fields.get("queue") == "max" or not whole)

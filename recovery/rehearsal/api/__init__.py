"""The REST endpoints of the local GitHub, one module per subject."""

from __future__ import annotations

from recovery.rehearsal.api import (
    artifacts,
    checks,
    commits,
    deployments,
    dispatches,
    issues,
    logs,
    pulls,
    refs,
    repository,
    runs,
    tags,
)
from recovery.rehearsal.routing import Route

_SUBJECTS = (runs, logs, dispatches, artifacts, pulls, issues, refs, tags, commits, deployments, checks, repository)

ROUTES: tuple[Route, ...] = tuple(route for subject in _SUBJECTS for route in subject.ROUTES)

"""The REST endpoints of the local GitHub, one module per subject."""

from __future__ import annotations

from recovery.rehearsal.api import artifacts, pulls, repository, runs
from recovery.rehearsal.routing import Route

ROUTES: tuple[Route, ...] = (*runs.ROUTES, *artifacts.ROUTES, *pulls.ROUTES, *repository.ROUTES)

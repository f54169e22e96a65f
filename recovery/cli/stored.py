"""Commands that need the database only: `status`, `dashboard`."""

from __future__ import annotations

import argparse

from recovery.adapters.database.engine import open_store
from recovery.cli.console import show, show_json
from recovery.cli.context import database_url, shown_database
from recovery.cli.texts import clipped
from recovery.errors import NotFoundError
from recovery.policy.statistics import summarise
from recovery.ports import Store
from recovery.render.dashboard import dashboard_json, dashboard_lines
from recovery.render.status import status_lines


def status(options: argparse.Namespace) -> int:
    """Show one recovery."""
    store = _store(options)
    state = store.recovery(options.recovery_id)
    if state is None:
        raise NotFoundError(f"there is no recovery {clipped(options.recovery_id)} in {shown_database(options)}")
    if options.json:
        show_json(state.model_dump(mode="json"))
        return 0
    ids = state.recovery_context.get("failure_ids", [state.failure_id])
    show(status_lines(state, [failure for each in ids if (failure := store.failure(each))]))
    return 0


def dashboard(options: argparse.Namespace) -> int:
    """Show success rates and the latest recoveries."""
    store = _store(options)
    numbers = summarise(store.recoveries(options.repository), store.checkpoints(options.repository))
    if options.json:
        show_json(dashboard_json(numbers))
    else:
        show(dashboard_lines(numbers))
    return 0


def _store(options: argparse.Namespace) -> Store:
    return open_store(database_url(options))

"""Use case after the fact: what recoveries did, told again from nothing but the files they left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recovery.adapters.database.engine import open_store
from recovery.models.dashboard import Dashboard
from recovery.models.document import DecisionDocument
from recovery.models.event_lines import read_events
from recovery.policy.statistics import summarise
from recovery.reporter import documents_of


@dataclass(frozen=True)
class Retelling:
    """Every decision, oldest first, and the numbers they add up to."""

    documents: tuple[DecisionDocument, ...]
    dashboard: Dashboard


def retell(database_url: str, files: Iterable[bytes]) -> Retelling:
    """Fold plans and journals, in whatever order, into a database; tell what it then holds."""
    store = open_store(database_url)
    for data in files:
        events, _problems = read_events(data, "a recovery run's file")
        store.record(events)
    recoveries = sorted(store.recoveries(), key=lambda state: (state.started_at, state.id))
    return Retelling(
        documents=documents_of(store, [state.id for state in recoveries]),
        dashboard=summarise(recoveries, store.checkpoints()),
    )

"""A stage, or a bench, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.adapters.database.engine import open_store
from tests.fakes.store import MemoryStore
from tests.integration.bench import Bench
from tests.integration.rollback_bench import RollbackBench
from tests.integration.stage import Stage, open_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A repository on a local GitHub."""
    with open_stage(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """A failed run, over a store in memory and over SQLite."""
    store = MemoryStore() if request.param == "memory" else open_store(str(tmp_path / "recovery.db"))
    return Bench(store, tmp_path)


@pytest.fixture
def quick(tmp_path: Path) -> Bench:
    """A failed run over a store in memory, for what does not depend on the store."""
    return Bench(MemoryStore(), tmp_path)


@pytest.fixture(params=["redispatch", "deployment", "revert-pr"])
def any_kind(request: pytest.FixtureRequest, tmp_path: Path) -> RollbackBench:
    """A bad deployment, for each way to roll it back."""
    return RollbackBench(MemoryStore(), tmp_path, request.param)

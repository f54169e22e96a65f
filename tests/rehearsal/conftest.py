"""A scripted world and its server, which the fast tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

Call = Callable[..., requests.Response]


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


@pytest.fixture
def failed_run(world: World) -> Run:
    """A pull request's run: build passed, flaky failed, deploy was skipped."""
    return world.add_run(
        [
            ScriptedJob(name="build"),
            ScriptedJob(name="flaky", conclusion="failure", needs=("build",), log="curl: (7) refused\n"),
            ScriptedJob(name="deploy", conclusion="skipped", needs=("build", "flaky")),
        ]
    )


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[LocalGitHub]:
    """The world on a free port."""
    with LocalGitHub(world, access_log=tmp_path / "access.jsonl") as running:
        yield running


@pytest.fixture
def call(server: LocalGitHub) -> Iterator[Call]:
    """Send a request about octo/repo and return the answer, redirects not followed."""
    with requests.Session() as session:
        session.trust_env = False

        def send(
            method: str, path: str, *, token: str | None = server.world.token, **options: Any
        ) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            url = path if path.startswith("http") else f"{server.url}/repos/octo/repo{path}"
            return session.request(method, url, headers=headers, allow_redirects=False, timeout=10, **options)

        yield send


class Moving:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Moving:
    """The time of the aging world."""
    return Moving()


@pytest.fixture
def aging(clock: Moving) -> Iterator[tuple[World, LocalGitHub]]:
    """A world whose time only the test moves."""
    world = World(now=clock)
    with LocalGitHub(world) as server:
        yield world, server

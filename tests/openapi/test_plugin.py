"""The judgement at the end of each test, seen from outside: a pytest of its own over a small test file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import json

import pytest
import requests

from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from tests.adapters.scripted_server import Reply, ScriptedServer


@pytest.fixture
def world():
    world = World()
    with LocalGitHub(world) as server:
        world.url = f"{server.url}/repos/octo/repo"
        yield world


def get(world, path):
    return requests.get(world.url + path, headers={"Authorization": f"Bearer {world.token}"}, timeout=5)


def test_good(world):
    assert get(world, "/actions/runs").status_code == 200


def test_bad(world):
    assert get(world, "/actions/runs?per_pages=3").status_code == 200


def test_scripted():
    with ScriptedServer(Reply(body="what our program is told here is nobody's claim")) as server:
        for agent in ("storyteller-recovery/1", "somebody"):
            url = f"{server.url}/api/v3/repos/octo/repo/nonsense"
            requests.get(url, headers={"User-Agent": agent}, timeout=5)
"""
Pytest = Callable[..., str]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """Runs the tests with the plugin and tells what was printed."""
    (tmp_path / "test_small.py").write_text(TESTS, encoding="utf-8")

    def run(*arguments: str, **environment: str) -> str:
        command = [sys.executable, "-m", "pytest", "-p", "tests.openapi.plugin", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(
            [*command, f"--rootdir={tmp_path}", str(tmp_path)],
            cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


@pytest.mark.usefixtures("contract")
def test_a_breach_ends_its_test_with_the_list(run_pytest: Pytest) -> None:
    """The guilty tests end readably, and the session with one line, also when a worker of xdist did the work."""
    told = run_pytest("-n", "1")

    assert "3 passed, 2 errors" in told
    assert "breaches of GitHub's API description: 1\n" in told
    assert "GET /repos/octo/repo/actions/runs: request: there is no query parameter `per_pages`" in told
    assert 1 == told.count("GET /repos/octo/repo/nonsense: there is no such operation (answered None)")
    assert "openapi: 3 exchanges validated, 1 operations, 2 violations" in told


def test_without_npm_it_says_so_loudly(run_pytest: Pytest, tmp_path: Path) -> None:
    """Where the description cannot be had nothing fails, and nobody can overlook it."""
    told = run_pytest(PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))

    assert "3 passed" in told
    assert "openapi: NOT VALIDATED" in told
    assert "3 exchanges were not held against GitHub's API description: npm is not installed" in told

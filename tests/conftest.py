"""What all tests share: an environment without a runner's variables, and golden texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ("tests.openapi.plugin",)

GOLDEN = Path(__file__).parent / "golden"
SCRUBBED = ("GITHUB_", "INPUT_", "RUNNER_", "ACTIONS_", "RECOVERY_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew; read their diff")


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the variables of a runner that happens to run it."""
    for name in list(os.environ):
        if name == "CI" or name.startswith(SCRUBBED):
            monkeypatch.delenv(name)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file in `tests/golden/`, or write that file with `--update-golden`."""

    def check(name: str, actual: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8", newline="\n")
        if not path.exists():
            pytest.fail(f"there is no golden text {name}; `pytest --update-golden` writes it")
        assert path.read_text(encoding="utf-8") == actual

    return check

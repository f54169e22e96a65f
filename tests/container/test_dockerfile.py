"""What the container's files promise and text alone can show; `tests/container/run` builds and runs the image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FINAL_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
PAGE = (ROOT / "docs/container.md").read_text(encoding="utf-8")


def test_the_default_base_is_pinned_or_the_file_says_why_not() -> None:
    """A digest cannot be looked up where the image is built offline, so that a tag is accepted with its reason."""
    before, _, default = DOCKERFILE.partition("ARG BASE_IMAGE=")
    pinned = re.match(r"\S+@sha256:[0-9a-f]{64}\n", default)

    assert pinned or "named by tag, because a digest" in before
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE_IMAGE}"] * 2


def test_the_container_runs_as_a_numbered_user() -> None:
    """Kubernetes' `runAsNonRoot` can only judge numbers."""
    assert re.findall(r"^USER (.+)$", FINAL_STAGE, re.MULTILINE) == ["10001:10001"]


def test_everything_installed_is_checked_by_hash() -> None:
    """No installer runs without its hashes or its lock, and none in the final stage."""
    installs = re.findall(r"\b(?:pip install|uv sync)\b.*", DOCKERFILE)

    assert len(installs) == 2
    assert all("--require-hashes" in line or "--frozen" in line for line in installs)
    assert not re.search(r"\b(pip|uv|apt-get)\b", FINAL_STAGE)


def test_uv_is_the_one_that_make_setup_installs() -> None:
    """One version everywhere."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)

    assert wanted is not None
    assert re.findall(r"uv==(\S+)", DOCKERFILE) == [wanted[1]]


def test_only_what_is_copied_enters_the_build() -> None:
    """.dockerignore is a list of what may enter, and nothing in it is idle."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for source in line.split()
    }

    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


def _variables_read() -> set[str]:
    modules = [ROOT / "recovery/action.py", ROOT / "recovery/adapters/runner.py", ROOT / "recovery/cli/context.py"]
    text = "".join(module.read_text(encoding="utf-8") for module in modules)
    return set(re.findall(r'"((?:GITHUB|GH|RUNNER|RECOVERY)_[A-Z_]+)"', text))


@pytest.mark.parametrize("name", sorted(_variables_read()))
def test_the_page_tells_every_variable(name: str) -> None:
    """What the program reads from its environment, the container's page explains."""
    assert f"`{name}`" in PAGE

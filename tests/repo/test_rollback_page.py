"""What the page about rollbacks says is so: each check, each kind, each key of the configuration."""

from __future__ import annotations

import re

import pytest

from recovery.errors import OnHold
from recovery.models.rollback import OVERRIDABLE, RejectionId, RollbackKind
from recovery.policy.targets import CHECKS, MOST_CANDIDATES
from recovery.rehearsal.workflow import parse, triggers
from recovery.settings import RollbackRule, load_settings
from tests.repo.sources import ROOT, fences, load

PAGE = ROOT / "docs" / "rollback.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_check_is_told_in_its_order() -> None:
    """The table of reasons is that of the code, with what a person may set aside."""
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (yes)? ?\|$", TEXT, re.MULTILINE)

    assert [(name.value, "yes" if name in OVERRIDABLE else "") for name in CHECKS] == rows
    assert set(CHECKS) == set(RejectionId)
    assert 10 == MOST_CANDIDATES
    assert "at most ten" in TEXT


@pytest.mark.parametrize("kind", RollbackKind)
def test_every_kind_is_told(kind: RollbackKind) -> None:
    """Each has a paragraph of its own."""
    assert f"\n**`{kind}`** " in TEXT


def test_configuration_is_one() -> None:
    """The example is read as it stands, and every key has its row."""
    (example,) = (fence for fence in fences(PAGE, "yaml") if fence.text.startswith("version:"))

    rule = load_settings({}, example.text, config_name="docs/rollback.md").rollback["Deploy"]

    assert rule == RollbackRule(kind="redispatch", branches=("release",))
    for name in RollbackRule.model_fields:
        assert f"\n   | `{name}` | " in TEXT


def test_permissions_are_those_of_the_form() -> None:
    """What the page and README say that `rollback.yml` needs is what it asks for."""
    granted = load(ROOT / "examples/deploy/.github/workflows/rollback.yml")["jobs"]["roll-back"]["permissions"]
    for document in (TEXT, (ROOT / "README.md").read_text(encoding="utf-8")):
        table = document.split(" Permissions\n")[1].split("\n## ")[0].split("\n### ")[0]
        of_rollback = table[table.index("rollback") :]
        for name, level in granted.items():
            assert f"`{name}: {level}`" in of_rollback


def test_form_has_the_inputs_that_are_named() -> None:
    """What people type after `gh workflow run rollback.yml` is a field of the form."""
    form = parse((ROOT / "examples/deploy/.github/workflows/rollback.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"-f ([\w-]+)=", TEXT + (ROOT / "README.md").read_text(encoding="utf-8")))

    assert {"workflow", "reason", "checkpoint", "dry-run"} <= named
    assert named <= set(triggers(form)["workflow_dispatch"]["inputs"])


def test_exit_code_of_the_guard_is_told() -> None:
    """People put it into scripts."""
    assert f"exit code {OnHold.exit_code}" in TEXT

"""Generated documents are as the code is now, and files say nothing of the machine they were written on."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.events import NoteTaken
from recovery.policy.lifecycle import project
from recovery.render.decision import decision_document, decision_json
from tests.builders import (
    effect_answered,
    make_decision,
    make_failure,
    make_plan,
    note_taken,
    recovery_decided,
    recovery_settled,
)
from tests.repo.sources import DOCUMENTS, ROOT, must_succeed

GENERATED = {
    "docs/decision.schema.json": "schema_of_decisions",
    "docs/schema.sql": "database_schema",
    "recovery/policy/logs/clues.json": "clue_index",
    "recovery/policy/rules/builtin.json": "rule_index",
}


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """`docs/tables.py`, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((ROOT / "docs" / "decision.schema.json").read_text(encoding="utf-8"))
    return schema


def _documents() -> list[DecisionDocument]:
    """Decisions of every kind, in every state a document can be in."""
    declined = make_plan(decision=make_decision(kind=DecisionKind.DECLINE))
    note: NoteTaken = note_taken(status="failed", detail="the plan was not uploaded")
    histories = [
        (make_plan(), [recovery_decided()]),
        (make_plan(), [recovery_decided(), effect_answered(), note, recovery_settled()]),
        (declined, [recovery_decided(plan=declined)]),
    ]
    failures = (make_failure(), make_failure(job_id=4202, job_name="gate", consequence_of="test", evidence=()))
    return [decision_document(plan, failures, project(events)) for plan, events in histories]


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_up_to_date(name: str, tables: ModuleType) -> None:
    """A generated file is what `make docs` would write."""
    expected = getattr(tables, GENERATED[name])()
    assert expected == (ROOT / name).read_text(encoding="utf-8"), "run `make docs`"


def test_generated_parts_are_up_to_date() -> None:
    """Tables inside documents are what `make docs` would write."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = (
        next(line for line in makefile.splitlines() if line.startswith("COG := ")).removeprefix("COG := ").split()
    )
    written = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS if "[[[cog " in path.read_text(encoding="utf-8")]
    assert sorted(written) == sorted(documents)
    must_succeed("cog", "-I", "docs", "--check", *documents)


def test_decision_documents_fit_their_schema() -> None:
    """Every kind of decision document is valid by the published schema."""
    jsonschema.Draft202012Validator.check_schema(_schema())
    for document in _documents():
        jsonschema.validate(json.loads(decision_json(document)), _schema(), jsonschema.Draft202012Validator)


def test_the_schema_is_not_lenient() -> None:
    """A field that nobody knows, or one that is missing, does not fit."""
    fields = json.loads(decision_json(_documents()[0]))
    for wrong in (fields | {"surprise": 1}, {key: value for key, value in fields.items() if key != "decision"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, _schema(), jsonschema.Draft202012Validator)


def test_changelog_tells_of_this_version() -> None:
    """The newest section of the changelog is about the version that this is."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    newest = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert newest == f"[Unreleased] - {version}" or newest.startswith(f"[{version}] - 20")


def test_every_target_is_explained() -> None:
    """`make` lists every target with its purpose, and every one that people are told of exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY: ")).split()[1:]
    listed = re.findall(r"^make (\S+) +\S", must_succeed("make", "help"), re.MULTILINE)
    assert sorted(targets) == sorted(listed)
    assert len(makefile.splitlines()) <= 60
    for name in ("README.md", "CONTRIBUTING.md"):
        told = re.findall(r"[`$] ?make ([a-z]+)", (ROOT / name).read_text(encoding="utf-8"))
        assert set(told) <= set(targets)


def _own_files() -> list[Path]:
    """Files that are, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is not a clone")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_knows_this_machine() -> None:
    """No path of the machine that a file was written on is in it."""
    here = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr", "/usr/local"}
    found = []
    for path in _own_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(place in text for place in here):
            found.append(path.relative_to(ROOT).as_posix())
    assert [] == found

"""What the documents take from the code: `cog` calls these; run as a program it writes the two generated files."""

from __future__ import annotations

import argparse
import ast
import json
import tomllib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from recovery import settings
from recovery.adapters.database.schema import schema_sql
from recovery.cli.parser import build_parser
from recovery.errors import error_classes
from recovery.models.decision import ReasonId
from recovery.models.verdict import Retryable
from recovery.policy.logs import known
from recovery.policy.logs.clues import index_of_clues
from recovery.policy.rules.builtin import INDEX, builtin_rules
from recovery.policy.rules.model import RuleSet
from recovery.policy.rules.pack import index_of, pack_entries, parse_pack
from recovery.policy.sections import MARKERS
from recovery.policy.vetoes import DOUBTS, OVERRIDABLE, VETOES
from recovery.rehearsal.scenario import SCENARIOS
from recovery.render.comment import visible_part
from recovery.render.decision import decision_schema

ROOT = Path(__file__).resolve().parent.parent
DECISION_SCHEMA = ROOT / "docs" / "decision.schema.json"
SCHEMA_SQL = ROOT / "docs" / "schema.sql"
PACKS = ROOT / "recovery" / "policy" / "rules"
RULE_INDEX = PACKS / INDEX
CLUE_INDEX = PACKS.parent / "logs" / known.INDEX

PLANNED = {
    ReasonId.BUDGET: "The repository's recoveries have used up their budget.",
    ReasonId.OUTAGE: "The same failure shows in many unrelated runs.",
}
"""Vetoes that need history: their ids are taken, their rules are not written."""

_SECONDS_IN = {"d": 86400, "h": 3600, "m": 60}


def inputs() -> str:
    """The action's inputs."""
    rows = [(f"`{name}`", _default(entry), entry["description"]) for name, entry in _action()["inputs"].items()]
    return table(("Input", "Default", "What it means"), rows)


def outputs() -> str:
    """The action's outputs."""
    rows = [(f"`{name}`", entry["description"]) for name, entry in _action()["outputs"].items()]
    return table(("Output", "What it holds"), rows)


def keys() -> str:
    """The keys of `.github/recovery.yml`."""
    fields, meanings = settings.Settings.model_fields, _attribute_docstrings(settings)
    described = _action()["inputs"]
    rows = []
    for field, info in fields.items():
        key = field.replace("_", "-")
        if key in settings._INPUT_ONLY:
            continue
        meaning = f"As the input `{key}`." if key in described else meanings[field]
        rows.append((f"`{key}`", _plain_default(info.get_default(call_default_factory=True), key), meaning))
    return table(("Key", "Default", "What it means"), rows)


def vetoes() -> str:
    """Every reason not to re-run, in the order in which they are told."""
    meanings: dict[ReasonId, list[str]] = {}
    for veto in (*VETOES, *reversed(DOUBTS)):
        meanings.setdefault(_reason_of(veto.__name__), []).append(_first_line(veto.__doc__))
    rows = []
    for reason in ReasonId:
        if reason in meanings:
            overridable = "yes" if reason in OVERRIDABLE else "no"
            rows.append((f"`{reason}`", " Or: ".join(meanings[reason]), overridable))
        elif reason in PLANNED:
            rows.append((f"`{reason}`", f"*Not there yet.* {PLANNED[reason]}", ""))
    return table(("Reason", "Why the run is left alone", "A person may set it aside"), rows)


def commands() -> str:
    """The commands of the command line."""
    return table(("Command", "What it does"), [(f"`{name}`", help_text) for name, help_text in commands_with_help()])


def commands_with_help() -> list[tuple[str, str]]:
    """Every command with its help."""
    subparsers = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return [(action.dest, str(action.help)) for action in subparsers._choices_actions]


def exit_codes() -> str:
    """Every error with its exit code."""
    rows = [("0", "", "Done; leaving a run red on purpose is done, too."), ("1", "", "A fault of recovery itself.")]
    rows.append(("2", "", "Wrong usage of the command line."))
    errors = sorted(error_classes(), key=lambda error: error.exit_code)
    rows += [(str(error.exit_code), f"`{error.__name__}`", _first_line(error.__doc__)) for error in errors]
    return table(("Code", "Error", "What happened"), rows)


def scenarios(*names: str) -> str:
    """What can be rehearsed; all of it, unless scenarios are named."""
    chosen = [SCENARIOS[name] for name in names or SCENARIOS]
    rows = [(f"`{scenario.name}`", scenario.description, scenario.ending.value) for scenario in chosen]
    return table(("Scenario", "What goes wrong", "How it must end"), rows)


def floors() -> str:
    """The floors of the house as import-linter proves them, with the first sentence of each room."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    rows = []
    for number, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        for place, room in enumerate(part.strip() for part in layer.split("|")):
            rows.append(("" if place else str(number), f"`{_file_of(room)}`", _room(room)))
    return table(("Floor", "Room", "What lives there"), rows)


def classes() -> str:
    """What the rules answer, with the classes of failure that they name."""
    rules = builtin_rules().rules
    meanings = {
        Retryable.YES: "re-run by itself",
        Retryable.MAYBE: "suggested to people",
        Retryable.NO: "left to people",
    }
    rows = []
    for answer, meaning in meanings.items():
        names = sorted({rule.failure_class.value for rule in rules if rule.retryable is answer})
        rows.append((f"`{answer}`", meaning, ", ".join(f"`{name}`" for name in names)))
    return table(("Retryable", "What is done", f"Classes with such a rule ({len(rules)} rules in all)"), rows)


def comment(name: str) -> str:
    """A comment as the tests hold it, as a quotation."""
    body = visible_part((ROOT / "tests" / "golden" / "comment" / name).read_text(encoding="utf-8"))
    return "".join(f"> {line}".rstrip() + "\n" for line in body.splitlines())


def timeline(name: str) -> str:
    """A timeline as the tests hold it."""
    return f"```text\n{(ROOT / 'tests' / 'golden' / 'timeline' / name).read_text(encoding='utf-8')}```\n"


def schema_of_decisions() -> str:
    """The JSON Schema of `decision.json`."""
    return json.dumps(decision_schema(), indent=2, ensure_ascii=False) + "\n"


def database_schema() -> str:
    """The tables of a fresh SQLite database."""
    lines = (line.rstrip() for line in schema_sql().splitlines())
    return "-- Generated by `make docs` from recovery/adapters/database/schema.py.\n\n" + "\n".join(lines) + "\n"


def rule_index() -> str:
    """The rules that come with the program, as it reads them."""
    packs = sorted(PACKS.glob("*.yml"))
    return index_of(entry for pack in packs for entry in pack_entries(pack.read_text(encoding="utf-8"), pack.name))


def clue_index() -> str:
    """What a log is searched for first: a few letters of each pattern, for the rules as they stand in the packs."""
    packs = sorted(PACKS.glob("*.yml"))
    rules = RuleSet(rule for pack in packs for rule in parse_pack(pack.read_text(encoding="utf-8"), pack.name))
    return index_of_clues(pattern for _, pattern in (*MARKERS, *rules.patterns()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return document


def _default(entry: dict[str, Any]) -> str:
    return f"`{entry['default']}`" if entry.get("default") else ""


def _plain_default(value: object, key: str) -> str:
    if isinstance(value, float):
        unit = next((unit for unit, size in _SECONDS_IN.items() if value >= size and value % size == 0), "s")
        return f"`{value / _SECONDS_IN.get(unit, 1):.0f}{unit}`"
    if key == "retention-days":
        return "the repository's"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value else "none"


def _reason_of(function: str) -> ReasonId:
    return ReasonId.ONLY_MAYBE if function == "only_suggested" else ReasonId(function.replace("_", "-"))


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().splitlines()[0]


def _attribute_docstrings(module: Any) -> dict[str, str]:
    """The sentence under each field of `Settings`."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    found = {}
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[ast.unparse(field.target)] = str(after.value.value)
    return found


def _file_of(room: str) -> str:
    return f"{room}/" if (ROOT / "recovery" / room).is_dir() else f"{room}.py"


def _room(room: str) -> str:
    folder = ROOT / "recovery" / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    DECISION_SCHEMA.write_text(schema_of_decisions(), encoding="utf-8")
    SCHEMA_SQL.write_text(database_schema(), encoding="utf-8")
    RULE_INDEX.write_text(rule_index(), encoding="utf-8")
    CLUE_INDEX.write_text(clue_index(), encoding="utf-8")

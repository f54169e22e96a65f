"""Reads packs of rules: the ones that come with the program, and any other by the same checks."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import ValidationError

from recovery.errors import InputError
from recovery.models.record import Record
from recovery.policy.log_reader import clean
from recovery.policy.patterns import PatternSet
from recovery.policy.rules.model import Rule, RuleSet

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINT = "see `recovery/policy/rules/*.yml` for packs that load"


class Pack(Record):
    """A file of rules for one ecosystem."""

    version: int = 1
    rules: tuple[Rule, ...]


def parse_pack(text: str, name: str) -> tuple[Rule, ...]:
    """Read one pack; whatever is wrong is an InputError that names the file, the rule and the fault."""
    try:
        # A safe loader either way: the C one is ten times as fast, where PyYAML was built with it.
        document = yaml.load(text, Loader=_YAML)  # noqa: S506
    except yaml.YAMLError as error:
        raise InputError(f"{name}: not YAML: {error}", hint=_HINT) from error
    try:
        return Pack.model_validate(document).rules
    except ValidationError as error:
        raise InputError(f"{name}: {_first_fault(error, document)}", hint=_HINT) from error


def _first_fault(error: ValidationError, document: object) -> str:
    """Say which rule, which field and what is wrong, for the first of the faults."""
    fault = error.errors()[0]
    place = list(fault["loc"])
    said = fault["msg"].removeprefix("Value error, ")
    if len(place) >= 2 and place[0] == "rules" and isinstance(place[1], int) and isinstance(document, dict):
        entry = document["rules"][place[1]]
        named = entry.get("id") if isinstance(entry, dict) else None
        rule = f"rule {named or f'number {place[1] + 1}'}"
        return f"{': '.join([rule, *map(str, place[2:])])}: {said}"
    return f"{'.'.join(map(str, place)) or 'the pack'}: {said}"


@cache
def builtin_rules() -> RuleSet:
    """The rules that come with the program, read once."""
    folder = resources.files("recovery.policy.rules")
    packs = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yml")), key=lambda entry: entry.name)
    return RuleSet(rule for pack in packs for rule in parse_pack(pack.read_text(encoding="utf-8"), pack.name))


def example_faults(rule: Rule) -> list[str]:
    """What a rule's own examples disprove about it; empty when they all hold."""
    patterns = PatternSet((rule.id, pattern) for pattern in rule.patterns)

    def matches(line: str) -> bool:
        frames = clean(line.encode()).split(b"\r")
        return any(patterns.names_in(frame) and not rule.excuses(frame) for frame in frames)

    missed = [f"rule {rule.id}: must match {line!r}" for line in rule.examples.match if not matches(line)]
    caught = [f"rule {rule.id}: must ignore {line!r}" for line in rule.examples.ignore if matches(line)]
    return missed + caught

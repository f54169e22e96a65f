"""Packs of rules as people write them, and every check that a pack must pass: ours and a user's alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from recovery.errors import InputError
from recovery.models.record import Record
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.logs.clues import search_fault
from recovery.policy.logs.framing import clean
from recovery.policy.logs.patterns import PatternSet, pattern_fault
from recovery.policy.rules.model import CONTEXT_LINES, CONVINCING, Phase, Rule

_HINT = "see `docs/rules.md` for how a rule is written, and `recovery/policy/rules/*.yml` for packs that load"

_TEXT_ANCHOR = re.compile(r"(?:^|[^\\])(?:\\\\)*\\[AzZ]|\(\?[a-zA-Z]*-[a-zA-Z]*m")
_CLASS = re.compile(r"\\.|(?P<members>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*+)", re.DOTALL)
"""A character class without its last bracket; or an escaped character, which begins none."""

_SHOWN = 80
"""Characters that an error repeats of a name."""


def _usable(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("a pattern is empty")
    if any(not (found["members"] or "").isascii() for found in _CLASS.finditer(pattern)):
        raise ValueError(f"{pattern!r}: a character class may hold ASCII characters only; use (?:a|b)")
    if _TEXT_ANCHOR.search(pattern):
        raise ValueError(f"{pattern!r}: use ^ and $, which mean the line's start and end")
    if (fault := pattern_fault(pattern)) is not None:
        raise ValueError(f"{pattern!r} cannot be used: {fault}")
    return pattern


def _in_order(given: object) -> object:
    if isinstance(given, set):
        raise ValueError("write it as a list, for a set has no order")
    return given


Texts = Annotated[tuple[str, ...], BeforeValidator(_in_order)]
"""A list of texts."""


class Examples(Record):
    """Lines that prove a rule; they run as tests. Several lines in one are the context and the line."""

    match: Texts = Field(min_length=2)
    ignore: Texts = Field(min_length=1)


class RuleEntry(Record):
    """A rule as it stands in a pack."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    failure_class: FailureClass = Field(alias="class")
    retryable: Retryable
    confidence: float = Field(gt=0.0, le=1.0)
    reason: Annotated[str, Field(min_length=10)]
    patterns: Texts = Field(min_length=1)
    unless: Texts = ()
    context: Texts = ()
    phase: Phase | None = None
    step: str | None = None
    runner: bool = False
    examples: Examples

    @field_validator("retryable", mode="before")
    @classmethod
    def _quoted(cls, retryable: object) -> object:
        if isinstance(retryable, bool):
            raise ValueError("write it in quotes, for YAML takes a bare yes or no for true or false")
        return retryable

    @field_validator("patterns", "unless", "context")
    @classmethod
    def _usable_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_usable(pattern) for pattern in patterns)

    @field_validator("step")
    @classmethod
    def _usable_step(cls, step: str | None) -> str | None:
        return step if step is None else _usable(step)

    @model_validator(mode="after")
    def _honest(self) -> RuleEntry:
        if self.failure_class is FailureClass.NO_FAILURE:
            raise ValueError("class no_failure is what remains when no rule matches; a rule cannot claim it")
        if self.failure_class is FailureClass.UNKNOWN and self.retryable is not Retryable.NO:
            raise ValueError('class unknown must have retryable: "no"')
        if self.failure_class is FailureClass.UNKNOWN and (self.phase or self.step is not None or self.context):
            raise ValueError(
                "class unknown takes no phase, step or context: such a rule is a hint, "
                "and looked for in the last lines of what failed only"
            )
        if self.failure_class is not FailureClass.UNKNOWN:
            self._refuse_unsearchable()
        if self.retryable is Retryable.YES and self.confidence < CONVINCING:
            raise ValueError(f"retryable: yes needs a confidence of at least {CONVINCING}")
        return self

    def _refuse_unsearchable(self) -> None:
        """Whole logs are searched for these patterns: what is in nearly every line, or of unknown form, is refused."""
        for pattern in (*self.patterns, *self.context):
            if (fault := search_fault(pattern)) is not None:
                raise ValueError(f"{pattern!r} cannot be used: {fault}")

    def rule(self) -> Rule:
        """What is searched for: the entry without its examples."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "examples"}
        return Rule(**fields)


class Pack(Record):
    """A file of rules for one ecosystem."""

    version: Literal[1] = 1
    rules: Annotated[tuple[RuleEntry, ...], BeforeValidator(_in_order)]


def parse_pack(text: str, name: str) -> tuple[Rule, ...]:
    """The rules of one pack, ours or a user's.

    Raises:
        InputError: it is no YAML, no pack, has an id twice, or an example disproves its rule; names the file, the rule
            and the fault.
    """
    return check_pack(_document(text, name), name)


def check_pack(document: Any, name: str) -> tuple[Rule, ...]:
    """The rules of a pack that was read already, as from a part of a file; raises as `parse_pack` does."""
    entries = _entries(document, name)
    for entry in entries:
        for fault in example_faults(entry):
            raise InputError(f"{name}: {fault}", hint=_HINT)
    return tuple(entry.rule() for entry in entries)


def pack_entries(text: str, name: str) -> tuple[RuleEntry, ...]:
    """The rules of one pack with their examples, which are not looked at; raises as `parse_pack` does."""
    return _entries(_document(text, name), name)


def _document(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)  # not by the C loader, which ends the process where lists are nested very deeply
    except RecursionError as error:
        raise InputError(f"{name}: not YAML: it is nested too deeply", hint=_HINT) from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:  # dates that are none, …
        raise InputError(f"{name}: not YAML: {error}", hint=_HINT) from error


def _entries(document: Any, name: str) -> tuple[RuleEntry, ...]:
    try:
        entries = Pack.model_validate(document).rules
    except ValidationError as error:
        raise InputError(f"{name}: {_first_fault(error, document)}", hint=_HINT) from error
    known: set[str] = set()
    for entry in entries:
        if entry.id in known:
            raise InputError(f"{name}: rule {entry.id}: the id is used twice", hint="give every rule its own id")
        known.add(entry.id)
    return entries


def index_of(entries: Iterable[RuleEntry]) -> str:
    """Rules as the JSON that `builtin_rules` reads: all that is searched for, without comments and examples."""
    defaults: dict[str, Any] = {"unless": [], "context": [], "phase": None, "step": None, "runner": False}
    documents = [entry.model_dump(mode="json", exclude={"examples"}) for entry in entries]
    shorter = [
        {name: value for name, value in document.items() if name not in defaults or value != defaults[name]}
        for document in documents
    ]
    return "[\n" + ",\n".join(json.dumps(document, ensure_ascii=False) for document in shorter) + "\n]\n"


def _first_fault(error: ValidationError, document: object) -> str:
    """Say which rule, which field and what is wrong, for the first of the faults."""
    fault = error.errors()[0]
    place = [part if isinstance(part, int) else part[:_SHOWN] for part in fault["loc"]]
    said = fault["msg"].removeprefix("Value error, ")
    if len(place) >= 2 and place[0] == "rules" and isinstance(place[1], int) and isinstance(document, dict):
        entry = document["rules"][place[1]]
        named = entry.get("id") if isinstance(entry, dict) else None
        rule = f"rule {named[:_SHOWN] if isinstance(named, str) and named else f'number {place[1] + 1}'}"
        return f"{': '.join([rule, *map(str, place[2:])])}: {said}"
    return f"{'.'.join(map(str, place)) or 'the pack'}: {said}"


def example_faults(entry: RuleEntry) -> list[str]:
    """What a rule's own examples disprove about it; empty when they all hold."""
    patterns = PatternSet((entry.id, pattern) for pattern in entry.patterns)
    context = PatternSet((entry.id, pattern) for pattern in entry.context)
    rule = entry.rule()

    def matches(example: str) -> bool:
        lines = clean(example.encode()).split(b"\n")
        return any(
            any(patterns.names_in(frame) and not rule.excuses(frame) for frame in line.split(b"\r"))
            and (not entry.context or any(map(context.names_in, lines[max(0, number - CONTEXT_LINES) : number + 1])))
            for number, line in enumerate(lines)
        )

    missed = [f"rule {entry.id}: must match {line!r}" for line in entry.examples.match if not matches(line)]
    caught = [f"rule {entry.id}: must ignore {line!r}" for line in entry.examples.ignore if matches(line)]
    return missed + caught

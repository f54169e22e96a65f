"""The shape of a rule and of a set of rules, with every check a pack must pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from recovery.errors import InputError
from recovery.models.record import Record
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.patterns import PatternSet, pattern_fault

CONVINCING = 0.7
"""The least confidence a verdict needs to be `retryable: yes`."""

_TEXT_ANCHOR = re.compile(r"(?:^|[^\\])(?:\\\\)*\\[AzZ]|\(\?[a-zA-Z]*-[a-zA-Z]*m")
_WIDE_CLASS = re.compile(r"\[[^\]]*[^\x00-\x7f]")


class Phase(StrEnum):
    """Where in a job a line was printed."""

    SETUP = "setup"
    STEP = "step"
    POST = "post"


def _usable(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("a pattern is empty")
    if _WIDE_CLASS.search(pattern):
        raise ValueError(f"{pattern!r}: a character class may hold ASCII characters only; use (?:a|b)")
    if _TEXT_ANCHOR.search(pattern):
        raise ValueError(f"{pattern!r}: use ^ and $, which mean the line's start and end")
    if (fault := pattern_fault(pattern)) is not None:
        raise ValueError(f"{pattern!r} cannot be used: {fault}")
    return pattern


class Examples(Record):
    """Lines that prove a rule: they run as tests."""

    match: tuple[str, ...] = Field(min_length=2)
    ignore: tuple[str, ...] = Field(min_length=1)


class Rule(Record):
    """One kind of failure: the words that prove it, and what they mean.

    Patterns are RE2 and see one line without time stamp, colours and `##[error]`; `unless` excuses a line
    that also says something else.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    failure_class: FailureClass = Field(alias="class")
    retryable: Retryable
    confidence: float = Field(gt=0.0, le=1.0)
    reason: Annotated[str, Field(min_length=10)]
    patterns: tuple[str, ...] = Field(min_length=1)
    unless: tuple[str, ...] = ()
    phase: Phase | None = None
    step: str | None = None
    runner: bool = False
    """The words are those of the runner or the service itself, not of a program it ran."""
    examples: Examples

    @field_validator("patterns", "unless")
    @classmethod
    def _usable_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_usable(pattern) for pattern in patterns)

    @field_validator("step")
    @classmethod
    def _usable_step(cls, step: str | None) -> str | None:
        return step if step is None else _usable(step)

    @model_validator(mode="after")
    def _honest(self) -> Rule:
        if self.failure_class is FailureClass.NO_FAILURE:
            raise ValueError("class no_failure is what remains when no rule matches; a rule cannot claim it")
        if self.failure_class is FailureClass.UNKNOWN and self.retryable is not Retryable.NO:
            raise ValueError("class unknown must have retryable: no")
        if self.retryable is Retryable.YES and self.confidence < CONVINCING:
            raise ValueError(f"retryable: yes needs a confidence of at least {CONVINCING}")
        return self

    @cached_property
    def _excuses(self) -> PatternSet:
        return PatternSet((self.id, pattern) for pattern in self.unless)

    @cached_property
    def _step_names(self) -> PatternSet:
        return PatternSet([(self.id, self.step or "")])

    def excuses(self, text: bytes) -> bool:
        """Whether a line that matches says something else as well, which makes it no evidence."""
        return bool(self.unless) and bool(self._excuses.names_in(text))

    def applies(self, phase: Phase, step: str) -> bool:
        """Whether the rule speaks about this place of a job."""
        if self.phase is not None and phase is not self.phase:
            return False
        return self.step is None or bool(self._step_names.names_in(step.encode()))


class RuleSet:
    """Rules that are searched together."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.by_id = {rule.id: rule for rule in self.rules}
        if len(self.by_id) != len(self.rules):
            twice = [name for name, count in Counter(rule.id for rule in self.rules).items() if count > 1]
            raise InputError(f"rule {twice[0]}: the id is used twice", hint="give every rule its own id")

    def patterns(self) -> Iterator[tuple[str, str]]:
        """Every pattern with the id of its rule."""
        return ((rule.id, pattern) for rule in self.rules for pattern in rule.patterns)

"""A rule, and a set of rules that are searched together; plain dataclasses, so that classifying starts fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from recovery.errors import InputError
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.logs.patterns import PatternSet

CONVINCING = 0.7
"""The least confidence a verdict needs to be `retryable: yes`."""

_TAIL = 0.25
"""Rules of class `unknown` that are no surer than this tell that something failed, and nothing of what."""

CONTEXT = "##context "
"""Before the id of a rule, the name of what must have been said before the rule counts."""

CONTEXT_LINES = 30
"""Lines before a line in which its context is looked for."""


class Phase(StrEnum):
    """Where in a job a line was printed."""

    SETUP = "setup"
    STEP = "step"
    POST = "post"


@dataclass(frozen=True)
class Rule:
    """One kind of failure: the words that prove it, and what they mean.

    Patterns are RE2 and see one line without time stamp, colours and `##[error]`.
    """

    id: str
    failure_class: FailureClass
    retryable: Retryable
    confidence: float
    """How often, where a line matches in a step that failed, it is the cause: from 0 to 1."""
    reason: str
    patterns: tuple[str, ...]
    """A named group `test` holds the id of a failed test."""
    unless: tuple[str, ...] = ()
    """What excuses a line that matches."""
    context: tuple[str, ...] = ()
    """One of these must match a line of the same step shortly before, or the line itself."""
    phase: Phase | None = None
    step: str | None = None
    runner: bool = False
    """The words are those of the runner or the service itself, not of a program it ran."""

    @cached_property
    def names_tests(self) -> bool:
        """Whether a pattern of it captures the id of a failed test."""
        return any("(?P<test>" in pattern for pattern in self.patterns)

    @property
    def tail(self) -> bool:
        """Whether these are words that every failure ends with, whatever its cause."""
        return self.failure_class is FailureClass.UNKNOWN and self.confidence <= _TAIL

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
        """What a whole log is searched for: each pattern with its rule's id, each context's with `CONTEXT` before it.

        Rules of class `unknown` are left out: see `hints`.
        """
        for rule in self.rules:
            if rule.failure_class is not FailureClass.UNKNOWN:
                yield from ((rule.id, pattern) for pattern in rule.patterns)
                yield from ((CONTEXT + rule.id, pattern) for pattern in rule.context)

    @cached_property
    def hints(self) -> PatternSet:
        """Words of no known tool, said in every log: they mean something near the end of a failed step only."""
        unknown = (rule for rule in self.rules if rule.failure_class is FailureClass.UNKNOWN)
        return PatternSet((rule.id, pattern) for rule in unknown for pattern in rule.patterns)

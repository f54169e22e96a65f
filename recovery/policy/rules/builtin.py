"""The rules that come with the program, from an index that `make docs` writes: reading YAML would take too long."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from recovery.errors import RecoveryError
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.rules.model import Phase, Rule, RuleSet

INDEX = "builtin.json"
"""Made from the packs beside it; a test proves that it is."""


@cache
def builtin_rules() -> RuleSet:
    """The rules that come with the program, read once."""
    return RuleSet(_rule(document) for document in json.loads(_content(INDEX)))


def rules_with(own: Sequence[Rule]) -> RuleSet | None:
    """The built-in rules and the user's own, which replace built-in ones of the same id; None where there are none.

    Raises:
        InputError: two of the user's own have the same id.
    """
    if not own:
        return None
    replaced = {rule.id for rule in own}
    return RuleSet([*(rule for rule in builtin_rules().rules if rule.id not in replaced), *own])


def _content(name: str) -> bytes:
    try:
        content = pkgutil.get_data(__package__, name)
    except OSError:
        content = None
    if content is None:
        raise RecoveryError(f"the program is installed without its rules ({name})", hint="install it anew")
    return content


def _rule(document: dict[str, Any]) -> Rule:
    known = dict(document)
    for name in ("patterns", "unless", "context"):
        known[name] = tuple(known.get(name, ()))
    known["failure_class"] = FailureClass(known["failure_class"])
    known["retryable"] = Retryable(known["retryable"])
    known["phase"] = Phase(known["phase"]) if "phase" in known else None
    return Rule(**known)

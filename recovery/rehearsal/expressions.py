"""The part of GitHub's expression language that names of runs and of concurrency groups are made of."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from recovery.rehearsal.records import Run

_EXPRESSION = re.compile(r"\$\{\{((?:'[^']*'|[^'])*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||==|!=|[!().,\[\]]))"
)
_PLACE = re.compile(r"\{(\d+)\}")
_WORDS = {"true": True, "false": False, "null": None}


def context_of(run: Run) -> dict[str, Any]:
    """The part of the `github` and `inputs` contexts that is known before a run starts."""
    event = dict(run.payload)
    github = {
        "event": event,
        "event_name": run.event,
        "run_id": run.id,
        "run_number": run.number,
        "sha": run.head_sha,
        "workflow": run.workflow.name,
        "ref": run.ref,
        "ref_name": run.head_branch,
        "head_ref": run.head_branch if run.event == "pull_request" else "",
        "actor": run.actor.login,
    }
    return {"github": github, "inputs": event.get("inputs") or {}}


def interpolate(text: str, context: Mapping[str, Any]) -> str:
    """A text with its expressions replaced; one that is not understood comes to nothing.

    Understood are properties, texts, numbers, `!`, `==`, `!=`, `&&`, `||`, brackets, and the functions of `_FUNCTIONS`.
    """
    return _EXPRESSION.sub(lambda match: _shown(_evaluated(match[1], context)), text)


def _evaluated(expression: str, context: Mapping[str, Any]) -> Any:
    try:
        return _Reader(expression, context).whole()
    except (ValueError, TypeError, IndexError):
        return None


class _Reader:
    """Evaluates one expression while reading it, from the loosest operator to the tightest."""

    def __init__(self, expression: str, context: Mapping[str, Any]) -> None:
        self._tokens = _tokens(expression)
        self._context = context

    def whole(self) -> Any:
        value = self._either()
        if self._tokens:
            raise ValueError("something is left over")
        return value

    def _either(self) -> Any:
        value = self._both()
        while self._takes("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._takes("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._unary()
        while self._tokens and self._tokens[0] in {"==", "!="}:
            wanted = self._tokens.pop(0) == "=="
            value = _same(value, self._unary()) is wanted
        return value

    def _unary(self) -> Any:
        return not self._unary() if self._takes("!") else self._property()

    def _property(self) -> Any:
        value = self._primary()
        while self._tokens and self._tokens[0] in {".", "["}:
            if self._takes("."):
                name = self._tokens.pop(0)
            else:
                self._tokens.pop(0)
                name = self._either()
                self._require("]")
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _primary(self) -> Any:
        word = self._tokens.pop(0)
        if word == "(":
            value = self._either()
            self._require(")")
            return value
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word[0].isdigit() or word[0] == "-":
            return float(word) if "." in word else int(word)
        if self._takes("("):
            arguments = self._arguments()
            return _FUNCTIONS[word.lower()](*arguments) if word.lower() in _FUNCTIONS else None
        return _WORDS[word] if word in _WORDS else self._context.get(word)

    def _arguments(self) -> list[Any]:
        values: list[Any] = []
        while not self._takes(")"):
            values.append(self._either())
            self._takes(",")
        return values

    def _takes(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == sign:
            del self._tokens[0]
            return True
        return False

    def _require(self, sign: str) -> None:
        if not self._takes(sign):
            raise ValueError(f"{sign} is missing")


def _tokens(expression: str) -> list[str]:
    found, position, rest = [], 0, expression.rstrip()
    while position < len(rest):
        match = _TOKEN.match(rest, position)
        if match is None:
            raise ValueError("a sign that is not understood")
        found.append(match[match.lastgroup or 0])
        position = match.end()
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal: texts without regard to case, different kinds of values as numbers."""
    if type(one) is type(other):
        return bool(_folded(one) == _folded(other))
    return _number(one) == _number(other)


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return math.nan


def _folded(value: Any) -> Any:
    """A value as it is compared: without regard to case."""
    return value.lower() if isinstance(value, str) else value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _format(template: str, *values: Any) -> str:
    return _PLACE.sub(lambda match: _shown(values[int(match[1])]), template)


def _from_json(text: Any) -> Any:
    # Both sides of an operator are evaluated here, so that one which GitHub never looks at must do no harm.
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": lambda whole, part: (
        _folded(part) in [_folded(one) for one in whole]
        if isinstance(whole, list)
        else _shown(part).lower() in _shown(whole).lower()
    ),
    "startswith": lambda whole, part: _shown(whole).lower().startswith(_shown(part).lower()),
    "endswith": lambda whole, part: _shown(whole).lower().endswith(_shown(part).lower()),
    "format": _format,
    "fromjson": _from_json,
    "tojson": lambda value: json.dumps(value, indent=2),
}

"""The legs of a matrix: GitHub's expansion of `strategy.matrix`, and the names its legs get."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recovery.rehearsal.workflow import Document

_MATRIX_EXPRESSION = re.compile(r"\$\{\{\s*matrix\.([\w.-]+)\s*\}\}")
_SPECIAL = ("include", "exclude")


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One combination of a matrix and the name its job gets."""

    name: str
    values: Mapping[str, Any]


def legs_of(job: Document, key: str) -> tuple[Leg, ...]:
    """The legs in GitHub's order; none without a matrix, or when it is computed only while the run goes on."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if not isinstance(matrix, dict) or "${{" in json.dumps(matrix, default=str):
        return ()
    return tuple(Leg(name=leg_name(job, key, values), values=values) for values in _combinations(matrix))


def _combinations(matrix: Document) -> list[dict[str, Any]]:
    axes = {str(name): values for name, values in matrix.items() if name not in _SPECIAL and isinstance(values, list)}
    found = [dict(zip(axes, choice, strict=True)) for choice in itertools.product(*axes.values())] if axes else []
    unwanted = [entry for entry in matrix.get("exclude") or () if isinstance(entry, dict)]
    found = [leg for leg in found if not any(_agrees(leg, entry) for entry in unwanted)]
    original = [dict(leg) for leg in found]
    added: list[dict[str, Any]] = []
    for entry in matrix.get("include") or ():
        if not isinstance(entry, dict):
            continue
        fitting = [index for index, leg in enumerate(original) if _extends(leg, entry)]
        for index in fitting:
            found[index].update(entry)
        if not fitting:
            added.append(dict(entry))
    return found + added


def _agrees(leg: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(leg.get(name) == value for name, value in entry.items())


def _extends(leg: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether an `include` entry can be added to a combination without changing any of its values."""
    return all(leg[name] == value for name, value in entry.items() if name in leg)


def leg_name(job: Document, key: str, matrix: Mapping[str, Any]) -> str:
    """A job's name; a matrix leg's has its values, either where the name asks for them or in brackets."""
    name = str(job.get("name") or key)
    if not matrix:
        return name
    if _MATRIX_EXPRESSION.search(name):
        return _MATRIX_EXPRESSION.sub(lambda found: _word(_at(matrix, found[1])), name)
    return f"{name} ({', '.join(map(_word, _leaves(matrix)))})"


def _at(matrix: Any, path: str) -> Any:
    for name in path.split("."):
        matrix = matrix.get(name, "") if isinstance(matrix, Mapping) else ""
    return matrix


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def only_legs(job: Document, legs: Sequence[Leg]) -> Document:
    """The job with these legs and no others."""
    strategy = job.get("strategy")
    rest = strategy if isinstance(strategy, dict) else {}
    return {**job, "strategy": {**rest, "matrix": {"include": [dict(leg.values) for leg in legs]}}}


def choice_of(ids: Mapping[int, Leg]) -> str | None:
    """An expression that gives each leg its own number; none when simple values cannot tell the legs apart."""
    names = [name for name in _names(ids.values()) if all(_is_simple(leg.values.get(name)) for leg in ids.values())]
    keys = {"|".join(_shown(leg.values.get(name)) for name in names): number for number, leg in ids.items()}
    if len(keys) != len(ids):
        return None
    table = json.dumps({key: str(number) for key, number in keys.items()}).replace("'", "''")
    pattern = "|".join(f"{{{index}}}" for index in range(len(names)))
    values = "".join(f", matrix['{name}']" for name in names)
    return f"${{{{ fromJSON('{table}')[format('{pattern}'{values})] }}}}"


def _names(legs: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for leg in legs for name in leg.values))


def _shown(value: Any) -> str:
    return "" if value is None else _word(value)


def _is_simple(value: Any) -> bool:
    """Whether an expression shows the value as Python does."""
    return value is None or (isinstance(value, (str, int)) and "'" not in str(value))

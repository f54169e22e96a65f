"""One key of a mapping says which kind of thing it is; pydantic is told how to find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


def by_key(*kinds: type[BaseModel]) -> Callable[[Any], str | None]:
    """Tell each kind by the key it begins with (its first field); None when no key is known."""
    names = {first_key(kind): kind for kind in kinds}

    def choose(value: Any) -> str | None:
        if isinstance(value, dict):
            return next((name for name in names if name in value), None)
        return next((name for name, kind in names.items() if isinstance(value, kind)), None)

    return choose


def first_key(kind: type[BaseModel]) -> str:
    """The key that tells a kind from its siblings."""
    name, field = next(iter(kind.model_fields.items()))
    return field.alias or name

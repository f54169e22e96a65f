"""Problems of a scenario file, told with the key as it is written there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

_WORDS = {
    "extra_forbidden": "this key is not known here",
    "missing": "this key is missing",
    "union_tag_not_found": "says none of the things that can happen here",
}
_CHOOSING = "do"


def problems_of(error: ValidationError) -> Iterator[str]:
    """One sentence per problem, like `faults[0].do.status: Input should be less than or equal to 599`."""
    for problem in error.errors():
        said = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        yield f"{_key(problem['loc'])}: {said}"


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for step in location:
        key += f"[{step}]" if isinstance(step, int) else f".{step}"
    return _without_tag(key.removeprefix("."))


def _without_tag(key: str) -> str:
    """pydantic names the kind it chose as if it were a key: `do.status.status` is `do.status` in the file."""
    head, separator, rest = key.partition(f".{_CHOOSING}.")
    if not separator:
        return key
    kind, _, field = rest.partition(".")
    return f"{head}{separator}{field or kind}"

"""The ids of tests as frameworks print them: made comparable, for one test is named in several ways in one log."""

from __future__ import annotations

from functools import lru_cache

import re2

from recovery.policy.redaction import redact

NAME_LIMIT = 300
"""Characters of an id that count; what is longer is cut."""

_TELLING_LENGTH = 5

_GENERIC = frozenset(
    {
        *("test", "tests", "main", "testmain", "setup", "setupclass", "teardown", "teardownclass", "build", "check"),
        *("default", "index", "suite", "unit", "integration", "unnamed", "unknown", "failed", "error", "errors"),
        *("beforeall", "beforeeach", "afterall", "aftereach", "initializationerror", "contextloads", "renders"),
    }
)
"""Names that many tests have: that one of them passed says nothing of another."""

_TIME = r"(?:< ?)?[\d.,]+ ?(?:ms|µs|s|sec|secs|seconds|m|min|h)(?: [\d.]+ ?m?s)?"
_TRY = r"\(?(?:retry|re-run|attempt)[ #x]*\d+(?:/\d+| of \d+)?\)?"
_TAIL = rf"(?:\s+(?:\({_TIME}\)|\[{_TIME}\]|{_TRY}|\[ *\d+%\]|\(flaky\)|[─-]{{2,}}))+\s*$"
_WHAT_VARIES = re2.compile(_TAIL)
"""After an id: how long it took, which try it was, how far the run had come."""

_ESCAPES = re2.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\^_])")
_NAME_FIRST = re2.compile(r"^(\w[^\s(]*) ?\(((?:[\w$<>]+\.)*[\w$<>]+)\)$")
"""`test_total (tests.test_cart.CartTest)` and `total(com.shop.CartTest)`."""

_BORDERS = re2.compile(r"(?:\.pyx?)?::|\.|/|\\|#|\$| › | > | » ")  # noqa: RUF001


def plain_name(text: bytes | str) -> str:
    """An id without what differs from one try to the next: colours, times, the number of the try."""
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    said = " ".join(str(re2.sub(_ESCAPES, "", said)).split())
    return short_name(str(re2.sub(_WHAT_VARIES, "", said)).strip().removesuffix(":"))


def short_name(name: str) -> str:
    """An id of which no more is left than counts; half a secret would not be known for one later."""
    return name if len(name) <= NAME_LIMIT else redact(name)[:NAME_LIMIT]


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The parts of an id from the outermost to the test itself, whatever stands between them."""
    if (match := _NAME_FIRST.fullmatch(name)) is not None:
        test, place = match.group(1), match.group(2)
        name = place if place.endswith("." + test) else f"{place}.{test}"
    # What follows a bracket are the parameters of the test: one part, whatever is in it.
    head, bracket, parameters = name.partition("[") if not name.startswith("[") else (name, "", "")
    words = [word for word in re2.split(_BORDERS, head) if word]
    if bracket and words:
        words[-1] += bracket + parameters
    return tuple(word.removesuffix("()") for word in words)


def same_test(one: str, other: str) -> bool:
    """Whether two ids name one test: alike, or one of them leaves out the outer parts of the other."""
    if one == other:
        return True
    shorter, longer = sorted((words_of(one), words_of(other)), key=len)
    if not shorter or longer[-len(shorter) :] != shorter:
        return False
    return len(shorter) == len(longer) or len(shorter) > 1 or is_telling(shorter[0])


def is_telling(name: str) -> bool:
    """Whether an id is so much its own test's that the same id elsewhere must be the same test."""
    words = words_of(name)
    if not words or len(words[-1]) < _TELLING_LENGTH:
        return len(words) > 1 and len(name) > 2 * _TELLING_LENGTH
    return len(words) > 1 or words[-1].lower() not in _GENERIC

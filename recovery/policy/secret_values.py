"""Which values, given to something that is named like a secret, are one: words and placeholders are not."""

from __future__ import annotations

import re
from collections import Counter
from math import log2

KEYS_OF_OTHER_KINDS = (
    *("cache", "restore", "primary", "foreign", "public", "sort", "partition", "group", "unique", "hash", "host"),
    *("dedup", "idempotency"),
)
"""What stands before `_key` where the key opens nothing."""

_RANDOM_BITS = 3.0
"""Bits per character from which a value looks made by chance: `changeme` has 2.75, twelve random ones 3.4."""

_SHORTEST_PASSWORD = 6
_SHORTEST_RANDOM = 8
"""Characters from which a value is looked at."""

_PLACEHOLDER = re.compile(
    r"""(?ix:
        [*x•.#_-]+
        | (?-i:\$[A-Z_][A-Z0-9_]*) | \$[a-z_.]+ | \$env:\w+ | \$\([^()]*\)
        | [$#]?\{(?:env:)?[a-z_][\w.]*\} | \$?\{\{[^{}]*\}\} | \{[0-9]*\}
        | %\w+% | %\(\w+\)s | <[^<>]*> | \[[a-z ]+\] | \([a-z ]+\)
        | (?:secrets|env|process\.env|inputs|vars)\.\w+
        | true | false | null | none | nil | undefined | empty
        | string | str | optional | redacted | hidden | masked | filtered
        | cannot | should | invalid | incorrect | required | requires | missing | expired | expected | received
        | permission | argument | option | contains | mismatch | instead | without | identifier
        | [a-z.]*(?:error|exception)
    )[,;:)\]}.!?"'\\`]*""",
    re.ASCII | re.DOTALL,
)
"""What is filled in later, is hidden already, or is said of secrets by messages and types, with what may follow it."""

_HARMLESS_NAME = re.compile(
    rf"(?i)(?:(?:{'|'.join(KEYS_OF_OTHER_KINDS)})[_-]keys?"
    r"|[_-](?:file|path|dir|url|uri|endpoint|name|type|length|count|limit|size))[^a-z0-9]*$"
)
_ANOTHER = re.compile(r"[,;&][\w.-]*\\*[\"']?[=:]", re.ASCII)
"""Where a value that was taken up to a blank gives something to another name."""

_GENERAL_KEY = re.compile(r"(?i)[_-]keys?[^a-z0-9]*$")
_KNOWN_KEY = re.compile(
    r"(?i)(?:api|access|private|secret|encryption|signing|master|account|shared)[_-]keys?[^a-z0-9]*$"
)
_TOKEN = re.compile(r"(?i)tokens?[^a-z0-9]*$")
_FOLDER = re.compile(r"(?i)^(?:[/~]|[a-z]:[\\/])")
_OF_FOLDER = re.compile(r"(?i)pwd[^a-z0-9]*$")
_RUN = re.compile(r"[A-Za-z0-9+/=]{12,}")
"""`..._key` names so much else than secrets that it takes a run of so many characters without a border."""

_NUMBER = re.compile(r"[0-9.,:;_/%+ )\]}-]+")


def is_password(name: str, value: str) -> bool:
    """Whether what a password's name stands before is one; nearly anything is."""
    bare = _bare(value)
    is_long = len(bare) >= _SHORTEST_PASSWORD
    return is_long and not _is_folder(name, bare) and _PLACEHOLDER.fullmatch(bare) is None


def is_password_of_user(name: str, value: str) -> bool:
    """Whether what follows a user's name in an option is a password, and not the number of a group."""
    return not value.isdigit() and is_password(name, value)


def is_random_value(name: str, value: str) -> bool:
    """Whether what the name of a token or a key stands before looks made by chance."""
    bare = _bare(value)
    harmless = _HARMLESS_NAME.search(name) is not None and _ANOTHER.search(bare) is None
    if harmless or _is_folder(name, bare) or _PLACEHOLDER.fullmatch(bare) is not None:
        return False
    if _GENERAL_KEY.search(name) is not None and _KNOWN_KEY.search(name) is None:
        return any(_is_mixed(run) for run in _RUN.findall(bare))
    if _TOKEN.search(name) is not None:
        return any(map(looks_random, bare.split()))
    return looks_random(bare)


def looks_random(value: str) -> bool:
    """Whether a value looks made by chance."""
    if len(value) < _SHORTEST_RANDOM or _NUMBER.fullmatch(value) is not None:
        return False
    return _bits(value) >= _RANDOM_BITS or any(map(str.isdigit, value))


def _is_folder(name: str, value: str) -> bool:
    """Whether `PWD` is where work is done."""
    is_path = _FOLDER.match(value) is not None and _ANOTHER.search(value) is None
    return is_path and _OF_FOLDER.search(name) is not None


def _is_mixed(run: str) -> bool:
    return _bits(run) >= _RANDOM_BITS and any(map(str.isdigit, run)) and any(map(str.isalpha, run))


def _bits(value: str) -> float:
    return -sum(count / len(value) * log2(count / len(value)) for count in Counter(value).values())


def _bare(value: str) -> str:
    """The value without the quotes it stands in."""
    inner = value.lstrip("\\")
    if inner[:1] in {'"', "'"}:
        return inner.strip(inner[0] + "\\")
    return value

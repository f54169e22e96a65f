"""What a checkpoint records of the world it was made in: named variables, versions of tools, digests of lock files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from recovery.adapters.tools import is_tool_name
from recovery.adapters.vault import DirectoryVault
from recovery.errors import InputError
from recovery.models.checkpoint import TOOL_PREFIX
from recovery.models.record import Record
from recovery.policy.secret_shapes import holds_secret

ENVIRONMENT_NAMES = ("RUNNER_OS", "RUNNER_ARCH", "~ImageOS", "~ImageVersion")
"""What every checkpoint records, beside what is asked for; never the whole environment."""

COMPATIBLE = "~"
MOST_NAMES = 100
"""Names that one checkpoint records: an allow-list is short."""

_READABLE = "checkpoints can be read by everyone who can read the repository"
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.()-]{0,127}")


class Surroundings(Record):
    """Variables and versions as they were at the checkpoint."""

    values: dict[str, str]
    compatible: tuple[str, ...]
    """Names among them that need to be compatible only when work continues; all others must be equal."""


def surroundings_of(vault: DirectoryVault, lines: Sequence[str]) -> Surroundings:
    """The environment context that the lines of the input `environment` ask for.

    Raises:
        InputError: a line is no name, a name or a value looks like a secret, or a tool is not there.
    """
    marked = dict(_marked(line) for line in (*ENVIRONMENT_NAMES, *lines))
    if len(marked) > MOST_NAMES:
        raise InputError(f"`environment` names {len(marked)} things", hint=f"name at most {MOST_NAMES}")
    values = vault.environment(tuple(marked))
    for name in marked:
        if name.startswith(TOOL_PREFIX) and name not in values:
            tool = name.removeprefix(TOOL_PREFIX)
            raise InputError(
                f"`environment`: {tool} is not on PATH, or tells no version",
                hint="set the tool up before the checkpoint, or leave it out",
            )
        if holds_secret(values.get(name, "")):
            raise InputError(
                f"`environment`: the value of {name} looks like a secret, and {_READABLE}", hint="leave it out"
            )
    return Surroundings(values=values, compatible=tuple(name for name in values if marked[name]))


def _marked(line: str) -> tuple[str, bool]:
    """A name, and whether what it names needs to be compatible only."""
    name = line.removeprefix(COMPATIBLE).strip()
    is_tool = name.startswith(TOOL_PREFIX)
    if not (is_tool_name(name.removeprefix(TOOL_PREFIX)) if is_tool else _VARIABLE.fullmatch(name)):
        raise InputError(
            f"`environment`: {line[:80]!r} names neither a variable nor a tool",
            hint="write NAME for a variable and tool:NAME for a tool, one a line, with `~` before it where a"
            " compatible one will do",
        )
    if not is_tool and _SECRET_NAME.search(name):
        raise InputError(f"`environment`: {name} looks like a secret, and {_READABLE}", hint="leave it out")
    return name, line.startswith(COMPATIBLE)


def may_be_recorded(name: str) -> bool:
    """Whether a checkpoint of ours could hold what this name stands for; no other may ask for it."""
    try:
        _marked(name)
    except InputError:
        return False
    return not name.startswith(COMPATIBLE)


def refuse_secrets(state: dict[str, Any]) -> None:
    """Check that a workflow's state holds nothing with the shape of a secret.

    Raises:
        InputError: it does; says under which key, and never what it is.
    """
    for key, value in state.items():
        if any(holds_secret(text) for text in _texts({key: value})):
            where = "a key" if holds_secret(key) else f"the value of {key[:80]!r}"
            raise InputError(
                f"`state`: {where} looks like it holds a secret, and {_READABLE}",
                hint="keep secrets out of the state; a job that continues can read them as this one did",
            )


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as fields:
                waiting += (*fields, *fields.values())
            case list() as items:
                waiting += items
            case _:
                continue

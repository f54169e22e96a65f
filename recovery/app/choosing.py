"""The files that a checkpoint is about: what the patterns choose, and what is left out and has to be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from pathlib import Path

from recovery.adapters.content.refusals import CREDENTIALS, TEMPORARY
from recovery.adapters.content.selection import Selection, select
from recovery.adapters.vault import DirectoryVault
from recovery.errors import InputError
from recovery.policy.file_names import STAGING_PREFIX

MOST_DEPENDENCIES = 1000
"""Files whose digests one checkpoint records; content belongs into `path`."""

_SHOWN = 5
"""Paths that a warning names; the others are counted."""


def chosen(
    workspace: Path, patterns: tuple[str, ...], source: str, variables: Mapping[str, str], own: Collection[Path]
) -> Selection | None:
    """What the patterns of the input `source` choose, never anything in `own`; None without patterns.

    Raises:
        InputError: a pattern leads out of the workspace or is none, or they choose nothing.
        StateError: a folder cannot be read.
    """
    if not patterns:
        return None
    temporary = variables.get("RUNNER_TEMP")
    return select(
        workspace,
        patterns,
        source=source,
        temporary=Path(temporary) if temporary else None,
        private=(*own, *workspace.glob(f"{STAGING_PREFIX}*")),
    )


def digests_of(vault: DirectoryVault, locks: Selection | None) -> dict[str, str]:
    """Digest of each lock file, by path; a folder means everything below it, a link what it points to.

    Raises:
        InputError: a pattern matches nothing, there are too many, none is a file, or a link leads to none of ours.
    """
    if locks is None:
        return {}
    if locks.unmatched:
        raise InputError(f"`dependencies`: {locks.unmatched[0]} matches no file in the workspace")
    if len(locks.found) > MOST_DEPENDENCIES:
        raise InputError(
            f"`dependencies` names {len(locks.found)} files",
            hint=f"name the lock files, at most {MOST_DEPENDENCIES}; content belongs into `path`",
        )
    digests = vault.digests([found.path for found in locks.found])
    if not digests:
        raise InputError(f"`dependencies`: {locks.found[0].path} is no file", hint="name the lock files themselves")
    for found in locks.found:
        if found.path not in digests and not Path(found.location).is_dir():
            raise InputError(
                f"`dependencies`: {found.path} leads to no file in the workspace", hint="name the file it stands for"
            )
    return digests


def left_out(selection: Selection | None, source: str) -> list[str]:
    """A warning for each reason why something was not taken that was meant."""
    if selection is None:
        return []
    warnings = [f"`{source}`: {pattern} matches nothing" for pattern in selection.unmatched]
    for reason, group in groupby(sorted(selection.left_out, key=lambda each: each.reason), lambda each: each.reason):
        paths = [each.path for each in group]
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        advice = "Name it literally to take it, or take it" if reason in {CREDENTIALS, TEMPORARY} else "Take it"
        warnings.append(
            f"`{source}`: left out because it {reason}: {', '.join(paths[:_SHOWN])}{more}. {advice} out with `!`."
        )
    return warnings

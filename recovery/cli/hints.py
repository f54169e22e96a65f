"""Hints as they help in a shell: the errors themselves speak of workflow files, where most of them occur."""

from __future__ import annotations

import re

from recovery.errors import AuthenticationError, RecoveryError

_PERMISSION = re.compile(r"add to the job, if it is missing: `permissions: ([^`]+)`")


def hint_of(error: RecoveryError) -> str | None:
    """What to change in this shell; None where there is nothing to say."""
    if isinstance(error, AuthenticationError):
        return "set GITHUB_TOKEN to a token that may read the repository; `gh auth token` prints one"
    return _PERMISSION.sub(r"the token in GITHUB_TOKEN needs the permission `\1`", error.hint) if error.hint else None

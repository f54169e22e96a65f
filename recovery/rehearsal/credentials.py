"""Tokens and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEVELS = {"none": 0, "read": 1, "write": 2}
# Every token of an installation may read a repository's metadata.
_ALWAYS = "metadata"


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a token may do: all, or what a job's `permissions:` name; and whose run it belongs to."""

    run_id: int | None = None
    permissions: Mapping[str, str] | None = None
    read_only: bool = False

    def allows(self, permission: str, caps: Mapping[str, str] | None = None) -> bool:
        """Whether one of the alternatives (`scope:level|scope:level`) is granted and not capped since."""
        return not permission or any(self._grants(choice, caps or {}) for choice in permission.split("|"))

    def _grants(self, permission: str, caps: Mapping[str, str]) -> bool:
        scope, level = permission.split(":")
        if scope == _ALWAYS:
            return True
        granted = "write" if self.permissions is None else self.permissions.get(scope, "none")
        limits = (granted, caps.get(scope, "write"), "read" if self.read_only else "write")
        return min(_LEVELS.get(limit, 0) for limit in limits) >= _LEVELS[level]


def accepted(permission: str) -> str:
    """The alternatives as the header `X-Accepted-GitHub-Permissions` spells them."""
    return "; ".join(choice.replace("-", "_").replace(":", "=") for choice in permission.split("|"))

"""What every part of a scenario is made of, and the words by which a request is recognised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Times = int | Literal["always"]


def kebab(name: str) -> str:
    """A field's name as scenario files spell it."""
    return name.replace("_", "-")


class Part(BaseModel):
    """A piece of a scenario file: strict, frozen, its keys in kebab-case, unknown keys refused."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", alias_generator=kebab, validate_by_name=True, validate_by_alias=True
    )


class Phase(StrEnum):
    """How far the asking run has come, as the server sees it.

    `plan` until it uploads its plan, `execute` until an effect of it is accepted, `report` from then on. A run that
    has uploaded nothing after an effect of another run was accepted is in `settle`.
    """

    PLAN = "plan"
    EXECUTE = "execute"
    REPORT = "report"
    SETTLE = "settle"


class Role(StrEnum):
    """Whose request it is: recovery's (also a token of no run) or that of the pipeline it watches."""

    RECOVERY = "recovery"
    PIPELINE = "pipeline"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One request as scenarios see it; `path` is what comes after `/repos/OWNER/NAME`, or the whole path."""

    method: str
    path: str
    phase: Phase
    role: Role


class Count(Part):
    """Which of the things that match: from the `nth` on, `times` of them."""

    nth: int = Field(default=1, ge=1)
    times: Times = 1

    @field_validator("times")
    @classmethod
    def _at_least_once(cls, value: Times) -> Times:
        if value != "always" and value < 1:
            raise ValueError("must be 1 or more, or `always`")
        return value

    def includes(self, number: int) -> bool:
        """Whether the match of this number, counted from 1, is meant."""
        return number >= self.nth and (self.times == "always" or number < self.nth + self.times)


class When(Count):
    """Requests by method, path (`*` is one part of it, `**` any number), phase and role."""

    method: str | None = Field(default=None, pattern="^[A-Z]+$")
    path: str = "**"
    phase: Phase | None = None
    run: Role | None = None

    def matches(self, moment: Moment) -> bool:
        """Whether a request is one of these, whatever its number."""
        return (
            self.method in (None, moment.method)
            and self.phase in (None, moment.phase)
            and self.run in (None, moment.role)
            and fits(self.path, moment.path)
        )


def fits(pattern: str, path: str) -> bool:
    """Whether a path is one that the pattern means."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)

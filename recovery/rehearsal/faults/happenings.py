"""What happens in the world at a given moment: people, time, and what befalls the asking process."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from recovery.rehearsal.faults.artifacts import (
    ArtifactPlanted,
    ArtifactsDeleted,
    ArtifactsExpired,
    ArtifactsRewritten,
    ArtifactsTampered,
    ArtifactsTruncated,
)
from recovery.rehearsal.faults.choosing import by_key
from recovery.rehearsal.faults.parts import Part, When


class HumanRerun(Part):
    """A person re-runs the run: its failed jobs, or all."""

    rerun: Literal["failed", "all"]


class HumanCancel(Part):
    """A person cancels the run, if it is active."""

    cancel: Literal[True]


class NewPush(Part):
    """A person pushes to the run's branch; the pull request's head moves on. The new commit's own run is not played."""

    push: Literal[True]


class PullRequestMoved(Part):
    """A person closes, merges or reopens the run's pull request."""

    pull_request: Literal["closed", "merged", "reopened"]


class PermissionsCapped(Part):
    """From now on no token has more than this in these scopes."""

    permissions: dict[str, Literal["none", "read", "write"]]


class CacheEvicted(Part):
    """Caches whose key fits the pattern are gone."""

    evict: str


class ClockShifted(Part):
    """GitHub's clock is so many seconds ahead of everybody else's (behind, if negative)."""

    clock: float = Field(ge=-10_000_000, le=10_000_000)


class Limits(Part):
    """Requests of an hour, and points of a minute for the secondary limit (none: off).

    `remaining` is what the running hour still allows; without `resets-after` the hour goes on as it is.
    """

    primary: int = Field(default=1_000, ge=0)
    remaining: int | None = Field(default=None, ge=0)
    resets_after: int | None = Field(default=None, ge=0)
    secondary: int | None = Field(default=None, ge=0)
    retry_after: int | None = Field(default=60, ge=0)


class LimitsChanged(Part):
    """The rate limits are others from now on."""

    limits: Limits


class Killed(Part):
    """The asking process is killed (`kill -9`); `before` its request, that never arrives."""

    kill: Literal["process"]


class DiskFull(Part):
    """The asking process cannot make any file larger than so many bytes any more."""

    disk_full: int = Field(ge=0)


_KINDS = (HumanRerun, HumanCancel, NewPush, PullRequestMoved, PermissionsCapped, CacheEvicted, ArtifactsExpired,
          ArtifactsDeleted, ArtifactsTampered, ArtifactsTruncated, ArtifactsRewritten, ArtifactPlanted,
          ClockShifted, LimitsChanged, Killed, DiskFull)  # fmt: skip

Deed = Annotated[
    Annotated[HumanRerun, Tag("rerun")]
    | Annotated[HumanCancel, Tag("cancel")]
    | Annotated[NewPush, Tag("push")]
    | Annotated[PullRequestMoved, Tag("pull-request")]
    | Annotated[PermissionsCapped, Tag("permissions")]
    | Annotated[CacheEvicted, Tag("evict")]
    | Annotated[ArtifactsExpired, Tag("expire")]
    | Annotated[ArtifactsDeleted, Tag("delete")]
    | Annotated[ArtifactsTampered, Tag("tamper")]
    | Annotated[ArtifactsTruncated, Tag("truncate")]
    | Annotated[ArtifactsRewritten, Tag("rewrite")]
    | Annotated[ArtifactPlanted, Tag("plant")]
    | Annotated[ClockShifted, Tag("clock")]
    | Annotated[LimitsChanged, Tag("limits")]
    | Annotated[Killed, Tag("kill")]
    | Annotated[DiskFull, Tag("disk-full")],
    Discriminator(by_key(*_KINDS)),
]


class Happening(Part):
    """Something happens before a request is looked at, after it was carried out, or at the very beginning."""

    before: When | None = None
    after: When | None = None
    do: Deed

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if self.before is not None and self.after is not None:
            raise ValueError("give `before` or `after`, not both")
        if self.before is None and self.after is None and isinstance(self.do, (Killed, DiskFull)):
            raise ValueError("give `before` or `after`: only a request tells which process is meant")
        return self

"""Events that come late, twice, in the wrong order or never; uploads that are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from recovery.rehearsal.faults.choosing import by_key
from recovery.rehearsal.faults.parts import Count, Part, fits


class EventWhen(Count):
    """`workflow_run` events, counted in the order in which runs complete, of every workflow or of one."""

    workflow: str | None = None

    def matches(self, workflow: str) -> bool:
        """Whether an event of this workflow is meant, whatever its number."""
        return self.workflow in (None, workflow)


class Lost(Part):
    """The event never arrives."""

    lost: Literal[True]


class Duplicated(Part):
    """The event arrives twice at once, and no concurrency group keeps its runs apart."""

    duplicated: Literal[True]


class Delayed(Part):
    """The event arrives so many seconds later."""

    delayed: float = Field(gt=0, le=600)


class Reordered(Part):
    """The event arrives after the next one, or when nothing else happens any more."""

    reordered: Literal[True]


EventDeed = Annotated[
    Annotated[Lost, Tag("lost")]
    | Annotated[Duplicated, Tag("duplicated")]
    | Annotated[Delayed, Tag("delayed")]
    | Annotated[Reordered, Tag("reordered")],
    Discriminator(by_key(Lost, Duplicated, Delayed, Reordered)),
]


class EventFault(Part):
    """Some events go wrong in one way."""

    when: EventWhen = EventWhen()
    do: EventDeed


class UploadWhen(Count):
    """Uploads of artifacts by name (`*` stands for anything)."""

    name: str = "*"

    def matches(self, name: str) -> bool:
        """Whether an upload under this name is meant, whatever its number."""
        return fits(self.name, name)


class RefusedUpload(Part):
    """The upload is refused: no storage left (`quota`), the name is taken (`conflict`), or trouble at GitHub."""

    refuse: Literal["quota", "conflict", "trouble"]


class UploadFault(Part):
    """Some uploads are refused."""

    when: UploadWhen = UploadWhen()
    do: RefusedUpload

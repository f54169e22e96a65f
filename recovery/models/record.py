"""What all records share: frozen, strict about unknown fields, times aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""An aware time in UTC; a naive one is taken to be UTC."""

Number = Annotated[int, Field(ge=0, lt=2**63)]
"""An id or a count of GitHub's; what a database's integer cannot hold is refused."""

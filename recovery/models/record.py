"""What all records share: frozen, strict about unknown fields, times aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the first and the last hours there are, told from far east or west
        raise ValueError("it is out of range in UTC") from error


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""An aware time in UTC; a naive one is taken to be UTC."""

Number = Annotated[int, Field(ge=0, lt=2**63)]
"""An id or a count of GitHub's; what a database's integer cannot hold is refused."""

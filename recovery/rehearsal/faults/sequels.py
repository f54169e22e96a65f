"""What people do once everything that came before has come to rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from recovery.rehearsal.faults.choosing import by_key
from recovery.rehearsal.faults.parts import Part


class Pushed(Part):
    """A person pushes a commit with these files, by path and text, to the default branch."""

    push: dict[str, str]


class Dispatched(Part):
    """A person starts the workflow of this file by hand, on the default branch."""

    dispatch: str = Field(min_length=1)
    inputs: dict[str, str] = Field(default_factory=dict)


Sequel = Annotated[
    Annotated[Pushed, Tag("push")] | Annotated[Dispatched, Tag("dispatch")], Discriminator(by_key(Pushed, Dispatched))
]


class Then(Part):
    """One thing that a person does."""

    do: Sequel

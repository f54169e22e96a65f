"""What befalls artifacts: they expire, get lost, are damaged or replaced, and strangers make some of the same name."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from recovery.rehearsal.faults.parts import Part


class ArtifactsExpired(Part):
    """Artifacts whose name fits the pattern expire."""

    expire: str


class ArtifactsDeleted(Part):
    """Artifacts whose name fits the pattern are deleted by a person."""

    delete: str


class ArtifactsTampered(Part):
    """A byte in the middle is another one, while the recorded digest stays."""

    tamper: str


class ArtifactsTruncated(Part):
    """The second half is not given out, while recorded digest and size stay."""

    truncate: str


class ArtifactsRewritten(Part):
    """A file in them is another one, and the recorded digest is that of the new zip: the work of who may upload.

    The file is a JSON object with other values for `fields`, or it has that `text`; with neither, it is missing.
    """

    rewrite: str
    member: str = "manifest.json"
    fields: dict[str, Any] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if self.fields is not None and self.text is not None:
            raise ValueError("give `fields` or `text`, not both")
        return self


class ArtifactPlanted(Part):
    """A run of another workflow, on the default branch, uploads an artifact of this name.

    `{run}` in it is the id of the run that is looked after. It holds the same as the newest artifact whose name fits
    `like`, but for these `files`.
    """

    plant: str = Field(min_length=1)
    like: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    workflow: str = "Somebody else's"


Harm = ArtifactsExpired | ArtifactsDeleted | ArtifactsTampered | ArtifactsTruncated | ArtifactsRewritten
"""What befalls artifacts that there are."""

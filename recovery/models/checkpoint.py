"""What a checkpoint is beyond the seed's columns: its particulars, its files and the packs that hold their content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from recovery.errors import CheckpointRejected
from recovery.models.record import Moment, Number, Record
from recovery.models.records import WorkflowCheckpoint

TABLE = "files.json.zst"
"""The file beside `manifest.json` that lists the files; `Content.table_digest` is the digest of its bytes."""

PACKS = "packs"
"""The folder beside `manifest.json` that holds the packs, each named `{digest}.zst`."""

TOOL_PREFIX = "tool:"
"""How the version of a tool is named in an environment context: `tool:python`."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A BLAKE3 digest of 32 bytes, in hexadecimal."""


class Pack(Record):
    """One zstd frame of many chunks, named by the digest of its stored bytes."""

    digest: Digest
    size: Number
    """Bytes as stored."""
    raw_size: Number
    """Bytes when decompressed: the chunks in it, one after the other."""


class Content(Record):
    """The summary of a checkpoint's files: everything else hangs on its digests."""

    format: Literal[1] = 1
    files: Number
    """Entries of the table: files, links and empty folders."""
    bytes: Number
    """Bytes of all files as they are restored."""
    table_digest: Digest
    table_size: Number
    """Bytes of the table as stored."""
    tree_digest: Digest
    """Digest over paths, kinds, modes, link targets and contents: equal for equal trees, whatever their times."""
    packs: tuple[Pack, ...] = ()
    """The packs in this checkpoint's own artifact."""
    base: str | None = None
    """Id of the one checkpoint whose packs are needed, too; None when this one is self-contained."""
    base_packs: tuple[Pack, ...] = ()
    """The packs of the base that are referred to, numbered on after `packs`."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of bytes inside a decompressed pack."""

    pack: int
    """Number of the pack: an index into `(*content.packs, *content.base_packs)`."""
    offset: int
    length: int
    digest: bytes
    """BLAKE3, 32 bytes, of the chunk's bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file (`f`), link (`l`) or empty folder (`d`), by its path below the root, with `/` between the parts."""

    path: str
    kind: str
    mode: int = 0o644
    """Permission bits, 0 to 0o777."""
    size: int = 0
    modified: int = 0
    """Time of the last change, nanoseconds since 1970; not part of the tree's digest."""
    target: str = ""
    """Where a link points, as it is written in it."""
    chunks: tuple[int, ...] = ()
    """Indexes into the table's chunks, in order."""


@dataclass(frozen=True, slots=True)
class FileTable:
    """Every entry of a checkpoint, sorted by path, and the chunks that their contents are made of."""

    entries: tuple[Entry, ...]
    chunks: tuple[Chunk, ...]


class CheckpointHealth(StrEnum):
    """What is known of a checkpoint's use, from best to worst: what is worse is never taken back."""

    UNKNOWN = "unknown"
    VALID = "valid"
    EXPIRED = "expired"
    PRUNED = "pruned"
    CORRUPT = "corrupt"

    @property
    def is_usable(self) -> bool:
        """Whether restoring from it may be tried."""
        return self in {CheckpointHealth.UNKNOWN, CheckpointHealth.VALID}


class Particulars(Record):
    """What a checkpoint's `metadata` tells, as far as this version knows it; anything else in it is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    attempt: int = Field(default=1, ge=1)
    job_id: str = ""
    """GitHub's id of the job that made it, as `job.check_run_id` tells it; empty when it does not."""
    job: str = ""
    """The job's key in the workflow (`GITHUB_JOB`)."""
    matrix: dict[str, Any] = Field(default_factory=dict)
    """The leg of the job's matrix; empty without one."""
    ref: str = ""
    event: str = ""
    job_status: str = ""
    done: tuple[str, ...] = ()
    """Names of the checkpoints that this job had made by then while nothing had failed, in order: the steps done."""
    compatible: tuple[str, ...] = ()
    """Names in the environment context that need to be compatible only; all others must be equal."""
    dependency_digests: dict[str, str] = Field(default_factory=dict)
    content: Content | None = None
    """None when the checkpoint holds state only."""
    artifact_id: Number | None = None
    """The artifact it was uploaded as; known once the artifact was seen in GitHub's list."""
    artifact_digest: str | None = None
    artifact_size: Number = 0
    run_conclusion: str | None = None
    """How the run that made it ended; known once it was ingested."""
    run_branch: str | None = None
    """The branch of that run as GitHub tells it; known once it was ingested."""
    expires_at: Moment | None = None
    """When GitHub deletes the artifact; known once it was ingested."""
    health: CheckpointHealth = CheckpointHealth.UNKNOWN
    health_detail: str = ""


def particulars_of(checkpoint: WorkflowCheckpoint) -> Particulars:
    """The particulars in a checkpoint's metadata.

    Raises:
        CheckpointRejected: they are not what this program, or a friendly one, writes.
    """
    try:
        return Particulars.model_validate(checkpoint.metadata, strict=False)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise CheckpointRejected(f"the metadata of {checkpoint.id} is damaged: {where}: {first['msg']}") from error


_ARTIFACT_NAME = re.compile(
    r"recovery-checkpoint\.(\d{1,19})\.(\d{1,4})\.(\d{1,19})\.([A-Za-z0-9][\w-]{0,63})\.(\w{4,16})", re.ASCII
)


class ArtifactName(Record):
    """The name of a checkpoint's artifact, which is never used twice."""

    run_id: int
    attempt: int
    job_id: int
    """0 where the runner did not tell it."""
    name: str
    nonce: str
    """The last characters of the checkpoint's id."""

    def __str__(self) -> str:
        return f"recovery-checkpoint.{self.run_id}.{self.attempt}.{self.job_id}.{self.name}.{self.nonce}"

    def names(self, checkpoint_id: str) -> bool:
        """Whether the artifact of this name may hold that checkpoint."""
        return checkpoint_id.endswith(self.nonce)


def parse_artifact_name(name: str) -> ArtifactName | None:
    """The parts of a checkpoint artifact's name; None when it is not one."""
    match = _ARTIFACT_NAME.fullmatch(name)
    if match is None:
        return None
    run_id, attempt, job_id, label, nonce = match.groups()
    return ArtifactName(run_id=int(run_id), attempt=int(attempt), job_id=int(job_id), name=label, nonce=nonce)

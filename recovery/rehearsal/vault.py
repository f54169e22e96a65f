"""Artifacts, with the rules of GitHub that a stand-in is tempted to forget; caches beside them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from recovery.rehearsal.caches import Caches
from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.records import Artifact, Run

DEFAULT_RETENTION_DAYS = 90
_ILLEGAL_IN_NAMES = frozenset('":<>|*?\r\n\\/')
REFUSED_UPLOADS: Mapping[str, Callable[[], Refused]] = {
    "quota": lambda: Refused(403, "Failed to CreateArtifact: Artifact storage quota has been hit. Unable to upload any "
                                  "new artifacts. Usage is recalculated every 6-12 hours."),
    "conflict": lambda: _conflict(),  # noqa: PLW0108 -- it is defined below
    "trouble": lambda: Refused(500, "Failed to CreateArtifact: Failed to make request after 5 attempts: (500) "
                                    "Internal Server Error"),
}  # fmt: skip


class Vault(Caches):
    """Every artifact and cache entry of one repository."""

    def __init__(
        self, clockwork: Clockwork, default_branch: str, refusal: Callable[[str], str | None] = lambda _name: None
    ) -> None:
        super().__init__(clockwork, default_branch)
        self._refusal = refusal
        self._artifacts: dict[int, Artifact] = {}
        self._hidden: set[int] = set()

    def upload(
        self,
        run: Run,
        name: str,
        content: bytes,
        *,
        retention_days: int = DEFAULT_RETENTION_DAYS,
        overwrite: bool = False,
        attempt: int | None = None,
    ) -> Artifact:
        """Keep a zip as an artifact of the run; a name is given once per run, whatever the attempt.

        Reports about re-used names in a later attempt contradict each other; this is the stricter reading.
        """
        if not name or _ILLEGAL_IN_NAMES.intersection(name):
            raise Refused(400, f"The artifact name is not valid: {name}")
        if refusal := self._refusal(name):
            raise REFUSED_UPLOADS[refusal]()
        at = self._clockwork.now()
        with self._clockwork.lock:
            for same in [one for one in self._artifacts.values() if (one.name, one.run_id) == (name, run.id)]:
                if not overwrite:
                    raise _conflict()
                del self._artifacts[same.id]
            artifact = Artifact(
                id=self._clockwork.next_id("artifact"),
                name=name,
                run_id=run.id,
                attempt=attempt or run.latest.number,
                content=content,
                digest=digest_of(content),
                created_at=at,
                expires_at=at + timedelta(days=min(max(retention_days, 1), DEFAULT_RETENTION_DAYS)),
                head_repository=run.head_repository,
                head_branch=run.head_branch,
                head_sha=run.head_sha,
            )
            self._artifacts[artifact.id] = artifact
        self._clockwork.tell("artifact-uploaded", name, run_id=run.id, attempt=artifact.attempt)
        return artifact

    def add_artifact(
        self,
        run: Run,
        name: str,
        files: Mapping[str, str | bytes],
        *,
        expired: bool = False,
        retention_days: int = DEFAULT_RETENTION_DAYS,
    ) -> Artifact:
        """Keep these files as an artifact of the run."""
        artifact = self.upload(run, name, zip_of(files), retention_days=retention_days)
        return self.expire(artifact.id) if expired else artifact

    def expire(self, artifact_id: int) -> Artifact:
        """Make an artifact expire: it stays listed, its content answers 410."""
        with self._clockwork.lock:
            self._artifacts[artifact_id] = replace(self.artifact(artifact_id), expired=True)
            return self._artifacts[artifact_id]

    def spoil(self, artifact_id: int, content: bytes) -> None:
        """Give out something else than what was uploaded; digest and size stay on record."""
        with self._clockwork.lock:
            self._artifacts[artifact_id] = replace(self.artifact(artifact_id), spoiled=content)

    def replace(self, artifact_id: int, content: bytes) -> None:
        """Let an artifact be another one, as if this had been uploaded."""
        with self._clockwork.lock:
            self._artifacts[artifact_id] = replace(
                self.artifact(artifact_id), content=content, spoiled=None, digest=digest_of(content)
            )

    def artifacts(self, *, name: str | None = None, run_id: int | None = None) -> list[Artifact]:
        """The artifacts of that exact name and run, newest first."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            found = [
                replace(artifact, expired=artifact.expired or artifact.expires_at <= at)
                for artifact in self._artifacts.values()
                if artifact.id not in self._hidden
                and name in (None, artifact.name)
                and run_id in (None, artifact.run_id)
            ]
        return sorted(found, key=lambda artifact: artifact.id, reverse=True)

    def artifact(self, artifact_id: int) -> Artifact:
        """The artifact of that id, or a 404."""
        for artifact in self.artifacts():
            if artifact.id == artifact_id:
                return artifact
        raise Refused(404, "Not Found")

    def hide(self, run_id: int) -> None:
        """Let a run's artifacts so far be found by nobody, as after a re-run of all its jobs.

        What becomes of them is not documented; that neither lists nor ids give them any more is the worst that was
        reported. Their names stay taken. A re-run of failed jobs only leaves them where they are.
        """
        with self._clockwork.lock:
            self._hidden.update(one.id for one in self._artifacts.values() if one.run_id == run_id)

    def delete_artifact(self, artifact_id: int) -> None:
        """Forget an artifact, or 404."""
        with self._clockwork.lock:
            self.artifact(artifact_id)
            del self._artifacts[artifact_id]


def digest_of(content: bytes) -> str:
    """The digest that GitHub records of a zip."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _conflict() -> Refused:
    return Refused(409, "an artifact with this name already exists on the workflow run")


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()

"""Artifacts and caches, with the rules of GitHub that a stand-in is tempted to forget."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.records import Artifact, CacheEntry, Run

DEFAULT_RETENTION_DAYS = 90
_ILLEGAL_IN_NAMES = frozenset('":<>|*?\r\n\\/')
# The events whose runs may write the default branch's caches; every other trigger there only restores.
_CACHE_WRITERS = frozenset(
    {"push", "schedule", "workflow_dispatch", "repository_dispatch", "delete", "registry_package", "page_build"}
)
_BRANCH_SCOPED = frozenset({"pull_request"})


class Vault:
    """Every artifact and cache entry of one repository."""

    def __init__(self, clockwork: Clockwork, default_branch: str) -> None:
        self._clockwork = clockwork
        self._default_branch = default_branch
        self._artifacts: dict[int, Artifact] = {}
        self._caches: dict[int, CacheEntry] = {}

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
        at = self._clockwork.now()
        with self._clockwork.lock:
            for same in self.artifacts(name=name, run_id=run.id):
                if not overwrite:
                    raise Refused(409, "an artifact with this name already exists on the workflow run")
                del self._artifacts[same.id]
            artifact = Artifact(
                id=self._clockwork.next_id("artifact"),
                name=name,
                run_id=run.id,
                attempt=attempt or run.latest.number,
                content=content,
                digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
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

    def artifacts(self, *, name: str | None = None, run_id: int | None = None) -> list[Artifact]:
        """The artifacts of that exact name and run, newest first."""
        at = self._clockwork.now()
        with self._clockwork.lock:
            found = [
                replace(artifact, expired=artifact.expired or artifact.expires_at <= at)
                for artifact in self._artifacts.values()
                if name in (None, artifact.name) and run_id in (None, artifact.run_id)
            ]
        return sorted(found, key=lambda artifact: artifact.id, reverse=True)

    def artifact(self, artifact_id: int) -> Artifact:
        """The artifact of that id, or a 404."""
        for artifact in self.artifacts():
            if artifact.id == artifact_id:
                return artifact
        raise Refused(404, "Not Found")

    def delete_artifact(self, artifact_id: int) -> None:
        """Forget an artifact, or 404."""
        with self._clockwork.lock:
            self.artifact(artifact_id)
            del self._artifacts[artifact_id]

    def add_cache(
        self,
        key: str,
        content: bytes = b"",
        *,
        ref: str | None = None,
        version: str = "v1",
        created_at: datetime | None = None,
    ) -> CacheEntry:
        """Keep a cache entry in the scope `ref`; an entry is written once."""
        ref = ref or f"refs/heads/{self._default_branch}"
        at = created_at or self._clockwork.now()
        with self._clockwork.lock:
            if any((old.key, old.version, old.ref) == (key, version, ref) for old in self._caches.values()):
                raise Refused(409, f"Unable to reserve cache with key {key}, another job may be creating this cache.")
            entry = CacheEntry(
                id=self._clockwork.next_id("cache"),
                key=key,
                version=version,
                ref=ref,
                content=content,
                created_at=at,
                last_accessed_at=at,
            )
            self._caches[entry.id] = entry
            return entry

    def save_cache(self, run: Run, key: str, version: str, content: bytes) -> CacheEntry:
        """Save on behalf of a run: refused where GitHub hands out a read-only cache token.

        GitHub lets some `workflow_run` runs write (after a scheduled run, or with `cache-mode: write` declared); only
        the plain rule is imitated.
        """
        if run.event not in _CACHE_WRITERS | _BRANCH_SCOPED:
            raise Refused(403, f"cache write denied: the cache is read-only for event {run.event}")
        return self.add_cache(key, content, ref=cache_scope(run), version=version)

    def find_cache(self, run: Run, keys: list[str], version: str) -> CacheEntry | None:
        """The entry a restore gets: exact key, then each key as a prefix, newest created first, own scope first."""
        scopes = dict.fromkeys((cache_scope(run), f"refs/heads/{self._default_branch}"))
        with self._clockwork.lock:
            for scope in scopes:
                here = [entry for entry in self.caches(ref=scope) if entry.version == version]
                exact = [entry for entry in here if keys and entry.key == keys[0]]
                prefixed = [entry for key in keys for entry in here if entry.key.startswith(key)]
                for entry in (*exact, *prefixed):
                    self._caches[entry.id] = replace(entry, last_accessed_at=self._clockwork.now())
                    return self._caches[entry.id]
        return None

    def caches(self, *, key: str = "", ref: str | None = None) -> list[CacheEntry]:
        """The entries whose key starts so, newest created first."""
        with self._clockwork.lock:
            found = [entry for entry in self._caches.values() if entry.key.startswith(key) and ref in (None, entry.ref)]
        return sorted(found, key=lambda entry: (entry.created_at, entry.id), reverse=True)

    def delete_cache(self, cache_id: int) -> None:
        """Forget a cache entry, or 404."""
        with self._clockwork.lock:
            if self._caches.pop(cache_id, None) is None:
                raise Refused(404, "Not Found")


def cache_scope(run: Run) -> str:
    """The scope a run saves in and restores from first."""
    if run.event == "pull_request":
        number = run.payload.get("number", 0)
        return f"refs/pull/{number}/merge"
    return f"refs/heads/{run.head_branch}"


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()

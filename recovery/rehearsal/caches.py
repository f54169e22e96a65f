"""Caches: written once, found by prefix, seen from few places, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from recovery.rehearsal.clockwork import Clockwork, Refused
from recovery.rehearsal.records import CacheEntry, Run
from recovery.rehearsal.workflow import jobs_of, parse

# The events whose runs may write the default branch's caches; every other trigger there only restores.
_WRITERS = frozenset(
    {"push", "schedule", "workflow_dispatch", "repository_dispatch", "delete", "registry_package", "page_build"}
)
_BRANCH_SCOPED = frozenset({"pull_request"})
_UNUSED = timedelta(days=7)
_STORAGE_BYTES = 10 * 1024**3


class Caches:
    """Every cache entry of one repository; `cache_storage_bytes` is how much is kept before the least used goes."""

    def __init__(self, clockwork: Clockwork, default_branch: str) -> None:
        self.cache_storage_bytes = _STORAGE_BYTES
        self._clockwork = clockwork
        self._default_branch = default_branch
        self._caches: dict[int, CacheEntry] = {}

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
            if any((old.key, old.version, old.ref) == (key, version, ref) for old in self._kept()):
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
            self._evict(besides=entry.id)
            return entry

    def save_cache(self, run: Run, key: str, version: str, content: bytes) -> CacheEntry:
        """Save on behalf of a run: refused where GitHub hands out a read-only cache token.

        GitHub also lets some `workflow_run` runs write, like those after a scheduled run; only the plain rule is
        imitated, and `cache-mode` where the workflow or one of its jobs declares it.
        """
        mode = _declared_mode(run)
        if mode in ("read", "none") or (mode is None and run.event not in _WRITERS | _BRANCH_SCOPED):
            raise Refused(403, f"cache write denied: the cache is read-only for event {run.event}")
        return self.add_cache(key, content, ref=cache_scope(run), version=version)

    def find_cache(self, run: Run, keys: list[str], version: str) -> CacheEntry | None:
        """The entry a restore gets: exact key, then each key as a prefix, newest created first.

        Looked for in the run's own scope, then in a pull request's base branch, then in the default branch.
        """
        if _declared_mode(run) in ("write-only", "none"):
            return None
        with self._clockwork.lock:
            for scope in self._scopes(run):
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
            found = [entry for entry in self._kept() if entry.key.startswith(key) and ref in (None, entry.ref)]
        return sorted(found, key=lambda entry: (entry.created_at, entry.id), reverse=True)

    def delete_cache(self, cache_id: int) -> None:
        """Forget a cache entry, or 404."""
        with self._clockwork.lock:
            if self._caches.pop(cache_id, None) is None:
                raise Refused(404, "Not Found")

    def _scopes(self, run: Run) -> Sequence[str]:
        base = ((run.payload.get("pull_request") or {}).get("base") or {}).get("ref")
        names = [cache_scope(run), *([f"refs/heads/{base}"] if base else []), f"refs/heads/{self._default_branch}"]
        return list(dict.fromkeys(names))

    def _kept(self) -> list[CacheEntry]:
        """What was used within seven days; the rest is gone."""
        oldest = self._clockwork.now() - _UNUSED
        self._caches = {key: entry for key, entry in self._caches.items() if entry.last_accessed_at > oldest}
        return list(self._caches.values())

    def _evict(self, *, besides: int) -> None:
        """Drop what was used longest ago until all fits; the entry that was just written stays."""
        oldest_first = sorted(self._caches.values(), key=lambda entry: (entry.last_accessed_at, entry.id))
        size = sum(len(entry.content) for entry in oldest_first)
        for entry in oldest_first:
            if size <= self.cache_storage_bytes:
                return
            if entry.id != besides:
                del self._caches[entry.id]
                size -= len(entry.content)


def cache_scope(run: Run) -> str:
    """The scope a run saves in and restores from first."""
    if run.event == "pull_request":
        number = run.payload.get("number", 0)
        return f"refs/pull/{number}/merge"
    return run.ref


def _declared_mode(run: Run) -> str | None:
    """`cache-mode` of the workflow, or of the first job that declares one; a run has one cache token here."""
    document = parse(run.workflow.text)
    declared = [document.get("cache-mode"), *(job.get("cache-mode") for job in jobs_of(document).values())]
    return next((str(mode) for mode in declared if mode), None)

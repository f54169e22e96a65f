"""The artifacts of one repository: their lists, what is in them, and their end."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from recovery.adapters.github.archive import BadArchive, member, members
from recovery.adapters.github.client import Client, Params
from recovery.adapters.github.convert import artifact_from
from recovery.adapters.github.downloads import Chunks, Downloads
from recovery.adapters.github.ranged import RangedFile
from recovery.errors import ArtifactDamaged, ForgeRefused
from recovery.models.github import Artifact

ZIP_LIMIT = 32 * 1024 * 1024
"""Bytes of an artifact's zip that are taken into memory, whether in one piece or in parts."""

IN_PARTS_FROM = 1024 * 1024
"""Bytes of an artifact from which on a file in it is read in parts."""

DOWNLOAD_LIMIT = 20 * 1024**3
"""Bytes of an artifact that are written to a file."""

SLACK = 64 * 1024
"""Bytes that a download may have more than GitHub says, before it is given up without a look at its digest."""

MOST_PAGES = 20
"""Pages of the repository's artifacts read in one search."""

_GONE = frozenset({404, 410})
_SHA256 = "sha256:"


class Artifacts:
    """What a forge knows of artifacts; `root` is the repository's address."""

    def __init__(self, client: Client, downloads: Downloads, root: str) -> None:
        self._client = client
        self._downloads = downloads
        self._root = root

    def named(self, name: str, since: datetime | None) -> tuple[Artifact, ...]:
        """The repository's artifacts of exactly this name, newest first; one request per 100, up to the first older."""
        pages = self._pages("artifacts", since, {"name": name})
        return _newest_first(artifact for page in pages for artifact in page if artifact.name == name)

    def since(self, since: datetime, limit: int) -> tuple[Artifact, ...]:
        """The repository's artifacts made since then, newest first; one request per 100, up to the first older one.

        Artifacts of forks are left out and do not count, but pages are: a crowd of them ends the search.
        """
        found: list[Artifact] = []
        for page in islice(self._pages("artifacts", since), MOST_PAGES):
            found += [artifact for artifact in page if artifact.repository_id == artifact.head_repository_id]
            if len(found) >= limit:
                break
        return _newest_first(found)[:limit]

    def of_run(self, run_id: int) -> tuple[Artifact, ...]:
        """The artifacts of one run, newest first; one request per 100."""
        return _newest_first(artifact for page in self._pages(f"runs/{run_id}/artifacts") for artifact in page)

    def file(self, artifact: Artifact, name: str) -> bytes | None:
        """One file out of an artifact's zip; one request, and one download or, of a large one, one for each part."""
        what = _named(artifact)
        _require_content(artifact, what)
        try:
            if artifact.size_in_bytes < IN_PARTS_FROM:
                return member(self._whole(artifact, what), name)
            return member(self._in_parts(self._address(artifact), artifact, what), name)
        except BadArchive as error:
            raise ArtifactDamaged(f"{what} was not read: {error}") from error

    def files(self, artifact: Artifact, ending: str) -> tuple[bytes, ...]:
        """Every file in an artifact's zip whose name ends so; one request and one download."""
        what = _named(artifact)
        _require_content(artifact, what)
        try:
            return members(self._whole(artifact, what), ending)
        except BadArchive as error:
            raise ArtifactDamaged(f"{what} was not read: {error}") from error

    def _whole(self, artifact: Artifact, what: str) -> io.BytesIO:
        content = self._downloads.fetch(self._address(artifact), what, lambda chunks: _bounded(chunks, what))
        _compare(artifact, hashlib.sha256(content).hexdigest(), what)
        return io.BytesIO(content)

    def _in_parts(self, url: str, artifact: Artifact, what: str) -> RangedFile:
        return RangedFile(
            lambda start, length: self._downloads.part(url, what, start, length, most=ZIP_LIMIT),
            size=artifact.size_in_bytes,
            most=ZIP_LIMIT,
        )

    def download(self, artifact: Artifact, into: BinaryIO) -> None:
        """Stream an artifact's zip into a file, which is emptied first; one request and one download."""
        what = _named(artifact)
        _require_content(artifact, what)
        if artifact.size_in_bytes > DOWNLOAD_LIMIT:
            raise ForgeRefused(f"{what} is larger than the {DOWNLOAD_LIMIT // 1024**3} GB that are downloaded")
        most = artifact.size_in_bytes + SLACK
        digest = self._downloads.fetch(self._address(artifact), what, lambda chunks: _written(chunks, into, most, what))
        _compare(artifact, digest, what)

    def delete(self, artifact_id: int) -> None:
        """Delete an artifact, or find it gone; one request."""
        try:
            self._client.ask("DELETE", f"{self._root}/actions/artifacts/{artifact_id}", expect=204)
        except ForgeRefused as error:
            if error.status not in _GONE:
                raise

    def _address(self, artifact: Artifact) -> str:
        return self._client.location(f"{self._root}/actions/artifacts/{artifact.id}/zip")

    def _pages(
        self, where: str, since: datetime | None = None, params: Params | None = None
    ) -> Iterator[list[Artifact]]:
        """Pages of artifacts made since then, newest first, each requested when it is taken."""
        for page in self._client.pages(artifact_from, f"{self._root}/actions/{where}", params, under="artifacts"):
            known = [artifact for artifact in page if artifact is not None]
            yield [artifact for artifact in known if since is None or artifact.created_at >= since]
            if since is not None and known and known[-1].created_at < since:
                return


def _newest_first(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    return tuple(sorted(artifacts, key=lambda artifact: (artifact.created_at, artifact.id), reverse=True))


def _named(artifact: Artifact) -> str:
    return f"artifact {artifact.name!r} (id {artifact.id})"


def _require_content(artifact: Artifact, what: str) -> None:
    if artifact.expired:
        raise ForgeRefused(f"{what} has expired", hint="raise `retention-days` where it is uploaded", status=410)


def _compare(artifact: Artifact, found: str, what: str) -> None:
    """Compare digests, where GitHub gives one of the kind that is known."""
    recorded = (artifact.digest or "").lower()
    if recorded.startswith(_SHA256) and recorded != f"{_SHA256}{found}":
        raise ArtifactDamaged(f"{what} is not what was uploaded: {recorded} expected, {_SHA256}{found} found")


def _bounded(chunks: Chunks, what: str) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > ZIP_LIMIT:
            raise ForgeRefused(f"{what} is larger than the {ZIP_LIMIT // 1024**2} MB that are read")
    return bytes(content)


def _written(chunks: Chunks, into: BinaryIO, most: int, what: str) -> str:
    """Write a download into a file from its beginning, and give its SHA-256."""
    into.seek(0)
    into.truncate()
    digest = hashlib.sha256()
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise ArtifactDamaged(f"{what} is larger than GitHub says")
        digest.update(chunk)
        into.write(chunk)
    into.flush()
    return digest.hexdigest()

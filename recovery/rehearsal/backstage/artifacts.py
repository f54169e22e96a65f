"""What `actions/upload-artifact` and `actions/download-artifact` do, by the world's rules."""

from __future__ import annotations

import fnmatch
import io
import zipfile
from pathlib import Path

from recovery.rehearsal.backstage.globs import Found, find
from recovery.rehearsal.backstage.stage import Performance, Result, failure
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.records import Artifact
from recovery.rehearsal.vault import DEFAULT_RETENTION_DAYS, digest_of

_LEVELS = frozenset("0123456789")


def upload(performance: Performance) -> Result:
    """Zip the files the patterns mean and keep them."""
    name = performance.text("name", "artifact")
    found = find(performance, performance.lines("path"), include_hidden=performance.flag("include-hidden-files"))
    if not found.files:
        return _nothing_found(performance)
    retention, level = performance.text("retention-days", "0"), performance.text("compression-level", "6")
    if not retention.isdigit():
        return failure("Invalid retention-days")
    if level not in _LEVELS:
        return failure("Invalid compression-level")
    try:
        artifact = performance.world.vault.upload(
            performance.run,
            name,
            _zip(found, int(level)),
            attempt=performance.attempt,
            overwrite=performance.flag("overwrite"),
            retention_days=int(retention) or DEFAULT_RETENTION_DAYS,
        )
    except Refused as refusal:
        if refusal.status == 409:
            return failure(
                "Failed to CreateArtifact: Received non-retryable error: "
                f"Failed request: (409) Conflict: {refusal.message}"
            )
        return failure(refusal.message)
    url = f"actions/runs/{performance.run.id}/artifacts/{artifact.id}"
    return Result(
        lines=(
            f"With the provided path, there will be {len(found.files)} file(s) uploaded",
            f"Artifact {name} has been successfully uploaded! Final size is {len(artifact.content)} bytes. "
            f"Artifact ID is {artifact.id}",
        ),
        outputs={
            "artifact-id": str(artifact.id),
            "artifact-url": url,
            "artifact-digest": artifact.digest.removeprefix("sha256:"),
        },
    )


def _nothing_found(performance: Performance) -> Result:
    text = f"No files were found with the provided path: {performance.text('path')}. No artifacts will be uploaded."
    match performance.text("if-no-files-found", "warn"):
        case "error":
            return failure(text)
        case "ignore":
            return Result(lines=(text,))
        case _:
            return Result(lines=(f"::warning::{text}",))


def _zip(found: Found, level: int) -> bytes:
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as archive:
        for file in found.files:
            archive.write(file, file.relative_to(found.root).as_posix())
    return buffer.getvalue()


def download(performance: Performance) -> Result:
    """Unpack artifacts of this run, or of another one that `run-id` and `github-token` name."""
    target = performance.place(performance.text("path", "."))
    try:
        chosen = _chosen(performance)
    except Refused as refusal:
        return failure(refusal.message)
    single = bool(performance.text("name")) or (
        len(performance.text("artifact-ids").split(",")) == 1 and bool(performance.text("artifact-ids"))
    )
    strict = performance.text("digest-mismatch", "error") == "error"
    for artifact in chosen:
        if strict and artifact.digest != digest_of(artifact.served):
            return failure(f"Artifact download failed: digest validation failed for {artifact.name}")
        folder = target if single or performance.flag("merge-multiple") else target / artifact.name
        _unpack(artifact, folder)
    lines = [f"Found {len(chosen)} artifact(s)", *(f"Artifact {artifact.name} was downloaded" for artifact in chosen)]
    return Result(lines=tuple(lines), outputs={"download-path": str(target)})


def _chosen(performance: Performance) -> list[Artifact]:
    newest: dict[str, Artifact] = {}
    for artifact in performance.world.vault.artifacts(run_id=_source(performance)):
        if not artifact.expired:
            newest.setdefault(artifact.name, artifact)
    ids = [part.strip() for part in performance.text("artifact-ids").split(",") if part.strip()]
    name, pattern = performance.text("name"), performance.text("pattern")
    if ids:
        return [artifact for artifact in newest.values() if str(artifact.id) in ids]
    if name:
        if name not in newest:
            raise Refused(404, f"Unable to download artifact(s): Artifact not found for name: {name}")
        return [newest[name]]
    return [artifact for artifact in newest.values() if fnmatch.fnmatchcase(artifact.name, pattern or "*")]


def _source(performance: Performance) -> int:
    """The run to download from; another one than its own takes a token that may read actions."""
    token, run_id = performance.text("github-token"), performance.text("run-id")
    if not token or not run_id:
        return performance.run.id
    credential = performance.world.credentials.get(token)
    if credential is None or not credential.allows("actions:read"):
        raise Refused(403, "Unable to download artifact(s): Resource not accessible by integration")
    return performance.world.runs.get(int(run_id)).id


def _unpack(artifact: Artifact, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(artifact.served)) as archive:
        archive.extractall(folder)

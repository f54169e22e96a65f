"""What `actions/cache`, `actions/cache/restore` and `actions/cache/save` do, by the world's rules."""

from __future__ import annotations

import copy
import hashlib
import io
import tarfile
from pathlib import Path

from recovery.rehearsal.backstage.globs import find
from recovery.rehearsal.backstage.stage import Performance, Result, failure
from recovery.rehearsal.clockwork import Refused

_MAXIMUM_KEY_LENGTH = 512


def restore(performance: Performance) -> Result:
    """Unpack the entry of the key or of the best restore key; a miss is no failure unless asked for."""
    key = performance.text("key")
    keys = [key, *performance.lines("restore-keys")]
    if problem := _problem(keys):
        return failure(problem)
    entry = performance.world.vault.find_cache(performance.run, keys, _version(performance))
    state = {"primary-key": key, "matched-key": entry.key if entry else ""}
    if entry is None:
        text = f"Cache not found for input keys: {', '.join(keys)}"
        if performance.flag("fail-on-cache-miss"):
            return failure(f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {key}")
        return Result(lines=(text,), outputs={"cache-primary-key": key}, state=state)
    if not performance.flag("lookup-only"):
        _unpack(performance, entry.content)
    hit = "true" if entry.key == key else "false"
    return Result(
        lines=(f"Cache restored from key: {entry.key}",),
        state=state,
        outputs={"cache-hit": hit, "cache-primary-key": key, "cache-matched-key": entry.key},
    )


def save(performance: Performance) -> Result:
    """Pack the paths under the key; a refusal is a warning and the step stays green, as on GitHub."""
    key = performance.text("key")
    if problem := _problem([key]):
        return Result(lines=(f"::warning::{problem}",))
    paths = [path for path in _paths(performance) if path.exists()]
    if not paths:
        return Result(
            lines=(
                "::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist, "
                "hence no cache is being saved.",
            )
        )
    content = _pack(performance, paths)
    try:
        entry = performance.world.vault.save_cache(performance.run, key, _version(performance), content)
    except Refused as refusal:
        lines = (f"Failed to save: {refusal.message}", "::warning::Cache save failed.")
        return Result(lines=(f"::warning::{refusal.message}",) if refusal.status == 403 else lines)
    return Result(lines=(f"Cache saved with key: {entry.key}",))


def save_unless_hit(performance: Performance) -> Result:
    """The post step of `actions/cache`: save unless the exact key was restored.

    `act` runs it on failed jobs too, where GitHub does not; a workflow that relies on that looks greener here.
    """
    key = performance.state.get("primary-key", "")
    if performance.state.get("matched-key") == key:
        return Result(lines=(f"Cache hit occurred on the primary key {key}, not saving cache.",))
    return save(performance)


def _paths(performance: Performance) -> list[Path]:
    paths: dict[Path, None] = {}
    for pattern in performance.lines("path"):
        if any(sign in pattern for sign in "*?["):
            paths |= dict.fromkeys(find(performance, [pattern], include_hidden=True).files)
        else:
            paths[performance.place(pattern)] = None
    return list(paths)


def _pack(performance: Performance, paths: list[Path]) -> bytes:
    """A tar of the paths, named after the root they lie under: every job of `act` has its own workspace."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for path in paths:
            for name, root in _roots(performance).items():
                if path.is_relative_to(root):
                    archive.add(path, f"{name}/{path.relative_to(root)}")
                    break
    return buffer.getvalue()


def _unpack(performance: Performance, content: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        # Our own archive comes out as it was packed; Python before 3.11.4 knows no filters and does that anyway.
        archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        for member in archive.getmembers():
            name, _, rest = member.name.partition("/")
            placed = copy.copy(member)
            placed.name = rest or "."
            archive.extract(placed, _roots(performance)[name])


def _roots(performance: Performance) -> dict[str, Path]:
    """The folders GitHub's runner has in the same place in every job, by the name they get in an archive."""
    return {
        "workspace": performance.workspace,
        "temp": performance.temp,
        "home": performance.home,
        "root": Path("/"),
    }


def _version(performance: Performance) -> str:
    """What must be equal in save and restore besides the key: the `path` input as written.

    `runner.temp` and the workspace are elsewhere in every job of `act`, so they count by name.
    """
    text = "|".join(performance.lines("path"))
    for name, root in _roots(performance).items():
        if root != Path("/"):
            text = text.replace(str(root), f"<{name}>")
    return hashlib.sha256(text.encode()).hexdigest()


def _problem(keys: list[str]) -> str | None:
    for key in keys:
        if not key:
            return "Input required and not supplied: key"
        if len(key) > _MAXIMUM_KEY_LENGTH:
            return f"Key Validation Error: {key} cannot be larger than {_MAXIMUM_KEY_LENGTH} characters."
        if "," in key:
            return f"Key Validation Error: {key} cannot contain commas."
    return "Key Validation Error: Keys are limited to a maximum of 10." if len(keys) > 10 else None

"""Checkpoints in words: listed, shown, compared, verified, pruned; what they say is strangers' text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recovery.models.catalogue import Change, Comparison, Fate, health_of, left_out_of, readable_particulars
from recovery.models.checkpoint import CheckpointHealth, Content
from recovery.models.records import WorkflowCheckpoint
from recovery.render import plain
from recovery.render.lines import Line, Style, table
from recovery.render.words import moment, plural

MOST_CHANGES = 200
"""Changes of one kind that are listed for people; the JSON has all."""

_STYLES: dict[CheckpointHealth, Style] = {CheckpointHealth.VALID: "good", CheckpointHealth.CORRUPT: "bad"}
_KINDS: dict[str, tuple[Style, str]] = {
    "added": ("good", "+"),
    "removed": ("bad", "-"),
    "changed": ("quote", "~"),
    "mode": ("quote", "m"),
}


def size(count: int) -> str:
    """A number of bytes in few digits: `950 B`, `1.2 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def list_lines(checkpoints: Sequence[WorkflowCheckpoint], *, on_record: int = 0) -> Iterator[Line]:
    """A line for each checkpoint, in the order given; `on_record` is how many there are that nobody asked for, too."""
    if not checkpoints and on_record:
        yield Line("info", f"None of the {plural(on_record, 'checkpoint')} on record matches.")
        return
    if not checkpoints:
        yield Line("info", "No checkpoint is on record here. `recovery sweep` takes in those of completed runs.")
        return
    rows: list[tuple[str, ...]] = [("made", "checkpoint", "workflow", "job", "name", "of a", "run", "size", "health")]
    rows += [_row(checkpoint) for checkpoint in checkpoints]
    heading, *lines = table(rows, indent="")
    yield Line("time", heading)
    for checkpoint, line in zip(checkpoints, lines, strict=True):
        yield Line(_STYLES.get(health_of(checkpoint), "info"), line)


def _row(checkpoint: WorkflowCheckpoint) -> tuple[str, ...]:
    particulars = readable_particulars(checkpoint)
    held = size(particulars.artifact_size) if particulars and particulars.artifact_id else ""
    run = f"{checkpoint.run_id}.{particulars.attempt}" if particulars else checkpoint.run_id
    return (
        moment(checkpoint.created_at),
        checkpoint.id,
        checkpoint.workflow_name,
        _job(particulars.job, particulars.matrix) if particulars else "",
        checkpoint.checkpoint_name,
        checkpoint.checkpoint_type,
        run,
        held,
        health_of(checkpoint).value,
    )


def show_lines(checkpoint: WorkflowCheckpoint) -> Iterator[Line]:
    """One checkpoint with all that is on record about it."""
    particulars = readable_particulars(checkpoint)
    health = health_of(checkpoint)
    yield Line("time", f"Checkpoint {plain.line(checkpoint.id)}")
    rows = [
        ("repository", checkpoint.repository),
        ("workflow", checkpoint.workflow_name),
        ("run", checkpoint.run_id),
        ("commit", checkpoint.commit_sha),
        ("name", f"{checkpoint.checkpoint_name} (of a {checkpoint.checkpoint_type})"),
        ("made", moment(checkpoint.created_at)),
        ("health", health.value),
    ]
    if particulars is not None:
        rows += [("why", particulars.health_detail)] if particulars.health_detail else []
        rows += [("attempt", str(particulars.attempt)), ("job", _job(particulars.job, particulars.matrix))]
        rows += [("done by then", ", ".join(particulars.done))] if particulars.done else []
        rows += _artifact(particulars.artifact_id, particulars.artifact_size, particulars.artifact_digest)
        rows += [("run ended in", particulars.run_conclusion)] if particulars.run_conclusion else []
        rows += _content(particulars.content)
    left_out = ", ".join(left_out_of(checkpoint))
    rows += [("not on record", f"{left_out}: too large; the artifact holds all")] if left_out else []
    yield from (Line("info", text) for text in table(rows))
    digests = particulars.dependency_digests if particulars else {}
    yield from _section("Environment", checkpoint.environment_context)
    yield from _section("Dependencies", dict.fromkeys(checkpoint.dependencies, "") | digests)
    yield from _section("State", checkpoint.workflow_state)


def _job(job: str, matrix: Mapping[str, Any]) -> str:
    leg = ", ".join(f"{name}: {_value(value)}" for name, value in matrix.items())
    return f"{job} ({leg})" if leg else job


def _artifact(artifact_id: int | None, bytes_held: int, digest: str | None) -> list[tuple[str, str]]:
    if artifact_id is None:
        return [("artifact", "none that is known")]
    return [("artifact", f"{artifact_id}, {size(bytes_held)}"), ("digest", digest or "not recorded")]


def _content(content: Content | None) -> list[tuple[str, str]]:
    if content is None:
        return [("content", "state only")]
    told = f"{content.files} files, links and empty folders, {size(content.bytes)}"
    based = [("based on", content.base)] if content.base else []
    return [("content", told), *based]


def _section(title: str, values: Mapping[str, Any]) -> Iterator[Line]:
    if values:
        yield Line("time", title)
        yield from (Line("info", text) for text in table([(name, _value(value)) for name, value in values.items()]))


def _value(value: object) -> str:
    """A value as people read it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def comparison_lines(found: Comparison) -> Iterator[Line]:
    """What differs, part by part."""
    for title, changes in (
        ("Identity", found.identity),
        ("State", found.state),
        ("Environment", found.environment),
        ("Dependencies", found.dependencies),
        ("Files", found.files),
    ):
        if changes:
            yield Line("time", f"{title}: {plural(len(changes), 'difference')}")
            yield from (_change(change) for change in changes[:MOST_CHANGES])
        if changes and len(changes) > MOST_CHANGES:
            yield Line("info", f"  … and {len(changes) - MOST_CHANGES} more; `--json` lists all")
    if found.files is None:
        yield Line("info", _UNSEEN[found.same_files])
    elif not found.files:
        yield Line("info", "Files: the same")
    for part in found.unseen:
        yield Line("info", f"{part.capitalize()}: not compared, too large for the record; give both as folders or zips")
    if not (found.unseen or found.state or found.environment or found.dependencies):
        yield Line("info", "State, environment and dependencies: the same")


_UNSEEN = {
    True: "Files: the same, by the digests in the manifests",
    False: "Files: not the same, by the digests in the manifests; give both as folders or zips to see which differ",
    None: "Files: not compared; give both as folders or zips",
}


def _change(change: Change) -> Line:
    style, mark = _KINDS[change.kind]
    what = plain.line(change.what) or "(the whole)"
    match change.kind:
        case "added":
            told = "" if change.after is None else f": {_value(change.after)}"
        case "removed":
            told = "" if change.before is None else f": {_value(change.before)}"
        case _:
            told = f": {_value(change.before)} → {_value(change.after)}"
    return Line(style, f"  {mark} {what}{plain.line(told)}")


def report_lines(
    name: str, checks: Mapping[str, bool], errors: Sequence[str], warnings: Sequence[str]
) -> Iterator[Line]:
    """A validation: its parts, every error and every warning, and what that comes to."""
    for part, passed in checks.items():
        yield Line("good" if passed else "bad", f"  {'passed' if passed else 'FAILED'}  {plain.line(part)}")
    yield from (Line("bad", f"  {plain.line(error)}") for error in errors)
    yield from (Line("quote", f"  warning: {plain.line(warning)}") for warning in warnings)
    verdict = "is NOT valid" if errors else "is valid"
    yield Line("bad" if errors else "good", f"{plain.line(name)} {verdict}")


def pruning_lines(fates: Sequence[Fate], *, dry_run: bool) -> Iterator[Line]:
    """What was deleted and what was kept, each with the reason."""
    if not fates:
        yield Line("info", "No checkpoint with an artifact is on record: there is nothing to delete.")
        return
    gone = "would be deleted" if dry_run else "deleted"
    rows = [
        (
            "kept" if fate.keep else gone,
            fate.checkpoint.id,
            f"{fate.checkpoint.workflow_name}: {fate.checkpoint.name}",
            size(fate.checkpoint.size),
            fate.reason,
        )
        for fate in fates
    ]
    for fate, text in zip(fates, table(rows, indent=""), strict=True):
        yield Line("info" if fate.keep else "bad", text)
    deleted = [fate.checkpoint for fate in fates if not fate.keep]
    freed = size(sum(each.size for each in deleted))
    yield Line("time", f"{plural(len(deleted), 'checkpoint')} {gone}, {freed}; {len(fates) - len(deleted)} kept")

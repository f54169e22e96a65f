"""What changed between two checkpoints: identity, state, environment, dependencies and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recovery.models.catalogue import Change, Comparison, left_out_of, readable_particulars
from recovery.models.checkpoint import Entry, FileTable, Particulars
from recovery.models.records import WorkflowCheckpoint

_PARTS = {
    "workflow_state": "state",
    "environment_context": "environment",
    "dependencies": "dependencies",
    "metadata": "dependencies",
}
"""What is not compared where a part is left out of a record; digests of dependencies are metadata."""

_IDENTITY = ("repository", "workflow_name", "run_id", "commit_sha", "checkpoint_type", "checkpoint_name")


def compare(
    before: WorkflowCheckpoint, after: WorkflowCheckpoint, tables: tuple[FileTable, FileTable] | None = None
) -> Comparison:
    """Compare two checkpoints; their files, too, where the tables of both are given."""
    particulars = readable_particulars(before), readable_particulars(after)
    unseen = {_PARTS[part] for side in (before, after) for part in left_out_of(side) if part in _PARTS}
    found = Comparison(
        identity=tuple(_changes(_identity(before, particulars[0]), _identity(after, particulars[1]))),
        state=tuple(_differences("", before.workflow_state, after.workflow_state)),
        environment=tuple(_changes(before.environment_context, after.environment_context)),
        dependencies=tuple(_changes(_digests(before, particulars[0]), _digests(after, particulars[1]))),
        files=tuple(_file_changes(*tables)) if tables else None,
        same_files=_same_trees(*particulars),
        unseen=tuple(sorted(unseen)),
    )
    return found.model_copy(update=dict.fromkeys(unseen, ()))


def _identity(checkpoint: WorkflowCheckpoint, particulars: Particulars | None) -> dict[str, Any]:
    told = {name: getattr(checkpoint, name) for name in _IDENTITY}
    if particulars is not None:
        told |= {"attempt": particulars.attempt, "job": particulars.job, "ref": particulars.ref}
        told |= {f"matrix.{name}": value for name, value in particulars.matrix.items()}
    return told


def _same_trees(before: Particulars | None, after: Particulars | None) -> bool | None:
    if before is None or after is None:
        return None
    trees = [each.content.tree_digest if each.content else "" for each in (before, after)]
    return trees[0] == trees[1]


def _digests(checkpoint: WorkflowCheckpoint, particulars: Particulars | None) -> dict[str, str]:
    """The digest of each dependency; empty where it was named without one."""
    return dict.fromkeys(checkpoint.dependencies, "") | (particulars.dependency_digests if particulars else {})


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield Change(what=name, kind="removed", before=before[name])
        elif name not in before:
            yield Change(what=name, kind="added", after=after[name])
        elif not _same(before[name], after[name]):
            yield Change(what=name, kind="changed", before=before[name], after=after[name])


def _differences(pointer: str, before: Any, after: Any) -> Iterator[Change]:
    """The leaves that differ, each by its JSON pointer (RFC 6901)."""
    old, new = _children(before), _children(after)
    if old is None or new is None or type(before) is not type(after):
        if old is not None or new is not None or not _same(before, after):
            yield Change(what=pointer, kind="changed", before=before, after=after)
        return
    for step in dict.fromkeys((*old, *new)):
        where = f"{pointer}/{step}"
        if step not in new:
            yield Change(what=where, kind="removed", before=old[step])
        elif step not in old:
            yield Change(what=where, kind="added", after=new[step])
        else:
            yield from _differences(where, old[step], new[step])


def _children(value: Any) -> dict[str, Any] | None:
    """What an object or list holds, by the steps of a JSON pointer; None of what holds nothing."""
    match value:
        case dict():
            return {str(key).replace("~", "~0").replace("/", "~1"): value[key] for key in sorted(value, key=str)}
        case list():
            return {str(number): item for number, item in enumerate(value)}
        case _:
            return None


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON, where neither 1 is true nor 0 false."""
    return bool(before == after) and isinstance(before, bool) is isinstance(after, bool)


def _file_changes(before: FileTable, after: FileTable) -> Iterator[Change]:
    earlier = {entry.path: entry for entry in before.entries}
    later = {entry.path: entry for entry in after.entries}
    for path in sorted({*earlier, *later}):
        old, new = earlier.get(path), later.get(path)
        if old is None or new is None:
            yield Change(what=path, kind="removed" if new is None else "added")
        elif _content(before, old) != _content(after, new):
            yield Change(what=path, kind="changed", before=_told(old), after=_told(new))
        elif old.mode != new.mode:
            yield Change(what=path, kind="mode", before=f"{old.mode:o}", after=f"{new.mode:o}")


def _content(table: FileTable, entry: Entry) -> tuple[object, ...]:
    return (entry.kind, entry.size, entry.target, *(table.chunks[number].digest for number in entry.chunks))


def _told(entry: Entry) -> str:
    """What an entry holds, in a word."""
    match entry.kind:
        case "l":
            return f"link to {entry.target}"
        case "d":
            return "empty folder"
        case _:
            return f"{entry.size} bytes"

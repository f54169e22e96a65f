"""Use cases that look into checkpoints: verify one, compare two. Nothing in them is trusted, nothing is restored."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from recovery.adapters.content.checking import check_content, open_content
from recovery.adapters.vault import DirectoryVault
from recovery.app.fetching import Fetched, fetch, open_local
from recovery.app.surroundings import may_be_recorded
from recovery.app.wiring import Workplace
from recovery.errors import ArtifactDamaged, CheckpointRejected, ForgeRefused, UnknownSchema
from recovery.models.catalogue import Comparison, left_out_of, readable_particulars
from recovery.models.checkpoint import TOOL_PREFIX, CheckpointHealth, FileTable, parse_artifact_name
from recovery.models.github import Artifact
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.comparison import compare
from recovery.policy.provenance import Origin
from recovery.policy.validation import CheckpointFacts, Holder, ValidationReport, is_damaged, validate

_ADDED = frozenset(
    {
        *("artifact_id", "artifact_digest", "artifact_size", "expires_at"),
        *("run_conclusion", "run_branch", "health", "health_detail", "left_out"),
    }
)
"""What the catalogue adds to a manifest's metadata when it takes it in."""


@dataclass(frozen=True)
class _Sought:
    """A checkpoint looked for among a run's artifacts, and what came of it."""

    artifact: Artifact | None
    fetched: Fetched | None = None
    damage: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """Why it is not at hand, as the end of a sentence; empty when it is."""
        if self.artifact is None:
            return "is missing"
        if self.artifact.expired:
            return "has expired"
        return f"is damaged: {self.damage[0]}" if self.damage else ""


def verify_local(path: Path, *, base: Path | None, against: Path | None) -> ValidationReport:
    """Verify a checkpoint in a folder or zip on this machine: every digest, and what can be compared here.

    Raises:
        InputError: there is neither a folder nor a zip.
        UnknownSchema: another version of this program wrote it.
    """
    with tempfile.TemporaryDirectory(prefix="recovery-verify-") as scratch:
        try:
            opened = open_local(path, Path(scratch, "content"))
            opened_base = open_local(base, Path(scratch, "base")) if base else None
        except UnknownSchema:
            raise
        except CheckpointRejected as error:
            return _illegible(error.message)
        at_hand = {
            "stored": opened.checkpoint,
            "available_artifacts": tuple(opened.checkpoint.artifacts),
            "damage": _damage(opened, opened_base),
            "base": opened_base.checkpoint if opened_base else None,
            "base_problem": "" if opened_base else "is not at hand: name it with `--base`",
        }
        facts = _surroundings(opened.checkpoint, against).model_copy(update=at_hand)
        return _with_omissions(opened.checkpoint, validate(opened.checkpoint, facts), against)


def verify_recorded(place: Workplace, recorded: WorkflowCheckpoint, *, against: Path | None) -> ValidationReport:
    """Verify a checkpoint on record: its artifact is downloaded and compared with the record, digest for digest.

    Damage that is found is put on record, so that the checkpoint is out of use for good.

    Raises:
        ForgeError: GitHub could not be asked.
        UnknownSchema: another version of this program wrote it.
    """
    with tempfile.TemporaryDirectory(prefix="recovery-verify-") as scratch, place.requests.phase("checkpoints"):
        listed = _listed(place, recorded)
        held = _seek(place, listed, recorded.id, Path(scratch, "own"))
        content = held.fetched.particulars.content if held.fetched else None
        base = _seek(place, listed, content.base, Path(scratch, "base")) if content and content.base else None
        checkpoint = held.fetched.checkpoint if held.fetched else recorded
        seen = _seen_at_github(place, recorded, held, base)
        available = tuple(artifact.name for artifact in listed if not artifact.expired)
        facts = _surroundings(checkpoint, against).model_copy(update=seen | {"available_artifacts": available})
        report = validate(checkpoint, facts)
        _judge(place, recorded.id, held, report)
        return _with_omissions(checkpoint, report, against)


def compare_two(before: Fetched | WorkflowCheckpoint, after: Fetched | WorkflowCheckpoint) -> Comparison:
    """Compare two checkpoints; file by file where the folders of both are at hand.

    Raises:
        CheckpointRejected: the list of files of one of them is damaged.
    """
    if isinstance(before, Fetched) and isinstance(after, Fetched):
        return compare(before.checkpoint, after.checkpoint, (_table(before), _table(after)))
    one, other = (side.checkpoint if isinstance(side, Fetched) else side for side in (before, after))
    return compare(one, other)


def _listed(place: Workplace, recorded: WorkflowCheckpoint) -> tuple[Artifact, ...]:
    """The artifacts of the run that made a checkpoint; none where the run is gone, or was never GitHub's."""
    if not recorded.run_id.isdecimal():
        return ()
    try:
        return place.forge.artifacts_of_run(int(recorded.run_id))
    except ForgeRefused as error:
        if error.status == 404:
            return ()
        raise


def _seek(place: Workplace, listed: Sequence[Artifact], checkpoint_id: str, folder: Path) -> _Sought:
    """A checkpoint's artifact, downloaded and unpacked if it is still there."""
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in listed)
    artifact = next((artifact for artifact, name in named if name and name.names(checkpoint_id)), None)
    if artifact is None or artifact.expired:
        return _Sought(artifact)
    try:
        return _Sought(artifact, fetch(place.forge, artifact, folder))
    except UnknownSchema:
        raise
    except (CheckpointRejected, ArtifactDamaged) as error:
        return _Sought(artifact, damage=(error.message,))


def _damage(opened: Fetched, base: Fetched | None) -> tuple[str, ...]:
    """What is wrong with a checkpoint's content. Without its base that cannot be told, and is no damage of its own."""
    content = opened.particulars.content
    if content is None or (content.base is not None and base is None):
        return ()
    try:
        check_content(opened.directory, content, base=base.directory if base else None)
    except CheckpointRejected as error:
        return (error.message,)
    return ()


def _seen_at_github(
    place: Workplace, recorded: WorkflowCheckpoint, held: _Sought, base: _Sought | None
) -> dict[str, Any]:
    """The facts about a checkpoint on record that its artifact tells."""
    particulars = readable_particulars(recorded)
    recorded_digest = particulars.artifact_digest if particulars else None
    name = parse_artifact_name(held.artifact.name) if held.artifact else None
    base_fetched = base.fetched if base else None
    return {
        "stored": _as_written(recorded, held.fetched.checkpoint) if held.fetched else recorded,
        "damage": _damage(held.fetched, base_fetched) if held.fetched else held.damage,
        "origin": Origin(repository=place.forge.repository, run_id=recorded.run_id, artifact=name),
        "holder": Holder(artifact=held.artifact, recorded_digest=recorded_digest or ""),
        "base": base_fetched.checkpoint if base_fetched else None,
        "base_problem": base.problem if base else "",
    }


def _as_written(recorded: WorkflowCheckpoint, manifest: WorkflowCheckpoint) -> WorkflowCheckpoint:
    """A record without what the catalogue added, set right and left out, to be compared with the manifest itself."""
    written = {name: value for name, value in recorded.metadata.items() if name not in _ADDED}
    written |= {name: value for name, value in manifest.metadata.items() if name in _ADDED}
    left_out = {part: getattr(manifest, part) for part in left_out_of(recorded)}
    return recorded.model_copy(update={"created_at": manifest.created_at, "metadata": written} | left_out)


def _judge(place: Workplace, checkpoint_id: str, held: _Sought, report: ValidationReport) -> None:
    """Put on record what was found out about GitHub's own copy, unless it is known."""
    known, _ = place.store.health_of(checkpoint_id)
    if is_damaged(report) and (held.fetched or held.damage):
        health, detail = CheckpointHealth.CORRUPT, report["errors"][0]
    elif held.artifact is not None and held.artifact.expired:
        health, detail = CheckpointHealth.EXPIRED, "its artifact has expired"
    else:
        return
    if known.is_usable or (health is CheckpointHealth.CORRUPT and known is not health):
        place.recorder.judged(checkpoint_id, place.forge.repository, health, detail)


def _surroundings(checkpoint: WorkflowCheckpoint, against: Path | None) -> CheckpointFacts:
    """Variables and lock files as they are in a workspace; as they were recorded where there is none to compare with.

    What a stranger's manifest names is not all looked at: no tool is started, no secret read, and no file opened that
    lies outside the workspace.
    """
    environment = {name: str(value) for name, value in checkpoint.environment_context.items()}
    particulars = readable_particulars(checkpoint)
    digests = dict(particulars.dependency_digests) if particulars else {}
    if against is not None:
        vault = DirectoryVault(against, workspace=against)
        tools = {name: value for name, value in environment.items() if name.startswith(TOOL_PREFIX)}
        names = [name for name in environment if name not in tools and may_be_recorded(name)]
        environment = vault.environment(names) | tools
        digests = vault.digests([path for path in digests if _is_inside(against, path)])
    return CheckpointFacts(stored=None, environment=environment, available_artifacts=(), dependency_digests=digests)


def _is_inside(workspace: Path, name: str) -> bool:
    """Whether a path names a regular file of the workspace."""
    if "\0" in name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return False
    path = (workspace / name).resolve()
    return path.is_relative_to(workspace.resolve()) and path.is_file()


def _with_omissions(checkpoint: WorkflowCheckpoint, report: ValidationReport, against: Path | None) -> ValidationReport:
    """The report, saying what was not compared."""
    told = list(report["warnings"])
    if against is None and (checkpoint.environment_context or checkpoint.dependencies):
        told.append("environment, dependencies: not compared; `--against WORKSPACE` does")
    elif any(name.startswith(TOOL_PREFIX) for name in checkpoint.environment_context):
        told.append("environment: versions of tools are compared only by the job that restores")
    return {**report, "warnings": told}


def _illegible(problem: str) -> ValidationReport:
    """The report on what cannot even be read; its other parts could not be looked at."""
    return {"is_valid": False, "errors": [f"integrity: {problem}"], "warnings": [], "checks": {"integrity": False}}


def _table(opened: Fetched) -> FileTable:
    """The list of a checkpoint's files, empty where it holds none."""
    content = opened.particulars.content
    if content is None:
        return FileTable(entries=(), chunks=())
    # No pack is opened here, so that any folder will do for the base's.
    table, _ = open_content(opened.directory, content, opened.directory)
    return table

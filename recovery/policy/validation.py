"""Facts about a checkpoint in, a verdict in the seed's four parts out; every error says what was expected and found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypedDict

from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import Content, Particulars, particulars_of
from recovery.models.github import Artifact
from recovery.models.record import Record
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.provenance import Origin, contradictions, shown
from recovery.policy.secret_shapes import holds_secret

_VERSION = re.compile(r"(?P<name>[A-Za-z]*)[ _-]?(?P<major>\d{1,4})(?:\.(?P<minor>\d+))?(?![\d])")
"""`20.11.1`, `v1.2`, `ubuntu24`; a number of more digits is a date and promises nothing."""


class ValidationReport(TypedDict):
    """What `validate_state` answers. `checks` has one entry per part, true when it found no error."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    checks: dict[str, bool]


class Holder(Record):
    """The artifact that is to hold a checkpoint."""

    artifact: Artifact | None
    """None when GitHub does not list it (any more)."""
    recorded_digest: str = ""
    """What its digest was when it was found before; empty when it was not."""
    accepted_run: int | None = None
    """The one run that it may come from; None for any run of the repository's own commits."""


class CheckpointFacts(Record):
    """What was found out about a checkpoint in the world."""

    stored: WorkflowCheckpoint | None
    """The manifest as the vault holds it; None when it holds none."""
    environment: dict[str, str]
    """The environment that work would continue in, by the names the checkpoint recorded."""
    available_artifacts: tuple[str, ...]
    dependency_digests: dict[str, str]
    """Digest of each dependency file as it is now, by path."""
    origin: Origin = Origin()
    damage: tuple[str, ...] = ()
    """What whoever compared the digests of table and packs found wrong."""
    holder: Holder | None = None
    """None when the checkpoint was not taken from an artifact."""
    base: WorkflowCheckpoint | None = None
    """The manifest of the checkpoint that an incremental one builds on, where it was looked for and found."""
    base_problem: str = ""
    """Why that one is not there, as the end of a sentence; empty when it is, or was not looked for."""


class Findings(NamedTuple):
    """What one part of the validation found."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def validate(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> ValidationReport:
    """Check integrity, environment, artifacts and dependencies."""
    parts = {
        "integrity": check_integrity(checkpoint, facts),
        "environment": check_environment(checkpoint, facts),
        "artifacts": check_artifacts(checkpoint, facts),
        "dependencies": check_dependencies(checkpoint, facts),
    }
    errors = [f"{part}: {error}" for part, found in parts.items() for error in found.errors]
    return {
        "is_valid": not errors,
        "errors": errors,
        "warnings": [f"{part}: {warning}" for part, found in parts.items() for warning in found.warnings],
        "checks": {part: not found.errors for part, found in parts.items()},
    }


def is_damaged(report: ValidationReport) -> bool:
    """Whether the checkpoint itself is damaged or another's, not only unfit for here and now or out of reach."""
    return not report["checks"]["integrity"]


def check_integrity(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> Findings:
    """Whether it is whole, undamaged, and the one it is taken for."""
    errors = [
        f"`{name}` is empty"
        for name in ("repository", "workflow_name", "run_id", "commit_sha", "checkpoint_name")
        if not getattr(checkpoint, name)
    ]
    warnings: tuple[str, ...] = ()
    if facts.stored is None:
        warnings = (f"no stored manifest of {checkpoint.id} to compare with",)
    elif facts.stored != checkpoint:
        errors.append(f"the stored manifest of {checkpoint.id} differs from the one given")
    try:
        particulars = particulars_of(checkpoint)
    except CheckpointRejected as error:
        return Findings((*errors, error.message, *facts.damage), warnings)
    errors += contradictions(checkpoint, particulars, facts.origin)
    if particulars.content is not None:
        errors += _gaps(particulars.content)
    return Findings((*errors, *facts.damage), warnings)


def check_environment(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> Findings:
    """Whether what was recorded of the environment is the same now, or compatible where that will do."""
    compatible = _particulars(checkpoint).compatible
    errors: list[str] = []
    warnings: list[str] = []
    for name, expected in _texts(checkpoint.environment_context).items():
        found = facts.environment.get(name)
        if found == expected or (found is None and not _was_captured(checkpoint)):
            continue
        now = "not there now" if found is None else f"{_unless_secret(found)} now"
        difference = f"`{name}` was {shown(expected)} at the checkpoint and is {now}"
        if name not in compatible:
            errors.append(difference)
        elif found is None or (alike := _are_compatible(expected, found)) is None:
            warnings.append(difference)
        elif not alike:
            errors.append(f"{difference}, which is not compatible")
    return Findings(tuple(errors), tuple(warnings))


def check_artifacts(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> Findings:
    """Whether what it is made of is there: not expired, as it was recorded, made by the run that it may come from."""
    errors = [
        f"`{name}` was expected and is missing or expired"
        for name in checkpoint.artifacts
        if name not in facts.available_artifacts
    ]
    if facts.holder is not None:
        errors += _held_wrongly(checkpoint, facts.holder)
    return Findings(tuple(errors))


def check_dependencies(checkpoint: WorkflowCheckpoint, facts: CheckpointFacts) -> Findings:
    """Whether lock files are as they were, and the checkpoint that this one builds on is there."""
    recorded = _texts(checkpoint.metadata.get("dependency_digests"))
    warnings = [f"no digest of `{path}` was recorded" for path in checkpoint.dependencies if path not in recorded]
    now = facts.dependency_digests
    errors = [
        f"`{path}` was {expected} at the checkpoint and is {now.get(path, 'missing')}"
        for path, expected in recorded.items()
        if now.get(path) != expected
    ]
    content = _particulars(checkpoint).content
    if content is not None and content.base is not None:
        if facts.base is not None:
            errors += _unfit_as_base(checkpoint, content, facts.base)
        elif facts.base_problem:
            errors.append(f"the base checkpoint {content.base} was expected and {facts.base_problem}")
        else:
            warnings.append(f"the base checkpoint {content.base} was not looked for")
    return Findings(tuple(errors), tuple(warnings))


def _gaps(content: Content) -> Iterator[str]:
    """Where the summary of the content contradicts itself."""
    packs = (*content.packs, *content.base_packs)
    if bool(content.base) != bool(content.base_packs):
        yield (
            f"the content names {len(content.base_packs)} packs of a base, but its base is {shown(content.base or '')}"
        )
    if len({pack.digest for pack in packs}) != len(packs):
        yield "the content names a pack twice"
    if content.bytes and not packs:
        yield f"the content has {content.bytes} bytes in no pack"


def _held_wrongly(checkpoint: WorkflowCheckpoint, holder: Holder) -> Iterator[str]:
    artifact = holder.artifact
    if artifact is None:
        yield f"the artifact of {checkpoint.id} was expected and is missing"
        return
    name = f"`{artifact.name}`"
    if artifact.expired:
        yield f"{name} was expected and has expired"
    recorded = holder.recorded_digest or _particulars(checkpoint).artifact_digest
    if recorded and recorded != artifact.digest:
        yield f"{name} was {recorded} when it was recorded and is {artifact.digest or 'without a digest'}"
    if holder.accepted_run is None:
        if artifact.head_repository_id != artifact.repository_id:
            yield f"{name} was made from a commit of another repository, expected one of this repository"
    elif artifact.run_id != holder.accepted_run:
        yield f"{name} was made by run {artifact.run_id}, expected run {holder.accepted_run}"


def _unfit_as_base(checkpoint: WorkflowCheckpoint, content: Content, base: WorkflowCheckpoint) -> Iterator[str]:
    for what, expected, found in (
        ("id", content.base, base.id),
        ("repository", checkpoint.repository.casefold(), base.repository.casefold()),
        ("run", checkpoint.run_id, base.run_id),
    ):
        if expected != found:
            yield f"the base checkpoint has another {what}: expected {shown(expected or '')}, found {shown(found)}"
    held = _particulars(base).content
    if held is None:
        yield f"the base checkpoint {base.id} holds no files, expected those that {checkpoint.id} builds on"
        return
    if held.base is not None:
        yield f"the base checkpoint {base.id} was expected to stand alone and builds on {shown(held.base)}"
    missing = [pack.digest for pack in content.base_packs if pack not in held.packs]
    if missing:
        yield f"the base checkpoint {base.id} lacks {len(missing)} packs that were expected in it, {missing[0]} first"


def _are_compatible(expected: str, found: str) -> bool | None:
    """Whether two versions of the same thing work alike; None when they are no versions."""
    one, other = _VERSION.match(expected), _VERSION.match(found)
    if one is None or other is None or one["name"] != other["name"]:
        return None
    if one["major"] == "0" == other["major"]:
        return one["minor"] == other["minor"]
    return one["major"] == other["major"]


def _was_captured(checkpoint: WorkflowCheckpoint) -> bool:
    """Whether a job's own checkpoint recorded the context; one that people write may hold notes of any kind."""
    return "attempt" in checkpoint.metadata


def _particulars(checkpoint: WorkflowCheckpoint) -> Particulars:
    """Damaged particulars are the integrity's to tell; the other parts find nothing in them."""
    try:
        return particulars_of(checkpoint)
    except CheckpointRejected:
        return Particulars()


def _unless_secret(value: str) -> str:
    """A manifest may name any variable, to have it told."""
    return "something that looks like a secret" if holds_secret(value) else shown(value)


def _texts(values: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, Mapping) else {}

"""What the world says about a checkpoint that was brought here: the facts that it is validated on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from recovery.adapters.vault import DirectoryVault
from recovery.app.choosing import MOST_DEPENDENCIES
from recovery.app.fetching import Fetched
from recovery.app.surroundings import MOST_NAMES, may_be_recorded
from recovery.models.checkpoint import TOOL_PREFIX
from recovery.models.github import Artifact
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.provenance import Origin
from recovery.policy.validation import CheckpointFacts, Holder


def facts_of(
    fetched: Fetched,
    vault: DirectoryVault,
    *,
    artifacts: Iterable[Artifact],
    origin: Origin,
    holder: Holder,
    base: WorkflowCheckpoint | None = None,
    base_problem: str = "",
) -> CheckpointFacts:
    """The facts on a checkpoint that was downloaded, in the job that would continue from it.

    Tools are started only where this very run recorded them.
    """
    return CheckpointFacts(
        stored=fetched.checkpoint,
        environment=environment_now(fetched.checkpoint, vault, starts_tools=holder.accepted_run is not None),
        available_artifacts=tuple(artifact.name for artifact in artifacts if not artifact.expired),
        dependency_digests=digests_now(fetched, vault),
        origin=origin,
        holder=holder,
        base=base,
        base_problem=base_problem,
    )


def environment_now(checkpoint: WorkflowCheckpoint, vault: DirectoryVault, *, starts_tools: bool) -> dict[str, str]:
    """What the names that a checkpoint recorded stand for here; a name that none of ours would record is not read.

    Where no tools may be started, their versions are given as recorded, which is to say that they are not compared.
    """
    recorded = {name: str(value) for name, value in checkpoint.environment_context.items()}
    tools = {} if starts_tools else {name: recorded[name] for name in recorded if name.startswith(TOOL_PREFIX)}
    names = [name for name in recorded if name not in tools and may_be_recorded(name)]
    return vault.environment(names[:MOST_NAMES]) | tools


def names_tools(checkpoint: WorkflowCheckpoint) -> bool:
    """Whether a checkpoint recorded versions of tools."""
    return any(name.startswith(TOOL_PREFIX) for name in checkpoint.environment_context)


def digests_now(fetched: Fetched, vault: DirectoryVault) -> dict[str, str]:
    """Digests of the lock files as they are here; a path that leads out of the workspace is not followed."""
    paths = [path for path in fetched.particulars.dependency_digests if _stays_inside(path)]
    return vault.digests(paths[:MOST_DEPENDENCIES])


def _stays_inside(path: str) -> bool:
    windows = PureWindowsPath(path)
    climbs = ".." in PurePosixPath(path).parts or ".." in windows.parts
    return not (climbs or "\0" in path or path.startswith("/") or windows.drive or windows.root)

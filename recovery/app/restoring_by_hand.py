"""Use case of a person: verify a checkpoint and put its files into a folder of their own machine.

What a job would refuse for its environment or lock files is told to a person, who can judge it. What is damaged or
another's is refused to people, too.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.restoring import restore_content
from recovery.adapters.vault import DirectoryVault
from recovery.app.continuing import check_id, find_asked_for
from recovery.app.examining import digests_now, environment_now, names_tools
from recovery.app.fetching import Fetched, fetch, fetch_base, open_local
from recovery.errors import CheckpointRejected
from recovery.models.checkpoint import parse_artifact_name
from recovery.policy.provenance import Origin
from recovery.policy.validation import CheckpointFacts, Holder, validate
from recovery.ports import Forge

NO_TOOLS = "environment: versions of tools are compared only by the job that restores"
"""What a stranger's manifest names is not started on a person's machine."""

_SYSTEMS = {"Linux": "Linux", "Darwin": "macOS", "Windows": "Windows"}
_MACHINES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64", "armv7l": "ARM", "i686": "X86"}


@dataclass(frozen=True)
class Wish:
    """What a person asks for."""

    checkpoint: str
    """A folder, a zip, or the id of a checkpoint on GitHub."""
    into: Path
    base: Path | None = None
    """Folder or zip of the checkpoint that an incremental one on disk builds on."""
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was, or would be, restored."""

    fetched: Fetched
    restored: bool
    warnings: tuple[str, ...]

    @property
    def files(self) -> int:
        """Files, links and empty folders in the checkpoint."""
        content = self.fetched.particulars.content
        return content.files if content else 0

    @property
    def bytes(self) -> int:
        """Bytes of all files in it."""
        content = self.fetched.particulars.content
        return content.bytes if content else 0


def restore_by_hand(wish: Wish, connect: Callable[[], Forge], folder: Path) -> Outcome:
    """Bring a checkpoint, verify it, and restore it unless this is a rehearsal; `folder` is for what is unpacked.

    Raises:
        InputError: there is no such file, or the text is no id.
        CheckpointRejected: the checkpoint is damaged, another's, incomplete, or not to be found.
        ForgeError: GitHub cannot be asked.
        StateError: the files cannot be written; nothing was.
    """
    is_local = Path(wish.checkpoint).exists() or not wish.checkpoint.startswith("ckpt-")
    fetched, base, base_problem = (
        _from_disk(wish, folder) if is_local else _from_github(wish.checkpoint, connect, folder)
    )
    warnings = _verified(fetched, base, base_problem, wish.into)
    content = fetched.particulars.content
    if content is not None:
        directory = base.directory if base else None
        if wish.dry_run:
            check_content(fetched.directory, content, base=directory)
        else:
            restore_content(fetched.directory, content, wish.into, base=directory)
    return Outcome(fetched, restored=not wish.dry_run, warnings=warnings)


def _from_disk(wish: Wish, folder: Path) -> tuple[Fetched, Fetched | None, str]:
    fetched = open_local(Path(wish.checkpoint), folder / "own")
    content = fetched.particulars.content
    if content is None or content.base is None:
        return fetched, None, ""
    beside = fetched.directory.parent / content.base
    place = wish.base or (beside if os.sep not in content.base and beside.is_dir() else None)
    if place is None:
        return fetched, None, "is not here; name its folder or zip with `--base`"
    return fetched, open_local(place, folder / "base"), ""


def _from_github(checkpoint_id: str, connect: Callable[[], Forge], folder: Path) -> tuple[Fetched, Fetched | None, str]:
    check_id(checkpoint_id)
    forge = connect()
    found = find_asked_for(forge, None, checkpoint_id)
    if found.continuation.miss:
        raise CheckpointRejected(found.continuation.miss, hint=found.continuation.hint)
    for number, candidate in enumerate(found.continuation.candidates):
        fetched = fetch(forge, candidate.artifact, folder / str(number))
        if fetched.checkpoint.id == checkpoint_id:
            return fetched, *fetch_base(forge, fetched, found.artifacts, folder / "base")
    raise CheckpointRejected(f"no artifact that is named like it holds {checkpoint_id}")


def _verified(fetched: Fetched, base: Fetched | None, base_problem: str, into: Path) -> tuple[str, ...]:
    """Refuse what is wrong with the checkpoint itself; give what is merely different here."""
    checkpoint = fetched.checkpoint
    as_recorded = CheckpointFacts(
        stored=checkpoint,
        environment={name: str(value) for name, value in checkpoint.environment_context.items()},
        available_artifacts=tuple(checkpoint.artifacts),
        dependency_digests=fetched.particulars.dependency_digests,
        origin=_origin_of(fetched),
        holder=Holder(artifact=fetched.artifact) if fetched.artifact else None,
        base=base.checkpoint if base else None,
        base_problem=base_problem,
    )
    report = validate(checkpoint, as_recorded)
    if not report["is_valid"]:
        raise CheckpointRejected("; ".join(report["errors"]))
    vault = DirectoryVault(into, workspace=into, variables=_this_machine() | os.environ)
    here = {
        "environment": environment_now(checkpoint, vault, starts_tools=False),
        "dependency_digests": digests_now(fetched, vault),
    }
    told = validate(checkpoint, as_recorded.model_copy(update=here))
    return (*told["errors"], *told["warnings"], *((NO_TOOLS,) if names_tools(checkpoint) else ()))


def _origin_of(fetched: Fetched) -> Origin:
    artifact = fetched.artifact
    if artifact is None:
        return Origin()
    return Origin(run_id=str(artifact.run_id), artifact=parse_artifact_name(artifact.name))


def _this_machine() -> dict[str, str]:
    """What a runner would say of this machine."""
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine().lower())
    known = {"RUNNER_OS": system, "RUNNER_ARCH": machine}
    return {name: value for name, value in known.items() if value is not None}

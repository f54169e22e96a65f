"""Use case inside a job: continue from a checkpoint, if there is one that is valid here and now.

There being none is no error: the job runs from the start, and is told why. Nothing is written into the workspace
before it was compared, and what is refused leaves nothing behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recovery.adapters.content.restoring import finish_interrupted, restore_content
from recovery.adapters.content.staging import leftovers
from recovery.adapters.vault import DirectoryVault, Progress
from recovery.app.checkpointing import Place
from recovery.app.continuing import (
    PERMISSION,
    Found,
    Ordered,
    check_id,
    find_asked_for,
    find_ordered,
    find_own,
    needs_no_request,
)
from recovery.app.examining import facts_of, names_tools
from recovery.app.fetching import Fetched, fetch, fetch_base
from recovery.app.job import RunningJob
from recovery.errors import CheckpointRejected, ForgeRefused, HalfRestored, InputError, RecoveryError, StateError
from recovery.models.checkpoint import particulars_of
from recovery.models.manifest import MANIFEST, read_manifest
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.continuation import FIRST_ATTEMPT, Candidate, OwnJob, made_at, why_another_s
from recovery.policy.provenance import Origin, origin_of
from recovery.policy.restore_order import check_started_by_rollback
from recovery.policy.validation import Holder, validate
from recovery.ports import Forge
from recovery.settings import Settings
from recovery.sync import RecoveryWorkflow

MOST_TRIED = 3
"""Checkpoints that are downloaded, the newest first, where the first ones are refused."""

_HIDDEN = frozenset({403, 404})
"""How GitHub answers whoever may not see something."""

_INCOMING = ".incoming"
"""The folder beside the checkpoints' own in which one is unpacked before it is believed."""


@dataclass(frozen=True)
class Restored:
    """What came of it: the checkpoint that work continues from, or why the job starts from the start."""

    restored: bool
    reason: str
    checkpoint_id: str = ""
    state: dict[str, Any] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    hint: str = ""
    warnings: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    problem: RecoveryError | None = None
    """The error that `fail-on-miss` makes of there being nothing to continue from."""

    @property
    def was_expected(self) -> bool:
        """Whether there was nothing that could have been restored: nobody needs to be warned of that."""
        return self.reason == FIRST_ATTEMPT


def restore_checkpoint(
    job: RunningJob,
    settings: Settings,
    place: Place,
    connect: Callable[[], Forge],
    default_branch: str = "",
    *,
    ordered: Ordered | None = None,
) -> Restored:
    """Find the checkpoint that the running job continues from, validate it, and restore it.

    `connect` opens the forge; it is called only where GitHub has to be asked. Where a rollback `ordered` a checkpoint,
    that one or the job's own of the same run and attempt is restored, and nothing else, unless the step itself names
    one.

    Raises:
        InputError: `checkpoint-id` is no id of a checkpoint, or there is an order that no rollback gave this run.
        StateError: the workspace is in between, which no job may go on with.
    """
    if settings.checkpoint_id:
        check_id(settings.checkpoint_id)
    if ordered is not None:
        check_started_by_rollback(job.event, job.ref)
    finish_interrupted(place.workspace)
    own = _own_job(job)
    if ordered is None and needs_no_request(own, settings.checkpoint_id):
        return _missed(CheckpointRejected(FIRST_ATTEMPT), ())
    restoring = _Restoring(job, own, settings, place, None if settings.checkpoint_id else ordered)
    try:
        return replace(restoring.restore(connect(), default_branch), warnings=tuple(restoring.warnings))
    except (InputError, HalfRestored):
        raise
    except RecoveryError as error:
        return _missed(error, restoring.warnings)
    except OSError as error:
        problem = StateError(f"{error.filename or 'a file'} cannot be written: {error.strerror}")
        return _missed(problem, restoring.warnings)
    finally:
        shutil.rmtree(place.checkpoints / _INCOMING, ignore_errors=True)


class _Restoring:
    """One use; what it warns of is told, whatever comes of it."""

    def __init__(self, job: RunningJob, own: OwnJob, settings: Settings, place: Place, ordered: Ordered | None) -> None:
        self.warnings: list[str] = []
        self._job = job
        self._own = own
        self._settings = settings
        self._ordered = ordered
        self._workspace = place.workspace
        self._incoming = place.checkpoints / _INCOMING
        self._vault = DirectoryVault(place.checkpoints, workspace=place.workspace, variables=place.variables)

    def restore(self, forge: Forge, default_branch: str) -> Restored:
        """Try what is found, the best first."""
        found = self._find(forge, default_branch)
        self.warnings += found.notes
        if found.continuation.miss:
            raise CheckpointRejected(found.continuation.miss, hint=found.continuation.hint)
        refused: list[CheckpointRejected] = []
        for candidate in found.continuation.candidates:
            try:
                if candidate.is_certain or self._is_it(forge, candidate):
                    restored = self._restore_from(forge, candidate, found)
                    self.warnings += [error.message for error in refused]
                    return restored
            except (CheckpointRejected, ForgeRefused) as error:
                reason = f"{candidate.artifact.name} ({candidate.why}) was refused: {error.message}"
                refused.append(CheckpointRejected(reason, hint=error.hint))
                if len(refused) == MOST_TRIED:
                    break
        self.warnings += [error.message for error in refused[1:]]
        raise (
            refused[0]
            if refused
            else CheckpointRejected(
                f"none of the checkpoints that GitHub shows is of job `{self._own.job}` and its leg of the matrix"
            )
        )

    def _find(self, forge: Forge, default_branch: str) -> Found:
        if self._settings.checkpoint_id:
            return find_asked_for(forge, self._own.run_id or None, self._settings.checkpoint_id)
        if self._ordered is not None:
            return find_ordered(forge, self._ordered, self._own, self._job)
        workflow = RecoveryWorkflow(
            path=self._settings.recovery_workflow, default_branch=default_branch or forge.default_branch()
        )
        return find_own(forge, self._own, workflow)

    def _is_it(self, forge: Forge, candidate: Candidate) -> bool:
        """Whether an artifact holds what is looked for, as its manifest tells, which is read before all the rest."""
        content = forge.artifact_file(candidate.artifact, MANIFEST)
        if content is None:
            raise CheckpointRejected(f"it holds no {MANIFEST}")
        checkpoint = read_manifest(content, source=candidate.artifact.name)
        return self._why_another(checkpoint, candidate) is None

    def _why_another(self, checkpoint: WorkflowCheckpoint, candidate: Candidate) -> str | None:
        """What tells that a checkpoint is not the one that is looked for."""
        if made_at(checkpoint.id) is None:
            return f"its id is none: {checkpoint.id[:100]!r}"
        if candidate.checkpoint_id not in {"", checkpoint.id}:
            return f"it is another checkpoint: expected {candidate.checkpoint_id}, found {checkpoint.id}"
        if self._settings.checkpoint_id or (self._ordered is not None and candidate.checkpoint_id):
            return None
        return why_another_s(particulars_of(checkpoint), self._own)

    def _restore_from(self, forge: Forge, candidate: Candidate, found: Found) -> Restored:
        shutil.rmtree(self._incoming, ignore_errors=True)
        fetched = fetch(forge, candidate.artifact, self._incoming / "own")
        another = self._why_another(fetched.checkpoint, candidate)
        if another is not None:
            raise CheckpointRejected(another)
        base, base_problem = fetch_base(forge, fetched, found.artifacts, self._incoming / "base")
        facts = facts_of(
            fetched,
            self._vault,
            artifacts=found.artifacts,
            origin=self._origin_of(candidate, found),
            holder=self._holder_of(candidate),
            base=base.checkpoint if base else None,
            base_problem=base_problem,
        )
        report = validate(fetched.checkpoint, facts)
        if not report["is_valid"]:
            raise CheckpointRejected("; ".join(report["errors"]))
        self.warnings += report["warnings"]
        if names_tools(fetched.checkpoint) and not self._is_own_run_s(candidate):
            self.warnings.append("environment: versions of tools are not compared with those of another run")
        return self._put_back(fetched, base, candidate)

    def _origin_of(self, candidate: Candidate, found: Found) -> Origin:
        """What GitHub tells of where a checkpoint comes from: of the own run, everything."""
        if found.maker is not None:
            return origin_of(found.maker, candidate.name)
        is_own = self._is_own_run_s(candidate)
        return Origin(
            repository=self._job.repository,
            run_id=str(candidate.artifact.run_id),
            commit_sha=self._job.commit_sha if is_own else "",
            workflow_name=self._job.workflow_name if is_own else "",
            artifact=candidate.name,
        )

    def _holder_of(self, candidate: Candidate) -> Holder:
        return Holder(
            artifact=candidate.artifact,
            recorded_digest=candidate.recorded_digest,
            accepted_run=self._own.run_id if self._is_own_run_s(candidate) else None,
        )

    def _is_own_run_s(self, candidate: Candidate) -> bool:
        return candidate.artifact.run_id == self._own.run_id

    def _put_back(self, fetched: Fetched, base: Fetched | None, candidate: Candidate) -> Restored:
        kept = [self._keep(each) for each in (fetched, base) if each is not None]
        content = fetched.particulars.content
        try:
            if content is not None:
                restore_content(kept[0], content, self._workspace, base=kept[1] if base else None)
        except RecoveryError as error:
            for folder in kept:
                shutil.rmtree(folder, ignore_errors=True)
            if any(staging.is_committed for staging in leftovers(self._workspace)):
                raise HalfRestored(error.message, hint=error.hint) from error
            raise
        self._remember(fetched)
        return Restored(
            restored=True,
            reason=f"{candidate.why}, made in attempt {candidate.name.attempt}",
            checkpoint_id=fetched.checkpoint.id,
            state=fetched.checkpoint.workflow_state,
            done=fetched.particulars.done,
            files=content.files if content else 0,
            bytes=content.bytes if content else 0,
        )

    def _keep(self, fetched: Fetched) -> Path:
        """Move a validated checkpoint to where those of this job lie, so that its next ones can build on it."""
        place = self._vault.manifest_path(fetched.checkpoint.id).parent
        shutil.rmtree(place, ignore_errors=True)
        return fetched.directory.rename(place)

    def _remember(self, fetched: Fetched) -> None:
        """Note what is done, for the next checkpoint of this job."""
        content = fetched.particulars.content
        base = (content.base or fetched.checkpoint.id) if content else ""
        try:
            self._vault.advance(Progress(owner=self._job.owner, latest=fetched.checkpoint.id, base=base))
        except StateError as error:
            self.warnings.append(f"the next checkpoint will not know what was done before: {error.message}")


def _own_job(job: RunningJob) -> OwnJob:
    return OwnJob(
        run_id=int(job.run_id or 0), attempt=job.attempt, job_id=int(job.job_id or 0), job=job.job, matrix=job.matrix
    )


def _missed(error: RecoveryError, warnings: Sequence[str]) -> Restored:
    unseen = isinstance(error, ForgeRefused) and error.status in _HIDDEN
    hint = error.hint or (PERMISSION if unseen else "")
    return Restored(restored=False, reason=error.message, hint=hint, warnings=tuple(warnings), problem=error)

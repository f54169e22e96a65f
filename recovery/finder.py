"""Find the checkpoints that the failed jobs of an attempt left, and validate what can be validated from outside.

What only the job itself can compare (its environment, its lock files, every digest of the content) is validated there,
when it restores.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from recovery.errors import (
    ArtifactDamaged,
    AuthenticationError,
    CheckpointRejected,
    ForgeError,
    RateLimited,
    UnknownSchema,
)
from recovery.models.checkpoint import ArtifactName, parse_artifact_name, particulars_of
from recovery.models.decision import JobCheckpoint, Observation
from recovery.models.github import Artifact, Run
from recovery.models.manifest import MANIFEST, read_manifest
from recovery.models.record import Record
from recovery.models.records import PipelineFailure, WorkflowCheckpoint
from recovery.policy.provenance import contradictions, is_checkpoint_id, origin_of
from recovery.policy.resumption import was_cut_off
from recovery.policy.trust import is_own_artifact
from recovery.ports import Forge

log = logging.getLogger(__name__)

Exclusion = Callable[[str], str | None]
"""Shown a checkpoint's id, answers why it is excluded for good, or None."""


class Candidate(Record):
    """An artifact of the run that says of itself that it holds a job's checkpoint."""

    artifact: Artifact
    name: ArtifactName

    @property
    def age(self) -> tuple[int, float, int]:
        """Sorts the newest last."""
        return self.name.attempt, self.artifact.created_at.timestamp(), self.artifact.id


class _Refused(Exception):
    """Why a candidate may not be continued from."""

    def __init__(self, reason: str, *, corrupt: bool = False, may_pass: bool = False, checkpoint_id: str = "") -> None:
        super().__init__(reason)
        self.corrupt = corrupt
        self.may_pass = may_pass
        """Whether it is GitHub that could not be asked just now."""
        self.checkpoint_id = checkpoint_id


def find_checkpoints(forge: Forge, seen: Observation, excluded: Exclusion) -> tuple[JobCheckpoint, ...] | None:
    """The newest checkpoint of each failed job that left any, the valid and the refused ones.

    None where the artifacts may not be listed: then nothing is known, and nothing is said about them.

    Requests: the run's artifacts; a manifest for each job with a checkpoint; for a later attempt the jobs of all
    attempts, and one manifest more for a job that ran out of time again.

    Raises:
        ForgeError: GitHub cannot be used at all.
    """
    try:
        candidates = _candidates(forge, seen.run)
        namesakes = _earlier_ids(forge, seen) if candidates else {}
    except (AuthenticationError, RateLimited):
        raise
    except ForgeError as error:
        log.warning("checkpoints are not looked for run_id=%s reason=%s", seen.run.id, error.message)
        return None
    left = ((failure, _left_by(failure, candidates, namesakes)) for failure in seen.failures)
    return tuple(_judged(forge, seen, failure, found, excluded) for failure, found in left if found)


def _candidates(forge: Forge, run: Run) -> list[Candidate]:
    named = ((artifact, parse_artifact_name(artifact.name)) for artifact in forge.artifacts_of_run(run.id))
    return [
        Candidate(artifact=artifact, name=name)
        for artifact, name in named
        if name is not None and name.run_id == artifact.run_id == run.id
    ]


def _earlier_ids(forge: Forge, seen: Observation) -> dict[str, set[int]]:
    """The ids that the failed jobs had in earlier attempts, by name: a name stays, an id does not.

    Where two jobs of one attempt have the same name, it does not tell which of them is which.
    """
    names = Counter(job.name for job in seen.jobs)
    ids: dict[str, set[int]] = {failure.job_name: set() for failure in seen.failures if names[failure.job_name] <= 1}
    earlier = forge.jobs_of_all_attempts(seen.run.id) if seen.attempt > 1 else ()
    for job in earlier:
        if job.name in ids and job.run_attempt < seen.attempt:
            ids[job.name].add(job.id)
    return ids


def _left_by(
    failure: PipelineFailure, candidates: Iterable[Candidate], namesakes: Mapping[str, set[int]]
) -> list[Candidate]:
    """What a failed job left in this attempt or the ones before, the newest last."""
    ids = {failure.job_id} | namesakes.get(failure.job_name, set())
    return sorted((one for one in candidates if one.name.job_id in ids), key=lambda one: one.age)


def _judged(
    forge: Forge, seen: Observation, failure: PipelineFailure, found: list[Candidate], excluded: Exclusion
) -> JobCheckpoint:
    newest = found[-1]
    errors: tuple[str, ...] = ()
    corrupt, progressed = False, False
    checkpoint_id = ""
    try:
        checkpoint = _believed(forge, seen.run, newest, excluded)
        checkpoint_id = checkpoint.id
        progressed = newest.name.job_id == failure.job_id and _got_further(forge, seen, failure, found, checkpoint)
    except _Refused as refused:
        errors, corrupt, checkpoint_id = (str(refused),), refused.corrupt, refused.checkpoint_id
    return JobCheckpoint(
        job_name=failure.job_name,
        job_id=failure.job_id,
        checkpoint_id=checkpoint_id,
        name=newest.name.name,
        artifact_id=newest.artifact.id,
        artifact_digest=newest.artifact.digest,
        made_in_attempt=newest.name.attempt,
        progressed=progressed,
        errors=errors,
        corrupt=corrupt,
    )


def _got_further(
    forge: Forge, seen: Observation, failure: PipelineFailure, found: list[Candidate], newest: WorkflowCheckpoint
) -> bool:
    """Whether a checkpoint is more than the one that the attempt itself continued from; asked only if it matters."""
    before = [one for one in found if one.name.job_id != failure.job_id]
    if not before or not was_cut_off(failure):
        return True
    try:
        earlier = _believed(forge, seen.run, before[-1], lambda _: None)
    except _Refused as refused:
        return not refused.may_pass  # nothing can have been continued from one that is no good
    return _progress_of(newest) != _progress_of(earlier)


def _progress_of(checkpoint: WorkflowCheckpoint) -> object:
    particulars = particulars_of(checkpoint)
    tree = particulars.content.tree_digest if particulars.content else None
    return particulars.done, checkpoint.workflow_state, tree


def _believed(forge: Forge, run: Run, candidate: Candidate, excluded: Exclusion) -> WorkflowCheckpoint:
    """The checkpoint in a candidate whose manifest is sound and says the same as GitHub does."""
    if candidate.artifact.expired:
        raise _Refused("its artifact has expired; raise `retention-days` where it is made")
    try:
        content = forge.artifact_file(candidate.artifact, MANIFEST)
        if content is None:
            raise _Refused(f"its artifact holds no {MANIFEST}", corrupt=True)
        checkpoint = read_manifest(content, source=candidate.artifact.name)
        particulars = particulars_of(checkpoint)
    except UnknownSchema as error:
        raise _Refused(error.message) from error
    except (CheckpointRejected, ArtifactDamaged) as error:
        raise _Refused(error.message, corrupt=True) from error
    except (AuthenticationError, RateLimited):
        raise
    except ForgeError as error:
        raise _Refused(error.message, may_pass=True) from error
    contradicted = next(contradictions(checkpoint, particulars, origin_of(run, candidate.name)), None)
    told = contradicted or excluded(checkpoint.id)
    if told is not None:
        raise _Refused(told, corrupt=True, checkpoint_id=_proven_id(checkpoint, candidate))
    return checkpoint


def _proven_id(checkpoint: WorkflowCheckpoint, candidate: Candidate) -> str:
    """The id that a refused manifest claims, if it is its own to lose: a copy must not condemn what it was copied from.

    A fork's run can claim any id; its artifacts are judged where they are, and nowhere else.
    """
    artifact, name = candidate.artifact, candidate.name
    is_its_own = checkpoint.run_id == str(name.run_id) and is_own_artifact(artifact)
    return checkpoint.id if is_its_own and is_checkpoint_id(checkpoint.id) and name.names(checkpoint.id) else ""

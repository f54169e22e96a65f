"""What there is to know about the checkpoints that might be gone back to, gathered one by one, newest first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property

from recovery.errors import ForgeRefused
from recovery.models.catalogue import readable_particulars
from recovery.models.checkpoint import CheckpointHealth, Particulars
from recovery.models.github import Artifact, Job, Run
from recovery.models.records import RecoveryState, WorkflowCheckpoint
from recovery.models.rollback import OVERRIDABLE, CandidateFacts, Hold, RollbackKind
from recovery.policy.bad_run import is_at_own_reference
from recovery.policy.candidates import candidates_among, run_number, those_that_count
from recovery.policy.holds import hold_of, standing_hold
from recovery.policy.naming import rollback_tag
from recovery.policy.proof import as_they_ended, is_proven, jobs_missed, jobs_that_deployed, those_that_matter
from recovery.policy.targets import MOST_CANDIDATES, RollbackCase, reasons_against
from recovery.policy.validation import CheckpointFacts, check_environment
from recovery.policy.workflow_file import can_be_dispatched_with, jobs_of
from recovery.ports import Delivery, Forge, Store
from recovery.settings import Settings
from recovery.warden import holds_on

MOST_LOCK_FILES = 5
"""Lock files of a checkpoint that are compared with its commit."""


class Surveyor:
    """Looks into candidates for one rollback.

    Requests for each: its run, its artifact, how its commit stands to the bad one, its tag, its hold, the workflow
    file at its commit; how it stands to the default branch only where it is not before the bad commit; the jobs of its
    run, and its lock files, only where nothing else stands against it that a person may not set aside. Once: the
    workflow file as it is now, how the bad commit stands to the default branch, and the jobs of the bad run where a
    candidate's run left one out. One more for each hold that is found to be read, and two for who made it. What stood
    before a failed rollback is not asked about tag and hold.
    """

    def __init__(self, store: Store, forge: Forge, delivery: Delivery, case: RollbackCase, settings: Settings) -> None:
        self._store = store
        self._forge = forge
        self._delivery = delivery
        self._case = case
        self._settings = settings

    def newest_first(self) -> Iterator[CandidateFacts]:
        """Facts about the newest checkpoints of the workflow, one a run; asked for as they are looked at."""
        among = candidates_among(self._on_record, self._case.bad_run.workflow_name)
        for _, checkpoint in zip(range(MOST_CANDIDATES), among, strict=False):
            yield self.look_into(checkpoint)

    def look_into(self, checkpoint: WorkflowCheckpoint) -> CandidateFacts:
        """Everything about one checkpoint.

        Raises:
            ForgeError: GitHub cannot be asked.
        """
        facts = self._before_its_jobs(checkpoint)
        firm = [reason for reason in reasons_against(facts, self._case) if reason.id not in OVERRIDABLE]
        return facts if facts.run is None or firm else self._with_its_jobs(facts, facts.run)

    def _before_its_jobs(self, checkpoint: WorkflowCheckpoint) -> CandidateFacts:
        run = self._run(checkpoint.run_id)
        commit = run.head_sha if run else checkpoint.commit_sha
        path = self._case.bad_run.path
        workflow = self._forge.file_text(path, commit)
        particulars = readable_particulars(checkpoint)
        health, detail = self._store.health_of(checkpoint.id)
        dispatches = self._case.rule.kind is RollbackKind.REDISPATCH
        stood = self._stood(checkpoint)
        before = not stood and self._is_before(commit)
        return CandidateFacts(
            checkpoint=checkpoint,
            particulars=particulars,
            health=health,
            health_detail=detail,
            run=run,
            artifact=self._artifact(particulars),
            reachable=self._is_reachable(commit, before=before),
            before=before,
            stood=stood,
            jobs_then=jobs_of(workflow),
            jobs_now=self._jobs_now,
            declares_input=can_be_dispatched_with(workflow, self._case.rule.input) if dispatches else None,
            hold=None if stood else self._hold(commit),
            rolled_back=not stood and self._was_rolled_back(commit),
            is_rollback=self._is_rollback(run),
            damaged_beside=self._damaged_beside(checkpoint),
            environment_errors=self._environment_errors(checkpoint, particulars),
        )

    def _with_its_jobs(self, facts: CandidateFacts, run: Run) -> CandidateFacts:
        """What the jobs of its run tell; of what stood before a failed rollback, only which of them deploy."""
        of_all_attempts = self._forge.jobs_of_all_attempts(run.id)
        jobs = as_they_ended(of_all_attempts)
        told: dict[str, object] = {"jobs": jobs_that_deployed(jobs, self._settings)}
        if not facts.stood:
            missed = jobs_missed(jobs, self._settings)
            in_bad_run = self._jobs_of_bad_run if missed else ()
            told["jobs_missed"] = those_that_matter(missed, jobs, in_bad_run, self._settings)
            told["unproven"] = self._unproven(facts.checkpoint, of_all_attempts, run.run_attempt)
            told["drifted"] = self._drifted(facts.checkpoint, run.head_sha)
        return facts.model_copy(update=told)

    def _drifted(self, checkpoint: WorkflowCheckpoint, commit: str) -> tuple[str, ...]:
        """Lock files whose recorded digest is not that of the file at the commit; one request for each, up to five."""
        recorded = checkpoint.metadata.get("dependency_digests")
        digests = recorded if isinstance(recorded, dict) else {}
        at_commit = ((path, self._digest(str(path), commit)) for path in list(digests)[:MOST_LOCK_FILES])
        return tuple(str(path) for path, digest in at_commit if digest is not None and digest != digests[path])

    def _digest(self, path: str, commit: str) -> str | None:
        """Digest of a file at a commit; None where it is not part of it, or is no text."""
        try:
            text = self._forge.file_text(path, commit)
        except ForgeRefused:
            return None
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text is not None else None

    def _unproven(self, checkpoint: WorkflowCheckpoint, jobs: Sequence[Job], newest_attempt: int) -> tuple[str, ...]:
        told = ((one.id, readable_particulars(one)) for one in self._counting(checkpoint))
        return tuple(name for name, made in told if made is not None and not is_proven(made, jobs, newest_attempt))

    @cached_property
    def _jobs_of_bad_run(self) -> tuple[Job, ...]:
        return self._forge.jobs(self._case.bad_run.id, self._case.bad_run.run_attempt)

    @cached_property
    def _jobs_now(self) -> frozenset[str] | None:
        return jobs_of(self._forge.file_text(self._case.bad_run.path, self._case.default_branch))

    @cached_property
    def _holds_on_record(self) -> tuple[Hold, ...]:
        """Holds that the store knows of; their artifacts may not have been uploaded."""
        plans = ((self._store.plan(state.id), state) for state in self._rollbacks)
        found = (hold_of(plan, state) for plan, state in plans if plan is not None)
        return tuple(hold for hold in found if hold is not None)

    @cached_property
    def _runs_of_rollbacks(self) -> frozenset[str]:
        """Ids of the runs that rollbacks have started, as far as they are on record."""
        return frozenset(
            str(state.metadata.get("reference"))
            for state in self._rollbacks
            if state.recovery_context.get("rollback", {}).get("kind") == RollbackKind.REDISPATCH
        )

    @cached_property
    def _rollbacks(self) -> tuple[RecoveryState, ...]:
        return self._store.rollbacks(self._forge.repository)

    @cached_property
    def _on_record(self) -> tuple[WorkflowCheckpoint, ...]:
        return self._store.checkpoints(self._forge.repository)

    @cached_property
    def _bad_is_reachable(self) -> bool:
        return self._is_part_of_default_branch(self._case.bad_sha)

    def _is_reachable(self, commit: str, *, before: bool) -> bool:
        """Whether a commit is part of the default branch; what is before one that is need not be asked about."""
        if commit == self._case.bad_sha or (before and self._bad_is_reachable):
            return self._bad_is_reachable
        return self._is_part_of_default_branch(commit)

    def _is_part_of_default_branch(self, commit: str) -> bool:
        return self._delivery.compare(commit, self._case.default_branch) in {"ahead", "identical"}

    def _is_before(self, commit: str) -> bool:
        bad = self._case.bad_sha
        return commit != bad and self._delivery.compare(commit, bad) == "ahead"

    def _stood(self, checkpoint: WorkflowCheckpoint) -> bool:
        failed = self._case.returns_from
        return failed is not None and failed.order.rollback_checkpoint_id == checkpoint.id

    def _left_by(self, run_id: str) -> tuple[WorkflowCheckpoint, ...]:
        return tuple(one for one in self._on_record if one.run_id == run_id)

    def _counting(self, checkpoint: WorkflowCheckpoint) -> tuple[WorkflowCheckpoint, ...]:
        """What counts of all that its run left, and itself."""
        counting = those_that_count(self._left_by(checkpoint.run_id))
        return counting if checkpoint.id in {one.id for one in counting} else (*counting, checkpoint)

    def _damaged_beside(self, checkpoint: WorkflowCheckpoint) -> tuple[str, ...]:
        damaged = damaged_among(self._store, self._counting(checkpoint))
        return tuple(f"`{name}`{because}" for name, because in damaged.items() if name != checkpoint.id)

    def _run(self, run_id: str) -> Run | None:
        number = run_number(run_id)
        return run_if_there(self._forge, number) if number is not None else None

    def _artifact(self, particulars: Particulars | None) -> Artifact | None:
        if particulars is None or particulars.artifact_id is None:
            return None
        return self._delivery.artifact(particulars.artifact_id)

    def _hold(self, commit: str) -> Hold | None:
        believed = self._settings.believed_workflows
        holds = (*self._holds_on_record, *holds_on(self._forge, commit, believed, self._case.default_branch))
        return standing_hold(holds, commit, self._case.bad_run.workflow_name, self._case.now)

    def _was_rolled_back(self, commit: str) -> bool:
        tag = rollback_tag(self._case.bad_run.workflow_name, self._case.rule.environment, commit)
        return self._delivery.reference(f"tags/{tag}") is not None

    def _is_rollback(self, run: Run | None) -> bool:
        return run is not None and (is_at_own_reference(run) or str(run.id) in self._runs_of_rollbacks)

    def _environment_errors(
        self, checkpoint: WorkflowCheckpoint, particulars: Particulars | None
    ) -> tuple[str, ...] | None:
        """What differs from what the same job of the bad run recorded; None where it recorded nothing to compare."""
        if particulars is None:
            return None
        for other in self._left_by(str(self._case.bad_run.id)):
            there = readable_particulars(other)
            if there is None or (there.job, there.matrix) != (particulars.job, particulars.matrix):
                continue
            now = {name: text for name, text in other.environment_context.items() if isinstance(text, str)}
            common = {name: text for name, text in checkpoint.environment_context.items() if name in now}
            facts = CheckpointFacts(stored=None, environment=now, available_artifacts=(), dependency_digests={})
            compared = checkpoint.model_copy(update={"environment_context": common})
            return check_environment(compared, facts).errors if common else None
        return None


def run_if_there(forge: Forge, run_id: int) -> Run | None:
    """A run as it stands now; None when GitHub knows none of that id (any more)."""
    try:
        return forge.run(run_id)
    except ForgeRefused as error:
        if error.status == 404:
            return None
        raise


def damaged_among(store: Store, left: Sequence[WorkflowCheckpoint]) -> dict[str, str]:
    """Which of these are known to be damaged: ids, each with how."""
    known = {one.id: store.health_of(one.id) for one in left}
    return {
        name: f" ({detail})" if detail else ""
        for name, (health, detail) in known.items()
        if health is CheckpointHealth.CORRUPT
    }

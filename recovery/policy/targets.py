"""Which checkpoint is gone back to: one check for each reason against it, and the newest that passes all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from recovery.models.checkpoint import CheckpointHealth, parse_artifact_name
from recovery.models.github import Artifact, Run
from recovery.models.record import Record
from recovery.models.rollback import (
    OVERRIDABLE,
    PRE_ROLLBACK,
    CandidateFacts,
    Rejected,
    Rejection,
    RejectionId,
    TargetChoice,
)
from recovery.policy.bad_run import is_of_branch_itself
from recovery.policy.returning import FailedRollback
from recovery.policy.trust import is_own_artifact
from recovery.settings import RollbackRule

MOST_CANDIDATES = 10
"""Runs whose checkpoints are looked into, newest first: each costs requests, and older ones are seldom wanted."""


class RollbackCase(Record):
    """What is rolled back, and how."""

    rule: RollbackRule
    bad_run: Run
    default_branch: str
    now: datetime
    attempt: int | None = None
    """The attempt of the bad run that this is about; None for whichever is its newest."""
    returns_from: FailedRollback | None = None
    """The rollback that failed half-way, where this is the way back from it."""

    @property
    def bad_sha(self) -> str:
        """The commit that is gone back from."""
        return self.returns_from.order.target_sha if self.returns_from else self.bad_run.head_sha


Check = Callable[[CandidateFacts, RollbackCase], str | None]


def choose_target(
    candidates: Iterable[CandidateFacts], case: RollbackCase, forced: Collection[RejectionId] = ()
) -> TargetChoice:
    """The first candidate against which nothing stands but what is set aside; nothing after it is looked into."""
    set_aside = OVERRIDABLE.intersection(forced)
    rejected: list[Rejected] = []
    for facts in candidates:
        found = reasons_against(facts, case)
        if all(reason.id in set_aside for reason in found):
            return TargetChoice(target=facts, rejected=tuple(rejected), forced=found)
        rejected.append(_rejected(facts, found))
    return TargetChoice(rejected=tuple(rejected))


def reasons_against(facts: CandidateFacts, case: RollbackCase) -> tuple[Rejection, ...]:
    """Every reason against a candidate, in the order of the checks."""
    return tuple(
        Rejection(id=rejection, text=text) for rejection, check in CHECKS.items() if (text := check(facts, case))
    )


def why_artifact_is_unfit(
    artifact: Artifact | None, digest: str | None, run_id: str, now: datetime
) -> tuple[RejectionId, str] | None:
    """What has become of an artifact since its checkpoint was taken in, where it cannot be restored any more."""
    if artifact is None:
        return RejectionId.ARTIFACT_MISSING, "its artifact is gone"
    if artifact.expired or (artifact.expires_at is not None and artifact.expires_at <= now):
        return RejectionId.ARTIFACT_EXPIRED, f"its artifact {artifact.name} has expired"
    if str(artifact.run_id) != run_id or not is_own_artifact(artifact):
        return RejectionId.ARTIFACT_CHANGED, f"its artifact {artifact.name} is another run's ({artifact.run_id})"
    if digest is not None and artifact.digest != digest:
        found = artifact.digest or "none"
        return RejectionId.ARTIFACT_CHANGED, f"its artifact's digest was {digest} and is {found}"
    return None


def damage_in(rejected: Rejected) -> str:
    """What is wrong with a damaged candidate itself, whatever else speaks against it."""
    told = {reason.id: reason.text for reason in rejected.reasons}
    return told.get(RejectionId.ARTIFACT_CHANGED) or told.get(RejectionId.UNHEALTHY) or rejected.reasons[0].text


def _rejected(facts: CandidateFacts, found: tuple[Rejection, ...]) -> Rejected:
    return Rejected(
        checkpoint_id=facts.checkpoint.id,
        run_id=facts.checkpoint.run_id,
        commit_sha=facts.run.head_sha if facts.run else facts.checkpoint.commit_sha,
        reasons=found,
        corrupt=facts.particulars is None or facts.health is CheckpointHealth.CORRUPT or _has_another_digest(facts),
    )


def _has_another_digest(facts: CandidateFacts) -> bool:
    """Whether the checkpoint's own artifact is not what was taken in; another's proves nothing about this one."""
    artifact, particulars = facts.artifact, facts.particulars
    if artifact is None or particulars is None or not is_own_artifact(artifact) or _is_of_another(facts):
        return False
    taken_in, found = particulars.artifact_digest, artifact.digest
    return str(artifact.run_id) == facts.checkpoint.run_id and None not in {taken_in, found} and taken_in != found


def not_successful(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """Nothing shows that its run was good; what stood before a failed rollback need not have been."""
    if facts.stood:
        return None
    if facts.run is None:
        return f"its run {facts.checkpoint.run_id} is not known to GitHub (any more)"
    if not facts.run.completed:
        return f"its run {facts.run.id} has not completed"
    if facts.run.conclusion != "success":
        return f"its run {facts.run.id} ended with `{facts.run.conclusion}`"
    return _why_green_proves_nothing(facts)


def wrong_branch(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """It was made where anybody may push."""
    run = facts.run
    allowed = (case.default_branch, *case.rule.branches)
    if run is None or facts.stood:
        return None
    if not is_of_branch_itself(run):
        return "its run belongs to a pull request or a fork"
    if run.head_branch in allowed:
        return None
    return f"its run was on `{run.head_branch}`, and targets come from {' or '.join(f'`{name}`' for name in allowed)}"


def other_workflow(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """It was made by another workflow than the one that is rolled back."""
    made_by = facts.run.path if facts.run else case.bad_run.path
    named = facts.checkpoint.workflow_name
    if made_by == case.bad_run.path and named == case.bad_run.workflow_name:
        return None
    return f"it was made by workflow `{named}` ({made_by}), not by `{case.bad_run.workflow_name}`"


def structure_changed(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """The workflow has other jobs now than it had then."""
    then, now = facts.jobs_then, facts.jobs_now
    if then is None:
        return f"the workflow {case.bad_run.path} cannot be read at its commit"
    if now is None:
        return f"the workflow {case.bad_run.path} cannot be read on `{case.default_branch}`"
    if then == now:
        return None
    added, gone = sorted(now - then), sorted(then - now)
    told = [f"`{name}` was not there then" for name in added] + [f"`{name}` is not there now" for name in gone]
    return f"the workflow has other jobs: {', '.join(told)}"


def unhealthy(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """It is known to be of no use."""
    if facts.particulars is None:
        return "its metadata is damaged"
    if not facts.health.is_usable:
        return f"it is {facts.health}" + (f": {facts.health_detail}" if facts.health_detail else "")
    if facts.damaged_beside:
        return f"its run left damaged ones beside it: {', '.join(facts.damaged_beside)}"
    return None


def artifact_missing(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """There is nothing to restore from."""
    if facts.particulars is not None and facts.particulars.artifact_id is None and not _is_kept_state(facts):
        return "no artifact of it is known"
    return _of_artifact(RejectionId.ARTIFACT_MISSING, facts, case)


def artifact_expired(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """GitHub has deleted what it was made of, or is about to."""
    return _of_artifact(RejectionId.ARTIFACT_EXPIRED, facts, case)


def artifact_changed(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """What GitHub holds is not what was taken in."""
    if facts.particulars is not None and facts.artifact is not None and _is_of_another(facts):
        return f"its artifact {facts.artifact.name} is another checkpoint's"
    return _of_artifact(RejectionId.ARTIFACT_CHANGED, facts, case)


def is_rollback(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """Its run was itself a rollback: what it went back to has a checkpoint of its own."""
    return f"its run {facts.checkpoint.run_id} was itself a rollback" if facts.is_rollback else None


def on_hold(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """Its commit was rolled back itself, and not by the rollback that is returned from."""
    if facts.stood:
        return None
    if facts.hold is not None:
        because = f": {facts.hold.reason}" if facts.hold.reason else ""
        return f"its commit is on hold until {facts.hold.until:%Y-%m-%d %H:%M} UTC by {facts.hold.recovery_id}{because}"
    if facts.rolled_back:
        return "its commit was rolled back before, and nobody has released it since"
    return None


def not_reachable(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """Its commit is not part of the default branch's history: it was never merged, or was rewritten away."""
    return None if facts.reachable else f"its commit is not part of the history of `{case.default_branch}`"


def not_before(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """Its commit came after the bad one, or beside it: it may well have what is bad."""
    if facts.before or facts.stood or same_commit(facts, case):
        return None
    return f"its commit is not before the one that is rolled back ({case.bad_sha[:7]})"


def same_commit(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """Going back to it would change nothing."""
    commits = {facts.checkpoint.commit_sha, facts.run.head_sha if facts.run else ""}
    return "it is of the very commit that is rolled back" if case.bad_sha in commits else None


def dependencies_differ(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """It was made with other dependencies than its commit has: the job had changed them."""
    if not facts.drifted:
        return None
    files = ", ".join(f"`{path}`" for path in facts.drifted)
    return f"it recorded other lock files than its commit has: {files}"


def environment_differs(facts: CandidateFacts, _: RollbackCase) -> str | None:
    """It was made in another environment than the one that work is done in now."""
    return "; ".join(facts.environment_errors or ()) or None


def input_undeclared(facts: CandidateFacts, case: RollbackCase) -> str | None:
    """The workflow at its commit cannot be told what to go back to: GitHub would answer 422."""
    if facts.declares_input is not False:
        return None
    return (
        f"the workflow at its commit declares no `workflow_dispatch` input `{case.rule.input}`:"
        " it is older than the set-up for rollbacks"
    )


CHECKS: dict[RejectionId, Check] = {
    RejectionId.NOT_SUCCESSFUL: not_successful,
    RejectionId.WRONG_BRANCH: wrong_branch,
    RejectionId.OTHER_WORKFLOW: other_workflow,
    RejectionId.STRUCTURE_CHANGED: structure_changed,
    RejectionId.UNHEALTHY: unhealthy,
    RejectionId.ARTIFACT_MISSING: artifact_missing,
    RejectionId.ARTIFACT_EXPIRED: artifact_expired,
    RejectionId.ARTIFACT_CHANGED: artifact_changed,
    RejectionId.IS_ROLLBACK: is_rollback,
    RejectionId.ON_HOLD: on_hold,
    RejectionId.NOT_REACHABLE: not_reachable,
    RejectionId.NOT_BEFORE: not_before,
    RejectionId.SAME_COMMIT: same_commit,
    RejectionId.ENVIRONMENT_DIFFERS: environment_differs,
    RejectionId.DEPENDENCIES_DIFFER: dependencies_differ,
    RejectionId.INPUT_UNDECLARED: input_undeclared,
}
"""One check for each reason, in the order in which the reasons are told."""


def _why_green_proves_nothing(facts: CandidateFacts) -> str | None:
    if facts.jobs_missed:
        names = ", ".join(f"`{name}`" for name in facts.jobs_missed)
        return f"its run {facts.checkpoint.run_id} succeeded without {names}, so that nothing shows that it deployed"
    if facts.unproven:
        names = ", ".join(f"`{name}`" for name in facts.unproven)
        return f"of what its run left, {names} was made by no job that is known to have succeeded then"
    return None


def _of_artifact(rejection: RejectionId, facts: CandidateFacts, case: RollbackCase) -> str | None:
    if facts.particulars is None or facts.particulars.artifact_id is None:
        return None
    digest = facts.particulars.artifact_digest
    found = why_artifact_is_unfit(facts.artifact, digest, facts.checkpoint.run_id, case.now)
    return found[1] if found is not None and found[0] is rejection else None


def _is_of_another(facts: CandidateFacts) -> bool:
    """Whether the artifact is not named like one that holds this checkpoint."""
    name = parse_artifact_name(facts.artifact.name) if facts.artifact else None
    return name is None or not name.names(facts.checkpoint.id)


def _is_kept_state(facts: CandidateFacts) -> bool:
    """Whether it records what stood before an earlier rollback, and never had files."""
    return bool(facts.checkpoint.metadata.get(PRE_ROLLBACK)) and (
        facts.particulars is None or facts.particulars.artifact_id is None
    )

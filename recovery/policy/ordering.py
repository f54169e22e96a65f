"""From the choice of a target to the decision and the order: pure, so that the same facts give the same order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId, RecoveryPlan
from recovery.models.records import RecoveryState, RecoveryType
from recovery.models.rollback import CandidateFacts, RollbackKind, RollbackOrder, TargetChoice
from recovery.policy.naming import busy_tag, return_tag, rollback_tag
from recovery.policy.targets import RollbackCase


def decide_on_target(
    because: Sequence[Reason],
    case: RollbackCase,
    choice: TargetChoice,
    against: Reason | None,
    notes: tuple[Reason, ...] = (),
) -> Decision:
    """To act on the target that was found, or to decline with every reason why there is none; notes come last."""
    found = choice.target
    if found is None or against is not None:
        reasons = (against,) if against else tuple(_without_target(case, choice))
        return Decision(kind=DecisionKind.DECLINE, strategy=RecoveryType.NONE, reasons=(*reasons, *because, *notes))
    chosen = Reason(id=ReasonId.TARGET_VALID, text=_why_chosen(case, found, choice))
    return Decision(kind=DecisionKind.ACT, strategy=RecoveryType.ROLLBACK, reasons=(*because, chosen, *notes))


def _why_chosen(case: RollbackCase, found: CandidateFacts, choice: TargetChoice) -> str:
    text = f"checkpoint `{found.checkpoint.id}` of run {found.checkpoint.run_id} passed every check"
    text += "".join(f", but for `{reason.id}`, which was set aside" for reason in choice.forced)
    if found.stood and case.returns_from is not None:
        text += f"; it is what stood before {case.returns_from.id}, which failed half-way"
    elif found.environment_errors is None:
        text += "; the environment was not compared: the bad run recorded none"
    return text


def given_up(plan: RecoveryPlan, standing: RecoveryState) -> RecoveryPlan:
    """The plan as a decision to leave it, because something else was done about the same attempt; it orders nothing."""
    reason = Reason(id=ReasonId.ALREADY_DECIDED, text=f"recovery {standing.id} of this attempt is {standing.status}")
    decision = Decision(kind=DecisionKind.DECLINE, strategy=RecoveryType.NONE, reasons=(reason, *plan.decision.reasons))
    header = plan.header.model_copy(update={"recovery_type": RecoveryType.NONE})
    order = plan.rollback.model_copy(update=_NO_TARGET) if plan.rollback else None
    return plan.model_copy(
        update={"header": header, "decision": decision, "steps": ("report_to_people",), "rollback": order}
    )


def order_for(
    case: RollbackCase,
    choice: TargetChoice,
    *,
    nonce: str,
    before: str | None = None,
    inputs: Mapping[str, str] | None = None,
    reason: str = "",
    automatic: bool = False,
) -> RollbackOrder:
    """The order for a rollback, or for the return from one; without a target, what was looked into in vain."""
    run, rule, failed = case.bad_run, case.rule, case.returns_from
    order = RollbackOrder(
        kind=rule.kind,
        workflow_name=run.workflow_name,
        workflow_file=run.path,
        environment=rule.environment,
        input_name=rule.input,
        default_branch=case.default_branch,
        inputs=tuple((inputs or {}).items()),
        bad_sha=case.bad_sha,
        bad_run_id=run.id,
        rollback_checkpoint_id=before,
        returns_from=failed.id if failed else None,
        nonce=nonce,
        tag=tag_of(case),
        busy_tag=busy_tag(run.workflow_name, rule.environment),
        hold_until=case.now + timedelta(seconds=rule.hold) if rule.hold and not failed else None,
        reason=reason,
        automatic=automatic,
        forced=choice.forced,
        rejected=choice.rejected,
    )
    return order.model_copy(update=_target_fields(choice.target, rule.kind)) if choice.target else order


def tag_of(case: RollbackCase) -> str:
    """The tag that makes sure that this is done once: that of the bad commit, or of the return from its rollback."""
    workflow, environment = case.bad_run.workflow_name, case.rule.environment
    if case.returns_from is not None:
        return return_tag(workflow, environment, case.returns_from.order.bad_sha)
    return rollback_tag(workflow, environment, case.bad_sha)


_NO_TARGET: dict[str, object] = {
    "target_checkpoint_id": None,
    "target_sha": "",
    "target_run_id": 0,
    "target_artifact_id": None,
    "target_artifact_digest": None,
    "rollback_checkpoint_id": None,
    "jobs": (),
    "target_branch": "",
    "forced": (),
}


def _target_fields(facts: CandidateFacts, kind: RollbackKind) -> dict[str, object]:
    particulars = facts.particulars
    return {
        "target_checkpoint_id": facts.checkpoint.id,
        "target_sha": facts.run.head_sha if facts.run else facts.checkpoint.commit_sha,
        "target_run_id": facts.run.id if facts.run else 0,
        "target_artifact_id": particulars.artifact_id if particulars else None,
        "target_artifact_digest": particulars.artifact_digest if particulars else None,
        "jobs": facts.jobs if kind is RollbackKind.REDISPATCH else (),
        "target_branch": (facts.run.head_branch or "") if facts.run else "",
    }


def _without_target(case: RollbackCase, choice: TargetChoice) -> Iterator[Reason]:
    looked_into = len(choice.rejected)
    told = f"none of the {looked_into} that were looked into is fit" if looked_into else "none is on record"
    yield Reason(
        id=ReasonId.NO_TARGET,
        text=f"there is no checkpoint of `{case.bad_run.workflow_name}` to go back to: {told}",
    )
    for rejected in choice.rejected:
        why = "; ".join(f"{reason.id}: {reason.text}" for reason in rejected.reasons)
        yield Reason(
            id=ReasonId.NO_TARGET,
            text=f"`{rejected.checkpoint_id}` of run {rejected.run_id} ({rejected.commit_sha[:7]}): {why}",
        )

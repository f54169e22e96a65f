"""Whether a failure is one to go back from: what was deployed is broken, or what a deployment left is damaged."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.models.decision import Decision, DecisionKind, JobCheckpoint, Reason, ReasonId
from recovery.models.records import PipelineFailure, RecoveryType
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.bad_run import why_not
from recovery.policy.vetoes import OVERRIDABLE, Case, effects_of
from recovery.settings import SideEffects

_DEPLOYED_NOTHING = frozenset({FailureClass.UNKNOWN, FailureClass.NO_FAILURE, FailureClass.POLICY_GATE})
"""Classes that do not show that a deployment is broken: a gate stops one before it begins, like `mode: guard`."""

_SPEAKS_AGAINST_A_RERUN_ONLY = (OVERRIDABLE - {ReasonId.DISABLED}) | {ReasonId.ATTEMPT_CAP}
"""Vetoes that say that the same commit must not, or need not, be tried again; no veto of going back to another one."""


def going_back(case: Case, vetoes: Sequence[Reason]) -> Decision | None:
    """To roll back, where that is configured for the workflow and these vetoes speak against trying again only.

    It is done without a person's word only where that is configured, too, and a deployment failed for a real reason.
    """
    rule = case.settings.rollback.get(case.observation.run.workflow_name)
    if rule is None or why_not(case.observation.run, rule, case.default_branch) is not None:
        return None
    broken, damaged = _broken_deployment(case), _damaged_deployment(case)
    critical = tuple(reason for reason in (broken, damaged) if reason is not None)
    if not critical or any(veto.id not in _SPEAKS_AGAINST_A_RERUN_ONLY for veto in vetoes):
        return None
    return Decision(
        kind=DecisionKind.ACT if rule.automatic and broken is not None else DecisionKind.SUGGEST,
        strategy=RecoveryType.ROLLBACK,
        reasons=(*critical, *vetoes),
    )


def at_worst(case: Case) -> Case:
    """The case as it would be if all that failed had left damage: it tells whether to look for checkpoints."""
    damaged = tuple(
        JobCheckpoint(
            job_name=failure.job_name,
            job_id=failure.job_id,
            checkpoint_id="",
            name="",
            artifact_id=0,
            made_in_attempt=failure.attempt,
            errors=("it is damaged",),
            corrupt=True,
        )
        for failure in case.causes
    )
    return case.model_copy(update={"observation": case.observation.model_copy(update={"checkpoints": damaged})})


def _broken_deployment(case: Case) -> Reason | None:
    """That a job that deploys failed, for a reason that is known and real."""
    broken = next((failure for failure in case.causes if _is_broken_deployment(failure, case)), None)
    if broken is None:
        return None
    return Reason(
        id=ReasonId.CRITICAL_FAILURE,
        text=f"job `{broken.job_name}` deploys, and failed for a real reason"
        f" ({broken.failure_class.value.replace('_', ' ')})",
    )


def _damaged_deployment(case: Case) -> Reason | None:
    """That a job that deploys left a damaged checkpoint, and did not fail for a reason that may pass."""
    lasting = {failure.job_id for failure in case.causes if failure.retryable is Retryable.NO}
    damaged = next(
        (
            found
            for found in case.observation.checkpoints or ()
            if found.corrupt and found.job_id in lasting and _deploys(found.job_name, case)
        ),
        None,
    )
    if damaged is None:
        return None
    return Reason(
        id=ReasonId.CRITICAL_FAILURE,
        text=f"job `{damaged.job_name}` deploys, and its checkpoint `{damaged.name}` is damaged: {damaged.errors[0]}",
    )


def _is_broken_deployment(failure: PipelineFailure, case: Case) -> bool:
    if failure.retryable is not Retryable.NO or failure.is_guess or failure.failure_class in _DEPLOYED_NOTHING:
        return False
    return _deploys(failure.job_name, case) or failure.failure_class is FailureClass.DEPLOYMENT


def _deploys(job_name: str, case: Case) -> bool:
    return effects_of(job_name, case.settings) is SideEffects.DANGEROUS

"""From an observation to a decision: act, suggest, or leave it to people, with every reason."""

from __future__ import annotations

from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId
from recovery.models.records import RecoveryType
from recovery.policy.consequences import lead_of
from recovery.policy.resumption import at_best, continuing, may_resume, progress, reasons_to_resume
from recovery.policy.vetoes import DOUBTS, OVERRIDABLE, VETOES, Case, Veto, run_active
from recovery.settings import Strategy


def choose(case: Case, strategy: Strategy = Strategy.AUTO) -> Decision:
    """Decide on one attempt. An explicit strategy is a person's word: it sets aside what a person may judge."""
    if strategy is Strategy.NONE:
        return _declined(Reason(id=ReasonId.REQUESTED, text="`strategy: none` was asked for"))
    if not case.causes:
        return _declined(
            *_found(case, VETOES),
            Reason(id=ReasonId.NO_FAILURE, text="no failed job was found in this attempt"),
        )
    if strategy is not Strategy.AUTO:
        return _as_asked(case, RecoveryType(strategy.value))
    hopeful = continuing(case)
    if vetoes := _found(hopeful, VETOES):
        return _declined(*vetoes)
    if doubts := _found(hopeful, DOUBTS):
        return Decision(kind=DecisionKind.SUGGEST, strategy=RecoveryType.RETRY, reasons=doubts)
    return Decision(
        kind=DecisionKind.ACT,
        strategy=RecoveryType.RESUME if may_resume(case) else RecoveryType.RETRY,
        reasons=(progress(case) or _transient(case), *reasons_to_resume(case)),
    )


def checkpoints_matter(case: Case, strategy: Strategy) -> bool:
    """Whether it is worth asking GitHub for checkpoints: nothing but their absence could speak against acting."""
    if strategy not in {Strategy.AUTO, Strategy.RESUME}:
        return False
    return choose(case, strategy).kind is DecisionKind.ACT or choose(at_best(case), strategy).kind is DecisionKind.ACT


def _as_asked(case: Case, strategy: RecoveryType) -> Decision:
    found = _found(case, VETOES + DOUBTS)
    standing = tuple(reason for reason in found if reason.id not in OVERRIDABLE)
    because = f": {case.settings.reason}" if case.settings.reason else ""
    asked = Reason(id=ReasonId.REQUESTED, text=f"a person asked for `{strategy}`{because}")
    if standing:
        return _declined(*standing, asked)
    if strategy is RecoveryType.RESUME:
        return _resumed_as_asked(case, asked, found)
    return Decision(kind=DecisionKind.ACT, strategy=strategy, reasons=(asked,), overridden=found)


def _resumed_as_asked(case: Case, asked: Reason, overridden: tuple[Reason, ...]) -> Decision:
    """Where nothing can be continued from, a plain retry is what is left of it; the record says so."""
    about = reasons_to_resume(case) or (
        Reason(id=ReasonId.CHECKPOINT_REJECTED, text="no checkpoint of a failed job was found: a plain retry is left"),
    )
    strategy = RecoveryType.RESUME if may_resume(case) else RecoveryType.RETRY
    return Decision(kind=DecisionKind.ACT, strategy=strategy, reasons=(asked, *about), overridden=overridden)


def _found(case: Case, vetoes: tuple[Veto, ...]) -> tuple[Reason, ...]:
    """What speaks against it. Of an attempt that goes on nothing else is known yet: neither jobs nor head."""
    seen = case.observation
    goes_on = seen.attempt == seen.run.run_attempt and not seen.run.completed
    return tuple(reason for veto in ((run_active,) if goes_on else vetoes) if (reason := veto(case)))


def _declined(*reasons: Reason) -> Decision:
    return Decision(kind=DecisionKind.DECLINE, strategy=RecoveryType.NONE, reasons=reasons)


def _transient(case: Case) -> Reason:
    lead = lead_of(case.causes)
    cause = lead.failure_class.value.replace("_", " ")
    others = f", as did {len(case.causes) - 1} more" if len(case.causes) > 1 else ""
    return Reason(
        id=ReasonId.TRANSIENT,
        text=f"job `{lead.job_name}` failed for a passing reason ({cause}){others}, and nothing speaks against a retry",
    )

"""From an observation to a decision: act, suggest, or leave it to people, with every reason."""

from __future__ import annotations

from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId
from recovery.models.records import RecoveryType
from recovery.policy.consequences import lead_of
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
    if vetoes := _found(case, VETOES):
        return _declined(*vetoes)
    if doubts := _found(case, DOUBTS):
        return Decision(kind=DecisionKind.SUGGEST, strategy=RecoveryType.RETRY, reasons=doubts)
    return Decision(kind=DecisionKind.ACT, strategy=RecoveryType.RETRY, reasons=(_transient(case),))


def _as_asked(case: Case, strategy: RecoveryType) -> Decision:
    found = _found(case, VETOES + DOUBTS)
    standing = tuple(reason for reason in found if reason.id not in OVERRIDABLE)
    because = f": {case.settings.reason}" if case.settings.reason else ""
    asked = Reason(id=ReasonId.REQUESTED, text=f"a person asked for `{strategy}`{because}")
    if standing:
        return _declined(*standing, asked)
    return Decision(kind=DecisionKind.ACT, strategy=strategy, reasons=(asked,), overridden=found)


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

"""From an observation to a decision: act, suggest, or leave it to people, with every reason."""

from __future__ import annotations

from recovery.errors import InputError
from recovery.models.decision import Decision, DecisionKind, Reason, ReasonId
from recovery.models.records import RecoveryType
from recovery.policy.consequences import lead_of
from recovery.policy.critical import at_worst, going_back
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
    vetoes = _found(hopeful, VETOES)
    if vetoes:
        return going_back(hopeful, vetoes) or _declined(*vetoes)
    return _tried_again(case, hopeful)


def checkpoints_matter(case: Case, strategy: Strategy) -> bool:
    """Whether it is worth asking GitHub for checkpoints.

    It is where nothing but their absence could speak against acting, or only damage in them for going back.
    """
    if strategy not in {Strategy.AUTO, Strategy.RESUME}:
        return False
    as_it_is, best = choose(case, strategy), choose(at_best(case), strategy)
    if any(one.kind is DecisionKind.ACT and one.strategy is not RecoveryType.ROLLBACK for one in (as_it_is, best)):
        return True
    goes_back_anyway = as_it_is.strategy is RecoveryType.ROLLBACK
    return not goes_back_anyway and choose(at_worst(case), strategy).strategy is RecoveryType.ROLLBACK


def _tried_again(case: Case, hopeful: Case) -> Decision:
    if doubts := _found(hopeful, DOUBTS):
        return Decision(kind=DecisionKind.SUGGEST, strategy=RecoveryType.RETRY, reasons=doubts)
    return Decision(
        kind=DecisionKind.ACT,
        strategy=RecoveryType.RESUME if may_resume(case) else RecoveryType.RETRY,
        reasons=(progress(case) or _transient(case), *reasons_to_resume(case)),
    )


def strategy_named(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        InputError: there is none.
    """
    try:
        return Strategy(name)
    except ValueError as error:
        known = ", ".join(f"`{strategy}`" for strategy in Strategy)
        raise InputError(f"`{name}` is not a strategy", hint=f"use one of {known}") from error


def asked_for(strategy: Strategy, reason: str) -> Reason:
    """A person's word, with what they gave as their reason."""
    because = f": {reason}" if reason else ""
    return Reason(id=ReasonId.REQUESTED, text=f"a person asked for `{strategy}`{because}")


def _as_asked(case: Case, strategy: RecoveryType) -> Decision:
    found = _found(case, VETOES + DOUBTS)
    standing = tuple(reason for reason in found if reason.id not in OVERRIDABLE)
    asked = asked_for(Strategy(strategy.value), case.settings.reason)
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

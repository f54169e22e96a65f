"""A rollback as people read it, word for word: comment, summary, timeline, status, plan and holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from recovery.models.decision import DecisionKind, Reason, ReasonId
from recovery.models.document import DecisionDocument, RejectedDocument, RollbackDocument
from recovery.models.events import NoteTaken
from recovery.models.records import RecoveryState
from recovery.models.rollback import Rejected, Rejection, RejectionId, RollbackKind
from recovery.policy.lifecycle import WAIT, project
from recovery.render.comment import comment_body, visible_part
from recovery.render.decision import decision_document
from recovery.render.holds import hold_lines
from recovery.render.lines import plain_text
from recovery.render.rollback_plan import plan_lines
from recovery.render.status import status_lines
from recovery.render.summary import summary_body
from recovery.render.timeline import timeline, timeline_of
from tests import builders as make
from tests import rollback_builders as rolled
from tests.unit.render.samples import hostile_text, make_document, make_failed

STRUCTURE = Rejection(id=RejectionId.STRUCTURE_CHANGED, text="the workflow has other jobs: `smoke` was not there then")
EXPIRED = Rejection(id=RejectionId.ARTIFACT_EXPIRED, text="its artifact recovery-checkpoint.903 has expired")
UNREACHABLE = Rejection(id=RejectionId.NOT_REACHABLE, text="its commit is not part of the history of `main`")
TOLD = RollbackDocument(
    kind="redispatch",
    environment="production",
    bad_sha=rolled.BAD_SHA,
    target_sha=rolled.GOOD_SHA,
    target_checkpoint_id="ckpt-good0001",
    target_run_id=rolled.GOOD_RUN,
    rollback_checkpoint_id="ckpt-before01",
    hold_until=make.later(7 * 86400),
    forced=(STRUCTURE,),
    rejected=(
        RejectedDocument(
            checkpoint_id="ckpt-newer001", run_id="903", commit_sha="c" * 40, rejections=(EXPIRED, UNREACHABLE)
        ),
    ),
)
RETURN = TOLD.model_copy(
    update={
        "bad_sha": rolled.GOOD_SHA,
        "target_sha": rolled.BAD_SHA,
        "target_checkpoint_id": "ckpt-before01",
        "target_run_id": rolled.BAD_RUN,
        "rollback_checkpoint_id": "ckpt-good0001",
        "returns_from": "rec-902-1-01kb",
        "hold_until": None,
        "forced": (),
        "rejected": (),
    }
)
BY_HAND = make_failed(
    **{"job": "Deploy", "class": "unknown", "retryable": "no", "confidence": 0.0, "evidence": (), "step": None}
)
ASKED = Reason(id=ReasonId.REQUESTED, text="a person asked for `rollback`: the shop is down")
CHOSEN = Reason(id=ReasonId.TARGET_VALID, text="checkpoint `ckpt-good0001` of run 901 passed every check")


def asked_for(**over: object) -> DecisionDocument:
    """A rollback that a person asked for; nothing had failed."""
    fields = {
        "workflow": "Deploy",
        "strategy": "rollback",
        "rollback": TOLD,
        "failures": (BY_HAND,),
        "reasons": (ASKED, CHOSEN),
        "head_sha": rolled.BAD_SHA,
    }
    return make_document(**fields | over)


def proposed() -> DecisionDocument:
    """A deployment that failed for a real reason, of a workflow that is configured."""
    broken = make_failed(**{"job": "deploy", "class": "deployment", "retryable": "no", "step": "Look", "evidence": ()})
    critical = "job `deploy` deploys, and failed for a real reason (deployment)"
    return make_document(
        workflow="Deploy",
        decision="suggest",
        status="declined",
        strategy="rollback",
        failures=(broken,),
        reasons=(Reason(id=ReasonId.CRITICAL_FAILURE, text=critical),),
    )


def without_target() -> DecisionDocument:
    """Everything that was looked into was rejected."""
    nothing = "there is no checkpoint of `Deploy` to go back to: none of the 1 that were looked into is fit"
    left = {"target_sha": None, "target_checkpoint_id": None, "target_run_id": None, "hold_until": None, "forced": ()}
    return asked_for(
        decision="decline",
        status="declined",
        strategy="none",
        rollback=TOLD.model_copy(update=left),
        reasons=(Reason(id=ReasonId.NO_TARGET, text=nothing), ASKED),
    )


COMMENTS = {
    "rollback-proposed": proposed(),
    "rolled-back": asked_for(
        reran=True, status="completed", outcome="cleared", detail="run 904 succeeded", attempt=1, settled_attempt=None
    ),
    "rolling-back": asked_for(
        reran=True,
        status="in_progress",
        rollback=TOLD.model_copy(update={"waits_for": "the rules of environment production"}),
    ),
    "rollback-failed": asked_for(
        reran=True, status="failed", outcome="still-failing", detail="run 904 ended with `failure`"
    ),
    "returned": asked_for(
        reran=True, status="completed", outcome="cleared", detail="run 905 succeeded", rollback=RETURN
    ),
    "no-target": without_target(),
}


@pytest.mark.parametrize("name", COMMENTS)
def test_comment_reads_as_agreed(name: str, golden: Callable[[str, str], None]) -> None:
    """The visible part of each kind of comment on a rollback is its golden text."""
    golden(f"comment/{name}.md", visible_part(comment_body([COMMENTS[name]])))


def test_summary_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """The summary of the run that rolled back."""
    golden("summary/rolled-back.md", summary_body(COMMENTS["rolled-back"]))


def test_timeline_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """A person's word, the decision, what GitHub said, the outcome."""
    golden("timeline/rolled-back.txt", plain_text(timeline(timeline_of([COMMENTS["rolled-back"]], []))))


def test_refused_rollback_is_no_rerun() -> None:
    """What did not happen is named."""
    entries = timeline_of([asked_for(status="failed", detail="403")], [])

    assert ("✗", "The rollback did not happen") == (entries[-1].mark, entries[-1].title)


def test_proposal_names_the_workflow_for_a_shell() -> None:
    """A name with blanks and quotes is one argument."""
    shown = comment_body([proposed().model_copy(update={"workflow": "Bob's $(site)"})])

    assert """-f workflow='Bob'"'"'s $(site)'""" in shown


@pytest.mark.parametrize(
    ("name", "document"),
    [("target", asked_for()), ("none", without_target()), ("return", asked_for(rollback=RETURN))],
    ids=["target", "none", "return"],
)
def test_plan_reads_as_agreed(name: str, document: DecisionDocument, golden: Callable[[str, str], None]) -> None:
    """The target, and each rejected candidate with all of its reasons."""
    golden(f"rollback/plan-{name}.txt", plain_text(plan_lines(document)))


def test_plan_of_nothing_says_so() -> None:
    """A document about something else has no target."""
    assert "nothing is to be rolled back\n" == plain_text(plan_lines(make_document()))


def test_holds_read_as_agreed(golden: Callable[[str, str], None]) -> None:
    """Which commit, for whom, until when, by what and why; and how to release it."""
    golden("rollback/holds.txt", plain_text(hold_lines([rolled.make_hold()])))
    assert "No commit is on hold.\n" == plain_text(hold_lines([]))


def recorded(*events: object, **over: object) -> RecoveryState:
    """The record of a rollback that a person asked for."""
    rejected = Rejected(checkpoint_id="ckpt-newer001", run_id="903", commit_sha="c" * 40, reasons=(EXPIRED,))
    order = rolled.make_order(
        rollback_checkpoint_id="ckpt-before01", forced=(STRUCTURE,), rejected=(rejected,), reason="the shop is down"
    ).model_copy(update=over)
    header = make.make_header(
        run_id=rolled.BAD_RUN, workflow_name="Deploy", failure_id="manual-01", recovery_type="rollback"
    )
    decision = make.make_decision(kind=DecisionKind.ACT, strategy="rollback", reasons=(ASKED, CHOSEN))
    plan = make.make_plan(header=header, decision=decision, rollback=order)
    made = [make.recovery_decided(plan=plan, at=make.NOW)]
    return project([*made, *(event(plan.header) for event in events)])  # type: ignore[operator]


def accepted(header: object) -> object:
    """GitHub took it."""
    return make.effect_answered(recovery=header, effect="roll back", at=make.later(5), reference="904", detail="")


def failed(header: object) -> object:
    """The dispatched run failed."""
    detail = "run 904 ended with `failure`"
    return make.recovery_settled(
        recovery=header, outcome="still-failing", at=make.later(90), detail=detail, settled_attempt=None
    )


def test_status_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """From where to where, what was set aside and passed over, and the way back; the synthetic failure is none."""
    by_hand = make.make_failure(kind="manual", job_name="Deploy")

    golden("status/rollback-failed.txt", plain_text(status_lines(recorded(accepted, failed), [by_hand])))


def test_status_of_a_return_reads_as_agreed(golden: Callable[[str, str], None]) -> None:
    """From which failed rollback; that it failed, too, is the end: people look."""
    back = {
        "bad_sha": rolled.GOOD_SHA,
        "target_sha": rolled.BAD_SHA,
        "target_run_id": rolled.BAD_RUN,
        "target_checkpoint_id": "ckpt-before01",
        "rollback_checkpoint_id": "ckpt-good0001",
        "returns_from": "rec-902-1-01kb",
        "hold_until": None,
        "forced": (),
        "rejected": (),
    }

    golden("rollback/status-return.txt", plain_text(status_lines(recorded(accepted, failed, **back))))


@pytest.mark.parametrize(
    ("over", "outcome", "expected"),
    [
        ({}, "still-failing", True),
        ({"kind": RollbackKind.DEPLOYMENT}, "unknown", True),
        ({"kind": RollbackKind.REVERT_PR}, "unknown", False),
        ({}, "cleared", False),
        ({}, "not-rerun", False),
        ({"rollback_checkpoint_id": None}, "still-failing", False),
    ],
)
def test_status_tells_the_way_back_where_there_is_one(over: dict[str, object], outcome: str, expected: bool) -> None:
    """The command goes back without a run's id; what came to nothing, or well, needs none."""

    def ended(header: object) -> object:
        return make.recovery_settled(
            recovery=header, outcome=outcome, at=make.later(90), detail="", settled_attempt=None
        )

    shown = plain_text(status_lines(recorded(accepted, ended, **over)))

    command = "to go back to what stood before: recovery rollback --checkpoint-id ckpt-before01 --reason '…'"
    assert expected == (command in shown)


@pytest.mark.parametrize(("outcome", "expected"), [(None, False), ("not-rerun", False), ("cleared", True)])
def test_status_of_a_revert_tells_no_hold_before_it_is_merged(outcome: str | None, expected: bool) -> None:
    """A pull request that is open, or that people closed, holds nothing."""

    def ended(header: object) -> object:
        return make.recovery_settled(
            recovery=header, outcome=outcome, at=make.later(90), detail="", settled_attempt=None
        )

    events = (accepted, ended) if outcome else (accepted,)
    shown = plain_text(status_lines(recorded(*events, kind=RollbackKind.REVERT_PR)))

    assert expected == ("on hold (UTC)" in shown)


def test_status_without_a_target() -> None:
    """What was looked into in vain."""
    shown = plain_text(status_lines(recorded(target_checkpoint_id=None)))

    assert "none that is fit" in shown
    assert "not ckpt-newer001 of run 903: its artifact recovery-checkpoint.903 has expired (artifact-expired)" in shown


def test_status_while_it_waits() -> None:
    """Environments' rules are shown, never bypassed; a hold stands."""

    def waits(header: object) -> object:
        detail = "the rules of environment production"
        return make.note_taken(recovery=header, step=WAIT, at=make.later(9), detail=detail)

    shown = plain_text(status_lines(recorded(accepted, waits)))

    assert "commit bbbbbbb until 2026-01-22 12:00" in shown
    assert "the rules of environment production: a person has to approve it" in shown
    assert "in progress: it is being rolled back" in shown
    assert "recovery rollback" not in shown

    def goes_on(header: object) -> object:
        return make.note_taken(recovery=header, step=WAIT, at=make.later(19), detail="")

    after = plain_text(status_lines(recorded(accepted, waits, goes_on)))
    assert "a person has to approve it" not in after
    assert "for nothing any more" in after
    again = plain_text(status_lines(recorded(accepted, waits, goes_on, lambda header: _later(waits(header)))))
    assert "the rules of environment production: a person has to approve it" in again
    order = rolled.make_order()
    plan = make.make_plan(rollback=order)
    state = recorded(accepted, waits, goes_on)
    told = decision_document(plan, (), state).rollback
    assert told is not None
    assert None is told.waits_for


def _later(event: object) -> object:
    """The same event an hour later."""
    assert isinstance(event, NoteTaken)
    return event.model_copy(update={"id": f"{event.id}-again", "at": make.later(3600)})


@given(hostile_text)
def test_no_text_steers_the_terminal(value: str) -> None:
    """Control characters in names and reasons do not reach the terminal."""
    hostile = RejectedDocument(
        checkpoint_id=value, run_id=value, commit_sha=value, rejections=(EXPIRED.model_copy(update={"text": value}),)
    )
    document = asked_for(
        workflow=value, rollback=TOLD.model_copy(update={"environment": value, "rejected": (hostile,)})
    )
    hold = rolled.make_hold(reason=value, workflow_name=value, environment=value)
    lines = (
        *plan_lines(document),
        *hold_lines([hold]),
        *status_lines(recorded(accepted, failed, reason=value, environment=value, workflow_name=value)),
    )
    assert not set(plain_text(lines)) & set("\x1b\x9b\x07\r\u202e")

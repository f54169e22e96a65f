"""A rollback in words: each stage, and everything that a person wants to know of it."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import Reason, ReasonId
from recovery.models.document import RejectedDocument, RollbackDocument
from recovery.models.rollback import Rejection, RejectionId, RollbackKind
from recovery.render import rolled_back, story, words
from recovery.render.stages import Stage, stage_of
from tests import builders as make
from tests.unit.render.samples import make_document

TOLD = RollbackDocument(
    kind="redispatch",
    environment="production",
    bad_sha="b" * 40,
    target_sha="a" * 40,
    target_checkpoint_id="ckpt-1",
    target_run_id=901,
    rollback_checkpoint_id="ckpt-0",
    waits_for="the rules of `production`",
    hold_until=make.later(86400),
    forced=(Rejection(id=RejectionId.STRUCTURE_CHANGED, text="other *jobs*"),),
    rejected=(
        RejectedDocument(
            checkpoint_id="ckpt-2",
            run_id="902",
            commit_sha="c" * 40,
            rejections=(Rejection(id=RejectionId.NOT_REACHABLE, text="gone"),),
        ),
    ),
)


RETURN = TOLD.model_copy(update={"returns_from": "rec-902-1-01kb", "hold_until": None})


@pytest.mark.parametrize(
    ("over", "stage", "headline"),
    [
        ({"outcome": "cleared"}, Stage.CLEARED, "✅ CI was rolled back to commit aaaaaaa"),
        ({"outcome": "still-failing"}, Stage.FAILED_AGAIN, "🛑 CI: the rollback to commit aaaaaaa failed half-way"),
        ({"outcome": "not-rerun"}, Stage.NOT_RERUN, "⚠️ CI was not rolled back to commit aaaaaaa"),
        ({"outcome": "unknown"}, Stage.UNMEASURED, "❔ CI: it is not known what became of the rollback"),
        ({"reran": True}, Stage.RERUNNING, "🔁 CI is being rolled back to commit aaaaaaa"),
        ({"status": "failed"}, Stage.REFUSED, "⚠️ CI could not be rolled back to commit aaaaaaa"),
        ({"status": "in_progress"}, Stage.REQUESTED, "⏳ CI: a rollback to commit aaaaaaa was requested"),
        ({}, Stage.PLANNED, "⏳ CI is about to be rolled back to commit aaaaaaa"),
        ({"decision": "suggest", "rollback": None}, Stage.SUGGESTED, "💡 CI can be rolled back: "),
        (
            {"decision": "decline", "strategy": "none", "reasons": (Reason(id=ReasonId.NO_TARGET, text="none"),)},
            Stage.LEFT,
            "🛑 CI is not rolled back: there is nothing fit to go back to",
        ),
    ],
)
def test_every_stage_has_its_words(over: dict[str, Any], stage: Stage, headline: str) -> None:
    """What is told of a re-run would be wrong here."""
    document = make_document(**{"strategy": "rollback", "rollback": TOLD} | over)

    assert stage is stage_of(document)
    assert words.headline(document).startswith(headline)
    assert rolled_back.outcomes(document)[stage] in words.outcome(document)


@pytest.mark.parametrize(
    ("over", "headline", "outcome"),
    [
        (
            {"outcome": "cleared"},
            "✅ CI is back at commit aaaaaaa, which stood before the failed rollback",
            "✅ returned",
        ),
        (
            {"outcome": "still-failing"},
            "🛑 CI: the return to commit aaaaaaa failed half-way, too",
            "🛑 the return failed",
        ),
        ({"outcome": "not-rerun"}, "⚠️ CI was not returned to commit aaaaaaa", "⚠️ not returned"),
        (
            {"outcome": "unknown"},
            "❔ CI: it is not known what became of the return to commit aaaaaaa",
            "❔ not known",
        ),
        (
            {"reran": True},
            "🔁 CI is being returned to commit aaaaaaa, which stood before the failed rollback",
            "🔁 being returned",
        ),
        ({"status": "failed"}, "⚠️ CI could not be returned to commit aaaaaaa", "⚠️ could not be returned"),
        (
            {"status": "in_progress"},
            "⏳ CI: a return to commit aaaaaaa was requested, but GitHub has not confirmed it",
            "⏳ return requested",
        ),
        ({}, "⏳ CI is about to be returned to commit aaaaaaa", "⏳ return planned"),
        (
            {"decision": "decline", "strategy": "none", "reasons": (Reason(id=ReasonId.NO_TARGET, text="none"),)},
            "🛑 CI is not returned to what stood before the failed rollback: there is nothing fit to go back to",
            "🛑 not returned",
        ),
    ],
)
def test_return_from_a_failed_rollback_has_words_of_its_own(over: dict[str, Any], headline: str, outcome: str) -> None:
    """It goes forward again: to call that a rollback of a rollback would confuse everybody."""
    document = make_document(**{"strategy": "rollback", "rollback": RETURN} | over)

    assert (headline, outcome) == (words.headline(document), words.outcome(document))


def test_particulars_of_a_return() -> None:
    """From which rollback; nothing is put on hold, and what stood before is what it goes to."""
    document = make_document(strategy="rollback", rollback=RETURN, reran=True, outcome="still-failing")

    shown = "\n".join(rolled_back.particulars(document))

    assert "- returns from `rec-902-1-01kb`, which failed half-way" in shown
    assert "what stood before" not in shown
    assert "return to commit aaaaaaa, which stood before" == words.decision(document)


def test_particulars_while_it_goes_on() -> None:
    """What it waits for, what is on hold, what was set aside and what was passed over."""
    document = make_document(strategy="rollback", rollback=TOLD, reran=True)

    shown = "\n".join(rolled_back.particulars(document))

    assert "waits for the rules of `production`: a person has to approve it" in shown
    assert "commit bbbbbbb is on hold until 2026-01-16 12:00 UTC" in shown
    assert "set aside, because a person asked: other \\*jobs\\* (`structure-changed`)" in shown
    assert "not `ckpt-2` of run 902: gone (`not-reachable`)" in shown
    assert shown in "\n".join(story.decision(document))


def test_particulars_of_a_half_way_failure() -> None:
    """What stood before; a released hold is none any more."""
    told = TOLD.model_copy(update={"hold_released": True})
    shown = "\n".join(
        rolled_back.particulars(make_document(strategy="rollback", rollback=told, reran=True, outcome="still-failing"))
    )

    assert (
        "what stood before: checkpoint `ckpt-0`; to go back to it:"
        " `gh workflow run rollback.yml -f workflow=CI -f checkpoint=ckpt-0 -f reason='…'`"
    ) in shown
    assert "on hold" not in shown
    assert "waits" not in shown


@pytest.mark.parametrize(
    ("kind", "over", "expected"),
    [
        ("redispatch", {"outcome": "still-failing"}, True),
        ("deployment", {"outcome": "unknown"}, True),
        ("deployment", {"outcome": "unknown", "reran": False}, False),
        ("redispatch", {"outcome": "cleared"}, False),
        ("redispatch", {"outcome": "not-rerun"}, False),
        ("revert-pr", {"outcome": "unknown"}, False),
        ("redispatch", {}, False),
    ],
)
def test_way_back_is_told_where_there_is_one(kind: str, over: dict[str, Any], expected: bool) -> None:
    """After a deployment that nobody knows the end of; a pull request has deployed nothing."""
    told = TOLD.model_copy(update={"kind": RollbackKind(kind)})
    document = make_document(**{"strategy": "rollback", "rollback": told, "reran": True} | over)

    assert expected == ("-f checkpoint=ckpt-0" in "\n".join(rolled_back.particulars(document)))


@pytest.mark.parametrize(
    ("kind", "over", "expected"),
    [
        ("redispatch", {"outcome": None}, True),
        ("redispatch", {"outcome": "still-failing"}, True),
        ("redispatch", {"outcome": "not-rerun"}, False),
        ("redispatch", {"reran": False}, False),
        ("revert-pr", {"outcome": None}, False),
        ("revert-pr", {"outcome": "not-rerun"}, False),
        ("revert-pr", {"outcome": "cleared"}, True),
    ],
)
def test_hold_is_told_while_there_is_one(kind: str, over: dict[str, Any], expected: bool) -> None:
    """A commit that is only proposed to be reverted is not held, nor one whose rollback came to nothing."""
    told = TOLD.model_copy(update={"kind": RollbackKind(kind)})
    document = make_document(**{"strategy": "rollback", "rollback": told, "reran": True} | over)

    assert expected == ("is on hold until" in "\n".join(rolled_back.particulars(document)))


def test_what_waits_no_longer_is_not_said_to_wait() -> None:
    """The approval was given."""
    told = TOLD.model_copy(update={"waits_for": None})

    assert "waits" not in "\n".join(
        rolled_back.particulars(make_document(strategy="rollback", rollback=told, reran=True))
    )


def test_proposal_says_how() -> None:
    """Nothing was chosen yet."""
    document = make_document(workflow="Deploy the site", strategy="rollback", decision="suggest")

    (told, _) = rolled_back.particulars(document)
    assert "`gh workflow run rollback.yml -f workflow='Deploy the site' -f reason='…'`" in told
    assert "add `-f dry-run=true`" in told
    assert "suggest to roll back to the last good state; a person decides" == words.decision(document)


def test_what_is_no_rollback_says_nothing() -> None:
    """A retry is told as before."""
    assert [] == rolled_back.particulars(make_document())


def test_declined_rollback_is_left_as_it_is() -> None:
    """The run may well be green."""
    declined = make_document(strategy="none", decision="decline", rollback=TOLD)

    assert "leave it as it is" == words.decision(declined)

"""The one comment of a pull request: found by marker and author, edited in place, written when it is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.errors import ForgeError, ForgeRefused, ForgeUnavailable, RateLimited
from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.github import Comment
from recovery.models.records import Outcome
from recovery.policy.lifecycle import project
from recovery.render.comment import MARKER
from recovery.render.decision import decision_document
from recovery.reporter import comment_on_pull_requests, documents_of
from recovery.settings import CommentMode
from tests import builders as make
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore

PULL = 17


def document(kind: DecisionKind = DecisionKind.ACT, **over: Any) -> DecisionDocument:
    """The document of a decision about one attempt, and of what became of it."""
    outcome = over.pop("outcome", None)
    plan = make.make_plan(**{"decision": make.make_decision(kind=kind)} | over)
    events = [make.recovery_decided(plan=plan)]
    if outcome is not None:
        events.append(make.recovery_settled(recovery=plan.header, outcome=outcome))
    return decision_document(plan, [make.make_failure()], project(events))


@pytest.fixture
def forge() -> FakeForge:
    """A repository with one pull request."""
    built = FakeForge()
    built.add_pull_request(make.make_pull_request(number=PULL), "feature")
    return built


def say(forge: FakeForge, *documents: DecisionDocument, mode: CommentMode = CommentMode.ALWAYS) -> int:
    """Comment on these documents without any trouble; return how many comments were written or edited."""
    before = forge.called("create_comment") + forge.called("update_comment")
    assert () == comment_on_pull_requests(forge, documents, mode)
    return forge.called("create_comment") + forge.called("update_comment") - before


def test_first_comment_costs_two_requests(forge: FakeForge) -> None:
    """Look for one, write one."""
    assert 1 == say(forge, document())
    assert ["comments", "create_comment"] == [call[0] for call in forge.calls]
    assert MARKER in forge.threads[PULL][0].body


def test_comment_is_edited_in_place(forge: FakeForge) -> None:
    """What became of the recovery goes into the same comment."""
    say(forge, document())

    assert 1 == say(forge, document(outcome=Outcome.CLEARED))
    assert 1 == len(forge.threads[PULL])
    assert 1 == forge.called("update_comment")


def test_comment_that_says_the_same_is_left(forge: FakeForge) -> None:
    """Nothing new, nothing written."""
    say(forge, document())

    assert 0 == say(forge, document())
    assert 0 == forge.called("update_comment")


def test_earlier_attempts_stay_in_the_comment(forge: FakeForge) -> None:
    """A second attempt's decision joins the first one's."""
    second = make.make_header(attempt=2)
    say(forge, document(outcome=Outcome.STILL_FAILING))
    say(forge, document(DecisionKind.DECLINE, header=second))

    (comment,) = forge.threads[PULL]
    assert [1, 2] == [attempt for attempt in (1, 2) if f"{attempt}" in comment.body]


def test_strangers_marker_is_not_ours(forge: FakeForge) -> None:
    """A person who writes our marker into a comment gets neither edited nor believed."""
    forge.threads[PULL].append(Comment(id=1, body=f"{MARKER}\nhello", author="octocat", author_type="User"))

    say(forge, document())

    assert [f"{MARKER}\nhello"] == [comment.body for comment in forge.threads[PULL] if comment.author == "octocat"]
    assert 2 == len(forge.threads[PULL])


def test_other_bots_comment_is_not_ours(forge: FakeForge) -> None:
    """A bot's comment without the marker is left alone."""
    forge.threads[PULL].append(Comment(id=1, body="coverage: 97 %", author="bot", author_type="Bot"))

    say(forge, document())

    assert "coverage: 97 %" == forge.threads[PULL][0].body


def test_each_pull_request_gets_its_own(forge: FakeForge) -> None:
    """Documents of several pull requests, in any order, make one comment each."""
    forge.add_pull_request(make.make_pull_request(number=18), "other")

    assert 2 == say(
        forge, document(pull_request=18), document(), document(pull_request=18, header=make.make_header(run_id=2))
    )
    assert [1, 1] == [len(forge.threads[number]) for number in (17, 18)]


def test_run_without_a_pull_request_gets_none(forge: FakeForge) -> None:
    """A push has nobody to tell in a comment."""
    assert 0 == say(forge, document(pull_request=None))
    assert [] == forge.calls


@pytest.mark.parametrize(
    "error",
    [
        ForgeRefused("Unable to create comment because issue is locked.", status=403),
        ForgeRefused("Validation Failed", status=422),
        ForgeUnavailable("GitHub is down"),
        RateLimited("wait for an hour"),
    ],
)
@pytest.mark.parametrize("method", ["comments", "create_comment"])
def test_trouble_with_one_comment_does_not_keep_others_from_theirs(
    forge: FakeForge, method: str, error: ForgeError
) -> None:
    """A locked pull request is told of as a problem; the one after it gets its comment."""
    forge.add_pull_request(make.make_pull_request(number=18), "other")
    forge.fail(method, error)

    problems = comment_on_pull_requests(forge, [document(pull_request=18), document()], CommentMode.ALWAYS)

    assert (error,) == problems
    assert [0, 1] == [len(forge.threads[number]) for number in (17, 18)]


def test_every_problem_is_told(forge: FakeForge) -> None:
    """Two locked pull requests give two problems, in the order of their numbers."""
    forge.add_pull_request(make.make_pull_request(number=18), "other")
    errors = [ForgeRefused(f"locked {number}", status=403) for number in (1, 2)]
    for call, error in enumerate(errors, start=1):
        forge.fail("create_comment", error, call=call)

    problems = comment_on_pull_requests(forge, [document(pull_request=18), document()], CommentMode.ALWAYS)

    assert tuple(errors) == problems


def test_other_bots_copy_of_our_marker_leads_to_a_comment_of_our_own(forge: FakeForge) -> None:
    """A bot that quotes us cannot be edited by us, which is no trouble: our own comment stands beside it."""
    quoted = f"{MARKER}\nas storyteller said"
    forge.threads[PULL].append(Comment(id=1, body=quoted, author="mirror[bot]", author_type="Bot"))
    forge.fail("update_comment", ForgeRefused("Resource not accessible by integration", status=403))

    assert 2 == say(forge, document())  # one try to edit, one comment
    assert [quoted, True] == [forge.threads[PULL][0].body, MARKER in forge.threads[PULL][1].body]


def test_own_comment_behind_another_bots_copy_is_edited(forge: FakeForge) -> None:
    """The second time the comment that can be edited is found behind the one that cannot, and no third is made."""
    say(forge, document())
    ours = forge.threads[PULL].pop()
    quoted = f"{MARKER}\nas storyteller said"
    forge.threads[PULL] += [Comment(id=0, body=quoted, author="mirror[bot]", author_type="Bot"), ours]
    forge.fail("update_comment", ForgeRefused("Resource not accessible by integration", status=403))

    assert 2 == say(forge, document(outcome=Outcome.CLEARED))  # one try to edit, one edit
    assert [quoted, True] == [forge.threads[PULL][0].body, forge.threads[PULL][1].body != ours.body]
    assert 1 == forge.called("create_comment")


@pytest.mark.parametrize("status", [404, 410, 422])
def test_edit_that_is_refused_for_another_reason_makes_no_second_comment(forge: FakeForge, status: int) -> None:
    """Only a comment that is not ours to edit leads to another one."""
    say(forge, document())
    error = ForgeRefused("no", status=status)
    forge.fail("update_comment", error)

    problems = comment_on_pull_requests(forge, [document(outcome=Outcome.CLEARED)], CommentMode.ALWAYS)

    assert ((error,), 1) == (problems, len(forge.threads[PULL]))


ACTED = document()
SUGGESTED = document(DecisionKind.SUGGEST)
DECLINED = document(DecisionKind.DECLINE)
CLEARED = document(outcome=Outcome.CLEARED)
STILL = document(outcome=Outcome.STILL_FAILING)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        (CommentMode.ALWAYS, [ACTED, SUGGESTED, DECLINED, CLEARED, STILL]),
        (CommentMode.ON_RECOVERY, [ACTED, SUGGESTED, CLEARED, STILL]),
        (CommentMode.FAILURES, [SUGGESTED, DECLINED, STILL]),
        (CommentMode.OFF, []),
    ],
)
def test_comment_is_written_when_it_is_wanted(mode: CommentMode, wanted: list[DecisionDocument]) -> None:
    """`comment-mode` says which decisions are worth a comment."""
    told = []
    for each in (ACTED, SUGGESTED, DECLINED, CLEARED, STILL):
        forge = FakeForge()
        forge.add_pull_request(make.make_pull_request(number=PULL), "feature")
        if say(forge, each, mode=mode):
            told.append(each)

    assert wanted == told


def test_documents_come_from_the_record_in_the_order_asked() -> None:
    """What is not on record, or known by an effect alone, has no document."""
    store = MemoryStore()
    second = make.make_header(run_id=2)
    store.record(
        [
            make.failure_observed(),
            make.recovery_decided(),
            make.recovery_decided(plan=make.make_plan(header=second)),
            make.effect_answered(recovery=make.make_header(run_id=3)),
        ]
    )

    documents = documents_of(store, ["rec-2-1-1", "rec-3-1-1", "rec-9-1-1", "rec-1001-1-1"])

    assert [("rec-2-1-1", 0), ("rec-1001-1-1", 1)] == [(it.recovery_id, len(it.failures)) for it in documents]

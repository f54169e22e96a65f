"""What a rollback's tags say of whose they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recovery.models.github import Tag
from recovery.models.rollback import LONGEST_REASON, Claim, RollbackKind
from recovery.policy.claims import claim_at, claim_of, is_claim_of, proven_claim, read_claim, tag_message, told_of
from recovery.policy.naming import busy_tag, return_tag, rollback_tag
from tests import builders as make
from tests.rollback_builders import BAD_SHA, GOOD_SHA, make_order


def make_claim(**over: object) -> Claim:
    """The claim of the default rollback."""
    order = make_order()
    return claim_of(make.make_plan(rollback=order), order).model_copy(update=over)


def test_claim_tells_whose_it_is_and_what_it_is_for() -> None:
    """Whatever a hold is made up from, and the nonce by which it is known."""
    claim = make_claim()

    assert ("nonce-0001", RollbackKind.REDISPATCH, "Deploy", "production", BAD_SHA, GOOD_SHA, "the shop is down") == (
        claim.nonce,
        claim.kind,
        claim.workflow_name,
        claim.environment,
        claim.bad_sha,
        claim.target_sha,
        claim.reason,
    )
    assert make_order().hold_until == claim.hold_until
    assert f"by {claim.recovery_id}, 2026-01-15 12:00 UTC" == told_of(claim)


@given(reason=some.text(), workflow=some.text(min_size=1), environment=some.text(min_size=1))
def test_claim_is_read_back_whatever_it_says(reason: str, workflow: str, environment: str) -> None:
    """Lines, quotes and half characters in a reason neither break the message nor change what it says."""
    claim = make_claim(reason=reason, workflow_name=workflow, environment=environment)

    message = tag_message(claim)

    assert claim == read_claim(message)
    assert claim == read_claim(message.rstrip("\n"))


def test_message_begins_with_a_line_for_people() -> None:
    """`git tag -n` shows it."""
    assert "Roll back Deploy in production from bbbbbbb to aaaaaaa" == tag_message(make_claim()).partition("\n")[0]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "v1.2.3",
        "{}",
        "title\n\nnot JSON",
        "title\n\n[1]",
        "title\n\n" + json.dumps({"version": 2}),
        tag_message(make_claim()).replace('"version":1', '"version":2'),
        tag_message(make_claim()).replace('"nonce":"nonce-0001"', '"nonce":""'),
        tag_message(make_claim()).replace('"nonce":', '"nonce":"a","nonce":'),
        tag_message(make_claim()) + "\na line after it",
        "\udcff",
    ],
)
def test_message_without_a_claim(message: str) -> None:
    """What somebody else's tag says is no claim, and nothing breaks on it."""
    assert read_claim(message) is None


WHERE = ("Deploy", "production")


def make_tag(name: str = "", commit: str = GOOD_SHA, message: str = "", **over: object) -> Tag:
    """The tag of the default rollback."""
    return Tag(
        name=name or rollback_tag(*WHERE, BAD_SHA), commit=commit, message=message or tag_message(make_claim(**over))
    )


@pytest.mark.parametrize(
    "tag",
    [
        make_tag(),
        make_tag(return_tag(*WHERE, GOOD_SHA)),
        make_tag(busy_tag(*WHERE)),
    ],
    ids=["rollback", "return", "busy"],
)
def test_tag_that_is_where_and_called_as_it_says(tag: Tag) -> None:
    """The three tags that a rollback may make."""
    assert make_claim() == claim_at(tag) == proven_claim(tag, make.NOW)


@pytest.mark.parametrize(
    "tag",
    [
        None,
        make_tag(message="Version 1.0"),
        make_tag("v1"),
        make_tag(commit=BAD_SHA),
        make_tag(commit="c" * 40),
        make_tag(workflow_name="Other"),
        make_tag(environment="staging"),
        make_tag(bad_sha="c" * 40),
        make_tag(target_sha="c" * 40),
        make_tag(return_tag(*WHERE, BAD_SHA)),
        make_tag(busy_tag(*WHERE), BAD_SHA),
        make_tag(busy_tag("Other", "production")),
    ],
)
def test_claim_that_was_copied_is_nobodys(tag: Tag | None) -> None:
    """To another name, or to another commit."""
    assert (None, None) == (claim_at(tag), proven_claim(tag, make.NOW))


@pytest.mark.parametrize(
    ("over", "is_possible"),
    [
        ({"since": make.later(300)}, True),
        ({"since": make.later(301)}, False),
        ({"hold_until": None}, True),
        ({"hold_until": make.later(30 * 86400)}, True),
        ({"hold_until": make.later(31 * 86400)}, False),
    ],
)
def test_claim_that_no_rollback_can_have_made_proves_nothing(over: dict[str, object], is_possible: bool) -> None:
    """It begins in the future, or holds for longer than can be configured; whose it is, is told all the same."""
    tag = make_tag(**over)

    assert is_possible is (proven_claim(tag, make.NOW) is not None)
    assert claim_at(tag) is not None


@pytest.mark.parametrize(
    ("over", "same"),
    [({}, True)]
    + [
        ({name: told}, False)
        for name, told in {
            "nonce": "another",
            "bad_sha": "c" * 40,
            "target_sha": "c" * 40,
            "workflow_name": "Other",
            "environment": "staging",
            "hold_until": None,
            "kind": RollbackKind.DEPLOYMENT,
            "since": make.later(1),
            "recovery_id": "rec-7",
        }.items()
    ],
)
def test_record_that_contradicts_a_claim_is_told(over: dict[str, object], same: bool) -> None:
    """A cache may hold a plan of the same id that nobody made."""
    plan = make.make_plan(rollback=make_order())

    assert same is is_claim_of(make_claim(**over), plan)


@pytest.mark.parametrize("order", [None, make_order(bad_sha="main")])
def test_record_without_an_order_of_ours_has_no_claim(order: object) -> None:
    """Nothing breaks on what no version of this program writes."""
    plan = make.make_plan().model_copy(update={"rollback": order})

    assert not is_claim_of(make_claim(), plan)


def test_long_reason_is_clipped() -> None:
    """What a person writes must not keep the tag from being understood."""
    order = make_order(reason="\u00e9" * 33_000)
    claim = claim_of(make.make_plan(rollback=order), order)

    assert LONGEST_REASON == len(claim.reason)
    assert claim == read_claim(tag_message(claim))

"""Holds: when a rollback makes one, how long it stands, and how one is read back."""

from __future__ import annotations

import json

import pytest

from recovery.errors import CheckpointRejected
from recovery.models.github import Tag
from recovery.models.records import RecoveryState
from recovery.models.rollback import LONGEST_REASON, Hold, RollbackKind
from recovery.policy.claims import claim_of, tag_message
from recovery.policy.holds import (
    HOLD_LIMIT,
    can_be_read,
    each_once,
    held_commit,
    hold_artifact_name,
    hold_bytes,
    hold_claimed,
    hold_of,
    hold_put,
    hold_tag,
    is_configured,
    is_standing,
    read_hold,
    same_hold,
    sets_aside,
    standing_hold,
    tags_of_configured,
)
from recovery.policy.naming import return_tag
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled

PLAN = make.make_plan(
    header=make.make_header(id=f"rec-{rolled.BAD_RUN}-1-1", run_id=rolled.BAD_RUN), rollback=rolled.make_order()
)

SAID = (f"rec-{rolled.BAD_RUN}-1-1", "nonce-0001")
"""What the run of that rollback is told: recovery and nonce."""


def state(**metadata: object) -> RecoveryState:
    """The rollback, as far as it has come."""
    return RecoveryState(failure_id="f", repository=make.REPOSITORY, recovery_type="rollback", metadata=metadata)


def test_an_accepted_rollback_holds_its_bad_commit() -> None:
    """From the plan's beginning until it is over."""
    assert rolled.make_hold(since=PLAN.header.started_at) == hold_of(PLAN, state(accepted=True))


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("redispatch", "cleared"),
        ("redispatch", "still-failing"),
        ("redispatch", "unknown"),
        ("deployment", None),
        ("revert-pr", "cleared"),
    ],
)
def test_a_bad_commit_is_held_however_its_rollback_ends(kind: str, outcome: str | None) -> None:
    """It is bad; only what is proposed to people begins with their word."""
    plan = PLAN.model_copy(update={"rollback": rolled.make_order(kind=kind)})

    assert rolled.make_hold(since=PLAN.header.started_at) == hold_of(plan, state(accepted=True, outcome=outcome))


@pytest.mark.parametrize(
    ("order", "metadata"),
    [
        (None, {"accepted": True}),
        (rolled.make_order(hold_until=None), {"accepted": True}),
        (rolled.make_order(), {"accepted": False}),
        (rolled.make_order(), {"accepted": True, "hold_released_at": "2026-01-15T12:00:00+00:00"}),
        (rolled.make_order(), {"accepted": True, "outcome": "not-rerun"}),
        (rolled.make_order(returns_from="rec-1-1-1"), {"accepted": True}),
        (rolled.make_order(kind="revert-pr"), {"accepted": True}),
        (rolled.make_order(kind="revert-pr"), {"accepted": True, "outcome": "still-failing"}),
        (rolled.make_order(kind="revert-pr"), {"accepted": True, "outcome": "unknown"}),
    ],
)
def test_what_makes_no_hold(order: rolled.RollbackOrder | None, metadata: dict[str, object]) -> None:
    """No rollback, no time, nothing done, released, come to nothing, a return, or a proposal that is not merged."""
    assert None is hold_of(PLAN.model_copy(update={"rollback": order}), state(**metadata))


def test_a_claim_tells_of_the_same_hold_as_the_record() -> None:
    """Whoever has only the tag knows as much."""
    order = rolled.make_order()
    claim = claim_of(PLAN, order)

    assert hold_of(PLAN, state(accepted=True)) == hold_claimed(claim, make.REPOSITORY)
    assert None is hold_claimed(claim.model_copy(update={"hold_until": None}), make.REPOSITORY)
    assert None is hold_claimed(claim.model_copy(update={"kind": RollbackKind.REVERT_PR}), make.REPOSITORY)


def test_holds_are_one_by_commit_workflow_environment_and_rollback() -> None:
    """A longer one is later in the list, and what several sources tell of is told once."""
    hold = rolled.make_hold()
    later = rolled.make_hold(until=make.later(20 * 86400), recovery_id="rec-2")
    others = [rolled.make_hold(**{name: "other"}) for name in ("sha", "workflow_name", "environment", "recovery_id")]

    assert same_hold(hold, rolled.make_hold(reason="told otherwise"))
    assert [False] * 4 == [same_hold(hold, other) for other in others]
    assert (hold, later) == each_once([later, hold, hold])


def tag(name: str = "", commit: str = rolled.GOOD_SHA, message: str = "", **claimed: object) -> Tag:
    """The tag at which the run is."""
    claim = claim_of(PLAN, rolled.make_order()).model_copy(update=claimed)
    return Tag(name=name or rolled.make_order().tag, commit=commit, message=message or tag_message(claim))


def busy(name: str = "", commit: str = rolled.GOOD_SHA, **claimed: object) -> Tag:
    """The tag that stands while the rollback goes on."""
    return tag(name or rolled.make_order().busy_tag, commit, **claimed)  # type: ignore[arg-type]


def held_target(**over: object) -> Hold:
    """A hold on what is gone back to."""
    return rolled.make_hold(**{"sha": rolled.GOOD_SHA, "since": make.later(-60)} | over)


def test_a_rollback_sets_the_hold_of_its_target_aside() -> None:
    """At its own tag, or at that of the return from one."""
    returning = tag(return_tag("Deploy", "production", rolled.GOOD_SHA))

    assert sets_aside(SAID, tag(), busy(), held_target(), make.NOW)
    assert sets_aside(SAID, returning, busy(), held_target(), make.NOW)


@pytest.mark.parametrize(
    ("said", "at", "hold"),
    [
        (SAID, None, held_target()),
        (SAID, tag(message="Version 1.0"), held_target()),
        (SAID, tag(name="v1"), held_target()),
        (SAID, tag(return_tag("Deploy", "production", rolled.BAD_SHA)), held_target()),
        (SAID, tag(commit="c" * 40), held_target()),
        (SAID, tag(target_sha="c" * 40), held_target()),
        (SAID, tag(bad_sha="c" * 40), held_target()),
        (SAID, tag(), held_target(sha=rolled.BAD_SHA)),
        (SAID, tag(), held_target(since=make.later(1))),
        (SAID, tag(), held_target(workflow_name="Docs")),
        (SAID, tag(), held_target(environment="staging")),
        (SAID, busy(), held_target(sha=rolled.BAD_SHA)),
        ((SAID[0], "another"), tag(), held_target()),
        (("rec-1-1-1", SAID[1]), tag(), held_target()),
    ],
)
def test_nothing_else_sets_a_hold_aside(said: tuple[str, str], at: Tag | None, hold: Hold) -> None:
    """Inputs can be copied, and so can what a tag says; both at our name, at the commit and after the hold cannot."""
    assert not sets_aside(said, at, busy(), hold, make.NOW)


@pytest.mark.parametrize(
    "goes_on",
    [
        None,
        tag(),
        busy(commit=rolled.BAD_SHA),
        busy("recovery/rolling-back/docs/production"),
        busy(nonce="another"),
        busy(recovery_id="rec-1-1-1"),
    ],
)
def test_a_rollback_that_has_ended_sets_nothing_aside(goes_on: Tag | None) -> None:
    """Its run can be repeated for weeks; another rollback that goes on is none of its business."""
    assert not sets_aside(SAID, tag(), goes_on, held_target(), make.NOW)


def test_a_claim_from_the_future_sets_nothing_aside() -> None:
    """Whatever began since would be older than it."""
    since = make.later(301)

    assert not sets_aside(SAID, tag(since=since), busy(since=since), held_target(), make.NOW)
    assert sets_aside(SAID, tag(since=since), busy(since=since), held_target(), make.later(1))


@pytest.mark.parametrize(
    ("name", "sha"),
    [
        (f"recovery-hold.{rolled.BAD_SHA}", rolled.BAD_SHA),
        (f"recovery-hold.{'c' * 64}", "c" * 64),
        (rolled.make_order().tag, rolled.BAD_SHA),
        ("recovery-hold.main", ""),
        (f"recovery-hold.{'c' * 41}", ""),
        (f"recovery-hold.{'C' * 40}", ""),
        ("recovery/rollback/zzz", ""),
        (f"recovery/rollback/a/b/{'b' * 20}evil", ""),
        (f"recovery/rollback/a/b/c/{rolled.BAD_SHA}", ""),
        (f"recovery/return/a/b/{rolled.BAD_SHA}", ""),
    ],
)
def test_only_whole_commits_are_held(name: str, sha: str) -> None:
    """Whatever else anybody may name a tag or an artifact."""
    assert sha == held_commit(name)


def test_tags_of_configured_workflows_are_told_from_others() -> None:
    """So that a crowd of others hides none of them."""
    rules = {"Deploy": RollbackRule(kind=RollbackKind.REDISPATCH)}
    own, junk = rolled.make_order().tag, "recovery/rollback/deploy/production/0"
    others = (f"recovery/rollback/0/0/{rolled.BAD_SHA}", f"recovery/rollback/deploy/staging/{rolled.BAD_SHA}")

    assert (own,) == tags_of_configured((*others, junk, own), rules)
    assert () == tags_of_configured((own,), {})
    assert own == hold_tag(rolled.make_hold())


@pytest.mark.parametrize(
    ("over", "configured"),
    [({}, True), ({"workflow_name": "deploy"}, False), ({"environment": "staging"}, False)],
)
def test_hold_of_a_configured_workflow(over: dict[str, object], configured: bool) -> None:
    """Name and environment count as they are written, although tags take capitals for small letters."""
    rules = {"Deploy": RollbackRule(kind=RollbackKind.REDISPATCH)}

    assert configured is is_configured(rolled.make_hold(**over), rules)


@pytest.mark.parametrize(
    ("over", "readable"),
    [
        ({}, True),
        ({"repository": "mallory/widgets"}, False),
        ({"sha": "main"}, False),
        ({"reason": "x" * HOLD_LIMIT}, False),
    ],
)
def test_hold_that_would_not_be_believed_is_told_before_it_is_written(over: dict[str, object], readable: bool) -> None:
    """Else it would be made up in every pass."""
    assert readable is can_be_read(rolled.make_hold(**over), make.REPOSITORY)


def test_long_reason_does_not_lose_the_hold() -> None:
    """A form takes 65,535 characters, a shell any number."""
    plan = PLAN.model_copy(update={"rollback": rolled.make_order(reason="\u00e9" * 33_000)})
    hold = hold_of(plan, state(accepted=True))

    assert hold is not None
    assert LONGEST_REASON == len(hold.reason)
    assert can_be_read(hold, make.REPOSITORY)


def test_released_hold_was_put_all_the_same() -> None:
    """Where the tag stands, the record is wrong about the release."""
    released = state(accepted=True, hold_released_at="2026-01-15T12:00:00+00:00")

    assert hold_of(PLAN, state(accepted=True)) == hold_put(PLAN, released)
    assert None is hold_of(PLAN, released)


def test_a_hold_is_over_at_its_end() -> None:
    """To the second."""
    hold = rolled.make_hold(until=make.later(10))

    assert is_standing(hold, make.later(9))
    assert not is_standing(hold, make.later(10))


def test_the_hold_that_lasts_longest_counts() -> None:
    """Only of this commit, for this workflow, and as long as it stands."""
    long, short = rolled.make_hold(until=make.later(20)), rolled.make_hold(until=make.later(10))
    others = [rolled.make_hold(sha="c" * 40), rolled.make_hold(workflow_name="CI"), rolled.make_hold(until=make.NOW)]

    assert long == standing_hold([short, long, *others], rolled.BAD_SHA, "Deploy", make.NOW)
    assert None is standing_hold(others, rolled.BAD_SHA, "Deploy", make.NOW)


def test_a_hold_is_read_as_it_was_written() -> None:
    """File and artifact name the commit."""
    hold = rolled.make_hold()

    assert hold == read_hold(hold_bytes(hold), repository=make.REPOSITORY.upper(), sha=rolled.BAD_SHA)
    assert f"recovery-hold.{rolled.BAD_SHA}" == hold_artifact_name(rolled.BAD_SHA)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b" " * (HOLD_LIMIT + 1),
        hold_bytes(rolled.make_hold(sha="c" * 40)),
        hold_bytes(rolled.make_hold(repository="mallory/widgets")),
        json.dumps(json.loads(hold_bytes(rolled.make_hold())) | {"version": 2}).encode(),
        json.dumps(json.loads(hold_bytes(rolled.make_hold())) | {"surprise": 1}).encode(),
    ],
)
def test_what_is_no_hold(content: bytes) -> None:
    """Nothing is believed that is not whole and about this commit."""
    with pytest.raises(CheckpointRejected, match="hold"):
        read_hold(content, repository=make.REPOSITORY, sha=rolled.BAD_SHA)

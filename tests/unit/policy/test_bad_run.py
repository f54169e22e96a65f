"""Which run is rolled back, and why some are not: what came after a run, and what stands now."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import ReasonId
from recovery.models.github import Run
from recovery.policy.bad_run import (
    notes_on,
    run_that_stands,
    what_came_after,
    why_not,
    why_not_after,
    why_not_this_attempt,
)
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled

RULE = RollbackRule(kind="redispatch", branches=("release",))
BAD = rolled.make_bad_run()


def later(number: int, **over: Any) -> Run:
    """A run of the workflow, so many minutes after the bad one."""
    begun = make.later(-300 + 60 * number)
    return rolled.make_bad_run(**{"id": 910 + number, "created_at": begun, "run_started_at": begun} | over)


CANCELLED = later(1, conclusion="cancelled")
GREEN = later(2, conclusion="success")
ACTIVE = later(3, status="waiting", conclusion=None)


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"conclusion": "success"},
        {"conclusion": "cancelled"},
        {"head_branch": "release"},
        {"event": "workflow_dispatch"},
    ],
)
def test_run_of_the_branch_that_deploys_may_be_rolled_back(over: dict[str, Any]) -> None:
    """However it ended: a person may know more than its conclusion."""
    assert None is why_not(rolled.make_bad_run(**over), RULE, "main")


@pytest.mark.parametrize(
    ("over", "reason", "words"),
    [
        ({"head_repository": "mallory/widgets"}, ReasonId.RUN_UNFIT, "a pull request or a fork"),
        ({"head_repository": None}, ReasonId.RUN_UNFIT, "a pull request or a fork"),
        ({"event": "pull_request"}, ReasonId.RUN_UNFIT, "a pull request or a fork"),
        ({"event": "pull_request_target"}, ReasonId.RUN_UNFIT, "a pull request or a fork"),
        ({"head_branch": "feature"}, ReasonId.RUN_UNFIT, "was on `feature`, and what is rolled back was deployed"),
        ({"head_branch": None}, ReasonId.RUN_UNFIT, "from `main` or `release`"),
        ({"head_branch": "recovery/rollback/deploy/production/x"}, ReasonId.RUN_UNFIT, "started by a rollback"),
        ({"head_branch": "recovery/return/deploy/production/x"}, ReasonId.RUN_UNFIT, "started by a rollback"),
        ({"status": "in_progress", "conclusion": None}, ReasonId.RUN_ACTIVE, "in progress: wait for it, or cancel it"),
    ],
)
def test_no_other_run_is_rolled_back(over: dict[str, Any], reason: ReasonId, words: str) -> None:
    """What anybody can run says nothing about what was deployed."""
    found = why_not(rolled.make_bad_run(**over), RULE, "main")

    assert found is not None
    assert reason is found.id
    assert f"run {rolled.BAD_RUN} " in found.text
    assert words in found.text


def test_run_that_was_run_again_is_another() -> None:
    """Whoever asks, and however it ended: what is known of the attempt before says nothing about it."""
    again = rolled.make_bad_run(run_attempt=2)

    for automatic in (True, False):
        found = why_not_this_attempt(again, 1, automatic=automatic)
        assert found is not None
        assert (ReasonId.RUN_ACTIVE, "run 902 was run again: attempt 2 exists, and this is about attempt 1") == (
            found.id,
            found.text,
        )
        assert None is why_not_this_attempt(again, 2, automatic=automatic)


@pytest.mark.parametrize("conclusion", ["success", "skipped", "neutral"])
def test_only_a_person_rolls_back_what_did_not_fail(conclusion: str) -> None:
    """Green may be bad all the same, but nobody else can know."""
    run = rolled.make_bad_run(conclusion=conclusion)
    found = why_not_this_attempt(run, 1, automatic=True)

    assert found is not None
    assert (ReasonId.RUN_UNFIT, f"ended with `{conclusion}`" in found.text) == (found.id, True)
    assert None is why_not_this_attempt(run, 1, automatic=False)


def test_what_came_after() -> None:
    """The runs of the branch itself, newest first, whatever the order in which they are listed."""
    others = [later(4, head_repository="mallory/widgets"), later(5, event="pull_request"), later(-1), BAD]

    found = what_came_after(BAD, [CANCELLED, *others, ACTIVE, GREEN])

    assert (ACTIVE, (GREEN,), (CANCELLED,)) == (found.active, found.deployed, found.passed_over)


def test_run_that_is_run_again_comes_after() -> None:
    """Who deploys last stands, however old the run is."""
    again = later(-2, run_attempt=2, run_started_at=make.NOW)

    assert (again,) == what_came_after(BAD, [again]).deployed
    assert again == run_that_stands([BAD, again])


def test_active_run_is_waited_for() -> None:
    """It would deploy after the rollback, or at the same time."""
    found = why_not_after(what_came_after(BAD, [ACTIVE]), automatic=False)

    assert found is not None
    assert (ReasonId.RUN_ACTIVE, "run 913 is still waiting: wait for it, or cancel it, and ask again") == (
        found.id,
        found.text,
    )


def test_only_a_person_rolls_back_what_does_not_stand_any_more() -> None:
    """A newer run has deployed: the failure may be mended."""
    aftermath = what_came_after(BAD, [GREEN, CANCELLED])
    found = why_not_after(aftermath, automatic=True)

    assert None is why_not_after(aftermath, automatic=False)
    assert None is why_not_after(what_came_after(BAD, [CANCELLED]), automatic=True)
    assert found is not None
    assert (ReasonId.SUPERSEDED, "run 912 came after it and ended with `success`") == (found.id, found.text)


def test_people_are_told_what_is_passed_over() -> None:
    """And that what they rolled back is not the newest."""
    notes = notes_on(what_came_after(BAD, [GREEN, CANCELLED]))

    assert [
        "run 911 came after it and ended with `cancelled`: it is passed over, because it did not deploy, or not wholly",
        "run 912 came after it and ended with `success`: the run that is rolled back is not the newest",
    ] == [note.text for note in notes]
    assert () == notes_on(what_came_after(BAD, []))


@pytest.mark.parametrize(
    "conclusion", ["cancelled", "skipped", "stale", "action_required", "startup_failure", "neutral"]
)
def test_run_that_did_not_deploy_does_not_stand(conclusion: str) -> None:
    """What was there before it still is, or most of it."""
    assert BAD == run_that_stands([later(1, conclusion=conclusion), BAD])
    assert None is run_that_stands([later(1, conclusion=conclusion)])


@pytest.mark.parametrize("conclusion", ["success", "failure", "timed_out"])
def test_run_that_came_to_its_end_stands(conclusion: str) -> None:
    """Well or not, it deployed, or may have."""
    newest = later(1, conclusion=conclusion)

    assert newest == run_that_stands([BAD, newest])


def test_run_that_is_about_to_deploy_is_told_first() -> None:
    """It is refused, then; one that began before what stands is not waited for."""
    assert ACTIVE == run_that_stands([BAD, ACTIVE])
    assert GREEN == run_that_stands([GREEN, later(1, status="waiting", conclusion=None)])
    assert BAD == run_that_stands([later(1, event="pull_request"), later(2, head_repository="mallory/widgets"), BAD])

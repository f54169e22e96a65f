"""Which checkpoint is gone back to: each check, both ways, and the choice among many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recovery.models.checkpoint import CheckpointHealth
from recovery.models.rollback import OVERRIDABLE, CandidateFacts, RejectionId, RollbackKind
from recovery.policy.targets import CHECKS, choose_target, damage_in, reasons_against, why_artifact_is_unfit
from recovery.settings import RollbackRule
from tests import builders as make
from tests import rollback_builders as rolled

ARTIFACT = rolled.make_good_artifact
RUN = rolled.make_deploy_run
KEPT = {"pre_rollback": True, "artifact_id": None, "artifact_digest": None}

FLAWS: dict[str, tuple[RejectionId, dict[str, Any], str]] = {
    "no run": (RejectionId.NOT_SUCCESSFUL, {"run": None}, "not known to GitHub"),
    "running": (RejectionId.NOT_SUCCESSFUL, {"run": RUN(status="in_progress", conclusion=None)}, "has not completed"),
    "red": (RejectionId.NOT_SUCCESSFUL, {"run": RUN(conclusion="failure")}, "ended with `failure`"),
    "deployment left out": (
        RejectionId.NOT_SUCCESSFUL,
        {"jobs_missed": ("deploy eu", "deploy us")},
        "its run 901 succeeded without `deploy eu`, `deploy us`, so that nothing shows that it deployed",
    ),
    "unproven": (
        RejectionId.NOT_SUCCESSFUL,
        {"unproven": ("ckpt-x",)},
        "`ckpt-x` was made by no job that is known to have succeeded then",
    ),
    "branch": (RejectionId.WRONG_BRANCH, {"run": RUN(head_branch="feature")}, "was on `feature`"),
    "fork": (RejectionId.WRONG_BRANCH, {"run": RUN(head_repository="mallory/widgets")}, "a fork"),
    "pull request": (RejectionId.WRONG_BRANCH, {"run": RUN(event="pull_request")}, "a pull request"),
    "other file": (RejectionId.OTHER_WORKFLOW, {"run": RUN(path=".github/workflows/x.yml")}, "x.yml"),
    "other name": (
        RejectionId.OTHER_WORKFLOW,
        {"checkpoint": rolled.make_good_checkpoint(workflow_name="CI")},
        "workflow `CI`",
    ),
    "no workflow then": (RejectionId.STRUCTURE_CHANGED, {"jobs_then": None}, "cannot be read at its commit"),
    "no workflow now": (RejectionId.STRUCTURE_CHANGED, {"jobs_now": None}, "cannot be read on `main`"),
    "job added": (
        RejectionId.STRUCTURE_CHANGED,
        {"jobs_now": frozenset({"build", "deploy", "migrate"})},
        "`migrate` was not there then",
    ),
    "job gone": (RejectionId.STRUCTURE_CHANGED, {"jobs_now": frozenset({"deploy"})}, "`build` is not there now"),
    "damaged": (RejectionId.UNHEALTHY, {"particulars": None}, "damaged"),
    "corrupt": (
        RejectionId.UNHEALTHY,
        {"health": CheckpointHealth.CORRUPT, "health_detail": "a pack is torn"},
        "corrupt: a pack is torn",
    ),
    "pruned": (RejectionId.UNHEALTHY, {"health": CheckpointHealth.PRUNED}, "it is pruned"),
    "damage beside it": (RejectionId.UNHEALTHY, {"damaged_beside": ("`ckpt-x` (torn)",)}, "beside it: `ckpt-x` (torn)"),
    "no artifact known": (
        RejectionId.ARTIFACT_MISSING,
        {"checkpoint": rolled.make_good_checkpoint(metadata={"artifact_id": None}), "artifact": None},
        "no artifact of it is known",
    ),
    "artifact gone": (RejectionId.ARTIFACT_MISSING, {"artifact": None}, "is gone"),
    "artifact expired": (RejectionId.ARTIFACT_EXPIRED, {"artifact": ARTIFACT(expired=True)}, "has expired"),
    "artifact just expired": (RejectionId.ARTIFACT_EXPIRED, {"artifact": ARTIFACT(expires_at=make.NOW)}, "has expired"),
    "digest": (RejectionId.ARTIFACT_CHANGED, {"artifact": ARTIFACT(digest="sha256:0")}, "and is sha256:0"),
    "no digest": (RejectionId.ARTIFACT_CHANGED, {"artifact": ARTIFACT(digest=None)}, "and is none"),
    "other run's": (RejectionId.ARTIFACT_CHANGED, {"artifact": ARTIFACT(run_id=5)}, "another run's (5)"),
    "fork's": (RejectionId.ARTIFACT_CHANGED, {"artifact": ARTIFACT(head_repository_id=2)}, "another run's"),
    "other checkpoint's": (
        RejectionId.ARTIFACT_CHANGED,
        {"artifact": ARTIFACT(name="recovery-checkpoint.901.1.77.deployed.other001")},
        "another checkpoint's",
    ),
    "no checkpoint's": (RejectionId.ARTIFACT_CHANGED, {"artifact": ARTIFACT(name="dist")}, "another checkpoint's"),
    "rollback": (RejectionId.IS_ROLLBACK, {"is_rollback": True}, "itself a rollback"),
    "hold": (RejectionId.ON_HOLD, {"hold": rolled.make_hold()}, "rec-902-1-1: the shop is down"),
    "hold without a reason": (RejectionId.ON_HOLD, {"hold": rolled.make_hold(reason="")}, "by rec-902-1-1"),
    "rolled back": (RejectionId.ON_HOLD, {"rolled_back": True}, "rolled back before"),
    "not merged": (RejectionId.NOT_REACHABLE, {"reachable": False}, "the history of `main`"),
    "not before": (RejectionId.NOT_BEFORE, {"before": False}, "not before the one that is rolled back (bbbbbbb)"),
    "same commit": (RejectionId.SAME_COMMIT, {"run": RUN(head_sha=rolled.BAD_SHA)}, "the very commit"),
    "environment": (
        RejectionId.ENVIRONMENT_DIFFERS,
        {"environment_errors": ("`tool:node` was 20 and is 22", "`A` was 1 and is 2")},
        "`tool:node` was 20 and is 22; `A` was 1 and is 2",
    ),
    "lock files": (RejectionId.DEPENDENCIES_DIFFER, {"drifted": ("uv.lock",)}, "than its commit has: `uv.lock`"),
    "input": (RejectionId.INPUT_UNDECLARED, {"declares_input": False}, "no `workflow_dispatch` input `recovery`"),
}


def ids(facts: CandidateFacts) -> list[RejectionId]:
    """Ids of all that stands against a candidate."""
    return [reason.id for reason in reasons_against(facts, rolled.make_case())]


def test_nothing_stands_against_a_good_one() -> None:
    """The default candidate passes every check."""
    assert () == reasons_against(rolled.make_facts(), rolled.make_case())


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_is_found_alone(flaw: str) -> None:
    """One thing that is wrong is one reason, and its text says what is wrong."""
    rejection, over, words = FLAWS[flaw]
    (reason,) = reasons_against(rolled.make_facts(**over), rolled.make_case())

    assert rejection is reason.id
    assert words in reason.text


def test_there_is_a_check_for_each_id_in_order() -> None:
    """The reasons are told in the order in which the ids stand."""
    assert list(RejectionId) == list(CHECKS)
    assert set(RejectionId) == {rejection for rejection, _, _ in FLAWS.values()}


def test_every_reason_is_told() -> None:
    """Checks do not hide each other."""
    facts = rolled.make_facts(
        run=RUN(conclusion="failure", head_branch="x"), reachable=False, rolled_back=True, declares_input=False
    )

    assert [
        RejectionId.NOT_SUCCESSFUL,
        RejectionId.WRONG_BRANCH,
        RejectionId.ON_HOLD,
        RejectionId.NOT_REACHABLE,
        RejectionId.INPUT_UNDECLARED,
    ] == ids(facts)


def test_branches_can_be_added() -> None:
    """A protected branch that the configuration names is as good as the default branch."""
    rule = RollbackRule(kind=RollbackKind.REDISPATCH, branches=("release",))
    facts = rolled.make_facts(run=RUN(head_branch="release"))

    assert () == reasons_against(facts, rolled.make_case(rule=rule))
    (reason,) = reasons_against(rolled.make_facts(run=RUN(head_branch="x")), rolled.make_case(rule=rule))
    assert "`main` or `release`" in reason.text


def test_a_kind_that_dispatches_nothing_needs_no_input() -> None:
    """Whether an input is declared is not even asked for then."""
    assert [] == ids(rolled.make_facts(declares_input=None))


def test_what_stood_before_a_rollback_needs_no_artifact() -> None:
    """The program recorded it itself."""
    kept = rolled.make_good_checkpoint(metadata=KEPT)

    assert [] == ids(rolled.make_facts(checkpoint=kept, artifact=None))
    assert [RejectionId.WRONG_BRANCH] == ids(
        rolled.make_facts(checkpoint=kept, artifact=None, run=RUN(head_branch="hotfix"))
    )


def test_what_is_returned_to_need_not_have_been_good() -> None:
    """It only stood before the rollback that failed: its run may be red, its commit held; it must be whole."""
    case = rolled.make_case(returns_from=rolled.make_failed())
    over = {"run": rolled.make_bad_run(head_branch="release"), "rolled_back": True, "hold": rolled.make_hold()}
    stood = rolled.make_stood(**over)

    assert () == reasons_against(stood, case)
    for flaw in ("damaged", "artifact gone", "digest", "rollback", "not merged", "input", "job gone"):
        rejection, wrong, _ = FLAWS[flaw]
        assert rejection in [reason.id for reason in reasons_against(stood.model_copy(update=wrong), case)]


def test_return_goes_back_from_what_the_rollback_brought() -> None:
    """The good commit is the bad one then."""
    case = rolled.make_case(returns_from=rolled.make_failed())
    (reason,) = reasons_against(rolled.make_facts(stood=True), case)

    assert (rolled.GOOD_SHA, RejectionId.SAME_COMMIT) == (case.bad_sha, reason.id)


def test_a_manifest_cannot_say_of_itself_that_it_needs_no_artifact() -> None:
    """What was taken in from an artifact has one."""
    claimed = rolled.make_good_checkpoint(metadata={"pre_rollback": True})

    assert [RejectionId.ARTIFACT_MISSING] == ids(rolled.make_facts(checkpoint=claimed, artifact=None))


def test_an_artifact_without_a_recorded_digest_is_not_compared() -> None:
    """There is nothing to compare it with."""
    assert None is why_artifact_is_unfit(ARTIFACT(), None, str(rolled.GOOD_RUN), make.NOW)
    assert None is why_artifact_is_unfit(ARTIFACT(expires_at=None), rolled.DIGEST, str(rolled.GOOD_RUN), make.NOW)


def numbered(number: int, **over: Any) -> CandidateFacts:
    """A candidate with an id of its own."""
    checkpoint = rolled.make_good_checkpoint(id=f"ckpt-{number}-good0001")
    return rolled.make_facts(**{"checkpoint": checkpoint} | over)


def test_the_first_that_passes_wins_and_none_after_it_is_looked_into() -> None:
    """Looking costs requests."""
    looked_into: list[int] = []

    def candidates() -> Iterator[CandidateFacts]:
        for number, sound in enumerate((False, True, True)):
            looked_into.append(number)
            yield numbered(number, reachable=sound)

    choice = choose_target(candidates(), rolled.make_case())

    assert choice.target is not None
    assert "ckpt-1-good0001" == choice.target.checkpoint.id
    assert ["ckpt-0-good0001"] == [rejected.checkpoint_id for rejected in choice.rejected]
    assert [0, 1] == looked_into
    assert () == choice.forced


def test_what_is_set_aside_is_recorded() -> None:
    """The person who forced it reads what they forced."""
    choice = choose_target(
        [rolled.make_facts(rolled_back=True)], rolled.make_case(), {RejectionId.ON_HOLD, RejectionId.WRONG_BRANCH}
    )

    assert choice.target is not None
    assert [RejectionId.ON_HOLD] == [reason.id for reason in choice.forced]


@pytest.mark.parametrize(
    ("over", "corrupt"),
    [
        ({"reachable": False}, False),
        ({"artifact": ARTIFACT(digest="sha256:0")}, True),
        ({"artifact": ARTIFACT(digest=None)}, False),
        ({"artifact": ARTIFACT(run_id=5, digest="sha256:0")}, False),
        ({"artifact": ARTIFACT(name="dist", digest="sha256:0")}, False),
        ({"artifact": ARTIFACT(head_repository_id=2, digest="sha256:0")}, False),
        ({"damaged_beside": ("`ckpt-x`",)}, False),
        ({"particulars": None}, True),
        ({"health": CheckpointHealth.CORRUPT}, True),
        ({"health": CheckpointHealth.PRUNED}, False),
        ({"run": None}, False),
    ],
)
def test_corruption_is_told_apart(over: dict[str, Any], corrupt: bool) -> None:
    """A damaged checkpoint is of no use ever; one that is unfit here may be of use elsewhere."""
    (rejected,) = choose_target([rolled.make_facts(**over)], rolled.make_case()).rejected

    assert corrupt is rejected.corrupt
    assert (rolled.GOOD_SHA, str(rolled.GOOD_RUN)) == (rejected.commit_sha, rejected.run_id)


@pytest.mark.parametrize(
    ("over", "damage"),
    [
        ({"artifact": ARTIFACT(digest="sha256:0")}, f"its artifact's digest was {rolled.DIGEST} and is sha256:0"),
        ({"particulars": None}, "its metadata is damaged"),
    ],
)
def test_damage_is_told_by_its_own_reason(over: dict[str, Any], damage: str) -> None:
    """What else speaks against a candidate has nothing to do with its being damaged."""
    facts = rolled.make_facts(run=RUN(conclusion="failure"), **over)
    (rejected,) = choose_target([facts], rolled.make_case()).rejected

    assert RejectionId.NOT_SUCCESSFUL is rejected.reasons[0].id
    assert damage == damage_in(rejected)


SOME_FLAWS = some.sets(some.sampled_from(sorted(FLAWS)), max_size=4)
SOME_IDS = some.sets(some.sampled_from(list(RejectionId)))


@given(some.lists(SOME_FLAWS, max_size=5), SOME_IDS)
def test_a_rejected_candidate_is_never_chosen(flaws: list[set[str]], forced: set[RejectionId]) -> None:
    """Whatever is wrong with whichever, and whatever is forced: the target is sound but for what may be set aside."""
    case = rolled.make_case()
    candidates = [
        numbered(number, **{key: value for name in sorted(found) for key, value in FLAWS[name][1].items()})
        for number, found in enumerate(flaws)
    ]
    choice = choose_target(candidates, case, forced)

    looked_into = len(choice.rejected) + (choice.target is not None)
    assert looked_into == len(candidates) or choice.target is not None
    if choice.target is not None:
        found = {reason.id for reason in reasons_against(choice.target, case)}
        assert found <= forced & OVERRIDABLE
        assert found == {reason.id for reason in choice.forced}
        assert choice.target.checkpoint.id not in {rejected.checkpoint_id for rejected in choice.rejected}
    for rejected in choice.rejected:
        assert not {reason.id for reason in rejected.reasons} <= forced & OVERRIDABLE


@given(SOME_FLAWS.filter(lambda flaws: not {FLAWS[name][0] for name in flaws} <= OVERRIDABLE))
def test_everything_forced_is_not_everything_allowed(flaws: set[str]) -> None:
    """Digests, health, history and the like cannot be set aside at all."""
    facts = rolled.make_facts(**{key: value for name in sorted(flaws) for key, value in FLAWS[name][1].items()})
    firm = {reason.id for reason in reasons_against(facts, rolled.make_case())} - OVERRIDABLE

    assert (None is choose_target([facts], rolled.make_case(), set(RejectionId)).target) is bool(firm)

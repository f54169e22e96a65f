"""What a run was told to restore: read from its inputs, and compared with what GitHub shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recovery.errors import InputError
from recovery.models.checkpoint import ArtifactName
from recovery.models.github import Artifact, Job, Tag
from recovery.models.rollback import Claim, RestoreOrder, RollbackKind
from recovery.policy.claims import tag_message
from recovery.policy.continuation import OwnJob
from recovery.policy.naming import return_tag, rollback_tag
from recovery.policy.restore_order import (
    Expected,
    check_started_by_rollback,
    expected_by,
    left_by_job,
    left_by_others,
    namesakes_of,
    order_among,
    why_not_of_target,
    why_not_ordered,
)
from recovery.strategies.redispatch import restore_input
from tests import builders as make
from tests import rollback_builders as rolled

ORDER: dict[str, Any] = {
    "version": 1,
    "recovery_id": "rec-902-1-1",
    "checkpoint_id": "ckpt-good0001",
    "artifact_id": rolled.GOOD_ARTIFACT,
    "run_id": rolled.GOOD_RUN,
    "nonce": "01kb0000000000000000000001",
}


def test_what_a_rollback_writes_is_read() -> None:
    """Whatever the input is called."""
    plan, order = make.make_plan(), rolled.make_order()

    read = order_among({"region": "eu", "back": restore_input(plan, order)})

    assert (
        RestoreOrder(
            recovery_id=plan.header.id,
            checkpoint_id=str(order.target_checkpoint_id),
            artifact_id=order.target_artifact_id,
            run_id=order.target_run_id,
            nonce=order.nonce,
        )
        == read
    )


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        [],
        {},
        {"recovery": ""},
        {"recovery": "true"},
        {"recovery": "{"},
        {"recovery": "[" * 3000},
        {"recovery": '{"nonce": "1"}'},
        {"recovery": True},
        {"recovery": json.dumps(ORDER).ljust(70_000)},
        {"recovery": json.dumps(ORDER).replace("recovery_id", "recovery\\u005fid")},
    ],
)
def test_other_inputs_order_nothing(inputs: object) -> None:
    """A workflow may have inputs of its own, JSON or not."""
    assert None is order_among(inputs)


@pytest.mark.parametrize(
    "over",
    [
        {"version": 2},
        {"artifact_id": "nine"},
        {"artifact_id": 0},
        {"run_id": -1},
        {"checkpoint_id": ""},
        {"further": 1},
        {"nonce": None},
        {"nonce": "n\n::error::x"},
        {"recovery_id": "rec-1\n"},
        {"checkpoint_id": "::stop-commands::x"},
    ],
)
def test_order_that_is_not_understood_is_an_error(over: dict[str, object]) -> None:
    """To build anew where something was to be restored would deploy what nobody asked for."""
    with pytest.raises(InputError, match="does not say what to restore") as caught:
        order_among({"recovery": json.dumps(ORDER | over)})
    assert "same version" in str(caught.value.hint)


def test_two_orders_are_an_error() -> None:
    """Nobody could tell which one is meant."""
    with pytest.raises(InputError, match="`one`, `two`"):
        order_among({"one": json.dumps(ORDER), "two": json.dumps(ORDER)})


def expected(**over: Any) -> Expected:
    """What the order's run at the good commit has to be restored from."""
    fields: dict[str, Any] = {"order": ORDER, "commit_sha": rolled.GOOD_SHA, "workflow_path": rolled.WORKFLOW}
    return Expected.model_validate(fields | over)


@pytest.mark.parametrize(
    ("artifact", "maker", "words"),
    [
        ({}, {}, None),
        (None, {}, "is gone or has expired"),
        ({"expired": True}, {}, "is gone or has expired"),
        ({"head_repository_id": 2}, {}, "is not of a commit of this repository"),
        ({}, {"head_repository": "mallory/widgets"}, "belongs to a pull request or a fork"),
        ({}, {"event": "pull_request"}, "belongs to a pull request or a fork"),
        ({}, {"event": "pull_request_target"}, "belongs to a pull request or a fork"),
        ({}, {"path": ".github/workflows/evil.yml"}, "is of another workflow"),
        ({}, {"conclusion": "failure"}, "did not succeed: expected `success`, found `failure`"),
        ({}, {"status": "in_progress", "conclusion": None}, "found `in_progress`"),
        ({"name": "site"}, {}, "is not named like one"),
        ({"name": f"recovery-checkpoint.{rolled.GOOD_RUN}.1.77.deployed.good0002"}, {}, "is not named like one"),
        ({"run_id": 5}, {}, "is of another run"),
        ({}, None, "is of another run"),
        ({}, {"head_sha": "c" * 40}, "is of another commit"),
    ],
)
def test_only_what_was_ordered_is_restored(
    artifact: dict[str, Any] | None, maker: dict[str, Any] | None, words: str | None
) -> None:
    """By id, of the run that was named, which is of this very commit and workflow, and succeeded."""
    found = None if artifact is None else rolled.make_good_artifact(**artifact)
    run = None if maker is None else rolled.make_deploy_run(**maker)

    why = why_not_ordered(expected(), found, run)

    assert words is None if why is None else words is not None and words in why


def test_what_stands_beside_the_ordered_one_needs_the_same_proofs() -> None:
    """But for the id, which is another one's."""
    maker = rolled.make_deploy_run()
    beside = rolled.make_good_artifact(id=9102, name=f"recovery-checkpoint.{rolled.GOOD_RUN}.1.78.built.good0002")

    assert None is why_not_of_target(expected(), beside, maker)
    for artifact, words in (
        (beside.model_copy(update={"expired": True}), "has expired"),
        (beside.model_copy(update={"head_repository_id": 2}), "is not of a commit of this repository"),
        (beside.model_copy(update={"run_id": 5}), "is of another run"),
    ):
        assert words in (why_not_of_target(expected(), artifact, maker) or "")
    assert "of another commit" in (why_not_of_target(expected(commit_sha="c" * 40), beside, maker) or "")


def test_return_asks_for_no_success() -> None:
    """What stood before a rollback had failed itself; everything else holds."""
    artifact, failed = rolled.make_good_artifact(), rolled.make_deploy_run(conclusion="failure")
    elsewhere = failed.model_copy(update={"path": ".github/workflows/evil.yml"})

    assert None is why_not_ordered(expected(returns=True), artifact, failed)
    assert "is of another workflow" in (why_not_ordered(expected(returns=True), artifact, elsewhere) or "")


def test_unknown_workflow_is_that_of_no_run() -> None:
    """Where the runner does not tell which workflow runs, nothing is restored."""
    why = why_not_ordered(expected(workflow_path=""), rolled.make_good_artifact(), rolled.make_deploy_run())

    assert "expected one that GITHUB_WORKFLOW_REF names" in str(why)


def tag(name: str = rollback_tag("Deploy", "production", rolled.BAD_SHA), **over: Any) -> Tag:
    """A tag at the good commit, with the claim of the rollback that gave the order."""
    fields: dict[str, Any] = {
        "recovery_id": ORDER["recovery_id"],
        "nonce": ORDER["nonce"],
        "kind": RollbackKind.REDISPATCH,
        "workflow_name": "Deploy",
        "environment": "production",
        "bad_sha": rolled.BAD_SHA,
        "target_sha": rolled.GOOD_SHA,
        "since": make.NOW,
    }
    commit = over.pop("commit", rolled.GOOD_SHA)
    return Tag(name=name, commit=commit, message=tag_message(Claim.model_validate(fields | over)))


def asked_at(at: Tag) -> Expected:
    """What may be restored in a run of the deployment at the good commit, which is at this tag."""
    return expected_by(RestoreOrder.model_validate(ORDER), at, "Deploy", rolled.WORKFLOW, rolled.GOOD_SHA)


def test_claim_bears_the_order_out() -> None:
    """At the tag of a rollback and of a return, which differ in what may be restored."""
    assert expected() == asked_at(tag())
    assert expected(returns=True) == asked_at(tag(return_tag("Deploy", "production", rolled.GOOD_SHA)))


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (Tag(name=tag().name, commit=rolled.GOOD_SHA), "says nothing of a rollback"),
        (tag(nonce="another"), "is of another rollback"),
        (tag(recovery_id="rec-another"), "is of another rollback"),
        (tag(kind=RollbackKind.REVERT_PR), "of the kind `revert-pr`"),
        (tag(workflow_name="Docs"), "is of another workflow: expected `Deploy`, found `Docs`"),
        (tag(environment="staging"), "is not called what follows from its words"),
        (tag("recovery/rollback/anything"), "is not called what follows from its words"),
        (tag(return_tag("Deploy", "production", rolled.BAD_SHA)), "is not called what follows from its words"),
        (tag(target_sha="c" * 40), "is of another commit"),
        (tag(commit="c" * 40), "is of another commit"),
    ],
)
def test_tag_without_the_order_s_claim_is_an_error(at: Tag, words: str) -> None:
    """Whoever copied an order or made one up is told what the tag says instead."""
    with pytest.raises(InputError, match=words) as caught:
        asked_at(at)
    assert "leave the input empty" in str(caught.value.hint)


@pytest.mark.parametrize(
    "ref",
    [rollback_tag("Deploy", "production", rolled.BAD_SHA), return_tag("Deploy", "production", rolled.BAD_SHA)],
)
def test_run_that_a_rollback_started_is_believed(ref: str) -> None:
    """A rollback and a return from one dispatch at a tag of their own."""
    check_started_by_rollback("workflow_dispatch", f"refs/tags/{ref}")


@pytest.mark.parametrize(
    ("event", "ref"),
    [
        ("workflow_dispatch", "refs/heads/main"),
        ("workflow_dispatch", "refs/heads/recovery/rollback/deploy/production/1"),
        ("workflow_dispatch", "refs/tags/v1"),
        ("workflow_dispatch", "refs/tags/recovery/rolling-back/deploy/production"),
        ("workflow_dispatch", ""),
        ("push", "refs/tags/recovery/rollback/deploy/production/1"),
        ("", ""),
    ],
)
def test_copied_order_is_refused(event: str, ref: str) -> None:
    """Whoever starts the workflow by hand with a copied input is told so, and nothing is deployed."""
    with pytest.raises(InputError, match="no rollback started this run") as caught:
        check_started_by_rollback(event, ref)
    assert "leave the input empty" in str(caught.value.hint)


def left(number: int, job_id: int, attempt: int = 1, run_id: int = rolled.GOOD_RUN) -> Artifact:
    """A checkpoint of some job of the good run."""
    name = f"recovery-checkpoint.{run_id}.{attempt}.{job_id}.built.good{number:04d}"
    return rolled.make_good_artifact(id=number, name=name, created_at=make.later(number))


def test_what_others_left_is_told_apart_by_its_name() -> None:
    """The newest first, of the newest attempt that left any; neither the ordered job's nor what does not tell whose."""
    ordered = ArtifactName(run_id=rolled.GOOD_RUN, attempt=2, job_id=77, name="deployed", nonce="good0001")
    of_run = [
        left(1, 77),
        left(2, 78),
        left(3, 79),
        left(4, 78),
        left(5, 80, attempt=2),
        left(6, 0),
        left(7, 78, run_id=5),
        rolled.make_good_artifact(name="site"),
    ]

    others = left_by_others(ordered, of_run)

    assert [5, 4, 3, 2] == [artifact.id for artifact in others]
    assert [4, 2] == [artifact.id for artifact in left_by_job({78}, others)]
    assert [5] == [artifact.id for artifact in left_by_job({78, 80}, others)]
    assert () == left_by_job((), others)


def jobs(*names: str, first_id: int) -> tuple[Job, ...]:
    """Jobs of these names."""
    return tuple(make.make_job(id=first_id + number, name=name) for number, name in enumerate(names))


@pytest.mark.parametrize(
    ("own", "now", "then", "expected"),
    [
        ({"job_id": 11}, ("build", "deploy"), ("build", "deploy"), 21),
        ({"job_id": 10, "job": "test"}, ("test (3.12)", "test (3.13)"), ("test (3.13)", "test (3.12)"), 21),
        ({"job_id": 10}, ("build", "build"), ("build", "deploy"), None),
        ({"job_id": 10}, ("build", "deploy"), ("build", "build"), None),
        ({"job_id": 10}, ("built anew",), ("build",), None),
        ({"job_id": 99, "job": "build"}, ("build",), ("build",), None),
        ({"job": "deploy"}, (), ("build", "deploy"), 21),
        ({"job": "deploy"}, (), ("build", "eu / deploy"), 21),
        ({"job": "deploy"}, (), ("eu / deploy", "us / deploy"), None),
        ({"job": "deploy"}, (), ("build", "deploy (eu)"), None),
        ({"job": "deploy", "matrix": {"region": "eu"}}, (), ("build", "deploy"), None),
        ({"job": "deploy"}, (), ("build", "Ship it"), None),
    ],
)
def test_job_is_recognised_in_another_run(
    own: dict[str, Any], now: tuple[str, ...], then: tuple[str, ...], expected: int | None
) -> None:
    """By its display name, if that is its alone in both runs; without its id, by its key, if nothing else fits."""
    job = OwnJob(**{"run_id": 904, "attempt": 1} | own)

    found = namesakes_of(job, jobs(*now, first_id=10), jobs(*then, first_id=20))

    assert (frozenset() if expected is None else {expected}) == found


def test_job_that_was_run_again_has_an_id_in_each_attempt() -> None:
    """One that was run twice in the same attempt, for all that is known, is no job in particular."""
    own = OwnJob(run_id=904, attempt=1, job_id=10)
    again = make.make_job(id=30, name="build", run_attempt=2)

    assert {20, 30} == namesakes_of(own, jobs("build", first_id=10), (*jobs("build", first_id=20), again))

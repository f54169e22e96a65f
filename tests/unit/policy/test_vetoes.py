"""Every reason not to re-run, each alone, at its boundary, in the order of the design."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from recovery.models.decision import ReasonId
from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.vetoes import (
    DOUBTS,
    ENOUGH_CONFIDENCE,
    OVERRIDABLE,
    RERUN_WINDOW,
    VETOES,
    Case,
    attempt_cap,
    mass_failure,
    own_workflow,
    side_effects,
    too_old,
)
from recovery.settings import Settings
from tests import builders as make

OTHER = "a" * 40
SECOND = timedelta(seconds=1)
UNKNOWN = {"failure_class": FailureClass.UNKNOWN, "retryable": Retryable.NO, "confidence": 0.3}
REAL = {"failure_class": FailureClass.TEST_FAILURE, "retryable": Retryable.NO}


def case(*failures: PipelineFailure, run: dict[str, Any] | None = None, own: str | None = None, **over: Any) -> Case:
    """The usual case, for a retry of which everything speaks, but for what is said here."""
    seen = {key: over.pop(key) for key in ("jobs", "attempt", "pull_request", "head_now") if key in over}
    observation = make.make_observation(
        run=make.make_run(**run or {}), **({"failures": failures} if failures else {}), **seen
    )
    return Case(observation=observation, settings=Settings(**over), now=make.NOW, own_workflow=own)


def ids(found: Case) -> list[ReasonId]:
    """The ids of everything that speaks against a retry, in the order told."""
    return [reason.id for veto in VETOES + DOUBTS if (reason := veto(found))]


def test_nothing_speaks_against_the_usual_case() -> None:
    """A proven passing cause on the head of an open pull request is free of vetoes and doubts."""
    assert [] == ids(case())


EACH = [
    (case(head_now=OTHER), ReasonId.SUPERSEDED),
    (case(run={"event": "push"}, pull_request=None, head_now=OTHER), ReasonId.SUPERSEDED),
    (case(run={"event": "push"}, pull_request=None, head_now=None), ReasonId.SUPERSEDED),
    (case(pull_request=make.make_pull_request(state="closed")), ReasonId.PULL_REQUEST_CLOSED),
    (case(pull_request=None), ReasonId.PULL_REQUEST_CLOSED),
    (case(run={"event": "pull_request_target"}, pull_request=None), ReasonId.PULL_REQUEST_CLOSED),
    (case(run={"status": "in_progress"}), ReasonId.RUN_ACTIVE),
    (case(run={"status": "queued"}), ReasonId.RUN_ACTIVE),
    (case(run={"run_attempt": 2}, max_attempts=9), ReasonId.RUN_ACTIVE),
    (case(run={"created_at": make.NOW - RERUN_WINDOW}), ReasonId.TOO_OLD),
    (case(run={"run_attempt": 2}, attempt=2), ReasonId.ATTEMPT_CAP),
    (case(make.make_failure(**REAL)), ReasonId.REAL_FAILURE),
    (case(make.make_failure(conclusion="cancelled", **UNKNOWN)), ReasonId.CANCELLED_BY_SOMEONE),
    (
        case(make.make_failure(conclusion="cancelled", log_problem="gone", **UNKNOWN)),
        ReasonId.CANCELLED_BY_SOMEONE,
    ),
    (case(*(make.make_failure(job_id=number) for number in range(6))), ReasonId.MASS_FAILURE),
    (case(jobs=(make.make_job(name="deploy"),)), ReasonId.SIDE_EFFECTS),
    (case(run={"event": "merge_group"}, pull_request=None, head_now=None), ReasonId.MERGE_QUEUE),
    (case(make.make_failure(log_problem="it is gone", **UNKNOWN)), ReasonId.LOG_UNREADABLE),
    (case(run={"path": ".github/workflows/recovery.yml"}, own=".github/workflows/recovery.yml"), ReasonId.OWN_WORKFLOW),
    (case(make.make_failure(**UNKNOWN)), ReasonId.UNKNOWN_CAUSE),
    (case(make.make_failure(**UNKNOWN | {"failure_class": FailureClass.NO_FAILURE})), ReasonId.UNKNOWN_CAUSE),
    (case(make.make_failure(**REAL | {"confidence": 0.45})), ReasonId.UNKNOWN_CAUSE),
    (case(autonomy={"network": "observe"}), ReasonId.DISABLED),
    (case(autonomy={"network": "suggest"}), ReasonId.ONLY_MAYBE),
    (case(make.make_failure(retryable=Retryable.MAYBE)), ReasonId.ONLY_MAYBE),
    (case(make.make_failure(confidence=ENOUGH_CONFIDENCE - 0.01)), ReasonId.ONLY_MAYBE),
]


@pytest.mark.parametrize(("found", "expected"), EACH)
def test_each_veto_alone(found: Case, expected: ReasonId) -> None:
    """One thing speaks against a retry, and exactly one reason says so."""
    assert [expected] == ids(found)


def test_order_is_the_designs() -> None:
    """When much speaks against a retry, the reasons come in the order of the design."""
    jobs = tuple(make.make_job(id=number, name=f"deploy {number}") for number in range(8))
    failures = (
        make.make_failure(job_id=1, **REAL),
        make.make_failure(job_id=2, conclusion="cancelled", **UNKNOWN),
        make.make_failure(job_id=3, log_problem="gone", **UNKNOWN),
        make.make_failure(job_id=4, **UNKNOWN),
        *(make.make_failure(job_id=number, retryable=Retryable.MAYBE) for number in (5, 6, 7)),
    )
    old = {"created_at": make.NOW - timedelta(days=31), "run_attempt": 2, "path": "own.yml"}
    everything = case(
        *failures,
        run=old,
        own="own.yml",
        jobs=jobs,
        pull_request=make.make_pull_request(state="closed", head_sha=OTHER),
        head_now=OTHER,
        autonomy={"test_failure": "observe"},
    )

    assert [
        "superseded",
        "pull-request-closed",
        "run-active",
        "too-old",
        "attempt-cap",
        "real-failure",
        "cancelled-by-someone",
        "mass-failure",
        "side-effects",
        "log-unreadable",
        "own-workflow",
        "unknown-cause",
        "disabled",
        "only-maybe",
    ] == ids(everything)


def test_ids_are_declared_in_the_order_of_the_design() -> None:
    """The closed set of ids begins with the vetoes as the design lists them, budget and outage among them."""
    designed = (
        "superseded pull-request-closed run-active too-old attempt-cap budget real-failure cancelled-by-someone"
        " mass-failure side-effects merge-queue outage log-unreadable own-workflow unknown-cause only-maybe"
    )
    assert designed.split() == [reason.value for reason in ReasonId][:16]


def test_a_person_may_set_aside_class_confidence_and_side_effects_only() -> None:
    """What GitHub or another person decides stays, whoever asks."""
    assert {
        "real-failure",
        "side-effects",
        "log-unreadable",
        "unknown-cause",
        "disabled",
        "only-maybe",
    } == {reason.value for reason in OVERRIDABLE}


@pytest.mark.parametrize(("age", "vetoed"), [(RERUN_WINDOW - SECOND, False), (RERUN_WINDOW, True)])
def test_thirty_days_are_the_boundary(age: timedelta, *, vetoed: bool) -> None:
    """A run of 30 days less a second may be re-run, one of 30 days not."""
    assert vetoed == (too_old(case(run={"created_at": make.NOW - age})) is not None)


@pytest.mark.parametrize(
    ("attempts", "cap", "vetoed"), [(1, 2, False), (2, 2, True), (3, 2, True), (1, 1, True), (49, 50, False)]
)
def test_attempts_are_counted_with_the_first(attempts: int, cap: int, *, vetoed: bool) -> None:
    """`max-attempts` 2 is the first try and one more; 1 is none."""
    found = case(run={"run_attempt": attempts}, attempt=attempts, max_attempts=cap)
    assert vetoed == (attempt_cap(found) is not None)


@pytest.mark.parametrize(("failures", "cap", "vetoed"), [(5, 5, False), (6, 5, True), (1, 1, False), (2, 1, True)])
def test_as_many_failed_jobs_as_allowed_are_no_mass(failures: int, cap: int, *, vetoed: bool) -> None:
    """`max-failed-jobs` is the largest number that is still taken for bad luck."""
    found = case(*(make.make_failure(job_id=number) for number in range(failures)), max_failed_jobs=cap)
    assert vetoed == (mass_failure(found) is not None)


def test_consequences_are_not_counted() -> None:
    """Gate jobs and siblings cancelled by fail-fast neither make a mass nor a real failure nor a cancellation."""
    gates = [
        make.make_failure(job_id=number, consequence_of="test", conclusion="cancelled", **UNKNOWN)
        for number in range(9)
    ]
    assert [] == ids(case(make.make_failure(), *gates))


def test_one_real_failure_among_passing_ones_is_enough() -> None:
    """Mixed failures are left red, and the reason names the job that failed for real."""
    found = case(make.make_failure(), make.make_failure(job_id=2, job_name="unit", **REAL))
    assert ["job `unit` failed for a real reason (test failure): the same commit would fail again"] == [
        reason.text for veto in VETOES if (reason := veto(found))
    ]


def test_real_failures_are_counted() -> None:
    """More than one real failure is said with its number."""
    found = case(*(make.make_failure(job_id=number, **REAL) for number in range(3)))
    reason = VETOES[5](found)
    assert reason is not None
    assert reason.text.endswith("(test failure) (and 2 more): the same commit would fail again")


@pytest.mark.parametrize("failure_class", [FailureClass.TIMEOUT, FailureClass.INFRASTRUCTURE])
def test_cancellation_with_proof_of_a_timeout_or_lost_runner_is_no_persons(failure_class: FailureClass) -> None:
    """A job that the runner itself ended is judged by its class."""
    assert [] == ids(case(make.make_failure(conclusion="cancelled", failure_class=failure_class)))


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", "release", "merge_group"])
def test_events_without_a_head_are_not_superseded(event: str) -> None:
    """Only pushes and pull requests have a head that moves on."""
    found = case(run={"event": event}, pull_request=None, head_now=None)
    assert [reason for reason in ids(found) if reason is not ReasonId.MERGE_QUEUE] == []


@pytest.mark.parametrize(
    "name",
    [
        "deploy",
        "Deploy to production",
        "deploy-prod (eu)",
        "ci / deploy",
        "publish",
        "Publish package",
        "publish_docs",
        "release",
        "pre_release",
        "semantic-release",
        "rollout",
        "promote to staging",
        "provision",
        "migrate database",
        "db-migration",
        "Upload to PyPI",
        "push image",
        "terraform apply",
    ],
)
def test_jobs_that_deploy_or_publish_by_name_are_not_repeated(name: str) -> None:
    """A name that sounds like a deployment is one, until it is declared otherwise."""
    assert side_effects(case(jobs=(make.make_job(name=name),))) is not None


@pytest.mark.parametrize("name", ["test", "build", "redeployment-free", "lint", "unpublished", "undeploy", "e2e"])
def test_other_jobs_may_be_repeated(name: str) -> None:
    """A name that only contains such a word is none."""
    assert side_effects(case(jobs=(make.make_job(name=name),))) is None


@pytest.mark.parametrize(
    ("name", "declared", "vetoed"),
    [
        ("deploy", {"deploy": "none"}, False),
        ("deploy", {"deploy": "idempotent"}, False),
        ("deploy (eu)", {"deploy*": "idempotent"}, False),
        ("deploy", {"deploy*": "dangerous"}, True),
        ("test", {"test": "dangerous"}, True),
        ("test", {"t?st": "dangerous"}, True),
        ("deploy prod", {"*prod": "dangerous", "deploy*": "none"}, True),
        ("deploy prod", {"deploy*": "none", "*prod": "dangerous"}, False),
        ("Deploy", {"deploy": "none"}, True),
        ("deploy", {"publish": "none"}, True),
    ],
)
def test_declared_side_effects_outweigh_the_name(name: str, declared: dict[str, str], *, vetoed: bool) -> None:
    """`side-effects` says by pattern what repeating does; the first pattern that fits counts, case and all."""
    found = case(jobs=(make.make_job(name=name),), side_effects=declared)
    assert vetoed == (side_effects(found) is not None)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (make.make_step(name="Set up job"),),
        (make.make_step(name="Set up job"), make.make_step(name="Push", conclusion="skipped")),
        (make.make_step(name="Push", started_at=None),),
    ],
)
def test_deployment_that_did_not_start_a_step_of_its_own_may_be_repeated(steps: tuple[Any, ...]) -> None:
    """A job that was lost before its first step has done nothing to the world."""
    assert side_effects(case(jobs=(make.make_job(name="deploy", steps=steps),))) is None


@pytest.mark.parametrize(
    ("started_at", "vetoed"),
    [(-180, False), (-61, False), (-60, True), (-30, True), (None, False)],
)
def test_deployment_that_began_after_the_failure_is_in_the_way(started_at: float | None, *, vetoed: bool) -> None:
    """What began once a failed job had ended may depend on it (`if: always()`), and is repeated with it."""
    began = None if started_at is None else make.later(started_at)
    deployed = make.make_job(id=1, name="deploy", conclusion="success", started_at=began, completed_at=make.NOW)
    assert vetoed == (side_effects(case(jobs=(make.make_job(), deployed))) is not None)


def test_deployment_that_ran_before_the_failure_is_not_in_the_way() -> None:
    """What succeeded before a job failed does not depend on it, and is not repeated."""
    deployed = make.make_job(id=1, name="deploy", conclusion="success", completed_at=make.later(-200))
    assert side_effects(case(jobs=(make.make_job(), deployed))) is None


def test_first_of_several_failures_counts_for_what_came_after() -> None:
    """A deployment between two failures may depend on the first one."""
    jobs = (
        make.make_job(),
        make.make_job(id=2, name="late", completed_at=make.later(-5)),
        make.make_job(id=1, name="deploy", conclusion="success", started_at=make.later(-30)),
    )
    failures = (make.make_failure(), make.make_failure(job_id=2))
    assert side_effects(case(*failures, jobs=jobs)) is not None


@pytest.mark.parametrize(
    "over",
    [
        {"name": "notify"},
        {"conclusion": "skipped", "steps": ()},
        {"steps": (make.make_step(name="Push", conclusion="skipped"),)},
    ],
)
def test_dependent_that_did_nothing_to_the_world_may_be_repeated(over: dict[str, Any]) -> None:
    """Jobs after the failure that deploy nothing, or were skipped, are no danger."""
    after = make.make_job(**{"id": 1, "name": "deploy", "conclusion": "success", "started_at": make.later(-30)} | over)
    assert side_effects(case(jobs=(make.make_job(), after))) is None


def test_declared_side_effects_hold_for_dependents_too() -> None:
    """A deployment that is declared safe to repeat is so also where it only depends on the failed job."""
    after = make.make_job(id=1, name="deploy", conclusion="success", started_at=make.later(-30))
    assert side_effects(case(jobs=(make.make_job(), after), side_effects={"deploy": "idempotent"})) is None


def test_gate_that_deploys_is_in_the_way() -> None:
    """A consequence is repeated with the rest, so that its side effects count."""
    failures = (make.make_failure(), make.make_failure(job_id=2, consequence_of="test"))
    found = case(*failures, jobs=(make.make_job(), make.make_job(id=2, name="publish")))
    assert side_effects(found) is not None


@pytest.mark.parametrize(
    ("failure", "autonomy", "expected"),
    [
        (make.make_failure(retryable=Retryable.MAYBE), {"network": "act"}, []),
        (make.make_failure(retryable=Retryable.MAYBE), {"lint": "act"}, ["only-maybe"]),
        (make.make_failure(), {"network": "suggest"}, ["only-maybe"]),
        (make.make_failure(), {"network": "observe"}, ["disabled"]),
        (make.make_failure(**REAL), {"test_failure": "act"}, ["real-failure"]),
        (make.make_failure(**UNKNOWN), {"unknown": "act"}, ["unknown-cause"]),
    ],
)
def test_autonomy_goes_as_far_as_the_configuration_says(
    failure: PipelineFailure, autonomy: dict[str, str], expected: list[str]
) -> None:
    """`act` lets a `maybe` act, but makes no real or unknown failure a passing one; the others hold back."""
    assert expected == ids(case(failure, autonomy=autonomy))


@pytest.mark.parametrize(("own", "vetoed"), [(None, False), ("a.yml", False), (".github/workflows/ci.yml", True)])
def test_own_workflow_is_told_by_its_path(own: str | None, *, vetoed: bool) -> None:
    """Off a runner nobody knows the recovery workflow, and nothing is its own."""
    assert vetoed == (own_workflow(case(own=own)) is not None)


def test_every_reason_is_a_sentence_for_people() -> None:
    """Each text of each veto is filled in and names something."""
    texts = [reason.text for found, _ in EACH for veto in VETOES + DOUBTS if (reason := veto(found))]
    assert [] == [text for text in texts if "{" in text or "None" in text or len(text) < 20]

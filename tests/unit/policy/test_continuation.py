"""Which checkpoint a job continues from: the plan's, or its own newest, and never another job's or leg's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from recovery.models.checkpoint import Particulars
from recovery.models.decision import DecisionKind, JobCheckpoint, Reason, ReasonId, RecoveryPlan
from recovery.models.github import Artifact, Job
from recovery.models.records import RecoveryType
from recovery.policy.continuation import (
    BY_HAND,
    FULL_RERUN,
    MOST_LOOKED_INTO,
    Continuation,
    OwnJob,
    asked_for,
    left_by_earlier_attempts,
    made_at,
    named_by,
    plan_among,
    why_another_s,
    why_not_resumed,
)
from tests import builders as make

OWN = OwnJob(run_id=1001, attempt=3, job_id=6201, job="test", matrix={"python": "3.12"})
JOBS = tuple(
    make.make_job(id=number, run_attempt=attempt, name=name)
    for attempt in (1, 2, 3)
    for number, name in (
        (3201 + 1000 * attempt, "test (3.12)"),
        (3202 + 1000 * attempt, "test (3.13)"),
        (3203 + 1000 * attempt, "lint"),
    )
)


def artifact(number: int, *, attempt: int = 1, job_id: int = 4201, name: str = "built", **over: Any) -> Artifact:
    """The artifact of a checkpoint of this run."""
    called = f"recovery-checkpoint.{over.get('run_id', 1001)}.{attempt}.{job_id}.{name}.{number:08d}"
    return make.make_artifact(**{"id": 9000 + number, "name": called, "created_at": make.later(number)} | over)


def resume(*checkpoints: JobCheckpoint) -> RecoveryPlan:
    """A plan to resume that names these."""
    decision = make.make_decision(strategy=RecoveryType.RESUME)
    return make.make_plan(header=make.make_header(attempt=2), decision=decision, checkpoints=checkpoints)


def planned(number: int = 1, **over: Any) -> JobCheckpoint:
    """What a plan says of this job."""
    fields = {"job_name": "test (3.12)", "checkpoint_id": f"ckpt-{number:08d}", "artifact_id": 9000 + number}
    return make.make_job_checkpoint(**fields | over)


def ids(found: Continuation) -> list[int]:
    """The artifacts of the candidates, in order."""
    return [candidate.artifact.id for candidate in found.candidates]


def test_newest_attempt_comes_first_then_the_newest_checkpoint() -> None:
    """An old attempt's checkpoint is older, whenever it was uploaded."""
    found = left_by_earlier_attempts(
        OWN,
        (artifact(9), artifact(2, attempt=2, job_id=5201), artifact(1, attempt=2, job_id=5201)),
        JOBS,
    )

    assert [9002, 9001, 9009] == ids(found)
    assert [True] * 3 == [candidate.is_certain for candidate in found.candidates]
    assert "the newest of attempt 2" == found.candidates[0].why


@pytest.mark.parametrize(
    "other",
    [
        artifact(1, job_id=4202),
        artifact(1, job_id=4203),
        artifact(1, attempt=3, job_id=6201),
        artifact(1, attempt=4, job_id=4201),
        artifact(1, run_id=1002),
        make.make_artifact(name="recovery-checkpoint.1002.1.4201.built.00000001"),
        make.make_artifact(name="dist"),
    ],
    ids=["other leg", "other job", "own attempt", "later attempt", "other run", "other run's name", "user's own"],
)
def test_what_is_not_this_job_s_is_never_a_candidate(other: Artifact) -> None:
    """Legs, jobs, runs and attempts do not mix."""
    found = left_by_earlier_attempts(OWN, (other,), JOBS)
    assert ((), True) == (found.candidates, bool(found.miss))


def test_nothing_left_tells_of_full_reruns() -> None:
    """GitHub shows a re-run of all jobs nothing of what was, and that can be helped."""
    found = left_by_earlier_attempts(OWN, (), JOBS)
    assert ("GitHub shows no checkpoint of an earlier attempt of this run", FULL_RERUN) == (found.miss, found.hint)


def test_others_checkpoints_are_no_hint_at_a_full_rerun() -> None:
    """When others' can be seen, this job simply made none."""
    found = left_by_earlier_attempts(OWN, (artifact(1, job_id=4203),), JOBS)
    assert ("no earlier attempt of job `test (3.12)` left a checkpoint", "") == (found.miss, found.hint)


def test_unknown_job_is_matched_by_manifests() -> None:
    """Where the runner does not tell the job's id, some manifests are read, and none is believed beforehand."""
    many = tuple(artifact(number) for number in range(1, 20))
    for own in (OWN.model_copy(update={"job_id": 0}), OWN.model_copy(update={"job_id": 77})):
        found = left_by_earlier_attempts(own, many, JOBS)
        assert MOST_LOOKED_INTO == len(found.candidates)
        assert not any(candidate.is_certain for candidate in found.candidates)
        assert 9019 == ids(found)[0]


def test_legs_that_share_a_name_are_told_apart_by_manifests() -> None:
    """`name: test` for all legs leaves nothing else to go by."""
    jobs = [job.model_copy(update={"name": "test"}) for job in JOBS]
    found = left_by_earlier_attempts(OWN, (artifact(1, job_id=4202), artifact(2)), jobs)
    assert [(9002, False), (9001, False)] == [(one.artifact.id, one.is_certain) for one in found.candidates]


def test_checkpoint_without_a_job_s_id_is_looked_into() -> None:
    """The attempt that made it may not have been told its id."""
    found = left_by_earlier_attempts(OWN, (artifact(1, job_id=0), artifact(2, job_id=4202)), JOBS)
    assert [(9001, False)] == [(one.artifact.id, one.is_certain) for one in found.candidates]


def test_plan_names_the_one_candidate() -> None:
    """What was validated is continued from, not what is newest."""
    found = named_by(resume(planned(1), planned(2, job_name="lint")), OWN, (artifact(3), artifact(1)), JOBS)
    (candidate,) = found.candidates
    assert (9001, "ckpt-00000001", True) == (candidate.artifact.id, candidate.checkpoint_id, candidate.is_certain)
    assert "named by recovery rec-1001-2-1" == candidate.why


@pytest.mark.parametrize(
    ("plan", "artifacts", "miss"),
    [
        (resume(planned(job_name="lint")), (), "recovery rec-1001-2-1 names no checkpoint of job `test (3.12)`"),
        (
            resume(planned(errors=("it has expired",))),
            (artifact(1),),
            "recovery rec-1001-2-1 refused ckpt-00000001: it has expired",
        ),
        (
            resume(planned()),
            (artifact(2),),
            "recovery rec-1001-2-1 names ckpt-00000001, and GitHub shows this run no artifact that holds it",
        ),
        (
            resume(planned()),
            (artifact(1, run_id=1002),),
            "recovery rec-1001-2-1 names ckpt-00000001, and GitHub shows this run no artifact that holds it",
        ),
    ],
)
def test_plan_that_names_nothing_usable_means_the_start(
    plan: RecoveryPlan, artifacts: tuple[Artifact, ...], miss: str
) -> None:
    """Nothing else is taken instead of what the plan names."""
    assert ((), miss) == ((found := named_by(plan, OWN, artifacts, JOBS)).candidates, found.miss)


def test_plan_for_a_job_that_cannot_be_named_is_matched_by_manifests() -> None:
    """All that the plan names is looked into, the refused ones not."""
    plan = resume(planned(1), planned(2, job_name="lint"), planned(3, job_name="deploy", errors=("damaged",)))
    own = OWN.model_copy(update={"job_id": 0})
    found = named_by(plan, own, (artifact(1), artifact(2, job_id=4203), artifact(3)), JOBS)
    assert [(9001, False), (9002, False)] == [(one.artifact.id, one.is_certain) for one in found.candidates]


def test_recorded_digest_travels_with_the_candidate() -> None:
    """The artifact must be the very one that recovery looked at."""
    found = named_by(resume(planned(artifact_digest="sha256:x")), OWN, (artifact(1),), JOBS)
    assert "sha256:x" == found.candidates[0].recorded_digest


PASSING = Reason(id=ReasonId.TRANSIENT, text="The connection was lost.")
REJECTED = Reason(id=ReasonId.CHECKPOINT_REJECTED, text="job `test` starts from the start: damaged")
NONE_FOUND = Reason(id=ReasonId.CHECKPOINT_REJECTED, text="no checkpoint of a failed job was found")


def asked(strategy: str) -> Reason:
    """The reason of a person."""
    return Reason(id=ReasonId.REQUESTED, text=f"a person asked for `{strategy}`")


@pytest.mark.parametrize(
    ("reasons", "checkpoints", "told"),
    [
        ((PASSING, REJECTED), (planned(errors=("damaged",)),), REJECTED.text),
        ((PASSING,), (planned(errors=("damaged",)),), PASSING.text),
        ((asked("resume"), REJECTED), (planned(errors=("damaged",)),), REJECTED.text),
        ((asked("retry"),), (), "a person asked for `retry`"),
        ((asked("resume"), NONE_FOUND), (), None),
        ((PASSING,), (), None),
    ],
    ids=["refused", "refused, untold", "refused, resume asked for", "asked for", "resume asked for", "none found"],
)
def test_plain_retry_means_the_start_where_it_says_so(
    reasons: tuple[Reason, ...], checkpoints: tuple[JobCheckpoint, ...], told: str | None
) -> None:
    """Where recovery refused a checkpoint, or a person asked for it, nothing is restored; else it has no word on it."""
    plan = make.make_plan(decision=make.make_decision(reasons=reasons), checkpoints=checkpoints)
    expected = f"recovery rec-1001-1-1 chose a plain retry: {told}" if told else None
    assert expected == why_not_resumed(plan)


def test_plan_to_resume_has_the_jobs_continue() -> None:
    """Whatever its reasons; of another strategy nothing is known, so that nothing is restored."""
    rollback = make.make_plan(decision=make.make_decision(strategy=RecoveryType.ROLLBACK))
    assert [None, True] == [why_not_resumed(resume()), "chose a plain rollback" in (why_not_resumed(rollback) or "")]


def jobs_of(*attempts: dict[str, str]) -> tuple[Job, ...]:
    """The jobs of attempts one after the other, by display name with their conclusions."""
    return tuple(
        make.make_job(id=3201 + 1000 * attempt + number, run_attempt=attempt, name=name, conclusion=conclusion)
        for attempt, names in enumerate(attempts, start=1)
        for number, (name, conclusion) in enumerate(names.items())
    )


@pytest.mark.parametrize(
    ("conclusions", "job_id", "attempt"),
    [
        (("failure", "success"), 6201, 2),
        (("success", "success"), 6201, 2),
        (("success", "skipped"), 6201, 1),
        (("failure", "success"), 0, 2),
        (("failure", "failure"), 6201, None),
        (("failure", "cancelled"), 6201, None),
        (("failure", "skipped"), 6201, None),
        (("skipped", "skipped"), 6201, None),
    ],
)
def test_job_that_succeeded_is_run_anew(conclusions: tuple[str, str], job_id: int, attempt: int | None) -> None:
    """Its work was finished: whoever runs it again wants it done again. An attempt that skipped it tells nothing."""
    jobs = jobs_of(*({"test (3.12)": conclusion} for conclusion in (*conclusions, "in_progress")))

    found = left_by_earlier_attempts(OWN.model_copy(update={"job_id": job_id}), (artifact(1),), jobs)

    told = f"it succeeded in attempt {attempt}, and is run anew" if attempt else ""
    assert (told, attempt is None) == (found.miss, bool(found.candidates))


def test_nothing_from_before_a_success_is_continued_from() -> None:
    """What came after the success may be: that one work was not finished."""
    jobs = jobs_of(*({"test (3.12)": conclusion} for conclusion in ("success", "failure", "in_progress")))
    found = left_by_earlier_attempts(OWN, (artifact(2, attempt=2, job_id=5201), artifact(1)), jobs)
    assert [9002] == ids(found)


def test_success_of_one_of_two_that_share_a_name_is_not_the_other_s() -> None:
    """The name does not tell which of them succeeded; the manifest tells whose the checkpoint is."""
    jobs = [job.model_copy(update={"name": "test"}) for job in jobs_of(*[{"a": "success", "b": "failure"}] * 3)]
    both_well = [job.model_copy(update={"conclusion": "success"}) for job in jobs]

    found = left_by_earlier_attempts(OWN, (artifact(1, job_id=4202),), jobs)
    assert [(9001, False)] == [(one.artifact.id, one.is_certain) for one in found.candidates]
    assert "succeeded in attempt 2" in left_by_earlier_attempts(OWN, (artifact(1, job_id=4202),), both_well).miss


CALLED_TWICE = jobs_of(*[{"a / test": "failure", "b / test": "failure"}] * 3)


def test_callers_of_one_workflow_are_not_mixed_up_without_ids() -> None:
    """They have the same key and no matrix, so that nothing in a manifest tells them apart."""
    own = OWN.model_copy(update={"job_id": 0, "matrix": {}})
    unclear = "`a / test` and `b / test` cannot be told apart without its id"

    searched = left_by_earlier_attempts(own, (artifact(1, job_id=4202),), CALLED_TWICE)
    planned_for = named_by(resume(planned(job_name="b / test")), own, (artifact(1, job_id=4202),), CALLED_TWICE)

    assert [f"the runner does not tell which job this is: {unclear}"] * 2 == [searched.miss, planned_for.miss]


def test_checkpoint_without_a_job_s_id_is_nobody_s_where_two_could_have_made_it() -> None:
    """The job's own, whose id was told, is still found."""
    own = OWN.model_copy(update={"matrix": {}})
    unclear = "`a / test` and `b / test` cannot be told apart without its id"
    nobody_s = artifact(2, job_id=0)

    assert f"{nobody_s.name} does not tell which job made it: {unclear}" == (
        left_by_earlier_attempts(own, (nobody_s,), CALLED_TWICE).miss
    )
    assert [9001] == ids(left_by_earlier_attempts(own, (nobody_s, artifact(1)), CALLED_TWICE))


def test_plan_is_the_one_for_the_attempt_before() -> None:
    """Other runs', attempts' and repositories' plans, and those that only suggest, are not this attempt's."""
    suggesting = make.make_plan(decision=make.make_decision(kind=DecisionKind.SUGGEST))
    right = make.make_plan(steps=("right",))
    events = [
        make.recovery_decided(plan=right),
        make.failure_observed(),
        make.recovery_decided(plan=suggesting),
        make.recovery_decided(plan=make.make_plan(header=make.make_header(attempt=2))),
        make.recovery_decided(plan=make.make_plan(header=make.make_header(run_id=7))),
        make.recovery_decided(plan=make.make_plan(header=make.make_header(repository="a/b"))),
    ]
    assert right == plan_among(events, make.REPOSITORY.upper(), 1001, 1)
    assert plan_among(events, make.REPOSITORY, 1001, 3) is None


def test_checkpoint_asked_for_is_found_by_its_nonce_in_any_job_and_run() -> None:
    """Whoever asks for one by its id may ask for another job's; a name that lies about its run is passed over."""
    wanted = "ckpt-01kb000000000000000000007x"
    right = artifact(1).model_copy(update={"name": "recovery-checkpoint.1001.1.7.built.0000007x"})
    other = right.model_copy(update={"id": 2, "run_id": 1002})
    found = asked_for(wanted, (other, artifact(3), right))
    assert [(9001, wanted, True)] == [(one.artifact.id, one.checkpoint_id, one.is_certain) for one in found.candidates]
    assert f"no artifact of this repository that GitHub still shows holds {wanted}" == asked_for(wanted, ()).miss


def test_listing_that_was_cut_off_is_told() -> None:
    """What is older was not looked at: it may be there all the same, and people can get at it."""
    wanted = "ckpt-01kb000000000000000000007x"
    found = asked_for(wanted, (), newest=400)
    told = f"{wanted} is not among the newest 400 artifacts of this repository; older ones were not read"
    assert (told, BY_HAND) == (found.miss, found.hint)


def test_same_nonce_twice_is_decided_by_the_manifest() -> None:
    """Eight characters may meet by chance, or by intent."""
    twins = (artifact(1), artifact(1, job_id=7, id=9002))
    found = asked_for("ckpt-01kb0000000000000000000001", twins)
    assert [False, False] == [candidate.is_certain for candidate in found.candidates]


@pytest.mark.parametrize(
    ("particulars", "told"),
    [
        ({}, None),
        ({"job": "lint"}, "it is of another job: expected 'test', found 'lint'"),
        (
            {"matrix": {"python": "3.13"}},
            'it is of another leg of the matrix: expected {"python": "3.12"}, found {"python": "3.13"}',
        ),
        ({"matrix": {}}, 'it is of another leg of the matrix: expected {"python": "3.12"}, found no matrix'),
    ],
)
def test_manifest_must_name_this_job_and_leg(particulars: dict[str, Any], told: str | None) -> None:
    """An artifact's name is a hint; the manifest says whose it is."""
    fields = {"job": "test", "matrix": {"python": "3.12"}} | particulars
    assert told == why_another_s(Particulars(**fields), OWN)


@pytest.mark.parametrize("other", [True, "1", 1.5, [1], None])
def test_legs_are_compared_as_json_has_them(other: Any) -> None:
    """In Python, 1 equals True; in a matrix they are two legs. The order of the keys is none's."""
    own = OWN.model_copy(update={"matrix": {"x": 1, "y": 2}})
    assert why_another_s(Particulars(job="test", matrix={"y": 2, "x": 1}), own) is None
    assert "another leg" in (why_another_s(Particulars(job="test", matrix={"x": other, "y": 2}), own) or "")


def test_time_is_read_from_an_id() -> None:
    """A ULID begins with the milliseconds since 1970."""
    assert datetime(2016, 7, 30, 23, 54, 10, 259000, UTC) == made_at("ckpt-01arz3ndektsv4rrffq69g5fav")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ckpt-",
        "ckpt-00000001",
        "01arz3ndektsv4rrffq69g5fav",
        "ckpt-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "ckpt-01arz3ndektsv4rrffq69g5fau",
        "ckpt-81arz3ndektsv4rrffq69g5fav",
        "ckpt-7zzzzzzzzzzzzzzzzzzzzzzzzz",
        "ckpt-../../../../../etc/passwd0",
        "ckpt-01arz3ndektsv4rrffq69g5fav\n",
    ],
)
def test_what_is_no_id_has_no_time(text: str) -> None:
    """Only what this program gives out is an id."""
    assert made_at(text) is None

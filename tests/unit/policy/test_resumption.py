"""When a second try continues from checkpoints, and when that makes one worth it that ran out of time."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.decision import Decision, DecisionKind, JobCheckpoint
from recovery.models.log import JobLog
from recovery.models.records import PipelineFailure, RecoveryType
from recovery.models.verdict import Evidence, FailureClass, JobFacts, Retryable
from recovery.policy.choose import checkpoints_matter, choose
from recovery.policy.classify import classify
from recovery.policy.resumption import TIME_LIMIT_RULE, was_cut_off
from recovery.policy.vetoes import Case
from recovery.settings import Settings, Strategy
from tests import builders as make

REAL = make.make_failure(failure_class=FailureClass.TEST_FAILURE, retryable=Retryable.NO)
CUT_OFF = make.make_failure(
    failure_class=FailureClass.TIMEOUT,
    retryable=Retryable.MAYBE,
    conclusion="cancelled",
    evidence=(Evidence(line=9, text="exceeded the maximum execution time of 60 minutes", rule=TIME_LIMIT_RULE),),
)
VALID = make.make_job_checkpoint()
REFUSED = make.make_job_checkpoint(errors=("its artifact has expired",))
CORRUPT = make.make_job_checkpoint(errors=("the manifest is damaged",), corrupt=True)
OTHER_JOB = make.make_failure(job_id=4202, job_name="lint")


def case(*checkpoints: JobCheckpoint, failures: tuple[PipelineFailure, ...] = (), **settings: Any) -> Case:
    """The usual failed attempt with these checkpoints found."""
    seen = make.make_observation(checkpoints=checkpoints, **({"failures": failures} if failures else {}))
    return Case(observation=seen, settings=Settings(**settings), now=make.NOW, own_workflow="own.yml")


def told(decision: Decision) -> tuple[DecisionKind, RecoveryType, list[str]]:
    """The decision in short."""
    return decision.kind, decision.strategy, [reason.id.value for reason in decision.reasons]


def test_valid_checkpoint_is_resumed_from() -> None:
    """A passing failure with a valid checkpoint is resumed, and the record names the checkpoint."""
    decision = choose(case(VALID))

    assert (DecisionKind.ACT, RecoveryType.RESUME, ["transient", "checkpoint-valid"]) == told(decision)
    assert "`build_complete` (ckpt-01)" in decision.reasons[1].text


@pytest.mark.parametrize("bad", [REFUSED, CORRUPT])
def test_refused_checkpoint_degrades_to_a_plain_retry(bad: JobCheckpoint) -> None:
    """One that may not be continued from makes it a plain retry, which says so."""
    decision = choose(case(bad))

    assert (DecisionKind.ACT, RecoveryType.RETRY, ["transient", "checkpoint-rejected"]) == told(decision)
    assert bad.errors[0] in decision.reasons[1].text


def test_one_refused_checkpoint_is_enough() -> None:
    """Jobs are resumed together or not at all."""
    bad = REFUSED.model_copy(update={"job_name": "lint", "job_id": 4202})

    assert RecoveryType.RETRY is choose(case(VALID, bad, failures=(make.make_failure(), OTHER_JOB))).strategy


def test_jobs_without_a_checkpoint_do_not_stand_in_the_way() -> None:
    """A job that made none starts over beside the one that continues."""
    assert RecoveryType.RESUME is choose(case(VALID, failures=(make.make_failure(), OTHER_JOB))).strategy


def test_real_failure_is_never_resumed() -> None:
    """A checkpoint does not make a real failure one that may pass."""
    assert ["real-failure"] == [reason.id.value for reason in choose(case(VALID, failures=(REAL,))).reasons]


def test_job_that_ran_out_of_time_continues_where_it_got_further() -> None:
    """With progress in a valid checkpoint the next attempt has less to do, and may finish."""
    assert (DecisionKind.ACT, RecoveryType.RESUME, ["progress", "checkpoint-valid"]) == told(
        choose(case(VALID, failures=(CUT_OFF,)))
    )


@pytest.mark.parametrize(
    "found",
    [(), (VALID.model_copy(update={"progressed": False}),), (REFUSED,), (VALID.model_copy(update={"job_id": 4299}),)],
    ids=["none", "no progress", "refused", "of another job"],
)
def test_job_that_ran_out_of_time_is_not_started_over(found: tuple[JobCheckpoint, ...]) -> None:
    """From the start, or from where it was before, it would run out of time again."""
    decision = choose(case(*found, failures=(CUT_OFF,)))

    assert (DecisionKind.SUGGEST, ["only-maybe"]) == (decision.kind, told(decision)[2])


def test_continuing_is_capped() -> None:
    """`max-attempts` ends it, however far it got."""
    assert ["attempt-cap"] == told(choose(case(VALID, failures=(CUT_OFF,), max_attempts=1)))[2]


def test_configuration_may_keep_timeouts_from_continuing() -> None:
    """`autonomy: {timeout: suggest}` holds for those that could continue, too."""
    assert DecisionKind.SUGGEST is choose(case(VALID, failures=(CUT_OFF,), autonomy={"timeout": "suggest"})).kind


def test_only_a_proven_time_limit_counts() -> None:
    """A test or a command that took too long would do so again."""
    by_command = CUT_OFF.model_copy(
        update={"evidence": (Evidence(line=1, text="timed out after 5s", rule="command-timed-out"),)}
    )

    assert [True, False, False] == [was_cut_off(CUT_OFF), was_cut_off(by_command), was_cut_off(make.make_failure())]


def test_the_time_limit_is_recognised_by_the_rule_of_that_name() -> None:
    """GitHub's own sentence leads to the very rule that is looked for."""
    text = "##[error]The job running on runner GitHub Actions 7 has exceeded the maximum execution time of 60 minutes."
    log = JobLog.from_chunks([f"2026-01-15T12:00:00.0000000Z {text}\n".encode()])
    verdict = classify(log, JobFacts(job_name="test", conclusion="cancelled"))

    assert TIME_LIMIT_RULE in {evidence.rule for evidence in verdict.evidence}


def test_asked_to_resume_without_a_checkpoint_retries_and_says_so() -> None:
    """A person's `resume` is carried out as far as it can be."""
    decision = choose(case(failures=(REAL,)), Strategy.RESUME)

    assert (DecisionKind.ACT, RecoveryType.RETRY, ["requested", "checkpoint-rejected"]) == told(decision)
    assert ["real-failure"] == [reason.id.value for reason in decision.overridden]


def test_asked_to_resume_resumes() -> None:
    """With a valid checkpoint a person's word is enough."""
    assert (DecisionKind.ACT, RecoveryType.RESUME, ["requested", "checkpoint-valid"]) == told(
        choose(case(VALID), Strategy.RESUME)
    )


def test_asked_to_retry_starts_over() -> None:
    """A person who asks for `retry` gets a plain one, checkpoint or not."""
    assert RecoveryType.RETRY is choose(case(VALID), Strategy.RETRY).strategy


@pytest.mark.parametrize(
    ("failures", "strategy", "expected"),
    [
        ((), Strategy.AUTO, True),
        ((REAL,), Strategy.AUTO, False),
        ((REAL,), Strategy.RESUME, True),
        ((CUT_OFF,), Strategy.AUTO, True),
        ((CUT_OFF, REAL), Strategy.AUTO, False),
        ((), Strategy.RETRY, False),
        ((), Strategy.NONE, False),
    ],
)
def test_checkpoints_are_looked_for_only_where_they_matter(
    failures: tuple[PipelineFailure, ...], strategy: Strategy, expected: bool
) -> None:
    """No request is spent where nothing would be done anyway."""
    assert expected is checkpoints_matter(case(failures=failures), strategy)

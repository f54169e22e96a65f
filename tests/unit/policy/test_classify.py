"""The classifier as others call it: structure, text, mixtures of both, and logs of every shape."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass, JobFacts, Retryable, Verdict
from recovery.policy.classify import classify

FAILED = JobFacts(job_name="test", conclusion="failure", failed_steps=("Run make",), steps_known=True)
TAIL = "##[error]Process completed with exit code 1."
TAIL_OF_CURL = "##[error]Process completed with exit code 18."
HEADER = "##[group]Run make\nmake\nshell: /usr/bin/bash -e {0}\n##[endgroup]"
NETWORK = "curl: (18) transfer closed with outstanding read data remaining"
REAL = "FAILED tests/test_cart.py::test_total - assert 3 == 4"
LOST = "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped."


def log(*lines: str, first_line: int = 1) -> JobLog:
    """A log of these lines."""
    return JobLog(content="\n".join(lines).encode(), first_line=first_line)


def said(verdict: Verdict) -> tuple[str, str]:
    """The two words of a verdict that decisions hang on."""
    return verdict.failure_class.value, verdict.retryable.value


def test_transient_trouble_that_ended_a_step_is_retryable() -> None:
    """A broken transfer right before the step's end is worth a second try, and the line proves it."""
    verdict = classify(log(HEADER, "fetching", NETWORK, TAIL_OF_CURL), FAILED)
    assert said(verdict) == ("network", "yes")
    assert verdict.confidence >= 0.7
    assert verdict.strategy == "retry"
    assert (verdict.evidence[0].line, verdict.evidence[0].text) == (6, NETWORK)
    assert verdict.evidence[0].rule == "curl-transfer-failed"
    assert verdict.reason


def test_real_fault_is_left_to_people() -> None:
    """A failed test asks for nobody's second try."""
    verdict = classify(log(HEADER, REAL, TAIL), FAILED)
    assert said(verdict) == ("test_failure", "no")
    assert verdict.strategy == "none"


@pytest.mark.parametrize("noise", [NETWORK, LOST, "API rate limit exceeded for installation ID 1."])
@pytest.mark.parametrize("first", [True, False])
def test_real_fault_is_never_masked_by_noise(noise: str, first: bool) -> None:
    """Passing trouble before or after a real fault in one step never makes it retryable."""
    lines = (noise, REAL) if first else (REAL, noise)
    verdict = classify(log(HEADER, *lines, TAIL), FAILED)
    assert said(verdict) == ("test_failure", "no")


def test_trouble_long_before_the_end_is_only_a_suspicion() -> None:
    """Trouble that a step outlived by many lines may have been recovered from: people decide."""
    verdict = classify(log(HEADER, NETWORK, *["building"] * 200, TAIL), FAILED)
    assert said(verdict) == ("network", "maybe")


def test_retried_trouble_is_only_a_suspicion() -> None:
    """A line that itself announces a retry does not justify another one."""
    verdict = classify(log(HEADER, f"{NETWORK}; retrying in 3 s", TAIL), FAILED)
    assert verdict.retryable is not Retryable.YES


def test_warning_is_only_a_suspicion() -> None:
    """What the runner marks as a warning did not fail the step."""
    verdict = classify(log(HEADER, f"##[warning]{NETWORK}", TAIL), FAILED)
    assert verdict.retryable is not Retryable.YES


def test_cause_beats_generic_tail() -> None:
    """The tails that every failure ends with never outrank the line that says why."""
    tails = ("make: *** [Makefile:3: all] Error 2", "npm ERR! code ELIFECYCLE", TAIL)
    verdict = classify(log(HEADER, "src/cart.c:3:5: error: expected ';'", *tails), FAILED)
    assert said(verdict) == ("compile_error", "no")
    assert verdict.evidence[0].line == 5


def test_first_cause_beats_later_echo() -> None:
    """Of two equally convincing causes the first is named."""
    verdict = classify(log(HEADER, "src/a.c:1:1: error: first", "src/b.c:1:1: error: second", TAIL), FAILED)
    assert verdict.evidence[0].text.endswith("first")


def test_echoed_script_is_no_evidence() -> None:
    """The source of a script says what could be printed, not what was."""
    script = ("##[group]Run ./fetch", f'echo "{NETWORK}"', "shell: /usr/bin/bash -e {0}", "##[endgroup]")
    trace = f"+ echo '{NETWORK}'"
    verdict = classify(log(*script, f"##[command]{NETWORK}", trace, TAIL), FAILED)
    assert said(verdict) == ("unknown", "no")


def test_users_own_group_named_run_is_output() -> None:
    """A `::group::Run …` of a user's script holds output, which is evidence."""
    verdict = classify(log(HEADER, "##[group]Run suite", REAL, "##[endgroup]", TAIL), FAILED)
    assert said(verdict) == ("test_failure", "no")


def test_only_the_failed_step_counts() -> None:
    """Noise of a step that passed and of the clean-up is not read."""
    passed = "##[group]Run fetch\nfetch\nshell: bash -e {0}\n##[endgroup]"
    verdict = classify(log(passed, REAL, HEADER, NETWORK, TAIL_OF_CURL, "Post job cleanup.", REAL), FAILED)
    assert said(verdict) == ("network", "yes")


def test_words_that_passed_are_no_evidence() -> None:
    """Counts of zero, expected failures and deprecations prove nothing."""
    lines = ("12 passed, 0 failed", "Found 0 errors.", "1 xfailed in 0.52s", "DeprecationWarning: old")
    assert said(classify(log(*lines))) == ("no_failure", "no")


def test_finished_job_without_error_did_not_fail() -> None:
    """A log that reaches the runner's own end without one `##[error]` shows no failure."""
    verdict = classify(log(HEADER, REAL, "Post job cleanup.", "Cleaning up orphan processes"))
    assert verdict.failure_class is FailureClass.NO_FAILURE


def test_failure_by_facts_is_never_no_failure() -> None:
    """When GitHub says that the job failed, a clean log is a riddle, not a success."""
    verdict = classify(log("all is well"), FAILED)
    assert said(verdict) == ("unknown", "no")
    assert verdict.excerpt == ((1, 1),)


@pytest.mark.parametrize("conclusion", ["success", "skipped", "neutral"])
def test_job_that_passed_did_not_fail(conclusion: str) -> None:
    """Structure comes before text: a job that passed has no cause of failure."""
    assert said(classify(log(REAL, TAIL), JobFacts(conclusion=conclusion))) == ("no_failure", "no")


LOST_RUNNER = JobFacts(conclusion="failure", steps_known=True, last_started_step="Run make")


def test_failed_job_without_failed_step_lost_its_runner() -> None:
    """No step failed, and yet the job did: the machine went away, with or without a log."""
    assert said(classify(None, LOST_RUNNER)) == ("infrastructure", "yes")
    assert said(classify(log(HEADER, "building"), LOST_RUNNER)) == ("infrastructure", "yes")


def test_real_fault_outranks_a_lost_runner() -> None:
    """A real fault in the log stands, although the runner was lost as well."""
    assert said(classify(log(HEADER, REAL), LOST_RUNNER)) == ("test_failure", "no")


def test_unknown_steps_prove_nothing() -> None:
    """Without knowledge of the steps, the absence of a failed one is no lost runner."""
    assert said(classify(None, JobFacts(conclusion="failure"))) == ("unknown", "no")


def test_cancelled_job_is_someones_will() -> None:
    """A person or a newer run cancelled it: never retried, whatever noise the log holds."""
    cancelled = JobFacts(conclusion="cancelled")
    assert said(classify(log(NETWORK, "##[error]The operation was canceled."), cancelled)) == (
        "unknown",
        "no",
    )
    assert said(classify(None, cancelled)) == ("unknown", "no")


def test_cancelled_job_with_proof_of_its_reason() -> None:
    """The runner's own words about a time limit or a lost machine say why a job was cancelled."""
    limit = "##[error]The job running on runner A has exceeded the maximum execution time of 60 minutes."
    cancelled = JobFacts(conclusion="cancelled")
    assert said(classify(log(HEADER, limit), cancelled)) == ("timeout", "maybe")
    assert said(classify(log(HEADER, LOST), cancelled)) == ("infrastructure", "yes")


def test_cancelled_job_that_lost_its_runner_after_a_real_fault() -> None:
    """A lost runner does not excuse the fault that was there before."""
    verdict = classify(log(HEADER, REAL, LOST), JobFacts(conclusion="cancelled"))
    assert verdict.retryable is not Retryable.YES


def test_timed_out_job() -> None:
    """GitHub's own word for a time limit needs no line of the log."""
    assert said(classify(None, JobFacts(conclusion="timed_out"))) == ("timeout", "maybe")


def test_unreadable_log_without_structure_is_unknown() -> None:
    """Nothing known is never a reason to try again."""
    verdict = classify(None)
    assert said(verdict) == ("unknown", "no")
    assert verdict.confidence == 0.0
    assert verdict.excerpt == ()


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 5000, bytes(range(256)) * 300])
def test_empty_and_binary_logs(content: bytes) -> None:
    """A log without words is no failure by itself, and unknown when the job failed."""
    assert said(classify(JobLog(content=content))) == ("no_failure", "no")
    assert said(classify(JobLog(content=content), FAILED)) == ("unknown", "no")


def test_line_numbers_are_those_of_the_whole_log() -> None:
    """A log of which the head was dropped keeps its numbers, in evidence and excerpt."""
    verdict = classify(log("a", REAL, TAIL, first_line=1001), FAILED)
    assert verdict.evidence[0].line == 1002
    assert verdict.excerpt == ((1002, 1002),)


def test_excerpt_is_short_merged_and_inside_the_log() -> None:
    """At most forty lines, in ascending ranges that do not touch, around what was proved."""
    lines = ["x"] * 5000
    for place in (0, 900, 1800, 2700, 4999):
        lines[place] = f"src/f{place}.c:1:1: error: e"
    verdict = classify(log(*lines))
    ranges = verdict.excerpt
    assert sum(last - first + 1 for first, last in ranges) <= 40
    assert all(1 <= first <= last <= 5000 for first, last in ranges)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    assert any(first <= verdict.evidence[0].line <= last for first, last in ranges)


def test_evidence_is_bounded_printable_and_redacted() -> None:
    """What is shown of a log is short, without control characters, and without secrets."""
    token = "ghp_" + "a1B2" * 9
    line = f"src/cart.c:3:5: error: \x07 token {token} " + "y" * 5000
    verdict = classify(log(*[line] * 50, TAIL), FAILED)
    assert len(verdict.evidence) <= 5
    text = verdict.evidence[0].text
    assert len(text) <= 300
    assert text.isprintable()
    assert token not in text


def test_fingerprint_knows_the_same_failure_again() -> None:
    """Other times, hashes, paths and line numbers of the log are the same failure; another job is not."""
    one = log("2030-01-02T03:04:05.1234567Z /home/a/work/src/cart.c:3:5: error: bad 0x1f", TAIL)
    two = log("x", "2031-11-12T13:14:15.7654321Z /Users/b/src/cart.c:9:1: error: bad 0xab", TAIL)
    first, second = classify(one, FAILED), classify(two, FAILED)
    other = classify(one, replace(FAILED, job_name="lint"))
    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_same_input_same_verdict() -> None:
    """The classifier is a pure function."""
    content = log(HEADER, NETWORK, REAL, TAIL)
    assert classify(content, FAILED) == classify(content, FAILED)


def test_error_of_no_known_tool_after_passing_trouble_takes_the_certainty_away() -> None:
    """What failed last may be what really failed: trouble that was followed by an unknown error is no clear `yes`."""
    trouble = "curl: (18) transfer closed with outstanding read data remaining"
    head, tail = (
        ["##[group]Run ./sell", "shell: bash -e {0}", "##[endgroup]"],
        [TAIL_OF_CURL],
    )
    between = [f"selling basket {number}" for number in range(10)]

    followed = classify(
        JobLog(content="\n".join([*head, trouble, *between, "Error: the shop is shut", *tail]).encode())
    )
    restated = "Error: the download was aborted"
    ended_it = classify(JobLog(content="\n".join([*head, *between, trouble, restated, *tail]).encode()))

    assert (Retryable.MAYBE, Retryable.YES) == (followed.retryable, ended_it.retryable)

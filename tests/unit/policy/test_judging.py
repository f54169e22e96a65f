"""Which of several lines is the cause: what counts for less, what follows from what, and what is no failure at all."""

from __future__ import annotations

import pytest

from recovery.models.junit_report import JUnitReport
from recovery.models.log import JobLog
from recovery.models.verdict import Explanation, JobFacts, Verdict
from recovery.policy.classify import classify, explain

STAMP = "2030-01-02T03:04:05.1234567Z "
HEADER = ("##[group]Run make", "make", "shell: /usr/bin/bash -e {0}", "##[endgroup]")
TAIL = "##[error]Process completed with exit code 1."
LIMIT = "toomanyrequests: You have reached your pull rate limit."
MISSING = "Error response from daemon: manifest for shop/cart:1.0 not found: manifest unknown"
BROKEN_TRANSFER = "curl: (18) transfer closed with outstanding read data remaining"
FAILED_TEST = "FAILED tests/test_cart.py::test_total - assert 3 == 4"
FAILED = JobFacts(conclusion="failure", failed_steps=("Run make",), steps_known=True)


def log(*lines: str) -> JobLog:
    """A GitHub job's log of these lines."""
    return JobLog(content="\n".join(STAMP + line for line in lines).encode())


def said(verdict: Verdict) -> tuple[str, str]:
    """The two words of a verdict that decisions hang on."""
    return verdict.failure_class.value, verdict.retryable.value


def notes_on(explanation: Explanation, line: str) -> set[str]:
    """All that was noted about a line of the log."""
    return {note for finding in explanation.findings if finding.text == line for note in finding.notes}


def test_what_a_broken_transfer_leads_to_is_no_cause() -> None:
    """What could not be fetched is missing afterwards: the first trouble is named, and people decide."""
    verdict = classify(log(*HEADER, LIMIT, MISSING, TAIL), FAILED)
    assert ("rate_limit", "maybe") == said(verdict)
    assert 5 == verdict.evidence[0].line


def test_missing_image_alone_is_a_real_fault() -> None:
    """Without a transfer that broke before, what is missing is missing."""
    assert ("registry_or_dependency", "no") == said(classify(log(*HEADER, MISSING, TAIL), FAILED))


def test_failed_test_after_a_broken_transfer_is_real() -> None:
    """A test's failure is never taken for a consequence of trouble before it."""
    assert ("test_failure", "no") == said(classify(log(*HEADER, BROKEN_TRANSFER, FAILED_TEST, TAIL), FAILED))


def test_compiler_that_was_killed_compiles_nothing() -> None:
    """A machine out of memory explains what could not be built on it, and is still no reason to act."""
    lines = ("c++: fatal error: Killed signal terminated program cc1plus", "src/cart.cc:3:1: error: expected ';'")
    verdict = classify(log(*HEADER, *lines, TAIL), FAILED)
    assert ("infrastructure", "maybe") == said(verdict)


def test_message_is_named_before_its_heading() -> None:
    """Of lines about the same trouble the one that says what went wrong comes first."""
    lines = ("_______________________ test_total _______________________", "", "E       AssertionError: assert 3 == 4")
    assert 7 == classify(log(*HEADER, *lines, TAIL), FAILED).evidence[0].line


def test_command_that_fails_at_once_but_was_outlived_counts_less() -> None:
    """A step that went on for long after a refused login did not fail for it."""
    login = "fatal: Authentication failed for 'https://git.example.org/cart.git/'"
    explanation = explain(log(*HEADER, login, *["building"] * 100, FAILED_TEST, TAIL), FAILED)
    assert ("test_failure", "no") == said(explanation.verdict)
    assert {"the step went on for 102 lines"} == notes_on(explanation, login)


def test_report_that_could_not_be_sent_counts_less() -> None:
    """Sending a report about the work seldom decides how the work ends."""
    upload = "Failed to upload test results: Unable to locate credentials"
    explanation = explain(log(*HEADER, upload, "./run.sh: line 3: CART: unbound variable", TAIL), FAILED)
    assert ("script_error", "no") == said(explanation.verdict)
    assert "it is about sending a report" in notes_on(explanation, upload)


def test_what_the_green_log_says_too_is_no_cause() -> None:
    """A line that stood in the log when the job passed speaks for nothing, times and numbers aside."""
    noise = "ERROR: could not reach till 17 after 31 ms"
    green = log(*HEADER, noise.replace("17", "4").replace("31", "28"), "all tests passed")
    red = log(*HEADER, noise, FAILED_TEST, TAIL)
    explanation = explain(red, FAILED, baseline=green)
    assert {"the last green log says the same"} == notes_on(explanation, noise)
    assert all("till" not in evidence.text for evidence in explanation.verdict.evidence)


def test_baseline_equal_to_the_log_leaves_nothing_to_act_on() -> None:
    """A baseline that explains everything away never makes a failure retryable."""
    red = log(*HEADER, FAILED_TEST, BROKEN_TRANSFER, TAIL)
    assert "no" == classify(red, FAILED, baseline=red).retryable.value


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Run npm run lint", "lint"),
        ("Run the unit tests", "test_failure"),
        ("Run prettier --check .", "formatting"),
        ("Run ./gradlew assemble", "compile_error"),
        ("Run ./deploy.sh", "deployment"),
        ("Run ./sell.sh", "unknown"),
    ],
)
def test_step_tells_the_class_where_no_line_does(title: str, expected: str) -> None:
    """The name of the failed step says what kind of work broke; never that it may be tried again."""
    verdict = classify(log(f"##[group]{title}", "shell: bash -e {0}", "##[endgroup]", "the cart is gone", TAIL))
    assert (expected, "no") == said(verdict)
    assert verdict.confidence < 0.5


def test_runners_own_error_is_shown_where_nothing_is_known() -> None:
    """What an action reports as an error in words of its own is the best there is to read."""
    verdict = classify(
        log("##[group]Run ./sell.sh", "shell: bash -e {0}", "##[endgroup]", "##[error]No till for cart 7", TAIL)
    )
    assert ("No till for cart 7", 4) == (verdict.evidence[0].text, verdict.evidence[0].line)


def test_travis_commands_that_passed_are_passed_over() -> None:
    """Travis says how each command ended: what one of them printed that exited with 0 is no cause."""
    lines = (
        "$ ./fetch.sh",
        MISSING,
        'The command "./fetch.sh" exited with 0.',
        "$ make test",
        FAILED_TEST,
        'The command "make test" exited with 1.',
        "Done. Your build exited with 1.",
    )
    verdict = classify(JobLog(content="\r\n".join(lines).encode()))
    assert ("test_failure", 5) == (verdict.failure_class.value, verdict.evidence[0].line)
    assert all(evidence.line > 3 for evidence in verdict.evidence)


def test_failure_in_the_middle_of_a_log_that_goes_on_well_is_none() -> None:
    """Where nobody says that the job failed, alarming words that were outlived for long are no failure."""
    quiet = ["building"] * 100
    assert ("no_failure", "no") == said(classify(log(*quiet, FAILED_TEST, *quiet)))
    assert "test_failure" == said(classify(log(*quiet, *quiet, FAILED_TEST)))[0]


def test_known_fingerprint_makes_a_failed_test_flaky() -> None:
    """People who know a failure can name it by its fingerprint, which stays the same."""
    red = log(*HEADER, FAILED_TEST, TAIL)
    first = classify(red, FAILED)
    second = classify(red, JobFacts(conclusion="failure", failed_steps=("Run make",), known_flaky=(first.fingerprint,)))
    assert ("flaky_test", "maybe") == said(second)
    assert first.fingerprint == second.fingerprint


def test_known_fingerprint_excuses_no_other_failure() -> None:
    """Only tests are flaky: a compile error stays one whatever people list."""
    red = log(*HEADER, "src/cart.c:3:5: error: expected ';'", TAIL)
    known = JobFacts(conclusion="failure", known_flaky=(classify(red).fingerprint, "*"))
    assert ("compile_error", "no") == said(classify(red, known))


def test_report_that_saw_the_test_pass_is_evidence_of_flakiness() -> None:
    """A test that failed and passed then, by its framework's own report, is flaky; people are asked."""
    test = "tests/test_cart.py::test_total"
    flaky = JobFacts(conclusion="failure", test_report=JUnitReport(flaky=(test,)))
    both = JobFacts(
        conclusion="failure", test_report=JUnitReport(failed=("tests/test_till.py::test_open",), flaky=(test,))
    )
    red = log(*HEADER, FAILED_TEST, TAIL)
    assert ("flaky_test", "maybe") == said(classify(red, flaky))
    verdict = classify(red, both)
    assert ("test_failure", "no") == said(verdict)
    assert (test, "tests/test_till.py::test_open") == verdict.failed_tests

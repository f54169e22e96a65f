"""What turns a `yes` into a question: every doubt alone, and that a clear and lonely trouble has none."""

from __future__ import annotations

import pytest

from recovery.models.log import JobLog
from recovery.models.verdict import JobFacts
from recovery.policy.classify import explain

TROUBLE = "curl: (18) transfer closed with outstanding read data remaining"
FAILED_TEST = "FAILED tests/test_cart.py::test_total - assert 3 == 4"
TAIL = "##[error]Process completed with exit code 18."
FAILED = JobFacts(conclusion="failure", failed_steps=("Run ./fetch.sh",), steps_known=True)


def step(command: str, *output: str) -> list[str]:
    """A step as GitHub's log shows it."""
    return [f"##[group]Run {command}", command, "shell: /usr/bin/bash -e {0}", "##[endgroup]", *output]


def log(*lines: str) -> JobLog:
    """A log of these lines."""
    return JobLog(content="\n".join(lines).encode())


def answer(red: JobLog, facts: JobFacts = FAILED, green: JobLog | None = None) -> tuple[str, str]:
    """Whether to try again, and why not without asking."""
    explanation = explain(red, facts, baseline=green)
    _, _, doubts = explanation.why.partition("people are asked, because ")
    return explanation.verdict.retryable.value, doubts


def test_clear_and_lonely_trouble_is_not_doubted() -> None:
    """Nothing speaks against a second try: it is `yes`."""
    assert ("yes", "") == answer(log(*step("./fetch.sh", "fetching", TROUBLE, TAIL)))


def test_real_fault_beside() -> None:
    """A command that is missing as well may be what failed."""
    retryable, doubts = answer(log(*step("./fetch.sh", TROUBLE, "./fetch.sh: line 3: unpack: command not found", TAIL)))
    assert "maybe" == retryable
    assert "a real fault was found as well" in doubts


def test_real_fault_that_the_green_log_has_too() -> None:
    """A test that failed and passed on a retry when the job was green may have failed for good this time."""
    green = log(*step("./fetch.sh", FAILED_TEST, "retrying the failed test", "1 passed"))
    red = log(*step("./fetch.sh", FAILED_TEST, TROUBLE, TAIL))
    assert "no" == answer(red)[0]
    assert ("maybe", "a real fault was found as well") == answer(red, green=green)


def test_trouble_that_the_step_outlived() -> None:
    """Trouble long before the end was most likely recovered from."""
    red = log(*step("./fetch.sh", TROUBLE, *["fetching"] * 60, TAIL))
    retryable, doubts = answer(red)
    assert "maybe" == retryable
    assert doubts.startswith("the step went on for long after it")


@pytest.mark.parametrize("facts", [JobFacts(conclusion="failure"), FAILED])
@pytest.mark.parametrize("trouble_first", [True, False])
def test_two_steps_that_failed(facts: JobFacts, trouble_first: bool) -> None:
    """With `continue-on-error` or `always()` two steps fail, and only GitHub can tell which one broke the job."""
    fetch, sell = step("./fetch.sh", TROUBLE, TAIL), step("./sell.sh", "the cart is empty", TAIL)
    red = log(*fetch, *sell) if trouble_first else log(*sell, *fetch)
    named = "./fetch.sh" in "".join(facts.failed_steps)
    assert ("yes" if named else "maybe") == answer(red, facts)[0]


@pytest.mark.parametrize(
    "last",
    [
        "Error: the shop is shut",
        "schema: 3 differences",
        "Weight of the bundle: 79 kB of 70 kB",
        "Pipeline result: totals differ by 3",
        "3 breaking changes, see https://docs.example.org/schema",
        "+ check --silent",
        "[command]/usr/bin/check",
        "ORA-00942: no such table",
        "FEHLER",
    ],
)
def test_anything_else_that_follows(last: str) -> None:
    """What failed last may be what really failed, in whatever words; more about the same trouble is no doubt."""
    assert "maybe" == answer(log(*step("./fetch.sh", TROUBLE, last, TAIL)))[0]
    assert "yes" == answer(log(*step("./fetch.sh", TROUBLE, "", "error: the download was aborted", TAIL)))[0]


@pytest.mark.parametrize(
    "line",
    [
        "npm error request to https://npm.example.org/cart failed, reason: certificate has expired",
        "npm error network request to https://npm.example.org failed, reason: getaddrinfo ENOTFOUND npm.example.org",
        "npm error code ECONNREFUSED",
        "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to web:8443",
        "fatal: unable to access 'https://githb.com/octo/shop/': Could not resolve host: githb.com",
        "fatal: unable to access 'https://git.example.org/shop/': The requested URL returned error: 500",
        "error: RPC failed; HTTP 403 curl 22 The requested URL returned error: 403",
        "npm error network request to https://npm.example.org/cart failed, reason: connect ETIMEDOUT 203.0.113.3:443",
        'Error response from daemon: Get "https://registry.example.org/v2/": context deadline exceeded',
        "curl: (28) Operation timed out after 20001 milliseconds with 12 out of 99 bytes received",
        "curl: (56) Received HTTP code 503 from proxy after CONNECT",
        "curl: (35) error:0A000102:SSL routines::unsupported protocol",
    ],
)
def test_trouble_that_may_be_there_again(line: str) -> None:
    """A certificate, a wrong name, a service of the job's own, a refusal: a second try would meet them again."""
    assert "yes" != answer(log(*step("./fetch.sh", line, TAIL)))[0]


@pytest.mark.parametrize(
    "line",
    [
        "fatal: unable to access 'https://github.com/octo/shop/': Could not resolve host: github.com",
        "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.",
        "npm error code ECONNRESET",
        "npm error network request to https://registry.npmjs.org/cart failed, reason: connect ETIMEDOUT 104.16.1.3:443",
        "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped.",
    ],
)
def test_trouble_that_passes(line: str) -> None:
    """A broken transfer, a host that everybody uses, a machine that was taken away: a second try should pass."""
    assert ("yes", "") == answer(log(*step("./fetch.sh", line, TAIL)))


def test_trouble_of_which_the_step_did_not_die() -> None:
    """curl ends a step with its own exit code; where the step ended with another, something else ended it."""
    other = "##[error]Process completed with exit code 1."
    assert ("maybe", "the step did not end with its exit code") == answer(log(*step("./fetch.sh", TROUBLE, other)))


@pytest.mark.parametrize("code", [126, 137, 139])
def test_step_that_a_signal_ended(code: int) -> None:
    """No transfer ends a step by a signal, or with the code of a command that could not be run."""
    tail = f"##[error]Process completed with exit code {code}."
    assert "maybe" == answer(log(*step("./fetch.sh", "npm error code ECONNRESET", tail)))[0]


def test_closing_words_of_a_tool() -> None:
    """What Gradle prints after every failure says nothing of another one."""
    trouble = (
        "> Could not GET 'https://repo.maven.apache.org/maven2/x/y/1/y-1.pom'. Received status code 503 from server"
    )
    closing = (
        "* Try:",
        "> Run with --stacktrace option to get the stack trace.",
        "BUILD FAILED in 3s",
        "2 actionable tasks",
    )
    tail = "##[error]Process completed with exit code 1."
    assert "yes" == answer(log(*step("./gradlew build", trouble, *closing, tail)))[0]
    assert "maybe" == answer(log(*step("./gradlew build", trouble, *closing, "2 totals differ", tail)))[0]


def test_machine_that_gave_out() -> None:
    """A runner is lost, too, where the job used up its memory or its room: people are asked."""
    facts = JobFacts(conclusion="failure", steps_known=True, last_started_step="Run ./fetch.sh")
    lost = log(*step("./fetch.sh", "fetching"))
    full = log(*step("./fetch.sh", "##[error]No space left on device : '/home/runner/runners/_diag/Worker.log'"))
    assert ["yes", "maybe"] == [answer(each, facts)[0] for each in (lost, full)]


def test_cancelled_job_that_prints_the_runner_s_words() -> None:
    """A person's cancelling is no lost runner, whatever a program prints."""
    words = "The runner has received a shutdown signal."
    facts = JobFacts(conclusion="cancelled")
    ends = "##[error]The operation was canceled."
    assert "no" == answer(log(*step("./sim.sh", f"sim: {words}", words, ends)), facts)[0]
    assert "yes" == answer(log(*step("./sim.sh", f"##[error]{words}", ends)), facts)[0]


def test_trouble_after_something_else_had_failed() -> None:
    """Of work that goes on side by side the part that failed first is not the one that a transfer broke."""
    failed, broken = "make[1]: *** [schema] Error 3", "make[1]: *** [fetch] Error 18"
    tail = "##[error]Process completed with exit code 2."
    retryable, doubts = answer(log(*step("make -j", "3 differences", failed, TROUBLE, broken, tail)))
    assert ("maybe", True) == (retryable, "something had failed before it" in doubts)


def test_sending_to_a_remote() -> None:
    """What was pushed may have arrived."""
    lines = ("error: RPC failed; curl 55 Send failure: Connection was reset", "send-pack: unexpected disconnect")
    retryable, doubts = answer(log(*step("git sync", *lines, TAIL)))
    assert ("maybe", True) == (retryable, "what it sent may have arrived" in doubts)


def test_lost_runner_that_a_program_prints() -> None:
    """The runner's words count as such only where it reports them itself."""
    line = "sim: The runner has received a shutdown signal. This can happen when the runner service is stopped."
    assert "yes" != answer(log(*step("./sim.sh", line, "schema: 3 differences", TAIL)))[0]


def test_trouble_that_is_a_warning() -> None:
    """What the runner marks as a warning is not certain enough."""
    retryable, doubts = answer(log(*step("./fetch.sh", f"##[warning]{TROUBLE}", TAIL)))
    assert "maybe" == retryable
    assert "it is not certain enough" in doubts

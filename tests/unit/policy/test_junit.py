"""JUnit XML as frameworks write it: failed, flaky, and what is refused because it is none or would cost too much."""

from __future__ import annotations

import pytest

from recovery.errors import InputError
from recovery.models.junit_report import JUnitReport
from recovery.policy import junit
from recovery.policy.junit import merged, read_junit

FAILURE = '<failure message="assert 3 == 4">boom</failure>'


def case(body: str = "", name: str = "test_total", place: str = "tests.test_cart", **more: str) -> str:
    """One test of a report; without a body, it passed."""
    attributes = "".join(f' {key}="{value}"' for key, value in more.items())
    return f'<testcase classname="{place}" name="{name}" time="0.1"{attributes}>{body}</testcase>'


def report(*cases: str) -> bytes:
    """A report of one suite."""
    return f'<testsuites><testsuite name="pytest">{"".join(cases)}</testsuite></testsuites>'.encode()


def test_failures_and_errors_are_named() -> None:
    """A test that failed or could not run has failed; one that passed or was skipped has not."""
    content = report(
        case(FAILURE),
        case('<error message="fixture">boom</error>', name="test_tax"),
        case(name="test_empty"),
        case("<skipped/>", name="test_later"),
    )
    assert JUnitReport(("tests.test_cart.test_total", "tests.test_cart.test_tax")) == read_junit(content)


@pytest.mark.parametrize(
    ("place", "name", "file", "expected"),
    [
        ("tests.test_cart", "test_total[1.5]", "", "tests.test_cart.test_total[1.5]"),
        ("tests.test_cart.TestCart", "test_total", "tests/test_cart.py", "tests/test_cart.py::TestCart::test_total"),
        ("tests.test_cart", "test_total", "tests/test_cart.py", "tests/test_cart.py::test_total"),
        ("Cart total", "Cart total", "src/cart.test.js", "src/cart.test.js::Cart total"),
        ("Cart", "total", "src/cart.test.js", "src/cart.test.js::Cart::total"),
        ("", "total", "", "pytest.total"),
        ("com.shop.CartTest", "", "", "com.shop.CartTest"),
    ],
)
def test_ids(place: str, name: str, file: str, expected: str) -> None:
    """An id is the class and the name, or pytest's own where the report tells the file."""
    more = {"file": file} if file else {}
    assert (expected,) == read_junit(report(case(FAILURE, name=name, place=place, **more))).failed


def test_suites_within_suites_are_read() -> None:
    """Gradle and PHPUnit put suites inside suites, and some tools have one suite as the root."""
    inner = f'<testsuite name="inner">{case(FAILURE)}</testsuite>'
    content = f'<testsuite name="outer">{case(name="test_tax")}{inner}</testsuite>'.encode()
    assert ("tests.test_cart.test_total",) == read_junit(content).failed


@pytest.mark.parametrize("cases", [[case(FAILURE), case()], [case(FAILURE), case(FAILURE), case()]])
def test_failed_then_passed_is_flaky(cases: list[str]) -> None:
    """A test tried again until it passed is there several times, the last time green."""
    assert JUnitReport((), ("tests.test_cart.test_total",)) == read_junit(report(*cases))


@pytest.mark.parametrize(
    "cases",
    [[case(), case(FAILURE)], [case(FAILURE), case(), case()], [case(FAILURE), case(), case(FAILURE)]],
)
def test_id_of_several_tests_proves_no_flakiness(cases: list[str]) -> None:
    """Nobody tries a test again that has passed: then the id belongs to more than one test."""
    assert JUnitReport(("tests.test_cart.test_total",)) == read_junit(report(*cases))


@pytest.mark.parametrize("word", ["flakyFailure", "flakyError"])
def test_surefire_says_what_passed_in_the_end(word: str) -> None:
    """Surefire keeps one entry for a test that it ran again, with a word for every earlier try."""
    assert ("tests.test_cart.test_total",) == read_junit(report(case(f'<{word} message="boom">at</{word}>'))).flaky


def test_rerun_that_failed_too_stays_failed() -> None:
    """Surefire's other word stands beside a failure that no further try has cured."""
    body = f'{FAILURE}<rerunFailure message="boom">at</rerunFailure>'
    assert JUnitReport(("tests.test_cart.test_total",)) == read_junit(report(case(body)))


def test_colours_in_a_report_are_passed_over() -> None:
    """XML cannot hold the escape character, and frameworks write it."""
    assert ("tests.test_cart.test_total",) == read_junit(report(case("<failure>\x1b[31mboom</failure>"))).failed


def test_other_encodings_are_read() -> None:
    """A report that PowerShell has redirected is UTF-16."""
    content = report(case(FAILURE)).decode().encode("utf-16")
    assert ("tests.test_cart.test_total",) == read_junit(content).failed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no XML"),
        (b"<testsuites><testsuite>", "no XML"),
        (b"PASS ok", "no XML"),
        (b'<?xml version="1.0" encoding="klingon"?><testsuites/>', "no XML"),
        (b"<html/>", "root is <html>, expected <testsuites> or <testsuite>"),
        (b"<testsuites>" + b"<a>" * 100 + b"</a>" * 100 + b"</testsuites>", "more than 60 elements inside each other"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, words: str) -> None:
    """The error says what is wrong and what to give instead."""
    with pytest.raises(InputError) as raised:
        read_junit(content)
    assert words in raised.value.message
    assert raised.value.hint


def test_entities_are_refused_before_they_grow() -> None:
    """A document type is where a small file becomes a large one."""
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "boom"}">' for n in range(9))
    with pytest.raises(InputError, match="document type"):
        read_junit(f"<!DOCTYPE t [{grown}]><testsuites>&e8;</testsuites>".encode())


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large or has too many tests or parts is refused, and the limit is named."""
    with pytest.raises(InputError, match=f"at most {junit.SIZE_LIMIT}"):
        read_junit(b" " * (junit.SIZE_LIMIT + 1))
    monkeypatch.setattr(junit, "CASES_LIMIT", 2)
    with pytest.raises(InputError, match="more than 2 tests"):
        read_junit(report(case(), case(), case()))


def test_merged_reports_believe_the_failure() -> None:
    """A test that failed for good in one of the reports has failed, and every id is there once."""
    first = JUnitReport(("a.total", "a.tax"), ("a.cart",))
    second = JUnitReport(("a.total",), ("a.tax", "a.list"))
    assert JUnitReport(("a.total", "a.tax"), ("a.cart", "a.list")) == merged([first, second])
    assert JUnitReport() == merged([])

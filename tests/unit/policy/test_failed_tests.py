"""Failed tests by name, and which of them there is evidence of that they come and go."""

from __future__ import annotations

import pytest

from recovery.models.junit_report import JUnitReport
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.failed_tests import FailedTests, flaky_evidence, is_known
from recovery.policy.ids_of_tests import is_telling, plain_name, same_test
from recovery.policy.later_passes import TESTS_LIMIT, lines_of_passes
from recovery.policy.rules.model import Rule
from recovery.policy.sections import Hit

TOTAL = "tests/test_cart.py::test_total"
TAX = "tests/test_cart.py::test_tax"


def rule(pattern: str, failure_class: FailureClass = FailureClass.TEST_FAILURE) -> Rule:
    """A rule of one pattern."""
    return Rule("a-rule", failure_class, Retryable.NO, 0.9, "A test failed.", (pattern,))


NAMING = rule(r"^FAILED (?P<test>\S+.*?)(?: - .*)?$")
NAMELESS = rule("Assertion failed")
MARKER = rule("timed out", FailureClass.FLAKY_TEST)


def hit(line: int, text: str, by: Rule = NAMING) -> Hit:
    """A line on which a rule matched."""
    return Hit(line, text.encode(), by, "")


def evidence(*lines: str, **more: object) -> FailedTests:
    """What is known of the tests of a log whose lines name failures by `FAILED`, or say `timed out`."""
    hits = [
        hit(number, line, found)
        for number, line in enumerate(lines, start=1)
        for found, word in ((NAMING, "FAILED"), (NAMELESS, "Assertion failed"), (MARKER, "timed out"))
        if line.startswith(word)
    ]
    return flaky_evidence(hits, "\n".join(lines).encode(), **more)  # type: ignore[arg-type]


def passes(name: str, *lines: str) -> bool:
    """Whether a test that failed on a line before these is said to have passed."""
    return name in lines_of_passes("\n".join(("it failed", *lines)).encode(), {name: 0})


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("tests/test_a.py::\x1b[1mtest_total\x1b[0m", "tests/test_a.py::test_total"),
        ("TestCart/total (0.03s)", "TestCart/total"),
        ("Shop.CartTests.Total(a: 1) [< 1 ms]", "Shop.CartTests.Total(a: 1)"),
        ("cart.spec.ts:3:1 › total (retry #1) (1.2s)", "cart.spec.ts:3:1 › total"),  # noqa: RUF001
        ("cart.spec.ts:3:1 › total ──────", "cart.spec.ts:3:1 › total"),  # noqa: RUF001
        ("TestCart (re-run 1) (0.00s)", "TestCart"),
        ("test_total[50%]", "test_total[50%]"),
        ("waits 5 s", "waits 5 s"),
    ],
)
def test_ids_lose_what_varies(printed: str, expected: str) -> None:
    """Colours, times and the number of the try do not belong to an id; parameters do."""
    assert expected == plain_name(printed.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("com.shop.CartTest.total", "total(com.shop.CartTest)"),
        ("com.shop.CartTest.total", "CartTest.total"),
        ("com.shop.CartTest > total()", "com.shop.CartTest.total"),
        ("tests/test_cart.py::TestCart::test_total", "tests.test_cart.TestCart.test_total"),
        ("test_total (tests.test_cart.CartTest)", "tests.test_cart.CartTest.test_total"),
        ("tests/test_cart.py::test_total[1.5]", "test_total[1.5]"),
    ],
)
def test_one_test_has_many_names(one: str, other: str) -> None:
    """The same test is named in other ways by a summary or a report."""
    assert same_test(one, other)
    assert same_test(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("test_a[1]", "test_a[10]"),
        ("TestAlpha", "TestAlphaBeta"),
        ("com.shop.CartTest.total", "com.bank.CartTest.total"),
        ("com.shop.CartTest.main", "main"),
        ("tests/test_a.py::test_total[1]", "tests/test_a.py::test_total"),
    ],
)
def test_resembling_names_are_of_two_tests(one: str, other: str) -> None:
    """What is alike in part only, or in a word that many tests have, is not the same."""
    assert not same_test(one, other)
    assert not same_test(other, one)


@pytest.mark.parametrize(("name", "telling"), [("main", False), ("t", False), ("test_total", True), ("A.main", False)])
def test_generic_names_tell_nothing(name: str, telling: bool) -> None:
    """An id that many tests may have is not looked for."""
    assert telling is is_telling(name)


def test_failed_tests_are_named_once_and_in_order() -> None:
    """Rules name them; a summary that names them again, shorter, adds nothing."""
    lines = (
        f"FAILED {TOTAL} - assert 3 == 4",
        f"FAILED {TAX} (0.03s)",
        "Assertion failed",
        "FAILED test_cart.py::test_total",
    )
    assert (TOTAL, TAX) == evidence(*lines).names


def test_fullest_name_of_a_test_is_told() -> None:
    """A heading names a test without its file; what people know, and what tells it from others, is the full name."""
    heading, other = "FAILED test_total", "tests/test_tax.py::test_total"
    assert (TOTAL,) == evidence(heading, f"FAILED {TOTAL}").names
    assert (TOTAL, other) == evidence(heading, f"FAILED {TOTAL}", f"FAILED {other}").names


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("TestCart", "TestCart/total"), ("com.shop.CartTest", "total(com.shop.CartTest)"), ("Cart", "Cart > total")],
)
def test_innermost_test_is_named(outer: str, inner: str) -> None:
    """A test or a suite that failed because one inside it did is not counted besides."""
    assert (inner,) == evidence(f"FAILED {outer}", f"FAILED {inner}").names
    assert (inner,) == evidence(f"FAILED {inner}", f"FAILED {outer}").names


def test_names_are_bounded_and_without_secrets() -> None:
    """No more are given than a person reads, and none shows what must not be shown."""
    assert TESTS_LIMIT == len(evidence(*(f"FAILED a/test_{n}.py::test_total" for n in range(1, 90))).names)
    token = "ghp_" + "a1B2" * 9
    assert token not in evidence(f"FAILED {TOTAL}[{token}]").names[0]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (TOTAL, f"{TOTAL} PASSED   [ 50%]"),
        (TOTAL, f"2026-01-15T12:00:00.0000000Z {TOTAL} \x1b[32mPASSED\x1b[0m"),
        (TOTAL, f"[gw0] [ 50%] PASSED {TOTAL} "),
        (TOTAL, "PASSED tests/test_cart.py::\x1b[1mtest_total\x1b[0m"),
        ("test_total (tests.test_cart.CartTest)", "test_total (tests.test_cart.CartTest) ... ok"),
        ("CartTest > total()", "CartTest > total() PASSED"),
        ("TestCart/total", "    --- PASS: TestCart/total (0.00s)"),
        ("TestCartTotal", "✓ TestCartTotal (re-run 1) (0.00s)"),
        ("TestCartTotal", "PASS shop/cart.TestCartTotal (0.00s)"),
        ("cart::tests::total", "test cart::tests::total ... ok"),
        ("cart::tests::total", "  TRY 2 PASS [   0.005s] shop cart::tests::total"),
        ("Cart.Total", "[       OK ] Cart.Total (0 ms)"),
        ("Shop.CartTests.Total(a: 1)", "  Passed Shop.CartTests.Total(a: 1) [12 ms]"),
        ("cart_total", " 1/10 Test  #1: cart_total ......   Passed    0.01 sec"),
        ("ShopTests.CartTests testTotal", "Test Case '-[ShopTests.CartTests testTotal]' passed (0.1 seconds)."),
        ("[chromium] › a.spec.ts:3:1 › total", "  ✓  2 [chromium] › a.spec.ts:3:1 › total (retry #1) (1.2s)"),  # noqa: RUF001
        ("src/cart.test.ts > Cart > total", " ✓ src/cart.test.ts > Cart > total 5ms (retry x1)"),
        ("//cart:total_test", "//cart:total_test    FLAKY, failed in 1 out of 2 in 0.5s"),
        ("sequential/test-cart", "ok 12 sequential/test-cart"),
    ],
)
def test_frameworks_say_that_a_test_passed(name: str, line: str) -> None:
    """Each framework has words of its own."""
    assert passes(name, line)


def test_summaries_say_that_a_test_passed() -> None:
    """Surefire tells each run of a test below its name; Playwright lists what was flaky at the end."""
    name = "com.shop.CartTest.total"
    runs = ("[WARNING] Flakes: ", f"[WARNING] {name}", "[ERROR]   Run 1: CartTest.total:12 expected")
    assert passes(name, *runs, "[INFO]   Run 2: PASS")
    assert not passes(name, *runs, "[ERROR]   Run 2: CartTest.total:12 expected")
    listed = "    [chromium] › a.spec.ts:3:1 › total ─────"  # noqa: RUF001
    assert passes("[chromium] › a.spec.ts:3:1 › total", "  1 flaky", listed, "  3 passed (4s)")  # noqa: RUF001
    assert not passes("[chromium] › a.spec.ts:3:1 › total", "  1 flaky", "  1 failed", listed)  # noqa: RUF001


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("test_a[1]", "test_a[10] PASSED"),
        ("TestAlpha", "--- PASS: TestAlphaBeta (0.00s)"),
        ("TestAlpha", "    --- PASS: TestAlpha/inner (0.00s)"),
        ("shows total", "  ✓ shows total when empty (3 ms)"),
        ("CartTest.total", "OtherCartTest.total PASSED"),
        (TOTAL, f"{TOTAL} FAILED"),
        (TOTAL, f"{TOTAL} XFAIL"),
        (TOTAL, f"{TOTAL}: not ok"),
        (TOTAL, f"all of {TOTAL} and others passed before"),
        ("main", "main ... ok"),
    ],
)
def test_another_test_that_passed_says_nothing(name: str, line: str) -> None:
    """An id must match whole, in a form that some framework prints, and must be its test's own."""
    assert not passes(name, line)


def test_pass_before_the_failure_says_nothing() -> None:
    """Only what comes after the last failure counts."""
    content = f"{TOTAL} PASSED\n{TOTAL} FAILED\n".encode()
    assert {} == lines_of_passes(content, {TOTAL: 1})


@pytest.mark.parametrize(
    "border",
    [
        "============================= test session starts ==============================",
        "py312: commands[0]> pytest",
        "FAIL\texample.com/cart\t0.012s",
        "> Task :bank:test",
        "Test run for /work/Shop.Tests.dll (.NETCoreApp,Version=v9.0)",
        "+ pytest --backend other",
    ],
)
def test_pass_in_another_environment_says_nothing(border: str) -> None:
    """The same id in another environment or package is no second try, unless the log says that it is."""
    assert not passes(TOTAL, border, f"{TOTAL} PASSED")
    assert passes(TOTAL, "Rerunning failed tests", border, f"{TOTAL} PASSED")


@pytest.mark.parametrize("border", ["##[group]Run pytest --flaky", "Post job cleanup.", "Current runner version: '2'"])
def test_pass_in_another_step_says_nothing(border: str) -> None:
    """What another step or job printed is never a second try."""
    stamp = "2026-01-15T12:00:00.0000000Z "
    assert not passes(TOTAL, stamp + border, stamp + "rerun", f"{stamp}{TOTAL} PASSED")


def test_lines_are_counted_across_parts_and_long_lines() -> None:
    """A log of many parts, with lines of any length, is walked to its end."""
    noise = ["x" * 200_000, *["compiling test_total"] * 10_000, "y" * 70_000]
    assert passes(TOTAL, *noise, f"{TOTAL} PASSED")


def test_log_that_names_its_tests_everywhere_is_given_up() -> None:
    """A million lines that might matter cost no more than some, and what comes after them proves nothing."""
    assert not passes(TOTAL, *["test_total is running"] * 60_000, f"{TOTAL} PASSED")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ("tests/test_cart.py::test_total[1]", True),
        ("tests/*::test_total[1]", True),
        ("*total*", True),
        ("tests/test_cart.py::test_total", False),
        ("tests/test_cart.py::test_total[0-9]", False),
        ("test.*", False),
    ],
)
def test_known_tests_are_exact_or_have_stars(known: str, expected: bool) -> None:
    """In a list of flaky tests only `*` is special: brackets belong to ids."""
    assert expected is is_known("tests/test_cart.py::test_total[1]", [known])


def test_every_failed_test_needs_its_own_evidence() -> None:
    """One real failure among the flaky ones makes it a failure."""
    flaky = evidence(f"FAILED {TOTAL}", f"{TOTAL} PASSED")
    assert flaky.all_flaky
    assert flaky.tests[0].flaky
    mixed = evidence(f"FAILED {TOTAL}", f"FAILED {TAX}", f"{TOTAL} PASSED")
    assert (TOTAL, TAX) == mixed.names
    assert [True, False] == [bool(test.flaky) for test in mixed.tests]
    assert not mixed.all_flaky


def test_no_failed_test_is_no_evidence() -> None:
    """Where no test is named nothing is claimed, whatever a report says of others."""
    assert not evidence("make: *** Error 2", report=JUnitReport(flaky=("a.total",))).all_flaky


def test_failure_after_the_pass_stands() -> None:
    """A test that failed again, or an unnamed one that failed later, takes the evidence back."""
    assert not evidence(f"FAILED {TOTAL}", f"{TOTAL} PASSED", f"FAILED {TOTAL}").all_flaky
    assert not evidence(f"FAILED {TOTAL}", f"{TOTAL} PASSED", "Assertion failed").all_flaky


def test_hits_that_were_left_out_may_be_real_failures() -> None:
    """Without all failures nothing is flaky, unless a report names them all."""
    lines = (f"FAILED {TOTAL}", f"{TOTAL} PASSED")
    assert not evidence(*lines, complete=False).all_flaky
    assert evidence(*lines, complete=False, report=JUnitReport(flaky=(TOTAL,))).all_flaky
    assert not evidence(*(f"FAILED a/test_{n}.py::test_total" for n in range(400)), known=["*"]).all_flaky


def test_report_is_the_last_word() -> None:
    """What the report calls flaky is flaky, what it calls failed is not, and what only it names counts too."""
    assert evidence(f"FAILED {TOTAL}", report=JUnitReport(flaky=("tests.test_cart.test_total",))).all_flaky
    failed = JUnitReport(failed=("tests.test_cart.test_total",))
    assert not evidence(f"FAILED {TOTAL}", f"{TOTAL} PASSED", report=failed).all_flaky
    only = evidence(report=JUnitReport(failed=("a.CartTest.total",)))
    assert (("a.CartTest.total",), False) == (only.names, only.all_flaky)


def test_list_of_known_tests_outweighs_all() -> None:
    """People may know better than a report."""
    assert evidence(f"FAILED {TOTAL}", known=[TOTAL], report=JUnitReport(failed=(TOTAL,))).all_flaky


def test_marker_speaks_of_the_test_named_before_it() -> None:
    """A test that waited in vain is flaky; the one that failed next to it is not."""
    assert evidence(f"FAILED {TOTAL}", "timed out after 5 s").all_flaky
    assert evidence("timed out after 5 s", f"FAILED {TOTAL}").all_flaky
    mixed = evidence(f"FAILED {TOTAL}", f"FAILED {TAX}", "timed out after 5 s")
    assert [False, True] == [bool(test.flaky) for test in mixed.tests]


def test_line_numbers_are_those_of_the_whole_log() -> None:
    """A log whose beginning was dropped is walked by the lines that are left."""
    content = f"FAILED {TOTAL}\n{TOTAL} PASSED\n".encode()
    found = flaky_evidence([hit(501, f"FAILED {TOTAL}")], content, 501)
    assert (501, True) == (found.tests[0].line, found.all_flaky)

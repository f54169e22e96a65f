"""A person is shown what accounts for the failure, and little else."""

from __future__ import annotations

import pytest

from recovery.models.log import JobLog
from recovery.policy.logs.baseline import Baseline
from recovery.policy.logs.excerpt import EXCERPT_LINES, excerpt, printable, tail

PYTEST = """\
tests/test_cart.py::test_add PASSED [ 33%]
tests/test_cart.py::test_total FAILED [ 66%]

=================================== FAILURES ===================================
__________________________________ test_total __________________________________

    def test_total():
        cart = Cart([1, 2])
>       assert cart.total() == 4
E       assert 3 == 4
E        +  where 3 = total()

tests/test_cart.py:9: AssertionError
=============================== warnings summary ===============================
shop/cart.py:3: DeprecationWarning: old
"""

JAVA = """\
[INFO] Running shop.CartTest
java.lang.IllegalStateException: no price
	at shop.Cart.total(Cart.java:12)
	at shop.CartTest.total(CartTest.java:7)
Caused by: java.lang.NullPointerException
	at shop.Price.of(Price.java:3)
[INFO] Running shop.PriceTest
"""

CARGO = """\
   Compiling shop v0.1.0 (/home/runner/work/shop)
error[E0308]: mismatched types
  --> src/lib.rs:4:5
   |
4  |     total
   |     ^^^^^ expected `u32`, found `&str`

warning: unused variable: `tax`
  --> src/lib.rs:9:9
"""

JEST = """\
  ✓ adds (2 ms)
  ✕ totals (1 ms)

  ● cart totals

    expect(received).toBe(expected)

    Expected: 4
    Received: 3

      at Object.toBe (cart.test.js:5:20)

  ✓ removes (1 ms)
"""

LIST = """\
/work/shop/lib/tax.js
  1:1  warning  Unexpected var  no-var

/work/shop/lib/cart.js
  2:1  warning  Unexpected console statement  no-console
  3:9  warning  Missing semicolon  semi
  5:9  error    'price' is not defined  no-undef

/work/shop/lib/util.js
  1:1  warning  Unexpected var  no-var
"""

NOISE = """\
GET /cart -> 200
serving page one
serving page two
worker.sh: line 12: 4711 Killed  ./serve
closing port
flushing pages
"""


def _shown(text: str, *evidence: int, baseline: str | None = None) -> list[int]:
    content = text.encode()
    green = None if baseline is None else Baseline(JobLog(content=baseline.encode()))
    ranges = excerpt(content, 1, evidence, [(1, content.count(b"\n"))], green)
    return [line for first, last in ranges for line in range(first, last + 1)]


@pytest.mark.parametrize(
    ("text", "evidence", "expected"),
    [
        (PYTEST, 10, [*range(4, 14)]),
        (JAVA, 2, [*range(2, 7)]),
        (JAVA, 5, [*range(2, 7)]),
        (CARGO, 2, [*range(2, 7)]),
        (JEST, 8, [*range(4, 12)]),
        (LIST, 7, [4, 7]),
        (NOISE, 4, [4]),
    ],
    ids=["pytest", "java", "java, by its cause", "cargo", "jest", "a list", "amid noise"],
)
def test_an_account_is_shown_whole_and_alone(text: str, evidence: int, expected: list[int]) -> None:
    """From its heading to its last frame, and nothing that passed or goes on beside it."""
    assert _shown(text, evidence) == expected


def test_the_sum_at_the_end_is_shown_too() -> None:
    """How much failed is said far from why."""
    text = JEST + "  ✓ passes\n" * 60 + "Tests:       1 failed, 62 passed, 63 total\nTime:        3 s\n"
    assert _shown(text, 8) == [*range(4, 12), text.count("\n") - 1]


def test_never_more_lines_than_a_person_reads() -> None:
    """Of long accounts the lines nearest to the evidence stay, and each account keeps some."""
    text = "".join(f"ERROR: fault {word}\n" + "  at shop.Cart\n" * 50 + "ok\n" for word in ("one", "two", "three"))
    shown = _shown(text, 1, 53, 105)
    assert len(shown) == EXCERPT_LINES
    assert {1, 2, 53, 54, 105, 106} <= set(shown)


def test_the_end_that_every_failure_has_is_left_out() -> None:
    """An exit code proves that something failed, not what; alone it is all there is to show."""
    text = "no price for tea\nquiet\nquiet\nquiet\n##[error]Process completed with exit code 1.\n"
    assert _shown(text, 1, 5) == [1]
    assert _shown(text, 5) == [5]


def test_a_little_between_two_accounts_is_shown_with_them() -> None:
    """A hint between two lines of evidence belongs to both."""
    text = "ERROR: Cannot install a and b\n\nThe conflict is this:\n    a needs c\n\nERROR: no way out\n"
    assert _shown(text, 1, 6) == [1, 2, 3, 4, 5, 6]


def test_lines_are_those_of_the_whole_log() -> None:
    """A log that was cut keeps the numbers it had, and nothing outside of the failed section is shown."""
    content = b"ERROR: other\nERROR: broken\n  at a\nERROR: next\n"
    assert excerpt(content, 101, [102], [(102, 103)]) == ((102, 103),)


def test_evidence_outside_of_what_failed_is_ignored() -> None:
    """No section, no excerpt; the caller shows the tail then."""
    assert excerpt(b"a\nb\n", 1, [7], [(1, 2)]) == ()
    assert excerpt(b"a\nb\n", 1, [1], []) == ()


def test_with_a_baseline_only_news_is_shown() -> None:
    """What the green log says too is left out, however much it looks like a failure."""
    green = "error: simulated, ignored\n  at a\ncompiled\ndone\n"
    red = "error: simulated, ignored\n  at a\ncompiled\nprice is gone\nand tax with it\n\n  see the manual\ndone\n"
    assert _shown(red, 4, baseline=green) == [4, 5, 6, 7]


def test_with_a_baseline_news_of_failure_are_shown_without_evidence() -> None:
    """New lines that speak of a failure are shown, new noise is not."""
    green = "start\nend\n"
    red = "start\nsome new words\nend\nend\nend\nend\nerror: no price\n  in tea\nend\nDownloading tea\n"
    assert _shown(red, baseline=green) == [7, 8]


def test_with_a_baseline_evidence_that_is_no_news_is_shown_last() -> None:
    """It is what the verdict rests on, so it is not hidden."""
    green = "error: simulated\nquiet\nquiet\nend\n"
    red = "error: simulated\nquiet\nquiet\nend\nerror: real\n"
    assert _shown(red, 1, 5, baseline=green) == [1, 5]


def test_a_baseline_of_another_job_does_no_harm() -> None:
    """Where nearly all is new, the evidence decides what is shown, as without a baseline."""
    red = "".join(f"error: simulated {word}\nend\nend\nend\n" for word in "abcdefgh") + "no price for tea\n"
    assert _shown(red, 33, baseline="end\n") == [33]


def test_the_tail_is_short() -> None:
    """For a failure nobody can place, its last lines."""
    assert tail(100, 1) == ((81, 100),)
    assert tail(5, 3) == ((3, 5),)


def test_printable_text_is_one_short_line() -> None:
    """Control characters become blanks, and what is too long is cut."""
    assert printable("a\tb\x1b[0m\n c") == "a b [0m c"
    assert printable("x" * 9, limit=4) == "xxx…"

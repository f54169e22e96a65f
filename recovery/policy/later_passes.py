"""Finds tests that failed and passed later in the same log: one pass, linear, and silent where it is not sure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import re2

from recovery.policy.ids_of_tests import is_telling, plain_name, words_of
from recovery.policy.logs.chunks import chunks
from recovery.policy.logs.framing import clean
from recovery.policy.logs.lines import start_of
from recovery.policy.logs.patterns import compiled

TESTS_LIMIT = 50
"""Tests that are looked for; where more failed, it was no accident."""

_LINES_LIMIT = 20_000
"""Lines that are examined closely; a log that names its failed tests more often is given up."""

_LONGEST = 4096
"""Bytes of a line in which a test may say that it passed."""

_SAID = r"(?:PASSED|PASS|XPASS|passed|Passed|ok|OK|SUCCESS|FLAKY)"
_TIME = r"(?:[(\[<]?(?:< ?)?[\d.,]+ ?(?:ms|µs|s|sec|secs|seconds|m|min)[)\]>]?)"
_REST = rf"(?:\s+(?:{_TIME}|\[ *\d+%\]|\((?:retry|re-run|attempt)[ #x]*\d+\)))*\s*\.?\s*$"
_FORMS = (
    # pytest -v, Gradle, unittest, cargo, Deno, TestNG: the test, then the word.
    rf"^(?:\[\w+\]\s+|test |Test )?(?P<test>\S.*?)(?:\s+\.\.\.|:)?\s+{_SAID}{_REST}",
    r"^(?P<test>//\S+)\s+FLAKY, failed in \d+ out of \d+ ",
    # pytest-xdist, go test, gotestsum, bun: the word, then the test.
    rf"^\s*(?:\[gw\d+\] \[ *\d+%\] |=== |--- )?\(?(?:PASSED|PASS|passed|Passed|pass)\)?:? +(?P<test>\S.*?){_REST}",
    rf"^PASS +\S+\.(?P<test>Test\w+(?:/\S*)?){_REST}",
    # cargo-nextest tells the crate before the test.
    r"^\s*(?:TRY \d+ )?(?:PASS|FLAKY(?: \d+/\d+)?) +\[[^\]]*\](?: +\( *\d+/\d+\))? +(?:\S+ +)?(?P<test>\S+)$",
    # Marks: Playwright, Vitest, Mocha, gotestsum, PHPUnit, Swift; Playwright counts the tests.
    rf"^\s*(?:✓|✔|√|✅) +(?:\d+ +(?:\[|\S+:\d+:\d+ ))?(?P<test>\S.*?){_REST}",
    rf"^\s*(?:✓|✔|√) +\d+ (?P<test>\S.*?){_REST}",
    rf"^\s*(?:✓|✔|◇) +Test (?P<test>\S.*?) passed after {_TIME}\.?$",
    rf"^\s*\[ +OK \] (?P<test>\S.*?){_REST}",
    rf"^\s*ok \d+ (?:- )?(?P<test>\S.*?){_REST}",
    r"^\s*Test [Cc]ase '(?:-\[)?(?P<test>[^']+?)\]?' passed ",
    rf"^\s*(?:\d+/\d+ )?Test +#\d+: (?P<test>\S+) \.+ +Passed{_REST}",
)

_AGAIN = (
    r"(?i:\bre-?run(?:s|ning)?\b|\bflak(?:y|es)\b|\b(?:attempt|try) #?[2-9]\b|\b(?:2nd|3rd) (?:try|attempt)\b"
    r"|\bretry (?:x|#)?\d|\bretry errors\b|\bretried\b|\bretrying (?:failed )?tests?\b|^DONE \d+ tests?, \d+ failure)"
)
"""Words of tests that are tried again, after which a new run of them is one of the same."""

_NEW_RUN = (
    r"^=+ test session starts =+|^\S+: commands\[\d+\]|^nox > |^(?:\[INFO\] )? T E S T S$|^Running \d+ tests"
    r"|^\[=+\] Running |^running \d+ tests?$|^ ?RUN +v\d|^Running Suite: |^(?:FAIL|ok|---)\s+\S+\s+[\d.]+s$|^> Task :"
    r"|^Test run for |^PHPUnit |^Test Suite '[^']+' started|^Run options: |^(?:\+|\$) \S"
)
"""Beginnings of a run of tests: in another environment or package the same id may be of another test."""

_NEW_STEP = r"^##\[group\]Run |^Post job cleanup\.|^Cleaning up orphan processes|^Current runner version:"
"""What another step printed, or another job, says nothing of a test of this one."""

_FLAKY_LIST = r"^ +\d+ flaky$"
_LIST_ENDS = r"^ +\d+ (?:passed|failed|skipped|did not run|interrupted)\b"
_RUN_OF_TEST = r"^(?:\[\w+\])? +Run \d+: "
_TEST_ALONE = r"^(?:\[\w+\] +)?(?P<test>[\w.$]+(?:\[[^\]]*\])?)$"
"""Surefire names a test that was run again, and then tells run by run how it went."""


@cache
def _forms() -> tuple[Any, ...]:
    return tuple(map(compiled, _FORMS))


@cache
def _sign(pattern: str) -> Any:
    return compiled(pattern)


def lines_of_passes(content: bytes, failed: Mapping[str, int], *, stop: int | None = None) -> dict[str, int]:
    """Which of the failed tests the log says passed afterwards, with the line (from 0) that does.

    `failed` has ids, as `plain_name` gives them, and the line (from 0) of each one's last failure. A test of which the
    log says so only after a new run of tests began counts where the log also says that tests were tried again. Read is
    up to the byte `stop`.
    """
    sure = {name: line for name, line in failed.items() if is_telling(name) and _fragment(name)}
    if not sure or len(failed) > TESTS_LIMIT:
        return {}
    watch = _Watch(sure)
    for number, line in islice(_lines_naming(content, sure, len(content) if stop is None else stop), _LINES_LIMIT):
        for frame in line.split(b"\r"):
            watch.take(number, frame)
    return watch.passed


class _Watch:
    """Walks over the lines that may matter, in order, and keeps what it takes to judge the next one."""

    def __init__(self, failed: Mapping[str, int]) -> None:
        self._waiting = {words_of(name): (name, line) for name, line in failed.items()}
        self._last_run = self._last_try = -1
        self._in_list = False
        self._alone: str | None = None
        self.passed: dict[str, int] = {}

    def take(self, number: int, frame: bytes) -> None:
        if _sign(_NEW_STEP).search(frame):
            self._waiting = {words: found for words, found in self._waiting.items() if found[1] >= number}
            return
        if _sign(_AGAIN).search(frame):
            self._last_try = number
        if _sign(_NEW_RUN).search(frame):
            self._last_run = number
        self._in_list |= bool(_sign(_FLAKY_LIST).search(frame))
        self._in_list &= not _sign(_LIST_ENDS).search(frame)
        if _sign(_RUN_OF_TEST).search(frame):
            if self._alone is not None and frame.rstrip().endswith(b": PASS"):
                self._note(self._alone, number)
            return
        self._alone = next(_names(_sign(_TEST_ALONE), frame), None)
        for name in self._names_passed(frame):
            self._note(name, number)

    def _names_passed(self, frame: bytes) -> Iterator[str]:
        if self._in_list:
            yield plain_name(frame)
        for form in _forms():
            yield from _names(form, frame)

    def _note(self, name: str, number: int) -> None:
        known, failed_at = self._waiting.get(words_of(name), (None, 0))
        if known is None or number <= failed_at:
            return
        if self._last_run < failed_at or self._last_try > failed_at:
            self.passed.setdefault(known, number)


def _names(form: Any, frame: bytes) -> Iterator[str]:
    if len(frame) <= _LONGEST and (match := form.search(frame)) is not None:
        yield plain_name(match.group(b"test"))


def _fragment(name: str) -> str:
    """A part of the id that stands in every line that names the test."""
    words = words_of(name)
    return max(re2.findall(r"\w{3,}", words[-1]) if words else (), key=len, default="")


def _lines_naming(content: bytes, failed: Mapping[str, int], stop: int) -> Iterator[tuple[int, bytes]]:
    """The lines from the first failure on that name a failed test or tell how the tests are run."""
    signs = "|".join((_AGAIN, _NEW_RUN, _NEW_STEP, _FLAKY_LIST, _LIST_ENDS, _RUN_OF_TEST))
    fragments = "|".join(sorted({str(re2.escape(_fragment(name))) for name in failed}))
    finder = compiled(f"{fragments}|{signs}")
    number = min(failed.values())
    for _, chunk in chunks(content, start=start_of(content, number), stop=stop):
        text = clean(chunk)
        position = counted = 0
        while position < len(text) and (match := finder.search(text, position)) is not None:
            start = text.rfind(b"\n", 0, match.start()) + 1
            end = text.find(b"\n", match.end())
            end = len(text) if end == -1 else end
            number += text.count(b"\n", counted, start)
            yield number, text[start:end]
            position, counted = end + 1, start
        number += text.count(b"\n", counted)

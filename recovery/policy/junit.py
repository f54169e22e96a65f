"""Reads the JUnit XML that test frameworks write: which tests failed, and which failed first and passed then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.parsers import expat

from recovery.errors import InputError
from recovery.models.junit_report import JUnitReport
from recovery.policy.ids_of_tests import short_name

SIZE_LIMIT = 32 * 1024 * 1024
"""Bytes of a report that is read."""

CASES_LIMIT = 200_000
"""Tests in a report that is read."""

_ELEMENTS_LIMIT = 1_000_000
_DEPTH_LIMIT = 60
_ROOTS = ("testsuites", "testsuite")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\r")
"""Control characters that XML cannot hold; many frameworks write the colours of their output all the same."""

_FAILED, _PASSED, _FLAKY = "f", "p", "k"
_TRIED_AGAIN = re.compile("f+[pk]$")
"""What a report says of an id, in its order: it failed at first, and nothing came after it had passed."""

_HINT = "give the JUnit XML that the test framework wrote, whole and with `<testsuites>` or `<testsuite>` as its root"


def read_junit(content: bytes) -> JUnitReport:
    """What one report says, with ids as `classname.name`.

    Where the report names a test's file, as pytest's older form and jest-junit do, the id is `file::name` with what
    `classname` adds to the file in between: pytest's own ids. A test is flaky if all its failures come before the one
    time it passed, or if Surefire says so. An id that passed more than once has several tests and proves nothing.

    Raises:
        InputError: it is no JUnit XML, or larger than any that is read; says what is wrong.
    """
    if len(content) > SIZE_LIMIT:
        raise InputError(
            f"the test report has {len(content)} bytes, and at most {SIZE_LIMIT} are read",
            hint="leave what tests print out of the report, or split it",
        )
    if not content.startswith(_UTF_16):
        content = content.translate(None, _FORBIDDEN)
    _Inspection().run(content)
    results: dict[str, str] = {}
    for name, result in _results_in(content):
        results[name] = results.get(name, "") + result
    failed = tuple(name for name, result in results.items() if _FAILED in result and not _TRIED_AGAIN.match(result))
    settled = frozenset(failed)
    flaky = (name for name, result in results.items() if name not in settled and (set(result) & {_FAILED, _FLAKY}))
    return JUnitReport(failed, tuple(flaky))


def merged(reports: Iterable[JUnitReport]) -> JUnitReport:
    """Several reports as one; a test that one of them says failed has failed, whatever the others say."""
    known = list(reports)
    failed = dict.fromkeys(name for report in known for name in report.failed)
    flaky = dict.fromkeys(name for report in known for name in report.flaky if name not in failed)
    return JUnitReport(tuple(failed), tuple(flaky))


class _Inspection:
    """Walks over a document without building it, and refuses what would cost too much to build."""

    def __init__(self) -> None:
        self._elements = self._cases = self._depth = 0

    def run(self, content: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse_types
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        try:
            parser.Parse(content, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise InputError(f"the test report is no XML: {error}", hint=_HINT) from error

    def _refuse_types(self, *_declaration: object) -> None:
        raise InputError(
            "the test report declares a document type, with which a small file can be made to fill all memory",
            hint="take the <!DOCTYPE …> out of it; no test framework needs one",
        )

    def _begin(self, name: str, _attributes: dict[str, str]) -> None:
        if not self._elements and name not in _ROOTS:
            raise InputError(f"the test report's root is <{name}>, expected <testsuites> or <testsuite>", hint=_HINT)
        self._elements += 1
        self._depth += 1
        self._cases += name == "testcase"
        for count, limit, what in (
            (self._cases, CASES_LIMIT, "tests"),
            (self._elements, _ELEMENTS_LIMIT, "elements"),
            (self._depth, _DEPTH_LIMIT, "elements inside each other"),
        ):
            if count > limit:
                raise InputError(f"the test report has more than {limit} {what}", hint="split the report")

    def _end(self, _name: str) -> None:
        self._depth -= 1


def _results_in(content: bytes) -> Iterator[tuple[str, str]]:
    """The id of each test in the report, and how it went; nothing of those that were skipped."""
    # Here, so that classifying without a report starts without it.
    from junitparser import Attr
    from junitparser.xunit2 import JUnitXml, TestCase

    class Case(TestCase):
        file = Attr()

    try:
        report = JUnitXml.fromstring(content)
    except SyntaxError as error:  # what both libraries that may read the XML raise
        raise InputError(f"the test report is no XML: {error}", hint=_HINT) from error
    for suite in report:
        for case in map(Case.fromelem, suite):
            if case.is_failure or case.is_error:
                result = _FAILED
            elif case.is_flaky:
                result = _FLAKY
            else:
                result = "" if case.is_skipped else _PASSED
            yield _id_of(case.name or "", case.classname or "", case.file or "", suite.name or ""), result


def _id_of(name: str, class_name: str, file: str, suite: str) -> str:
    if file:
        parts = [file, *_beside_the_file(class_name, file, name), name]
        return _shown("::".join(part for part in parts if part))
    class_name = class_name or suite
    return _shown(".".join(part for part in (class_name, name) if part))


def _beside_the_file(class_name: str, file: str, name: str) -> list[str]:
    """What `classname` says besides the file: pytest's classes, or the title that encloses the test."""
    module = file.rpartition(".")[0].replace("\\", "/").replace("/", ".")
    if class_name == module:
        return []
    if class_name.startswith(module + "."):
        return class_name.removeprefix(module + ".").split(".")
    return [class_name] if class_name not in {file, name} else []


def _shown(name: str) -> str:
    return short_name(" ".join(name.split())) or "a test without a name"

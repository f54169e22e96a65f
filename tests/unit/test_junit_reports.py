"""Which artifacts are read for test reports, within which bounds, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recovery.errors import ForgeRefused, RateLimited
from recovery.inquiry import Inquiry
from recovery.junit_reports import LARGEST, MOST_ARTIFACTS, JUnitReports
from tests import builders as make
from tests.fakes.forge import FakeForge


def report(test: str, *, failed: bool = True) -> bytes:
    """A report with one test."""
    inside = "<failure/>" if failed else ""
    return f'<testsuite><testcase classname="suite" name="{test}">{inside}</testcase></testsuite>'.encode()


def forge(*artifacts: tuple[str, Mapping[str, bytes], dict[str, Any]]) -> FakeForge:
    """A forge with the failed run and what it left, the newest last."""
    built = FakeForge()
    built.add_run(make.make_run(), [make.make_job()])
    for number, (name, files, over) in enumerate(artifacts):
        fields = {"id": 9000 + number, "name": name, "created_at": make.later(-100 + number), "digest": None} | over
        made = make.make_artifact(**fields)
        built.artifacts[made.id] = (made, files)
    return built


def read(of: FakeForge, *patterns: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The failed tests of the failed run, and what could not be read."""
    inquiry = Inquiry(test_reports=patterns or ("junit-*",))
    reports = JUnitReports(of, make.make_run(), inquiry, make.later(-180))
    found = reports.report
    return found.failed if found else (), reports.problems


def test_reports_of_all_fitting_artifacts_are_one() -> None:
    """Every XML file in every artifact whose name fits counts; other files and other artifacts do not."""
    of = forge(
        ("junit-linux", {"a.xml": report("one"), "deep/er/B.XML": report("two"), "log.txt": b"<no"}, {}),
        ("junit-windows", {"c.xml": report("three", failed=False)}, {}),
        ("coverage", {"d.xml": report("four")}, {}),
    )

    assert ({"suite.one", "suite.two"}, ()) == (set(read(of)[0]), read(of)[1])


def test_newest_artifact_of_a_name_counts() -> None:
    """A job that ran again left the same name twice."""
    of = forge(("junit-linux", {"a.xml": report("before")}, {}), ("junit-linux", {"a.xml": report("now")}, {}))

    assert (("suite.now",), ()) == read(of)


def test_artifact_from_before_the_failed_jobs_is_of_another_attempt() -> None:
    """What the attempt before left says nothing of this one."""
    of = forge(("junit-linux", {"a.xml": report("before")}, {"created_at": make.later(-181)}))

    assert ((), ()) == read(of)
    assert 0 == of.called("artifact_files")


def test_artifacts_are_read_up_to_a_number() -> None:
    """The newest ones are read, and it is said that there are more."""
    of = forge(*((f"junit-{number}", {"a.xml": report(f"t{number}")}, {}) for number in range(MOST_ARTIFACTS + 2)))

    failed, problems = read(of)

    assert {f"suite.t{number}" for number in range(2, MOST_ARTIFACTS + 2)} == set(failed)
    assert ("a test report was not read: 7 artifacts fit, and the newest 5 are read",) == problems
    assert MOST_ARTIFACTS == of.called("artifact_files")


def test_large_artifact_is_not_downloaded() -> None:
    """Whoever puts a whole workspace under a fitting name does not slow the recovery down."""
    of = forge(("junit-linux", {"a.xml": report("one")}, {"size_in_bytes": LARGEST + 1}))

    assert ((), ("a test report was not read: artifact `junit-linux` is larger than the 20 MB that are read",)) == read(
        of
    )
    assert 0 == of.called("artifact_files")


def test_what_is_no_report_is_told_and_the_rest_is_read() -> None:
    """A coverage report beside the test report takes nothing away from it."""
    of = forge(("junit-linux", {"a.xml": report("one"), "b.xml": b"<coverage/>", "c.xml": b"<"}, {}))

    failed, (problem,) = read(of)

    assert ("suite.one",) == failed
    assert problem.startswith("a test report was not read: 2 of 3 files in artifact `junit-linux`: ")


def test_artifact_without_xml_is_told() -> None:
    """A pattern that fits something else is noticed."""
    of = forge(("junit-linux", {"log.txt": b"text"}, {}))

    assert ((), ("a test report was not read: artifact `junit-linux` holds no XML",)) == read(of)


def test_trouble_with_github_is_told_and_never_raised() -> None:
    """A list or an artifact that cannot be had leaves the cause to the log."""
    listed, read_one = (forge(("junit-linux", {"a.xml": report("one")}, {})) for _ in range(2))
    listed.fail("artifacts_of_run", RateLimited("wait"))
    read_one.fail("artifact_files", ForgeRefused("it has expired", status=410))

    assert ((), ("a test report was not read: wait",)) == read(listed)
    assert ((), ("a test report was not read: it has expired",)) == read(read_one)


def test_what_is_left_of_the_rate_limit_is_kept_for_acting() -> None:
    """With few requests left, none is spent on reports."""
    of = forge(("junit-linux", {"a.xml": report("one")}, {}))
    of.requests_left = 3

    failed, (problem,) = read(of)

    assert () == failed
    assert "only 3 more requests" in problem
    assert [] == of.calls

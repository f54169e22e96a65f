"""Every test ends with a judgement: did each exchange it caused keep to GitHub's description?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.openapi.packages import OutOfReach
from tests.openapi.recording import Recording

if TYPE_CHECKING:
    from tests.openapi.contract import Contract

MOST_LINES = 20
RESULT = "openapi"
JUDGE = pytest.StashKey["Judge"]()


class Judge:
    """Judges what one process of pytest overhears, and adds up what the others report."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.exchanges = 0
        self.violations = 0
        self.operations: set[str] = set()
        self.unjudged = 0
        self.reasons: set[str] = set()
        self._contract: Contract | None = None

    def contract(self) -> Contract:
        """The contract, loaded when it is first needed.

        Raises:
            OutOfReach: GitHub's description cannot be had.
        """
        if self.reasons:
            raise OutOfReach(next(iter(self.reasons)))
        if self._contract is None:
            # Late, so that tests which ask no server start as fast as ever.
            from tests.openapi.contract import Contract
            from tests.openapi.description import SOURCE, Description

            try:
                self._contract = Contract(Description(SOURCE.fetched()))
            except OutOfReach as error:
                self.reasons.add(str(error))
                raise
        return self._contract

    def judge(self) -> list[str]:
        """What is wrong with the exchanges since the last time."""
        exchanges = self.recording.taken()
        if not exchanges:
            return []
        try:
            contract = self.contract()
        except OutOfReach:
            self.unjudged += len(exchanges)
            return []
        verdicts = [contract.judge(exchange) for exchange in exchanges]
        lines = [line for verdict in verdicts for line in verdict.violations]
        self.exchanges += len(exchanges)
        self.operations.update(verdict.operation for verdict in verdicts if verdict.operation)
        self.violations += len(lines)
        return list(dict.fromkeys(lines))

    def report(self) -> dict[str, Any]:
        """What there is to tell, in plain values that xdist carries."""
        return {
            "exchanges": self.exchanges,
            "violations": self.violations,
            "operations": sorted(self.operations),
            "unjudged": self.unjudged,
            "reasons": sorted(self.reasons),
        }

    def add(self, report: dict[str, Any]) -> None:
        """Take over what another process told."""
        self.exchanges += report["exchanges"]
        self.violations += report["violations"]
        self.operations.update(report["operations"])
        self.unjudged += report["unjudged"]
        self.reasons.update(report["reasons"])


def pytest_configure(config: pytest.Config) -> None:
    """Start to listen."""
    judge = config.stash[JUDGE] = Judge()
    judge.recording.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop listening."""
    config.stash[JUDGE].recording.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Judge what the test caused, once its servers are down."""
    result = yield
    lines = item.config.stash[JUDGE].judge()
    if lines:
        shown = "\n".join(f"  {line}" for line in lines[:MOST_LINES])
        more = f"\n  and {len(lines) - MOST_LINES} more" if len(lines) > MOST_LINES else ""
        pytest.fail(f"breaches of GitHub's API description: {len(lines)}\n{shown}{more}", pytrace=False)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist, hand over the figures."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[RESULT] = session.config.stash[JUDGE].report()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over a worker's figures; one that crashed has none."""
    report = getattr(node, "workeroutput", {}).get(RESULT)
    if report is not None:
        node.config.stash[JUDGE].add(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was judged, and loudly what was not."""
    judge = config.stash[JUDGE]
    for reason in sorted(judge.reasons):
        terminalreporter.section("openapi: NOT VALIDATED", red=True)
        terminalreporter.line(f"{judge.unjudged} exchanges were not held against GitHub's API description: {reason}")
    if judge.exchanges:
        terminalreporter.line(
            f"openapi: {judge.exchanges} exchanges validated, {len(judge.operations)} operations, "
            f"{judge.violations} violations",
            green=not judge.violations,
            red=bool(judge.violations),
        )


@pytest.fixture(scope="session")
def contract(request: pytest.FixtureRequest) -> Contract:
    """GitHub's description, ready to judge; without npm the test is skipped with the reason."""
    try:
        return request.config.stash[JUDGE].contract()
    except OutOfReach as error:
        pytest.skip(f"GitHub's API description is out of reach: {error}")

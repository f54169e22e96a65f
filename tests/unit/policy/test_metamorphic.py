"""What must not change a verdict: another project, day or machine; a green log beside the red one; noise after a fault.

The logs are made from the rules' own examples, and from the kinds of failure of `log_builders`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import recovery.policy.rules
from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass, JobFacts, Retryable, Verdict
from recovery.policy.classify import classify
from recovery.policy.rules.model import CONVINCING
from recovery.policy.rules.pack import RuleEntry, pack_entries
from tests.log_builders import KINDS, PASSING, PYTEST_START, REAL, Kind, World, job, red, step

PACKS = sorted(Path(recovery.policy.rules.__file__).parent.glob("*.yml"))
FACTS = JobFacts(job_name="build", conclusion="failure", steps_known=True)

NOISE = (
    "##[warning]Failed to download action. Error: read ECONNRESET. Retrying in 12 seconds",
    "curl: (18) transfer closed with outstanding read data remaining",
    "npm warn network request to https://registry.npmjs.org/a failed, reason: read ECONNRESET",
    "fatal: unable to access 'https://github.com/octo/shop/': Could not resolve host: github.com",
    'WARNING: Retrying after connection broken by ReadTimeoutError("Read timed out."): /simple/a/',
    "Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: TLS handshake timeout",
    "##[error]The runner has received a shutdown signal.",
)

GREEN = (
    (
        "pytest -v",
        (
            *PYTEST_START,
            "tests/test_cart.py::test_total PASSED                                    [ 50%]",
            "test_total (tests.test_cart.CartTest) ... ok",
            "============================== 12 passed in 0.52s ==============================",
        ),
    ),
    (
        "./fetch && make",
        (
            "curl: (18) transfer closed with outstanding read data remaining",
            "retrying in 3 seconds (attempt 2 of 3)",
            "12 passed, 0 failed",
            "Found 0 errors.",
            "--- PASS: TestTotal (0.00s)",
            "com.octo.CartTest > total() PASSED",
            "test cart::tests::total ... ok",
            "DeprecationWarning: error() is deprecated",
        ),
    ),
)


def facts_of(command: str) -> JobFacts:
    """What GitHub says of a job whose step of that command failed."""
    return replace(FACTS, failed_steps=(f"Run {command}",))


def said_of(text: str, facts: JobFacts) -> Verdict:
    """The verdict on a log."""
    return classify(JobLog(content=text.encode()), facts)


def essence(verdict: Verdict) -> tuple[object, ...]:
    """What of a verdict does not depend on where in a file its lines stand."""
    return (
        verdict.failure_class.value,
        verdict.retryable.value,
        verdict.fingerprint,
        tuple((item.rule, item.text) for item in verdict.evidence),
    )


def entries_of(pack: Path) -> list[RuleEntry]:
    """The rules of a pack with their examples."""
    return list(pack_entries(pack.read_text(encoding="utf-8"), pack.name))


def kinds_of(pack: Path) -> list[tuple[RuleEntry, Kind]]:
    """A kind of failure for the first examples of each of a pack's rules."""
    return [
        (entry, Kind(entry.id, "./build.sh", tuple(example.split("\n"))))
        for entry in entries_of(pack)
        for example in entry.examples.match[:1]
        if not example.startswith(("##[group]", "##[command]", "+ "))
    ]


WORLDS = some.builds(
    World,
    project=some.from_regex(r"[a-z]{3,12}(-[a-z]{3,8})?", fullmatch=True),
    day=some.dates().map(lambda day: f"{max(day.year, 1990):04}-{day.month:02}-{day.day:02}"),
    sha=some.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    port=some.integers(32768, 60999),
    temp=some.from_regex(r"/tmp/tmp[a-z0-9_]{8}", fullmatch=True),  # noqa: S108
    seconds=some.floats(0.01, 99.0),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kinds_are_told_apart_from_nothing(kind: Kind) -> None:
    """The logs of this file are worth something: each cause is found, and real faults are not retryable."""
    verdict = said_of(red(kind), facts_of(kind.command))
    assert verdict.evidence
    assert verdict.failure_class not in {FailureClass.UNKNOWN, FailureClass.NO_FAILURE}
    assert verdict.retryable is Retryable.NO or kind in PASSING


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=15, deadline=None)
@given(world=WORLDS)
def test_another_project_day_and_machine_change_nothing(kind: Kind, world: World) -> None:
    """The same failure elsewhere, later, at another commit, port and path has the same class and fingerprint."""
    facts = facts_of(kind.command)
    here, there = said_of(red(kind), facts), said_of(red(kind, world), facts)
    assert (here.failure_class, here.retryable) == (there.failure_class, there.retryable)
    assert here.fingerprint == there.fingerprint, (here.evidence[0].text, there.evidence[0].text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("known", [True, False])
def test_without_its_cause_a_failure_is_never_retried(kind: Kind, known: bool) -> None:
    """What is left when every line that says why is gone is no reason to try again."""
    facts = facts_of(kind.command) if known else JobFacts()
    assert said_of(red(kind, without_cause=True), facts).retryable is not Retryable.YES


@pytest.mark.parametrize("kind", REAL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("distance", [0, 60])
def test_noise_after_a_real_fault_is_no_reason_to_try_again(kind: Kind, noise: str, distance: int) -> None:
    """A network's trouble after a real fault, near or far, never makes it retryable."""
    said = said_of(red(kind, noise=(*["building"] * distance, noise)), facts_of(kind.command))
    assert said.retryable is not Retryable.YES


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_noise_after_a_rules_own_fault_is_no_reason_to_try_again(pack: Path) -> None:
    """The same for the examples of every rule that says `no` and convinces."""
    faults = []
    for entry, kind in kinds_of(pack):
        facts = facts_of(kind.command)
        alone = said_of(red(kind), facts)
        if alone.confidence < CONVINCING or alone.evidence[0].rule != entry.id or alone.retryable is not Retryable.NO:
            continue  # a tail, a hint, or words that count in another place of a job
        noise = NOISE[len(kind.cause[0]) % len(NOISE)]
        if said_of(red(kind, noise=(noise,)), facts).retryable is Retryable.YES:
            faults.append((entry.id, kind.cause, noise))
    assert [] == faults


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("green", GREEN, ids=lambda green: green[0])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_green_log_beside_the_red_one_changes_nothing(
    kind: Kind, green: tuple[str, tuple[str, ...]], first: bool, known: bool
) -> None:
    """A log of a job that passed, before or after, is passed over."""
    facts = facts_of(kind.command) if known else JobFacts()
    passed, failed = job(step(*green)), red(kind)
    both = passed + failed if first else failed + passed
    assert essence(said_of(failed, facts)) == essence(said_of(both, facts))


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.stem)
def test_green_log_beside_a_rules_own_fault_changes_nothing(pack: Path) -> None:
    """The same for the examples of every rule."""
    passed = job(*(step(*green) for green in GREEN))
    changed = []
    for _, kind in kinds_of(pack):
        failed = red(kind)
        alone = essence(said_of(failed, FACTS))
        changed += [
            (kind.name, kind.cause, alone, other)
            for both in (passed + failed, failed + passed)
            if (other := essence(said_of(both, FACTS))) != alone
        ]
    assert [] == changed[:3]

"""Failures asked for by name: found, refused with what there is, and put into the workflow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.errors import InputError
from recovery.models.log import JobLog
from recovery.models.verdict import JobFacts
from recovery.policy.classify import classify
from recovery.rehearsal.failure_texts import TOOLS, network_error, text_of
from recovery.rehearsal.injection import Injection, inject, read_log, struck
from recovery.rehearsal.legs import Leg, choice_of, legs_of
from recovery.rehearsal.records import Workflow
from recovery.rehearsal.wishes import Wish, examples, resolve
from recovery.rehearsal.workflow import parse

TEXT = """
name: CI
on: push
jobs:
  test:
    name: Test it
    runs-on: ubuntu-latest
    strategy: {matrix: {node: [20, 22]}}
    steps:
      - uses: actions/setup-node@v4
      - {name: "Install: all=every", id: deps, run: npm ci}
      - run: npm test
  lint:
    runs-on: ubuntu-latest
    steps: [{name: Check, shell: python, run: "print()"}]
  call: {uses: ./x.yml}
"""


def workflow(text: str = TEXT, path: str = "ci.yml") -> Workflow:
    """A workflow file."""
    return Workflow(id=1, name="CI", path=path, text=text, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def found(text: str, **more: object) -> Injection:
    """What one wish comes to."""
    (injection,) = resolve([Wish(text=text, **more)], [workflow()])
    return injection


@pytest.mark.parametrize(
    ("text", "key", "position", "leg"),
    [
        ("test:deps", "test", 1, None),
        ("test:2", "test", 1, None),
        ("Test it:Install: all=every", "test", 1, None),
        ("TEST:install: ALL=every", "test", 1, None),
        ("Test it (22):npm test", "test", 2, "Test it (22)"),
        ("test:Run npm test", "test", 2, None),
        ("test:actions/setup-node@v4", "test", 0, None),
        ("lint:Check", "lint", 0, None),
    ],
)
def test_jobs_and_steps_go_by_many_names(text: str, key: str, position: int, leg: str | None) -> None:
    """A job by key, name or leg; a step by name, id, number or what it runs; in any case of letters."""
    injection = found(text)
    assert (injection.key, injection.position, injection.leg) == (key, position, leg)


def test_the_log_follows_the_step(tmp_path: Path) -> None:
    """A log given is printed without GitHub's stamps, and its exit code is the step's."""
    log = tmp_path / "a=b.log"
    log.write_text(
        "\ufeff2026-01-01T00:00:00.0000000Z ##[group]Run make\n2026-01-01T00:00:01.0000000Z boom\n"
        "::set-env name=PATH::/evil\n::error::bad\n"
        "2026-01-01T00:00:02.0000000Z ##[error]Process completed with exit code 7.\n"
    )
    injection = found(f"test:Install: all=every={log}")
    assert injection.log == "##[group]Run make\nboom\n ::set-env name=PATH::/evil\n::error::bad\n"
    assert injection.exit_code == 7
    with pytest.raises(InputError, match="cannot be read"):
        found(f"test:deps={tmp_path / 'nowhere'}")
    assert read_log(log)[1] == 7


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("tset:deps", "there is no job “tset”", "did you mean “test”? the jobs are “test”, “Test it”"),
        ("test:Instal", "there is no step “Instal” in job test of ci.yml", "2 “Install: all=every”, 3 “Run npm test”"),
        ("lint:Chek", "there is no step “Chek”", "did you mean “Check”?"),
        ("test", "names a job but no step", "its steps are 1 “Run actions/setup-node@v4”"),
        ("call:x", "calls another workflow", ""),
        ("Test it (20):1", "only in all legs of test", "name test"),
        ("", "there is no job “”", "the jobs are"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(text: str, message: str, hint: str) -> None:
    """The sentence names what is missing, the hint what there is."""
    with pytest.raises(InputError) as refusal:
        found(text)
    assert message in refusal.value.message
    assert hint in str(refusal.value.hint or "")


def test_a_step_of_two_workflows_is_ambiguous() -> None:
    """The same job in two files needs a choice."""
    with pytest.raises(InputError, match=r"is in ci\.yml and in b\.yml"):
        resolve([Wish(text="lint:Check")], [workflow(), workflow(path="b.yml")])


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """No text, however strange, ends in anything but an injection or one clear error."""
    try:
        injection = found(text)
    except InputError:
        return
    assert injection.path == "ci.yml"


def test_the_injected_step_keeps_its_place_and_condition(tmp_path: Path) -> None:
    """The step has its name, id and condition still, but prints the log and fails; a leg alone is guarded by its id."""
    document = parse(TEXT)
    whole, leg = found("test:deps"), found("Test it (22):npm test")
    changed = inject(document, [whole, leg], {("test", "Test it (22)"): 42}, tmp_path)["jobs"]["test"]["steps"]
    assert changed[0] == document["jobs"]["test"]["steps"][0]
    assert {name: changed[1][name] for name in ("id", "name", "shell")} == {
        "id": "deps", "name": "Install: all=every", "shell": "bash",
    }  # fmt: skip
    assert changed[1]["run"] == f"cat {tmp_path / 'injected-0.log'}\nexit 1\n"
    assert (tmp_path / "injected-0.log").read_text().startswith("npm error code ECONNRESET")
    assert changed[2]["run"].startswith('if [ "${RECOVERY_CHECK_RUN_ID:-}" = "42" ]; then\ncat ')
    assert changed[2]["run"].endswith("fi\nnpm test")
    assert document == parse(TEXT)


def test_it_strikes_once_or_always() -> None:
    """Without `always` only the first attempt is struck, and only in its own workflow."""
    once, always = found("lint:Check"), found("lint:Check", always=True)
    assert struck([once, always], "ci.yml", 1) == [once, always]
    assert struck([once, always], "ci.yml", 2) == [always]
    assert struck([once, always], "b.yml", 1) == []


def test_a_lost_job_needs_no_step() -> None:
    """A job that hangs or loses its runner does so in its first script unless a step is named."""
    assert found("test", kind="lose").position == 1
    assert found("test:3", kind="hang").position == 2


@pytest.mark.parametrize("tool", TOOLS)
def test_every_default_log_is_a_network_failure(tool: str) -> None:
    """What the rehearsal prints by itself is known as a failure that deserves a second try."""
    text, code = text_of(tool)
    log = JobLog(content=f"{text}##[error]Process completed with exit code {code}.\n".encode())
    verdict = classify(log, JobFacts(conclusion="failure"))
    assert (verdict.failure_class, verdict.retryable) == ("network", "yes")


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ({"uses": "actions/checkout@v4"}, "fatal: unable to access"),
        ({"run": "uv sync"}, "pypi.org"),
        ({"run": "uv run pytest"}, "curl"),
        ({"run": "./gradlew build"}, "Could not GET"),
        ({"run": "docker build ."}, "registry-1.docker.io"),
        ({"run": "./deploy.sh"}, "curl: (18)"),
    ],
)
def test_the_default_log_is_the_tool_s(step: dict[str, str], word: str) -> None:
    """The words are those of the tool that the step runs."""
    assert word in network_error(step)[0]


def test_likely_steps_are_proposed_first() -> None:
    """When nothing failed, the example names a step that tests or installs."""
    assert examples([workflow()])[0] == "test:Install: all=every"


def test_a_matrix_is_expanded_as_github_does() -> None:
    """Exclusions, additions to fitting legs, legs of their own; values of every kind in names."""
    job = parse("""
strategy:
  matrix:
    fruit: [apple, pear]
    animal: [cat, dog]
    exclude: [{fruit: pear, animal: dog}]
    include:
      - {colour: green}
      - {colour: pink, animal: cat}
      - {fruit: apple, shape: round}
      - {fruit: banana, ripe: true, sizes: {long: 1}}
""")
    assert [leg.name for leg in legs_of(job, "job")] == [
        "job (apple, cat, pink, round)", "job (apple, dog, green, round)", "job (pear, cat, pink)",
        "job (banana, true, 1)",
    ]  # fmt: skip
    assert legs_of(parse("strategy: {matrix: '${{ fromJSON(needs.a.outputs.m) }}'}"), "job") == ()
    assert legs_of({}, "job") == ()


def test_legs_that_simple_values_cannot_tell_apart_share_an_id() -> None:
    """An expression that picks the id by the leg's values is written only where they differ."""
    legs = {1: Leg(name="a", values={"o": {"x": 1}}), 2: Leg(name="b", values={"o": {"x": 2}})}
    assert choice_of(legs) is None
    legs = {1: Leg(name="a", values={"n": "it", "m": 1}), 2: Leg(name="b", values={"n": "it", "m": None})}
    assert choice_of(legs) == (
        """${{ fromJSON('{"it|1": "1", "it|": "2"}')[format('{0}|{1}', matrix['n'], matrix['m'])] }}"""
    )

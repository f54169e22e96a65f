"""Sections of a log: only the runner's own words begin or end one, and what a program prints is output."""

from __future__ import annotations

import pytest

from recovery.models.log import JobLog
from recovery.models.verdict import JobFacts
from recovery.policy.classify import classify
from recovery.policy.rules.builtin import builtin_rules
from recovery.policy.rules.model import Phase
from recovery.policy.sections import LogReading, read_sections
from recovery.policy.suspects import sections_to_read

REAL = "FAILED tests/test_cart.py::test_total - assert 3 == 4"
NOISE = "curl: (18) transfer closed with outstanding read data remaining"
SHELL = "shell: /usr/bin/bash -e {0}"
TAIL = "##[error]Process completed with exit code 18."
NO_FACTS = JobFacts()
END = ("Post job cleanup.", "Cleaning up orphan processes")
SPEAKERS = ("#10 1.23 ", "web-1  | ", "2030-01-02T03:04:05.1234567Z #7 8.9 ")


def step(command: str, *output: str) -> tuple[str, ...]:
    """A script's step as the runner shows it."""
    return (f"##[group]Run {command}", command, SHELL, "##[endgroup]", *output)


def action(name: str, *output: str) -> tuple[str, ...]:
    """An action's step as the runner shows it."""
    return (f"##[group]Run {name}", "with:", "  fetch-depth: 1", "##[endgroup]", *output)


def reading(*lines: str) -> LogReading:
    """What is found in a log of these lines."""
    return read_sections(JobLog("\n".join(lines).encode()), builtin_rules())


def places(*lines: str) -> list[tuple[str, str, int]]:
    """The sections of a log: phase, title and first line."""
    return [(each.phase.value, each.title, each.first_line) for each in reading(*lines).sections]


def said(*lines: str, facts: JobFacts = NO_FACTS) -> tuple[str, str]:
    """The verdict on a log."""
    verdict = classify(JobLog("\n".join(lines).encode()), facts)
    return verdict.failure_class.value, verdict.retryable.value


def failed_in(*steps: str) -> JobFacts:
    """What GitHub says of a job in which these steps failed."""
    return JobFacts(conclusion="failure", failed_steps=steps, steps_known=True)


@pytest.mark.parametrize(
    ("title", "between"),
    [
        ("make", ("make", SHELL)),
        ("make", ("make", "make check", SHELL, "env:", "  CI: true")),
        ("make", (r"make", r'shell: C:\Windows\cmd.EXE /D /S /C "CALL "{0}""', "env:", "  NOTE: one", "two")),
        ("cat <<E", ("cat <<E", "env:", SHELL, "E", SHELL)),
        ("make", (SHELL, "env:", "  SAID: it", SHELL, "no more")),
        ("'/hooks/begin.js'", ("shell: /opt/node {0}",)),
        ("actions/checkout@v4", ()),
        ("octo/tools/.github/actions/cart@main", ("with:", "  goods: |", "one", "", "two", "env:", "  CI: true")),
        ("octo/cart@v1", ("env:", "  CI: true")),
        ("octo/cart@v1", ("with:",)),
        ("./cart", ("with:", "  goods: 3")),
        ("./.github/actions/cart", ()),
        ("docker://alpine:3.20", ("with:", "  args: ls")),
    ],
)
def test_header_of_the_runner_begins_a_section(title: str, between: tuple[str, ...]) -> None:
    """Scripts and actions have headers of their own, whatever their lines and values say."""
    expected = [("setup", "", 1), ("step", f"Run {title}", len(between) + 3)]
    assert expected == places(f"##[group]Run {title}", *between, "##[endgroup]", "out")


@pytest.mark.parametrize(
    ("title", "between"),
    [
        ("the docs", ()),
        ("the docs", ("398 pages",)),
        ("./docs.sh", ()),
        ("npm ci", ("npm ci", "shell: /bin/bash")),
        ("tests", ("env: staging", REAL)),
        ("tests", ("with: 3 workers",)),
        ("tests", ("with:", "  workers: 3")),
        ("tests", (SHELL, REAL)),
        ("octo/cart@v1", ("1 item", "with:")),
    ],
)
def test_group_of_a_users_script_is_output(title: str, between: tuple[str, ...]) -> None:
    """A `::group::Run …` ends no section, however little of it any rule knows."""
    lines = (*step("./ci.sh", REAL, f"##[group]Run {title}", *between, "##[endgroup]", NOISE, TAIL), *END)
    assert [("setup", "", 1), ("step", "Run ./ci.sh", 5), ("post", "", len(lines) - 1)] == places(*lines)
    assert ("test_failure", "no") == said(*lines)


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize(
    "words",
    [
        ("##[group]Run npm ci", "npm ci", SHELL, "##[endgroup]"),
        ("##[error]Process completed with exit code 1.",),
        ("Post job cleanup.", "Cleaning up orphan processes"),
        ('The command "npm ci" exited with 0.',),
    ],
)
def test_words_of_the_runner_from_a_container_are_output(speaker: str, words: tuple[str, ...]) -> None:
    """A program in a container, or in the build of an image, cannot speak for the runner of the job."""
    found = reading(*step("docker compose up", REAL, *(speaker + word for word in words), "done"))
    assert [Phase.SETUP, Phase.STEP] == [section.phase for section in found.sections]
    assert [5] == [hit.line for hit in found.sections[1].hits]
    assert (False, []) == (found.finished, found.failed_sections)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_levels_from_a_container_neither_prove_nor_hide(speaker: str) -> None:
    """What a container marks as an error is no error of the runner, and what it marks as a command was said."""
    error, command, warning = (speaker + f"##[{level}]{REAL}" for level in ("error", "command", "warning"))
    hits = reading(*step("docker build .", error, command, warning)).sections[1].hits
    assert [(5, ""), (6, ""), (7, "warning")] == [(hit.line, hit.level) for hit in hits]
    assert {REAL.encode()} == {hit.text for hit in hits}


@pytest.mark.parametrize("following", [(TAIL,), ("##[error]the cart is gone", *step("./next.sh", "done"))])
def test_step_that_goes_on_was_not_cleaned_up_after(following: tuple[str, ...]) -> None:
    """`Post job cleanup.` before more of a step, or before another one, was printed by a program."""
    lines = step("./ci.sh", NOISE, "##[error]npm ci failed", "Post job cleanup.", REAL, *following)
    found = reading(*lines, *END)
    failed = found.failed_sections
    assert [("Run ./ci.sh", 9)] == [(section.title, section.last_error) for section in failed]
    assert {5, 8} == {hit.line for hit in failed[0].hits}
    assert Phase.POST is found.sections[-1].phase


def test_hook_behind_the_clean_up_does_not_undo_it() -> None:
    """A self-hosted runner's hook has a header like a step, after the clean-up was done."""
    hook = ("##[group]Run '/hooks/end.js'", "shell: /opt/node {0}", "##[endgroup]", "bye")
    found = reading(*step("make", REAL, TAIL), "Post job cleanup.", "##[error]cache is full", *hook)
    assert ["setup", "step", "post", "step"] == [section.phase.value for section in found.sections]
    assert ["Run make"] == [section.title for section in found.failed_sections]


def test_travis_words_count_only_on_travis() -> None:
    """A program on GitHub that prints how a command ended does not take away what was said before."""
    passed = 'The command "./prepare.sh" exited with 0.'
    assert ("test_failure", "no") == said(*step("./ci.sh", REAL, passed, NOISE, TAIL))
    assert ("network", "maybe") == said(REAL, passed, NOISE, 'The command "./ci.sh" exited with 18.')


@pytest.mark.parametrize(
    "words",
    [
        "Running after_script",
        "Uploading artifacts for failed job",
        "Cleaning up project directory and file based variables",
    ],
)
def test_clean_up_of_gitlab_is_no_cause(words: str) -> None:
    """What GitLab does after the script has its own trouble, and the job failed before."""
    last = "ERROR: Job failed: exit code 1"
    lines = ("$ make check", "wrong total 4", f"section_start:1:x\r\x1b[0K\x1b[36;1m{words}\x1b[0m", NOISE, last)
    found = reading(*lines)
    assert [("setup", 1, set()), ("post", 3, {4})] == [
        (section.phase.value, section.first_line, {hit.line for hit in section.hits}) for section in found.sections
    ]
    assert [(Phase.SETUP, 5)] == [(section.phase, section.end) for section in found.failed_sections]
    assert ("unknown", "no") == said(*lines)


def test_reason_that_gitlab_tells_after_its_clean_up_counts() -> None:
    """GitLab says why it gave up in the very last line."""
    lost = 'ERROR: Job failed (system failure): pod "shop" is disrupted'
    lines = ("$ make check", "Running after_script", lost)
    assert [[3]] == [[hit.line for hit in section.hits] for section in reading(*lines).failed_sections]


def test_gitlabs_words_on_github_are_output() -> None:
    """A test of a tool for GitLab may print any of its words."""
    lines = step("./ci.sh", "Running after_script", REAL, "ERROR: Job failed: exit code 1", NOISE, TAIL)
    assert ("test_failure", "no") == said(*lines)


def titles(found: LogReading, facts: JobFacts) -> list[str]:
    """The titles of the sections that are read."""
    return [section.title or section.phase.value for section in sections_to_read(found, facts)]


def test_named_step_is_read_without_a_mark() -> None:
    """An action that ends without an error message fails its step; noise of a step that may fail is no cause."""
    lines = (*step("./fetch.sh", NOISE, TAIL), *action("octo/gate@v1", REAL), *END)
    facts = failed_in("Run octo/gate@v1")
    assert ["Run octo/gate@v1"] == titles(reading(*lines), facts)
    assert ("test_failure", "no") == said(*lines, facts=facts)


def test_steps_of_one_title_are_all_read() -> None:
    """Which of two steps with the same title failed is not known: one may have been allowed to."""
    lines = (*action("octo/fetch@v1", NOISE, TAIL), *action("octo/fetch@v1", "the cart is gone"), *END)
    facts = failed_in("Run octo/fetch@v1")
    assert ["Run octo/fetch@v1"] * 2 == titles(reading(*lines), facts)
    assert ("network", "maybe") == said(*lines, facts=facts)


def test_named_action_made_of_steps_is_read_by_its_steps() -> None:
    """Such an action prints nothing itself: the step of it that failed is the only one."""
    lines = (*step("ls", "x", TAIL), *action("octo/all@v1"), *step("ls", "y"), *step("./fetch.sh", NOISE, TAIL), *END)
    facts = failed_in("Run octo/all@v1")
    assert ["Run ./fetch.sh"] == titles(reading(*lines), facts)
    assert ("network", "yes") == said(*lines, facts=facts)


def test_named_action_made_of_steps_without_a_mark_is_read_whole() -> None:
    """None of its steps says that it failed: any of them may have."""
    lines = (*step("./fetch.sh", NOISE, TAIL), *action("octo/all@v1"), *action("octo/one@v1", "one"), *END)
    assert ["Run octo/all@v1", "Run octo/one@v1"] == titles(reading(*lines), failed_in("Run octo/all@v1"))


def test_named_step_of_the_clean_up_is_read_as_well() -> None:
    """GitHub names a step of the clean-up after the step it belongs to; in the log none of these has a title."""
    lines = (*step("./fetch.sh", NOISE, TAIL), *action("octo/sell@v1", "sold"), *END)
    facts = failed_in("Post Run octo/sell@v1")
    assert ["Run ./fetch.sh", "post"] == titles(reading(*lines), facts)
    assert ("network", "maybe") == said(*lines, facts=facts)


@pytest.mark.parametrize("facts", [NO_FACTS, failed_in("Fetch"), failed_in()])
def test_marked_step_is_read_where_no_title_is_known(facts: JobFacts) -> None:
    """Steps may have names of their own, which stand in no log."""
    lines = (*step("ls", "x"), *step("./fetch.sh", NOISE, TAIL), *END)
    assert ["Run ./fetch.sh"] == titles(reading(*lines), facts)

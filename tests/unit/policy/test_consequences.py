"""Gate jobs and siblings cancelled by fail-fast: told from causes by the needs graph and by names."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.records import PipelineFailure
from recovery.models.verdict import FailureClass, Retryable
from recovery.policy.consequences import cancelled_by_fail_fast, lead_of, mark_gates, may_be_gates
from tests import builders as make

SILENT = (FailureClass.UNKNOWN, FailureClass.SCRIPT_ERROR, FailureClass.POLICY_GATE)


def cause(name: str = "test", **over: Any) -> PipelineFailure:
    """A job with a cause of its own."""
    return make.make_failure(**{"job_name": name, "job_id": sum(name.encode())} | over)


def silent(name: str = "gate", **over: Any) -> PipelineFailure:
    """A job whose log names no cause."""
    fields = {"failure_class": FailureClass.SCRIPT_ERROR, "retryable": Retryable.NO}
    return cause(name, **fields | over)


def workflow(jobs: str) -> str:
    """A workflow file with these jobs."""
    return f"on: push\njobs:\n{jobs}"


def marks(failures: list[PipelineFailure], text: str) -> list[str | None]:
    """What each failure is a consequence of."""
    return [failure.consequence_of for failure in mark_gates(failures, text)]


# --- gates ------------------------------------------------------------------------------------------------------------

GRAPHS = [
    ("  test: {}\n  gate: {needs: test}\n", "test", "gate", True),
    ("  test: {}\n  gate: {needs: [test]}\n", "test", "gate", True),
    ("  test: {}\n  mid: {needs: test}\n  gate: {needs: [mid]}\n", "test", "gate", True),
    ("  test: {}\n  gate: {}\n", "test", "gate", False),
    ("  test: {needs: gate}\n  gate: {}\n", "test", "gate", False),
    ("  other: {}\n  gate: {needs: other}\n", "test", "gate", False),
    ("  test: {name: Unit tests}\n  gate: {name: All green, needs: test}\n", "Unit tests", "All green", True),
    ("  test: {strategy: {}}\n  gate: {needs: test}\n", "test (3.12, linux)", "gate", True),
    ("  test: {name: 'Py ${{ matrix.v }}'}\n  gate: {needs: test}\n", "Py 3.12", "gate", True),
    ("  test: {name: 'Py ${{ matrix.v }} on ${{ matrix.os }}'}\n  gate: {needs: test}\n", "Py 3 on mac", "gate", True),
    ("  call: {uses: ./x.yml}\n  gate: {needs: call}\n", "call / test", "gate", True),
    ("  call: {uses: ./x.yml}\n  gate: {needs: call}\n", "call (a) / test (b)", "gate", True),
    ("  call: {name: Suite, uses: ./x.yml}\n  gate: {needs: call}\n", "Suite / a / b", "gate", True),
    ("  a: {name: same}\n  b: {name: same}\n  gate: {needs: [a, b]}\n", "same", "gate", False),
    ("  test: {}\n  gate: {name: '${{ inputs.x }}', needs: test}\n", "test", "anything", False),
    ("  test: {}\n  gate: {needs: [gate, test]}\n", "test", "gate", True),
    ("  test: {needs: gate}\n  gate: {needs: test}\n", "test", "gate", True),
    ("  test: {}\n  gate: {needs: {a: b}}\n", "test", "gate", False),
    ("  test: {}\n  gate: {needs: [1, null, test]}\n", "test", "gate", True),
    ("  test: {}\n  gate: nonsense\n", "test", "gate", False),
    ("  test: {name: [1, 2]}\n  gate: {needs: test}\n", "test", "gate", True),
]


@pytest.mark.parametrize(("jobs", "failed", "gate", "marked"), GRAPHS)
def test_gate_is_told_by_the_needs_graph(jobs: str, failed: str, gate: str, *, marked: bool) -> None:
    """A silent job that needs the failed one, directly or through others, by whatever name it is shown."""
    assert [None, failed if marked else None] == marks([cause(failed), silent(gate)], workflow(jobs))


@pytest.mark.parametrize("failure_class", SILENT)
def test_silent_classes_may_be_gates(failure_class: FailureClass) -> None:
    """A bare exit code, a policy's list or nothing known: none of these is a cause of its own."""
    text = workflow("  test: {}\n  gate: {needs: test}\n")
    assert [None, "test"] == marks([cause(), silent(failure_class=failure_class)], text)


@pytest.mark.parametrize("failure_class", sorted(set(FailureClass) - set(SILENT)))
def test_job_with_a_cause_of_its_own_is_no_gate(failure_class: FailureClass) -> None:
    """A job that needs the failed one and shows why it failed itself is a cause."""
    text = workflow("  test: {}\n  gate: {needs: test}\n")
    assert [None, None] == marks([cause(), silent(failure_class=failure_class)], text)


def test_job_of_which_only_its_step_s_name_tells_may_be_a_gate() -> None:
    """`Check the tests` says what was looked at, and not why it failed."""
    text = workflow("  test: {}\n  gate: {needs: test}\n")
    guess = silent(failure_class=FailureClass.TEST_FAILURE, confidence=0.45)
    assert [None, "test"] == marks([cause(), guess], text)


def test_silent_job_beside_a_silent_job_is_no_gate() -> None:
    """What is needed must show a cause: a gate of a gate alone explains nothing."""
    text = workflow("  a: {}\n  b: {needs: a}\n  test: {}\n")
    assert [None, None, None] == marks([silent("a"), silent("b"), cause("test")], text)


def test_leg_of_a_matrix_with_a_cause_is_no_gate_of_itself() -> None:
    """Two legs of one job, one of them silent: both are causes."""
    text = workflow("  test: {needs: build}\n  build: {}\n")
    assert [None, None, None] == marks([cause("build"), cause("test (1)"), silent("test (2)")], text)


def test_mark_that_is_there_already_stays() -> None:
    """A sibling cancelled by fail-fast keeps the name of the leg that took it down."""
    text = workflow("  test: {}\n  gate: {needs: test}\n")
    assert [None, "leg"] == marks([cause(), silent(consequence_of="leg")], text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jobs",
        "jobs: []",
        "- a",
        "jobs: {",
        "\x00",
        "jobs: " + "[" * 1500,
        "a: &a [x]\nb: *c\n",
    ],
)
def test_file_that_is_no_workflow_marks_nothing(text: str) -> None:
    """A stranger's file that cannot be understood leaves every job a cause, and ends nothing."""
    assert [None, None] == marks([cause(), silent()], text)


def test_names_of_strangers_are_matched_in_linear_time() -> None:
    """A name made of many expressions, against a long one that almost fits, takes no time to speak of."""
    label = "${{ a }}x" * 40
    text = workflow(f"  test: {{name: '{label}!'}}\n  gate: {{needs: test}}\n")
    assert [None, None] == marks([cause("x" * 5000), silent()], text)


def test_name_of_endless_aliases_is_not_written_out() -> None:
    """A name that would be gigabytes as text is not one."""
    levels = "".join(f"  x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
    text = f"x:\n  x0: &x0 [a]\n{levels}jobs:\n  test: {{name: *x11}}\n  gate: {{needs: test}}\n"
    assert [None, "test"] == marks([cause(), silent()], text)


@pytest.mark.parametrize(
    ("failures", "worth"),
    [
        ([], False),
        ([cause()], False),
        ([silent()], False),
        ([silent("a"), silent("b")], False),
        ([cause("a"), cause("b")], False),
        ([cause(), silent()], True),
        ([cause(), silent(consequence_of="test")], False),
    ],
)
def test_workflow_is_read_only_where_it_may_tell_something(failures: list[PipelineFailure], *, worth: bool) -> None:
    """A silent job beside a cause is worth the request, nothing else is."""
    assert worth == may_be_gates(failures)


# --- fail-fast --------------------------------------------------------------------------------------------------------


def legs(*, run_conclusion: str | None = "failure", **conclusions: str) -> dict[int, str]:
    """The ids of cancelled legs among jobs of these names, which all ended at one moment."""
    jobs = [
        make.make_job(id=number, name=name, conclusion=conclusion)
        for number, (name, conclusion) in enumerate(conclusions.items(), start=1)
    ]
    return cancelled_by_fail_fast(jobs, run_conclusion)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_leg_is_taken_down_by_the_failure_that_came_first(order: tuple[int, ...]) -> None:
    """Two legs fail within seconds of each other: the earlier one took the third down, in whatever order they come."""
    jobs = [
        make.make_job(id=1, name="test (a)", conclusion="failure", completed_at=make.later(5)),
        make.make_job(id=2, name="test (b)", conclusion="failure", completed_at=make.later(0)),
        make.make_job(id=3, name="test (c)", conclusion="cancelled", completed_at=make.later(3)),
    ]

    assert {3: "test (b)"} == cancelled_by_fail_fast([jobs[index] for index in order], "failure")


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ({"test (1)": "failure", "test (2)": "cancelled"}, {2: "test (1)"}),
        ({"test (1)": "cancelled", "test (2)": "failure", "test (3)": "failure"}, {1: "test (2)"}),
        ({"test (1, a)": "failure", "test (2, b)": "cancelled"}, {2: "test (1, a)"}),
        ({"call / test (1)": "failure", "call / test (2)": "cancelled"}, {2: "call / test (1)"}),
        ({"test (1)": "success", "test (2)": "cancelled"}, {}),
        ({"test (1)": "failure", "test (2)": "success"}, {}),
        ({"test (1)": "failure", "lint (2)": "cancelled"}, {}),
        ({"test": "failure", "test (2)": "cancelled"}, {}),
        ({"test (1)": "failure", "test": "cancelled"}, {}),
        ({"test (1)": "timed_out", "test (2)": "cancelled"}, {}),
        ({}, {}),
    ],
)
def test_cancelled_siblings_of_a_failed_leg(jobs: dict[str, str], expected: dict[int, str]) -> None:
    """Only a leg of the same matrix takes a leg down; the first failed one is named."""
    assert expected == legs(**jobs)


@pytest.mark.parametrize(
    ("failed_at", "cancelled_at", "expected"),
    [
        (-60, -60, {2: "test (1)"}),
        (-60, -50, {2: "test (1)"}),
        (-60, -61, {}),
        (-60, None, {}),
        (None, -50, {}),
    ],
)
def test_only_a_leg_that_ended_no_earlier_was_taken_down(
    failed_at: float | None, cancelled_at: float | None, expected: dict[int, str]
) -> None:
    """What was cancelled before the failed leg ended, or at a time that nobody knows, was not cancelled by it."""
    ends = [None if at is None else make.later(at) for at in (failed_at, cancelled_at)]
    jobs = [
        make.make_job(id=1, name="test (1)", conclusion="failure", completed_at=ends[0]),
        make.make_job(id=2, name="test (2)", conclusion="cancelled", completed_at=ends[1]),
    ]

    assert expected == cancelled_by_fail_fast(jobs, "failure")


@pytest.mark.parametrize(
    ("run_conclusion", "expected"),
    [("cancelled", {}), ("failure", {2: "test (1)"}), ("timed_out", {2: "test (1)"}), (None, {2: "test (1)"})],
)
def test_in_a_cancelled_run_somebody_cancelled_the_legs(run_conclusion: str | None, expected: dict[int, str]) -> None:
    """A run that was cancelled as a whole proves no fail-fast."""
    found = legs(run_conclusion=run_conclusion, **{"test (1)": "failure", "test (2)": "cancelled"})

    assert expected == found


# --- the lead ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "lead"),
    [
        ([cause("a")], "a"),
        ([cause("a", job_id=2), cause("b", job_id=1)], "b"),
        ([cause("a", job_id=1), cause("b", job_id=2, retryable=Retryable.NO)], "b"),
        ([cause("a", job_id=1), cause("b", job_id=2, retryable=Retryable.MAYBE)], "b"),
        ([cause("a", job_id=1, consequence_of="b", retryable=Retryable.NO), cause("b", job_id=2)], "b"),
    ],
)
def test_lead_stands_for_the_attempt(failures: list[PipelineFailure], lead: str) -> None:
    """A cause before a consequence, a real fault before a passing one, then the first job."""
    assert lead == lead_of(failures).job_name

"""What the runner around `act` adds to it: legs, time limits, lost runners, called workflows, and plain words."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from recovery.errors import RehearsalError
from recovery.rehearsal.choices import Choices
from recovery.rehearsal.processes import process_table
from recovery.rehearsal.records import Job
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.wishes import Wish

CI = ".github/workflows/ci.yml"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository with these files, not under git."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def rehearsed(folder: Path, text: str, more: Mapping[str, str] | None = None, **choices: object) -> Rehearsal:
    """A rehearsal of one workflow of `push`."""
    repository = written(
        folder / "repository", {CI: f"name: CI\non: [push, pull_request]\njobs:\n{text}", **(more or {})}
    )
    return Rehearsal(repository, folder / "work", timeout_seconds=60, choices=Choices(**choices))


def rerun_failed(rehearsal: Rehearsal, run_id: int) -> None:
    """Ask the local GitHub for a re-run of the failed jobs, and wait for it."""
    url = f"{rehearsal.api_url}/repos/{rehearsal.repository_name}/actions/runs/{run_id}/rerun-failed-jobs"
    answer = requests.post(url, headers={"Authorization": f"Bearer {rehearsal.token}"}, timeout=5)
    assert answer.status_code == 201
    rehearsal.wait_until_quiet()


def by_name(jobs: tuple[Job, ...]) -> dict[str, Job]:
    """Jobs by their names."""
    return {job.name: job for job in jobs}


MATRIX = """
  build: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
  test:
    needs: build
    runs-on: ${{ matrix.os }}
    strategy:
      fail-fast: false
      matrix:
        os: [ubuntu-latest, windows-latest]
        node: [20, 22]
        exclude: [{os: windows-latest, node: 20}]
        include: [{os: ubuntu-latest, node: 24, new: true}]
    steps:
      - run: echo "leg ${{ matrix.node }} is $RECOVERY_CHECK_RUN_ID"
      - run: '[ "${{ matrix.node }}" != 22 ] || [ "$GITHUB_RUN_ATTEMPT" = 2 ]'
  deploy: {needs: test, runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""


def test_only_the_failed_leg_of_a_matrix_runs_again(tmp_path: Path) -> None:
    """Legs have names, ids and outcomes of their own; those of other systems are skipped, passed ones carried over."""
    with rehearsed(tmp_path, MATRIX) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        first = rehearsal.world.runs.get(run_id).latest.jobs
        rerun_failed(rehearsal, run_id)
        run = rehearsal.world.runs.get(run_id)
        second = by_name(run.latest.jobs)
    names = ["build", "test (ubuntu-latest, 20)", "test (ubuntu-latest, 22)", "test (windows-latest, 22)",
             "test (ubuntu-latest, 24, true)", "deploy"]  # fmt: skip
    assert [job.name for job in first] == names
    assert [job.conclusion for job in first] == ["success", "success", "failure", "skipped", "success", "skipped"]
    for job in (first[1], first[2], first[4]):
        assert f"is {job.id}\n" in job.log
    assert {name for name, job in second.items() if not job.carried_over and job.conclusion != "skipped"} == {
        "test (ubuntu-latest, 22)", "deploy",
    }  # fmt: skip
    assert run.latest.conclusion == "success"
    assert f"is {second['test (ubuntu-latest, 22)'].id}\n" in second["test (ubuntu-latest, 22)"].log


WHO = """
name: Who
runs:
  using: composite
  steps:
    - shell: bash
      env:
        LEG: ${{ env.RECOVERY_MATRIX || toJSON(matrix) }}
        ID: ${{ job.check_run_id || env.RECOVERY_CHECK_RUN_ID }}
      run: echo "I am $GITHUB_JOB" $(echo "$LEG" | tr -d ' \\n') "$ID"
"""


def test_an_action_knows_its_job_and_leg(tmp_path: Path) -> None:
    """Inside an action, job, leg and REST id are told as on GitHub, in every attempt; a plain job has no leg."""
    text = """
  plain: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {uses: ./who}]}
  legs:
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {os: [a, b], n: [1], include: [{os: b, deep: {er: [true]}}]}}
    steps:
      - uses: actions/checkout@v4
      - uses: ./who
      - run: '[ "${{ matrix.os }}" = a ] || [ "$GITHUB_RUN_ATTEMPT" = 2 ]'
"""
    with rehearsed(tmp_path, text, {"who/action.yml": WHO}) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        rerun_failed(rehearsal, run_id)
        attempts = [by_name(attempt.jobs) for attempt in rehearsal.world.runs.get(run_id).attempts]
    plain, one, two = "plain", "legs (a, 1)", "legs (b, 1, true)"
    said = {name: log_line(job) for name, job in attempts[0].items()}
    assert said[plain] == f"I am plain null {attempts[0][plain].id}"
    assert said[one] == f'I am legs {{"n":1,"os":"a"}} {attempts[0][one].id}'
    leg = '{"deep":{"er":[true]},"n":1,"os":"b"}'
    assert said[two].startswith(f"I am legs {leg} ")
    assert log_line(attempts[1][two]) == f"I am legs {leg} {attempts[1][two].id}"


def log_line(job: Job) -> str:
    """What the action said."""
    return next(line.partition("Z ")[2] for line in job.log.splitlines() if "Z I am " in line)


def test_a_matrix_that_never_ran_is_one_job(tmp_path: Path) -> None:
    """When what it needs has failed, a matrix is skipped as one job, as on GitHub; the re-run has its legs."""
    text = """
  build: {runs-on: ubuntu-latest, steps: [{run: '[ "$GITHUB_RUN_ATTEMPT" = 2 ]'}]}
  test:
    needs: build
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2]}}
    steps: [{run: "true"}]
"""
    with rehearsed(tmp_path, text) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        rerun_failed(rehearsal, run_id)
        first, second = rehearsal.world.runs.get(run_id).attempts
    assert [(job.name, job.conclusion) for job in first.jobs] == [("build", "failure"), ("test", "skipped")]
    assert [(job.name, job.conclusion) for job in second.jobs] == [
        ("build", "success"), ("test (1)", "success"), ("test (2)", "success"),
    ]  # fmt: skip


SLOW = """
  slow:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - {name: Work, run: "echo working; sleep 300"}
      - run: echo never
      - {if: always(), run: echo cleaning}
  other: {runs-on: ubuntu-latest, steps: [{run: "true"}]}
  after: {needs: slow, runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""


def test_a_job_whose_time_is_up_is_cancelled(tmp_path: Path) -> None:
    """GitHub's word for it is `cancelled`, with its own message; cleaning up still happens, other jobs go on."""
    with rehearsed(tmp_path, SLOW, minute_seconds=0.1) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        run = rehearsal.world.runs.get(run_id)
        jobs = by_name(run.latest.jobs)
        annotations = rehearsal.world.annotations[jobs["slow"].id]
    assert {name: job.conclusion for name, job in jobs.items()} == {
        "slow": "cancelled", "other": "success", "after": "skipped",
    }  # fmt: skip
    assert run.latest.conclusion == "cancelled"
    message = "The job running on runner rehearsal has exceeded the maximum execution time of 10 minutes."
    assert [annotation["message"] for annotation in annotations] == [message]
    assert [(step.name, step.conclusion) for step in jobs["slow"].steps[1:4]] == [
        ("Work", "cancelled"), ("Run echo never", "skipped"), ("Run echo cleaning", "success"),
    ]  # fmt: skip
    log = jobs["slow"].log
    assert "##[error]The operation was canceled." in log
    assert f"##[error]{message}" in log
    assert "Process completed" not in log


def test_hanging_and_lost_jobs_can_be_asked_for(tmp_path: Path) -> None:
    """A job can be made to run out of time or to lose its runner: a failure without a failed step, its log cut off."""
    wishes = (Wish(text="slow", kind="hang"), Wish(text="other:2", kind="lose"))
    text = SLOW.replace('[{run: "true"}]}\n  after', '[{run: "echo one"}, {run: "echo two"}, {run: "true"}]}\n  after')
    text = text.replace("sleep 300", "sleep 0")
    with rehearsed(tmp_path, text, failures=wishes) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        jobs = by_name(rehearsal.world.runs.get(run_id).latest.jobs)
        rerun_failed(rehearsal, run_id)
        assert rehearsal.world.runs.get(run_id).latest.conclusion == "success"
    assert (jobs["slow"].conclusion, jobs["other"].conclusion) == ("cancelled", "failure")
    assert [(step.name, step.status, step.conclusion) for step in jobs["other"].steps] == [
        ("Set up job", "completed", "success"), ("Run echo one", "completed", "success"),
        ("Run echo two", "in_progress", None), ("Run true", "queued", None),
    ]  # fmt: skip
    assert "##[error]" not in jobs["other"].log
    assert "Cleaning up" not in jobs["other"].log


def test_a_killed_runner_is_a_lost_one(tmp_path: Path) -> None:
    """When `act` itself is killed in the middle, what ran has failed without a failed step and the rest is skipped."""
    with rehearsed(tmp_path, SLOW) as rehearsal:
        (run_id,) = rehearsal.push()
        until = time.monotonic() + 20
        while not (victims := [pid for pid in children() if is_act(pid)]) or not _works(rehearsal, run_id):
            assert time.monotonic() < until, "act did not begin"
            time.sleep(0.05)
        os.kill(victims[0], signal.SIGKILL)
        rehearsal.wait_until_quiet()
        jobs = by_name(rehearsal.world.runs.get(run_id).latest.jobs)
    assert (jobs["slow"].conclusion, jobs["after"].conclusion) == ("failure", "skipped")
    assert "failure" not in [step.conclusion for step in jobs["slow"].steps]


def _works(rehearsal: Rehearsal, run_id: int) -> bool:
    jobs = by_name(rehearsal.world.runs.get(run_id).latest.jobs)
    return (jobs["slow"].status, jobs["other"].conclusion) == ("in_progress", "success")


def children() -> list[int]:
    """The processes this one started."""
    return [pid for pid, (parent, _, _) in process_table().items() if parent == os.getpid()]


def is_act(pid: int) -> bool:
    """Whether a process is the runner."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"act")


CALLED = """
on: {workflow_call: {inputs: {who: {type: string}}, outputs: {said: {value: "${{ jobs.greet.outputs.said }}"}}}}
name: Called
jobs:
  greet:
    runs-on: ubuntu-latest
    outputs: {said: "${{ steps.say.outputs.said }}"}
    steps: [{id: say, name: Say it, run: "echo said=${{ inputs.who }} >> $GITHUB_OUTPUT"}]
  fail: {needs: greet, runs-on: ubuntu-latest, steps: [{name: Try, run: '[ "$GITHUB_RUN_ATTEMPT" = 2 ]'}]}
"""
CALLER = """
  call: {uses: ./.github/workflows/called.yml, with: {who: Ada}}
  after: {needs: call, runs-on: ubuntu-latest, steps: [{run: "echo said:${{ needs.call.outputs.said }}"}]}
"""


def test_a_called_workflow_of_the_repository_runs(tmp_path: Path) -> None:
    """Its jobs are named after caller and callee; its outputs reach who needs them."""
    more = {".github/workflows/called.yml": CALLED}
    with rehearsed(tmp_path, CALLER, more) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        rerun_failed(rehearsal, run_id)
        first, second = rehearsal.world.runs.get(run_id).attempts
    assert [(job.name, job.conclusion) for job in first.jobs] == [
        ("call / greet", "success"), ("call / fail", "failure"), ("after", "skipped"),
    ]  # fmt: skip
    assert [step.name for step in first.jobs[1].steps] == ["Set up job", "Try", "Complete job"]
    assert second.conclusion == "success"
    assert "said:Ada" in by_name(second.jobs)["after"].log


@pytest.mark.parametrize(
    ("used", "message"),
    [
        ("octo/other/.github/workflows/x.yml@v1", "which is not in this repository"),
        ("./.github/workflows/nowhere.yml", "which does not exist"),
    ],
)
def test_other_called_workflows_are_refused(used: str, message: str, tmp_path: Path) -> None:
    """A workflow of another repository, or one that is not there, is refused in one sentence."""
    with rehearsed(tmp_path, f"  call: {{uses: {used}}}\n") as rehearsal:
        rehearsal.push()
        with pytest.raises(RehearsalError, match=message):
            rehearsal.wait_until_quiet()


GROUPED = """
name: CI
on: push
concurrency: {group: "ci-${{ github.ref }}", cancel-in-progress: "${{ github.ref != 'refs/heads/main' }}"}
jobs:
  job: {runs-on: ubuntu-latest, steps: [{run: 'test "$GITHUB_REF_NAME" = main || sleep 60'}, {run: "sleep 0.5"}]}
"""


@pytest.mark.parametrize(
    ("branch", "ended"),
    [("main", ["cancelled", "success", "success"]), ("topic", ["cancelled", "cancelled", "cancelled"])],
)
def test_a_newer_run_displaces_an_older_one(branch: str, ended: list[str], tmp_path: Path) -> None:
    """In a group one run works and the newest waits; with `cancel-in-progress` the one at work is cancelled."""
    repository = written(tmp_path / "repository", {CI: GROUPED})
    with Rehearsal(repository, tmp_path / "work", timeout_seconds=60) as rehearsal:
        ids = []
        for number in range(3):
            ids += rehearsal.push(branch, {"number.txt": str(number)})
            _wait_for(rehearsal, ids, branch)
        if branch == "topic":
            rehearsal.world.runner.cancel(ids[-1])
        rehearsal.wait_until_quiet()
        conclusions = [rehearsal.world.runs.get(run_id).latest.conclusion or "" for run_id in ids]
    assert sorted(conclusions) == ended


def _wait_for(rehearsal: Rehearsal, ids: list[int], branch: str) -> None:
    """Wait until the run that is to be at work is."""
    wanted = ids[0] if branch == "main" else ids[-1]
    until = time.monotonic() + 20
    while not any(job.status != "queued" for job in rehearsal.world.runs.get(wanted).latest.jobs):
        assert time.monotonic() < until, "the run did not begin"
        time.sleep(0.05)


STRANGE = """
  job:
    runs-on: ubuntu-latest
    container: python:3.12
    services: {postgres: {image: "postgres:17"}}
    environment: production
    env: {TOKEN: "${{ secrets.DEPLOY_TOKEN }}"}
    steps:
      - uses: actions/checkout@v4
      - uses: stranger/thing/below@v1
      - uses: docker://alpine:3
      - uses: ./tool
      - run: test -f made.txt
      - uses: actions/checkout@v4
        with: {ref: other, path: elsewhere}
      - run: cat elsewhere/made.txt
  mac: {runs-on: macos-latest, steps: [{run: "true"}]}
"""


def test_what_is_stubbed_is_told(tmp_path: Path) -> None:
    """Containers, services, docker steps and unknown actions are left out, each with its reason; a ref is honoured."""
    more = {"made.txt": "main\n", "tool/action.yml": "name: T\nruns: {using: docker, image: Dockerfile}\n"}
    with rehearsed(tmp_path, STRANGE, more, stub_unknown=True) as rehearsal:
        rehearsal.push("other", {"made.txt": "other\n"})
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        job = by_name(rehearsal.world.runs.get(run_id).latest.jobs)["job"]
        notes = {note.what: note.why for note in rehearsal.notes}
    assert (job.conclusion, "Z other\n" in job.log) == ("success", True)
    assert {
        "container python:3.12", "service postgres", "environment production", "secret DEPLOY_TOKEN",
        "step “Run docker://alpine:3”", "step “Run ./tool”", "stranger/thing/below@v1", "runs-on macos-latest",
        "actions/checkout@v4",
    } == set(notes)  # fmt: skip
    assert "no container engine" in notes["service postgres"]


@pytest.mark.skipif(shutil.which("go") is not None, reason="go is on this machine")
def test_a_missing_tool_fails_its_set_up(tmp_path: Path) -> None:
    """The set-up of a tool that is not there fails, and names it; one that is there tells its version."""
    text = "  job: {runs-on: ubuntu-latest, steps: [{uses: actions/setup-node@v4}, {uses: actions/setup-go@v5}]}\n"
    with rehearsed(tmp_path, text) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        (job,) = rehearsal.world.runs.get(run_id).latest.jobs
    assert [step.conclusion for step in job.steps[1:3]] == ["success", "failure"]
    assert "##[error]this rehearsal needs go on the PATH" in job.log


MANY = """
  job:
    runs-on: ubuntu-latest
    strategy: {matrix: {leg: [1, 2, 3, 4, 5, 6, 7, 8]}, fail-fast: false}
    steps:
      - run: |
          printf 'the last words of ${{ matrix.leg }}' >&2
          exit 18
"""


def test_last_words_reach_the_log(tmp_path: Path) -> None:
    """What a step says right before it fails is in its log, and nothing that it did not say."""
    with rehearsed(tmp_path, MANY) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        logs = [job.log for job in rehearsal.world.runs.get(run_id).latest.jobs]
    said = [
        [line.split(" ", 1)[1] for line in log.splitlines() if "last" in line and "\x1b" not in line] for log in logs
    ]
    assert [[f"the last words of {leg}"] for leg in range(1, 9)] == [lines[-1:] for lines in said]
    assert all(len(lines) == 2 for lines in said)  # the first is the group's heading


NESTED = """
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          printf 'checking… '; bash -c 'exit 1' || echo no
          env | grep REHEARSAL_ASKING >> "$GITHUB_ENV"
      - id: inner
        continue-on-error: true
        run: |
          bash inner.sh
          echo never
      - uses: ./tool
"""
TOOL = """
name: Tool
runs:
  using: composite
  steps:
    - {shell: bash, run: "printf 'first of the tool; '; bash inner.sh || echo second"}
    - {shell: bash, run: "printf 'last of the tool'; exit 4"}
"""


def test_last_words_of_scripts_within_scripts_reach_the_log(tmp_path: Path) -> None:
    """Each step asks on its own, those of a composite action, too; what fails inside one does not cut its lines."""
    more = {"inner.sh": "printf 'inner says; '; exit 3\n", "tool/action.yml": TOOL}
    with rehearsed(tmp_path, NESTED, more) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        (job,) = rehearsal.world.runs.get(run_id).latest.jobs
        answered = list((tmp_path / "work").rglob("last-words-*"))
    said = [line.split(" ", 1)[1] for line in job.log.splitlines() if "\x1b" not in line and " ##[" not in line]
    expected = ["checking… no", "inner says; ", "first of the tool; inner says; second", "last of the tool"]
    assert expected == [line for line in said if line in expected]
    assert not [line for line in said if "last-words" in line]
    assert 2 == len(answered)

"""Whole loops through `act`, and what must not be left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from recovery.errors import RehearsalError
from recovery.rehearsal.processes import Processes, process_table
from recovery.rehearsal.records import Run
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import SCENARIOS, find_scenario
from recovery.rehearsal.toolshed import find_program

HERE = Path(__file__).parent
EXAMPLE = HERE / "repository"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository with these files, not under git."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def workflow(steps: str, *, name: str = "CI", on: str = "push", more: str = "") -> str:
    """A workflow with one job."""
    return f"name: {name}\non: {on}\n{more}\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"


def kinds(rehearsal: Rehearsal, *wanted: str) -> list[tuple[str, int | None]]:
    """What happened, and in which attempt."""
    return [(event.kind, event.attempt) for event in rehearsal.world.timeline if event.kind in wanted]


def test_a_network_failure_is_rerun_and_clears(tmp_path: Path) -> None:
    """The whole way: failure, event, re-run of the failed job and its dependents only, success, event, skip."""
    with Rehearsal(EXAMPLE, tmp_path, SCENARIOS["network"]) as rehearsal:
        (run_id,) = rehearsal.pull_request()
        rehearsal.wait_until_quiet()
        run = rehearsal.world.runs.get(run_id)
        assert [attempt.conclusion for attempt in run.attempts] == ["failure", "success"]
        assert [(job.name, job.conclusion) for job in run.attempts[0].jobs] == [
            ("build", "success"), ("flaky", "failure"), ("deploy", "skipped"),
        ]  # fmt: skip
        assert [(job.name, job.conclusion, job.carried_over) for job in run.latest.jobs] == [
            ("build", "success", True), ("flaky", "success", False), ("deploy", "success", False),
        ]  # fmt: skip
        failed, passed = run.attempts[0].jobs[1], run.latest.jobs[1]
        assert "curl: (7) Failed to connect" in failed.log
        assert "##[error]Process completed with exit code 7." in failed.log
        assert [step.conclusion for step in failed.steps] == ["success", "success", "failure", "success"]
        assert f"job {passed.id} of 1.2.1" in passed.log
        assert 'Run echo "deploying 1.2.1"' in [step.name for step in run.latest.jobs[2].steps]
        followers = [found for found in rehearsal.world.runs.all() if found.event == "workflow_run"]
        assert [found.latest.conclusion for found in followers] == ["skipped", "success"]
        assert "##[warning]cache write denied" in followers[1].latest.jobs[0].log
        assert rehearsal.world.vault.caches() == []
        posts = [(access.status, access.run_id) for access in rehearsal.world.requests]
        assert posts == [(201, followers[1].id)]
        assert (rehearsal.recovery_directories()[0] / "answer.txt").read_text() == "201\n"
        rehearsal.sweep()
        rehearsal.wait_until_quiet()
        assert [entry.ref for entry in rehearsal.world.vault.caches()] == ["refs/heads/main"]


def test_one_event_delivered_twice_makes_one_rerun(tmp_path: Path) -> None:
    """Two recovery runs ask at once; one is accepted, the other refused."""
    with Rehearsal(EXAMPLE, tmp_path, SCENARIOS["duplicate-events"]) as rehearsal:
        rehearsal.pull_request()
        rehearsal.wait_until_quiet()
        assert sorted(access.status for access in rehearsal.world.requests) == [201, 403]
        assert kinds(rehearsal, "rerun-accepted") == [("rerun-accepted", 2)]


def test_a_lost_event_never_arrives(tmp_path: Path) -> None:
    """The second completed event starts nothing; only the sweep comes by afterwards."""
    with Rehearsal(EXAMPLE, tmp_path, SCENARIOS["lost-event"]) as rehearsal:
        rehearsal.pull_request()
        rehearsal.wait_until_quiet()
        assert kinds(rehearsal, "event-lost", "workflow-run-fired") == [("workflow-run-fired", 1), ("event-lost", 2)]
        (sweep,) = rehearsal.sweep()
        rehearsal.wait_until_quiet()
        assert rehearsal.world.runs.get(sweep).event == "schedule"


COMPOSITE = f"""
name: Recovery
description: A stand-in for the real one
inputs:
  name:
    description: A name that must not leak into nested actions
    default: outer
runs:
  using: composite
  steps:
    - shell: bash
      env:
        TOKEN: ${{{{ github.token }}}}
      run: |
        mkdir plan && date > plan/.hidden && echo "$GITHUB_ACTION_PATH" > plan/path
        test -f "$GITHUB_ACTION_PATH/extra.txt"
        echo "status $(curl -s -o /dev/null -w '%{{http_code}}' -H "Authorization: Bearer $TOKEN" \\
          "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/actions/runs")"
    - uses: {UPLOAD}  # v7.0.0
      with:
        name: plan.${{{{ github.run_id }}}}
        path: plan
    - uses: {UPLOAD}  # v7.0.0
      if: always()
      with:
        name: plan.${{{{ github.run_id }}}}
        path: plan
"""


def test_our_action_runs_by_its_public_name(tmp_path: Path) -> None:
    """`uses: storyteller/recovery@v1` is the folder given; its nested uploads obey the rule of names."""
    action = written(tmp_path / "action", {"action.yml": COMPOSITE, "extra.txt": "x"})
    steps = "      - uses: storyteller/recovery@v1\n        id: recovery\n"
    text = workflow(steps, more="permissions: {contents: read}")
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": text})
    with Rehearsal(repository, tmp_path / "work", action=action) as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        run = rehearsal.world.runs.get(run_id)
        (job,) = run.latest.jobs
        assert run.latest.conclusion == "failure"
        assert [step.name for step in job.steps] == ["Set up job", "Run storyteller/recovery@v1", "Complete job"]
        assert "status 403" in job.log
        assert "##[error]Failed to CreateArtifact" in job.log
        assert [found.name for found in rehearsal.world.vault.artifacts()] == [f"plan.{run_id}"]


def test_a_matrix_is_seen_leg_by_leg_and_a_run_can_be_cancelled(tmp_path: Path) -> None:
    """Each leg is a job of its own; a cancelled run runs its clean-up steps and ends as cancelled."""
    matrix = """
name: Matrix
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {n: [1, 2]}}
    steps: [{run: "exit $(( ${{ matrix.n }} - 1 ))"}]
"""
    slow = workflow(
        "      - run: touch started; sleep 60\n      - if: always()\n        run: echo cleaning\n", name="Slow"
    )
    files = {".github/workflows/a.yml": matrix, ".github/workflows/b.yml": slow}
    with Rehearsal(written(tmp_path / "repository", files), tmp_path / "work") as rehearsal:
        fast_id, slow_id = rehearsal.push()
        url = f"{rehearsal.api_url}/repos/{rehearsal.repository_name}/actions/runs/{slow_id}/cancel"
        wait_for_files(tmp_path, "started")
        answer = requests.post(url, headers={"Authorization": f"Bearer {rehearsal.token}"}, timeout=5)
        assert answer.status_code == 202
        rehearsal.wait_until_quiet()
        fast, stopped = rehearsal.world.runs.get(fast_id), rehearsal.world.runs.get(slow_id)
        assert {(job.name, job.conclusion) for job in fast.latest.jobs} == {
            ("test (1)", "success"),
            ("test (2)", "failure"),
        }
        assert fast.latest.conclusion == "failure"
        assert stopped.latest.conclusion == "cancelled"
        assert [job.conclusion for job in stopped.latest.jobs] == ["cancelled"]
        assert "cleaning" in stopped.latest.jobs[0].log


def test_what_cannot_be_run_is_said_clearly(tmp_path: Path) -> None:
    """An unknown action is named; so are a missing repository, workflow and scenario."""
    steps = "      - uses: stranger/thing@v1\n"
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": workflow(steps)})
    with Rehearsal(repository, tmp_path / "work") as rehearsal:
        rehearsal.push()
        with pytest.raises(RehearsalError, match="stranger/thing@v1"):
            rehearsal.wait_until_quiet()
    with pytest.raises(RehearsalError, match="no repository at"), Rehearsal(tmp_path / "nowhere", tmp_path / "work"):
        pass
    with (
        pytest.raises(RehearsalError, match="no workflow"),
        Rehearsal(written(tmp_path / "e", {"a": ""}), tmp_path / "w"),
    ):
        pass
    with pytest.raises(RehearsalError, match="no scenario") as refusal:
        find_scenario("rain")
    assert "network" in str(refusal.value.hint)


def test_a_broken_workflow_is_said_clearly(tmp_path: Path) -> None:
    """What `act` cannot read is reported with its own words."""
    text = "name: CI\non: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    needs: nobody\n    steps: [{run: ls}]\n"
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": text})
    with Rehearsal(repository, tmp_path / "work") as rehearsal:
        (run_id,) = rehearsal.push()
        with pytest.raises(RehearsalError, match="act could not run"):
            rehearsal.wait_until_quiet()
        assert rehearsal.world.runs.get(run_id).latest.conclusion == "startup_failure"


def test_waiting_ends(tmp_path: Path) -> None:
    """A rehearsal that hangs is given up with the names of what still runs, and nothing survives it."""
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": workflow("      - run: sleep 61.5\n")})
    with Rehearsal(repository, tmp_path / "work", timeout_seconds=1.5) as rehearsal:
        rehearsal.push()
        with pytest.raises(RehearsalError, match=r"still running after 2 seconds: CI"):
            rehearsal.wait_until_quiet()
    assert survivors("61.5") == []


@pytest.mark.parametrize("program", ["act", "node"])
def test_a_missing_program_is_one_clear_sentence(program: str, tmp_path: Path) -> None:
    """The sentence names the program, the hint says how to get it."""
    with pytest.raises(RehearsalError, match=f"a rehearsal needs `{program}`, which is not installed") as refusal:
        find_program(program, search_path=str(tmp_path))
    assert refusal.value.hint


def test_the_callers_repository_and_environment_stay_out(tmp_path: Path) -> None:
    """Nothing is written into the repository, and the caller's variables do not reach the steps."""
    steps = '      - uses: actions/checkout@v4\n      - run: touch made-here; echo "<$VARIABLE_OF_CALLER>" "<$HOME>"\n'
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": workflow(steps), ".env": "LEAK=1\n"})
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    before = sorted(path.relative_to(repository) for path in repository.rglob("*"))
    os.environ["VARIABLE_OF_CALLER"] = "visible"
    try:
        with Rehearsal(repository, tmp_path / "work") as rehearsal:
            (run_id,) = rehearsal.push()
            rehearsal.wait_until_quiet()
            log = rehearsal.world.runs.get(run_id).latest.jobs[0].log
    finally:
        del os.environ["VARIABLE_OF_CALLER"]
    assert f"<> <{tmp_path / 'work' / 'home'}>" in log
    assert sorted(path.relative_to(repository) for path in repository.rglob("*")) == before


PROGRAM = """
import signal
import sys
from pathlib import Path
from recovery.rehearsal.rehearsal import Rehearsal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has started in the background
with Rehearsal(Path(sys.argv[1]), Path(sys.argv[2])) as rehearsal:
    rehearsal.push()
    rehearsal.wait_until_quiet()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaving_by_signal_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C ends `act`, its steps, and what they left running in the background."""
    mark = f"73.{os.getpid()}{int(number)}"
    script = f"      - run: (setsid sleep {mark} &) ; touch started; sleep {mark}\n"
    repository = written(tmp_path / "repository", {".github/workflows/ci.yml": workflow(script)})
    command = [sys.executable, "-c", PROGRAM, str(repository), str(tmp_path / "work")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for_files(tmp_path, "started")
        wait_for_survivors(mark, 2)
        process.send_signal(number)
        process.communicate(timeout=10)
    assert process.returncode != 0
    assert survivors(mark) == []
    assert not [pid for pid, (parent, _, _) in process_table().items() if parent == process.pid]


def test_a_job_is_ended_in_its_own_rehearsal_only(tmp_path: Path) -> None:
    """Two rehearsals at once have jobs of the same ids: the end of one's job is no business of the other's."""
    mine, other = Processes(), Processes()
    variable = {"RECOVERY_CHECK_RUN_ID": "40000001", "PATH": os.environ["PATH"]}
    started = []
    try:
        for owner in (mine, other):
            command = ["sh", "-c", "sleep 73 & wait"]
            started.append(owner.start(command, cwd=tmp_path, env=variable, errors=tmp_path / "errors"))
        wait_for_children(*started, number=1)
        mine.end_marked("RECOVERY_CHECK_RUN_ID=40000001")
        wait_for_children(started[0], number=0)
        assert 1 == len(children(started[1].pid))
    finally:
        mine.close()
        other.close()
        for process in started:
            process.communicate()


def wait_for_children(*parents: subprocess.Popen[str], number: int) -> None:
    """Wait until each of these processes has so many children."""
    until = time.monotonic() + 15
    while any(len(children(parent.pid)) != number for parent in parents):
        assert time.monotonic() < until
        time.sleep(0.02)


def children(parent: int) -> list[int]:
    """The processes that a process has started and that still run."""
    return [pid for pid, (above, _, state) in process_table().items() if above == parent and state != "Z"]


def wait_for_files(folder: Path, name: str) -> None:
    """Wait until a step has made a file of that name somewhere below the folder."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        # Workspaces come and go while we look.
        with contextlib.suppress(FileNotFoundError):
            if any(path.name == name for path in folder.rglob("*")):
                return
        time.sleep(0.05)
    raise AssertionError(f"no step made {name}")


def wait_for_survivors(mark: str, count: int) -> None:
    """Wait until so many processes sleep: the step goes on after it has made its file."""
    until = time.monotonic() + 15
    while len(survivors(mark)) < count:
        assert time.monotonic() < until, f"fewer than {count} processes were started"
        time.sleep(0.05)


def survivors(mark: str) -> list[str]:
    """The processes that sleep for a time no other test sleeps for."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if words[0] == "sleep" and mark in words:
                found.append(entry.name)
    return found


def test_forks_and_second_pushes(tmp_path: Path) -> None:
    """A fork's run names the fork's repository; a second push to an open pull request is `synchronize`."""
    steps = '      - run: cat "$GITHUB_EVENT_PATH" | head -c 40; echo; echo "$GITHUB_REF $GITHUB_HEAD_REF"\n'
    repository = written(tmp_path / "r", {".github/workflows/ci.yml": workflow(steps, on="pull_request")})
    with Rehearsal(repository, tmp_path / "work") as rehearsal:
        (first,) = rehearsal.pull_request("topic", {"a.txt": "1"}, fork="stranger")
        (second,) = rehearsal.pull_request("topic", {"a.txt": "2"}, fork="stranger")
        rehearsal.wait_until_quiet()
        runs = [rehearsal.world.runs.get(run_id) for run_id in (first, second)]
        assert [run.payload["action"] for run in runs] == ["opened", "synchronize"]
        assert {run.head_repository for run in runs} == {"stranger/repo"}
        assert rehearsal.world.pulls.get(1).head_sha == runs[1].head_sha != runs[0].head_sha
        assert "refs/pull/1/merge topic" in runs[0].latest.jobs[0].log


def test_nested_runs_are_three_deep_at_most(tmp_path: Path) -> None:
    """A chain of workflows that start each other stops after the third follower."""
    files = {}
    for number in range(5):
        on = f"{{workflow_run: {{workflows: [W{number - 1}], types: [completed]}}}}" if number else "push"
        files[f".github/workflows/{number}.yml"] = workflow("      - run: 'true'\n", name=f"W{number}", on=on)
    with Rehearsal(written(tmp_path / "r", files), tmp_path / "work") as rehearsal:
        rehearsal.push()
        rehearsal.wait_until_quiet()
        names: list[Run] = rehearsal.world.runs.all()
        assert sorted(run.workflow.name for run in names) == ["W0", "W1", "W2", "W3"]


def test_a_dispatched_run_gets_its_inputs_and_title(tmp_path: Path) -> None:
    """Inputs reach the run, and its `run-name` becomes the title by which it is found again."""
    text = workflow(
        "      - run: echo \"got ${{ inputs.nonce }}\"\n", name="Hand",
        on="{workflow_dispatch: {inputs: {nonce: {type: string}}}}", more="run-name: Recover ${{ inputs.nonce }}",
    )  # fmt: skip
    with Rehearsal(written(tmp_path / "r", {".github/workflows/hand.yml": text}), tmp_path / "work") as rehearsal:
        run_id = rehearsal.dispatch("hand.yml", {"nonce": "n1"})
        rehearsal.wait_until_quiet()
        run = rehearsal.world.runs.get(run_id)
        assert (run.display_title, run.latest.conclusion) == ("Recover n1", "success")
        assert "got n1" in run.latest.jobs[0].log
        assert json.loads((rehearsal.work / "runs" / f"{run_id}-1" / "event.json").read_text())["inputs"] == {
            "nonce": "n1"
        }


def test_runs_of_one_group_wait_in_line(tmp_path: Path) -> None:
    """Two runs of a concurrency group never overlap, while a run of another group does not wait for them."""
    steps = "      - run: date +%s%N; sleep 0.4; date +%s%N\n"
    text = workflow(
        steps,
        name="Hand",
        on="{workflow_dispatch: {inputs: {group: {type: string}}}}",
        more="concurrency: {group: 'g-${{ inputs.group }}'}",
    )
    with Rehearsal(written(tmp_path / "r", {".github/workflows/hand.yml": text}), tmp_path / "work") as rehearsal:
        ids = [rehearsal.dispatch("hand.yml", {"group": group}) for group in ("a", "a", "b")]
        rehearsal.wait_until_quiet()
        logs = [rehearsal.world.runs.get(run_id).latest.jobs[0].log for run_id in ids]
    spans = [[int(line.split()[-1]) for line in log.splitlines() if line.split()[-1].isdigit()] for log in logs]
    one, two, other = sorted(spans[:2]) + spans[2:]
    assert one[1] <= two[0]
    assert other[0] < two[0]


def test_a_folder_that_is_not_ours_is_not_cleared(tmp_path: Path) -> None:
    """A working folder with a `runs` folder of somebody else's is refused; an earlier rehearsal's is used again."""
    theirs = written(tmp_path / "theirs", {"runs/precious.txt": "x"})
    with pytest.raises(RehearsalError, match="is no folder of an earlier rehearsal"), Rehearsal(EXAMPLE, theirs):
        pass
    assert (theirs / "runs/precious.txt").exists()
    for _ in range(2):
        with Rehearsal(EXAMPLE, tmp_path / "ours") as rehearsal:
            assert [run.id for run in rehearsal.world.runs.all()] == []


@pytest.mark.parametrize("under_git", [False, True])
def test_working_inside_the_repository_copies_no_work(tmp_path: Path, *, under_git: bool) -> None:
    """The working folder may lie in the repository; it is not part of the copy."""
    repository = written(tmp_path / "r", {".github/workflows/ci.yml": workflow("      - run: ls\n"), "a.txt": "a"})
    if under_git:
        subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    work = repository / ".demo" / "work"
    for _ in range(2):
        with Rehearsal(repository, work) as rehearsal:
            copied = rehearsal.work / "repository"
            files = [path.relative_to(copied) for path in copied.rglob("*") if path.is_file()]
            assert {path.parts[0] for path in files} == {".git", ".github", "a.txt"}


def test_jobs_of_other_systems_are_skipped_aloud(tmp_path: Path) -> None:
    """A Windows job does not run here, and the timeline says so."""
    text = workflow("      - run: dir\n").replace("ubuntu-latest", "windows-latest")
    with Rehearsal(written(tmp_path / "r", {".github/workflows/ci.yml": text}), tmp_path / "work") as rehearsal:
        (run_id,) = rehearsal.push()
        rehearsal.wait_until_quiet()
        assert rehearsal.world.runs.get(run_id).latest.jobs[0].conclusion == "skipped"
        assert kinds(rehearsal, "job-unserved") == [("job-unserved", 1)]

"""What a failing step says last reaches its log, however late `act` reads it."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from recovery.rehearsal.last_words import heard
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.surroundings import step_variables
from recovery.rehearsal.world import World

ENDS = ("exit 3", "set -e; (exit 3)", "trap 'exit 3' EXIT; exit 1", "exec sh -c 'exit 3'")


def environment(answers: Path) -> dict[str, str]:
    """What a step of a rehearsal sees of it."""
    run = World().add_run([ScriptedJob(name="job")])
    variables = step_variables(run, 1, "octo/repo", "http://127.0.0.1:1", "secret")
    return {"PATH": os.environ["PATH"], **variables, "REHEARSAL_HEARD": str(answers)}


def said(text: str, job: str = "job") -> dict[str, Any]:
    """A line of a step's output, as `act` tells it."""
    return {"job": job, "msg": f"{text}\n", "raw_output": True}


@pytest.mark.parametrize("end", ENDS)
def test_without_a_terminal_nothing_changes(end: str, tmp_path: Path) -> None:
    """What every bash reads at its beginning changes neither its output nor how it ends."""
    command = ["bash", "-c", f"echo last; {end}"]
    done = subprocess.run(
        command, env=environment(tmp_path), capture_output=True, start_new_session=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, b"last\n", b"")


@pytest.mark.parametrize("words", ["echo last", "printf last", "echo last; exec > /dev/null"])
def test_a_failing_step_waits_until_it_was_heard(words: str, tmp_path: Path) -> None:
    """The step is there as long as what it said is unread, and ends as it would have, once it is answered."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("bash", ["bash", "-c", f"{words}; exit 3"], environment(tmp_path))  # noqa: S606 -- pty has no other

    def lines() -> list[str]:
        text = ""
        while "last-words-" not in text or not text.endswith("\n"):
            text += os.read(terminal, 1024).decode().replace("\r", "")
        return text.splitlines()

    told = lines()
    assert (0, 0) == os.waitpid(process, os.WNOHANG)
    kept = [line["msg"] for line in heard(map(said, told), tmp_path)]

    assert 3 == os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert ["last\n"] == kept
    os.close(terminal)


def test_only_the_question_and_its_line_break_are_left_out(tmp_path: Path) -> None:
    """Empty lines of the step, and what other jobs say in between, stay as they are and where they are."""
    told = [
        said("one"), said(""), said(""), said("of another", "other"), said("last-words-7-1"), said("", "other"),
        said("not last-words-7-1"), said("last-words-1-7", "other"), {"job": "job", "msg": "last-words-8-8"}, said(""),
    ]  # fmt: skip
    kept = [(line["job"], line["msg"].rstrip("\n")) for line in heard(told, tmp_path / "answers")]
    assert kept == [
        ("job", "one"), ("job", ""), ("other", "of another"), ("job", "not last-words-7-1"), ("job", "last-words-8-8"),
        ("job", ""),
    ]  # fmt: skip
    assert {"last-words-7-1", "last-words-1-7"} == {path.name for path in (tmp_path / "answers").iterdir()}


def test_nothing_is_answered_before_it_was_read(tmp_path: Path) -> None:
    """The answer is given when everything before the question was taken."""
    lines = heard([said("one"), said("last-words-1-1"), said("two")], tmp_path)
    assert "one\n" == next(lines)["msg"]
    assert [] == list(tmp_path.iterdir())
    assert "two\n" == next(lines)["msg"]
    assert ["last-words-1-1"] == [path.name for path in tmp_path.iterdir()]

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


def started(script: str, answers: Path, **more: str) -> tuple[int, int]:
    """A bash as the step of a rehearsal: its process, and what is at the other end of its terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("bash", ["bash", "-c", script], environment(answers) | more)  # noqa: S606 -- pty has no other
    return process, terminal


def read_until_asked(terminal: int) -> list[str]:
    """The lines of a step until it asks or, where it does not, ends."""
    text = b""
    while b"last-words-" not in text or not text.endswith(b"\n"):
        try:
            text += os.read(terminal, 1024)
        except OSError:  # nobody is there any more
            break
    return text.decode().replace("\r", "").splitlines()


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
    process, terminal = started(f"{words}; exit 3", tmp_path)

    told = read_until_asked(terminal)
    assert (0, 0) == os.waitpid(process, os.WNOHANG)
    kept = [line["msg"] for line in heard(map(said, told), tmp_path)]

    assert 3 == os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert ["last\n"] == kept
    os.close(terminal)


NESTED = {
    "printf 'checking… '; bash -c 'exit 1' || echo no": (["checking… no\n"], 0),
    "printf 'one '; bash -c 'bash -c \"exit 1\"; exit 2' || printf 'two '; (exit 3) || echo three": (
        ["one two three\n"], 0,
    ),
    "set -e; bash -c 'printf last; exit 4'; echo never": (["last\n"], 4),
    "bash -e -c 'echo last; exit 5' | cat; exit ${PIPESTATUS[0]}": (["last\n"], 5),
    "exec bash -c 'printf last; exit 6'": (["last\n"], 6),
    "export REHEARSAL_ASKING=999999999; exec bash -c 'printf last; exit 7'": (["last\n"], 7),
}  # fmt: skip
"""Scripts that run others, what is in their log, and how they end."""


@pytest.mark.parametrize("script", NESTED)
def test_only_the_outermost_bash_asks(script: str, tmp_path: Path) -> None:
    """Whatever it runs may fail without a word of ours in between; it asks once, and only if it fails itself."""
    log, code = NESTED[script]
    process, terminal = started(script, tmp_path)
    told = read_until_asked(terminal)
    kept = [line["msg"] for line in heard(map(said, told), tmp_path)]

    assert (log, code) == (kept, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    assert int(code != 0) == len(list(tmp_path.iterdir()))
    os.close(terminal)


def test_a_step_asks_though_one_before_it_left_its_number(tmp_path: Path) -> None:
    """As one does that hands its whole environment on to the next steps; it has ended by then."""
    before = subprocess.run(
        ["bash", "-c", "echo $REHEARSAL_ASKING"], env=environment(tmp_path), capture_output=True, check=True
    )
    process, terminal = started("exit 3", tmp_path, REHEARSAL_ASKING=before.stdout.decode().strip())
    told = read_until_asked(terminal)

    assert [] == list(heard(map(said, told), tmp_path))
    assert 3 == os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert 1 == len(list(tmp_path.iterdir()))
    os.close(terminal)


def test_only_the_question_and_its_line_break_are_left_out(tmp_path: Path) -> None:
    """Empty lines of the step, and what other jobs say in between, stay as they are and where they are."""
    told = [
        said("one"), said(""), said(""), said("of another", "other"), said("last-words-7-1"), said("", "other"),
        said("last-words-7-1 not"), said("last-words-1-7", "other"), {"job": "job", "msg": "last-words-8-8"}, said(""),
    ]  # fmt: skip
    kept = [(line["job"], line["msg"].rstrip("\n")) for line in heard(told, tmp_path / "answers")]
    assert kept == [
        ("job", "one"), ("job", ""), ("other", "of another"), ("job", "last-words-7-1 not"), ("job", "last-words-8-8"),
        ("job", ""),
    ]  # fmt: skip
    assert {"last-words-7-1", "last-words-1-7"} == {path.name for path in (tmp_path / "answers").iterdir()}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b[0mlast-words-1-3", []),
        ("\x1b(B\x1b[mlast-words-1-3\x1b[0m\x1b[K", []),
        ("\x1b[31mred\x1b[0mlast-words-1-3", ["\x1b[31mred\x1b[0m"]),
        ("at the same time last-words-1-3\r", ["at the same time "]),
        ("last-words-1-2 last-words-1-3", ["last-words-1-2 "]),
    ],
)
def test_a_question_that_is_not_alone_on_its_line_is_answered(text: str, kept: list[str], tmp_path: Path) -> None:
    """What was written between its line break and itself stays in the log, colours alone do not."""
    lines = heard([said("one"), said(""), said(text), said("two")], tmp_path)

    assert ["one", *kept, "two"] == [line["msg"].rstrip("\n") for line in lines]
    assert ["last-words-1-3"] == [path.name for path in tmp_path.iterdir()]


def test_nothing_is_answered_before_it_was_read(tmp_path: Path) -> None:
    """The answer is given when everything before the question was taken."""
    lines = heard([said("one"), said("last-words-1-1"), said("two")], tmp_path)
    assert "one\n" == next(lines)["msg"]
    assert [] == list(tmp_path.iterdir())
    assert "two\n" == next(lines)["msg"]
    assert ["last-words-1-1"] == [path.name for path in tmp_path.iterdir()]

"""Versions of tools: asked for by name, told by themselves, and never by way of a shell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from recovery.adapters import tools
from recovery.adapters.tools import is_tool_name, versions_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, script: str) -> None:
    """Put a tool there, a script for the shell."""
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def ask(folder: Path, *names: str, **variables: str) -> dict[str, str]:
    """The versions that tools in a folder tell."""
    return versions_of(names, {"PATH": f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin"} | variables, folder.parent)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("v20.11.1", "20.11.1"),
        ("Python 3.12.3", "3.12.3"),
        ("gcc (Ubuntu 13.2.0-23ubuntu4) 13.2.0", "13.2.0"),
        ("git version 2.43.0.windows.1", "2.43.0"),
        ("Docker version 24.0.7, build afdd53b", "24.0.7"),
        ("rustc 1.75.0 (82e1608df 2023-12-21)", "1.75.0"),
        ("pip 24.0 from /usr/lib/python3.12/site-packages/pip (python 3.12)", "24.0"),
        ("\n------\nGradle 8.5\n------", "8.5"),
        ("less 590 (PCRE2 regular expressions)", "590"),
        ('openjdk version "21" 2023-09-19', "21"),
        ("This is perl 5, version 38, subversion 2 (v5.38.2) built for x86_64", "5.38.2"),
    ],
)
def test_first_number_that_looks_like_a_version_is_it(folder: Path, says: str, version: str) -> None:
    """However a tool wraps it."""
    (folder / "text").write_text(says)
    put(folder, "tool", f'test "$1" = --version && cat {folder}/text')

    assert {"tool": version} == ask(folder, "tool")


@pytest.mark.parametrize(
    ("name", "argument"), [("go", "version"), ("java", "-version"), ("openssl", "version"), ("lua", "-v")]
)
def test_tools_with_words_of_their_own_are_asked_in_them(folder: Path, name: str, argument: str) -> None:
    """Some tools do not know `--version`; java tells on standard error."""
    put(folder, name, f'test "$*" = "{argument}" && echo "{name} 1.2.3" >&2')

    assert {name: "1.2.3"} == ask(folder, name)


@pytest.mark.parametrize("script", ["exit 3", "echo 1.2.3; exit 1", "echo no number", ":", "kill -9 $$"])
def test_tool_that_tells_no_version_is_left_out(folder: Path, script: str) -> None:
    """It fails, or says something else; the others are told all the same."""
    put(folder, "odd", script)
    put(folder, "fine", "echo 1.0")

    assert {"fine": "1.0"} == ask(folder, "odd", "fine", "missing")


def test_file_that_is_no_program_is_left_out(folder: Path) -> None:
    """The kernel refuses to start it."""
    (folder / "odd").write_bytes(b"\x7fELF nothing")
    (folder / "odd").chmod(0o755)

    assert {} == ask(folder, "odd")


def test_tool_that_hangs_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended after its time; and one that waits for input gets none."""
    monkeypatch.setattr(tools, "TIMEOUT", 0.5)
    put(folder, "hangs", "exec sleep 60")
    put(folder, "reads", "cat; echo 1.5")

    assert {"reads": "1.5"} == ask(folder, "hangs", "reads")


@pytest.mark.parametrize(
    "name", ["", "-v", ".hidden", "../x", "a/b", "a b", "a;id", "$(id)", "a\n", "a\\b", "ä", "a" * 65, "C:x", "~x"]
)
def test_name_that_is_no_tools_is_never_started(folder: Path, name: str) -> None:
    """Neither a path nor words for a shell; the name may come from a checkpoint that somebody else wrote."""
    put(folder, "x", f"touch {folder}/started; echo 1.0")

    assert (False, {}) == (is_tool_name(name), ask(folder, name))
    assert not (folder / "started").exists()


@pytest.mark.parametrize("name", ["python3.12", "g++", "x86_64-linux-gnu-gcc", "7z", "a" * 64])
def test_names_that_tools_have(name: str) -> None:
    """With dots, pluses, lines and digits."""
    assert is_tool_name(name)


def test_tools_start_in_the_workspace_and_see_no_token(folder: Path) -> None:
    """Version managers look there for what the project asks for; our own inputs and secrets are none of theirs."""
    put(folder, "tool", f"pwd > {folder}/where; env > {folder}/seen; echo 1.0")
    given = {
        "GITHUB_TOKEN": "t0",
        "GH_TOKEN": "t1",
        "RECOVERY_INPUTS": json.dumps({"github-token": "t2"}),
        "INPUT_GITHUB-TOKEN": "t3",
        "ACTIONS_RUNTIME_TOKEN": "t4",
        "PYTHONPATH": "/action",
        "JAVA_HOME": "/jdk",
    }

    ask(folder, "tool", **given)

    seen = {line.partition("=")[0] for line in (folder / "seen").read_text().splitlines()}
    assert {"JAVA_HOME", "PATH"} == seen & {*given, "PATH"}
    assert str(folder.parent.resolve()) == (folder / "where").read_text().strip()


def test_our_own_python_does_not_answer_for_the_jobs(folder: Path, tmp_path: Path) -> None:
    """`uv run` puts the environment of this program before everything else on the path."""
    own = tmp_path / "own" / "bin"
    own.mkdir(parents=True)
    put(own, "python", "echo Python 3.99.0")
    put(folder, "python", "echo Python 3.9.1")
    path = os.pathsep.join((str(own), str(folder), "/bin"))

    told = versions_of(["python"], {"PATH": path, "UV_PROJECT_ENVIRONMENT": str(own.parent)}, tmp_path)

    assert {"python": "3.9.1"} == told


def test_real_python_tells_the_truth() -> None:
    """The one tool that is surely here."""
    python = Path(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))

    assert {python.name: version} == versions_of([python.name], {"PATH": str(python.parent)}, Path())


def test_nothing_asked_is_nothing_started() -> None:
    """No names, no threads, no processes."""
    assert {} == versions_of([], {}, Path())

"""`recovery classify` with all that it can be told: rules, a green log, test reports, and who looks at its answer."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recovery.cli import main
from recovery.cli.parser import build_parser
from recovery.policy.rules.pack import check_pack, parse_pack
from recovery.settings import Settings, load_settings
from tests.integration.doors import ROOT, Ended, start
from tests.repo.sources import fences

LOG = """\
##[group]Run pytest
shell: bash -e {0}
##[endgroup]
>       assert total([1, 2]) == 4
E       assert 3 == 4
FAILED tests/test_sum.py::test_sum - assert 3 == 4
1 failed, 1 passed in 3.21s
##[error]Process completed with exit code 1.
"""
GREEN = """\
##[group]Run make deploy
shell: bash -e {0}
##[endgroup]
sum.c:3:5: error: expected expression before 'int'
deployed
"""
PACK = """\
version: 1
rules:
  - id: reactor-cold
    class: infrastructure
    retryable: "yes"
    confidence: 0.95
    reason: The reactor had not warmed up yet.
    patterns: ['^reactor: core temperature too low']
    examples:
      match: ["reactor: core temperature too low", "reactor: core temperature too low (4 K)"]
      ignore: ["the docs say: reactor: core temperature too low"]
"""
REPORT = """\
<testsuite name="s" tests="2" failures="1">
  <testcase classname="tests.test_sum" name="test_sum"><failure message="3 != 4"/></testcase>
  <testcase classname="tests.test_sum" name="test_zero"/>
</testsuite>
"""
PAGE = ROOT / "docs" / "classifying.md"
RULES = ROOT / "docs" / "rules.md"
Classify = Callable[..., Ended]


@pytest.fixture
def classify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Classify:
    """Run `recovery classify` in this process, in a folder with a red log, a pack and a report."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"red.log": LOG, "green.log": GREEN, "pack.yml": PACK, "report.xml": REPORT}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(["classify", *arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def document(ended: Ended) -> dict[str, Any]:
    """The one object that was printed."""
    fields: dict[str, Any] = json.loads(ended.out)
    return fields


def start_with(descriptor: int, program: str, *arguments: str, folder: Path, environment: dict[str, str]) -> int:
    """Run a program that gets an open file, in a folder; its exit code."""
    return subprocess.run(
        [sys.executable, "-c", program, str(descriptor), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment},
        stdout=subprocess.DEVNULL,
        pass_fds=[descriptor],
        check=False,
    ).returncode


def test_people_get_cause_deed_and_excerpt(classify: Classify) -> None:
    """The cause in one line, why, what would be done, and the log around the lines that prove it, which are marked."""
    lines = classify("red.log").out.splitlines()

    assert lines[0].startswith("red.log: test failure (")
    assert "left to people" in lines[2]
    assert any(line.startswith("  >      6 | FAILED tests/test_sum.py::test_sum") for line in lines)
    assert "         4 | >       assert total([1, 2]) == 4" in lines


def test_output_of_a_pipe_has_no_colours(classify: Classify, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at a pipe; who wants colours all the same says so."""
    assert "\x1b" not in classify("red.log").out

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in classify("red.log").out


def test_secrets_are_not_shown(classify: Classify, tmp_path: Path) -> None:
    """What has the shape of a secret is hidden in the excerpt, and a private key from its first line to its last."""
    body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz"
    begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
    token = "ghp_" + "a1B2" * 9
    secrets = "".join(f"    {line}\n" for line in (begin, body, body, "AAAAC3Nza", end, f"token: {token}"))
    (tmp_path / "leaky.log").write_text(LOG.replace("E       assert", f"{secrets}E       assert"))

    said = classify("leaky.log").out

    assert 2 <= said.count("***")
    assert [] == [secret for secret in (body, "AAAAC3Nza", token) if secret in said]
    assert "FAILED tests/test_sum.py" in said


def test_line_numbers_are_those_of_the_file(classify: Classify, tmp_path: Path) -> None:
    """UTF-16, time stamps, colours and progress bars change no number, and what stood last on a line is shown."""
    stamped = "".join(f"2026-01-15T12:00:00.0000000Z \x1b[31m{line}\x1b[0m\n" for line in LOG.splitlines())
    stamped = stamped.replace(">       assert", "0 %\r50 %\r>       assert")
    (tmp_path / "wide.log").write_text(stamped, encoding="utf-16")

    said = classify("wide.log").out

    assert "  >      6 | FAILED tests/test_sum.py::test_sum" in said
    assert "         4 | >       assert total([1, 2]) == 4\n" in said


def test_explain_lists_what_the_rules_found(classify: Classify) -> None:
    """Every line on which a rule matched, for people below the verdict, for machines as `explanation`."""
    said = classify("red.log", "--explain").out
    told = document(classify("--json", "--explain", "red.log"))

    assert "    Why this: " in said
    assert "explanation" == list(told)[-1]
    evidence = {(item["line"], item["rule"]) for item in told["evidence"]}
    findings = {(item["line"], item["rule"]) for item in told["explanation"]["findings"]}
    assert evidence <= findings
    assert told["explanation"]["winner"] == {name: told["evidence"][0][name] for name in ("line", "rule")}


def test_rules_of_ones_own_are_searched_for(classify: Classify, tmp_path: Path) -> None:
    """A pack's rules count beside the built-in ones."""
    (tmp_path / "cold.log").write_text(
        "reactor: core temperature too low\n##[error]Process completed with exit code 1.\n"
    )

    without = document(classify("--json", "cold.log"))
    ended = classify("--json", "cold.log", "--rules", "pack.yml")

    assert "infrastructure" != without["class"]
    assert ("infrastructure", "reactor-cold") == (document(ended)["class"], document(ended)["evidence"][0]["rule"])
    assert "" == ended.err


def test_rule_with_the_id_of_a_built_in_one_replaces_it(classify: Classify, tmp_path: Path) -> None:
    """The replacement is said, and only the new rule is searched for."""
    rule = document(classify("--json", "red.log"))["evidence"][0]["rule"]
    (tmp_path / "own.yml").write_text(PACK.replace("reactor-cold", rule))

    ended = classify("--json", "red.log", "--rules", "own.yml")

    assert [f"own.yml: rule {rule} replaces the built-in one"] == ended.err.splitlines()
    assert rule not in {item["rule"] for item in document(ended)["evidence"]}


def test_json_goes_on_where_a_file_cannot_be_read(classify: Classify) -> None:
    """A missing file is told in its place, and fails the command at the end."""
    ended = classify("--json", "missing.log", "red.log")

    assert 3 == ended.code
    assert [["file", "error"], "test_failure"] == [
        list(json.loads(line)) if "error" in json.loads(line) else json.loads(line)["class"]
        for line in ended.out.splitlines()
    ]


@pytest.mark.parametrize("log", [LOG, GREEN, "", "\0\xff\n"], ids=["red", "green", "empty", "noise"])
def test_every_class_ends_with_zero(classify: Classify, tmp_path: Path, log: str) -> None:
    """What the log says is an answer, whatever it is."""
    (tmp_path / "a.log").write_text(log, encoding="latin-1")

    assert (0, "") == (classify("a.log").code, classify("--json", "a.log").err)


def test_baseline_takes_what_passed_before(classify: Classify, tmp_path: Path) -> None:
    """A line that the green log has, too, is no cause."""
    red = GREEN.replace("deployed", "curl: (6) Could not resolve host: example.org")
    (tmp_path / "red.log").write_text(f"{red}##[error]Process completed with exit code 6.\n")

    without = document(classify("--json", "red.log"))
    told = document(classify("--json", "red.log", "--baseline", "green.log"))

    assert ("compile_error", 4) == (without["class"], without["evidence"][0]["line"])
    assert ("network", 5) == (told["class"], told["evidence"][0]["line"])


def test_report_names_the_failed_tests(classify: Classify) -> None:
    """Tests that a report calls failed are named."""
    told = document(classify("--json", "red.log", "--junit", "report.xml"))

    assert "test_failure" == told["class"]
    assert any("test_sum" in name for name in told["failed_tests"])


@pytest.mark.parametrize(
    ("arguments", "words", "advice"),
    [
        (("--rules", "missing.yml"), "the rules missing.yml cannot be read: No such file", "docs/rules.md"),
        (("--rules", "latin.yml"), "the rules latin.yml are not UTF-8", "docs/rules.md"),
        (("--rules", "list.yml"), "list.yml: ", "docs/rules.md"),
        (("--rules", "broken.yml"), "broken.yml: not YAML", "docs/rules.md"),
        (("--rules", "bomb.yml"), "bomb.yml: rule reactor-cold: patterns: ", "docs/rules.md"),
        (("--rules", "disproved.yml"), "disproved.yml: rule reactor-cold: must match", "docs/rules.md"),
        (("--rules", "deep.yml"), "deep.yml: not YAML: it is nested too deeply", "docs/rules.md"),
        (
            ("--rules", "pack.yml", "--rules", "same.yml"),
            "same.yml: rule reactor-cold: the id is used twice, in pack.yml as well",
            "own id",
        ),
        (("--baseline", "missing.log"), "the baseline missing.log cannot be read: No such file", "succeeded"),
        (("--junit", "missing.xml"), "the report missing.xml cannot be read: No such file", "JUnit"),
        (("--junit", "red.log"), "red.log: ", "JUnit"),
        (("-", "-"), "`-` is given twice", "once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_said_with_a_hint(
    classify: Classify, tmp_path: Path, arguments: tuple[str, ...], words: str, advice: str
) -> None:
    """One error line with the file and the fault, one with what to change, and no answer."""
    (tmp_path / "latin.yml").write_bytes(b"version: 1 # caf\xe9\n")
    (tmp_path / "list.yml").write_text("[1, 2]\n")
    (tmp_path / "broken.yml").write_text("rules: [\n")
    (tmp_path / "deep.yml").write_text("[" * 50_000)
    (tmp_path / "same.yml").write_text(PACK)
    (tmp_path / "bomb.yml").write_text(
        PACK.replace("^reactor: core temperature too low", "(((a{1,100}){1,100}){1,100})")
    )
    (tmp_path / "disproved.yml").write_text(PACK.replace("^reactor", "^nuclear reactor"))

    ended = classify("red.log", *arguments)

    assert (3, "") == (ended.code, ended.out)
    assert words in ended.errors[0]
    assert [advice] == [advice for line in ended.err.splitlines() if line.startswith("hint: ") and advice in line]


def test_long_input_shows_progress_on_a_terminal_only(tmp_path: Path) -> None:
    """A line on standard error that is gone at the end; none in a pipe, with `--json`, or on a runner."""
    with (tmp_path / "long.log").open("wb") as file:
        file.write((b"all is well " * 8 + b"\n") * 220_000)

    def on_terminal(*arguments: str, **environment: str) -> str:
        """What a program writes to a terminal on standard error."""
        main_end, terminal = pty.openpty()
        read = (
            "import os, sys; os.dup2(int(sys.argv[1]), 2); from recovery.cli import main; sys.exit(main(sys.argv[2:]))"
        )
        ended = start_with(terminal, read, *arguments, folder=tmp_path, environment=environment)
        os.close(terminal)
        assert 0 == ended
        try:
            return os.read(main_end, 65536).decode()
        except OSError:  # nothing was written, and nobody holds the other end
            return ""
        finally:
            os.close(main_end)

    told = on_terminal("classify", "long.log")
    assert "searching long.log, 21 MB" in told
    assert told.endswith("\r")
    assert "" == on_terminal("classify", "--json", "long.log")
    assert "" == on_terminal("classify", "long.log", CI="true")
    assert "" == start("-m", "recovery", "classify", "long.log", folder=tmp_path).err


def test_standard_input_is_read_beside_files(classify: Classify, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` may stand anywhere among the files."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))

    documents = [json.loads(line) for line in classify("--json", "green.log", "-", "red.log").out.splitlines()]

    assert ["green.log", "-", "red.log"] == [told["file"] for told in documents]
    assert documents[1] == documents[2] | {"file": "-"}


@pytest.mark.parametrize("fence", fences(RULES, "yaml"), ids=lambda fence: f"line {fence.line}")
def test_packs_of_the_document_load(fence: Any) -> None:
    """Each pack that the page about rules shows passes the checks."""
    assert parse_pack(fence.text, "docs/rules.md")


@pytest.mark.parametrize("fence", fences(RULES, "yml"), ids=lambda fence: f"line {fence.line}")
def test_rules_of_the_documents_configuration_load(fence: Any) -> None:
    """The configuration that the page shows holds rules that pass the checks of a pack."""
    settings = load_settings({}, fence.text, config_name="recovery.yml")

    assert check_pack({"version": 1, "rules": settings.rules}, "recovery.yml")


@pytest.mark.parametrize("fence", fences(PAGE, "yaml"), ids=lambda fence: f"line {fence.line}")
def test_configuration_of_the_page_about_classifying_loads(fence: Any) -> None:
    """What the page shows is a configuration."""
    assert Settings() != load_settings({}, fence.text, config_name="recovery.yml")


def test_every_option_is_told() -> None:
    """Each option of the command is on its page."""
    page = PAGE.read_text(encoding="utf-8")
    commands = next(each.choices for each in build_parser()._actions if isinstance(each.choices, dict))
    options = [option for each in commands["classify"]._actions for option in each.option_strings]
    told = [option for option in options if option.startswith("--") and option != "--help"]

    assert len(told) >= 5
    assert [] == [option for option in told if f"`{option}" not in page]

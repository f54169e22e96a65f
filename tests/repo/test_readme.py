"""What README says is so: its tables, its workflows, and every command and program in it."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.vault import DirectoryVault
from recovery.cli.parser import build_parser
from recovery.errors import RecoveryError, error_classes
from recovery.models.decision import ReasonId
from recovery.rehearsal.scenario import SCENARIOS
from recovery.settings import Mode, Settings, load_settings
from tests.builders import make_failure, make_job, make_pull_request, make_run
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore
from tests.repo.sources import DOCUMENTS, EXAMPLE_RECOVERY, README, REHEARSAL, ROOT, action, fences, load, must_succeed

TEXT = README.read_text(encoding="utf-8")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)")

_BROKEN_TRANSFER = "curl: (18) transfer closed with outstanding read data remaining"


def _commands() -> list[str]:
    parser = build_parser()
    return [name for each in parser._actions if isinstance(each.choices, dict) for name in each.choices]


def test_two_commands_lead() -> None:
    """A newcomer meets one sentence, then the two commands that do everything."""
    start = TEXT.split("\n## ")[0]
    assert "$ make demo" in start
    assert "$ make test" in start


@pytest.mark.parametrize("name", [*action()["inputs"], *action()["outputs"]])
def test_every_input_and_output_has_a_row(name: str) -> None:
    """The tables of inputs and outputs are whole."""
    assert f"\n| `{name}` | " in TEXT


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_is_named(mode: Mode) -> None:
    """Each mode is explained, or said not to be there."""
    assert f"`{mode.value}`" in TEXT


@pytest.mark.parametrize("error", list(error_classes()), ids=lambda error: error.__name__)
def test_every_error_has_its_exit_code(error: type[RecoveryError]) -> None:
    """Each class of error stands in the table of exit codes."""
    assert f"| {error.exit_code} | `{error.__name__}` |" in TEXT


@pytest.mark.parametrize("reason", ReasonId)
def test_every_reason_is_told(reason: ReasonId) -> None:
    """Each id that a record may hold is explained."""
    assert f"`{reason.value}`" in TEXT


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_told(command: str) -> None:
    """Each command of the command line has its row."""
    assert f"\n| `{command}` | " in TEXT


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_every_scenario_is_told(scenario: str) -> None:
    """Each scenario of the rehearsal has its row, in README or on the page about rehearsals."""
    assert f"\n| `{scenario}` | " in TEXT + REHEARSAL.read_text(encoding="utf-8")


def test_every_option_of_a_rehearsal_is_told() -> None:
    """What can be asked of a rehearsal is on its page."""
    page = REHEARSAL.read_text(encoding="utf-8")
    commands = next(each.choices for each in build_parser()._actions if isinstance(each.choices, dict))
    options = [option for each in commands["rehearse"]._actions for option in each.option_strings]
    told = [option for option in options if option.startswith("--") and option != "--help"]
    assert len(told) >= 10
    assert [] == [option for option in told if f"`{option}" not in page]


def test_permissions_are_those_of_the_example() -> None:
    """The table of permissions says what the workflow asks for."""
    table = TEXT.split("### Permissions")[1].split("###")[0].split("\n## ")[0]
    granted = load(EXAMPLE_RECOVERY)["jobs"]["recover"]["permissions"]
    of_recover = table.split("| `checkpoint` |")[0]
    told = dict(re.findall(r"^\| .*?\| `([\w-]+): (\w+)` \|", of_recover, re.MULTILINE))
    assert granted == told


@pytest.mark.parametrize("fence", fences(README, "yaml"), ids=lambda fence: f"line {fence.line}")
def test_yaml_is_what_it_claims_to_be(fence: Any, tmp_path: Path) -> None:
    """Each block of YAML is a valid workflow, valid steps of one, or a valid configuration."""
    if fence.text.startswith("version:"):
        assert Settings() != load_settings({}, fence.text, config_name="README.md")
        return
    steps = "".join(f"      {line}\n" if line else "\n" for line in fence.text.splitlines())
    whole = (
        fence.text
        if "\njobs:" in fence.text
        else f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"
    )
    path = tmp_path / "workflow.yml"
    path.write_text(whole, encoding="utf-8")
    must_succeed("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    must_succeed("actionlint", path)


def test_shell_blocks_run(tmp_path: Path) -> None:
    """Every block marked `bash` runs to its end, one after another, in an empty folder without a token."""
    blocks = fences(README, "bash")
    assert len(blocks) >= 2
    shutil.copy(ROOT / "main.py", tmp_path)
    said = [must_succeed("bash", "-euo", "pipefail", "-c", block.text, cwd=tmp_path) for block in blocks]
    assert "network" in said[0]
    assert "tests_passed" not in said[0]


async def _awaited(code: Any, names: dict[str, Any]) -> None:
    result = eval(code, names)  # noqa: S307 - README's own program
    if inspect.isawaitable(result):
        await result


def test_python_blocks_run(tmp_path: Path) -> None:
    """Every block marked `python` runs on a store, a forge, a vault and a clock, and a failure of a passing kind."""
    import asyncio

    blocks = fences(README, "python")
    assert blocks
    forge = FakeForge()
    log = f"{_BROKEN_TRANSFER}\n##[error]Process completed with exit code 18.\n"
    forge.add_run(make_run(), [make_job()], {make_job().id: log})
    forge.add_pull_request(make_pull_request(), "feature")
    names = {
        "store": MemoryStore(),
        "forge": forge,
        "vault": DirectoryVault(tmp_path),
        "clock": FakeClock(),
        "failure": make_failure(),
    }
    for block in blocks:
        code = compile(block.text, f"README.md:{block.line}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        asyncio.run(_awaited(code, names))
    assert 1 == forge.called("rerun_failed_jobs")
    assert "retry" == names["strategy"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link to a file of this repository leads to one, and every anchor to a heading."""
    for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file = (path.parent / target).resolve()
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}

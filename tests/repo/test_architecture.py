"""The floors hold, the public names are those promised, and what must start fast imports little."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

import recovery
from tests.repo.sources import ROOT, must_succeed, run

HEAVY = ("alembic", "github", "re2", "requests", "rich", "sqlalchemy")
HEAVY_FOR_A_LOG = ("alembic", "github", "importlib.resources", "junitparser", "pydantic", "requests", "rich", "yaml")
PUBLIC = ["PipelineMonitor", "RecoveryManager", "RecoveryState", "RecoveryStatus", "WorkflowCheckpoint"]


def _loaded_heavies(program: str, cwd: Path, heavy: tuple[str, ...] = HEAVY, **variables: str) -> list[str]:
    """What of `heavy` a program of its own has loaded at its end."""
    lines = (
        "import atexit, json, sys",
        f"atexit.register(lambda: print(json.dumps(sorted({set(heavy)!r} & set(sys.modules))), file=sys.stderr))",
        program,
    )
    done = run(sys.executable, "-c", "\n".join(lines), cwd=cwd, **variables)
    assert 0 == done.returncode, done.stderr
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return loaded


def test_floors_hold() -> None:
    """import-linter finds no import that the floors forbid."""
    assert "0 broken" in must_succeed("lint-imports", "--no-cache")


def test_every_room_stands_on_a_floor() -> None:
    """Each module and package of `recovery` is named in the floors, so that a new one cannot slip by."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = config["tool"]["importlinter"]["contracts"][0]
    rooms = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    found = {
        path.stem for path in (ROOT / "recovery").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms == found - {"__init__", "__main__"}
    assert contract["exhaustive"]


def test_public_names_are_exactly_these() -> None:
    """`recovery.__all__` is sorted, complete, and each name can be imported."""
    assert PUBLIC == recovery.__all__
    for name in recovery.__all__:
        assert name == getattr(recovery, name).__name__


def test_unknown_names_are_refused() -> None:
    """A name that is not public is an AttributeError like anywhere else."""
    with pytest.raises(AttributeError, match="no attribute 'Surprise'"):
        _ = recovery.Surprise


def test_the_seeds_underscore_methods_stay() -> None:
    """Two methods with an underscore are promised all the same."""
    assert callable(recovery.PipelineMonitor._create_pre_recovery_checkpoint)
    assert callable(recovery.PipelineMonitor._determine_recovery_strategy)


def test_help_is_light(tmp_path: Path) -> None:
    """`recovery --help` loads no vendor."""
    program = "import contextlib\nfrom recovery.cli import main\nwith contextlib.suppress(SystemExit): main(['--help'])"
    assert [] == _loaded_heavies(program, tmp_path)


@pytest.mark.parametrize("options", [["--json"], ["--json", "--explain"], [], ["--baseline", "a.log"]], ids=" ".join)
def test_classify_is_light(tmp_path: Path, options: list[str]) -> None:
    """`recovery classify` names a cause without anything that takes long to load, for people who do not look, too."""
    (tmp_path / "a.log").write_text("sum.c:3:5: error: expected expression\n", encoding="utf-8")
    program = f"from recovery.cli import main\nraise SystemExit(main(['classify', 'a.log', *{options!r}]))"
    assert [] == _loaded_heavies(program, tmp_path, HEAVY_FOR_A_LOG)


def test_checkpoints_are_light(tmp_path: Path) -> None:
    """`mode: checkpoint`, from the environment to the outputs, loads no vendor."""
    program = "from recovery.action import main\nraise SystemExit(main())"
    output = tmp_path / "output"
    loaded = _loaded_heavies(
        program,
        tmp_path,
        RECOVERY_INPUTS=json.dumps({"mode": "checkpoint", "name": "built", "github-token": ""}),
        GITHUB_REPOSITORY="octo/repo",
        GITHUB_RUN_ID="7",
        GITHUB_OUTPUT=str(output),
        GITHUB_WORKSPACE=str(tmp_path),
        RUNNER_TEMP=str(tmp_path),
    )
    assert [] == loaded
    assert "checkpoint-artifact<<" in output.read_text(encoding="utf-8")

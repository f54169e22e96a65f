"""Every snippet of the text that this project was asked to fulfil does, as written, what the text says of it."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recovery
from recovery.adapters.database.engine import open_store
from recovery.models.decision import RecoveryHeader
from recovery.models.manifest import manifest_bytes
from recovery.models.records import RecoveryState, RecoveryStatus, RecoveryType
from recovery.monitor import PipelineMonitor
from recovery.policy.statistics import summarise
from recovery.render.dashboard import dashboard_json
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore
from tests.integration.bench import Bench
from tests.integration.doors import shell
from tests.integration.rollback_bench import RollbackBench
from tests.integration.shop import Shop
from tests.integration.stage import Stage, open_stage
from tests.repo.sources import BIN, ROOT, Fence, fences, run

SEED = ROOT / "tests" / "data" / "seed.md"
FAILURE, RECOVERY, CHECKPOINT = "failure_123", "recovery_456", "checkpoint_789"
"""The ids that the text uses."""

World = dict[str, Any]
"""The names that a snippet finds."""


def snippets(language: str) -> list[Fence]:
    """The text's snippets in one language; there is at least one."""
    found = fences(SEED, language)
    assert found
    return found


def snippet(language: str, part: str) -> Fence:
    """The one snippet in a language that says this."""
    (found,) = (fence for fence in snippets(language) if part in fence.text)
    return found


# --- Python -----------------------------------------------------------------------------------------------------------


def records(_: Path) -> World:
    """The public names, as `from recovery import …` gives them."""
    return {name: getattr(recovery, name) for name in ("RecoveryState", "RecoveryStatus", "WorkflowCheckpoint")}


def passing_failure(folder: Path) -> World:
    """A job lost its connection; nothing of its work was kept."""
    bench = Bench(MemoryStore(), folder)
    manager = bench.manager()
    monitor = PipelineMonitor(manager, bench.forge, bench.vault, bench.clock)
    return {"recovery_manager": manager, "pipeline_monitor": monitor, "failure": bench.failure, "bench": bench}


def failure_with_checkpoint(folder: Path) -> World:
    """A job lost its connection after it had left a checkpoint."""
    world = passing_failure(folder)
    checkpoint = make.make_checkpoint(
        id="ckpt-00000001", metadata={"attempt": 1, "job_id": "4201", "done": ["build_complete"]}
    )
    artifact = make.make_artifact(name="recovery-checkpoint.1001.1.4201.build_complete.00000001")
    world["bench"].forge.artifacts[artifact.id] = (artifact, {"manifest.json": manifest_bytes(checkpoint)})
    return world


def bad_deployment(folder: Path) -> World:
    """A good deployment left a checkpoint, and the one after it is bad."""
    bench = RollbackBench(MemoryStore(), folder)
    return {"recovery_manager": bench.manager(), "checkpoint": rolled.make_good_checkpoint(), "bench": bench}


def broken_checkpoint(folder: Path) -> World:
    """The checkpoint of the text's first snippet: what it names is nowhere."""
    world = passing_failure(folder)
    made = execute(snippet("python", "WorkflowCheckpoint("), records(folder))
    return world | {"checkpoint": made["checkpoint"], "logger": logging.getLogger("seed")}


def check_checkpoint(world: World, _: pytest.LogCaptureFixture) -> None:
    """All fields are as given; id and time are made."""
    made = world["checkpoint"]
    assert ("repo/name", "CI", "run_123", "abc123", "job", "build_complete") == (
        made.repository,
        made.workflow_name,
        made.run_id,
        made.commit_sha,
        made.checkpoint_type,
        made.checkpoint_name,
    )
    assert ({"python_version": "3.11"}, ["requirements.txt"], ["dist/app.tar.gz"]) == (
        made.environment_context,
        made.dependencies,
        made.artifacts,
    )
    assert made.id


def check_state(world: World, _: pytest.LogCaptureFixture) -> None:
    """All fields are as given."""
    made = world["recovery_state"]
    assert ("failure_123", "resume", "in_progress", "checkpoint_456") == (
        made.failure_id,
        made.recovery_type,
        made.status,
        made.target_checkpoint_id,
    )
    assert ["validate_state", "restore_context", "resume_execution"] == made.recovery_plan
    assert [{"step": "validation", "status": "completed"}] == made.progress_steps


def check_retry(world: World, _: pytest.LogCaptureFixture) -> None:
    """The failed jobs run again, once."""
    assert (RecoveryType.RETRY, RecoveryStatus.IN_PROGRESS, 1) == (
        world["recovery_state"].recovery_type,
        world["recovery_state"].status,
        world["bench"].effects,
    )


def check_resume(world: World, _: pytest.LogCaptureFixture) -> None:
    """They continue from the checkpoint."""
    assert (RecoveryType.RESUME, "ckpt-00000001", 1) == (
        world["recovery_state"].recovery_type,
        world["recovery_state"].target_checkpoint_id,
        world["bench"].effects,
    )


def check_rollback(world: World, _: pytest.LogCaptureFixture) -> None:
    """The good commit is brought back, once, for that reason."""
    assert (True, 1) == (world["success"], world["bench"].effects)
    assert "corruption_detected" == world["bench"].plan().rollback.reason


def check_monitor(world: World, _: pytest.LogCaptureFixture) -> None:
    """The evidence chose a retry, and a checkpoint of where the run stood was kept before."""
    assert ("retry", RecoveryType.RETRY, 1) == (
        world["strategy"],
        world["recovery_state"].recovery_type,
        world["bench"].effects,
    )
    assert 2 == len(list(world["bench"].vault.root.glob("ckpt-*")))


def check_validation(world: World, log: pytest.LogCaptureFixture) -> None:
    """Not valid, and the errors are what is logged."""
    assert world["validation"]["is_valid"] is False
    assert [f"Invalid state: {world['validation']['errors']}"] == [
        record.message for record in log.records if record.name == "seed"
    ]


PYTHON: dict[str, tuple[Callable[[Path], World], Callable[[World, pytest.LogCaptureFixture], None]]] = {
    "checkpoint = WorkflowCheckpoint(": (records, check_checkpoint),
    "recovery_state = RecoveryState(": (records, check_state),
    'initiate_recovery(failure, "retry")': (passing_failure, check_retry),
    'initiate_recovery(failure, "resume")': (failure_with_checkpoint, check_resume),
    "rollback_to_checkpoint(": (bad_deployment, check_rollback),
    "pipeline_monitor.": (passing_failure, check_monitor),
    "validate_state(checkpoint)": (broken_checkpoint, check_validation),
}
"""What each snippet finds, and what is true after it; by what only it says."""


def execute(fence: Fence, world: World) -> World:
    """The names after a snippet, which may await at its top."""
    code = compile(fence.text, f"seed.md:{fence.line}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def go() -> None:
        result = eval(code, world)  # noqa: S307 - the text's own program
        if inspect.isawaitable(result):
            await result

    asyncio.run(go())
    return world


@pytest.mark.parametrize("part", PYTHON)
def test_python_snippet(part: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It runs as written, on stand-ins for GitHub, and its names are what the text says."""
    arrange, check = PYTHON[part]

    check(execute(snippet("python", part), arrange(tmp_path)), caplog)


def test_valid_checkpoint_passes_the_validation_snippet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing is wrong, nothing is logged."""
    world = passing_failure(tmp_path)
    sound = make.make_checkpoint(environment_context={}, dependencies=[], artifacts=[])
    world["bench"].vault.put(sound)

    validation = execute(snippet("python", "validate_state("), world | {"checkpoint": sound})["validation"]

    assert validation["is_valid"], validation["errors"]
    assert [] == [record.message for record in caplog.records if record.name == "seed"]


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A repository on a local GitHub."""
    with open_stage(tmp_path) as opened:
        yield opened


def prepare(stage: Stage, folder: Path) -> Shop:
    """A database and a repository in which the ids of the text are something."""
    shutil.copy(ROOT / "main.py", folder)
    (folder / ".github").mkdir()
    (folder / ".github/recovery.yml").write_text(
        "version: 1\nretry-delay: 0\nmax-inline-delay: 0\nrollback: {Deploy: {kind: redispatch}}\n"
    )
    store = open_store(str(folder / "recovery.db"))
    shop = Shop(stage, folder / "shop", store)
    shop.keep(shop.good_run, shop.good, CHECKPOINT)
    failed = stage.failed_run()
    failure = make.make_failure(
        id=FAILURE, repository="octo/repo", run_id=failed.id, head_sha=failed.head_sha, head_branch=failed.head_branch
    )
    header = RecoveryHeader(
        **make.make_header(repository="octo/repo", run_id=77, failure_id=FAILURE).model_dump() | {"id": RECOVERY}
    )
    plan = make.make_plan(header=header)
    told = [make.recovery_decided(plan=plan), make.recovery_settled(recovery=header)]
    store.record([make.failure_observed(failure=failure), *told])
    return shop


def python_main(fence: Fence, stage: Stage, folder: Path) -> str:
    """What a snippet says when a shell runs it as it is written."""
    variables = {**shell(stage.server), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = run("bash", "-euo", "pipefail", "-c", fence.text, cwd=folder, **variables, PATH=path)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def check_created(said: str, shop: Shop) -> None:
    """The checkpoint is on record."""
    (made,) = (one for one in shop.store.checkpoints() if one.checkpoint_name == "tests_passed")
    assert f"checkpoint {made.id} recorded" in said
    assert ("repo/name", "run_123", "job") == (made.repository, made.run_id, made.checkpoint_type)


def check_initiated(said: str, shop: Shop) -> None:
    """Two commands, and one re-run: what was begun is not begun again."""
    assert [201] == shop.stage.reruns()
    assert "re-run the failed jobs" in said


def check_shown(said: str, _: Shop) -> None:
    """The recovery is told."""
    assert f"Recovery {RECOVERY}" in said
    assert "completed" in said


def check_dashboard(said: str, _: Shop) -> None:
    """There is nothing about that repository."""
    assert "Nothing has been recovered yet" in said


def check_rolled_back(said: str, shop: Shop) -> None:
    """The workflow was started once more, at the commit of that checkpoint, for that reason."""
    assert 1 == shop.dispatches
    assert f"roll back to commit {shop.good[:7]}" in said
    assert "manual_fix" in said


CLI: dict[str, Callable[[str, Shop], None]] = {
    "create-checkpoint": check_created,
    "initiate": check_initiated,
    "status": check_shown,
    "dashboard": check_dashboard,
    "rollback": check_rolled_back,
}
"""What is true after each snippet, by its command."""


@pytest.mark.parametrize("command", CLI)
def test_command_line_snippet(command: str, stage: Stage, tmp_path: Path) -> None:
    """A shell runs it as written, in a folder whose database knows the ids of the text."""
    folder = tmp_path / "here"
    folder.mkdir()
    shop = prepare(stage, folder)

    CLI[command](python_main(snippet("bash", f"recovery {command} "), stage, folder), shop)


# --- SQL --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["workflow_checkpoints", "recovery_states"])
def test_sql_snippet(table: str, tmp_path: Path) -> None:
    """The table is there, with each column, its type, its default and its references."""
    told = sqlite3.connect(":memory:")
    told.executescript(snippet("sql", f"CREATE TABLE {table} ").text)
    open_store(str(tmp_path / "recovery.db"))
    real = sqlite3.connect(tmp_path / "recovery.db")

    assert _columns(told, table) == _columns(real, table)
    assert _references(told, table) == _references(real, table)
    told.close()
    real.close()


def _columns(database: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Name, type, whether it may be empty, default, whether it is the key; a key is never empty in either."""
    found = database.execute(f"PRAGMA table_info({table})").fetchall()
    return [(name, kind, bool(full or key), default, key) for _, name, kind, full, default, key in found]


def _references(database: sqlite3.Connection, table: str) -> set[tuple[object, ...]]:
    """Which column refers to which."""
    return {(row[3], row[2], row[4]) for row in database.execute(f"PRAGMA foreign_key_list({table})")}


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_snippet() -> None:
    """From a history like that of the text, the dashboard has its keys and its very numbers."""
    told = json.loads(snippet("json", "recovery_summary").text)
    summary = told["recovery_summary"]
    rest = [RecoveryStatus.FAILED] * summary["failed_recoveries"]
    rest += [RecoveryStatus.IN_PROGRESS] * summary["in_progress_recoveries"]
    states = []
    for kind, count in told["recovery_by_type"].items():
        ends = [RecoveryStatus.COMPLETED] * count["successful"]
        ends += [rest.pop() for _ in range(count["total"] - count["successful"])]
        states += [
            RecoveryState(failure_id="f", repository="repo/name", recovery_type=kind, status=status) for status in ends
        ]

    written = dashboard_json(summarise(states, []))

    assert told == {name: written[name] for name in told}
    assert [] == rest


# --- nothing is left out ----------------------------------------------------------------------------------------------


def test_every_snippet_is_executed() -> None:
    """Whatever stands in the text is found by exactly one of the tests above."""
    fenced = SEED.read_text(encoding="utf-8").count("\n```") // 2
    counted = {language: len(snippets(language)) for language in ("python", "bash", "sql", "json")}

    assert {"python": len(PYTHON), "bash": len(CLI), "sql": 2, "json": 1} == counted
    assert fenced == sum(counted.values())

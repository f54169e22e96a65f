"""`recovery holds release`, as people type it, where a release does not do all that they may expect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.adapters.database.engine import open_store
from recovery.cli import main
from recovery.policy.holds import hold_artifact_name, hold_bytes
from recovery.rehearsal.records import ScriptedJob
from recovery.warden import MOST_RUNS
from tests import rollback_builders as rolled
from tests.integration.doors import Ended, shell
from tests.integration.shop import Shop
from tests.integration.stage import REPOSITORY, Stage

Command = Callable[..., Ended]


@pytest.fixture
def shop(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop, and a shell in a folder that is configured for rollbacks."""
    folder = tmp_path / "here"
    (folder / ".github").mkdir(parents=True)
    (folder / ".github/recovery.yml").write_text("version: 1\nrollback: {Deploy: {kind: redispatch}}\n")
    monkeypatch.chdir(folder)
    for name, value in shell(stage.server).items():
        monkeypatch.setenv(name, value)
    return Shop(stage, tmp_path / "shop", open_store("recovery.db"))


@pytest.fixture
def release(capsys: pytest.CaptureFixture[str]) -> Command:
    """Release a commit."""

    def run(sha: str, *options: str) -> Ended:
        capsys.readouterr()
        code = main(("holds", "release", sha, *options))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


def leave(shop: Shop, content: str, path: str = ".github/workflows/rollback.yml") -> int:
    """An artifact named like a hold on the bad commit, which a run of a workflow on the default branch left."""
    run = shop.world.add_run(
        [ScriptedJob(name="x")], workflow="X", path=path, event="workflow_dispatch", head_branch="main"
    )
    return shop.world.vault.add_artifact(run, hold_artifact_name(shop.bad), {"hold.json": content}).id


def test_release_warns_of_a_rollback_that_goes_on(shop: Shop, release: Command) -> None:
    """Nothing stops it, and its run may not have begun."""
    shop.keep(shop.good_run, shop.good, "ckpt-good0001")
    assert 0 == main(("rollback", "--reason", "manual_fix"))
    (state,) = open_store("recovery.db").recoveries()

    looked, done = release(shop.bad, "--dry-run"), release(shop.bad)

    warning = f"warning: {state.id} goes on: a release does not stop it"
    assert (0, 0, True, True) == (looked.code, done.code, warning in looked.err, warning in done.err)
    assert f"commit {shop.bad} may be deployed again: Deploy in production\n" == done.out


def test_damaged_artifact_is_deleted_with_all_holds_only(shop: Shop, release: Command) -> None:
    """Whose it is cannot be told; that it stays is."""
    shop.hold(shop.bad)
    damaged = leave(shop, "{")

    one, every = release(shop.bad, "--workflow", "Deploy"), release(shop.bad)

    assert f"warning: artifacts named {hold_artifact_name(shop.bad)} stay: {damaged}. They are damaged" in one.err
    assert (f"commit {shop.bad} may be deployed again: only damaged artifacts were named after it\n", "") == every[1:]
    assert () == tuple(each for each in shop.world.vault.artifacts() if each.name == hold_artifact_name(shop.bad))


def test_what_is_beyond_the_bound_is_named(shop: Shop, release: Command) -> None:
    """So many that the guard stops; how to delete one is told."""
    old = [leave(shop, "{}", ".github/workflows/ci.yml") for _ in range(12)]
    for _ in range(MOST_RUNS - 1):
        leave(shop, "{}", ".github/workflows/ci.yml")
    shop.hold(shop.bad)

    done = release(shop.bad)

    assert f"stay: {', '.join(str(number) for number in reversed(old[2:]))} and 2 more." in done.err
    assert "gh api -X DELETE repos/" in done.err


@pytest.mark.parametrize("digits", [7, 39, 41, 63])
def test_commit_may_be_abbreviated(shop: Shop, release: Command, digits: int) -> None:
    """An id of SHA-1 has 40 digits, one of SHA-256 has 64."""
    given = (shop.bad + "0" * 24)[:digits]
    shop.hold(shop.bad)

    ended = release(given)

    assert (0 if digits < 40 else 4) == ended.code


def test_name_that_would_steer_a_terminal_is_shown_harmlessly(shop: Shop, release: Command) -> None:
    """It comes from a tag, which anybody may have pushed."""
    strange = rolled.make_hold(repository=REPOSITORY, sha=shop.bad, workflow_name="De\x1b[2Jploy\nerror: x")
    leave(shop, hold_bytes(strange).decode())

    assert f"commit {shop.bad} may be deployed again: Deploy error: x in production\n" == release(shop.bad).out

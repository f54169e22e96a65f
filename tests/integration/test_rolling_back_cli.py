"""`recovery rollback` and `recovery holds`, as people type them, on the local GitHub."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.database.engine import open_store
from recovery.cli import main
from recovery.errors import NotFoundError
from tests.integration.doors import Ended, shell
from tests.integration.shop import Shop
from tests.integration.stage import Stage

CONFIGURATION = "version: 1\nrollback: {Deploy: {kind: redispatch}}\n"
GOOD = "ckpt-good0001"
UNDECODABLE = os.fsdecode(b"caf\xe9")
SECRET = f"ghp_{'a1B2' * 9}"
Command = Callable[..., Ended]


@pytest.fixture
def recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, in a folder that is configured for rollbacks."""
    folder = tmp_path / "here"
    (folder / ".github").mkdir(parents=True)
    (folder / ".github/recovery.yml").write_text(CONFIGURATION)
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def shop(stage: Stage, recovery: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop, and a shell that is set up for it."""
    assert recovery
    for name, value in shell(stage.server).items():
        monkeypatch.setenv(name, value)
    made = Shop(stage, tmp_path / "shop", open_store("recovery.db"))
    made.keep(made.good_run, made.good, GOOD)
    return made


def documents(ended: Ended) -> list[dict[str, Any]]:
    """What a command printed with `--json`."""
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def bring_back(shop: Shop, run_id: int) -> None:
    """Let the run that was started deploy, and end well."""
    shop.world.runs.complete(run_id, 1, conclusion="success")


def test_seeds_command_rolls_back(shop: Shop, recovery: Command) -> None:
    """A checkpoint and a reason are enough; the workflow runs again at the good commit, and is watched to its end."""
    ended = recovery("rollback", "--checkpoint-id", GOOD, "--reason", "manual_fix")

    assert (0, [], 1) == (ended.code, ended.errors, shop.dispatches)
    assert f"roll back to commit {shop.good[:7]}" in ended.out
    assert f"commit {shop.bad[:7]} is on hold: a shell cannot upload what `mode: guard` looks for" in ended.err
    assert "the next sweep of the recovery workflow does" in ended.err
    (state,) = open_store("recovery.db").recoveries()
    assert f"`recovery sweep` learns how it ends, and `recovery status --recovery-id {state.id}` shows it" in ended.err
    assert ("rollback", GOOD, "manual_fix") == (
        state.recovery_type,
        state.target_checkpoint_id,
        state.recovery_context["rollback"]["reason"],
    )
    assert state.failure_id.startswith("manual-")
    bring_back(shop, int(state.metadata["reference"]))
    assert ["cleared"] == [document["outcome"] for document in documents(recovery("sweep", "--json"))]
    shown = recovery("status", "--recovery-id", state.id).out
    assert f"commit {shop.good[:7]} of run {shop.good_run.id}, checkpoint {GOOD}" in shown
    assert "completed: rolled back (cleared)" in shown


def test_second_rollback_is_refused(shop: Shop, recovery: Command) -> None:
    """Never twice; the error says who did it."""
    assert 0 == recovery("rollback", "--reason", "manual_fix").code

    ended = recovery("rollback", "--reason", "manual_fix")

    assert (7, 1, 1) == (ended.code, len(ended.errors), shop.dispatches)
    assert "goes on: rec-" in ended.errors[0]
    *_, first = open_store("recovery.db").recoveries()
    assert f"wait for the next sweep; `recovery status --recovery-id {first.id}` tells how it stands" in ended.err


def test_failed_rollback_is_returned_from(shop: Shop, recovery: Command) -> None:
    """The record says by which command; that one goes back to what stood before, though its run had failed."""
    shop.keep(shop.bad_run, shop.bad, "ckpt-bad00001")
    recovery("rollback", "--checkpoint-id", GOOD, "--reason", "manual_fix")
    (state,) = open_store("recovery.db").recoveries()
    shop.world.runs.complete(int(state.metadata["reference"]), 1, conclusion="failure")
    recovery("sweep")

    told = recovery("status", "--recovery-id", state.id).out
    (line,) = [line for line in told.splitlines() if "to go back to what stood before" in line]
    words = shlex.split(line.partition(": ")[2])
    planned = recovery(*words[1:], "--plan")
    done = recovery(*words[1:])

    assert (0, 0, 2) == (planned.code, done.code, shop.dispatches), planned.err + done.err
    assert "Return Deploy in production (redispatch) to what stood before" in planned.out
    assert f"from    {state.id}, which failed half-way, commit {shop.good[:7]}" in planned.out
    assert f"return to commit {shop.bad[:7]}, which stood before" in done.out
    assert "is on hold" not in done.err
    newest = open_store("recovery.db").recoveries()[0]
    assert f"returns from  {state.id}, which failed half-way" in recovery("status", "--recovery-id", newest.id).out


def test_plan_shows_target_and_rejected(shop: Shop, recovery: Command) -> None:
    """Every candidate that was passed over, with all of its reasons; nothing is changed."""
    shop.keep(shop.bad_run, shop.bad, "ckpt-bad00001")

    ended = recovery("rollback", "--plan", "--workflow", "Deploy")

    assert (0, [], []) == (ended.code, ended.errors, shop.stage.writes())
    assert f"target   {GOOD} of run {shop.good_run.id}, commit {shop.good[:7]}" in ended.out
    assert "ckpt-bad00001" in ended.out
    assert "not-successful: " in ended.out
    assert "same-commit: " in ended.out
    assert f"To do it: recovery rollback --checkpoint-id {GOOD}" in ended.out
    assert () == open_store("recovery.db").recoveries()


def test_plan_as_json(shop: Shop, recovery: Command) -> None:
    """One document, whose `rollback` has target and rejected."""
    shop.keep(shop.bad_run, shop.bad, "ckpt-bad00001")

    (document,) = documents(recovery("rollback", "--plan", "--json"))

    assert ("act", "rollback", GOOD) == (
        document["decision"],
        document["strategy"],
        document["rollback"]["target_checkpoint_id"],
    )
    (rejected,) = document["rollback"]["rejected"]
    assert ["not-successful", "same-commit"] == [reason["id"] for reason in rejected["rejections"]]


@pytest.mark.parametrize("option", ["--plan", "--dry-run"])
def test_plan_without_a_target_ends_with_its_code(shop: Shop, recovery: Command, option: str) -> None:
    """A script can ask whether there is anything to go back to."""
    shop.world.vault.delete_artifact(shop.world.vault.artifacts()[0].id)

    ended = recovery("rollback", option, "--run-id", str(shop.bad_run.id))

    assert (12, 1, []) == (ended.code, len(ended.errors), shop.stage.writes())
    assert "artifact-missing" in ended.out + ended.err


def test_force_sets_aside_what_may_be(shop: Shop, recovery: Command) -> None:
    """A hold of the target may be set aside by name, and that is shown; nothing without the name."""
    shop.hold(shop.good)

    refused = recovery("rollback", "--plan")
    forced = recovery("rollback", "--plan", "--force", "on-hold")

    assert (12, 0) == (refused.code, forced.code)
    assert "on-hold: its commit is on hold until" in refused.out
    assert "Set aside, because a person asked" in forced.out
    assert "--force on-hold" in forced.out.splitlines()[-1]


def test_holds_are_listed_and_released(shop: Shop, recovery: Command) -> None:
    """Seven digits will do; afterwards nothing is held."""
    shop.hold(shop.bad)

    shown = recovery("holds")
    (listed,) = documents(recovery("holds", "list", "--json"))
    looked = recovery("holds", "release", shop.bad[:7], "--dry-run")
    before = shop.stage.writes()
    released = recovery("holds", "release", shop.bad[:7], "--reason", "it was the weather", "--json")

    assert f"{shop.bad[:12]}  Deploy in production  until " in shown.out
    assert (shop.bad, "Deploy") == (listed["sha"], listed["workflow_name"])
    assert (f"commit {shop.bad} would be released: Deploy in production\n", []) == (looked.out, before)
    assert {
        "sha": shop.bad,
        "released": True,
        "artifacts": 1,
        "recoveries": [],
        "holds": [{"workflow_name": "Deploy", "environment": "production"}],
    } == json.loads(released.out)
    assert ("No commit is on hold.\n", []) == (recovery("holds").out, documents(recovery("holds", "--json")))


def test_hold_on_record_is_released_with_its_reason(shop: Shop, recovery: Command) -> None:
    """A rollback by hand holds in the database; its release is part of its story."""
    recovery("rollback", "--reason", "manual_fix")
    (state,) = open_store("recovery.db").recoveries()

    ended = recovery("holds", "release", shop.bad, "--reason", "it was the weather")

    assert (0, f"commit {shop.bad} may be deployed again: Deploy in production\n") == (ended.code, ended.out)
    assert "it was the weather" in recovery("status", "--recovery-id", state.id).out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("rollback",), (3, "it is not said why")),
        (("rollback", "--reason", " "), (3, "it is not said why")),
        (("rollback", "--plan", "--force", "unhealthy"), (3, "`unhealthy` cannot be set aside")),
        (("rollback", "--plan", "--force", "on-hold,everything"), (3, "`everything` cannot be set aside")),
        (("rollback", "--plan", "--workflow", "Other"), (4, "no checkpoint of the workflow `Other`")),
        (("rollback", "--plan", "--checkpoint-id", "ckpt-2"), (4, "no checkpoint ckpt-2 is on record")),
        (("rollback", "--plan", "--checkpoint-id", GOOD, "--repository", "o/r"), (3, "not of o/r")),
        (("rollback", "--plan", "--run-id", "99999"), (7, "no such run")),
        (("rollback", "--reason", UNDECODABLE), (3, "`reason` is not valid Unicode: 'caf\\udce9'")),
        (("rollback", "--plan", "--checkpoint-id", UNDECODABLE), (3, "`checkpoint-id` is not valid Unicode")),
        (("rollback", "--plan", "--workflow", UNDECODABLE), (3, "`workflow` is not valid Unicode")),
        (("rollback", "--reason", "r", "--checkpoint-id", ""), (3, "`--checkpoint-id` is empty")),
        (("rollback", "--reason", "r", "--checkpoint-id", " \t"), (3, "`--checkpoint-id` is empty")),
        (("rollback", "--reason", "r", "--request-log", "."), (3, "requests cannot be written down in '.'")),
        (("rollback", "--reason", "r", "--request-log", "a\0b"), (3, "requests cannot be written down in")),
        (("rollback", "--plan", "--request-log", "/nowhere/x"), (3, "No such file or directory")),
        (("holds", "release", UNDECODABLE), (3, "`sha` is not valid Unicode")),
        (("holds", "release", "c" * 40, "--reason", UNDECODABLE), (3, "`reason` is not valid Unicode")),
        (("holds", "release"), (3, "it is not said which commit")),
        (("holds", "release", "main"), (3, "'main' is no commit")),
        (("holds", "release", "1234567"), (4, "nothing holds a commit 1234567")),
        (("holds", "release", "c" * 40), (4, "nothing holds commit ccc")),
        (("holds", "list", "1234567"), (3, "`list` takes neither commit nor workflow")),
    ],
)
def test_bad_input_is_one_error_line(
    shop: Shop, recovery: Command, arguments: tuple[str, ...], expected: tuple[int, str]
) -> None:
    """What is wrong, the documented code, a hint, and nothing sent."""
    ended = recovery(*arguments)

    code, words = expected
    assert (code, 1, "") == (ended.code, len(ended.errors), ended.out)
    assert words in ended.errors[0]
    assert "hint: " in ended.err
    assert [] == shop.stage.writes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("rollback", "--reason", "x" * 1001),
        ("rollback", "--plan", "--reason", "x" * 200_000),
        ("rollback", "--reason", "r", "--checkpoint-id", "x" * 200_000),
        ("rollback", "--reason", "r", "--workflow", "x" * 200_000),
        ("holds", "release", "c" * 40, "--reason", "x" * 1001),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-2]} {len(arguments[-1])}",
)
def test_text_that_is_too_long_is_refused_and_not_repeated(
    shop: Shop, recovery: Command, arguments: tuple[str, ...]
) -> None:
    """What goes into tags and records has a limit, and the error names it in one short line."""
    ended = recovery(*arguments)

    assert (3, 1, "") == (ended.code, len(ended.errors), ended.out)
    assert "String should have at most" in ended.errors[0]
    assert len(ended.errors[0]) < 300
    assert ([], ()) == (shop.stage.writes(), open_store("recovery.db").recoveries())


@pytest.mark.parametrize(
    "arguments",
    [
        ("rollback", "--reason", "r", "--run-id", "0"),
        ("rollback", "--reason", "r", "--run-id", "-1"),
        ("rollback", "--reason", "r", "--workflow", ""),
        ("rollback", "--reason", "r", "--workflow", " "),
        ("holds", "release", "c" * 40, "--workflow", ""),
    ],
)
def test_nothing_stands_for_what_was_given_by_mistake(
    shop: Shop, recovery: Command, arguments: tuple[str, ...]
) -> None:
    """A variable that is not set asks neither for the newest run nor for every workflow."""
    ended = recovery(*arguments)

    assert (2, "", []) == (ended.code, ended.out, shop.stage.writes())
    assert f"error: argument {arguments[-2]}: " in ended.err.splitlines()[-1]


def test_secret_in_a_reason_is_hidden(shop: Shop, recovery: Command, tmp_path: Path) -> None:
    """Neither the record, nor a tag, nor what is shown has it; the rest of the reason stays."""
    recovery("rollback", "--reason", f"leaked {SECRET} to all", "--request-log", "requests.jsonl")
    (state,) = open_store("recovery.db").recoveries()
    recovery("holds", "release", shop.bad, "--reason", f"rotated {SECRET}")

    shown = recovery("status", "--recovery-id", state.id)

    assert "leaked *** to all" == state.recovery_context["rollback"]["reason"]
    assert "rotated ***" in shown.out
    assert SECRET not in shown.out + shown.err
    assert "leaked *** to all" in Path("requests.jsonl").read_text()
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_what_may_be_set_aside_is_named(shop: Shop, recovery: Command) -> None:
    """Whoever forces something else learns what can be forced."""
    ended = recovery("rollback", "--reason", "manual_fix", "--force", "unhealthy")

    assert (3, 0) == (ended.code, shop.dispatches)
    words = "wrong-branch, structure-changed, on-hold, environment-differs and dependencies-differ"
    assert f"hint: `--force` takes {words}" in ended.err


def test_examples_of_the_help_are_true(shop: Shop, recovery: Command) -> None:
    """Each one is taken as it stands; one with an id of its own lacks only that checkpoint."""
    shown = recovery("rollback", "--help").out
    examples = [shlex.split(line) for line in shown.splitlines() if line.startswith("  recovery rollback ")]

    codes = [recovery(*words[1:]).code for words in examples]

    assert [0, 0, NotFoundError.exit_code] == codes
    assert 1 == shop.dispatches


def test_workflow_that_is_not_configured_is_told_what_to_write(shop: Shop, recovery: Command) -> None:
    """The hint is a line of YAML."""
    Path(".github/recovery.yml").write_text("version: 1\n")

    ended = recovery("rollback", "--checkpoint-id", GOOD, "--reason", "manual_fix")

    assert (3, []) == (ended.code, shop.stage.writes())
    assert 'rollback: {"Deploy": {kind: redispatch}}' in ended.err


def test_checkpoint_that_nobody_knows_needs_no_repository(recovery: Command) -> None:
    """Before anything is asked of GitHub; the hint says how to find one."""
    ended = recovery("rollback", "--checkpoint-id", "checkpoint_789", "--reason", "manual_fix")

    assert (4, 1) == (ended.code, len(ended.errors))
    assert "checkpoint_789" in ended.errors[0]
    assert "last-known-good" in ended.err


def test_initiate_rolls_a_failure_back(shop: Shop, recovery: Command) -> None:
    """The strategy by its name, for a failure on record."""
    recovery("recover", str(shop.bad_run.id))
    failure_id = f"fail-{shop.bad_run.id}-1-{shop.bad_run.latest.jobs[0].id}"

    ended = recovery("initiate", "--failure-id", failure_id, "--type", "rollback", "--json")

    assert (0, 1) == (ended.code, shop.dispatches), ended.err
    assert ["rollback"] == [document["strategy"] for document in documents(ended)]

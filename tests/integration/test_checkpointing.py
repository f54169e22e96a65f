"""A checkpoint of the running job: what it records, what it never records, what it refuses, and being killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from recovery.adapters.content.restoring import restore_content
from recovery.adapters.content.staging import commit, prepare
from recovery.adapters.content.table import decode_table
from recovery.adapters.vault import DirectoryVault, Progress
from recovery.app.checkpointing import Place, SavedCheckpoint, save_checkpoint
from recovery.app.job import RunningJob
from recovery.errors import InputError, StateError
from recovery.models.checkpoint import PACKS, TABLE, Content, parse_artifact_name, particulars_of
from recovery.models.manifest import digest_of
from recovery.settings import Settings
from tests.integration.doors import ROOT, start

JOB = RunningJob(
    repository="octo/repo",
    workflow_name="CI",
    run_id="42",
    attempt=2,
    commit_sha="a" * 40,
    job_id="77",
    job="build",
    matrix={"os": "ubuntu-24.04", "node": 20},
    ref="refs/heads/feature",
    event="push",
)
TOKEN = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A job's place, with a workspace."""
    workspace = tmp_path / "workspace"
    for path, text in (
        ("uv.lock", "locked"),
        ("sub/requirements.txt", "requests"),
        ("build/app.o", "object" * 1000),
        ("build/lib.so", "library" * 1000),
        ("build/.npmrc", f"//registry/:_authToken={TOKEN}"),
    ):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(text)
    use = tmp_path / "use"
    return Place(
        workspace=workspace,
        checkpoints=use / "checkpoints",
        store=use / "content",
        variables={"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "PATH": os.environ["PATH"]},
    )


def save(place: Place, job: RunningJob = JOB, **settings: Any) -> SavedCheckpoint:
    """Save a checkpoint of that name, unless another is given."""
    return save_checkpoint(job, Settings(**{"name": "built"} | settings), place)


def content_of(saved: SavedCheckpoint) -> Content:
    """The content of a checkpoint that has some."""
    content = particulars_of(saved.checkpoint).content
    assert content is not None
    return content


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- identity --------------------------------------------------------------------------------------------------------


def test_checkpoint_is_the_seeds_record(place: Place) -> None:
    """Every field of the seed, from the runner and the inputs."""
    saved = save(place, type="workflow", state={"step": "build"}, job_status="success")

    checkpoint = saved.checkpoint
    assert ("octo/repo", "CI", "42", "a" * 40, "workflow", "built", {"step": "build"}) == (
        checkpoint.repository,
        checkpoint.workflow_name,
        checkpoint.run_id,
        checkpoint.commit_sha,
        checkpoint.checkpoint_type,
        checkpoint.checkpoint_name,
        checkpoint.workflow_state,
    )
    assert [saved.artifact_name] == checkpoint.artifacts


def test_particulars_say_which_job_it_was(place: Place) -> None:
    """Attempt, job, leg of the matrix, ref, event and status: what tells two jobs of a run apart."""
    particulars = particulars_of(save(place, job_status="success").checkpoint)

    assert (2, "77", "build", {"os": "ubuntu-24.04", "node": 20}, "refs/heads/feature", "push", "success") == (
        particulars.attempt,
        particulars.job_id,
        particulars.job,
        particulars.matrix,
        particulars.ref,
        particulars.event,
        particulars.job_status,
    )
    assert particulars.content is None


def test_manifest_can_be_read_again_and_has_the_digest_told(place: Place) -> None:
    """What is uploaded is what was recorded."""
    saved = save(place, path=("build",))

    manifest = saved.directory / "manifest.json"
    assert saved.digest == digest_of(manifest.read_bytes())
    assert 1 == json.loads(manifest.read_text())["schema_version"]
    assert saved.checkpoint == DirectoryVault(place.checkpoints).get(saved.checkpoint.id)


def test_artifacts_name_says_whose_it_is_and_is_never_the_same(place: Place) -> None:
    """Run, attempt, job and name, and a nonce: a repeated checkpoint does not collide."""
    first, second = save(place), save(place)

    assert first.artifact_name != second.artifact_name
    name = parse_artifact_name(first.artifact_name)
    assert name is not None
    assert (42, 2, 77, "built", True) == (
        name.run_id,
        name.attempt,
        name.job_id,
        name.name,
        name.names(first.checkpoint.id),
    )


def test_job_without_an_id_is_zero(place: Place) -> None:
    """Where the runner does not tell the job's id, the name stays whole."""
    saved = save(place, JOB.model_copy(update={"job_id": ""}))

    assert saved.artifact_name.startswith("recovery-checkpoint.42.2.0.built.")


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a/b", "a.b", "ä", "a" * 65, "a\n", "${{ x }}"])
def test_names_that_are_none(place: Place, name: str) -> None:
    """A name becomes part of an artifact's name, and of an output."""
    with pytest.raises(InputError, match="`name` must be"):
        save(place, name=name)


@pytest.mark.parametrize("name", ["a", "Build-complete_2", "a" * 64, "0"])
def test_names_that_are_fine(place: Place, name: str) -> None:
    """Letters, digits, `-` and `_`, up to 64."""
    assert name == save(place, name=name).checkpoint.checkpoint_name


# --- environment -----------------------------------------------------------------------------------------------------


def test_only_named_variables_are_recorded(place: Place) -> None:
    """An allow-list: the runner's kind, and what was asked for and is set."""
    place = replace(place, variables={"RUNNER_OS": "Linux", "COLOUR": "blue", "OTHER": "private"})

    assert {"RUNNER_OS": "Linux", "COLOUR": "blue"} == (
        save(place, environment=("COLOUR", "UNSET")).checkpoint.environment_context
    )


def test_what_needs_to_be_compatible_only_is_marked(place: Place) -> None:
    """The runner's image always, and what is written with a tilde; a person's line outweighs the default."""
    variables = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "ImageOS": "ubuntu24", "ImageVersion": "20260101.1.0"}
    place = replace(place, variables=variables | {"LEVEL": "1.2", "EXACT": "3"})

    default = particulars_of(save(place, environment=("~LEVEL", "EXACT")).checkpoint).compatible
    changed = particulars_of(save(place, environment=("~RUNNER_ARCH", "ImageOS")).checkpoint).compatible

    assert ("ImageOS", "ImageVersion", "LEVEL") == default
    assert ("RUNNER_ARCH", "ImageVersion") == changed


def test_versions_of_tools_are_recorded(place: Place) -> None:
    """Strict, or with a tilde compatible; validation asks for them by the same names."""
    saved = save(place, environment=("tool:git", "~tool:python3"))

    version = ".".join(map(str, sys.version_info[:2]))
    context = saved.checkpoint.environment_context
    assert {"RUNNER_OS", "RUNNER_ARCH", "tool:git", "tool:python3"} == set(context)
    assert ("tool:python3",) == particulars_of(saved.checkpoint).compatible
    assert context == DirectoryVault(place.checkpoints, variables=place.variables).environment(context), version


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tool:no-such-tool", "no-such-tool is not on PATH"),
        ("~tool:no-such-tool", "no-such-tool is not on PATH"),
        ("tool:", "names neither"),
        ("tool:../x", "names neither"),
        ("tool:a b", "names neither"),
        ("tool:-v", "names neither"),
        ("COLOUR=blue", "names neither"),
        ("", "names neither"),
        ("~", "names neither"),
        ("~~COLOUR", "names neither"),
        ("1ST", "names neither"),
        ("A B", "names neither"),
    ],
)
def test_lines_that_name_nothing(place: Place, line: str, said: str) -> None:
    """A tool that is not there, or what is neither a variable's nor a tool's name."""
    with pytest.raises(InputError, match=said):
        save(place, environment=("PATH", line))

    assert not place.checkpoints.exists()


def test_list_that_is_no_list_any_more(place: Place) -> None:
    """The whole environment, name by name, is the whole environment."""
    with pytest.raises(InputError, match="names 105 things"):
        save(place, environment=tuple(f"NAME_{number}" for number in range(101)))


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "npm_token",
        "MY_SECRET",
        "DB_PASSWORD",
        "passwd",
        "PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "API_KEY",
        "PRIVATE_PEM",
        "GCP_CREDENTIALS",
        "~MY_TOKEN",
    ],
)
def test_variables_that_look_like_secrets_are_refused(place: Place, name: str) -> None:
    """Checkpoints can be read by everyone who can read the repository."""
    with pytest.raises(InputError, match=f"{name.removeprefix('~')} looks like a secret"):
        save(place, environment=("PATH", name))

    assert not place.checkpoints.exists()


@pytest.mark.parametrize(
    "value",
    [
        TOKEN,
        f"https://x-access-token:{TOKEN}@github.com/o/r",
        "https://user:hunter22@registry.example",
        "Authorization: Basic dXNlcjpodW50ZXIy",
        "-Dpassword=kX9vQ2mP4tZ8",
        "-----BEGIN PRIVATE KEY-----\nMII",
        "x" * 10_000 + " " + TOKEN,
    ],
)
def test_values_that_look_like_secrets_are_refused_and_not_told(place: Place, value: str) -> None:
    """Under whatever name they come; the error names the variable only."""
    place = replace(place, variables={"HARMLESS": value})

    with pytest.raises(InputError, match="the value of HARMLESS looks like a secret") as caught:
        save(place, environment=("HARMLESS",))

    assert value[-20:] not in caught.value.message
    assert not place.checkpoints.exists()


@pytest.mark.parametrize(
    "state",
    [{"a": TOKEN}, {"a": [{"b": f"x {TOKEN}"}]}, {"a": "https://me:hunter22@host"}, {"a": "x" * 9000 + " " + TOKEN}],
)
def test_state_that_looks_like_it_holds_a_secret_is_refused(place: Place, state: dict[str, Any]) -> None:
    """However deep in it; the error names the key only."""
    with pytest.raises(InputError, match="the value of 'a' looks like it holds a secret") as caught:
        save(place, state=state)

    assert TOKEN not in caught.value.message
    assert not place.checkpoints.exists()


def test_nothing_secret_is_anywhere_in_a_checkpoint(place: Place) -> None:
    """Neither the environment's nor the workspace's: not in the manifest, the table, the packs or the store."""
    place = replace(place, variables={**place.variables, "GITHUB_TOKEN": TOKEN, "RECOVERY_INPUTS": TOKEN})

    saved = save(place, path=(".",), environment=("tool:git",), state={"step": "build"})

    assert ["build/app.o", "build/lib.so", "sub/requirements.txt", "uv.lock"] == table_of(saved)
    assert [] == [path for path, content in files_in(place.checkpoints.parent).items() if TOKEN.encode() in content]


# --- dependencies ----------------------------------------------------------------------------------------------------


def test_dependencies_are_recorded_by_digest(place: Place) -> None:
    """Patterns become files, each once, with the digest of its content."""
    checkpoint = save(place, dependencies=("uv.lock", "*.lock", "**/requirements*.txt")).checkpoint

    assert ["sub/requirements.txt", "uv.lock"] == checkpoint.dependencies
    digest = f"sha256:{hashlib.sha256(b'locked').hexdigest()}"
    assert digest == checkpoint.metadata["dependency_digests"]["uv.lock"]


def test_dependencies_can_be_taken_out(place: Place) -> None:
    """As in `path`: a folder means all in it, `!` takes out."""
    assert ["sub/requirements.txt"] == save(place, dependencies=(".", "!build", "!*.lock")).checkpoint.dependencies


@pytest.mark.parametrize(
    "pattern", ["/etc/passwd", "../x", "sub/../../x", "missing", "**.txt", "[", "*.none", "~/x", "!uv.lock", "empty"]
)
def test_dependencies_that_are_no_files_of_the_workspace(place: Place, pattern: str) -> None:
    """Outside, missing, nothing in it, or no pattern at all: bad input, and nothing is written."""
    (place.workspace / "empty").mkdir()

    with pytest.raises(InputError, match="`dependencies`"):
        save(place, dependencies=(pattern,))

    assert not place.checkpoints.exists()


def test_every_pattern_of_the_dependencies_must_match(place: Place) -> None:
    """A lock file that was renamed would otherwise never be compared again."""
    with pytest.raises(InputError, match=r"package-lock\.json matches no file"):
        save(place, dependencies=("uv.lock", "package-lock.json"))


# --- content ---------------------------------------------------------------------------------------------------------


def table_of(saved: SavedCheckpoint) -> list[str]:
    """The paths in a checkpoint's table."""
    table = decode_table((saved.directory / TABLE).read_bytes(), limit=1_000_000, source=TABLE)
    return [entry.path for entry in table.entries]


def test_folder_holds_manifest_table_and_packs_and_nothing_hidden(place: Place) -> None:
    """Everything that the manifest names, under names that the upload takes."""
    saved = save(place, path=("build",))

    content = content_of(saved)
    packs = {f"{PACKS}/{pack.digest}.zst" for pack in content.packs}
    assert {"manifest.json", TABLE} | packs == set(files_in(saved.directory))
    assert [] == [path for path in saved.directory.rglob("*") if path.name.startswith(".")]
    assert (2, 13_000) == (content.files, content.bytes)


def test_without_path_there_is_state_only(place: Place) -> None:
    """Nothing but the manifest."""
    saved = save(place, state={"step": "build"})

    assert ["manifest.json"] == list(files_in(saved.directory))
    assert saved.measure.startswith("state only, ")


def test_measure_tells_how_much_it_is(place: Place) -> None:
    """Files, size, what is stored of it, what of that is new, and what the earlier checkpoint spared."""
    (place.workspace / "build" / "large").write_bytes(os.urandom(1_000_000))
    for path in (place.workspace / "build").iterdir():
        os.utime(path, (1, 1))

    first, second = (save(place, path=("build",)).measure for _ in range(2))

    assert first.startswith("3 files, 1.0 MB, 1.0 MB stored, 1.0 MB of it new, 0 not read again, ")
    assert second.startswith("3 files, 1.0 MB, 1.0 MB stored, 0.0 MB of it new, ")


def test_what_was_left_out_is_told(place: Place) -> None:
    """How many, the first of them by name, and what to do about it."""
    for number in range(7):
        (place.workspace / "build" / f"server{number}.key").touch()

    warnings = save(place, path=("build", "typo/**")).warnings

    assert "`path`: typo/** matches nothing" == warnings[0]
    assert warnings[1].startswith("`path`: left out because it may hold credentials: build/.npmrc, build/server")
    assert " and 3 more. Name it literally" in warnings[1]


def test_path_that_matches_nothing_is_an_error(place: Place) -> None:
    """A job that restores nothing would say nothing."""
    with pytest.raises(InputError, match=r"`path`: dist/\*\* matches no file"):
        save(place, path=("dist/**",))

    assert not place.checkpoints.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("build/BUILD/x", "is fine"),
        ("build/APP.o", "one file where case"),
        ("build/a\\b", "backslash"),
        ("build/a\nb", "control character"),
    ],
)
def test_files_that_could_not_be_restored_are_not_saved(place: Place, name: str, said: str) -> None:
    """It is told now, to those who can still do something; afterwards there would only be a useless artifact."""
    (place.workspace / name).parent.mkdir(parents=True, exist_ok=True)
    (place.workspace / name).touch()

    if said == "is fine":
        assert 3 == content_of(save(place, path=("build",))).files
        return
    with pytest.raises(InputError, match=said):
        save(place, path=("build",))
    assert [] == [path for path in place.checkpoints.iterdir() if path.is_dir()]


@pytest.mark.parametrize("target", ["/usr/bin/python3", "../../outside", "../build/../../x"])
def test_links_that_lead_out_of_the_workspace_are_not_saved(place: Place, target: str) -> None:
    """A virtual environment's interpreter, for one; taken out, the rest is saved."""
    (place.workspace / "build" / "python").symlink_to(target)

    with pytest.raises(InputError, match=r"could not be restored: 'build/python' is a link to"):
        save(place, path=("build",))
    assert 2 == content_of(save(place, path=("build", "!**/python"))).files


def test_checkpoints_are_not_in_checkpoints(place: Place) -> None:
    """Where the runner's temporary folder lies in the workspace, and even where somebody names it."""
    inside = replace(
        place, checkpoints=place.workspace / "_temp" / "checkpoints", store=place.workspace / "_temp" / "content"
    )

    save(inside, path=(".", "_temp"))
    saved = save(inside, path=(".", "_temp"))

    assert [] == [path for path in table_of(saved) if path.startswith("_temp/")]


def test_equal_trees_have_equal_content(place: Place, tmp_path: Path) -> None:
    """Two checkpoints of the same files, one made anew from nothing."""
    first = content_of(save(place, path=("build",)))
    second = content_of(save(replace(place, checkpoints=tmp_path / "other", store=tmp_path / "store"), path=("build",)))

    assert (first.tree_digest, first.packs) == (second.tree_digest, second.packs)


# --- one checkpoint after another ------------------------------------------------------------------------------------


def done(saved: SavedCheckpoint) -> tuple[str, ...]:
    """What a checkpoint says is done."""
    return particulars_of(saved.checkpoint).done


def test_what_is_done_adds_up(place: Place) -> None:
    """In order, and each name once, also when a step is done again."""
    expected = [("built",), ("built", "tested"), ("built", "tested"), ("built", "tested", "packed")]
    assert expected == [done(save(place, name=name)) for name in ("built", "tested", "built", "packed")]


@pytest.mark.parametrize("status", ["failure", "cancelled"])
def test_what_failed_does_not_count_as_done(place: Place, status: str) -> None:
    """A step with `if: always()` saves what there is: files and state, but the next attempt does the step again."""
    save(place, name="built")
    failed = save(place, name="tested", path=("build",), state={"row": 7}, job_status=status)

    assert (("built",), 2, {"row": 7}, status) == (
        done(failed),
        content_of(failed).files,
        failed.checkpoint.workflow_state,
        particulars_of(failed.checkpoint).job_status,
    )
    assert failed.measure.endswith(f"; `tested` does not count as done, because the job's status is '{status}'")
    assert ("built", "packed") == done(save(place, name="packed", job_status="success"))


def test_another_job_in_the_same_place_begins_anew(place: Place) -> None:
    """Another leg, another attempt, another run: what was done there is not done here."""
    save(place, name="built")

    for change in ({"matrix": {"os": "macos-15"}}, {"attempt": 3}, {"run_id": "43"}, {"job": "test"}):
        assert ("tested",) == done(save(place, JOB.model_copy(update=change), name="tested"))
        save(place, name="built")


def test_what_was_done_before_the_restore_counts(place: Place) -> None:
    """A job that continued from a checkpoint goes on from what that one had."""
    earlier = save(place, JOB.model_copy(update={"attempt": 1}), name="compiled").checkpoint
    DirectoryVault(place.checkpoints).advance(Progress(owner=JOB.owner, latest=earlier.id))

    assert ("compiled", "tested") == done(save(place, name="tested"))


@pytest.mark.parametrize("damage", ["gone", "torn", "foreign"])
def test_damaged_latest_checkpoint_makes_less_count_as_done(place: Place, damage: str) -> None:
    """Then the next attempt does more than it would have to, which is right."""
    folder = save(place, name="built").directory
    match damage:
        case "gone":
            (folder / "manifest.json").unlink()
        case "torn":
            (folder / "manifest.json").write_text("{")
        case _:
            (folder.parent / "latest.json").write_text("[]")

    assert ("tested",) == done(save(place, name="tested"))


def test_incremental_checkpoint_leaves_out_what_the_base_has(place: Place) -> None:
    """The base is the first checkpoint with content that stands alone; the depth is never more than one."""
    (place.workspace / "build" / "old.o").write_bytes(os.urandom(50_000))
    save(place, name="state")
    first = save(place, name="one", path=("build",), incremental=True)
    (place.workspace / "build" / "new.o").write_bytes(os.urandom(5000))
    second = save(place, name="two", path=("build",), incremental=True)
    (place.workspace / "build" / "newer.o").write_bytes(os.urandom(5000))
    third = save(place, name="three", path=("build",), incremental=True)

    assert [None, first.checkpoint.id, first.checkpoint.id] == [
        content_of(each).base for each in (first, second, third)
    ]
    assert 4 == content_of(second).files
    own = sum(pack.size for pack in content_of(second).packs)
    assert 5000 <= own < 6000


def test_checkpoint_is_self_contained_unless_asked(place: Place) -> None:
    """An earlier one makes it cheaper, not smaller."""
    save(place, path=("build",))

    assert content_of(save(place, path=("build",))).base is None


def test_base_of_another_run_is_none(place: Place) -> None:
    """A checkpoint that was restored by its id may be gone tomorrow; only this run's own is built on."""
    other = save(place, JOB.model_copy(update={"run_id": "41"}), path=("build",)).checkpoint
    DirectoryVault(place.checkpoints).advance(Progress(owner=JOB.owner, latest=other.id, base=other.id))

    assert content_of(save(place, path=("build",), incremental=True)).base is None


# --- killed, and failing ---------------------------------------------------------------------------------------------


def test_failing_save_leaves_nothing_behind(place: Place) -> None:
    """A place that cannot be written is one clear error, and the checkpoint before stays the latest."""
    first = save(place, name="built", path=("build",))
    blocked = replace(place, store=place.workspace / "uv.lock")

    with pytest.raises(StateError):
        save(blocked, name="tested", path=("build",))

    folders = [path for path in place.checkpoints.iterdir() if path.is_dir()]
    assert [first.directory] == folders
    assert ("built", "packed") == done(save(place, name="packed"))


def runner(place: Place, name: str, **inputs: str) -> dict[str, str]:
    """The environment of the step `mode: checkpoint`."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": JOB.repository,
        "GITHUB_WORKFLOW": JOB.workflow_name,
        "GITHUB_RUN_ID": JOB.run_id,
        "GITHUB_RUN_ATTEMPT": str(JOB.attempt),
        "GITHUB_SHA": JOB.commit_sha,
        "GITHUB_REF": JOB.ref,
        "GITHUB_EVENT_NAME": JOB.event,
        "GITHUB_JOB": JOB.job,
        "GITHUB_WORKSPACE": str(place.workspace),
        "RECOVERY_CHECK_RUN_ID": JOB.job_id,
        "RECOVERY_MATRIX": json.dumps(JOB.matrix),
        "RECOVERY_DIRECTORY": str(place.checkpoints.parent),
        "RECOVERY_INPUTS": json.dumps(
            {"mode": "checkpoint", "name": name, "path": "build", "github-token": ""} | inputs
        ),
    }


def test_step_tells_the_same_job_as_the_runner(place: Place) -> None:
    """What the runner's variables say ends up in the particulars, and the job's own checkpoints are found again."""
    save(place, name="built")

    ended = start("-m", "recovery.action", folder=place.workspace, environment=runner(place, "tested"))

    assert 0 == ended.code, ended
    latest = DirectoryVault(place.checkpoints).progress(JOB.owner)
    assert latest is not None
    checkpoint = DirectoryVault(place.checkpoints).get(latest.latest)
    assert checkpoint is not None
    particulars = particulars_of(checkpoint)
    assert (("built", "tested"), JOB.matrix, "build", "77", JOB.ref) == (
        particulars.done,
        particulars.matrix,
        particulars.job,
        particulars.job_id,
        particulars.ref,
    )
    assert "left out because it may hold credentials: build/.npmrc" in ended.out


def test_step_after_a_failure_tells_that_nothing_is_done(place: Place) -> None:
    """The printed line says so, so that nobody wonders why the next attempt does it again."""
    environment = runner(place, "tests", **{"job-status": "failure"})

    ended = start("-m", "recovery.action", folder=place.workspace, environment=environment)

    assert 0 == ended.code, ended
    assert "`tests` does not count as done, because the job's status is 'failure'" in ended.out
    (manifest,) = [json.loads(path.read_text()) for path in place.checkpoints.glob("*/manifest.json")]
    assert [] == manifest["metadata"]["done"]


def test_step_with_files_loads_no_vendor(place: Place) -> None:
    """The packages of a job's checkpoints are few: what is not installed there cannot be needed."""
    program = (
        "import sys; from recovery.action import main; code = main();"
        "print(sorted({'github', 'requests', 'sqlalchemy', 'alembic', 're2', 'rich'} & set(sys.modules)));"
        "sys.exit(code)"
    )

    inputs = {"dependencies": "uv.lock", "environment": "tool:git"}
    ended = start("-c", program, folder=place.workspace, environment=runner(place, "built", **inputs))

    assert (0, "[]") == (ended.code, ended.out.splitlines()[-1])


@pytest.mark.parametrize(("matrix", "leg"), [("null", {}), ("", {}), ("{}", {}), ('{"a": [1, "x"]}', {"a": [1, "x"]})])
def test_job_without_a_matrix_has_an_empty_leg(place: Place, matrix: str, leg: dict[str, Any]) -> None:
    """`toJSON(matrix)` is `null` there."""
    environment = runner(place, "built") | {"RECOVERY_MATRIX": matrix}

    ended = start("-m", "recovery.action", folder=place.workspace, environment=environment)

    assert 0 == ended.code, ended
    manifests = [json.loads(path.read_text()) for path in place.checkpoints.glob("*/manifest.json")]
    assert [leg] == [manifest["metadata"]["matrix"] for manifest in manifests]


@pytest.mark.parametrize("matrix", ["{", "[]", "1", "[" * 100_000])
def test_matrix_that_is_none_is_refused(place: Place, matrix: str) -> None:
    """Guessing would mix the legs up."""
    environment = runner(place, "built") | {"RECOVERY_MATRIX": matrix}

    ended = start("-m", "recovery.action", folder=place.workspace, environment=environment)

    assert (3, 1) == (ended.code, len(ended.errors))
    assert "RECOVERY_MATRIX" in ended.errors[0]


def assert_complete(folder: Path) -> None:
    """Whatever has a manifest has all that the manifest names, with the digests that it names."""
    checkpoint = DirectoryVault(folder.parent).get(folder.name)
    assert checkpoint is not None
    content = particulars_of(checkpoint).content
    assert content is not None
    assert content.table_digest == blake3((folder / TABLE).read_bytes()).hexdigest()
    for pack in content.packs:
        assert pack.digest == blake3((folder / PACKS / f"{pack.digest}.zst").read_bytes()).hexdigest()


def test_steps_at_the_same_time_make_whole_checkpoints(place: Place) -> None:
    """One waits for the other: neither takes the other's folder for what a killed one left, and both count as done."""
    for number in range(40):
        (place.workspace / "build" / f"{number}.bin").write_bytes(os.urandom(250_000))
    names = ("one", "two", "three")

    with ThreadPoolExecutor() as threads:
        ended = list(
            threads.map(
                lambda name: start("-m", "recovery.action", folder=place.workspace, environment=runner(place, name)),
                names,
            )
        )

    assert [0, 0, 0] == [each.code for each in ended], ended
    folders = [path for path in place.checkpoints.iterdir() if path.is_dir()]
    assert len(names) == len(folders)
    for folder in folders:
        assert_complete(folder)
    latest = DirectoryVault(place.checkpoints).progress(JOB.owner)
    assert latest is not None
    checkpoint = DirectoryVault(place.checkpoints).get(latest.latest)
    assert checkpoint is not None
    assert set(names) == set(particulars_of(checkpoint).done)


def test_killed_restore_is_finished_before_anything_is_saved(place: Place) -> None:
    """A tree that is half moved is no state that anything was ever in."""
    staging = prepare(place.workspace)
    (staging.files / "build").mkdir()
    for name in ("app.o", "lib.so"):
        (staging.files / "build" / name).write_text("restored")
    commit(staging, [])
    (staging.files / "build" / "app.o").replace(place.workspace / "build" / "app.o")

    saved = save(place, path=("build",))

    restored = place.checkpoints.parent / "restored"
    restore_content(saved.directory, content_of(saved), restored)
    assert {"build/app.o": b"restored", "build/lib.so": b"restored"} == files_in(restored)


def test_lock_file_outside_the_workspace_is_refused(place: Place) -> None:
    """What a link leads to there is none of the job's files."""
    (place.workspace.parent / "outside").write_text("x")
    (place.workspace / "pdm.lock").symlink_to("../outside")

    with pytest.raises(InputError, match=r"pdm\.lock leads to no file in the workspace"):
        save(place, dependencies=("*.lock",))


def test_killed_step_leaves_nothing_that_could_be_restored(place: Place) -> None:
    """At any point: either there is no manifest, or all that it names is there. The next step cleans up and goes on."""
    for number in range(40):
        (place.workspace / "build" / f"{number}.bin").write_bytes(os.urandom(250_000))
    begun = time.monotonic()
    start("-m", "recovery.action", folder=place.workspace, environment=runner(place, "whole"))
    whole = time.monotonic() - begun

    for part in range(6, 21, 2):
        (place.workspace / "build" / f"{part}.bin").write_bytes(os.urandom(250_000))
        process = subprocess.Popen(
            [sys.executable, "-m", "recovery.action"],
            cwd=place.workspace,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **runner(place, f"part-{part}")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(whole * part / 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for manifest in place.checkpoints.glob("*/manifest.json"):
            assert_complete(manifest.parent)

    ended = start("-m", "recovery.action", folder=place.workspace, environment=runner(place, "after"))

    assert 0 == ended.code, ended
    folders = [path for path in place.checkpoints.iterdir() if path.is_dir()]
    for folder in folders:
        assert_complete(folder)
    names = {
        particulars_of(found).done[-1] for path in folders if (found := DirectoryVault(path.parent).get(path.name))
    }
    assert {"whole", "after"} <= names

"""A job that continues: what it finds, what it refuses and why, and that a refusal leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recovery.app.continuing import MOST_LISTED
from recovery.app.restoring import PERMISSION, Restored, restore_checkpoint
from recovery.errors import (
    AuthenticationError,
    CheckpointRejected,
    ForgeError,
    ForgeUnavailable,
    InputError,
    RateLimited,
)
from recovery.models.checkpoint import Content
from recovery.models.manifest import manifest_bytes
from recovery.models.records import RecoveryType
from recovery.policy.continuation import FIRST_ATTEMPT, FULL_RERUN
from recovery.ports import Forge
from recovery.settings import Settings
from tests import builders as make
from tests.adapters.content.forging import Forgery
from tests.fakes.forge import zip_of
from tests.integration.checkpoints import OTHER_LEG, RECOVERY_RUN, RUN, Left, identity, planned, refused

BUILT = {"build": b"", "build/app.bin": b"x" * 5000, "build/log": b"done\n", "uv.lock": b"locked\n"}


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """A first attempt that left nothing yet."""
    return Left(tmp_path)


def assert_missed(left: Left, outcome: Restored, reason: str) -> None:
    """Nothing was restored, the reason is told, and nothing is left behind anywhere."""
    assert (False, "", {}, ()) == (outcome.restored, outcome.checkpoint_id, outcome.state, outcome.done)
    assert reason in outcome.reason
    assert left.before == left.files()
    assert [] == [name for name in left.kept() if name != "latest.json"]
    assert left.progress() is None


def test_job_continues_from_what_its_earlier_attempt_left(left: Left) -> None:
    """The files are back, the state and what is done are told, and the next checkpoint follows on."""
    left.leave(workflow_state={"step": "build"}, metadata={"done": ["fetched", "built"]})

    outcome = left.restore()

    assert (True, identity(1), {"step": "build"}, ("fetched", "built"), 2, 5005) == (
        outcome.restored,
        outcome.checkpoint_id,
        outcome.state,
        outcome.done,
        outcome.files,
        outcome.bytes,
    )
    assert BUILT == left.files()
    assert [identity(1), "latest.json"] == left.kept()
    progress = left.progress()
    assert progress is not None
    assert (identity(1), identity(1)) == (progress.latest, progress.base)


def test_first_attempt_asks_nothing_of_github(left: Left) -> None:
    """Nothing can be there, so that neither a token nor a request is needed."""
    left.leave()

    outcome = left.restore(left.job(attempt=1, job_id="4201"))

    assert_missed(left, outcome, FIRST_ATTEMPT)
    assert outcome.was_expected
    assert [] == left.calls()


def test_without_a_plan_five_requests_suffice(left: Left) -> None:
    """A person re-ran the jobs: two names that no plan has, the artifacts, the jobs, the download."""
    left.leave()

    assert left.restore().restored
    assert ["artifacts_named"] * 2 + ["artifacts_of_run", "jobs_of_all_attempts", "download_artifact"] == left.calls()


def test_with_a_plan_seven_requests_suffice(left: Left) -> None:
    """The plan costs two more: the run that made it, and its file."""
    left.leave()
    left.plan(planned())

    assert left.restore().restored
    assert [
        *("artifacts_named", "artifacts_named", "run", "artifact_file"),
        *("artifacts_of_run", "jobs_of_all_attempts", "download_artifact"),
    ] == left.calls()


def test_plan_decides_what_is_continued_from(left: Left) -> None:
    """What recovery validated is taken, even where a newer one lies beside it."""
    left.leave(1)
    left.leave(2)
    left.plan(planned(1))

    assert identity(1) == left.restore().checkpoint_id


def test_plan_that_refused_a_checkpoint_is_obeyed(left: Left) -> None:
    """Recovery found a reason to start from the start; no job knows better."""
    left.leave()
    left.plan(planned(errors=("it is damaged",)), strategy=RecoveryType.RETRY)

    outcome = left.restore()

    assert_missed(left, outcome, "recovery rec-1001-1-1 chose a plain retry: The connection to a server was lost.")
    assert ["artifacts_named", "artifacts_named", "run", "artifact_file"] == left.calls()


def test_plan_that_knows_of_no_checkpoint_leaves_it_to_the_job(left: Left) -> None:
    """Recovery did not look, could not, or did not know whose it is: the job searches as without a plan."""
    left.leave(metadata={"job_id": ""})
    left.plan(strategy=RecoveryType.RETRY)

    assert identity(1) == left.restore(left.job(job_id="")).checkpoint_id
    assert [
        *("artifacts_named", "artifacts_named", "run", "artifact_file"),
        *("artifacts_of_run", "jobs_of_all_attempts", "artifact_file", "download_artifact"),
    ] == left.calls()


def test_plan_for_another_checkpoint_than_there_is_means_the_start(left: Left) -> None:
    """Nothing is taken in place of what the plan names."""
    left.leave(1)
    left.plan(planned(2))

    assert_missed(left, left.restore(), f"names {identity(2)}, and GitHub shows this run no artifact that holds it")


def test_planned_checkpoint_must_be_the_one_that_was_looked_at(left: Left) -> None:
    """An artifact that was exchanged since is not the one that was found valid."""
    left.leave()
    left.plan(planned(artifact_digest=f"sha256:{'b' * 64}"))

    assert_missed(left, left.restore(), f"was sha256:{'b' * 64} when it was recorded and is sha256:")


@pytest.mark.parametrize(
    ("run", "artifact"),
    [
        ({"path": ".github/workflows/other.yml"}, {}),
        ({"head_branch": "feature"}, {}),
        ({"event": "pull_request"}, {}),
        ({"head_repository": "stranger/widgets"}, {}),
        ({}, {"head_repository_id": 2}),
        ({}, {"expired": True}),
        ({}, {"run_id": 666}),
    ],
    ids=["other workflow", "other branch", "pull request", "fork's run", "fork's artifact", "expired", "deleted run"],
)
def test_plan_of_somebody_else_is_passed_over(left: Left, run: dict[str, Any], artifact: dict[str, Any]) -> None:
    """A name is free for everybody: only the recovery workflow on the default branch is believed, and that is said."""
    left.leave()
    left.plan(planned(errors=("damaged",)), strategy=RecoveryType.RETRY, **artifact)
    left.forge._runs[RECOVERY_RUN] = left.forge._runs[RECOVERY_RUN].model_copy(update=run)

    outcome = left.restore()

    assert outcome.restored
    assert [True] == ["was passed over" in warning for warning in outcome.warnings]


def test_settings_name_the_workflow_that_is_believed(left: Left) -> None:
    """A repository may call its recovery workflow as it likes."""
    left.leave()
    left.plan(planned(errors=("damaged",)), strategy=RecoveryType.RETRY)

    assert left.restore(recovery_workflow=".github/workflows/mend.yml").restored


def test_newest_plan_counts(left: Left) -> None:
    """A plan that was withdrawn and replaced is older than the one that took place."""
    left.leave()
    left.plan(planned(errors=("damaged",)), strategy=RecoveryType.RETRY, own_attempt=1)
    left.plan(planned(), own_attempt=2)

    assert left.restore().restored


@pytest.mark.parametrize("lines", [b"", b"no plan\n", b'{"kind": "of-tomorrow", "id": "1"}\n'])
def test_plan_that_cannot_be_read_risks_nothing(left: Left, lines: bytes) -> None:
    """It may have said why nothing may be restored."""
    left.leave()
    left.plan(lines=lines)

    assert_missed(left, left.restore(), "the recovery plan cannot be read")


def test_legs_do_not_mix(left: Left) -> None:
    """Each leg finds its own, and one that left nothing finds nothing."""
    left.leave(1)
    second = left.job(job_id="5202", matrix=OTHER_LEG)

    assert_missed(left, left.restore(second), "no earlier attempt of job `test (3.13)` left a checkpoint")

    left.leave(2, metadata={"job_id": "4202", "matrix": OTHER_LEG})
    assert [identity(2), identity(1)] == [left.restore(second).checkpoint_id, left.restore().checkpoint_id]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [({"matrix": OTHER_LEG}, "it is of another leg of the matrix"), ({"job": "lint"}, "it is of another job")],
)
def test_manifest_of_another_leg_is_refused(left: Left, metadata: dict[str, Any], told: str) -> None:
    """Whatever the artifact's name says: the manifest must name this job and leg, too."""
    left.leave(metadata=metadata)

    assert_missed(left, left.restore(), told)


def test_job_without_an_id_finds_its_own_by_manifests(left: Left) -> None:
    """Where the runner does not tell the id, the manifests of all are read until one fits."""
    left.leave(1)
    left.leave(2, metadata={"job_id": "4202", "matrix": OTHER_LEG})

    assert identity(1) == left.restore(left.job(job_id="")).checkpoint_id
    assert 2 == left.forge.called("artifact_file")
    assert 1 == left.forge.called("download_artifact")


def test_job_without_an_id_takes_nothing_of_others(left: Left) -> None:
    """None that fits is a miss, and costs no download."""
    left.leave(metadata={"job_id": "4202", "matrix": OTHER_LEG})

    assert_missed(left, left.restore(left.job(job_id="")), "is of job `test` and its leg of the matrix")
    assert 0 == left.forge.called("download_artifact")


def test_job_that_succeeded_is_run_anew(left: Left) -> None:
    """A person re-ran a green job, or one with `if: always()` was re-run with the one it needs."""
    jobs = [make.make_job(id=4201, name="test (3.12)", conclusion="success"), make.make_job(id=4202, name="other")]
    left.forge.add_run(make.make_run(run_attempt=1, event="push"), jobs)
    left.leave()

    assert_missed(left, left.restore(), "it succeeded in attempt 1, and is run anew")


def test_attempt_that_skipped_the_job_is_passed_over(left: Left) -> None:
    """It did not come to it in the second attempt: the third continues from what the first one left."""
    for attempt, conclusion in ((2, "skipped"), (3, None)):
        job = make.make_job(
            id=3201 + attempt * 1000, name="test (3.12)", run_attempt=attempt, conclusion=conclusion, steps=()
        )
        left.forge.add_run(make.make_run(run_attempt=attempt, event="push"), [job])
    left.leave()

    outcome = left.restore(left.job(attempt=3, job_id="6201"))

    assert (True, identity(1)) == (outcome.restored, outcome.checkpoint_id)


def test_legs_of_equal_display_names_find_their_own(left: Left) -> None:
    """`name: test` for all legs: the manifests tell them apart, whichever is newer."""
    for attempt, first in ((1, 4201), (2, 5201)):
        jobs = [make.make_job(id=first + leg, name="test", run_attempt=attempt) for leg in range(2)]
        left.forge.add_run(make.make_run(run_attempt=attempt, event="push"), jobs)
    left.leave(1)
    left.leave(2, metadata={"job_id": "4202", "matrix": OTHER_LEG})

    second = left.job(job_id="5202", matrix=OTHER_LEG)

    assert [identity(1), identity(2)] == [left.restore().checkpoint_id, left.restore(second).checkpoint_id]


@pytest.mark.parametrize(
    ("made_by", "own", "told"), [("4202", "", "which job this is"), ("", "5201", "which job made")]
)
def test_callers_of_one_workflow_do_not_mix(left: Left, made_by: str, own: str, told: str) -> None:
    """`a / build` and `b / build` have the same key; where an id is missing, neither takes the other's."""
    for attempt, first in ((1, 4201), (2, 5201)):
        jobs = [make.make_job(id=first + n, name=f"{'ab'[n]} / build", run_attempt=attempt) for n in range(2)]
        left.forge.add_run(make.make_run(run_attempt=attempt, event="push"), jobs)
    left.leave(metadata={"job": "build", "matrix": {}, "job_id": made_by})

    outcome = left.restore(left.job(job="build", matrix={}, job_id=own))

    assert_missed(left, outcome, told)
    assert "`a / build` and `b / build` cannot be told apart without its id" in outcome.reason
    assert 0 == left.forge.called("download_artifact")


def test_number_and_truth_are_two_legs(left: Left) -> None:
    """In Python, 1 equals True."""
    left.leave(metadata={"matrix": {"x": 1}})

    assert_missed(left, left.restore(left.job(matrix={"x": True})), "it is of another leg of the matrix")


def damage_pack(directory: Path, content: Content) -> None:
    """Change one byte of a pack."""
    pack = directory / "packs" / f"{content.packs[0].digest}.zst"
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    pack.write_bytes(data)


def remove_pack(directory: Path, content: Content) -> None:
    """Leave a pack out."""
    (directory / "packs" / f"{content.packs[0].digest}.zst").unlink()


def damage_table(directory: Path, content: Content) -> None:
    """Change one byte of the table."""
    table = directory / "files.json.zst"
    table.write_bytes(table.read_bytes()[:-1] + b"\0")
    assert content.table_size == table.stat().st_size


def forged(change: Any) -> Forgery:
    """A checkpoint that is changed after it was made."""
    forgery = Forgery().file("build/app.bin", b"x" * 5000)
    forgery.afterwards.append(change)
    return forgery


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"artifact": {"expired": True}}, "has expired"),
        ({"artifact": {"digest": f"sha256:{'0' * 64}"}}, "is not what was uploaded"),
        ({"repository": "octo-org/other"}, "another repository: expected 'octo-org/widgets', found 'octo-org/other'"),
        ({"run_id": "1002"}, "another run: expected '1001', found '1002'"),
        ({"commit_sha": "b" * 40}, f"another commit: expected '{make.HEAD_SHA}'"),
        ({"workflow_name": "Other"}, "another workflow: expected 'CI', found 'Other'"),
        ({"id": identity(7)}, "another id: expected one that ends in 00000001"),
        ({"id": "ckpt-00000001"}, "its id is none"),
        ({"id": "../../00000001"}, "its id is none"),
        ({"environment_context": {"RUNNER_OS": "macOS"}}, "`RUNNER_OS` was 'macOS' at the checkpoint and is 'Linux'"),
        ({"environment_context": {"NODE_ENV": "test"}}, "`NODE_ENV` was 'test' at the checkpoint and is not there"),
        ({"artifacts": ["dist"]}, "`dist` was expected and is missing or expired"),
        ({"metadata": {"dependency_digests": {"uv.lock": "sha256:00"}}}, "`uv.lock` was sha256:00 at the checkpoint"),
        ({"metadata": {"dependency_digests": {"gone.lock": "sha256:00"}}}, "and is missing"),
        ({"metadata": {"dependency_digests": {"../secret": "sha256:00"}}}, "and is missing"),
        ({"metadata": {"attempt": 3}}, "no checkpoint of an earlier attempt"),
        ({"metadata": {"done": "all"}}, "is damaged: done"),
        ({"forgery": forged(damage_pack)}, "was refused: "),
        ({"forgery": forged(remove_pack)}, "the artifact lacks packs/"),
        ({"forgery": forged(damage_table)}, "the table of files"),
        ({"forgery": Forgery().file("../outside")}, "was refused: "),
        ({"forgery": Forgery().file(".git/hooks/pre-commit")}, "was refused: "),
        ({"forgery": Forgery().link("out", "/etc").file("out/passwd")}, "was refused: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_sound_and_this_job_s_is_refused(left: Left, over: dict[str, Any], told: str) -> None:
    """Every refusal has its reason, is no error, and leaves the workspace as it was."""
    left.leave(**over)

    assert_missed(left, left.restore(), told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no sound zip"),
        (b"PK\x03\x04 cut off", "no sound zip"),
        (zip_of({"manifest.json": b'{"schema_version": 9}'}), "has schema version '9', this program reads 1"),
        (zip_of({"manifest.json": b"{" * 100_000}), "is damaged"),
        (zip_of({"readme.md": b"x"}), "no part of a checkpoint"),
        (zip_of({}), "there is no manifest.json in it"),
        (zip_of({"../../evil": b"x"}), "no part of a checkpoint"),
    ],
)
def test_zip_that_is_no_checkpoint_is_refused(left: Left, content: bytes, told: str) -> None:
    """Whatever the digest says of it."""
    left.leave()
    left.hold_raw(1, content)

    assert_missed(left, left.restore(), told)


def test_truncated_zip_is_refused(left: Left) -> None:
    """A download that was cut off, under a digest that was cut off with it."""
    left.leave()
    whole = zip_of(left.forge.artifacts[9001][1])
    left.hold_raw(1, whole[: len(whole) // 2])

    assert_missed(left, left.restore(), "no sound zip")


def test_newer_schema_says_what_to_do(left: Left) -> None:
    """The hint of whoever refuses is the hint that people get."""
    left.leave()
    left.hold_raw(1, zip_of({"manifest.json": b'{"schema_version": 2}'}))

    assert "use the version of recovery that wrote the checkpoint, or a newer one" == left.restore().hint


def test_refused_checkpoint_gives_way_to_the_one_before(left: Left) -> None:
    """An older one is worth more than nothing, and both are told of."""
    left.leave(1)
    left.leave(2, artifact={"expired": True})

    outcome = left.restore()

    assert identity(1) == outcome.checkpoint_id
    assert [True] == ["has expired" in warning for warning in outcome.warnings]


def test_not_every_checkpoint_is_tried(left: Left) -> None:
    """Three downloads that were refused are enough; the newest one's reason is the reason."""
    for number in range(1, 6):
        left.leave(number, environment_context={"RUNNER_OS": "macOS"})

    outcome = left.restore()

    assert_missed(left, outcome, f"{5:08d} (the newest of attempt 1) was refused")
    assert 3 == left.forge.called("download_artifact")
    assert 2 == len(outcome.warnings)


@pytest.mark.parametrize(
    ("method", "error", "hint", "code"),
    [
        ("artifacts_named", refused(403), PERMISSION, 7),
        ("artifacts_of_run", refused(404), PERMISSION, 7),
        ("jobs_of_all_attempts", refused(403), PERMISSION, 7),
        ("artifacts_named", ForgeUnavailable("GitHub did not answer"), "githubstatus", 8),
        ("download_artifact", ForgeUnavailable("the answer broke off"), "githubstatus", 8),
        ("artifacts_named", RateLimited("GitHub asks to wait 3000 s", hint="try again later"), "later", 9),
        ("artifacts_named", AuthenticationError("no token"), "GITHUB_TOKEN", 6),
        ("download_artifact", refused(410), "", 12),
    ],
)
def test_github_that_says_no_is_no_error_unless_asked(
    left: Left, method: str, error: ForgeError, hint: str, code: int
) -> None:
    """The job runs from the start and is told what to change; `fail-on-miss` has the code that fits."""
    left.leave()
    left.forge.fail(method, error)

    outcome = left.restore()

    assert_missed(left, outcome, str(error))
    assert hint in outcome.hint
    assert outcome.problem is not None
    assert code == outcome.problem.exit_code


def test_full_rerun_is_told_of(left: Left) -> None:
    """Where GitHub shows nothing at all, people learn which button shows more."""
    outcome = left.restore()

    assert_missed(left, outcome, "GitHub shows no checkpoint of an earlier attempt of this run")
    assert FULL_RERUN == outcome.hint
    assert isinstance(outcome.problem, CheckpointRejected)
    assert "jobs_of_all_attempts" not in left.calls()


def test_forge_that_cannot_be_opened_is_a_miss(left: Left) -> None:
    """A job without a token runs from the start."""

    def connect() -> Forge:
        raise AuthenticationError("there is no token")

    assert_missed(left, restore_checkpoint(left.job(), Settings(), left.place(), connect), "there is no token")


def test_fork_s_own_checkpoint_is_restored_in_its_own_rerun(left: Left) -> None:
    """A run of a fork's pull request continues from what it made itself."""
    left.leave(artifact={"head_repository_id": 2})

    assert left.restore().restored


def test_state_alone_can_be_restored(left: Left) -> None:
    """A checkpoint without files writes none."""
    left.leave(forgery=Forgery(), workflow_state={"row": 7})

    outcome = left.restore()

    assert (True, {"row": 7}, 0) == (outcome.restored, outcome.state, outcome.files)
    assert left.before == left.files()
    progress = left.progress()
    assert progress is not None
    assert "" == progress.base


def test_compatible_environment_warns_only(left: Left) -> None:
    """Where `~` was said, another image of the same kind will do, and is told."""
    left.variables["ImageVersion"] = "20260108.1.0"
    left.leave(environment_context={"ImageVersion": "20260101.1.0"}, metadata={"compatible": ["ImageVersion"]})

    outcome = left.restore()

    assert outcome.restored
    assert ["environment: `ImageVersion` was '20260101.1.0' at the checkpoint and is '20260108.1.0' now"] == list(
        outcome.warnings
    )


def test_names_of_secrets_are_not_looked_up(left: Left) -> None:
    """A manifest cannot have a variable told that no checkpoint of ours would record."""
    left.variables["PRIVATE_WORD"] = "correct-horse"
    left.leave(environment_context={"PRIVATE_WORD": "guess"})

    outcome = left.restore()

    assert_missed(left, outcome, "`PRIVATE_WORD` was 'guess' at the checkpoint and is not there now")
    assert "correct-horse" not in outcome.reason


def incremental(left: Left, **base: Any) -> None:
    """Leave a checkpoint that builds on an earlier one."""
    left.leave(1, forgery=Forgery().file("build/app.bin", b"y" * 900), **base)
    forgery = Forgery().file("build/new", b"z" * 900).next_pack().file("build/app.bin", b"y" * 900)
    forgery.in_base = 1
    forgery.declared = {"base": identity(1)}
    left.leave(2, forgery=forgery, base=1)


def test_incremental_checkpoint_is_restored_with_its_base(left: Left) -> None:
    """The base is downloaded from the same run, kept beside it, and the next increment builds on it again."""
    incremental(left)

    outcome = left.restore()

    assert (True, identity(2)) == (outcome.restored, outcome.checkpoint_id)
    assert (b"y" * 900, b"z" * 900) == (left.files()["build/app.bin"], left.files()["build/new"])
    assert [identity(1), identity(2), "latest.json"] == left.kept()
    progress = left.progress()
    assert progress is not None
    assert identity(1) == progress.base


def test_base_costs_one_request_more(left: Left) -> None:
    """Five without a plan, seven with one, and one for the base."""
    incremental(left)

    assert (True, 6) == (left.restore().restored, len(left.calls()))
    left.plan(planned(2))
    assert (True, 8) == (left.restore().restored, len(left.calls()))


def test_job_without_an_id_costs_ten_manifests_at_most(left: Left) -> None:
    """However many checkpoints the run's other jobs left."""
    for number in range(1, 16):
        left.leave(number, metadata={"job_id": "4202", "matrix": OTHER_LEG})

    assert not left.restore(left.job(job_id="")).restored
    assert (10, 14) == (left.forge.called("artifact_file"), len(left.calls()))


def test_base_that_is_gone_is_told(left: Left) -> None:
    """Without it, the increment is nothing, and the older checkpoint is gone with it."""
    incremental(left, artifact={"expired": True})

    outcome = left.restore()

    assert_missed(left, outcome, f"the base checkpoint {identity(1)} was expected and cannot be used: artifact 9001")


def test_checkpoint_asked_for_may_be_another_run_s(left: Left) -> None:
    """By its id, one of any run of the repository's own commits is restored, in a first attempt, too."""
    left.leave(run_id="1002", artifact={"run_id": 1002}, metadata={"job": "other", "matrix": {}})

    outcome = left.restore(left.job(attempt=1), checkpoint_id=identity(1))

    assert (True, identity(1)) == (outcome.restored, outcome.checkpoint_id)
    assert ["artifacts_of_run", "artifacts_since", "download_artifact"] == left.calls()


def leave_tool(left: Left, name: str, **over: Any) -> Path:
    """Leave a checkpoint whose manifest names a tool; the file that the tool writes when it is started."""
    tool = left.folder / "bin" / name
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ntouch {left.folder}/started\necho 1.2.3\n")
    tool.chmod(0o755)
    left.variables["PATH"] = f"{tool.parent}:/usr/bin:/bin"
    left.leave(environment_context={"RUNNER_OS": "Linux", f"tool:{name}": "1.2.3"}, **over)
    return left.folder / "started"


def test_tools_of_the_own_run_are_asked(left: Left) -> None:
    """What an earlier attempt of this very run recorded is compared."""
    started = leave_tool(left, "compiler")

    assert (True, True) == (left.restore().restored, started.exists())


def test_tools_that_another_run_names_are_not_started(left: Left) -> None:
    """Its versions are not compared, which is told."""
    started = leave_tool(left, "compiler", run_id="1002", artifact={"run_id": 1002})

    outcome = left.restore(checkpoint_id=identity(1))

    assert (True, False) == (outcome.restored, started.exists())
    assert ("environment: versions of tools are not compared with those of another run",) == outcome.warnings


@pytest.mark.parametrize("name", ["../bin/compiler", "-compiler", "compiler --version"])
def test_what_is_no_tool_s_name_is_never_started(left: Left, name: str) -> None:
    """Not even where the own run's manifest says so."""
    started = leave_tool(left, "compiler")
    left.leave(2, environment_context={f"tool:{name}": "1.2.3"})
    del left.forge.artifacts[9001]

    assert_missed(left, left.restore(), f"`tool:{name}` was '1.2.3' at the checkpoint and is not there now")
    assert not started.exists()


def test_search_that_was_cut_off_is_told(left: Left) -> None:
    """A repository with many artifacts may hold what was asked for all the same."""
    left.leave(run_id="1002", artifact={"run_id": 1002})
    for number in range(MOST_LISTED):
        held = make.make_artifact(id=20_000 + number, name="coverage", run_id=5000, created_at=make.later(100 + number))
        left.forge.artifacts[held.id] = (held, {})

    outcome = left.restore(checkpoint_id=identity(1))

    assert_missed(left, outcome, f"is not among the newest {MOST_LISTED} artifacts of this repository")
    assert "recovery restore" in outcome.hint


def test_checkpoint_asked_for_is_looked_for_in_the_own_run_first(left: Left) -> None:
    """Another job's of the same run may be asked for, a fork's run included."""
    left.leave(metadata={"job_id": "4202", "job": "lint", "matrix": {}}, artifact={"head_repository_id": 2})

    assert left.restore(checkpoint_id=identity(1)).restored
    assert ["artifacts_of_run", "download_artifact"] == left.calls()


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"artifact": {"run_id": 1002, "head_repository_id": 2}}, "no artifact of this repository that GitHub still"),
        ({"artifact": {"run_id": 1002}}, "another run: expected '1002', found '1001'"),
        (
            {"artifact": {"run_id": 1002}, "run_id": "1002", "repository": "octo-org/other"},
            "another repository: expected 'octo-org/widgets'",
        ),
        ({"id": identity(100000001)}, f"it is another checkpoint: expected {identity(1)}, found {identity(100000001)}"),
    ],
)
def test_checkpoint_asked_for_must_be_the_repository_s_own(left: Left, over: dict[str, Any], told: str) -> None:
    """A fork's is never restored in another run, and a copy is found out."""
    left.leave(**over)

    assert_missed(left, left.restore(checkpoint_id=identity(1)), told)


@pytest.mark.parametrize("text", ["latest", "ckpt-1", "../../etc", identity(1).upper()])
def test_what_is_no_id_is_an_input_error(left: Left, text: str) -> None:
    """The workflow is wrong, and no attempt makes it right."""
    with pytest.raises(InputError, match="is not a checkpoint's id"):
        left.restore(checkpoint_id=text)

    assert [] == left.calls()


def test_restoring_twice_gives_the_same(left: Left) -> None:
    """A step that is repeated changes nothing."""
    left.leave()

    first = left.restore()
    files = left.files()

    assert first == left.restore()
    assert files == left.files()
    assert [identity(1), "latest.json"] == left.kept()


def test_what_is_not_in_the_checkpoint_is_left_alone(left: Left) -> None:
    """Only what the checkpoint names is written."""
    (left.workspace / "build").mkdir()
    (left.workspace / "build" / "mine").write_text("mine")
    (left.workspace / "build" / "log").write_text("old")
    left.leave()

    left.restore()

    assert (b"mine", b"done\n") == (left.files()["build/mine"], left.files()["build/log"])


def test_workspace_in_the_way_is_a_miss(left: Left) -> None:
    """Where a folder of the checkpoint is a file now, nothing is written."""
    (left.workspace / "build").write_text("a file")
    left.before = left.files()
    left.leave()

    outcome = left.restore()

    assert not outcome.restored
    assert left.before == left.files()


def test_leftovers_of_a_killed_download_are_removed(left: Left) -> None:
    """What another use was unpacking when it was killed is nobody's."""
    incoming = left.place().checkpoints / ".incoming" / "own"
    incoming.mkdir(parents=True)
    (incoming / "artifact.zip").write_bytes(b"half")
    left.leave()

    assert left.restore().restored
    assert [identity(1), "latest.json"] == left.kept()


def test_manifest_is_what_was_written(left: Left) -> None:
    """The kept manifest is the one that was made, byte for byte."""
    made = left.leave()
    left.restore()

    assert manifest_bytes(made) == (left.place().checkpoints / made.id / "manifest.json").read_bytes()
    assert str(RUN) == made.run_id

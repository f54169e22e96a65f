"""A run that brings a good commit back: each job restores its own of the good run, or what was ordered, or says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recovery.app.continuing import Ordered
from recovery.app.job import RunningJob
from recovery.app.restoring import Restored, restore_checkpoint
from recovery.errors import InputError
from recovery.models.github import Tag
from recovery.models.rollback import Claim, RestoreOrder, RollbackKind
from recovery.policy.claims import tag_message
from recovery.policy.naming import return_tag, rollback_tag
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.tags import TagObject
from recovery.settings import Settings
from tests import builders as make
from tests import rollback_builders as rolled
from tests.adapters.content.forging import Forgery
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.integration.checkpoints import LEG, OTHER_LEG, RUN, Left, identity, refused
from tests.integration.stage import REPOSITORY, Stage
from tests.integration.test_restoring_doors import JobRunner

BACK = 7001
NAME = rollback_tag("CI", "production", rolled.BAD_SHA)
TAG = f"refs/tags/{NAME}"
NAMES = ("test (3.12)", "test (3.13)", "deploy")
DEPLOY = {"job": "deploy", "job_id": "4203", "matrix": {}}
OTHER = {"job": "test", "job_id": "4202", "matrix": OTHER_LEG}
CLAIM: dict[str, Any] = {
    "recovery_id": "rec-1002-1-01kb",
    "nonce": "01kb",
    "kind": RollbackKind.REDISPATCH,
    "workflow_name": "CI",
    "environment": "production",
    "bad_sha": rolled.BAD_SHA,
    "target_sha": make.HEAD_SHA,
    "since": make.NOW,
}


class Back:
    """The good run with its three jobs, and the run that brings its commit back."""

    def __init__(self, folder: Path) -> None:
        self.left = Left(folder)
        self.delivery = FakeDelivery(self.left.forge, FakeClock())
        self.claim()
        self.jobs_are(RUN, 4201, *NAMES, conclusion="success")
        self.jobs_are(BACK, 6201, *NAMES, event="workflow_dispatch", status="in_progress", head_branch=TAG)

    def jobs_are(self, run_id: int, first_id: int, *names: str, **over: Any) -> None:
        """Let a run have had these jobs in its one attempt."""
        jobs = [make.make_job(id=first_id + number, run_id=run_id, name=name) for number, name in enumerate(names)]
        self.left.forge.add_run(make.make_run(**{"id": run_id, "event": "push"} | over), jobs)

    def claim(self, name: str = NAME, commit: str = make.HEAD_SHA, **over: Any) -> None:
        """Let a tag be there that says what the rollback's does."""
        claim = Claim.model_validate(CLAIM | over)
        self.delivery.held_tags[name] = Tag(name=name, commit=commit, message=tag_message(claim))

    def leave(self, number: int, **over: Any) -> None:
        """Hold a checkpoint with one file that tells which one it is."""
        self.left.leave(number, **{"forgery": Forgery().file("made", str(number).encode())} | over)

    def restore(self, ordered: int, job: RunningJob | None = None, **over: Any) -> Restored:
        """What the first step of a job does, where this checkpoint was ordered."""
        fields = {
            "recovery_id": "rec-1002-1-01kb",
            "checkpoint_id": identity(ordered),
            "artifact_id": 9000 + ordered,
            "run_id": RUN,
            "nonce": "01kb",
        }
        workflow_path = over.pop("workflow_path", ".github/workflows/ci.yml")
        order = Ordered(RestoreOrder.model_validate(fields | over), lambda: self.delivery, workflow_path)
        self.left.forge.calls.clear()
        place, forge = self.left.place(), self.left.forge
        return restore_checkpoint(job or self.job(), Settings(), place, lambda: forge, "main", ordered=order)

    def job(self, **over: Any) -> RunningJob:
        """The first leg, in the run that brings the commit back."""
        fields = {"run_id": str(BACK), "attempt": 1, "job_id": "6201", "event": "workflow_dispatch", "ref": TAG}
        return self.left.job(**fields | over)

    def deploy(self, **over: Any) -> RunningJob:
        """The job that deploys, in that run."""
        return self.job(**{"job": "deploy", "job_id": "6203", "matrix": {}} | over)


@pytest.fixture
def back(tmp_path: Path) -> Back:
    """Where nothing was left yet."""
    return Back(tmp_path)


def test_what_was_ordered_is_restored(back: Back) -> None:
    """Where one job alone left checkpoints, five requests suffice: the tag, the artifact, its run, its neighbours."""
    back.leave(1)
    back.leave(2)

    outcome = back.restore(1, back.deploy())

    assert (True, identity(1)) == (outcome.restored, outcome.checkpoint_id), outcome.reason
    assert b"1" == back.left.files()["made"]
    assert ["run", "artifacts_of_run", "download_artifact"] == back.left.calls()
    assert [("tag", NAME), ("artifact", 9001)] == back.delivery.calls
    assert "named by recovery rec-1002-1-01kb, made in attempt 1" == outcome.reason


def test_each_job_restores_its_own(back: Back) -> None:
    """What the good run left in the same job and leg, the newest; the jobs of both runs are asked for, too."""
    back.leave(1)
    back.leave(2)
    back.leave(3, metadata=OTHER)
    back.leave(4, metadata=DEPLOY)

    outcome = back.restore(4)

    assert (True, identity(2)) == (outcome.restored, outcome.checkpoint_id), outcome.reason
    assert ["run", "artifacts_of_run", "jobs", "jobs_of_all_attempts", "download_artifact"] == back.left.calls()
    assert f"left by this job in run {RUN}, to which recovery rec-1002-1-01kb goes back, made in attempt 1" == (
        outcome.reason
    )
    assert identity(3) == back.restore(4, back.job(job_id="6202", matrix=OTHER_LEG)).checkpoint_id


def test_the_ordered_one_counts_for_its_own_job(back: Back) -> None:
    """Whoever names an earlier checkpoint of a job wants that one, though a newer one lies beside it."""
    back.leave(1, metadata=DEPLOY)
    back.leave(2, metadata=DEPLOY)
    back.leave(3)

    assert identity(1) == back.restore(1, back.deploy()).checkpoint_id


def test_job_that_left_nothing_gets_what_was_ordered(back: Back) -> None:
    """One that deploys what another one has built."""
    back.leave(1)
    back.leave(2, metadata=OTHER)

    assert identity(1) == back.restore(1, back.deploy()).checkpoint_id


def test_job_that_was_not_run_again_restores_what_it_left_before(back: Back) -> None:
    """Only what had failed was run again: what the others left is of an earlier attempt, and none the worse for it."""
    back.leave(1, metadata={"attempt": 2})
    back.leave(2, metadata=OTHER)
    back.leave(3, metadata=DEPLOY)

    assert identity(3) == back.restore(1, back.deploy()).checkpoint_id


def test_job_without_an_id_is_known_by_its_key(back: Back) -> None:
    """Where the runner does not tell the id, and no leg could be taken for another."""
    back.leave(1)
    back.leave(2, metadata=DEPLOY)

    assert identity(2) == back.restore(1, back.deploy(job_id="")).checkpoint_id
    assert ["run", "artifacts_of_run", "jobs_of_all_attempts", "download_artifact"] == back.left.calls()
    assert identity(2) == back.restore(2, back.job(job_id="")).checkpoint_id


def test_legs_of_one_name_get_what_was_ordered(back: Back) -> None:
    """A name that several jobs share tells nothing."""
    back.jobs_are(BACK, 6201, "test", "test", "deploy")
    back.leave(1)
    back.leave(2, metadata=DEPLOY)

    assert identity(2) == back.restore(2).checkpoint_id


def test_own_one_that_is_damaged_gives_way_to_the_one_before(back: Back) -> None:
    """But never to another job's."""
    torn = Forgery().file("made", b"torn")
    torn.declared = {"tree_digest": "0" * 64}
    back.leave(1)
    back.leave(2, forgery=torn)
    back.leave(3, metadata=DEPLOY)

    outcome = back.restore(3)

    assert identity(1) == outcome.checkpoint_id, outcome.reason
    assert any("was refused" in warning for warning in outcome.warnings)


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"artifact": {"expired": True}}, "rec-1002-1-01kb cannot be followed: artifact 9001 has expired"),
        ({"artifact": {"head_repository_id": 2}}, "artifact 9001 is not of a commit of this repository"),
        ({"metadata": {"matrix": OTHER_LEG}}, "it is of another leg of the matrix"),
        ({"metadata": {"job": "lint"}}, "it is of another job"),
        ({"run_id": "1002"}, "the manifest names another run"),
    ],
)
def test_own_one_that_is_not_proven_means_the_start(back: Back, over: dict[str, Any], told: str) -> None:
    """Another job's is not taken in its place, and the reason is told."""
    back.leave(1, **over)
    back.leave(2, metadata=DEPLOY)

    outcome = back.restore(2)

    assert not outcome.restored
    assert told in outcome.reason
    assert back.left.before == back.left.files()


@pytest.mark.parametrize(
    ("artifact", "told"),
    [
        ({"expired": True}, "is gone or has expired"),
        ({"head_repository_id": 2}, "is not of a commit of this repository"),
        ({"name": f"recovery-checkpoint.{RUN}.1.4201.built.00000009"}, "is not named like one"),
        ({"run_id": 1}, "is of another run"),
    ],
)
def test_order_that_is_not_proven_is_not_followed(back: Back, artifact: dict[str, Any], told: str) -> None:
    """Nor is anything else taken in its place, though the job has one of its own."""
    back.leave(1, metadata=DEPLOY)
    back.leave(2)
    held, files = back.left.forge.artifacts[9001]
    back.left.forge.artifacts[9001] = (held.model_copy(update=artifact), files)

    outcome = back.restore(1)

    assert not outcome.restored
    assert told in outcome.reason


@pytest.mark.parametrize(
    ("maker", "told"),
    [
        ({"head_sha": "c" * 40}, "is of another commit than this one"),
        ({"event": "pull_request", "head_branch": "mallory/evil"}, "belongs to a pull request or a fork"),
        ({"event": "pull_request_target"}, "belongs to a pull request or a fork"),
        ({"head_repository": "mallory/widgets"}, "belongs to a pull request or a fork"),
        ({"path": ".github/workflows/evil.yml", "workflow_name": "CI"}, "is of another workflow"),
        ({"conclusion": "failure"}, "did not succeed: expected `success`, found `failure`"),
        ({"conclusion": None, "status": "in_progress"}, "did not succeed: expected `success`, found `in_progress`"),
    ],
)
def test_run_that_is_no_target_means_the_start(back: Back, maker: dict[str, Any], told: str) -> None:
    """Whoever has the order copied at the rollback's own tag, and something else to be restored, gets nothing."""
    back.leave(1)
    back.jobs_are(RUN, 4201, *NAMES, **{"conclusion": "success"} | maker)

    outcome = back.restore(1, back.deploy())

    assert f"rec-1002-1-01kb cannot be followed: run {RUN} {told}" in outcome.reason
    assert not outcome.restored
    assert back.left.before == back.left.files()


def test_unknown_workflow_restores_nothing(back: Back) -> None:
    """Where the runner does not tell which one runs, no run can be shown to be of it."""
    back.leave(1)

    outcome = back.restore(1, back.deploy(), workflow_path="")

    assert "is of another workflow: expected one that GITHUB_WORKFLOW_REF names" in outcome.reason


def test_return_restores_what_had_failed(back: Back) -> None:
    """What stood before a rollback that came to nothing better: at the tag of a return, and at no other."""
    back.leave(1)
    back.jobs_are(RUN, 4201, *NAMES, conclusion="failure")
    name = return_tag("CI", "production", make.HEAD_SHA)
    back.claim(name)

    assert back.restore(1, back.deploy(ref=f"refs/tags/{name}")).restored
    assert not back.restore(1, back.deploy()).restored


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ({"nonce": "02kb"}, "is of another rollback"),
        ({"recovery_id": "rec-1002-1-02kb"}, "is of another rollback"),
        ({"kind": RollbackKind.DEPLOYMENT}, "is of a rollback of the kind `deployment`"),
        ({"workflow_name": "Docs"}, "is of another workflow"),
        ({"bad_sha": "c" * 40}, "is not called what follows from its words"),
        ({"environment": "staging"}, "is not called what follows from its words"),
        ({"target_sha": "c" * 40}, "is of another commit"),
        ({"commit": "c" * 40}, "is of another commit"),
    ],
)
def test_tag_that_does_not_bear_the_order_out_is_an_error(back: Back, claim: dict[str, Any], told: str) -> None:
    """The beginning of its name proves nothing; nor does the claim of another rollback."""
    back.leave(1)
    back.claim(**claim)

    with pytest.raises(InputError, match=told) as caught:
        back.restore(1, back.deploy())
    assert "leave the input empty" in str(caught.value.hint)
    assert ([], [("tag", NAME)]) == (back.left.calls(), back.delivery.calls)
    assert back.left.before == back.left.files()


def test_tag_without_words_is_an_error(back: Back) -> None:
    """Anybody with write access can push one."""
    back.leave(1)
    back.delivery.held_tags[NAME] = Tag(name=NAME, commit=make.HEAD_SHA)

    with pytest.raises(InputError, match="says nothing of a rollback"):
        back.restore(1, back.deploy())


def test_run_of_another_commit_is_an_error(back: Back) -> None:
    """Files of an old commit never come into a new one."""
    back.leave(1)

    with pytest.raises(InputError, match="is of another commit: expected ccccccc, which runs"):
        back.restore(1, back.job(commit_sha="c" * 40))


def test_tag_that_is_gone_means_the_start(back: Back) -> None:
    """The hold was released and the run is run again, or the job may not see tags: the permission is told."""
    back.leave(1)
    back.delivery.held_tags.clear()

    outcome = back.restore(1, back.deploy())

    assert (False, True) == (outcome.restored, "is gone or may not be seen" in outcome.reason)
    assert "contents: read" in outcome.hint
    assert back.left.before == back.left.files()


def test_tag_that_cannot_be_asked_for_means_the_start(back: Back) -> None:
    """What cannot be proven is not restored."""
    back.leave(1)
    back.delivery.fail("tag", refused(403))

    outcome = back.restore(1, back.deploy())

    assert not outcome.restored
    assert "contents: read" in outcome.hint


def test_checkpoint_without_files_is_a_miss(back: Back) -> None:
    """A record of a state has nothing to restore; nothing is asked."""
    outcome = back.restore(1, artifact_id=None)

    assert f"{identity(1)}, which rec-1002-1-01kb names, has no files" == outcome.reason
    assert [] == back.left.calls()


@pytest.mark.parametrize(
    "over", [{"ref": "refs/heads/main"}, {"ref": "refs/tags/v1"}, {"event": "push"}, {"event": "", "ref": ""}]
)
def test_copied_order_is_an_error(back: Back, over: dict[str, str]) -> None:
    """In a run that no rollback started, whatever else would fit, before anything is asked."""
    back.leave(1)

    with pytest.raises(InputError, match="no rollback started this run"):
        back.restore(1, back.job(**over))
    assert ([], []) == (back.left.calls(), back.delivery.calls)


def test_matrix_of_the_order_s_own_leg(back: Back) -> None:
    """The first leg's checkpoint was ordered; the second leg takes its own, the first one that."""
    back.leave(1, metadata={"matrix": LEG})
    back.leave(2, metadata=OTHER)

    assert identity(1) == back.restore(1).checkpoint_id
    assert identity(2) == back.restore(1, back.job(job_id="6202", matrix=OTHER_LEG)).checkpoint_id


def test_action_refuses_a_copied_order(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody starts the workflow by hand on the default branch, with what a rollback wrote once."""
    run = stage.world.add_run([ScriptedJob(name="deploy")], event="workflow_dispatch", head_branch="main")
    job = JobRunner(stage, run, "deploy", GITHUB_REF="refs/heads/main")
    order = {"version": 1, "recovery_id": "rec-1-1-1", "checkpoint_id": identity(1), "artifact_id": 1, "run_id": 1}
    event = {"repository": {"default_branch": "main"}, "inputs": {"recovery": json.dumps(order | {"nonce": "01kb"})}}
    (job.folder / "event.json").write_text(json.dumps(event))

    assert InputError.exit_code == job.step("restore")

    said = capsys.readouterr().out
    assert "no rollback started this run" in said
    assert "found `workflow_dispatch` at `refs/heads/main`" in said
    assert [] == job.requests


class Door:
    """A good run that left a checkpoint, and a rollback's run of its commit, both at the local GitHub."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.good = stage.world.add_run([ScriptedJob(name="deploy")], event="push", head_branch="main")
        job = JobRunner(stage, self.good, "deploy")
        (job.workspace / "site").mkdir()
        (job.workspace / "site" / "page").write_text("good")
        assert 0 == job.step("checkpoint", name="released", path="site/**")
        self.order: dict[str, Any] = {
            "version": 1,
            "recovery_id": "rec-1002-1-01kb",
            "checkpoint_id": job.outputs["checkpoint-id"],
            "artifact_id": job.upload().id,
            "run_id": self.good.id,
            "nonce": "01kb",
        }

    def claim(self, **over: Any) -> None:
        """Let the tag be there, as a rollback makes it."""
        claim = Claim.model_validate(CLAIM | {"target_sha": self.good.head_sha} | over)
        tag = TagObject(
            name=NAME,
            commit=self.good.head_sha,
            message=tag_message(claim),
            tagger="rollback",
            email="rollback@example.com",
            at=make.NOW,
        )
        self.stage.world.repository.keep_tag_object(tag)
        assert self.stage.world.repository.add_reference(TAG, tag.sha)

    def restore(self, order: str = "", ref: str = TAG) -> JobRunner:
        """A run at that reference which was told this, once its job has restored."""
        run = self.stage.world.add_run(
            [ScriptedJob(name="deploy")],
            event="workflow_dispatch",
            head_branch=ref.removeprefix("refs/tags/"),
            head_sha=self.good.head_sha,
        )
        workflow = f"{REPOSITORY}/{self.good.workflow.path}@{ref}"
        job = JobRunner(self.stage, run, "deploy", GITHUB_REF=ref, GITHUB_WORKFLOW_REF=workflow)
        inputs = {"recovery": order or json.dumps(self.order)}
        (job.folder / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}, "inputs": inputs}))
        self.code = job.step("restore")
        return job


@pytest.fixture
def door(stage: Stage) -> Door:
    """Where the rollback has made no tag yet."""
    return Door(stage)


def test_action_restores_what_a_rollback_ordered(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    """With the claim at the tag: five requests, and the download."""
    door.claim()

    job = door.restore()

    assert {"site/page": b"good"} == job.tree(), capsys.readouterr().out
    assert 5 == len([path for path in job.requests if not path.endswith("/zip")])


def test_action_refuses_a_tag_that_only_looks_like_one(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of that name at the right commit, without a claim; the order itself is right."""
    assert door.stage.world.repository.add_reference(TAG, door.good.head_sha)

    job = door.restore()

    assert (InputError.exit_code, {}) == (door.code, job.tree())
    assert "says nothing of a rollback" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["recovery_id", "checkpoint_id", "nonce"])
def test_order_cannot_command_the_runner(door: Door, capsys: pytest.CaptureFixture[str], key: str) -> None:
    """What begins a line of its own in an input is no line of what the action says."""
    door.claim()
    evil = "x\r\n::error title=Deployed::all is well\n::stop-commands::pause\n##[error]well"

    job = door.restore(json.dumps(door.order | {key: evil}))

    assert (InputError.exit_code, {}) == (door.code, job.tree())
    said = capsys.readouterr().out.splitlines()
    assert ["::error::"] == [line[:9] for line in said if not line.startswith("::add-mask::")]


def test_tag_cannot_command_the_runner(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    """What a claim that somebody forged says of its workflow is shown within the one error."""
    door.claim(workflow_name="CI\n::stop-commands::pause")

    door.restore()

    said = capsys.readouterr().out.splitlines()
    assert InputError.exit_code == door.code
    assert ["::error::"] == [line[:9] for line in said if not line.startswith("::add-mask::")]
    assert "found `CI%0A::stop-commands::pause`" in said[-1]


def test_order_that_action_yml_does_not_see_is_none(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    """It installs what following an order needs only where it reads `recovery_id` in the inputs."""
    door.claim()

    job = door.restore(json.dumps(door.order).replace("recovery_id", "recovery\\u005fid"))

    assert (0, {}, []) == (door.code, job.tree(), job.requests)
    assert "first attempt: nothing to continue from" in capsys.readouterr().out

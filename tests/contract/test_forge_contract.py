"""What every forge promises: one suite for the fake in memory and for GitHub's adapter over real HTTP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

import pytest

from recovery.adapters.github import GitHubForge
from recovery.errors import ArtifactDamaged, ForgeRefused, RunActive
from recovery.models.github import Artifact, Comment, Run
from recovery.ports import Forge
from recovery.rehearsal.faults.artifacts import ArtifactsTampered
from recovery.rehearsal.records import OCTOCAT, ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.sabotage import befall
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World
from tests.builders import NOW, make_job, make_pull_request, make_run, make_step
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge, digest_of, zip_of

REPOSITORY = "octo/repo"
OTHER_SHA = "b" * 40


class Stage(Protocol):
    """A forge, and the means to arrange what it will find."""

    forge: Forge

    def failed_run(self, *, branch: str = "feature", head: str = REPOSITORY, workflow: str = "ci") -> Run:
        """A completed run whose job `test` failed with the log `boom`, while its job `build` succeeded."""

    def green_run(self) -> Run:
        """A completed run without a failed job."""

    def active_run(self) -> Run:
        """A run in progress, one job of which has failed."""

    def complete(self, run_id: int) -> None:
        """End the run's re-run, in which every job succeeds."""

    def pull(self, branch: str, *, sha: str = OTHER_SHA, head: str = REPOSITORY, state: str = "open") -> int:
        """A pull request."""

    def says(self, pull: int, text: str) -> None:
        """A person comments."""

    def artifact(self, run: Run, name: str, *, expired: bool = False) -> None:
        """An artifact of that run which holds `plan.json` with its own name."""

    def spoil(self, name: str) -> None:
        """From now on the artifact of that name is given out damaged."""

    def file(self, path: str, text: str) -> None:
        """A file of the default branch."""


class FakeStage:
    def __init__(self) -> None:
        self.fake = FakeForge(REPOSITORY)
        self.forge: Forge = self.fake
        self._ids = 1000

    def failed_run(self, *, branch: str = "feature", head: str = REPOSITORY, workflow: str = "ci") -> Run:
        return self._run("completed", "failure", branch, head, workflow)

    def green_run(self) -> Run:
        return self._run("completed", "success", "feature", REPOSITORY, "ci")

    def active_run(self) -> Run:
        return self._run("in_progress", None, "feature", REPOSITORY, "ci")

    def complete(self, run_id: int) -> None:
        self.fake.complete(run_id)

    def pull(self, branch: str, *, sha: str = OTHER_SHA, head: str = REPOSITORY, state: str = "open") -> int:
        number = len(self.fake.pull_requests) + 1
        pull = make_pull_request(number=number, head_sha=sha, head_repository=head, state=state)
        self.fake.add_pull_request(pull, branch)
        return number

    def says(self, pull: int, text: str) -> None:
        thread = self.fake.threads[pull]
        thread.append(Comment(id=pull * 100 + len(thread), body=text, author="octocat", author_type="User"))

    def artifact(self, run: Run, name: str, *, expired: bool = False) -> None:
        self._ids += 1
        made = Artifact(
            id=self._ids,
            name=name,
            size_in_bytes=200,
            expired=expired,
            created_at=NOW,
            expires_at=NOW + timedelta(days=90),
            run_id=run.id,
            repository_id=1,
            head_repository_id=1 if run.head_repository == REPOSITORY else 2,
        )
        files = {"plan.json": name.encode()}
        self.fake.artifacts[made.id] = (made.model_copy(update={"digest": digest_of(zip_of(files))}), files)

    def spoil(self, name: str) -> None:
        ((made, _),) = (held for held in self.fake.artifacts.values() if held[0].name == name)
        self.fake.artifacts[made.id] = (made, {"plan.json": b"something else"})

    def file(self, path: str, text: str) -> None:
        self.fake.files[path, "main"] = text

    def _run(self, status: str, conclusion: str | None, branch: str, head: str, workflow: str) -> Run:
        self._ids += 10
        at = NOW + timedelta(seconds=self._ids)
        run = make_run(
            id=self._ids,
            repository=REPOSITORY,
            status=status,
            conclusion=conclusion,
            head_branch=branch,
            head_repository=head,
            path=f".github/workflows/{workflow}.yml",
            created_at=at,
        )
        step = make_step(name="Run tests", conclusion="failure")
        jobs = [
            make_job(id=run.id + 1, run_id=run.id, name="build", conclusion="success", steps=()),
            make_job(id=run.id + 2, run_id=run.id, name="test", conclusion="failure", steps=(step,)),
        ]
        self.fake.add_run(run, jobs[:1] if conclusion == "success" else jobs, {run.id + 2: "boom\n"})
        return run


class HttpStage:
    def __init__(self, world: World, server: LocalGitHub, clock: FakeClock) -> None:
        self.forge: Forge = GitHubForge(REPOSITORY, world.token, api_url=server.url, clock=clock)
        self._world = world
        self._clock = clock
        self._runner = ScriptedRunner(world.runs, hold=True)
        world.runner = self._runner

    def failed_run(self, *, branch: str = "feature", head: str = REPOSITORY, workflow: str = "ci") -> Run:
        return self._run("completed", "failure", branch=branch, head=head, workflow=workflow)

    def green_run(self) -> Run:
        return self._run("completed", "success")

    def active_run(self) -> Run:
        return self._run("in_progress", "failure")

    def complete(self, run_id: int) -> None:
        self._runner.release(run_id)

    def pull(self, branch: str, *, sha: str = OTHER_SHA, head: str = REPOSITORY, state: str = "open") -> int:
        return self._world.pulls.add(branch, sha, head_repository=head, state=state).number

    def says(self, pull: int, text: str) -> None:
        self._world.pulls.comment(pull, text, user=OCTOCAT)

    def artifact(self, run: Run, name: str, *, expired: bool = False) -> None:
        record = self._world.runs.get(run.id)
        self._world.vault.add_artifact(record, name, {"plan.json": name}, expired=expired)

    def spoil(self, name: str) -> None:
        befall(self._world.vault, ArtifactsTampered(tamper=name))

    def file(self, path: str, text: str) -> None:
        self._world.repository.add_file(path, text)

    def _run(
        self, status: str, test: str, *, branch: str = "feature", head: str = REPOSITORY, workflow: str = "ci"
    ) -> Run:
        self._clock.advance(10)
        made = self._world.add_run(
            [
                ScriptedJob(name="build"),
                ScriptedJob(name="test", conclusion=test, log="boom\n", steps=(("Run tests", test),)),
            ],
            workflow=workflow,
            path=f".github/workflows/{workflow}.yml",
            head_branch=branch,
            head_repository=head,
            status=status,
        )
        return self.forge.run(made.id)


@pytest.fixture(params=["fake", "github"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Each test runs on the fake and on the adapter, where a real server answers."""
    if request.param == "fake":
        yield FakeStage()
        return
    clock = FakeClock()
    world = World(REPOSITORY, now=clock.now)
    with LocalGitHub(world) as server:
        yield HttpStage(world, server, clock)
    assert [] == world.offences


def test_run_is_found(stage: Stage) -> None:
    """A run is read with the facts that decisions need."""
    run = stage.failed_run()

    found = stage.forge.run(run.id)

    assert run == found
    assert (True, "failure", 1, REPOSITORY) == (
        found.completed,
        found.conclusion,
        found.run_attempt,
        found.head_repository,
    )


def test_unknown_run_is_refused(stage: Stage) -> None:
    """A run that is not there is a refusal with status 404."""
    with pytest.raises(ForgeRefused) as caught:
        stage.forge.run(77)

    assert 404 == caught.value.status


def test_jobs_tell_the_failed_step(stage: Stage) -> None:
    """The jobs of an attempt come with their steps."""
    run = stage.failed_run()

    jobs = stage.forge.jobs(run.id, 1)

    assert [("build", False), ("test", True)] == [(job.name, job.failed) for job in jobs]
    assert ["Run tests"] == [step.name for step in jobs[1].failed_steps]


def test_unknown_attempt_is_refused(stage: Stage) -> None:
    """An attempt that there never was is a refusal with status 404."""
    run = stage.failed_run()

    with pytest.raises(ForgeRefused) as caught:
        stage.forge.jobs(run.id, 2)

    assert 404 == caught.value.status


def test_log_is_read(stage: Stage) -> None:
    """A job's log is its bytes."""
    run = stage.failed_run()
    job = stage.forge.jobs(run.id, 1)[1]

    assert b"boom\n" == stage.forge.job_log(job.id).content


def test_log_of_an_unknown_job_is_refused(stage: Stage) -> None:
    """A log that is not there is a refusal with status 404."""
    with pytest.raises(ForgeRefused) as caught:
        stage.forge.job_log(77)

    assert 404 == caught.value.status


def test_rerun_starts_the_next_attempt(stage: Stage) -> None:
    """After a re-run the run is active in the next attempt, while the earlier attempt stays readable."""
    run = stage.failed_run()

    stage.forge.rerun_failed_jobs(run.id)

    after = stage.forge.run(run.id)
    assert (2, False, None) == (after.run_attempt, after.completed, after.conclusion)
    assert ["success", "failure"] == [job.conclusion for job in stage.forge.jobs(run.id, 1)]


def test_second_rerun_finds_the_run_active(stage: Stage) -> None:
    """Of two re-runs at once the second is told that the run is active."""
    run = stage.failed_run()
    stage.forge.rerun_failed_jobs(run.id)

    with pytest.raises(RunActive):
        stage.forge.rerun_failed_jobs(run.id)

    assert 2 == stage.forge.run(run.id).run_attempt


def test_rerun_of_an_active_run_is_refused(stage: Stage) -> None:
    """A run that has not completed cannot be re-run, though one of its jobs has failed."""
    with pytest.raises(RunActive):
        stage.forge.rerun_failed_jobs(stage.active_run().id)


def test_cleared_run_has_nothing_to_rerun(stage: Stage) -> None:
    """A second attempt that succeeds completes the run, after which there is no failed job left."""
    run = stage.failed_run()
    stage.forge.rerun_failed_jobs(run.id)
    stage.complete(run.id)

    assert "success" == stage.forge.run(run.id).conclusion
    assert ["success", "success"] == [job.conclusion for job in stage.forge.jobs(run.id, 2)]
    with pytest.raises(ForgeRefused) as caught:
        stage.forge.rerun_failed_jobs(run.id)
    assert ForgeRefused is type(caught.value)


def test_rerun_of_an_unknown_run_is_refused(stage: Stage) -> None:
    """A run that is not there cannot be re-run, and is not called active."""
    with pytest.raises(ForgeRefused) as caught:
        stage.forge.rerun_failed_jobs(77)

    assert (ForgeRefused, 404) == (type(caught.value), caught.value.status)


def test_pull_request_is_found_though_its_head_moved_on(stage: Stage) -> None:
    """A superseded run still finds its pull request, whose head then differs."""
    run = stage.failed_run()
    number = stage.pull("feature", sha=OTHER_SHA)

    found = stage.forge.pull_request_of(run)

    assert found is not None
    assert (number, OTHER_SHA, "open") == (found.number, found.head_sha, found.state)


def test_open_pull_request_comes_before_closed_ones(stage: Stage) -> None:
    """Of several pull requests of a branch the open one is taken, even if a closed one is newer."""
    run = stage.failed_run()
    opened = stage.pull("feature")
    stage.pull("feature", sha=run.head_sha, state="closed")

    found = stage.forge.pull_request_of(run)

    assert found is not None
    assert opened == found.number


def test_closed_pull_request_is_found(stage: Stage) -> None:
    """A closed pull request is told as closed rather than as none."""
    run = stage.failed_run()
    stage.pull("feature", state="closed")

    found = stage.forge.pull_request_of(run)

    assert found is not None
    assert "closed" == found.state


def test_forks_pull_request_is_told_from_ours(stage: Stage) -> None:
    """A branch of the same name in a fork is another branch."""
    run = stage.failed_run(head="visitor/repo")
    stage.pull("feature")
    theirs = stage.pull("feature", head="visitor/repo")

    found = stage.forge.pull_request_of(run)

    assert found is not None
    assert (theirs, "visitor/repo") == (found.number, found.head_repository)


def test_branch_without_pull_request_has_none(stage: Stage) -> None:
    """A branch of another name does not count."""
    run = stage.failed_run()
    stage.pull("feature-2")

    assert None is stage.forge.pull_request_of(run)


def test_branch_head_is_known_or_none(stage: Stage) -> None:
    """A branch has a commit at its head; one that is gone has none."""
    assert 40 == len(stage.forge.branch_head("main") or "")
    assert None is stage.forge.branch_head("feature/gone")


def test_file_text_is_known_or_none(stage: Stage) -> None:
    """A file is read as text; one that is not there is None."""
    stage.file(".github/workflows/ci.yml", "name: CI ü\n")

    assert "name: CI ü\n" == stage.forge.file_text(".github/workflows/ci.yml", "main")
    assert None is stage.forge.file_text(".github/recovery.yml", "main")


def test_runs_of_a_workflow_come_newest_first(stage: Stage) -> None:
    """Only the workflow's own runs are listed, narrowed by branch and number."""
    first, second, third = (stage.failed_run(workflow="recovery", branch=name) for name in ("main", "feature", "main"))
    stage.failed_run(workflow="other", branch="main")

    def listed(**asked: object) -> list[int]:
        return [run.id for run in stage.forge.runs_of_workflow("recovery.yml", **asked)]

    assert [third.id, second.id, first.id] == listed()
    assert [third.id, first.id] == listed(branch="main")
    assert [third.id] == listed(branch="main", limit=1)


def test_unknown_workflow_is_refused(stage: Stage) -> None:
    """A workflow file that is not there is a refusal with status 404."""
    for attempt in (
        lambda: stage.forge.runs_of_workflow("never.yml"),
        lambda: stage.forge.successful_runs("never.yml", "main", before=NOW),
    ):
        with pytest.raises(ForgeRefused) as caught:
            attempt()

        assert 404 == caught.value.status


def test_successful_runs_come_newest_first(stage: Stage) -> None:
    """Only runs of the branch that succeeded and were made before that time, neither failed nor active ones."""
    first, second = stage.green_run(), stage.green_run()
    stage.failed_run()
    stage.active_run()
    now = stage.failed_run()
    stage.green_run()

    def listed(branch: str) -> list[int]:
        return [run.id for run in stage.forge.successful_runs("ci.yml", branch, before=now.created_at)]

    assert [second.id, first.id] == listed("feature")
    assert [] == listed("main")
    assert second == stage.forge.successful_runs("ci.yml", "feature", before=now.created_at)[0]
    assert () == stage.forge.successful_runs("ci.yml", "feature", before=first.created_at)


def test_failed_runs_since(stage: Stage) -> None:
    """Only failed runs of that time on are listed, newest first, however many workflows they are of."""
    old = stage.failed_run()
    first = stage.failed_run()
    stage.green_run()
    stage.active_run()
    second = stage.failed_run(workflow="other")

    found = stage.forge.failed_runs(old.created_at + timedelta(seconds=1))

    assert [second.id, first.id] == [run.id for run in found]
    assert [second.id] == [run.id for run in stage.forge.failed_runs(old.created_at, limit=1)]


def test_default_branch(stage: Stage) -> None:
    """The default branch is known."""
    assert "main" == stage.forge.default_branch()


def test_artifacts_are_found_by_exact_name(stage: Stage) -> None:
    """A name is neither a prefix nor a pattern, and the newest artifact of it comes first."""
    one, two = stage.failed_run(), stage.failed_run()
    stage.artifact(one, "recovery-plan.7.1.1")
    stage.artifact(one, "recovery-plan.7.1.10")
    stage.artifact(two, "recovery-plan.7.1.1")

    found = stage.forge.artifacts_named("recovery-plan.7.1.1")

    assert [two.id, one.id] == [artifact.run_id for artifact in found]
    assert {"recovery-plan.7.1.1"} == {artifact.name for artifact in found}
    assert all(artifact.repository_id == artifact.head_repository_id for artifact in found)


def test_artifacts_since(stage: Stage) -> None:
    """Artifacts of that time on are listed newest first, up to the limit."""
    run = stage.failed_run()
    stage.artifact(run, "one")
    stage.artifact(run, "two")
    made = stage.forge.artifacts_named("one")[0].created_at

    def listed(seconds: float, limit: int = 500) -> list[str]:
        since = made + timedelta(seconds=seconds)
        return [artifact.name for artifact in stage.forge.artifacts_since(since, limit)]

    assert [1, 0] == [len(stage.forge.artifacts_named("one", made + timedelta(seconds=more))) for more in (0, 60)]
    assert ["two", "one"] == listed(0)
    assert ["two"] == listed(0, limit=1)
    assert [] == listed(60)


def test_artifacts_of_forks_are_left_out_and_do_not_count(stage: Stage) -> None:
    """What a fork's runs upload neither is listed nor uses up the limit; by name it is told from ours."""
    stage.artifact(stage.failed_run(), "own")
    fork = stage.failed_run(head="stranger/widgets")
    for number in range(3):
        stage.artifact(fork, f"junk {number}")
    stage.artifact(fork, "own")
    since = stage.forge.artifacts_named("own")[-1].created_at

    assert ["own"] == [artifact.name for artifact in stage.forge.artifacts_since(since, 1)]
    named = stage.forge.artifacts_named("own")
    assert [False, True] == [artifact.head_repository_id == artifact.repository_id for artifact in named]


@pytest.mark.parametrize(("login", "ours"), [("github-actions[bot]", True), ("other[bot]", True), ("octocat", False)])
def test_installation_may_act_as_any_bot_and_as_no_person(stage: Stage, login: str, *, ours: bool) -> None:
    """A job's token cannot ask who it is, but it is nobody's."""
    assert ours == stage.forge.may_act_as(login)


def test_file_of_an_artifact(stage: Stage) -> None:
    """One file is read out of an artifact; one that is not in it is None."""
    stage.artifact(stage.failed_run(), "plan")
    (artifact,) = stage.forge.artifacts_named("plan")

    assert b"plan" == stage.forge.artifact_file(artifact, "plan.json")
    assert None is stage.forge.artifact_file(artifact, "other.json")


def test_files_of_an_artifact(stage: Stage) -> None:
    """All files of an ending are read out of an artifact; there may be none."""
    stage.artifact(stage.failed_run(), "plan")
    (artifact,) = stage.forge.artifacts_named("plan")

    assert (b"plan",) == stage.forge.artifact_files(artifact, ".json")
    assert () == stage.forge.artifact_files(artifact, ".xml")


def test_expired_artifact_is_refused(stage: Stage) -> None:
    """An expired artifact is listed as such, and reading it is a refusal."""
    stage.artifact(stage.failed_run(), "plan", expired=True)
    (artifact,) = stage.forge.artifacts_named("plan")

    assert artifact.expired
    for attempt in (
        lambda: stage.forge.artifact_file(artifact, "plan.json"),
        lambda: stage.forge.artifact_files(artifact, ".json"),
    ):
        with pytest.raises(ForgeRefused):
            attempt()


def test_deleted_artifact_is_refused(stage: Stage) -> None:
    """An artifact that is gone since it was listed is a refusal."""
    stage.artifact(stage.failed_run(), "plan")
    (artifact,) = stage.forge.artifacts_named("plan")
    gone: Artifact = artifact.model_copy(update={"id": 77})

    with pytest.raises(ForgeRefused):
        stage.forge.artifact_file(gone, "plan.json")


def test_jobs_of_all_attempts(stage: Stage) -> None:
    """The jobs of earlier attempts come with those of the latest, each with an id and the attempt of its own."""
    run = stage.failed_run()
    stage.forge.rerun_failed_jobs(run.id)
    stage.complete(run.id)

    jobs = stage.forge.jobs_of_all_attempts(run.id)

    assert [(1, "build"), (1, "test"), (2, "build"), (2, "test")] == sorted((job.run_attempt, job.name) for job in jobs)
    assert 4 == len({job.id for job in jobs})
    assert {*stage.forge.jobs(run.id, 1), *stage.forge.jobs(run.id, 2)} == set(jobs)


def test_artifacts_of_a_run(stage: Stage) -> None:
    """Only the run's own artifacts are listed, newest first, expired ones too, with the time they expire."""
    run, other = stage.failed_run(), stage.failed_run()
    stage.artifact(run, "one")
    stage.artifact(other, "two")
    stage.artifact(run, "three", expired=True)

    found = stage.forge.artifacts_of_run(run.id)

    assert [("three", True), ("one", False)] == [(artifact.name, artifact.expired) for artifact in found]
    assert [90, 90] == [(one.expires_at - one.created_at).days for one in found if one.expires_at]
    assert () == stage.forge.artifacts_of_run(stage.failed_run().id)


def test_what_an_unknown_run_has_is_refused(stage: Stage) -> None:
    """Neither artifacts nor jobs are told of a run that is not there."""
    for attempt in (lambda: stage.forge.artifacts_of_run(77), lambda: stage.forge.jobs_of_all_attempts(77)):
        with pytest.raises(ForgeRefused) as caught:
            attempt()
        assert 404 == caught.value.status


def test_artifact_is_downloaded_whole(stage: Stage) -> None:
    """The zip is written into the file from its beginning, whatever was in it before."""
    stage.artifact(stage.failed_run(), "plan")
    (artifact,) = stage.forge.artifacts_named("plan")
    file = io.BytesIO(b"something longer than the artifact" * 1000)
    file.seek(100)

    stage.forge.download_artifact(artifact, file)

    assert artifact.digest == digest_of(file.getvalue())
    with zipfile.ZipFile(file) as archive:
        assert b"plan" == archive.read("plan.json")


def test_damaged_artifact_is_refused(stage: Stage) -> None:
    """What has another digest than the recorded one is called damaged."""
    stage.artifact(stage.failed_run(), "plan")
    stage.spoil("plan")
    (artifact,) = stage.forge.artifacts_named("plan")

    with pytest.raises(ArtifactDamaged):
        stage.forge.download_artifact(artifact, io.BytesIO())


def test_expired_or_deleted_artifact_cannot_be_downloaded(stage: Stage) -> None:
    """Neither is called damaged; the one that has expired says how to keep the next one longer."""
    stage.artifact(stage.failed_run(), "plan", expired=True)
    (expired,) = stage.forge.artifacts_named("plan")

    for artifact, status in ((expired, 410), (expired.model_copy(update={"id": 77, "expired": False}), 404)):
        with pytest.raises(ForgeRefused) as caught:
            stage.forge.download_artifact(artifact, io.BytesIO())
        assert (ForgeRefused, status) == (type(caught.value), caught.value.status)


def test_artifact_is_deleted_once_and_for_all(stage: Stage) -> None:
    """A deleted artifact is in no list, and deleting it again is no error."""
    run = stage.failed_run()
    stage.artifact(run, "one")
    stage.artifact(run, "two")
    (artifact,) = stage.forge.artifacts_named("one")

    stage.forge.delete_artifact(artifact.id)
    stage.forge.delete_artifact(artifact.id)

    assert ["two"] == [one.name for one in stage.forge.artifacts_of_run(run.id)]


def test_comments_come_oldest_first(stage: Stage) -> None:
    """What is written is read back behind what was there."""
    pull = stage.pull("feature")
    stage.says(pull, "please look")

    written = stage.forge.create_comment(pull, "**looking**")

    assert ["please look", "**looking**"] == [comment.body for comment in stage.forge.comments(pull)]
    assert written == stage.forge.comments(pull)[1]


def test_only_own_comments_are_owned(stage: Stage) -> None:
    """A person's comment with the same text is not ours."""
    pull = stage.pull("feature")
    stage.says(pull, "<!-- marker -->")
    stage.forge.create_comment(pull, "<!-- marker -->")

    assert [False, True] == [stage.forge.owns(comment) for comment in stage.forge.comments(pull)]


def test_comment_is_updated_in_place(stage: Stage) -> None:
    """An update keeps the comment's place, id and author."""
    pull = stage.pull("feature")
    written = stage.forge.create_comment(pull, "one")
    stage.forge.create_comment(pull, "two")

    updated = stage.forge.update_comment(written.id, "three")

    assert written.model_copy(update={"body": "three"}) == updated
    assert ["three", "two"] == [comment.body for comment in stage.forge.comments(pull)]


def test_comments_of_nothing_are_refused(stage: Stage) -> None:
    """A pull request or comment that is not there is a refusal with status 404."""
    for attempt in (
        lambda: stage.forge.comments(77),
        lambda: stage.forge.create_comment(77, "text"),
        lambda: stage.forge.update_comment(77, "text"),
    ):
        with pytest.raises(ForgeRefused) as caught:
            attempt()
        assert 404 == caught.value.status

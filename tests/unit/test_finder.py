"""Finding the checkpoints that failed jobs left: which one counts, what is believed of it, and what that costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recovery.errors import ArtifactDamaged, AuthenticationError, ForgeRefused, ForgeUnavailable
from recovery.finder import find_checkpoints
from recovery.models.decision import JobCheckpoint, Observation
from recovery.models.github import Artifact
from recovery.models.manifest import manifest_bytes
from recovery.models.records import PipelineFailure, WorkflowCheckpoint
from recovery.models.verdict import Evidence, FailureClass
from recovery.policy.resumption import TIME_LIMIT_RULE
from tests import builders as make
from tests.fakes.forge import FakeForge


class Left:
    """A failed run whose jobs left checkpoints."""

    def __init__(self, attempt: int = 1, **failure: Any) -> None:
        self.forge = FakeForge()
        self.attempt = attempt
        self.run = make.make_run(run_attempt=attempt, event="push")
        self.failures: tuple[PipelineFailure, ...] = (make.make_failure(attempt=attempt, **failure),)
        self.excluded: dict[str, str] = {}
        self.forge.add_run(self.run, [make.make_job(run_attempt=attempt, id=self.failures[0].job_id)])

    def leave(
        self, number: int = 1, *, attempt: int = 1, job_id: int = 4201, manifest: bytes | None = None, **over: Any
    ) -> WorkflowCheckpoint:
        """Hold a checkpoint's artifact, sound unless said otherwise."""
        metadata = {"attempt": attempt, "job_id": str(job_id), "done": ["build_complete"]} | over.pop("metadata", {})
        artifact = over.pop("artifact", {})
        checkpoint = make.make_checkpoint(id=f"ckpt-{number:08d}", metadata=metadata, **over)
        name = f"recovery-checkpoint.1001.{attempt}.{job_id}.build_complete.{number:08d}"
        made = make.make_artifact(id=9000 + number, name=name, created_at=make.later(number), **artifact)
        self.forge.artifacts[made.id] = (made, {"manifest.json": manifest or manifest_bytes(checkpoint)})
        return checkpoint

    def find(self) -> tuple[JobCheckpoint, ...] | None:
        """What is found of the attempt."""
        jobs = self.forge._jobs[1001, self.attempt]
        seen: Observation = make.make_observation(run=self.run, attempt=self.attempt, jobs=jobs, failures=self.failures)
        return find_checkpoints(self.forge, seen, self.excluded.get)

    def found(self) -> tuple[JobCheckpoint, ...]:
        """What is found of an attempt whose artifacts may be listed."""
        found = self.find()
        assert found is not None
        return found

    def called(self) -> list[object]:
        """The forge's methods that were called."""
        return [call[0] for call in self.forge.calls]


def test_newest_checkpoint_of_the_failed_job_is_found() -> None:
    """Of several, the one made last counts; it costs the list and one manifest."""
    left = Left()
    left.leave(1)
    left.leave(2)

    (found,) = left.found()

    assert ("test", "ckpt-00000002", "build_complete", 9002, 1, True) == (
        found.job_name,
        found.checkpoint_id,
        found.name,
        found.artifact_id,
        found.made_in_attempt,
        found.is_valid,
    )
    assert ["artifacts_of_run", "artifact_file"] == left.called()


def test_checkpoints_of_other_jobs_are_not_looked_into() -> None:
    """Another job's, another leg's and another run's are left alone, without a request."""
    left = Left()
    left.leave(1, job_id=4999)
    left.leave(2, artifact={"run_id": 1002})

    assert () == left.find()
    assert ["artifacts_of_run"] == left.called()


def test_run_without_checkpoints_costs_one_request() -> None:
    """Nothing but the list is asked for, in a later attempt, too."""
    left = Left(attempt=2)

    assert () == left.find()
    assert ["artifacts_of_run"] == left.called()


def _newer_schema(checkpoint: WorkflowCheckpoint) -> bytes:
    return manifest_bytes(checkpoint).replace(b'"schema_version": 1', b'"schema_version": 9')


@pytest.mark.parametrize(
    ("over", "told", "corrupt"),
    [
        ({"repository": "octo-org/other"}, "names another repository: expected 'octo-org/widgets'", True),
        ({"run_id": "1002"}, "names another run: expected '1001', found '1002'", True),
        ({"checkpoint_name": "tested"}, "names another name: expected 'build_complete', found 'tested'", True),
        ({"metadata": {"job_id": "7"}}, "names another job: expected '4201', found '7'", True),
        ({"metadata": {"attempt": 3}}, "names another attempt: expected '1', found '3'", True),
        ({"metadata": {"attempt": "many"}}, "the metadata of ckpt-00000001 is damaged", True),
        ({"artifact": {"expired": True}}, "has expired", False),
        ({"manifest": b"no manifest"}, "it is no JSON", True),
    ],
)
def test_what_contradicts_github_is_refused(over: dict[str, Any], told: str, corrupt: bool) -> None:
    """A manifest that is another's, or no sound one, is not continued from; the reason says what differs."""
    left = Left()
    left.leave(1, **over)

    (found,) = left.found()

    assert not found.is_valid
    assert told in found.errors[0]
    assert corrupt is found.corrupt


def test_newer_schema_is_refused_with_what_to_do() -> None:
    """A manifest that a newer version wrote is not guessed at."""
    left = Left()
    fields = json.loads(manifest_bytes(make.make_checkpoint()))
    left.leave(1, manifest=json.dumps(fields | {"schema_version": 9}).encode())

    (found,) = left.found()

    assert "schema version '9'" in found.errors[0]
    assert not found.corrupt


def test_id_must_fit_the_artifact() -> None:
    """A manifest copied into another checkpoint's artifact is found out by its id."""
    left = Left()
    checkpoint = left.leave(1)
    other = checkpoint.model_copy(update={"id": "ckpt-elsewhere"})
    left.leave(1, manifest=manifest_bytes(other))

    assert "has another id: expected one that ends in 00000001" in left.found()[0].errors[0]


@pytest.mark.parametrize("over", [{"commit_sha": "0" * 40}, {"workflow_name": "Release by @octocat"}])
def test_what_github_does_not_tell_for_certain_is_no_contradiction(over: dict[str, Any]) -> None:
    """A pull request's jobs run on a merge that the run does not tell, and `run-name` takes the workflow's place."""
    left = Left()
    left.leave(1, **over)

    assert left.found()[0].is_valid


def test_excluded_checkpoint_stays_excluded() -> None:
    """What was once found damaged is not continued from, even if it looks sound now."""
    left = Left()
    left.leave(1)
    left.excluded["ckpt-00000001"] = "a pack is damaged"

    assert ("a pack is damaged",) == left.found()[0].errors


def test_damaged_artifact_is_told_from_one_out_of_reach() -> None:
    """A digest that does not fit is corruption; a storage that does not answer is not."""
    left = Left()
    left.leave(1)
    left.forge.fail("artifact_file", ArtifactDamaged("it is not what was uploaded"), call=1)
    left.forge.fail("artifact_file", ForgeUnavailable("its storage answered 500"), call=2)

    assert [True, False] == [left.found()[0].corrupt, left.found()[0].corrupt]


def test_list_that_may_not_be_read_means_no_checkpoints(caplog: pytest.LogCaptureFixture) -> None:
    """Without `actions: read` there is nothing to resume from, and that is said."""
    left = Left()
    left.leave(1)
    left.forge.fail("artifacts_of_run", ForgeRefused("Resource not accessible", status=403))

    assert left.find() is None
    assert "checkpoints are not looked for" in caplog.text


def test_what_concerns_every_request_is_raised() -> None:
    """A token that GitHub does not know is not taken for a missing checkpoint."""
    left = Left()
    left.leave(1)
    left.forge.fail("artifacts_of_run", AuthenticationError("bad credentials"))

    with pytest.raises(AuthenticationError):
        left.find()


def test_later_attempt_without_a_checkpoint_finds_the_earlier_one_by_the_job_s_name() -> None:
    """Ids change with every attempt, names do not; nothing new was made, so nothing progressed."""
    left = Left(attempt=2, job_id=5201)
    left.forge._jobs[1001, 1] = (make.make_job(), make.make_job(id=4202, name="lint"))
    left.leave(1, job_id=4201)
    left.leave(2, job_id=4202)

    (found,) = left.found()

    assert ("ckpt-00000001", 1, False) == (found.checkpoint_id, found.made_in_attempt, found.progressed)
    assert ["artifacts_of_run", "jobs_of_all_attempts", "artifact_file"] == left.called()


@pytest.mark.parametrize(("done", "progressed"), [(["build_complete"], False), (["build_complete", "tests"], True)])
def test_progress_is_measured_against_what_was_continued_from(done: list[str], progressed: bool) -> None:
    """A job that runs out of time twice at the same point has not progressed, whatever it uploaded."""
    limit = Evidence(line=1, text="exceeded the maximum execution time", rule=TIME_LIMIT_RULE)
    left = Left(attempt=2, job_id=5201, failure_class=FailureClass.TIMEOUT, evidence=(limit,))
    left.forge._jobs[1001, 1] = (make.make_job(),)
    left.leave(1, job_id=4201)
    left.leave(2, attempt=2, job_id=5201, metadata={"done": done})

    assert progressed is left.found()[0].progressed


def test_artifacts_with_other_names_do_not_matter() -> None:
    """Users' own artifacts are not taken for checkpoints."""
    left = Left()
    other: Artifact = make.make_artifact(id=1, name="dist")
    left.forge.artifacts[1] = (other, {"manifest.json": b"{}"})

    assert () == left.find()


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"checkpoint_name": "tested"}, "ckpt-00000001"),
        ({"run_id": "1002"}, ""),
        ({"checkpoint_name": "tested", "artifact": {"head_repository_id": 2}}, ""),
    ],
    ids=["its own", "a copy of another run's", "a fork's"],
)
def test_refused_manifest_condemns_only_the_id_that_is_its_own(over: dict[str, Any], expected: str) -> None:
    """A copied or a fork's manifest cannot spoil the checkpoint whose id it carries."""
    left = Left()
    left.leave(1, **over)

    (found,) = left.found()

    assert (True, expected) == (found.corrupt, found.checkpoint_id)


CUT_OFF: dict[str, Any] = {
    "failure_class": FailureClass.TIMEOUT,
    "evidence": (Evidence(line=1, text="exceeded the maximum execution time", rule=TIME_LIMIT_RULE),),
}


def test_trouble_that_passes_is_no_proof_of_progress() -> None:
    """Where the earlier checkpoint cannot be read just now, nobody knows whether the job got further."""
    left = Left(attempt=2, job_id=5201, **CUT_OFF)
    left.forge._jobs[1001, 1] = (make.make_job(),)
    left.leave(1, job_id=4201)
    left.leave(2, attempt=2, job_id=5201)
    left.forge.fail("artifact_file", ForgeUnavailable("its storage answered 502"), call=2)

    assert left.found()[0].progressed is False


def test_earlier_checkpoint_that_is_no_good_was_not_continued_from() -> None:
    """What had expired before cannot have saved the job anything: all it has now is progress."""
    left = Left(attempt=2, job_id=5201, **CUT_OFF)
    left.forge._jobs[1001, 1] = (make.make_job(),)
    left.leave(1, job_id=4201, artifact={"expired": True})
    left.leave(2, attempt=2, job_id=5201)

    assert left.found()[0].progressed is True


def test_jobs_of_the_same_name_do_not_share_checkpoints() -> None:
    """Two legs that are called the same are told apart by their ids, and across attempts not at all."""
    left = Left(attempt=2, job_id=5201)
    other = make.make_failure(attempt=2, job_id=5202)
    left.failures = (*left.failures, other)
    left.forge._jobs[1001, 2] = tuple(make.make_job(id=number, run_attempt=2) for number in (5201, 5202))
    left.forge._jobs[1001, 1] = tuple(make.make_job(id=number) for number in (4201, 4202))
    left.leave(1, job_id=4201)
    left.leave(2, attempt=2, job_id=5202)

    assert [(5202, "ckpt-00000002")] == [(found.job_id, found.checkpoint_id) for found in left.found()]

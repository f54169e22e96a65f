"""A checkpoint's validity in the seed's four parts; every error says what was expected and found."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.models.checkpoint import Content, Pack, parse_artifact_name
from recovery.models.github import Artifact
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.provenance import Origin
from recovery.policy.validation import CheckpointFacts, Holder, ValidationReport, is_damaged, validate
from tests import builders as make

DIGEST = "sha256:" + "0" * 64
OTHER = "sha256:" + "1" * 64
NAME = "recovery-checkpoint.1001.1.4201.build_complete.00000001"
PACK = Pack(digest="a" * 64, size=10, raw_size=20)
OTHER_PACK = Pack(digest="b" * 64, size=10, raw_size=20)


def checkpoint(**over: Any) -> WorkflowCheckpoint:
    """A checkpoint with one of everything that can be validated."""
    fields = {
        "environment_context": {"RUNNER_OS": "Linux"},
        "artifacts": ["dist"],
        "dependencies": ["uv.lock"],
        "metadata": {"dependency_digests": {"uv.lock": DIGEST}},
    }
    return make.make_checkpoint(**fields | over)


def captured(environment: dict[str, str] | None = None, **metadata: Any) -> WorkflowCheckpoint:
    """A checkpoint as a job makes it."""
    told = {"attempt": 1, "job_id": "4201", "dependency_digests": {"uv.lock": DIGEST}}
    return checkpoint(
        id="ckpt-00000001", environment_context=environment or {"RUNNER_OS": "Linux"}, metadata=told | metadata
    )


def content(**over: Any) -> dict[str, Any]:
    """The summary of a checkpoint's content, as its metadata hold it."""
    fields: dict[str, Any] = {
        "files": 1,
        "bytes": 20,
        "table_digest": "c" * 64,
        "table_size": 5,
        "tree_digest": "d" * 64,
        "packs": (PACK,),
    }
    return Content(**fields | over).model_dump(mode="json")


def report(of: WorkflowCheckpoint | None = None, **over: Any) -> ValidationReport:
    """The verdict on a checkpoint in a world where everything is as it was, but for what is said here."""
    given = of or checkpoint()
    facts = {
        "stored": given,
        "environment": {"RUNNER_OS": "Linux"},
        "available_artifacts": ("dist",),
        "dependency_digests": {"uv.lock": DIGEST},
    }
    return validate(given, CheckpointFacts(**facts | over))


def origin(**over: Any) -> Origin:
    """Where the default checkpoint comes from."""
    fields = {
        "repository": make.REPOSITORY,
        "run_id": "1001",
        "commit_sha": make.HEAD_SHA,
        "workflow_name": "CI",
        "artifact": parse_artifact_name(NAME),
    }
    return Origin(**fields | over)


def _artifact(**over: Any) -> Artifact:
    return make.make_artifact(**{"name": NAME} | over)


def test_unchanged_world_is_valid() -> None:
    """Nothing differs: valid, without errors and warnings, and all four parts passed."""
    assert {
        "is_valid": True,
        "errors": [],
        "warnings": [],
        "checks": {"integrity": True, "environment": True, "artifacts": True, "dependencies": True},
    } == report()


def test_everything_that_can_be_known_and_fits_is_valid() -> None:
    """A captured checkpoint in its artifact, with its base: no error, no warning."""
    of = captured(content=content(base="ckpt-base", base_packs=(OTHER_PACK,)))
    base = make.make_checkpoint(id="ckpt-base", metadata={"content": content(packs=(OTHER_PACK, PACK))})
    holder = Holder(artifact=_artifact(), recorded_digest=f"sha256:{'a' * 64}", accepted_run=1001)

    found = report(of, origin=origin(), holder=holder, base=base)

    assert (True, [], []) == (found["is_valid"], found["errors"], found["warnings"])


@pytest.mark.parametrize(
    ("found", "part", "error"),
    [
        (
            report(stored=checkpoint(commit_sha="b" * 40)),
            "integrity",
            "integrity: the stored manifest of ckpt-01 differs from the one given",
        ),
        (report(checkpoint(commit_sha="")), "integrity", "integrity: `commit_sha` is empty"),
        (report(damage=("the pack x is damaged",)), "integrity", "integrity: the pack x is damaged"),
        (
            report(environment={"RUNNER_OS": "macOS"}),
            "environment",
            "environment: `RUNNER_OS` was 'Linux' at the checkpoint and is 'macOS' now",
        ),
        (report(available_artifacts=()), "artifacts", "artifacts: `dist` was expected and is missing or expired"),
        (
            report(dependency_digests={"uv.lock": OTHER}),
            "dependencies",
            f"dependencies: `uv.lock` was {DIGEST} at the checkpoint and is {OTHER}",
        ),
        (
            report(dependency_digests={}),
            "dependencies",
            f"dependencies: `uv.lock` was {DIGEST} at the checkpoint and is missing",
        ),
    ],
)
def test_each_part_fails_alone(found: ValidationReport, part: str, error: str) -> None:
    """One difference fails one part, with one error that names both sides."""
    assert (False, [error]) == (found["is_valid"], found["errors"])
    assert [part] == [name for name, passed in found["checks"].items() if not passed]


@pytest.mark.parametrize(
    ("found", "warning"),
    [
        (report(stored=None), "integrity: no stored manifest of ckpt-01 to compare with"),
        (report(checkpoint(metadata={})), "dependencies: no digest of `uv.lock` was recorded"),
        (
            report(captured(content=content(base="ckpt-base", base_packs=(OTHER_PACK,)))),
            "dependencies: the base checkpoint ckpt-base was not looked for",
        ),
    ],
)
def test_what_cannot_be_compared_is_a_warning(found: ValidationReport, warning: str) -> None:
    """A manifest, digest or base that is not at hand does not make a checkpoint invalid."""
    assert (True, [warning]) == (found["is_valid"], found["warnings"])


@pytest.mark.parametrize("name", ["repository", "workflow_name", "run_id", "commit_sha", "checkpoint_name"])
def test_identity_must_be_whole(name: str) -> None:
    """A checkpoint without one of its names is not intact."""
    assert [f"integrity: `{name}` is empty"] == report(checkpoint(**{name: ""}))["errors"]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"dependency_digests": None}, "dependency_digests: Input should be a valid dictionary"),
        ({"dependency_digests": [1]}, "dependency_digests: Input should be a valid dictionary"),
        ({"attempt": "many"}, "attempt: Input should be a valid integer"),
        ({"content": {"format": 2}}, "content.format: Input should be 1"),
    ],
)
def test_strange_metadata_is_damage(metadata: dict[str, Any], told: str) -> None:
    """Particulars that are none are told as such, and break nothing."""
    found = report(checkpoint(metadata=metadata, dependencies=[]))
    assert is_damaged(found)
    assert f"integrity: the metadata of ckpt-01 is damaged: {told}" in found["errors"][0]


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"repository": "octo-org/other"}, "another repository: expected 'octo-org/other', found 'octo-org/widgets'"),
        ({"run_id": "1002"}, "another run: expected '1002', found '1001'"),
        ({"commit_sha": "b" * 40}, "another commit: expected 'bbb"),
        ({"workflow_name": "Release"}, "another workflow: expected 'Release', found 'CI'"),
        ({"artifact": parse_artifact_name(NAME.replace(".1.", ".2."))}, "another attempt: expected '2', found '1'"),
        ({"artifact": parse_artifact_name(NAME.replace("4201", "7"))}, "another job: expected '7', found '4201'"),
        (
            {"artifact": parse_artifact_name(NAME.replace("build_", "test_"))},
            "another name: expected 'test_complete', found 'build_complete'",
        ),
        ({"artifact": parse_artifact_name(NAME[:-1] + "2")}, "one that ends in 00000002, found 'ckpt-00000001'"),
    ],
)
def test_manifest_must_say_what_others_say(over: dict[str, Any], told: str) -> None:
    """What names another origin than GitHub is a copy, and counts as damaged."""
    found = report(captured(), origin=origin(**over))
    assert is_damaged(found)
    assert [True] == [told in error for error in found["errors"]]


def test_repositories_are_the_same_in_any_case() -> None:
    """GitHub does not tell upper and lower case apart in names."""
    assert report(captured(), origin=origin(repository="Octo-Org/Widgets"))["is_valid"]


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"base": "ckpt-base"}, "the content names 0 packs of a base, but its base is 'ckpt-base'"),
        ({"base_packs": (OTHER_PACK,)}, "the content names 1 packs of a base, but its base is ''"),
        ({"packs": (PACK, PACK)}, "the content names a pack twice"),
        ({"packs": ()}, "the content has 20 bytes in no pack"),
    ],
)
def test_content_must_be_complete(over: dict[str, Any], told: str) -> None:
    """A summary that contradicts itself cannot be restored from."""
    assert f"integrity: {told}" in report(captured(content=content(**over)))["errors"]


def test_context_that_is_no_variable_is_not_compared() -> None:
    """The seed's `python_version` is a note, not a variable of the environment."""
    assert report(checkpoint(environment_context={"python_version": "3.11"}), environment={})["is_valid"]


def test_captured_variable_that_is_missing_is_an_error() -> None:
    """What a job recorded must be there when work continues."""
    found = report(captured({"tool:node": "20.1.0"}), environment={})
    assert ["environment: `tool:node` was '20.1.0' at the checkpoint and is not there now"] == found["errors"]


def test_secret_is_not_told() -> None:
    """A manifest that names a variable to have its value printed gets no value."""
    found = report(captured({"X": "1"}), environment={"X": "ghs_0123456789abcdefghij"})
    assert ["environment: `X` was '1' at the checkpoint and is something that looks like a secret now"] == found[
        "errors"
    ]


@pytest.mark.parametrize(
    ("recorded", "now", "error", "warning"),
    [
        ("20.1.0", "20.9.3", False, False),
        ("20.1.0", "21.0.0", True, False),
        ("v20.1", "v20.2", False, False),
        ("1", "1.5", False, False),
        ("0.4.1", "0.4.9", False, False),
        ("0.4.1", "0.5.0", True, False),
        ("0.4.1", "1.4.1", True, False),
        ("ubuntu22", "ubuntu24", True, False),
        ("ubuntu24", "macos24", False, True),
        ("20260101.1.0", "20260108.1.0", False, True),
        ("fast", "slow", False, True),
        ("20.1.0", None, False, True),
    ],
)
def test_compatible_is_enough_where_it_was_said(recorded: str, now: str | None, error: bool, warning: bool) -> None:
    """The same major version will do, before 1.0 the same minor one; what is no version is only warned of."""
    of = captured({"X": recorded}, compatible=["X"])
    found = report(of, environment={} if now is None else {"X": now})
    assert (error, warning) == (bool(found["errors"]), bool(found["warnings"]))
    assert found["checks"]["environment"] is not error


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"artifact": None}, "the artifact of ckpt-01 was expected and is missing"),
        ({"artifact": _artifact(expired=True)}, f"`{NAME}` was expected and has expired"),
        (
            {"artifact": _artifact(digest=OTHER), "recorded_digest": DIGEST},
            f"`{NAME}` was {DIGEST} when it was recorded and is {OTHER}",
        ),
        (
            {"artifact": _artifact(digest=None), "recorded_digest": DIGEST},
            f"`{NAME}` was {DIGEST} when it was recorded and is without a digest",
        ),
        (
            {"artifact": _artifact(run_id=1002), "accepted_run": 1001},
            f"`{NAME}` was made by run 1002, expected run 1001",
        ),
        (
            {"artifact": _artifact(head_repository_id=2)},
            f"`{NAME}` was made from a commit of another repository, expected one of this repository",
        ),
    ],
)
def test_artifact_must_be_the_one_that_is_accepted(over: dict[str, Any], told: str) -> None:
    """Missing, expired, exchanged or another's: told as the artifact's fault, not as damage of the checkpoint."""
    found = report(holder=Holder(**over))
    assert [f"artifacts: {told}"] == found["errors"]
    assert not is_damaged(found)


def test_fork_s_artifact_is_accepted_of_its_own_run() -> None:
    """The run of a fork's pull request may continue from what it made itself."""
    assert report(holder=Holder(artifact=_artifact(head_repository_id=2), accepted_run=1001))["is_valid"]


def test_digest_recorded_in_the_metadata_counts() -> None:
    """Where nothing else tells what the artifact was, the catalogue does."""
    of = captured(artifact_digest=DIGEST)
    assert not report(of, holder=Holder(artifact=_artifact(digest=OTHER)))["is_valid"]


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ({"id": "ckpt-other"}, "the base checkpoint has another id: expected 'ckpt-base', found 'ckpt-other'"),
        ({"repository": "a/b"}, "the base checkpoint has another repository"),
        ({"run_id": "7"}, "the base checkpoint has another run: expected '1001', found '7'"),
        ({"metadata": {}}, "the base checkpoint ckpt-base holds no files"),
        (
            {"metadata": {"content": content(packs=(OTHER_PACK,), base="ckpt-0", base_packs=(PACK,))}},
            "was expected to stand alone and builds on 'ckpt-0'",
        ),
        ({"metadata": {"content": content()}}, f"lacks 1 packs that were expected in it, {OTHER_PACK.digest} first"),
    ],
)
def test_base_must_be_what_was_built_on(base: dict[str, Any], told: str) -> None:
    """An incremental checkpoint is as good as its base."""
    of = captured(content=content(base="ckpt-base", base_packs=(OTHER_PACK,)))
    sound = {"id": "ckpt-base", "metadata": {"content": content(packs=(OTHER_PACK,))}}

    found = report(of, base=make.make_checkpoint(**sound | base))

    assert not found["checks"]["dependencies"]
    assert told in found["errors"][0]


def test_base_that_is_gone_is_an_error() -> None:
    """Without it half of the content is missing."""
    found = report(captured(content=content(base="ckpt-base", base_packs=(OTHER_PACK,))), base_problem="has expired")
    assert ["dependencies: the base checkpoint ckpt-base was expected and has expired"] == found["errors"]


def test_all_errors_are_told() -> None:
    """Nothing hides behind the first error."""
    found = report(
        stored=checkpoint(run_id="9"), environment={"RUNNER_OS": "x"}, available_artifacts=(), dependency_digests={}
    )
    assert ["integrity", "environment", "artifacts", "dependencies"] == [e.partition(":")[0] for e in found["errors"]]


def test_unfit_is_not_damaged() -> None:
    """Only what is wrong with the checkpoint itself excludes it for good."""
    unfit = report(environment={"RUNNER_OS": "x"}, available_artifacts=(), dependency_digests={})
    assert [False, True] == [is_damaged(unfit), is_damaged(report(damage=("x",)))]

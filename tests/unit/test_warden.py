"""What the warden believes of artifacts that are named like a hold, and how far it looks."""

from __future__ import annotations

import pytest

from recovery.errors import ArtifactDamaged, ForgeRefused, ForgeUnavailable
from recovery.models.github import Artifact
from recovery.models.rollback import Hold
from recovery.policy.holds import hold_artifact_name, hold_bytes
from recovery.warden import MOST_RUNS, LeftHold, artifacts_for, holds_on, left_in, made_on, not_looked_into
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.forge import FakeForge

BELIEVED = (".github/workflows/recovery.yml", ".github/workflows/rollback.yml")
NAME = hold_artifact_name(rolled.BAD_SHA)


def keep(forge: FakeForge, number: int, hold: Hold | None = None, **artifact: object) -> Artifact:
    """A hold that the rollback workflow left on the default branch; a greater number was left later."""
    path = str(artifact.pop("path", BELIEVED[1]))
    run_id = int(str(artifact.get("run_id", 5000 + number)))
    branch = str(artifact.get("head_branch", "main"))
    forge.add_run(make.make_run(id=run_id, path=path, event="workflow_dispatch", head_branch=branch))
    usual = {"id": number, "name": NAME, "run_id": run_id, "created_at": make.later(number), "head_branch": "main"}
    made = make.make_artifact(**usual | artifact)
    forge.artifacts[number] = (made, {"hold.json": hold_bytes(hold or rolled.make_hold())})
    return made


def plant(forge: FakeForge, count: int, **artifact: object) -> None:
    """Artifacts of that name that somebody else's workflow left, later than any hold."""
    for number in range(1000, 1000 + count):
        keep(forge, number, **{"path": ".github/workflows/ci.yml", "head_branch": "feature"} | artifact)


def found(forge: FakeForge) -> tuple[Hold, ...]:
    """The holds on the bad commit."""
    return holds_on(forge, rolled.BAD_SHA, BELIEVED, "main")


def test_one_request_where_there_is_nothing() -> None:
    """The default branch is not asked for, either."""
    forge = FakeForge()

    assert () == holds_on(forge, rolled.BAD_SHA, BELIEVED)
    assert [("artifacts_named", NAME)] == forge.calls


def test_default_branch_is_asked_for_where_it_is_not_given() -> None:
    """A shell has no event that tells it."""
    forge = FakeForge()
    keep(forge, 1)

    assert (rolled.make_hold(),) == holds_on(forge, rolled.BAD_SHA, BELIEVED)
    assert 1 == forge.called("default_branch")


@pytest.mark.parametrize("planted", [{}, {"head_branch": "main", "head_repository_id": 2}, {"expired": True}])
def test_hold_is_found_below_whatever_others_plant(planted: dict[str, object]) -> None:
    """What another branch, or a fork, or the past left costs no request, however much it is."""
    forge = FakeForge()
    keep(forge, 1)
    plant(forge, 500, **planted)

    assert (rolled.make_hold(),) == found(forge)
    assert ["artifacts_named", "run", "artifact_file"] == [call[0] for call in forge.calls]


def test_hold_is_found_below_what_other_workflows_of_the_default_branch_left() -> None:
    """Every run is looked into, up to the bound, and each one once."""
    forge = FakeForge()
    keep(forge, 1)
    plant(forge, MOST_RUNS - 1, head_branch="main")

    assert (rolled.make_hold(),) == found(forge)
    assert (MOST_RUNS, 1) == (forge.called("run"), forge.called("artifact_file"))


def test_artifacts_of_one_run_cost_one_look_at_it() -> None:
    """A run that is repeated leaves the name once more."""
    forge = FakeForge()
    for number in range(1, 2 * MOST_RUNS):
        keep(forge, number, rolled.make_hold(reason=str(number)), run_id=77)

    assert 2 * MOST_RUNS - 1 == len(found(forge))
    assert 1 == forge.called("run")


def test_what_is_beyond_the_bound_is_told() -> None:
    """Nothing that is not looked into is taken for nothing."""
    forge = FakeForge()
    lost = keep(forge, 1)
    plant(forge, MOST_RUNS, head_branch="main")
    among = made_on("main", artifacts_for(forge, rolled.BAD_SHA))

    assert () == found(forge)
    assert (lost,) == not_looked_into(among)


def test_branch_that_github_does_not_tell_is_told_by_the_run() -> None:
    """An artifact without a branch is no hold of another branch's."""
    forge = FakeForge()
    keep(forge, 1, head_branch=None)
    forge.add_run(make.make_run(id=5001, path=BELIEVED[1], event="workflow_dispatch", head_branch="feature"))

    assert () == found(forge)


@pytest.mark.parametrize(
    "error",
    [
        ForgeRefused("gone", status=404),
        ForgeRefused("expired", status=410),
        ArtifactDamaged("not what was uploaded"),
    ],
)
def test_hold_that_cannot_be_read_hides_no_other(error: ForgeRefused) -> None:
    """It was released meanwhile, or is damaged."""
    forge = FakeForge()
    keep(forge, 1)
    keep(forge, 2, rolled.make_hold(reason="another"))
    forge.fail("artifact_file", error)

    assert (rolled.make_hold(),) == found(forge)


def test_trouble_with_github_is_told() -> None:
    """Whoever asks decides what follows."""
    forge = FakeForge()
    keep(forge, 1)
    forge.fail("artifact_file", ForgeUnavailable("502"))

    with pytest.raises(ForgeUnavailable):
        found(forge)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", None),
        (b" " * 70_000, None),
        (None, ArtifactDamaged("not what was uploaded")),
        (None, ForgeRefused("larger than what is read")),
    ],
)
def test_what_a_believed_run_left_is_told_whatever_is_in_it(content: bytes | None, error: ForgeRefused | None) -> None:
    """Damaged or too large, it holds nothing; but whoever releases can delete it."""
    forge = FakeForge()
    made = keep(forge, 1)
    strange = keep(forge, 2, path=".github/workflows/ci.yml")
    if content is not None:
        forge.artifacts[made.id] = (made, {"hold.json": content})
    if error is not None:
        forge.fail("artifact_file", error)

    left = tuple(left_in(forge, (made, strange), rolled.BAD_SHA, BELIEVED, "main"))

    assert (LeftHold(None, made),) == left


@pytest.mark.parametrize("method", ["run", "artifact_file"])
def test_what_may_not_be_read_is_told(method: str) -> None:
    """Without the permission nothing can be said of any of them."""
    forge = FakeForge()
    made = keep(forge, 1)
    forge.fail(method, ForgeRefused("403", status=403))

    with pytest.raises(ForgeRefused):
        tuple(left_in(forge, (made,), rolled.BAD_SHA, BELIEVED, "main"))

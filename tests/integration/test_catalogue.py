"""Taking in the checkpoints of completed runs: what is believed, what is condemned, and what a pass costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from recovery.catalogue import MOST_LOOK_UPS, MOST_MANIFESTS, MOST_RUNS, Pass, ingest
from recovery.errors import ArtifactDamaged, ForgeError, ForgeRefused, ForgeUnavailable, RateLimited
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.events import CheckpointCreated, CheckpointJudged
from recovery.models.manifest import manifest_bytes
from recovery.models.records import WorkflowCheckpoint
from recovery.policy.shortening import RECORD_LIMIT
from recovery.recorder import Recorder
from tests import builders as make
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore

SINCE = make.later(-86400)


class Site:
    """A repository whose runs leave checkpoints, and the store that is to know of them."""

    def __init__(self) -> None:
        self.forge = FakeForge()
        self.store = MemoryStore()
        self.clock = FakeClock(make.later(1000))
        self.add_run()

    def add_run(self, **over: Any) -> None:
        """A completed run of the default branch."""
        good = {"event": "push", "head_branch": "main", "conclusion": "success"}
        self.forge.add_run(make.make_run(**good | over))

    def leave(
        self, number: int = 1, *, run_id: int = 1001, content: bytes | None = None, **over: Any
    ) -> WorkflowCheckpoint:
        """Hold a checkpoint's artifact, sound unless said otherwise."""
        artifact = over.pop("artifact", {})
        metadata = {"attempt": 1, "job_id": "4201"} | over.pop("metadata", {})
        fields = {"id": f"ckpt-{number:026d}", "run_id": str(run_id), "metadata": metadata}
        checkpoint = make.make_checkpoint(**fields | over)
        name = f"recovery-checkpoint.{run_id}.1.4201.build_complete.{number:08d}"
        made = {"id": 9000 + number, "name": name, "created_at": make.later(number), "run_id": run_id}
        held = make.make_artifact(**made | artifact)
        file = {} if content == b"" else {"manifest.json": content or manifest_bytes(checkpoint)}
        self.forge.artifacts[held.id] = (held, file)
        return checkpoint

    def ingest(self) -> int:
        """One pass; how many it took in."""
        return self.run_pass().taken

    def run_pass(self) -> Pass:
        """One pass."""
        recorder = Recorder(self.store, self.clock, "local")
        recent = self.forge.artifacts_since(SINCE)
        self.forge.calls.clear()
        return ingest(self.store, recorder, self.forge, recent, self.clock.now())

    @property
    def called(self) -> list[object]:
        """The forge's methods that the last pass called."""
        return [call[0] for call in self.forge.calls]

    @property
    def judged(self) -> list[CheckpointJudged]:
        """Every judgement on record."""
        return [event for event in self.store.events.values() if isinstance(event, CheckpointJudged)]


@pytest.fixture
def site() -> Site:
    """A repository with one green run."""
    return Site()


def test_checkpoint_of_a_green_run_is_taken_in(site: Site) -> None:
    """The manifest as it was written, and what GitHub tells of its artifact and its run."""
    left = site.leave()

    assert 1 == site.ingest()

    assert ["run", "artifact_file"] == site.called
    told = {
        "artifact_id": 9001,
        "artifact_digest": f"sha256:{'a' * 64}",
        "artifact_size": 2048,
        "run_conclusion": "success",
        "run_branch": "main",
        "expires_at": make.later(90 * 86400).isoformat(),
        "health": "valid",
        "health_detail": "",
    }
    assert left.model_copy(update={"metadata": left.metadata | told}) == site.store.checkpoint(left.id)


def test_second_pass_over_the_same_world_asks_and_writes_nothing(site: Site) -> None:
    """What is known is not asked for again, sound or not."""
    site.leave(1)
    site.leave(2, repository="octo-org/other")
    site.leave(3, content=b"")
    site.ingest()
    before = dict(site.store.events)

    assert 0 == site.ingest()

    assert [] == site.called
    assert before == site.store.events


def test_one_request_tells_of_all_checkpoints_of_a_run(site: Site) -> None:
    """A run is asked for once, however many checkpoints it left."""
    for number in (1, 2, 3):
        site.leave(number)

    assert 3 == site.ingest()
    assert ["run", "artifact_file", "artifact_file", "artifact_file"] == site.called


def test_what_a_manifest_says_of_itself_does_not_count(site: Site) -> None:
    """Health, artifact, branch and conclusion are what GitHub says, whatever stands in the manifest."""
    boasts = {"health": "corrupt", "artifact_id": 1, "run_branch": "main", "run_conclusion": "success"}
    site.add_run(id=1002, head_branch="feature", conclusion="failure")
    left = site.leave(run_id=1002, metadata=boasts)

    site.ingest()

    known = site.store.checkpoint(left.id)
    assert known is not None
    assert (CheckpointHealth.VALID, 9001, "feature", "failure") == (
        CheckpointHealth(known.metadata["health"]),
        known.metadata["artifact_id"],
        known.metadata["run_branch"],
        known.metadata["run_conclusion"],
    )


def test_clock_that_is_ahead_makes_nothing_the_newest_for_ever(site: Site) -> None:
    """A checkpoint was made before it was uploaded, whatever its manifest says."""
    left = site.leave(created_at=make.later(10**9))

    site.ingest()

    known = site.store.checkpoint(left.id)
    assert known is not None
    assert make.later(1) == known.created_at


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1e300, "soon"])
def test_impossible_times_are_damage_and_no_crash(site: Site, created_at: object) -> None:
    """A manifest may tell any time; the pass goes on."""
    site.leave(1, content=_changed(site.leave(1), created_at=created_at))
    site.leave(2)

    assert 1 == site.ingest()
    assert [CheckpointHealth.CORRUPT] == [event.health for event in site.judged]


def test_run_that_has_not_completed_is_waited_for(site: Site) -> None:
    """Its checkpoints are taken in by the first pass after its end."""
    site.add_run(status="in_progress", conclusion=None)
    left = site.leave()

    assert (0, ["run"], None) == (site.ingest(), site.called, site.store.checkpoint(left.id))
    site.add_run()
    assert 1 == site.ingest()


@pytest.mark.parametrize(
    "artifact",
    [
        {"head_repository_id": 2},
        {"run_id": 1002},
        {"name": "recovery-checkpoint.1001.1.4201.build_complete"},
        {"name": "dist"},
        {"expired": True},
    ],
)
def test_other_artifacts_are_not_looked_into(site: Site, artifact: dict[str, Any]) -> None:
    """A fork's, another run's under this run's name, an expired one, and whatever else is no checkpoint's."""
    site.leave(artifact=artifact)
    recorder = Recorder(site.store, site.clock, "local")
    held = [artifact for artifact, _ in site.forge.artifacts.values()]

    assert Pass() == ingest(site.store, recorder, site.forge, held, site.clock.now())
    assert ([], {}) == (site.called, site.store.events)


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"repository": "octo-org/other"}, "another repository: expected 'octo-org/widgets'"),
        ({"checkpoint_name": "tested"}, "another name"),
        ({"metadata": {"job_id": "7"}}, "another job"),
        ({"metadata": {"attempt": 2}}, "another attempt"),
        ({"metadata": {"attempt": "many"}}, "the metadata of ckpt-00000000000000000000000001 is damaged"),
    ],
)
def test_what_contradicts_github_is_condemned(site: Site, over: dict[str, Any], told: str) -> None:
    """A manifest of this run that says other than GitHub is damaged for good, and the reason is on record."""
    left = site.leave(**over)

    assert 0 == site.ingest()

    health, detail = site.store.health_of(left.id)
    assert CheckpointHealth.CORRUPT is health
    assert told in detail
    assert site.store.checkpoint(left.id) is None


@pytest.mark.parametrize("over", [{"commit_sha": "0" * 40}, {"workflow_name": "Release"}])
def test_what_a_run_does_not_tell_of_its_jobs_condemns_nothing(site: Site, over: dict[str, Any]) -> None:
    """Jobs of pull requests run on a merge commit, and a run's name may be another than its workflow's."""
    site.leave(**over)

    assert 1 == site.ingest()


def test_copy_in_another_run_does_not_condemn_the_original(site: Site) -> None:
    """Whoever copies a manifest into a run of their own neither takes the original's place nor spoils it."""
    site.add_run(id=1002)
    original = site.leave(1)
    site.leave(1, run_id=1002, content=manifest_bytes(original), artifact={"id": 9002, "created_at": make.later(9)})

    assert 1 == site.ingest()

    assert (CheckpointHealth.VALID, "") == site.store.health_of(original.id)
    assert [] == site.judged


@pytest.mark.parametrize("over", [{}, {"repository": "octo-org/other"}])
def test_id_that_another_artifact_has_is_passed_over(site: Site, over: dict[str, Any]) -> None:
    """A second artifact of the same id, sound or not, changes nothing about the first."""
    original = site.leave(1)
    site.ingest()
    before = dict(site.store.events)
    site.add_run(id=1002)
    site.leave(1, run_id=1002, artifact={"id": 9002}, **over)

    assert (0, before) == (site.ingest(), site.store.events)
    assert CheckpointHealth.VALID is site.store.health_of(original.id)[0]


def _changed(checkpoint: WorkflowCheckpoint, **over: Any) -> bytes:
    return json.dumps(json.loads(manifest_bytes(checkpoint)) | over).encode()


@pytest.mark.parametrize(
    "over",
    [
        {"id": "ckpt-another"},
        {"id": "../../00000001"},
        {"id": ["00000001"]},
        {"run_id": "7", "created_at": "never"},
        {"id": "x" * 200 + "00000001", "created_at": "never"},
    ],
)
def test_nobody_is_condemned_by_name_alone(site: Site, over: dict[str, Any]) -> None:
    """Where it cannot be told which checkpoint was meant, none is judged, and the artifact is not asked for again."""
    site.leave(content=_changed(site.leave(), **over))

    assert (0, []) == (site.ingest(), site.judged)
    site.ingest()
    assert [] == site.called


def test_damaged_manifest_condemns_the_checkpoint_it_names(site: Site) -> None:
    """Enough is legible to tell which one it is."""
    left = site.leave()
    site.leave(content=_changed(left, created_at="never"))

    site.ingest()

    assert [(left.id, CheckpointHealth.CORRUPT)] == [(event.checkpoint_id, event.health) for event in site.judged]


def test_newer_schema_is_left_for_a_newer_version(site: Site) -> None:
    """It is no damage, and a later version may take it in."""
    left = site.leave()
    site.leave(content=_changed(left, schema_version=9))

    assert (0, {}, frozenset()) == (site.ingest(), site.store.events, site.store.folded([9001]))


def test_newer_schema_is_asked_for_once_and_keeps_nobody_out(site: Site) -> None:
    """However many newer ones this version cannot read, the next pass goes on to what it can."""
    readable = [site.leave(number) for number in (1, 100)]
    for number in range(2, MOST_MANIFESTS + 10):
        site.leave(number, content=_changed(site.leave(number), schema_version=9))

    passes = [site.run_pass() for _ in range(3)]

    assert [MOST_MANIFESTS, 10, 0] == [done.looked_into for done in passes]
    assert [] == site.called
    assert {each.id for each in readable} == {each.id for each in site.store.checkpoints()}


def test_active_runs_keep_nobody_out(site: Site) -> None:
    """Neither more of them than are asked for in a pass, newer or older ones, nor all that they left."""
    site.leave(500)
    for number in (*range(1, MOST_LOOK_UPS // 2), *range(2000, 2000 + 2 * MOST_LOOK_UPS)):
        site.add_run(id=number, status="in_progress", conclusion=None)
        site.leave(number, run_id=number)

    assert (1, MOST_LOOK_UPS) == (site.ingest(), site.called.count("run"))
    assert (0, MOST_LOOK_UPS) == (site.ingest(), len(site.called))


def test_oldest_get_their_turn_beside_many_new_ones(site: Site) -> None:
    """What would be out of sight soon is not put off by what every hour brings."""
    oldest = site.leave(1)
    site.add_run(id=1002)
    for number in range(2, 2 * MOST_MANIFESTS):
        site.leave(number, run_id=1002)

    site.ingest()

    assert oldest.id in {each.id for each in site.store.checkpoints()}


@pytest.mark.parametrize(
    ("over", "left_out"),
    [
        ({"workflow_state": {"log": "x" * 10**6}}, ["workflow_state"]),
        ({"dependencies": ["x" * 200] * 1000, "workflow_state": {"step": 3}}, ["dependencies"]),
        ({"metadata": {"junk": "x" * 10**6, "matrix": {"py": 3}}}, ["metadata"]),
        ({"metadata": {"left_out": ["artifacts"]}}, None),
    ],
)
def test_large_parts_are_left_out_of_the_record(site: Site, over: dict[str, Any], left_out: list[str] | None) -> None:
    """Nobody can bloat the database; the checkpoint is usable all the same, and the record says what it lacks."""
    left = site.leave(**over)

    assert 1 == site.ingest()

    known = site.store.checkpoint(left.id)
    assert known is not None
    assert (left_out, CheckpointHealth.VALID) == (known.metadata.get("left_out"), site.store.health_of(left.id)[0])
    assert len(known.model_dump_json()) < 2 * RECORD_LIMIT
    assert left.metadata.get("matrix") == known.metadata.get("matrix")


def test_manifest_that_is_large_all_over_is_not_recorded(site: Site) -> None:
    """It is passed over, not condemned, and not asked for again."""
    site.leave(metadata={"matrix": {"py": "x" * 10**6}})

    assert (0, {}) == (site.ingest(), site.store.events)
    site.ingest()
    assert [] == site.called


@pytest.mark.parametrize("error", [ForgeUnavailable("502"), RateLimited("wait"), ForgeRefused("no", status=403)])
@pytest.mark.parametrize("method", ["run", "artifact_file"])
def test_trouble_leaves_the_rest_for_another_pass(site: Site, method: str, error: ForgeError) -> None:
    """Nothing is judged because GitHub did not answer; what was read before stays; the next pass goes on."""
    site.add_run(id=1002)
    site.leave(1)
    newest = site.leave(2, run_id=1002)
    site.forge.fail(method, error, call=2)

    assert 1 == site.ingest()
    assert [newest.id] == [checkpoint.id for checkpoint in site.store.checkpoints()]

    assert 1 == site.ingest()


@pytest.mark.parametrize("error", [ForgeRefused("gone", status=404), ArtifactDamaged("not what was uploaded")])
def test_one_bad_artifact_does_not_keep_the_others_out(site: Site, error: ForgeError) -> None:
    """What is gone or broken is passed over, and not asked for again."""
    site.leave(1)
    site.leave(2)
    site.forge.fail("artifact_file", error, call=1)

    assert (1, 0) == (site.ingest(), site.ingest())
    assert ([], []) == (site.called, site.judged)


def test_deleted_run_is_passed_over(site: Site) -> None:
    """Its artifacts go with it."""
    site.leave(1)
    site.leave(2, run_id=1002)

    assert 1 == site.ingest()


def test_a_pass_is_bounded_and_the_next_goes_on(site: Site) -> None:
    """So many runs and manifests in a pass."""
    for number in range(1, MOST_RUNS + 3):
        site.add_run(id=number)
        site.leave(number, run_id=number)

    assert (MOST_RUNS, 2, 0) == (site.ingest(), site.ingest(), site.ingest())

    for number in range(100, 100 + MOST_MANIFESTS + 3):
        site.leave(number)
    assert (MOST_MANIFESTS, 3, 0) == (site.ingest(), site.ingest(), site.ingest())


def _ends(site: Site, how: str) -> None:
    if how == "listed":
        held, content = site.forge.artifacts[9001]
        site.forge.artifacts[9001] = (held.model_copy(update={"expired": True}), content)
    else:
        site.forge.artifacts.clear()
        site.clock.advance(91 * 86400)


@pytest.mark.parametrize("how", ["listed", "by its time"])
def test_known_checkpoint_whose_artifact_expires_is_judged_once(site: Site, how: str) -> None:
    """GitHub lists it as expired, or its time has passed long after it left the list."""
    left = site.leave()
    site.ingest()
    _ends(site, how)

    for _ in range(2):
        site.ingest()

    assert [(left.id, CheckpointHealth.EXPIRED, "its artifact has expired")] == [
        (event.checkpoint_id, event.health, event.detail) for event in site.judged
    ]
    assert [] == site.called


def test_records_made_by_hand_do_not_disturb(site: Site) -> None:
    """A checkpoint that somebody recorded with metadata of their own is left alone."""
    site.store.record([make.checkpoint_created(checkpoint=make.make_checkpoint(metadata={"attempt": "many"}))])

    assert 0 == site.ingest()
    assert 1 == len(site.store.events)


def killed_at(site: Site) -> Iterator[MemoryStore]:
    """The store as it is after each event of a pass, its bookkeeping lost."""
    site.ingest()
    events = list(site.store.events.values())
    for count in range(len(events) + 1):
        store = MemoryStore()
        store.record(events[:count])
        yield store


def test_pass_that_was_killed_is_taken_up_again(site: Site) -> None:
    """Wherever it ended, the next pass comes to the same answers."""
    site.leave(1)
    site.leave(2, repository="octo-org/other")
    left = [f"ckpt-{number:026d}" for number in (1, 2)]
    stores = list(killed_at(site))

    for store in stores:
        again = Site()
        again.forge, again.store = site.forge, store
        again.ingest()
        assert [site.store.health_of(each) for each in left] == [store.health_of(each) for each in left]
    assert [1, 1] == [
        sum(isinstance(event, kind) for event in site.store.events.values())
        for kind in (CheckpointCreated, CheckpointJudged)
    ]

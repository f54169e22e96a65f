"""Every way in which answers, events, uploads and the world can go wrong, over HTTP and without any runner."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from recovery.errors import RehearsalError
from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.faults.answers import (
    AnswerDeed,
    AnswerFault,
    BadLink,
    Cut,
    Garbage,
    Limited,
    Slow,
    Status,
    Truncated,
)
from recovery.rehearsal.faults.artifacts import (
    ArtifactPlanted,
    ArtifactsDeleted,
    ArtifactsExpired,
    ArtifactsRewritten,
    ArtifactsTampered,
    ArtifactsTruncated,
)
from recovery.rehearsal.faults.deliveries import (
    Delayed,
    Duplicated,
    EventFault,
    EventWhen,
    Lost,
    RefusedUpload,
    Reordered,
    UploadFault,
    UploadWhen,
)
from recovery.rehearsal.faults.happenings import (
    CacheEvicted,
    ClockShifted,
    Deed,
    DiskFull,
    Happening,
    HumanCancel,
    HumanRerun,
    Killed,
    Limits,
    LimitsChanged,
    NewPush,
    PermissionsCapped,
    PullRequestMoved,
)
from recovery.rehearsal.faults.parts import Phase, Role, When
from recovery.rehearsal.payloads import Shapes
from recovery.rehearsal.records import Arrival, Run, ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.scenario import Ending, Scenario
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

from .conftest import Call


def scenario(**parts: Any) -> Scenario:
    """A scenario with nothing in it but these parts."""
    return Scenario(name="test", description="a test", ending=Ending.CLEARED, reruns=1, **parts)


@pytest.fixture
def rerun(call: Call, failed_run: Run) -> Callable[[], requests.Response]:
    """Ask for the re-run of the failed run."""
    return lambda: call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs")


RERUN = When(method="POST", path="/actions/runs/*/rerun-failed-jobs")
GET_RUN = When(method="GET", path="/actions/runs/*")


@pytest.mark.parametrize(
    ("deed", "status", "attempts"),
    [
        (Status(status=502), 502, 1),
        (Status(status=502, after_effect=True), 502, 2),
        (Status(status=503, retry_after=7), 503, 1),
        (Limited(limit="primary"), 403, 1),
        (Limited(limit="secondary"), 403, 1),
        (Limited(limit="secondary", status=429, retry_after=3), 429, 1),
        (Garbage(garbage="html"), 201, 2),
        (Garbage(garbage="invalid-json"), 201, 2),
        (Garbage(garbage="wrong-shape"), 201, 2),
        (Garbage(garbage="empty", status=500), 500, 2),
        (Slow(slow=0.01), 201, 2),
    ],
)
def test_answers_go_wrong_before_or_after_the_effect(
    rerun: Callable[[], requests.Response],
    world: World,
    failed_run: Run,
    *,
    deed: AnswerDeed,
    status: int,
    attempts: int,
) -> None:
    """What was sent, whether the effect took place, and what the access log says about both."""
    world.apply(scenario(faults=(AnswerFault(when=RERUN, do=deed),)))
    assert rerun().status_code == status
    assert world.runs.get(failed_run.id).latest.number == attempts
    (access,) = world.requests
    assert (access.status, access.carried_out) == (status, 201 if attempts == 2 else None)
    assert access.fault == type(deed).__name__.lower()


@pytest.mark.parametrize(("deed", "attempts"), [
    (Cut(cut="answer"), 2), (Cut(cut="answer", after_effect=False), 1), (Cut(cut="body"), 2),
    (Truncated(truncated=True), 2),
])  # fmt: skip
def test_connections_break_off(
    rerun: Callable[[], requests.Response], world: World, failed_run: Run, deed: AnswerDeed, attempts: int
) -> None:
    """A client sees a broken connection, whether or not the effect took place; the next request is well again."""
    world.apply(scenario(faults=(AnswerFault(when=RERUN, do=deed),)))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        rerun()
    assert world.runs.get(failed_run.id).latest.number == attempts


def test_a_limit_tells_when_it_ends(call: Call, world: World, failed_run: Run) -> None:
    """The primary limit names its reset and says that nothing remains; the secondary one names a wait if it is told."""
    world.apply(scenario(faults=(
        AnswerFault(when=GET_RUN, do=Limited(limit="primary", resets_after=5)),
        AnswerFault(when=GET_RUN, do=Limited(limit="secondary", status=429)),
    )))  # fmt: skip
    primary = call("GET", f"/actions/runs/{failed_run.id}")
    assert primary.headers["x-ratelimit-remaining"] == "0"
    assert 3 <= int(primary.headers["x-ratelimit-reset"]) - time.time() <= 6
    secondary = call("GET", f"/actions/runs/{failed_run.id}")
    assert (secondary.status_code, "retry-after" in secondary.headers) == (429, False)
    assert "secondary rate limit" in secondary.json()["message"]
    assert call("GET", f"/actions/runs/{failed_run.id}").status_code == 200


@pytest.mark.parametrize(("trouble", "status"), [("expired", 403), ("missing", 404), ("failing", 500)])
def test_links_are_useless(call: Call, world: World, failed_run: Run, trouble: Any, status: int) -> None:
    """The redirect is as always, and what it leads to is not."""
    world.apply(scenario(faults=(AnswerFault(when=When(path="/actions/jobs/*/logs"), do=BadLink(link=trouble)),)))
    path = f"/actions/jobs/{failed_run.latest.jobs[1].id}/logs"
    link = call("GET", path).headers["Location"]
    assert call("GET", link, token=None).status_code == status
    assert call("GET", call("GET", path).headers["Location"], token=None).status_code == 200


def test_a_link_leads_nowhere(call: Call, world: World, failed_run: Run) -> None:
    """No server is behind the link."""
    world.apply(scenario(faults=(AnswerFault(do=BadLink(link="unreachable")),)))
    link = call("GET", f"/actions/jobs/{failed_run.latest.jobs[1].id}/logs").headers["Location"]
    with pytest.raises(requests.ConnectionError):
        call("GET", link, token=None)


def test_downloads_go_wrong_too(call: Call, world: World, failed_run: Run) -> None:
    """The download host is asked under a path of its own."""
    world.apply(scenario(faults=(AnswerFault(when=When(path="/_download/*"), do=Status(status=503)),)))
    link = call("GET", f"/actions/jobs/{failed_run.latest.jobs[1].id}/logs").headers["Location"]
    assert [call("GET", link, token=None).status_code for _ in range(2)] == [503, 200]


def test_the_nth_request_and_so_many_after_it(call: Call, world: World, failed_run: Run) -> None:
    """`nth` counts matching requests from 1, `times` says for how many it goes on."""
    when = When(method="GET", path="/actions/runs/*", nth=2, times=2)
    world.apply(scenario(faults=(AnswerFault(when=when, do=Status(status=500)),)))
    call("GET", f"/actions/runs/{failed_run.id}/jobs")
    statuses = [call("GET", f"/actions/runs/{failed_run.id}").status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    world.apply(scenario(faults=(AnswerFault(when=When(times="always"), do=Status(status=500)),)))
    assert {call("GET", "/actions/runs").status_code for _ in range(5)} == {500}
    world.trouble.clear()
    assert call("GET", "/actions/runs").status_code == 200


def test_phases_are_told_from_what_a_run_has_done(call: Call, world: World, failed_run: Run) -> None:
    """Nothing uploaded, plan uploaded, effect accepted, and another run after that; a test may announce its own."""
    first = world.add_run([ScriptedJob(name="recover")], workflow="Recovery", event="workflow_run")
    later = world.add_run([ScriptedJob(name="recover")], workflow="Recovery", event="workflow_run")
    mine, other = world.issue_token(first.id), world.issue_token(later.id)
    path = f"/actions/runs/{failed_run.id}"
    call("GET", path, token=mine)
    world.vault.add_artifact(first, f"recovery-plan.{failed_run.id}.1.1", {"plan.jsonl": "{}"})
    call("GET", path, token=mine)
    call("POST", f"{path}/rerun-failed-jobs", token=mine)
    call("GET", path, token=mine)
    call("GET", path, token=other)
    world.stages.announce("report")
    call("GET", path, token=other)
    phases = [access.phase for access in world.requests]
    assert phases == ["plan", "execute", "execute", "report", "settle", "report"]


def test_faults_choose_by_phase_and_by_whose_request_it_is(call: Call, world: World, failed_run: Run) -> None:
    """A fault of the pipeline's requests does not touch recovery's, nor one of another phase."""
    when = When(run=Role.PIPELINE), When(run=Role.RECOVERY, phase=Phase.EXECUTE)
    faults = tuple(AnswerFault(when=one, do=Status(status=500 + n)) for n, one in enumerate(when))
    world.apply(scenario(faults=faults))
    path = f"/actions/runs/{failed_run.id}"
    assert call("GET", path).status_code == 200
    assert call("GET", path, token=world.issue_token(failed_run.id)).status_code == 500
    world.stages.announce("execute")
    assert call("GET", path).status_code == 501


BEFORE_RERUN: list[tuple[Deed, int]] = [
    (HumanRerun(rerun="failed"), 403), (HumanRerun(rerun="all"), 403), (HumanCancel(cancel=True), 201),
    (PermissionsCapped(permissions={"actions": "read"}), 403), (NewPush(push=True), 201),
    (PullRequestMoved(pull_request="closed"), 201), (ClockShifted(clock=31 * 86_400), 403),
    (LimitsChanged(limits=Limits(remaining=0)), 403),
]  # fmt: skip


@pytest.mark.parametrize(("deed", "status"), BEFORE_RERUN, ids=[type(deed).__name__ for deed, _ in BEFORE_RERUN])
def test_things_happen_just_before_a_request(
    rerun: Callable[[], requests.Response], world: World, failed_run: Run, deed: Deed, status: int
) -> None:
    """The request meets the world as it has become in between."""
    world.pulls.add("feature", failed_run.head_sha)
    world.apply(scenario(happenings=(Happening(before=RERUN, do=deed),)))
    assert rerun().status_code == status
    assert "happening" in {event.kind for event in world.timeline}


def test_a_human_is_faster(rerun: Callable[[], requests.Response], world: World, failed_run: Run) -> None:
    """The human's re-run is still active when ours arrives: 403, one new attempt, by the human."""
    world.runner = ScriptedRunner(world.runs, hold=True)
    world.apply(scenario(happenings=(Happening(before=RERUN, do=HumanRerun(rerun="failed")),)))
    assert rerun().status_code == 403
    latest = world.runs.get(failed_run.id).latest
    assert (latest.number, latest.triggering_actor.login) == (2, "octocat")


def test_what_a_person_may_not_do_does_not_happen(call: Call, world: World) -> None:
    """A green run has no failed jobs to re-run, and an empty world no run at all; the request is answered as ever."""
    world.apply(scenario(happenings=(Happening(before=When(times=2), do=HumanRerun(rerun="failed")),)))
    assert call("GET", "/actions/runs").status_code == 200
    green = world.add_run([ScriptedJob(name="job")])
    assert call("GET", f"/actions/runs/{green.id}").json()["run_attempt"] == 1
    assert [event.kind for event in world.timeline].count("happening-refused") == 2


def test_everything_that_can_happen_has_its_sentence(world: World, failed_run: Run) -> None:
    """The timeline tells it in words."""
    world.pulls.add(failed_run.head_branch, failed_run.head_sha)
    artifacts = (
        ArtifactsExpired(expire="*"), ArtifactsTampered(tamper="*"), ArtifactsTruncated(truncate="*"),
        ArtifactsRewritten(rewrite="*"), ArtifactPlanted(plant="plan.{run}", workflow="Other"),
        ArtifactsDeleted(delete="*"),
    )  # fmt: skip
    for deed in (*(deed for deed, _ in BEFORE_RERUN), CacheEvicted(evict="*"), *artifacts):
        world.happen(deed)
    told = [event.text for event in world.timeline if event.kind == "happening"]
    assert told[0] == "a person re-runs the run (failed jobs)"
    assert told[-8:] == [
        "the rate limits change", "caches are evicted: *", "artifacts expire: *", "artifacts are tampered with: *",
        "artifacts are cut off: *", "manifest.json is another one in artifacts: *",
        "the workflow Other uploads plan.{run}", "artifacts are deleted: *",
    ]  # fmt: skip


def test_a_push_supersedes_and_a_close_closes(call: Call, world: World, failed_run: Run) -> None:
    """The branch and the pull request move on; `after` happens when the request has been carried out."""
    world.repository.set_branch("feature", failed_run.head_sha)
    pull = world.pulls.add("feature", failed_run.head_sha)
    world.apply(scenario(happenings=(
        Happening(after=GET_RUN, do=NewPush(push=True)),
        Happening(after=When(path="/pulls/*", nth=2), do=PullRequestMoved(pull_request="merged")),
    )))  # fmt: skip
    call("GET", f"/actions/runs/{failed_run.id}")
    shown = [call("GET", f"/pulls/{pull.number}").json() for _ in range(3)]
    assert shown[0]["head"]["sha"] == world.repository.tip("feature") != failed_run.head_sha
    assert [(one["state"], one["merged"]) for one in shown] == [("open", False), ("open", False), ("closed", True)]


def test_what_was_kept_is_forgotten(world: World, failed_run: Run) -> None:
    """Caches are evicted and artifacts expire by pattern, at once when no moment is given."""
    world.vault.add_cache("state-1")
    world.vault.add_cache("other-1")
    world.vault.add_artifact(failed_run, "plan.1", {})
    world.apply(scenario(happenings=(
        Happening(do=CacheEvicted(evict="state-*")), Happening(do=ArtifactsExpired(expire="plan.*")),
    )))  # fmt: skip
    assert [entry.key for entry in world.vault.caches()] == ["other-1"]
    assert [artifact.expired for artifact in world.vault.artifacts()] == [True]


@pytest.fixture
def held(call: Call, world: World, failed_run: Run) -> Callable[[str], tuple[dict[str, Any], bytes]]:
    """An artifact of that name as GitHub lists it, and what is downloaded as it."""
    for name in ("checkpoint.1", "checkpoint.2", "other"):
        world.vault.add_artifact(failed_run, name, {"manifest.json": '{"a": 1, "b": 2}', "files": "x" * 100})

    def read(name: str) -> tuple[dict[str, Any], bytes]:
        (listed,) = call("GET", f"/actions/artifacts?name={name}").json()["artifacts"]
        link = call("GET", f"/actions/artifacts/{listed['id']}/zip").headers["Location"]
        return listed, call("GET", link, token=None).content

    return read


def digest(content: bytes) -> str:
    """A digest as GitHub writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("deed", [ArtifactsTampered(tamper="check*"), ArtifactsTruncated(truncate="check*")])
def test_artifacts_are_damaged(held: Callable[[str], tuple[dict[str, Any], bytes]], world: World, deed: Deed) -> None:
    """What is given out no longer fits the record, which stays as it was; other artifacts are left alone."""
    before = {name: held(name) for name in ("checkpoint.1", "checkpoint.2", "other")}
    world.apply(scenario(happenings=(Happening(do=deed),)))
    for name, (listed, content) in before.items():
        again, given = held(name)
        assert again == listed
        assert (given == content, digest(given) == listed["digest"]) == (name == "other", name == "other")
        assert len(given) == (len(content) // 2 if name != "other" and "truncate" in repr(deed) else len(content))


@pytest.mark.parametrize(
    ("over", "manifest"),
    [
        ({"fields": {"b": 9, "c": [1]}}, b'{"a": 1, "b": 9, "c": [1]}'),
        ({"text": "NaN"}, b"NaN"),
        ({}, None),
        ({"member": "more.json", "text": "{}"}, b'{"a": 1, "b": 2}'),
    ],
)
def test_a_file_in_artifacts_is_rewritten(
    held: Callable[[str], tuple[dict[str, Any], bytes]], world: World, over: dict[str, Any], manifest: bytes | None
) -> None:
    """Values, text or the whole file are others, and the digest is that of the new zip; the rest stays."""
    before, _ = held("checkpoint.1")
    world.apply(scenario(happenings=(Happening(do=ArtifactsRewritten(rewrite="checkpoint.1", **over)),)))
    listed, given = held("checkpoint.1")
    assert (listed["id"], listed["size_in_bytes"]) == (before["id"], len(given))
    assert listed["digest"] == digest(given) != before["digest"]
    with zipfile.ZipFile(io.BytesIO(given)) as archive:
        assert (archive.read("manifest.json") if "manifest.json" in archive.namelist() else None) == manifest
        assert archive.read("files") == b"x" * 100


def test_artifacts_are_deleted(held: Callable[[str], tuple[dict[str, Any], bytes]], call: Call, world: World) -> None:
    """They are in no list any more."""
    listed, _ = held("checkpoint.2")
    world.apply(scenario(happenings=(Happening(do=ArtifactsDeleted(delete="checkpoint.*")),)))
    assert [one["name"] for one in call("GET", "/actions/artifacts").json()["artifacts"]] == ["other"]
    assert call("GET", f"/actions/artifacts/{listed['id']}").status_code == 404


def test_a_stranger_plants_an_artifact(
    held: Callable[[str], tuple[dict[str, Any], bytes]], call: Call, world: World, failed_run: Run
) -> None:
    """A green run of another workflow on the default branch made it; what happens later is not about that run."""
    deed = ArtifactPlanted(plant="plan.{run}.1", like="checkpoint.*", files={"files": "y", "plan": "{}"})
    world.apply(scenario(happenings=(Happening(do=deed), Happening(do=HumanRerun(rerun="failed")))))
    listed, given = held(f"plan.{failed_run.id}.1")
    with zipfile.ZipFile(io.BytesIO(given)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "manifest.json": b'{"a": 1, "b": 2}', "files": b"y", "plan": b"{}",
        }  # fmt: skip
    run = call("GET", f"/actions/runs/{listed['workflow_run']['id']}").json()
    assert (run["name"], run["path"]) == ("Somebody else's", ".github/workflows/somebody-else-s.yml")
    assert (run["event"], run["head_branch"], run["conclusion"]) == ("workflow_dispatch", "main", "success")
    assert world.runs.get(failed_run.id).latest.number == 2


@pytest.mark.parametrize("deed", [
    ArtifactsExpired(expire="none*"), ArtifactsTampered(tamper="none*"), ArtifactPlanted(plant="x", like="none*"),
    ArtifactsRewritten(rewrite="other", member="none", fields={}),
])  # fmt: skip
def test_what_befalls_no_artifact_is_told(
    held: Callable[[str], tuple[dict[str, Any], bytes]], world: World, deed: Deed
) -> None:
    """A pattern that fits nothing does not pass in silence."""
    before = held("other")
    world.happen(deed)
    assert [event.text[:8] for event in world.timeline if event.kind == "happening-refused"] == ["there is"]
    assert held("other") == before


def test_the_server_s_clock_is_another(call: Call, world: World) -> None:
    """The Date header, times of new things and the reset of limits are all by the shifted clock."""
    world.happen(ClockShifted(clock=-7200))
    run = world.add_run([ScriptedJob(name="job")])
    answer = call("GET", f"/actions/runs/{run.id}")
    behind = datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])
    assert timedelta(seconds=7190) < behind < timedelta(seconds=7210)
    assert datetime.fromisoformat(answer.json()["created_at"]) < datetime.now(UTC) - timedelta(seconds=7190)
    assert int(answer.headers["x-ratelimit-reset"]) < time.time()


@pytest.mark.parametrize(("why", "status"), [("quota", 403), ("conflict", 409), ("trouble", 500)])
def test_uploads_are_refused(world: World, failed_run: Run, why: Any, status: int) -> None:
    """By name, and only as many as are meant."""
    world.apply(scenario(uploads=(UploadFault(when=UploadWhen(name="plan.*"), do=RefusedUpload(refuse=why)),)))
    world.vault.add_artifact(failed_run, "journal", {})
    with pytest.raises(Refused) as refusal:
        world.vault.add_artifact(failed_run, "plan.1", {})
    assert refusal.value.status == status
    world.vault.add_artifact(failed_run, "plan.1", {})


def test_events_are_lost_doubled_late_and_overtaken(world: World) -> None:
    """What a scripted world delivers, in its order; recovery's own runs make no event."""
    faults = [(1, Lost(lost=True)), (2, Duplicated(duplicated=True)), (3, Reordered(reordered=True)),
              (5, Delayed(delayed=9)), (6, Reordered(reordered=True))]  # fmt: skip
    world.apply(scenario(events=tuple(EventFault(when=EventWhen(nth=nth), do=deed) for nth, deed in faults)))
    runs = [world.add_run([ScriptedJob(name="job")]) for _ in range(6)]
    world.add_run([ScriptedJob(name="recover")], workflow="Recovery", event="workflow_run")
    taken = [(runs.index(found.run) + 1, found.copies, found.delay) for found in world.deliveries.take()]
    assert taken == [(2, 2, 0), (4, 1, 0), (3, 1, 0), (5, 1, 9), (6, 1, 0)]
    assert world.deliveries.take() == []
    payload = Shapes(world, "http://127.0.0.1:1").completed_event(runs[0])
    assert (payload["action"], payload["workflow_run"]["id"]) == ("completed", runs[0].id)


def test_late_and_overtaken_events_arrive_in_the_end(world: World) -> None:
    """A receiver gets the late one at its time, and the overtaken one when there is nothing to overtake it."""
    arrived: list[tuple[int, int]] = []
    world.deliveries.receiver = lambda delivery: arrived.append((delivery.run.id, delivery.copies))
    deeds = (Delayed(delayed=0.05), Duplicated(duplicated=True), Reordered(reordered=True))
    faults = [EventFault(when=EventWhen(nth=nth), do=deed) for nth, deed in enumerate(deeds, start=1)]
    world.apply(scenario(events=tuple(faults)))
    runs = [world.add_run([ScriptedJob(name="job")]) for _ in range(3)]
    for run in runs:
        world.deliveries.completed(run)
    assert arrived == [(runs[1].id, 2)]
    assert world.deliveries.some_are_late
    world.deliveries.wait_for_late_ones(5)
    assert arrived == [(runs[1].id, 2), (runs[0].id, 1), (runs[2].id, 1)]
    assert not world.deliveries.some_are_late
    assert not world.deliveries.release()


def test_late_events_of_a_closed_world_never_arrive(world: World) -> None:
    """Closing takes back what is on its way."""
    arrived: list[Run] = []
    world.deliveries.receiver = lambda delivery: arrived.append(delivery.run)
    world.apply(scenario(events=(EventFault(do=Delayed(delayed=0.05)),)))
    world.deliveries.completed(world.add_run([ScriptedJob(name="job")]))
    world.deliveries.close()
    time.sleep(0.1)
    assert arrived == []


def test_a_callback_hears_of_every_request(call: Call, world: World, failed_run: Run) -> None:
    """Before and after, in order; one that returns True makes the request get lost, or its answer."""
    heard: list[tuple[int, str, str]] = []

    def hear(arrival: Arrival) -> None:
        heard.append((arrival.number, arrival.method, arrival.path.rsplit("/", 1)[-1]))

    world.on_request(hear)
    call("GET", f"/actions/runs/{failed_run.id}")
    call("GET", f"/actions/runs/{failed_run.id}/jobs")
    assert heard == [(1, "GET", str(failed_run.id)), (2, "GET", "jobs")]
    world.on_request(lambda arrival: arrival.method == "POST" and arrival.path.endswith("rerun"))
    world.on_request(lambda arrival: arrival.method == "POST" and arrival.path.endswith("jobs"), after=True)
    for path, attempts in (("rerun", 1), ("rerun-failed-jobs", 2)):
        with pytest.raises(requests.ConnectionError):
            call("POST", f"/actions/runs/{failed_run.id}/{path}")
        assert world.runs.get(failed_run.id).latest.number == attempts
    assert [(access.method, access.status) for access in world.requests] == [("GET", 200), ("GET", 200), ("POST", 0)]


ASKING = """
import os, sys, urllib.request
url, token, run, note = sys.argv[1:]
request = urllib.request.Request(f"{url}/repos/octo/repo/actions/runs/{run}/rerun-failed-jobs", method="POST",
                                 headers={"Authorization": f"Bearer {token}"})
urllib.request.urlopen(request)
with open(note, "w") as file:
    file.write("x" * 100)
    file.flush()
"""


@contextlib.contextmanager
def asking(server: LocalGitHub, world: World, run: Run, note: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that asks for a re-run and writes a file."""
    command = [sys.executable, "-c", ASKING, server.url, world.token, str(run.id), str(note)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose socket it is")
@pytest.mark.parametrize(("moment", "attempts"), [("before", 1), ("after", 2)])
def test_the_asking_process_is_killed(
    server: LocalGitHub, world: World, failed_run: Run, tmp_path: Path, *, moment: str, attempts: int
) -> None:
    """Before its request takes effect, or after it and before it hears of it."""
    world.apply(scenario(happenings=(Happening(**{moment: RERUN}, do=Killed(kill="process")),)))
    with asking(server, world, failed_run, tmp_path / "note") as process:
        process.communicate(timeout=10)
    assert process.returncode == -9
    assert world.runs.get(failed_run.id).latest.number == attempts
    assert len(world.requests) == attempts - 1
    assert not (tmp_path / "note").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits a running process")
def test_the_asking_process_meets_a_full_disk(
    server: LocalGitHub, world: World, failed_run: Run, tmp_path: Path
) -> None:
    """From the moment on, no file can grow beyond what is left."""
    world.apply(scenario(happenings=(Happening(before=RERUN, do=DiskFull(disk_full=10)),)))
    with asking(server, world, failed_run, tmp_path / "note") as process:
        _, errors = process.communicate(timeout=10)
    assert "File too large" in errors
    assert (tmp_path / "note").stat().st_size <= 10


def test_this_process_is_never_killed(call: Call, world: World, failed_run: Run) -> None:
    """A request from the server's own process is no reason to end it: the scenario is refused instead."""
    world.apply(scenario(happenings=(Happening(before=GET_RUN, do=Killed(kill="process")),)))
    answer = call("GET", f"/actions/runs/{failed_run.id}")
    assert answer.status_code == 500
    assert "the asking process is not known, or it is this one" in answer.json()["message"]
    with pytest.raises(RehearsalError, match="not known"):
        world.happen(Killed(kill="process"))


def test_the_access_log_tells_phase_effect_and_fault(
    rerun: Callable[[], requests.Response], world: World, server: LocalGitHub
) -> None:
    """Each line of the file says in which phase, what would have been answered, and what was done to it."""
    world.apply(scenario(faults=(AnswerFault(when=RERUN, do=Status(status=502, after_effect=True)),)))
    rerun()
    assert server.access_log is not None
    line = json.loads(server.access_log.read_text())
    assert (line["status"], line["carried_out"], line["fault"], line["phase"]) == (502, 201, "status", "plan")

"""GitHub's rules, asked over HTTP."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from recovery.rehearsal.records import MAXIMUM_COMMENT_LENGTH, Run, ScriptedJob, User
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import Fault, World

from .conftest import Call


def test_a_rerun_of_failed_jobs_makes_a_second_attempt(call: Call, failed_run: Run) -> None:
    """Failed jobs and their dependents run again under new ids; the passed job is carried over."""
    answer = call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs")
    assert (answer.status_code, answer.json()) == (201, {})
    run = call("GET", f"/actions/runs/{failed_run.id}").json()
    assert (run["run_attempt"], run["status"], run["conclusion"]) == (2, "completed", "success")
    assert run["previous_attempt_url"].endswith(f"/actions/runs/{failed_run.id}/attempts/1")
    assert run["actor"]["login"] == "octocat"
    assert run["triggering_actor"]["login"] == "github-actions[bot]"
    jobs = call("GET", f"/actions/runs/{failed_run.id}/jobs").json()["jobs"]
    assert [(job["name"], job["conclusion"], job["run_attempt"]) for job in jobs] == [
        ("build", "success", 2), ("flaky", "success", 2), ("deploy", "success", 2),
    ]  # fmt: skip
    everything = call("GET", f"/actions/runs/{failed_run.id}/jobs?filter=all").json()
    assert everything["total_count"] == 6
    assert len({job["id"] for job in everything["jobs"]}) == 6
    first = call("GET", f"/actions/runs/{failed_run.id}/attempts/1").json()
    assert (first["run_attempt"], first["conclusion"]) == (1, "failure")


def test_a_script_decides_what_the_next_attempt_gives(call: Call, world: World, failed_run: Run) -> None:
    """A scripted second failure leaves the run red, and the third attempt is scripted on its own."""
    world.script_attempt(failed_run.id, ScriptedJob(name="flaky", conclusion="failure", log="again\n"))
    call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs")
    assert call("GET", f"/actions/runs/{failed_run.id}").json()["conclusion"] == "failure"
    call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs")
    assert call("GET", f"/actions/runs/{failed_run.id}").json()["conclusion"] == "success"


def test_one_job_is_rerun_with_its_dependents_only(call: Call, world: World, failed_run: Run) -> None:
    """Re-running one job leaves the jobs it needs alone, and a job of an older attempt is refused."""
    flaky = failed_run.latest.jobs[1].id
    assert call("POST", f"/actions/jobs/{flaky}/rerun").status_code == 201
    assert [job.carried_over for job in world.runs.get(failed_run.id).latest.jobs] == [True, False, False]
    assert call("POST", f"/actions/jobs/{flaky}/rerun").status_code == 403


def test_an_active_run_cannot_be_rerun(call: Call, world: World, failed_run: Run) -> None:
    """While any attempt is active, every way to re-run answers 403."""
    world.runner = ScriptedRunner(world.runs, hold=True)
    assert call("POST", f"/actions/runs/{failed_run.id}/rerun").status_code == 201
    for path in (f"/actions/runs/{failed_run.id}/rerun", f"/actions/runs/{failed_run.id}/rerun-failed-jobs"):
        answer = call("POST", path)
        assert (answer.status_code, "already running" in answer.json()["message"]) == (403, True)
    assert call("POST", f"/actions/runs/{failed_run.id}/cancel").status_code == 202
    assert call("GET", f"/actions/runs/{failed_run.id}").json()["conclusion"] == "cancelled"
    assert call("POST", f"/actions/runs/{failed_run.id}/cancel").status_code == 409


def test_two_reruns_at_once_are_one(world: World, server: LocalGitHub, failed_run: Run) -> None:
    """Of two simultaneous requests exactly one is accepted."""
    world.runner = ScriptedRunner(world.runs, hold=True)
    barrier = threading.Barrier(2)

    def post(_: int) -> int:
        barrier.wait(timeout=5)
        url = f"{server.url}/repos/octo/repo/actions/runs/{failed_run.id}/rerun-failed-jobs"
        return requests.post(url, headers={"Authorization": f"Bearer {world.token}"}, timeout=10).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(post, range(2))) == [201, 403]


def test_old_and_worn_out_runs_cannot_be_rerun(call: Call, world: World) -> None:
    """After 30 days or 50 re-runs GitHub refuses; so it does when nothing failed."""
    job = ScriptedJob(name="job", conclusion="failure")
    old = world.add_run([job], created_at=datetime.now(UTC) - timedelta(days=31))
    answer = call("POST", f"/actions/runs/{old.id}/rerun-failed-jobs")
    assert (answer.status_code, "over a month ago" in answer.json()["message"]) == (403, True)
    worn = world.add_run([job])
    for _ in range(50):
        assert call("POST", f"/actions/runs/{worn.id}/rerun").status_code == 201
    assert call("POST", f"/actions/runs/{worn.id}/rerun").status_code == 403
    green = world.add_run([ScriptedJob(name="job")])
    assert call("POST", f"/actions/runs/{green.id}/rerun-failed-jobs").status_code == 403


def test_logs_are_downloaded_from_another_host_without_token(call: Call, world: World, failed_run: Run) -> None:
    """The link works without a token; with one it is refused, and the offence is written down."""
    job = failed_run.latest.jobs[1]
    answer = call("GET", f"/actions/jobs/{job.id}/logs")
    assert answer.status_code == 302
    link = answer.headers["Location"]
    assert link.startswith("http://localhost:")
    assert call("GET", link, token=None).text == "curl: (7) refused\n"
    assert world.offences == []
    assert call("GET", link).status_code == 400
    assert len(world.offences) == 1
    assert [access.redirect for access in world.requests] == [False, True, True]


def test_a_download_link_lives_a_minute() -> None:
    """After 60 seconds the link is refused."""
    at = [datetime(2026, 1, 1, tzinfo=UTC)]
    world = World(now=lambda: at[0])
    run = world.add_run([ScriptedJob(name="job", conclusion="failure", log="text")])
    with LocalGitHub(world) as server:
        url = f"{server.url}/repos/octo/repo/actions/jobs/{run.latest.jobs[0].id}/logs"
        headers = {"Authorization": f"token {world.token}"}
        link = requests.get(url, headers=headers, allow_redirects=False, timeout=5).headers["Location"]
        assert requests.get(link, timeout=5).status_code == 200
        at[0] += timedelta(seconds=61)
        assert requests.get(link, timeout=5).status_code == 403


def test_run_logs_are_a_zip(call: Call, failed_run: Run) -> None:
    """The logs of a whole attempt come zipped, without the skipped job."""
    link = call("GET", f"/actions/runs/{failed_run.id}/attempts/1/logs").headers["Location"]
    with zipfile.ZipFile(io.BytesIO(call("GET", link, token=None).content)) as archive:
        assert archive.namelist() == ["0_build.txt", "1_flaky.txt"]


def test_no_log_while_the_job_runs(call: Call, world: World) -> None:
    """An unfinished job has no log to download."""
    run = world.add_run([ScriptedJob(name="job", status="in_progress")], status="in_progress")
    assert call("GET", f"/actions/jobs/{run.latest.jobs[0].id}/logs").status_code == 404
    assert call("GET", f"/actions/runs/{run.id}").json()["status"] == "in_progress"


def test_runs_are_filtered_and_paged(call: Call, world: World) -> None:
    """Filters narrow the list, pages link to each other on the host that was asked."""
    for number in range(5):
        world.add_run([ScriptedJob(name="job", conclusion="failure" if number % 2 else "success")],
                      head_branch=f"b{number % 2}", event="push" if number < 3 else "pull_request")  # fmt: skip
    assert call("GET", "/actions/runs?status=failure").json()["total_count"] == 2
    assert call("GET", "/actions/runs?event=push&branch=b0").json()["total_count"] == 2
    assert call("GET", "/actions/runs?created=>=2999-01-01").json()["workflow_runs"] == []
    assert call("GET", "/actions/runs?created=2020-01-01..*").json()["total_count"] == 5
    assert call("GET", "/actions/workflows/ci.yml/runs").json()["total_count"] == 5
    first = call("GET", "/actions/runs?per_page=2")
    assert [run["id"] for run in first.json()["workflow_runs"]] == [9000005, 9000004]
    assert set(first.links) == {"next", "last"}
    second = call("GET", first.links["next"]["url"])
    assert [run["id"] for run in second.json()["workflow_runs"]] == [9000003, 9000002]
    assert set(second.links) == {"next", "last", "prev", "first"}


def test_a_token_is_needed_and_its_permissions_count(call: Call, world: World, failed_run: Run) -> None:
    """No token and an unknown one answer 401; a missing permission answers 403 with GitHub's words."""
    path = f"/actions/runs/{failed_run.id}"
    assert call("GET", path, token=None).status_code == 401
    stranger = "ghs_unknown"
    assert call("GET", path, token=stranger).json()["message"] == "Bad credentials"
    reader = world.issue_token(permissions={"actions": "read"})
    assert call("GET", path, token=reader).status_code == 200
    refused = call("POST", f"{path}/rerun", token=reader)
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")


def test_unknown_things_are_not_found(call: Call, server: LocalGitHub) -> None:
    """Paths, runs, jobs and other people's repositories that are not there answer 404 as JSON."""
    for path in (
        "/actions/runs/1",
        "/actions/jobs/1",
        "/nonsense",
        "/actions/artifacts/1",
        "/pulls/1",
        "/issues/1/comments",
    ):
        answer = call("GET", path)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found"), path
    assert call("GET", f"{server.url}/repos/other/repo/actions/runs").status_code == 404
    assert call("GET", f"{server.url}/user").status_code == 403


def test_artifacts_are_listed_downloaded_expired_and_deleted(call: Call, world: World, failed_run: Run) -> None:
    """Newest first, by exact name, with their digest; 410 when expired."""
    old = world.vault.add_artifact(failed_run, "plan", {"plan.json": "{}"})
    fork = world.add_run([ScriptedJob(name="job")], head_repository="stranger/repo")
    new = world.vault.add_artifact(fork, "plan", {"plan.json": "[]"}, expired=True)
    listed = call("GET", "/actions/artifacts?name=plan").json()
    assert [artifact["id"] for artifact in listed["artifacts"]] == [new.id, old.id]
    origin = listed["artifacts"][0]["workflow_run"]
    assert origin["head_repository_id"] != origin["repository_id"]
    assert call("GET", "/actions/artifacts?name=pla").json()["total_count"] == 0
    assert call("GET", f"/actions/runs/{failed_run.id}/artifacts").json()["artifacts"][0]["digest"] == old.digest
    assert call("GET", f"/actions/artifacts/{new.id}/zip").status_code == 410
    link = call("GET", f"/actions/artifacts/{old.id}/zip").headers["Location"]
    with zipfile.ZipFile(io.BytesIO(call("GET", link, token=None).content)) as archive:
        assert archive.read("plan.json") == b"{}"
    assert call("DELETE", f"/actions/artifacts/{old.id}").status_code == 204
    assert call("GET", f"/actions/artifacts/{old.id}").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=90-", 206, 90, 100),
        ("bytes=90-500", 206, 90, 100),
        ("bytes=100-", 416, 0, 0),
        ("bytes=-10", 200, 0, 100),
        ("bytes=20-10", 200, 0, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("lines=1-2", 200, 0, 100),
    ],
)
def test_downloads_give_parts(
    call: Call, world: World, failed_run: Run, *, wanted: str, status: int, start: int, end: int
) -> None:
    """A stretch by its first and last byte, 416 behind the end, and everything for what blob storage does not know."""
    content = bytes(range(100))
    artifact = world.vault.upload(failed_run, "a", content)
    link = call("GET", f"/actions/artifacts/{artifact.id}/zip").headers["Location"]
    with requests.get(link, headers={"Range": wanted}, timeout=5) as answer:
        told = {206: f"bytes {start}-{end - 1}/100", 416: "bytes */100"}
        assert (answer.status_code, answer.headers.get("Content-Range")) == (status, told.get(status))
        assert answer.content == (b"InvalidRange" if status == 416 else content[start:end])


def test_caches_are_listed_by_prefix(call: Call, world: World) -> None:
    """The list takes a key's beginning and a scope; there is no download."""
    world.vault.add_cache("state-1")
    world.vault.add_cache("state-2", ref="refs/pull/1/merge")
    keys = [cache["key"] for cache in call("GET", "/actions/caches?key=state").json()["actions_caches"]]
    assert keys == ["state-2", "state-1"]
    assert call("GET", "/actions/caches?key=state&ref=refs/heads/main").json()["total_count"] == 1


def test_pull_requests_are_found_by_head(call: Call, world: World) -> None:
    """`owner:branch` tells a fork's pull request from ours; a fork's run and commit know none."""
    run = world.add_run([ScriptedJob(name="job")], head_branch="topic", head_repository="stranger/repo")
    world.pulls.add("topic", run.head_sha, head_repository="stranger/repo")
    ours = world.pulls.add("topic", "b" * 40)
    found = call("GET", "/pulls?state=open&head=stranger:topic").json()
    assert [(pull["number"], pull["head"]["repo"]["full_name"]) for pull in found] == [(1, "stranger/repo")]
    assert call("GET", f"/commits/{run.head_sha}/pulls").json() == []
    assert call("GET", f"/actions/runs/{run.id}").json()["pull_requests"] == []
    assert [pull["number"] for pull in call("GET", f"/commits/{'b' * 40}/pulls").json()] == [ours.number]
    world.pulls.move(ours.number, state="closed")
    assert call("GET", f"/commits/{'b' * 40}/pulls").json() == []
    assert call("GET", "/pulls?head=octo:topic").json() == []
    assert call("GET", f"/pulls/{ours.number}").json()["state"] == "closed"


def test_comments_are_written_edited_and_limited(call: Call, world: World) -> None:
    """Oldest first, by the bot of our token, never longer than GitHub allows, and only our own can be edited."""
    world.pulls.add("topic", "a" * 40)
    stranger = world.pulls.comment(1, "hello", user=User(login="stranger", id=7))
    created = call("POST", "/issues/1/comments", json={"body": "first"})
    assert (created.status_code, created.json()["user"])[0] == 201
    assert (created.json()["user"]["login"], created.json()["user"]["type"]) == ("github-actions[bot]", "Bot")
    edited = call("PATCH", f"/issues/comments/{created.json()['id']}", json={"body": "second"})
    assert edited.json()["body"] == "second"
    assert [comment["body"] for comment in call("GET", "/issues/1/comments").json()] == ["hello", "second"]
    assert call("PATCH", f"/issues/comments/{stranger.id}", json={"body": "mine"}).status_code == 403
    long = call("POST", "/issues/1/comments", json={"body": "x" * (MAXIMUM_COMMENT_LENGTH + 1)})
    assert (long.status_code, "Body is too long" in long.json()["message"]) == (422, True)
    since = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert call("GET", f"/issues/1/comments?since={since}").json() == []


def test_dispatch_has_its_conditions(call: Call, world: World) -> None:
    """A ref is needed and must exist, the workflow must want it, and the new run's id comes on request only."""
    text = "name: Hand\non: {workflow_dispatch: {inputs: {a: {type: number}}}}\njobs: {}\n"
    world.repository.add_workflow("hand.yml", text)
    world.repository.add_workflow("push.yml", "name: Push\non: push\njobs: {}\n")
    path = "/actions/workflows/hand.yml/dispatches"
    assert call("POST", path, json={"ref": "main"}).status_code == 204
    details = call("POST", path, json={"ref": "main", "inputs": {"a": 1}, "return_run_details": True})
    assert details.status_code == 200
    run = world.runs.get(details.json()["workflow_run_id"])
    assert (run.event, run.payload["inputs"]) == ("workflow_dispatch", {"a": "1"})
    for wrong in ({}, {"ref": "nowhere"}):
        assert call("POST", path, json=wrong).status_code == 422
    assert call("POST", "/actions/workflows/push.yml/dispatches", json={"ref": "main"}).status_code == 422
    assert call("POST", "/actions/workflows/none.yml/dispatches", json={"ref": "main"}).status_code == 404


def test_branches_files_and_limits(call: Call, world: World, server: LocalGitHub) -> None:
    """Branch tips, file contents by ref, and rate-limit headers on every answer."""
    world.repository.set_branch("topic/x", "c" * 40)
    world.repository.add_file("a.txt", "on topic", ref="topic/x")
    assert call("GET", "/git/ref/heads/topic/x").json()["object"]["sha"] == "c" * 40
    assert call("GET", "/branches/topic/x").json()["commit"]["sha"] == "c" * 40
    assert call("GET", "/branches/nowhere").status_code == 404
    assert call("GET", "/contents/a.txt?ref=topic/x").json()["size"] == 8
    assert call("GET", "/contents/a.txt").status_code == 404
    limit = call("GET", f"{server.url}/rate_limit")
    assert limit.json()["rate"]["limit"] == int(limit.headers["X-RateLimit-Limit"]) == 1000
    assert call("GET", "/check-runs/1/annotations").json() == []


@pytest.mark.parametrize("after", [False, True])
def test_faults_come_before_or_after_the_effect(call: Call, world: World, failed_run: Run, *, after: bool) -> None:
    """An injected 502 may hide an effect that took place; afterwards all is well again."""
    world.inject(Fault(method="POST", path="/rerun-failed-jobs", status=502, body="<html>", after_effect=after))
    assert call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs").status_code == 502
    assert call("GET", f"/actions/runs/{failed_run.id}").json()["run_attempt"] == (2 if after else 1)


def test_the_connection_can_be_cut(call: Call, world: World, failed_run: Run) -> None:
    """Status 0 closes the connection without an answer."""
    world.inject(Fault(method="GET", path="/actions/runs", status=0))
    with pytest.raises(requests.ConnectionError):
        call("GET", f"/actions/runs/{failed_run.id}")
    assert call("GET", f"/actions/runs/{failed_run.id}").status_code == 200


def test_the_access_log_holds_every_request(call: Call, world: World, failed_run: Run, server: LocalGitHub) -> None:
    """Method, path with query, status, parsed body and the run of the token, in memory and as JSON lines."""
    token = world.issue_token(run_id=77)
    call("GET", f"/actions/runs/{failed_run.id}/jobs?per_page=100&filter=latest", token=token)
    call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs", token=token, json={"enable_debug_logging": True})
    link = call("GET", f"/actions/jobs/{failed_run.latest.jobs[1].id}/logs", token=token).headers["Location"]
    call("GET", link, token=None)
    assert server.access_log is not None
    lines = [json.loads(line) for line in server.access_log.read_text().splitlines()]
    base = "/repos/octo/repo/actions"
    assert [(line["method"], line["path"], line["status"], line["redirect"], line["run_id"]) for line in lines] == [
        ("GET", f"{base}/runs/{failed_run.id}/jobs?per_page=100&filter=latest", 200, False, 77),
        ("POST", f"{base}/runs/{failed_run.id}/rerun-failed-jobs", 201, False, 77),
        ("GET", f"{base}/jobs/{failed_run.latest.jobs[1].id}/logs", 302, False, 77),
        ("GET", link.split(str(server.port))[1], 200, True, 77),
    ]
    assert lines[1]["body"] == {"enable_debug_logging": True}
    assert [access.path for access in world.requests] == [line["path"] for line in lines]

"""What GitHub does besides answering: limits, ETags, permissions, retention, visibility, pages, versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from recovery.rehearsal.clockwork import Refused
from recovery.rehearsal.faults.happenings import Limits
from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.runner import ScriptedRunner
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World

from .conftest import Call, Moving


def get(server: LocalGitHub, path: str, *, token: str | None = None, **headers: str) -> requests.Response:
    """Ask about octo/repo."""
    sent = {"Authorization": f"Bearer {token or server.world.token}", **headers}
    return requests.get(f"{server.url}/repos/octo/repo{path}", headers=sent, allow_redirects=False, timeout=5)


def test_the_hourly_limit_is_counted_by_all_and_ends(aging: tuple[World, LocalGitHub], clock: Moving) -> None:
    """Every token counts for the same 1,000; beyond them 403 with the reset, after which all is well again."""
    world, server = aging
    assert get(server, "").headers["x-ratelimit-limit"] == "1000"
    world.limits.change(Limits(primary=1_000, remaining=2))
    first = get(server, "/actions/runs", token=world.issue_token())
    assert [first.headers[f"x-ratelimit-{name}"] for name in ("remaining", "used")] == ["1", "999"]
    assert get(server, "/actions/runs").status_code == 200
    refused = get(server, "/actions/runs")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert "rate limit exceeded" in refused.json()["message"]
    free = requests.get(f"{server.url}/rate_limit", headers={"Authorization": f"Bearer {world.token}"}, timeout=5)
    assert (free.status_code, free.json()["rate"]["remaining"]) == (200, 0)
    clock.at = datetime.fromtimestamp(int(refused.headers["x-ratelimit-reset"]), UTC)
    assert get(server, "/actions/runs").headers["x-ratelimit-used"] == "1"


@pytest.mark.parametrize("wait", [7, None])
def test_the_secondary_limit_counts_points(aging: tuple[World, LocalGitHub], clock: Moving, wait: int | None) -> None:
    """A read is a point, a write five; too many in a minute answer 403, with a wait only if it is told."""
    world, server = aging
    world.limits.change(Limits(secondary=7, retry_after=wait))
    headers = {"Authorization": f"Bearer {world.token}"}
    requests.post(f"{server.url}/repos/octo/repo/git/refs", headers=headers, json={}, timeout=5)
    assert [get(server, "").status_code for _ in range(3)] == [200, 200, 403]
    refused = get(server, "")
    assert (refused.headers.get("retry-after"), "secondary" in refused.json()["message"]) == (wait and "7", True)
    clock.at += timedelta(seconds=61)
    assert get(server, "").status_code == 200


def test_what_is_known_already_costs_nothing(call: Call, server: LocalGitHub, failed_run: Run) -> None:
    """An unchanged answer is a 304 without a body that does not count; a changed one comes whole."""
    path = f"/actions/runs/{failed_run.id}"
    first = get(server, path)
    again = get(server, path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert again.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"] == "1"
    call("POST", f"{path}/rerun-failed-jobs")
    assert get(server, path, **{"If-None-Match": first.headers["ETag"]}).json()["run_attempt"] == 2


PATHS = [
    ("GET", "/actions/runs", "actions=read"), ("POST", "/actions/runs/1/rerun", "actions=write"),
    ("GET", "/pulls", "pull_requests=read"), ("POST", "/deployments", "deployments=write"),
    ("POST", "/issues/1/comments", "pull_requests=write; issues=write"), ("POST", "/git/refs", "contents=write"),
    ("GET", "/check-runs/1/annotations", "checks=read"), ("POST", "/issues", "issues=write"),
    ("DELETE", "/actions/caches?key=a", "actions=write"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "needed"), PATHS)
def test_each_endpoint_names_the_permission_it_takes(
    call: Call, world: World, method: str, path: str, needed: str
) -> None:
    """Without it: 403 in GitHub's words, and a header that says what would have been accepted."""
    refused = call(method, path, token=world.issue_token(permissions={}), json={})
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["x-accepted-github-permissions"] == needed
    assert call(method, path, json={}).headers["x-accepted-github-permissions"] == needed


WATCHED = """
name: CI
on: pull_request
permissions: {contents: read}
jobs:
  test: {runs-on: ubuntu-latest, permissions: {actions: write}, steps: [{run: ls}]}
"""


def test_permissions_come_from_the_workflow_and_a_fork_may_only_read(call: Call, world: World) -> None:
    """What a job declares is what its token may do; a fork's pull request makes every write a read."""
    world.repository.add_workflow("ci.yml", WATCHED)
    job = ScriptedJob(name="test", conclusion="failure")
    ours, theirs = world.add_run([job]), world.add_run([job], head_repository="stranger/repo")
    statuses = [
        call("POST", f"/actions/runs/{run.id}/rerun", token=world.job_token(run.id)).status_code
        for run in (ours, theirs)
    ]
    assert statuses == [201, 403]
    assert call("GET", f"/actions/runs/{theirs.id}", token=world.job_token(theirs.id)).status_code == 200
    assert call("GET", "/contents/x", token=world.job_token(ours.id)).status_code == 403


@pytest.mark.parametrize(("path", "status"), [
    ("/actions/jobs/{job}/logs", 410), ("/actions/runs/{run}/logs", 410), ("/actions/runs/{run}/attempts/1/logs", 410),
    ("/actions/artifacts/{artifact}/zip", 410), ("/actions/artifacts/{artifact}", 200),
])  # fmt: skip
def test_nothing_is_kept_for_ever(aging: tuple[World, LocalGitHub], clock: Moving, path: str, status: int) -> None:
    """After 90 days logs and artifacts are gone; the artifact's record stays, as expired."""
    world, server = aging
    run = world.add_run([ScriptedJob(name="job", conclusion="failure", log="text")])
    artifact = world.vault.add_artifact(run, "plan", {})
    path = path.format(job=run.latest.jobs[0].id, run=run.id, artifact=artifact.id)
    assert get(server, path).status_code in (200, 302)
    clock.at += timedelta(days=91)
    answer = get(server, path)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["expired"] is True


def test_logs_of_an_unfinished_attempt_are_not_there(call: Call, world: World) -> None:
    """Neither the run's zip nor the attempt's."""
    run = world.add_run([ScriptedJob(name="job", status="in_progress")], status="in_progress")
    for path in (f"/actions/runs/{run.id}/logs", f"/actions/runs/{run.id}/attempts/1/logs"):
        assert call("GET", path).status_code == 404


@pytest.mark.parametrize(("how", "is_seen"), [("rerun", False), ("rerun-failed-jobs", True)])
def test_a_full_rerun_hides_earlier_artifacts(
    call: Call, world: World, failed_run: Run, how: str, *, is_seen: bool
) -> None:
    """After all jobs run again nobody finds what was uploaded before; after failed jobs only, everybody does."""
    old = world.vault.add_artifact(failed_run, "plan", {})
    call("POST", f"/actions/runs/{failed_run.id}/{how}")
    assert (call("GET", f"/actions/artifacts/{old.id}").status_code == 200) is is_seen
    for path in ("/actions/artifacts?name=plan", f"/actions/runs/{failed_run.id}/artifacts"):
        assert call("GET", path).json()["total_count"] == int(is_seen)
    with pytest.raises(Refused, match="already exists"):
        world.vault.add_artifact(failed_run, "plan", {})


NOTE = {
    "path": "a", "blob_href": "", "start_line": 1, "end_line": 1, "start_column": None, "end_column": None,
    "annotation_level": "failure", "title": "", "message": "m", "raw_details": "",
}  # fmt: skip


def test_every_list_is_paged(call: Call, world: World, failed_run: Run) -> None:
    """Next, last, prev and first wherever there is more than a page."""
    pull = world.pulls.add("feature", failed_run.head_sha)
    world.pulls.add("other", failed_run.head_sha)
    for number in range(2):
        world.vault.add_artifact(failed_run, f"a{number}", {})
        world.vault.add_cache(f"c{number}")
        world.pulls.comment(pull.number, "text")
        world.issues.create(f"issue {number}")
        deployment = world.deployments.create("main", "a" * 40)
        world.deployments.add_status(deployment.id, "pending")
        world.deployments.add_status(deployment.id, "success")
        world.repository.add_workflow(f"{number}.yml", "on: push")
        world.add_run([ScriptedJob(name="job")])
    world.annotations[failed_run.latest.jobs[0].id] = [NOTE, NOTE]
    run = f"/actions/runs/{failed_run.id}"
    for path in ("/actions/runs", f"{run}/jobs", f"{run}/attempts/1/jobs", "/actions/artifacts", f"{run}/artifacts",
                 "/actions/caches", "/actions/workflows", "/actions/workflows/ci.yml/runs", "/pulls", "/issues",
                 f"/issues/{pull.number}/comments", f"/commits/{failed_run.head_sha}/pulls", "/deployments",
                 f"/deployments/{deployment.id}/statuses",
                 f"/commits/{failed_run.head_sha}/check-runs",
                 f"/check-runs/{failed_run.latest.jobs[0].id}/annotations"):  # fmt: skip
        first = call("GET", path, params={"per_page": 1})
        assert set(first.links) == {"next", "last"}, path
        last = call("GET", first.links["last"]["url"])
        assert set(last.links) == {"prev", "first"}, path


def test_a_filtered_list_ends_after_a_thousand(call: Call, world: World) -> None:
    """Without a filter there is more."""
    for _ in range(1_001):
        world.add_run([])
    assert call("GET", "/actions/runs").json()["total_count"] == 1_001
    assert call("GET", "/actions/runs?event=pull_request").json()["total_count"] == 1_000


def test_pull_requests_are_left_out_on_request(call: Call, world: World, failed_run: Run) -> None:
    """`exclude_pull_requests` empties the runs' lists of them."""
    world.pulls.add("feature", failed_run.head_sha)
    shown = [call("GET", f"/actions/runs{query}").json()["workflow_runs"][0]["pull_requests"]
             for query in ("", "?exclude_pull_requests=true")]  # fmt: skip
    assert [len(pulls) for pulls in shown] == [1, 0]


def test_an_attempt_belongs_to_who_asked_for_it(call: Call, failed_run: Run) -> None:
    """The actor stays, the triggering actor is new, and each attempt tells where the one before it is."""
    call("POST", f"/actions/runs/{failed_run.id}/rerun-failed-jobs")
    for number, previous in ((1, None), (2, "/attempts/1")):
        shown = call("GET", f"/actions/runs/{failed_run.id}/attempts/{number}").json()
        url = shown["previous_attempt_url"]
        assert (shown["actor"]["login"], url and url.endswith(str(previous))) == ("octocat", previous and True)
    latest, every = (
        call("GET", f"/actions/runs/{failed_run.id}/jobs?filter={which}").json()["jobs"] for which in ("latest", "all")
    )
    assert {job["run_attempt"] for job in latest} == {2}
    assert {job["run_attempt"] for job in every} == {1, 2}
    assert call("GET", f"/actions/jobs/{every[0]['id']}").json()["run_attempt"] == 1


DISPATCHED = """
name: Hand
on: {workflow_dispatch: {inputs: {wanted: {required: true}, free: {type: boolean}, easy: {required: true, default: x}}}}
jobs: {}
"""


def test_a_dispatch_is_checked_and_knows_tags(call: Call, world: World) -> None:
    """Tags will do, commits will not; unknown, missing and too many inputs are refused."""
    world.repository.add_workflow("hand.yml", DISPATCHED)
    world.repository.set_reference("refs/tags/good", "a" * 40)
    path = "/actions/workflows/hand.yml/dispatches"

    def status(ref: str, **inputs: Any) -> int:
        return call("POST", path, json={"ref": ref, "inputs": inputs}).status_code

    assert [status(ref, wanted="1", free=True) for ref in ("main", "good", "refs/tags/good", "a" * 40)] == [
        204,
        204,
        204,
        422,
    ]
    assert (status("main"), status("main", wanted="1", strange="2")) == (422, 422)
    assert status("main", **{f"i{n}": "" for n in range(26)}) == 422
    assert world.runs.all()[0].payload["inputs"] == {"wanted": "1", "free": "true"}


def test_dispatch_details_depend_on_the_version(call: Call, server: LocalGitHub, world: World) -> None:
    """The newer version always tells the run; a GitHub Enterprise Server refuses to be asked."""
    world.repository.add_workflow("hand.yml", "on: workflow_dispatch\njobs: {}\n")
    url = f"{server.url}/repos/octo/repo/actions/workflows/hand.yml/dispatches"
    headers = {"Authorization": f"Bearer {world.token}", "X-GitHub-Api-Version": "2026-03-10"}
    newer = requests.post(url, json={"ref": "main"}, headers=headers, timeout=5)
    assert (newer.status_code, newer.headers["x-github-api-version-selected"]) == (200, "2026-03-10")
    unknown = requests.post(
        url, json={"ref": "main"}, headers={**headers, "X-GitHub-Api-Version": "2020-01-01"}, timeout=5
    )
    assert unknown.status_code == 400
    world.tells_dispatched_runs = False
    for details, status in (({"return_run_details": True}, 422), ({}, 204)):
        assert call("POST", url, json={"ref": "main", **details}).status_code == status


def test_a_job_s_token_starts_nothing_but_dispatches(call: Call, world: World, failed_run: Run) -> None:
    """Comments, references, issues, deployments and pull requests make no run."""
    world.repository.add_workflow("hand.yml", "on: workflow_dispatch\njobs: {}\n")
    world.pulls.add("feature", failed_run.head_sha)
    for path, body in (
        ("/issues/1/comments", {"body": "text"}), ("/git/refs", {"ref": "refs/heads/new", "sha": "b" * 40}),
        ("/deployments", {"ref": "main"}), ("/issues", {"title": "text"}),
        ("/pulls", {"title": "text", "head": "new", "base": "main"}),
    ):  # fmt: skip
        assert call("POST", path, json=body).status_code == 201, path
    assert len(world.runs.all()) == 1
    call("POST", "/actions/workflows/hand.yml/dispatches", json={"ref": "main"})
    assert len(world.runs.all()) == 2


def test_a_run_is_cancelled_by_force_too(call: Call, world: World, failed_run: Run) -> None:
    """202 while it is active, 409 afterwards."""
    world.runner = ScriptedRunner(world.runs, hold=True)
    call("POST", f"/actions/runs/{failed_run.id}/rerun")
    assert [call("POST", f"/actions/runs/{failed_run.id}/force-cancel").status_code for _ in range(2)] == [202, 409]

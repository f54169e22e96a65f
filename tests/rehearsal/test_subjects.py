"""References, deployments, check runs, issues and new pull requests, over HTTP."""

from __future__ import annotations

from recovery.rehearsal.records import Run
from recovery.rehearsal.world import World

from .conftest import Call


def test_references_are_made_moved_and_deleted(call: Call) -> None:
    """Each with GitHub's refusals; branches and tags are told apart."""
    body = {"ref": "refs/tags/recovery/good", "sha": "a" * 40}
    created = call("POST", "/git/refs", json=body)
    assert (created.status_code, created.json()["object"]["sha"]) == (201, "a" * 40)
    refused = [
        call("POST", "/git/refs", json=wrong).status_code
        for wrong in (
            body,
            {"ref": "tags/x", "sha": "a" * 40},
            {"ref": "refs/tags/y", "sha": "short"},
            {"ref": "refs/tags/z"},
        )
    ]
    assert refused == [422] * 4  # fmt: skip
    path = "/git/refs/tags/recovery/good"
    moved = [call("PATCH", path, json={"sha": "b" * 40, **force}).status_code for force in ({}, {"force": True})]
    assert moved == [422, 200]
    assert call("GET", "/git/ref/tags/recovery/good").json()["object"]["sha"] == "b" * 40
    assert [one["ref"] for one in call("GET", "/git/matching-refs/tags/recovery").json()] == ["refs/tags/recovery/good"]
    assert [call("DELETE", path).status_code for _ in range(2)] == [204, 422]
    assert call("GET", "/git/ref/tags/recovery/good").status_code == 404


def test_deployments_have_their_traps(call: Call, world: World) -> None:
    """Merging by default, contexts, unknown refs; a success makes earlier ones inactive, but for production."""
    world.repository.set_branch("behind", "a" * 40)
    plain = {"auto_merge": False, "required_contexts": [], "environment": "staging"}
    statuses = [call("POST", "/deployments", json=body).status_code for body in (
        {"ref": "behind"}, {"ref": "behind", **plain}, {"ref": "nowhere", **plain}, {"ref": "b" * 40, **plain},
        {"ref": "main", "required_contexts": ["ci"]})]  # fmt: skip
    assert statuses == [202, 201, 422, 201, 409]
    newest, oldest = call("GET", "/deployments").json()
    assert [one["sha"] for one in call("GET", f"/deployments?sha={'a' * 40}").json()] == [oldest["sha"]]
    for deployment in (oldest, newest):
        path = f"/deployments/{deployment['id']}/statuses"
        made = call("POST", path, json={"state": "success", "environment_url": "https://x"})
        assert (made.status_code, made.json()["state"]) == (201, "success")
        assert call("POST", path, json={"state": "splendid"}).status_code == 422
    assert [one["state"] for one in call("GET", f"/deployments/{oldest['id']}/statuses").json()] == [
        "inactive",
        "success",
    ]
    assert call("GET", "/deployments/1").status_code == 404
    for _ in range(2):
        made = call("POST", "/deployments", json={"ref": "main", "required_contexts": []}).json()
        call("POST", f"/deployments/{made['id']}/statuses", json={"state": "success"})
    statuses = [call("GET", f"/deployments/{made['id'] - back}/statuses").json() for back in (0, 1)]
    assert [[one["state"] for one in shown] for shown in statuses] == [["success"], ["success"]]


def test_check_runs_are_jobs_or_made_by_programs(call: Call, failed_run: Run) -> None:
    """A job is a check run nobody else may change; a program's own has output and annotations."""
    job = failed_run.latest.jobs[1]
    shown = call("GET", f"/check-runs/{job.id}").json()
    assert (shown["name"], shown["conclusion"]) == ("flaky", "failure")
    assert call("PATCH", f"/check-runs/{job.id}", json={"conclusion": "success"}).status_code == 403
    made = call("POST", "/check-runs", json={"name": "ours", "head_sha": failed_run.head_sha}).json()
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note]}
    path = f"/check-runs/{made['id']}"
    changed = call("PATCH", path, json={"conclusion": "neutral", "output": output}).json()
    assert (changed["status"], changed["output"]["annotations_count"]) == ("completed", 1)
    assert call("GET", f"{path}/annotations").json()[0]["message"] == "m"
    for wrong in (
        {"conclusion": "splendid"},
        {"output": {"title": "t"}},
        {"output": {**output, "annotations": [note] * 51}},
        {"output": {**output, "annotations": [{}]}},
    ):
        assert call("PATCH", path, json=wrong).status_code == 422
    listed = call("GET", f"/commits/{failed_run.head_sha}/check-runs").json()
    assert {one["name"] for one in listed["check_runs"]} == {"build", "flaky", "deploy", "ours"}
    assert call("GET", "/check-runs/1").status_code == 404


def test_issues_share_numbers_and_comments_with_pull_requests(call: Call, world: World) -> None:
    """An issue is opened, labelled, commented on, listed and closed."""
    world.pulls.add("feature", "a" * 40)
    made = call("POST", "/issues", json={"title": "Outage", "body": "text", "labels": ["recovery"]}).json()
    assert (made["number"], made["labels"][0]["name"]) == (2, "recovery")
    assert call("POST", "/issues/2/comments", json={"body": "more"}).status_code == 201
    assert call("GET", "/issues/2").json()["comments"] == 1
    assert [one["number"] for one in call("GET", "/issues").json()] == [2, 1]
    assert [one["number"] for one in call("GET", "/issues?labels=recovery").json()] == [2]
    assert call("PATCH", "/issues/2", json={"state": "closed", "labels": []}).json()["state"] == "closed"
    assert [one["number"] for one in call("GET", "/issues?state=closed").json()] == [2]
    refused = [
        call("POST", "/issues", json=wrong).status_code for wrong in ({}, {"title": " "}, {"title": "x", "body": 1})
    ]
    assert refused == [422] * 3
    assert call("PATCH", "/issues/9", json={}).status_code == 404
    assert world.pulls.add("other", "b" * 40).number == 3


def test_pull_requests_are_opened_once(call: Call, world: World) -> None:
    """From a branch with something new in it, and not twice."""
    world.repository.set_branch("new", "a" * 40)
    body = {"title": "Revert", "head": "new", "base": "main"}
    assert [call("POST", "/pulls", json=body).status_code for _ in range(2)] == [201, 422]
    for wrong in ({"head": "nowhere"}, {"head": "main"}, {"base": "new"}):
        assert call("POST", "/pulls", json={**body, **wrong}).status_code == 422

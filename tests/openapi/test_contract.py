"""The judge itself: what it lets pass, what it does not, and that each thing is judged once per shape."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from recovery.rehearsal.api import ROUTES
from tests.openapi.contract import Contract
from tests.openapi.deviations import UNDESCRIBED
from tests.openapi.exchange import Exchange

REPOSITORY = "/repos/octo/repo"
JSON = "application/json; charset=utf-8"
STEP = {"name": "Run tests", "number": 1, "status": "completed", "conclusion": "failure"}
JOB: dict[str, Any] = {
    "id": 7, "run_id": 1, "run_url": "https://x.y/1", "node_id": "n", "head_sha": "a" * 40, "url": "https://x.y/2",
    "html_url": None, "status": "completed", "conclusion": "failure", "created_at": "2026-01-15T12:00:00Z",
    "started_at": "2026-01-15T12:00:00Z", "completed_at": None, "name": "test", "steps": [STEP], "labels": [],
    "check_run_url": "https://x.y/3", "runner_id": None, "runner_name": None, "runner_group_id": None,
    "runner_group_name": None, "workflow_name": "CI", "head_branch": "main",
}  # fmt: skip


def exchange(method: str, path: str, document: object = None, **more: Any) -> Exchange:
    """An exchange about octo/repo that somebody unknown began and that ended well."""
    sent = b"" if document is None else json.dumps(document).encode()
    usual: dict[str, Any] = {"status": 200, "answer": sent, "answer_type": JSON, "content_type": JSON}
    address, _, query = path.partition("?")
    return Exchange(method=method, path=f"{REPOSITORY}{address}", query=query, **{**usual, **more})


def job(**changes: Any) -> Exchange:
    """A job, read by its id."""
    return exchange("GET", "/actions/jobs/7", JOB | changes)


def wrong(contract: Contract, judged: Exchange) -> str:
    """What is wrong with it, in one text."""
    return "\n".join(contract.judge(judged).violations)


REFERENCE = {
    "ref": "r",
    "node_id": "n",
    "url": "x",
    "object": {"type": "commit", "sha": "a" * 40, "url": "https://x.y"},
}
DISPATCH = "/actions/workflows/ci.yml/dispatches"
ERROR = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
GOOD = {
    "a document with all its keys": job(),
    "a redirect without a body": exchange("GET", "/actions/jobs/7/logs", status=302, answer_type="", answer=b""),
    "a documented body": exchange("POST", DISPATCH, status=204, answer_type="", body=b'{"ref": "main"}'),
    "a refusal that goes without saying": exchange("GET", "/actions/jobs/7", ERROR, status=404),
    "a branch with a slash": exchange("GET", "/git/ref/heads/a/b", ERROR, status=404),
    "an older address": exchange("GET", "/git/refs/heads/a/b", ERROR, status=404),
    "nonsense that is refused": exchange("POST", DISPATCH, ERROR, status=422, body=b"{}"),
    "an address of nobody that is not found": exchange("GET", "/nonsense", ERROR, status=404),
    "a search by date": exchange("GET", "/actions/runs?created=%3E%3D2026-01-01", ERROR, status=422),
    "what the client has already": exchange("GET", "/actions/jobs/7", status=304, answer_type=""),
    "an answer that went wrong on purpose": exchange("GET", "/actions/jobs/7", status=None, answer=b"<html>"),
}
BAD = {
    "a missing key": (
        exchange("GET", "/actions/jobs/7", {key: JOB[key] for key in JOB if key != "steps"} | {"run_id": "1"}),
        "`run_id`: '1' is not of type 'integer'",
    ),
    "a required key": (
        exchange("GET", "/actions/jobs/7", {key: JOB[key] for key in JOB if key != "name"}),
        "'name' is a required property",
    ),
    "a key that GitHub does not know": (job(attempt=1), "('attempt' was unexpected)"),
    "another word": (job(conclusion="broken"), "`conclusion`: 'broken' is not one of"),
    "null where there is none": (job(name=None), "`name`: None for not nullable"),
    "a time that is none": (job(started_at="12:00"), "`started_at`: '12:00' is not a 'date-time'"),
    "an address that is none": (exchange("GET", "/git/ref/heads/a", REFERENCE), "`url`: 'x' is not a 'uri'"),
    "a list's item": (job(steps=[STEP, {**STEP, "number": "2"}]), "`steps.[].number`: '2' is not of type 'integer'"),
    "an undocumented status": (exchange("GET", "/actions/jobs/7", {}, status=202), "Unknown response http status: 202"),
    "an undocumented type": (replace(job(), answer_type="text/plain"), "Content for the following mimetype not found"),
    "a refusal in other words": (exchange("GET", "/actions/jobs/7", {"error": 1}, status=404), "'error' was"),
    "a body where there is none": (
        exchange("POST", DISPATCH, {}, status=204, body=b'{"ref": "main"}'),
        "204 has no body",
    ),
    "nonsense that is granted": (
        exchange("POST", DISPATCH, status=204, answer_type="", body=b'{"reference": "main"}'),
        "'ref' is a required property",
    ),
    "nonsense that our program asks": (
        exchange("POST", DISPATCH, ERROR, status=422, body=b"{}", agent="storyteller-recovery/1"),
        "request: 'ref' is a required property",
    ),
    "a parameter that GitHub does not know": (
        exchange("GET", "/actions/runs?per_pages=1", {"total_count": 0, "workflow_runs": []}),
        "request: there is no query parameter `per_pages`",
    ),
    "a parameter's value": (
        exchange("GET", "/actions/runs?status=red", {"total_count": 0, "workflow_runs": []}),
        "request: query `status`: 'red' is not one of",
    ),
    "a number that is none": (exchange("GET", "/actions/jobs/seven", JOB), "request: path `job_id`:"),
    "an address of nobody that answers": (exchange("GET", "/nonsense", {}), "no such operation (answered 200)"),
    "an address of nobody that our program asks": (
        exchange("GET", "/nonsense", ERROR, status=404, agent="storyteller-recovery/1"),
        "there is no such operation (answered 404)",
    ),
    "a method of nobody": (exchange("PUT", "/actions/jobs/7", {}), "there is no such operation"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_keeps_to_the_description_passes(contract: Contract, name: str) -> None:
    """What GitHub describes, and the few things it does without saying, are in order."""
    assert "" == wrong(contract, GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_is_named(contract: Contract, name: str) -> None:
    """Whatever GitHub would not send, or not understand, is told with its place."""
    judged, expected = BAD[name]

    told = wrong(contract, judged)

    assert f"{judged.method} {judged.path}: " in told
    assert expected in told


def test_a_verdict_serves_for_all_of_its_shape(contract: Contract) -> None:
    """Other numbers and texts fare alike without a second validation, under their own address; other words do not."""
    first = wrong(contract, job(attempt=1))
    again = wrong(contract, replace(job(attempt=2, name="lint"), path=f"{REPOSITORY}/actions/jobs/8"))

    assert first.replace("/jobs/7", "/jobs/8") == again
    assert "" == wrong(contract, job(conclusion="skipped"))
    assert "" != wrong(contract, job(conclusion="skipping"))


def test_an_operation_is_named_by_its_template(contract: Contract) -> None:
    """Exchanges are counted by operation, and an address of nobody's is none."""
    assert "GET /repos/{owner}/{repo}/actions/jobs/{job_id}" == contract.judge(job()).operation
    assert contract.judge(exchange("GET", "/nonsense", ERROR, status=404)).operation is None


def test_an_operation_that_nobody_serves_is_judged_as_well(contract: Contract) -> None:
    """What is asked for the first time joins the slice."""
    asked = exchange("POST", "/actions/runs/1/approve", {"approved": 1}, status=201)

    assert "('approved' was unexpected)" in wrong(contract, asked)
    assert "" == wrong(contract, job())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_every_route_of_the_rehearsal_is_described(contract: Contract, route: Any) -> None:
    """The rehearsal serves no address that GitHub does not have."""
    filled = route.pattern.replace(":int}", "}").replace(":path}", "}")
    path = "/".join("1" if "{" in part else part for part in filled.split("/"))

    assert contract.description.operation(route.method, path) is not None


def test_what_passes_without_being_described_is_still_undescribed(contract: Contract) -> None:
    """An exception that GitHub has described in the meantime is one too many."""
    paths = contract.description.document["paths"]

    assert [] == [address for method, address in UNDESCRIBED if method.lower() in paths.get(address, {})]

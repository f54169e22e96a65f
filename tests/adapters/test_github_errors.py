"""Each refusal becomes the error that says which line or setting to change."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from recovery.adapters.github import GitHubForge
from recovery.errors import AuthenticationError, ForgeError, ForgeRefused, RunActive
from recovery.models.github import Artifact
from tests.adapters.scripted_server import Reply, ScriptedServer
from tests.builders import NOW, make_run
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
ARTIFACT = Artifact(id=7, name="plan", size_in_bytes=9, created_at=NOW, run_id=5, repository_id=1, head_repository_id=1)

CALLS: dict[str, Callable[[GitHubForge], object]] = {
    "run": lambda forge: forge.run(5),
    "jobs": lambda forge: forge.jobs(5, 1),
    "log": lambda forge: forge.job_log(6),
    "pulls": lambda forge: forge.pull_request_of(make_run()),
    "branch": lambda forge: forge.branch_head("main"),
    "file": lambda forge: forge.file_text("a.txt", "main"),
    "rerun": lambda forge: forge.rerun_failed_jobs(5),
    "workflow": lambda forge: forge.runs_of_workflow("ci.yml"),
    "successes": lambda forge: forge.successful_runs("ci.yml", "main", before=NOW),
    "artifacts": lambda forge: forge.artifacts_named("plan"),
    "artifact": lambda forge: forge.artifact_file(ARTIFACT, "plan.json"),
    "files": lambda forge: forge.artifact_files(ARTIFACT, ".xml"),
    "run's artifacts": lambda forge: forge.artifacts_of_run(5),
    "download": lambda forge: forge.download_artifact(ARTIFACT, io.BytesIO()),
    "delete": lambda forge: forge.delete_artifact(7),
    "all jobs": lambda forge: forge.jobs_of_all_attempts(5),
    "comments": lambda forge: forge.comments(3),
    "comment": lambda forge: forge.create_comment(3, "text"),
    "edit": lambda forge: forge.update_comment(9, "text"),
}


def raised_by(call: str, status: int, message: str | None, *, content_type: str = "application/json") -> ForgeError:
    """The error of one call that is answered with a status and GitHub's message."""
    body = {"message": message, "documentation_url": "https://docs.github.com"} if message is not None else "<html>"
    with ScriptedServer(Reply(status=status, body=body, headers={"Content-Type": content_type})) as server:
        forge = GitHubForge("octo-org/widgets", TOKEN, api_url=server.url, clock=FakeClock())
        with pytest.raises(ForgeError) as caught:
            CALLS[call](forge)
    assert TOKEN not in f"{caught.value} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("run", "actions: read"),
        ("jobs", "actions: read"),
        ("log", "actions: read"),
        ("workflow", "actions: read"),
        ("artifacts", "actions: read"),
        ("artifact", "actions: read"),
        ("run's artifacts", "actions: read"),
        ("download", "actions: read"),
        ("all jobs", "actions: read"),
        ("delete", "actions: write"),
        ("rerun", "actions: write"),
        ("pulls", "pull-requests: read"),
        ("comments", "pull-requests: read"),
        ("comment", "pull-requests: write"),
        ("edit", "pull-requests: write"),
        ("branch", "contents: read"),
        ("file", "contents: read"),
    ],
)
def test_missing_permission_names_the_line(call: str, line: str) -> None:
    """A token that may not do something gets the exact `permissions:` line to add."""
    raised = raised_by(call, 403, "Resource not accessible by integration")

    assert (ForgeRefused, 403) == (type(raised), getattr(raised, "status", None))
    assert f"`permissions: {line}`" in (raised.hint or "")


@pytest.mark.parametrize(
    "message",
    [
        "This workflow is already running",
        "The workflow run containing this job is already running",
        "This workflow run is still in progress",
        "Unable to re-run this workflow run because it has not completed",
        "Something that a newer GitHub says",
    ],
)
def test_active_run_whatever_the_text(message: str) -> None:
    """A 403 to a re-run that speaks of nothing else means that the run is active."""
    raised = raised_by("rerun", 403, message)

    assert RunActive is type(raised)
    assert message in raised.message
    assert "POST /repos/octo-org/widgets/actions/runs/5/rerun-failed-jobs" in raised.message


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Resource not accessible by integration", "`permissions: actions: write`"),
        ("Resource not accessible by personal access token", "`permissions: actions: write`"),
        ("Must have admin rights to Repository.", "`permissions: actions: write`"),
        ("Unable to retry this workflow run because it was created over a month ago", "within 30 days"),
        ("Unable to retry this workflow run because it has reached the limit of 50 re-runs", "at most 50 times"),
        ("This workflow run cannot be retried: it has no failed jobs", "re-run already"),
        ("Repository was archived so is read-only.", "archived"),
        ("Resource protected by organization SAML enforcement.", "SSO"),
        (None, "`permissions: actions: write`"),
    ],
)
def test_other_refusals_of_a_rerun_are_not_active_runs(message: str | None, hint: str) -> None:
    """Permission, age, number of re-runs and a page that is not GitHub's have causes of their own."""
    raised = raised_by("rerun", 403, message)

    assert ForgeRefused is type(raised)
    assert hint in (raised.hint or "")


@pytest.mark.parametrize("call", ["run", "comment", "jobs"])
def test_only_a_rerun_can_find_a_run_active(call: str) -> None:
    """A 403 elsewhere is never about an active run."""
    assert ForgeRefused is type(raised_by(call, 403, "This workflow is already running"))


@pytest.mark.parametrize("call", CALLS)
def test_unknown_token(call: str) -> None:
    """A token that GitHub does not accept is told so, with how to give one."""
    raised = raised_by(call, 401, "Bad credentials")

    assert AuthenticationError is type(raised)
    assert "GITHUB_TOKEN" in (raised.hint or "")


@pytest.mark.parametrize(
    ("call", "status", "message", "words"),
    [
        ("run", 404, "Not Found", "no such run, or the token cannot see it"),
        ("rerun", 404, "Not Found", "no such run, or the token cannot see it"),
        ("log", 404, "Not Found", "the log has expired or was deleted, or the job has not completed"),
        ("artifact", 410, "Artifact has expired", "the artifact has expired or was deleted"),
        ("comment", 404, "Not Found", "no such pull request or comment, or the token cannot see it"),
        ("comment", 422, "Body is too long (maximum is 65536 characters)", "the text is too long"),
        ("edit", 422, "Validation Failed", "GitHub does not accept what was sent"),
        ("rerun", 409, "Conflict", "it conflicts with what is there already"),
        ("run", 418, "Teapot", "GitHub gave no usable answer"),
    ],
)
def test_meaning(call: str, status: int, message: str, words: str) -> None:
    """The sentence begins with what it means, and ends with the request, its status and GitHub's own words."""
    raised = raised_by(call, status, message)

    assert raised.message.startswith(f"{words}: ")
    assert raised.message.endswith(f" was answered {status} ({message})")


@pytest.mark.parametrize("call", ["branch", "file"])
def test_what_is_gone_is_none_but_a_refusal_is_not(call: str) -> None:
    """None means "not there"; a token that may not look gets an error instead."""
    with ScriptedServer(Reply(status=404, body={"message": "Not Found"})) as server:
        forge = GitHubForge("octo-org/widgets", TOKEN, api_url=server.url, clock=FakeClock())
        assert None is CALLS[call](forge)
    assert 403 == getattr(raised_by(call, 403, "Resource not accessible by integration"), "status", None)


def test_hostile_message_is_tamed() -> None:
    """What a server says is shown on one line, bounded, and without the token it may repeat."""
    raised = raised_by("run", 403, f"your token {TOKEN}\n::error::\x1b[31m" + "x" * 10_000)

    assert "\n" not in raised.message
    assert "\x1b" not in raised.message
    assert "your token *** ::error::" in raised.message
    assert len(raised.message) < 400

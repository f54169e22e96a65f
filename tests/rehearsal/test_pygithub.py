"""The client the project uses, driven against the local GitHub."""

from __future__ import annotations

import github

from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import World


def client(server: LocalGitHub) -> github.Github:
    """PyGithub without its waits and retries."""
    return github.Github(
        base_url=server.url, auth=github.Auth.Token(server.world.token), seconds_between_requests=0,
        seconds_between_writes=0, retry=None, lazy=True,
    )  # fmt: skip


def test_runs_jobs_logs_and_reruns(server: LocalGitHub, failed_run: Run) -> None:
    """A run is read with its jobs and log link, and re-run."""
    run = client(server).get_repo("octo/repo").get_workflow_run(failed_run.id)
    assert (run.conclusion, run.run_attempt, run.name) == ("failure", 1, "CI")
    jobs = list(run.jobs())
    assert [step.conclusion for step in jobs[1].steps] == ["success", "failure", "success"]
    assert jobs[1].logs_url().startswith(server.download_url)
    assert run.rerun_failed_jobs()
    again = client(server).get_repo("octo/repo").get_workflow_run(failed_run.id)
    assert (again.run_attempt, again.conclusion) == (2, "success")


def test_artifacts_pull_requests_comments_and_branches(server: LocalGitHub, world: World, failed_run: Run) -> None:
    """The rest of what a recovery asks for."""
    repository = client(server).get_repo("octo/repo")
    artifact = world.vault.add_artifact(failed_run, "plan", {"a": "b"})
    assert [found.digest for found in repository.get_artifacts(name="plan")] == [artifact.digest]
    world.pulls.add("feature", failed_run.head_sha)
    pull = next(iter(repository.get_pulls(state="open", head="octo:feature")))
    assert pull.head.sha == failed_run.head_sha
    comment = pull.create_issue_comment("hello")
    comment.edit("hello again")
    assert [(found.body, found.user.type) for found in pull.get_issue_comments()] == [("hello again", "Bot")]
    assert repository.get_branch("main").commit.sha == repository.get_git_ref("heads/main").object.sha


def test_lists_are_followed_page_by_page(server: LocalGitHub, world: World) -> None:
    """More runs than one page holds all arrive."""
    for _ in range(35):
        world.add_run([ScriptedJob(name="job")])
    assert len(list(client(server).get_repo("octo/repo").get_workflow_runs())) == 35


def test_dispatch_returns_the_run(server: LocalGitHub, world: World) -> None:
    """A dispatched workflow's run is told at once."""
    world.repository.add_workflow("hand.yml", "name: Hand\non: workflow_dispatch\njobs: {}\n")
    workflow = client(server).get_repo("octo/repo").get_workflow("hand.yml")
    run = workflow.create_dispatch("main", {}, throw=True, return_run_details=True)
    assert world.runs.get(run.id).event == "workflow_dispatch"


def test_what_later_strategies_ask_for(server: LocalGitHub, world: World, failed_run: Run) -> None:
    """References, deployments, check runs and issues are read back by the client as it knows them."""
    repository = client(server).get_repo("octo/repo")
    reference = repository.create_git_ref("refs/tags/good", failed_run.head_sha)
    reference.delete()
    assert world.repository.references().keys() == {"refs/heads/main"}
    deployment = repository.create_deployment(
        failed_run.head_sha, auto_merge=False, required_contexts=[], environment="production"
    )
    deployment.create_status("success", description="done")
    assert [status.state for status in deployment.get_statuses()] == ["success"]
    check = repository.create_check_run("ours", failed_run.head_sha, status="completed", conclusion="neutral")
    assert repository.get_check_run(check.id).conclusion == "neutral"
    issue = repository.create_issue("Outage", labels=["recovery"])
    issue.create_comment("text")
    assert repository.get_issue(issue.number).comments == 1

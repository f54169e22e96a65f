"""Rolling back through a real runner: the good release is put back, the bad one is held, and nothing happens twice."""

from __future__ import annotations

from pathlib import Path

from recovery.rehearsal.faults.artifacts import ArtifactsDeleted
from recovery.rehearsal.faults.happenings import Happening
from recovery.rehearsal.faults.parts import Phase, When
from recovery.rehearsal.records import Run
from tests.e2e.stories import DEPLOY, RELEASE, Story, configured, errors_of, replaced, steps_of, story, text_of

BROKEN = {"version.txt": "2\n", "pages/index.html": "oops\n"}
SWAP = 'mv "$folder.new"'
FRAGILE = {RELEASE: replaced(RELEASE, SWAP, f'test ! -e "$HOME/outage"\n{SWAP}')}


def test_good_release_is_put_back_and_the_bad_one_held(tmp_path: Path) -> None:
    """Proposed, tried, done once of two, watched, held, stopped, released, deployed, and again, from a shell."""
    with story(tmp_path / "work") as told:
        good = told.push("Good")
        pull, bad = told.merge("Bad", BROKEN)
        assert ("success", "failure", "2") == (good.latest.conclusion, bad.latest.conclusion, told.released)
        assert_proposed(told, pull)
        assert_only_said(told, bad)

        back = done_once_of_two(told, good)
        assert f"Deploy is being rolled back to commit {good.head_sha[:7]}" in told.comment(pull)
        assert_put_back(told, back, good)
        assert 1 == told.holds(bad)
        swept = told.sweep()
        assert "cleared" == told.decision(swept)["outcome"]
        assert f"Deploy was rolled back to commit {good.head_sha[:7]}" in told.summary(swept)
        assert f"Deploy was rolled back to commit {good.head_sha[:7]}" in told.comment(pull)

        assert_stopped(told, bad)
        assert bad.head_sha[:7] in told.command("holds")
        told.command("holds", "release", bad.head_sha, "--reason", "it was the weather")
        assert 0 == told.holds(bad)
        assert ("success", "2") == (steps_of(told.deploy())["Release the site"], told.released)

        told.command("rollback", "--workflow", "Deploy", "--reason", "the heading is gone again")
        told.rehearsal.wait_until_quiet()
        assert "rolled back to commit" in told.command("sweep")
        assert ("1", True) == (told.released, bad.head_sha[:7] in told.command("holds"))


def assert_proposed(told: Story, pull: int) -> None:
    """The comment of the pull request comes with the command that rolls it back; nothing was rolled back."""
    proposed = told.newest("Recovery")
    document = told.decision(proposed)
    assert ("suggest", "rollback") == (document["decision"], document["strategy"])
    assert "critical-failure" == document["reasons"][0]["id"]
    for shown in (told.comment(pull), told.summary(proposed)):
        assert "gh workflow run rollback.yml -f workflow=Deploy -f reason=" in shown
    assert set() == told.tags


def assert_only_said(told: Story, bad: Run) -> None:
    """A dry run names the target, and does nothing."""
    before = told.deployments
    tried = told.roll_back(dry_run="true")
    assert "Deploy is about to be rolled back to commit" in told.summary(tried)
    assert ("success", set(), before, 0) == (tried.latest.conclusion, told.tags, told.deployments, told.holds(bad))


def done_once_of_two(told: Story, good: Run) -> Run:
    """Two people ask at the same time, past the concurrency group; one rolls back, the other is told who does."""
    before = told.deployments
    twins = [told.begin(), told.begin(workflow="Deploy")]
    told.rehearsal.wait_until_quiet()
    ended = [told.world.runs.get(run_id) for run_id in twins]
    assert ["failure", "success"] == sorted(str(run.latest.conclusion) for run in ended)
    (refused,) = [errors_of(run) for run in ended if run.latest.conclusion == "failure"]
    assert any(why in refused for why in ("rolled back already", "goes on", "was refused"))
    (did_it,) = [run for run in ended if run.latest.conclusion == "success"]
    (back,) = [run for run in told.deployments if run not in before]
    order = told.decision(did_it)["rollback"]
    assert (str(back), good.head_sha) == (order["reference"], order["target_sha"])
    return told.world.runs.get(back)


def assert_put_back(told: Story, back: Run, good: Run) -> None:
    """The good commit's own files are what readers see, restored rather than built."""
    assert ("success", good.head_sha, "1") == (back.latest.conclusion, back.head_sha, told.released)
    assert f"refs/tags/{back.head_branch}" in told.tags
    steps = steps_of(back)
    assert ("skipped", "success") == (steps["Build the site"], steps["Take the release to go back to"])
    assert f"continuing from {told.checkpoint_of(good)}" in back.latest.jobs[0].log
    assert back.display_title.startswith("Roll back ")


def assert_stopped(told: Story, bad: Run) -> None:
    """The commit that was rolled back cannot be deployed; whoever tries it is told why, and how to release it."""
    before = told.released
    stopped = told.deploy()
    assert ("failure", before) == (stopped.latest.conclusion, told.released)
    steps = steps_of(stopped)
    assert ("failure", "skipped") == (steps["Stop a commit that is on hold"], steps["Release the site"])
    assert f"commit {bad.head_sha[:7]} is on hold for `Deploy`" in errors_of(stopped)
    assert f"recovery holds release {bad.head_sha}" in errors_of(stopped)


def test_what_is_no_target_is_refused(tmp_path: Path) -> None:
    """Nothing to go back to, a commit older than our set-up, one that may not be tagged, one that turns invalid."""
    head, _, rest = text_of(DEPLOY).partition("  workflow_dispatch:\n")
    with story(tmp_path / "work") as told:
        nothing = told.tried("rollback", "--workflow", "Deploy", "--plan")
        assert "no checkpoint of the workflow `Deploy` is on record" in "\n".join(nothing.errors)
        old = told.push("Old", {DEPLOY: head + "\n" + rest[rest.index("permissions: {}") :]})
        good = told.push("Good", {DEPLOY: text_of(DEPLOY)})
        another = {".github/workflows/other.yml": "on: {release: {}}\njobs: {}\n"}
        told.push("Other", {"version.txt": "2\n", **another})
        before = told.deployments

        forbidden = told.roll_back()
        assert told.checkpoint_of(good) == told.decision(forbidden)["rollback"]["target_checkpoint_id"]
        assert "the token of an App that has `workflows: write`" in errors_of(forbidden)
        assert "input-undeclared" in errors_of(told.roll_back(checkpoint=told.checkpoint_of(old)))
        (artifact,) = (each for each in told.world.vault.artifacts(run_id=good.id) if "checkpoint" in each.name)
        at_the_last_look = When(method="GET", path=f"/actions/artifacts/{artifact.id}", phase=Phase.EXECUTE)
        told.world.trouble.add(Happening(before=at_the_last_look, do=ArtifactsDeleted(delete=artifact.name)))
        assert "the target turned invalid" in errors_of(told.roll_back())
        assert (before, set()) == (told.deployments, told.tags)


def test_what_fails_half_way_returns_to_what_stood(tmp_path: Path) -> None:
    """Approved, failed in the middle, told how to return, returned; the bad commit is held, but for who insists."""
    with story(tmp_path / "work") as told:
        good, stood = told.push("Good", FRAGILE), told.push("Wrong", {"version.txt": "2\n"})
        assert ("success", "2") == (stood.latest.conclusion, told.released)
        outage = told.work / "home" / "outage"
        outage.touch()
        told.rehearsal.protect("production")

        form = told.roll_back()
        back = told.brought_back(form)
        assert_waits(told, form, back)
        told.rehearsal.approve(back.id)
        assert ("failure", good.head_sha, "") == (told.ended(back.id).latest.conclusion, back.head_sha, told.released)
        failed = told.sweep()
        document = told.decision(failed)
        kept = document["rollback"]["rollback_checkpoint_id"]
        assert ("still-failing", told.checkpoint_of(stood)) == (document["outcome"], kept)
        assert f"-f checkpoint={kept}" in told.summary(failed)

        outage.unlink()
        told.world.protected.clear()
        form = told.roll_back(checkpoint=kept)
        returned = told.brought_back(form)
        assert ("success", stood.head_sha, "2") == (returned.latest.conclusion, returned.head_sha, told.released)
        assert "continuing from" in returned.latest.jobs[0].log
        assert "cleared" == told.decision(told.sweep())["outcome"]
        assert (0, 1) == (told.holds(good), told.holds(stood))
        assert_forced(told, stood)


def assert_waits(told: Story, form: Run, back: Run) -> None:
    """The run that brings it back waits for the environment's rules, and whoever asks is told."""
    assert ("success", "waiting", "2") == (form.latest.conclusion, back.latest.status, told.released)
    told.command("sweep")
    status = told.command("status", "--recovery-id", told.decision(form)["recovery_id"])
    assert "the rules of `production`: a person has to approve it" in status


def assert_forced(told: Story, held: Run) -> None:
    """What came next is worse; a person sets the hold aside, and the job that deploys lets this one rollback pass."""
    worse = told.push("Worse", BROKEN | {"version.txt": "3\n"})
    back = told.brought_back(told.roll_back(checkpoint=told.checkpoint_of(held), force="on-hold"))
    assert ("success", held.head_sha, "2") == (back.latest.conclusion, back.head_sha, told.released)
    assert (1, 1) == (told.holds(held), told.holds(worse))


def test_deployment_is_asked_for_and_watched_to_its_end(tmp_path: Path) -> None:
    """Another program deploys: it reports a failure, then, of the return, a success; the earlier ones end."""
    with story(tmp_path / "work") as told:
        deployments = told.world.deployments
        good, bad = told.push("Good", configured("deployment")), told.push("Bad", BROKEN)
        earlier = deployments.create("main", bad.head_sha)
        deployments.add_status(earlier.id, "success")

        form = told.roll_back()
        made = deployments.all()[0]
        assert (good.head_sha, "production", "queued") == (made.sha, made.environment, made.state)
        assert str(made.id) == told.decision(form)["rollback"]["reference"]
        deployments.add_status(made.id, "failure")
        failed = told.decision(told.sweep())
        assert "still-failing" == failed["outcome"]

        told.roll_back(checkpoint=failed["rollback"]["rollback_checkpoint_id"])
        returned = deployments.all()[0]
        assert (bad.head_sha, "queued") == (returned.sha, returned.state)
        deployments.add_status(returned.id, "success")
        assert "cleared" == told.decision(told.sweep())["outcome"]
        assert ["success", "failure", "inactive"] == [each.state for each in deployments.all()]
        assert f"refs/tags/recovery/rollback/deploy/production/{bad.head_sha}" in told.tags
        assert "refs/tags/recovery/rolling-back/deploy/production" not in told.tags
        assert 1 == told.holds(bad)


def test_revert_is_proposed_and_holds_when_it_is_merged(tmp_path: Path) -> None:
    """The pull request has the good files and the evidence; the hold begins when a person merges it."""
    with story(tmp_path / "work") as told:
        good, bad = told.push("Good", configured("revert-pr")), told.push("Wrong", {"version.txt": "2\n"})
        branches = told.world.repository.branches()

        told.roll_back()
        (pull,) = told.world.pulls.all()
        assert branches == {name: sha for name, sha in told.world.repository.branches().items() if name in branches}
        assert pull.head_branch.startswith(f"recovery/revert/{bad.head_sha[:12]}")
        assert "the heading is gone" in (pull.body or "")
        assert told.checkpoint_of(good) in (pull.body or "")
        assert ("2", 0) == (told.released, told.holds(bad))

        (merged,) = told.rehearsal.merge(pull.number)
        assert ("success", "1") == (told.ended(merged).latest.conclusion, told.released)
        assert "cleared" == told.decision(told.sweep())["outcome"]
        assert 1 == told.holds(bad)

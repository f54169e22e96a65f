"""`mode: guard` at the beginning of a job that deploys: what stops it, what does not, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recovery import action
from recovery.adapters.runner import RunnerContext
from recovery.app.guarding import guard_deployment
from recovery.errors import (
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    ListWithoutEnd,
    OnHold,
    RateLimited,
)
from recovery.models.github import Artifact, Tag
from recovery.models.rollback import Hold, RestoreOrder
from recovery.policy.claims import claim_of, tag_message
from recovery.policy.holds import hold_artifact_name, hold_bytes
from recovery.policy.naming import busy_tag, return_tag, rollback_tag
from recovery.settings import Settings
from recovery.warden import MOST_RUNS
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.fakes.forge import FakeForge
from tests.fakes.store import MemoryStore
from tests.integration.doors import Ended
from tests.integration.shop import Shop
from tests.integration.stage import REPOSITORY, Stage

NAME = hold_artifact_name(rolled.BAD_SHA)
CONFIG = ".github/recovery.yml"
RETURN = return_tag("Deploy", "production", rolled.BAD_SHA)
BUSY = busy_tag("Deploy", "production")
ORDER = RestoreOrder(recovery_id="rec-7", checkpoint_id="ckpt-1", artifact_id=1, run_id=901, nonce="nonce-0001")


class Job:
    """A job that is about to deploy the bad commit, over stand-ins."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.forge = FakeForge()
        self.delivery = FakeDelivery(self.forge, self.clock)
        self.settings = Settings()
        self.event: dict[str, object] = {"repository": {"default_branch": "main"}}
        self.ref = "refs/heads/main"
        self.workflow_name = "Deploy"

    def guard(self) -> str:
        """What its first step says."""
        context = RunnerContext(repository=self.forge.repository, sha=rolled.BAD_SHA, event=self.event)
        return guard_deployment(
            context,
            self.settings,
            self.workflow_name,
            ref=self.ref,
            config=CONFIG,
            forge=self.forge,
            delivery=self.delivery,
            clock=self.clock,
        )

    def keep(self, number: int = 1, hold: Hold | None = None, *, content: bytes = b"", **made: object) -> Artifact:
        """An artifact with a hold, of the rollback workflow on the default branch unless told otherwise."""
        path = str(made.pop("path", ".github/workflows/rollback.yml"))
        event = str(made.pop("event", "workflow_dispatch"))
        branch = str(made.get("head_branch", "main"))
        self.forge.add_run(make.make_run(id=5000 + number, path=path, event=event, head_branch=branch))
        usual = {"id": number, "name": NAME, "run_id": 5000 + number, "created_at": make.later(number)}
        artifact = make.make_artifact(**usual | {"head_branch": "main"} | made)
        self.forge.artifacts[number] = (artifact, {"hold.json": content or hold_bytes(hold or rolled.make_hold())})
        return artifact

    def is_rollback(self, tag: str = RETURN, **claimed: object) -> None:
        """Let the run be one that a rollback started at its tag, a minute from now, to go back to the held commit."""
        order = rolled.make_order(bad_sha=rolled.GOOD_SHA, target_sha=rolled.BAD_SHA)
        plan = make.make_plan(header=make.make_header(id="rec-7", started_at=make.later(60)), rollback=order)
        message = tag_message(claim_of(plan, order).model_copy(update=claimed))
        self.delivery.held_tags[tag] = Tag(name=tag, commit=rolled.BAD_SHA, message=message)
        self.delivery.held_tags[BUSY] = Tag(name=BUSY, commit=rolled.BAD_SHA, message=message)
        self.event["inputs"] = {"recovery": ORDER.model_dump_json()}
        self.ref = f"refs/tags/{tag}"

    def is_deployment(self, **over: object) -> None:
        """Let the run be one that the rollback started by asking for a deployment."""
        payload = {"recovery_id": "rec-7", "nonce": "nonce-0001", "bad_sha": rolled.GOOD_SHA}
        usual: dict[str, object] = {"sha": rolled.BAD_SHA, "environment": "production", "payload": payload}
        del self.event["inputs"]
        self.event["deployment"] = usual | over
        self.ref = ""

    @property
    def requests(self) -> list[object]:
        """Names of what GitHub was asked."""
        return [call[0] for call in (*self.forge.calls, *self.delivery.calls)]


@pytest.fixture
def job() -> Job:
    """A job whose commit nobody holds yet."""
    return Job()


def test_held_commit_is_stopped_and_told_why(job: Job) -> None:
    """Until when, by what, for what reason, and what to do."""
    job.keep()

    with pytest.raises(OnHold) as caught:
        job.guard()

    assert (
        "commit bbbbbbb is on hold for `Deploy` until 2026-01-22 12:00 UTC: it was rolled back by rec-902-1-1"
        " (the shop is down)" == caught.value.message
    )
    assert f"recovery holds release {rolled.BAD_SHA}" in str(caught.value.hint)
    assert 14 == caught.value.exit_code
    assert ["artifacts_named", "file_text", "run", "artifact_file"] == job.requests


def test_one_request_where_nothing_is_held(job: Job) -> None:
    """It stands at the beginning of every deployment, and asks for neither configuration nor tags."""
    job.is_rollback()

    assert ("", ["artifacts_named"]) == (job.guard(), job.requests)


@pytest.mark.parametrize("planted", [{"head_branch": "feature"}, {"head_repository_id": 2}, {"expired": True}])
def test_what_strangers_plant_costs_nothing(job: Job, planted: dict[str, object]) -> None:
    """However much it is: neither does it hold a commit, nor hide that one is held."""
    for number in range(100, 600):
        job.keep(number, **planted)

    assert ("", ["artifacts_named"]) == (job.guard(), job.requests)
    job.keep()
    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


@pytest.mark.parametrize(
    "maker",
    [
        {"path": ".github/workflows/ci.yml"},
        {"event": "push"},
        {"hold": rolled.make_hold(workflow_name="Other")},
        {"hold": rolled.make_hold(until=make.NOW)},
        {"hold": rolled.make_hold(sha="c" * 40)},
        {"hold": rolled.make_hold(repository="mallory/widgets")},
        {"content": b"{"},
        {"content": b"[" * 70_000},
        {"content": b"{}"},
    ],
)
def test_what_holds_nothing_hides_nothing(job: Job, maker: dict[str, Any]) -> None:
    """Of another workflow, over, or unreadable: the next one is looked into."""
    job.keep(9, **maker)

    assert "" == job.guard()
    job.keep(1)
    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


def test_flood_on_the_default_branch_stops(job: Job) -> None:
    """So many do not come about by accident: the hold may be among what is not looked into."""
    job.keep(1)
    for number in range(100, 100 + MOST_RUNS):
        job.keep(number, path=".github/workflows/ci.yml")

    with pytest.raises(OnHold) as caught:
        job.guard()

    assert "cannot be told" in caught.value.message
    assert "get around a hold" in caught.value.message
    assert f"artifacts 129, 128, 127, 126, 125, 124, 123, 122, 121, 120 and {MOST_RUNS - 9} more" in str(
        caught.value.hint
    )
    assert MOST_RUNS == job.forge.called("run")


def test_crowd_within_the_bound_stops_nobody(job: Job) -> None:
    """All of it is looked into, and holds nothing."""
    for number in range(100, 100 + MOST_RUNS):
        job.keep(number, path=".github/workflows/ci.yml")

    assert "" == job.guard()


def test_workflows_are_believed_by_the_word_of_the_default_branch(job: Job) -> None:
    """Before any checkout, and whatever the checked out commit says."""
    job.keep(path=".github/workflows/back.yml")
    job.settings = Settings(rollback_workflow=".github/workflows/other.yml")
    job.forge.files[CONFIG, "main"] = "version: 1\nrollback-workflow: .github/workflows/back.yml\n"

    with pytest.raises(OnHold):
        job.guard()


def test_workflow_that_the_default_branch_does_not_name_is_not_believed(job: Job) -> None:
    """The commit that is deployed has no say."""
    job.keep(path=".github/workflows/back.yml")
    job.settings = Settings(rollback_workflow=".github/workflows/back.yml")
    job.forge.files[CONFIG, "main"] = "version: 1\n"

    assert "" == job.guard()


def test_without_a_configuration_the_usual_workflows_are_believed_beside_those_of_the_checkout(job: Job) -> None:
    """GitHub says the same of a file that is not there and of one that may not be read."""
    job.settings = Settings(rollback_workflow=".github/workflows/back.yml")
    job.keep(1)
    with pytest.raises(OnHold):
        job.guard()
    job.keep(1, path=".github/workflows/back.yml")
    with pytest.raises(OnHold):
        job.guard()


@pytest.mark.parametrize("error", [ForgeRefused("403", status=403), ForgeUnavailable("502")])
def test_configuration_that_cannot_be_read_is_warned_of(job: Job, error: ForgeError) -> None:
    """What is checked out is believed instead."""
    job.keep(path=".github/workflows/back.yml")
    job.forge.fail("file_text", error)

    warning = job.guard()

    assert warning.startswith(f"{CONFIG} of `main` could not be read: {error.message}")
    assert (error.hint or "contents: read") in warning
    job.settings = Settings(rollback_workflow=".github/workflows/back.yml")
    job.forge.fail("file_text", error, call=2)
    with pytest.raises(OnHold):
        job.guard()


def test_configuration_that_makes_no_sense_is_warned_of(job: Job) -> None:
    """A slip in it must not open the gate."""
    job.keep()
    job.forge.files[CONFIG, "main"] = "version: 1\nrollback-workflows: []\n"

    with pytest.raises(OnHold):
        job.guard()
    job.keep(path=".github/workflows/ci.yml")
    assert "`rollback-workflows` is not a setting" in job.guard()


@pytest.mark.parametrize(
    "error", [ForgeRefused("403", status=403), AuthenticationError("no token"), RateLimited("wait")]
)
@pytest.mark.parametrize("method", ["artifacts_named", "run", "artifact_file"])
def test_guard_that_may_not_ask_stops_nobody(job: Job, method: str, error: ForgeError) -> None:
    """The warning says what is missing."""
    job.keep()
    job.forge.fail(method, error)

    warning = job.guard()

    assert f"whether commit bbbbbbb is on hold could not be told: {error.message}" in warning
    assert (error.hint or "permissions: {actions: read}") in warning


def test_rollback_that_set_the_hold_aside_passes(job: Job) -> None:
    """A person goes back to what was on hold, and nobody has to release it for that."""
    job.keep()
    job.is_rollback()

    assert job.guard().endswith("it is deployed all the same, because rec-7 goes back to it")
    assert [("tag", RETURN), ("tag", BUSY)] == job.delivery.calls


def test_rollback_that_has_ended_lets_nobody_pass(job: Job) -> None:
    """Its run can be repeated, and what it was told be copied, for as long as its tag stands."""
    job.keep()
    job.is_rollback()
    del job.delivery.held_tags[BUSY]

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


@pytest.mark.parametrize("over", [{"workflow_name": "Docs"}, {"environment": "pages"}])
def test_rollback_of_something_else_lets_nobody_pass(job: Job, over: dict[str, object]) -> None:
    """A real one of `Docs` set the hold of `Docs` aside; anybody starts `Deploy` at its tag."""
    job.keep()
    where = {"workflow_name": "Deploy", "environment": "production"} | over
    job.is_rollback(return_tag(str(where["workflow_name"]), str(where["environment"]), rolled.BAD_SHA), **over)

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


def test_list_without_end_stops(job: Job) -> None:
    """Ten thousand artifacts of that name, of whatever branch, must not hide the one that counts."""
    job.keep()
    job.forge.fail("artifacts_named", ListWithoutEnd("GET artifacts: a list without end (more than 100 pages)"))

    with pytest.raises(OnHold) as caught:
        job.guard()

    assert "cannot be told: more runs than can be listed left artifacts named" in caught.value.message
    assert "find out who made them, delete them" in str(caught.value.hint)


def test_words_of_a_hold_are_shown_on_one_line(job: Job) -> None:
    """Its reason comes from a tag, which anybody may have pushed."""
    job.keep(hold=rolled.make_hold(reason="\x1b[2J\n::error::all is well\u202e"))

    with pytest.raises(OnHold) as caught:
        job.guard()

    assert caught.value.message.endswith("it was rolled back by rec-902-1-1 (::error::all is well)")


@pytest.mark.parametrize(
    "tag", [RETURN, rollback_tag("Deploy", "production", rolled.GOOD_SHA)], ids=["return", "rollback"]
)
def test_deployment_that_set_the_hold_aside_passes(job: Job, tag: str) -> None:
    """GitHub tells a run of the event `deployment` what was asked for, and no tag."""
    job.keep()
    job.is_rollback(tag)
    job.is_deployment()

    assert job.guard().endswith("it is deployed all the same, because rec-7 goes back to it")


@pytest.mark.parametrize(
    "deployment",
    [
        {"payload": "later"},
        {"payload": {"recovery_id": "rec-7", "nonce": "nonce-0001"}},
        {"payload": {"recovery_id": "rec-7", "nonce": "another", "bad_sha": rolled.GOOD_SHA}},
        {"environment": "staging"},
        {"environment": None},
    ],
)
def test_deployment_of_anybody_opens_nothing(job: Job, deployment: dict[str, object]) -> None:
    """Whoever may deploy can write a payload."""
    job.keep()
    job.is_rollback()
    job.is_deployment(**deployment)

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


@pytest.mark.parametrize(
    "claimed",
    [
        {"nonce": "another"},
        {"recovery_id": "rec-8"},
        {"target_sha": rolled.GOOD_SHA},
        {"since": make.later(-60)},
        {"since": make.later(301)},
    ],
)
def test_claim_of_another_rollback_opens_nothing(job: Job, claimed: dict[str, object]) -> None:
    """Another nonce, recovery or target, or a rollback from before the hold or from the future."""
    job.keep()
    job.is_rollback(**claimed)

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


def test_order_without_its_tag_opens_nothing(job: Job) -> None:
    """Anybody who may start the workflow can copy the input: at a branch, at another tag, at none."""
    job.keep()
    job.is_rollback("v1")
    for ref in ("refs/tags/v1", "refs/heads/main", f"refs/heads/{RETURN}", f"refs/tags/{RETURN}", ""):
        job.ref = ref
        with pytest.raises(OnHold, match="on hold for"):
            job.guard()


@pytest.mark.parametrize("inputs", [None, {}, {"recovery": ""}, {"recovery": "{}"}, {"recovery": '{"nonce": 1}'}])
def test_tag_without_the_order_opens_nothing(job: Job, inputs: object) -> None:
    """A run at the tag that nobody told anything, or something that cannot be understood."""
    job.keep()
    job.is_rollback()
    job.event["inputs"] = inputs

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


def test_two_orders_open_nothing(job: Job) -> None:
    """It is not told which one counts."""
    job.keep()
    job.is_rollback()
    job.event["inputs"] = {"recovery": ORDER.model_dump_json(), "other": ORDER.model_dump_json()}

    with pytest.raises(OnHold, match="on hold for"):
        job.guard()


def test_hold_that_began_later_is_not_set_aside(job: Job) -> None:
    """What was brought back proved bad, too; then somebody repeats the run that brought it back."""
    job.keep(1)
    job.keep(2, rolled.make_hold(since=make.later(120), recovery_id="rec-9"))
    job.is_rollback()

    with pytest.raises(OnHold, match="rolled back by rec-9"):
        job.guard()


def test_tag_that_cannot_be_read_stops(job: Job) -> None:
    """The commit is on hold, that much is known."""
    job.keep()
    job.is_rollback()
    job.delivery.fail("tag", ForgeRefused("403", status=403))

    with pytest.raises(OnHold, match="set that aside could not be told: 403") as caught:
        job.guard()

    assert "contents: read" in str(caught.value.hint)


class Runner:
    """The first step of a job of the shop's, on a runner that has checked nothing out."""

    def __init__(self, shop: Shop, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.shop, self.folder, self.capture = shop, folder, capture
        (folder / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))

    def guard(self, sha: str, **inputs: str) -> Ended:
        """Run it for a commit."""
        given = {"mode": "guard", "github-token": self.shop.world.token} | inputs
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW": "Deploy",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": sha,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_API_URL": self.shop.stage.server.url,
            "GITHUB_WORKSPACE": str(self.folder / "empty"),
            "RUNNER_TEMP": str(self.folder),
            "RECOVERY_INPUTS": json.dumps(given),
        }
        self.capture.readouterr()
        code = action.main(environment)
        said = self.capture.readouterr()
        return Ended(code, said.out, said.err)

    @property
    def requests(self) -> list[str]:
        """Paths that GitHub was asked for, without the repository."""
        lines = (self.folder / "storyteller-recovery" / "requests.jsonl").read_text().splitlines()
        return [json.loads(line)["path"].removeprefix(f"/repos/{REPOSITORY}") for line in lines]


@pytest.fixture
def runner(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Runner:
    """A runner of the shop's, on the local GitHub."""
    return Runner(Shop(stage, tmp_path / "shop", MemoryStore()), tmp_path, capsys)


def test_action_stops_before_any_checkout(runner: Runner) -> None:
    """One request where nothing is held, one error line and the documented code where it is."""
    runner.shop.hold(runner.shop.bad)

    free = runner.guard(runner.shop.good)
    asked = len(runner.requests)
    stopped = runner.guard(runner.shop.bad)

    assert (0, 1) == (free.code, asked)
    assert f"commit {runner.shop.good[:7]} is not on hold" in free.out
    assert (14, 1) == (stopped.code, len(stopped.errors))
    assert f"recovery holds release {runner.shop.bad}" in stopped.errors[0]


def test_action_reads_the_named_configuration_from_github(runner: Runner) -> None:
    """It need not be checked out: which file it is, is enough."""
    runner.shop.hold(runner.shop.bad)

    stopped = runner.guard(runner.shop.bad, config="ops/recovery.yml")

    assert 14 == stopped.code
    assert any("contents/ops/recovery.yml" in path for path in runner.requests)

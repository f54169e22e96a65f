"""What each method of the delivery sends, how often, what it makes of each answer, and what the request log tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.github import GitHubDelivery, GitHubForge, RequestLog
from recovery.errors import (
    AmbiguousEffect,
    AuthenticationError,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    RateLimited,
)
from recovery.models.github import Tag
from tests.adapters.scripted_server import HANG_UP, Reply, ScriptedServer
from tests.builders import NOW
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
GOOD, BAD = "a" * 40, "b" * 40
Call = Callable[[GitHubDelivery], object]

READS: dict[str, tuple[Call, str]] = {
    "artifact": (lambda it: it.artifact(7), "actions: read"),
    "compare": (lambda it: it.compare(GOOD, "main"), "contents: read"),
    "reference": (lambda it: it.reference("tags/a"), "contents: read"),
    "dispatched runs": (lambda it: it.dispatched_runs("deploy.yml", NOW), "actions: read"),
    "waiting environments": (lambda it: it.waiting_environments(5), "actions: read"),
    "deployments": (lambda it: it.deployments("production"), "deployments: read"),
    "deployment state": (lambda it: it.deployment_state(3), "deployments: read"),
    "tag": (lambda it: it.tag("a"), "contents: read"),
    "tags": (lambda it: it.tags("recovery/"), "contents: read"),
    "commit": (lambda it: it.commit(GOOD), "contents: read"),
    "pull request": (lambda it: it.pull_request_from("revert"), "pull-requests: read"),
    "merged pull request": (lambda it: it.merged_pull_request(GOOD), "pull-requests: read"),
}
EFFECTS: dict[str, tuple[Call, str]] = {
    "reference": (lambda it: it.create_reference("tags/a", GOOD), "contents: write"),
    "tag": (lambda it: it.create_tag("a", GOOD, "Why."), "contents: write"),
    "dispatch": (lambda it: it.dispatch_workflow("deploy.yml", "a", {"recovery": "{}"}), "actions: write"),
    "deployment": (lambda it: it.create_deployment(GOOD, "production", "text", {"nonce": "n"}), "deployments: write"),
    "deployment status": (lambda it: it.set_deployment_state(3, "inactive", "text"), "deployments: write"),
    "commit": (lambda it: it.create_commit("Revert", GOOD, [BAD]), "contents: write"),
    "pull request": (lambda it: it.create_pull_request("revert", "main", "Revert", "Why."), "pull-requests: write"),
}
BODIES: dict[str, Any] = {
    "reference": {"ref": "refs/tags/a", "sha": GOOD},
    "tag": {"tag": "a", "message": "Why.", "object": GOOD, "type": "commit"},
    "dispatch": {"ref": "a", "inputs": {"recovery": "{}"}, "return_run_details": True},
    "deployment": {
        "ref": GOOD,
        "auto_merge": False,
        "required_contexts": [],
        "environment": "production",
        "description": "text",
        "payload": {"nonce": "n"},
    },
    "deployment status": {"state": "inactive", "description": "text", "auto_inactive": False},
    "commit": {"message": "Revert", "tree": GOOD, "parents": [BAD]},
    "pull request": {"head": "revert", "base": "main", "title": "Revert", "body": "Why."},
}


class Scene:
    """A delivery whose server answers as it is told, and what was logged."""

    def __init__(self, server: ScriptedServer, folder: Path) -> None:
        self.server = server
        self.clock = FakeClock()
        self._path = folder / "requests.jsonl"
        forge = GitHubForge(
            "octo/repo", TOKEN, api_url=server.url, clock=self.clock, request_log=RequestLog(self._path)
        )
        self.delivery = GitHubDelivery(forge.repository, forge.client)

    def raises(self, call: Call, *replies: Reply) -> ForgeError:
        """The error of a call that is answered so."""
        self.server.reply(*replies)
        with pytest.raises(ForgeError) as caught:
            call(self.delivery)
        assert TOKEN not in f"{caught.value} {caught.value.hint}"
        return caught.value

    def logged(self) -> list[tuple[str, str, Any, int | None]]:
        """Method, path, body and status of every request in the log."""
        lines = [json.loads(line) for line in self._path.read_text().splitlines()]
        return [(line["method"], line["path"], line["body"], line["status"]) for line in lines]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A delivery on a scripted server."""
    with ScriptedServer(Reply()) as server:
        yield Scene(server, tmp_path)


def refusal(status: int, message: str) -> Reply:
    """An answer as GitHub refuses."""
    return Reply(status=status, body={"message": message, "documentation_url": "https://docs.github.com"})


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=502), Reply(status=503), HANG_UP, Reply(status=201, body='{"id": 1}', cut=1)],
    ids=["500", "502", "503", "hang up", "broken off"],
)
def test_unclear_effect_is_sent_once(scene: Scene, name: str, reply: Reply) -> None:
    """Without a clear answer nothing is repeated, and the error says that it may have happened."""
    error = scene.raises(EFFECTS[name][0], reply)

    assert (AmbiguousEffect, 1) == (type(error), len(scene.server.received))


@pytest.mark.parametrize("name", ["tag", "dispatch", "deployment", "commit", "pull request"])
def test_effect_with_an_answer_that_makes_no_sense(scene: Scene, name: str) -> None:
    """A good status without what it promises is unclear: a proxy may have answered."""
    status = 200 if name == "dispatch" else 201

    for body in ("<html>", {}, [], {"workflow_run_id": "7"}):
        assert AmbiguousEffect is type(scene.raises(EFFECTS[name][0], Reply(status=status, body=body)))


@pytest.mark.parametrize("name", EFFECTS)
def test_body_and_log(scene: Scene, name: str) -> None:
    """What is sent is exactly this, and the log has it with its status."""
    scene.raises(EFFECTS[name][0], Reply(status=500))

    ((method, path, body, status),) = scene.logged()
    (received,) = scene.server.received
    assert ("POST", BODIES[name], 500) == (method, body, status)
    assert (path, BODIES[name]) == (received.path, json.loads(received.body))
    assert "2022-11-28" == received.headers["x-github-api-version"]


@pytest.mark.parametrize("name", EFFECTS)
def test_effect_without_permission(scene: Scene, name: str) -> None:
    """A plain no is a refusal with the line to add, and nothing is sent again."""
    call, line = EFFECTS[name]

    error = scene.raises(call, refusal(403, "Resource not accessible by integration"))

    assert (ForgeRefused, 403, 1) == (type(error), getattr(error, "status", None), len(scene.server.received))
    assert f"`permissions: {line}`" in (error.hint or "")


@pytest.mark.parametrize("name", READS)
def test_reading_without_permission(scene: Scene, name: str) -> None:
    """A token that may not look gets the line to add, rather than nothing found."""
    call, line = READS[name]

    error = scene.raises(call, refusal(403, "Resource not accessible by integration"))

    assert (ForgeRefused, 403) == (type(error), getattr(error, "status", None))
    assert f"`permissions: {line}`" in (error.hint or "")


@pytest.mark.parametrize("name", READS)
def test_reading_is_tried_again(scene: Scene, name: str) -> None:
    """What reads is harmless, so that it is asked three times."""
    error = scene.raises(READS[name][0], Reply(status=502))

    assert (ForgeUnavailable, 3) == (type(error), len(scene.server.received))


@pytest.mark.parametrize("name", READS)
def test_reading_what_makes_no_sense(scene: Scene, name: str) -> None:
    """Something else than GitHub's document is no answer."""
    run = {"id": 1, "repository_id": 1, "head_repository_id": 1}
    for body in ("<html>", "7", [{}], {"status": "sideways", "workflow_runs": [{}], "workflow_run": run}):
        assert ForgeUnavailable is type(scene.raises(READS[name][0], Reply(body=body)))


@pytest.mark.parametrize("name", EFFECTS)
def test_effect_with_a_token_that_is_none(scene: Scene, name: str) -> None:
    """The token is to blame, and is not shown."""
    assert AuthenticationError is type(scene.raises(EFFECTS[name][0], refusal(401, f"Bad credentials {TOKEN}")))


@pytest.mark.parametrize("name", EFFECTS)
def test_effect_above_a_rate_limit(scene: Scene, name: str) -> None:
    """GitHub asks to wait: nothing has happened, and nothing is sent again."""
    reply = Reply(status=429, body={"message": "secondary rate limit"}, headers={"Retry-After": "30"})

    error = scene.raises(EFFECTS[name][0], reply)

    assert (RateLimited, 1) == (type(error), len(scene.server.received))


@pytest.mark.parametrize(
    ("call", "status", "message", "meaning", "hint"),
    [
        ("reference", 422, "Object does not exist", "GitHub does not accept what was sent", "bug"),
        ("reference", 403, "Resource not accessible by integration", "the token may not point", "`workflows: write`"),
        ("tag", 422, "Object does not exist", "GitHub does not accept what was sent", "bug"),
        ("tag", 403, "Resource not accessible by integration", "the token may not point", "`workflows: write`"),
        ("dispatch", 422, "Unexpected inputs provided: [\"recovery\"]", "the workflow does not take", "declare"),
        ("dispatch", 422, "Workflow does not have 'workflow_dispatch' trigger", "the workflow cannot", "`on:`"),
        ("dispatch", 422, "No ref found for: a", "GitHub does not accept what was sent", "bug"),
        ("deployment", 202, "Auto-merged main into topic on deployment.", "GitHub merged the default", "a commit"),
        ("deployment", 409, "Conflict: Commit status checks failed", "GitHub does not deploy", "status checks"),
        ("pull request", 403, "GitHub Actions is not permitted to create or approve pull requests.", "this job may not",
         "“Allow GitHub Actions to create and approve pull requests”"),
        ("pull request", 422, "A pull request already exists for octo:revert.", "there is an open pull", "look"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_change(
    scene: Scene, call: str, status: int, *, message: str, meaning: str, hint: str
) -> None:
    """Each of GitHub's own refusals has its sentence and its way out."""
    error = scene.raises(EFFECTS[call][0], refusal(status, message))

    assert (ForgeRefused, 1) == (type(error), len(scene.server.received))
    assert error.message.startswith(meaning)
    assert hint in (error.hint or "")


def test_taken_name_is_no_error(scene: Scene) -> None:
    """That a reference exists is an answer, after one request."""
    scene.server.reply(refusal(422, "Reference already exists"))

    assert not scene.delivery.create_reference("tags/a", GOOD)
    assert [("POST", "/repos/octo/repo/git/refs", BODIES["reference"], 422)] == scene.logged()


def tag_object(says: Any = "Why.", kind: str = "commit") -> Reply:
    """A tag object that was made or is read."""
    return Reply(body={"sha": BAD, "message": says, "object": {"type": kind, "sha": GOOD}})


MADE = Reply(status=201, body={"sha": BAD})


def test_tag_is_an_object_and_then_its_name(scene: Scene) -> None:
    """Its name is given to the object that was made before; both are sent once."""
    scene.server.reply(MADE, Reply(status=201, body={}))

    assert scene.delivery.create_tag("a/b", GOOD, "Why.")
    assert [
        ("POST", "/repos/octo/repo/git/tags", {**BODIES["tag"], "tag": "a/b"}, 201),
        ("POST", "/repos/octo/repo/git/refs", {"ref": "refs/tags/a/b", "sha": BAD}, 201),
    ] == scene.logged()


def test_taken_name_of_a_tag_is_no_error(scene: Scene) -> None:
    """The object is made in vain, and nothing leads to it."""
    scene.server.reply(MADE, refusal(422, "Reference already exists"))

    assert not scene.delivery.create_tag("a", GOOD, "Why.")
    assert 2 == len(scene.server.received)


@pytest.mark.parametrize("reply", [Reply(status=502), HANG_UP], ids=["502", "hang up"])
def test_unclear_name_of_a_tag_is_sent_once(scene: Scene, reply: Reply) -> None:
    """Whether the tag has its name is unclear, so that it is looked for before anything else."""
    error = scene.raises(EFFECTS["tag"][0], MADE, reply)

    assert (AmbiguousEffect, 2) == (type(error), len(scene.server.received))


def test_tag_that_brings_back_other_workflow_files(scene: Scene) -> None:
    """A job's token may make the object, but not give it a name; then the way out is told."""
    error = scene.raises(EFFECTS["tag"][0], MADE, refusal(403, "Resource not accessible by integration"))

    assert (ForgeRefused, 2) == (type(error), len(scene.server.received))
    assert error.message.startswith("the token may not point a branch or tag there")
    assert "`github-token` the token of an App that has `workflows: write`" in (error.hint or "")


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([Reply(body={"object": {"type": "commit", "sha": GOOD}})], Tag(name="a", commit=GOOD)),
        (
            [Reply(body={"object": {"type": "tag", "sha": BAD}}), tag_object()],
            Tag(name="a", commit=GOOD, message="Why."),
        ),
        ([Reply(body={"object": {"type": "tag", "sha": BAD}}), tag_object("")], Tag(name="a", commit=GOOD)),
        ([Reply(body={"object": {"type": "tag", "sha": BAD}}), tag_object(kind="tag")], Tag(name="a", commit=GOOD)),
        ([Reply(body={"object": {"type": "tree", "sha": GOOD}})], Tag(name="a", commit=GOOD)),
    ],
    ids=["only a name", "says something", "says nothing", "a tag's tag", "a tree's"],
)
def test_tag_says_something_only_about_a_commit(scene: Scene, replies: list[Reply], expected: Tag) -> None:
    """Whatever is not directly at a commit is there, but no words of it are taken for ours."""
    scene.server.reply(*replies)

    assert expected == scene.delivery.tag("a")
    assert len(replies) == len(scene.server.received)


@pytest.mark.parametrize("reply", [refusal(404, "Not Found"), tag_object(None), Reply(body={})])
def test_tag_whose_words_cannot_be_read_is_not_gone(scene: Scene, reply: Reply) -> None:
    """The name is taken, whatever comes of the second request: that is an error, and never None."""
    pointing = Reply(body={"object": {"type": "tag", "sha": BAD}})

    assert type(scene.raises(READS["tag"][0], pointing, reply)) in {ForgeRefused, ForgeUnavailable}


def test_tags_are_asked_for_without_the_last_slash(scene: Scene) -> None:
    """A router may drop it, so that what only begins similarly is left out here; no page is asked for."""
    names = ["recovery/a/b", "recovery/a-b", "recovery/a"]
    scene.server.reply(Reply(body=[{"ref": f"refs/tags/{name}"} for name in names]))

    assert ("recovery/a/b",) == scene.delivery.tags("recovery/a/")
    assert ["/repos/octo/repo/git/matching-refs/tags/recovery/a"] == [line[1] for line in scene.logged()]


def test_tags_in_parts_are_an_error(scene: Scene) -> None:
    """A tag that is overlooked would be taken for one that is gone."""
    link = '<https://api.github.com/repositories/1/git/matching-refs/tags?page=2>; rel="next"'

    error = scene.raises(READS["tags"][0], Reply(body=[], headers={"Link": link}))

    assert (ForgeUnavailable, 1) == (type(error), len(scene.server.received))


@pytest.mark.parametrize(("status", "body", "expected"), [(200, {"workflow_run_id": 7}, 7), (204, b"", None)])
def test_dispatch_tells_the_run_where_github_does(scene: Scene, status: int, body: Any, expected: int | None) -> None:
    """A run id with 200, none with 204; both are one request."""
    scene.server.reply(Reply(status=status, body=body))

    assert expected == EFFECTS["dispatch"][0](scene.delivery)
    assert 1 == len(scene.server.received)


@pytest.mark.parametrize(
    "message", ['Invalid request.\n\n"return_run_details" is not a permitted key.', "No additional properties allowed"]
)
def test_dispatch_on_an_older_server(scene: Scene, message: str) -> None:
    """A server that does not know `return_run_details` refuses it, and is asked once more without."""
    scene.server.reply(refusal(422, message), Reply(status=204))

    assert None is EFFECTS["dispatch"][0](scene.delivery)

    bodies = [body for _, _, body, _ in scene.logged()]
    assert [True, None] == [body.pop("return_run_details", None) for body in bodies]
    assert bodies[0] == bodies[1]


def test_dispatch_on_an_older_server_is_not_asked_a_third_time(scene: Scene) -> None:
    """What the second try comes to is final: refused again, or unclear."""
    unknown = refusal(422, '"return_run_details" is not a permitted key.')

    assert ForgeRefused is type(scene.raises(EFFECTS["dispatch"][0], unknown))
    assert AmbiguousEffect is type(scene.raises(EFFECTS["dispatch"][0], unknown, Reply(status=502)))
    assert 4 == len(scene.server.received)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_dispatch_of_no_workflow_asks_nothing(scene: Scene, name: str) -> None:
    """A name that would lead elsewhere is refused here."""
    assert ForgeRefused is type(scene.raises(lambda it: it.dispatch_workflow(name, "a", {})))
    assert [] == scene.server.received


@pytest.mark.parametrize("status", [404, 422])
def test_deleting_what_is_gone(scene: Scene, status: int) -> None:
    """A refusal to delete is looked into: what is not there is deleted."""
    scene.server.reply(refusal(status, "Reference does not exist"), refusal(404, "Not Found"))

    scene.delivery.delete_reference("tags/recovery/a b")

    place = "/repos/octo/repo/git"
    assert [("DELETE", f"{place}/refs/tags/recovery/a%20b"), ("GET", f"{place}/ref/tags/recovery/a%20b")] == [
        line[:2] for line in scene.logged()
    ]


def test_deleting_what_stays(scene: Scene) -> None:
    """A reference that is still there was not deleted, and the line to add is named."""
    found = Reply(body={"object": {"sha": GOOD, "type": "commit"}})

    error = scene.raises(lambda it: it.delete_reference("tags/a"), refusal(404, "Not Found"), found)

    assert "`permissions: contents: write`" in (error.hint or "")


def test_deleting_without_an_answer(scene: Scene) -> None:
    """It is sent once, and may be tried again."""
    error = scene.raises(lambda it: it.delete_reference("tags/a"), HANG_UP)

    assert (ForgeUnavailable, 1) == (type(error), len(scene.server.received))


@pytest.mark.parametrize("name", ["tags/../heads/main", "", "tags//a", "."])
def test_names_that_lead_elsewhere_are_not_asked_for(scene: Scene, name: str) -> None:
    """A name that a server would resolve to another one is none."""
    assert None is scene.delivery.reference(name)
    assert None is scene.delivery.tag(name)
    assert ForgeRefused is type(scene.raises(lambda it: it.delete_reference(name)))
    assert [] == scene.server.received


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_none(scene: Scene, status: int) -> None:
    """An artifact, a reference or a commit that is not there is no error."""
    scene.server.reply(refusal(status, "Not Found"))

    assert (None, None, None, None) == (
        scene.delivery.artifact(7),
        scene.delivery.reference("tags/a"),
        scene.delivery.tag("a"),
        scene.delivery.compare("main", GOOD),
    )


def test_comparison_asks_for_one_commit(scene: Scene) -> None:
    """The branch's name is escaped, and of the commits no more than one is asked for."""
    scene.server.reply(Reply(body={"status": "behind"}))

    assert "behind" == scene.delivery.compare("release/1 #2", GOOD)
    assert [f"/repos/octo/repo/compare/release/1%20%232...{GOOD}?per_page=1"] == [line[1] for line in scene.logged()]


def test_newest_state_counts_in_any_order(scene: Scene) -> None:
    """The status with the highest id is the newest."""
    scene.server.reply(Reply(body=[{"id": 1, "state": "queued"}, {"id": 3, "state": "success"}]))

    assert "success" == scene.delivery.deployment_state(3)


def test_payload_that_is_no_object_is_not_ours(scene: Scene) -> None:
    """Whatever others put into a deployment is left aside, and no answer's order is relied on."""
    entry = {"sha": GOOD, "environment": "production", "created_at": "2026-01-01T00:00:00Z"}
    payloads = ['{"nonce": "n"}', None, ["n"], {"nonce": "n"}]
    scene.server.reply(Reply(body=[{**entry, "id": at, "payload": payload} for at, payload in enumerate(payloads)]))

    found = scene.delivery.deployments("production", limit=3)

    assert [(3, {"nonce": "n"}), (2, {}), (1, {})] == [(one.id, one.payload) for one in found]


def test_environment_without_a_name_is_left_out(scene: Scene) -> None:
    """GitHub describes the name as something that may be missing."""
    scene.server.reply(Reply(body=[{"environment": {"id": 1}}, {"environment": {"name": "production"}}]))

    assert ("production",) == scene.delivery.waiting_environments(5)


def test_pull_request_of_a_fork_is_not_ours(scene: Scene) -> None:
    """A fork of the same owner may have a branch of that name; what was merged says so."""
    entry = {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
    heads = [("octo/Repo", 4), ("octo/repo-fork", 9), ("octo/repo", 3)]
    scene.server.reply(
        Reply(
            body=[
                {**entry, "number": number, "head": {"sha": GOOD, "repo": {"full_name": name}}}
                for name, number in heads
            ]
        )
    )

    found = scene.delivery.pull_request_from("revert")

    assert found is not None
    assert (4, True) == (found.number, found.merged)


def test_pull_request_that_was_merged_into_the_default_branch_counts(scene: Scene) -> None:
    """Of several the one merged last, wherever it came from; one merged elsewhere only where there is no other."""
    head = {"sha": GOOD, "repo": None}
    repository = {"full_name": "octo/repo", "default_branch": "main"}
    listed = [
        {"number": number, "state": "closed", "merged_at": at, "head": head, "base": {"ref": ref, "repo": repository}}
        for number, ref, at in [
            (3, "main", "2026-01-03T00:00:00Z"),
            (4, "main", "2026-01-02T00:00:00Z"),
            (5, "topic", "2026-01-04T00:00:00Z"),
            (6, "main", None),
        ]
    ]
    scene.server.reply(Reply(body=listed), Reply(body=listed[2:]), Reply(body=listed[3:]))

    found = [scene.delivery.merged_pull_request(BAD) for _ in range(3)]

    assert [3, 5, None] == [pull and pull.number for pull in found]
    assert {f"/repos/octo/repo/commits/{BAD}/pulls?per_page=100"} == {path for _, path, _, _ in scene.logged()}


def test_what_is_no_commit_was_not_merged(scene: Scene) -> None:
    """A name that would be resolved on the way is not asked about."""
    assert None is scene.delivery.merged_pull_request("..")
    assert [] == scene.server.received


def test_long_descriptions_are_cut(scene: Scene) -> None:
    """GitHub takes 140 characters."""
    scene.raises(lambda it: it.create_deployment(GOOD, "production", "x" * 500, {}), Reply(status=500))
    scene.raises(lambda it: it.set_deployment_state(3, "queued", "x" * 500), Reply(status=500))

    assert [140, 140] == [len(body["description"]) for _, _, body, _ in scene.logged()]

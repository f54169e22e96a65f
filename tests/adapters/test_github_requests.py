"""How many requests each method costs, and that the request log tells exactly what the server saw."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from recovery.adapters.github import GitHubForge, RequestLog
from recovery.adapters.github.artifacts import MOST_PAGES
from recovery.errors import AmbiguousEffect, AuthenticationError, ForgeError, ForgeRefused, InputError
from recovery.models.github import Comment
from recovery.rehearsal.records import Run, ScriptedJob
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.world import Fault, World
from tests.adapters.scripted_server import Reply, ScriptedServer
from tests.builders import NOW
from tests.fakes.clock import FakeClock

TOKEN = "ghs_secretsecretsecret"  # noqa: S105
Line = dict[str, Any]


class Scene:
    """A world with one failed run of a pull request, and a forge that logs its requests."""

    def __init__(self, world: World, server: LocalGitHub, log_path: Path, clock: FakeClock) -> None:
        self.world = world
        self.log = RequestLog(log_path)
        self.forge = GitHubForge("octo/repo", world.token, api_url=server.url, clock=clock, request_log=self.log)
        self.run: Run = world.add_run([ScriptedJob(name="test", conclusion="failure", log="boom\n")])
        self.pull = world.pulls.add("feature", self.run.head_sha).number
        world.repository.add_file("a.txt", "text")
        world.vault.add_artifact(self.run, "plan", {"plan.json": "{}"})
        self._path = log_path

    def lines(self) -> list[Line]:
        """What the request log holds."""
        return [json.loads(line) for line in self._path.read_text().splitlines()]

    def seen(self) -> list[Line]:
        """What the server saw, in the log's words."""
        return [
            {
                "method": access.method,
                "path": access.path,
                "body": access.body,
                "status": access.status or None,
                "redirect": access.redirect,
            }
            for access in self.world.requests
        ]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The forge on a local GitHub."""
    clock = FakeClock()
    world = World("octo/repo", now=clock.now)
    with LocalGitHub(world) as server:
        yield Scene(world, server, tmp_path / "requests.jsonl", clock)
    assert [] == world.offences


COSTS: dict[str, tuple[Callable[[Scene], object], int, int]] = {
    "run": (lambda it: it.forge.run(it.run.id), 1, 0),
    "jobs": (lambda it: it.forge.jobs(it.run.id, 1), 1, 0),
    "job_log": (lambda it: it.forge.job_log(it.run.latest.jobs[0].id), 1, 1),
    "branch_head": (lambda it: it.forge.branch_head("main"), 1, 0),
    "branch_head, gone": (lambda it: it.forge.branch_head("gone"), 1, 0),
    "file_text": (lambda it: it.forge.file_text("a.txt", "main"), 1, 0),
    "rerun_failed_jobs": (lambda it: it.forge.rerun_failed_jobs(it.run.id), 1, 0),
    "runs_of_workflow": (lambda it: it.forge.runs_of_workflow("ci.yml"), 1, 0),
    "successful_runs": (lambda it: it.forge.successful_runs("ci.yml", "feature", before=NOW), 1, 0),
    "failed_runs": (lambda it: it.forge.failed_runs(NOW), 3, 0),
    "default_branch": (lambda it: it.forge.default_branch(), 1, 0),
    "artifacts_named": (lambda it: it.forge.artifacts_named("plan"), 1, 0),
    "artifacts_since": (lambda it: it.forge.artifacts_since(NOW), 1, 0),
    "artifacts_of_run": (lambda it: it.forge.artifacts_of_run(it.run.id), 1, 0),
    "jobs_of_all_attempts": (lambda it: it.forge.jobs_of_all_attempts(it.run.id), 1, 0),
    "delete_artifact": (lambda it: it.forge.delete_artifact(77), 1, 0),
    "comments": (lambda it: it.forge.comments(it.pull), 1, 0),
    "create_comment": (lambda it: it.forge.create_comment(it.pull, "text"), 1, 0),
    "owns": (lambda it: it.forge.owns(Comment(id=1, body="", author="x", author_type="Bot")), 0, 0),
}


@pytest.mark.parametrize("name", COSTS)
def test_costs(scene: Scene, name: str) -> None:
    """Each method costs the requests that GitHub needs, and no hidden one."""
    call, requests, downloads = COSTS[name]

    call(scene)

    redirects = [access.redirect for access in scene.world.requests]
    assert (requests, downloads) == (redirects.count(False), redirects.count(True))


def test_costs_of_what_needs_an_answer_first(scene: Scene) -> None:
    """Looking for the pull request, reading or taking an artifact and updating a comment cost one request each."""
    run = scene.forge.run(scene.run.id)
    (artifact,) = scene.forge.artifacts_named("plan")
    comment = scene.forge.create_comment(scene.pull, "one")
    scene.world.requests.clear()

    scene.forge.pull_request_of(run)
    scene.forge.artifact_file(artifact, "plan.json")
    scene.forge.download_artifact(artifact, io.BytesIO())
    scene.forge.update_comment(comment.id, "two")

    assert [("GET", False), *[("GET", False), ("GET", True)] * 2, ("PATCH", False)] == [
        (access.method, access.redirect) for access in scene.world.requests
    ]


def test_pages_cost_one_request_per_hundred(scene: Scene) -> None:
    """Lists are read a hundred at a time, and a full last page costs no request for an empty one."""
    wide = scene.world.add_run([ScriptedJob(name=f"job {number}") for number in range(200)])
    for number in range(101):
        scene.world.pulls.comment(scene.pull, f"comment {number}")
        scene.world.vault.add_artifact(wide, f"artifact {number}", {})
    scene.world.requests.clear()

    assert 200 == len(scene.forge.jobs(wide.id, 1))
    assert 101 == len(scene.forge.comments(scene.pull))
    assert 102 == len(scene.forge.artifacts_since(NOW))
    assert 100 == len(scene.forge.artifacts_since(NOW, limit=100))
    assert [] == list(scene.forge.artifacts_since(NOW + timedelta(days=1)))

    assert [2, 2, 2, 1, 1] == [
        sum(kind in access.path for access in requests)
        for kind, requests in (
            ("/jobs", scene.world.requests[:2]),
            ("/comments", scene.world.requests[2:4]),
            ("/artifacts", scene.world.requests[4:6]),
            ("/artifacts", scene.world.requests[6:7]),
            ("/artifacts", scene.world.requests[7:]),
        )
    ]
    assert all("per_page=100" in access.path for access in scene.world.requests)


def test_request_log_is_the_servers_access_log(scene: Scene) -> None:
    """Every send is one line, in order: retries, downloads, refusals, hang-ups and bodies included."""
    run = scene.forge.run(scene.run.id)
    scene.world.inject(Fault(method="GET", path="/pulls", status=502, times=2))
    scene.forge.pull_request_of(run)
    scene.world.inject(Fault(method="GET", path="/_download/", status=503))
    scene.forge.job_log(scene.run.latest.jobs[0].id)
    with pytest.raises(ForgeRefused):
        scene.forge.run(77)
    scene.world.inject(Fault(method="POST", path="/rerun-failed-jobs", status=0, after_effect=True))
    with pytest.raises(AmbiguousEffect):
        scene.forge.rerun_failed_jobs(run.id)
    comment = scene.forge.create_comment(scene.pull, "grün")
    scene.forge.update_comment(comment.id, "rot")

    lines = scene.lines()
    assert scene.seen() == [{key: line[key] for key in line if key != "phase"} for line in lines]
    assert [200, 502, 502, 200, 302, 503, 200, 404, None, 201, 200] == [line["status"] for line in lines]
    assert [{"body": "grün"}, {"body": "rot"}] == [line["body"] for line in lines[-2:]]


def test_request_log_has_exactly_the_promised_keys(scene: Scene) -> None:
    """The shape of a line is an interface."""
    with scene.log.phase("plan"):
        scene.forge.jobs(scene.run.id, 1)

    assert [
        {
            "method": "GET",
            "path": f"/repos/octo/repo/actions/runs/{scene.run.id}/attempts/1/jobs?per_page=100",
            "body": None,
            "status": 200,
            "phase": "plan",
            "redirect": False,
        }
    ] == scene.lines()


def test_phases_nest(scene: Scene) -> None:
    """A request belongs to the innermost phase, and the outer one is back afterwards, even after an error."""
    with scene.log.phase("sync"):
        scene.forge.default_branch()
        with pytest.raises(ForgeRefused), scene.log.phase("settle"):
            scene.forge.run(77)
        scene.forge.default_branch()
        assert "sync" == scene.log.current_phase
    scene.forge.default_branch()

    assert ["sync", "settle", "sync", None] == [line["phase"] for line in scene.lines()]


def test_request_log_never_holds_the_token_or_a_signature(tmp_path: Path) -> None:
    """Neither the token nor the signed query of a redirect target is written down."""
    path = tmp_path / "requests.jsonl"
    with ScriptedServer() as server:
        target = f"{server.url}/blob/log.txt?sig=s3cr3t&se=2026"
        server.reply(Reply(status=302, headers={"Location": target}), Reply(body="log"))
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock(), request_log=RequestLog(path))
        forge.job_log(1)

    written = path.read_text()
    assert "/blob/log.txt" == json.loads(written.splitlines()[1])["path"]
    assert TOKEN not in written
    assert "s3cr3t" not in written


def test_odd_text_does_not_stop_the_request_log(tmp_path: Path) -> None:
    """Half a surrogate pair in a comment, which no file can hold as UTF-8, is logged all the same."""
    path = tmp_path / "requests.jsonl"
    reply = {"id": 1, "body": "?", "user": {"login": "github-actions[bot]", "type": "Bot"}}
    with ScriptedServer(Reply(status=201, body=reply)) as server:
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock(), request_log=RequestLog(path))
        forge.create_comment(1, "\ud83d")

    assert {"body": "\ud83d"} == json.loads(path.read_text())["body"]


def test_unwritable_request_log_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An effect that has happened is not turned into a failure because its line cannot be written."""
    log = RequestLog(tmp_path / "no such folder" / "requests.jsonl")
    with ScriptedServer(Reply(status=201, body={})) as server:
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock(), request_log=log)
        forge.rerun_failed_jobs(1)

    assert "request log not written" in caplog.text


def test_enterprise_server_prefix(tmp_path: Path) -> None:
    """On GitHub Enterprise Server the API lives under a path, which is sent and logged."""
    path = tmp_path / "requests.jsonl"
    with ScriptedServer(Reply(body={"default_branch": "trunk"})) as server:
        forge = GitHubForge(
            "o/r", TOKEN, api_url=f"{server.url}/api/v3/", clock=FakeClock(), request_log=RequestLog(path)
        )
        assert "trunk" == forge.default_branch()

    assert "/api/v3/repos/o/r" == server.received[0].path == json.loads(path.read_text())["path"]


def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """API requests and downloads go through the proxy that the environment names, the token to the API alone."""
    path = tmp_path / "requests.jsonl"
    with ScriptedServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        blob = "http://blob.invalid/log.txt?sig=1"
        proxy.reply(Reply(status=302, headers={"Location": blob}), Reply(body="log"))
        forge = GitHubForge("o/r", TOKEN, api_url="http://api.invalid", clock=FakeClock(), request_log=RequestLog(path))
        assert b"log" == forge.job_log(1).content

    assert ["http://api.invalid/repos/o/r/actions/jobs/1/logs", blob] == [request.path for request in proxy.received]
    assert [True, False] == ["authorization" in request.headers for request in proxy.received]
    assert ["/repos/o/r/actions/jobs/1/logs", "/log.txt"] == [
        json.loads(line)["path"] for line in path.read_text().splitlines()
    ]


def test_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that `no_proxy` names is asked directly."""
    with ScriptedServer(Reply(status=500)) as proxy, ScriptedServer(Reply(body={"default_branch": "main"})) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock())
        assert "main" == forge.default_branch()

    assert [] == proxy.received


def test_dead_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not answer is told apart from GitHub that does not."""
    with ScriptedServer() as proxy:
        dead = proxy.url
    monkeypatch.setenv("http_proxy", dead)
    monkeypatch.setenv("no_proxy", "")
    forge = GitHubForge("o/r", TOKEN, api_url="http://api.invalid", clock=FakeClock())

    with pytest.raises(ForgeError) as caught:
        forge.default_branch()

    assert "GET /repos/o/r: the proxy did not answer" == caught.value.message
    assert "https_proxy" in (caught.value.hint or "")


def test_insecure_server_is_named() -> None:
    """A server that does not speak TLS, or whose certificate is not known, gets neither request nor token."""
    with ScriptedServer(Reply(body={"default_branch": "main"})) as server:
        address = server.url.replace("http://", "https://")
        forge = GitHubForge("o/r", TOKEN, api_url=address, clock=FakeClock())
        with pytest.raises(ForgeError) as caught:
            forge.default_branch()

    assert caught.value.message.startswith("GET /repos/o/r: no secure connection")
    assert "REQUESTS_CA_BUNDLE" in (caught.value.hint or "")
    assert [] == server.received


def test_netrc_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password for the host in ~/.netrc replaces neither the token nor goes along with a download."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer() as server:
        server.reply(Reply(status=302, headers={"Location": f"{server.url}/blob"}), Reply(body="log"))
        GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock()).job_log(1)

    assert [f"token {TOKEN}", None] == [request.headers.get("authorization") for request in server.received]


@pytest.mark.parametrize(
    ("author", "kind", "owned"),
    [("github-actions[bot]", "Bot", True), ("our-app[bot]", "Bot", True), ("github-actions", "User", False)],
)
def test_app_token_owns_what_bots_wrote(author: str, kind: str, owned: bool) -> None:
    """With an installation token, comments of Bots are ours; a person cannot be one by name."""
    forge = GitHubForge("o/r", TOKEN, api_url="http://127.0.0.1:9", clock=FakeClock())

    assert owned is forge.owns(Comment(id=1, body="", author=author, author_type=kind))


def test_persons_token_asks_once_who_it_is() -> None:
    """A personal token owns what its person wrote, which costs one request in all."""
    with ScriptedServer(Reply(body={"login": "Octocat"})) as server:
        forge = GitHubForge("o/r", "github_pat_123", api_url=server.url, clock=FakeClock())
        owned = [
            forge.owns(Comment(id=1, body="", author=author, author_type="User"))
            for author in ("octocat", "someone", "octocat")
        ]

    assert [True, False, True] == owned
    assert ["/user"] == [request.path for request in server.received]


def test_persons_token_may_act_as_its_person_only() -> None:
    """Whoever the token belongs to may have started an attempt, however the name is spelt; no bot may."""
    with ScriptedServer(Reply(body={"login": "Octocat"})) as server:
        forge = GitHubForge("o/r", "github_pat_123", api_url=server.url, clock=FakeClock())
        ours = [forge.may_act_as(login) for login in ("octocat", "someone", "github-actions[bot]")]

    assert [True, False, False] == ours
    assert ["/user"] == [request.path for request in server.received]


def test_five_hundred_artifacts_of_a_fork_do_not_hide_ours(scene: Scene) -> None:
    """Newer junk of another head repository is read past, page by page, and the limit counts ours only."""
    fork = scene.world.add_run([ScriptedJob(name="test")], head_repository="stranger/repo", head_branch="junk")
    for number in range(500):
        scene.world.vault.add_artifact(fork, f"recovery-plan.{number}.1.1", {})
    scene.world.requests.clear()

    assert ["plan"] == [artifact.name for artifact in scene.forge.artifacts_since(NOW, limit=10)]
    assert 6 == len(scene.world.requests)


def test_crowd_of_a_forks_artifacts_ends_the_search(scene: Scene) -> None:
    """However many there are, a search reads so many pages and no more."""
    fork = scene.world.add_run([ScriptedJob(name="test")], head_repository="stranger/repo", head_branch="junk")
    for number in range(100 * MOST_PAGES):
        scene.world.vault.add_artifact(fork, f"junk {number}", {})
    scene.world.requests.clear()

    assert () == scene.forge.artifacts_since(NOW)
    assert MOST_PAGES == len(scene.world.requests)


@pytest.mark.parametrize("token", ["", " \n"])
def test_no_token(token: str) -> None:
    """A missing token is told at once, with how to give one."""
    with pytest.raises(AuthenticationError) as caught:
        GitHubForge("o/r", token, clock=FakeClock())

    assert "github-token" in (caught.value.hint or "")


def test_unusable_token_is_not_shown() -> None:
    """A token with a line break inside is refused without repeating it, and one at the end is cut off."""
    with pytest.raises(AuthenticationError) as caught:
        GitHubForge("o/r", "ghs_abc\nghs_def", clock=FakeClock())

    assert "ghs_" not in str(caught.value)
    with ScriptedServer(Reply(body={"default_branch": "main"})) as server:
        GitHubForge("o/r", f"{TOKEN}\n", api_url=server.url, clock=FakeClock()).default_branch()
    assert f"token {TOKEN}" == server.received[0].headers["authorization"]


@pytest.mark.parametrize(
    "name", ["", "repo", "a/b/c", "a b/c", "../x", "x/..", "o/r?x=1", "o/r\n", "https://github.com/o/r"]
)
def test_invalid_repository(name: str) -> None:
    """What is not `owner/name` is refused before anything is asked."""
    with pytest.raises(InputError):
        GitHubForge(name, TOKEN, clock=FakeClock())


@pytest.mark.parametrize("url", ["", "api.github.com", "ftp://host", "https://", "http://host:port", "http://[::1"])
def test_invalid_address(url: str) -> None:
    """What is not the address of an API is refused before anything is asked."""
    with pytest.raises(InputError):
        GitHubForge("o/r", TOKEN, api_url=url, clock=FakeClock())


def test_repr_hides_the_token() -> None:
    """A forge in a log line does not give its token away."""
    assert "GitHubForge('o/r', api_url='https://api.github.com')" == repr(GitHubForge("o/r", TOKEN, clock=FakeClock()))


@pytest.mark.parametrize("name", ["../../../user", "a//b", "", "a/./b"])
def test_paths_stay_where_they_belong(name: str) -> None:
    """A path that would be resolved to another endpoint is simply not there, and is not asked for."""
    forge = GitHubForge("o/r", TOKEN, api_url="http://127.0.0.1:9", clock=FakeClock())

    assert None is forge.file_text(name, "main")
    assert None is forge.branch_head(name)


@pytest.mark.parametrize("name", ["..", ".", ""])
def test_workflow_file_is_a_name(name: str) -> None:
    """A workflow "file" that would list the runs of all workflows is refused, and not asked for."""
    forge = GitHubForge("o/r", TOKEN, api_url="http://127.0.0.1:9", clock=FakeClock())

    with pytest.raises(ForgeRefused):
        forge.runs_of_workflow(name)
    with pytest.raises(ForgeRefused):
        forge.successful_runs(name, "main", before=NOW)


def test_few_successful_runs_are_listed(scene: Scene) -> None:
    """One page of ten: the newest is wanted, and a run's description is long."""
    scene.forge.successful_runs("ci.yml", "feature/ü", before=NOW)

    (line,) = scene.lines()
    path, _, query = line["path"].partition("?")
    assert "/repos/octo/repo/actions/workflows/ci.yml/runs" == path
    expected = {
        "branch": "feature/ü",
        "status": "success",
        "created": "<2026-01-15T12:00:00Z",
        "per_page": "10",
    }
    assert expected == dict(parse_qsl(query))


def test_requests_left_are_those_of_the_latest_answer(scene: Scene) -> None:
    """Nothing is known before the first answer; then it is what GitHub's headers say."""
    before = scene.forge.requests_left
    scene.forge.branch_head("main")
    first = scene.forge.requests_left
    scene.forge.branch_head("main")

    assert None is before
    assert first is not None
    assert first - 1 == scene.forge.requests_left


@pytest.mark.parametrize("told", ["many", "", "-1", "9" * 40])
def test_requests_left_are_unknown_where_the_header_makes_no_sense(told: str) -> None:
    """Somebody else's server need not count."""
    reply = Reply(body={"object": {"sha": "a" * 40}}, headers={"X-RateLimit-Remaining": told})
    with ScriptedServer(reply) as server:
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock())
        with contextlib.suppress(ForgeError):
            forge.branch_head("main")

    assert None is forge.requests_left


def test_odd_names_are_quoted() -> None:
    """Spaces, percent signs, hashes and question marks in names stay in the path."""
    with ScriptedServer(Reply(status=404, body={"message": "Not Found"})) as server:
        forge = GitHubForge("o/r", TOKEN, api_url=server.url, clock=FakeClock())
        forge.branch_head("feature/ü #1?x=%2e%2e;y")

    assert "/repos/o/r/git/ref/heads/feature/%C3%BC%20%231%3Fx%3D%252e%252e%3By" == server.received[0].path

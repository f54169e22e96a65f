"""Commits as git keeps them: compared, made, tagged, dispatched, proposed and merged."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.server import LocalGitHub
from recovery.rehearsal.source import Source
from recovery.rehearsal.world import World

from .conftest import Call

FILE = ".github/workflows/deploy.yml"
DISPATCHABLE = "name: Deploy\non: {push: {}, workflow_dispatch: {inputs: {recovery: {}}}}\njobs: {}\n"


@pytest.fixture
def commits(world: World, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The ids of commits by what they say; the world keeps their history."""
    (tmp_path / "origin/.github/workflows").mkdir(parents=True)
    (tmp_path / "origin" / FILE).write_text("name: Deploy\non: push\njobs: {}\n")
    source = Source(tmp_path / "origin", tmp_path / "work", "main")
    made = {"first": source.prepare()}
    made["second"] = source.commit("main", "second", {FILE: DISPATCHABLE})
    made["aside"] = source.commit("aside", "aside", {"a.txt": "a"})
    for number in range(3):
        made["last"] = source.commit("main", f"last {number}", {"page.html": str(number)})
    world.repository.history = source.history
    world.repository.set_branch("main", made["last"])
    world.repository.set_branch("aside", made["aside"])
    world.repository.add_workflow("deploy.yml", DISPATCHABLE)
    return made


def test_comparison_tells_both_distances(call: Call, commits: Mapping[str, str]) -> None:
    """How far each side is from what both have, and which commits only the head has, the oldest first."""
    shown = call("GET", f"/compare/aside...{commits['last']}").json()

    assert ("diverged", 3, 1) == (shown["status"], shown["ahead_by"], shown["behind_by"])
    assert commits["second"] == shown["merge_base_commit"]["sha"]
    assert ["last 0", "last 1", "last 2"] == [one["commit"]["message"] for one in shown["commits"]]


def test_comparison_has_pages(call: Call, commits: Mapping[str, str]) -> None:
    """The commits come in pages; the rest is the same on each."""
    first = call("GET", f"/compare/{commits['first']}...main?per_page=3")
    second = call("GET", f"/compare/{commits['first']}...main?per_page=3&page=2")

    assert ([3, 1], {4}) == (
        [len(one.json()["commits"]) for one in (first, second)],
        {one.json()["total_commits"] for one in (first, second)},
    )
    assert 'rel="next"' in first.headers["Link"]


@pytest.mark.parametrize("pair", ["main...nowhere", "main..aside", "...main", f"{'0' * 40}...main"])
def test_what_cannot_be_compared_is_not_found(call: Call, commits: Mapping[str, str], pair: str) -> None:
    """Unknown names and ids, and what is no pair at all."""
    assert commits
    assert 404 == call("GET", f"/compare/{pair}").status_code


def test_without_a_history_there_are_no_commits(call: Call) -> None:
    """A scripted world knows ids only."""
    assert [404, 404, 409] == [
        call("GET", "/compare/main...main").status_code,
        call("GET", f"/git/commits/{'a' * 40}").status_code,
        call("POST", "/git/commits", json={"message": "m", "tree": "a" * 40}).status_code,
    ]


def test_reference_needs_a_commit(call: Call, commits: Mapping[str, str]) -> None:
    """Where the history is known, an id that is no commit of it is refused."""
    bodies = [{"ref": "refs/tags/t", "sha": sha} for sha in ("0" * 40, commits["first"])]

    assert [422, 201] == [call("POST", "/git/refs", json=body).status_code for body in bodies]


def test_job_may_not_bring_back_other_workflow_files(call: Call, world: World, commits: Mapping[str, str]) -> None:
    """A job's token is refused a commit whose workflow files are those of no branch's head; others are not."""
    run = world.add_run([ScriptedJob(name="x")])
    token = world.issue_token(run.id, {"contents": "write"})
    body = {"ref": "refs/tags/old", "sha": commits["first"]}

    refused = call("POST", "/git/refs", json=body, token=token)

    assert 403 == refused.status_code
    assert "workflows=write" in refused.headers["X-Accepted-GitHub-Permissions"]
    assert 201 == call("POST", "/git/refs", json={**body, "sha": commits["second"]}, token=token).status_code
    world.repository.set_branch("maintained", commits["first"])
    assert 201 == call("POST", "/git/refs", json={**body, "ref": "refs/tags/older"}, token=token).status_code


def tagged(call: Call, name: str, sha: str, says: str = "Why.", *, token: str | None = None) -> requests.Response:
    """The answer to a request for an annotated tag's name, whose object is made before."""
    more = {"token": token} if token else {}
    body = {"tag": name, "message": says, "object": sha, "type": "commit"}
    made = call("POST", "/git/tags", json=body, **more)
    assert 201 == made.status_code, made.text
    return call("POST", "/git/refs", json={"ref": f"refs/tags/{name}", "sha": made.json()["sha"]}, **more)


def test_annotated_tag_is_an_object_of_its_own(call: Call, world: World, commits: Mapping[str, str]) -> None:
    """Its reference shows the object, the object its commit and what it says, and git has the same."""
    shown = tagged(call, "a/b", commits["second"], "One.\n\nZwei: größer").json()

    kind, sha = shown["object"]["type"], shown["object"]["sha"]
    found = call("GET", f"/git/tags/{sha}").json()
    assert ("tag", f"/git/tags/{sha}") == (kind, shown["object"]["url"].partition("/octo/repo")[2])
    assert ("a/b", "One.\n\nZwei: größer", sha) == (found["tag"], found["message"], found["sha"])
    assert ("commit", commits["second"]) == (found["object"]["type"], found["object"]["sha"])
    assert ("github-actions[bot]", False) == (found["tagger"]["name"], found["verification"]["verified"])
    assert world.repository.history is not None
    assert DISPATCHABLE == world.repository.history.read(FILE, sha)
    assert [shown] == call("GET", "/git/matching-refs/tags/a").json()


def test_what_is_no_tag_is_refused(call: Call, commits: Mapping[str, str]) -> None:
    """Unknown commits, names that git does not take, objects of other kinds, and an object as a branch."""
    good = {"tag": "a", "message": "m", "object": commits["first"], "type": "commit"}
    wrong = [
        {"object": "0" * 40},
        {"object": "short"},
        {"tag": "a b"},
        {"tag": ""},
        {"type": "tree"},
        {"message": None},
    ]
    sha = call("POST", "/git/tags", json=good).json()["sha"]

    assert {422} == {call("POST", "/git/tags", json={**good, **part}).status_code for part in wrong}
    assert 422 == call("POST", "/git/refs", json={"ref": "refs/heads/a", "sha": sha}).status_code
    assert [404, 404] == [call("GET", f"/git/tags/{other}").status_code for other in ("0" * 40, commits["first"])]


def test_annotated_tag_leads_to_its_commit(call: Call, commits: Mapping[str, str]) -> None:
    """Files and comparisons at its name, full or short, are those of the commit."""
    assert 201 == tagged(call, "old", commits["first"]).status_code

    assert ["on: push" in text_of(call, f"/contents/{FILE}?ref={ref}") for ref in ("old", "refs/tags/old", "main")] == [
        True,
        True,
        False,
    ]
    assert "behind" == call("GET", "/compare/main...old").json()["status"]
    assert commits["first"] == call("GET", "/compare/old...main").json()["base_commit"]["sha"]


def test_job_may_not_name_an_annotated_tag_of_other_workflow_files(
    call: Call, world: World, commits: Mapping[str, str]
) -> None:
    """The object may be made; its name is refused as that of the commit is."""
    run = world.add_run([ScriptedJob(name="x")])
    token = world.issue_token(run.id, {"contents": "write"})

    answers = [tagged(call, name, commits[name], token=token).status_code for name in ("first", "second")]

    assert [403, 201] == answers
    assert ["refs/tags/second"] == [one["ref"] for one in call("GET", "/git/matching-refs/tags").json()]


@pytest.mark.parametrize("kind", ["heads", "tags"])
def test_one_of_many_gets_a_name(server: LocalGitHub, commits: Mapping[str, str], kind: str) -> None:
    """Of requests for one reference at once exactly one is answered 201."""
    headers = {"Authorization": f"Bearer {server.world.token}"}

    def ask_for(sha: str) -> int:
        body = {"ref": f"refs/{kind}/wanted", "sha": sha}
        return requests.post(
            f"{server.url}/repos/octo/repo/git/refs", json=body, headers=headers, timeout=10
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(ask_for, [commits["first"], commits["second"]] * 4)]

    assert [201, *[422] * 7] == sorted(told)


def test_scripted_world_has_annotated_tags(call: Call, world: World) -> None:
    """Without a history any commit will do, and its tags have objects all the same."""
    shown = tagged(call, "good", "a" * 40).json()

    assert "a" * 40 == call("GET", f"/git/tags/{shown['object']['sha']}").json()["object"]["sha"]
    assert {"refs/tags/good": "a" * 40} == {
        name: sha for name, sha in world.repository.references().items() if "tags" in name
    }
    assert [204, 422] == [call("DELETE", "/git/refs/tags/good").status_code for _ in range(2)]


def test_files_are_those_of_the_commit(call: Call, commits: Mapping[str, str]) -> None:
    """A file is read as a commit, a branch or a tag has it."""
    assert 201 == call("POST", "/git/refs", json={"ref": "refs/tags/old", "sha": commits["first"]}).status_code

    texts = [text_of(call, f"/contents/{FILE}?ref={ref}") for ref in ("old", commits["first"], "main")]

    assert [False, False, True] == ["workflow_dispatch" in text for text in texts]
    assert 404 == call("GET", "/contents/page.html?ref=old").status_code


def text_of(call: Call, path: str) -> str:
    """A file's text."""
    return base64.b64decode(call("GET", path).json()["content"]).decode()


def test_dispatch_needs_the_trigger_at_the_tag(call: Call, world: World, commits: Mapping[str, str]) -> None:
    """What counts is the workflow file at the tag, which the run is of."""
    for name in ("first", "second"):
        call("POST", "/git/refs", json={"ref": f"refs/tags/{name}", "sha": commits[name]})
        tagged(call, f"annotated/{name}", commits[name])
    path, inputs = "/actions/workflows/deploy.yml/dispatches", {"recovery": "x"}

    refs = ("first", "second", "annotated/first", "annotated/second", "main")
    answers = [call("POST", path, json={"ref": ref, "inputs": inputs}) for ref in refs]

    assert [422, 204, 422, 204, 204] == [answer.status_code for answer in answers]
    runs = [(run.head_branch, run.head_sha) for run in world.runs.all()]
    second = [(name, commits["second"]) for name in ("annotated/second", "second")]
    assert [("main", commits["last"]), *second] == runs


STEPS = """
    - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
    - run: echo "page $(cat page.html) of $GITHUB_SHA at $GITHUB_REF ($GITHUB_WORKFLOW_REF), VERSION"
    - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      with: {ref: "${{ github.ref_name }}", path: again}
    - run: echo "again $(cat again/page.html)"
"""


def deploying(version: str, more: str = "") -> str:
    """A workflow that says what it deploys."""
    dispatch = "workflow_dispatch: {inputs: {recovery: {type: string}}}"
    name = "run-name: ${{ inputs.recovery && format('Back {0}', fromJSON(inputs.recovery).nonce) || '' }}"
    steps = STEPS.replace("VERSION", version)
    job = f"  deploy:\n    runs-on: ubuntu-latest\n{more}    steps:{steps}"
    return f"name: Deploy\n{name}\non: {{push: {{branches: [main]}}, {dispatch}}}\njobs:\n{job}"


def repository(folder: Path, **more: Any) -> Path:
    """A repository that deploys its page."""
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / FILE).write_text(deploying("old workflow", **more))
    (folder / "page.html").write_text("good")
    return folder


def ask(rehearsal: Rehearsal, method: str, path: str, **body: Any) -> Any:
    """An answer of the API."""
    url = f"{rehearsal.api_url}/repos/{rehearsal.repository_name}{path}"
    answer = requests.request(
        method, url, json=body or None, headers={"Authorization": f"Bearer {rehearsal.token}"}, timeout=10
    )
    assert answer.ok, answer.text
    return answer.json()


@pytest.mark.parametrize("annotated", [False, True], ids=["plain", "annotated"])
def test_run_at_a_tag_is_of_its_commit(tmp_path: Path, *, annotated: bool) -> None:
    """It checks out the tag's commit, runs the workflow as it was there, and is called after its input."""
    with Rehearsal(repository(tmp_path / "r"), tmp_path / "work") as rehearsal:
        good = rehearsal.world.repository.tip("main")
        rehearsal.push(files={"page.html": "bad", FILE: deploying("new workflow")})
        of = {"tag": "recovery/back", "message": "Back", "object": good, "type": "commit"}
        pointee = ask(rehearsal, "POST", "/git/tags", **of)["sha"] if annotated else good
        ask(rehearsal, "POST", "/git/refs", ref="refs/tags/recovery/back", sha=pointee)
        path, inputs = "/actions/workflows/deploy.yml/dispatches", {"recovery": '{"nonce": "n1"}'}
        started = ask(rehearsal, "POST", path, ref="recovery/back", inputs=inputs, return_run_details=True)
        rehearsal.wait_until_quiet()
        run = rehearsal.world.runs.get(started["workflow_run_id"])
        (pushed,) = [one for one in rehearsal.world.runs.all() if one.event == "push"]
    assert (good, "recovery/back") == (run.head_sha, run.head_branch)
    assert ("success", "Back n1", "A change") == (run.latest.conclusion, run.display_title, pushed.display_title)
    place = f"octo/repo/{FILE}@refs/tags/recovery/back"
    assert f"page good of {good} at refs/tags/recovery/back ({place}), old workflow" in run.latest.jobs[0].log
    assert "again good" in run.latest.jobs[0].log
    assert "page bad of" in pushed.latest.jobs[0].log


def test_revert_is_proposed_and_merged(tmp_path: Path) -> None:
    """A commit of the old tree goes to a branch of its own; once merged, the old page is deployed again."""
    with Rehearsal(repository(tmp_path / "r"), tmp_path / "work") as rehearsal:
        good = rehearsal.world.repository.tip("main")
        rehearsal.push(files={"page.html": "bad", "more.html": "bad"})
        bad = rehearsal.world.repository.tip("main")
        tree = ask(rehearsal, "GET", f"/git/commits/{good}")["tree"]["sha"]
        made = ask(rehearsal, "POST", "/git/commits", message="Revert", tree=tree, parents=[bad])["sha"]
        ask(rehearsal, "POST", "/git/refs", ref="refs/heads/recovery/revert", sha=made)
        pull = ask(rehearsal, "POST", "/pulls", title="Revert", body="Why.", head="recovery/revert", base="main")
        assert ("Why.", made) == (pull["body"], pull["head"]["sha"])
        assert [pull["number"]] == [each["number"] for each in ask(rehearsal, "GET", f"/commits/{made}/pulls")]
        (run_id,) = rehearsal.merge(pull["number"])
        rehearsal.wait_until_quiet()
        assert "page good of" in rehearsal.world.runs.get(run_id).latest.jobs[0].log
        assert ask(rehearsal, "GET", f"/pulls/{pull['number']}")["merged"]
        merge = rehearsal.world.repository.tip("main")
        listed = [ask(rehearsal, "GET", f"/commits/{sha}/pulls") for sha in (merge, made, bad)]
        assert [[merge], [merge], []] == [[each["merge_commit_sha"] for each in pulls] for pulls in listed]
        (later,) = rehearsal.push(files={"other.html": "new"})
        rehearsal.wait_until_quiet()
        assert "page good of" in rehearsal.world.runs.get(later).latest.jobs[0].log
        assert ["ahead", "behind"] == [
            ask(rehearsal, "GET", f"/compare/{pair}")["status"] for pair in (f"{bad}...main", f"main...{good}")
        ]


def test_pull_requests_of_a_commit(call: Call, world: World, commits: Mapping[str, str]) -> None:
    """Those that have it: of the default branch's only what was merged, else open ones, too; nothing open of a fork."""
    ours = world.pulls.add("aside", commits["aside"], base_sha=commits["second"])
    theirs = world.pulls.add("aside", commits["aside"], base_sha=commits["second"], head_repository="stranger/repo")
    late = world.pulls.add("late", commits["last"], base_sha=commits["second"])

    def listed(name: str) -> list[int]:
        return [pull["number"] for pull in call("GET", f"/commits/{commits[name]}/pulls").json()]

    assert [[ours.number], [], []] == [listed(name) for name in ("aside", "last", "second")]
    world.pulls.move(theirs.number, merged=True, merge_commit=commits["last"])
    assert [[theirs.number, ours.number], [theirs.number]] == [listed(name) for name in ("aside", "last")]
    world.pulls.move(ours.number, state="closed")
    world.pulls.move(late.number, merged=True)
    assert [[theirs.number], [late.number, theirs.number]] == [listed(name) for name in ("aside", "last")]
    assert 422 == call("GET", f"/commits/{'0' * 40}/pulls").status_code


def test_protected_environment_lets_a_run_wait(tmp_path: Path) -> None:
    """It waits, and tells for what, until it is approved; another is cancelled while it waits."""
    origin = repository(tmp_path / "r", more="    environment: {name: production}\n")
    with Rehearsal(origin, tmp_path / "work") as rehearsal:
        rehearsal.protect("production")
        approved, cancelled = rehearsal.dispatch("deploy.yml"), rehearsal.dispatch("deploy.yml")
        rehearsal.wait_until_quiet()
        shown = ask(rehearsal, "GET", f"/actions/runs/{approved}/pending_deployments")
        assert ["production"] == [one["environment"]["name"] for one in shown]
        assert "waiting" == ask(rehearsal, "GET", f"/actions/runs/{approved}")["status"]
        rehearsal.approve(approved)
        rehearsal.world.runner.cancel(cancelled)
        rehearsal.wait_until_quiet()
        conclusions = [rehearsal.world.runs.get(run_id).latest.conclusion for run_id in (approved, cancelled)]
        assert ["success", "cancelled"] == conclusions
        assert [] == ask(rehearsal, "GET", f"/actions/runs/{approved}/pending_deployments")

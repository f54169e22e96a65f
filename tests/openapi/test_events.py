"""`workflow_run` events: the real ones come in by our door, and the rehearsal's are like them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from recovery.adapters.github.answer import WrongShape
from recovery.adapters.github.convert import converted, run_from
from recovery.adapters.runner import RunnerContext, runner_context
from recovery.app.recovering import Target, target_of
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.settings import Settings
from tests.openapi.contract import Contract
from tests.openapi.packages import OutOfReach
from tests.openapi.webhooks import Read, kind_of, real_payloads, value_at

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
REAL = 5
PIPELINE = "name: CI\non: push\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: 'exit 3'}]}}\n"
FOLLOWER = (
    "name: Recovery\non: {workflow_run: {workflows: [CI], types: [completed]}}\n"
    "jobs: {recover: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
)
CONTEXT = re.compile(r"github\.event\.([a-z_.]+)")


@pytest.fixture(scope="session")
def real() -> list[Json]:
    """The real payloads; without npm the test is skipped with the reason."""
    try:
        return real_payloads("workflow_run")
    except OutOfReach as error:
        pytest.skip(f"GitHub's example payloads are out of reach: {error}")


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The payload with which a rehearsal starts a recovery workflow, as its run gets it."""
    folder = tmp_path_factory.mktemp("events")
    for name, text in (("ci.yml", PIPELINE), ("recovery.yml", FOLLOWER)):
        path = folder / "repository" / ".github" / "workflows" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with Rehearsal(folder / "repository", folder / "work") as rehearsal:
        rehearsal.push()
        rehearsal.wait_until_quiet()
        (follower,) = (run for run in rehearsal.world.runs.all() if run.event == "workflow_run")
    payload: Json = json.loads(json.dumps(follower.payload))
    return payload


def context_of(folder: Path, payload: Json) -> RunnerContext:
    """The context as the action's door reads it from a runner's environment."""
    event = folder / "event.json"
    event.write_text(json.dumps(payload), encoding="utf-8")
    return runner_context(
        {
            "GITHUB_REPOSITORY": payload["repository"]["full_name"],
            "GITHUB_EVENT_NAME": "workflow_run",
            "GITHUB_EVENT_PATH": str(event),
        }
    )


def keys_read(payload: Json) -> set[str]:
    """Which keys of a payload our program reads, itself and in the expressions of its workflows."""
    noted: set[str] = set()
    context = RunnerContext(repository="octo/repo").model_copy(update={"event": Read(payload, noted)})
    target_of(context, Settings())
    assert context.default_branch
    files = [ROOT / "action.yml", *ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/*/.github/workflows/*")]
    named = {name for path in files for name in CONTEXT.findall(path.read_text(encoding="utf-8"))}
    return noted | {name for name in named if name.startswith("workflow_run")}


@pytest.mark.parametrize("number", range(REAL))
def test_every_real_event_comes_in_by_our_door(real: list[Json], number: int, tmp_path: Path) -> None:
    """The run and attempt of each real payload are what is recovered, and its default branch is known."""
    payload = real[number]
    context = context_of(tmp_path, payload)

    assert REAL == len(real)
    expected = Target(run_id=payload["workflow_run"]["id"], attempt=payload["workflow_run"]["run_attempt"])
    assert expected == target_of(context, Settings())
    assert payload["repository"]["default_branch"] == context.default_branch


@pytest.mark.parametrize("number", range(REAL))
def test_the_run_of_a_real_event_is_one_of_ours(real: list[Json], number: int) -> None:
    """What converts a run of the API converts a run of an event; one from before runs had a path is refused clearly."""
    document = real[number]["workflow_run"]

    if "path" not in document:
        with pytest.raises(WrongShape, match="a run"):
            converted(run_from, document)
        return
    run = converted(run_from, document)

    names = ("id", "run_attempt", "event", "status", "conclusion", "head_sha", "head_branch", "path", "html_url")
    assert [document[name] for name in names] == [getattr(run, name) for name in names]
    assert document["repository"]["full_name"] == run.repository
    assert document["head_repository"]["full_name"] == run.head_repository


def test_most_real_events_keep_to_the_description(real: list[Json], contract: Contract) -> None:
    """All but one from before 2022 do, which is why rehearsed ones must."""
    found = [contract.of_event(f"workflow-run-{payload['action']}", payload) for payload in real]

    assert 1 == sum(1 for lines in found if lines)
    assert "`workflow_run`: 'path' is a required property" in found[0]


def test_the_rehearsal_s_event_keeps_to_the_description(rehearsed: Json, contract: Contract) -> None:
    """GitHub could have sent it."""
    assert "completed" == rehearsed["action"]
    assert [] == contract.of_event("workflow-run-completed", rehearsed)


@pytest.mark.parametrize("number", range(REAL))
def test_the_rehearsal_s_event_has_what_we_read_of_real_ones(real: list[Json], rehearsed: Json, number: int) -> None:
    """Every key that we read is there, and of the type it has in reality."""
    read = keys_read(real[number])

    assert {"workflow_run.id", "workflow_run.run_attempt", "repository.default_branch"} <= read
    # A run that has not completed has no conclusion yet.
    compared = read - ({"workflow_run.conclusion"} if real[number]["workflow_run"]["conclusion"] is None else set())
    expected = {place: kind_of(value_at(real[number], place)) for place in compared}
    assert expected == {place: kind_of(value_at(rehearsed, place)) for place in compared}


def test_the_rehearsal_s_event_converts_as_real_ones_do(rehearsed: Json, tmp_path: Path) -> None:
    """The same door, the same converter."""
    run = converted(run_from, rehearsed["workflow_run"])

    assert Target(run_id=run.id, attempt=1) == target_of(context_of(tmp_path, rehearsed), Settings())
    assert ("failure", "push", ".github/workflows/ci.yml") == (run.conclusion, run.event, run.path)

"""One real rehearsal per scenario: a real runner, our unmodified action, a real HTTP API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recovery.rehearsal.play import play, problems
from recovery.rehearsal.records import Access, Run
from recovery.rehearsal.rehearsal import Rehearsal
from recovery.rehearsal.scenario import find_scenario
from recovery.rehearsal.workflow import is_recovery

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Played:
    """What is left of a rehearsal once everything has come to rest."""

    problems: list[str]
    runs: list[Run]
    comments: list[str]
    accesses: list[Access]
    requests: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    offences: list[str]

    @property
    def pipeline(self) -> Run:
        """The run that failed."""
        return next(run for run in self.runs if run.workflow.name == "CI")

    @property
    def accesses_of_recovery(self) -> list[Access]:
        """What runs of recovery asked for, and not the jobs that it looks after."""
        ids = {run.id for run in self.runs if is_recovery(run)}
        return [access for access in self.accesses if access.run_id in ids]

    @property
    def accepted_reruns(self) -> int:
        """Re-runs that the server accepted."""
        return sum(1 for access in self.accesses if "rerun" in access.path and access.status == 201)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Played]]:
    """Plays a scenario, once per session."""
    known: dict[str, Played] = {}

    def play_once(name: str) -> Played:
        if name not in known:
            known[name] = _play(name, tmp_path_factory.mktemp(name))
        return known[name]

    return play_once


def _play(name: str, work: Path) -> Played:
    scenario = find_scenario(name)
    with Rehearsal(EXAMPLES / scenario.example, work, scenario) as rehearsal:
        play(rehearsal)
        world = rehearsal.world
        folders = rehearsal.recovery_directories()
        return Played(
            problems=problems(scenario, world),
            runs=world.runs.all(),
            comments=[comment.body for comment in world.pulls.comments()],
            accesses=list(world.requests),
            requests=[line for folder in folders for line in _json_lines(folder / "requests.jsonl")],
            decisions=[
                json.loads(path.read_text()) for folder in folders if (path := folder / "decision.json").is_file()
            ],
            offences=[str(offence) for offence in world.offences],
        )


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

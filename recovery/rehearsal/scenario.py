"""Scenarios: how a rehearsed pipeline fails, what goes wrong around it, and what it should come to."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from recovery.errors import RehearsalError
from recovery.rehearsal.faults.answers import AnswerFault
from recovery.rehearsal.faults.deliveries import EventFault, UploadFault
from recovery.rehearsal.faults.happenings import Happening, Limits
from recovery.rehearsal.faults.parts import Part
from recovery.rehearsal.faults.sequels import Then
from recovery.rehearsal.faults.telling import problems_of

FOLDER = Path(__file__).with_name("scenarios")


class Ending(StrEnum):
    """What a scenario should come to when recovery works."""

    CLEARED = "cleared"
    LEFT_RED = "left-red"
    STILL_FAILING = "still-failing"
    ROLLED_BACK = "rolled-back"


class Scenario(Part):
    """How the example fails (`failure` is REHEARSAL_SCENARIO in its jobs), what goes wrong, and the ending.

    `example` is the folder of `examples/` that it is about. `reruns` is how many re-runs recovery gets accepted,
    whatever it is told about them. `then` is done one after the other, each when all before it has come to rest.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str = Field(min_length=1)
    example: str = Field(default="flaky", pattern=r"^[a-z0-9][a-z0-9-]*$")
    failure: str = "network"
    ending: Ending
    reruns: int = Field(ge=0, le=50)
    event: str = Field(default="pull_request", pattern="^(pull_request|push)$")
    then: tuple[Then, ...] = ()
    needs_sweep: bool = False
    recovery_may_fail: bool = False
    limits: Limits | None = None
    faults: tuple[AnswerFault, ...] = ()
    events: tuple[EventFault, ...] = ()
    uploads: tuple[UploadFault, ...] = ()
    happenings: tuple[Happening, ...] = ()

    @property
    def is_undisturbed(self) -> bool:
        """Whether GitHub itself behaves well: only events may be lost or doubled."""
        return not (self.limits or self.faults or self.uploads or self.happenings)


def load_scenario(path: Path) -> Scenario:
    """The scenario a YAML file describes; its name is the file's, unless it gives another.

    Raises:
        RehearsalError: the file cannot be read or is no scenario; each problem is named with its key.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RehearsalError(f"the scenario {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RehearsalError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise RehearsalError(f"{path}: a scenario is a mapping of keys", hint=_HINT)
    return _scenario(path, {"name": path.stem, **document})


def _scenario(path: Path, document: dict[Any, Any]) -> Scenario:
    try:
        # As JSON, because lists are tuples and words are members of closed sets there, and nothing else is coerced.
        return Scenario.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise RehearsalError("; ".join(f"{path}: {problem}" for problem in problems_of(error)), hint=_HINT) from error


_HINT = "docs/rehearsal.md lists every key; the shipped scenarios are examples"


@cache
def shipped() -> dict[str, Scenario]:
    """The scenarios of this package by name, in the order of their files."""
    found = [load_scenario(path) for path in sorted(FOLDER.glob("*.yml"))]
    return {scenario.name: scenario for scenario in found}


def find_scenario(name: str) -> Scenario:
    """The shipped scenario of that name or the one in that file, or a sentence with the names there are."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    if name.endswith((".yml", ".yaml")) or "/" in name:
        return load_scenario(Path(name))
    raise RehearsalError(
        f"there is no scenario “{name}”", hint=f"choose one of {', '.join(sorted(SCENARIOS))}, or name a .yml file"
    )


SCENARIOS: dict[str, Scenario] = shipped()

"""Scenario files: the shipped ones, a user's own, and what is said about mistakes in them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from recovery.errors import RehearsalError
from recovery.rehearsal.faults import answers, deliveries, happenings, sequels
from recovery.rehearsal.faults.answers import AnswerFault, Status
from recovery.rehearsal.faults.happenings import Happening, Killed, NewPush
from recovery.rehearsal.faults.parts import Part, When, kebab
from recovery.rehearsal.records import ScriptedJob
from recovery.rehearsal.scenario import FOLDER, SCENARIOS, Ending, Scenario, find_scenario, load_scenario
from recovery.rehearsal.world import World

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")
EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST_SIX = ("network", "test-failure", "mixed", "still-failing", "duplicate-events", "lost-event")


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_say_how_they_should_end(name: str) -> None:
    """Each file is valid, has a sentence that ends without a stop, an ending that fits, and a row in the document."""
    scenario = SCENARIOS[name]
    assert (FOLDER / f"{name}.yml").is_file()
    assert scenario.name == name
    assert scenario.description[-1] not in ".!"
    assert len(scenario.description) <= 100
    assert (EXAMPLES / scenario.example / ".github" / "workflows" / "recovery.yml").is_file()
    assert (scenario.ending is Ending.LEFT_RED) <= (scenario.reruns == 0)
    assert f"\n| `{name}` | " in DOCUMENT
    World().add_run([ScriptedJob(name="job")])


@pytest.mark.parametrize("name", FIRST_SIX)
def test_the_first_scenarios_keep_their_names(name: str) -> None:
    """They need no misbehaving GitHub, and events are all that may go wrong with them."""
    assert find_scenario(name).is_undisturbed


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_shipped_scenario_can_be_applied(name: str) -> None:
    """A world takes it, with a run to which things can happen."""
    world = World()
    world.add_run([ScriptedJob(name="job")])
    world.apply(SCENARIOS[name])


def test_a_scenario_of_one_s_own_is_named_after_its_file(tmp_path: Path) -> None:
    """Everything that can be said is understood as Python says it."""
    path = tmp_path / "mine.yml"
    path.write_text("""
description: something of everything
ending: left-red
reruns: 0
needs-sweep: true
limits: {remaining: 3, resets-after: 2}
faults:
  - when: {method: POST, path: "/actions/**", nth: 2, times: always, phase: execute, run: recovery}
    do: {status: 502, after-effect: true}
events:
  - {when: {workflow: CI}, do: {reordered: true}}
uploads:
  - {when: {name: "plan.*"}, do: {refuse: conflict}}
happenings:
  - {before: {path: /pulls}, do: {push: true}}
  - {do: {permissions: {actions: none}}}
""")
    scenario = find_scenario(str(path))
    assert (scenario.name, scenario.ending, scenario.is_undisturbed) == ("mine", Ending.LEFT_RED, False)
    assert scenario.faults[0].do == Status(status=502, after_effect=True)
    assert scenario.faults[0].when.times == "always"
    assert scenario.happenings[0] == Happening(before=When(path="/pulls"), do=NewPush(push=True))
    assert scenario == Scenario.model_validate_json(scenario.model_dump_json(by_alias=True))


MINIMUM = "description: x\nending: cleared\nreruns: 1\n"
MISTAKES = [
    ("- 1\n", "a scenario is a mapping of keys"),
    ("{", "not YAML"),
    ("description: x\n", r"ending: this key is missing; .*reruns: this key is missing"),
    (
        MINIMUM.replace("cleared", "rosy"),
        "ending: Input should be 'cleared', 'left-red', 'still-failing' or 'rolled-back'",
    ),
    (MINIMUM.replace("1", "one"), "reruns: Input should be a valid integer"),
    (MINIMUM + "name: Mine!\n", "name: String should match"),
    (MINIMUM + "fault: []\n", "fault: this key is not known here"),
    (MINIMUM + "faults: [{do: {stauts: 500}}]\n", r"faults\[0\].do: says none of the things that can happen here"),
    (MINIMUM + "faults: [{do: {status: 900}}]\n", r"faults\[0\].do.status: Input should be less than or equal to 599"),
    (MINIMUM + "faults: [{do: {cut: tail}}]\n", r"faults\[0\].do.cut: Input should be 'answer' or 'body'"),
    (MINIMUM + "faults: [{do: {slow: 1, fast: 1}}]\n", r"faults\[0\].do.fast: this key is not known here"),
    (MINIMUM + "faults: [{when: {method: post}, do: {slow: 1}}]\n", r"faults\[0\].when.method: String should match"),
    (MINIMUM + "faults: [{when: {times: 0}, do: {slow: 1}}]\n", r"faults\[0\].when.times: must be 1 or more"),
    (MINIMUM + "happenings: [{do: {kill: process}}]\n", r"happenings\[0\]: give `before` or `after`: only a request"),
    (MINIMUM + "happenings: [{before: {}, after: {}, do: {push: true}}]\n", r"happenings\[0\]: give .*, not both"),
    (MINIMUM + "happenings: [{do: {rewrite: x, fields: {}, text: x}}]\n", r"happenings\[0\].do.rewrite: give `fields`"),
    (MINIMUM + "then: [{do: {sweep: true}}]\n", r"then\[0\].do: says none of the things that can happen here"),
    (MINIMUM + "then: [{do: {dispatch: x.yml, input: {}}}]\n", r"then\[0\].do.input: this key is not known here"),
    (MINIMUM + "example: ../flaky\n", "example: String should match"),
    (MINIMUM + "happenings: [{do: {limits: {primary: x}}}]\n", r"happenings\[0\].do.limits.primary: Input should be"),
    (MINIMUM + "description: 2026-01-01\n", "description"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_are_told_with_file_and_key(text: str, said: str, tmp_path: Path) -> None:
    """One sentence per problem, with the key as it is written in the file."""
    path = tmp_path / "mine.yml"
    path.write_text(text)
    if said == "description":
        assert load_scenario(path).description == "2026-01-01"
        return
    with pytest.raises(RehearsalError, match=f"{re.escape(str(path))}: {said}") as refusal:
        load_scenario(path)
    assert refusal.value.hint or "YAML" in said


def test_files_that_are_not_there_are_told() -> None:
    """A path that leads nowhere, and a name that nobody has."""
    with pytest.raises(RehearsalError, match=r"the scenario nowhere/x\.yml cannot be read: No such file"):
        find_scenario("nowhere/x.yml")
    with pytest.raises(RehearsalError, match="there is no scenario “rain”") as refusal:
        find_scenario("rain")
    assert "network" in str(refusal.value.hint)


def parts() -> Iterator[type[BaseModel]]:
    """Every kind of part a scenario file is made of."""
    for module in (answers, deliveries, happenings, sequels):
        found = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Part)]
        yield from (kind for kind in found if kind not in (Part, AnswerFault))
    yield Scenario


@pytest.mark.parametrize("kind", list(parts()))
def test_every_key_is_documented(kind: type[BaseModel]) -> None:
    """Each key of a scenario file stands in docs/rehearsal.md."""
    for name in kind.model_fields:
        assert f"`{kebab(name)}`" in DOCUMENT or f"`{kebab(name)}:" in DOCUMENT, (kind.__name__, name)


def test_the_document_s_example_is_a_scenario(tmp_path: Path) -> None:
    """What the document shows is understood."""
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    path = tmp_path / "example.yml"
    path.write_text(example)
    assert load_scenario(path).faults


def test_the_document_s_python_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the document shows of Python starts a server, applies a scenario, and gives a world its commits."""
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        exec(compile(example, "rehearsal.md", "exec"), names)  # noqa: S102 -- our own document
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_a_killing_needs_an_occasion() -> None:
    """In Python as in YAML."""
    with pytest.raises(ValueError, match="only a request tells"):
        Happening(do=Killed(kill="process"))

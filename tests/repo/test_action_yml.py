"""What action.yml declares is what the code reads and sets, and its steps are safe."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from recovery import action as door
from recovery.settings import INPUT_NAMES, CommentMode, Mode, Settings, Strategy, load_settings
from recovery.strategies.redispatch import restore_input
from tests.builders import make_plan
from tests.repo.sources import ROOT, action, expressions
from tests.rollback_builders import make_order

READ_ELSEWHERE = {"config", "github-token"}
"""Inputs that are not settings: where settings are read from, and what they are read with."""

SET_BY_OTHERS = {"uv": {"uv-path"}}
"""Outputs of steps that use somebody else's action, as its own documentation names them."""

ORDERED = "contains(toJSON(github.event.inputs), 'recovery_id')"
"""Whether a rollback has started this run, and says what to restore."""

LATER = "Not available yet."
CONTEXTS = {
    "github": {"action_path", "event", "run_id", "run_attempt"},
    "runner": {"temp"},
    "job": {"status", "check_run_id"},
    "env": {"RECOVERY_CHECK_RUN_ID", "RECOVERY_DATABASE_URL", "RECOVERY_MATRIX"},
}
_STATED_DEFAULT = re.compile(r"Default (\d+[smhd]?|job)\b")
_REFERENCE = re.compile(r"\b([a-z]+)((?:\.[A-Za-z_][\w-]*)+)")


def _steps() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = action()["runs"]["steps"]
    return steps


def _text_of_expressions() -> list[str]:
    """Every expression of action.yml; those of `if:` stand without braces."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    return [*expressions(text), *(step["if"] for step in _steps() if "if" in step)]


def _outputs_set_by_the_code() -> set[str]:
    """Keys of what `action.py` hands to `set_outputs`, and those of a decision."""
    tree = ast.parse(Path(door.__file__).read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    handed = [
        call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "set_outputs"
    ]
    keys = {
        key.value for each in handed if isinstance(each, ast.Dict) for key in each.keys if isinstance(key, ast.Constant)
    }
    return {str(key) for key in keys} | set(door.outputs_of(None))


def test_inputs_are_the_settings() -> None:
    """Every input is a setting, is read elsewhere by name, or says that it is not available yet."""
    inputs = action()["inputs"]
    later = {name for name, entry in inputs.items() if LATER in entry["description"]}
    assert set(INPUT_NAMES) | READ_ELSEWHERE | later == set(inputs)
    assert not later & (set(INPUT_NAMES) | READ_ELSEWHERE)


def test_declared_defaults_are_those_of_the_settings() -> None:
    """Using the action with no input gives the same settings as the code's own defaults."""
    defaults = {name: entry.get("default", "") for name, entry in action()["inputs"].items()}
    given = {name: default for name, default in defaults.items() if "${{" not in default}
    assert Settings() == load_settings(given)


def test_stated_defaults_are_those_of_the_settings() -> None:
    """What a description calls the default is the default."""
    stated = {
        name: match.group(1)
        for name, entry in action()["inputs"].items()
        if (match := _STATED_DEFAULT.search(entry["description"]))
    }
    assert {"max-attempts", "retry-delay", "max-inline-delay", "timeout", "type"} == set(stated)
    assert Settings() == load_settings(stated)


@pytest.mark.parametrize(("name", "values"), [("mode", Mode), ("strategy", Strategy), ("comment-mode", CommentMode)])
def test_descriptions_name_every_value(name: str, values: type[Mode | Strategy | CommentMode]) -> None:
    """An input with a closed set of values names each of them."""
    description = action()["inputs"][name]["description"]
    assert [] == [value.value for value in values if f"`{value.value}`" not in description]


def test_outputs_are_what_the_code_sets() -> None:
    """Each declared output is set by a step under the same name, and no output of a decision is kept back."""
    outputs = action()["outputs"]
    setters = {"checkpoint-id": ["checkpoint", "restore"], "checkpoint-digest": ["checkpoint"]}
    setters |= {name: ["restore"] for name in ("restored", "state", "done")}
    assert set(door.DECISION_OUTPUTS) | set(setters) == set(outputs)
    assert set(door.DECISION_OUTPUTS) == set(door.outputs_of(None))
    for name, entry in outputs.items():
        steps = setters.get(name, ["execute"])
        assert f"${{{{ {' || '.join(f'steps.{step}.outputs.{name}' for step in steps)} }}}}" == entry["value"]


def test_jobs_that_checkpoint_restore_or_guard_do_nothing_of_recovery() -> None:
    """In a user's own job nothing is cached, planned or journalled, and what recovery needs is not installed."""
    own = {"Install the checkpoint writer", "Write a checkpoint", "Upload the checkpoint"}
    own |= {"Install what asks GitHub", "Restore a checkpoint", "Stop a commit that is on hold", "Set up uv"}
    excluded = "inputs.mode != 'checkpoint' && inputs.mode != 'restore' && inputs.mode != 'guard'"
    assert [] == [step["name"] for step in _steps() if step["name"] not in own and excluded not in step["if"]]


def test_restoring_installs_what_it_needs_and_no_more() -> None:
    """A first attempt has nothing to look for: whatever installs a client for GitHub is left out of it."""
    writer, reader = (
        next(step for step in _steps() if step["name"] == name)
        for name in ("Install the checkpoint writer", "Install what asks GitHub")
    )
    first = "github.run_attempt == '1' && inputs.checkpoint-id == ''"
    later = "github.run_attempt != '1' || inputs.checkpoint-id != ''"
    assert f"inputs.mode == 'checkpoint' || (inputs.mode == 'restore' && {first} && !{ORDERED})" == writer["if"]
    assert f"inputs.mode == 'guard' || (inputs.mode == 'restore' && ({later} || {ORDERED}))" == reader["if"]
    assert "--extra github " in reader["run"]
    assert "--extra" not in writer["run"]


def test_every_order_is_seen_before_anything_is_installed() -> None:
    """What the condition looks for stands in whatever a rollback tells the run that it starts."""
    plan, order = make_plan(), make_order()
    sought = ORDERED.rpartition("'")[0].rpartition("'")[2]
    assert sought in json.dumps({"recovery": restore_input(plan, order)})


def test_jobs_are_told_apart_by_what_the_runner_says() -> None:
    """Writing and restoring get the job's id and its leg of the matrix, by which they find each other."""
    for step in _steps():
        if step.get("id") in {"checkpoint", "restore"}:
            assert "${{ job.check_run_id || env.RECOVERY_CHECK_RUN_ID }}" == step["env"]["RECOVERY_CHECK_RUN_ID"]
            assert "${{ env.RECOVERY_MATRIX || toJSON(matrix) }}" == step["env"]["RECOVERY_MATRIX"]


def test_descriptions_hold_no_expression() -> None:
    """GitHub refuses an action with an expression where none is allowed."""
    texts = [entry["description"] for entry in (*action()["inputs"].values(), *action()["outputs"].values())]
    assert [] == [text for text in texts if "${{" in text]


def test_expressions_name_only_what_exists() -> None:
    """Every input, step, step output and context that an expression names is there."""
    inputs = action()["inputs"]
    ids = {step["id"] for step in _steps() if "id" in step}
    set_by_code = _outputs_set_by_the_code()
    for text in _text_of_expressions():
        for root, rest in _REFERENCE.findall(re.sub(r"'[^']*'", "", text)):
            path = rest.strip(".").split(".")
            match root:
                case "inputs":
                    assert path[0] in inputs, text
                case "steps":
                    assert path[0] in ids, text
                    assert path[1:] in [["outcome"], ["outputs", path[-1]]], text
                    known = SET_BY_OTHERS.get(path[0], set_by_code)
                    assert path[1] == "outcome" or path[2] in known, text
                case "github" if path == ["token"]:
                    assert text.strip() == inputs["github-token"]["default"].strip("${} ")
                case _:
                    assert path[0] in CONTEXTS.get(root, set()), text


def test_steps_are_named_by_what_they_use() -> None:
    """An id that no expression names would be left over."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert [] == [step["id"] for step in _steps() if "id" in step and f"steps.{step['id']}." not in text]


def test_scripts_hold_no_expression() -> None:
    """Values reach a script through `env:` only, and every script names its shell."""
    scripts = [step for step in _steps() if "run" in step]
    assert [] == [step["name"] for step in scripts if "${{" in step["run"]]
    assert {"bash"} == {step.get("shell") for step in scripts}


def test_the_program_is_started_in_one_way() -> None:
    """Each step that starts the program hands over all inputs, and no file of the workspace can be a module."""
    started = [step for step in _steps() if "recovery.action" in step.get("run", "")]
    assert ["checkpoint", "restore", None, "plan", "execute"] == [step.get("id") for step in started]
    for step in started:
        assert "${{ toJSON(inputs) }}" == step["env"]["RECOVERY_INPUTS"]
        assert "1" == step["env"]["PYTHONSAFEPATH"]


def test_reports_and_state_are_kept_whatever_happened() -> None:
    """The journal and the state are saved also after a failure, and their failure fails nothing."""
    last = _steps()[-3:]
    assert ["Upload the hold", "Upload the journal", "Save the state"] == [step["name"] for step in last]
    for step in last:
        assert step["if"].startswith("always() && ")
        assert "true" == step["continue-on-error"]

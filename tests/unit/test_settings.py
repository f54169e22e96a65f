"""Inputs and the configuration file, parsed once; what cannot be understood is said with its name."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.errors import InputError
from recovery.models.duration import parse_duration
from recovery.models.rollback import RejectionId, RollbackKind
from recovery.models.verdict import FailureClass
from recovery.settings import (
    INPUT_NAMES,
    Autonomy,
    CommentMode,
    Mode,
    Settings,
    SideEffects,
    Strategy,
    load_settings,
    parse_state,
)

FILE = ".github/recovery.yml"


def load(config: str | None = None, **inputs: str) -> Settings:
    """Settings of inputs (`_` for `-`) and a file."""
    return load_settings({name.replace("_", "-"): value for name, value in inputs.items()}, config, config_name=FILE)


def test_defaults_are_the_designs() -> None:
    """Without inputs and file: recover, by evidence, the first try and one more."""
    settings = load()

    assert (Mode.RECOVER, Strategy.AUTO, CommentMode.ALWAYS, 2, False) == (
        settings.mode,
        settings.strategy,
        settings.comment_mode,
        settings.max_attempts,
        settings.dry_run,
    )
    assert (10, 60, 600, 5) == (
        settings.retry_delay,
        settings.max_inline_delay,
        settings.timeout,
        settings.max_failed_jobs,
    )
    assert Settings() == settings


def test_input_outweighs_the_file() -> None:
    """What is given at the place of use counts more than what holds for all."""
    assert 4 == load("version: 1\nmax-attempts: 3\n", max_attempts="4").max_attempts
    assert 3 == load("version: 1\nmax-attempts: 3\n").max_attempts


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_input_is_none(text: str) -> None:
    """GitHub hands over inputs that are not given as empty texts."""
    assert Settings() == load(mode=text, max_attempts=text, strategy=text, dry_run=text, environment=text, state=text)


@pytest.mark.parametrize("text", [None, "", "version: 1\n", "# nothing\n", "---\n"])
def test_file_may_say_nothing(text: str | None) -> None:
    """An empty file is as good as none."""
    assert Settings() == load(text)


def test_file_holds_what_concerns_the_repository() -> None:
    """Workflows, autonomy and side effects are set in the file."""
    settings = load(
        "version: 1\n"
        "workflows: [CI, Nightly]\n"
        "autonomy: {network: suggest, flaky_test: act}\n"
        "side-effects: {'deploy*': idempotent, publish: none}\n"
        "look-back: 2d\n"
        "max-failed-jobs: 9\n"
        "comment-mode: 'off'\n"
    )

    assert (("CI", "Nightly"), 2 * 86400, 9, CommentMode.OFF) == (
        settings.workflows,
        settings.look_back,
        settings.max_failed_jobs,
        settings.comment_mode,
    )
    assert {FailureClass.NETWORK: Autonomy.SUGGEST, FailureClass.FLAKY_TEST: Autonomy.ACT} == settings.autonomy
    assert {"deploy*": SideEffects.IDEMPOTENT, "publish": SideEffects.NONE} == settings.side_effects
    assert ["deploy*", "publish"] == list(settings.side_effects)


def test_lists_are_given_one_a_line() -> None:
    """Names and files come as lines; blank ones are dropped."""
    settings = load(environment=" PATH \n\nHOME\r\n", dependencies="uv.lock\n  requirements*.txt")

    assert (("PATH", "HOME"), ("uv.lock", "requirements*.txt")) == (settings.environment, settings.dependencies)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("True", True), ("1", True), (" no ", False)]
)
def test_truth_is_read_as_people_write_it(text: str, *, value: bool) -> None:
    """Inputs are texts; a boolean is among them."""
    assert value == load(dry_run=text).dry_run


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400), (" 3 S ", 3), (10, 10), (1.5, 1.5)],
)
def test_durations(text: object, seconds: float) -> None:
    """A number of seconds, or with a unit."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1w", "1 2", "1e3", "٣ days", "inf", "nan", True, None, [], "1m30s"]
)
def test_no_durations(text: object) -> None:
    """Everything else is none."""
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"mode": "explode"}, "input `mode`"),
        ({"strategy": "pray"}, "input `strategy`"),
        ({"max_attempts": "0"}, "input `max-attempts`"),
        ({"max_attempts": "51"}, "input `max-attempts`"),
        ({"max_attempts": "two"}, "input `max-attempts`"),
        ({"run_id": "0"}, "input `run-id`"),
        ({"run_id": "9" * 5000}, "input `run-id`"),
        ({"timeout": "31d"}, "input `timeout`"),
        ({"retry_delay": "soon"}, "input `retry-delay`: 'soon' is not a duration"),
        ({"comment_mode": "shout"}, "input `comment-mode`"),
        ({"retention_days": "401"}, "input `retention-days`"),
        ({"type": "planet"}, "input `type`"),
        ({"reason": "x" * 1001}, "input `reason`"),
        ({"checkpoint_id": "x" * 256}, "input `checkpoint-id`"),
        ({"workflow": "x" * 1001}, "input `workflow`"),
        ({"state": "{"}, "`state` cannot be kept: it is no JSON"),
        ({"state": '{"rate": NaN}'}, "NaN is no number"),
        ({"state": '{"a": 1, "a": 2}'}, "the key 'a' is in one object twice"),
        ({"state": '{"a": "\\ud800"}'}, "only half there"),
    ],
)
def test_input_that_does_not_fit_is_named(inputs: dict[str, str], words: str) -> None:
    """The error names the input, what is wrong, and in short what was given."""
    with pytest.raises(InputError) as caught:
        load(**inputs)

    assert words in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 2\n", "must be a mapping that begins with `version: 1`"),
        ("max-attempts: 2\n", "must be a mapping"),
        ("[]", "must be a mapping"),
        ("text", "must be a mapping"),
        ("version: '1'\n", "must be a mapping"),
        ("version: 1\nmax-attempts: many\n", "`max-attempts`"),
        ("version: 1\nautonomy: {networks: act}\n", "`autonomy.networks"),
        ("version: 1\nautonomy: {network: always}\n", "`autonomy.network"),
        ("version: 1\nautonomy: act\n", "`autonomy`"),
        ("version: 1\nside-effects: {deploy: maybe}\n", "`side-effects.deploy`"),
        ("version: 1\nworkflows: CI\n", "`workflows`"),
        ("version: 1\nlook-back: 31d\n", "`look-back`"),
        ("version: 1\n1: 2\n", "`1` is not a setting"),
        ("version: 1\na: [\n", "is not valid YAML"),
        ("version: 1\na: 2026-13-45\n", "is not valid YAML"),
        ("version: 1\na: !!python/name:os.system\n", "is not valid YAML"),
        ("a: " + "[" * 1500, "is not valid YAML"),
        ("\x00", "is not valid YAML"),
        ("version: 1\n? [a]\n: b\n", "is not valid YAML"),
        ('version: 1\nworkflows: ["\\ud800"]\n', "is not valid Unicode"),
        (f"version: 1\n? {'x' * 100_000}\n: 1\n", "xx` is not a setting"),
        (f"version: 1\nrollback:\n  ? {'x' * 1001}\n  : {{kind: redispatch}}\n", "at most 1000 characters"),
    ],
)
def test_file_that_does_not_fit_is_named(text: str, words: str) -> None:
    """The error names the file and the key."""
    with pytest.raises(InputError) as caught:
        load(text)

    assert words in caught.value.message
    assert FILE in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


def test_unknown_key_is_told_with_the_known_ones() -> None:
    """A typing error is answered with the words there are."""
    with pytest.raises(InputError) as caught:
        load("version: 1\nmax-attempt: 3\n")

    assert "`max-attempt` is not a setting" in caught.value.message
    assert "max-attempts" in str(caught.value.hint)
    assert "run-id" not in str(caught.value.hint)


@pytest.mark.parametrize(
    "name",
    ["mode", "run-id", "strategy", "reason", "name", "type", "state", "environment", "dependencies", "job-status"],
)
def test_what_concerns_one_use_cannot_be_set_in_the_file(name: str) -> None:
    """What differs from use to use belongs to the use, and the hint says how."""
    with pytest.raises(InputError, match=f"`{name}` cannot be set in the file") as caught:
        load(f"version: 1\n{name}: x\n")

    assert f"with: {{{name}: ...}}" in str(caught.value.hint)


def test_what_concerns_the_repository_cannot_be_set_by_an_input() -> None:
    """Inputs that are none are not looked at: the action declares what there is."""
    assert Settings() == load(workflows="CI", autonomy="{}", unheard_of="x")
    assert not {"workflows", "autonomy", "side-effects", "max-failed-jobs", "look-back"} & set(INPUT_NAMES)


@pytest.mark.parametrize(("text", "value"), [("{}", {}), (' {"a": [1, null]} ', {"a": [1, None]})])
def test_state_is_a_json_object(text: str, value: dict[str, Any]) -> None:
    """What a workflow wants to remember."""
    assert value == parse_state(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '"a"', "[" * 100_000, "{'a': 1}"])
def test_state_that_is_none(text: str) -> None:
    """Anything else is bad input, in one line."""
    with pytest.raises(InputError, match="`state`") as caught:
        parse_state(text)

    assert "\n" not in caught.value.message


def test_settings_are_frozen() -> None:
    """Parsed once, and the same for everybody after."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().max_attempts = 3


def test_how_a_workflow_is_rolled_back() -> None:
    """One entry a workflow; only the kind has to be said."""
    config = """
version: 1
rollback:
  Deploy: {kind: redispatch}
  Deploy (eu): {kind: deployment, environment: eu, input: back, hold: 2d, automatic: true, branches: [release]}
"""
    usual, special = load(config).rollback["Deploy"], load(config).rollback["Deploy (eu)"]

    assert (RollbackKind.REDISPATCH, "production", "recovery", 7 * 86400, False, ()) == (
        usual.kind,
        usual.environment,
        usual.input,
        usual.hold,
        usual.automatic,
        usual.branches,
    )
    assert (RollbackKind.DEPLOYMENT, "eu", "back", 2 * 86400, True, ("release",)) == (
        special.kind,
        special.environment,
        special.input,
        special.hold,
        special.automatic,
        special.branches,
    )
    assert {} == load().rollback


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{}", "rollback.Deploy.kind"),
        ("{kind: reverse}", "rollback.Deploy.kind"),
        ("{kind: redispatch, hold: 31d}", "rollback.Deploy.hold"),
        ("{kind: redispatch, environment: ''}", "rollback.Deploy.environment"),
        (f"{{kind: redispatch, environment: {'x' * 256}}}", "rollback.Deploy.environment"),
        ("{kind: redispatch, on: main}", "rollback.Deploy"),
    ],
)
def test_how_a_workflow_cannot_be_rolled_back(entry: str, words: str) -> None:
    """What is wrong is said with the workflow's name."""
    with pytest.raises(InputError) as caught:
        load(f"version: 1\nrollback:\n  Deploy: {entry}\n")

    assert words in caught.value.message


def test_what_is_set_aside_is_named() -> None:
    """One or more ids, with commas between."""
    assert (RejectionId.STRUCTURE_CHANGED, RejectionId.ON_HOLD) == load(force="structure-changed, on-hold,").force
    assert () == load(force=" ").force


@pytest.mark.parametrize("text", ["artifact-changed", "on-hold,unhealthy", "everything"])
def test_what_cannot_be_set_aside(text: str) -> None:
    """Damage and a foreign history are no opinion, and what is no id helps nobody."""
    with pytest.raises(InputError, match="force"):
        load(force=text)


def test_further_inputs_are_texts_in_a_json_object() -> None:
    """They are passed on to the workflow that is dispatched."""
    assert {"region": "eu"} == load(inputs='{"region": "eu"}').inputs
    nine = ", ".join(f'"input-{number}": ""' for number in range(9))
    assert 9 == len(load(inputs=f"{{{nine}}}").inputs)


@pytest.mark.parametrize("text", ["[]", "{", '{"region": 1}', "{" + ", ".join(f'"i{n}": ""' for n in range(10)) + "}"])
def test_further_inputs_that_are_none(text: str) -> None:
    """GitHub would refuse them later, with fewer words."""
    with pytest.raises(InputError, match="inputs"):
        load(inputs=text)


def test_how_to_classify_stands_in_the_file() -> None:
    """Rules are kept as they were written: whoever searches with them checks them."""
    rule = {"id": "shop-cold", "class": "infrastructure", "patterns": ["^cold"]}

    settings = load(
        "version: 1\nbaseline: false\nknown-flaky: ['test_a', 'shop.*']\ntest-reports: [junit-*]\n"
        "rules:\n  - {id: shop-cold, class: infrastructure, patterns: ['^cold']}\n"
    )

    assert (rule,) == settings.rules
    assert (("test_a", "shop.*"), ("junit-*",), False) == (
        settings.known_flaky,
        settings.test_reports,
        settings.baseline,
    )
    assert ((), (), (), True) == (load().rules, load().known_flaky, load().test_reports, load().baseline)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rules: {id: a}", "rules"),
        ("rules: [a]", "rules.0"),
        ("known-flaky: test_a", "known-flaky"),
        ("known-flaky: ['']", "known-flaky.0"),
        ("test-reports: [1]", "test-reports.0"),
        ("baseline: perhaps", "baseline"),
    ],
)
def test_what_no_classifier_can_use_is_named(text: str, named: str) -> None:
    """A value of the wrong shape is an error that names its key."""
    with pytest.raises(InputError, match=f"recovery.yml: `{named}`"):
        load(f"version: 1\n{text}\n")

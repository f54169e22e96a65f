"""The rules: their own examples, and the checks every pack must pass."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from recovery.errors import InputError
from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass
from recovery.policy.classify import classify
from recovery.policy.patterns import PatternSet
from recovery.policy.rules.loader import builtin_rules, example_faults, parse_pack
from recovery.policy.rules.model import Rule, RuleSet

GOOD: dict[str, Any] = {
    "id": "shop-closed",
    "class": "deployment",
    "retryable": "maybe",
    "confidence": 0.8,
    "reason": "The shop is closed.",
    "patterns": ["shop is closed"],
    "examples": {"match": ["the shop is closed", "shop is closed today"], "ignore": ["the shop is open"]},
}


def pack(**changes: Any) -> str:
    """A pack of one rule, good but for the changes."""
    return yaml.safe_dump({"version": 1, "rules": [{**GOOD, **changes}]})


@pytest.mark.parametrize("rule", builtin_rules().rules, ids=lambda rule: rule.id)
def test_examples_hold(rule: Rule) -> None:
    """Every rule matches what it says it matches, and nothing it says it ignores."""
    assert example_faults(rule) == []


def test_every_class_that_rules_can_name_has_a_rule() -> None:
    """No class of the closed set is out of the rules' reach."""
    named = {rule.failure_class for rule in builtin_rules().rules}
    assert named == set(FailureClass) - {FailureClass.NO_FAILURE}


def test_good_pack_loads_and_works() -> None:
    """A user's pack passes the same door and takes part in a verdict."""
    rules = RuleSet(parse_pack(pack(unless=["on sunday"]), "shop.yml"))
    assert classify(JobLog(content=b"the shop is closed\n"), rules=rules).evidence[0].rule == "shop-closed"
    assert not classify(JobLog(content=b"the shop is closed on sunday\n"), rules=rules).evidence


def test_step_and_phase_limit_a_rule() -> None:
    """A rule that speaks of one step or phase is silent elsewhere."""
    group = b"##[group]Run %s\nshell: bash\n##[endgroup]\nthe shop is closed\n##[error]bad\n"
    rules = RuleSet(parse_pack(pack(step="deploy", phase="step"), "shop.yml"))
    assert classify(JobLog(content=group % b"deploy.sh"), rules=rules).evidence
    assert not classify(JobLog(content=group % b"build.sh"), rules=rules).evidence


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patterns": []}, "patterns"),
        ({"patterns": ["(open"]}, "cannot be used"),
        ({"patterns": [""]}, "empty"),
        ({"patterns": ["x*"]}, "matches the empty line"),
        ({"patterns": [r"(a)\1"]}, "cannot be used"),
        ({"patterns": [r"(?=a)b"]}, "cannot be used"),
        ({"patterns": ["(((a{1,100}){1,100}){1,100})"]}, "cannot be used"),
        ({"patterns": [r"\Aboom"]}, "use ^ and $"),
        ({"patterns": ["[✓✗] boom"]}, "ASCII"),
        ({"unless": ["(open"]}, "cannot be used"),
        ({"step": "(open"}, "cannot be used"),
        ({"class": "bad_luck"}, "class"),
        ({"class": "no_failure"}, "no_failure"),
        ({"class": "unknown"}, "retryable: no"),
        ({"retryable": "yes", "confidence": 0.5}, "0.7"),
        ({"confidence": 1.5}, "confidence"),
        ({"surprise": 1}, "surprise"),
        ({"examples": {"match": ["shop is closed"], "ignore": ["x"]}}, "match"),
        ({"examples": {"match": ["shop is closed"] * 2, "ignore": []}}, "ignore"),
        ({"id": "Shop Closed"}, "id"),
    ],
)
def test_bad_rule_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    """Whatever is wrong with a rule, the error names the file, the rule and the fault."""
    with pytest.raises(InputError) as caught:
        parse_pack(pack(**changes), "shop.yml")
    assert "shop.yml" in caught.value.message
    assert changes.get("id", "shop-closed") in caught.value.message
    assert says in caught.value.message


@pytest.mark.parametrize("text", ["", "[", "rules: 3", "- a", "version: 1", "rules: [3]", "rules: [{}]"])
def test_bad_pack_is_refused(text: str) -> None:
    """A file that is no pack gives one clear error."""
    with pytest.raises(InputError, match=r"^shop\.yml: "):
        parse_pack(text, "shop.yml")


def test_same_id_twice_is_refused() -> None:
    """An id names one rule, also across packs."""
    rules = parse_pack(pack(), "shop.yml")
    with pytest.raises(InputError, match="shop-closed"):
        RuleSet([*rules, *rules])


def test_false_examples_are_reported() -> None:
    """Examples that do not hold are told, one sentence each."""
    examples = {"match": ["shop is closed", "open"], "ignore": ["shop is closed again"]}
    (rule,) = parse_pack(pack(examples=examples), "shop.yml")
    assert len(example_faults(rule)) == 2


def test_set_that_does_not_fit_still_finds() -> None:
    """Patterns that together need more memory than there is are tried one by one, with the same answer."""
    pairs = [*((f"p{number}", f"a[ab]{{{number + 3}}}c") for number in range(20)), ("boom", "^boom$")]
    starved, fed = PatternSet(pairs, budget=20_000), PatternSet(pairs)
    text = b"abbac\nboom"
    assert not starved._is_searchable
    assert fed._is_searchable
    assert starved.names_in(text) == fed.names_in(text) == {"p0", "boom"}


def test_builtin_rules_are_read_once() -> None:
    """The packs on disk are read at most once in a process."""
    assert builtin_rules() is builtin_rules()

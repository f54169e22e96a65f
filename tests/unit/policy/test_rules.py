"""The rules: their own examples, and the checks every pack must pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import recovery.policy.rules
from recovery.errors import InputError, RecoveryError
from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass
from recovery.policy.classify import classify
from recovery.policy.logs.patterns import PatternSet
from recovery.policy.rules.builtin import _content, builtin_rules
from recovery.policy.rules.model import RuleSet
from recovery.policy.rules.pack import RuleEntry, example_faults, pack_entries, parse_pack

PACKS = sorted(Path(recovery.policy.rules.__file__).parent.glob("*.yml"))
ENTRIES = [entry for path in PACKS for entry in pack_entries(path.read_text(encoding="utf-8"), path.name)]

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


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_examples_hold(entry: RuleEntry) -> None:
    """Every rule matches what it says it matches, and nothing it says it ignores."""
    assert example_faults(entry) == []


def test_program_reads_what_the_packs_say() -> None:
    """The index that the program reads holds the rules of the packs, in their order."""
    assert tuple(entry.rule() for entry in ENTRIES) == builtin_rules().rules


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
    group = b"##[group]Run %s\nshell: bash -e {0}\n##[endgroup]\nthe shop is closed\n##[error]bad\n"
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
        ({"patterns": [r"\[[^✗]\] boom"]}, "ASCII"),
        ({"patterns": [r"[\]✗] boom"]}, "ASCII"),
        ({"patterns": ["[]✗] boom"]}, "ASCII"),
        ({"patterns": ["[[:alpha:]✗] boom"]}, "ASCII"),
        ({"patterns": {"boom"}}, "patterns: write it as a list"),
        ({"patterns": ["\ud800"]}, "patterns"),
        ({"unless": ["(open"]}, "cannot be used"),
        ({"step": "(open"}, "cannot be used"),
        ({"class": "bad_luck"}, "class"),
        ({"class": "no_failure"}, "no_failure"),
        ({"class": "unknown"}, 'retryable: "no"'),
        ({"class": "unknown", "retryable": "no", "phase": "step"}, "such a rule is a hint"),
        ({"class": "unknown", "retryable": "no", "step": "deploy"}, "such a rule is a hint"),
        ({"class": "unknown", "retryable": "no", "context": ["^the till"]}, "such a rule is a hint"),
        ({"retryable": "yes", "confidence": 0.5}, "0.7"),
        ({"retryable": False}, "retryable: write it in quotes"),
        ({"retryable": True}, "retryable: write it in quotes"),
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


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_answer_without_quotes_is_refused(answer: str) -> None:
    """YAML makes a bare yes or no something else, and the error says how to write it."""
    text = pack(retryable="maybe").replace("retryable: maybe", f"retryable: {answer}")
    with pytest.raises(InputError, match=r"^shop\.yml: rule shop-closed: retryable: write it in quotes"):
        parse_pack(text, "shop.yml")


@pytest.mark.parametrize("pattern", [r"^\[ ✗ \] boom", "^[a] ✗ boom", r"^[\[] ✗ boom", r"^\[✗\] [a-z]oom", "[]a] ✗"])
def test_other_characters_may_stand_beside_brackets(pattern: str) -> None:
    """Only within a class are characters other than ASCII refused."""
    entry = GOOD | {"patterns": [pattern, *GOOD["patterns"]]}
    assert pattern in RuleEntry.model_validate(entry).patterns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the pack: "),
        ("[", "not YAML"),
        ("rules: 3", "rules: "),
        ("- a", "the pack: "),
        ("version: 1", "rules: "),
        ("rules: [3]", "rule number 1: "),
        ("rules: [{}]", "rule number 1: id: "),
        ("rules: [{id: [3]}]", "rule number 1: id: "),
        ("rules: !!set {a, b}", "rules: write it as a list"),
        ("rules: !!omap [a: b]", "rule number 1: "),
        ("rules: {a: b}", "rules: "),
        ("version: 2\nrules: []", "version: "),
        ("version: '1'\nrules: []", "version: "),
        ("rules: &all [*all]", "rule number 1: "),
        ("&pack {rules: [*pack]}", "rule number 1: "),
        ("since: 2026-99-99", "not YAML"),
        ("since: !!int ''", "not YAML"),
        ("a: !!timestamp x", "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("a: *b", "not YAML"),
        ("a: \x00", "not YAML"),
        ("[" * 50_000, "not YAML: it is nested too deeply"),
        ("rules: " + "{a: " * 50_000, "not YAML: it is nested too deeply"),
        ("- " * 50_000, "not YAML: it is nested too deeply"),
    ],
    ids=lambda value: value[:40],
)
def test_bad_pack_is_refused(text: str, says: str) -> None:
    """A file that is no pack gives one clear error, whatever YAML makes of it."""
    with pytest.raises(InputError) as caught:
        parse_pack(text, "shop.yml")
    assert caught.value.message.startswith(f"shop.yml: {says}")


def test_same_id_twice_is_refused() -> None:
    """An id names one rule: the error names the file, where the rules are of one."""
    text = yaml.safe_dump({"version": 1, "rules": [GOOD, dict(GOOD)]})
    with pytest.raises(InputError, match=r"^shop\.yml: rule shop-closed: the id is used twice"):
        parse_pack(text, "shop.yml")
    rules = parse_pack(pack(), "shop.yml")
    with pytest.raises(InputError, match="shop-closed"):
        RuleSet([*rules, *rules])


def test_false_examples_are_reported() -> None:
    """Examples that do not hold are told, one sentence each."""
    examples = {"match": ["shop is closed", "open"], "ignore": ["shop is closed again"]}
    (entry,) = pack_entries(pack(examples=examples), "shop.yml")
    assert len(example_faults(entry)) == 2
    with pytest.raises(InputError, match=r"shop\.yml: rule shop-closed: must match 'open'"):
        parse_pack(pack(examples=examples), "shop.yml")


def test_context_must_stand_shortly_before() -> None:
    """A rule that waits for a context counts only after it, in its examples as in a log."""
    examples = {"match": ["the till:\nempty", "the till: empty"], "ignore": ["empty", "empty\nthe till:"]}
    rules = RuleSet(parse_pack(pack(patterns=["empty$"], context=["^the till:"], examples=examples), "shop.yml"))
    for lines, said in ((0, 1), (29, 1), (30, 0)):
        log = b"the till:\n" + b"counting\n" * lines + b"empty\n"
        assert len(classify(JobLog(content=log), rules=rules).evidence) == said


def test_set_that_does_not_fit_still_finds() -> None:
    """Patterns that together need more memory than there is are tried one by one, with the same answer."""
    pairs = [*((f"p{number}", f"a[ab]{{{number + 3}}}c") for number in range(20)), ("boom", "^boom$")]
    starved, fed = PatternSet(pairs, budget=20_000), PatternSet(pairs)
    text = b"abbac\nboom"
    assert not starved._is_searchable
    assert fed._is_searchable
    assert starved.names_in(text) == fed.names_in(text) == {"p0", "boom"}


def test_program_without_its_rules_says_so() -> None:
    """Where a file of the program is missing, the error names it and says what to do."""
    with pytest.raises(RecoveryError, match=r"missing\.json") as caught:
        _content("missing.json")
    assert caught.value.hint == "install it anew"


def test_builtin_rules_are_read_once() -> None:
    """The packs on disk are read at most once in a process."""
    assert builtin_rules() is builtin_rules()

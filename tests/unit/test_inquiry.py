"""What the settings say about looking for causes: the user's rules beside the built-in ones, and their checks."""

from __future__ import annotations

from typing import Any

import pytest

from recovery.errors import InputError
from recovery.inquiry import LOGS_READ, Inquiry, inquiry_for
from recovery.models.log import JobLog
from recovery.models.verdict import FailureClass
from recovery.policy.classify import classify
from recovery.policy.rules.builtin import builtin_rules
from recovery.settings import Settings

RULE: dict[str, Any] = {
    "id": "our-licence-server",
    "class": "infrastructure",
    "retryable": "maybe",
    "confidence": 0.9,
    "reason": "The licence server had no seat left.",
    "patterns": ["^no licence seat available"],
    "examples": {
        "match": ["no licence seat available for the simulator", "no licence seat available"],
        "ignore": ["licence seat taken"],
    },
}


def test_defaults_are_those_of_the_settings() -> None:
    """Whoever names nothing looks for causes as the settings' defaults say."""
    assert (Inquiry(), LOGS_READ) == (inquiry_for(Settings()), Settings().max_failed_jobs)


def test_every_setting_about_causes_arrives() -> None:
    """What a person sets is what is gone by."""
    settings = Settings(
        max_failed_jobs=2, baseline=False, known_flaky=("suite.test_*",), test_reports=("junit-*",), rules=(RULE,)
    )

    inquiry = inquiry_for(settings, default_branch="trunk")

    assert (2, False, ("suite.test_*",), ("junit-*",), "trunk") == (
        inquiry.most_logs,
        inquiry.baseline,
        inquiry.known_flaky,
        inquiry.test_reports,
        inquiry.default_branch,
    )


def test_own_rules_join_the_built_in_ones() -> None:
    """A line that only the user's rule knows is recognised, and so is what the built-in rules know."""
    rules = inquiry_for(Settings(rules=(RULE,))).rules

    assert rules is not None
    assert len(builtin_rules().rules) + 1 == len(rules.rules)
    log = JobLog(content=b"no licence seat available for the simulator\n##[error]Process completed with exit code 1.\n")
    assert FailureClass.INFRASTRUCTURE == classify(log, rules=rules).failure_class


def test_own_rule_replaces_the_built_in_one_of_its_id() -> None:
    """Whoever disagrees with a rule says it under the rule's own id."""
    replaced = builtin_rules().rules[0].id

    rules = inquiry_for(Settings(rules=(RULE | {"id": replaced},))).rules

    assert rules is not None
    assert len(builtin_rules().rules) == len(rules.rules)
    assert ("^no licence seat available",) == rules.by_id[replaced].patterns


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"patterns": ["(a"]}, "our-licence-server"),
        ({"class": "gremlins"}, "our-licence-server"),
        ({"examples": RULE["examples"] | {"match": ["something", "else"]}}, "our-licence-server: must match"),
    ],
)
def test_rule_that_does_not_hold_is_refused_by_name(over: dict[str, Any], told: str) -> None:
    """A rule that is none stops the use before GitHub is asked for anything, and says which one it is."""
    with pytest.raises(InputError, match=told) as caught:
        inquiry_for(Settings(rules=(RULE | over,)))

    assert caught.value.message.startswith(".github/recovery.yml: ")


def test_rules_of_one_id_are_refused() -> None:
    """Which of two rules is meant cannot be told."""
    with pytest.raises(InputError, match=r"^\.github/recovery\.yml: rule our-licence-server: the id is used twice"):
        inquiry_for(Settings(rules=(RULE, RULE)))

"""What the classifier says of one failed job: a class, whether to try again, and the lines that prove it.

Plain dataclasses, so that `recovery classify` starts without pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from recovery.models.junit_report import JUnitReport


class FailureClass(StrEnum):
    """The closed set of causes; `no_failure` is the answer for a log that shows none."""

    INFRASTRUCTURE = "infrastructure"
    NETWORK = "network"
    RATE_LIMIT = "rate_limit"
    REGISTRY_OR_DEPENDENCY = "registry_or_dependency"
    CACHE_OR_ARTIFACT = "cache_or_artifact"
    FLAKY_TEST = "flaky_test"
    TEST_FAILURE = "test_failure"
    COMPILE_ERROR = "compile_error"
    LINT = "lint"
    FORMATTING = "formatting"
    TYPE_CHECK = "type_check"
    CONFIGURATION = "configuration"
    PERMISSION_AUTH = "permission_auth"
    DEPLOYMENT = "deployment"
    TIMEOUT = "timeout"
    MERGE_CONFLICT_OR_GIT = "merge_conflict_or_git"
    POLICY_GATE = "policy_gate"
    SCRIPT_ERROR = "script_error"
    UNKNOWN = "unknown"
    NO_FAILURE = "no_failure"


class Retryable(StrEnum):
    """Whether the same commit may pass on a second try. Only `yes` may act by itself."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


def _counted_from_one(schema: dict[str, Any]) -> None:
    schema["properties"]["line"]["minimum"] = 1


@dataclass(frozen=True)
class Evidence:
    """One line that supports the verdict. `line` is 1-based in the log as GitHub serves it."""

    line: int
    text: str
    rule: str

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "json_schema_extra": _counted_from_one}
    """Where it is part of a pydantic record, it is as strict as that, and its schema says so."""

    def __post_init__(self) -> None:
        if self.line < 1:
            raise ValueError("lines are counted from 1")


@dataclass(frozen=True)
class Verdict:
    """The named cause of one failed job, best evidence first."""

    failure_class: FailureClass
    retryable: Retryable
    confidence: float
    """How likely the class is right, from 0 to 1."""
    evidence: tuple[Evidence, ...] = ()
    excerpt: tuple[tuple[int, int], ...] = ()
    """Line ranges (first, last), 40 lines at most in all, that a person should read."""
    fingerprint: str = ""
    reason: str = ""
    """One sentence for people: why this class."""
    strategy: str = "none"
    """What this cause calls for: `retry`, or `none` (leave it to people)."""
    failed_tests: tuple[str, ...] = ()
    """Ids of failed tests, as the framework or its report names them; the first ones, where there are many."""


@dataclass(frozen=True)
class JobFacts:
    """What is known of a failed job besides its log."""

    job_name: str = ""
    conclusion: str | None = None
    failed_steps: tuple[str, ...] = ()
    last_started_step: str | None = None
    steps_known: bool = False
    """False when only a log file is at hand, so that "no failed step" proves nothing."""
    known_flaky: tuple[str, ...] = ()
    """Fingerprints of failures, or ids of tests, that people know to come and go."""
    test_report: JUnitReport | None = None


@dataclass(frozen=True)
class Finding:
    """One line on which a rule matched, and how its weight came about."""

    line: int
    text: str
    rule: str
    failure_class: FailureClass
    confidence: float
    """What the rule says of itself."""
    score: float
    """What became of that where the line stands."""
    notes: tuple[str, ...] = ()
    """Why it counts for more or for less, one phrase each."""


@dataclass(frozen=True)
class Explanation:
    """A verdict with all that was weighed for it, in the order of the log."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    winner: Finding | None
    why: str
    """One sentence: why the winner won, or why nothing did."""

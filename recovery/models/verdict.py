"""What the classifier says of one failed job: a class, whether to try again, and the lines that prove it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from recovery.models.record import Record


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


class Evidence(Record):
    """One line that supports the verdict. `line` is 1-based in the log as GitHub serves it."""

    line: int = Field(ge=1)
    text: str
    rule: str


class Verdict(Record):
    """The named cause of one failed job, best evidence first."""

    failure_class: FailureClass
    retryable: Retryable
    confidence: float = Field(ge=0.0, le=1.0)
    evidence: tuple[Evidence, ...] = ()
    excerpt: tuple[tuple[int, int], ...] = ()
    """Line ranges (first, last), 40 lines at most in all, that a person should read."""
    fingerprint: str = ""
    reason: str = ""
    """One sentence for people: why this class."""
    strategy: str = "none"
    """What this cause calls for: `retry`, or `none` (leave it to people)."""


class JobFacts(Record):
    """What is known of a failed job besides its log."""

    job_name: str = ""
    conclusion: str | None = None
    failed_steps: tuple[str, ...] = ()
    last_started_step: str | None = None
    steps_known: bool = False
    """False when only a log file is at hand, so that "no failed step" proves nothing."""

"""How far, and by what, the causes of failures are looked for: the user's rules, and what is read besides the logs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from recovery.policy.rules.builtin import rules_with
from recovery.policy.rules.model import Rule, RuleSet
from recovery.policy.rules.pack import check_pack
from recovery.ports import Forge
from recovery.settings import Settings

LOGS_READ = 5
"""Logs read of one attempt by default: the default of `max-failed-jobs`."""

KEPT_FOR_ACTING = 100
"""Requests of GitHub's hourly limit that nothing is spent of but what recovery cannot do without."""

_SOURCE = ".github/recovery.yml"

Aside = Literal["baseline", "test-reports"]
"""What is read besides the failed jobs and their logs."""


def _uncounted(_aside: Aside) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What one process looks for causes by; the same for every run that it observes."""

    most_logs: int = LOGS_READ
    """Where more jobs failed than this, few logs are read, and nothing besides them."""
    rules: RuleSet | None = None
    """None for the built-in ones."""
    known_flaky: tuple[str, ...] = ()
    """Ids of tests, or fingerprints, of failures that people know to come and go."""
    baseline: bool = True
    """Whether logs are compared with those of the last run in which the job succeeded."""
    test_reports: tuple[str, ...] = ()
    """Name patterns of the artifacts that hold JUnit XML."""
    default_branch: str = ""
    """Empty where it must be asked for."""
    counted_as: Callable[[Aside], AbstractContextManager[None]] = _uncounted
    """Has the requests made inside recorded as those of what is read besides the logs."""


def inquiry_for(
    settings: Settings,
    *,
    default_branch: str = "",
    counted_as: Callable[[Aside], AbstractContextManager[None]] = _uncounted,
) -> Inquiry:
    """What the settings say about looking for causes.

    Raises:
        InputError: a rule of the user's does not pass the checks of a pack; names the rule.
    """
    return Inquiry(
        most_logs=settings.max_failed_jobs,
        rules=rules_with(_own_rules(settings)),
        known_flaky=settings.known_flaky,
        baseline=settings.baseline,
        test_reports=settings.test_reports,
        default_branch=default_branch,
        counted_as=counted_as,
    )


def shortage(forge: Forge) -> str | None:
    """Why nothing may be read besides what recovery needs; None while there is enough left of GitHub's limit."""
    left = forge.requests_left
    if left is None or left >= KEPT_FOR_ACTING:
        return None
    return f"GitHub answers only {left} more requests within this hour, and {KEPT_FOR_ACTING} are kept for acting"


def _own_rules(settings: Settings) -> tuple[Rule, ...]:
    return check_pack({"version": 1, "rules": list(settings.rules)}, _SOURCE) if settings.rules else ()

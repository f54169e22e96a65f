"""What the name of a step says of a failure that no line explains: never that it may be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from recovery.models.verdict import FailureClass
from recovery.policy.logs.patterns import PatternSet

_WORDS = (
    (FailureClass.DEPLOYMENT, r"deploy\w*|publish\w*|releas(?:e|ing)|rollout|helm|kubectl|terraform"),
    (FailureClass.FORMATTING, r"format\w*|fmt|prettier|black|gofmt|rustfmt|spotless\w*|isort|clang-format"),
    (FailureClass.TYPE_CHECK, r"type-?check\w*|types|mypy|pyright|phpstan|psalm|tsc --noemit"),
    (FailureClass.LINT, r"lint\w*|eslint|flake8|pylint|ruff|clippy|rubocop|checkstyle|detekt|pre-commit|style"),
    (FailureClass.POLICY_GATE, r"audit|coverage|codecov|license|cla|dco|danger|commitlint|security"),
    (
        FailureClass.TEST_FAILURE,
        r"tests?|testing|pytest|tox|nox|jest|vitest|mocha|karma|rspec|phpunit|ctest|e2e|specs?|cypress|playwright",
    ),
    (
        FailureClass.REGISTRY_OR_DEPENDENCY,
        r"(?:npm|yarn|pnpm|pip|poetry|bundle|composer|apt-get|apt|brew|choco|conda) (?:\S+ )?(?:ci|install|update|add)"
        r"|npm ci|dotnet restore|go mod download|install (?:\w+ )?dependencies",
    ),
    (FailureClass.COMPILE_ERROR, r"build|compile|cmake|webpack|assemble|bundle|gradlew?|tsc"),
)
"""What kind of work a step is named after; the first class of which a word fits is believed."""


@cache
def _kinds() -> PatternSet:
    return PatternSet((kind.value, rf"(?i)(?:^|[^a-z])(?:{words})(?:[^a-z]|$)") for kind, words in _WORDS)


def class_by_step(titles: Iterable[str]) -> FailureClass | None:
    """The class that the first telling title of a failed step stands for."""
    for title in titles:
        names = _kinds().names_in(title.encode())
        for kind, _ in _WORDS:
            if kind.value in names:
                return kind
    return None

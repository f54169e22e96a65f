"""The job summary of one recovery, in the words of the comment."""

from __future__ import annotations

from collections.abc import Mapping

from recovery.models.document import DecisionDocument
from recovery.render import carry, story
from recovery.render.markdown import text
from recovery.render.words import plural

LIMIT = 1 << 20
"""GitHub's limit on one step's summary, in bytes."""


def summary_body(document: DecisionDocument, requests: Mapping[str, int] | None = None) -> str:
    """The summary's whole text, under GitHub's limit; `requests` counts API requests by phase."""
    body = _body(document, requests)
    for budget in carry.LADDER:
        if len(body.encode()) < LIMIT:
            break
        body = _body(carry.trimmed(document, budget), requests)
    return body


def _body(document: DecisionDocument, requests: Mapping[str, int] | None) -> str:
    lines = [
        story.title(document),
        "",
        *story.failures(document, carry.more_failures(document)),
        *story.decision(document),
        *story.attempts([document]),
        *story.origin(document),
    ]
    return "\n".join(lines + _spent(requests)) + "\n"


def _spent(requests: Mapping[str, int] | None) -> list[str]:
    if not requests:
        return []
    phases = ", ".join(f"{text(phase)} {count}" for phase, count in requests.items())
    return [f"<sub>{plural(sum(requests.values()), 'API request')}: {phases}</sub>"]

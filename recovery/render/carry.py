"""Decision documents carried inside a comment: kept small, packed so that nothing in them can end the comment.

The comment is the only memory that is shared by all recovery runs of a pull request without a further request, so it
carries the documents that it shows. Reading them back is reading untrusted data: bounded, validated, else nothing.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from recovery.models.decision import Reason
from recovery.models.document import DecisionDocument, FailureDocument
from recovery.render.plain import clip

WORKFLOWS = 20
"""Workflows that one comment speaks of; the ones decided last."""

ATTEMPTS = 10
"""Attempts of a run that one comment speaks of; the newest."""

_NAME_LIMIT = 100
_PACKED_LIMIT = 1 << 17
_JSON_LIMIT = 1 << 20
_DOCUMENTS_LIMIT = WORKFLOWS * ATTEMPTS
_STATE = re.compile(r"<!-- storyteller-recovery-state:1 ([A-Za-z0-9+/=]*) -->\s*\Z")
# Deep JSON raises RecursionError, which is no ValueError.
_MALFORMED = (ValueError, ValidationError, zlib.error, RecursionError)


class TrimmedDocument(DecisionDocument):
    """A document some of whose failures were left out to make room."""

    more_failures: int


@dataclass(frozen=True)
class Budget:
    """How much is kept of each document; every number caps one list or the characters of one text."""

    evidence: int
    """Lines of evidence of one job."""
    quoted: int
    """Characters of one line of evidence."""
    text: int
    """Characters of any other text."""
    jobs: int
    attempts: int
    workflows: int
    lists: int
    """Reasons and steps of one document."""


LADDER = (
    Budget(evidence=1, quoted=300, text=500, jobs=500, attempts=ATTEMPTS, workflows=WORKFLOWS, lists=30),
    Budget(evidence=1, quoted=160, text=300, jobs=100, attempts=ATTEMPTS, workflows=WORKFLOWS, lists=20),
    Budget(evidence=1, quoted=120, text=200, jobs=20, attempts=ATTEMPTS, workflows=WORKFLOWS, lists=10),
    Budget(evidence=1, quoted=80, text=120, jobs=5, attempts=ATTEMPTS, workflows=WORKFLOWS, lists=5),
    Budget(evidence=1, quoted=80, text=100, jobs=2, attempts=3, workflows=WORKFLOWS, lists=3),
    Budget(evidence=1, quoted=60, text=60, jobs=1, attempts=2, workflows=10, lists=2),
    Budget(evidence=1, quoted=60, text=60, jobs=1, attempts=1, workflows=1, lists=1),
)
"""First the evidence shrinks, then the jobs, then the attempts; the last step always fits."""


def workflow_of(document: DecisionDocument) -> str:
    """The workflow's name at a length that no budget shortens, so that it names the same workflow ever after."""
    return clip(document.workflow, _NAME_LIMIT)


def more_failures(document: DecisionDocument) -> int:
    """How many failures the document had that it no longer lists."""
    return document.more_failures if isinstance(document, TrimmedDocument) else 0


def trimmed(document: DecisionDocument, budget: Budget) -> DecisionDocument:
    """The document within a budget; the very same where it is small enough. Trimming twice changes nothing more."""
    kept = tuple(_trimmed_failure(failure, budget) for failure in document.failures[: budget.jobs])
    more = more_failures(document) + len(document.failures) - len(kept)
    changed = {
        "repository": clip(document.repository, budget.text),
        "workflow": workflow_of(document),
        "url": document.url if len(document.url) <= budget.text else "",
        "head_sha": clip(document.head_sha, budget.text),
        "recovery_id": clip(document.recovery_id, budget.text),
        "failures": kept,
        "reasons": _trimmed_reasons(document.reasons, budget),
        "overridden": _trimmed_reasons(document.overridden, budget),
        "plan": tuple(clip(step, budget.text) for step in document.plan[: budget.lists]),
        "detail": clip(document.detail, budget.text),
    }
    if more == 0:
        return document.model_copy(update=changed)
    fields = {name: getattr(document, name) for name in DecisionDocument.model_fields}
    return TrimmedDocument.model_construct(**(fields | changed), more_failures=more)


def _trimmed_failure(failure: FailureDocument, budget: Budget) -> FailureDocument:
    return failure.model_copy(
        update={
            "job": clip(failure.job, budget.text),
            "step": None if failure.step is None else clip(failure.step, budget.text),
            "reason": clip(failure.reason, budget.text),
            "fingerprint": clip(failure.fingerprint, budget.text),
            "url": failure.url if len(failure.url) <= budget.text else "",
            "consequence_of": None if failure.consequence_of is None else clip(failure.consequence_of, budget.text),
            "failed_tests": _trimmed_tests(failure.failed_tests, budget),
            "evidence": tuple(
                replace(item, text=clip(item.text, budget.quoted), rule=clip(item.rule, budget.text))
                for item in failure.evidence[: budget.evidence]
            ),
        }
    )


def _trimmed_tests(tests: Sequence[str], budget: Budget) -> tuple[str, ...]:
    """All of them with shorter names, or none: a part would be taken for all that failed."""
    return tuple(clip(test, budget.text) for test in tests) if len(tests) <= budget.lists else ()


def _trimmed_reasons(reasons: Sequence[Reason], budget: Budget) -> tuple[Reason, ...]:
    return tuple(
        reason.model_copy(update={"text": clip(reason.text, budget.text)}) for reason in reasons[: budget.lists]
    )


def pack(documents: Iterable[DecisionDocument]) -> str:
    """The documents as one HTML comment: base64 has no hyphen, so nothing inside can end it.

    What is too large to be read back is not compressed, so that it exceeds every budget instead of being lost.
    """
    values = [document.model_dump(mode="json", by_alias=True, exclude_defaults=True) for document in documents]
    content = json.dumps(values, separators=(",", ":")).encode()
    packed = zlib.compress(content) if len(content) <= _JSON_LIMIT else content
    return f"<!-- storyteller-recovery-state:1 {base64.b64encode(packed).decode()} -->"


def unpack(body: str) -> tuple[DecisionDocument, ...]:
    """The documents that end a comment; none when they are missing, malformed or too large.

    Only the end counts: what looks like packed documents further up may be a line of a log that is quoted there.
    """
    found = _STATE.search(body[-_PACKED_LIMIT:])
    if found is None:
        return ()
    try:
        values = json.loads(_inflated(base64.b64decode(found.group(1), validate=True)))
        if not isinstance(values, list) or len(values) > _DOCUMENTS_LIMIT:
            return ()
        return tuple(_document(value) for value in values)
    except _MALFORMED:
        return ()


def unpacked(body: str) -> str:
    """A comment's text without the documents that end it."""
    return _STATE.sub("", body)


def _inflated(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(packed, _JSON_LIMIT)
    if not inflater.eof:
        raise ValueError("the packed documents are cut off or too large")
    return content


def _document(value: Any) -> DecisionDocument:
    if isinstance(value, dict) and "more_failures" in value:
        return TrimmedDocument.model_validate(value)
    return DecisionDocument.model_validate(value)

"""The one comment on a pull request: for every workflow what happened, why, and what was done about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from recovery.models.decision import ReasonId
from recovery.models.document import DecisionDocument
from recovery.models.records import Outcome
from recovery.render import carry, story

MARKER = "<!-- storyteller-recovery -->"
"""First line of every comment of ours. Anybody can write it: look at the author too."""

LIMIT = 65_536
"""GitHub's limit on a comment, in characters; we keep it in bytes, which are never fewer."""

_FOOTER = (
    "<sub>Storyteller Recovery tries again what failed by bad luck, and leaves real failures to people. "
    "This comment is edited in place; `comment-mode: off` switches it off.</sub>"
)


def comment_body(documents: Sequence[DecisionDocument]) -> str:
    """The comment's whole text, never over GitHub's limit; the same documents always give the same text."""
    known = merge((), documents)
    body = _body(known)
    for budget in carry.LADDER:
        if len(body.encode()) <= LIMIT:
            break
        kept = _bounded(known, budget.workflows, budget.attempts)
        body = _body([carry.trimmed(document, budget) for document in kept])
    return body


def is_ours(body: str) -> bool:
    """Whether a comment starts with our marker."""
    return body.lstrip().startswith(MARKER)


def visible_part(body: str) -> str:
    """What a reader sees of a comment: neither the marker nor the packed documents; for terminals."""
    return carry.unpacked(body).removeprefix(MARKER).strip() + "\n"


def documents_in(body: str) -> tuple[DecisionDocument, ...]:
    """The documents that a comment of ours carries; none when it is not ours or they cannot be read."""
    return carry.unpack(body) if is_ours(body) else ()


def merge(known: Iterable[DecisionDocument], new: Iterable[DecisionDocument]) -> tuple[DecisionDocument, ...]:
    """One document per attempt of the newest run of each workflow; ordered by workflow, then by attempt.

    Of two documents of one attempt the one in which more happened stays, then the one decided later, then the new one.
    A rollback that is on its way outweighs whatever came before it, even a rollback that has ended.
    """
    kept: dict[tuple[int, int], DecisionDocument] = {}
    for document in (*known, *new):
        key = (document.run_id, document.attempt)
        if key not in kept or _weight(kept[key]) <= _weight(document):
            kept[key] = document
    return _bounded(kept.values(), carry.WORKFLOWS, carry.ATTEMPTS)


def _weight(document: DecisionDocument) -> tuple[bool, bool, bool, float, bool]:
    """A run that lost the race for an attempt knows only that it was decided: that never hides the decision."""
    settled = document.outcome not in {None, Outcome.UNKNOWN}
    lost_race = any(reason.id is ReasonId.ALREADY_DECIDED for reason in document.reasons)
    under_way = document.reran and document.rollback is not None
    return (settled or under_way, document.reran, not lost_race, document.decided_at.timestamp(), settled)


def _bounded(documents: Iterable[DecisionDocument], workflows: int, attempts: int) -> tuple[DecisionDocument, ...]:
    runs: defaultdict[str, list[DecisionDocument]] = defaultdict(list)
    for document in documents:
        runs[carry.workflow_of(document)].append(document)
    newest = [_newest_run(run, attempts) for run in runs.values()]
    newest.sort(key=lambda run: (run[-1].decided_at, run[-1].run_id), reverse=True)
    return tuple(sorted((document for run in newest[:workflows] for document in run), key=_place))


def _newest_run(documents: Sequence[DecisionDocument], attempts: int) -> list[DecisionDocument]:
    run_id = max(document.run_id for document in documents)
    return sorted((document for document in documents if document.run_id == run_id), key=_place)[-attempts:]


def _place(document: DecisionDocument) -> tuple[str, int, int]:
    return (document.workflow, document.run_id, document.attempt)


def _body(documents: Sequence[DecisionDocument]) -> str:
    lines = [MARKER]
    for _, run in groupby(documents, key=lambda document: document.run_id):
        lines += _section(list(run))
    if not documents:
        lines += ["Nothing to recover.", ""]
    return "\n".join([*lines, _FOOTER, "", carry.pack(documents)])


def _section(run: Sequence[DecisionDocument]) -> list[str]:
    newest = run[-1]
    return [
        story.title(newest),
        "",
        *story.failures(newest, carry.more_failures(newest)),
        *story.decision(newest),
        *story.attempts(run),
        *story.origin(newest),
    ]

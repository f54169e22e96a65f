"""What a rollback would go back to, and everything that it would not, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recovery.models.decision import DecisionKind, ReasonId
from recovery.models.document import DecisionDocument, RollbackDocument
from recovery.models.rollback import Rejection
from recovery.render import plain
from recovery.render.lines import Line, table
from recovery.render.words import moment

_INDENT = "    "

_TOLD = frozenset({ReasonId.TARGET_VALID, ReasonId.NEWER_RUN})
"""Reasons that say what was found out, beside what a person wants and why there is no target."""


def plan_lines(document: DecisionDocument) -> tuple[Line, ...]:
    """From the bad run to the target, then every checkpoint that was looked into before it, with all its reasons."""
    return tuple(_lines(document))


def _lines(document: DecisionDocument) -> Iterator[Line]:
    order = document.rollback
    acting = document.decision is DecisionKind.ACT
    if order is None:
        yield Line("info", "nothing is to be rolled back")
        return
    where = f"{document.workflow} in {order.environment} ({order.kind})"
    returns = order.returns_from is not None
    yield Line("time", plain.line(f"Return {where} to what stood before" if returns else f"Roll back {where}"))
    yield from (Line("info", text) for text in table(tuple(_facts(document, order, acting=acting))))
    for reason in document.reasons[1:]:
        if reason.id in _TOLD:
            yield Line("quote", f"  {plain.line(reason.text)}")
    if order.forced and acting:
        yield Line("time", "Set aside, because a person asked")
        yield from _reasons(order.forced)
    if order.rejected:
        yield Line("time", "Looked into, and not gone back to")
    for rejected in order.rejected:
        heading = f"{rejected.checkpoint_id} of run {rejected.run_id}, commit {rejected.commit_sha[:7]}"
        yield Line("bad", f"  {plain.line(heading)}")
        yield from _reasons(rejected.rejections)
    yield from _end(document, order, acting=acting)


def _facts(document: DecisionDocument, order: RollbackDocument, *, acting: bool) -> Iterator[tuple[str, str]]:
    if order.returns_from:
        yield "from", f"{order.returns_from}, which failed half-way, commit {order.bad_sha[:7]}"
    else:
        yield "bad run", f"{document.run_id}, commit {order.bad_sha[:7]}"
    if not acting or order.target_sha is None:
        yield "target", "none"
        return
    yield "target", f"{order.target_checkpoint_id} of run {order.target_run_id}, commit {order.target_sha[:7]}"
    if order.hold_until is not None:
        yield "hold", f"commit {order.bad_sha[:7]} until {moment(order.hold_until)}"


def _reasons(reasons: Iterable[Rejection]) -> Iterator[Line]:
    for reason in reasons:
        yield Line("quote", f"{_INDENT}{reason.id}: {plain.line(reason.text)}")


def _end(document: DecisionDocument, order: RollbackDocument, *, acting: bool) -> Iterator[Line]:
    if not acting:
        yield Line("bad", f"Not possible: {plain.line(document.reasons[0].text)}")
        return
    run = "" if order.returns_from else f" --run-id {document.run_id}"
    told = f"recovery rollback --checkpoint-id {order.target_checkpoint_id}{run} --reason '…'"
    forced = f" --force {','.join(reason.id for reason in order.forced)}" if order.forced else ""
    yield Line("info", f"Nothing was changed. To do it: {plain.line(told + forced)}")

"""Tell people: the one comment of a pull request, found by marker and author, edited in place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from recovery.errors import ForgeError, ForgeRefused
from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.records import Outcome
from recovery.ports import Forge, Store
from recovery.render.comment import comment_body, documents_in, is_ours, merge
from recovery.render.decision import decision_document
from recovery.settings import CommentMode


def documents_of(store: Store, recovery_ids: Sequence[str]) -> tuple[DecisionDocument, ...]:
    """The documents of recoveries that are on record, in the order given."""
    found = []
    for recovery_id in recovery_ids:
        plan, state = store.plan(recovery_id), store.recovery(recovery_id)
        if plan is not None and state is not None:
            failures = [failure for each in plan.header.failure_ids if (failure := store.failure(each))]
            found.append(decision_document(plan, failures, state))
    return tuple(found)


def comment_on_pull_requests(
    forge: Forge, documents: Sequence[DecisionDocument], mode: CommentMode
) -> tuple[ForgeError, ...]:
    """Write or edit the comment of each pull request concerned; return what went wrong with any of them.

    Two requests a pull request (one more per further 100 comments), and one where nothing changed.
    """
    wanted = [document for document in documents if document.pull_request and _is_wanted(document, mode)]
    wanted.sort(key=lambda document: document.pull_request or 0)
    problems = []
    for pull_request, group in groupby(wanted, key=lambda document: document.pull_request or 0):
        try:
            _comment(forge, pull_request, tuple(group))
        except ForgeError as error:
            problems.append(error)
    return tuple(problems)


def _is_wanted(document: DecisionDocument, mode: CommentMode) -> bool:
    left_red = document.decision is not DecisionKind.ACT or document.outcome is Outcome.STILL_FAILING
    match mode:
        case CommentMode.ALWAYS:
            return True
        case CommentMode.ON_RECOVERY:
            return document.decision is not DecisionKind.DECLINE
        case CommentMode.FAILURES:
            return left_red
        case CommentMode.OFF:
            return False


def _comment(forge: Forge, pull_request: int, documents: tuple[DecisionDocument, ...]) -> None:
    """Edit the comment that is ours; a bot's that GitHub does not let us edit is another's who quotes us."""
    comments = forge.comments(pull_request)
    for own in (comment for comment in comments if is_ours(comment.body) and forge.owns(comment)):
        body = comment_body(merge(documents_in(own.body), documents))
        if own.body == body:
            return
        try:
            forge.update_comment(own.id, body)
        except ForgeRefused as error:
            if error.status != 403:
                raise
        else:
            return
    forge.create_comment(pull_request, comment_body(merge((), documents)))

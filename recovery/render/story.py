"""The sections of one decision document in Markdown, shared by the pull request's comment and the job summary."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.models.decision import Reason
from recovery.models.document import DecisionDocument, FailureDocument
from recovery.models.records import MOST_FAILED_TESTS, Outcome
from recovery.models.verdict import Evidence
from recovery.render import rolled_back, words
from recovery.render.markdown import block, code, link, prose, row, text
from recovery.render.stages import Stage, stage_of

IN_FULL = 3
"""Failed jobs shown with their evidence; further ones get one line each."""

LISTED = 30
"""Jobs named in any one list."""

EVIDENCE_LINES = 3
"""Lines of evidence shown of one job."""

TESTS_NAMED = 5
"""Failed tests of one job that are named."""


def failures(document: DecisionDocument, more: int = 0) -> list[str]:
    """The failed jobs: the first few with their evidence, the others in a folded list; `more` were left out before."""
    causes = words.causes(document)
    lines = [line for failure in causes[:IN_FULL] for line in (*_in_full(failure), "")]
    lines += _folded(causes[IN_FULL:], more)
    return lines + _consequences(words.consequences(document))


def decision(document: DecisionDocument) -> list[str]:
    """What was decided, every reason for it, and what a person can do."""
    lines = [f"**Decision: {words.decision(document)}.**"]
    lines += [f"- {_reason(reason)}" for reason in document.reasons]
    lines += [f"- set aside, because a person asked: {_reason(reason)}" for reason in document.overridden]
    lines.append("")
    if document.detail:
        lines += [f"What came of it: {prose(document.detail)}", ""]
    if rolled_back.is_one(document):
        lines += rolled_back.particulars(document)
    elif stage_of(document) in {Stage.SUGGESTED, Stage.REFUSED, Stage.NOT_RERUN}:
        lines += [f"To try again: {code(f'gh run rerun {document.run_id} --failed')}", ""]
    return lines


def attempts(documents: Sequence[DecisionDocument]) -> list[str]:
    """A table of one run's attempts, oldest first, with the attempt on which the last outcome was measured."""
    rows = [row(["Attempt", "What happened", "Outcome"]), row(["--:", "---", "---"])]
    for document in documents:
        shown = [_attempt(document, document.attempt), words.happened(document), words.outcome(document)]
        rows.append(row(shown))
    newest = documents[-1]
    if newest.settled_attempt and newest.settled_attempt > newest.attempt:
        rows.append(row([_attempt(newest, newest.settled_attempt), *_measured(newest)]))
    return [*rows, ""]


def _in_full(failure: FailureDocument) -> list[str]:
    facts = [words.verdict(failure.failure_class, failure.confidence, separator=" · ")]
    facts += [f"step {code(failure.step)}"] if failure.step else []
    lines = [f"**{link(failure.job or 'job', failure.url)}** · {' · '.join(facts)}"]
    if failure.evidence:
        lines += _quoted(failure.evidence[:EVIDENCE_LINES])
    elif failure.reason:
        lines += ["", prose(failure.reason)]
    return lines + _failed_tests(failure.failed_tests)


def _failed_tests(tests: Sequence[str]) -> list[str]:
    if not tests:
        return []
    named = ", ".join(code(test) for test in tests[:TESTS_NAMED])
    more = len(tests) - TESTS_NAMED
    count = f"at least {more}" if len(tests) >= MOST_FAILED_TESTS else str(more)
    return ["", f"Failed tests: {named} and {count} more." if more > 0 else f"Failed tests: {named}."]


def _quoted(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    width = max(len(str(item.line)) for item in evidence)
    return block(f"{item.line:>{width}} │ {item.text}" for item in evidence)


def _folded(rest: Sequence[FailureDocument], more: int) -> list[str]:
    if not rest and not more:
        return []
    shown = [
        f"- {link(failure.job or 'job', failure.url)}: {words.verdict(failure.failure_class, failure.confidence)}"
        for failure in rest[:LISTED]
    ]
    unnamed = len(rest) - len(shown) + more
    shown += [f"- and {unnamed} more"] if unnamed else []
    heading = f"{words.plural(len(rest) + more, 'more failed job')}"
    return ["<details>", f"<summary>{heading}</summary>", "", *shown, "", "</details>", ""]


def _consequences(failed: Sequence[FailureDocument]) -> list[str]:
    if not failed:
        return []
    names = ", ".join(code(failure.job) for failure in failed[:LISTED])
    more = f" and {len(failed) - LISTED} more" if len(failed) > LISTED else ""
    return [f"Red only because of the above: {names}{more}.", ""]


def _reason(reason: Reason) -> str:
    return f"{prose(reason.text)} ({code(reason.id)})"


def _attempt(document: DecisionDocument, attempt: int) -> str:
    run = document.url.split("/attempts/", maxsplit=1)[0]
    return link(str(attempt), f"{run}/attempts/{attempt}" if run else "")


def _measured(document: DecisionDocument) -> tuple[str, str]:
    match document.outcome:
        case Outcome.CLEARED:
            return "the jobs that had failed passed", "✅ green"
        case Outcome.STILL_FAILING:
            return "it failed again", "🛑 red"
        case _:
            return "nothing that proves success or failure", "❔ not known"


def title(document: DecisionDocument) -> str:
    """The headline as a heading."""
    return f"### {words.headline(document)}"


def origin(document: DecisionDocument) -> list[str]:
    """Which run of which commit this is about, in one small line: a late comment must not be taken for a new one."""
    run = link(f"run {document.run_id}", document.url)
    return [f"<sub>{run} · commit {text(document.head_sha[:7])}</sub>", ""]

"""Decision documents for the render tests, and a reader of the Markdown that GitHub would make of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from recovery.models.decision import DecisionKind, Reason, ReasonId
from recovery.models.document import DecisionDocument, FailureDocument
from recovery.models.records import RecoveryStatus, RecoveryType
from recovery.models.verdict import Evidence
from tests.builders import HEAD_SHA, NOW, REPOSITORY

RUN_URL = f"https://github.com/{REPOSITORY}/actions/runs/1001"

HOSTILE = (
    "@octocat @org/team please look",
    "#123 GH-123 gh-7 octo/widgets#5 user@6dcb09b",
    "https://evil.example www.evil.example http://a.b mail@evil.example ftp://x.y",
    "[click](https://evil.example) ![pixel](https://evil.example/p.png) <https://evil.example>",
    "<img src=x onerror=alert(1)><script>alert(1)</script><!-- gone",
    "--> <!-- storyteller-recovery --> </details></table>",
    "``` `` ` ```` ~~~ ~~gone~~",
    "# heading\n## heading\n===\n---\n- item\n1. item\n> quote\n    code",
    "| a | b |\n|---|---|\n| 1 | 2 \\| 3 |",
    ":tada: :+1: $x^2$ $$y$$ [^1] [x] [!NOTE]",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b1m \x00\x07\x08",
    "\u202egnihtemos\u202c \u2066x\u2069 \u200b\ufeff\U000e0041\U000e0100",
    "\\",
    "\\`",
    "*a* _b_ **c** &amp; &#64;octocat",
)
hostile_text = st.lists(
    st.one_of(
        st.sampled_from(HOSTILE), st.text(st.sampled_from("`|@#:[]()<>!\\*_~ \nax1-=+.&/w"), max_size=30), st.text()
    ),
    max_size=4,
).map("".join)

_MARKDOWN = MarkdownIt("js-default", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
_LINKED_BY_GITHUB = re.compile(r"@\w|#\d|gh-\d|://|www\.|:[\w+-]+:", re.IGNORECASE)


def tokens(markdown: str) -> Iterator[Token]:
    """All tokens of a document, those inside of lines too."""
    for token in _MARKDOWN.parse(markdown):
        yield token
        yield from token.children or ()


def kinds(markdown: str) -> set[str]:
    """The kinds of token that a document consists of."""
    return {token.type for token in tokens(markdown)}


def linked_by_github(markdown: str) -> list[str]:
    """What GitHub would turn into mentions, references, links and emoji in the text outside of code."""
    # GitHub looks at each run of text as it stands once Markdown has been read.
    runs = [
        "".join(child.content if child.type in {"text", "text_special"} else "\n" for child in token.children or ())
        for token in _MARKDOWN.parse(markdown)
        if token.type == "inline"
    ]
    return [found.group() for run in runs for found in _LINKED_BY_GITHUB.finditer(run)]


def make_failed(**over: Any) -> FailureDocument:
    """A job that lost its network."""
    fields: dict[str, Any] = {
        "job": "build (3.11)",
        "class": "network",
        "retryable": "yes",
        "confidence": 0.97,
        "evidence": (Evidence(line=1042, text="curl: (6) Could not resolve host: pypi.org", rule="curl-dns"),),
        "step": "Install dependencies",
        "reason": "A host name could not be resolved.",
        "fingerprint": "network:0123456789abcdef",
        "url": f"{RUN_URL}/job/4201",
    }
    return FailureDocument.model_validate(fields | over)


def make_document(**over: Any) -> DecisionDocument:
    """A decision to re-run after a network failure, made a moment ago."""
    fields: dict[str, Any] = {
        "repository": REPOSITORY,
        "workflow": "CI",
        "run_id": 1001,
        "attempt": 1,
        "url": RUN_URL,
        "head_sha": HEAD_SHA,
        "pull_request": 17,
        "recovery_id": "rec-1001-1-1",
        "status": RecoveryStatus.PENDING,
        "failures": (make_failed(),),
        "decision": DecisionKind.ACT,
        "strategy": RecoveryType.RETRY,
        "reasons": (
            Reason(
                id=ReasonId.TRANSIENT,
                text="job `build (3.11)` failed for a passing reason (network), and nothing speaks against a retry",
            ),
        ),
        "plan": ("read the run once more", "re-run the failed jobs"),
        "decided_at": NOW,
    }
    return DecisionDocument(**fields | over)


def rerunning(**over: Any) -> DecisionDocument:
    """GitHub has accepted the re-run."""
    return make_document(**{"reran": True, "status": RecoveryStatus.IN_PROGRESS} | over)


def cleared(**over: Any) -> DecisionDocument:
    """The re-run came out green."""
    settled = {"outcome": "cleared", "settled_attempt": 2, "status": RecoveryStatus.COMPLETED}
    return rerunning(**settled | over)


def left_red(**over: Any) -> DecisionDocument:
    """A test fails for real, and a gate job with it."""
    test = make_failed(
        **{
            "job": "test",
            "class": "test_failure",
            "retryable": "no",
            "confidence": 0.96,
            "step": "pytest",
            "evidence": (
                Evidence(line=212, text="FAILED tests/test_sum.py::test_sum - assert 3 == 4", rule="pytest-failed"),
                Evidence(line=1230, text="1 failed, 41 passed in 3.21s", rule="pytest-tally"),
            ),
        }
    )
    gate = make_failed(**{"job": "all-green", "class": "unknown", "retryable": "no", "consequence_of": "test"})
    reason = "job `test` failed for a real reason (test failure): the same commit would fail again"
    declined = {
        "failures": (test, gate),
        "decision": DecisionKind.DECLINE,
        "strategy": RecoveryType.NONE,
        "status": RecoveryStatus.DECLINED,
        "reasons": (Reason(id=ReasonId.REAL_FAILURE, text=reason),),
        "plan": (),
    }
    return make_document(**declined | over)

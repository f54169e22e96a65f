"""The comment on a pull request."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.models.decision import Reason, ReasonId
from recovery.models.document import DecisionDocument, RollbackDocument
from recovery.models.verdict import Evidence
from recovery.render import carry
from recovery.render.comment import LIMIT, MARKER, comment_body, documents_in, is_ours, merge, visible_part
from tests.builders import later
from tests.unit.render.samples import (
    HOSTILE,
    RUN_URL,
    cleared,
    hostile_text,
    left_red,
    linked_by_github,
    make_document,
    make_failed,
    rerunning,
    tokens,
)

GOLDEN_COMMENTS: dict[str, tuple[DecisionDocument, ...]] = {
    "rerunning": (rerunning(),),
    "cleared": (cleared(),),
    "left-red": (left_red(),),
    "suggested": (
        make_document(
            decision="suggest",
            status="declined",
            failures=(make_failed(**{"class": "flaky_test", "confidence": 0.62, "evidence": (), "step": None}),),
            reasons=(Reason(id=ReasonId.ONLY_MAYBE, text="job `build (3.11)` may pass on a second try, or may not"),),
        ),
    ),
    "due": (make_document(due_at=later(300)),),
    "refused": (
        make_document(status="failed", detail="GitHub answered 403: add `actions: write` to the job's permissions"),
    ),
    "failed-again": (
        rerunning(outcome="still-failing", settled_attempt=2),
        left_red(attempt=2, reasons=(Reason(id=ReasonId.ATTEMPT_CAP, text="this was attempt 2 of 2 allowed"),)),
    ),
    "two-workflows": (cleared(), left_red(workflow="Docs", run_id=1002)),
    "overridden": (
        rerunning(
            reasons=(Reason(id=ReasonId.REQUESTED, text="a person asked for `retry`"),),
            overridden=(Reason(id=ReasonId.UNKNOWN_CAUSE, text="the cause is not known"),),
            failures=(
                make_failed(**{"class": "unknown", "confidence": 0.0, "evidence": (), "reason": "", "step": None}),
            ),
        ),
    ),
    "failed-tests": (
        left_red(
            failures=(
                make_failed(
                    **{
                        "job": "test",
                        "class": "test_failure",
                        "retryable": "no",
                        "failed_tests": tuple(f"tests/test_sum.py::test_{number}[a|b]" for number in range(8)),
                    }
                ),
            )
        ),
    ),
    "many-jobs": (left_red(failures=tuple(make_failed(job=f"test ({number})") for number in range(40))),),
}
HTML_OF_OURS = {"<sub>", "</sub>", "<details>", "</details>", "<summary>", "</summary>"}


@pytest.mark.parametrize("name", GOLDEN_COMMENTS)
def test_comment_reads_as_agreed(name: str, golden: Callable[[str, str], None]) -> None:
    """The visible part of each kind of comment is its golden text."""
    golden(f"comment/{name}.md", visible_part(comment_body(GOLDEN_COMMENTS[name])))


@pytest.mark.parametrize("name", GOLDEN_COMMENTS)
def test_comment_carries_its_documents(name: str) -> None:
    """What goes into a comment can be read out of it, and writing it again gives the same text."""
    body = comment_body(GOLDEN_COMMENTS[name])
    assert GOLDEN_COMMENTS[name] == documents_in(body)
    assert body == comment_body(documents_in(body))
    assert is_ours(body)


def test_an_empty_comment_says_so() -> None:
    """Without documents the comment says that there is nothing, and carries nothing."""
    body = comment_body(())
    assert "Nothing to recover." in body
    assert () == documents_in(body)


def test_windows_line_ends_and_trailing_space_do_no_harm() -> None:
    """A comment that was saved in a browser can still be read."""
    body = comment_body([cleared()]).replace("\n", "\r\n") + "\r\n \n"
    assert (cleared(),) == documents_in(body)


hostile_document = st.builds(
    lambda strings, number: make_document(
        workflow=strings[0],
        url=strings[1],
        head_sha=strings[2],
        detail=strings[3],
        decision=["act", "suggest", "decline"][number % 3],
        reasons=(Reason(id=ReasonId.REAL_FAILURE, text=strings[4]),),
        overridden=(Reason(id=ReasonId.UNKNOWN_CAUSE, text=strings[0]),),
        failures=tuple(
            make_failed(
                job=strings[index % 8],
                step=strings[5],
                reason=strings[6],
                url=strings[(index + 1) % 8],
                consequence_of=strings[7] if index % 3 == 2 else None,
                failed_tests=tuple(strings[: index % 8]),
                evidence=(Evidence(line=1, text=strings[index % 5], rule="r"),) if index % 2 else (),
            )
            for index in range(number)
        ),
        outcome="cleared" if number % 2 else None,
        settled_attempt=2 if number % 2 else None,
    ),
    st.lists(hostile_text, min_size=8, max_size=8),
    st.integers(min_value=0, max_value=9),
)


def assert_harmless(markdown: str) -> None:
    """Everything in a comment that is not text or code was put there by us."""
    parsed = list(tokens(markdown))
    html = [token.content for token in parsed if token.type in {"html_inline", "html_block"}]
    for fragment in html:
        is_ours_too = (
            fragment in HTML_OF_OURS
            or fragment.strip() == MARKER
            or fragment.startswith(("<!-- storyteller-recovery-state:1 ", "<details>\n<summary>", "</details>"))
        )
        assert is_ours_too, fragment
    assert not {"image", "s_open", "em_open", "hr", "blockquote_open", "code_block"} & {token.type for token in parsed}
    targets = [str(token.attrs["href"]) for token in parsed if token.type == "link_open"]
    assert all(target.startswith("https://") for target in targets)
    assert [] == linked_by_github(markdown)


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile_document, max_size=3))
def test_hostile_text_does_nothing(documents: list[DecisionDocument]) -> None:
    """No text of a document makes a heading, link, image, HTML or mention of its own."""
    numbered = [document.model_copy(update={"run_id": 1000 + n}) for n, document in enumerate(documents)]
    kept = merge((), numbered)
    body = comment_body(numbered)
    assert_harmless(body)
    assert len(kept) == sum(token.type == "heading_open" for token in tokens(body))
    assert kept == documents_in(body)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_samples_do_nothing_anywhere(value: str) -> None:
    """Each hostile sample is harmless in each place of a document."""
    line = Evidence(line=1, text=value, rule=value)
    failed = make_failed(job=value, step=value, reason=value, evidence=(line,), failed_tests=(value,) * 7)
    document = rerunning(
        workflow=value, detail=value, failures=(failed,) * 5, reasons=(Reason(id=ReasonId.TRANSIENT, text=value),)
    )
    assert_harmless(comment_body([document]))


def test_quoted_state_is_not_read() -> None:
    """A log line that looks like our packed documents is not taken for them."""
    forged = carry.pack([cleared(workflow="forged")])
    body = comment_body([left_red(failures=(make_failed(evidence=(Evidence(line=1, text=forged[:290], rule="r"),)),))])
    assert ["CI"] == [document.workflow for document in documents_in(body)]
    assert () == documents_in(f"{body}\nmore text")


def packed(content: bytes) -> str:
    """A comment of ours that carries some bytes."""
    return f"{MARKER}\n<!-- storyteller-recovery-state:1 {base64.b64encode(content).decode()} -->"


@pytest.mark.parametrize(
    "body",
    [
        "",
        MARKER,
        carry.pack([cleared()]),
        f"{MARKER}\n<!-- storyteller-recovery-state:2 AAAA -->",
        f"{MARKER}\n<!-- storyteller-recovery-state:1 A -->",
        packed(b"not packed"),
        packed(zlib.compress(b"not json")),
        packed(zlib.compress(b"{}")),
        packed(zlib.compress(b"[1]")),
        packed(zlib.compress(b'[{"version": 1}]')),
        packed(zlib.compress(b'[{"more_failures": 1}]')),
        packed(zlib.compress(b"[" * 100_000)),
        packed(zlib.compress(b"\xff")),
        packed(zlib.compress(b"[]")[:-3]),
        packed(zlib.compress(b" " * (1 << 24))),
        packed(zlib.compress(json.dumps([cleared().model_dump(mode="json", by_alias=True)] * 201).encode())),
    ],
    ids=range(16),
)
def test_malformed_comments_carry_nothing(body: str) -> None:
    """Whatever is not our packed documents, whole and sound, counts as none."""
    assert () == documents_in(body)


def noise(seed: int, length: int = 400) -> str:
    """Text that does not compress and that escaping makes as long as can be."""
    alphabet = "@#&<>|`*_\U0001f600\U0001f4a9日本語é+"
    return "".join(alphabet[byte % len(alphabet)] for byte in hashlib.shake_128(str(seed).encode()).digest(length))


def crowd(runs: int, attempts: int, failures: int) -> Iterable[DecisionDocument]:
    """Documents whose every text is long, hostile and unlike any other."""
    seed = 0
    for run in range(runs):
        for attempt in range(1, attempts + 1):
            failed = []
            for _ in range(failures):
                seed += 7
                lines = tuple(Evidence(line=n + 1, text=noise(seed + n), rule=noise(seed, 80)) for n in range(3))
                text = {"job": noise(seed + 3), "step": noise(seed + 4), "reason": noise(seed + 5)}
                tests = tuple(noise(seed + n) for n in range(20))
                url = f"{RUN_URL}/{noise(seed + 6)}"
                failed.append(make_failed(**text, evidence=lines, url=url, failed_tests=tests))
            yield rerunning(
                workflow=noise(run),
                run_id=run + 1,
                attempt=attempt,
                failures=tuple(failed),
                url=f"{RUN_URL}/{noise(seed)}",
                reasons=tuple(Reason(id=ReasonId.REAL_FAILURE, text=noise(seed)) for _ in range(20)),
                plan=(noise(seed),) * 50,
                detail=noise(seed, 5000),
            )


@pytest.mark.parametrize(("runs", "attempts", "failures"), [(1, 1, 500), (1, 2, 60), (3, 10, 4), (25, 12, 1)])
def test_comment_never_exceeds_the_limit(runs: int, attempts: int, failures: int) -> None:
    """Hundreds of failures with hostile text fit, are harmless, and can be read back and written again."""
    documents = tuple(crowd(runs, attempts, failures))
    body = comment_body(documents)
    assert len(body.encode()) <= LIMIT
    assert body.startswith(MARKER)
    assert_harmless(body)
    kept = documents_in(body)
    assert kept
    assert body == comment_body(kept)
    assert body == comment_body(merge(kept, documents_in(body)))


def test_documents_too_large_to_read_back_are_trimmed() -> None:
    """Megabytes that would compress well are trimmed all the same, because nobody would unpack them."""
    document = left_red(failures=tuple(make_failed(reason="x" * 5000) for _ in range(500)))
    (kept,) = documents_in(comment_body([document]))
    assert 500 == len(kept.failures) + carry.more_failures(kept)


def test_the_smallest_budget_always_fits() -> None:
    """At the last step of the ladder the largest document is a small part of the limit."""
    huge = next(iter(crowd(1, 1, 3)))
    smallest = carry.trimmed(huge, carry.LADDER[-1])
    assert len(comment_body([smallest]).encode()) <= LIMIT // 3


def test_left_out_failures_are_counted() -> None:
    """Failures that did not fit are told by their number, and counted on when trimmed again."""
    document = left_red(failures=tuple(make_failed(job=f"job {number}") for number in range(30)))
    once = carry.trimmed(document, carry.LADDER[3])
    twice = carry.trimmed(once, carry.LADDER[4])
    assert (25, 28) == (carry.more_failures(once), carry.more_failures(twice))
    assert "<summary>28 more failed jobs</summary>" in comment_body([twice])
    assert (twice,) == documents_in(comment_body([twice]))


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "Failed tests: `t0`."),
        (5, "Failed tests: `t0`, `t1`, `t2`, `t3`, `t4`."),
        (6, "Failed tests: `t0`, `t1`, `t2`, `t3`, `t4` and 1 more."),
        (19, "Failed tests: `t0`, `t1`, `t2`, `t3`, `t4` and 14 more."),
        (20, "Failed tests: `t0`, `t1`, `t2`, `t3`, `t4` and at least 15 more."),
    ],
)
def test_failed_tests_are_named_and_counted(count: int, told: str) -> None:
    """The first few by name, the others by number; no more than 20 are on record, so that there may be others."""
    failed = make_failed(failed_tests=tuple(f"t{number}" for number in range(count)))

    assert told in comment_body([left_red(failures=(failed,))]).splitlines()


def test_failed_tests_that_do_not_fit_are_left_out_together() -> None:
    """A part of them would be taken for all; names that are too long are shortened."""
    failed = make_failed(failed_tests=("x" * 1000,) * 3)
    kept = [carry.trimmed(left_red(failures=(failed,)), budget).failures[0].failed_tests for budget in carry.LADDER]

    assert [500, 300, 200, 120, 100] == [len(tests[0]) for tests in kept[:5]]
    assert [(), ()] == kept[5:]


def test_ladder_only_goes_down() -> None:
    """Each budget is no larger than the one before it, so that trimming twice changes nothing."""
    for larger, smaller in pairwise(carry.LADDER):
        assert all(getattr(larger, name) >= getattr(smaller, name) for name in carry.Budget.__dataclass_fields__)


def test_merge_keeps_what_happened() -> None:
    """A settled document outweighs a re-run, that a plan, and that the word of a run that lost the race."""
    lost = left_red(reasons=(Reason(id=ReasonId.ALREADY_DECIDED, text="decided before"),), decided_at=later(60))
    rising = [lost, make_document(), rerunning(), cleared()]
    for weaker, stronger in pairwise(rising):
        assert (stronger,) == merge([weaker], [stronger])
        assert (stronger,) == merge([stronger], [weaker])


def test_merge_tells_of_the_rollback_that_goes_on() -> None:
    """It outweighs its proposal, and an earlier one that failed; one that was refused outweighs neither."""
    told = RollbackDocument(kind="redispatch", environment="production", bad_sha="b" * 40)
    fields = {"strategy": "rollback", "rollback": told}
    proposed = make_document(decision="suggest", status="declined", strategy="rollback")
    failed = make_document(**fields, reran=True, status="failed", outcome="still-failing", decided_at=later(60))
    again = make_document(**fields, reran=True, status="in_progress", decided_at=later(120))
    returned = make_document(**fields, reran=True, status="completed", outcome="cleared", decided_at=later(120))
    refused = make_document(**fields, status="failed", decided_at=later(180))
    for weaker, stronger in [*pairwise([proposed, failed, again, returned]), (refused, failed), (refused, again)]:
        assert (stronger,) == merge([weaker], [stronger])
        assert (stronger,) == merge([stronger], [weaker])


def test_merge_replaces_the_older_document_of_an_attempt() -> None:
    """Of two equal documents of one attempt the one decided later stays, else the new one."""
    old, new = left_red(detail="old"), left_red(detail="new")
    latest = left_red(detail="latest", decided_at=later(1))
    assert (new,) == merge([old], [new])
    assert (latest,) == merge([latest], [new])


def test_merge_keeps_the_newest_run_of_each_workflow() -> None:
    """An older run of a workflow gives way to a newer one; other workflows stay; all are in order."""
    old, new, again = cleared(run_id=1), rerunning(run_id=2), left_red(run_id=2, attempt=2)
    other = cleared(run_id=1, workflow="Build").model_copy(update={"run_id": 3})
    assert (other, new, again) == merge([old, again], [other, new])


def test_merge_is_bounded() -> None:
    """No more than the newest workflows and attempts are kept."""
    attempts = [rerunning(attempt=number) for number in range(1, 13)]
    assert list(range(3, 13)) == [document.attempt for document in merge((), attempts)]
    workflows = [rerunning(run_id=n, workflow=f"w{n:02}", decided_at=later(n)) for n in range(25)]
    assert [f"w{n:02}" for n in range(5, 25)] == [document.workflow for document in merge((), workflows)]


def test_attempts_are_linked_to_the_attempt() -> None:
    """The table links each attempt, also where the run's address names one already; without address it links none."""
    body = comment_body([cleared(url=f"{RUN_URL}/attempts/1")])
    assert f"[1]({RUN_URL}/attempts/1)" in body
    assert f"[2]({RUN_URL}/attempts/2)" in body
    assert "| 1 |" in comment_body([cleared(url="")])


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("still-failing", "| it failed again | 🛑 red |"),
        ("unknown", "| nothing that proves success or failure | ❔ not known |"),
    ],
)
def test_the_measured_attempt_has_its_row(outcome: str, expected: str) -> None:
    """The attempt on which the outcome was measured is in the table though no decision was made about it."""
    assert expected in comment_body([rerunning(outcome=outcome, settled_attempt=2)])

"""What must hold when everything has come to rest, whatever went wrong on the way."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recovery.adapters.github.archive import member
from recovery.models.decision import DecisionKind
from recovery.models.document import DecisionDocument
from recovery.models.event_lines import read_events
from recovery.models.events import Event, FailureObserved, RecoveryDecided
from recovery.models.records import Outcome, RecoveryStatus
from recovery.policy.lifecycle import OPEN
from recovery.render.comment import documents_in, is_ours, merge
from recovery.render.story import title
from recovery.render.words import Stage, stage_of
from recovery.reporter import documents_of
from recovery.sync import JOURNAL_FILE, PLAN_FILE
from tests.faults.loop import REAL, Loop, Turn, final_store

RERUN = re.compile(r"/actions/runs/(\d+)/rerun")
ERROR_CODES = frozenset({3, 5, 6, 7, 8, 9, 11})


def reruns(loop: Loop) -> list[Any]:
    """Every request to re-run anything, in the order received."""
    return [seen for seen in loop.world.requests if seen.method == "POST" and RERUN.search(seen.path)]


def assert_all(loop: Loop, *, most_comments: int = 1) -> None:
    """Everything that is promised."""
    no_harm(loop)
    store = final_store(loop.turns[-1])
    no_fact_lost(loop, store)
    settled_and_true(loop, store)
    comment_is_right(loop, store, most=most_comments)


def assert_forgotten(loop: Loop) -> None:
    """What is left to promise where GitHub keeps neither plan nor journal: no harm, and no claim without proof.

    The comment alone then tells of the re-run, and stays at that: its outcome is measured by nobody.
    """
    no_harm(loop)
    (body,) = (comment.body for comment in loop.world.pulls.comments(1) if is_ours(comment.body))
    assert "recovered" not in body.splitlines()[1]


def no_harm(loop: Loop) -> None:
    """What holds whatever is lost."""
    at_most_one_rerun_an_attempt(loop)
    looked_directly_before_each_effect(loop)
    never_a_real_failure(loop)
    exits_as_documented(loop)
    no_token_anywhere(loop)
    assert [] == loop.world.offences


def at_most_one_rerun_an_attempt(loop: Loop) -> None:
    """GitHub accepts one of ours per attempt, and `max-attempts` is kept."""
    accepted = [seen for seen in reruns(loop) if seen.carried_out == 201]
    ours = [attempt for attempt in loop.run.attempts[1:] if attempt.triggering_actor.type == "Bot"]
    assert len(ours) == len(accepted)
    assert len(accepted) <= 1


def looked_directly_before_each_effect(loop: Loop) -> None:
    """The same recovery run asked for the run in its request directly before, and got an answer."""
    for post in reruns(loop):
        own = [seen for seen in loop.world.requests if seen.run_id == post.run_id and not seen.redirect]
        before = own[own.index(post) - 1]
        assert ("GET", f"/repos/octo/repo/actions/runs/{loop.ci}", 200) == (before.method, before.path, before.status)


def never_a_real_failure(loop: Loop) -> None:
    """A test that fails because the code is wrong is not re-run, nor even asked for."""
    if loop.failure == REAL:
        assert [] == reruns(loop)


def no_fact_lost(loop: Loop, store: Any) -> None:
    """What was uploaded is in the last sweep's store, folded from artifacts alone; what GitHub did is on record."""
    for event in _uploaded(loop):
        if isinstance(event, FailureObserved):
            assert store.failure(event.failure.id) is not None, event.failure.id
        if isinstance(event, RecoveryDecided):
            state = store.recovery(event.plan.header.id)
            assert state is not None, event.plan.header.id
            if event.plan.decision.kind is DecisionKind.ACT:
                assert DecisionKind.ACT == state.recovery_context["decision"]
    last = loop.run.latest
    if last.conclusion != "success":
        assert store.recoveries_of(loop.ci, last.number), "the last failure is not on record"
        assert store.failures_of(loop.ci, last.number)


def settled_and_true(loop: Loop, store: Any) -> None:
    """Nothing is open, nothing contradicts itself or GitHub, and `cleared` means that our re-run cleared it."""
    attempts = {attempt.number: attempt for attempt in loop.run.attempts}
    for number in attempts:
        known = store.recoveries_of(loop.ci, number)
        assert [] == [state.id for state in known if state.status in OPEN]
        assert 1 >= len([state for state in known if state.metadata.get("accepted")])
        measured = [state.metadata["outcome"] for state in known if state.metadata.get("outcome")]
        measured = [outcome for outcome in measured if outcome != Outcome.NOT_RERUN]
        assert 1 >= len(measured)
        following = attempts.get(number + 1)
        ours = following is not None and following.triggering_actor.type == "Bot"
        passed = following is not None and following.conclusion == "success"
        stopped = following is not None and following.conclusion == "cancelled"
        for state in known:
            outcome = state.metadata.get("outcome")
            assert (state.status is RecoveryStatus.COMPLETED) == (outcome == Outcome.CLEARED)
            if outcome == Outcome.CLEARED:
                assert ours, "cleared, but not by us"
                assert passed, "cleared, but it did not pass"
            if state.metadata.get("accepted"):
                assert ours, "accepted, but there is no attempt of ours"
            if outcome == Outcome.STILL_FAILING:
                assert ours
                assert not passed
            if outcome == Outcome.NOT_RERUN and not measured:
                assert not ours, "re-run by us, but on record as not re-run"
        acting = [state for state in known if state.recovery_context.get("decision") == DecisionKind.ACT]
        if ours and acting:
            wanted = Outcome.CLEARED if passed else Outcome.UNKNOWN if stopped else Outcome.STILL_FAILING
            assert [wanted] == measured


def comment_is_right(loop: Loop, store: Any, *, most: int = 1) -> None:
    """A comment, if anything was decided, and the oldest says of the newest attempt what the record says."""
    bodies = [comment.body for comment in loop.world.pulls.comments(1) if is_ours(comment.body)]
    documents = _documents(store)
    if not documents:
        assert [] == bodies
        return
    assert 1 <= len(bodies) <= most, f"{len(bodies)} comments"
    newest, shown = documents[-1], documents_in(bodies[0])[-1]
    assert _said(newest) == _said(shown)
    assert title(newest) in bodies[0]
    if stage_of(newest) is Stage.CLEARED:
        assert "recovered" in bodies[0].splitlines()[1]


def exits_as_documented(loop: Loop) -> None:
    """A step ends well, or with a documented code and one clear line; never by a fault of our own."""
    for turn in loop.turns:
        for step in turn.steps:
            if step.code < 0:  # killed
                continue
            assert "Traceback" not in step.err, step.err
            if step.code == 0:
                assert [] == step.errors
            else:
                assert step.code in ERROR_CODES, step.out + step.err
                assert 1 == len(step.errors), step.out


def no_token_anywhere(loop: Loop) -> None:
    """No token is in any file, artifact, cache or output, but for the line that has the runner mask it."""
    tokens = [turn.token.encode() for turn in loop.turns]
    for turn in loop.turns:
        said = "\n".join(line for line in turn.told.splitlines() if not line.startswith("::add-mask::"))
        assert turn.token not in said
    kept = [artifact.content for artifact in loop.world.vault.artifacts()]
    kept += [comment.body.encode() for comment in loop.world.pulls.comments(1)]
    kept += [path.read_bytes() for path in _files(loop)]
    everything = b"\n".join(kept)
    assert [] == [token for token in tokens if token in everything]


def _files(loop: Loop) -> Iterator[Path]:
    return (path for path in loop.folder.rglob("*") if path.is_file())


def _uploaded(loop: Loop) -> Iterator[Event]:
    for artifact in loop.world.vault.artifacts():
        if artifact.expired or loop.world.runs.get(artifact.run_id).head_repository != loop.world.repository.name:
            continue
        for name in (PLAN_FILE, JOURNAL_FILE):
            data = member(io.BytesIO(artifact.content), name)
            events, problems = read_events(data or b"", artifact.name)
            assert () == tuple(problems)
            yield from events


def _documents(store: Any) -> tuple[DecisionDocument, ...]:
    states = sorted(store.recoveries(), key=lambda state: (state.started_at, state.id))
    return merge((), documents_of(store, [state.id for state in states]))


def _said(document: DecisionDocument) -> tuple[Any, ...]:
    return (document.attempt, document.decision, document.reran, document.outcome, document.status)


def last_turn(loop: Loop) -> Turn:
    """The recovery run that ran last."""
    return loop.turns[-1]

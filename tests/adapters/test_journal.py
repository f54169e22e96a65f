"""The journal: lines that are whole, on disk before the store, and readable whatever stands between them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recovery.adapters.journal import Journal, JournalledStore
from recovery.errors import StateError
from recovery.models import event_lines
from recovery.models.decision import Reason, ReasonId
from recovery.models.event_lines import JOURNAL_LIMIT, LINE_LIMIT, PROBLEMS_SHOWN, read_events
from recovery.models.events import Event
from tests import builders as make
from tests.fakes.store import MemoryStore

ROOT = Path(__file__).parents[2]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal whose folder is not there yet."""
    return Journal(tmp_path / "new" / "journal.jsonl")


def line(event: Event) -> bytes:
    """An event as a journal's line."""
    return event.model_dump_json().encode() + b"\n"


def events_of(journal: Journal) -> tuple[Event, ...]:
    """What a journal holds; nothing else may be in it."""
    events, problems = read_events(journal.path.read_bytes(), "journal")
    expected: tuple[str, ...] = ()
    assert expected == problems
    return events


def test_events_of_all_kinds_come_back_in_order(journal: Journal) -> None:
    """One line each, over several calls."""
    events = (
        make.failure_observed(),
        make.checkpoint_created(),
        make.recovery_decided(),
        make.effect_requested(),
        make.effect_answered(detail="line\nbreak \u2028 ✓"),
        make.recovery_settled(),
        make.note_taken(),
    )

    journal.append(events[:3])
    journal.append(iter(events[3:]))

    expected = (events, len(events))
    assert expected == (events_of(journal), journal.path.read_bytes().count(b"\n"))


def test_nothing_to_append_makes_no_file(journal: Journal) -> None:
    """A run that records nothing leaves nothing."""
    journal.append([])

    assert not journal.path.exists()


def test_torn_last_line_is_skipped_in_silence() -> None:
    """It is what a killed writer leaves; its event was never recorded either."""
    events = (make.failure_observed(), make.recovery_decided())
    data = b"".join(line(event) for event in events)

    expected = (events[:1], ())
    assert expected == read_events(data[:-20], "journal")


def test_last_line_without_an_end_counts_when_it_is_whole() -> None:
    """Editors and other tools drop the last line's end."""
    event = make.failure_observed()

    expected = ((event,), ())
    assert expected == read_events(line(event).rstrip(), "journal")


def test_append_leaves_a_torn_line_alone(journal: Journal) -> None:
    """What follows a killed writer begins on a line of its own."""
    event = make.failure_observed()
    journal.path.parent.mkdir()
    journal.path.write_bytes(line(make.recovery_decided())[:-20])

    journal.append([event])

    events, problems = read_events(journal.path.read_bytes(), "journal")
    expected = ((event,), ("journal, line 1: not JSON",))
    assert expected == (events, problems)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b'{"kind": "invented", "secret": "hunter2"}', "a kind that this version does not know"),
        (b'{"kind": "note-taken", "secret": "hunter2"}', "not an event (missing)"),
        (b'{"secret": "hunter2"}', "not an event (union_tag_not_found)"),
        (b"hunter2", "not JSON"),
        (b"[]", "not an event (dict_type)"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b'"' + b"x" * LINE_LIMIT + b'"', "longer than"),
    ],
)
def test_line_that_is_no_event_is_told_and_skipped(bad: bytes, said: str) -> None:
    """The lines around it count; the problem names the line and repeats nothing of it."""
    before, after = make.failure_observed(), make.recovery_decided()

    events, (problem,) = read_events(line(before) + bad + b"\n\n" + line(after), "artifact 7")

    expected = (before, after)
    assert expected == events
    assert problem.startswith("artifact 7, line 2: ")
    assert said in problem
    assert "hunter2" not in problem


def test_lines_may_end_as_on_windows() -> None:
    """A file that went through another system is read the same."""
    event = make.failure_observed()

    expected = ((event, event), ())
    assert expected == read_events((line(event) * 2).replace(b"\n", b"\r\n"), "journal")


def test_many_problems_are_counted() -> None:
    """A file of another kind does not make a problem of each of its lines."""
    _, problems = read_events(b"x\n" * 5000, "journal")

    expected = (PROBLEMS_SHOWN + 1, f"journal: and {5000 - PROBLEMS_SHOWN} more lines like these")
    assert expected == (len(problems), problems[-1])


def test_journal_that_is_too_large_is_read_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first events count, and a problem says that there were more."""
    event = make.failure_observed()
    monkeypatch.setattr(event_lines, "JOURNAL_LIMIT", 2 * len(line(event)) + 5)

    events, problems = read_events(line(event) * 3, "journal")

    expected = ((event, event), 1)
    assert expected == (events, len(problems))
    assert JOURNAL_LIMIT >= 2**20


def test_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """A directory stands where the journal should be."""
    with pytest.raises(StateError, match="cannot be written") as caught:
        Journal(tmp_path).append([make.failure_observed()])

    assert caught.value.hint is not None


def test_short_writes_are_continued(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes only a part at a time gets the rest."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:100]))
    event = make.failure_observed()

    journal.append([event])

    expected = (event,)
    assert expected == events_of(journal)


APPEND = """
import os, sys
from pathlib import Path
from recovery.adapters.journal import Journal
from tests import builders as make

go, start = os.pipe()
children = []
for writer in range(4):
    child = os.fork()
    if child == 0:
        os.close(start)
        os.read(go, 1)
        journal = Journal(Path(sys.argv[1]))
        for number in range(25):
            journal.append([make.note_taken(id=f"{writer}-{number}-{part}", detail="x" * 3000) for part in (1, 2)])
        os._exit(0)
    children.append(child)
os.close(start)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) != 0)
"""


@pytest.mark.skipif(os.name != "posix", reason="forks")
def test_processes_that_append_at_once_lose_and_tear_nothing(journal: Journal) -> None:
    """Every line of every writer is whole and there, and the two lines of one call stay together."""
    subprocess.run([sys.executable, "-c", APPEND, str(journal.path)], cwd=ROOT, check=True, timeout=60)

    ids = [event.id for event in events_of(journal)]
    expected = {f"{writer}-{number}-{part}" for writer in range(4) for number in range(25) for part in (1, 2)}
    assert (expected, len(expected)) == (set(ids), len(ids))
    assert [first[:-2] for first in ids[::2]] == [second[:-2] for second in ids[1::2]]


# ---- the store that journals


def test_events_are_journalled_before_they_are_recorded(journal: Journal) -> None:
    """When recording fails, the journal has them."""

    class Broken(MemoryStore):
        def record(self, events: object) -> int:
            raise StateError("the disk is gone")

    event = make.failure_observed()
    with pytest.raises(StateError):
        JournalledStore(Broken(), journal).record([event])

    expected = (event,)
    assert expected == events_of(journal)


def test_events_that_cannot_be_journalled_are_not_recorded(tmp_path: Path) -> None:
    """No journal, no record."""
    inner = MemoryStore()

    with pytest.raises(StateError):
        JournalledStore(inner, Journal(tmp_path)).record([make.failure_observed()])

    expected: dict[str, Event] = {}
    assert expected == inner.events


def test_records_given_as_an_iterator_reach_both(journal: Journal) -> None:
    """An iterator can be read once only; journal and store both get all of it."""
    inner = MemoryStore()
    event = make.failure_observed()

    added = JournalledStore(inner, journal).record(iter([event]))

    expected = (1, (event,), {event.id: event})
    assert expected == (added, events_of(journal), inner.events)


def test_admitted_claim_is_journalled(journal: Journal) -> None:
    """Claimed, journalled, recorded."""
    inner = MemoryStore()
    event = make.recovery_decided()

    reason = JournalledStore(inner, journal).claim(event.plan.header, iter([event]), lambda _: None)

    expected = (None, (event,), {event.id: event})
    assert expected == (reason, events_of(journal), inner.events)


def test_refused_claim_leaves_no_trace(journal: Journal) -> None:
    """What was not admitted did not happen."""
    inner = MemoryStore()
    against = Reason(id=ReasonId.ALREADY_DECIDED, text="There is one already.")
    event = make.recovery_decided()

    reason = JournalledStore(inner, journal).claim(event.plan.header, [event], lambda _: against)

    expected = (against, False, 0)
    assert expected == (reason, journal.path.exists(), len(inner.events))


def test_journal_folded_into_an_empty_store_gives_the_same_answers(journal: Journal) -> None:
    """The journal is all it takes to have the store again; the journalled store answers like the one inside."""
    inner, again = MemoryStore(), MemoryStore()
    store = JournalledStore(inner, journal)
    store.claim(make.make_header(), [make.failure_observed(), make.recovery_decided()], lambda _: None)
    store.record([make.effect_requested(), make.effect_answered(), make.checkpoint_created(), make.checkpoint_judged()])
    store.mark_folded([7])

    again.record(events_of(journal))
    again.mark_folded([7])

    for asked in (store, again):
        expected = (
            inner.failure("fail-1001-1-4201"),
            inner.failures_of(1001, 1),
            inner.recovery("rec-1001-1-1"),
            inner.recoveries_of(1001, 1),
            inner.plan("rec-1001-1-1"),
            inner.unfinished(make.REPOSITORY),
            inner.recoveries(),
            inner.checkpoint("ckpt-01"),
            inner.health_of("ckpt-01"),
            inner.checkpoints(make.REPOSITORY, 1),
            frozenset({7}),
        )
        assert expected == (
            asked.failure("fail-1001-1-4201"),
            asked.failures_of(1001, 1),
            asked.recovery("rec-1001-1-1"),
            asked.recoveries_of(1001, 1),
            asked.plan("rec-1001-1-1"),
            asked.unfinished(make.REPOSITORY),
            asked.recoveries(),
            asked.checkpoint("ckpt-01"),
            asked.health_of("ckpt-01"),
            asked.checkpoints(make.REPOSITORY, 1),
            asked.folded([7, 8]),
        )

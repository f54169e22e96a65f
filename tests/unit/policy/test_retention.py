"""What prune may delete: by age, count and size, and what it never may."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recovery.models.catalogue import Fate, Held, Limits
from recovery.models.checkpoint import CheckpointHealth
from recovery.policy.retention import decide_fates, held_of
from tests.builders import later, make_checkpoint

DAY = 86400
NOW = later(0)


def held(number: int, **over: Any) -> Held:
    """A sound checkpoint of ten bytes, `number` days old, of a failed run."""
    fields: dict[str, Any] = {
        "id": f"ckpt-{number:03d}",
        "workflow_name": "CI",
        "name": "built",
        "series": "CI/build/built",
        "run_id": str(number),
        "created_at": later(-number * DAY),
        "artifact_id": number,
        "size": 10,
        "health": CheckpointHealth.VALID,
        "run_conclusion": "failure",
        "run_branch": "main",
    }
    return Held(**fields | over)


def fates(*checkpoints: Held, needed: dict[str, str] | None = None, **limits: Any) -> tuple[Fate, ...]:
    """What becomes of them."""
    return decide_fates(checkpoints, NOW, Limits(**limits), "main", needed or {})


def kept(found: tuple[Fate, ...]) -> set[str]:
    """Ids of what is kept."""
    return {fate.checkpoint.id for fate in found if fate.keep}


def test_without_limits_everything_is_kept() -> None:
    """Nothing asked for, nothing deleted; the newest comes first."""
    found = fates(held(2), held(1))

    assert [("ckpt-001", True), ("ckpt-002", True)] == [(fate.checkpoint.id, fate.keep) for fate in found]
    assert {"it is within the limits"} == {fate.reason for fate in found}


def test_what_is_too_old_is_deleted() -> None:
    """The limit itself is still kept; the reason names it."""
    found = fates(held(1), held(7), held(8), keep_days=7)

    assert {"ckpt-001", "ckpt-007"} == kept(found)
    assert "it is older than 7 days" == found[-1].reason


def test_count_is_of_each_series() -> None:
    """A chatty job does not push another job's checkpoints out."""
    found = fates(held(1), held(2), held(3), held(9, series="CI/test/tested"), keep_count=2)

    assert {"ckpt-001", "ckpt-002", "ckpt-009"} == kept(found)
    assert "there are 2 newer ones of the same job and name" == found[2].reason


def test_size_is_of_all_together_newest_first() -> None:
    """What does not fit any more is deleted, with everything older."""
    found = fates(held(1), held(2, size=25), held(3, size=1), max_size=30)

    assert {"ckpt-001"} == kept(found)
    assert "with the newer ones it would be more than 30 bytes" == found[1].reason


def test_what_is_needed_is_kept_and_takes_room() -> None:
    """A checkpoint that an open recovery names stays, and what it takes is not there for others."""
    found = fates(held(1), held(2), held(9), needed={"ckpt-009": "rec-1-1-1 names it"}, max_size=20)

    assert {"ckpt-001", "ckpt-009"} == kept(found)
    assert "rec-1-1-1 names it" == found[-1].reason


def test_newest_good_one_of_the_default_branch_is_kept_for_a_rollback() -> None:
    """Of each job, leg and name one: sound, of a run that ended well, on the default branch."""
    good = {"run_conclusion": "success"}
    found = fates(
        held(1, **good, run_branch="feature"),
        held(2, **good, health=CheckpointHealth.CORRUPT),
        held(3, run_conclusion=None),
        held(4, **good),
        held(5, **good),
        held(6, **good, series="CI/build/tested"),
        held(7, **good, series="Nightly/build/built"),
        held(8, **good, series="CI/build (3.13)/built"),
        held(9, **good, series="CI/build (3.13)/built"),
        keep_count=0,
    )

    assert {"ckpt-004", "ckpt-006", "ckpt-007", "ckpt-008"} == kept(found)
    assert "newest good one on main, which a rollback returns to" in found[3].reason


def test_base_of_a_kept_one_is_kept() -> None:
    """An increment without its base could not be restored; a base that only deleted ones need goes with them."""
    found = fates(held(1, base="ckpt-005"), held(5), held(2, base="ckpt-006", series="x"), held(6), keep_days=1)

    assert {"ckpt-001", "ckpt-005"} == kept(found)
    assert {"ckpt-005": "a checkpoint that is kept needs its packs"} == {
        fate.checkpoint.id: fate.reason for fate in found if fate.keep and fate.checkpoint.id == "ckpt-005"
    }


def test_damaged_ones_are_deleted_and_count_for_nothing() -> None:
    """They are never restored: they neither stay nor take the place of good ones."""
    found = fates(held(1, health=CheckpointHealth.CORRUPT), held(2), keep_count=1, max_size=10)

    assert {"ckpt-002"} == kept(found)
    assert "it is damaged, and never restored" == found[0].reason


def test_legs_and_jobs_are_series_of_their_own() -> None:
    """The same name in two legs of a matrix, or in two jobs, is not the same checkpoint."""
    legs = ({"py": 1}, {"py": True}, {"py": "1"}, {"py": 1, "os": "linux"})
    made = [
        held_of(make_checkpoint(metadata={"artifact_id": 5, "job": job, "matrix": leg}))
        for job in ("build", "test")
        for leg in legs
    ]

    assert 8 == len({each.series for each in made if each is not None})


def test_only_what_github_holds_is_looked_at() -> None:
    """Neither a checkpoint without an artifact nor one whose artifact is gone, nor a record made by hand."""
    metadata = {"artifact_id": 5, "artifact_size": 7, "job": "build", "matrix": {"os": "linux"}, "health": "valid"}
    one = held_of(make_checkpoint(metadata=metadata))
    gone = [
        held_of(make_checkpoint(metadata=metadata | over))
        for over in ({"artifact_id": None}, {"health": "expired"}, {"health": "pruned"}, {"attempt": "many"})
    ]

    assert one is not None
    assert ("ckpt-01", 5, 7, "1001") == (one.id, one.artifact_id, one.size, one.run_id)
    assert one.series != held(1).series
    assert [None] * 4 == gone


_ids = st.integers(1, 40)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Held], dict[str, str]]:
    """Checkpoints of several series, some of them increments, some needed."""
    numbers = draw(st.lists(_ids, unique=True, max_size=14))
    made = []
    for number in numbers:
        older = [each for each in numbers if each > number]
        base = draw(st.none() | st.sampled_from(older)) if older else None
        made.append(
            held(
                number,
                series=draw(st.sampled_from("ab")),
                name=draw(st.sampled_from(["built", "tested"])),
                size=draw(st.integers(0, 20)),
                health=draw(st.sampled_from([CheckpointHealth.VALID, CheckpointHealth.CORRUPT])),
                run_conclusion=draw(st.sampled_from(["success", "failure"])),
                run_branch=draw(st.sampled_from(["main", "other"])),
                base=None if base is None else f"ckpt-{base:03d}",
            )
        )
    needed = draw(st.lists(st.sampled_from(numbers), max_size=3)) if numbers else []
    return made, {f"ckpt-{number:03d}": "needed" for number in needed}


_limits = st.builds(
    Limits,
    keep_days=st.none() | st.integers(0, 40),
    keep_count=st.none() | st.integers(0, 4),
    max_size=st.none() | st.integers(0, 120),
)


@given(world=worlds(), limits=_limits)
def test_nothing_needed_is_ever_deleted(world: tuple[list[Held], dict[str, str]], limits: Limits) -> None:
    """Neither what is needed, nor a base of what is kept, nor the newest good one of any series."""
    checkpoints, needed = world
    stays = kept(decide_fates(checkpoints, NOW, limits, "main", needed))

    assert set(needed) <= stays
    known = {each.id for each in checkpoints}
    assert {each.base for each in checkpoints if each.id in stays and each.base in known} <= stays
    good = [
        each
        for each in sorted(checkpoints, key=lambda each: each.created_at)
        if (each.run_conclusion, each.run_branch, each.health) == ("success", "main", CheckpointHealth.VALID)
    ]
    assert set({each.series: each.id for each in good}.values()) <= stays


@given(world=worlds(), limits=_limits)
def test_pruning_twice_is_pruning_once(world: tuple[list[Held], dict[str, str]], limits: Limits) -> None:
    """What a first pass keeps, a second pass keeps, too."""
    checkpoints, needed = world
    stays = kept(decide_fates(checkpoints, NOW, limits, "main", needed))

    assert stays == kept(decide_fates([each for each in checkpoints if each.id in stays], NOW, limits, "main", needed))


@given(world=worlds(), limits=_limits, more=st.integers(0, 30), which=st.sampled_from(["days", "count", "size"]))
def test_a_looser_limit_never_deletes_more(
    world: tuple[list[Held], dict[str, str]], limits: Limits, more: int, which: str
) -> None:
    """More days, a higher count or more room keep at least the same; only room is shared between the series."""
    checkpoints, needed = world
    if which == "count":
        limits = limits.model_copy(update={"max_size": None})
    name = {"days": "keep_days", "count": "keep_count", "size": "max_size"}[which]
    now = getattr(limits, name)
    looser = limits.model_copy(update={name: None if now is None else now + more})

    assert kept(decide_fates(checkpoints, NOW, limits, "main", needed)) <= kept(
        decide_fates(checkpoints, NOW, looser, "main", needed)
    )

"""Checkpoints as lines for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given

from recovery.models.catalogue import Change, Comparison, Fate, Held
from recovery.models.checkpoint import CheckpointHealth
from recovery.render.checkpoints import (
    MOST_CHANGES,
    comparison_lines,
    list_lines,
    pruning_lines,
    report_lines,
    show_lines,
    size,
)
from recovery.render.lines import plain_text
from tests.builders import NOW, make_checkpoint
from tests.unit.render.samples import hostile_text


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (10**9, "1.0 GB"), (5 * 10**13, "50.0 TB")],
)
def test_sizes_have_few_digits(count: int, shown: str) -> None:
    """Units go by thousands, as the storage of artifacts is counted."""
    assert shown == size(count)


def test_long_lists_of_changes_are_cut_and_said_to_be() -> None:
    """People are shown the first ones, and where the others are."""
    changes = tuple(Change(what=f"f{number:04d}", kind="added") for number in range(MOST_CHANGES + 5))
    found = Comparison(identity=(), state=(), environment=(), dependencies=(), files=changes, same_files=False)

    text = plain_text(list(comparison_lines(found)))

    assert f"Files: {MOST_CHANGES + 5} differences" in text
    assert f"f{MOST_CHANGES - 1:04d}" in text
    assert f"f{MOST_CHANGES:04d}" not in text
    assert "… and 5 more; `--json` lists all" in text


@pytest.mark.parametrize(
    ("same", "told"), [(True, "the same, by the digests"), (False, "not the same"), (None, "not compared")]
)
def test_without_contents_manifests_tell_of_files(same: bool | None, told: str) -> None:
    """What can be said without the files themselves is said."""
    found = Comparison(identity=(), state=(), environment=(), dependencies=(), files=None, same_files=same)
    assert told in plain_text(list(comparison_lines(found)))


def test_report_tells_each_part_and_every_error() -> None:
    """Parts that failed stand out; the verdict is the last line."""
    lines = list(report_lines("ckpt-1", {"integrity": True, "artifacts": False}, ["artifacts: gone"], ["a: b"]))

    assert [
        ("good", "  passed  integrity"),
        ("bad", "  FAILED  artifacts"),
        ("bad", "  artifacts: gone"),
        ("quote", "  warning: a: b"),
        ("bad", "ckpt-1 is NOT valid"),
    ] == [(line.style, line.text) for line in lines]


def test_pruning_tells_of_each_what_and_why() -> None:
    """What goes, what stays, and what that frees; a dry run only says so."""
    held = Held(
        id="ckpt-1",
        workflow_name="CI",
        name="built",
        series="s",
        run_id="1",
        created_at=NOW,
        artifact_id=1,
        size=2000,
        health=CheckpointHealth.VALID,
    )
    other = held.model_copy(update={"id": "ckpt-2"})
    fates = [Fate(checkpoint=held, keep=False, reason="it is old"), Fate(checkpoint=other, keep=True, reason="needed")]

    done = plain_text(list(pruning_lines(fates, dry_run=False))).splitlines()
    dry = plain_text(list(pruning_lines(fates, dry_run=True))).splitlines()

    assert ["deleted", "ckpt-1", "CI:", "built", "2.0", "kB", "it", "is", "old"] == done[0].split()
    assert ["kept", "ckpt-2", "CI:", "built", "2.0", "kB", "needed"] == done[1].split()
    assert "1 checkpoint deleted, 2.0 kB; 1 kept" == done[2]
    assert "1 checkpoint would be deleted, 2.0 kB; 1 kept" == dry[2]
    assert "nothing to delete" in plain_text(list(pruning_lines([], dry_run=False)))


@given(text=hostile_text)
def test_strangers_text_stays_within_its_line(text: str) -> None:
    """Whatever a manifest holds, each line is one line without control characters."""
    metadata = {"done": [text], "job": text, "matrix": {text: text}, "ref": text}
    checkpoint = make_checkpoint(
        workflow_name=text,
        checkpoint_name=text,
        run_id=text,
        workflow_state={text: [text]},
        environment_context={text: text},
        metadata=metadata,
    )
    change = Change(what=text, kind="changed", before=text, after={text: text})
    found = Comparison(
        identity=(change,), state=(change,), environment=(), dependencies=(), files=(change,), same_files=False
    )

    for line in (*list_lines([checkpoint]), *show_lines(checkpoint), *comparison_lines(found)):
        assert line.text.isprintable() or not {"\n", "\r", "\x1b", "\x07", "\u202e"} & set(line.text)

"""What changed between two checkpoints, part by part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.models.catalogue import Change
from recovery.models.checkpoint import Chunk, Entry, FileTable
from recovery.policy.comparison import compare
from tests.builders import make_checkpoint

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
states = st.dictionaries(st.text("ab/~", max_size=2), json_values, max_size=3)


def table(*entries: Entry, digests: tuple[bytes, ...] = (b"1" * 32, b"2" * 32)) -> FileTable:
    """A table of these entries over two chunks."""
    return FileTable(entries=entries, chunks=tuple(Chunk(0, 0, 5, digest) for digest in digests))


def file(path: str, *chunks: int, **over: Any) -> Entry:
    """A file of these chunks, five bytes each."""
    return Entry(**{"path": path, "kind": "f", "size": 5 * len(chunks), "chunks": chunks} | over)


def state_changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[object, ...]]:
    """How two states differ."""
    found = compare(make_checkpoint(workflow_state=before), make_checkpoint(workflow_state=after)).state
    return [(change.what, change.kind, change.before, change.after) for change in found]


def test_equal_checkpoints_do_not_differ() -> None:
    """Nothing is listed, and files are not spoken of where no content is at hand."""
    found = compare(make_checkpoint(), make_checkpoint(id="ckpt-02"))

    assert ((), (), (), (), None, True) == (
        found.identity,
        found.state,
        found.environment,
        found.dependencies,
        found.files,
        found.same_files,
    )


def test_identity_tells_what_each_is_of() -> None:
    """Commit, run, attempt, job and the leg of its matrix."""
    before = make_checkpoint(metadata={"attempt": 1, "job": "test", "matrix": {"os": "linux"}})
    after = make_checkpoint(run_id="1002", metadata={"attempt": 2, "job": "test", "matrix": {"os": "macos"}})

    found = compare(before, after)

    assert (
        Change(what="attempt", kind="changed", before=1, after=2),
        Change(what="matrix.os", kind="changed", before="linux", after="macos"),
        Change(what="run_id", kind="changed", before="1001", after="1002"),
    ) == found.identity


def test_state_is_compared_by_json_pointer() -> None:
    """Each leaf that differs is named by its way from the top; `/` and `~` in keys are escaped."""
    before = {"done": ["a", "b"], "n": 1, "same": {"x": [1, {"y": 2}]}, "gone": None, "a/b~": 1}
    after = {"done": ["a", "c", "d"], "n": True, "same": {"x": [1, {"y": 2}]}, "new": {}, "a/b~": 2}

    assert [
        ("/a~1b~0", "changed", 1, 2),
        ("/done/1", "changed", "b", "c"),
        ("/done/2", "added", None, "d"),
        ("/gone", "removed", None, None),
        ("/n", "changed", 1, True),
        ("/new", "added", None, {}),
    ] == sorted(state_changes(before, after), key=str)


@pytest.mark.parametrize(("one", "other"), [({}, []), ([], None), ({"0": 1}, [1]), (1, True), (0, False), ("1", 1)])
def test_what_is_of_another_kind_has_changed(one: Any, other: Any) -> None:
    """A list is no object, and neither is nothing; 1 is not true."""
    assert [("/x", "changed", one, other)] == state_changes({"x": one}, {"x": other})


@given(before=states, after=states)
def test_states_are_told_apart_exactly_where_they_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    """No change is listed for equal states, at least one for others, and none twice."""
    found = state_changes(before, after)

    assert (repr(_sorted(before)) == repr(_sorted(after))) is (found == [])
    assert len(found) == len({change[0] for change in found})
    assert [] == state_changes(after, after)


def _sorted(value: Any) -> Any:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
        case _:
            return value


def test_environment_and_dependencies() -> None:
    """Variables by name; lock files by their digests, and those without one by name."""
    before = make_checkpoint(
        environment_context={"RUNNER_OS": "Linux", "tool:python": "3.11"},
        dependencies=["a.lock", "b.lock"],
        metadata={"dependency_digests": {"a.lock": "sha256:1", "b.lock": "sha256:2"}},
    )
    after = make_checkpoint(
        environment_context={"RUNNER_OS": "Linux", "tool:python": "3.12", "CC": "gcc"},
        dependencies=["a.lock", "c.lock"],
        metadata={"dependency_digests": {"a.lock": "sha256:9"}},
    )

    found = compare(before, after)

    assert [("CC", "added"), ("tool:python", "changed")] == [(each.what, each.kind) for each in found.environment]
    assert [("a.lock", "changed"), ("b.lock", "removed"), ("c.lock", "added")] == [
        (each.what, each.kind) for each in found.dependencies
    ]


def test_files_are_compared_by_content_kind_target_and_mode() -> None:
    """The same bytes in other packs are the same; a new mode alone is told as such."""
    before = table(
        file("gone", 0),
        file("same", 0, 1),
        file("bytes", 0),
        file("mode", 0),
        Entry(path="link", kind="l", target="a"),
        Entry(path="folder", kind="d"),
    )
    after = table(
        file("new", 0),
        file("same", 1, 0),
        file("bytes", 0),
        file("mode", 1, mode=0o755),
        Entry(path="link", kind="l", target="b"),
        file("folder"),
        digests=(b"2" * 32, b"1" * 32),
    )

    files = compare(make_checkpoint(), make_checkpoint(), (before, after)).files

    assert files is not None
    assert [
        ("bytes", "changed", "5 bytes", "5 bytes"),
        ("folder", "changed", "empty folder", "0 bytes"),
        ("gone", "removed", None, None),
        ("link", "changed", "link to a", "link to b"),
        ("mode", "mode", "644", "755"),
        ("new", "added", None, None),
    ] == [(change.what, change.kind, change.before, change.after) for change in files]


def test_manifests_alone_tell_whether_files_are_the_same() -> None:
    """The digest of the whole tree stands in the manifest; where that cannot be read nothing is told."""
    held = {"files": 1, "bytes": 5, "table_digest": "a" * 64, "table_size": 9, "tree_digest": "b" * 64}
    one = make_checkpoint(metadata={"content": held})
    other = make_checkpoint(metadata={"content": held | {"tree_digest": "c" * 64}})
    by_hand = make_checkpoint(metadata={"content": "none"})

    pairs = [(one, one), (one, other), (one, make_checkpoint()), (one, by_hand)]
    assert [True, False, False, None] == [compare(*pair).same_files for pair in pairs]


def test_a_record_made_by_hand_is_compared_too() -> None:
    """Metadata that this program would not write stops nothing."""
    by_hand = make_checkpoint(metadata={"attempt": "many"}, checkpoint_name="tested")

    found = compare(make_checkpoint(), by_hand)

    assert ["attempt", "checkpoint_name", "job", "ref"] == [change.what for change in found.identity]

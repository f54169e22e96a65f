"""Saving: equal trees make equal checkpoints, what has not changed is not read, and what has is always found."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.found import Found
from recovery.adapters.content.saving import save_content
from recovery.adapters.content.selection import select
from recovery.adapters.content.table import decode_table
from recovery.errors import InputError, StateError
from recovery.models.checkpoint import PACKS, TABLE, Content, FileTable
from tests.adapters.content.trees import Workspace, described, found_in, some_bytes, write_tree

FILES = {f"src/folder-{number % 7}/file-{number}.txt": f"line {number}\n".encode() * number for number in range(60)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty folder to save, with a store."""
    return Workspace(tmp_path)


def table_of(directory: Path) -> FileTable:
    """The table of a checkpoint."""
    return decode_table((directory / TABLE).read_bytes(), limit=1 << 24, source="the table")


def raw_size(content: Content) -> int:
    """Bytes of a checkpoint's own packs, decompressed."""
    return sum(pack.raw_size for pack in content.packs)


def test_tree_comes_back_as_it_was(workspace: Workspace) -> None:
    """Modes, links, empty files and folders, names of all kinds, and files of every size."""
    write_tree(
        workspace.root,
        FILES
        | {
            "empty": b"",
            "with space/ünïcödé ☃.txt": b"x",
            "-rf": b"y",
            "just whole": some_bytes(128 * 1024),
            "just cut": some_bytes(128 * 1024 + 1, seed=2),
            "large": some_bytes(9_000_000, seed=3),
            "zeros": bytes(5_000_000),
        },
    )
    (workspace.root / "script.sh").write_bytes(b"#!/bin/sh\n")
    (workspace.root / "script.sh").chmod(0o755)
    (workspace.root / "empty folder" / "in it").mkdir(parents=True)
    (workspace.root / "link").symlink_to("src/folder-1/file-1.txt")
    (workspace.root / "src" / "up").symlink_to("../large")
    saved = workspace.save("one")
    assert described(workspace.root) == described(workspace.restored("one", saved))


def test_empty_selection_makes_a_checkpoint(workspace: Workspace) -> None:
    """Nothing found is still a checkpoint of nothing."""
    saved = workspace.save("one")
    workspace.check("one", saved)
    assert (0, 0, ()) == (saved.content.files, saved.content.bytes, saved.content.packs)


def test_equal_trees_have_equal_packs_and_digests(tmp_path: Path) -> None:
    """Two machines that save the same files agree on everything but the times."""
    one, other = Workspace(tmp_path / "one"), Workspace(tmp_path / "other")
    for each in (one, other):
        write_tree(each.root, FILES | {"large": some_bytes(3_000_000)})
    first, second = one.save("c").content, other.save("c").content
    assert first.packs == second.packs
    assert first.tree_digest == second.tree_digest
    for each in (one, other):
        for found in found_in(each.root):
            os.utime(found.location, ns=(1, 1_600_000_000_000_000_000))
    assert one.save("d").content == other.save("d").content


@pytest.mark.parametrize("change", ["content", "mode", "name", "kind"])
def test_any_difference_changes_the_digest_of_the_tree(workspace: Workspace, change: str) -> None:
    """A tree's digest tells apart what a restore would tell apart."""
    write_tree(workspace.root, {"a": b"1", "b": b"2"})
    before = workspace.save("one").content.tree_digest
    path = workspace.root / "a"
    match change:
        case "content":
            path.write_bytes(b"3")
        case "mode":
            path.chmod(0o600)
        case "name":
            path.rename(workspace.root / "c")
        case _:
            path.unlink()
            path.symlink_to("b")
    assert before != workspace.save("two").content.tree_digest


def test_unchanged_files_are_not_read(workspace: Workspace) -> None:
    """A second save of the same tree writes nothing new, and makes a checkpoint as whole as the first."""
    write_tree(workspace.root, FILES | {"large": some_bytes(1_000_000)})
    (workspace.root / "link").symlink_to("large")
    workspace.grow_old()
    first = workspace.save("one")
    second = workspace.save("two")
    assert first.content == second.content
    assert (0, 0, len(FILES) + 2) == (second.new_bytes, second.reread, second.reused)
    workspace.check("two", second)


def test_only_changed_files_are_read(workspace: Workspace) -> None:
    """One changed file among many costs one file; what was removed is gone, what is new is there."""
    write_tree(workspace.root, FILES)
    workspace.grow_old()
    workspace.save("one")
    (workspace.root / "src/folder-3/file-10.txt").write_bytes(b"changed\n")
    (workspace.root / "src/folder-3/file-17.txt").unlink()
    write_tree(workspace.root, {"new": b"new\n"})
    saved = workspace.save("two")
    assert (2, len(FILES) - 2) == (saved.reread, saved.reused)
    assert described(workspace.root) == described(workspace.restored("two", saved))


def test_change_behind_an_old_time_is_found(workspace: Workspace) -> None:
    """Size and time of the content can be made what they were; the time of the status cannot."""
    write_tree(workspace.root, {"file": b"before"})
    path = workspace.root / "file"
    workspace.grow_old()
    workspace.save("one")
    status = path.stat()
    path.write_bytes(b"behind")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    saved = workspace.save("two")
    assert 1 == saved.reread
    assert b"behind" == (workspace.restored("two", saved) / "file").read_bytes()


def test_file_as_young_as_the_save_is_read_again(workspace: Workspace) -> None:
    """What was written just before a save may be written again within the same tick of the clock."""
    write_tree(workspace.root, {"old": b"old"})
    workspace.grow_old()
    write_tree(workspace.root, {"young": b"young"})
    assert 2 == workspace.save("one").reread
    workspace.grow_old()
    assert 1 == workspace.save("two").reread
    assert 0 == workspace.save("three").reread


def test_new_mode_is_saved(workspace: Workspace) -> None:
    """A change of the mode alone is a change."""
    write_tree(workspace.root, {"file": b"x"})
    workspace.grow_old()
    workspace.save("one")
    (workspace.root / "file").chmod(0o755)
    saved = workspace.save("two")
    assert 0o755 == stat.S_IMODE((workspace.restored("two", saved) / "file").stat().st_mode)


def test_link_that_points_elsewhere_is_saved(workspace: Workspace) -> None:
    """A link is a file of its own, whatever it points to."""
    write_tree(workspace.root, {"a": b"a", "b": b"b"})
    link = workspace.root / "link"
    link.symlink_to("a")
    workspace.grow_old()
    workspace.save("one")
    link.unlink()
    link.symlink_to("b")
    saved = workspace.save("two")
    assert Path("b") == (workspace.restored("two", saved) / "link").readlink()


def test_equal_contents_are_stored_once(workspace: Workspace) -> None:
    """Copies cost their row in the table, be they small or large."""
    large = some_bytes(2_000_000)
    write_tree(workspace.root, {f"copy-{number}": b"the same\n" * 10 for number in range(20)})
    write_tree(workspace.root, {f"large-{number}": large for number in range(3)})
    saved = workspace.save("one")
    assert len(large) + 90 == raw_size(saved.content)
    assert described(workspace.root) == described(workspace.restored("one", saved))


def test_same_files_on_other_inodes_are_packed_once(workspace: Workspace) -> None:
    """A fresh checkout of what was saved is read, and nothing of it is stored again."""
    write_tree(workspace.root, FILES | {"large": some_bytes(4_000_000)})
    first = workspace.save("one")
    for found in found_in(workspace.root):
        path = Path(found.location)
        path.with_name("copy").write_bytes(path.read_bytes())
        path.with_name("copy").replace(path)
    second = workspace.save("two")
    assert (0, len(FILES) + 1) == (second.new_bytes, second.reread)
    assert first.content.packs == second.content.packs


def test_insertion_into_a_large_file_stores_little(workspace: Workspace) -> None:
    """Chunks around the insertion are new, all others are where they were."""
    content = some_bytes(8_000_000)
    write_tree(workspace.root, {"large": content})
    workspace.save("one")
    write_tree(workspace.root, {"large": content[:3_000_000] + b"inserted" + content[3_000_000:]})
    saved = workspace.save("two")
    assert 0 < saved.new_bytes < 600_000
    assert described(workspace.root) == described(workspace.restored("two", saved))


def test_changed_file_that_keeps_its_size_is_found_on_other_inodes(workspace: Workspace) -> None:
    """A large file is compared chunk by chunk with what is remembered, to its last byte."""
    content = bytearray(some_bytes(3_000_000))
    write_tree(workspace.root, {"large": bytes(content)})
    workspace.save("one")
    content[-1] ^= 1
    write_tree(workspace.root, {"large": bytes(content)})
    saved = workspace.save("two")
    assert bytes(content) == (workspace.restored("two", saved) / "large").read_bytes()


def test_table_lists_everything_in_order(workspace: Workspace) -> None:
    """Entries are sorted by the bytes of their paths; every pack is referred to, and nothing else lies beside it."""
    write_tree(workspace.root, {"b": b"b", "a/c": b"c", "a-b": b"d", "é": b"e", "Z": b"f", "\U0001f389": b"g"})
    saved = workspace.save("one")
    paths = [entry.path.encode() for entry in table_of(workspace.checkpoints / "one").entries]
    assert sorted(paths) == paths
    names = {path.name for path in (workspace.checkpoints / "one" / PACKS).iterdir()}
    assert {f"{pack.digest}.zst" for pack in saved.content.packs} == names


def test_waste_is_packed_anew(workspace: Workspace) -> None:
    """After many changes a checkpoint is hardly larger than one made from nothing."""
    names = [f"file-{number}" for number in range(40)]
    write_tree(workspace.root, {name: some_bytes(20_000, seed=seed) for seed, name in enumerate(names)})
    workspace.save("first")
    for turn in range(10):
        write_tree(
            workspace.root,
            {name: some_bytes(20_000, seed=1000 * turn + seed) for seed, name in enumerate(names[turn::10])},
        )
        saved = workspace.save(f"save-{turn}")
        assert raw_size(saved.content) <= 1.05 * saved.content.bytes
        workspace.check(f"save-{turn}", saved)


def test_packs_that_nothing_uses_leave_the_store(workspace: Workspace) -> None:
    """The store holds what the last saves used, not all that ever was."""
    for turn in range(8):
        write_tree(workspace.root, {"file": some_bytes(50_000, seed=turn)})
        workspace.save(f"save-{turn}")
    assert 4 >= len(list((workspace.store / PACKS).iterdir()))


def test_large_save_tells_how_far_it_is(workspace: Workspace) -> None:
    """Progress is told in bytes, of all that is read."""
    write_tree(workspace.root, {f"file-{number}": bytes(9_000_000) for number in range(4)})
    told: list[tuple[int, int]] = []
    save_content(
        found_in(workspace.root),
        workspace.checkpoints / "one",
        store=workspace.store,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [(18_000_000, 36_000_000), (36_000_000, 36_000_000)] == told


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_refused(workspace: Workspace, kind: str) -> None:
    """The refusal names it, and says how to leave it out."""
    path = workspace.root / "odd"
    status = os.lstat("/dev/null")
    if kind == "fifo":
        os.mkfifo(path)
        status = path.lstat()
    elif kind == "socket":
        os.mknod(path, 0o600 | stat.S_IFSOCK)
        status = path.lstat()
    with pytest.raises(InputError, match="odd is neither a file") as refusal:
        save_content([Found("odd", str(path), status)], workspace.checkpoints / "one", store=workspace.store)
    assert "!odd" in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["a\udcff"], "no Unicode"),
        (["Readme", "README"], "one file where case"),
        (["lib/a", "LIB/b"], "one file where case"),
        (["caf\u00e9", "cafe\u0301"], "one file where case"),
        (["a\nb"], "control character"),
        (["a\\b"], "backslash"),
        (["x/" * 1500 + "y"], "256 folders deep"),
        (["x/" * 256 + "y"], "256 folders deep"),
        (["é" * 128], "too long"),
    ],
)
def test_name_that_could_not_be_restored_is_refused(workspace: Workspace, paths: list[str], words: str) -> None:
    """A checkpoint that no restore would take is not made."""
    write_tree(workspace.root, {"file": b"x"})
    status = (workspace.root / "file").lstat()
    found = [Found(path, str(workspace.root / "file"), status) for path in paths]
    with pytest.raises(InputError, match=words):
        save_content(found, workspace.checkpoints / "one", store=workspace.store)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_link_that_leads_out_is_refused(workspace: Workspace, target: str) -> None:
    """A link that no restore would make is not saved."""
    (workspace.root / "link").symlink_to(target)
    with pytest.raises(InputError, match="link"):
        workspace.save("one")


@pytest.mark.parametrize("target", ["a\nb", "a\x1b[31m"])
def test_link_to_what_is_no_path_is_refused(workspace: Workspace, target: str) -> None:
    """A restore would refuse it, too."""
    (workspace.root / "link").symlink_to(target)
    with pytest.raises(InputError, match="its target is no path"):
        workspace.save("one")


def test_time_that_cannot_be_kept_becomes_the_nearest_that_can(workspace: Workspace) -> None:
    """Some file systems know the year 2300; the file is read again each time, for its time tells nothing."""
    write_tree(workspace.root, {"file": b"x"})
    path = workspace.root / "file"
    os.utime(path, (10_413_792_000, 10_413_792_000))
    found = path.lstat().st_mtime_ns
    workspace.grow_old()
    saved = [workspace.save("one"), workspace.save("two")]
    assert min(found, 2**63 - 1) == table_of(workspace.checkpoints / "two").entries[0].modified
    assert [1, 1] == [each.reread for each in saved]
    workspace.restored("two", saved[1])


def test_mode_and_time_of_a_full_folder_come_back(workspace: Workspace) -> None:
    """A database's folder that only its owner may enter stays so; a read-only one, too."""
    write_tree(workspace.root, {"private/file": b"x", "private/ours/file": b"y", "read-only/file": b"z"})
    modes = {"private": 0o700, "private/ours": 0o750, "read-only": 0o555}
    for path, mode in sorted(modes.items(), reverse=True):
        os.utime(workspace.root / path, (1_000_000_000, 1_000_000_000))
        (workspace.root / path).chmod(mode)
    found = select(workspace.root, ("**",)).found
    saved = save_content(found, workspace.checkpoints / "one", store=workspace.store)
    for _ in range(2):  # the second time into what is there
        status = {path: (workspace.restored("one", saved) / path).stat() for path in modes}
        assert modes == {path: stat.S_IMODE(each.st_mode) for path, each in status.items()}
        assert {1_000_000_000} == {int(each.st_mtime) for each in status.values()}


def test_file_that_cannot_be_read_is_named(workspace: Workspace) -> None:
    """A file without permission, or one that is gone, ends the save with its name."""
    write_tree(workspace.root, {"secret": b"x"})
    found = found_in(workspace.root)
    (workspace.root / "secret").unlink()
    with pytest.raises(InputError, match="secret was removed"):
        save_content(found, workspace.checkpoints / "one", store=workspace.store)


def test_file_replaced_by_a_link_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    """Whatever happens between finding and reading, nothing outside is read."""
    write_tree(workspace.root, {"file": b"x"})
    found = found_in(workspace.root)
    (tmp_path / "outside").write_bytes(b"y")
    (workspace.root / "file").unlink()
    (workspace.root / "file").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="file was changed"):
        save_content(found, workspace.checkpoints / "one", store=workspace.store)


def test_file_changed_since_it_was_found_is_saved_as_it_is(workspace: Workspace) -> None:
    """A stale status is no reason to fail, nor to save half of a file."""
    write_tree(workspace.root, {"file": b"short"})
    found = found_in(workspace.root)
    write_tree(workspace.root, {"file": b"much longer than before"})
    saved = save_content(found, workspace.checkpoints / "one", store=workspace.store)
    assert b"much longer than before" == (workspace.restored("one", saved) / "file").read_bytes()


def test_whole_checkpoint_is_never_written_over(workspace: Workspace) -> None:
    """A folder with a manifest is somebody's checkpoint."""
    write_tree(workspace.checkpoints / "one", {"manifest.json": b"{}"})
    with pytest.raises(StateError, match="whole checkpoint"):
        workspace.save("one")


def test_leftovers_of_an_ended_save_are_removed(workspace: Workspace) -> None:
    """A folder without a manifest may hold anything; a save makes it its own."""
    write_tree(workspace.root, FILES)
    write_tree(workspace.checkpoints / "one", {"packs/.writing-1": b"half", f"packs/{'0' * 64}.zst": b"", TABLE: b"x"})
    saved = workspace.save("one")
    check_content(workspace.checkpoints / "one", saved.content)

"""What a restore puts back, what it leaves alone, and what stands in its way."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recovery.adapters.content.checking import check_content
from recovery.adapters.content.locking import alone
from recovery.adapters.content.obstacles import check_room
from recovery.adapters.content.restoring import RestoredContent, finish_interrupted, restore_content
from recovery.errors import CheckpointRejected, StateError
from recovery.models.checkpoint import PACKS
from tests.adapters.content.forging import MOMENT, Forgery, Place, restored_tree, tree_of

NOBODY = 65534


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """A folder in which something lies already."""
    destination = tmp_path / "destination"
    (destination / "kept").mkdir(parents=True)
    (destination / "kept" / "mine.txt").write_text("mine")
    return destination


def restore(forgery: Forgery, destination: Path) -> RestoredContent:
    """Write a checkpoint beside a destination, and restore it."""
    checkpoint = destination.parent / "checkpoint"
    return restore_content(checkpoint, forgery.write(checkpoint), destination)


def test_everything_comes_back(destination: Path) -> None:
    """Contents, permissions, links and empty folders; what the checkpoint does not name is left alone."""
    forgery = Forgery().file("a/b.txt", b"b" * 5000, mode=0o640).file("run.sh", mode=0o755).file("empty", b"")
    forgery.link("link", "a/b.txt").folder("no/thing").folder("locked", mode=0o555).file("kept/new")

    restored = restore(forgery, destination)

    mine: dict[str, Place] = {"kept/mine.txt": ("f", 0o644, b"mine")}
    assert forgery.tree | mine == restored_tree(destination)
    assert RestoredContent(files=7, bytes=5016) == restored


def test_times_come_back(destination: Path) -> None:
    """Build tools compare them."""
    restore(Forgery().file("file").file("kept/file").link("link", "file").folder("folder"), destination)

    names = ("file", "kept/file", "link", "folder")
    assert [MOMENT] * 4 == [(destination / name).lstat().st_mtime_ns for name in names]


def test_files_written_in_parts_have_their_times_and_modes(destination: Path) -> None:
    """Also those whose bytes lie in several packs."""
    forgery = Forgery()
    numbers = [forgery.chunk(b"one"), forgery.next_pack().chunk(b"two")]
    forgery.file("file", b"onetwo", mode=0o444, chunks=numbers)

    restore(forgery, destination)

    status = (destination / "file").stat()
    assert (0o444, MOMENT) == (stat.S_IMODE(status.st_mode), status.st_mtime_ns)


def test_what_is_named_is_replaced(destination: Path) -> None:
    """A file by a file, a link by a file, a file by a link, an empty folder by a file; a link is not followed."""
    (destination / "file").write_text("old")
    (destination / "was-link").symlink_to("kept/mine.txt")
    (destination / "was-file").write_text("old")
    (destination / "was-folder").mkdir()
    forgery = Forgery().file("file").file("was-link").link("was-file", "file").file("was-folder")

    restore(forgery, destination)

    assert forgery.tree == {path: place for path, place in restored_tree(destination).items() if "kept" not in path}
    assert (destination / "kept" / "mine.txt").read_text() == "mine"


def test_modes_do_not_depend_on_the_process(destination: Path) -> None:
    """A process may have been told to make private files only."""
    forgery = Forgery().file("file", mode=0o666).folder("folder", mode=0o777)
    before = os.umask(0o077)
    try:
        restore(forgery, destination)
    finally:
        os.umask(before)

    assert forgery.tree.items() <= restored_tree(destination).items()


def test_destination_is_made_where_there_is_none(tmp_path: Path) -> None:
    """With the folders above it."""
    forgery = Forgery().file("file")

    restore(forgery, tmp_path / "checkpoint" / ".." / "not" / "there" / "yet")

    assert forgery.tree == tree_of(tmp_path / "not" / "there" / "yet")


def test_destination_may_be_a_link_itself(tmp_path: Path, destination: Path) -> None:
    """Where to restore is the user's word, not the checkpoint's."""
    (tmp_path / "link").symlink_to(destination)

    restore(Forgery().file("file"), tmp_path / "link")

    assert (destination / "file").exists()


def test_restoring_twice_changes_nothing(destination: Path) -> None:
    """The same checkpoint, over itself."""
    forgery = Forgery().file("a/b").folder("c", mode=0o500).link("d", "a")
    restore(forgery, destination)
    before = tree_of(destination)

    restore(forgery, destination)

    assert before == tree_of(destination)


def test_folder_that_is_listed_with_what_is_in_it_has_its_mode(destination: Path) -> None:
    """Also one that nothing could be written into; it is set last."""
    forgery = Forgery().folder("a", mode=0o500).folder("a/b", mode=0o555).file("a/b/file").file("a/c/file")

    restore(forgery, destination)

    assert forgery.tree.items() <= tree_of(destination).items()
    assert MOMENT == (destination / "a" / "b").stat().st_mtime_ns


def test_nothing_at_all_is_restored_too(tmp_path: Path) -> None:
    """A checkpoint of no files."""
    content = Forgery().write(tmp_path / "checkpoint")

    restored = restore_content(tmp_path / "checkpoint", content, tmp_path / "to")

    assert (RestoredContent(files=0, bytes=0), {}) == (restored, tree_of(tmp_path / "to"))


def test_base_holds_what_is_not_stored_again(tmp_path: Path, destination: Path) -> None:
    """The packs of one other checkpoint are read, too."""
    forgery = Forgery().file("new", b"new").next_pack().file("old", b"old")
    forgery.in_base = 1
    content = forgery.write(tmp_path / "checkpoint", tmp_path / "base")

    restore_content(tmp_path / "checkpoint", content, destination, base=tmp_path / "base")

    assert forgery.tree.items() <= restored_tree(destination).items()


def test_base_without_the_pack_is_refused(tmp_path: Path, destination: Path) -> None:
    """Another checkpoint than the one that was meant."""
    forgery = Forgery().file("new", b"new").next_pack().file("old", b"old")
    forgery.in_base = 1
    content = forgery.write(tmp_path / "checkpoint", tmp_path / "base")
    Forgery().file("other", b"other").write(tmp_path / "other")

    with pytest.raises(CheckpointRejected, match=r"of the base 'ckpt-base' is missing"):
        restore_content(tmp_path / "checkpoint", content, destination, base=tmp_path / "other")


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    """Bytes read back, and how many there are."""
    told: list[tuple[int, int]] = []
    forgery = Forgery().file("a", b"a" * 3000).next_pack().file("b", b"b" * 2000)
    content = forgery.write(tmp_path / "checkpoint")

    restore_content(tmp_path / "checkpoint", content, tmp_path / "to", progress=lambda *each: told.append(each))

    assert ((5000, 5000), 2) == (told[-1], len(told))


def _link_as_folder(destination: Path) -> None:
    (destination / "a").symlink_to("kept")


def _link_as_deep_folder(destination: Path) -> None:
    (destination / "a").mkdir()
    (destination / "a" / "b").symlink_to("../../outside")


def _file_as_folder(destination: Path) -> None:
    (destination / "a").write_text("mine")


def _full_folder_as_file(destination: Path) -> None:
    (destination / "a" / "b" / "file" / "mine").mkdir(parents=True)


def _full_folder_as_link(destination: Path) -> None:
    (destination / "link" / "mine").mkdir(parents=True)


def _link_as_empty_folder(destination: Path) -> None:
    (destination / "folder").symlink_to("kept")


def _file_as_empty_folder(destination: Path) -> None:
    (destination / "folder").write_text("mine")


OBSTACLES = {
    _link_as_folder: "nothing is written through links",
    _link_as_deep_folder: "nothing is written through links",
    _file_as_folder: "the checkpoint has files below it",
    _full_folder_as_file: "is a folder with content there",
    _full_folder_as_link: "is a folder with content there",
    _link_as_empty_folder: "is no folder there",
    _file_as_empty_folder: "is no folder there",
}


@pytest.mark.parametrize("put_in_the_way", OBSTACLES)
def test_nothing_is_removed_to_make_way(put_in_the_way, destination: Path) -> None:
    """What would be lost, or written through, stops the restore before it begins: the checkpoint is not to blame."""
    put_in_the_way(destination)
    (destination.parent / "outside").mkdir()
    before = tree_of(destination.parent)
    forgery = Forgery().file("a/b/file").link("link", "a").folder("folder").file("zzz")
    content = forgery.write(destination.parent / "checkpoint")

    with pytest.raises(StateError) as refusal:
        restore_content(destination.parent / "checkpoint", content, destination)

    assert OBSTACLES[put_in_the_way] in refusal.value.message
    after = {path: place for path, place in tree_of(destination.parent).items() if "checkpoint" not in path}
    assert before == after


def test_destination_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A file is no folder."""
    (tmp_path / "file").write_text("mine")
    content = Forgery().file("a").write(tmp_path / "checkpoint")

    with pytest.raises(StateError, match="cannot be restored into"):
        restore_content(tmp_path / "checkpoint", content, tmp_path / "file" / "destination")


def damaged(tmp_path: Path) -> Callable[[Path], object]:
    """A restore that fails once it has begun to write."""
    checkpoint = tmp_path / "damaged"
    content = Forgery().file("file", b"data").write(checkpoint)
    (pack,) = (checkpoint / PACKS).iterdir()
    pack.write_bytes(pack.read_bytes()[:-1] + b"!")
    return lambda destination: restore_content(checkpoint, content, destination)


@pytest.mark.parametrize("name", ["new", "new/deep/er", "missing/../new", "link/../new", "nowhere"])
def test_failed_restore_removes_what_it_made(tmp_path: Path, name: str) -> None:
    """Where there was nothing there is nothing, however its place is spelt."""
    ground = tmp_path / "ground"
    (ground / "full").mkdir(parents=True)
    (ground / "link").symlink_to("full")
    (ground / "nowhere").symlink_to("full/missing")
    before = tree_of(ground)

    with pytest.raises(CheckpointRejected):
        damaged(tmp_path)(ground / name)

    assert before == tree_of(ground)


@pytest.mark.parametrize("name", ["empty", "missing/../empty", "link", "link/../empty"])
def test_failed_restore_leaves_an_empty_folder(tmp_path: Path, name: str) -> None:
    """It was there before, however it is spelt."""
    ground = tmp_path / "ground"
    (ground / "empty").mkdir(parents=True)
    (ground / "link").symlink_to("empty")
    before = tree_of(ground)

    with pytest.raises(CheckpointRejected):
        damaged(tmp_path)(ground / name)

    assert before == tree_of(ground)


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    """They lead to no folder, and none is made."""
    (tmp_path / "circle").symlink_to("circle")

    with pytest.raises(StateError, match="cannot be restored into"):
        restore(Forgery().file("file"), tmp_path / "circle")


def test_what_failed_is_told_when_nothing_can_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That an empty folder has to stay is no reason to hide why; the folders above it stay with it."""
    remove = Path.rmdir

    def refuse(folder: Path) -> None:
        if folder.name == "new":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        remove(folder)

    monkeypatch.setattr(Path, "rmdir", refuse)

    with pytest.raises(CheckpointRejected):
        damaged(tmp_path)(tmp_path / "above" / "new")

    assert ["new"] == [path.name for path in (tmp_path / "above").iterdir()]


def test_full_disk_is_told_before_anything_is_written(destination: Path) -> None:
    """What would not fit is not begun."""
    content = Forgery().file("a").write(destination.parent / "checkpoint")

    with pytest.raises(StateError, match="bytes free at"):
        check_room(destination, content.model_copy(update={"bytes": 2**60}))


@pytest.fixture
def common_ground() -> Iterator[Path]:
    """A temporary folder that is not root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        for path in Path(folder).rglob("*"):
            if path.is_dir():
                path.chmod(0o755)


def test_read_only_folder_is_written_into_and_stays_read_only(common_ground: Path) -> None:
    """As somebody who is not root, to whom it matters."""
    destination = common_ground / "destination"
    (destination / "locked").mkdir(parents=True)
    (destination / "locked" / "file").write_text("old")
    (destination / "locked").chmod(0o555)
    forgery = Forgery().file("locked/file").file("locked/deep/file").folder("empty", mode=0o111)
    content = forgery.write(common_ground / "checkpoint")

    as_nobody(common_ground, lambda: restore_content(common_ground / "checkpoint", content, destination))

    assert forgery.tree.items() <= restored_tree(destination).items()
    assert 0o555 == stat.S_IMODE((destination / "locked").stat().st_mode)


def test_folder_that_may_not_be_written_into_is_told(common_ground: Path) -> None:
    """Before anything is written: somebody else's folder cannot be made writable."""
    destination = common_ground / "destination"
    destination.mkdir()
    content = Forgery().file("root/file").file("file").write(common_ground / "checkpoint")

    def restore_below_root() -> None:
        with pytest.raises(StateError, match="may not write into"):
            restore_content(common_ground / "checkpoint", content, Path("/"))
        with pytest.raises(StateError, match="cannot be restored into"):
            restore_content(common_ground / "checkpoint", content, Path("/proc/self/none"))

    as_nobody(common_ground, restore_below_root)


def as_nobody(ground: Path, work: Callable[[], object]) -> None:
    """Do the work in a process that is not root's, on ground that it owns."""
    for path in (ground, *ground.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    process = os.fork()
    if process == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert 0 == os.waitpid(process, 0)[1]


def test_second_restore_at_the_same_time_is_told_so(destination: Path) -> None:
    """One of the two has the folder; the other leaves no trace."""
    with alone(destination):
        before = tree_of(destination)

        with pytest.raises(StateError, match="another restore is writing into"):
            restore(Forgery().file("file"), destination)
        with pytest.raises(StateError, match="another restore is writing into"):
            finish_interrupted(destination)

        assert before == tree_of(destination)


def test_file_system_without_locks_is_told(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As NFS refuses a folder's lock: nobody else is to blame, and waiting would not help."""

    def refuse(*_: int) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr("fcntl.flock", refuse)

    for work in (lambda: restore(Forgery().file("file"), destination), lambda: finish_interrupted(destination)):
        with pytest.raises(StateError, match="cannot be locked: Bad file descriptor") as refusal:
            work()
        assert "name a folder on a disk" == refusal.value.hint


def test_folder_that_cannot_be_opened_is_told(common_ground: Path) -> None:
    """Also before a restore, when what an earlier one left is looked for: itself locked away, or lying in such one."""
    (common_ground / "closed" / "destination").mkdir(parents=True)

    def look() -> None:
        (common_ground / "closed").chmod(0o000)
        for place in (common_ground / "closed", common_ground / "closed" / "destination"):
            with pytest.raises(StateError, match=r"cannot be restored into .*: Permission denied"):
                finish_interrupted(place)

    as_nobody(common_ground, look)


@pytest.mark.parametrize("attempt", range(20))
def test_restores_at_once_never_mix(attempt: int, tmp_path: Path) -> None:
    """Of many at once, those that are not refused end one after the other, each whole; nobody removes another's."""
    destination = tmp_path / "new" / f"destination-{attempt}"
    forgeries = [_forgery_of(bytes([65 + number])) for number in range(6)]
    contents = [forgery.write(tmp_path / f"checkpoint-{number}") for number, forgery in enumerate(forgeries)]
    accepted: list[int] = []
    refused: list[str] = []

    def run(number: int) -> None:
        try:
            restore_content(tmp_path / f"checkpoint-{number}", contents[number], destination)
        except StateError as error:
            refused.append(error.message)
        else:
            accepted.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(forgeries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == [message for message in refused if "another restore" not in message]
    assert len(forgeries) == len(accepted) + len(refused)
    assert tree_of(destination) in [forgeries[number].tree for number in accepted]


def _forgery_of(data: bytes) -> Forgery:
    forgery = Forgery()
    for number in range(40):
        forgery.file(f"file-{number}", data * 100)
    return forgery


def test_verification_tells_the_table(tmp_path: Path) -> None:
    """Who verifies may as well show what is in it."""
    content = Forgery().file("b").file("a").folder("c").write(tmp_path)

    table = check_content(tmp_path, content)

    assert ["a", "b", "c"] == [entry.path for entry in table.entries]

"""A restore that is killed at any moment leaves, once it is finished or undone, the old tree or the new one."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.adapters.content import staging as stages
from recovery.adapters.content.restoring import finish_interrupted, restore_content
from recovery.errors import StateError
from recovery.models.checkpoint import Content
from recovery.policy.file_names import STAGING_PREFIX
from tests.adapters.content.forging import Forgery, Place, restored_tree, tree_of

CHANGES = frozenset(
    {"open", "os.mkdir", "os.rename", "os.chmod", "os.utime", "os.remove", "os.rmdir", "os.symlink", "os.scandir"}
)
"""What Python announces before it touches the disk."""


class Scene:
    """An old tree, a checkpoint over it, and what must be there afterwards."""

    def __init__(self, root: Path, files: int) -> None:
        self.checkpoint = root / "checkpoint"
        self.destination = root / "destination"
        self._saved = root / "saved"
        (self._saved / "both" / "read-only").mkdir(parents=True)
        for number in range(files):
            (self._saved / "both" / f"{number}").write_text(f"old {number}")
            (self._saved / f"mine-{number}").write_text("mine")
        (self._saved / "both" / "read-only" / "file").write_text("old")
        (self._saved / "both" / "read-only").chmod(0o555)
        (self._saved / "becomes-file").mkdir()
        (self._saved / "becomes-link").write_text("old")
        self.old = restored_tree(self._saved)
        self.content = self._write(files)

    def _write(self, files: int) -> Content:
        forgery = Forgery().file("both/read-only/file", b"new").file("becomes-file").link("becomes-link", "both")
        forgery.folder("empty/read-only", mode=0o555).file("new/deep/er/file", b"new" * 1000)
        for number in range(files):
            forgery.file(f"both/{number}", f"new {number}".encode()).file(f"new/{number}", b"new")
        replaced = {path: place for path, place in self.old.items() if path != "becomes-file"}
        self.new: dict[str, Place] = replaced | forgery.tree
        return forgery.write(self.checkpoint)

    def reset(self) -> None:
        """Have the old tree in the destination."""
        shutil.rmtree(self.destination, ignore_errors=True)
        shutil.copytree(self._saved, self.destination, symlinks=True)

    def restore(self) -> None:
        """Restore the checkpoint over it."""
        restore_content(self.checkpoint, self.content, self.destination)

    def tells(self) -> str:
        """Which of the two trees is there."""
        found = restored_tree(self.destination)
        return "old" if found == self.old else "new" if found == self.new else f"a mix: {sorted(found)}"


def run_and_die(work: Callable[[], object], at: int) -> bool:
    """Do the work in a process of its own, which is killed just before it touches the disk for that time."""
    process = os.fork()
    if process == 0:
        left = [at]

        def count(event: str, _: object) -> None:
            if event in CHANGES:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    assert status in {0, signal.SIGKILL}
    return status != 0


def test_killed_before_any_touch_of_the_disk(tmp_path: Path) -> None:
    """One kill for each thing that a restore does; both endings happen."""
    scene = Scene(tmp_path, files=2)
    endings = []
    for moment in range(10_000):
        scene.reset()
        killed = run_and_die(scene.restore, moment)
        finish_interrupted(scene.destination)
        endings.append(scene.tells())
        if not killed:
            break

    assert {"old", "new"} == set(endings)
    assert "new" == endings[-1]
    assert sorted(endings, reverse=True) == endings  # once it is the new tree, it stays the new tree


def test_killed_while_it_is_finished(tmp_path: Path) -> None:
    """Finishing can be killed, too, any number of times."""
    scene = Scene(tmp_path, files=2)
    for moment in range(0, 1000, 5):
        scene.reset()
        killed = run_and_die(scene.restore, moment)
        left = 0
        while run_and_die(lambda: finish_interrupted(scene.destination), left):
            left += 3

        assert scene.tells() in {"old", "new"}
        if not killed:
            break


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """By the clock, wherever that hits it, threads included."""
    scene = Scene(tmp_path, files=60)
    chance = random.Random(4)  # noqa: S311 (any moment will do)
    scene.reset()
    began = time.monotonic()
    scene.restore()
    lasts = time.monotonic() - began
    for _ in range(20):
        scene.reset()
        process = os.fork()
        if process == 0:
            try:
                scene.restore()
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, lasts * 1.2))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        finish_interrupted(scene.destination)

        assert scene.tells() in {"old", "new"}
        assert not list(scene.destination.glob(f"{STAGING_PREFIX}*"))


def test_nothing_to_finish(tmp_path: Path) -> None:
    """Neither in a folder without traces, nor in none."""
    assert [False, False] == [finish_interrupted(tmp_path), finish_interrupted(tmp_path / "none")]


def test_next_restore_finishes_the_one_before(tmp_path: Path) -> None:
    """Whoever restores need not know that somebody was killed."""
    committed(tmp_path, "file", []).rename(tmp_path / f"{STAGING_PREFIX}before")
    content = Forgery().file("other").write(tmp_path / "checkpoint")

    restore_content(tmp_path / "checkpoint", content, tmp_path)

    assert ["checkpoint", "file", "other"] == sorted(path.name for path in tmp_path.iterdir())


def committed(destination: Path, path: str, folders: list[object]) -> Path:
    """A staging folder with one file, and a record that says to move it."""
    staging = stages.prepare(destination)
    (staging.files / path).parent.mkdir(parents=True, exist_ok=True)
    (staging.files / path).write_text("new")
    (staging.root / stages.RECORD).write_text(json.dumps({"format": 1, "folders": folders}))
    return staging.root


def test_record_of_somebody_else_cannot_reach_outside(tmp_path: Path) -> None:
    """Whoever can write into the workspace could leave one."""
    (tmp_path / "outside").mkdir(mode=0o700)
    destination = tmp_path / "destination"
    destination.mkdir()
    committed(destination, "file", [["../outside", 0o777, None]])

    with pytest.raises(StateError, match="is damaged"):
        finish_interrupted(destination)

    assert 0o700 == (tmp_path / "outside").stat().st_mode & 0o777


def test_record_does_not_reach_through_links(tmp_path: Path) -> None:
    """A folder's mode is set where no link leads there."""
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    (tmp_path / "outside" / "folder").chmod(0o700)
    destination = tmp_path / "destination"
    destination.mkdir()
    (destination / "link").symlink_to("../outside")
    committed(destination, "file", [["link/folder", 0o777, 0]])

    finish_interrupted(destination)

    assert 0o700 == (tmp_path / "outside" / "folder").stat().st_mode & 0o777


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 2, "folders": []}',
        b'{"format": 1, "folders": {}}',
        b'{"format": 1, "folders": [["a"]]}',
        b'{"format": 1, "folders": [["a", 511, "0"]]}',
        b'{"format": 1, "folders": [["a", 2048, null]]}',
        b'{"format": 1, "folders": [["a", -1, null]]}',
        b'{"format": 1, "folders": [["a", 493, 9999999999999999999]]}',
        b'{"format": 1, "folders": [["a", 493, null], ["/b", 493, null]]}',
    ],
)
def test_damaged_record_is_told(record: bytes, tmp_path: Path) -> None:
    """Nothing is moved, and the hint says what to remove."""
    root = committed(tmp_path, "file", [])
    (root / stages.RECORD).write_bytes(record)

    with pytest.raises(StateError) as problem:
        finish_interrupted(tmp_path)

    assert f"remove the folder {root}" == problem.value.hint
    assert not (tmp_path / "file").exists()


def test_record_that_names_a_folder_twice_is_followed(tmp_path: Path) -> None:
    """No honest one does, and it does no harm."""
    committed(tmp_path, "a/file", [["a", 0o700, None], ["a", 0o700, 0]])

    assert (True, 0o700) == (finish_interrupted(tmp_path), (tmp_path / "a").stat().st_mode & 0o777)


def test_folder_that_others_may_open_is_not_ours(tmp_path: Path) -> None:
    """Git makes no private folders: what came with a checkout is not taken for a restore."""
    committed(tmp_path, "file", []).chmod(0o755)

    assert (False, False) == (finish_interrupted(tmp_path), (tmp_path / "file").exists())


def test_link_with_the_name_of_a_staging_folder_is_not_followed(tmp_path: Path) -> None:
    """It is none."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = committed(elsewhere, "file", [])
    destination = tmp_path / "destination"
    destination.mkdir()
    (destination / f"{STAGING_PREFIX}x").symlink_to(root)
    before = tree_of(tmp_path)

    assert not finish_interrupted(destination)
    assert before == tree_of(tmp_path)


def test_files_of_somebody_else_are_not_moved_through_a_link(tmp_path: Path) -> None:
    """What lies outside of the workspace stays there."""
    outside, destination = tmp_path / "outside", tmp_path / "destination"
    (outside / "folder").mkdir(parents=True)
    destination.mkdir()
    root = committed(destination, "file", [])
    shutil.rmtree(root / "files")
    (root / "files").symlink_to(outside)
    before = tree_of(tmp_path)

    with pytest.raises(StateError, match="'files' is no folder"):
        finish_interrupted(destination)

    assert before == tree_of(tmp_path)


@pytest.mark.parametrize(
    "path", [".git/hooks/post-checkout", "lib/.GIT/config", "a\\b", f"{STAGING_PREFIX}x/y", "a\nb"]
)
def test_name_that_no_checkpoint_has_is_not_moved(path: str, tmp_path: Path) -> None:
    """Nor is anything beside it, and the hint says what to remove."""
    committed(tmp_path, path, []).rename(tmp_path / f"{STAGING_PREFIX}planted")
    before = tree_of(tmp_path)

    with pytest.raises(StateError, match="is not put in its place") as problem:
        finish_interrupted(tmp_path)

    assert str(tmp_path / f"{STAGING_PREFIX}planted") in str(problem.value.hint)
    assert before == tree_of(tmp_path)


def test_what_is_no_file_is_not_moved(tmp_path: Path) -> None:
    """No restore prepares a pipe."""
    root = committed(tmp_path, "file", [])
    os.mkfifo(root / "files" / "pipe")

    with pytest.raises(StateError, match="'pipe' is neither file nor link nor folder"):
        finish_interrupted(tmp_path)

    assert not (tmp_path / "file").exists()


def test_record_that_is_a_link_is_none(tmp_path: Path) -> None:
    """What it leads to may be anybody's; the folder is removed like one that was never committed."""
    record = tmp_path / "record"
    record.write_text('{"format": 1, "folders": []}')
    destination = tmp_path / "destination"
    destination.mkdir()
    root = committed(destination, "file", [])
    (root / stages.RECORD).unlink()
    (root / stages.RECORD).symlink_to(record)

    assert (True, [], True) == (finish_interrupted(destination), list(destination.iterdir()), record.exists())


def test_what_came_in_the_way_meanwhile_is_told_and_kept(tmp_path: Path) -> None:
    """Nothing is lost: once the way is free, it can be finished."""
    committed(tmp_path, "a/file", [])
    (tmp_path / "a").write_text("in the way")

    with pytest.raises(StateError, match="is not finished"):
        finish_interrupted(tmp_path)
    (tmp_path / "a").unlink()
    finish_interrupted(tmp_path)

    assert "new" == (tmp_path / "a" / "file").read_text()
